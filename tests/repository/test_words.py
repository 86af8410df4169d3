"""The repository reads the same on every machine: it names none, and no registry."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACES = ("src", "tests", "docs", "examples", "bench", "requirements", ".ci")

#: Spelled so that this file holds none of them.
FOREIGN = re.compile(
    r"/(?:work|root|farm|tmp/uvenv)/|files\.pythonhosted|pypi\.(?:org|io)|registry\.npm[j]s|deb\.debian\.org"
    r"|sub-?[a]gents?\b|\b[A]I[- ](?:agent|assistant|generated)|\blanguage [m]odel|as an [A]I\b",
)


def texts() -> Iterator[Path]:
    """Every text of the repository, found without git: a source archive has to pass too."""
    yield from (path for path in ROOT.iterdir() if path.is_file() and path.name != ".coverage")
    for place in PLACES:
        yield from (path for path in (ROOT / place).rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def test_no_file_names_a_machine_or_a_registry() -> None:
    found = []
    for path in texts():
        text = path.read_bytes().decode("utf-8", errors="ignore")
        found += [f"{path.relative_to(ROOT)}: {match.group()}" for match in FOREIGN.finditer(text)]

    assert not found


@pytest.mark.parametrize("planted", ["cd /{}/main", "see /{}/.cache"])
def test_a_machine_is_found(planted: str) -> None:
    assert any(FOREIGN.search(planted.format(folder)) for folder in ("work", "root"))
