"""Tokens on their own: what `sign` makes `verify` takes, and nothing else."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from time import time
from types import MappingProxyType
from typing import Any, Self
from uuid import UUID

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.families import KEYS
from support.silent import silent

from gatepass import tokens
from gatepass.core import jws
from gatepass.core.claims import MAX_JTI, MAX_SUB, MAX_TIME, TokenCheck
from gatepass.core.keys import HmacKey, Key, KeySet
from gatepass.core.strict import b64encode
from gatepass.errors import (
    ConfigurationError,
    CredentialError,
    ExpiredCredential,
    MalformedCredential,
    UnknownCredential,
)
from gatepass.keys import KeyRing, generate, load, new_ring
from gatepass.records import freeze

NOW = 1_900_000_000
CLAIMS: dict[str, Any] = {
    "iss": "https://auth.example.com",
    "aud": "orders",
    "sub": "ada",
    "jti": "j-1",
    "iat": NOW - 10,
    "exp": NOW + 600,
}
KEY = KEYS["HS256"]
LEEWAY = 10

#: Stands for a claim that is left out.
GONE = object()

#: What is no time, and what is no text.
TIMES: list[Any] = [True, None, "1900000600", [NOW], {}, "2030-03-17T17:46:40Z"]
TEXTS: list[Any] = [None, 1, True, "", [], ["x"], {}]


@pytest.fixture(params=KEYS)
def key(request: pytest.FixtureRequest) -> Key:
    return KEYS[request.param]


def claims(**changed: Any) -> dict[str, Any]:
    return {name: value for name, value in (CLAIMS | changed).items() if value is not GONE}


def verify(token: object, keys: Any = KEY, **changed: Any) -> Mapping[str, Any]:
    options: dict[str, Any] = {
        "algorithms": list(KEYS),
        "issuer": CLAIMS["iss"],
        "audience": "orders",
        "now": NOW,
        "leeway": LEEWAY,
    }
    return tokens.verify(token, keys, **options | changed)


def by_hand(payload: bytes = b"", header: bytes | None = None, key: Key = KEY, **changed: Any) -> str:
    """A token that is signed as it should be, over a header and payload of any form."""
    plain = {"alg": key.alg, "kid": key.kid, "typ": "at+jwt", **changed}
    written = json.dumps({name: value for name, value in plain.items() if value is not GONE}).encode()
    signed = b64encode(written if header is None else header) + b"." + b64encode(payload or msgspec.json.encode(CLAIMS))
    return (signed + b"." + b64encode(key.sign(signed))).decode()


def reason(token: object, keys: Any = KEY, **changed: Any) -> str:
    try:
        verify(token, keys, **changed)
    except (MalformedCredential, UnknownCredential) as error:
        silent(error, token)
        return error.reason
    return "accepted"


# -- there and back ----------------------------------------------------------------------------------------------------


def test_what_was_signed_is_what_is_read(key: Key) -> None:
    assert CLAIMS == verify(tokens.sign(CLAIMS, key), key)


def test_a_key_a_set_and_a_ring_will_do(key: Key) -> None:
    ring = KeyRing(signing=key, roots=new_ring(now=NOW).roots)

    assert CLAIMS == verify(tokens.sign(CLAIMS, key), KeySet([key]))
    assert CLAIMS == verify(tokens.sign(CLAIMS, ring), ring)


def test_the_clock_of_the_machine_is_the_default() -> None:
    now = int(time())
    token = tokens.sign(claims(iat=now, exp=now + 600), KEY)

    assert verify(token, now=None)
    with pytest.raises(ExpiredCredential):
        verify(tokens.sign(claims(iat=now - 700, exp=now - 600), KEY), now=None)


@pytest.mark.parametrize(
    "now", [float("nan"), float("inf"), float("-inf"), 10**400, MAX_TIME + 1, "5", True, b"", [], datetime.now(tz=UTC)]
)
def test_a_time_that_is_none_checks_nothing(now: Any) -> None:
    """Nothing is later than a NaN: with one, no token would be over."""
    for text in (tokens.sign(CLAIMS, KEY), tokens.sign(claims(exp=NOW - 600), KEY)):
        with pytest.raises(ConfigurationError, match="now"):
            verify(text, now=now)
        with pytest.raises(ConfigurationError, match="now"):
            tokens.inspect(text, now=now)
    assert verify(tokens.sign(CLAIMS, KEY), now=NOW + 0.5)


def test_a_token_under_an_older_key_goes_on_verifying() -> None:
    old, new = new_ring(now=NOW), new_ring(now=NOW)
    ring = old.published(new.signing, new.roots[0], now=1_900_000_000, signs_from=1_900_000_000, keep=86_400)

    assert verify(tokens.sign(CLAIMS, old), ring)
    assert verify(tokens.sign(CLAIMS, ring), ring)
    assert reason(tokens.sign(CLAIMS, ring), old) == "key"


@given(
    st.dictionaries(
        st.text(max_size=8),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(-(10**30), 10**30)
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(max_size=20),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
            max_leaves=8,
        ),
        max_size=5,
    )
)
def test_any_claims_come_back_as_they_were(more: dict[str, Any]) -> None:
    said = {**more, **CLAIMS}
    said.pop("nbf", None)

    assert said == verify(tokens.sign(said, KEY))


def test_headers_are_added_and_the_type_is_replaced() -> None:
    token = tokens.sign(CLAIMS, KEY, headers={"typ": "logout+jwt", "x-note": "kept"})

    assert CLAIMS == verify(token, typ="logout+jwt")
    assert reason(token) == "typ"


@pytest.mark.parametrize("header", sorted(jws.RESERVED))
def test_a_header_that_steers_the_check_is_not_signed(header: str) -> None:
    with pytest.raises(ConfigurationError, match="headers"):
        tokens.sign(CLAIMS, KEY, headers={header: "x"})


@pytest.mark.parametrize("typ", [1, "", None, "\ud800", "to\u212aen+jwt", "\xe4"])
def test_a_type_is_a_text_in_ascii(typ: Any) -> None:
    with pytest.raises(ConfigurationError, match="typ"):
        tokens.sign(CLAIMS, KEY, headers={"typ": typ})
    with pytest.raises(ConfigurationError, match="typ"):
        verify(tokens.sign(CLAIMS, KEY), typ=typ)


@pytest.mark.parametrize("key", [None, KeySet([KEY]), "secret", b"secret"], ids=["none", "set", "text", "bytes"])
def test_what_signs_is_a_key(key: Any) -> None:
    with pytest.raises(ConfigurationError, match="not a key"):
        tokens.sign(CLAIMS, key)


def repr_of(value: object) -> str:
    return type(value).__name__


def too_deep() -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(40):
        value = {"in": value}
    return value


def endless() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize("headers", [5, ["x"], "x", {1: 2}, {"x": float("nan")}, {"x": b"y"}, {"x": endless()}])
def test_headers_are_a_mapping_of_json(headers: Any) -> None:
    with pytest.raises(ConfigurationError, match="headers"):
        tokens.sign(CLAIMS, KEY, headers=headers)


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {1, object()},
        {1},
        "\ud800",
        float("nan"),
        float("inf"),
        10**4_400,
        too_deep(),
        endless(),
        {1: "a name that is no text"},
        b"bytes",
        datetime(2030, 3, 17, tzinfo=UTC),
        Decimal("1.5"),
        UUID(int=1),
        [{"in": [float("-inf")]}],
    ],
    ids=repr_of,
)
def test_what_would_not_come_back_as_it_is_is_not_signed(value: object) -> None:
    """A NaN would be signed as null, an `exp` of another type as a text, and neither means what was meant."""
    for name in ("own", "exp"):
        with pytest.raises(ConfigurationError, match="JSON"):
            tokens.sign(claims(**{name: value}), KEY)


@pytest.mark.parametrize("given", [None, 5, "x", ["x"], [("sub", "ada")]])
def test_claims_are_a_mapping(given: Any) -> None:
    with pytest.raises(ConfigurationError, match="JSON"):
        tokens.sign(given, KEY)


def test_lists_and_mappings_that_cannot_be_changed_are_signed() -> None:
    """Such as those of an identity."""
    own = freeze({"tenants": [1, 2.5, None, ["x"]], "on": True})

    token = tokens.sign(MappingProxyType(claims(own=own)), KEY, headers={"x-note": (1, "kept")})

    assert verify(token)["own"] == {"tenants": [1, 2.5, None, ["x"]], "on": True}


def test_a_token_that_would_be_refused_for_its_size_is_not_signed() -> None:
    with pytest.raises(ConfigurationError, match="8192"):
        tokens.sign(claims(own="x" * 8_000), KEY)


def test_a_public_key_cannot_sign() -> None:
    with pytest.raises(ConfigurationError, match="cannot sign"):
        tokens.sign(CLAIMS, public(KEYS["ES256"]))


def public(key: Key) -> Key:
    loaded = load(key.to_jwk())
    assert isinstance(loaded, Key)
    return loaded


def test_a_public_key_verifies() -> None:
    assert verify(tokens.sign(CLAIMS, KEYS["ES256"]), public(KEYS["ES256"]))


# -- what is asked for -------------------------------------------------------------------------------------------------


def test_the_allow_list_has_no_default() -> None:
    with pytest.raises(TypeError):
        tokens.verify("", KEY, issuer="i", audience="a")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "algorithms", [[], "HS256", b"HS256", ["none"], ["HS256", "RS1"], [None], ["HS256", []], None, 1]
)
def test_an_allow_list_that_allows_nothing_known_is_refused(algorithms: Any) -> None:
    with pytest.raises(ConfigurationError, match="algorithms"):
        verify(tokens.sign(CLAIMS, KEY), algorithms=algorithms)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("issuer", value) for value in TEXTS),
        *(("audience", value) for value in ("", None, ["orders"])),
        *(("typ", value) for value in ("", None)),
        *(("leeway", value) for value in (-1, 301, 1.5, True, None)),
        *(("require", value) for value in ("exp", b"exp", [1], None, 5)),
        *(("keys", value) for value in (None, "secret", b"secret")),
    ],
)
def test_a_check_that_could_check_nothing_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError):
        verify(tokens.sign(CLAIMS, KEY), **{name: value})


@pytest.mark.parametrize("leeway", [True, 1.0])
def test_what_was_prepared_for_one_check_is_no_answer_for_another(leeway: Any) -> None:
    """A check is kept, by all that it was made for: 1 equals True, and True is no leeway."""
    token = tokens.sign(CLAIMS, KEY)

    assert verify(token, leeway=1)
    with pytest.raises(ConfigurationError):
        verify(token, leeway=leeway)
    assert reason(token, issuer="other") == "issuer"
    assert reason(token, algorithms=["ES256"]) == "algorithm"
    assert reason(token, generate("HS256")) == "key"
    assert verify(token, leeway=1)


def test_names_may_come_in_any_collection() -> None:
    token = tokens.sign(CLAIMS, KEY)

    for names in (["HS256"], ("HS256",), {"HS256"}, frozenset({"HS256"}), {"HS256": None}, {"HS256": None}.keys()):
        assert CLAIMS == verify(token, algorithms=names)
    assert reason(token, require={"sid": None}.keys()) == "sid"


@pytest.mark.parametrize(
    "names", [(name for name in ["sid"]), map(str, ["sid"]), filter(None, ["sid"]), iter(["sid"])], ids=repr_of
)
def test_names_that_can_be_read_once_only_are_refused(names: Any) -> None:
    """After the first look nothing would be left of them, and nothing be required."""
    with pytest.raises(ConfigurationError, match="require"):
        verify(tokens.sign(CLAIMS, KEY), require=names)
    assert reason(tokens.sign(CLAIMS, KEY), require=["sid"]) == "sid"


# -- claims ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        *(({"exp": value}, "exp") for value in (GONE, *TIMES, -1, -0.5, MAX_TIME + 1, 1e300, 10**400)),
        *(({"iat": value}, "iat") for value in (GONE, *TIMES, NOW + LEEWAY + 1, NOW + LEEWAY + 0.5, 10**400)),
        *(({"nbf": value}, "nbf") for value in (*TIMES, NOW + LEEWAY + 1, NOW + LEEWAY + 0.5, 10**400)),
        *(({"sub": value}, "sub") for value in (GONE, *TEXTS, "x" * (MAX_SUB + 1))),
        *(({"jti": value}, "jti") for value in (GONE, *TEXTS, "x" * (MAX_JTI + 1))),
        *(
            ({"iss": value}, "issuer")
            for value in (GONE, *TEXTS, "https://auth.example.com/", ["https://auth.example.com"])
        ),
        *(
            ({"iss": value}, "issuer")
            for value in ("https://auth.example.co", "https://auth.example.comm", "HTTPS://AUTH")
        ),
        *(
            ({"aud": value}, "audience")
            for value in (GONE, *TEXTS, "Orders", "orders,x", "order", [["orders"]], {"orders": 1})
        ),
    ],
)
def test_a_claim_that_is_missing_or_wrong_is_named(said: dict[str, Any], expected: str) -> None:
    assert (
        reason(by_hand(msgspec.json.encode(claims(**said)) if 10**400 not in said.values() else big(said))) == expected
    )


def big(said: dict[str, Any]) -> bytes:
    return json.dumps(claims(**said)).encode()


@pytest.mark.parametrize(
    "said",
    [
        {"exp": NOW + 0.5},
        {"exp": NOW - LEEWAY + 1},
        {"exp": NOW - LEEWAY + 0.001},
        {"exp": MAX_TIME},
        {"iat": NOW + LEEWAY},
        {"iat": float(NOW + LEEWAY)},
        {"nbf": NOW + LEEWAY},
        {"nbf": NOW - 0.5},
        {"aud": ["orders"]},
        {"aud": ["other", "orders"]},
        {"sub": "x" * MAX_SUB},
        {"jti": "x" * MAX_JTI},
    ],
)
def test_a_claim_at_the_edge_of_what_is_good_is_good(said: dict[str, Any]) -> None:
    assert claims(**said) == verify(tokens.sign(claims(**said), KEY))


@pytest.mark.parametrize(
    ("exp", "expired_at"), [(0, 0), (NOW - LEEWAY, NOW - LEEWAY), (NOW - 60, NOW - 60), (NOW - 59.5, NOW - 59)]
)
def test_a_token_is_over_at_its_end_and_the_leeway(exp: float, expired_at: int) -> None:
    """RFC 7519 section 4.1.4: "on or after" is too late."""
    with pytest.raises(ExpiredCredential) as caught:
        verify(tokens.sign(claims(exp=exp), KEY))

    assert caught.value.expired_at == expired_at


def test_what_is_not_required_may_be_missing_but_not_wrong() -> None:
    bare = claims(sub=GONE, jti=GONE, iat=GONE)

    assert bare == verify(tokens.sign(bare, KEY), require=())
    assert reason(tokens.sign({**bare, "sub": 1}, KEY), require=()) == "sub"
    assert reason(tokens.sign({**bare, "jti": ""}, KEY), require=()) == "jti"
    assert reason(tokens.sign({**bare, "iat": "x"}, KEY), require=()) == "iat"
    assert reason(tokens.sign(claims(exp=GONE), KEY), require=()) == "exp"


def test_what_is_required_beside_the_usual_must_be_there() -> None:
    assert reason(tokens.sign(CLAIMS, KEY), require=["sid"]) == "sid"
    assert verify(tokens.sign(claims(sid="s"), KEY), require=["sid"])


def test_a_logout_may_bring_a_token_that_is_over_but_no_other() -> None:
    check = TokenCheck(KeySet([KEY]), algorithms=["HS256"], issuer=CLAIMS["iss"], audience="orders", leeway=5)
    over = claims(exp=NOW - 600)

    assert (KEY.kid, over) == check.check(tokens.sign(over, KEY), NOW, expired_ok=True)
    with pytest.raises(UnknownCredential):
        check.check(tokens.sign({**over, "iss": "x"}, KEY), NOW, expired_ok=True)
    with pytest.raises(MalformedCredential):
        check.check(tokens.sign({**over, "exp": None}, KEY), NOW, expired_ok=True)


# -- the header --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        *(({"alg": alg}, "algorithm") for alg in (GONE, "none", "None", "hs256", "HS512", "ES256", 1, None, ["HS256"])),
        *(({"typ": typ}, "typ") for typ in (GONE, "JWT", "at+jwt ", "text/at+jwt", "", 1, None, ["at+jwt"])),
        *(({"typ": typ}, "typ") for typ in ("at+jwt\xe4", "application/\u0430t+jwt")),
        *(({"kid": kid}, "header") for kid in [*TEXTS, "x" * 257]),
        *(({"kid": kid}, "key") for kid in ("x", "../../dev/null", "x" * 256, "' OR 1=1")),
        *(
            ({name: value}, "header")
            for name in ("crit", "b64", "zip", "enc")
            for value in ([], ["exp"], True, "DEF", None)
        ),
    ],
)
def test_a_header_that_asks_for_something_else_is_refused(changed: dict[str, Any], expected: str) -> None:
    assert reason(by_hand(**changed)) == expected


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"])
def test_a_type_has_two_spellings_in_any_case(typ: str) -> None:
    """RFC 7515 section 4.1.9."""
    assert CLAIMS == verify(by_hand(typ=typ))
    assert CLAIMS == verify(by_hand(), typ=typ)


def test_no_letter_of_another_alphabet_stands_for_one_of_a_type() -> None:
    """The small letter of a Kelvin sign is a k."""
    assert CLAIMS == verify(by_hand(typ="toKen+jwt"), typ="token+jwt")
    assert reason(by_hand(typ="to\u212aen+jwt"), typ="token+jwt") == "typ"


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c", "x5t", "cty", "anything"])
def test_a_header_that_nobody_follows_changes_nothing(name: str) -> None:
    """Its key is of no interest, and neither is its address."""
    other = generate("HS256")
    embedded: dict[str, Any] = {name: other.to_jwk(private=True)}

    assert CLAIMS == verify(by_hand(**embedded))
    assert reason(by_hand(key=other, **embedded, kid=KEY.kid)) == "signature"


def test_without_a_kid_there_must_be_one_key_that_fits() -> None:
    token = by_hand(kid=GONE)

    assert CLAIMS == verify(token)
    assert reason(token, KeySet([KEY, generate("HS256")])) == "key"
    assert reason(token, KEYS["ES256"]) == "key"


def test_a_key_is_used_for_its_own_algorithm_only() -> None:
    public_text = json.dumps(KEYS["ES256"].to_jwk()).encode()

    assert reason(by_hand(alg="HS256", key=KEYS["ES256"]), KEYS["ES256"]) == "algorithm"
    with pytest.raises(ConfigurationError):
        HmacKey(public_text)


def test_a_key_that_is_here_but_not_allowed_is_refused() -> None:
    assert reason(tokens.sign(CLAIMS, KEY), algorithms=["ES256"]) == "algorithm"


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"[]",
        b"1",
        b"\xef\xbb\xbf{}",
        '{"alg":"HS256"}'.encode("utf-16"),
        b'{"alg":"none","alg":"HS256"}',
        b'{"alg":"HS256","x":{"a":1,"a":2}}',
        b'{"alg":"HS256"}{}',
        b'{"alg":"HS256","x":NaN}',
        b'{"alg":"HS256","x":"\\ud800"}',
        b'{"alg":"HS256","x":"\xff"}',
        b'{"x":' + b"[" * 2_000 + b"]" * 2_000 + b"}",
        b"[" * 4_000,
        b'{"x":' + b"9" * 5_000 + b"}",
    ],
)
def test_a_header_that_is_not_plain_json_is_refused(header: bytes) -> None:
    assert reason(by_hand(header=header)) in {"header", "segments"}


@pytest.mark.parametrize(
    "payload",
    [
        b"null",
        b"[1]",
        b'"text"',
        b'{"sub":"a","sub":"b"}',
        b"{'sub':1}",
        b'{"exp":Infinity}',
        b'{"exp":1e999}',
        b'{"a":-1e999}',
        b"[" * 4_000,
        b'{"a":' * 1_000 + b"1" + b"}" * 1_000,
        b'{"a":' + b"9" * 5_000 + b"}",
        b"\xff",
    ],
)
def test_a_payload_that_is_not_plain_json_is_refused(payload: bytes) -> None:
    assert reason(by_hand(payload)) == "json"


# -- the text ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (None, "type"),
        (b"a.b.c", "type"),
        (1, "type"),
        (["a", "b", "c"], "type"),
        ("", "segments"),
        ("a", "segments"),
        ("a.b", "segments"),
        ("..", "segments"),
        ("a..c", "segments"),
        (".b.c", "segments"),
        ("a.b.", "segments"),
        ("a.b.c.d", "segments"),
        ("a.b.c.d.e", "segments"),
        ("a.b.\u0441", "base64url"),
        ("a.b.\ud800", "base64url"),
        ("a.b.c\0", "header"),
        ('{"payload":"a.b","signatures":[]}.c', "header"),
    ],
)
def test_what_is_no_compact_token_is_refused(token: object, expected: str) -> None:
    assert reason(token) == expected


@pytest.mark.parametrize("change", ["=", " ", "\n", "+", "/", "%", "*", "?"])
@pytest.mark.parametrize("segment", [1, 2])
def test_a_segment_has_no_character_of_another_alphabet(change: str, segment: int) -> None:
    """Also where the signature is over the text as it stands."""
    parts = by_hand().split(".")
    parts[segment] = parts[segment][:5] + change + parts[segment][6:]
    if segment == 1:
        signed = f"{parts[0]}.{parts[1]}".encode()
        parts[2] = b64encode(KEY.sign(signed)).decode()

    assert reason(".".join(parts)) == "base64url"


def test_each_token_has_one_spelling(key: Key) -> None:
    """Every other last character of a segment is another token, or none."""
    token = tokens.sign(claims(own=""), key)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for other in set(alphabet) - {token[-1]}:
        assert reason(token[:-1] + other, key) in {"base64url", "signature"}
    for ending in ("=", "==", "A", ".", "\n", " "):
        assert reason(token + ending, key) in {"base64url", "segments", "signature"}


class Watched(str):
    """A text that notes what is done with it."""

    __slots__ = ("done",)

    def __new__(cls, text: str) -> Self:
        made = super().__new__(cls, text)
        made.done = []
        return made

    done: list[str]

    def encode(self, *args: Any, **options: Any) -> bytes:
        self.done.append("encode")
        return super().encode(*args, **options)

    def isascii(self) -> bool:
        self.done.append("isascii")
        return super().isascii()

    def split(self, *args: Any, **options: Any) -> list[str]:
        self.done.append("split")
        return super().split(*args, **options)


def test_an_oversized_token_is_refused_before_any_work() -> None:
    """Its other parts are good: it is the size that refuses it."""
    at_limit = padded_to(jws.MAX_SIZE)
    over = Watched(padded_to(jws.MAX_SIZE + 1))

    assert verify(at_limit)["own"]
    assert reason(over) == "size"
    assert not over.done


def padded_to(size: int) -> str:
    for length in range(5_000, 7_000):
        token = jws.sign(msgspec.json.encode(claims(own="x" * length)), KEY, typ="at+jwt")
        if len(token) == size:
            return token
        if len(token) > size:  # base64 skips every fourth length: a longer name of the type moves it
            break
    for extra in range(1, 5):
        for length in range(5_000, 7_000):
            header = {"x": "y" * extra}
            token = jws.sign(msgspec.json.encode(claims(own="x" * length)), KEY, typ="at+jwt", headers=header)
            if len(token) == size:
                return token
    raise AssertionError(size)


@given(st.text() | st.binary() | st.text(alphabet="eyJhbGci.OiJIUzI1NiJ9-_=", max_size=200))
@example("." * 8_193)
@example("." * 8_192)
@example("\ud800")
@example("credential")  # what our own sentence says
@example("a credential that is not well formed, in base64url")
def test_no_text_gets_anything_but_our_own_refusal(text: object) -> None:
    with pytest.raises(CredentialError) as caught:
        verify(text)
    silent(caught.value, text)


def test_a_refusal_that_repeats_is_found() -> None:
    with pytest.raises(AssertionError):
        silent(MalformedCredential("what stood in the token"), "what stood in the token")


@given(header=st.binary(max_size=80), payload=st.binary(min_size=1, max_size=200))
def test_no_signed_bytes_get_anything_but_our_own_refusal(header: bytes, payload: bytes) -> None:
    """Even where the signature is good: a strange issuer is still a stranger."""
    for token in (by_hand(payload), by_hand(header=header), by_hand(payload, header)):
        try:
            verify(token)
        except CredentialError as error:
            silent(error, token)


@given(st.data())
def test_a_token_that_was_changed_anywhere_is_refused(data: st.DataObject) -> None:
    token = tokens.sign(CLAIMS, KEY)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters().filter(lambda character: character != token[place]))

    with pytest.raises(CredentialError):
        verify(token[:place] + other + token[place + 1 :])
