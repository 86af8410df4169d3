"""Tokens and keys crossed with other libraries: what either side makes, the other one reads."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import vectors
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt
from jwt.algorithms import OKPAlgorithm
from support.families import KEYS, PAIRS
from support.needs import needs

from gatepass import tokens
from gatepass.errors import CredentialError
from gatepass.keys import Key, KeySet, load

NOW = 1_900_000_000
#: Until 2100, because the others read the clock of the machine.
CLAIMS: dict[str, Any] = {
    "iss": "https://auth.example.com",
    "aud": "orders",
    "sub": "ada",
    "jti": "j-1",
    "iat": 1_700_000_000,
    "exp": 4_102_444_800,
    "name": "Ada Lovelace ✓",
}
EVERY = pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)


def verified(token: str, keys: Key | KeySet, alg: str) -> Any:
    return tokens.verify(token, keys, algorithms=[alg], issuer=CLAIMS["iss"], audience="orders", typ="at+jwt", now=NOW)


def named(alg: str) -> str:
    """PyJWT knows Ed25519 under its old name only."""
    return "EdDSA" if alg == "Ed25519" else alg


def changed(token: str) -> str:
    """*token* with another claim under the same signature."""
    header, _, signature = token.split(".")
    return f"{header}.{tokens.sign({**CLAIMS, 'sub': 'eve'}, KEYS['HS256']).split('.')[1]}.{signature}"


def peer(key: Key, *, private: bool) -> Any:
    """The key object of `cryptography`, or the secret, as PyJWT takes it."""
    return jwt.PyJWK(key.to_jwk(private=private or key.symmetric), algorithm=named(key.alg)).key


# -- PyJWT -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def pyjwt() -> Iterator[Any]:
    """PyJWT, taught the name of RFC 9864."""
    jwt.register_algorithm("Ed25519", OKPAlgorithm())
    yield jwt
    jwt.unregister_algorithm("Ed25519")


@EVERY
def test_pyjwt_reads_our_tokens(key: Key, pyjwt: Any) -> None:
    token = tokens.sign(CLAIMS, key)

    read = pyjwt.decode(token, peer(key, private=False), algorithms=[key.alg], issuer=CLAIMS["iss"], audience="orders")

    assert read == CLAIMS
    with pytest.raises(pyjwt.InvalidSignatureError):
        pyjwt.decode(changed(token), peer(key, private=False), algorithms=[key.alg], audience="orders")


@EVERY
@pytest.mark.parametrize("kid", [True, False])
def test_we_read_the_tokens_of_pyjwt(key: Key, kid: bool) -> None:
    headers = {"typ": "at+jwt", **({"kid": key.kid} if kid else {})}
    token = jwt.encode(CLAIMS, peer(key, private=True), named(key.alg), headers=headers)

    assert verified(token, key, key.alg) == CLAIMS
    with pytest.raises(CredentialError):
        verified(changed(token), key, key.alg)


# -- joserfc -----------------------------------------------------------------------------------------------------------

THEIR_KEYS: dict[str, Any] = {"RSA": joserfc_jwk.RSAKey, "EC": joserfc_jwk.ECKey, "OKP": joserfc_jwk.OKPKey}


@EVERY
def test_joserfc_reads_our_tokens(key: Key) -> None:
    token = tokens.sign(CLAIMS, key)
    theirs: Any = joserfc_jwk.import_key(dict(key.to_jwk(private=key.symmetric)))

    read = joserfc_jwt.decode(token, theirs, algorithms=[key.alg])

    assert read.claims == CLAIMS
    assert read.header == {"alg": key.alg, "kid": key.kid, "typ": "at+jwt"}


@EVERY
def test_we_read_the_tokens_of_joserfc(key: Key) -> None:
    theirs: Any = joserfc_jwk.import_key(dict(key.to_jwk(private=True)))
    token = joserfc_jwt.encode({"alg": key.alg, "kid": key.kid, "typ": "at+jwt"}, CLAIMS, theirs, algorithms=[key.alg])

    assert verified(token, key, key.alg) == CLAIMS
    with pytest.raises(CredentialError):
        verified(changed(token), key, key.alg)


@EVERY
def test_joserfc_and_we_name_a_key_alike(key: Key) -> None:
    """RFC 7638. A secret has a thumbprint there; here its name is derived one way, because a hash can be searched."""
    theirs: Any = joserfc_jwk.import_key(dict(key.to_jwk(private=True)))

    assert (theirs.thumbprint() == key.kid) == (not key.symmetric)


@pytest.mark.parametrize("key", PAIRS.values(), ids=PAIRS)
@pytest.mark.parametrize("private", [False, True])
def test_joserfc_and_we_read_the_same_pem(key: Key, private: bool) -> None:
    theirs: Any = THEIR_KEYS[key.kty].import_key(key.to_pem(private=private))
    ours = load(theirs.as_pem(private=private), algorithm=key.alg)

    assert isinstance(ours, Key)
    assert ours.to_jwk(private=private) == key.to_jwk(private=private)


# -- npm's jose --------------------------------------------------------------------------------------------------------

JOSE = vectors.read("jose-npm/tokens.json")
MADE = [pytest.param(one, id=one["alg"]) for one in JOSE["made"]]


def read_all(one: dict[str, Any], said: dict[str, Any], now: int) -> None:
    """Read the token of *one* with its key in each form that jose wrote."""
    forms: list[Any] = [one["jwk"], json.dumps(one["jwk"])]
    if "public" in one:
        forms += [one["public"], {"keys": [one["public"]]}, one["spki"], one["pkcs8"]]
    for form in forms:
        names = {"algorithm": one["alg"], "kid": one["jwk"]["kid"]} if isinstance(form, str) and "-----" in form else {}
        keys = load(form, **names)
        claims = tokens.verify(
            one["token"], keys, algorithms=[one["alg"]], issuer=said["iss"], audience=said["aud"], now=now
        )
        assert claims == said
    if "public" in one:  # jose names it by its thumbprint, and so do we
        key = load(one["spki"], algorithm=one["alg"])
        assert isinstance(key, Key)
        assert key.kid == one["public"]["kid"]


@pytest.mark.parametrize("one", MADE)
def test_we_read_tokens_and_keys_of_jose(one: dict[str, Any]) -> None:
    read_all(one, JOSE["claims"], JOSE["now"])


def test_jose_made_tokens_of_every_algorithm() -> None:
    assert {one["alg"] for one in JOSE["made"]} == {*KEYS, "EdDSA"}


@pytest.fixture(scope="module")
def jose(tmp_path_factory: pytest.TempPathFactory) -> Path:
    needs("npm")
    folder = tmp_path_factory.mktemp("jose")
    for file in ("package.json", "make.mjs", "check.mjs"):
        shutil.copy(vectors.FOLDER / "jose-npm" / file, folder)
    subprocess.run(["npm", "install", "--silent"], cwd=folder, check=True, capture_output=True)
    return folder


def node(folder: Path, script: str, said: str = "") -> Any:
    done = subprocess.run(["node", script], cwd=folder, input=said, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_we_read_what_jose_makes_now(jose: Path) -> None:
    made = node(jose, "make.mjs")

    assert {one["alg"] for one in made["made"]} == {*KEYS, "EdDSA"}
    for one in made["made"]:
        read_all(one, made["claims"], made["now"])


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_jose_reads_what_we_make_now(jose: Path) -> None:
    said = [
        {"alg": alg, "jwk": key.to_jwk(private=key.symmetric), "token": tokens.sign(CLAIMS, key)}
        for alg, key in KEYS.items()
    ]

    assert node(jose, "check.mjs", json.dumps(said)) == [CLAIMS] * len(said)
