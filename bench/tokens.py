"""Tokens: what it costs to make one and to check one that was never seen before, against PyJWT and the bare primitive.

The claims are those of an access token of ours. Each side checks signature, `exp`, `iat`, `nbf`, `iss` and `aud`;
gatepass also `typ`, `sub` and `jti`, the spelling, and that no name stands twice. Both are given prepared keys.
"""

from importlib import import_module
from time import time
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from bench.harness import Budget, Case
from gatepass.core import jws
from gatepass.core.claims import TokenCheck
from gatepass.core.keys import EcKey, Ed25519Key, HmacKey, Key, KeySet, RsaKey
from gatepass.core.strict import b64decode

ISSUER, AUDIENCE = "https://auth.example.com", "orders"
#: Different tokens in turn, as a server sees them.
TOKENS = 500

#: What each family's primitive is told besides.
SCHEMES: dict[str, tuple[Any, ...]] = {
    "EC": (ec.ECDSA(SHA256()),),
    "OKP": (),
    "RSA": (padding.PKCS1v15(), SHA256()),
}


def claims(number: int, now: int) -> dict[str, Any]:
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": f"user-{number}",
        "client_id": AUDIENCE,
        "sid": f"{number:022d}",
        "jti": f"{number:016d}",
        "iat": now,
        "exp": now + 3_600,
        "auth_time": now,
        "roles": ["admin", "editor"],
    }


def cases() -> list[Case]:
    """The cases of this file, once each side has accepted what the other has made."""
    secret = bytes(range(32, 96))
    curve = ec.generate_private_key(ec.SECP256R1())
    edwards = Ed25519PrivateKey.generate()
    large = rsa.generate_private_key(65_537, 2_048)  # as RSA keys of tokens mostly are
    # PyJWT knows it under its old name only.
    import_module("jwt").register_algorithm("Ed25519", import_module("jwt.algorithms").OKPAlgorithm())
    return [
        *_cases(HmacKey(secret), secret, secret),
        *_cases(EcKey(curve), curve, curve.public_key()),
        *_cases(Ed25519Key(edwards), edwards, edwards.public_key()),
        *_cases(RsaKey(large, algorithm="RS256"), large, large.public_key()),
    ]


def _cases(key: Key, signer: Any, verifier: Any) -> list[Case]:
    jwt = import_module("jwt")
    now = int(time())
    said = [claims(number, now) for number in range(TOKENS)]

    def sign(what: dict[str, Any]) -> str:
        return jws.sign(msgspec.json.encode(what), key, typ="at+jwt")

    def peer_sign(what: dict[str, Any]) -> Any:
        return jwt.encode(what, signer, key.alg, headers={"kid": key.kid, "typ": "at+jwt"})

    check = TokenCheck(KeySet([key]), algorithms=[key.alg], issuer=ISSUER, audience=AUDIENCE, leeway=10).check

    def verify(token: str) -> object:
        return check(token, time())

    def peer_verify(token: str) -> object:
        return jwt.decode(token, verifier, algorithms=[key.alg], issuer=ISSUER, audience=AUDIENCE, leeway=10)

    tokens, peer_tokens = [sign(what) for what in said], [peer_sign(what) for what in said]
    for what, token, peer_token in zip(said, tokens, peer_tokens, strict=True):
        if not (
            verify(token) == verify(peer_token) == (key.kid, what)
            and peer_verify(token) == peer_verify(peer_token) == what
        ):
            raise AssertionError("the two sides do not read each other's tokens")

    bare = [_parts(key, token) for token in tokens]
    peer = f"PyJWT {jwt.__version__}"
    checked, made = f"{key.alg}: check a token that is new here", f"{key.alg}: make a token"
    return [
        Case(topic=checked, name="gatepass", call=verify, inputs=tokens, budget=_budget(key, peer)),
        Case(topic=checked, name=peer, call=peer_verify, inputs=tokens),
        Case(topic=checked, name="bare primitive and JSON", call=_bare(key, verifier), inputs=bare),
        Case(topic=made, name="gatepass", call=sign, inputs=said),
        Case(topic=made, name=peer, call=peer_sign, inputs=said),
        Case(topic=made, name="bare primitive and JSON", call=_bare_sign(key, signer), inputs=said),
    ]


def _budget(key: Key, peer: str) -> Budget:
    if key.symmetric:
        return Budget(text="PyJWT / 8", limit=lambda medians: medians[peer] / 8)
    if key.kty == "RSA":
        return Budget(text="bare + 8", limit=lambda medians: medians["bare primitive and JSON"] + 8)
    return Budget(text="bare + 15 %", limit=lambda medians: medians["bare primitive and JSON"] * 1.15)


def _parts(key: Key, token: str) -> tuple[bytes, bytes, bytes]:
    """What is signed, the signature as the primitive wants it, and the JSON."""
    signed, _, last = token.encode().rpartition(b".")
    signature = b64decode(last)
    if key.kty == "EC":
        signature = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    return signed, signature, b64decode(signed.partition(b".")[2])


def _bare(key: Key, verifier: Any) -> Any:
    def hmac(parts: tuple[bytes, bytes, bytes]) -> object:
        signed, signature, payload = parts
        return key.verify(signed, signature) and msgspec.json.decode(payload)

    def pair(parts: tuple[bytes, bytes, bytes]) -> object:
        signed, signature, payload = parts
        verifier.verify(signature, signed, *SCHEMES[key.kty])
        return msgspec.json.decode(payload)

    return hmac if key.symmetric else pair


def _bare_sign(key: Key, signer: Any) -> Any:
    def hmac(what: dict[str, Any]) -> object:
        return key.sign(msgspec.json.encode(what))

    def pair(what: dict[str, Any]) -> object:
        return signer.sign(msgspec.json.encode(what), *SCHEMES[key.kty])

    return hmac if key.symmetric else pair
