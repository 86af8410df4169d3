"""Signatures that anybody could have made: with a secret out of a tutorial, or with the key that the token brings.

No key is given and nothing is trusted: whoever finds the key by guessing has learned that the signature says nothing.
"""

import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from gatepass.core import jws
from gatepass.core.inspect import texts
from gatepass.core.inspect.model import Finding, Token, by_level
from gatepass.core.keys import ALGORITHMS, current_name, read_jwk
from gatepass.core.keys.tutorials import TUTORIAL_SECRETS
from gatepass.core.strict import b64decode, b64encode
from gatepass.errors import ConfigurationError, MalformedCredential

#: Tokens of one text whose secret is guessed. 20: our choice; each costs as many hashes as the table has secrets.
MAX_GUESSED: Final = 20

_KINDS: Final = frozenset({"jws", "nested", "sd-jwt", "dpop"})
_HASHES: Final = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}
#: What a public key is made of, by its type; whatever else it says has no say in this.
_PUBLIC: Final = {"EC": ("crv", "x", "y"), "OKP": ("crv", "x"), "RSA": ("n", "e")}
# Octets of an RSA modulus, and the one exponent. Whatever verifies with other keys, a browser or we, is no guide.
_MODULUS: Final = range(256, 513)
_EXPONENT: Final = "AQAB"


def guessed(tokens: Iterable[Token]) -> tuple[Token, ...]:
    """*tokens* with what guessing adds to their findings, and to those of the tokens inside of them."""
    left = MAX_GUESSED

    def one(token: Token) -> Token:
        nonlocal left
        found: list[str] = []
        if token.kind in _KINDS and len(token.text) <= jws.MAX_SIZE and left:
            left -= 1
            found = _guess(token)
        findings = by_level((*token.findings, *(_finding(code) for code in found)))
        return replace(token, findings=findings, inner=tuple(map(one, token.inner)))

    return tuple(map(one, tokens))


def _finding(code: str) -> Finding:
    level, sentence = texts.FINDINGS[code]
    return Finding(code=code, level=level, sentence=sentence)


def _guess(token: Token) -> list[str]:
    signed, _, signature = token.text.partition("~")[0].rpartition(".")
    header = {member.name: member.value for member in token.parts[0].members}
    alg = header.get("alg", "").strip('"')
    jwk = json.loads(header.get("jwk", "null"))
    if alg in _HASHES:
        for secret, written in TUTORIAL_SECRETS.items():
            octets = b64decode(secret.encode()) if written == "base64url" else secret.encode()
            if _mac(octets, signed, alg) == signature:
                return ["secret_known" if secret else "secret_blank"]
    # A DPoP proof is signed by the key that it brings: RFC 9449 section 4.2.
    return ["key_verifies"] if token.kind != "dpop" and _verifies(jwk, alg, signed, signature) else []


def _mac(secret: bytes, signed: str, alg: str) -> str:
    return b64encode(hmac.digest(secret, signed.encode(), _HASHES[alg])).decode()


def _verifies(jwk: object, alg: str, signed: str, signature: str) -> bool:
    if not isinstance(jwk, dict):
        return False
    try:
        if alg in _HASHES:
            return _mac(_octets(jwk, "k"), signed, alg) == signature and jwk.get("kty") == "oct"
        if (name := current_name(alg)) not in ALGORITHMS:
            return False
        key = read_jwk(_public(jwk), algorithm=name, public_only=True, source="jwk")
        return key.verify(signed.encode(), b64decode(signature.encode()))
    except (ConfigurationError, MalformedCredential):
        return False


def _public(jwk: Mapping[str, Any]) -> dict[str, Any]:
    kty = jwk.get("kty")
    names = _PUBLIC.get(kty, ()) if isinstance(kty, str) else ()
    if kty == "RSA" and (len(_octets(jwk, "n")) not in _MODULUS or jwk.get("e") != _EXPONENT):
        return {}
    return {"kty": kty, **{name: jwk.get(name) for name in names}}


def _octets(jwk: Mapping[str, Any], name: str) -> bytes:
    value = jwk.get(name)
    return b64decode(value.encode("ascii", "replace")) if isinstance(value, str) else b""
