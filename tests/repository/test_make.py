"""The first minute: what `make` says to somebody who has just cloned this."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *words], cwd=ROOT, capture_output=True, text=True, check=False)


def pretend(folder: Path, script: str) -> str:
    """A Python that is a shell script."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def sentences(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What was said, without what make adds about itself."""
    return [line for line in done.stderr.splitlines() if not line.startswith("make")]


def test_make_alone_lists_every_target() -> None:
    said = make().stdout
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert phony is not None
    assert [f"make {name}" for name in phony[1].split()] == re.findall(r"^  (make [a-z]+)\t", said, re.MULTILINE)


def test_a_missing_python_is_one_sentence(tmp_path: Path) -> None:
    done = make(f"VENV={tmp_path}/venv", "PYTHON=no-such-python", f"{tmp_path}/venv/.made")

    assert done.returncode
    assert ["There is no no-such-python here: install Python 3.11 or later, or name one with PYTHON=..."] == sentences(
        done
    )


def test_an_old_python_is_one_sentence(tmp_path: Path) -> None:
    old = pretend(tmp_path, 'case "$1" in --version) echo Python 3.9.18;; *) exit 1;; esac')

    done = make(f"VENV={tmp_path}/venv", f"PYTHON={old}", f"{tmp_path}/venv/.made")

    assert done.returncode
    assert ["Python 3.9.18 is too old: gatepass needs 3.11 or later, name one with PYTHON=..."] == sentences(done)


def test_a_python_without_venv_is_one_sentence(tmp_path: Path) -> None:
    """Debian and Ubuntu ship it so."""
    bare = pretend(tmp_path, 'case "$2" in *ensurepip*) echo No module named ensurepip >&2; exit 1;; *) exit 0;; esac')

    done = make(f"VENV={tmp_path}/venv", f"PYTHON={bare}", f"{tmp_path}/venv/.made")

    assert done.returncode
    assert [
        f"{bare} cannot make virtual environments: install python3-venv (Debian, Ubuntu: apt install python3-venv)"
    ] == sentences(done)
    assert not (tmp_path / "venv").exists()
