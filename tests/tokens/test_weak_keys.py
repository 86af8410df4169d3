"""Keys that can be broken are refused, each with its own sentence; the ones beside them are taken."""

from math import prod
from random import Random
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from support.families import KEYS, RSA

from gatepass.core.keys import roca
from gatepass.core.strict import b64decode, b64encode
from gatepass.errors import ConfigurationError
from gatepass.keys import Ed25519Key, RsaKey, load

JWK = KEYS["RS256"].to_jwk(private=True)
N = RSA.public_key().public_numbers().n


def text(number: int) -> str:
    return b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).decode()


def cause(jwk: Any, **options: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(jwk, **options)
    assert caught.value.fix
    return caught.value.cause


def public(n: int = N, e: int = 65_537) -> dict[str, str]:
    return {"kty": "RSA", "alg": "RS256", "n": text(n), "e": text(e)}


# -- RSA ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [1_024, 2_040])
def test_a_small_modulus_is_refused_in_every_form(bits: int) -> None:
    """RFC 7518 section 3.3."""
    small = rsa.generate_private_key(65_537, bits)
    pem = small.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    for data in (public(small.public_key().public_numbers().n), pem):
        assert f"{bits} bits" in cause(data, algorithm="RS256")
    with pytest.raises(ConfigurationError, match=f"{bits} bits"):
        RsaKey(small, algorithm="RS256")


def test_a_modulus_at_the_edge_is_taken_and_one_beyond_is_refused() -> None:
    assert load(public(2**2_047 + 1))
    assert "2047 bits" in cause(public(2**2_047 - 1))
    assert load(public(2**8_191 + 1))
    assert "1 to 1024 bytes" in cause(public(2**8_192 + 1))


@pytest.mark.parametrize("e", [1, 2, 4, 65_536, 2**64 + 1])
def test_an_exponent_that_is_small_even_or_endless_is_refused(e: int) -> None:
    """With 1, the padded digest is its own signature."""
    assert "public exponent" in cause(public(e=e))


@pytest.mark.parametrize("e", [3, 17, 65_537, 2**64 - 1])
def test_an_odd_exponent_is_taken(e: int) -> None:
    assert load(public(e=e))


def test_an_even_modulus_is_refused() -> None:
    assert "even" in cause(public(N + 1))


def flawed(bits: int) -> int:
    """A modulus as the flawed chips made it; what it is not is a product of primes, which the test does not look at."""
    base = prod(n for n in range(2, 168) if all(n % divisor for divisor in range(2, n)))
    halves = []
    for power in (3, 5):
        k = 2 ** (bits // 2) // base
        halves.append(k * base + pow(65_537, power, base))
    return int(halves[0] * halves[1])


def test_a_modulus_of_a_flawed_chip_is_refused() -> None:
    """CVE-2017-15361."""
    for bits in (2_050, 3_074, 4_098):
        modulus = flawed(bits)
        assert roca.is_roca(modulus)
        assert "flawed chip" in cause(public(modulus))
        assert not roca.is_roca(modulus + 2)


def test_moduli_of_other_makers_have_no_such_fingerprint() -> None:
    assert not roca.is_roca(N)
    # One in 2^28 has: among a thousand numbers in a row, none here.
    assert not any(roca.is_roca(N + step) for step in range(0, 2_000, 2))


@pytest.mark.parametrize("name", ["n", "e", "d", "p", "q", "dp", "dq", "qi"])
def test_a_number_has_one_spelling(name: str) -> None:
    """RFC 7518 section 2: as few bytes as it takes."""
    number = int.from_bytes(b64decode(JWK[name].encode()), "big")
    longer = b64encode(b"\0" + number.to_bytes((number.bit_length() + 7) // 8, "big")).decode()

    assert "begins with none of zero" in cause({**JWK, name: longer})
    assert "begins with none of zero" in cause({**JWK, name: ""})
    assert f"the member {name} is missing" in cause({**JWK, name: None})


@pytest.mark.parametrize("name", ["d", "p", "q", "dp", "dq", "qi"])
def test_private_numbers_belong_together(name: str) -> None:
    assert "do not belong together" in cause({**JWK, name: text(12_345)})


def test_a_private_key_brings_its_factors_and_no_third_one() -> None:
    bare = {name: value for name, value in JWK.items() if name in {"kty", "alg", "n", "e", "d"}}

    assert "p is missing" in cause(bare)
    for name in ("p", "q", "dp", "dq", "qi"):  # one that lost its `d` is no public key
        assert "the member d is missing" in cause({**public(), name: JWK[name]})
    assert load(public())
    assert "two factors" in cause({**JWK, "oth": []})


# -- Ed25519 -----------------------------------------------------------------------------------------------------------

FIELD = 2**255 - 19
D = -121_665 * pow(121_666, -1, FIELD) % FIELD


def okp(y: int) -> dict[str, str]:
    return {"kty": "OKP", "crv": "Ed25519", "alg": "Ed25519", "x": b64encode(y.to_bytes(32, "little")).decode()}


def root(square: int) -> int | None:
    """A square root modulo the field, by the formula of RFC 8032 section 5.1.3."""
    x = pow(square, (FIELD + 3) // 8, FIELD)
    for candidate in (x, x * pow(2, (FIELD - 1) // 4, FIELD) % FIELD):
        if candidate * candidate % FIELD == square:
            return candidate
    return None


def doubled(x: int, y: int) -> tuple[int, int]:
    product = D * x * x * y * y
    return (
        2 * x * y * pow(1 + product, -1, FIELD) % FIELD,
        (y * y + x * x) * pow(1 - product, -1, FIELD) % FIELD,
    )


def x_of(y: int) -> int | None:
    return root((y * y - 1) * pow(D * y * y + 1, -1, FIELD) % FIELD)


def small_order() -> list[int]:
    """The y of the five pairs of points whose eighth multiple is the neutral one, found by arithmetic."""
    found: set[int] = {1, FIELD - 1, 0}
    # Twice a point of order 8 has order 4, that is y = 0: then y^2 = -x^2, and the equation of the curve leaves
    # d y^4 + 2 y^2 - 1 = 0.
    half = root((1 + D) % FIELD)
    assert half is not None
    for sign in (1, -1):
        y = root((-1 + sign * half) * pow(D, -1, FIELD) % FIELD)
        if y is not None and x_of(y) is not None:
            found |= {y, FIELD - y}
    return sorted(found)


def test_there_are_five_spellings_of_a_point_of_small_order() -> None:
    points = small_order()

    assert len(points) == 5
    for y in points:
        x = x_of(y)
        assert x is not None
        assert doubled(*doubled(*doubled(x, y))) == (0, 1)


@pytest.mark.parametrize("y", small_order())
@pytest.mark.parametrize("sign", [0, 2**255])
def test_a_point_of_small_order_is_refused(y: int, sign: int) -> None:
    """A signature that one of them verifies was made by nobody."""
    assert "large order" in cause(okp(y | sign))


def test_a_point_off_the_curve_and_a_second_spelling_are_refused() -> None:
    off = next(y for y in range(2, 100) if x_of(y) is None)
    on = next(y for y in range(2, 19) if x_of(y) is not None)

    assert load(okp(on))
    assert "on the curve" in cause(okp(off))
    assert "on the curve" in cause(okp(on + FIELD))
    with pytest.raises(ConfigurationError, match="on the curve"):
        Ed25519Key(Ed25519PublicKey.from_public_bytes(off.to_bytes(32, "little")))
    raw = Ed25519PublicKey.from_public_bytes(off.to_bytes(32, "little"))
    assert "on the curve" in cause(raw.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def test_halves_of_an_ed25519_key_belong_together() -> None:
    jwk = KEYS["Ed25519"].to_jwk(private=True)
    other = {**jwk, "d": b64encode(bytes(range(32))).decode()}

    assert load(jwk)
    assert "not that of the private one" in cause(other)
    assert "31 bytes" in cause({**jwk, "d": b64encode(bytes(31)).decode()})
    assert "33 bytes" in cause({**jwk, "x": b64encode(bytes(33)).decode()})
    assert "crv" in cause({**jwk, "crv": "Ed448"})


# -- HMAC --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("alg", "size"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_a_secret_is_as_long_as_its_hash(alg: str, size: int) -> None:
    """RFC 7518 section 3.2."""
    secret = Random(size).randbytes(size)
    jwk = {"kty": "oct", "alg": alg, "k": b64encode(secret).decode()}

    assert load(jwk)
    assert f"{alg} needs {size}" in cause({**jwk, "k": b64encode(secret[:-1]).decode()})
    assert "0 bytes" in cause({**jwk, "k": ""})
