"""The steps that make a database what the code expects: numbered files, applied in order, never changed again."""

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from gatepass.errors import ConfigurationError


class Migration(NamedTuple):
    """One file, `0001_sessions.sql`; a database keeps the first three of each that it has been through."""

    number: int
    name: str
    #: SHA-256 of the text, in hex: two files of one number are told apart, and so is one that was changed later.
    checksum: str
    text: str


@cache
def load(engine: str) -> tuple[Migration, ...]:
    """All migrations for *engine*, in their order."""
    folder = files(__name__).joinpath(engine)
    paths = sorted((path for path in folder.iterdir() if path.name.endswith(".sql")), key=lambda path: path.name)
    found = []
    for path in paths:
        number, _, name = path.name.removesuffix(".sql").partition("_")
        text = path.read_text(encoding="utf-8").replace("\r\n", "\n")
        found.append(Migration(int(number), name, hashlib.sha256(text.encode()).hexdigest(), text))
    return tuple(found)


def pending(known: Sequence[Migration], applied: Sequence[tuple[int, str, str]], source: str) -> Sequence[Migration]:
    """Those of *known* that a database has not been through, given what it says it *applied*, in order of number.

    Raises:
        ConfigurationError: Our history and its history are not the same history.
    """
    for ours, theirs in zip(known, applied, strict=False):
        if tuple(ours[:3]) != theirs:
            raise ConfigurationError(
                cause=f"The database was made by other migrations: number {theirs[0]} is not {ours.number}_{ours.name}",
                fix="Restore a backup, or use the version of gatepass that made this database.",
                source=source,
            )
    if len(applied) > len(known):
        number, name, _ = applied[len(known)]
        raise ConfigurationError(
            cause=f"The database is newer than this version of gatepass: it has been through {number}_{name}",
            fix="Upgrade gatepass, or use another database.",
            source=source,
        )
    return known[len(applied) :]
