"""SIGKILL in the middle of a verb: the next process finds the old or the new, and never half of either."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.register import Register

TESTS = Path(__file__).parents[1]


def rounds(folder: Path, number: int, *flags: str) -> Any:
    """Run `support.crash` as a program of its own, which forks where no thread is in the way."""
    command = [sys.executable, "-m", "support.crash", str(folder), "--rounds", str(number), *flags]
    path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.timeout(300)
def test_a_kill_at_any_point_loses_nothing(
    tmp_path: Path, register: Register, capsys: pytest.CaptureFixture[str]
) -> None:
    """100 rounds over every question of login, refresh and end, before and after, and every step of a key rotation."""
    report = rounds(tmp_path, 100)

    register.credentials.update(report["credentials"])
    register.places.append(tmp_path / "gatepass.db")
    with capsys.disabled():
        print(f"\n  {sum(report['hits'].values())} kills at {len(report['points'])} points")
    assert report["violations"] == []
    assert report["hits"] == dict.fromkeys(report["points"], 100)
    for verb in ("login", "refresh", "end", "rotate"):
        assert sum(name.startswith(f"{verb}:") for name in report["points"]) >= 2


@pytest.mark.timeout(120)
def test_the_checker_sees_an_end_that_is_not_in_the_log(tmp_path: Path) -> None:
    assert "disagree about an end" in str(rounds(tmp_path, 1, "--planted")["violations"])
