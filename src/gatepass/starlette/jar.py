"""The cookies that go with an answer, whatever the route returns."""

from collections.abc import Iterable

from starlette.types import Message

from gatepass.core.cookies import PURPOSES, Purpose
from gatepass.web.site import Place

#: From this status on, an answer is a refusal.
REFUSED = 400

_CACHE = b"cache-control"
_VARY = b"vary"


class Jar:
    """What one answer sets and clears."""

    __slots__ = ("_cookies", "_logout", "read")

    def __init__(self) -> None:
        self._cookies: dict[Purpose, tuple[str, bool]] = {}
        self._logout = False
        #: Whether a credential was looked for, so that the answer is for one caller only.
        self.read = False

    def give(self, place: Place, purpose: Purpose, value: str, *, max_age: int | None) -> None:
        """Set a cookie, unless the answer turns out to be a refusal."""
        self._cookies[purpose] = place.cookies.set(purpose, value, max_age=max_age), False

    def take(self, place: Place, *purposes: Purpose) -> None:
        """Clear cookies that a new one takes the place of, unless the answer turns out to be a refusal."""
        for purpose in purposes:
            self._cookies[purpose] = place.cookies.clear(purpose), False

    def empty(self, place: Place) -> None:
        """Clear all of ours, whatever becomes of the answer: the session has ended."""
        for purpose in PURPOSES:
            self._cookies[purpose] = place.cookies.clear(purpose), True
        self._logout = True

    def into(self, message: Message) -> None:
        """Add it all to the head of the answer.

        Args:
            message: `http.response.start`.
        """
        if not self.read and not self._cookies:
            return
        headers = _only_for_caller(message.get("headers", ())) if self.read else list(message.get("headers", ()))
        refused = message["status"] >= REFUSED
        headers += [
            (b"set-cookie", line.encode("latin-1")) for line, stays in self._cookies.values() if stays or not refused
        ]
        if self._logout:
            # Never "cookies": that clears those of the whole registrable domain.
            headers.append((b"clear-site-data", b'"cache"'))
        message["headers"] = headers


def _only_for_caller(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """No cache keeps the answer, and one that does all the same knows for whom. ASVS 14.3.2; CVE-2023-30861."""
    kept = [item for item in headers if len(item[0]) != len(_CACHE) or item[0].lower() != _CACHE]
    return varied([*kept, (_CACHE, b"no-store")], b"Cookie")


def varied(headers: list[tuple[bytes, bytes]], name: bytes) -> list[tuple[bytes, bytes]]:
    """*headers*, whose one `Vary` has *name*, once.

    One header, because there are middlewares that read the first and drop the others.
    """
    said: list[bytes] = []
    kept: list[tuple[bytes, bytes]] = []
    for item in headers:
        if len(item[0]) == len(_VARY) and item[0].lower() == _VARY:
            said.append(item[1])
        else:
            kept.append(item)
    if name.lower() not in {word.strip() for word in b",".join(said).lower().split(b",")}:
        said.append(name)
    kept.append((_VARY, b", ".join(said)))
    return kept
