"""Keys: one class a family, each instance bound to one algorithm, so that no text can choose how it is used."""

from gatepass.core.keys.base import MAX_KID, Key
from gatepass.core.keys.ec import EcKey
from gatepass.core.keys.ed25519 import Ed25519Key
from gatepass.core.keys.hmac import HmacKey
from gatepass.core.keys.jwk import ALGORITHMS, MAX_KEYS, current_name, read_jwk, read_jwks, read_member
from gatepass.core.keys.keyset import KeySet
from gatepass.core.keys.pem import read_der, read_pem
from gatepass.core.keys.rsa import RsaKey

__all__ = [
    "ALGORITHMS",
    "MAX_KEYS",
    "MAX_KID",
    "EcKey",
    "Ed25519Key",
    "HmacKey",
    "Key",
    "KeySet",
    "RsaKey",
    "current_name",
    "read_der",
    "read_jwk",
    "read_jwks",
    "read_member",
    "read_pem",
]
