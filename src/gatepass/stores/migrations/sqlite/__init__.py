"""Opening a SQLite file: whether it is ours is found out before anything is written to it or beside it.

A file of ours carries our `application_id`, set in the same transaction as its first tables, which is made before the
file is switched to WAL: so the header alone tells a foreign file, and none is ever opened for writing.
"""

import errno
import os
import sqlite3
import stat
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from gatepass.errors import ConfigurationError, StoreError
from gatepass.folders import private_folder
from gatepass.stores.migrations import Migration, load, pending

#: "gate": what `file` and other programs know our databases by.
APPLICATION_ID: Final = 0x67617465

#: How long to wait for the lock of another process, in seconds. Ours are held for milliseconds.
BUSY: Final = 5.0

#: STRICT tables came with this one, in November 2021.
OLDEST: Final = (3, 37, 0)

#: Bytes of the smallest page, and so of the smallest database (SQLite file format, section 1.3.2).
_SMALLEST: Final = 512

_REASONS: Final = {
    sqlite3.SQLITE_BUSY: "the database is locked by another process",
    sqlite3.SQLITE_LOCKED: "the database is locked by another process",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk does not work",
    sqlite3.SQLITE_CORRUPT: "the database is damaged",
    sqlite3.SQLITE_NOTADB: "the file is no SQLite database",
    sqlite3.SQLITE_CANTOPEN: "the database cannot be opened",
    sqlite3.SQLITE_READONLY: "the database cannot be written to",
    sqlite3.SQLITE_PERM: "the database cannot be written to",
    sqlite3.SQLITE_CONSTRAINT: "a row of this id exists",
    sqlite3.SQLITE_TOOBIG: "a value is too long",
}


def reason(error: sqlite3.Error) -> str:
    """What went wrong, in words of ours: those of SQLite may quote what is in a row."""
    code = getattr(error, "sqlite_errorcode", None)  # errors of the Python module itself have none
    return _REASONS.get(-1 if code is None else code & 0xFF, "the database cannot answer")


def connect(path: Path) -> sqlite3.Connection:
    """A connection to the database at *path*, which has to exist; for one thread at a time, not for a certain one."""
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=rw", uri=True, timeout=BUSY, isolation_level=None, check_same_thread=False
    )
    # Every commit is on the disk before it is answered: a revocation that was acknowledged outlives a power cut.
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def prepare(path: Path) -> None:
    """Make the database at *path* if there is none, bring it up to date if it is ours, and switch it to WAL.

    Raises:
        ConfigurationError: It is newer than this code, damaged or not ours, and has been left as it was; or SQLite is
            too old; or file or folder cannot be made.
        StoreError: Another process holds it locked.
    """
    source = f"SqliteStore({str(path)!r})"
    if sqlite3.sqlite_version_info < OLDEST:
        raise ConfigurationError(
            cause=f"SQLite {sqlite3.sqlite_version} is too old",
            fix="Use a Python that comes with SQLite 3.37 or newer.",
            source="sqlite3.sqlite_version",
        )
    try:
        _create(path)
        todo = _inspect(path, source)
        with closing(connect(path)) as connection:
            if todo:
                _migrate(connection, source)
            _switch_to_wal(connection, source)
    except OSError as error:
        raise ConfigurationError(
            cause=f"The database file cannot be used: {error.strerror}",
            fix="Give the path of a file in a folder that this process may write to.",
            source=source,
        ) from error
    except sqlite3.Error as error:
        raise _refusal(error, source) from error


def _create(path: Path) -> None:
    private_folder(path.parent)
    with suppress(FileExistsError):
        # SQLite gives what it puts beside the file the same mode.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _refusal(error: sqlite3.Error, source: str) -> ConfigurationError | StoreError:
    cause = reason(error)
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL}:
        return StoreError(cause)
    return ConfigurationError(
        cause=cause[:1].upper() + cause[1:],
        fix="Restore a backup or give another path; the file was left as it is.",
        source=source,
    )


# -- looking without touching ------------------------------------------------------------------------------------------


class _State(NamedTuple):
    """What tells whether somebody was writing while we looked."""

    size: int
    changed_at: int
    in_use: bool


def _state(path: Path) -> _State:
    status = path.stat()
    return _State(
        status.st_size, status.st_mtime_ns, any(Path(f"{path}{end}").exists() for end in ("-wal", "-journal"))
    )


def _inspect(path: Path, source: str) -> Sequence[Migration]:
    """The migrations that are to be applied; refuses what is not ours. Leaves no trace on the disk."""
    give_up_at = time.monotonic() + BUSY
    while True:
        before = _state(path)
        try:
            return _judge(path, source, in_use=before.in_use)
        except (ConfigurationError, sqlite3.DatabaseError):
            # A file that nobody has open is read without locks, since taking them would leave traces. If somebody has
            # opened it just then, what we saw may be half of what they wrote.
            if _state(path) == before or time.monotonic() > give_up_at:
                raise


def _judge(path: Path, source: str, *, in_use: bool) -> Sequence[Migration]:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no file")
    if status.st_size == 0:
        return load("sqlite")
    if status.st_size < _SMALLEST:  # SQLite would take it for an empty one
        raise ConfigurationError(
            cause="The file is no SQLite database",
            fix="Give another path; the file was left as it is.",
            source=source,
        )
    # `immutable` reads the bare file, without locks and without files beside it. Never read it but by SQLite: when a
    # process closes a file, the system takes all locks from it that its own connections to that file have.
    bare = "mode=ro&immutable=1"
    with closing(_looking(path, bare)) as looking:
        (owner,) = looking.execute("PRAGMA application_id").fetchone()
    if owner not in {0, APPLICATION_ID}:
        raise _foreign(source)
    with closing(_looking(path, "mode=ro" if in_use and owner else bare)) as looking:
        return _todo(looking, source)


def _looking(path: Path, query: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.as_uri()}?{query}", uri=True, timeout=BUSY, isolation_level=None)


def _todo(connection: sqlite3.Connection, source: str) -> Sequence[Migration]:
    known = load("sqlite")
    ours = connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    objects = _objects(connection)
    if not ours:
        if objects:
            raise _foreign(source)
        return known
    missing = frozenset({("table", "gatepass_migration")}) - objects
    if not missing:
        applied = connection.execute("SELECT number, name, checksum FROM gatepass_migration ORDER BY number").fetchall()
        todo = pending(known, applied, source)
        missing = _made_by(known[: len(known) - len(todo)]) - objects
        if not missing:
            return todo
    what, name = min(missing)
    raise ConfigurationError(
        cause=f"The database is damaged: the {what} {name} is missing",
        fix="Restore a backup or give another path; the file was left as it is.",
        source=source,
    )


def _foreign(source: str) -> ConfigurationError:
    return ConfigurationError(
        cause="The database belongs to another program",
        fix="Give a path of its own to gatepass; the file was left as it is.",
        source=source,
    )


def _objects(connection: sqlite3.Connection) -> frozenset[tuple[str, str]]:
    rows = connection.execute("SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite!_%' ESCAPE '!'")
    return frozenset(rows.fetchall())


@cache
def _made_by(migrations: Sequence[Migration]) -> frozenset[tuple[str, str]]:
    """The tables and indexes that *migrations* leave behind: the files are asked, so that no list of them can age."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as scratch:
        for migration in migrations:
            _apply(scratch, migration)
        return _objects(scratch)


# -- changing ----------------------------------------------------------------------------------------------------------


def _migrate(connection: sqlite3.Connection, source: str) -> None:
    connection.execute("BEGIN EXCLUSIVE")
    # Looked at again: of several processes that open a new file, the first makes the tables while the others wait here.
    for migration in _todo(connection, source):
        if migration.number == 1:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(
                "CREATE TABLE gatepass_migration"
                " (number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL) STRICT"
            )
        _apply(connection, migration)
        connection.execute("INSERT INTO gatepass_migration VALUES (?, ?, ?)", migration[:3])
    connection.execute("COMMIT")


def _apply(connection: sqlite3.Connection, migration: Migration) -> None:
    # Not `executescript`, which commits what is open before it begins.
    statement = ""
    for line in migration.text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""


def _switch_to_wal(connection: sqlite3.Connection, source: str) -> None:
    give_up_at = time.monotonic() + BUSY
    mode = ""
    while not mode:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError:
            # Here SQLite does not wait for others by itself.
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.01)
    if mode != "wal":
        raise ConfigurationError(
            cause="SQLite cannot use write-ahead logging in this place",
            fix="Give a path on a local file system.",
            source=source,
        )
