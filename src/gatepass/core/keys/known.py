"""Secrets that everybody knows: those of tutorials, and the texts of public keys."""

import re
from contextlib import suppress
from typing import Final

from cryptography.hazmat.primitives.serialization import load_der_public_key

from gatepass.core.keys.base import UNREADABLE
from gatepass.core.strict import b64decode
from gatepass.errors import MalformedCredential

# Secrets of tutorials that are long enough to pass for one: of jwt.io, FastAPI's and Flask's pages, Django's template.
_SAMPLES: Final = (
    b"a-string-secret-at-least-256-bits-long",
    b"a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
    b"09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    b"192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
    b"django-insecure-",
    b"your-256-bit-secret",
    b"your-384-bit-secret",
    b"your-512-bit-secret",
    b"your-secret-key",
    b"changeme",
    b"change-me",
    b"secretsecret",
    b"passwordpassword",
)
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_PUBLIC_TEXT: Final = re.compile(
    rb"-----BEGIN|---- BEGIN SSH2|\"kty\"|'kty'|\b(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp\d+|sk-ssh-|sk-ecdsa-)"
)

# A sequence in a sequence, then a version that is tagged: RFC 5280 section 4.1. It is not parsed: parsing warns, and a
# program may have made warnings errors.
_LENGTH: Final = rb"(?:[\x00-\x7f]|\x81.|\x82..|\x83...)"
_CERTIFICATE: Final = re.compile(rb"\x30" + _LENGTH + rb"\x30" + _LENGTH + rb"\xa0\x03\x02\x01[\x01\x02]", re.DOTALL)


def is_repeated(secret: bytes) -> bool:
    """Whether *secret* is one byte, over and over."""
    return len(set(secret)) == 1


def is_sample(secret: bytes) -> bool:
    """Whether *secret* holds one that documentation prints."""
    lower = secret.lower()
    return any(sample in lower for sample in _SAMPLES)


def is_public(secret: bytes) -> bool:
    """Whether *secret* is a public key or a certificate, in any of the forms in which they are passed around."""
    if _PUBLIC_TEXT.search(secret.replace(b"\0", b"")):  # without the zeros of UTF-16
        return True
    candidates = [secret]
    with suppress(MalformedCredential):  # DER without its armour, in either alphabet
        candidates.append(b64decode(b"".join(secret.split()).translate(_TO_URL).rstrip(b"=")))
    return any(_is_der_key(candidate) or is_certificate(candidate) for candidate in candidates)


def is_certificate(der: bytes) -> bool:
    """Whether *der* begins as an X.509 certificate does."""
    return _CERTIFICATE.match(der) is not None


def _is_der_key(der: bytes) -> bool:
    try:
        _ = load_der_public_key(der)
    except UNREADABLE:
        return False
    return True
