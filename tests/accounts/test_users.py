"""The directory of users: in memory and in the file that sessions are in."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepass.accounts.users import MemoryUsers, SqliteUsers, User, Users, new_user
from gatepass.core.flow import List
from gatepass.errors import AddressTaken, StoreError
from gatepass.gate import Gate
from gatepass.keys import new_ring
from gatepass.stores import Store
from gatepass.stores.memory import MemoryStore
from gatepass.stores.sqlite import SqliteStore

NOW = 1_900_000_000
ADA = User(id="u1", email="ada@example.com", password_hash="first", created_at=NOW, password_changed_at=NOW)


@pytest.fixture(params=["memory", "sqlite"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Users, Store]]:
    """A directory, and the store of the sessions beside it."""
    path = tmp_path / "gatepass.db"
    store: Store = MemoryStore() if request.param == "memory" else SqliteStore(path)
    yield (MemoryUsers(store) if isinstance(store, MemoryStore) else SqliteUsers(path), store)
    store.close()


@pytest.fixture
def users(kept: tuple[Users, Store]) -> Users:
    return kept[0]


def at_once(work: Callable[[int], Any], many: int = 8) -> list[Any]:
    """What *work* returned or raised, begun by all at once."""
    barrier = threading.Barrier(many)
    results: list[Any] = [None] * many

    def run(number: int) -> None:
        barrier.wait()
        try:
            results[number] = work(number)
        except AddressTaken as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_a_user_is_found_by_address_and_by_id(users: Users) -> None:
    users.add(ADA)
    assert users.by_email(ADA.email) == users.by_id(ADA.id) == ADA
    assert users.by_email("grace@example.com") is users.by_id("u2") is None


def test_an_account_that_is_made_again_is_another_one() -> None:
    """Sessions and rights of whoever had the address before are not theirs. 128 random bits, in base64url."""
    ids = {new_user(ADA.email, "hash", NOW).id for _ in range(100)}
    assert len(ids) == 100
    assert {len(made) for made in ids} == {22}
    assert new_user(ADA.email, "first", NOW) == replace(ADA, id=ANY)


def test_an_address_has_one_account(users: Users) -> None:
    users.add(ADA)
    with pytest.raises(AddressTaken):
        users.add(replace(ADA, id="u2"))
    assert users.by_id("u2") is None


def test_of_many_who_sign_up_with_one_address_one_does(users: Users) -> None:
    results = at_once(lambda number: users.add(replace(ADA, id=f"u{number}")))
    assert results.count(None) == 1
    assert sum(isinstance(result, AddressTaken) for result in results) == 7


def test_of_many_who_change_a_password_from_one_hash_one_does(users: Users) -> None:
    users.add(ADA)
    results = at_once(lambda number: users.set_password(ADA.id, f"new {number}", NOW + 1, expected="first"))
    assert results.count(None) == 7
    changed = users.by_id(ADA.id)
    assert changed == replace(ADA, password_hash=f"new {results.index(())}", password_changed_at=NOW + 1)


def test_a_password_is_set_whatever_it_was_where_nobody_says(users: Users) -> None:
    users.add(ADA)
    assert users.set_password(ADA.id, "new", NOW + 1) == ()
    assert users.set_password("u2", "new", NOW + 1) is None


def log_in(store: Store, subject: str, many: int = 1) -> tuple[str, ...]:
    gate = Gate(store, keys=new_ring(now=NOW), mode="session", clock=lambda: NOW)
    return tuple(gate.login(subject).session_id for _ in range(many))


def live(store: Store, subject: str) -> set[str]:
    return {row.id for row in store.answer(List(subject, 100)) if row.ended_at is None}


def test_a_new_password_ends_the_sessions_of_its_user_in_the_same_step(kept: tuple[Users, Store]) -> None:
    """All but the one that may go on. The receipt names them, and other people's are left alone."""
    users, store = kept
    users.add(ADA)
    mine, theirs = log_in(store, ADA.id, 3), log_in(store, "u2")

    ended = users.set_password(ADA.id, "new", NOW + 1, keep=mine[0])

    assert ended is not None
    assert {row.id for row in ended} == set(mine[1:])
    assert {row.ended_reason for row in ended} == {"password"}
    assert live(store, ADA.id) == {mine[0]}
    assert live(store, "u2") == set(theirs)
    assert users.set_password(ADA.id, "newer", NOW + 2, expected="first") is None, "and who came too late ends nothing"
    assert live(store, ADA.id) == {mine[0]}


def test_whoever_is_disabled_is_logged_out_in_the_same_step(kept: tuple[Users, Store]) -> None:
    users, store = kept
    users.add(ADA)
    mine = log_in(store, ADA.id, 2)

    ended = users.disable(ADA.id, NOW + 1)

    assert ended is not None
    assert {row.id for row in ended} == set(mine)
    assert live(store, ADA.id) == set()


#: The log takes no entry: what a full disk comes to, in the middle of a transaction.
NO_LOG = "CREATE TRIGGER no_log BEFORE INSERT ON gatepass_log BEGIN SELECT RAISE(ABORT, 'planted'); END"


@pytest.mark.parametrize(
    "change",
    [lambda users: users.set_password(ADA.id, "new", NOW + 1), lambda users: users.disable(ADA.id, NOW + 1)],
    ids=["set_password", "disable"],
)
def test_a_fault_in_the_middle_changes_nothing(tmp_path: Path, change: Callable[[Users], object]) -> None:
    """A thief who is signed in would stay so under a password that was changed because of them."""
    path = tmp_path / "gatepass.db"
    users, store = SqliteUsers(path), SqliteStore(path)
    users.add(ADA)
    mine = log_in(store, ADA.id, 2)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(NO_LOG)
        connection.commit()

    with pytest.raises(StoreError):
        change(users)

    assert users.by_id(ADA.id) == ADA
    assert live(store, ADA.id) == set(mine)

    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER no_log")
        connection.commit()
    change(users)
    assert users.by_id(ADA.id) != ADA
    assert live(store, ADA.id) == set()
    store.close()


def test_a_hash_is_renewed_only_where_nobody_changed_it(users: Users) -> None:
    users.add(ADA)
    assert users.rehash(ADA.id, "second", expected="first")
    assert users.by_id(ADA.id) == replace(ADA, password_hash="second")
    assert not users.rehash(ADA.id, "third", expected="first")


def test_the_first_date_of_disabling_stands(users: Users) -> None:
    users.add(ADA)
    assert users.disable(ADA.id, NOW + 1) is not None
    assert users.disable(ADA.id, NOW + 2) is not None
    assert users.by_id(ADA.id) == replace(ADA, disabled_at=NOW + 1)
    assert users.enable(ADA.id)
    assert users.by_id(ADA.id) == ADA
    assert users.disable("u2", NOW) is None
    assert not users.enable("u2")


def test_users_are_listed_by_address_a_page_at_a_time(users: Users) -> None:
    for number in (3, 1, 2):
        users.add(replace(ADA, id=f"u{number}", email=f"{number}@example.com"))
    assert [user.id for user in users.all(limit=2)] == ["u1", "u2"]
    assert [user.id for user in users.all(after="2@example.com")] == ["u3"]


@given(text=st.text())
def test_any_text_is_nobody(text: str) -> None:
    users = MemoryUsers(MemoryStore())
    assert users.by_id(text) is users.by_email(text) is None


@pytest.mark.parametrize("text", ["", "\0", "\ud800", "x" * 1_000_000, "' OR 1=1 --"])
def test_any_text_is_nobody_in_a_file(text: str, tmp_path: Path) -> None:
    users = SqliteUsers(tmp_path / "gatepass.db")
    users.add(ADA)
    assert users.by_id(text) is users.by_email(text) is None


def test_users_and_sessions_share_a_file_in_either_order(tmp_path: Path) -> None:
    path = tmp_path / "gatepass.db"
    SqliteStore(path).close()
    SqliteUsers(path).add(ADA)
    SqliteStore(path).close()
    assert SqliteUsers(path).by_id(ADA.id) == ADA


def test_a_file_that_is_gone_is_a_fault_and_no_absence(tmp_path: Path) -> None:
    """Or everybody would be told that their password is wrong."""
    path = tmp_path / "gatepass.db"
    users = SqliteUsers(path)
    users.add(ADA)
    for file in tmp_path.iterdir():
        file.unlink()
    for ask in (lambda: users.by_email(ADA.email), lambda: users.by_id(ADA.id), lambda: users.add(ADA), users.all):
        with pytest.raises(StoreError):
            ask()


def test_a_hash_is_in_no_text_of_a_user() -> None:
    assert "first" not in repr(ADA)
