"""Signed tokens in compact form (RFC 7515), and no other form.

Everything before the signature check is work that a stranger can ask for, so it is little, and bounded by the size.
"""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any, Final

from gatepass.core.keys import ALGORITHMS, MAX_KID, Key, KeySet, current_name
from gatepass.core.strict import b64decode, b64encode, encode, read_object
from gatepass.errors import ConfigurationError, MalformedCredential, UnknownCredential

#: A longer token is refused unread. 8,192 bytes: as much as common servers take of all headers together.
MAX_SIZE: Final = 8_192

#: What would change how a token is read. `crit` is refused as a whole, since nothing critical is understood.
UNDERSTOOD_BY_NOBODY: Final = ("crit", "b64", "zip", "enc")
#: What a header says by itself or may not say at all; `jwk jku x5u x5c` would be an invitation to trust the token.
RESERVED: Final = frozenset({"alg", "kid", "jwk", "jku", "x5u", "x5c", *UNDERSTOOD_BY_NOBODY})


def sign(payload: bytes, key: Key, *, typ: str, headers: Mapping[str, Any] | None = None) -> str:
    """The token that carries *payload*, signed with *key*; *headers* are members beside alg, kid and typ.

    Raises:
        ConfigurationError: The key cannot sign.
    """
    header = _segment(key.alg, key.kid, typ) if headers is None else _encode_header(key.alg, key.kid, typ, headers)
    signed = header + b"." + b64encode(payload)
    return (signed + b"." + b64encode(key.sign(signed))).decode()


@lru_cache(maxsize=256)  # a ring has few keys, and tokens few types
def _segment(alg: str, kid: str, typ: str) -> bytes:
    return _encode_header(alg, kid, typ, {})


def _encode_header(alg: str, kid: str, typ: str, more: Mapping[str, Any]) -> bytes:
    return b64encode(encode({"alg": alg, "kid": kid, "typ": typ, **more}))


class Signatures:
    """Checks signatures: made once for a set of keys, asked for every token."""

    __slots__ = ("_algorithms", "_headers", "_keys", "_typ")

    def __init__(self, keys: KeySet, *, algorithms: Collection[str], typ: str | None) -> None:
        """Prepare for *keys*.

        Args:
            keys: What verifies.
            algorithms: The allow list; there is no default, and no key adds to it. `EdDSA` means Ed25519.
            typ: What the header must say the token is; None where anything may be signed.

        Raises:
            ConfigurationError: The list is empty or names an algorithm that is not supported.
        """
        self._keys = keys
        self._algorithms = _allowed(algorithms)
        self._typ = typ and _media_type(typ)
        # The header segments that our own signer writes, so that reading one is a look into a dictionary.
        self._headers = (
            {_segment(key.alg, key.kid, typ): key for key in keys if key.alg in self._algorithms} if typ else {}
        )

    def open(self, token: object) -> tuple[Key, bytes]:
        """The key that signed *token*, and what it carries.

        Raises:
            MalformedCredential: It is no token in compact form, or one whose header asks for something else.
            UnknownCredential: Not our key, not its signature, not of the right type.
        """
        header, payload, signature = _segments(token)
        if not payload and self._typ is not None:  # nothing may be signed, and no typed token says nothing
            raise MalformedCredential("segments")
        key = self._headers.get(header) or self._key_for(header)
        if not key.verify(header + b"." + payload, b64decode(signature)):
            raise UnknownCredential("signature")
        return key, b64decode(payload)

    def _key_for(self, segment: bytes) -> Key:
        header = _read_header(segment)
        said = header.get("alg")
        alg = current_name(said) if type(said) is str else ""
        if alg not in self._algorithms:
            raise UnknownCredential("algorithm")
        typ = header.get("typ")
        # In ASCII: other alphabets have capital letters, too, and of a Kelvin sign the small one is a k.
        if self._typ is not None and (type(typ) is not str or not typ.isascii() or _media_type(typ) != self._typ):
            raise UnknownCredential("typ")
        kid = _kid(header)
        key = self._keys.only(alg) if kid is None else self._keys.get(kid)
        if key is None:
            raise UnknownCredential("key")
        if key.alg != alg:
            raise UnknownCredential("algorithm")
        return key


def unverified_kid(token: object, algorithms: Collection[str] = ALGORITHMS) -> str | None:
    """The `kid` that the header of *token* names, or None. Nothing is verified: it is good for looking up a key only.

    Raises:
        MalformedCredential: It is no token in compact form.
        UnknownCredential: It is not under one of *algorithms*.
    """
    header = _read_header(_segments(token)[0])
    said = header.get("alg")
    if type(said) is not str or current_name(said) not in algorithms:
        raise UnknownCredential("algorithm")
    return _kid(header)


def _allowed(algorithms: object) -> frozenset[str]:
    if isinstance(algorithms, Collection) and not isinstance(algorithms, str | bytes):
        names = frozenset(current_name(name) if type(name) is str else "" for name in algorithms)
        if names and names <= ALGORITHMS:
            return names
    raise ConfigurationError(
        cause=f"algorithms is not a list of one or more of {', '.join(sorted(ALGORITHMS))}",
        fix="Name the algorithms of your own keys, for example algorithms=['ES256'].",
        source="algorithms=...",
    )


def _segments(token: object) -> list[bytes]:
    """Header, payload and signature of *token*."""
    if not isinstance(token, str):
        raise MalformedCredential("type")
    if len(token) > MAX_SIZE:
        raise MalformedCredential("size")
    if not token.isascii():
        raise MalformedCredential("base64url")
    parts = token.encode().split(b".")
    if len(parts) != 3 or not parts[0] or not parts[2]:  # noqa: PLR2004 - header, payload, signature
        raise MalformedCredential("segments")
    return parts


def _kid(header: Mapping[str, Any]) -> str | None:
    if "kid" not in header:
        return None
    kid = header["kid"]
    if type(kid) is not str or not 0 < len(kid) <= MAX_KID:
        raise MalformedCredential("header")
    return kid


def _read_header(segment: bytes) -> dict[str, Any]:
    try:
        header = read_object(b64decode(segment))
    except MalformedCredential:
        raise MalformedCredential("header") from None
    if any(name in header for name in UNDERSTOOD_BY_NOBODY):
        raise MalformedCredential("header")
    return header


def _media_type(typ: str) -> str:
    """*typ* in the one spelling that is compared: RFC 7515 section 4.1.9, and RFC 2045 on the case of letters."""
    lower = typ.lower()
    return lower if "/" in lower else f"application/{lower}"
