"""What is published: an archive of the source, and a wheel made from it, that work where nothing else is."""

import json
import os
import re
import subprocess
import tomllib
import venv
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest
from support.needs import needs

from gatepass.server.decoder.builder import build

ROOT = Path(__file__).parents[2]
DECODER = "gatepass/server/decoder/decoder.html"

# Two builds, a fresh environment and two installs: about 20 seconds here, and a slow line to the registry.
pytestmark = pytest.mark.timeout(240)


def done(*command: str | Path, code: int = 0, **env: str) -> str:
    """What *command* printed. It has to exit with *code*, and is given no Python path of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE", "COV_"))}
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=kept | env)

    assert ran.returncode == code, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment that holds what builds the package, and nothing of it: as pip makes one."""
    return environment(tmp_path_factory.mktemp("builder"), "build")


def built(builder: Path, folder: Path) -> Path:
    """The wheel in *folder*, made from the source archive beside it, without a network."""
    done(
        *(builder / "python", "-m", "build", "--no-isolation", "--outdir", folder),
        SOURCE_DATE_EPOCH="1700000000",
        PIP_NO_INDEX="1",
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(builder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(builder, tmp_path_factory.mktemp("first"))


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """The `bin` of an environment that holds the wheel and what is pinned for it, and nothing else."""
    bin_ = environment(tmp_path_factory.mktemp("clean"), "run")
    install(bin_, "--no-deps", wheel)
    return bin_


def environment(folder: Path, pins: str) -> Path:
    """The `bin` of a new environment with what is pinned for *pins*."""
    venv.create(folder / "venv", with_pip=True)
    install(folder / "venv" / "bin", "--require-hashes", "-r", ROOT / "requirements" / f"{pins}.txt")
    return folder / "venv" / "bin"


def install(bin_: Path, *what: str | Path) -> None:
    done(bin_ / "python", "-m", "pip", "--disable-pip-version-check", "install", *what)


def test_two_builds_are_equal_to_the_byte(builder: Path, wheel: Path, tmp_path: Path) -> None:
    """So that anybody can check that a published wheel is this source."""
    again = built(builder, tmp_path)

    assert wheel.name == again.name
    assert wheel.read_bytes() == again.read_bytes()


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = set(ZipFile(wheel).namelist())
    source = {
        str(path.relative_to(ROOT / "src"))
        for path in (ROOT / "src" / "gatepass").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    # The decoder is one page there, made of its sources.
    made = {name for name in source if re.fullmatch(r"gatepass/server/decoder/(?:\w+\.js|page\.(?:html|css))", name)}
    assert len(made) > 10
    assert source - made | {DECODER} == {name for name in names if ".dist-info/" not in name}
    assert "gatepass/py.typed" in names
    assert any(re.fullmatch(r"gatepass/stores/migrations/.*\.sql", name) for name in names)
    for kind in ("templates/login.html", "static/gatepass.css"):
        assert f"gatepass/server/{kind}" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_decoder_in_the_wheel_is_the_one_of_the_sources(wheel: Path) -> None:
    """So that its hash is the one that is published, however it was installed."""
    assert ZipFile(wheel).read(DECODER) == build().encode()


def test_the_wheel_asks_for_what_is_pinned(wheel: Path) -> None:
    """The pins are compiled from `requirements/*.in`; a dependency named in one place only would go unnoticed."""
    (metadata,) = (name for name in ZipFile(wheel).namelist() if name.endswith(".dist-info/METADATA"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked: dict[str, set[str]] = {}
    for line in Parser().parsestr(ZipFile(wheel).read(metadata).decode()).get_all("Requires-Dist", []):
        requirement, _, condition = line.partition(";")
        asked.setdefault(condition.partition("'")[2].rstrip("'"), set()).update(bare([requirement]))

    extras = {name: bare(listed) for name, listed in project["optional-dependencies"].items()}
    assert {"gatepass"} < extras["server"]
    # A builder spells out what an extra has of others.
    extras["server"] |= extras["accounts"] | extras["cli"] | extras["fastapi"]
    extras["server"] -= {"gatepass"}
    assert asked == {"": bare(project["dependencies"]), **extras}
    assert named("run.in") == asked[""]
    assert named("cli.in") == extras["cli"]
    assert named("fastapi.in") == extras["fastapi"]
    assert named("server.in") == extras["server"] - extras["cli"] - extras["fastapi"]


def named(requirements: str) -> set[str]:
    lines = (ROOT / "requirements" / requirements).read_text().splitlines()
    return bare([line for line in lines if line and line[0] not in "#-"])


def bare(requirements: list[str]) -> set[str]:
    return {re.split(r"[^\w-]", requirement)[0] for requirement in requirements}


def test_the_wheel_works_where_nothing_else_is(clean: Path) -> None:
    done(clean / "python", "-m", "pip", "check")

    said = done(clean / "python", "-c", "import gatepass; print(gatepass.__file__, gatepass.__version__)")

    assert str(clean.parent) in said


def test_without_click_the_command_is_one_sentence_and_with_it_a_command(clean: Path) -> None:
    for command in ([clean / "gatepass"], [clean / "python", "-m", "gatepass"]):
        said = done(*command, "version", code=2)
        assert said == 'The gatepass command needs click: pip install "gatepass[cli]"\n'

    install(clean, "--require-hashes", "-r", ROOT / "requirements" / "cli.txt")

    for command in ([clean / "gatepass"], [clean / "python", "-m", "gatepass"]):
        assert done(*command, "version").startswith("gatepass ")


def test_with_its_extra_the_adapter_for_fastapi_serves(clean: Path) -> None:
    """With nothing else installed: no test client, no server, no library that came along for the tests."""
    install(clean, "--require-hashes", "-r", ROOT / "requirements" / "fastapi.txt")
    program = """
import asyncio
from fastapi import FastAPI
from gatepass.fastapi import Gatepass
import gatepass.testing

app = FastAPI()
auth = Gatepass(app, store=False, mode="jwt")
scope = {
    "type": "http", "method": "GET", "scheme": "http", "path": "/auth/me", "root_path": "", "query_string": b"",
    "http_version": "1.1", "headers": [(b"host", b"localhost")],
}


async def send(message):
    print(message.get("status", ""), end=" ")


asyncio.run(app(scope, None, send))
print(len(app.openapi()["paths"]) > 5)
"""

    assert done(clean / "python", "-c", program) == "401  True\n"


def test_with_its_extra_the_server_runs_and_somebody_signs_up_and_logs_in(
    wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """`pip install "gatepass[server]"`, `gatepass dev`, and three lines for the shell, in an empty folder."""
    needs("curl")
    folder = tmp_path_factory.mktemp("server")
    venv.create(folder / "venv", with_pip=True)
    install(folder / "venv" / "bin", "--require-hashes", "-r", ROOT / "requirements" / "server.txt")
    install(folder / "venv" / "bin", "--no-index", f"{wheel}[server]")  # nothing is missing, or this would ask for it
    process = subprocess.Popen(
        [folder / "venv" / "bin" / "gatepass", "dev", "--port", "0", "--json"],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "GATEPASS_"))},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        url = json.loads(process.stdout.readline())["url"]
        account = ("--json", '{"email": "ada@example.com", "password": "a lantern under the old pier"}')
        jar = ("--fail", "--silent", "--cookie", folder / "jar", "--cookie-jar", folder / "jar")

        assert "subject" in done("curl", *jar, *account, f"{url}/auth/signup")
        assert "csrf_token" in done("curl", *jar, *account, f"{url}/auth/login")
        assert "session_id" in done("curl", *jar, f"{url}/auth/me")
        assert "<form" in done("curl", *jar, "--header", "Accept: text/html", f"{url}/account")
        assert "{" in done("curl", *jar, f"{url}/static/gatepass.css")
        assert done("curl", *jar, f"{url}/decoder") == build()
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()
