"""Keys: made, read, and kept: in a file that only its owner can read, or sealed in the store."""

from gatepass.core.keyring import KeyRing
from gatepass.core.keys import EcKey, Ed25519Key, HmacKey, Key, KeySet, RsaKey
from gatepass.keys.file import KeyFile
from gatepass.keys.made import generate, new_ring
from gatepass.keys.read import load
from gatepass.keys.remote import AsyncRemoteKeySet, RemoteKeySet
from gatepass.keys.store import KeyStore

__all__ = [
    "AsyncRemoteKeySet",
    "EcKey",
    "Ed25519Key",
    "HmacKey",
    "Key",
    "KeyFile",
    "KeyRing",
    "KeySet",
    "KeyStore",
    "RemoteKeySet",
    "RsaKey",
    "generate",
    "load",
    "new_ring",
]
