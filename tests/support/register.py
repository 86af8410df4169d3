"""Every credential that a test is given, and every place where one could have been left behind.

Gates of the tests enter what they issue; stores, files and logs are entered too. The very last test looks for each
credential in each place.
"""

import base64
import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gatepass import Credentials
from gatepass.core.opaque import parse
from gatepass.stores.memory import MemoryStore

#: A needle is recognised by so many bytes of it: 96 bits of base64, more than chance can offer.
PREFIX = 16

#: What may hold something: anything but long runs of zeros.
_LIVELY = re.compile(rb"(?:\0{0,31}[^\0])+", re.DOTALL)


@dataclass
class Register:
    """What was issued, and where to look for it."""

    credentials: set[str] = field(default_factory=set)
    places: list[MemoryStore | Path] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def issued(self, credentials: Credentials) -> Credentials:
        self.credentials.add(credentials.access_token)
        if credentials.refresh_token is not None:
            self.credentials.add(credentials.refresh_token)
        return credentials

    def haystacks(self) -> Iterator[tuple[str, bytes]]:
        yield "log", "\n".join(self.log).encode("utf-8", "backslashreplace")
        for place in self.places:
            if isinstance(place, MemoryStore):
                yield "memory", repr(vars(place)).encode() + b"".join(_contents(vars(place)))
            else:
                for path in [place] if place.is_file() else sorted(place.parent.glob(f"{place.name}*")):
                    yield path.name, path.read_bytes()


def _contents(value: object) -> Iterator[bytes]:
    """Every byte string and text anywhere inside *value*, as it lies in memory."""
    if isinstance(value, bytes):
        yield value + b"\0"
    elif isinstance(value, str):
        yield value.encode("utf-8", "surrogatepass") + b"\0"
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _contents(name)
            yield from _contents(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _contents(item)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from _contents(getattr(value, name))


def spellings(credential: str) -> Iterator[bytes]:
    """How *credential*, or the secret in it, could lie about: raw, in hex, in base64 at every alignment."""
    raw = [credential.encode()]
    parsed = parse(credential)
    if parsed is not None:
        raw += [parsed.secret, credential.rpartition(".")[2].encode()]
    else:
        signature = credential.rpartition(".")[2]
        raw += [signature.encode(), base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))]
    for text in raw:
        yield text
        yield text.hex().encode()
        yield text.hex().upper().encode()
        for before in range(3):
            for encode in (base64.b64encode, base64.urlsafe_b64encode):
                # The first characters mix with what stands before, the last with what stands behind.
                yield encode(b"\0" * before + text)[4:-4]


class Needles:
    """All spellings of *credentials*, to be looked for in one pass over each haystack, however many they are."""

    def __init__(self, credentials: Iterable[str]) -> None:
        self._spellings: dict[bytes, list[tuple[bytes, str]]] = {}
        for credential in credentials:
            for spelling in spellings(credential):
                self._spellings.setdefault(spelling[:PREFIX], []).append((spelling, credential))

    def find(self, haystack: bytes) -> set[str]:
        """Those credentials of which any spelling lies in *haystack*."""
        found = set()
        known = self._spellings
        for match in _LIVELY.finditer(haystack):  # most of a database file is zeros
            start, end = max(match.start() - PREFIX, 0), match.end()
            for at in range(start, end):
                prefix = haystack[at : at + PREFIX]
                if prefix in known:
                    found |= {name for spelling, name in known[prefix] if haystack.startswith(spelling, at)}
        return found


#: The one of this test run.
REGISTER = Register()


class Capture(logging.Handler):
    """Keeps every log line, with all that was attached to it."""

    def __init__(self, register: Register) -> None:
        super().__init__(logging.DEBUG)
        self._register = register

    def emit(self, record: logging.LogRecord) -> None:
        self._register.log.append(f"{record.getMessage()} {vars(record)!r}")
