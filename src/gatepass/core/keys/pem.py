"""Keys as PEM (RFC 7468) and DER: SPKI and PKCS#1 for public ones, PKCS#8, PKCS#1 and SEC 1 for private ones."""

import binascii
import re
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

from gatepass.core.keys.base import UNREADABLE, Key, checked_algorithm, refused
from gatepass.core.keys.ec import EcKey, checked_curve
from gatepass.core.keys.ed25519 import Ed25519Key
from gatepass.core.keys.jwk import current_name, not_public
from gatepass.core.keys.known import is_certificate
from gatepass.core.keys.rsa import RsaKey, unbound
from gatepass.errors import ConfigurationError

#: Bytes of a key in DER. 8,192: a private RSA key of 8,192 bits has 4,700.
MAX_DER: Final = 8_192

_BEGIN: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----")
_PUBLIC: Final = frozenset({b"PUBLIC KEY", b"RSA PUBLIC KEY"})
_PRIVATE: Final = frozenset({b"PRIVATE KEY", b"RSA PRIVATE KEY", b"EC PRIVATE KEY"})
# How SPKI and PKCS#8 name an RSA key that is for PSS alone: RFC 4055 section 1.2.
_PSS: Final = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"
#: Bytes within which that begins: it is the first thing but lengths and a version.
_PSS_WITHIN: Final = 32
# Parameters that RFC 7518 section 3.5 can keep: one hash throughout, and a salt that need not be longer than it.
_SHA2: Final = rb"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02"
_PSS_PARAMETERS: Final = re.compile(
    rb"\x30.\xa0.\x30." + _SHA2 + rb"(?P<hash>.)(?:\x05\x00)?"
    rb"\xa1.\x30.\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\x30." + _SHA2 + rb"(?P=hash)(?:\x05\x00)?"
    rb"(?:\xa2\x03\x02\x01(?P<salt>.))?",
    re.DOTALL,
)
#: The last byte of the hash's name, and its bytes.
_PSS_HASHES: Final = {"PS256": (1, 32), "PS384": (2, 48), "PS512": (3, 64)}
#: Bytes of a salt of which nothing is said.
_PSS_SALT: Final = 20

# `openssl ecparam -genkey` writes the name of the curve in front of the key, which names it again.
_SKIPPED: Final = b"EC PARAMETERS"


def read_pem(
    text: bytes, *, algorithm: str | None = None, kid: str | None = None, public_only: bool = False, source: str
) -> Key:
    """The one key in *text*.

    Args:
        text: The PEM; what stands around it is skipped, as RFC 7468 section 2 says.
        algorithm: What an RSA key is for.
        kid: Its name; by default its thumbprint (RFC 7638).
        public_only: Whether a private key is refused.
        source: Where it came from, for the message of a refusal.

    Raises:
        ConfigurationError: It is encrypted, a certificate, of another kind, not well formed, weak, or not alone.
    """
    blocks = [found for found in _BEGIN.finditer(text) if found[1] != _SKIPPED]
    if len(blocks) != 1:
        raise refused(
            "the text does not hold one key in PEM, but none or several", "Give one key alone; or a JWK Set.", source
        )
    label, start = blocks[0][1], blocks[0].end()
    end = text.find(b"-----END " + label + b"-----", start)
    if end < 0:
        raise refused("the PEM has no end", "Copy the lines from BEGIN to END, both included.", source)
    body = text[start:end]
    if label == b"ENCRYPTED PRIVATE KEY" or b"ENCRYPTED" in body:
        raise refused("the private key is encrypted", "Decrypt it first: openssl pkey -in key.pem.", source)
    if label in {b"CERTIFICATE", b"X509 CERTIFICATE", b"TRUSTED CERTIFICATE"}:
        raise _certificate(source)
    if label not in _PUBLIC | _PRIVATE:
        raise refused(
            "the PEM holds no key of a kind that is supported",
            "Convert it: openssl pkey -in key.pem [-pubout].",
            source,
        )
    try:
        der = binascii.a2b_base64(b"".join(body.split()), strict_mode=True)
    except ValueError:
        raise refused("the PEM is not base64 between its lines", "Copy it again, as it is.", source) from None
    return _read(der, algorithm, kid, public_only=public_only, private=label in _PRIVATE, source=source)


def read_der(
    der: bytes, *, algorithm: str | None = None, kid: str | None = None, public_only: bool = False, source: str
) -> Key:
    """The key in *der*; the arguments and errors are those of `read_pem`."""
    return _read(der, algorithm, kid, public_only=public_only, private=None, source=source)


def _read(
    der: bytes, algorithm: str | None, kid: str | None, *, public_only: bool, private: bool | None, source: str
) -> Key:
    """The key in *der*, of which *private* says which half it must be; None where either will do."""
    if len(der) > MAX_DER:  # before any arithmetic
        raise refused(f"the key has more than {MAX_DER} bytes", "Give one key, of 8,192 bits at most.", source)
    found = None if private else _public(der)
    if found is None and private is not False:
        found = _private(der, source)
        if found is not None and public_only:
            raise not_public(source)
    if found is not None:
        _check_pss(der, algorithm, source)
        return _bound(found, algorithm, kid, source)
    if is_certificate(der):
        raise _certificate(source)
    raise refused(
        "there is no key in it that is supported, or its numbers do not belong together",
        "Give an RSA key, one on P-256, P-384 or P-521, or an Ed25519 key, as its maker exports it.",
        source,
    )


def _public(der: bytes) -> Any:
    try:
        return load_der_public_key(der)
    except UNREADABLE:
        return None


def _private(der: bytes, source: str) -> Any:
    try:
        return load_der_private_key(der, None)
    except TypeError:
        raise refused("the private key is encrypted", "Decrypt it first: openssl pkey -in key.pem.", source) from None
    except UNREADABLE:
        return None


def _bound(key: Any, algorithm: str | None, kid: str | None, source: str) -> Key:
    name = None if algorithm is None else current_name(algorithm)
    if isinstance(key, rsa.RSAPublicKey | rsa.RSAPrivateKey):
        if name is None:
            raise unbound(source)
        return RsaKey(key, algorithm=name, kid=kid, source=source)
    if isinstance(key, ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey):
        return checked_curve(EcKey(key, kid=kid, source=source), name, source)
    if isinstance(key, ed25519.Ed25519PublicKey | ed25519.Ed25519PrivateKey):
        _ = name is None or checked_algorithm(name, Ed25519Key, source)
        return Ed25519Key(key, kid=kid, source=source)
    raise refused("the key is of a type that signs no tokens", "Use RSA, P-256, P-384, P-521 or Ed25519.", source)


def _check_pss(der: bytes, algorithm: str | None, source: str) -> None:
    """Refuse what an RSA key that is for PSS alone is not for; `cryptography` drops what it says of that."""
    start = der.find(_PSS, 0, _PSS_WITHIN)
    if start < 0 or algorithm is None:
        return
    short, size = der[start - 2 : start]  # a sequence of under 128 bytes: no parameters that are taken are longer
    if short != der[0] or not _keeps(der[start + len(_PSS) : start + size], algorithm):
        raise refused(
            "the key is for PSS alone (RSASSA-PSS), and not for this algorithm",
            "Use it for PS256, PS384 or PS512, whichever its parameters allow.",
            source,
        )


def _keeps(parameters: bytes, algorithm: str) -> bool:
    """Whether *algorithm* is within the *parameters* of a key for PSS; without any, each one with PSS is."""
    if algorithm not in _PSS_HASHES or not parameters:
        return algorithm in _PSS_HASHES
    name, size = _PSS_HASHES[algorithm]
    said = _PSS_PARAMETERS.fullmatch(parameters)
    return said is not None and said["hash"][0] == name and (said["salt"] or bytes([_PSS_SALT]))[0] <= size


def _certificate(source: str) -> ConfigurationError:
    # Whoever is given one expects its dates and issuer to be checked, and nobody here does.
    return refused(
        "it is a certificate, not a key", "Take the key out of it: openssl x509 -in it.pem -pubkey -noout.", source
    )
