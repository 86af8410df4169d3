"""The users: who has an account, by their address and by their id."""

import secrets
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any, Final, Protocol

from gatepass.core.flow import End
from gatepass.core.strict import b64encode
from gatepass.errors import AddressTaken, StoreError
from gatepass.records import RevokeReason, Session
from gatepass.stores.memory import MemoryStore
from gatepass.stores.migrations.sqlite import connect, prepare, reason
from gatepass.stores.sql import Plan, Statement, plan
from gatepass.stores.sqlite import in_one_step


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One account. Times are seconds since the epoch."""

    #: Random and never changed: the subject of its sessions. An account that is made again is another one.
    id: str
    #: Normalised.
    email: str
    password_hash: str = field(repr=False)
    created_at: int
    password_changed_at: int
    #: Since when it may not log in; None where it may.
    disabled_at: int | None = None


def new_user(email: str, password_hash: str, at: int) -> User:
    """An account that was not there before.

    Args:
        email: Normalised.
        password_hash: As `Passwords.hash` made it.
        at: Seconds since the epoch.
    """
    return User(
        id=b64encode(secrets.token_bytes(16)).decode(),
        email=email,
        password_hash=password_hash,
        created_at=at,
        password_changed_at=at,
    )


class Users(Protocol):
    """A directory of users. Each call is one atomic step.

    All raise `StoreError` where the answer cannot be known now. Reads take microseconds; writes wait for a disk.
    """

    def add(self, user: User) -> None:
        """Keep a new user.

        Raises:
            AddressTaken: The address has an account.
        """

    def by_email(self, email: str) -> User | None:
        """The user of this normalised address."""

    def by_id(self, id: str) -> User | None:  # noqa: A002  it is the id
        """The user of this id."""

    def all(self, *, after: str = "", limit: int = 1_000) -> Sequence[User]:
        """Users in the order of their addresses, those behind the address *after*."""

    def set_password(
        self,
        id: str,  # noqa: A002  it is the id
        new: str,
        at: int,
        *,
        expected: str | None = None,
        keep: str | None = None,
        reason: RevokeReason = "password",
    ) -> tuple[Session, ...] | None:
        """Change the hash of a password, and end the user's sessions in the same step, or a thief would keep theirs.

        Args:
            id: The user's.
            new: The hash.
            at: Seconds since the epoch.
            expected: The hash as it was; None for any.
            keep: The id of a session that goes on.
            reason: Why the others end.

        Returns:
            What ended; None where there is no such user, or the hash is not *expected* any more.
        """

    def rehash(self, id: str, new: str, *, expected: str) -> bool:  # noqa: A002  it is the id
        """Replace a hash by another one of the same password; False where it was changed meanwhile."""

    def disable(self, id: str, at: int) -> tuple[Session, ...] | None:  # noqa: A002  it is the id
        """Let a user log in no more, and end their sessions in the same step. The first date stands.

        Returns:
            What ended; None where there is no such user.
        """

    def enable(self, id: str) -> bool:  # noqa: A002  it is the id
        """Let a user log in again; False where there is no such user."""


class MemoryUsers:
    """Users of one process, gone with it.

    Args:
        store: Where their sessions are.
    """

    def __init__(self, store: MemoryStore) -> None:
        self._store: Final = store
        self._lock: Final = Lock()
        self._by_id: dict[str, User] = {}
        self._ids: dict[str, str] = {}

    def add(self, user: User) -> None:
        """See `Users`."""
        with self._lock:
            if user.email in self._ids:
                raise AddressTaken
            self._ids[user.email] = user.id
            self._by_id[user.id] = user

    def by_email(self, email: str) -> User | None:
        """See `Users`."""
        return self._by_id.get(self._ids.get(email, ""))

    def by_id(self, id: str) -> User | None:  # noqa: A002  it is the id
        """See `Users`."""
        return self._by_id.get(id)

    def all(self, *, after: str = "", limit: int = 1_000) -> Sequence[User]:
        """See `Users`."""
        with self._lock:
            behind = sorted(email for email in self._ids if email > after)
            return tuple(self._by_id[self._ids[email]] for email in behind[:limit])

    def set_password(
        self,
        id: str,  # noqa: A002  it is the id
        new: str,
        at: int,
        *,
        expected: str | None = None,
        keep: str | None = None,
        reason: RevokeReason = "password",
    ) -> tuple[Session, ...] | None:
        """See `Users`."""
        if not self._change(id, expected, password_hash=new, password_changed_at=at):
            return None
        ended: tuple[Session, ...] = self._store.answer(End(subject=id, except_id=keep, reason=reason, at=at))
        return ended

    def rehash(self, id: str, new: str, *, expected: str) -> bool:  # noqa: A002  it is the id
        """See `Users`."""
        return self._change(id, expected, password_hash=new)

    def disable(self, id: str, at: int) -> tuple[Session, ...] | None:  # noqa: A002  it is the id
        """See `Users`."""
        with self._lock:
            user = self._by_id.get(id)
            if user is None:
                return None
            if user.disabled_at is None:
                self._by_id[id] = replace(user, disabled_at=at)
        ended: tuple[Session, ...] = self._store.answer(End(subject=id, reason="operator", at=at))
        return ended

    def enable(self, id: str) -> bool:  # noqa: A002  it is the id
        """See `Users`."""
        return self._change(id, None, disabled_at=None)

    def _change(self, id: str, expected: str | None, **values: Any) -> bool:  # noqa: A002  it is the id
        with self._lock:
            user = self._by_id.get(id)
            if user is None or expected not in {None, user.password_hash}:
                return False
            self._by_id[id] = replace(user, **values)
            return True


_COLUMNS: Final = "id, email, password_hash, created_at, password_changed_at, disabled_at"
_ONE: Final = f"SELECT {_COLUMNS} FROM gatepass_user WHERE"  # noqa: S608  constants of ours


class SqliteUsers:
    """Users in the SQLite file that sessions are in, shared by all processes of one machine.

    A connection is opened for each question and closed after it: logins are rare beside checks, and so nothing is held
    over a fork or between threads.

    Args:
        path: The database file. Made if there is none, brought up to date if an older version made it.

    Raises:
        ConfigurationError, StoreError: As `SqliteStore`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        prepare(self._path)

    def add(self, user: User) -> None:
        """See `Users`."""
        values = (
            user.id,
            user.email,
            user.password_hash,
            user.created_at,
            user.password_changed_at,
            user.disabled_at,
        )
        try:
            _ = self._write(f"INSERT INTO gatepass_user ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)", values)  # noqa: S608
        except sqlite3.IntegrityError:
            raise AddressTaken from None

    def by_email(self, email: str) -> User | None:
        """See `Users`."""
        return next(iter(self._read(f"{_ONE} email = ?", email)), None)

    def by_id(self, id: str) -> User | None:  # noqa: A002  it is the id
        """See `Users`."""
        return next(iter(self._read(f"{_ONE} id = ?", id)), None)

    def all(self, *, after: str = "", limit: int = 1_000) -> Sequence[User]:
        """See `Users`."""
        return self._read(f"{_ONE} email > ? ORDER BY email LIMIT ?", after, limit)

    def set_password(
        self,
        id: str,  # noqa: A002  it is the id
        new: str,
        at: int,
        *,
        expected: str | None = None,
        keep: str | None = None,
        reason: RevokeReason = "password",
    ) -> tuple[Session, ...] | None:
        """See `Users`."""
        change = (
            "UPDATE gatepass_user SET password_hash = ?, password_changed_at = ?"
            " WHERE id = ? AND password_hash = coalesce(?, password_hash) RETURNING 1"
        )
        end = End(subject=id, except_id=keep, reason=reason, at=at)
        return in_one_step(self._path, _ending(Statement(change, (new, at, id, expected)), end))

    def rehash(self, id: str, new: str, *, expected: str) -> bool:  # noqa: A002  it is the id
        """See `Users`."""
        return self._write(
            "UPDATE gatepass_user SET password_hash = ? WHERE id = ? AND password_hash = ?", (new, id, expected)
        )

    def disable(self, id: str, at: int) -> tuple[Session, ...] | None:  # noqa: A002  it is the id
        """See `Users`."""
        change = "UPDATE gatepass_user SET disabled_at = coalesce(disabled_at, ?) WHERE id = ? RETURNING 1"
        return in_one_step(self._path, _ending(Statement(change, (at, id)), End(subject=id, reason="operator", at=at)))

    def enable(self, id: str) -> bool:  # noqa: A002  it is the id
        """See `Users`."""
        return self._write("UPDATE gatepass_user SET disabled_at = NULL WHERE id = ?", (id,))

    def _read(self, statement: str, *values: object) -> Sequence[User]:
        try:
            with closing(connect(self._path)) as connection:
                rows = connection.execute(statement, values).fetchall()
        except UnicodeEncodeError:
            return ()  # halves of surrogate pairs: nobody has such an id
        except sqlite3.Error as error:
            raise StoreError(reason(error)) from error
        names = _COLUMNS.split(", ")
        return tuple(User(**dict(zip(names, row, strict=True))) for row in rows)

    def _write(self, statement: str, values: tuple[object, ...]) -> bool:
        try:
            with closing(connect(self._path)) as connection:
                return connection.execute(statement, values).rowcount == 1
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            raise StoreError(reason(error)) from error


def _ending(change: Statement, end: End) -> Plan[tuple[Session, ...] | None]:
    """*end*, if *change* changed anybody."""
    if not (yield change):
        return None
    ended: tuple[Session, ...] = yield from plan(end)
    return ended
