"""Keys: made, read, and kept in a file that only its owner can read."""

from gatepass.core.jwk import EcKey, HmacKey, Key, KeySet
from gatepass.core.keyring import KeyRing
from gatepass.keys.file import KeyFile
from gatepass.keys.made import generate, new_ring
from gatepass.keys.read import load

__all__ = ["EcKey", "HmacKey", "Key", "KeyFile", "KeyRing", "KeySet", "generate", "load", "new_ring"]
