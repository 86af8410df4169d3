"""Inputs that were good until somebody was at them, and what must never come of one."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import gatepass
from gatepass.errors import ConfigurationError, CredentialError

#: Our own words: what a message shares with these it has from us.
WORDS = "\n".join(
    path.read_text(encoding="utf-8") for path in sorted(Path(gatepass.__file__).parent.rglob("*.py"))
).replace('"\n', "")

#: Put in at any place.
NASTY = (
    *(b'"', b"{", b"}", b"[", b"]", b":", b",", b"\\", b"\0", b" ", b"\n", b"=", b"+", b"/", b"-", b"_", b"."),
    *(b"\xff", b"\xc3\x28", b"\xef\xbb\xbf", b"\\ud800", b"NaN", b"1e999", b"9" * 5_000, b"[" * 40, b'{"a":' * 40),
    *(b"-----BEGIN PUBLIC KEY-----", b"-----END ", b"ENCRYPTED", b"\x30\x82\xff\xff", b"\x02\x01\x00"),
    *(b'"alg":"none"', b'"kty":"oct"', b'"d":""', b"null", b"true", b"AAAA", "ключ".encode(), b"\xed\xa0\x80"),
)
#: In the place of any value of a JSON object.
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 10**400, "", "A", "AA", "A" * 9_000, "\ud800", "é", "a\0b", "=", [], {}, [[]]),
    *(["verify"], ["sign", "sign"], [None], {"a": {}}, "RSA", "oct", "EC", "OKP", "RS256", "HS256", "EdDSA", "P-521"),
    *("Ed25519", "enc", "sig", "AQAB", "Ag", "x" * 257),
)


def leaks(message: str, given: str) -> str:
    """Eight characters of *given* in *message* that it does not have from us; empty if there are none."""
    runs = (message[i : i + 8] for i in range(len(message) - 7))
    return next((run for run in runs if run in given and run not in WORDS), "")


def refused(call: Callable[[Any], object], given: Any) -> bool:
    """Whether *call* refuses *given*, in our own words and with nothing of it; any other exception goes on."""
    try:
        _ = call(given)
    except (CredentialError, ConfigurationError) as error:
        found = leaks(str(error), shown(given))
        assert not found, f"a message holds {found!r}"
        return True
    return False


def shown(given: Any) -> str:
    """All text that is in *given*."""
    if isinstance(given, bytes):
        return given.decode("latin-1")
    return given if isinstance(given, str) else repr(given)


class Hand:
    """Changes things, in the same way for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def change(self, good: bytes) -> bytes:
        """*good*, changed in one place or a few."""
        data = bytearray(good)
        for _ in range(self.random.choice((1, 1, 1, 2, 3, 8))):
            at = self.random.randrange(len(data) + 1)
            to = min(len(data), at + self.random.choice((1, 1, 2, 4, 16, 64)))
            match self.random.randrange(6):
                case 0:
                    data[at:to] = self.random.randbytes(to - at)
                case 1:
                    del data[at:to]
                case 2:
                    data[at:at] = self.random.choice(NASTY)
                case 3:
                    data[at:to] = self.random.choice(NASTY)
                case 4:
                    data[at:at] = data[at:to] * self.random.choice((1, 2, 50))
                case _:
                    if at < len(data):
                        data[at] ^= 1 << self.random.randrange(8)
        return bytes(data)

    def json(self, good: Mapping[str, Any]) -> dict[str, Any]:
        """*good* with other values, fewer members, or one more."""
        changed = dict(good)
        for _ in range(self.random.choice((1, 1, 2, 3))):
            name = self.random.choice([*good, "alg", "use", "key_ops", "kid", "d", "x5c", "crit", "oth"])
            match self.random.randrange(4):
                case 0:
                    changed.pop(name, None)
                case 1:
                    changed[name] = self.random.choice(VALUES)
                case 2:
                    size = self.random.choice((0, 1, 31, 32, 33, 48, 66, 256, 257, 2_000))
                    changed[name] = urlsafe_b64encode(self.random.randbytes(size)).rstrip(b"=").decode()
                case _:
                    text = str(changed.get(name, "")).encode("utf-8", "surrogatepass")
                    changed[name] = self.change(text).decode("latin-1")
        return changed

    def text(self, good: Mapping[str, Any]) -> bytes:
        """*good* as JSON, changed before or after it was written."""
        changed = self.json(good) if self.random.randrange(2) else good
        written = json.dumps(changed).encode("utf-8", "surrogatepass")
        return self.change(written) if self.random.randrange(2) else written

    def many(self, count: int) -> Iterator["Hand"]:
        """*count* times the same hand."""
        for _ in range(count):
            yield self
