"""Keys made here, of fresh randomness."""

import secrets
from collections.abc import Callable, Mapping
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gatepass.core.keyring import ROOT_SIZE, KeyRing, Root
from gatepass.core.keys import EcKey, Ed25519Key, HmacKey, Key, RsaKey, current_name
from gatepass.errors import ConfigurationError

#: Bits of an RSA modulus. 3,072: as strong as P-256; NIST SP 800-57 part 1 ends 2,048 with the year 2030.
RSA_BITS: Final = 3_072

_GENERATE: Final[Mapping[str, Callable[[], Key]]] = {
    "ES256": lambda: EcKey(ec.generate_private_key(ec.SECP256R1())),
    "ES384": lambda: EcKey(ec.generate_private_key(ec.SECP384R1())),
    "ES512": lambda: EcKey(ec.generate_private_key(ec.SECP521R1())),
    "Ed25519": lambda: Ed25519Key(Ed25519PrivateKey.generate()),
    "HS256": lambda: HmacKey(secrets.token_bytes(32)),
    "HS384": lambda: HmacKey(secrets.token_bytes(48), algorithm="HS384"),
    "HS512": lambda: HmacKey(secrets.token_bytes(64), algorithm="HS512"),
    "RS256": lambda: _rsa("RS256"),
    "RS384": lambda: _rsa("RS384"),
    "RS512": lambda: _rsa("RS512"),
    "PS256": lambda: _rsa("PS256"),
    "PS384": lambda: _rsa("PS384"),
    "PS512": lambda: _rsa("PS512"),
}


def generate(algorithm: str) -> Key:
    """Make a key for *algorithm*.

    Args:
        algorithm: ES256, which every verifier has; Ed25519, which is quicker to sign and check; HS256 for one
            application that signs and verifies; or one of ES384, ES512, RS256, RS384, RS512, PS256, PS384, PS512,
            HS384, HS512. An RSA key takes a moment and has 3,072 bits.

    Raises:
        ConfigurationError: There is no such algorithm here.
    """
    make = _GENERATE.get(current_name(algorithm)) if type(algorithm) is str else None
    if make is None:
        raise ConfigurationError(
            cause=f"{algorithm!r} is not an algorithm that keys are made for",
            fix=f"Use one of {', '.join(_GENERATE)}.",
            source="algorithm=...",
        )
    return make()


def new_ring(algorithm: str = "ES256", *, now: int) -> KeyRing:
    """Make a ring of one new key and one new root; *now* is what its root is dated, in seconds since the epoch."""
    return KeyRing(signing=generate(algorithm), roots=(new_root(now),))


def _rsa(algorithm: str) -> Key:
    return RsaKey(rsa.generate_private_key(65_537, RSA_BITS), algorithm=algorithm)


def new_root(now: int) -> Root:
    """Make a root of 32 random bytes; *now* is what it is dated, in seconds since the epoch."""
    return Root(kid=secrets.token_urlsafe(12), secret=secrets.token_bytes(ROOT_SIZE), created_at=now)
