"""Where sessions, users and keys are kept, as the settings say: for the server, and for the commands beside it."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gatepass.accounts.users import MemoryUsers, SqliteUsers, Users
from gatepass.core.flow import Read
from gatepass.errors import ConfigurationError
from gatepass.keys import KeyFile, KeyRing, KeyStore, new_ring
from gatepass.keys.keeper import KeyKeeper
from gatepass.keys.store import RING
from gatepass.server.settings import PREFIX, Settings
from gatepass.stores import Store
from gatepass.stores.memory import MemoryStore
from gatepass.stores.sqlite import SqliteStore

logger: Final = logging.getLogger("gatepass.server")

#: Seconds after which another key signs. 90 days: often enough that it is known to work. Our choice.
ROTATED: Final = 90 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What outlives a process."""

    store: Store
    users: Users
    keys: KeyKeeper | KeyRing


def keep(settings: Settings) -> Kept:
    """Open what *settings* name; made where it is not there.

    Raises:
        ConfigurationError: A file cannot be used; or the keys are sealed in the store, and there is no master key.
        StoreError: The database does not answer, or another process holds it locked.
    """
    keys: KeyKeeper | KeyRing
    if settings.database is None:
        memory = MemoryStore()
        keys = _sealed(settings, memory) if settings.master_key else new_ring(now=int(time.time()))
        return Kept(store=memory, users=MemoryUsers(memory), keys=keys)
    store, file = SqliteStore(settings.database), settings.database.with_name("keys.json")
    if not settings.master_key and store.answer(Read(RING)) is not None:
        store.close()
        # Keys of its own would make this a node whose tokens all others refuse.
        raise ConfigurationError(
            cause="The keys of this store are sealed in it, and there is no master key to open them",
            fix="Set GATEPASS_MASTER_KEY as the other servers have it.",
            source="GATEPASS_MASTER_KEY",
        )
    keys = _sealed(settings, store, file) if settings.master_key else KeyFile(file, rotate_after=ROTATED)
    return Kept(store=store, users=SqliteUsers(settings.database), keys=keys)


def _sealed(settings: Settings, store: Store, file: Path | None = None) -> KeyStore:
    """The keys in *store*. At first they are those of *file*, if it is there: nobody is logged out by a master key."""
    first = None
    if file is not None and file.exists():
        first = KeyFile(file).ring
        logger.warning("the keys are sealed in the store from now on; remove %s, which has them in the clear", file)
    return KeyStore(store, settings.master_keys, first=first, rotate_after=ROTATED, source=f"{PREFIX}MASTER_KEY")
