"""A key ring in the store, sealed, for all nodes that share it."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, sleep, time
from typing import Final

from gatepass.core.flow import Document, Once, Read, Write
from gatepass.core.keyring import KeyRing
from gatepass.errors import ConfigurationError, StoreError
from gatepass.keys import written
from gatepass.keys.keeper import KeyKeeper
from gatepass.keys.made import new_ring
from gatepass.keys.master import MasterKey, sealer
from gatepass.stores import Store

#: The name of the document.
RING: Final = "key ring"

#: Seconds for which the work on a ring is one node's. Our choice: it takes a second where keys are RSA keys.
_CLAIM: Final = 60
#: Seconds to wait for the ring that another node makes at this moment. Whoever waits longer makes one as well: of the
#: two, the store takes one.
_PATIENCE: Final = 1.0
#: Seconds between two looks while waiting.
_PAUSE: Final = 0.01
#: So often a change is tried again because another node was quicker. Each time one of them has come to its end.
_TRIES: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    document: Document
    ring: KeyRing


class KeyStore(KeyKeeper):
    """A key ring in the store, sealed under a master key: made by the first node that asks, shared by all.

    Args:
        store: Where the sessions live: the store of the gate.
        master_key: 32 random bytes in hex or base64url, or the path of a file that holds one of these: what has a slash
            in it is a path. Several while it is being changed: the first seals, all of them open.
        algorithm: What a new key is for.
        first: Where the ring comes from if there is none in the store, such as ``KeyFile(path).ring``; None: a new one.
        rotate_after: Seconds after which a key is old, 20,925 at least (`keeper.MIN_AGE`): the next who asks for the
            ring publishes another one. None: keys are rotated by hand.
        clock: Seconds since the epoch.
        source: Where the master key came from, for the message of a refusal.

    Raises:
        ConfigurationError: The master key is none, or can be guessed, or others may read its file; or *rotate_after* is
            no such number of seconds.
    """

    def __init__(
        self,
        store: Store,
        master_key: str | list[str] | tuple[str, ...],
        algorithm: str = "ES256",
        *,
        first: Callable[[], KeyRing] | None = None,
        rotate_after: float | None = None,
        clock: Callable[[], float] = time,
        source: str = "KeyStore(master_key=...)",
    ) -> None:
        super().__init__(algorithm, rotate_after=rotate_after, clock=clock)
        texts = master_key if isinstance(master_key, list | tuple) else (master_key,)
        self._masters = tuple(MasterKey(text, source=source) for text in texts)
        if not self._masters:
            raise _refused("there is no master key", "Give one.", source)
        self._store = store
        self._first = first
        self._source = source
        self._held: _Held | None = None

    def _kept(self) -> KeyRing:
        return self._look().ring

    def _claim(self, ring: KeyRing) -> bool:
        # Once for each key that grows old. If whoever is first dies, it is late, and what there is goes on signing.
        now = self._now()
        return bool(self._store.answer(Once(f"{RING}: after {ring.signer(now).kid}", now + _CLAIM)))

    def _change(self, change: Callable[[KeyRing], KeyRing]) -> KeyRing:
        for _ in range(_TRIES):
            held = self._look()
            ring = change(held.ring)
            if ring is held.ring or self._write(ring, held.document.version):
                return self._kept()
        raise StoreError("the key ring was changed too often while it was to be changed")

    def _look(self) -> _Held:
        """The ring as it is in the store now; opened again only if it was written since."""
        held = self._held  # before the store is asked: what comes is as new as this at least, whatever others do
        document = self._read()
        if document is None and held is None:
            document = self._make()
        if document is None:
            # Keys that were in use are gone. New ones would log everybody out, at the wish of whoever writes there.
            raise _refused(
                "the key ring is gone from the store",
                "Restore a backup; or restart, and new keys are made.",
                self._source,
            )
        if held is None or document != held.document:
            if held is not None and document.version <= held.document.version:
                raise _refused(
                    "the key ring in the store is older than the one in use, or another one",
                    "If a backup was put back, restart; else find out who writes into the store.",
                    self._source,
                )
            self._held = held = _Held(document=document, ring=self._open(document))
        return held

    def _make(self) -> Document | None:
        """The first ring, ours or that of another node."""
        now = self._now()
        if self._store.answer(Once(f"{RING}: the first", now + _CLAIM)) or not self._awaited():
            _ = self._write(new_ring(self._algorithm, now=now) if self._first is None else self._first(), 0)
        return self._read()

    def _awaited(self) -> bool:
        """Whether the node that claimed to be the first has made a ring; it may have died half way."""
        give_up_at = monotonic() + _PATIENCE
        while monotonic() < give_up_at:
            if self._read() is not None:
                return True
            sleep(_PAUSE)
        return False

    def _read(self) -> Document | None:
        document: Document | None = self._store.answer(Read(RING))
        return document

    def _write(self, ring: KeyRing, expected_version: int) -> bool:
        sealed = self._masters[0].seal(written.write(ring), _purpose(expected_version + 1))
        done: bool = self._store.answer(Write(RING, sealed, expected_version))
        return done

    def _open(self, document: Document) -> KeyRing:
        name = sealer(document.content)
        master = next((master for master in self._masters if master.name == name), None)
        if name and master is None:
            raise _refused(
                "the key ring in the store was not sealed under this master key",
                "Give the one that it was sealed under; nothing was changed.",
                self._source,
            )
        text = None if master is None else master.open(document.content, _purpose(document.version))
        if text is None:
            raise _refused(
                "the key ring in the store is damaged, or was put there from elsewhere",
                "Restore a backup; nothing was changed.",
                self._source,
            )
        return written.read(text, self._source)


def _purpose(version: int) -> str:
    # With the version: an old ring that somebody puts back under a new number is found out.
    return f"{RING} {version}"


def _refused(cause: str, fix: str, source: str) -> ConfigurationError:
    return ConfigurationError(cause=cause, fix=fix, source=source)
