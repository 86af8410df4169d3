"""What `make mutants` found, as `report.md`: counts by file, and each mutant that survived with the reason why it may.

The reasons are written by hand, in `survivors.toml`. A survivor without one is a gap in the tests, and this fails.
"""

import json
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
REPORT, SURVIVORS = HERE / "report.md", HERE / "survivors.toml"
STATES = ("killed", "survived", "timeout", "no tests")


@dataclass(frozen=True, slots=True)
class Change:
    """What a mutant changed. Its number is not in it, which is another one after each change of the file."""

    file: str
    was: str
    now: str


def reasons(text: str) -> Mapping[Change, str]:
    """The reasons of `survivors.toml`, by what was changed."""
    found = {}
    for reason in tomllib.loads(text).get("reason", []):
        for change in reason["changes"]:
            found[Change(reason["file"], change["was"], change["now"])] = reason["why"]
    return found


def table(counts: Mapping[str, Counter[str]]) -> Iterator[str]:
    yield f"| file | mutants | {' | '.join(STATES)} |"
    yield f"|---|{'---:|' * (len(STATES) + 1)}"
    for file, states in counts.items():
        yield f"| `{file}` | {states.total()} | {' | '.join(str(states[state]) for state in STATES)} |"


def survivors(found: Sequence[Change], why: Mapping[Change, str]) -> Iterator[str]:
    for reason in dict.fromkeys(why[change] for change in found if change in why):
        yield f"\n{reason}\n"
        for change in found:
            if why.get(change) == reason:
                yield f"- `{change.file}`\n\n  ```diff"
                yield from (f"  - {line}" for line in change.was.splitlines())
                yield from (f"  + {line}" for line in change.now.splitlines())
                yield "  ```"


def main() -> None:
    status = import_module("mutmut.stats").status_by_exit_code
    counts: dict[str, Counter[str]] = {}
    found: list[Change] = []
    for meta in sorted((ROOT / "mutants").rglob("*.meta")):
        file = str(meta.relative_to(ROOT / "mutants").with_suffix(""))
        codes = json.loads(meta.read_text())["exit_code_by_key"]
        counts[file] = Counter(status[code] for code in codes.values())
        found += [_change(file, name) for name, code in codes.items() if status[code] not in {"killed", "timeout"}]
    why = reasons(SURVIVORS.read_text())
    unexplained = [change for change in dict.fromkeys(found) if change not in why]
    stale = [change for change in why if change not in found]
    for title, changes in (("No reason is given for", unexplained), ("A reason is given for what is no more", stale)):
        for change in changes:
            print(f"{title}: {change.file}\n{change.was}\n  became\n{change.now}\n")
    if unexplained or stale:
        sys.exit(1)
    lines = [
        "# Mutants",
        "",
        "`make mutants` changes one thing at a time in the files that stand between a forged token and its bearer, and",
        "runs the tests that are about it. Sentences are not changed: they are for people and free to change.",
        f"mutmut {version('mutmut')}, {datetime.now(UTC).date()}.",
        "",
        *table(counts),
        "",
        "## Survivors",
        *survivors(found, why),
        "",
    ]
    REPORT.write_text("\n".join(lines))


def _change(file: str, name: str) -> Change:
    shown = subprocess.run(
        [Path(sys.executable).parent / "mutmut", "show", name], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    was, now = (
        "\n".join(line[1:].strip() for line in shown if line.startswith(sign) and not line.startswith(sign * 3))
        for sign in "-+"
    )
    return Change(file, was, now)


if __name__ == "__main__":
    main()
