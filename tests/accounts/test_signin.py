"""The check of a password: what is counted, what is hashed, and who gets in."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import argon2
import pytest

from gatepass.accounts import passwords as module
from gatepass.accounts.passwords import Passwords
from gatepass.accounts.signin import sign_in
from gatepass.accounts.users import MemoryUsers, SqliteUsers, User, Users
from gatepass.core.throttle import ACCOUNT
from gatepass.errors import LoginFailed, StoreError, Throttled
from gatepass.stores.memory import MemoryStore
from gatepass.stores.sqlite import SqliteStore

NOW = 1_900_000_000
EMAIL, GOOD, WRONG = "ada@example.com", "seventeen quiet walruses", "seventeen loud walruses"
LIMIT = ACCOUNT[0].limit

TODAY = argon2.PasswordHasher(time_cost=2, memory_cost=1_024, parallelism=1)
YESTERDAY = argon2.PasswordHasher(time_cost=1, memory_cost=512, parallelism=1)
KEPT = TODAY.hash(GOOD)
OLDER = YESTERDAY.hash(GOOD)
ADA = User(id="u1", email=EMAIL, password_hash=KEPT, created_at=NOW, password_changed_at=NOW)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hashes of a hundredth of the work: here they are counted."""
    module._nobodys.cache_clear()
    monkeypatch.setattr(module, "_hasher", TODAY)
    yield
    module._nobodys.cache_clear()


@dataclass
class Desk:
    """Where people sign in."""

    users: Any
    store: Any
    passwords: Passwords = field(default_factory=Passwords)
    now: int = NOW
    asked: list[str] = field(default_factory=list)

    async def tried(self, password: str, email: str = EMAIL, *, known: str | None = None, address: str = "") -> User:
        def device(subject: str) -> str | None:
            self.asked.append(subject)
            return known if subject == ADA.id else None

        return await sign_in(
            users=self.users,
            passwords=self.passwords,
            store=self.store,
            email=email,
            password=password,
            address=address or f"192.0.2.{len(self.asked) % 250}",
            device=device,
            now=self.now,
        )

    def outcome(self, password: str, email: str = EMAIL, **options: Any) -> tuple[object, int]:
        """The user or the refusal, and how many hashes that took."""
        before = self.passwords.hashes
        try:
            found: object = asyncio.run(self.tried(password, email, **options))
        except (LoginFailed, Throttled) as refusal:
            found = refusal.code
        return found, self.passwords.hashes - before


@pytest.fixture(params=["memory", "sqlite"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    path, memory = tmp_path / "gatepass.db", MemoryStore()
    desk = (
        Desk(MemoryUsers(memory), memory) if request.param == "memory" else Desk(SqliteUsers(path), SqliteStore(path))
    )
    desk.users.add(ADA)
    yield desk
    desk.passwords.close()
    desk.store.close()


def test_the_right_password_gets_in_for_one_hash(desk: Desk) -> None:
    assert desk.outcome(GOOD) == (ADA, 1)


@pytest.mark.parametrize(
    ("password", "email"), [(WRONG, EMAIL), (GOOD, "nobody@example.com"), (WRONG, "nobody@example.com"), ("", EMAIL)]
)
def test_whoever_does_not_get_in_costs_one_hash_and_is_told_one_thing(desk: Desk, password: str, email: str) -> None:
    assert desk.outcome(password, email) == ("login_failed", 1)


@pytest.mark.parametrize("password", [GOOD, WRONG])
def test_a_disabled_user_is_told_what_a_stranger_is(desk: Desk, password: str) -> None:
    desk.users.disable(ADA.id, NOW)
    assert desk.outcome(password) == ("login_failed", 1)
    desk.users.enable(ADA.id)
    assert desk.outcome(GOOD) == (ADA, 1)


@pytest.mark.parametrize("email", [EMAIL, "nobody@example.com"])
def test_a_refused_try_costs_no_hash_even_where_it_is_right(desk: Desk, email: str) -> None:
    assert [desk.outcome(WRONG, email) for _ in range(LIMIT)] == [("login_failed", 1)] * LIMIT
    assert desk.outcome(GOOD, email) == ("throttled", 0)
    desk.now += ACCOUNT[0].window
    assert desk.outcome(GOOD, email) == ((ADA, 1) if email == EMAIL else ("login_failed", 1))


def test_a_success_begins_the_count_anew(desk: Desk) -> None:
    for _ in range(3):
        for _ in range(LIMIT - 1):
            assert desk.outcome(WRONG) == ("login_failed", 1)
        assert desk.outcome(GOOD) == (ADA, 1)


def test_a_known_device_gets_in_whatever_strangers_do(desk: Desk) -> None:
    for _ in range(LIMIT):
        _ = desk.outcome(WRONG)
    assert desk.outcome(GOOD) == ("throttled", 0)
    assert desk.outcome(GOOD, known="laptop") == (ADA, 1)


def test_a_device_is_looked_for_whether_there_is_an_account_or_not(desk: Desk) -> None:
    """A refusal by the throttle makes no hash that hides what is quicker before it."""
    _ = desk.outcome(WRONG)
    _ = desk.outcome(WRONG, "nobody@example.com", known="laptop")
    assert desk.asked == [ADA.id, ""]


def test_of_500_guesses_at_one_moment_five_are_hashed(desk: Desk) -> None:
    """Each has begun before one has ended."""

    async def all_at_once() -> list[object]:
        tries = [desk.tried(f"guess {number}", address=f"10.0.{number // 250}.{number % 250}") for number in range(500)]
        return list(await asyncio.gather(*tries, return_exceptions=True))

    outcomes = asyncio.run(all_at_once())
    assert desk.passwords.hashes == LIMIT == 5
    assert [type(outcome) for outcome in outcomes].count(LoginFailed) == LIMIT
    assert [type(outcome) for outcome in outcomes].count(Throttled) == 500 - LIMIT


def test_a_hash_of_older_parameters_is_renewed_by_who_gets_in_only(desk: Desk) -> None:
    assert desk.users.set_password(ADA.id, OLDER, NOW) is not None
    assert desk.outcome(WRONG) == ("login_failed", 1)
    assert desk.users.by_id(ADA.id) == replace(ADA, password_hash=OLDER)

    found, hashes = desk.outcome(GOOD)
    assert found == desk.users.by_id(ADA.id)
    assert hashes == 2
    assert isinstance(found, User)
    assert argon2.extract_parameters(found.password_hash) == argon2.extract_parameters(KEPT)
    assert found.password_changed_at == NOW, "it is the same password"
    assert desk.outcome(GOOD) == (found, 1)


class Overtaken:
    """A directory in which something happens right before a hash is renewed."""

    def __init__(self, users: Users, deed: Callable[[], object]) -> None:
        self._users, self._deed = users, deed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._users, name)

    def rehash(self, *args: Any, **options: Any) -> bool:
        _ = self._deed()
        return self._users.rehash(*args, **options)


def test_of_two_who_renew_one_hash_both_get_in(desk: Desk) -> None:
    """The second finds a hash of the same password, and replaces nothing."""
    users, renewed = desk.users, TODAY.hash(GOOD)
    assert users.set_password(ADA.id, OLDER, NOW) is not None
    desk.users = Overtaken(users, lambda: users.rehash(ADA.id, renewed, expected=OLDER))

    assert desk.outcome(GOOD) == (replace(ADA, password_hash=renewed), 3)
    assert users.by_id(ADA.id) == replace(ADA, password_hash=renewed)


def test_a_password_that_is_changed_while_its_hash_is_renewed_gets_nobody_in(desk: Desk) -> None:
    """And the new one stays."""
    users = desk.users
    assert users.set_password(ADA.id, OLDER, NOW) is not None
    changed = TODAY.hash("another password of hers")

    desk.users = Overtaken(desk.users, lambda: users.set_password(ADA.id, changed, NOW + 1, expected=OLDER))

    assert desk.outcome(GOOD) == ("login_failed", 3), "the old one is held against the new hash"
    assert users.by_id(ADA.id) == replace(ADA, password_hash=changed, password_changed_at=NOW + 1)


def test_a_user_who_is_removed_while_the_hash_is_renewed_does_not_get_in(tmp_path: Path) -> None:
    """By somebody at the database: the server itself removes nobody."""
    path = tmp_path / "gatepass.db"
    users = SqliteUsers(path)
    users.add(replace(ADA, password_hash=OLDER))

    def remove() -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            _ = connection.execute("DELETE FROM gatepass_user")

    desk = Desk(Overtaken(users, remove), MemoryStore())
    assert desk.outcome(GOOD) == ("login_failed", 2)
    desk.passwords.close()


def test_a_directory_that_cannot_be_read_is_a_fault_and_no_wrong_password(tmp_path: Path) -> None:
    desk = Desk(SqliteUsers(tmp_path / "gatepass.db"), MemoryStore())
    for file in tmp_path.iterdir():
        file.unlink()
    with pytest.raises(StoreError):
        asyncio.run(desk.tried(GOOD))
    desk.passwords.close()
