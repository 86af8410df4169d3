"""Keys made here, of fresh randomness."""

import secrets
from collections.abc import Callable, Mapping
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from gatepass.core.jwk import EcKey, HmacKey, Key
from gatepass.core.keyring import ROOT_SIZE, KeyRing, Root
from gatepass.errors import ConfigurationError

_GENERATE: Final[Mapping[str, Callable[[], Key]]] = {
    "ES256": lambda: EcKey(ec.generate_private_key(ec.SECP256R1())),
    "HS256": lambda: HmacKey(secrets.token_bytes(32)),
}


def generate(algorithm: str) -> Key:
    """Make a key for *algorithm*: ES256, whose public half others can verify with, or HS256 for one application.

    Raises:
        ConfigurationError: There is no such algorithm here.
    """
    if algorithm not in _GENERATE:
        raise ConfigurationError(
            cause=f"{algorithm!r} is not an algorithm that keys are made for",
            fix=f"Use one of {', '.join(_GENERATE)}.",
            source="algorithm=...",
        )
    return _GENERATE[algorithm]()


def new_ring(algorithm: str = "ES256", *, now: int) -> KeyRing:
    """Make a ring of one new key and one new root; *now* is what its root is dated, in seconds since the epoch."""
    return KeyRing(signing=generate(algorithm), roots=(new_root(now),))


def new_root(now: int) -> Root:
    """Make a root of 32 random bytes; *now* is what it is dated, in seconds since the epoch."""
    return Root(kid=secrets.token_urlsafe(12), secret=secrets.token_bytes(ROOT_SIZE), created_at=now)
