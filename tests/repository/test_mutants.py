"""The committed report of `make mutants` and the reasons for its survivors speak of the same mutants."""

import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from mutants.report import REPORT, STATES, SURVIVORS, Change, reasons, survivors, table

ROOT = Path(__file__).parents[2]


def counted(report: str) -> dict[str, Counter[str]]:
    rows = re.findall(r"^\| `(.+?)` \| (\d+) \| (.+) \|$", report, re.MULTILINE)
    for _, total, numbers in rows:
        assert int(total) == sum(map(int, numbers.split(" | "))), "no mutant ended in a way that the table leaves out"
    return {file: Counter(dict(zip(STATES, map(int, numbers.split(" | ")), strict=True))) for file, _, numbers in rows}


def listed(report: str) -> list[Change]:
    blocks = re.findall(r"^- `(.+?)`\n\n  ```diff\n((?:  [-+] .*\n)*)  ```$", report, re.MULTILINE)
    return [
        Change(file, *("\n".join(re.findall(rf"^  \{sign} (.*)$", diff, re.MULTILINE)) for sign in "-+"))
        for file, diff in blocks
    ]


def test_each_survivor_is_listed_with_a_reason_and_each_reason_is_for_a_survivor() -> None:
    report, why = REPORT.read_text(), reasons(SURVIVORS.read_text())
    counts = counted(report)
    assert set(listed(report)) == set(why)
    assert Counter(change.file for change in listed(report)) == Counter(
        {file: states["survived"] for file, states in counts.items() if states["survived"]}
    )
    assert not any(states["no tests"] for states in counts.values())
    assert all(reason.strip() for reason in why.values())


def test_the_report_is_about_the_files_that_are_mutated() -> None:
    mutated = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutmut"]["only_mutate"]
    assert sorted(counted(REPORT.read_text())) == sorted(mutated)


@pytest.mark.parametrize("text", ["one", "one\ntwo"])
def test_what_is_written_is_what_is_read(text: str) -> None:
    change = Change("a.py", text, "")
    counts = {"a.py": Counter({"killed": 3, "survived": 1})}
    report = "\n".join([*table(counts), *survivors([change, Change("b.py", "x", "y")], {change: "It may."}), ""])
    assert listed(report) == [change], "and one without a reason is left out, so that it is missed"
    assert counted(report) == counts
