"""A signature, a key, an algorithm that a person confirmed: a verdict in words, or a sentence on why there is none."""

import base64
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from math import gcd
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x448, x25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509.oid import NameOID
from playwright.sync_api import Page
from support.families import KEYS, PAIRS, RSA

from gatepass import tokens
from gatepass.core.inspect import texts
from gatepass.core.keys import HmacKey, RsaKey, known
from gatepass.core.strict import b64decode, b64encode
from gatepass.errors import ConfigurationError
from gatepass.keys import Key, generate, load

Opened = Callable[..., Page]

CLAIMS = {"iss": "i", "aud": "a", "sub": "ada", "jti": "1", "iat": 1, "exp": 4_000_000_000}
SECRET = bytes(range(200, 256, 2)) + bytes(range(201, 256, 2)) + bytes(range(40, 80))


@pytest.fixture(scope="module")
def page(opened: Opened) -> Page:
    return opened(
        verify="verify.js", readKeys="keys.js", readPolicy="policy.js", explained="explained.js", refusal="refused.js"
    )


def verified(page: Page, *rows: tuple[str, str, str]) -> list[dict[str, Any]]:
    """What is said of each token, with a key text, under an algorithm."""
    found: list[dict[str, Any]] = page.evaluate("rows => Promise.all(rows.map(row => verify(...row)))", list(rows))
    return found


def sentence(page: Page, token: str, key: str, algorithm: str) -> str:
    [said] = verified(page, (token, key, algorithm))
    return f"{said['verdict']}: {said['sentence']}"


def codes(said: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in said["warnings"]]


def jwk_of(key: Key, **more: Any) -> str:
    return json.dumps(key.to_jwk(private=key.symmetric) | more)


def changed(token: str) -> str:
    """*token* with another claim under the same signature."""
    header, _, signature = token.split(".")
    payload = b64encode(json.dumps(CLAIMS | {"sub": "eve"}).encode()).decode()
    return f"{header}.{payload}.{signature}"


def compact(header: dict[str, Any], signer: Callable[[bytes], bytes]) -> str:
    parts = [b64encode(json.dumps(part).encode()) for part in (header, CLAIMS)]
    signed = b".".join(parts)
    return (signed + b"." + b64encode(signer(signed))).decode()


OTHER_RSA = rsa.generate_private_key(65_537, 2_048)
TOKENS = {alg: tokens.sign(CLAIMS, key) for alg, key in KEYS.items()}


# -- keys in every form ------------------------------------------------------------------------------------------------


def certificate(key: Any) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2000, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2001, 1, 1, tzinfo=UTC))
        .sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def forms(alg: str) -> dict[str, str]:
    """The key of *alg* in each form in which it can be pasted."""
    key = PAIRS[alg]
    spki, pkcs8 = key.to_pem(), key.to_pem(private=True)
    private: Any = serialization.load_pem_private_key(pkcs8.encode(), None)
    public = private.public_key()
    found = {
        "JWK": json.dumps(key.to_jwk()),
        "private JWK": json.dumps(key.to_jwk(private=True)),
        "JWK with spaces": json.dumps(key.to_jwk(), indent=4) + "\n\n",
        "SPKI": spki,
        "PKCS#8": pkcs8,
        "SPKI in one line": spki.replace("\n", "\\n"),
        "SPKI with text around": f"Here is the key:\n\n{spki}\nThanks!",
        "SPKI with CRLF": spki.replace("\n", "\r\n"),
        "DER": base64.b64encode(key.to_der()).decode(),
        "private DER": base64.b64encode(key.to_der(private=True)).decode(),
        "DER in base64url": b64encode(key.to_der()).decode(),
        "certificate": certificate(private),
    }
    if isinstance(private, rsa.RSAPrivateKey):
        found["PKCS#1"] = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1).decode()
        found["private PKCS#1"] = key.to_pem(private=True, traditional=True)
    if isinstance(private, ec.EllipticCurvePrivateKey):
        found["SEC 1"] = key.to_pem(private=True, traditional=True)
        found["SEC 1 with parameters"] = (
            f"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{found['SEC 1']}"
        )
        point = public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
        whole = public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        found["compressed point"] = base64.b64encode(compressed(key.to_der(), whole, point)).decode()
    return found


def compressed(der: bytes, whole: bytes, point: bytes) -> bytes:
    """*der* with the point in its short form, and its lengths put right."""
    prefix, _, _ = der.partition(b"\x03" + length(len(whole) + 1) + b"\x00" + whole)
    algorithm = prefix[prefix.index(b"\x30", 1) :]
    body = algorithm + b"\x03" + length(len(point) + 1) + b"\x00" + point
    return b"\x30" + length(len(body)) + body


def length(size: int) -> bytes:
    return bytes([size]) if size < 128 else b"\x81" + bytes([size])


@pytest.mark.parametrize("alg", PAIRS)
def test_a_key_in_each_form_verifies_and_refuses(page: Page, alg: str) -> None:
    token, keys = TOKENS[alg], forms(alg)

    good = verified(page, *((token, key, alg) for key in keys.values()))
    bad = verified(page, *((changed(token), key, alg) for key in keys.values()))

    assert {form: said["verdict"] for form, said in zip(keys, good, strict=True)} == dict.fromkeys(keys, "valid")
    assert {form: said["verdict"] for form, said in zip(keys, bad, strict=True)} == dict.fromkeys(keys, "invalid")
    for form, said in zip(keys, good, strict=True):
        assert said["sentence"].startswith(f"Signature valid ({alg}, ")
        private = form.startswith(("private", "PKCS#8", "SEC"))
        assert codes(said) == (["key_private"] if private else ["certificate"] if form == "certificate" else [])
    for said in bad:
        assert said["sentence"].startswith(f"Signature invalid ({alg}): this key did not sign it.")
        assert said["reason"] == "signature"


@pytest.mark.parametrize("alg", KEYS)
def test_each_algorithm_has_its_twin_that_is_refused(page: Page, alg: str) -> None:
    """The right key says yes, another one of the same kind says no, whatever names they have."""
    other = RsaKey(OTHER_RSA, algorithm=alg) if KEYS[alg].kty == "RSA" else generate(alg)
    named = jwk_of(other, kid=KEYS[alg].kid)

    good, strange, stranger = verified(
        page, (TOKENS[alg], jwk_of(KEYS[alg]), alg), (TOKENS[alg], jwk_of(other), alg), (TOKENS[alg], named, alg)
    )

    assert good["sentence"] == f"Signature valid ({alg}, key `{KEYS[alg].kid}`)."
    assert (good["verdict"], good["reason"], good["unfit"], good["warnings"]) == ("valid", "", "", [])
    assert (strange["verdict"], strange["reason"]) == ("invalid", "key")
    assert f"The token names the key `{KEYS[alg].kid}`; here is `{other.kid}`." in strange["sentence"]
    assert (stranger["verdict"], stranger["reason"]) == ("invalid", "signature")
    assert stranger["sentence"].endswith("Another key signed the token, or it was changed after it was signed.")


def test_the_old_name_of_ed25519_is_understood(page: Page) -> None:
    old = compact({"alg": "EdDSA"}, KEYS["Ed25519"].sign)
    key = json.dumps(KEYS["Ed25519"].to_jwk() | {"alg": "EdDSA"})
    assert [said["verdict"] for said in verified(page, (old, key, "EdDSA"), (old, key, "Ed25519"))] == ["valid"] * 2


# -- sets --------------------------------------------------------------------------------------------------------------

FIRST, SECOND = generate("ES256"), generate("ES256")
UNNAMED = tokens.sign(CLAIMS, SECOND)


def key_set(*keys: Key, named: bool = True) -> str:
    return json.dumps(
        {"keys": [{name: value for name, value in key.to_jwk().items() if named or name != "kid"} for key in keys]}
    )


def test_the_key_of_a_set_is_found_by_its_name(page: Page) -> None:
    said = sentence(page, TOKENS["ES256"], key_set(FIRST, KEYS["ES256"], KEYS["Ed25519"]), "ES256")
    assert said == f"valid: Signature valid (ES256, key `{KEYS['ES256'].kid}`, by its name)."


def test_without_that_name_every_key_of_a_set_is_tried(page: Page) -> None:
    """Which the library never does, and it says so: an unknown name is refused."""
    renamed = json.dumps({"keys": [FIRST.to_jwk() | {"kid": "a"}, SECOND.to_jwk() | {"kid": "b"}]})
    [said] = verified(page, (UNNAMED, renamed, "ES256"))
    assert said["sentence"] == f"Signature valid (ES256, key `b`, by trial: the token names `{SECOND.kid}`)."
    assert said["reason"] == "key"

    nameless = compact({"alg": "ES256"}, SECOND.sign)
    told = sentence(page, nameless, key_set(FIRST, SECOND, named=False), "ES256")
    assert told == "valid: Signature valid (ES256, a public key on P-256, by trial: the token names none)."


def test_of_none_of_the_keys_it_is_said_which_there_are(page: Page) -> None:
    said = sentence(page, TOKENS["ES256"], key_set(FIRST, SECOND), "ES256")
    assert said.startswith("invalid: Signature invalid (ES256): none of the 2 keys signed it.")
    assert f"The token names the key `{KEYS['ES256'].kid}`; here is `{FIRST.kid}`, `{SECOND.kid}`." in said


def test_a_key_that_cannot_be_used_does_not_spoil_a_set(page: Page) -> None:
    """The library would not load it, and that is told beside the verdict."""
    mixed = json.dumps({"keys": [{"kty": "EC", "crv": "P-256"}, None, KEYS["ES256"].to_jwk()]})
    [said] = verified(page, (TOKENS["ES256"], mixed, "ES256"))
    assert said["verdict"] == "valid"
    assert said["unfit"] == "Key 1 of the set: The member x of the key is missing or is not base64url. " + AGAIN
    assert codes(said) == ["unfit"]
    told = page.evaluate("text => readKeys(text)", mixed)
    assert told["sentence"].startswith(f"This is a public key on P-256, `{KEYS['ES256'].kid}`. 2 more cannot be used.")


# -- secrets -----------------------------------------------------------------------------------------------------------

AGAIN = "Export the key again from where it was made."
PERSON = "grey otters swim past 7 harbours nightly"
READINGS = [
    (PERSON, PERSON.encode(), "text (utf-8)"),
    ("pässwörter sind keine geheimnisse, oder?", "pässwörter sind keine geheimnisse, oder?".encode(), "text (utf-8)"),
    (base64.b64encode(SECRET).decode(), SECRET, "base64"),
    (base64.b64encode(SECRET[:43]).decode(), SECRET[:43], "base64"),
    (base64.b64encode(SECRET[:43]).decode().rstrip("="), SECRET[:43], "base64"),
    (base64.urlsafe_b64encode(SECRET).decode(), SECRET, "base64url"),
    (base64.urlsafe_b64encode(SECRET[:43]).decode(), SECRET[:43], "base64url"),
    (SECRET.hex(), SECRET, "hex"),
    (SECRET.hex().upper(), SECRET, "hex"),
    (f"{SECRET.hex()}\n", SECRET, "hex"),
    (f"  {SECRET.hex()}\n", SECRET.hex().encode(), "text (utf-8) without the white space around it"),
    (f"{SECRET.hex()}\n", f"{SECRET.hex()}\n".encode(), "text (utf-8)"),
]


@pytest.mark.parametrize(("text", "octets", "reading"), READINGS, ids=range(len(READINGS)))
def test_a_secret_is_read_in_each_way_and_the_one_that_fits_is_named(
    page: Page, text: str, octets: bytes, reading: str
) -> None:
    token = tokens.sign(CLAIMS, HmacKey(octets))
    good, bad = verified(page, (token, text, "HS256"), (changed(token), text, "HS256"))

    assert good["verdict"] == "valid"
    assert good["sentence"] == f"Signature valid (HS256, the secret read as {reading})."
    assert (good["reading"], good["reason"]) == (reading, "")
    assert bad["verdict"] == "invalid"
    assert "none of these signed it" in bad["sentence"]
    assert reading in bad["sentence"]


def test_a_short_secret_verifies_and_is_told_to_be_short(page: Page) -> None:
    token = compact({"alg": "HS256"}, hmac_with(b"tiny"))
    [said] = verified(page, (token, "tiny", "HS256"))
    assert said["verdict"] == "valid"
    assert codes(said) == ["secret_short"]
    assert said["unfit"] == "The secret has 4 octets; HS256 needs 32 at least (RFC 7518 section 3.2)."
    assert said["reason"] == "configuration"


def hmac_with(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda data: hmac.digest(secret, data, "sha256")


@pytest.mark.parametrize("secret", ["secret", "your-256-bit-secret", "a-string-secret-at-least-256-bits-long"])
def test_a_secret_of_tutorials_has_the_sentence_of_the_inspection(page: Page, secret: str) -> None:
    """One wording, so that a page that has inspected the token does not say it twice in two ways."""
    token = compact({"alg": "HS256"}, hmac_with(secret.encode()))
    [said] = verified(page, (token, secret, "HS256"))
    level, told = texts.FINDINGS["secret_known"]
    assert said["warnings"][0] == {"code": "secret_known", "level": level, "sentence": told}


@pytest.mark.parametrize("key", ["", "  \n", '{"kty": "oct", "k": ""}'])
def test_a_blank_secret_is_no_key(page: Page, key: str) -> None:
    token = compact({"alg": "HS256"}, hmac_with(b""))
    [said] = verified(page, (token, key, "HS256"))
    assert said["verdict"] == "invalid"
    assert said["sentence"] == "The signature fits a blank secret (HS256): anybody can make such a token."
    assert codes(said) == ["secret_blank"]
    [honest] = verified(page, (TOKENS["HS256"], key, "HS256"))
    assert honest["verdict"] == "invalid"
    assert "blank" not in honest["sentence"].partition("The secret was read")[0]


def test_a_repeated_byte_is_told(page: Page) -> None:
    token = compact({"alg": "HS256"}, hmac_with(b"a" * 32))
    [said] = verified(page, (token, "a" * 32, "HS256"))
    assert (said["verdict"], codes(said)) == ("valid", ["secret_repeated"])


def test_the_samples_are_those_that_the_library_refuses(page: Page) -> None:
    tried = [f"xx {sample.decode().upper()} yy, and more to be long enough" for sample in known._SAMPLES]
    told = page.evaluate("texts => texts.map(text => readKeys(text).keys[0].unfit)", tried)
    assert set(told) == {"The secret is one of those that tutorials print: everybody knows it, and can sign with it."}
    for text in tried:
        with pytest.raises(ConfigurationError):
            load({"kty": "oct", "alg": "HS256", "k": b64encode(text.encode()).decode()})
    [honest] = page.evaluate(
        "texts => texts.map(text => readKeys(text).keys[0].unfit)", ["no sample, long as it is, and no key"]
    )
    assert honest == ""


# -- what is forged ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alg", ["RS256", "ES256", "Ed25519"])
@pytest.mark.parametrize("ending", ["", "\n"])
def test_a_public_key_as_the_secret_is_named_forged(page: Page, alg: str, ending: str) -> None:
    """Key confusion: RFC 8725 section 2.1. Pasted with or without the last line break, whichever was used."""
    for pasted in (PAIRS[alg].to_pem(), json.dumps(PAIRS[alg].to_jwk())):
        secret = pasted.strip() + ending
        forged = compact({"alg": "HS256"}, hmac_with(secret.encode()))
        [said] = verified(page, (forged, pasted, "HS256"))
        assert said["verdict"] == "invalid"
        assert said["sentence"].startswith("Forged: the signature is an HS256 with the text of this public key as")
    [honest] = verified(page, (TOKENS["HS256"], PAIRS[alg].to_pem(), "HS256"))
    assert honest["verdict"] == "unusable"
    assert "The text of a key is not used as a secret" in honest["sentence"]


def test_a_public_key_in_a_secret_of_a_jwk_is_refused(page: Page) -> None:
    secret = {"kty": "oct", "k": b64encode(PAIRS["RS256"].to_pem().encode()).decode()}
    said = sentence(page, TOKENS["HS256"], json.dumps(secret), "HS256")
    assert said.startswith("unusable: The secret is the text of a public key, which everybody knows.")


@pytest.mark.parametrize("asked", ["none", "None", "NONE"])
def test_nothing_is_verified_as_none(page: Page, asked: str) -> None:
    token = compact({"alg": "none"}, lambda _: b"")
    said = sentence(page, token, jwk_of(KEYS["ES256"]), asked)
    assert said.startswith("invalid: The algorithm is `none`: nothing is signed")


@pytest.mark.parametrize("says", ["none", "HS256", "ES384", "RS256", 7, None, ["ES256"]])
def test_the_token_has_no_say_in_the_algorithm(page: Page, says: Any) -> None:
    """It is verified as the person said; that the token says something else is told, and strict verifiers refuse it."""
    token = compact({"alg": says}, KEYS["ES256"].sign)
    [said] = verified(page, (token, jwk_of(KEYS["ES256"]), "ES256"))
    assert said["verdict"] == "valid"
    assert codes(said) == ["alg_other"]
    assert said["reason"] == "key" or said["reason"] == "algorithm"


@pytest.mark.parametrize("asked", ["ES256", "RS256", "Ed25519", "PS256"])
def test_a_token_that_says_hs256_is_no_hmac_for_a_person_who_chose_otherwise(page: Page, asked: str) -> None:
    [said] = verified(page, (TOKENS["HS256"], jwk_of(PAIRS[asked]), asked))
    assert said["verdict"] == "invalid"
    assert f"The token says `HS256`, and you chose {asked}." in said["sentence"] or "octets" in said["sentence"]


# -- what does not fit together ----------------------------------------------------------------------------------------

SAYS = {
    "HS256": "a secret",
    "RS256": "a 2048-bit RSA public key",
    "ES256": "a public key on P-256",
    "ES384": "a public key on P-384",
    "ES512": "a public key on P-521",
    "Ed25519": "an Ed25519 public key",
}


@pytest.mark.parametrize("alg", sorted(TOKENS))
def test_a_key_of_another_family_or_curve_is_named_in_a_sentence(page: Page, alg: str) -> None:
    """Each kind of key, with a token of each algorithm that it is not for."""
    families = {
        name: what
        for name, what in SAYS.items()
        if name != alg and (KEYS[name].kty != KEYS[alg].kty or alg[:2] == "ES")
    }
    rows = [(TOKENS[alg], unnamed(KEYS[name]), alg) for name in families]

    said = verified(page, *rows)

    for (name, what), one in zip(families.items(), said, strict=True):
        assert one["verdict"] == "unusable"
        bound = f", for {name} only" if KEYS[name].kty == KEYS[alg].kty else ""
        head = f"This is {what}{bound}; the token says {alg}, which is verified with {texts.ALGORITHMS[alg][0]}."
        assert one["sentence"].startswith(head)


def unnamed(key: Key) -> str:
    return json.dumps({name: value for name, value in json.loads(jwk_of(key)).items() if name not in {"alg", "kid"}})


def test_a_key_is_for_the_algorithm_that_it_says(page: Page) -> None:
    said = sentence(page, TOKENS["RS256"], jwk_of(KEYS["PS256"]), "RS256")
    assert said.startswith("unusable: This is a 2048-bit RSA public key, for PS256 only; the token says RS256")


def private_pem(key: Any, form: Any = serialization.PrivateFormat.PKCS8, password: bytes | None = None) -> str:
    hidden = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    text: str = key.private_bytes(serialization.Encoding.PEM, form, hidden).decode()
    return text


def public(key: Any, encoding: Any, form: Any) -> str:
    text: str = key.public_key().public_bytes(encoding, form).decode()
    return text


def public_pem(key: Any) -> str:
    return public(key, serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def pem(label: str) -> str:
    return f"-----BEGIN {label}-----\nAAAA\n-----END {label}-----"


def ssh(key: Any) -> str:
    return public(key, serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)


SMALL = rsa.generate_private_key(65_537, 1_024)
P256 = ec.generate_private_key(ec.SECP256R1())
ENCRYPTED = "The private key is encrypted. Decrypt it first: openssl pkey -in key.pem; or paste its public half."
SECP256K1 = "secp256k1, which neither browsers nor gatepass verify with (ES256K)."
ED448 = "This is an Ed448 key. Neither browsers nor gatepass verify with it; use Ed25519."
NO_JSON = "The text begins as JSON and is not a JSON object with each name once."
NO_SIGNER = 'The key is not for signatures ("use" or "key_ops"). Take the one that signs.'
TORN = json.dumps(KEYS["ES256"].to_jwk(private=True) | {name: FIRST.to_jwk()[name] for name in "xy"})
WRONG = json.dumps(KEYS["RS256"].to_jwk(private=True) | {"dq": "AQAB"})
PEM = PAIRS["ES256"].to_pem()
JWK = PAIRS["ES256"].to_jwk()
ONES = b64encode(b"\xff" * 32).decode()
REFUSED = [
    ("encrypted PKCS#8", private_pem(P256, password=b"x"), ENCRYPTED),
    ("encrypted of old", private_pem(RSA, serialization.PrivateFormat.TraditionalOpenSSL, b"x"), ENCRYPTED),
    ("encrypted DER", "".join(private_pem(P256, password=b"x").split("\n")[1:-2]), ENCRYPTED),
    ("1024 bits", public_pem(SMALL), "The RSA modulus has 1024 bits; it needs 2048 to 8192 (RFC 7518 section 3.3)."),
    ("secp256k1", public_pem(ec.generate_private_key(ec.SECP256K1())), f"it is on {SECP256K1}"),
    ("secp256k1 as JWK", json.dumps({"kty": "EC", "crv": "secp256k1"}), f"The key is on {SECP256K1}"),
    ("P-224", public_pem(ec.generate_private_key(ec.SECP224R1())), "it is on P-224."),
    ("brainpool", public_pem(ec.generate_private_key(ec.BrainpoolP256R1())), "it is on brainpoolP256r1."),
    ("Ed448", public_pem(ed448.Ed448PrivateKey.generate()), ED448),
    ("Ed448 as JWK", json.dumps({"kty": "OKP", "crv": "Ed448"}), ED448),
    (
        "X25519",
        public_pem(x25519.X25519PrivateKey.generate()),
        "This is an X25519 key, which agrees on keys and signs nothing.",
    ),
    (
        "X448",
        public_pem(x448.X448PrivateKey.generate()),
        "This is an X448 key, which agrees on keys and signs nothing.",
    ),
    ("DSA", public_pem(dsa.generate_private_key(1_024)), "This is a DSA key, for which tokens have no algorithm."),
    ("OpenSSH", ssh(P256), "The key is in the form of OpenSSH. Convert it: ssh-keygen -e -m pkcs8 -f key.pub."),
    ("cut PEM", PEM[:-30], "The PEM has no end. Copy the lines from BEGIN to END, both included."),
    ("cut base64", PEM[:60] + PEM[90:], "Copy it again, as its maker exported it."),
    ("no base64", PEM.replace("MF", "M*"), "The PEM is not base64 between its lines. Copy it again, as it is."),
    ("a request", pem("CERTIFICATE REQUEST"), "The PEM holds no key, but says that it is: CERTIFICATE REQUEST."),
    ("parameters", pem("EC PARAMETERS"), "The PEM holds no key."),
    ("JSON", "{nothing", NO_JSON),
    ("a name twice", '{"kty":"EC","kty":"EC"}', NO_JSON),
    ("no kty", "{}", "The type of the key (kty) is not one of oct, RSA, EC, OKP."),
    ("an empty set", '{"keys": []}', "The key set is empty."),
    ("no list", '{"keys": {}}', 'The key set has no list "keys" (RFC 7517 section 5).'),
    ("for encryption", json.dumps(JWK | {"use": "enc"}), NO_SIGNER),
    ("cut coordinate", json.dumps(JWK | {"x": JWK["x"][:40]}), f"x has 30 octets; on P-256 it has 32. {AGAIN}"),
    ("off the curve", json.dumps(JWK | {"y": ONES}), f"The key is no key: its point is not on P-256. {AGAIN}"),
    (
        "of small order",
        json.dumps({"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}),
        f"on the curve of Ed25519. {AGAIN}",
    ),
    ("exponent 1", json.dumps(PAIRS["RS256"].to_jwk() | {"e": "AQ"}), "is not an odd number from 3 to 64 bits."),
    ("of another algorithm", json.dumps(JWK | {"alg": "RS256"}), "no key of this type has; use ES256."),
    (
        "of another curve",
        json.dumps(JWK | {"alg": "ES384"}),
        "is not that of ES384, for which the key says it is (alg).",
    ),
    ("a name that is none", json.dumps(JWK | {"kid": ""}), "(kid) is not a text of 1 to 256 characters."),
    ("halves of two keys", TORN, "not that of the private one. Export it again from where it was made."),
    ("numbers that do not belong together", WRONG, f"they do not belong together. {AGAIN}"),
    ("too long", "{" + "x" * 1_100_000, "The text is longer than any key: more than 1 MiB."),
]


@pytest.mark.parametrize(("key", "told"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_is_no_key_for_this_is_named_in_a_sentence(page: Page, key: str, told: str) -> None:
    """And the library refuses it, too; a certificate, which it does not load at all, is above."""
    alg = "RS256" if '"RSA"' in key else "ES256"
    [said] = verified(page, (TOKENS[alg], key, alg))
    assert said["verdict"] == "unusable"
    assert said["sentence"].endswith(told)
    assert said["unfit"].endswith(told)
    with pytest.raises(ConfigurationError):
        load(key, algorithm=alg)


@pytest.mark.parametrize("asked", ["", "__proto__", "RSA", "es256"])
def test_an_algorithm_that_is_none_is_told_with_those_that_there_are(page: Page, asked: str) -> None:
    [said] = verified(page, (TOKENS["ES256"], jwk_of(KEYS["ES256"]), asked))
    assert (said["verdict"], said["reason"]) == ("unusable", "algorithm")
    names = said["sentence"].removeprefix("Choose one of ").removesuffix(".").split(", ")
    assert set(names) == set(KEYS)


# -- the form of a signature -------------------------------------------------------------------------------------------

ES256 = TOKENS["ES256"]
SIGNED, _, SEGMENT = ES256.rpartition(".")
RAW = b64decode(SEGMENT.encode())


def with_signature(octets: bytes) -> str:
    return f"{SIGNED}.{b64encode(octets).decode()}"


def der_of(raw: bytes) -> bytes:
    half = len(raw) // 2
    return encode_dss_signature(int.from_bytes(raw[:half]), int.from_bytes(raw[half:]))


@pytest.mark.parametrize("alg", ["ES256", "ES384", "ES512"])
def test_a_signature_in_der_is_recognised(page: Page, alg: str) -> None:
    signed, _, segment = TOKENS[alg].rpartition(".")
    raw = b64decode(segment.encode())
    der = f"{signed}.{b64encode(der_of(raw)).decode()}"
    other = f"{signed}.{b64encode(der_of(KEYS[alg].sign(b'other'))).decode()}"
    good, bad = verified(page, (der, jwk_of(KEYS[alg]), alg), (other, jwk_of(KEYS[alg]), alg))

    head = (
        f"The signature is in DER, as OpenSSL writes it; {alg} in tokens is r and s, {len(raw)} octets (RFC 7518"
        " section 3.4). Converted, it "
    )
    assert (good["verdict"], good["sentence"]) == ("invalid", f"{head}fits the key.")
    assert (bad["verdict"], bad["sentence"]) == ("invalid", f"{head}does not fit the key.")


def spare(segment: str) -> str:
    """*segment* with a last character that sets bits which nothing reads."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return segment[:-1] + letters[letters.index(segment[-1]) + 1]


SHAPES = [
    ("none", f"{SIGNED}.", "The signature is missing: the token ends with a dot. With ES256 there is one."),
    ("zeros", with_signature(bytes(64)), "The signature is of numbers that no signature has, such as zeros."),
    ("ones", with_signature(b"\xff" * 64), "The signature is of numbers that no signature has, such as zeros."),
    ("cut", with_signature(RAW[:60]), "The signature has 60 octets; with ES256 it has 64."),
    ("long", with_signature(RAW + b"x"), "The signature has 65 octets; with ES256 it has 64."),
    ("padded", f"{ES256}==", "The signature is not base64url as it stands"),
    ("spare bits", f"{SIGNED}.{spare(SEGMENT)}", "The signature is not base64url as it stands"),
    ("other alphabet", f"{SIGNED}.{SEGMENT[:4]}+{SEGMENT[5:]}", "The signature is not base64url as it stands"),
]


@pytest.mark.parametrize(("token", "told"), [row[1:] for row in SHAPES], ids=[row[0] for row in SHAPES])
def test_a_signature_that_has_not_its_form_is_told_so(page: Page, token: str, told: str) -> None:
    [said] = verified(page, (token, jwk_of(KEYS["ES256"]), "ES256"))
    assert said["verdict"] == "invalid"
    assert said["sentence"].startswith(told)


def test_it_is_told_whether_a_lenient_library_takes_it(page: Page) -> None:
    """The stray character: one spelling is good, others only where nobody looks."""
    padded, stray, other = verified(
        page,
        (f"{ES256}==", jwk_of(KEYS["ES256"]), "ES256"),
        (f"{SIGNED}.{spare(SEGMENT)}", jwk_of(KEYS["ES256"]), "ES256"),
        (f"{changed(ES256)}==", jwk_of(KEYS["ES256"]), "ES256"),
    )
    taken = "Without that it fits the key: lenient libraries take it, strict ones refuse it."
    assert padded["sentence"].endswith(taken)
    assert stray["sentence"].endswith(taken)
    assert other["sentence"].endswith("It does not fit the key either way.")


@pytest.mark.parametrize("alg", ["RS256", "PS256", "HS256", "Ed25519"])
def test_a_cut_signature_of_each_family_is_told_with_its_sizes(page: Page, alg: str) -> None:
    signed, _, segment = TOKENS[alg].rpartition(".")
    raw = b64decode(segment.encode())
    said = sentence(page, f"{signed}.{b64encode(raw[:-2]).decode()}", jwk_of(KEYS[alg]), alg)
    assert said.startswith(f"invalid: The signature has {len(raw) - 2} octets; with ")
    assert f"it has {len(raw)}" in said


# -- other forms of tokens ---------------------------------------------------------------------------------------------


def test_a_header_that_strict_verifiers_do_not_read_is_told(page: Page) -> None:
    def signed(header: bytes, payload: bytes = b"e30") -> str:
        text = header + b"." + payload
        return (text + b"." + b64encode(KEYS["ES256"].sign(text))).decode()

    twice = b64encode(b'{"alg":"ES256","alg":"ES256"}')
    for token, what in (
        (signed(twice), "but the header is not canonical base64url of a JSON object with each name once"),
        (signed(b64encode(b'{"alg":"ES256"}') + b"="), "but the header is not canonical base64url"),
        (signed(b64encode(b'{"alg":"ES256"}'), b"e30="), "but the payload is not canonical base64url"),
    ):
        said = sentence(page, token, jwk_of(KEYS["ES256"]), "ES256")
        assert said.startswith(f"invalid: The signature fits the key, {what}")


def test_signatures_in_json_are_each_tried(page: Page) -> None:
    parts = [TOKENS[alg].split(".") for alg in ("RS256", "ES256")]
    general = json.dumps(
        {"payload": parts[1][1], "signatures": [{"protected": head, "signature": end} for head, _, end in parts]}
    )
    flat = json.dumps({"payload": parts[1][1], "protected": parts[1][0], "signature": parts[1][2]})
    key = jwk_of(KEYS["ES256"])
    assert sentence(page, general, key, "ES256").endswith("It is signature 2 of 2.")
    assert sentence(page, flat, key, "ES256").startswith("valid: Signature valid (ES256")
    assert sentence(page, general, jwk_of(FIRST), "ES256").startswith("invalid: Signature invalid")


@pytest.mark.parametrize(
    ("token", "told"),
    [
        ("a.b.c.d.e", "This is an encrypted token (JWE): it has no signature that could be checked."),
        ("a.b", "A signed token has three parts with dots between them; this has 2."),
        ("", "A signed token has three parts with dots between them; this has 1."),
        ("{", "The token begins as JSON and is not a JSON object with each name once."),
        ('{"ciphertext": "x"}', "The JSON has no payload with signatures (RFC 7515 section 7.2)."),
        ('{"payload": "x", "signatures": [{}, null, 1]}', "No signature in the JSON has a protected header"),
    ],
)
def test_what_has_no_signature_is_named(page: Page, token: str, told: str) -> None:
    said = sentence(page, token, jwk_of(KEYS["ES256"]), "ES256")
    assert said.startswith(f"unusable: {told}")


def test_what_an_sd_jwt_discloses_is_not_a_part_of_what_was_signed(page: Page) -> None:
    assert sentence(page, f"{ES256}~WyJzYWx0IiwiYSIsMV0~", jwk_of(KEYS["ES256"]), "ES256").startswith("valid: ")


# -- hostile input: what takes more than linear time meets the limit that every test has ------------------------------

MANY = 200_000
LONG = {
    "=": "=" * 1_000_000 + "x",
    "lines": "\n" * 1_000_000 + "x",
    "returns": "\r" * 1_000_000 + "x",
    "spaces": "x" + " " * 1_000_000 + "x",
    "letters": "a" * 1_000_000,
    "brackets": '{"keys": [' + "[" * 1_000_000,
    "braces": '{"a":' * MANY,
    "names": '{"' + '":1,"'.join(map(str, range(100_000))) + '":1}',
    "beginnings": "-----BEGIN A-----\n-----END A-----\n" * 30_000,
    "parameters": "-----BEGIN EC PARAMETERS-----\n" * 30_000,
    "sequences": "MIMP" * MANY,
    "lists": "iss=[" * 19_000,
    "quotes": "iss='" * 19_000,
    "prefixes": "GATEPASS_" * 11_000,
    "codes": '"code":"' * 120_000,
    "fields": '{"field":"' * 90_000,
    "header lines": "retry-after:" * 80_000,
    "colons": '{"detail":"' + ": " * 400_000 + 'x","code":"csrf_refused"}',
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_nothing_that_is_pasted_hangs_the_page(page: Page, text: str) -> None:
    """As a key, as a token, as settings, as an answer; and each is answered with a sentence."""
    said = page.evaluate(
        """async (text) => [
            readKeys(text).problem || readKeys(text).sentence, readPolicy(text).problem, explained(text).problem,
            (await verify("e30.e30.AAAA", text, "HS256")).sentence, (await verify(text, "secret", "HS256")).sentence,
            (await verify(`e30.e30.${text}`, "secret", "HS256")).sentence,
            (await refusal(text, {}, text, 1)).failed.sentence,
        ]""",
        text,
    )
    assert all(isinstance(sentence, str) for sentence in said)
    assert sum(map(bool, said)) >= 6


NAMES = ["__proto__", "constructor", "toString", "hasOwnProperty"]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_every_object_has_mean_nothing(page: Page, name: str) -> None:
    """In a key, in a header, in claims, as an algorithm, as a code."""
    keys = [{"kty": name}, {"kty": "EC", "crv": name}, PAIRS["ES256"].to_jwk() | {"alg": name}]
    for key in keys:
        assert verified(page, (TOKENS["ES256"], json.dumps(key), "ES256"))[0]["verdict"] == "unusable"
    token = compact({"alg": name, "kid": name, name: {"alg": "ES256"}}, KEYS["ES256"].sign)
    [said] = verified(page, (token, jwk_of(KEYS["ES256"]), "ES256"))
    assert codes(said) == ["alg_other", "kid_other"]
    assert verified(page, (token, jwk_of(KEYS["ES256"]), name))[0]["verdict"] == "unusable"
    assert page.evaluate("name => readPolicy(JSON.stringify({ [name]: 1, issuer: 'i' })).policy.issuer", name) == "i"
    assert page.evaluate("name => explained(JSON.stringify({ code: name })).code", name) == ""


# -- what people paste for a key --------------------------------------------------------------------------------------


def test_keys_are_read_out_of_what_they_are_published_in(page: Page) -> None:
    key = PAIRS["ES256"]
    pem, jwk = key.to_pem(), key.to_jwk()
    found = verified(
        page,
        *(
            (TOKENS["ES256"], text, "ES256")
            for text in (
                json.dumps([jwk]),
                base64.b64encode(pem.encode()).decode(),
                json.dumps({key.kid: pem}),
                json.dumps({"other": FIRST.to_pem(), key.kid: certificate(private_of(key))}),
                json.dumps({"public_key": pem}),
            )
        ),
    )
    assert [said["verdict"] for said in found] == ["valid"] * 5
    assert f"key `{key.kid}`" in found[2]["sentence"]
    assert found[3]["sentence"].endswith(f"key `{key.kid}`, by its name).")
    assert "public_key" not in found[4]["sentence"]


def private_of(key: Any) -> Any:
    return serialization.load_pem_private_key(key.to_pem(private=True).encode(), None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("https://id.example/jwks.json", "This is an address and no key. Open that address and paste what it shows"),
        ('{"issuer": "https://id.example", "jwks_uri": "https://id.example/jwks"}', "its keys are at `jwks_uri`"),
    ],
)
def test_where_keys_are_is_told_from_what_they_are(page: Page, text: str, told: str) -> None:
    assert told in sentence(page, ES256, text, "ES256")


IN_BASE64 = base64.b64encode(SECRET).decode()
WRAPPED = [
    (f"JWT_SECRET={PERSON}", PERSON.encode(), "text (utf-8) of the value after its name"),
    (f"JWT_SECRET={IN_BASE64}\n", SECRET, "base64 of the value after its name"),
    (f"JWT_SECRET={SECRET.hex()}", SECRET, "hex of the value after its name"),
    (f"export JWT_SECRET='{IN_BASE64}'", SECRET, "base64 of the value after its name in quotes"),
    (f'JWT_SECRET="{PERSON}"', PERSON.encode(), "text (utf-8) of the value after its name in quotes"),
    # What stands before it may be a part of the secret, and the field is masked: it is not repeated.
    (f"correct-horse-battery={PERSON}", PERSON.encode(), "text (utf-8) of the value after its name"),
    # Docker takes the quotes of a file of variables for a part of the value.
    (f'JWT_SECRET="{PERSON}"', f'"{PERSON}"'.encode(), "text (utf-8) of the value after its name"),
    (f"JWT_SECRET={PERSON}", f"JWT_SECRET={PERSON}".encode(), "text (utf-8)"),
    (f"  jwt_secret: {PERSON}", PERSON.encode(), "text (utf-8) of the value after its name"),
    (f'"Key": "{PERSON}",', PERSON.encode(), "text (utf-8) of the value after its name in quotes"),
    (f"secret = '{PERSON}';", PERSON.encode(), "text (utf-8) of the value after its name in quotes"),
    (f"'{PERSON}'", PERSON.encode(), "text (utf-8) of the value in quotes"),
    (f"base64:{IN_BASE64}", SECRET, "base64 of the value after `base64:`"),
    (f'APP_KEY="base64:{IN_BASE64}"', SECRET, "base64 of the value after its name in quotes after `base64:`"),
]


@pytest.mark.parametrize(("text", "octets", "reading"), WRAPPED, ids=range(len(WRAPPED)))
def test_a_secret_is_taken_out_of_settings(page: Page, text: str, octets: bytes, reading: str) -> None:
    """And it is said what was around it."""
    token = tokens.sign(CLAIMS, HmacKey(octets))
    assert sentence(page, token, text, "HS256") == f"valid: Signature valid (HS256, the secret read as {reading})."


@pytest.mark.parametrize("text", [PERSON, IN_BASE64, "YWJjZA==", "abc=", "http:x", "base64:", '"'])
def test_what_is_no_setting_is_a_secret_as_it_is(page: Page, text: str) -> None:
    told = page.evaluate("text => readKeys(text).keys.map(({ reading }) => reading)", text)
    assert [reading for reading in told if "value" in reading] == []


# -- what a browser does not do ----------------------------------------------------------------------------------------


def test_without_cryptography_the_page_says_why_and_what_to_do(opened: Opened) -> None:
    page = opened("http://decoder.example/", verify="verify.js")
    assert page.evaluate("typeof crypto.subtle") == "undefined"
    assert sentence(page, ES256, jwk_of(KEYS["ES256"]), "ES256") == (
        "unusable: This page was opened over http from another machine, and there the browser does no cryptography."
        " Save the page and open the file: then it can verify, also without a network. Reading the token works here."
    )


def with_exponent(bits: int) -> RsaKey:
    """A key whose public exponent is the first of so many bits that will do."""
    numbers = RSA.private_numbers()
    phi = (numbers.p - 1) * (numbers.q - 1)
    e = next(e for e in range(2 ** (bits - 1) + 1, 2**bits, 2) if gcd(e, phi) == 1)
    d = pow(e, -1, phi)
    public = rsa.RSAPublicNumbers(e, numbers.public_numbers.n)
    found = rsa.RSAPrivateNumbers(
        numbers.p, numbers.q, d, d % (numbers.p - 1), d % (numbers.q - 1), numbers.iqmp, public
    ).private_key()
    return RsaKey(found, algorithm="RS256")


def of_rsa(key: RsaKey) -> tuple[str, str, str]:
    token = tokens.sign(CLAIMS, key)
    signed, _, segment = token.rpartition(".")
    assert key.verify(signed.encode(), b64decode(segment.encode()))
    return token, jwk_of(key), "RS256"


#: All that may be good and cannot be checked here: it is told as a limit, and never as a no. Beside
#: these there are the messages of published vectors that are no text, which no token signs: see test_vectors.py.
TOO_LARGE = "This browser does not take the key, a 2048-bit RSA public key; its public exponent may be too large."
LIMITS = [
    ("an exponent of 34 bits: Chromium takes 33", of_rsa(with_exponent(34)), TOO_LARGE),
    ("an exponent of 60 bits", of_rsa(with_exponent(60)), TOO_LARGE),
    (
        "ES256K, which no browser has",
        (compact({"alg": "ES256K"}, lambda _: bytes(64)), jwk_of(KEYS["ES256"]), "ES256K"),
        "ES256K is on secp256k1, which browsers do not verify with, and gatepass does not take.",
    ),
    (
        "Ed448, which no browser has",
        (compact({"alg": "Ed448"}, lambda _: bytes(114)), jwk_of(KEYS["Ed25519"]), "Ed448"),
        "Ed448 is not known to browsers, and gatepass does not take it.",
    ),
]


@pytest.mark.parametrize(("row", "told"), [row[1:] for row in LIMITS], ids=[row[0] for row in LIMITS])
def test_what_cannot_be_checked_here_is_named(page: Page, row: tuple[str, str, str], told: str) -> None:
    [said] = verified(page, row)
    assert (said["verdict"], said["sentence"]) == ("unusable", told)


def test_an_exponent_of_33_bits_is_what_the_browser_still_takes(page: Page) -> None:
    [said] = verified(page, of_rsa(with_exponent(33)))
    assert said["verdict"] == "valid"
