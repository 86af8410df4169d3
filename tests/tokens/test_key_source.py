"""Keys that may change while the program runs: whom `verify` asks, for what, and when."""

from typing import Any

import pytest
from support.families import KEYS

from gatepass import tokens
from gatepass.core import jws
from gatepass.core.strict import b64encode
from gatepass.errors import CredentialError, ExpiredCredential, MalformedCredential, StoreError, UnknownCredential
from gatepass.keys import KeySet, generate
from gatepass.tokens import Claims, KeySource

NOW = 1_900_000_000
CLAIMS = {"iss": "i", "aud": "a", "sub": "ada", "jti": "1", "iat": NOW, "exp": NOW + 60}
OLD, NEW = KEYS["ES256"], generate("ES256")


class Published:
    """A set that another service publishes: *now* at hand, *after* once it is looked at again."""

    def __init__(self, now: KeySet, after: KeySet | None = None) -> None:
        self.now = now
        self.after = after
        self.asked: list[str | None] = []

    def key_set(self, kid: str | None) -> KeySet:
        self.asked.append(kid)
        if kid is not None and self.after is not None:
            self.now = self.after
        return self.now


def verify(token: object, keys: KeySource) -> Claims:
    return tokens.verify(token, keys, algorithms=["ES256"], issuer="i", audience="a", now=NOW)


def test_a_key_that_is_at_hand_is_asked_for_once() -> None:
    source = Published(KeySet([OLD]))

    assert verify(tokens.sign(CLAIMS, OLD), source) == CLAIMS
    assert source.asked == [None]


def test_a_key_that_was_published_since_is_asked_for_by_name() -> None:
    source = Published(KeySet([OLD]), KeySet([OLD, NEW]))

    assert verify(tokens.sign(CLAIMS, NEW), source) == CLAIMS
    assert source.asked == [None, NEW.kid]
    assert verify(tokens.sign(CLAIMS, NEW), source) == CLAIMS
    assert source.asked[2:] == [None]


def test_a_key_that_nobody_has_is_refused() -> None:
    for after in (None, KeySet([OLD])):
        source = Published(KeySet([OLD]), after)
        with pytest.raises(UnknownCredential) as caught:
            verify(tokens.sign(CLAIMS, NEW), source)
        assert caught.value.reason == "key"
        assert source.asked == [None, NEW.kid]


def test_without_a_name_there_is_nothing_to_ask_for() -> None:
    header = b64encode(b'{"alg":"ES256","typ":"at+jwt"}')
    signed = header + b"." + tokens.sign(CLAIMS, OLD).split(".")[1].encode()
    token = (signed + b"." + b64encode(OLD.sign(signed))).decode()
    source = Published(KeySet([OLD, NEW]))

    with pytest.raises(UnknownCredential):
        verify(token, source)
    assert source.asked == [None]
    assert verify(token, Published(KeySet([OLD]))) == CLAIMS


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        None,
        "x" * 9_000,
        tokens.sign(CLAIMS, KEYS["HS256"]),
        tokens.sign(CLAIMS, NEW, headers={"typ": "JWT"}),
        tokens.sign({**CLAIMS, "exp": NOW - 60}, OLD),
        tokens.sign({**CLAIMS, "iss": "x"}, OLD),
    ],
)
def test_no_token_that_is_bad_otherwise_makes_a_source_look_again(token: Any) -> None:
    """A stranger sends it."""
    source = Published(KeySet([OLD]), KeySet([NEW]))

    with pytest.raises((CredentialError, ExpiredCredential)):
        verify(token, source)
    assert source.asked == [None]


def test_a_source_that_has_no_keys_says_so_itself() -> None:
    class Gone:
        def key_set(self, kid: str | None) -> KeySet:  # noqa: ARG002  no key has a name here
            raise StoreError("the keys cannot be fetched")

    with pytest.raises(StoreError):
        verify(tokens.sign(CLAIMS, OLD), Gone())


def test_the_name_in_a_header_is_found_without_a_key() -> None:
    """For whoever fetches keys before verifying, as an async program does."""
    token = tokens.sign(CLAIMS, OLD)

    assert jws.unverified_kid(token) == OLD.kid
    assert jws.unverified_kid(b64encode(b'{"alg":"EdDSA"}').decode() + ".a.b") is None
    for bad in ("", "a.b.c", None, token + ".x", b64encode(b'{"alg":"ES256","kid":1}').decode() + ".a.b"):
        with pytest.raises(MalformedCredential):
            jws.unverified_kid(bad)


@pytest.mark.parametrize("header", [b"{}", b'{"alg":1}', b'{"alg":"none"}', b'{"alg":"HS256"}'])
def test_no_name_is_found_under_an_algorithm_that_is_not_asked_for(header: bytes) -> None:
    with pytest.raises(UnknownCredential) as refused:
        jws.unverified_kid(b64encode(header).decode() + ".a.b", {"ES256"})
    assert refused.value.reason == "algorithm"
