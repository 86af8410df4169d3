"""Each check of a token says in a sentence what it found, what was wanted, and what to do."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.spoiled import CLAIMS, HEADER, KEY, NOW, OTHER, SPOILED, Token, put, set_in, spoiled

from gatepass import tokens
from gatepass.core.inspect import texts
from gatepass.core.inspect.refused import Refusal, explain
from gatepass.errors import CredentialError
from gatepass.keys import KeySet

RULES: dict[str, Any] = {"algorithms": ["ES256"], "issuer": "i", "audience": "a", "typ": "at+jwt", "now": NOW}
CHECKS = list(texts.CHECKS)


def refusal(token: str, **rules: Any) -> Refusal:
    asked = RULES | rules
    with pytest.raises(CredentialError) as caught:
        tokens.verify(token, KeySet([KEY, OTHER]), require=["sid"], **asked)
    return explain(caught.value, token, **asked)


@pytest.mark.parametrize("number", range(1, len(SPOILED)))
def test_the_check_that_says_no_is_named(number: int) -> None:
    """Also with all that comes later wrong as well. The first check is about what is no text, and is left out."""
    alone, along = spoiled(number).written(), spoiled(*range(number, len(SPOILED))).written()
    assert isinstance(alone, str)
    assert isinstance(along, str)

    assert refusal(alone).check == refusal(along).check == CHECKS[number]


def changed(*steps: Any) -> str:
    token = Token()
    for step in steps:
        step(token)
    text = token.written()
    assert isinstance(text, str)
    return text


GOOD = changed()
SAID = [
    ("size", "x" * 9_000, "It has 9000 characters; 8192 are read at most."),
    ("ascii", f"{GOOD}\u2019", "It holds `\u2019`, which no token does."),
    ("ascii", f"{GOOD}\u202e", r"It holds `\u202e`, which no token does."),
    ("segments", "a.b.c.d.e", "It has 5 parts with dots between them; a signed token has three, and none is empty."),
    ("algorithm", changed(set_in("header", "alg", "none")), "`alg` is `none`; allowed is `ES256`."),
    ("algorithm", changed(set_in("header", "alg", ["ES256"])), "`alg` is `ES256`; allowed is `ES256`."),
    ("algorithm", changed(set_in("header", "alg", None)), "`alg` is no text; allowed is `ES256`."),
    ("algorithm", changed(lambda token: token.header.pop("alg")), "`alg` is missing; allowed is `ES256`."),
    ("typ", changed(set_in("header", "typ", "JWT")), "`typ` is `JWT`; wanted is `at+jwt`."),
    ("key", changed(set_in("header", "kid", "k1")), "`kid` is `k1`, and no one key can be chosen by that."),
    (
        "key_algorithm",
        changed(set_in("header", "kid", OTHER.kid)),
        "`alg` is `ES256`, and the key is for another algorithm.",
    ),
    (
        "signature",
        changed(put("sign_rightly", False)),
        "The signature does not fit the key: another key made it, or the token was changed afterwards.",
    ),
    ("issuer", changed(set_in("claims", "iss", "i/")), "`iss` is `i/`; wanted is `i`, to the letter."),
    ("issuer", changed(lambda token: token.claims.pop("iss")), "`iss` is missing; wanted is `i`, to the letter."),
    ("issuer", changed(set_in("claims", "iss", [])), "`iss` is no text; wanted is `i`, to the letter."),
    ("audience", changed(set_in("claims", "aud", ["b", "c"])), "`aud` is `b`, `c`; wanted is `a`."),
    ("audience", changed(set_in("claims", "aud", list("bcdefgh"))), "`aud` is `b`, `c`, `d`, `e`, `f`; wanted is `a`."),
    ("audience", changed(set_in("claims", "aud", "\x1b[2J")), r"`aud` is `\u001b[2J`; wanted is `a`."),
    ("require", changed(lambda token: token.claims.pop("sid")), "`sid` is not in it, and is required."),
    ("iat_future", changed(set_in("claims", "iat", NOW + 252)), "`iat` is in the future: in 4 min 12 s."),
    ("iat_future", changed(set_in("claims", "iat", NOW * 1000)), "`iat` is in the future: after the year 9999."),
    ("nbf_future", changed(set_in("claims", "nbf", NOW + 60)), "It is not good yet: its time begins in 1 min."),
    ("exp", changed(set_in("claims", "exp", NOW * 1000)), "`exp` is missing or is no time."),
    ("exp", changed(lambda token: token.claims.pop("exp")), "`exp` is missing or is no time."),
    ("expired", changed(set_in("claims", "exp", NOW - 172_800)), "It expired 2 days ago."),
]


@pytest.mark.parametrize(("check", "token", "sentence"), SAID)
def test_the_sentence_is_about_this_token_and_this_service(check: str, token: str, sentence: str) -> None:
    assert refusal(token) == Refusal(check=check, sentence=sentence, fix=texts.REFUSALS[check][1])


def test_the_old_name_of_an_algorithm_is_that_of_its_key() -> None:
    """The key is of the name, and for another algorithm: not that it would not be allowed."""
    token = changed(set_in("header", "alg", "EdDSA"))
    assert refusal(token, algorithms=["Ed25519"]).check == "key_algorithm"


@given(
    st.text(max_size=40)
    | st.builds(
        lambda header, claims: changed(lambda token: (token.header.update(header), token.claims.update(claims))),
        st.dictionaries(st.sampled_from(list(HEADER)), st.none() | st.text(max_size=3) | st.integers() | st.booleans()),
        st.dictionaries(
            st.sampled_from([*CLAIMS, "nbf"]),
            st.none() | st.text(max_size=3) | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
        ),
    )
)
def test_whatever_is_refused_is_explained(token: str) -> None:
    """In one line, with the code and the reason that the library gives."""
    error = None
    try:
        tokens.verify(token, KEY, **RULES)
    except CredentialError as caught:
        error = caught
    if error is not None:
        found = explain(error, token, **RULES)
        code, reason, _ = texts.CHECKS[found.check]
        assert code == error.code
        assert found.check == "require" or reason == getattr(error, "reason", "exp")
        assert "\n" not in found.sentence
