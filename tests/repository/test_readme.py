"""What the README shows is what happens."""

import re
from pathlib import Path

import pytest
from support.register import REGISTER

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return found


def test_its_quickstart_is_the_file_that_it_names() -> None:
    assert blocks("python")[0] == (ROOT / "examples" / "fastapi_quickstart" / "app.py").read_text()


def test_its_core_example_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [example] = [block for block in blocks("python") if block.startswith("from gatepass import Gate\n")]
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}

    exec(compile(example, "README.md", "exec"), names)

    gate, credentials = names["gate"], names["credentials"]
    REGISTER.issued(credentials)  # type: ignore[arg-type]
    assert [row.ended_reason for row in gate.sessions("user 42")] == ["revoked"]  # type: ignore[attr-defined]
    with pytest.raises(Exception, match="ended"):
        gate.authenticate(credentials.access_token)  # type: ignore[attr-defined]
    gate.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "document",
    ["README.md", "CONTRIBUTING.md", "SECURITY.md", *sorted(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))],
)
def test_links_lead_somewhere(document: str) -> None:
    path = ROOT / document
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text()):
        assert (path.parent / target).exists(), target


def test_its_targets_are_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"\bmake ([a-z]+)", README))

    assert {"dev", "test"} <= targets
    assert all(f"\n{target}:" in makefile for target in targets)
