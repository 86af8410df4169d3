"""Keys: made, read, and kept in a file that only its owner can read."""

from gatepass.core.keyring import KeyRing
from gatepass.core.keys import EcKey, Ed25519Key, HmacKey, Key, KeySet, RsaKey
from gatepass.keys.file import KeyFile
from gatepass.keys.made import generate, new_ring
from gatepass.keys.read import load

__all__ = [
    "EcKey",
    "Ed25519Key",
    "HmacKey",
    "Key",
    "KeyFile",
    "KeyRing",
    "KeySet",
    "RsaKey",
    "generate",
    "load",
    "new_ring",
]
