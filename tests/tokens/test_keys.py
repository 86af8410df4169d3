"""Keys: each for one algorithm, none that can be guessed, and no secret where anybody can see it."""

import copy
import hmac
import json
import pickle
from base64 import b64encode as armour
from collections.abc import Callable, Mapping
from dataclasses import asdict, astuple
from datetime import UTC, datetime
from hashlib import sha256
from random import Random
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from support.families import KEYS, PAIRS

from gatepass import tokens
from gatepass.core.keyring import Root
from gatepass.core.keys.asymmetric import AsymmetricKey
from gatepass.core.keys.tutorials import TUTORIAL_SECRETS
from gatepass.core.strict import b64decode, b64encode
from gatepass.errors import ConfigurationError
from gatepass.keys import EcKey, Ed25519Key, HmacKey, Key, KeyRing, KeySet, RsaKey, generate, load, new_ring

NOW = 1_900_000_000
SECRET = b"pJ4vT9wZ2mXc8RkLq3Ys6NbHd1Gf5Aeu"
PRIVATE = ec.generate_private_key(ec.SECP256R1())
EC_JWK = EcKey(PRIVATE).to_jwk(private=True)
OCT_JWK = HmacKey(SECRET, kid="one").to_jwk(private=True)


def without(jwk: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in jwk.items() if name not in names}


PUBLIC_JWK = without(EC_JWK, "d")


def loaded(data: Mapping[str, Any] | str | bytes) -> Key:
    key = load(data)
    assert isinstance(key, Key)
    return key


@pytest.fixture(params=KEYS)
def key(request: pytest.FixtureRequest) -> Key:
    return KEYS[request.param]


#: Where a key is made anew: one of each family.
MADE = pytest.mark.parametrize("alg", ["HS256", "ES256", "Ed25519", "RS256"])


# -- signing -----------------------------------------------------------------------------------------------------------


def test_a_key_verifies_what_it_signed_and_nothing_else(key: Key) -> None:
    signature = key.sign(b"data")

    assert key.verify(b"data", signature)
    assert not key.verify(b"other", signature)
    assert not key.verify(b"data", signature[:-1])
    assert not key.verify(b"data", signature + b"\0")
    assert not key.verify(b"data", b"")
    assert not any(other.verify(b"data", signature) for other in KEYS.values() if other is not key)


@pytest.mark.parametrize("alg", KEYS)
def test_a_key_is_made_for_every_algorithm(alg: str) -> None:
    key, other = generate(alg), KEYS[alg]

    assert type(key) is type(other)
    assert key.alg == alg
    assert key.kid != other.kid
    assert key.verify(b"data", key.sign(b"data"))
    assert not key.verify(b"data", other.sign(b"data"))


def test_the_old_name_of_ed25519_is_understood_and_not_written() -> None:
    """RFC 9864 section 4.1: `EdDSA` could mean two curves."""
    key = generate("EdDSA")

    assert key.alg == key.to_jwk()["alg"] == "Ed25519"
    assert loaded({**key.to_jwk(), "alg": "EdDSA"}).alg == "Ed25519"


@pytest.mark.parametrize(("alg", "name"), [("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512")])
def test_hmac_agrees_with_the_standard_library_at_every_length_of_secret(alg: str, name: str) -> None:
    for size in (64, 65, 127, 128, 129, 200):
        secret = Random(size).randbytes(size)
        assert HmacKey(secret, algorithm=alg).sign(b"data") == hmac.digest(secret, b"data", name)


#: SP 800-186 section 3.2.1, written the other way: how much less than a power of two they are.
ORDERS = {
    "ES256": 2**256 - 2**224 + 2**192 - 0x4319055258E8617B0C46353D039CDAAF,
    "ES384": 2**384 - 0x389CB27E0BC8D220A7E5F24DB74F58851313E695333AD68D,
    "ES512": 2**521 - 0x5AE79787C40D069948033FEB708F65A2FC44A36477663B851449048E16EC79BF7,
}


@pytest.mark.parametrize("alg", ORDERS)
def test_numbers_out_of_range_are_no_signature(alg: str) -> None:
    """A signature of zeros was good in Java for four years: CVE-2022-21449."""
    key = KEYS[alg]
    signature = key.sign(b"data")
    size = len(signature) // 2
    s = int.from_bytes(signature[size:], "big")
    for bad in (0, ORDERS[alg], 2 ** (8 * size) - 1):
        number = bad.to_bytes(size, "big")
        assert not key.verify(b"data", number + signature[size:])
        assert not key.verify(b"data", signature[:size] + number)
    # The honest twin: s has one more value, and that one is good.
    assert key.verify(b"data", signature[:size] + (ORDERS[alg] - s).to_bytes(size, "big"))


def test_there_is_no_key_for_an_algorithm_that_is_not_here() -> None:
    with pytest.raises(ConfigurationError, match="'none'"):
        generate("none")
    names: list[Any] = [None, [], {}, b"ES256", 1]
    for name in names:
        with pytest.raises(ConfigurationError, match="not an algorithm"):
            generate(name)


# -- what is shown -----------------------------------------------------------------------------------------------------


def test_no_secret_is_in_what_is_printed(key: Key) -> None:
    ring = KeyRing(signing=key, roots=(Root(kid="r", secret=SECRET, created_at=NOW),))
    jwk = key.to_jwk(private=True)
    hidden = [jwk[name] for name in ("k", "d", "p", "q", "dp", "dq", "qi") if name in jwk] + [SECRET.decode()]

    for thing in (key, ring, ring.keys, ring.roots, ring.roots[0]):
        shown = f"{thing!r} {thing}"
        assert key.kid in shown or "Root" in shown
        assert not any(secret in shown for secret in hidden)


@pytest.mark.parametrize("kind", ["key", "set", "ring", "root"])
def test_nothing_that_holds_a_secret_is_pickled_or_copied_deeply(key: Key, kind: str) -> None:
    root = Root(kid="r", secret=SECRET, created_at=NOW)
    thing = {"key": key, "set": KeySet([key]), "ring": KeyRing(signing=key, roots=(root,)), "root": root}[kind]

    for write in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            write(thing)


def test_a_key_does_not_change(key: Key) -> None:
    with pytest.raises(AttributeError):
        key.kid = "other"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        KeySet([key])._keys = {}  # type: ignore[misc]


@pytest.mark.parametrize("key", PAIRS.values(), ids=PAIRS)
def test_an_export_holds_the_public_part_unless_more_is_asked_for(key: Key) -> None:
    about = {"kty", "kid", "alg", "use"}
    public = {"EC": {"crv", "x", "y"}, "RSA": {"n", "e"}, "OKP": {"crv", "x"}}[key.kty]

    assert set(key.to_jwk()) == about | public
    assert loaded(key.to_jwk(private=True)).to_jwk(private=True) == key.to_jwk(private=True)
    with pytest.raises(ConfigurationError, match="public one"):
        loaded(key.to_jwk()).to_jwk(private=True)
    with pytest.raises(ConfigurationError, match="cannot sign"):
        loaded(key.to_jwk()).sign(b"data")


def test_a_secret_has_no_public_part() -> None:
    with pytest.raises(ConfigurationError, match="no public part"):
        HmacKey(SECRET).to_jwk()


def test_a_name_is_given_or_follows_from_the_key_alone() -> None:
    """All who hold the key agree on it, and it tells nothing of a secret."""
    assert HmacKey(SECRET, kid="mine").kid == "mine"
    assert HmacKey(SECRET).kid == HmacKey(SECRET).kid
    assert HmacKey(SECRET).kid != HmacKey(SECRET[::-1]).kid
    assert EcKey(PRIVATE).kid == EcKey(PRIVATE.public_key()).kid == loaded(without(EC_JWK, "kid")).kid


def test_the_name_of_an_elliptic_key_is_its_thumbprint() -> None:
    """RFC 7638 section 3: the required members, in the order of their names, without space."""
    text = json.dumps({name: EC_JWK[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":"))

    assert EcKey(PRIVATE).thumbprint() == b64encode(sha256(text.encode()).digest()).decode()


# -- secrets that are none ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", [b"", b"secret", b"changeme", bytes(16), SECRET[:31]])
def test_a_short_secret_is_refused(secret: bytes) -> None:
    with pytest.raises(ConfigurationError, match="32 at least"):
        HmacKey(secret)


@pytest.mark.parametrize("secret", ["x" * 32, None, 1, bytearray(SECRET)])
def test_a_secret_is_bytes(secret: Any) -> None:
    with pytest.raises(ConfigurationError, match="not bytes"):
        HmacKey(secret)


#: Secrets that repeat themselves, or count.
PATTERNS = [
    bytes(32),
    b"a" * 64,
    bytes(31) + b"\1",
    b"ab" * 16,
    b"password1" * 5,
    b"supersecret" * 3 + b"super",
    b"0123456789" * 4,
    SECRET * 2,
    bytes(range(32)),
    bytes(range(255, 155, -3)),
]
GUESSABLE = [
    *PATTERNS,
    b"a-string-secret-at-least-256-bits-long",
    b"09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    b"django-insecure-" + SECRET,
    b"CHANGEME" * 4,
    b"secret" * 6,
]


@pytest.mark.parametrize("secret", GUESSABLE)
def test_a_secret_that_everybody_knows_is_refused(secret: bytes) -> None:
    with pytest.raises(ConfigurationError) as caught:
        HmacKey(secret)

    assert "token_bytes" in caught.value.fix


FILLERS = (
    b"super-secret-key-change-in-production!!",
    b"please_change_this_secret_before_production",
    b"THIS IS A VERY SECRET KEY, DO NOT SHARE IT",
    b"<replace-me-with-a-long-random-string>",
    b"my-super-secret-jwt-signing-key-2026",
    b"acme-app-secret-key-must-be-at-least-32-bytes",
    b"mySuperSecretKeyForTestingPurposes",
)


@pytest.mark.parametrize("secret", FILLERS)
def test_a_sentence_in_place_of_a_secret_is_refused(secret: bytes) -> None:
    with pytest.raises(ConfigurationError, match="the words that stand where one is missing"):
        HmacKey(secret)


@pytest.mark.parametrize("secret", FILLERS)
def test_such_a_sentence_around_a_real_secret_signs(secret: bytes) -> None:
    assert HmacKey(secret + SECRET).sign(b"data") == hmac.digest(secret + SECRET, b"data", "sha256")
    text = secret + SECRET.hex().encode()
    assert HmacKey(text).sign(b"data") == hmac.digest(text, b"data", "sha256")


@pytest.mark.parametrize("secret", GUESSABLE[len(PATTERNS) :])
def test_a_secret_of_a_tutorial_is_refused_in_a_jwk_too(secret: bytes) -> None:
    with pytest.raises(ConfigurationError, match="tutorials"):
        load({"kty": "oct", "alg": "HS256", "k": b64encode(secret).decode()})


def printed() -> dict[str, bytes]:
    """Of the secrets that an inspection guesses, those that are long enough for HS256; also as they are written."""
    found = {}
    for text, kind in TUTORIAL_SECRETS.items():
        found[text] = text.encode()
        if kind == "base64url":
            found[f"{text}, decoded"] = b64decode(text.encode())
    return {name: secret for name, secret in found.items() if len(secret) >= 32}


@pytest.mark.parametrize("secret", printed().values(), ids=printed())
def test_what_an_inspection_calls_known_neither_signs_nor_is_in_a_ring(secret: bytes) -> None:
    with pytest.raises(ConfigurationError, match=r"tutorials print|RFC 7515"):
        HmacKey(secret)
    try:
        weak = loaded({"kty": "oct", "alg": "HS256", "k": b64encode(secret).decode()})
    except ConfigurationError as error:
        assert "tutorials print" in error.cause  # noqa: PT017  one or the other
        return
    assert "RFC 7515" in weak.weakness
    with pytest.raises(ConfigurationError, match="RFC 7515"):
        tokens.sign({}, weak)
    with pytest.raises(ConfigurationError, match="RFC 7515"):
        KeyRing(signing=weak, roots=(Root(kid="r", secret=SECRET, created_at=NOW),))


def test_the_example_of_a_standard_verifies() -> None:
    """RFC 7515 appendix A.1: published vectors are signed with it."""
    [example] = [secret for name, secret in printed().items() if name.endswith(", decoded")]
    weak = loaded({"kty": "oct", "alg": "HS256", "k": b64encode(example).decode()})

    assert weak.verify(b"data", hmac.digest(example, b"data", "sha256"))
    assert not weak.verify(b"data", hmac.digest(SECRET, b"data", "sha256"))


@pytest.mark.parametrize("secret", printed().values(), ids=printed())
def test_a_secret_of_that_length_that_nobody_has_printed_signs(secret: bytes) -> None:
    other = bytes(byte ^ mask for byte, mask in zip(secret, Random(7).randbytes(len(secret)), strict=True))
    assert HmacKey(other).sign(b"data") == hmac.digest(other, b"data", "sha256")


@pytest.mark.parametrize("secret", PATTERNS)
def test_nothing_starts_with_a_secret_that_is_a_pattern(secret: bytes) -> None:
    """A JWK may hold one, as published vectors do; it verifies, and neither signs a token nor is in a ring."""
    weak = loaded({"kty": "oct", "alg": "HS256", "k": b64encode(secret).decode()})
    root = Root(kid="r", secret=SECRET, created_at=NOW)

    assert weak.weakness
    rings: list[dict[str, Any]] = [{"signing": weak}, {"signing": HmacKey(SECRET), "others": (weak,)}]
    for ring in rings:
        with pytest.raises(ConfigurationError, match=r"the secret (repeats itself|counts)"):
            KeyRing(roots=(root,), **ring)
    with pytest.raises(ConfigurationError, match=r"the secret (repeats itself|counts)"):
        tokens.sign({}, weak)


@pytest.mark.parametrize(
    "secret", [SECRET + SECRET[:31], SECRET.hex().encode(), bytes(range(128)) + b"\0", b"4711" + b"0815293764" * 3]
)
def test_a_secret_that_only_looks_like_a_pattern_signs(secret: bytes) -> None:
    assert HmacKey(secret).can_sign


def public_texts() -> dict[str, bytes]:
    """Every form in which a public key is passed around."""
    found: dict[str, bytes] = {}
    keys: dict[str, Any] = {
        "ec": PRIVATE,
        "rsa": rsa.generate_private_key(65_537, 2_048),
        "ed25519": ed25519.Ed25519PrivateKey.generate(),
    }
    for name, private in keys.items():
        public = private.public_key()
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        found |= {
            f"{name}-pem": pem,
            f"{name}-pem-late": b"\xef\xbb\xbf  \n# ours\n" + pem,
            f"{name}-pem-utf16": pem.decode().encode("utf-16"),
            f"{name}-der": der,
            f"{name}-base64": armour(der),
            f"{name}-base64-lines": b"\n".join(armour(der)[i : i + 32] for i in range(0, 2 * len(der), 32)) + b"\n",
            f"{name}-ssh": public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
            f"{name}-ssh-unnamed": public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1],
            f"{name}-pem-base64": armour(pem),
            f"{name}-pem-hex": pem.hex().encode(),
            f"{name}-pem-lower": pem.lower(),
            f"{name}-pem-quoted": quote(pem).encode(),
            f"{name}-pem-bare": pem.replace(b"-----", b""),
            f"{name}-der-hex": der.hex().encode(),
            f"{name}-der-HEX": der.hex(":").upper().encode(),
            f"{name}-der-twice": armour(armour(der)),
            f"{name}-der-hex-base64": armour(der.hex().encode()),
            f"{name}-der-and-more": der + b"\n",
            f"{name}-der-and-before": b"\0" + der,
        }
        if name == "rsa":
            pkcs1 = public.public_bytes(Encoding.DER, PublicFormat.PKCS1)
            found |= {"rsa-pkcs1": pkcs1, "rsa-pkcs1-base64": armour(pkcs1), "rsa-pkcs1-and-more": pkcs1 + b"\n"}
    for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()):
        key = ec.generate_private_key(curve).public_key()
        point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        found |= {f"{curve.name}-point": point, f"{curve.name}-point-hex": point.hex().encode()}
    other = x25519.X25519PrivateKey.generate().public_key()
    found["x25519-der"] = other.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    found["jwk-base64"] = armour(json.dumps(PUBLIC_JWK).encode())
    found["jwk-text"] = json.dumps(json.dumps(PUBLIC_JWK)).encode()
    found["jwk-yaml"] = "\n".join(f"{name}: {text}" for name, text in PUBLIC_JWK.items()).encode()
    found["jwk-script"] = ("{" + ",".join(f"{name}:'{text}'" for name, text in PUBLIC_JWK.items()) + "}").encode()
    found["jwk"] = json.dumps(PUBLIC_JWK).encode()
    found["jwks"] = json.dumps({"keys": [PUBLIC_JWK]}, indent=2).encode()
    found["jwk-array"] = b" \n[" + json.dumps(PUBLIC_JWK).encode() + b"]"
    found["certificate"] = certificate()
    return found


def certificate() -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a")])
    made = (
        x509.CertificateBuilder(name, name, PRIVATE.public_key(), 1)
        .not_valid_before(datetime(2030, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2031, 1, 1, tzinfo=UTC))
    )
    return made.sign(PRIVATE, SHA256()).public_bytes(Encoding.DER)


PUBLIC_TEXTS = public_texts()


@pytest.mark.parametrize("form", PUBLIC_TEXTS)
def test_the_text_of_a_public_key_is_no_secret(form: str) -> None:
    """Whoever can read it could sign: the oldest attack on JWT libraries, and the one that came back most often."""
    for make in (HmacKey, lambda secret: load({"kty": "oct", "alg": "HS256", "k": b64encode(secret).decode()})):
        with pytest.raises(ConfigurationError, match="public key"):
            make(PUBLIC_TEXTS[form])


@pytest.mark.parametrize("size", [32, 48, 64, 65, 97, 133])
def test_a_random_secret_is_a_secret_in_hex_and_base64_too(size: int) -> None:
    secret = b"\x04" + Random(size).randbytes(size - 1)  # as a point begins
    for text in (
        secret,
        secret.hex().encode(),
        armour(secret),
        armour(armour(secret)),
        b"kty" + secret,
        secret + b"EC",
    ):
        assert HmacKey(text).can_sign


@pytest.mark.parametrize(
    "other", [ec.generate_private_key(ec.SECP256K1()), ed25519.Ed25519PrivateKey.generate(), None, b"x"]
)
def test_a_key_is_of_its_family(other: Any) -> None:
    with pytest.raises(ConfigurationError, match="P-256"):
        EcKey(other)
    with pytest.raises(ConfigurationError, match="not an RSA key"):
        RsaKey(other, algorithm="RS256")
    with pytest.raises(ConfigurationError, match="not an Ed25519 key"):
        Ed25519Key(PRIVATE)  # type: ignore[arg-type]


# -- JWK ---------------------------------------------------------------------------------------------------------------


def test_a_key_is_read_from_a_dict_and_from_text() -> None:
    for data in (EC_JWK, json.dumps(EC_JWK), json.dumps(EC_JWK).encode()):
        key = loaded(data)
        assert key.can_sign
        assert key.to_jwk(private=True) == EC_JWK
    assert not loaded(PUBLIC_JWK).can_sign
    assert loaded(OCT_JWK).verify(b"data", HmacKey(SECRET).sign(b"data"))


@pytest.mark.parametrize(
    "more", [{"use": "sig"}, {"key_ops": ["verify"]}, {"key_ops": ["sign", "verify"]}, {"x5u": "a"}]
)
def test_a_key_that_says_it_is_for_signatures_is_read(more: dict[str, Any]) -> None:
    assert loaded({**PUBLIC_JWK, **more}).kid == EC_JWK["kid"]


@pytest.mark.parametrize(
    "spoiled", [lambda text: text[:-1], lambda text: text + "\xff", lambda text: text.replace(":", "", 1)]
)
def test_no_secret_is_in_what_lies_behind_a_refusal(spoiled: Callable[[str], str]) -> None:
    """A reporter of errors prints the whole chain, with its attributes; `from None` only hides it from Python."""
    text = spoiled(json.dumps(OCT_JWK))
    for given in (text, text.encode("latin-1")):
        with pytest.raises(ConfigurationError) as caught:
            load(given)
        error: BaseException | None = caught.value
        while error is not None:
            held = [error.args, vars(error), *(getattr(error, name, "") for name in ("doc", "object"))]
            assert OCT_JWK["k"] not in repr(held)
            error = error.__cause__ or error.__context__


# -- key_ops: RFC 7517 section 4.3 -------------------------------------------------------------------------------------

CLAIMS = {"iss": "i", "aud": "a", "sub": "s", "jti": "j", "iat": NOW, "exp": NOW + 60}


def check(token: str, key: Any) -> Any:
    return tokens.verify(token, key, algorithms=[key.alg], issuer="i", audience="a", now=NOW)


@pytest.mark.parametrize("alg", ["ES256", "Ed25519", "RS256", "PS256", "HS256"])
def test_a_key_for_verifying_does_not_sign(alg: str) -> None:
    both = KEYS[alg]
    said = {**both.to_jwk(private=True), "key_ops": ["verify"]}
    key = loaded(said)
    assert (key.kid, key.can_sign, key.can_verify) == (both.kid, False, True)
    assert check(tokens.sign(CLAIMS, both), key) == CLAIMS
    with pytest.raises(ConfigurationError, match=r"cannot sign|verifying alone"):
        tokens.sign(CLAIMS, key)
    with pytest.raises(ConfigurationError):
        KeyRing(signing=key, roots=new_ring(now=NOW).roots)


@pytest.mark.parametrize("alg", ["ES256", "Ed25519", "RS256", "PS256", "HS256"])
def test_a_key_for_signing_does_not_verify(alg: str) -> None:
    both = KEYS[alg]
    key = loaded({**both.to_jwk(private=True), "key_ops": ["sign"]})
    assert (key.kid, key.can_sign, key.can_verify) == (both.kid, True, False)
    token = tokens.sign(CLAIMS, key)
    assert check(token, both) == CLAIMS
    with pytest.raises(ConfigurationError, match="for signing alone"):
        check(token, key)
    if isinstance(key, AsymmetricKey):
        assert check(token, key.public_key()) == CLAIMS
        assert not key.public_key().can_sign


@pytest.mark.parametrize("ops", [["sign"], ["verify"], ["sign", "verify"], ["verify", "sign"]])
def test_what_a_key_is_for_is_written_down_with_its_private_part(ops: list[str]) -> None:
    key = loaded({**OCT_JWK, "key_ops": ops})
    assert key.to_jwk(private=True) == {**OCT_JWK, "key_ops": ops}
    signs = loaded({**EC_JWK, "key_ops": ["sign"]})
    assert signs.to_jwk(private=True) == {**EC_JWK, "key_ops": ["sign"]}
    assert signs.to_jwk() == PUBLIC_JWK


def number(value: int, size: int = 32) -> str:
    return b64encode(value.to_bytes(size, "big")).decode()


POINT = PRIVATE.public_key().public_numbers()
#: What is no name of a key.
STRANGE: list[Any] = ["", 1, [], "x" * 257, "a\nb", "\ud800"]
FIELD = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF


@pytest.mark.parametrize(
    ("jwk", "cause"),
    [
        *(({**PUBLIC_JWK, "kty": kty}, "kty") for kty in (None, "ec", "rsa", "AKP", 1, ["EC"])),
        (without(PUBLIC_JWK, "kty"), "kty"),
        ({**PUBLIC_JWK, "kty": "RSA"}, "alg"),
        ({**PUBLIC_JWK, "kty": "RSA", "alg": "RS256"}, "n is missing"),
        ({**PUBLIC_JWK, "kty": "OKP", "alg": "Ed25519"}, "crv"),
        *(({**PUBLIC_JWK, "alg": alg}, "alg") for alg in (None, "RS256", "HS256", "none", "es256", ["ES256"])),
        *(({**PUBLIC_JWK, "alg": alg}, "is not that of") for alg in ("ES384", "ES512")),
        ({**OCT_JWK, "alg": "HS512"}, "HS512 needs 64"),
        ({**OCT_JWK, "kty": "EC"}, "alg"),
        (without(OCT_JWK, "alg"), "which algorithm"),
        ({"kty": "RSA", "n": PUBLIC_JWK["x"], "e": "AQAB"}, "which algorithm"),
        *(({**PUBLIC_JWK, "use": use}, "use") for use in ("enc", None, "SIG", ["sig"])),
        *(
            ({**PUBLIC_JWK, "key_ops": ops}, "key_ops")
            for ops in ([], None, "verify", ["encrypt"], ["verify", "deriveKey"])
        ),
        *(({**PUBLIC_JWK, "key_ops": ops}, "key_ops") for ops in (["verify", "verify"], [["verify"]], ["sign"])),
        *(({**PUBLIC_JWK, "crv": crv}, "crv") for crv in (None, "P-384", "p-256", "secp256k1", ["P-256"])),
        *(
            ({**PUBLIC_JWK, "x": x}, "x is missing or is not base64url")
            for x in (None, 1, PUBLIC_JWK["x"] + "=", "é", "\ud800")
        ),
        (without(PUBLIC_JWK, "y"), "y is missing"),
        ({**PUBLIC_JWK, "x": ""}, "x has 0 bytes"),
        ({**PUBLIC_JWK, "x": number(POINT.x >> 8, 31)}, "x has 31 bytes"),
        ({**PUBLIC_JWK, "x": number(POINT.x, 33)}, "x has 33 bytes"),
        ({**PUBLIC_JWK, "x": number((POINT.x + 1) % FIELD)}, "no key"),
        ({**PUBLIC_JWK, "x": number(0), "y": number(0)}, "no key"),
        ({**PUBLIC_JWK, "x": number(2**256 - 1)}, "no key"),
        ({**EC_JWK, "d": number(0)}, "no key"),
        ({**EC_JWK, "d": number(1)}, "no key"),
        ({**EC_JWK, "d": number(2**256 - 1)}, "no key"),
        ({**EC_JWK, "d": None}, "d is missing or is not base64url"),
        ({**EC_JWK, "d": number(1, 31)}, "d has 31 bytes"),
        *(({**OCT_JWK, "k": k}, "k is missing or is not base64url") for k in (None, 1, OCT_JWK["k"] + "=")),
        ({**OCT_JWK, "k": ""}, "0 bytes"),
        *(({**PUBLIC_JWK, "kid": kid}, "kid") for kid in STRANGE),
        *(
            (text, "JSON")
            for text in ("", "[]", "null", "{", '{"kty":"EC","kty":"EC"}', b"\xff", "\ud800", b"\xef\xbb\xbf{}")
        ),
        *((thing, "not a JSON object") for thing in (None, 1, [PUBLIC_JWK])),
    ],
)
def test_a_key_that_is_not_what_it_should_be_is_refused(jwk: Any, cause: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(jwk)

    assert cause in caught.value.cause
    assert caught.value.fix
    assert caught.value.source == "load(data)"


def test_a_refusal_does_not_repeat_the_secret() -> None:
    for bad in ({**EC_JWK, "x": "AAAA"}, {**OCT_JWK, "use": "enc"}, {**EC_JWK, "d": EC_JWK["d"] + "="}):
        with pytest.raises(ConfigurationError) as caught:
            load(bad)
        assert EC_JWK["d"][:8] not in str(caught.value)
        assert OCT_JWK["k"][:8] not in str(caught.value)


# -- key sets ----------------------------------------------------------------------------------------------------------


def test_a_set_finds_a_key_by_its_name() -> None:
    one, two = generate("ES256"), generate("ES256")
    keys = load(json.dumps({"keys": [one.to_jwk(), two.to_jwk()]}))

    assert isinstance(keys, KeySet)
    assert [key.kid for key in keys] == [one.kid, two.kid]
    assert len(keys) == 2
    assert keys.algorithms == {"ES256"}
    assert keys.get(two.kid)
    assert keys.get("other") is None
    assert keys.only("ES256") is None
    assert KeySet([one]).only("ES256") is one
    assert KeySet([one]).only("HS256") is None


@pytest.mark.parametrize(
    ("jwks", "cause"),
    [
        ({"keys": []}, "empty"),
        ({"keys": None}, 'no list "keys"'),
        ({"keys": {"a": PUBLIC_JWK}}, 'no list "keys"'),
        ({"keys": [PUBLIC_JWK, None]}, "not a JSON object"),
        ({"keys": [PUBLIC_JWK, PUBLIC_JWK]}, "one name"),
        ({"keys": [OCT_JWK, {**OCT_JWK, "k": b64encode(SECRET[::-1]).decode()}]}, "one name"),
        ({"keys": [PUBLIC_JWK, OCT_JWK]}, "mixes"),
        ({"keys": [PUBLIC_JWK, {**PUBLIC_JWK, "kty": "rsa"}]}, "kty"),
        ({"keys": [PUBLIC_JWK] * 257}, "more than 256"),
    ],
)
def test_a_set_with_a_doubtful_member_is_refused(jwks: dict[str, Any], cause: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(jwks)

    assert cause in caught.value.cause


def test_a_set_is_of_keys() -> None:
    with pytest.raises(ConfigurationError, match="not a key"):
        KeySet([PUBLIC_JWK])  # type: ignore[list-item]


# -- the ring ----------------------------------------------------------------------------------------------------------


@MADE
def test_a_rotated_ring_signs_anew_and_forgets_nothing(alg: str) -> None:
    old, new = new_ring(alg, now=NOW), new_ring(alg, now=NOW + 1)

    ring = old.published(new.signing, new.roots[0], now=1_900_000_000, signs_from=1_900_000_000, keep=86_400)

    assert ring.signing is new.signing
    assert [known.kid for known in ring.keys] == [new.signing.kid, old.signing.kid]
    assert ring.refresh_kid == new.refresh_kid != old.refresh_kid
    assert ring.refresh_key(old.refresh_kid) == old.refresh_key(old.refresh_kid)
    assert ring.refresh_key(new.refresh_kid) == new.refresh_key(new.refresh_kid)
    assert ring.refresh_key("other") is None
    assert ring.roots[0].created_at == NOW + 1


@MADE
def test_what_a_ring_publishes_is_public(alg: str) -> None:
    published = new_ring(alg, now=NOW).jwks(NOW)["keys"]

    assert len(published) == (0 if alg == "HS256" else 1)
    assert not any({"d", "k", "p", "q"} & jwk.keys() for jwk in published)


def test_each_purpose_has_a_key_of_its_own() -> None:
    root = Root(kid="r", secret=SECRET, created_at=NOW)
    expected = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"gatepass refresh").derive(SECRET)

    assert root.derive("refresh") == expected
    assert root.derive("refresh") != root.derive("other")
    assert SECRET not in {root.derive("refresh"), root.derive("")}


@pytest.mark.parametrize("write", [asdict, astuple, msgspec.json.encode, msgspec.to_builtins, vars, json.dumps])
def test_nothing_that_writes_records_out_writes_a_root_out(write: Callable[[Any], Any]) -> None:
    """Nor a ring: a log that shows records as JSON would hold the secret."""
    ring = new_ring("ES256", now=NOW)
    for what in (ring, *ring.roots):
        with pytest.raises(TypeError):
            write(what)
    assert repr(ring.roots[0]) == f"<Root kid={ring.refresh_kid!r}>"


def test_a_root_cannot_be_changed() -> None:
    root = Root(kid="r", secret=SECRET, created_at=NOW)
    for name in ("kid", "secret", "closed", "other"):
        with pytest.raises(AttributeError):
            setattr(root, name, "x")
    assert (root.kid, root.closed, root.shut().closed) == ("r", False, True)
    assert root == Root(kid="r", secret=SECRET, created_at=NOW)
    assert len({root, root.shut(), Root(kid="r", secret=SECRET, created_at=NOW)}) == 2
    assert root != "r"


@pytest.mark.parametrize("secret", [b"", SECRET[:31], SECRET + b"x", bytes(32), "x" * 32, None])
def test_a_root_is_32_random_bytes(secret: Any) -> None:
    with pytest.raises(ConfigurationError, match="32 random bytes"):
        Root(kid="r", secret=secret, created_at=NOW)


def test_a_ring_that_could_not_work_is_refused() -> None:
    key, root = generate("ES256"), Root(kid="r", secret=SECRET, created_at=NOW)

    with pytest.raises(ConfigurationError, match="public one"):
        KeyRing(signing=loaded(key.to_jwk()), roots=(root,))
    with pytest.raises(ConfigurationError, match="closed"):
        KeyRing(signing=key, roots=(root.shut(),))
    with pytest.raises(ConfigurationError, match="no root"):
        KeyRing(signing=key, roots=())
    with pytest.raises(ConfigurationError, match="one name"):
        KeyRing(signing=key, roots=(root, root))
    with pytest.raises(ConfigurationError, match="one name"):
        KeyRing(signing=key, others=(key,), roots=(root,))
    with pytest.raises(ConfigurationError, match="mixes"):
        KeyRing(signing=key, others=(generate("HS256"),), roots=(root,))
