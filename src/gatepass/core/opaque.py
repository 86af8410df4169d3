"""The form of opaque credentials: ``id.secret`` for a session, ``id.generation.secret`` for a refresh token.

Both halves are canonical base64url (RFC 4648 section 5, no padding, unused bits zero), so each credential has exactly
one spelling. The patterns have fixed lengths and no choice to go back on: work ends with the first wrong character.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field

#: 128 random bits: nobody guesses one, and nobody meets one twice. ASVS 7.2.3.
ID_BYTES = 16
#: 256 random bits, so that a plain hash keeps it safe at rest.
SECRET_BYTES = 32

# 16 bytes are 22 characters of which the last carries 2 bits; 32 bytes are 43, the last carries 4.
_ID = r"([A-Za-z0-9_-]{21}[AQgw])"
_HALF = r"([A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])"
_GENERATION = r"(0|[1-9][0-9]{0,8})"
_SESSION = re.compile(rf"{_ID}\.{_HALF}")
_REFRESH = re.compile(rf"{_ID}\.{_GENERATION}\.{_HALF}")


@dataclass(frozen=True, slots=True)
class SessionToken:
    """What a client in session mode carries."""

    id: str
    secret: bytes = field(repr=False)

    def __str__(self) -> str:
        return f"{self.id}.{encode(self.secret)}"


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """What a client in hybrid mode exchanges for the next access token and the next of these."""

    id: str
    generation: int
    secret: bytes = field(repr=False)

    def __str__(self) -> str:
        return f"{self.id}.{self.generation}.{encode(self.secret)}"


def parse(text: str) -> SessionToken | RefreshToken | None:
    """The opaque credential that *text* spells, or None when it spells none."""
    if (match := _SESSION.fullmatch(text)) is not None:
        return SessionToken(match[1], _decode(match[2]))
    if (match := _REFRESH.fullmatch(text)) is not None:
        return RefreshToken(match[1], int(match[2]), _decode(match[3]))
    return None


def encode(data: bytes) -> str:
    """*data* in base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=")
