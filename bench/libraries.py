"""The other libraries that make and check tokens, each as its own documentation has it, with prepared keys.

Each is asked for signature, algorithm, `iss`, `aud` and an `exp` that has to be there. What one cannot do is None.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeAlias

from gatepass.core.claims import ACCESS
from gatepass.core.keys import Key

ISSUER, AUDIENCE = "https://auth.example.com", "orders"
LEEWAY = 10
REQUIRE = ["exp", "iss", "aud"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one library does with tokens under one key."""

    sign: Callable[[dict[str, Any]], str]
    #: Returns the claims, or raises.
    check: Callable[[str], Any]
    #: As its tokens say it.
    alg: str


#: A library at one key; None where it does not have the algorithm.
Library: TypeAlias = Callable[[Key], Side | None]


def _headers(key: Key) -> dict[str, Any]:
    return {"kid": key.kid, "typ": ACCESS}


def _public(key: Key) -> Any:
    return key.to_jwk(private=key.symmetric)


def pyjwt(key: Key) -> Side | None:
    jwt = import_module("jwt")
    with suppress(ValueError):  # registered before; it knows the old name only
        jwt.register_algorithm("Ed25519", import_module("jwt.algorithms").OKPAlgorithm())
    secret, public = (
        jwt.PyJWK(jwk, algorithm="EdDSA" if key.alg == "Ed25519" else key.alg).key
        for jwk in (key.to_jwk(private=True), _public(key))
    )
    headers = _headers(key)
    options = {"require": REQUIRE}

    def check(token: str) -> Any:
        return jwt.decode(
            token, public, algorithms=[key.alg], issuer=ISSUER, audience=AUDIENCE, leeway=LEEWAY, options=options
        )

    return Side(sign=lambda claims: jwt.encode(claims, secret, key.alg, headers=headers), check=check, alg=key.alg)


def joserfc(key: Key) -> Side | None:
    jwk, jwt = import_module("joserfc.jwk"), import_module("joserfc.jwt")
    secret, public = jwk.import_key(dict(key.to_jwk(private=True))), jwk.import_key(dict(_public(key)))
    header, algorithms = {"alg": key.alg, **_headers(key)}, [key.alg]
    rules = jwt.JWTClaimsRegistry(
        leeway=LEEWAY,
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": AUDIENCE},
        exp={"essential": True},
    )

    def check(token: str) -> Any:
        claims = jwt.decode(token, public, algorithms=algorithms).claims
        rules.validate(claims)
        return claims

    return Side(sign=lambda claims: jwt.encode(header, claims, secret, algorithms=algorithms), check=check, alg=key.alg)


def python_jose(key: Key) -> Side | None:
    if key.alg.startswith(("PS", "Ed")):
        return None
    jwk, jwt = import_module("jose.jwk"), import_module("jose.jwt")
    secret, public = (
        jwk.construct({name: value for name, value in given.items() if name != "use"}, key.alg)
        for given in (key.to_jwk(private=True), _public(key))
    )
    headers, algorithms = _headers(key), [key.alg]
    options = {"leeway": LEEWAY, **{f"require_{name}": True for name in REQUIRE}}

    def check(token: str) -> Any:
        return jwt.decode(token, public, algorithms=algorithms, issuer=ISSUER, audience=AUDIENCE, options=options)

    return Side(sign=lambda claims: jwt.encode(claims, secret, key.alg, headers=headers), check=check, alg=key.alg)


def jwcrypto(key: Key) -> Side | None:
    jwk, jwt = import_module("jwcrypto.jwk"), import_module("jwcrypto.jwt")
    secret, public = jwk.JWK(**key.to_jwk(private=True)), jwk.JWK(**_public(key))
    header, algorithms = {"alg": key.alg, **_headers(key)}, [key.alg]
    rules = {"iss": ISSUER, "aud": AUDIENCE, "exp": None}

    def sign(claims: dict[str, Any]) -> str:
        token = jwt.JWT(header=header, claims=claims, algs=algorithms)
        token.make_signed_token(secret)
        text: str = token.serialize()
        return text

    def check(token: str) -> Any:
        given = jwt.JWT(check_claims=rules, algs=algorithms, expected_type="JWS")
        given.leeway = LEEWAY
        given.deserialize(token, public)
        return json.loads(given.claims)

    return Side(sign=sign, check=check, alg=key.alg)


def oxyjwt(key: Key) -> Side | None:
    """As it is quickest, which is without a leeway, and without asking that `exp` is there."""
    return _oxyjwt(key)


def oxyjwt_strict(key: Key) -> Side | None:
    """With the leeway and the required `exp` of the others."""
    return _oxyjwt(key, leeway=LEEWAY, options={"require": REQUIRE})


def _oxyjwt(key: Key, **rules: Any) -> Side | None:
    if key.alg == "ES512":
        return None
    library = import_module("oxyjwt")
    alg = "EdDSA" if key.alg == "Ed25519" else key.alg  # it neither writes nor reads the name of RFC 9864
    if key.symmetric:
        jwk = import_module("jwt").PyJWK(key.to_jwk(private=True))
        secret, public = library.EncodingKey.from_secret(jwk.key), library.DecodingKey.from_secret(jwk.key)
    else:
        made = {"RSA": "from_rsa_pem", "EC": "from_ec_pem", "OKP": "from_ed_pem"}[key.kty]
        secret = getattr(library.EncodingKey, made)(key.to_pem(private=True).encode())
        public = getattr(library.DecodingKey, made)(key.to_pem().encode())
    headers, algorithms = _headers(key), [alg]

    def check(token: str) -> Any:
        return library.decode(token, public, algorithms=algorithms, issuer=ISSUER, audience=AUDIENCE, **rules)

    return Side(sign=lambda claims: library.encode(claims, secret, alg, headers=headers), check=check, alg=alg)


#: By the name of the package.
LIBRARIES: Mapping[str, Library] = {
    "pyjwt": pyjwt,
    "joserfc": joserfc,
    "python-jose": python_jose,
    "jwcrypto": jwcrypto,
    "oxyjwt": oxyjwt,
}
#: Those that check: oxyjwt does it in two ways.
CHECKERS: Mapping[str, Library] = {**LIBRARIES, "oxyjwt, same checks": oxyjwt_strict}
