"""Secrets that everybody knows: those of tutorials, and the texts of public keys."""

import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from gatepass.core.keys.base import UNREADABLE
from gatepass.core.keys.tutorials import TUTORIAL_SECRETS
from gatepass.core.strict import b64decode
from gatepass.errors import MalformedCredential

# What a secret must not hold either, whatever stands around it: of jwt.io, FastAPI, Flask, Django's template.
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
# What is written in place of a secret until somebody makes one: "my-super-secret-key-please-change-in-production".
_FILLERS: Final = """
    a an and any api app application at auth be before bits bytes change char characters chars code
    configuration default demo dev development do dont dummy enter env environment example fake for
    generate generated goes guess hard here in insecure insert is it jwt keep key least length local
    long longer make me minimum must my never not of only or our pass passphrase password phrase
    placeholder please private prod production project random real really replace safe sample secret
    secrets secure server service session should sign signature signing some something staging string
    strong super temp temporary test testing text than that the this to token top unsafe use value very
    web website will with word you your
"""
_FILLER: Final = re.compile("|".join(sorted(_FILLERS.split(), key=len, reverse=True)).encode())
_BETWEEN: Final = re.compile(rb"[- _.,:!?<>{}$]")
#: Bytes besides such words that are no secret either: a name, a year. 8 are few enough to be tried out.
_FEW_OTHERS: Final = 8
# Also what is printed for other octets: whoever forgets to decode it signs with its text.
_PRINTED: Final = frozenset(text.lower().encode() for text in TUTORIAL_SECRETS)
_EXAMPLES: Final = frozenset(b64decode(text.encode()) for text, kind in TUTORIAL_SECRETS.items() if kind == "base64url")
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
#: Bytes after which a secret that repeats itself begins anew. 64: longer than anything that is typed several times.
_MAX_PERIOD: Final = 64
#: Different bytes that are few. 4: 32 random ones have more, and so have 32 random digits, all but one time in 10^10.
_FEW: Final = 4
#: How often the armour around a key is taken off: base64 of PEM is what many put into a variable.
_LAYERS: Final = 2

# PEM, JWK and OpenSSH, also as YAML and within other texts.
_PUBLIC_TEXT: Final = re.compile(
    rb"(?i:-----BEGIN|BEGIN [A-Z ]{0,30}KEY)|---- BEGIN SSH2|\"kty\"|'kty'|\bkty\b.{1,16}?\b(?:EC|RSA|OKP)\b"
    rb"|\b(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp\d+|sk-ssh-|sk-ecdsa-)",
    re.DOTALL,
)
# What DER says of a public key, whatever stands around it: rsaEncryption or RSASSA-PSS, a curve, Ed25519; the exponent
# 65537 of PKCS#1, which names nothing.
_PUBLIC_DER: Final = re.compile(
    rb"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01[\x01\x0a]|\x06\x07\x2a\x86\x48\xce\x3d\x02\x01|\x30\x05\x06\x03\x2b\x65\x70"
    rb"|\x02\x03\x01\x00\x01"
)
# Of an uncompressed point (SEC 1 section 2.3.3) by its bytes. The compressed form is not looked for: of random secrets
# of that length, one in 256 has it.
_CURVES: Final = {65: ec.SECP256R1(), 97: ec.SECP384R1(), 133: ec.SECP521R1()}

# A sequence in a sequence, then a version that is tagged: RFC 5280 section 4.1. It is not parsed: parsing warns, and a
# program may have made warnings errors.
_LENGTH: Final = rb"(?:[\x00-\x7f]|\x81.|\x82..|\x83...)"
_CERTIFICATE: Final = re.compile(rb"\x30" + _LENGTH + rb"\x30" + _LENGTH + rb"\xa0\x03\x02\x01[\x01\x02]", re.DOTALL)


def is_repeated(secret: bytes) -> bool:
    """Whether *secret* is a shorter text, over and over, the last time perhaps cut; or a few bytes in any order."""
    if len(set(secret)) <= _FEW:
        return True
    longest = min(len(secret) // 2, _MAX_PERIOD)
    return any(secret[period:] == secret[:-period] for period in range(1, longest + 1))


def is_counted(secret: bytes) -> bool:
    """Whether each byte of *secret* is as far from the one before it."""
    return len({(after - before) % 256 for before, after in pairwise(secret)}) == 1


def is_sample(secret: bytes) -> bool:
    """Whether *secret* is one that documentation prints, or holds one that is found within others, too."""
    lower = secret.lower()
    return lower in _PRINTED or any(sample in lower for sample in _SAMPLES)


def is_filler(secret: bytes) -> bool:
    """Whether *secret* is a sentence in place of one, with hardly anything besides the words of such sentences."""
    return len(_BETWEEN.sub(b"", _FILLER.sub(b"", secret.lower()))) <= _FEW_OTHERS


def is_example(secret: bytes) -> bool:
    """Whether *secret* is that of a standard (RFC 7515 appendix A.1), with which published vectors are signed."""
    return secret in _EXAMPLES


def is_public(secret: bytes) -> bool:
    """Whether *secret* is a public key or a certificate, in one of the forms in which they are passed around.

    PEM, DER, JWK, OpenSSH, or an uncompressed point; also in hex or base64, and in both. Not the bare number of a key,
    which looks as random as a secret does.
    """
    layer = {secret}
    for _ in range(_LAYERS):
        if any(map(_is_public, layer)):
            return True
        layer = {inner for outer in layer for inner in _unwrapped(outer)}
    return any(map(_is_public, layer))


def _unwrapped(text: bytes) -> Iterator[bytes]:
    """What *text* is the base64 of, in either alphabet, and what it is the hex of."""
    text = b"".join(text.split())
    with suppress(MalformedCredential):
        yield b64decode(text.translate(_TO_URL).rstrip(b"="))
    with suppress(ValueError):  # also what is no ASCII
        yield bytes.fromhex(text.replace(b":", b"").decode("ascii"))


def _is_public(text: bytes) -> bool:
    plain = text.replace(b"\0", b"")  # without the zeros of UTF-16
    return bool(_PUBLIC_TEXT.search(plain) or _PUBLIC_DER.search(text)) or _is_der_key(text) or _is_point(text)


def _is_point(text: bytes) -> bool:
    curve = _CURVES.get(len(text))
    if curve is None:
        return False
    try:
        _ = ec.EllipticCurvePublicKey.from_encoded_point(curve, text)
    except UNREADABLE:
        return False
    return True


def is_certificate(der: bytes) -> bool:
    """Whether *der* begins as an X.509 certificate does."""
    return _CERTIFICATE.match(der) is not None


def _is_der_key(der: bytes) -> bool:
    try:
        _ = load_der_public_key(der)
    except UNREADABLE:
        return False
    return True
