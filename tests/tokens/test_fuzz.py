"""Whatever is put in: no exception but ours, nothing of it in a message, and work that grows no faster than it."""

import json
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from support.families import KEYS, PAIRS, RSA
from support.fuzz import Hand, leaks, refused
from tokens.test_keys import certificate

from gatepass import tokens
from gatepass.core import jws
from gatepass.core.strict import b64encode, read_object
from gatepass.errors import ConfigurationError, CredentialError, MalformedCredential
from gatepass.keys import KeySet, load

NOW = 1_900_000_000
CLAIMS: dict[str, Any] = {
    "iss": "https://auth.example.com",
    "aud": "orders",
    "sub": "ada",
    "jti": "j-1",
    "iat": NOW - 10,
    "exp": NOW + 600,
    "nbf": NOW - 10,
    "roles": ["admin"],
    "own": {"a": [1, 2.5, None]},
}
#: Of each family one: what is before the signature is the same for all.
FEW = [KEYS[alg] for alg in ("HS256", "RS256", "PS512", "ES256", "ES512", "Ed25519")]
TOKENS = [(tokens.sign(CLAIMS, key).encode(), key) for key in FEW]


def verify(token: object, keys: Any) -> object:
    return tokens.verify(token, keys, algorithms=list(KEYS), issuer=CLAIMS["iss"], audience="orders", now=NOW)


def signed(header: bytes, payload: bytes) -> str:
    text = b64encode(header) + b"." + b64encode(payload)
    return (text + b"." + b64encode(KEYS["HS256"].sign(text))).decode()


def forms() -> list[bytes]:
    """Keys as files hold them, and what lies beside them there: a certificate, and a key under a password."""
    found = [certificate()]
    for key in (KEYS["RS256"], KEYS["ES256"], KEYS["ES512"], KEYS["Ed25519"]):
        found += [key.to_pem().encode(), key.to_der(), key.to_pem(private=True).encode(), key.to_der(private=True)]
    for key in (KEYS["RS256"], KEYS["ES256"]):
        found += [key.to_pem(private=True, traditional=True).encode(), key.to_der(private=True, traditional=True)]
    for encoding in (Encoding.PEM, Encoding.DER):
        found.append(RSA.private_bytes(encoding, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")))
    return found


FORMS = forms()


# Each takes something good, changes it, and says whether that was refused.


def a_token(hand: Hand) -> bool:
    good, key = hand.random.choice(TOKENS)
    changed = hand.change(good)
    given: object = changed if hand.random.randrange(50) == 0 else changed.decode("latin-1")
    return refused(lambda token: verify(token, key), given)


def a_header(hand: Hand) -> bool:
    header = hand.text({"alg": "HS256", "kid": KEYS["HS256"].kid, "typ": "at+jwt"})
    return refused(lambda token: verify(token, KEYS["HS256"]), signed(header, json.dumps(CLAIMS).encode()))


def a_payload(hand: Hand) -> bool:
    header = json.dumps({"alg": "HS256", "kid": KEYS["HS256"].kid, "typ": "at+jwt"}).encode()
    return refused(lambda token: verify(token, KEYS["HS256"]), signed(header, hand.text(CLAIMS)))


def a_jwk(hand: Hand) -> bool:
    key = hand.random.choice(FEW)
    good = key.to_jwk(private=key.symmetric or hand.random.randrange(4) == 0)
    public_only = hand.random.randrange(8) == 0
    given: Any = hand.json(good) if hand.random.randrange(2) else hand.text(good)
    return refused(lambda data: load(data, public_only=public_only), given)


def a_jwks(hand: Hand) -> bool:
    members: list[Any] = [hand.random.choice(FEW[1:]).to_jwk() for _ in range(hand.random.randrange(4))]
    if members and hand.random.randrange(2):
        members[0] = hand.json(members[0])
    jwks = {"keys": members}
    return refused(load, hand.json(jwks) if hand.random.randrange(4) == 0 else hand.text(jwks))


def a_pem(hand: Hand) -> bool:
    good = hand.random.choice(FORMS)
    changed = hand.change(good)
    given: Any = changed.decode("latin-1") if hand.random.randrange(4) == 0 else changed
    return refused(lambda data: load(data, algorithm=hand.random.choice((None, "RS256", "ES256", "EdDSA"))), given)


#: With how many thousands of inputs are enough for some minutes on one core.
SURFACES: list[tuple[Callable[[Hand], bool], int]] = [
    (a_token, 1_000),
    (a_header, 1_000),
    (a_payload, 1_000),
    (a_jwk, 250),
    (a_jwks, 200),
    (a_pem, 200),
]
NAMES = [surface.__name__ for surface, _ in SURFACES]


@pytest.mark.parametrize("surface", [surface for surface, _ in SURFACES], ids=NAMES)
def test_no_input_gets_anything_but_our_own_refusal(surface: Callable[[Hand], bool]) -> None:
    seen = {surface(hand) for hand in Hand(1).many(1_500)}

    assert True in seen


@pytest.mark.soak
@pytest.mark.timeout(3_600)  # minutes of work on one core; a busy machine may take its time
@pytest.mark.parametrize(("surface", "thousands"), SURFACES, ids=NAMES)
def test_no_input_of_millions_gets_anything_but_our_own_refusal(
    surface: Callable[[Hand], bool], thousands: int
) -> None:
    """Other ones each time; the seed of a failure is in its traceback."""
    seed = int.from_bytes(os.urandom(4), "big")

    assert sum(surface(hand) for hand in Hand(seed).many(thousands * 1_000))


def test_what_was_not_changed_is_taken() -> None:
    """The honest twins: each surface begins with something good."""
    for token, key in TOKENS:
        assert not refused(partial(verify, keys=key), token.decode())
    for key in FEW:
        assert not refused(load, key.to_jwk(private=True))
    for key in PAIRS.values():
        assert not refused(partial(load, algorithm=key.alg), key.to_pem(private=True))


def test_a_message_that_holds_a_part_of_the_input_is_found() -> None:
    assert leaks("refused: s3cr3t-value", "xx s3cr3t-value xx") == " s3cr3t-"
    assert not leaks("the key set is empty", "the key set is empty")

    def careless(given: str) -> None:
        raise ConfigurationError(cause=f"no key in {given}", fix="", source="")

    with pytest.raises(AssertionError, match="a message holds"):
        refused(careless, "s3cr3t-value")
    with pytest.raises(ZeroDivisionError):
        refused(lambda given: 1 / 0, "")


# -- work --------------------------------------------------------------------------------------------------------------


def steps(call: Callable[[], object]) -> int:
    """How many functions are called, in Python or in C, while *call* runs and refuses or not."""
    count = 0

    def heard(_frame: object, event: str, _function: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(heard)
    try:
        _ = call()
    except (CredentialError, ConfigurationError):
        pass
    finally:
        sys.setprofile(before)
    return count


JWK = PAIRS["ES256"].to_jwk()
#: By size, something to do with an input of that size.
GROWN: dict[str, Callable[[int], Callable[[], object]]] = {
    "a key set": lambda n: lambda: load({"keys": [{**JWK, "kid": f"{i}"} for i in range(n // 2)]}),
    "names in a key": lambda n: lambda: load(json.dumps({**JWK, **{f"x{i}": i for i in range(n)}})),
    "names twice": lambda n: lambda: load('{"a":[' + '{"b":1, "b":2},' * n + "1]}"),
    "beginnings of PEM": lambda n: lambda: load("-----BEGIN PUBLIC KEY-----\n" * n),
    "curves before a PEM": lambda n: lambda: load("-----BEGIN EC PARAMETERS-----\n" * n),
    "quotes": lambda n: lambda: read_object(b'{"a":' + b'"' * n),
    "brackets": lambda n: lambda: read_object(b"[" * n + b"]" * n),
    "dots": lambda n: lambda: verify("." * n, KEYS["HS256"]),
    "a long key": lambda n: lambda: load({**JWK, "x": "A" * n}),
    "a long modulus": lambda n: lambda: load({"kty": "RSA", "alg": "RS256", "n": "Q" * n, "e": "AQAB"}),
    "a long secret": lambda n: lambda: load({"kty": "oct", "alg": "HS256", "k": "QUJD" * n}),
}


@pytest.mark.parametrize("make", GROWN.values(), ids=GROWN)
def test_work_grows_no_faster_than_the_input(make: Callable[[int], Callable[[], object]]) -> None:
    _ = steps(make(48))  # what is done once only
    one, eight = steps(make(48)), steps(make(384))

    assert one > 0
    assert eight <= 8 * one + 50


def test_quadratic_work_is_found() -> None:
    def all_pairs(n: int) -> Callable[[], object]:
        return lambda: [abs(i - j) for i in range(n) for j in range(n)]

    assert steps(all_pairs(384)) > 8 * steps(all_pairs(48)) + 50


def test_what_is_too_long_is_refused_before_any_work() -> None:
    few = 25
    token = "x" * 2**20

    assert steps(lambda: jws.unverified_kid(token)) < few
    assert steps(lambda: load("x" * (2**20 + 1))) < few
    assert steps(lambda: load(b"\x30" * (2**20 + 1))) < few
    assert steps(lambda: load(b"\x30" * 8_193)) < few
    assert steps(lambda: load({"keys": [JWK] * 257})) < few
    # The honest twin costs more.
    assert steps(lambda: load({"keys": [JWK] * 256})) > few


def test_a_set_of_one_key_is_read_however_it_is_written() -> None:
    jwk = PAIRS["Ed25519"].to_jwk()

    for text in (json.dumps({"keys": [jwk]}), json.dumps({"keys": [jwk]}, indent=4), {"keys": [jwk]}):
        assert isinstance(load(text), KeySet)
    with pytest.raises(MalformedCredential):
        read_object(b"")
