"""What becomes of a key ring where it is kept: it is rotated, grows old, loses a key, is joined by another one."""

import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from math import isfinite
from threading import Lock
from typing import Final
from weakref import WeakMethod, WeakSet

from gatepass.core.keyring import PUBLISHED, KeyRing
from gatepass.core.keys import MAX_KEYS, Key, KeySet
from gatepass.core.keys.asymmetric import AsymmetricKey
from gatepass.errors import ConfigurationError, StoreError
from gatepass.keys import written
from gatepass.keys.made import generate, new_root

#: Seconds from the publication of a key to its first use: whoever keeps the public keys for as long as we say
#: (`core.keyring.PUBLISHED`) has it by then, twice over.
AHEAD: Final = 2 * PUBLISHED
#: Seconds that a key goes on verifying after its last use: no token lives longer than 30 days, see `Policy`.
KEEP: Final = 31 * 86_400
#: Seconds that a key signs at least before it is old, 20,925: a key is kept for `KEEP`, so that those of a ring that is
#: rotated by age fill half of what readers take (`MAX_KEYS`). The other half is for keys of others and for those that
#: are rotated by hand.
MIN_AGE: Final = KEEP // (MAX_KEYS // 2)
#: Seconds between two tries of a process to rotate a key that is old. Our choice: each may make a key for nothing.
AGAIN: Final = 60

logger: Final = logging.getLogger("gatepass.keys")

_keepers: "WeakSet[KeyKeeper]" = WeakSet()


def _after_fork() -> None:
    for keeper in list(_keepers):
        keeper._mutex = Lock()  # noqa: SLF001  a thread of the parent may have held it


_ = getattr(os, "register_at_fork", dict)(after_in_child=_after_fork)  # Windows has no forks


class KeyKeeper(ABC):
    """A key ring that several processes share: made by the first who asks for it, found by all who come after.

    Args:
        algorithm: What a new key is for.
        rotate_after: Seconds after which a key is old, `MIN_AGE` at least: the next who asks for the ring publishes
            another one. None: keys are rotated by hand.
        clock: Seconds since the epoch.

    Raises:
        ConfigurationError: *rotate_after* is no such number of seconds.
    """

    def __init__(self, algorithm: str, *, rotate_after: float | None, clock: Callable[[], float]) -> None:
        self._algorithm = algorithm
        self._rotate_after = _checked_age(rotate_after, f"{type(self).__name__}(rotate_after=...)")
        self._clock = clock
        self._tried_at = -AGAIN
        self._mutex = Lock()
        self._watching: list[WeakMethod[Callable[[], None]]] = []
        _keepers.add(self)

    def ring(self) -> KeyRing:
        """The ring as it is now; the same object while it has not changed.

        A key that is old and cannot be rotated, because the disk is full for one, is as good as it was: it goes on, the
        log `gatepass.keys` says why, and a minute later it is tried again.

        Raises:
            ConfigurationError: What is there is not ours, cannot be opened, or others can read it. It is left as it is.
            StoreError: Where it is kept does not answer.
        """
        ring, now = self._kept(), self._now()
        if not self._old(ring) or self._tried_at <= now < self._tried_at + AGAIN:
            return ring
        self._tried_at = now
        try:
            changed = self._changed(self._aged) if self._claim(ring) else ring
        except (ConfigurationError, StoreError) as error:
            logger.warning("a key is old and could not be rotated; it signs on, next try in %d s: %s", AGAIN, error)
            return ring
        if changed.ahead is not None and changed.ahead is not ring.ahead:
            logger.info("a key was old: %r takes its place in %d s", changed.ahead.kid, AHEAD)
        return changed

    def watch(self, changed: Callable[[], None]) -> None:
        """Call *changed* after each change that is made here, for as long as the object lives whose method it is.

        So what checks with this ring reads it again at once, and need not ask before each check.
        """
        with self._mutex:
            self._watching = [*(method for method in self._watching if method() is not None), WeakMethod(changed)]

    def rotate(self, *, at_once: bool = False) -> KeyRing:
        """Publish a new key, which signs in ten minutes, and derive from a new root; what was there goes on verifying.

        Args:
            at_once: Sign with it from now on. Verifiers that fetched the public keys just before refuse its tokens
                until they fetch them again. For a key that others may have seen.

        Raises:
            ConfigurationError: As for `ring`, and nothing is changed; or a key is published and does not sign yet; or
                the ring would have more keys than are read.
            StoreError: As for `ring`.
        """
        return self._changed(lambda ring: self._rotated(ring, 0 if at_once else AHEAD))

    def retire(self, kid: str) -> KeyRing:
        """Forget a key that does not sign: nothing under it is good any more, wherever this ring is read.

        Gates that hold this object know at once, those of other processes within five seconds (`core.warm.LOOK`). For
        all of them to know at once, `revoke(kid=...)` writes it into the log.

        Raises:
            ConfigurationError: As for `ring`; or it signs, or there is no such key. Nothing is changed.
            StoreError: As for `ring`.
        """
        return self._changed(lambda ring: ring.without(kid, now=self._now()))

    def join(self, keys: Key | KeySet) -> KeyRing:
        """Verify with *keys*, too: those of the software that was here before. All of them are taken, or none.

        Args:
            keys: A key or a set. Of a private key only the public half is kept: what only verifies is no secret.

        Raises:
            ConfigurationError: As for `ring`; or it does not go with those that are here, or the ring would have more
                keys than are read. Nothing is changed.
            StoreError: As for `ring`.
        """

        def joined(ring: KeyRing) -> KeyRing:
            for key in keys if isinstance(keys, KeySet) else (keys,):
                ring = ring.joined(key.public_key() if isinstance(key, AsymmetricKey) else key, now=self._now())
            return ring

        return self._changed(joined)

    def _changed(self, change: Callable[[KeyRing], KeyRing]) -> KeyRing:
        def checked(ring: KeyRing) -> KeyRing:
            changed = change(ring)
            if changed is not ring:
                written.check_size(changed, ring)
            return changed

        try:
            return self._change(checked)
        finally:  # also where it was written, and could not be read again
            for method in self._watching:
                if (changed := method()) is not None:
                    changed()

    @abstractmethod
    def _kept(self) -> KeyRing:
        """The ring as it is now, made if there is none."""

    @abstractmethod
    def _change(self, change: Callable[[KeyRing], KeyRing]) -> KeyRing:
        """Replace the ring by what *change* makes of it, and nothing that another process wrote meanwhile."""

    @abstractmethod
    def _claim(self, ring: KeyRing) -> bool:
        """Whether it is for us to rotate *ring*, which is old."""

    def _rotated(self, ring: KeyRing, ahead: int) -> KeyRing:
        now = self._now()
        return ring.published(generate(self._algorithm), new_root(now), now=now, signs_from=now + ahead, keep=KEEP)

    def _aged(self, ring: KeyRing) -> KeyRing:
        return self._rotated(ring, AHEAD) if self._old(ring) else ring  # another process was first

    def _old(self, ring: KeyRing) -> bool:
        now = self._now()
        if self._rotate_after is None or (ring.ahead is not None and now < ring.ahead_at):
            return False
        return now - (ring.life(ring.signer(now).kid).signs_from or 0) >= self._rotate_after

    def _now(self) -> int:
        return int(self._clock())


def _checked_age(age: object, source: str) -> float | None:
    if age is None:
        return None
    if (
        isinstance(age, int | float)
        and not isinstance(age, bool)
        and age >= MIN_AGE
        and (type(age) is int or isfinite(age))
    ):
        return age
    raise ConfigurationError(
        cause="rotate_after is not a number of seconds after which a key is old",
        fix=f"Give {MIN_AGE} at least, so that no ring holds more keys than are read; 90 days are 90 * 86_400.",
        source=source,
    )
