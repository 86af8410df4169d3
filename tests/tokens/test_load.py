"""Keys read from PEM and DER, and bound to what they are for."""

import json
from base64 import b64encode as armour
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from support.families import KEYS, PAIRS, RSA
from tokens.test_keys import certificate

from gatepass.core.keys import pem as pem_keys
from gatepass.errors import ConfigurationError
from gatepass.keys import EcKey, Key, KeySet, load

EVERY = pytest.mark.parametrize("key", PAIRS.values(), ids=PAIRS)
#: The algorithm that has to be given: nothing in an RSA key says which.
RSA_PEM, EC_PEM, ED_PEM = (PAIRS[alg].to_pem() for alg in ("RS256", "ES256", "Ed25519"))


def loaded(data: Any, **options: Any) -> Key:
    key = load(data, **options)
    assert isinstance(key, Key)
    return key


def cause(data: Any, **options: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(data, **options)
    assert caught.value.fix
    assert caught.value.source == "load(data)"
    return caught.value.cause


def pem(label: str, der: bytes) -> str:
    return f"-----BEGIN {label}-----\n{armour(der).decode()}\n-----END {label}-----\n"


# -- there and back ----------------------------------------------------------------------------------------------------


@EVERY
@pytest.mark.parametrize("private", [False, True])
def test_a_key_is_read_from_what_it_was_written_as(key: Key, private: bool) -> None:
    forms: list[Any] = [key.to_jwk(private=private), json.dumps(key.to_jwk(private=private))]
    for traditional in [False, True] if (key.kty == "RSA" or (key.kty == "EC" and private)) else [False]:
        text = key.to_pem(private=private, traditional=traditional)
        forms += [text, text.encode(), key.to_der(private=private, traditional=traditional)]

    for form in forms:
        read = loaded(form, algorithm=key.alg)
        assert type(read) is type(key)
        assert read.to_jwk(private=private) == key.to_jwk(private=private)
        assert read.can_sign == private
        assert read.verify(b"data", key.sign(b"data"))


@EVERY
def test_the_labels_are_those_of_their_standards(key: Key) -> None:
    first = {"RSA": "RSA ", "EC": "EC "}.get(key.kty)

    assert key.to_pem().startswith("-----BEGIN PUBLIC KEY-----\n")
    assert key.to_pem(private=True).startswith("-----BEGIN PRIVATE KEY-----\n")
    if first:
        assert key.to_pem(private=True, traditional=True).startswith(f"-----BEGIN {first}PRIVATE KEY-----\n")


@EVERY
def test_no_private_part_leaves_without_being_asked_for(key: Key) -> None:
    public = loaded(key.to_pem(), algorithm=key.alg)

    assert "PRIVATE" not in key.to_pem()
    assert key.to_der() == public.to_der()
    for export in (public.to_pem, public.to_der, public.to_jwk):
        with pytest.raises(ConfigurationError, match="public one"):
            export(private=True)


def test_what_has_no_traditional_form_is_refused() -> None:
    for alg, private in (("ES256", False), ("Ed25519", False), ("Ed25519", True)):
        with pytest.raises(ConfigurationError, match="no traditional form"):
            KEYS[alg].to_pem(private=private, traditional=True)


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_a_secret_has_no_form_but_jwk(alg: str) -> None:
    key = KEYS[alg]

    for export in (key.to_pem, key.to_der):
        with pytest.raises(ConfigurationError, match="no form in"):
            export(private=True)
    assert loaded(key.to_jwk(private=True)).to_jwk(private=True) == key.to_jwk(private=True)


def test_a_set_is_written_and_read() -> None:
    keys = KeySet([PAIRS["ES256"], PAIRS["Ed25519"], PAIRS["RS256"]])

    for private in (False, True):
        read = load(keys.to_jwks(private=private))
        assert isinstance(read, KeySet)
        assert read.to_jwks(private=private) == keys.to_jwks(private=private)
        assert all(key.can_sign == private for key in read)


def test_openssl_may_write_the_curve_and_a_note_beside_the_key() -> None:
    """`openssl ecparam -genkey` does the one, `openssl pkcs12` the other."""
    text = PAIRS["ES256"].to_pem(private=True, traditional=True)
    curve = pem("EC PARAMETERS", bytes.fromhex("06082a8648ce3d030107"))

    assert loaded(f"Bag Attributes\n  friendlyName: ours\n{curve}{text}").kid == PAIRS["ES256"].kid


def test_lines_may_end_as_on_another_system() -> None:
    assert loaded(EC_PEM.replace("\n", "\r\n")).kid == PAIRS["ES256"].kid
    assert loaded(f"\n  {EC_PEM}  ").kid == PAIRS["ES256"].kid


# -- what it is for ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [RSA_PEM, PAIRS["RS256"].to_der(), PAIRS["RS256"].to_pem(private=True)])
def test_an_rsa_key_is_bound_to_what_is_asked_for(form: Any) -> None:
    for alg in ("RS256", "RS512", "PS384"):
        assert loaded(form, algorithm=alg).alg == alg
    assert "does not say for which algorithm" in cause(form)


@pytest.mark.parametrize("form", [RSA_PEM, PAIRS["RS256"].to_der(), PAIRS["RS256"].to_jwk(), {"keys": []}])
@pytest.mark.parametrize("alg", [[], {}, 1, b"RS256"])
def test_an_algorithm_is_a_text(form: Any, alg: Any) -> None:
    assert "algorithm is not a text" in cause(form, algorithm=alg)


@pytest.mark.parametrize("form", [RSA_PEM, EC_PEM, ED_PEM])
@pytest.mark.parametrize("alg", ["HS256", "none", "rs256", ""])
def test_no_public_key_is_bound_to_what_it_is_not_for(form: str, alg: str) -> None:
    assert "not one for a key of this type" in cause(form, algorithm=alg)


def test_a_curve_says_what_a_key_is_for() -> None:
    assert loaded(EC_PEM).alg == "ES256"
    assert loaded(ED_PEM).alg == loaded(ED_PEM, algorithm="EdDSA").alg == "Ed25519"
    assert "not that of ES384" in cause(EC_PEM, algorithm="ES384")


def test_a_jwk_and_its_reader_agree_on_what_it_is_for() -> None:
    jwk = PAIRS["RS256"].to_jwk()
    bare = {name: value for name, value in jwk.items() if name != "alg"}

    assert loaded(bare, algorithm="PS256").alg == "PS256"
    assert loaded(jwk, algorithm="RS256").alg == "RS256"
    assert "another algorithm" in cause(jwk, algorithm="PS256")
    assert "which algorithm" in cause(bare)
    assert "not one for a key of this type" in cause(bare, algorithm="ES256")
    keys = load({"keys": [bare, PAIRS["PS256"].to_jwk() | {"kid": "other"}]}, algorithm="PS256")
    assert isinstance(keys, KeySet)
    assert keys.algorithms == {"PS256"}


def test_of_a_set_an_algorithm_is_for_those_that_do_not_say_theirs() -> None:
    """And that can be for it: the others go by what they say, or by their curve."""
    rsa = PAIRS["RS256"].to_jwk()
    bare = {name: text for name, text in rsa.items() if name not in {"alg", "kid"}}
    curve = {name: text for name, text in PAIRS["ES256"].to_jwk().items() if name != "alg"}
    said = {**rsa, "alg": "PS256", "kid": "said"}

    keys = load({"keys": [bare, said, PAIRS["Ed25519"].to_jwk(), curve]}, algorithm="RS256")
    assert isinstance(keys, KeySet)
    assert [key.alg for key in keys] == ["RS256", "PS256", "Ed25519", "ES256"]
    assert "does not say for which" in cause({"keys": [bare, curve]}, algorithm="ES256")
    assert "no such algorithm" in cause({"keys": [said]}, algorithm="none")
    assert "not a JSON object" in cause({"keys": [7]}, algorithm="RS256")
    assert "not supported" in cause({"keys": [{"kty": []}]}, algorithm="RS256")


def test_a_key_is_named_by_itself_or_else_by_its_reader() -> None:
    jwk = PAIRS["ES256"].to_jwk()

    assert loaded(EC_PEM, kid="mine").kid == loaded({**jwk, "kid": None}, kid="mine").kid == "mine"
    assert loaded(RSA_PEM, algorithm="RS256", kid="mine").kid == loaded(ED_PEM, kid="mine").kid == "mine"
    assert loaded(jwk, kid=jwk["kid"]).kid == jwk["kid"]
    assert "another name" in cause(jwk, kid="mine")
    assert "names each of its own" in cause({"keys": [jwk]}, kid="mine")
    assert "kid" in cause(EC_PEM, kid="")


# -- where only public keys belong -------------------------------------------------------------------------------------


@EVERY
def test_a_private_key_is_refused_where_a_public_one_is_demanded(key: Key) -> None:
    options: dict[str, Any] = {"algorithm": key.alg, "public_only": True}
    both: list[tuple[Any, Any]] = [
        (key.to_jwk(), key.to_jwk(private=True)),
        ({"keys": [key.to_jwk()]}, {"keys": [key.to_jwk(private=True)]}),
        (key.to_pem(), key.to_pem(private=True)),
        (key.to_der(), key.to_der(private=True)),
    ]

    for public, private in both:
        assert load(public, **options)
        assert "only public keys belong" in cause(private, **options)


def test_a_secret_is_refused_where_a_public_key_is_demanded() -> None:
    assert "only public keys belong" in cause(KEYS["HS256"].to_jwk(private=True), public_only=True)


@pytest.mark.parametrize("left", ["d", "p", "q", "dp", "dq", "qi"])
def test_any_private_number_makes_a_jwk_a_private_one(left: str) -> None:
    """One factor is as good as the key."""
    rsa = KEYS["RS256"]
    private = rsa.to_jwk(private=True)
    jwk = {**rsa.to_jwk(), left: private[left]}
    for data in (jwk, json.dumps(jwk), {"keys": [jwk]}):
        assert "only public keys belong" in cause(data, public_only=True)
    for name in ("k", "oth"):
        assert "only public keys belong" in cause({**rsa.to_jwk(), name: []}, public_only=True)
    assert loaded(rsa.to_jwk(), public_only=True).kid == rsa.kid


# -- RSA keys for PSS alone: RFC 4055 ----------------------------------------------------------------------------------


def tlv(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    return bytes([tag, size] if size < 128 else [tag, 0x82, *size.to_bytes(2, "big")]) + content


RSA_OID, PSS_OID, MGF = (tlv(6, bytes.fromhex(f"2a864886f70d0101{last}")) for last in ("01", "0a", "08"))
SHA256, SHA384, SHA512 = (tlv(6, bytes.fromhex(f"60864801650304020{last}")) for last in (1, 2, 3))
NULL = b"\x05\0"


def restricted(hash_: bytes, mask: bytes, *salt: int, null: bytes = NULL) -> bytes:
    return tlv(
        0x30,
        tlv(0xA0, tlv(0x30, hash_, null)),
        tlv(0xA1, tlv(0x30, MGF, tlv(0x30, mask, null))),
        *(tlv(0xA2, tlv(2, bytes([number]))) for number in salt),
    )


def for_pss(der: bytes, parameters: bytes) -> bytes:
    """*der*, an RSA key in SPKI or PKCS#8, as one for PSS alone."""
    ordinary = tlv(0x30, RSA_OID, NULL)
    before, after = der[4:].split(ordinary, 1)
    return tlv(0x30, before, tlv(0x30, PSS_OID, parameters), after)


@pytest.mark.parametrize(
    ("parameters", "good"),
    [
        (b"", {"PS256", "PS384", "PS512"}),
        (restricted(SHA256, SHA256, 32), {"PS256"}),
        (restricted(SHA256, SHA256, 32, null=b""), {"PS256"}),
        (restricted(SHA384, SHA384, 48), {"PS384"}),
        (restricted(SHA512, SHA512, 64), {"PS512"}),
        (restricted(SHA512, SHA512, 10), {"PS512"}),
        (restricted(SHA256, SHA256), {"PS256"}),
        (restricted(SHA256, SHA256, 33), set()),
        (restricted(SHA256, SHA512, 32), set()),
        (tlv(0x30), set()),
    ],
    ids=["any", "256", "256 without null", "384", "512", "salt of 10 at least", "salt of 20 at least", "longer salt",
         "two hashes", "SHA-1"],
)  # fmt: skip
@pytest.mark.parametrize("private", [False, True], ids=["public", "private"])
def test_an_rsa_key_that_is_for_pss_alone_is_for_nothing_else(
    parameters: bytes, good: set[str], *, private: bool
) -> None:
    """RFC 4055 section 1.2, RFC 8725 section 3.1: what a key says it is for holds, in PEM and DER too."""
    der = for_pss(PAIRS["PS256"].to_der(private=private), parameters)
    label = "PRIVATE KEY" if private else "PUBLIC KEY"
    for alg in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"):
        for data in (der, pem(label, der)):
            if alg in good:
                key = loaded(data, algorithm=alg)
                assert (key.alg, key.can_sign) == (alg, private)
            else:
                assert "for PSS alone" in cause(data, algorithm=alg)
    assert "which algorithm" in cause(der)
    assert loaded(PAIRS["RS256"].to_der(private=private), algorithm="RS256").alg == "RS256"


def test_parameters_that_nobody_can_read_are_none_that_are_kept() -> None:
    der = for_pss(PAIRS["PS256"].to_der(), b"")
    assert pem_keys._keeps(b"", "PS256")
    long = der.replace(tlv(0x30, PSS_OID), b"\x30\x81\x0b" + PSS_OID)
    with pytest.raises(ConfigurationError, match="for PSS alone"):
        pem_keys._check_pss(long, "PS256", "a test")


# -- what is refused ---------------------------------------------------------------------------------------------------

PRIVATE = ec.generate_private_key(ec.SECP256R1())
LOCK = BestAvailableEncryption(b"password")
LOCKED = PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, LOCK).decode()
FOREIGN: list[Any] = [
    ed448.Ed448PrivateKey.generate(),
    x25519.X25519PrivateKey.generate(),
    dsa.generate_private_key(1024),
]
SMALL_DSA = FOREIGN[2].private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
OPENSSH = PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
SSH = PRIVATE.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
K256 = ec.generate_private_key(ec.SECP256K1())
BODY = EC_PEM.split("-----")[2]


def spki(key: Any) -> bytes:
    written: bytes = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return written


def off_curve() -> bytes:
    der = bytearray(spki(PRIVATE))
    der[-1] ^= 1
    return bytes(der)


REFUSED = [
    (LOCKED, "is encrypted"),
    (PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, LOCK), "is encrypted"),
    (PRIVATE.private_bytes(Encoding.DER, PrivateFormat.PKCS8, LOCK), "is encrypted"),
    (pem("CERTIFICATE", certificate()), "a certificate, not a key"),
    (pem("PUBLIC KEY", certificate()), "a certificate, not a key"),
    (certificate(), "a certificate, not a key"),
    (SSH, "OpenSSH"),
    (SSH.decode(), "OpenSSH"),
    (OPENSSH, "no key of a kind that is supported"),
    (SMALL_DSA, "no key of a kind that is supported"),
    *((spki(key), "signs no tokens") for key in FOREIGN),
    (spki(K256), "not one on a curve of P-256"),
    (off_curve(), "no key in it"),
    (pem("PUBLIC KEY", off_curve()), "no key in it"),
    (pem("PUBLIC KEY", PAIRS["ES256"].to_der(private=True)), "no key in it"),
    (pem("PRIVATE KEY", PAIRS["ES256"].to_der()), "no key in it"),
    (pem("PUBLIC KEY", b""), "no key in it"),
    (pem("PUBLIC KEY", b"0" * 8_193), "more than 8192 bytes"),
    (b"0" * 8_193, "more than 8192 bytes"),
    (b"0", "no key in it"),
    (EC_PEM + ED_PEM, "none or several"),
    (EC_PEM + LOCKED, "none or several"),
    ("-----BEGIN PUBLIC KEY----", "none or several"),
    ("-----BEGIN public key-----", "none or several"),
    (EC_PEM.replace("END", "EMD"), "no end"),
    (EC_PEM.replace("END PUBLIC", "END PRIVATE"), "no end"),
    (EC_PEM.replace(BODY, BODY[:-3] + "*" + BODY[-2:]), "not base64"),
    (EC_PEM.replace("=", ""), "not base64") if "=" in BODY else (EC_PEM.replace(BODY, BODY[:-2]), "not base64"),
    (EC_PEM.replace("PUBLIC", "MYSTERY"), "no key of a kind that is supported"),
    ("x" * (2**20 + 1), "more than 1048576 bytes"),
    (b"\x30\x82", "no key in it"),
    # Over this one `cryptography` raises an InternalError, which is no ValueError.
    (bytes.fromhex("302e020100300506032b6571") + b"\x04\x22\x04\x20" + bytes(32), "no key in it"),
    # And over this one a warning, where it is told that this is a certificate: its number is negative.
    (certificate().replace(b"\x02\x01\x01\x30", b"\x02\x01\x81\x30"), "a certificate, not a key"),
    (certificate().replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x09"), "no key in it"),
    ("0\x00", "neither PEM nor a JSON object"),
]


# Named by number: the keys are new in each run, and a test has one name in all of them.
@pytest.mark.parametrize(("data", "expected"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_no_key_of_ours_is_refused_with_its_own_sentence(data: Any, expected: str) -> None:
    assert expected in cause(data)


def test_a_key_with_text_beside_it_is_no_json() -> None:
    """And JSON that mentions PEM is JSON."""
    jwk = PAIRS["ES256"].to_jwk() | {"x-note": EC_PEM}

    assert loaded(json.dumps(jwk)).kid == PAIRS["ES256"].kid


def test_the_private_half_is_found_in_der() -> None:
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        assert loaded(PRIVATE.private_bytes(Encoding.DER, form, NoEncryption())).kid == EcKey(PRIVATE).kid
        written = RSA.private_bytes(Encoding.DER, form, NoEncryption())
        assert loaded(written, algorithm="PS256").to_jwk(private=True) == KEYS["PS256"].to_jwk(private=True)
