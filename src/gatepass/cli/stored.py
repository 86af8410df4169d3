"""The store of the server, opened by the same settings as the server opens it."""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gatepass.accounts.addresses import normalised
from gatepass.accounts.users import User, Users
from gatepass.cli.refusals import NotReachable, Refused
from gatepass.configured import events
from gatepass.errors import ConfigurationError, FieldsInvalid
from gatepass.folders import of_another
from gatepass.gate import Gate
from gatepass.keys import KeyRing
from gatepass.keys.keeper import KeyKeeper
from gatepass.server.audit import JsonLines
from gatepass.server.kept import keep
from gatepass.server.settings import NAME, load
from gatepass.stores import Store

#: Users are read so many at a time.
_PAGE = 1_000
_OWNER = "Run this as its owner."


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What a command works on."""

    gate: Gate
    store: Store
    users: Users
    keys: KeyKeeper | KeyRing

    def user(self, said: str) -> User:
        """The user of an address or an id.

        Raises:
            Refused: There is none.
        """
        found = self.users.by_id(said)
        if found is None and "@" in said:
            try:
                found = self.users.by_email(normalised(said))
            except FieldsInvalid:
                found = None
        if found is None:
            raise Refused("There is no such user.")
        return found

    def all_users(self) -> Iterator[User]:
        """Every user, in the order of their addresses."""
        after = ""
        while page := self.users.all(after=after, limit=_PAGE):
            yield from page
            after = page[-1].email


@contextmanager
def opened(config: Path | None, *, make: bool = False) -> Iterator[Stored]:
    """What the settings name, for as long as the block lasts.

    Args:
        config: The file of settings, where one was named.
        make: Whether to make a database where there is none. A command that only looks would else make an empty one
            wherever it was started by mistake, and say that there is nothing in it.

    Raises:
        ConfigurationError: The settings cannot be; or they name a store that lives in the memory of another process.
        NotReachable: There is no database, or it would be root's in the folder of another user.
        StoreError: The database cannot answer.
    """
    loaded = load(config)
    settings = loaded.settings
    if settings.database is None:
        raise ConfigurationError(
            cause="The store is in the memory of the server, where no command can reach it",
            fix="Set GATEPASS_STORE to a database, such as sqlite:///.gatepass/gatepass.db.",
            source=loaded.sources["store"],
        )
    if not _there(settings.database):
        if not make:
            raise NotReachable(
                f"There is no database at {settings.database}. Run this where the server runs, or set GATEPASS_STORE"
                f" ({loaded.sources['store']})."
            )
        if (theirs := of_another(settings.database)) is not None:
            raise NotReachable(f"{theirs} is not root's, and its owner could not read what root makes there. {_OWNER}")
    kept = keep(settings)
    gate = Gate(
        kept.store,
        mode=settings.mode,
        accept=settings.accept or None,
        keys=kept.keys,
        policy=settings.policy,
        name=NAME,
        issuer=settings.issuer,
        audience=settings.audience,
    )
    try:
        with audited():
            yield Stored(gate=gate, store=kept.store, users=kept.users, keys=kept.keys)
    finally:
        gate.close()
        kept.store.close()


@contextmanager
def audited() -> Iterator[None]:
    """What is done in this block is told on the standard error, in the lines that the server has for it (ASVS 16.3)."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    level = events.level
    events.addHandler(handler)
    events.setLevel(logging.INFO)
    try:
        yield
    finally:
        events.setLevel(level)
        events.removeHandler(handler)


def _there(database: Path) -> bool:
    """Whether there is a database.

    Raises:
        NotReachable: It is not for this user to look.
    """
    refused = NotReachable(f"The database at {database} is not open to this user. {_OWNER}")
    try:
        if not database.exists():
            return False
        if database.stat().st_uid != os.geteuid():  # what root makes beside it, such as keys, its owner could not read
            raise refused
    except PermissionError as error:
        raise refused from error
    if not os.access(database, os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise refused
    return True


def now() -> int:
    """Seconds since the epoch."""
    return int(time.time())
