"""What is in a token, without a key: found wherever it was copied from, and wrong to the character."""

import base64
import hmac
import json
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from time import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepass.core.claims import MAX_TIME
from gatepass.core.inspect import Inspection, Token, inspect, read, texts
from gatepass.core.inspect.find import MAX_TEXT, MAX_TOKENS, find
from gatepass.core.inspect.model import HIDDEN
from gatepass.core.inspect.relative import duration, relative
from gatepass.core.strict import b64encode
from gatepass.errors import ConfigurationError
from gatepass.keys import generate
from gatepass.tokens import inspect as public

NOW = 1_900_000_000


def segment(value: object) -> str:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    return b64encode(json.dumps(value).encode()).decode()


def token(header: object = None, claims: object = None, signature: bytes = b"s" * 32) -> str:
    header = {"alg": "HS256", "typ": "at+jwt"} if header is None else header
    claims = {"iss": "i", "aud": "a", "iat": NOW - 60, "exp": NOW + 252} if claims is None else claims
    return f"{segment(header)}.{segment(claims)}.{segment(signature)}"


def signed(header: dict[str, object], sign: Callable[[bytes], bytes]) -> str:
    text = f"{segment(header)}.{segment({'iss': 'i'})}"
    return f"{text}.{segment(sign(text.encode()))}"


GOOD = token()
SESSION = "A" * 22 + "." + "A" * 43


def look(text: str) -> Token:
    [found] = inspect(text, now=NOW).tokens
    return found


def codes(things: Any) -> list[str]:
    return [thing.code for thing in things]


def strings(thing: object) -> Iterator[str]:
    if isinstance(thing, str):
        yield thing
    elif isinstance(thing, tuple):
        for inner in thing:
            yield from strings(inner)
    elif is_dataclass(thing):
        for field in fields(thing):
            yield from strings(getattr(thing, field.name))


def test_an_honest_token_has_nothing_wrong() -> None:
    found = look(GOOD)

    assert (found.kind, found.start, found.end, found.text) == ("jws", 0, len(GOOD), GOOD)
    assert (found.noise, found.defects, found.findings) == ((), (), ())
    assert (found.state, found.verdict) == ("alive", "Not verified. It expires in 4 min 12 s.")
    assert [part.name for part in found.parts] == ["header", "payload", "signature"]
    assert found.parts[1].members[0].name == "iss"
    assert found.parts[1].members[0].value == '"i"'
    assert found.parts[1].members[0].meaning == texts.CLAIMS["iss"]
    assert found.parts[2].octets == 32
    assert found.size.total == len(GOOD)


AROUND = [
    (f"Authorization: Bearer {GOOD}", ["bearer"]),
    (f"curl -H 'Authorization: Bearer {GOOD}' https://api.example", ["bearer", "quotes"]),
    (f"Cookie: a=b; access={GOOD}; c=d", []),
    (json.dumps({"log": [{"name": "Authorization", "value": f"Bearer {GOOD}"}]}), ["bearer", "quotes"]),
    (f"12:00 refused {GOOD}, sorry", ["trailing"]),
    (f"It is {GOOD}.", ["trailing"]),
    (f"https://a.example/cb?token={GOOD.replace('.', '%2E')}&x=y", ["percent"]),
    (f"token%3D{GOOD}%26x", []),
    (f"token%3d{GOOD.replace('.', '%252e')}%26x", ["percent"]),
    (f"token%253D{GOOD.replace('.', '%252E')}%2526x", ["percent"]),
    (f"token%25253d{GOOD}", []),
    (f"\x1b[32m{GOOD}\x1b[0m", []),
    (f"\x1b[1;38:5:196m401\x1b[m \x1b[4mBearer \x1b[33m{GOOD}\x1b[39;49m refused", ["bearer"]),
    *(
        (f"refused{escape}{GOOD}", [])
        for escape in (
            *(r"\033[1m", r"\x1b[31m", r"\u001B[1;31m", r"\e[m", r"\n", r"\t", r"\u003d", r"\u0022", r"\x3d", "=3D"),
            "\x1b[1m",
        )
    ),
    (json.dumps(json.dumps({"msg": f"got\n{GOOD}\nand went"})), []),
    (f"{GOOD[:50]} {GOOD[50:]}", ["line_breaks"]),
    (f"{GOOD[:80]}\xa0{GOOD[80:]}\xa0\n", ["spaces", "line_breaks"]),
    (GOOD.replace(".", " . "), ["line_breaks"]),
    (f"{GOOD[:50]} \\\n{GOOD[50:90]} \\\r\n  {GOOD[90:]}", ["line_breaks"]),
    (f"\u201c{GOOD}\u201d", ["quotes"]),
    (f"Ada said {GOOD}\u2019.", ["quotes"]),
    (f"> {GOOD[:50]}\n> {GOOD[50:]}", ["line_breaks"]),
    (f"Ada wrote:\n >> the token is\n>> > {GOOD}", []),
    (f"https://a.example/verify/{GOOD}/next", []),
    (f"see /verify/{GOOD[:50]}\n{GOOD[50:]}", ["line_breaks"]),
    (f"{GOOD[:50]}\u200b{GOOD[50:]}", ["zero_width"]),
    (f"{GOOD[:50]}\r\n  {GOOD[50:]}\n", ["spaces", "line_breaks"]),
    (f"{GOOD[:50]}\n{GOOD[50:]}\r\n...", ["trailing", "line_breaks"]),
    (f"\n {GOOD}", ["spaces"]),
    (f"`{GOOD}", ["quotes"]),
    (f'{GOOD}"', ["quotes"]),
]


@pytest.mark.parametrize(("text", "noise"), AROUND, ids=range(len(AROUND)))
def test_a_token_is_found_in_what_it_was_copied_with(text: str, noise: list[str]) -> None:
    """And what was cut off has a name."""
    found = look(text)

    assert found.text == GOOD
    assert codes(found.noise) == noise
    assert found.defects == ()
    assert text[found.start : found.start + 3] == "eyJ"


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_token_in_base64_is_decoded(end: str) -> None:
    """As a secret of Kubernetes is; a random id that begins in the same way is none."""
    written = base64.b64encode(f"{GOOD}{end}".encode()).decode()
    text = f"data:\n  token: {written}\n  user: x"
    found = look(text)

    assert (found.text, codes(found.noise), text[found.start : found.end]) == (GOOD, ["base64"], written)
    for other in (HEADER.encode(), b"eyJ.a.\xff", b"eyJ.a.b c", b"eyJhbGciO"):
        assert look(base64.b64encode(other).decode()).kind == "unknown"
    assert look(f"ZXlK{'A' * 9}").kind == "unknown"


def test_each_of_several_tokens_is_found_at_its_place() -> None:
    text = f"{GOOD}\n{SESSION}\n{GOOD}\n"
    found = inspect(text, now=NOW).tokens

    assert ["jws", "gatepass-session", "jws"] == [one.kind for one in found]
    assert [text[one.start : one.end] for one in found] == [GOOD, SESSION, GOOD]


def test_a_whole_token_is_not_joined_with_the_word_on_the_next_line() -> None:
    assert look(f"{GOOD}\nGET").text == GOOD


def test_a_token_a_line_is_a_token_each() -> None:
    """Also where the signatures are of no length that is known."""
    text = f"{HEADER}.{PAYLOAD}.AAAA"
    assert [text, text] == [found.text for found in inspect(f"{text}\n{text}\n", now=NOW).tokens]


def test_a_step_of_a_path_is_not_joined_with_the_next_line() -> None:
    found = inspect(f"/{HEADER}.{PAYLOAD}.\n/AAAA", now=NOW).tokens
    assert [f"{HEADER}.{PAYLOAD}."] == [one.text for one in found]


def test_words_on_the_same_line_are_not_joined() -> None:
    assert look(f"{GOOD[:60]} is\nwrong").text == GOOD[:60]
    assert look(f"{GOOD[:-1]} is wrong").text == GOOD[:-1]
    assert look(f"{GOOD} is right").text == GOOD


@pytest.mark.parametrize("text", ["", "eyes wide", "hello world", "eyebrowsx y", "{}", "eyebrows.x y", "ewooooooo! no"])
def test_what_holds_no_token_says_so(text: str) -> None:
    found = inspect(text, now=NOW)

    assert found.tokens == ()
    assert codes(found.hints) == ["local", "nothing"]


HEADER, PAYLOAD, SIGNATURE = GOOD.split(".")


def carrying(payload: bytes) -> str:
    return f"{HEADER}.{segment(payload)}.{SIGNATURE}"


WRONG = [
    (f"{HEADER}.{PAYLOAD[:9]}*{PAYLOAD[10:]}.{SIGNATURE}", "payload", "character", 9, ""),
    (f"{HEADER}.{PAYLOAD}.{SIGNATURE}=", "signature", "padding", 43, "the end"),
    (f"{HEADER}.{PAYLOAD}.{'A' * 8}+{'A' * 34}", "signature", "alphabet", 8, "-"),
    (f"{HEADER}.{PAYLOAD}.{'A' * 42}B", "signature", "unused_bits", 42, "A"),
    (f"{HEADER}.{PAYLOAD}.{'A' * 41}B{'A' * 3}", "signature", "length", None, ""),
    (carrying(b"{"), "payload", "json", 1, "a name in double quotes"),
    (carrying(b'{"a":1 , }'), "payload", "json", 7, "no comma before the end of the object"),
    (carrying(b'{"a":[1,2\n,\t]}'), "payload", "json", 10, "no comma before the end of the list"),
    (carrying(b'{"a":1,,}'), "payload", "json", 7, "no comma before the end of the object"),
    (carrying(b'{"a":[1,}'), "payload", "json", 8, "a JSON value"),
    (carrying(b'{"a":[1,'), "payload", "json", 8, "a JSON value"),
    (carrying(b",]"), "payload", "json", 0, "no comma before the end of the list"),
    (carrying(b"]"), "payload", "json", 0, "a JSON value"),
    (carrying(b'{"a" 1}'), "payload", "json", 5, "a colon"),
    (carrying(b'{"a":1 2}'), "payload", "json", 7, "a comma or the end of the object or list"),
    (carrying(b'{"a":"b'), "payload", "json", 5, "a closing quote for the text that begins here"),
    (carrying(b'{"a":"\x01"}'), "payload", "json", 6, "an escape instead of a character of control"),
    (carrying(rb'{"a":"\x"}'), "payload", "json", 6, "an escape that JSON has"),
    (carrying(rb'{"a":"\u12"}'), "payload", "json", 7, "four hexadecimal digits"),
    (carrying(b"{}{}"), "payload", "json", 2, "the end"),
    (carrying(b"[]"), "payload", "json_object", None, ""),
    (carrying(b"null"), "payload", "json_object", None, ""),
    (carrying(bytes([123, 255, 125])), "payload", "utf8", 1, ""),
    (carrying(chr(0xFEFF).encode() + b"{}"), "payload", "bom", 0, ""),
    (carrying(b'{"a":NaN}'), "payload", "json_constant", None, ""),
    (carrying(b'{"a":1e999}'), "payload", "json_number", None, ""),
    (carrying(b'{"a":' + b"1" * 5000 + b"}"), "payload", "json_number", None, ""),
    (carrying(b'{"a":0.' + b"1" * 4_300 + b"}"), "payload", "json_number", None, ""),
    (carrying(b'{"a":' + b"[" * 10_000), "payload", "json_depth", 104, "100"),
    (f"{HEADER}..{SIGNATURE}", "payload", "empty", None, ""),
    (f"{HEADER}.{PAYLOAD}", "", "segments", None, "3, or 5 if it is encrypted"),
    (f"{HEADER}.{PAYLOAD}.{SIGNATURE}.AA", "", "segments", None, "3, or 5 if it is encrypted"),
    (HEADER, "", "segments", None, "3, or 5 if it is encrypted"),
    (f"{HEADER}...", "", "segments", None, "3, or 5 if it is encrypted"),
]


@pytest.mark.parametrize(("text", "where", "code", "index", "expected"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_said_to_the_character(
    text: str, where: str, code: str, index: int | None, expected: str
) -> None:
    [defect] = [defect for defect in look(text).defects if defect.code == code]

    assert (defect.segment, defect.index, defect.expected) == (where, index, expected)
    if index is not None:
        assert (
            f"{index + 1} of " in defect.sentence
            or f" after character {index} of {index} " in defect.sentence
            or code == "bom"
        )


def test_both_alphabets_and_junk_are_told_apart() -> None:
    found = look(f"{HEADER}.{PAYLOAD}.+/*{'A' * 40}")
    assert codes(found.defects) == ["alphabet", "character"]
    assert found.parts[2].octets == 1


def test_a_damaged_header_is_read_where_nothing_else_is_there() -> None:
    found = look(GOOD[1:])
    assert found.kind == "jws"
    assert "json" in codes(found.defects)


def test_a_short_object_with_a_space_is_a_token_too() -> None:
    """`ew` and `ey` with another letter: an object that begins with white space."""
    text = token({}, {}).replace(segment({}), segment(b'{\n "alg": "HS256"}'), 1)
    assert text.startswith("ew")
    assert look(f"x {text} y").kind == "jws"


def test_a_payload_alone_is_read_as_one() -> None:
    found = look(PAYLOAD)
    assert ([part.name for part in found.parts], found.state, codes(found.defects)) == (
        ["payload"],
        "alive",
        ["segments"],
    )
    assert found.defects[0].sentence == "Parts with dots between them: 1; a token has 3, or 5 if it is encrypted."
    assert [part.name for part in look(HEADER).parts] == ["header"]


JWE = ".".join([segment({"alg": "dir", "enc": "A256GCM"}), "", "AAAA", "AAAA", "AAAA"])
DISCLOSED = f"{GOOD}~{segment(['salt', 'email', 'a@example.com'])}~{segment(['salt', 'x'])}~{segment(b'[')}~!~"
FLAT = {"protected": HEADER, "payload": PAYLOAD, "signature": SIGNATURE}
NESTED = token({"alg": "HS256", "cty": "JWT", "typ": "at+jwt"}, GOOD).split(".")
NESTED = [NESTED[0], segment(GOOD.encode()), NESTED[2]]

KINDS = [
    (GOOD, "jws"),
    (JWE, "jwe"),
    (JWE.replace("..", ".AAAA."), "jwe"),
    (".".join(["AAAA"] * 5), "unknown"),
    (GOOD * 2, "partial"),
    (GOOD.replace(".", ".."), "partial"),
    (".".join(NESTED), "nested"),
    (DISCLOSED, "sd-jwt"),
    (DISCLOSED + GOOD, "sd-jwt"),
    (GOOD + "~AA" * 300, "sd-jwt"),
    (f"{JWE}~", "jwe"),
    (token({"alg": "ES256", "typ": "dpop+jwt", "jwk": {}}, {"htm": "GET"}, b"s" * 64), "dpop"),
    ("v4.public." + segment(b'{"a":1}' + b"s" * 64), "paseto"),
    ("v4.local.AAAA.AAAA", "paseto"),
    (SESSION, "gatepass-session"),
    (f"{'A' * 22}.7.{'A' * 43}", "gatepass-refresh"),
    (json.dumps(FLAT), "jws-json"),
    (json.dumps({"payload": PAYLOAD, "signatures": [FLAT | {"header": {"kid": "k"}}, 7] + [FLAT] * 20}), "jws-json"),
    (json.dumps({"payload": PAYLOAD, "signatures": 7}), "jws-json"),
    (json.dumps({"protected": HEADER, "ciphertext": "AAAA", "tag": 7}), "jwe-json"),
    (HEADER, "partial"),
    (f"{HEADER[:30]}...", "partial"),
    ("0123456789abcdef", "unknown"),
    ("Bearer 0123456789abcdef", "unknown"),
    ("a.b", "unknown"),
]


@pytest.mark.parametrize(("text", "kind"), KINDS, ids=range(len(KINDS)))
def test_a_kind_is_recognised(text: str, kind: str) -> None:
    found = look(text)

    assert (found.kind, found.title) == (kind, texts.KINDS[kind])


def test_every_kind_is_met_here() -> None:
    assert {kind for _, kind in KINDS} == set(texts.KINDS)


def test_what_is_inside_is_looked_at_too() -> None:
    [inner] = look(".".join(NESTED)).inner
    assert (inner.kind, inner.text) == ("jws", GOOD)
    [proof] = look(DISCLOSED + GOOD).inner
    assert proof.text == GOOD


def test_tokens_in_tokens_end_somewhere() -> None:
    text = GOOD
    for _ in range(6):
        text = carrying(text.encode())
    depth, found = 0, look(text)
    while found.inner:
        depth, [found] = depth + 1, found.inner
    assert depth == 3


def test_a_disclosure_is_read_and_what_is_personal_in_it_named() -> None:
    found = look(DISCLOSED)
    [part] = [part for part in found.parts if part.name == "disclosure 1"]
    assert (part.members[0].name, part.members[0].value) == ("email", '"a@example.com"')
    assert codes(found.findings) == ["personal"]


def test_json_that_only_looks_like_a_token_is_searched_for_tokens() -> None:
    assert look(json.dumps({"payload": "x", "token": GOOD})).text == GOOD
    assert look('{"payload":' + f'"{GOOD}').text == GOOD


BASE = {"iss": "i", "aud": "a", "iat": NOW - 60, "exp": NOW + 252}
ES = {"alg": "ES256", "typ": "at+jwt", "kid": "k"}
OWN = generate("ES256")
DER = bytes([0x30, 6, 2, 1, 1, 2, 1, 1])

REMARKS = [
    ("alg_none", token({"alg": "NoNe", "typ": "JWT"}, signature=b"")),
    ("signature_empty", token(signature=b"")),
    *(("kid_suspicious", token(ES | {"kid": kid}, signature=b"s" * 64)) for kid in ("../k", "a/b", "' or", "http://x")),
    ("key_url", token(ES | {"jku": "https://evil.example"}, signature=b"s" * 64)),
    ("key_embedded", token(ES | {"jwk": {}}, signature=b"s" * 64)),
    ("key_private", token(ES | {"jwk": {"kty": "EC", "d": "x"}}, signature=b"s" * 64)),
    ("key_private", token(claims={"cnf": {"jwk": {"kty": "oct", "k": "x"}}})),
    ("key_verifies", signed(ES | {"jwk": OWN.to_jwk()}, OWN.sign)),
    ("secret_blank", signed({"alg": "HS256"}, lambda text: hmac.digest(b"", text, "sha256"))),
    ("secret_known", signed({"alg": "HS256"}, lambda text: hmac.digest(b"secret", text, "sha256"))),
    ("thumbprint_sha1", token(ES | {"x5t": "x"}, signature=b"s" * 64)),
    ("crit", token(ES | {"crit": ["x"]}, signature=b"s" * 64)),
    ("kid_missing", token({"alg": "ES256", "typ": "at+jwt"}, signature=b"s" * 64)),
    ("eddsa", token({"alg": "EdDSA", "kid": "k"}, signature=b"s" * 64)),
    ("rsa_small", token({"alg": "RS256", "kid": "k"}, signature=b"s" * 128)),
    ("signature_der", token(ES, signature=DER)),
    ("signature_der", token({"alg": "ES512", "kid": "k"}, signature=b"0\x81\x82\x02" + b"x" * 129)),
    ("signature_size", token(ES, signature=b"s" * 63)),
    ("exp_missing", token(claims={"iss": "i", "aud": "a"})),
    ("aud_missing", token(claims={"iss": "i", "exp": NOW + 1})),
    ("iss_missing", token(claims={"aud": "a", "exp": NOW + 1})),
    ("lifetime", token(claims=BASE | {"exp": NOW + 40 * 86_400})),
    ("lifetime_access", token(claims=BASE | {"exp": NOW + 7_200})),
    ("exp_before_iat", token(claims=BASE | {"exp": NOW - 60})),
    ("iat_future", token(claims=BASE | {"iat": NOW + 60})),
    ("nbf_future", token(claims=BASE | {"nbf": NOW + 60})),
    ("typ_access", token({"alg": "HS256"}, BASE | {"scope": "x"})),
    ("time_text", token(claims=BASE | {"exp": str(NOW)})),
    ("time_ms", token(claims=BASE | {"exp": NOW * 1_000})),
    ("time_no", token(claims=BASE | {"exp": True})),
    ("time_no", token(claims=BASE | {"exp": 10**300})),
    ("time_no", token(claims=BASE | {"nbf": -1})),
    ("time_fraction", token(claims=BASE | {"iat": NOW - 0.5})),
    *(
        ("secret", token(claims=BASE | more))
        for more in (
            {"password": "hunter2"},
            {"a": {"client-secret": "x"}},
            {"card": "4111 1111 1111 1111"},
            {"card": 4111111111111111},
            {"a": ["-----BEGIN PRIVATE KEY-----"]},
            {"a": GOOD},
            {"a": "AKIAIOSFODNN7EXAMPLE"},
        )
    ),
    ("personal", token(claims=BASE | {"x": "ada@example.com"})),
    ("personal", token(claims=BASE | {"phone_number": "1"})),
    ("personal", token(claims=BASE | {"x": "+44 20 7946 0000"})),
    ("cookie_large", token(claims=BASE | {"x": "x" * 3_200})),
    ("header_large", token(claims=BASE | {"x": "x" * 7_000})),
    ("deep", carrying(b'{"a":' + b"[" * 40 + b"]" * 40 + b"}")),
    ("duplicate", carrying(b'{"a":1,"a":2}')),
    ("digest_twice", token(claims=BASE | {"_sd": ["d", "e"], "a": {"_sd": ["d"]}})),
    ("digest_twice", token(claims=BASE | {"a": [{"...": "d"}, {"...": "d"}]})),
    ("digest_twice", f"{token(claims=BASE | {'_sd': ['d']})}~{segment(['salt', 'a', {'_sd': ['d']}])}~"),
    ("hidden", token(claims=BASE | {"name": "ada\u202egpj"})),
    ("hidden", token(claims=BASE | {"na\u202eme": {}})),
]


@pytest.mark.parametrize(("code", "text"), REMARKS, ids=range(len(REMARKS)))
def test_what_is_remarkable_is_said(code: str, text: str) -> None:
    [finding, *_] = [finding for finding in look(text).findings if finding.code == code]
    assert finding.level == texts.FINDINGS[code][0]
    assert "{" not in finding.sentence


def test_every_remark_and_every_defect_is_met_here() -> None:
    assert {code for code, _ in REMARKS} == set(texts.FINDINGS)
    assert {code for _, _, code, _, _ in WRONG} | {"size"} == set(texts.DEFECTS)
    assert {code for _, noise in AROUND for code in noise} | {"base64"} == set(texts.NOISE)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("kid_suspicious", token(ES | {"kid": "NTA1/MDk+QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="}, signature=b"s" * 64)),
        ("secret", token(claims=BASE | {"order": "4111 1111 1111 1112", "n": 1_700_000_000_001, "token_type": "x"})),
        ("personal", token(claims=BASE | {"x": "a @ b"})),
        ("rsa_small", token({"alg": "RS256", "kid": "k"}, signature=b"s" * 256)),
        ("signature_size", token({"alg": "XY"})),
        ("signature_size", token({"alg": 7})),
        ("key_private", token(claims={"cnf": {"jwk": {"kty": "EC", "k": "x"}}, "oct": {"kty": 7, "k": "x", "d": "x"}})),
        ("key_verifies", signed(ES | {"jwk": generate("ES256").to_jwk()}, OWN.sign)),
        ("secret_blank", signed({"alg": "HS256"}, lambda text: hmac.digest(b"\1", text, "sha256"))),
        ("secret_known", signed({"alg": "HS256"}, lambda text: hmac.digest(b"secret ", text, "sha256"))),
        ("hidden", token(claims=BASE | {"name": "A\u0301da \u2764\ufe0f \u0434\u044f"})),
        ("time_no", token(claims=BASE | {"exp": NOW + 0.5})),
        ("key_embedded", KINDS[9][0]),
        ("digest_twice", token(claims=BASE | {"_sd": ["d", "e", 7, 7], "a": ["d", {"...": "f"}], "b": {"x": "e"}})),
    ],
)
def test_what_is_in_order_is_not_remarked(code: str, text: str) -> None:
    assert code not in codes(look(text).findings)


def test_what_must_stop_is_said_first() -> None:
    levels = [finding.level for finding in look(token({"alg": "none"}, {"iat": 0.5}, b"")).findings]
    assert levels == sorted(levels, key=["stop", "warn", "info"].index)


HINTS = [
    ("expired", token(claims=BASE | {"exp": NOW})),
    ("not_yet", token(claims=BASE | {"nbf": NOW + 60})),
    ("secret_encoding", GOOD),
    ("key_family", token(ES, signature=b"s" * 64)),
    ("stray", f"{GOOD}="),
    ("cut", GOOD[:-1] if len(GOOD) % 4 else f"{HEADER}.{PAYLOAD}"),
    ("no_signature_check", GOOD),
    ("in_url", f"https://a.example/?t={GOOD}"),
    ("in_fragment", f"https://a.example/#access_token={GOOD}"),
    ("units", token(claims=BASE | {"iat": NOW * 1_000})),
    ("id_token", token({"alg": "HS256", "typ": "JWT"}, BASE | {"nonce": "n"})),
    ("encrypted", JWE),
    ("encrypted_with", JWE),
    ("opaque", SESSION),
    ("left_out", token(claims={str(number): 0 for number in range(read.MAX_MEMBERS + 1)})),
]


@pytest.mark.parametrize(("code", "text"), HINTS)
def test_a_common_mistake_gets_the_sentence_that_solves_it(code: str, text: str) -> None:
    assert code in codes(look(text).hints)


def test_every_hint_is_met_here() -> None:
    assert {code for code, _ in HINTS} | {"local", "nothing"} == set(texts.HINTS)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"alg": "dir", "enc": "A256GCM"}, ["dir", "A256GCM"]),
        ({"alg": "ECDH-ES", "enc": "XY"}, ["ECDH-ES"]),
        ({"alg": ["dir"], "enc": 7}, []),
    ],
)
@pytest.mark.parametrize("form", ["compact", "JSON"])
def test_how_a_token_is_encrypted_is_said_as_far_as_it_is_known(header: object, said: list[str], form: str) -> None:
    text = f"{segment(header)}.AAAA.AAAA.AAAA.AAAA"
    if form == "JSON":
        text = json.dumps({"protected": segment(header), "ciphertext": "AAAA", "encrypted_key": "AAAA"})
    hints = [hint.sentence for hint in look(text).hints if hint.code == "encrypted_with"]

    assert len(hints) == len(said)
    assert all(f"is {name}: {texts.ENCRYPTION[name]}." in hint for name, hint in zip(said, hints, strict=True))


def test_what_only_a_signature_needs_is_not_missed_in_an_encrypted_token() -> None:
    """Its key comes with it in order, and `none` is no algorithm of it."""
    header = {"alg": "ECDH-ES", "enc": "A256GCM", "jwk": {}, "jku": "https://evil.example", "crit": ["x"]}
    assert codes(look(f"{segment(header)}..AAAA.AAAA.AAAA").findings) == ["key_url", "crit"]


def test_the_table_of_what_is_not_shown_holds_all_that_unicode_calls_so() -> None:
    """Whichever version of it Python has; and nothing that is a letter, a sign or an accent."""
    unseen = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp", "Zs"}
    kinds = {chr(point): unicodedata.category(chr(point)) for point in range(0x110000)}
    assert [letter for letter, kind in kinds.items() if kind in unseen and not HIDDEN.match(letter)] == [" "]
    seen = {letter for letter, kind in kinds.items() if kind not in {*unseen, "Cn"} and HIDDEN.match(letter)}
    # These have no glyph by default: Unicode, DerivedCoreProperties, Default_Ignorable_Code_Point.
    assert {letter for letter in seen if not "\U000e0100" <= letter <= "\U000e01ef"} == set(
        "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"
    )


@pytest.mark.parametrize(
    ("claim", "written"),
    [("a\u200bb", '"a\\u200bb"'), ("\U000e0041", '"\\udb40\\udc41"'), ("\ud800", '"\\ud800"'), ("\x7f", '"\\u007f"')],
)
def test_what_is_not_shown_is_written_as_an_escape(claim: str, written: str) -> None:
    assert look(token(claims={"name": claim})).parts[1].members[0].value == written


@pytest.mark.parametrize(
    ("claims", "state"),
    [
        (BASE, "alive"),
        (BASE | {"exp": NOW}, "expired"),
        (BASE | {"exp": NOW + 1}, "alive"),
        (BASE | {"nbf": NOW + 1}, "not_yet"),
        (BASE | {"nbf": NOW}, "alive"),
        ({}, "endless"),
        ({"exp": "soon"}, None),
        (BASE | {"exp": MAX_TIME}, "alive"),
        (BASE | {"exp": 100_000_000_001}, "alive"),
        (BASE | {"exp": MAX_TIME + 1}, "lenient"),
        (BASE | {"exp": (NOW - 60) * 1_000}, "lenient"),
        (BASE | {"exp": str(NOW + 60)}, "lenient"),
        (BASE | {"exp": str(NOW - 60), "nbf": NOW + 60}, "lenient"),
        (BASE | {"nbf": str(NOW + 60)}, "alive"),
        (BASE | {"nbf": (NOW - 60) * 1_000}, "not_yet"),
        (BASE | {"nbf": (NOW - 60) * 1_000, "exp": NOW}, "expired"),
        (BASE | {"nbf": (NOW - 60) * 1_000, "exp": (NOW + 60) * 1_000}, "lenient"),
        (BASE | {"nbf": True}, "alive"),
    ],
)
def test_the_state_is_exact_to_the_second(claims: object, state: str | None) -> None:
    assert look(token(claims=claims)).state == state


@pytest.mark.parametrize("exp", [(NOW - 2 * 86_400) * 1_000, str(NOW - 2 * 86_400)])
def test_what_a_verifier_does_not_read_as_a_time_has_not_expired(exp: object) -> None:
    """It is refused for another reason, and to renew it would change nothing."""
    found = look(token(claims=BASE | {"exp": exp}))
    assert found.verdict.endswith("no time to a verifier; meant is 2 days ago.")
    assert "expired" not in codes(found.hints)


def test_a_beginning_in_milliseconds_is_as_far_ahead_as_a_service_reads_it() -> None:
    """Though it is meant to be over: the token is refused, and the clocks are right."""
    found = look(token(claims=BASE | {"nbf": (NOW - 60) * 1_000}))
    assert found.verdict == "Not verified. It is not good yet: its time begins after the year 9999."
    assert "time_ms" in codes(found.findings)
    assert {"not_yet", "units"} <= {*codes(found.hints)}


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (f"https://a.example/cb#access_token={GOOD}&token_type=Bearer", "in_fragment"),
        (f"https://a.example/cb#state={'x' * 99}&id_token={GOOD}", "in_fragment"),
        (f"https://a.example/cb?a=b#id_token={GOOD}", "in_fragment"),
        (f"https://a.example/cb?token={GOOD}#top", "in_url"),
        (f"#b https://a.example/cb?a=b&token={GOOD}", "in_url"),
        (f"#b a=b&token={GOOD}", "in_url"),
        (f"# token={GOOD}", ""),
        (GOOD, ""),
    ],
)
def test_a_query_and_a_fragment_are_told_apart(text: str, hint: str) -> None:
    """A server is sent the one and not the other."""
    assert {code for code in codes(look(text).hints) if code.startswith("in_")} == {hint} - {""}


def test_of_two_tokens_of_an_address_both_are_told_where_they_were() -> None:
    other = token(claims=BASE | {"sub": "ada"})
    found = inspect(f"https://a.example/?x={GOOD}&y={other}#id_token={GOOD}&access_token={other}", now=NOW).tokens
    said = [code for one in found for code in codes(one.hints) if code.startswith("in_")]
    assert said == ["in_url", "in_url", "in_fragment", "in_fragment"]


@pytest.mark.parametrize("exp", [100_000_000_001, MAX_TIME])
def test_a_time_up_to_the_year_9999_is_in_seconds(exp: int) -> None:
    """As `verify` takes it."""
    found = look(token(claims=BASE | {"exp": exp}))
    assert [moment.at for moment in found.moments if moment.name == "exp"] == [exp]
    assert "time_ms" not in codes(found.findings)


def test_a_text_of_a_token_does_not_leave_the_code_that_it_is_quoted_in() -> None:
    said = "k`. Signature valid. `"
    claims = f'{{"{said}":1,"{said}":{{"a":"ada@example.com"}}}}'
    found = look(f"{segment({'alg': 'HS256', 'kid': said})}.{segment(claims.encode())}.{SIGNATURE}")
    sentences = [finding.sentence for finding in found.findings if r"\u0060" in finding.sentence]
    assert len(sentences) == 3
    assert all("Signature" not in "".join(sentence.split("`")[::2]) for sentence in sentences)


def test_what_is_noted_has_an_end() -> None:
    many = token(claims=BASE | {f"a{number}": f"a{number}@example.com" for number in range(200)})
    assert len(look(many).findings) < 60
    bad = look(f"{HEADER}.{PAYLOAD}.{SIGNATURE}" + "~A" * 150 + "~")
    assert len(bad.defects) == read.MAX_DEFECTS
    assert "left_out" in codes(bad.hints)
    twice = b"{" + b",".join(b'"%d":1,"%d":2' % (number, number) for number in range(50)) + b"}"
    found = look(carrying(twice))
    assert codes(found.findings).count("duplicate") == read.MAX_DUPLICATES
    assert "left_out" in codes(found.hints)


def test_nothing_is_said_twice_of_a_token() -> None:
    """Not even of many numbers that are none, of a name and each value under it, or of what has a long way to it."""
    assert codes(look(carrying(b"[" + b"NaN," * 500 + b"1]")).defects) == ["json_constant", "json_object"]
    assert codes(look(token(claims=BASE | {"a\u202e": [1, 2, "\u202e"], "ada@example.com": 1})).findings) == [
        *("hidden", "hidden", "personal")
    ]
    assert codes(look(token(claims=BASE | {"a" * 70: ["a@example.com", "b@example.com"]})).findings) == ["personal"]


def test_more_text_and_more_tokens_than_are_read_are_said() -> None:
    assert codes(inspect("x" * (MAX_TEXT + 1), now=NOW).hints) == ["local", "left_out"]
    found = inspect(f"{SESSION} " * (MAX_TOKENS + 5), now=NOW)
    assert (len(found.tokens), codes(found.hints)) == (MAX_TOKENS, ["local", "left_out"])


def test_a_long_token_is_refused_by_a_verifier_and_read_here() -> None:
    found = look(token(claims=BASE | {"x": "x" * 7_000}))
    assert codes(found.defects) == ["size"]
    assert found.size.cookie > 100


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.5, "now"), (59, "in 59 s"), (60, "in 1 min"), (-252, "4 min 12 s ago"), (3_600, "in 1 h"),
     (5_400, "in 1 h 30 min"), (172_800, "in 2 days"), (-70_000_000, "2 years ago")],
)  # fmt: skip
def test_times_are_said_in_words(seconds: float, words: str) -> None:
    assert relative(seconds) == words
    assert duration(abs(seconds)) in words or words == "now"


def test_the_table_is_one_for_a_page_too() -> None:
    """Plain data, more than 60 claims, and a sentence ends as one."""
    tables = {name: getattr(texts, name) for name in dir(texts) if name.isupper()}
    assert json.loads(json.dumps(tables)).keys() == tables.keys()
    assert len(texts.CLAIMS) >= 60
    assert all(
        said.endswith((".", "`")) for name in ("CLAIMS", "HEADER", "HINTS", "NOISE") for said in tables[name].values()
    )


HOSTILE = [
    "eyJ" + "." * 100_000,
    "eya\n" * 20_000,
    '{"payload":' + "[" * 100_000,
    carrying(b'{"__proto__":{"a":1}}'),
    carrying(b'{"a":"' + b"\\\\ud800" + b'"}'),
    "\ud800\udfff" + GOOD,
    f"\x1b]0;x\x07{GOOD}\x9b",
    "eyJhbGciOi%" * 1_000,
    # What follows a token is not read again with each one: that would take minutes, and be stopped.
    "eyJhbGciOi%AA" * (MAX_TEXT // 13),
    "/eyJhbGciOi" * (MAX_TEXT // 11),
    "eyJ%" + "25" * (MAX_TEXT // 2),
    "eyJhbGciOi" + "%2E" * (MAX_TEXT // 3),
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_shown_and_does_nothing(text: str) -> None:
    assert not any(HIDDEN.search(said) for said in strings(inspect(text, now=NOW)))


jsonish: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.sampled_from(list(texts.CLAIMS)), inner),
    max_leaves=8,
)
tokens = st.builds(
    lambda header, claims, signature, end: f"{segment(header)}.{segment(claims)}.{segment(signature)}{end}",
    jsonish, jsonish, st.binary(max_size=80), st.text(max_size=5),
)  # fmt: skip


@given(
    st.text() | tokens | st.lists(st.text("ey.J~%2E= \n\"'{}", max_size=9) | st.just(GOOD)).map("".join), st.floats()
)
def test_any_text_is_inspected_and_all_that_is_said_is_printable(text: str, now: float) -> None:
    found = inspect(text, now=0.0 if now != now or abs(now) > 1e12 else now)  # noqa: PLR0124  not a number
    assert isinstance(found, Inspection)
    assert not any(HIDDEN.search(said) for said in strings(found))
    assert all(0 <= one.start <= one.end <= len(text) for one in found.tokens)


def test_the_search_leaves_no_token_behind() -> None:
    """Each one that is planted in a log of words is found."""
    text = " ".join(f"line {number} {GOOD} and eyes" for number in range(50))
    assert [GOOD] * 50 == [found.text for found in find(text)]


@pytest.mark.parametrize("given", [None, GOOD.encode(), 5, [GOOD]])
def test_what_is_no_text_is_refused_as_such(given: Any) -> None:
    with pytest.raises(ConfigurationError, match="not a text"):
        public(given)
    assert public(GOOD).tokens


@pytest.mark.parametrize("now", [-MAX_TIME, 0, MAX_TIME])
def test_any_time_of_the_calendar_will_do(now: int) -> None:
    assert public(GOOD, now=now).tokens


def test_the_public_function_reads_the_clock_unless_it_is_told_the_time() -> None:
    [then] = public(GOOD, now=NOW + 252).tokens
    [now] = public(token(claims=BASE | {"exp": time() + 1_000})).tokens
    assert (then.state, now.state) == ("expired", "alive")
