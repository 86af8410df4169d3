"""Accounts in one file, asked for by several processes at one moment."""

import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

import pytest

from gatepass.accounts.users import SqliteUsers, User
from gatepass.core.throttle import ACCOUNT

NOW = 1_900_000_000
MANY = 4
#: Seconds. Nothing here takes so long; a process that has not ended by then hangs.
DEADLINE = 20.0

START = """
import sys
from pathlib import Path
from gatepass.accounts.users import SqliteUsers, User
from gatepass.core import throttle
from gatepass.drivers import run
from gatepass.errors import AddressTaken, Throttled
from gatepass.stores.sqlite import SqliteStore

path, me, now = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
users, store = SqliteUsers(path), SqliteStore(path)
print("ready", flush=True)
sys.stdin.readline()
"""

SIGN_UP = """
for number in range(25):
    try:
        users.add(User(id=f"{me}-{number}", email=f"{number}@example.com", password_hash=me, created_at=now,
                       password_changed_at=now))
        print("added", number)
    except AddressTaken:
        print("taken", number)
"""

CHANGE = """
for number in range(25):
    expected = users.by_id("ada").password_hash
    changed = users.set_password("ada", f"{me}-{number}", now, expected=expected)
    print("lost" if changed is None else "changed", expected)
"""

GUESS = """
for number in range(25):
    try:
        run(throttle.attempt(address=f"192.0.2.{me}", account="ada", device=None, now=now), store.answer)
        print("goes on")
    except Throttled:
        print("waits")
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gatepass.db"


def at_once(path: Path, program: str) -> list[str]:
    """The lines that the processes wrote, all of which had the file open before the first began."""
    command = [sys.executable, "-c", START + textwrap.dedent(program), str(path)]
    processes = [
        subprocess.Popen([*command, str(me), str(NOW)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for me in range(MANY)
    ]
    lines = []
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            _ = process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            said, _ = process.communicate(timeout=DEADLINE)
            assert process.returncode == 0
            lines += said.splitlines()
    finally:
        for process in processes:
            process.kill()
            _ = process.wait()
    return lines


def test_of_processes_that_sign_one_address_up_one_does(path: Path) -> None:
    said = Counter(at_once(path, SIGN_UP))

    assert said == {f"added {number}": 1 for number in range(25)} | {
        f"taken {number}": MANY - 1 for number in range(25)
    }
    assert len(SqliteUsers(path).all()) == 25


def test_of_processes_that_change_one_password_each_change_has_one_winner(path: Path) -> None:
    """Whoever read a hash may replace that one only: no two of them replaced the same."""
    users = SqliteUsers(path)
    users.add(User(id="ada", email="ada@example.com", password_hash="first", created_at=NOW, password_changed_at=NOW))

    said = at_once(path, CHANGE)

    replaced = [line.removeprefix("changed ") for line in said if line.startswith("changed ")]
    assert len(replaced) == len(set(replaced)) > 0
    assert len(replaced) < len(said) == MANY * 25, "and somebody lost"
    now = users.by_id("ada")
    assert now is not None
    assert now.password_hash not in replaced


def test_of_a_hundred_guesses_in_four_processes_five_go_on(path: Path) -> None:
    assert Counter(at_once(path, GUESS)) == {"goes on": ACCOUNT[0].limit, "waits": MANY * 25 - ACCOUNT[0].limit}
