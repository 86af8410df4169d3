"""Every published vector: what is good is accepted, all else is refused, and with an error of our own."""

import socket
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import pytest
import vectors
from support.silent import silent

from gatepass import tokens
from gatepass.core.jws import Signatures
from gatepass.core.keys import ALGORITHMS, Key, KeySet
from gatepass.core.strict import b64decode as decode
from gatepass.core.strict import read_json, read_object
from gatepass.errors import ConfigurationError, CredentialError, MalformedCredential
from gatepass.keys import load

#: Labels that are wrong; the README of the vectors says why.
ERRATA = {
    **dict.fromkeys((367, 370), "valid"),
    **dict.fromkeys((372, 373, 346, 350, 347, 351), "invalid"),
}

#: What a key may be for that does not say it.
BY_TYPE = {
    "oct": ["HS256", "HS384", "HS512"],
    "RSA": ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
    "EC": ["ES256", "ES384", "ES512"],
    "OKP": ["Ed25519"],
}


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is named in a token is never fetched."""

    def refuse(*_args: Any, **_options: Any) -> NoReturn:
        pytest.fail("a connection was tried")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def allowed(jwk: Mapping[str, Any]) -> list[str]:
    return [jwk["alg"]] if "alg" in jwk else BY_TYPE[jwk["kty"]]


def said(token: str) -> str | None:
    """The algorithm that *token* names, unless it is no token."""
    try:
        name = read_object(decode(token.partition(".")[0].encode())).get("alg")
    except MalformedCredential:
        return None
    return name if name in ALGORITHMS else None


def key_set(jwk: Mapping[str, Any], algorithm: str | None) -> KeySet:
    loaded = load(jwk, algorithm=algorithm)
    return KeySet([loaded]) if isinstance(loaded, Key) else loaded


def opened(token: str, jwk: Mapping[str, Any], algorithms: list[str]) -> bytes | None:
    """The payload that was signed, or None when key or token was refused as it should be.

    A key that does not say what it is for is asked for what the token says, which only a test may do.
    """
    bound = all("alg" in key for key in members(jwk))
    try:
        named = None if bound else said(token)
        return Signatures(key_set(jwk, named), algorithms=algorithms, typ=None).open(token)[1]
    except (CredentialError, ConfigurationError) as error:
        silent(error, token)
        return None


# -- whole tokens against a policy -------------------------------------------------------------------------------------

POLICY = vectors.read("policy/jwt_policy_vectors.json")


def policy_token(text: str) -> str:
    if text.startswith("gen:"):
        unit, count = text.removeprefix("gen:").split("*")
        return unit * int(count)
    return text


def verified(test: Mapping[str, Any]) -> Mapping[str, Any] | None:
    policy = POLICY["policy"]
    token = policy_token(test["token"])
    try:
        return tokens.verify(
            token,
            load(POLICY["keysets"][test["keyset"]]),
            algorithms=test["algorithms"],
            issuer=policy["issuer"],
            audience=policy["audience"],
            typ=policy["typ"],
            leeway=policy["leeway_seconds"],
            now=policy["now"],
            require=policy["required_claims"],
        )
    except (CredentialError, ConfigurationError) as error:
        silent(error, token)
        return None


@pytest.mark.parametrize("test", POLICY["tests"], ids=lambda test: test["id"])
def test_a_token_is_judged_by_the_policy(test: Mapping[str, Any]) -> None:
    claims = verified(test)

    if test["expect"] == "either":
        return
    assert (claims is not None) == (test["expect"] == "accept")


def test_another_spelling_of_a_signature_has_the_same_jti() -> None:
    """ES256 signatures come in pairs: what remembers a revoked token must know it by `jti`, never by its text."""
    twins = [test for test in POLICY["tests"] if "same_token_as" in test]

    assert twins
    for test in twins:
        claims, other = verified(test), verified({**test, "token": test["same_token_as"]})
        assert claims is None or (other is not None and claims["jti"] == other["jti"])


# -- Wycheproof --------------------------------------------------------------------------------------------------------


def cases(name: str) -> list[Any]:
    return [
        pytest.param(group, test, id=f"{test['tcId']}-{test['comment']}")
        for group in vectors.read(f"wycheproof/{name}.json")["testGroups"]
        for test in group["tests"]
    ]


def members(jwk: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = jwk.get("keys", [jwk])
    return found


@pytest.mark.parametrize(
    ("group", "test"),
    [
        *cases("json_web_signature_test"),
        *cases("json_web_key_test"),
        *cases("json_web_crypto_test"),
        *cases("json_web_encryption_test"),
    ],
)
def test_wycheproof_agrees_on_what_is_signed(group: Mapping[str, Any], test: Mapping[str, Any]) -> None:
    """An encrypted token is no signed one, whatever its label."""
    jwk = group.get("public", group["private"])
    algorithms = [name for key in members(jwk) for name in allowed(key)]
    token = test["jws"] if "jws" in test else test["jwe"]

    payload = opened(token if isinstance(token, str) else str(token), jwk, algorithms)

    label = ERRATA.get(test["tcId"], test["result"]) if "jws" in test else "invalid"
    assert (payload is not None) == (label == "valid")


@pytest.mark.parametrize(
    ("group", "test"),
    [
        *cases("ecdsa_secp256r1_sha256_p1363_test"),
        *cases("ecdsa_secp384r1_sha384_p1363_test"),
        *cases("ecdsa_secp521r1_sha512_p1363_test"),
        *cases("ed25519_test"),
    ],
)
def test_wycheproof_agrees_on_curves(group: Mapping[str, Any], test: Mapping[str, Any]) -> None:
    """Also on keys at the edge of what is one, which are read from DER and PEM, and from a JWK where there is one."""
    forms = [group[name] for name in ("publicKeyJwk", "publicKeyPem") if name in group]
    forms.append(bytes.fromhex(group["publicKeyDer"]))

    for form in forms:
        key = load(form)
        assert isinstance(key, Key)
        good = key.verify(bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"]))
        assert test["result"] == "acceptable" or good == (test["result"] == "valid")


@pytest.mark.parametrize(("group", "test"), cases("hmac_sha256_test"))
def test_wycheproof_agrees_on_hs256(group: Mapping[str, Any], test: Mapping[str, Any]) -> None:
    """A cut tag is no JWS signature, whatever its label, and a short secret is no key."""
    jwk = {"kty": "oct", "alg": "HS256", "k": to_base64url(bytes.fromhex(test["key"]))}
    if group["keySize"] < 256:
        with pytest.raises(ConfigurationError):
            load(jwk)
        return
    key = load(jwk)
    assert isinstance(key, Key)

    good = key.verify(bytes.fromhex(test["msg"]), bytes.fromhex(test["tag"]))

    assert good == (test["result"] == "valid" and group["tagSize"] == 256)


def to_base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


# -- the examples of the RFCs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", vectors.COOKBOOK)
def test_the_cookbook_verifies_where_it_is_compact_and_whole(name: str) -> None:
    example = vectors.read(f"jose-cookbook/{name}.json")
    source, output = example["input"], example["output"]
    compact = output.get("compact", "")
    # The detached one leaves its payload out: two dots in a row.
    good = "compact" in output and ".." not in compact

    for text in (compact, str(output.get("json")), str(output.get("json_flat"))):
        payload = opened(text, source["key"], [source["alg"]])
        assert payload == (source["payload"].encode() if good and text == compact else None)


@pytest.mark.parametrize(
    "name", ["jws/4_1.rsa_v15_signature", "jws/4_4.hmac-sha2_integrity_protection", "curve25519/jws"]
)
def test_the_cookbook_is_reproduced(name: str) -> None:
    example = vectors.read(f"jose-cookbook/{name}.json")
    assert example["reproducible"]
    key = load(example["input"]["key"], algorithm=example["input"]["alg"])
    assert isinstance(key, Key)

    signed, _, signature = example["output"]["compact"].rpartition(".")

    assert signature == to_base64url(key.sign(signed.encode()))


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [("3_2.ec_private_key", None), ("3_3.rsa_public_key", "PS384"), ("3_4.rsa_private_key", "RS256")],
)
def test_a_key_of_the_cookbook_is_read_and_written_again(name: str, algorithm: str | None) -> None:
    jwk = vectors.read(f"jose-cookbook/jwk/{name}.json")
    key = load(jwk, algorithm=algorithm)
    assert isinstance(key, Key)

    assert key.to_jwk(private="d" in jwk) == {**jwk, "alg": algorithm or "ES512"}
    if "d" in jwk:
        assert key.verify(b"data", key.sign(b"data"))


def test_a_key_of_the_cookbook_for_encryption_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        load(vectors.read("jose-cookbook/jwk/3_6.symmetric_key_encryption.json"))


# -- JSON --------------------------------------------------------------------------------------------------------------

PARSING = vectors.read("jsontestsuite/parsing.json")["tests"]


def read(test: Mapping[str, Any], reader: Callable[[bytes], Any]) -> Any:
    """What *reader* makes of the text; the reason, if it refuses."""
    text = b64decode(test["b64"]) if "b64" in test else test["repeat"]["unit"].encode() * test["repeat"]["count"]
    try:
        return reader(text)
    except MalformedCredential as error:
        return error.reason


@pytest.mark.parametrize("test", PARSING, ids=lambda test: test["name"])
def test_the_reader_agrees_on_what_is_json(test: Mapping[str, Any]) -> None:
    verdict = "reject" if read(test, read_json) == "json" else "accept"

    # A name twice is legal JSON, and legal nowhere in a token: RFC 7519 section 4.
    expected = "reject" if test["name"].startswith("y_object_duplicated_key") else test["expect"]
    assert expected in {verdict, "either"}


@pytest.mark.parametrize("test", PARSING, ids=lambda test: test["name"])
def test_only_an_object_is_a_claims_set(test: Mapping[str, Any]) -> None:
    assert read(test, read_object) == "json" or isinstance(read(test, read_json), dict)
