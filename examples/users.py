"""The users of the examples. gatepass keeps none: an application tells it who logged in, and what they may do."""

import hashlib
import hmac
import os

from gatepass import Subject

#: For the reader to log in with. A real application has no such table.
PASSWORDS = {"ada": "analytical engine", "grace": "nanoseconds of wire"}
_ROLES = {"ada": frozenset({"admin"}), "grace": frozenset[str]()}


def _hash(password: str, salt: bytes) -> bytes:
    # The least that OWASP's password storage sheet allows for scrypt: 2**14 with p=5.
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=5)


_SALTS = {name: os.urandom(16) for name in PASSWORDS}
_HASHES = {name: _hash(password, _SALTS[name]) for name, password in PASSWORDS.items()}


def check(name: str, password: str) -> bool:
    """Whether *password* is that of user *name*. It takes as long for a name that does not exist."""
    salt = _SALTS.get(name, b"nobody's salt")
    return hmac.compare_digest(_hash(password[:1000], salt), _HASHES.get(name, b""))


def load(name: str) -> Subject | None:
    """What user *name* may do, asked at each login and refresh; None for somebody who may do nothing any more."""
    return Subject(roles=_ROLES[name]) if name in _ROLES else None
