"""The quickstart of the README: the file it shows, the lines for the shell, the test."""

import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient
from support.needs import needs
from support.register import REGISTER
from support.server import ROOT, example, running

from gatepass.keys import new_ring
from gatepass.stores.memory import MemoryStore

README = (ROOT / "README.md").read_text()
FOLDER = ROOT / "examples" / "fastapi_quickstart"


def block(start: str) -> str:
    """The one block of the README that begins with *start*."""
    [found] = [text for text in re.findall(r"```\w+\n(.*?)```", README, re.DOTALL) if text.startswith(start)]
    return str(found)


@pytest.fixture
def quickstart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """`app.py`, imported as `fastapi dev` would, with its sessions and keys in a folder of this test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(FOLDER)
    REGISTER.places.append(tmp_path / ".gatepass" / "gatepass.db")
    for name in ("app", "my_users"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    app = importlib.import_module("app")  # anew for each test
    yield app
    app.auth.close()
    for name in ("app", "my_users"):
        sys.modules.pop(name, None)


def test_the_file_is_the_one_that_the_readme_shows() -> None:
    assert block("# pip install") == (FOLDER / "app.py").read_text()


def test_a_bare_test_client_logs_in_and_is_remembered(quickstart: Any) -> None:
    client = TestClient(quickstart.app)

    refused = client.post("/login", data={"name": "ada", "password": "wrong"})
    assert (refused.status_code, refused.json()["code"]) == (401, "login_failed")
    assert not refused.headers.get_list("set-cookie")
    assert client.get("/me").status_code == 401

    told = client.post("/login", data={"name": "ada", "password": "correct horse"}).json()
    assert told.keys() == {"mode", "expires_in", "session_id", "csrf_token"}
    assert client.get("/me").json() == {"hello": "ada"}
    assert client.post("/auth/refresh", headers={"X-CSRF-Token": told["csrf_token"]}).status_code == 200
    REGISTER.credentials.update(cookie.value for cookie in client.cookies.jar if cookie.value)
    assert client.delete("/billing", headers={"X-CSRF-Token": told["csrf_token"]}).status_code == 200
    assert client.post("/auth/logout", headers={"X-CSRF-Token": told["csrf_token"]}).status_code == 204
    assert client.get("/me").status_code == 401


def test_the_test_of_the_readme_holds(quickstart: Any) -> None:
    names: dict[str, Any] = {"app": quickstart}

    exec(compile(block("from app import app"), "README.md", "exec"), names)
    names["test_only_an_admin_closes_billing"]()


def test_a_store_of_its_own_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file, and two such applications know nothing of each other."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}

    exec(
        compile(block("from fastapi import FastAPI\nfrom gatepass.fastapi import Gatepass\n"), "README.md", "exec"),
        names,
    )
    for _ in range(2):
        names["test_nothing_is_left_behind"]()

    assert list(tmp_path.iterdir()) == []
    rows = names["create_app"](store=MemoryStore(), keys=new_ring(now=0)).state.gatepass.plain.sessions("ada")
    assert rows == ()


def test_the_lines_for_curl_work(tmp_path: Path) -> None:
    """Each prints what the reader is to see; after the last nobody is logged in."""
    needs("curl")
    serve = f"import os, uvicorn; uvicorn.run('app:app', app_dir={str(FOLDER)!r}, port=int(os.environ['PORT']))"
    with running(tmp_path, "-c", serve) as server:
        script = block("curl").replace("http://localhost:8000", server.url.replace("127.0.0.1", "localhost"))
        assert script.count("localhost") == script.count("curl ")
        done = subprocess.run(
            ["bash", "-euc", script.replace("curl ", "curl --fail-with-body --silent --show-error -w '\\n' ")],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        login, me, sessions, refreshed = done.stdout.splitlines()[:4]
        assert '"csrf_token"' in login
        assert me == '{"hello":"ada"}'
        assert '"current":true' in sessions
        assert '"mode":"hybrid"' in refreshed
        after = subprocess.run(
            ["curl", "-s", "-b", "jar", f"{server.url}/me"], cwd=tmp_path, capture_output=True, check=True
        )
        assert b"credential_" in after.stdout


def test_the_other_examples_run_as_shown(tmp_path: Path) -> None:
    lines = re.findall(r"^MODE=(\w+) python -m examples\.(\w+)", README, re.MULTILINE)
    assert {module for _, module in lines} == {"server_rendered", "spa"}
    for mode, module in lines:
        with example(tmp_path, module, mode) as server:
            page = httpx.get(f"{server.url}/login" if module == "server_rendered" else server.url, trust_env=False)
            assert "Log in" in page.text
            assert f"in {mode} mode" in server.log.read_text()
