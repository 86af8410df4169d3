"""Where key rings are kept, one way like the other."""

import hashlib
from pathlib import Path
from typing import Any, Literal, TypeAlias

from gatepass.keys import KeyFile, KeyStore
from gatepass.keys.keeper import KeyKeeper
from gatepass.stores import Store

Place: TypeAlias = Literal["file", "store"]
PLACES: tuple[Place, ...] = ("file", "store")

#: The same in each run, as the processes that share the tests must call them by the same names.
MASTER = hashlib.sha256(b"a master key of the tests").hexdigest()


def keeper(place: Place, folder: Path, store: Store, algorithm: str = "HS256", **options: Any) -> KeyKeeper:
    """A new keeper, as another process would make it, of the one ring in *folder* or in *store*."""
    if place == "file":
        return KeyFile(folder / "keys.json", algorithm, **options)
    return KeyStore(store, MASTER, algorithm, **options)
