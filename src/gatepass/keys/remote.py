"""The keys of an issuer, fetched from the address where it publishes them, and from no other.

A fetch has a thread of its own, and whoever needs it waits for it, plain or awaited, until its time is over: looking up
a name cannot be cut short otherwise. Whoever has keys that will do does not come near it.
"""

import asyncio
import logging
import os
import re
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from math import ceil
from time import monotonic
from typing import Final, NamedTuple
from weakref import WeakSet

from gatepass.core import jws
from gatepass.core.keys import ALGORITHMS, MAX_KEYS, HmacKey, Key, KeySet, RsaKey, read_member
from gatepass.core.strict import read_object
from gatepass.errors import ConfigurationError, CredentialError, MalformedCredential, StoreError
from gatepass.keys.fetch import Unanswered, address, fetch

#: Octets of an answer. 512 KiB: about a thousand keys; nobody has so many.
MAX_ANSWER: Final = 512 * 1024
#: Seconds for a fetch as a whole. Our choice: a request waits for it.
TIMEOUT: Final = 5.0
#: Seconds; the longest that can be asked for. Our choice: no request waits longer than that.
MAX_TIMEOUT: Final = 60.0
#: Seconds between two fetches that tokens can cause. A stranger can make up a kid with each request.
PAUSE: Final = 30.0
#: Seconds between two while there are no keys at all: everybody is refused as long as the issuer is not asked again.
FIRST_PAUSE: Final = 5.0
#: Seconds that a set is good: without `max-age` five minutes, with it within these bounds. Our choice: a key that was
#: withdrawn is gone within a day, and no issuer is asked more than once a minute.
DEFAULT_AGE: Final = 300.0
MIN_AGE: Final = 60.0
MAX_AGE: Final = 86_400.0
#: Seconds past its time for which a set is used while a new one is fetched. Our choice: who slept for longer waits,
#: once, and trusts no key that was withdrawn meanwhile.
OVERDUE: Final = 3_600.0

#: Seconds that a fetch has to end after its time is over, before nobody waits for it any more. It ends by itself but
#: while a name is being looked up.
_SLACK: Final = 0.5
_MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?([0-9]{1,10})(?![0-9])", re.IGNORECASE)
_ACCEPT: Final = "application/jwk-set+json, application/json"
#: A secret that is published is none.
_PUBLIC: Final = ALGORITHMS - HmacKey.algorithms

logger: Final = logging.getLogger("gatepass.keys")


class _Known(NamedTuple):
    """What is known, always replaced as a whole: who reads it sees no set of before beside a fault of after."""

    keys: KeySet | None = None
    good_until: float = 0.0
    #: Why the last fetch brought nothing, or that it has not ended; empty if it brought these keys.
    trouble: str = ""

    def lacks(self, kid: str | None) -> bool:
        return self.keys is None or (kid is not None and self.keys.get(kid) is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flight:
    """A fetch that is under way, for all who wait for it."""

    end: float
    #: Whether the set of before was `OVERDUE` when it began: then it is not used until this has ended.
    overdue: bool
    done: "Future[None]" = field(default_factory=Future)

    @property
    def left(self) -> float:
        """Seconds that it is waited for."""
        return max(self.end + _SLACK - monotonic(), 0.0)


class _Published:
    """What is known of the keys at a URL, and the one fetch that brings it up to date."""

    def __init__(
        self,
        url: str,
        *,
        algorithm: str | None = None,
        timeout: float = TIMEOUT,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._source = f"{type(self).__name__}(...)"
        self._url = address(url, self._source)
        self._algorithm = _checked_algorithm(algorithm, self._source)
        self._timeout = _checked_timeout(timeout, self._source)
        self._clock = clock
        self._known = _Known()
        self._asked_at: float | None = None
        self._flight: _Flight | None = None
        self._starting = threading.Lock()  # held for a moment, and by nobody who waits for the issuer
        _all.add(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._url.hostname}>"

    def _needed(self, kid: str | None) -> _Flight | None:
        """The fetch to wait for before the keys are used, or None. One that is due is begun."""
        known = self._known
        lacking = known.lacks(kid)
        late = self._clock() - known.good_until
        if not lacking and late < 0:
            return None
        with self._starting:
            if self._flight is not None:
                # Whoever has keys does not wait for somebody else's fetch, unless these are too old for that.
                return self._flight if lacking or self._flight.overdue else None
            if self._asked_at is not None and self._clock() - self._asked_at < self._pause:
                return None
            # Where nobody has asked for long; with a trouble of late, the issuer was asked and is silent.
            asked_of_late = self._asked_at is not None and self._clock() - self._asked_at < OVERDUE
            overdue = late >= OVERDUE and not (known.trouble and asked_of_late)
            self._asked_at = self._clock()
            self._known = self._known._replace(trouble="has not answered yet")
            flight = self._flight = _Flight(end=monotonic() + self._timeout, overdue=overdue)
            _ = flight.done.set_running_or_notify_cancel()  # whoever stops waiting does not end it for the others
        try:
            threading.Thread(target=self._fetch, args=(flight,), name="gatepass.keys", daemon=True).start()
        except RuntimeError as error:  # there are too many threads, or this program is ending
            self._failed(f"was not asked: {error}")
            self._landed(flight)
        return flight if lacking or overdue else None  # nor for one's own

    @property
    def _pause(self) -> float:
        return FIRST_PAUSE if self._known.keys is None else PAUSE

    def _answer(self, kid: str | None) -> KeySet:
        """What there is for a token that names *kid*. A key that was not found because of a fault is no refusal."""
        known = self._known
        if known.keys is not None and not (known.trouble and known.lacks(kid)):
            return known.keys
        raise self._fault(known)

    def _fault(self, known: _Known) -> StoreError:
        error = StoreError(f"the keys could not be fetched: the server {self._url.hostname} {known.trouble}")
        if self._flight is None and self._asked_at is not None:
            error.retry_after = max(ceil(self._asked_at + self._pause - self._clock()), 1)
        return error

    def _fetch(self, flight: _Flight) -> None:
        try:
            text, said = fetch(self._url, accept=_ACCEPT, timeout=self._timeout, end=flight.end, most=MAX_ANSWER)
            keys, left_out = _usable(text, self._algorithm, self._source)
        except Unanswered as error:
            self._failed(str(error))
        else:
            for cause in left_out:
                logger.info("a key of %s is left out: %s", self._url.hostname, cause)
            if not keys:
                logger.warning("the server %s has withdrawn all its keys: no token of it is good", self._url.hostname)
            self._known = _Known(keys, self._clock() + _age(said))
        finally:
            self._landed(flight)

    def _failed(self, trouble: str) -> None:
        self._known = self._known._replace(trouble=trouble)
        logger.warning("keys were not fetched: the server %s %s", self._url.hostname, trouble)

    def _landed(self, flight: _Flight) -> None:
        self._flight = None
        flight.done.set_result(None)

    def _after_fork(self) -> None:
        self._starting = threading.Lock()  # a thread of the parent may have held it
        if self._flight is not None:  # and the one that fetches is not here
            self._flight = self._asked_at = None


_all: "WeakSet[_Published]" = WeakSet()


def _after_fork() -> None:
    for published in list(_all):
        published._after_fork()  # noqa: SLF001  it is the one class of this module


_ = getattr(os, "register_at_fork", dict)(after_in_child=_after_fork)  # Windows has no forks


class RemoteKeySet(_Published):
    """The keys that are published at a URL. Threads may share it: ``verify(token, keys, ...)``.

    They are fetched when first asked for, again when their time is over, and when a token names a key that is not among
    them, which is at most once in 30 seconds (five while there are none). Who has the key does not wait, unless nobody
    has asked for an hour past their time. While the issuer cannot be reached, the last good set stays. Why it was not
    is in the log of `gatepass.keys`.

    Args:
        url: Where they are: https, or http on this machine. It is configuration; a token never names it.
        algorithm: What those RSA keys are for that do not say it themselves, or say several, such as RS256.
        timeout: Seconds for a fetch as a whole, 60 at most.
        clock: Seconds on a clock that never goes back.

    Raises:
        ConfigurationError: Such an address is not asked, there is no such algorithm, or no such time.
    """

    def key_set(self, kid: str | None = None) -> KeySet:
        """The keys as they are known now; what `gatepass.tokens.verify` asks for.

        Args:
            kid: A key that should be among them. If it is not, the issuer is asked, within the bounds above.

        Raises:
            StoreError: They were never fetched, or lack this key, and cannot be fetched now.
        """
        flight = self._needed(kid)
        if flight is not None:
            _ = wait((flight.done,), flight.left)
        return self._answer(kid)


class AsyncRemoteKeySet(_Published):
    """The same for asyncio: ``verify(token, await keys.keys_for(token), ...)``. Tasks may share it.

    Args:
        url: As for `RemoteKeySet`.
        algorithm: What those RSA keys are for that do not say it themselves, or say several, such as RS256.
        timeout: Seconds for a fetch as a whole, 60 at most.
        clock: Seconds on a clock that never goes back.

    Raises:
        ConfigurationError: As for `RemoteKeySet`.
    """

    async def keys_for(self, token: object) -> KeySet:
        """The keys to check *token* with, fetched if that is needed.

        Only for the `kid` of a token that is good in form, with an algorithm of public keys, is the issuer asked again.

        Raises:
            StoreError: They were never fetched, or lack the key of this token, and cannot be fetched now.
        """
        kid: str | None = None
        with suppress(CredentialError):  # which is for the check to say
            kid = jws.unverified_kid(token, _PUBLIC)
        flight = self._needed(kid)
        if flight is not None:
            done = asyncio.wrap_future(flight.done)
            try:
                _ = await asyncio.wait((done,), timeout=flight.left)
            finally:
                _ = done.cancel()  # or it would look for its loop when that is long closed
        return self._answer(kid)

    def key_set(self, kid: str | None = None) -> KeySet:
        """What is held, at once: a fetch that is needed goes on beside, and whoever asks again finds what it found.

        So ``verify(token, keys, ...)`` takes this too, and is a fault rather than a refusal until the keys are there.

        Args:
            kid: A key that should be among them.

        Raises:
            StoreError: They were not fetched yet, or not for an hour past their time, or lack this key, and are being
                fetched or cannot be.
        """
        flight = self._needed(kid)
        if flight is not None and flight.overdue and not flight.done.done():
            raise self._fault(self._known)  # here nobody can wait, and a key may have been withdrawn
        return self._answer(kid)


def _checked_algorithm(algorithm: object, source: str) -> str | None:
    if algorithm is None:
        return None
    if isinstance(algorithm, str) and algorithm in RsaKey.algorithms:
        return algorithm
    raise ConfigurationError(
        cause="the algorithm is not one of RSA keys; all others say it themselves",
        fix=f"Use one of {', '.join(sorted(RsaKey.algorithms))}, or leave it out.",
        source=source,
    )


def _checked_timeout(timeout: object, source: str) -> float:
    if isinstance(timeout, int | float) and not isinstance(timeout, bool) and 0 < timeout <= MAX_TIMEOUT:
        return timeout
    raise ConfigurationError(
        cause="the timeout is not a number of seconds that a request can wait",
        fix=f"Give one above 0, and {MAX_TIMEOUT:g} at most.",
        source=source,
    )


def _age(said: str) -> float:
    """Seconds that a set is good whose `Cache-Control` is *said*."""
    found = _MAX_AGE.search(said)
    return min(max(float(found[1]), MIN_AGE), MAX_AGE) if found else DEFAULT_AGE


def _usable(text: bytes, algorithm: str | None, source: str) -> tuple[KeySet, list[str]]:
    """The public keys of the set that can be used, and why the others cannot: they are not for us, or not well made.

    A set without members is an answer: all keys are withdrawn. One of whose members none can be used is none: whoever
    wrote it meant to publish keys.
    """
    try:
        members = read_object(text).get("keys")
    except MalformedCredential:
        raise Unanswered("gave no JSON object in UTF-8 with each name once") from None
    if not isinstance(members, list):
        raise Unanswered('gave no list "keys"')
    if not members:
        return KeySet.none(), []
    if len(members) > MAX_KEYS:
        raise Unanswered(f"gave more than {MAX_KEYS} keys")
    named: dict[str, list[Key]] = {}
    left_out: list[str] = []
    for member in members:
        try:
            key = read_member(member, algorithm=algorithm, public_only=True, source=source)
        except ConfigurationError as error:
            left_out.append(error.cause)
        else:
            named.setdefault(key.kid, []).append(key)
    meant = [_meant(same, algorithm) for same in named.values()]
    known = [key for key in meant if key is not None]
    left_out += ["its name (kid) is that of another key, or of the same for another algorithm"] * meant.count(None)
    if not known:
        raise Unanswered(f"gave no key that can be used: {left_out[0]}")
    return KeySet(known, source=source), left_out


def _meant(same: list[Key], algorithm: str | None) -> Key | None:
    """Of *same*, which have one name, the one that is meant: one key, for the algorithm asked for. Else None."""
    if len({tuple((name, text) for name, text in key.to_jwk().items() if name != "alg") for key in same}) > 1:
        return None
    said = {key.alg: key for key in same}
    return same[0] if len(said) == 1 else said.get(str(algorithm))
