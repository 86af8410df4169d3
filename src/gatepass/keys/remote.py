"""The keys of an issuer, fetched from the address where it publishes them, and from no other.

Only `http.client`: a fetch is rare and not on the path of a check, and what must not be done here (follow a redirect,
ask a proxy, unpack) is what it does not do by itself.
"""

import asyncio
import http.client
import re
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from gatepass.core.keys import Key, KeySet, read_jwk
from gatepass.core.strict import b64decode, read_object
from gatepass.errors import ConfigurationError, MalformedCredential, StoreError

#: Octets of an answer. 512 KiB: about a thousand keys; nobody has so many.
MAX_ANSWER: Final = 512 * 1024
#: Seconds for a fetch as a whole. Our choice: a request waits for it.
TIMEOUT: Final = 5.0
#: Seconds between two fetches that tokens can cause. A stranger can make up a kid with each request.
PAUSE: Final = 30.0
#: Seconds that a set is good: without `max-age` five minutes, with it within these bounds. Our choice: a key that was
#: withdrawn is gone within a day, and no issuer is asked more than once a minute.
DEFAULT_AGE: Final = 300.0
MIN_AGE: Final = 60.0
MAX_AGE: Final = 86_400.0

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?([0-9]{1,10})(?![0-9])", re.IGNORECASE)
_MAX_HEADER: Final = 8_192


class RemoteKeySet:
    """The keys that are published at a URL. Threads may share it.

    They are fetched when first asked for, again when their time is over, and when a token names a key that is not among
    them, which is at most once in 30 seconds. While the issuer cannot be reached, the last good set stays.

    Args:
        url: Where they are: https, or http on this machine. It is configuration; a token never names it.
        algorithm: What those keys are for that do not say it themselves, as for `load`.
        timeout: Seconds for a fetch as a whole.
        clock: Seconds on a clock that never goes back.

    Raises:
        ConfigurationError: Such an address is not asked.
    """

    def __init__(
        self,
        url: str,
        *,
        algorithm: str | None = None,
        timeout: float = TIMEOUT,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._algorithm = algorithm
        self._url = _checked(url)
        self._timeout = timeout
        self._clock = clock
        self._fetching = threading.Lock()
        self._keys: KeySet | None = None
        self._good_until = 0.0
        self._asked_at: float | None = None

    def key_set(self, kid: str | None = None) -> KeySet:
        """The keys as they are known now; what `gatepass.tokens.verify` asks for.

        Args:
            kid: A key that should be among them. If it is not, the issuer is asked, within the bounds above.

        Raises:
            StoreError: The keys were never fetched, and cannot be.
        """
        # Whoever has keys that will do does not wait for somebody else's fetch.
        wait = self._keys is None or (kid is not None and self._keys.get(kid) is None)
        if self._wanting(kid) and (wait or self._may_ask()) and self._fetching.acquire(blocking=wait):
            try:
                if self._wanting(kid) and self._may_ask():  # else another thread was first
                    self._fetch()
            finally:
                self._fetching.release()
        if self._keys is None:
            raise StoreError("the key set of the issuer could not be fetched")
        return self._keys

    def _wanting(self, kid: str | None) -> bool:
        keys = self._keys
        return keys is None or self._clock() >= self._good_until or (kid is not None and keys.get(kid) is None)

    def __repr__(self) -> str:
        return f"<RemoteKeySet {self._url.hostname}>"

    def _may_ask(self) -> bool:
        return self._asked_at is None or self._clock() - self._asked_at >= PAUSE

    def _fetch(self) -> None:
        self._asked_at = self._clock()
        with suppress(
            OSError, UnicodeError, http.client.HTTPException, MalformedCredential, ConfigurationError, _NotGood
        ):
            text, age = _get(self._url, self._timeout)
            keys = _usable(text, self._algorithm)  # before the time is set: a set that cannot be read is not fresh
            self._keys, self._good_until = keys, self._clock() + age


class AsyncRemoteKeySet:
    """The same for asyncio: ``verify(token, await keys.keys_for(token), ...)``.

    Args:
        url: As for `RemoteKeySet`.
        algorithm: What those keys are for that do not say it themselves, as for `load`.
        timeout: Seconds for a fetch as a whole.
        clock: Seconds on a clock that never goes back.

    Raises:
        ConfigurationError: Such an address is not asked.
    """

    def __init__(
        self,
        url: str,
        *,
        algorithm: str | None = None,
        timeout: float = TIMEOUT,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._plain = RemoteKeySet(url, algorithm=algorithm, timeout=timeout, clock=clock)

    async def keys_for(self, token: object) -> KeySet:
        """The keys to check *token* with; a fetch waits in a thread. Of the token only the `kid` is read.

        Raises:
            StoreError: The keys were never fetched, and cannot be.
        """
        return await asyncio.to_thread(self._plain.key_set, _kid(token))

    def __repr__(self) -> str:
        return repr(self._plain)


class _NotGood(Exception):
    """The answer is not one that keys are taken from."""


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused("the address is none") from None
    if parts.username is not None or parts.password is not None:
        raise _refused("the address holds a user or a password")
    if not parts.hostname or port == 0 or parts.fragment or not url.isascii() or not url.isprintable() or " " in url:
        raise _refused("the address is none")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise _refused("the address is not https")
    return parts


def _refused(cause: str) -> ConfigurationError:
    return ConfigurationError(
        cause=cause, fix="Give the https address of a JWK Set, without a user in it.", source="RemoteKeySet(url)"
    )


def _kid(token: object) -> str | None:
    """The key that *token* names, if it can be read; what cannot is refused without keys."""
    if not isinstance(token, str):
        return None
    try:
        kid = read_object(b64decode(token[:_MAX_HEADER].partition(".")[0].encode())).get("kid")
    except (MalformedCredential, UnicodeEncodeError):
        return None
    return kid if isinstance(kid, str) else None


def _get(url: SplitResult, timeout: float) -> tuple[bytes, float]:
    """The body that is served at *url*, and how long it is good."""
    kind: Any = http.client.HTTPConnection
    more: dict[str, Any] = {}
    if url.scheme == "https":
        kind, more = http.client.HTTPSConnection, {"context": ssl.create_default_context()}
    connection = kind(url.hostname, url.port, timeout=timeout, **more)
    end = threading.Timer(timeout, _hang_up, [connection])  # each read has its own time-out: a drop a second would pass
    end.daemon = True
    end.start()
    try:
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        connection.request("GET", path, headers={"Accept": "application/jwk-set+json, application/json"})
        answer = connection.getresponse()
        if answer.status != http.client.OK:  # nor a redirect: it would be another address than the one that is trusted
            raise _NotGood
        body: bytes = answer.read(MAX_ANSWER + 1)
        if len(body) > MAX_ANSWER or (answer.length or 0) > 0:
            raise _NotGood
    finally:
        end.cancel()
        connection.close()
    found = _MAX_AGE.search(answer.headers.get("Cache-Control", ""))
    return body, min(max(float(found[1]), MIN_AGE), MAX_AGE) if found else DEFAULT_AGE


def _hang_up(connection: http.client.HTTPConnection) -> None:
    with suppress(OSError, AttributeError):  # it may not be connected yet, and then its own time-out ends it
        _ = connection.sock.shutdown(socket.SHUT_RDWR)


def _usable(text: bytes, algorithm: str | None) -> KeySet:
    """The public keys of the set that can be used; the others are somebody else's, or not for us."""
    members = read_object(text).get("keys")
    if not isinstance(members, list):
        raise _NotGood
    keys: dict[str, Key] = {}
    for member in members:
        with suppress(ConfigurationError):
            key = read_jwk(member, algorithm=algorithm, source="RemoteKeySet(url)")
            if not key.symmetric:  # a secret that is published is none
                _ = keys.setdefault(key.kid, key)
    return KeySet(keys.values(), source="RemoteKeySet(url)")
