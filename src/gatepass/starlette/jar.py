"""The cookies that go with an answer, whatever the route returns."""

from collections.abc import Iterable

from starlette.types import Message

from gatepass.core.cookies import PURPOSES, Purpose
from gatepass.web.site import Place

#: From this status on, an answer is a refusal.
REFUSED = 400

_CACHE = b"cache-control"
_VARY = b"vary"
_NO_STORE = (_CACHE, b"no-store")
_OF_COOKIE = (_VARY, b"Cookie")


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
    kept, varies = [], False
    for header in headers:
        name = header[0]
        if len(name) == len(_CACHE) and name.lower() == _CACHE:
            continue
        if len(name) == len(_VARY) and name.lower() == _VARY:
            varies = True
        kept.append(header)
    kept.append(_NO_STORE)
    if varies:
        return varied(kept, b"Cookie")
    kept.append(_OF_COOKIE)  # what most answers come to, and each of them pays for
    return kept


def varied(headers: list[tuple[bytes, bytes]], name: bytes) -> list[tuple[bytes, bytes]]:
    """*headers*, whose one `Vary` has *name*, once.

    One header, because there are middlewares that read the first and drop the others.
    """
    said = [value for key, value in headers if key.lower() == _VARY]
    if name.lower() not in {word.strip() for word in b",".join(said).lower().split(b",")}:
        said.append(name)
    return [*(header for header in headers if header[0].lower() != _VARY), (_VARY, b", ".join(said))]
