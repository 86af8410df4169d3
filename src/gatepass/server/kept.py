"""Where sessions, users and keys are kept, as the settings say: for the server, and for the commands beside it."""

import time
from dataclasses import dataclass
from typing import Final

from gatepass.accounts.users import MemoryUsers, SqliteUsers, Users
from gatepass.keys import KeyFile, KeyRing, new_ring
from gatepass.server.settings import Settings
from gatepass.stores import Store
from gatepass.stores.memory import MemoryStore
from gatepass.stores.sqlite import SqliteStore

#: Seconds after which another key signs. 90 days: often enough that it is known to work. Our choice.
ROTATED: Final = 90 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What outlives a process."""

    store: Store
    users: Users
    keys: KeyFile | KeyRing


def keep(settings: Settings) -> Kept:
    """Open what *settings* name; made where it is not there.

    Raises:
        ConfigurationError: A file cannot be used.
        StoreError: Another process holds the database locked.
    """
    if settings.database is None:
        return Kept(store=MemoryStore(), users=MemoryUsers(), keys=new_ring(now=int(time.time())))
    return Kept(
        store=SqliteStore(settings.database),
        users=SqliteUsers(settings.database),
        keys=KeyFile(settings.database.with_name("keys.json"), rotate_after=ROTATED),
    )
