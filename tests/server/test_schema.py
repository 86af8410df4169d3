"""Anything that the OpenAPI document allows, and much that it does not, asked of a server in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support.command import Process, running

SEED = 20_260_101
#: What is looked for in every answer. Left out: `positive_data_acceptance`, since no schema says which passwords are
#: good, and what follows the life of a resource, since ours is a session that the next request may have ended.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "negative_data_rejection",
    "missing_required_header",
)
SAID = {"email": "ada@example.com", "password": "seven looms weave algebra"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Process]:
    with running(tmp_path, "dev", "--port", "0") as server:
        yield server


def asked(folder: Path, document: str, server: Process, *words: str, checks: tuple[str, ...] = CHECKS) -> str | None:
    """What schemathesis found; None where that is nothing."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", document, "--url", server.url, "--no-color"),
        *("--checks", ",".join(checks), "--seed", str(SEED), "--max-examples", "60"),
        *("--phases", "examples,coverage,fuzzing", "--generation-database", "none", *words),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    return done.stdout if done.returncode else None


@pytest.mark.timeout(120)
def test_nobody_gets_an_answer_that_is_a_fault_or_not_documented(server: Process, tmp_path: Path) -> None:
    found = asked(tmp_path, f"{server.url}/openapi.json", server, checks=(*CHECKS, "ignored_auth"))
    assert found is None, found


@pytest.mark.timeout(120)
def test_somebody_gets_no_such_answer_either(server: Process, tmp_path: Path) -> None:
    """Whoever logged in: past the check, to what the routes do."""
    assert httpx.post(f"{server.url}/auth/signup", json=SAID).status_code == 201
    login = httpx.post(f"{server.url}/auth/login", json={**SAID, "transport": "bearer"}).json()
    proof = f"Bearer {login['access_token']}"
    # Left out is what would end the session: the device list says its id, which is then tried in the path.
    words = ("-H", f"Authorization: {proof}", "--exclude-path", "/auth/logout", "--exclude-path", "/auth/sessions/{id}")

    found = asked(tmp_path, f"{server.url}/openapi.json", server, *words)

    assert found is None, found
    assert httpx.get(f"{server.url}/auth/me", headers={"Authorization": proof}).status_code == 200


@pytest.mark.timeout(120)
def test_an_answer_that_is_not_documented_is_found(server: Process, tmp_path: Path) -> None:
    """By a document that keeps one status to itself."""
    document = httpx.get(f"{server.url}/openapi.json").json()
    del document["paths"]["/auth/me"]["get"]["responses"]["401"]
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(document))

    found = asked(tmp_path, str(file), server, "--include-path", "/auth/me")

    assert found is not None
    assert "Received: 401" in found
