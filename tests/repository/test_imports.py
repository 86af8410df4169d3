"""What comes along with an import. A library that is cheap to import is one that a command or a worker can afford."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "gatepass"

FRAMEWORKS = {
    *("click", "rich", "fastapi", "starlette", "flask", "django", "uvicorn", "httpx"),
    *("sqlite3", "_sqlite3", "psycopg", "redis"),
    *("pytest", "hypothesis", "coverage"),
    *("asyncio", "ssl", "http.client", "http.server", "urllib.request", "multiprocessing", "subprocess"),
}
WORLD = {
    *("asyncio", "socket", "_socket", "select", "selectors", "ssl", "http", "urllib", "subprocess", "multiprocessing"),
    *("sqlite3", "_sqlite3", "pathlib", "shutil", "tempfile", "logging", "random", "secrets", "uuid"),
    *("gatepass.gate", "gatepass.drivers", "gatepass.keys", "gatepass.stores"),
}

#: The package without its face, so that what its parts need is seen apart from what the face needs.
BARE = f"""
import sys, types
package = types.ModuleType("gatepass")
package.__path__ = [{str(SOURCE)!r}]
sys.modules["gatepass"] = package
"""


def loaded_by(code: str) -> set[str]:
    """The modules that are in a fresh process after *code*."""
    report = "\nimport sys; names = list(sys.modules)\nimport json; print(json.dumps(names))"
    done = subprocess.run([sys.executable, "-I", "-c", code + report], capture_output=True, text=True, check=False)

    assert not done.returncode, done.stderr
    return set(json.loads(done.stdout))


def import_all(names: set[str]) -> str:
    return "\n".join(f"import {name}" for name in sorted(names))


def rules() -> set[str]:
    """Every module of core and modes."""
    files = [file for folder in ("core", "modes") for file in (SOURCE / folder).glob("*.py")]
    names = {".".join(file.relative_to(SOURCE.parent).with_suffix("").parts) for file in files}
    return {name.removesuffix(".__init__") for name in names}


def test_importing_gatepass_loads_no_framework_no_driver_and_no_event_loop() -> None:
    came_along = loaded_by("import gatepass") - loaded_by("import cryptography, msgspec")

    assert "gatepass.gate" in came_along
    assert not came_along & FRAMEWORKS


def test_the_rules_load_nothing_that_reaches_the_world() -> None:
    """Beyond what the two libraries that they are built on load for themselves."""
    loaded = loaded_by(BARE + import_all(rules()))
    libraries = {name for name in loaded if name.split(".")[0] in {"cryptography", "msgspec"}}

    assert libraries
    assert not (loaded - loaded_by(import_all(libraries))) & WORLD


def test_the_comparison_sees_what_it_forbids() -> None:
    assert "sqlite3" in loaded_by("import sqlite3") - loaded_by("import cryptography, msgspec")


def test_the_adapter_for_starlette_loads_no_other_framework() -> None:
    came_along = loaded_by("import gatepass.starlette, gatepass.testing")

    assert "starlette" in came_along
    assert not came_along & {"fastapi", "pydantic", "ua_parser", "httpx", "httpx2"}
