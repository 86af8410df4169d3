"""The warm check: what is remembered of a token, and what is looked at every time."""

from typing import Any

import msgspec
import pytest

from gatepass import ExpiredCredential, MalformedCredential, Policy, RevokedCredential, UnknownCredential
from gatepass.core import jws
from gatepass.core.flow import Cursor, Tailed
from gatepass.core.keyring import KeyRing
from gatepass.core.revocation import Denylist
from gatepass.core.warm import LOOK, SEEN, AccessTokens
from gatepass.keys import new_ring
from gatepass.policy import LEEWAY
from gatepass.records import Entry

NOW = 1_900_000_000


@pytest.fixture
def denylist() -> Denylist:
    return Denylist()


@pytest.fixture
def tokens(ring: KeyRing, denylist: Denylist) -> AccessTokens:
    return AccessTokens(
        ring, issuer="here", audience="here", accept=frozenset({"jwt", "hybrid"}), denylist=denylist, now=NOW
    )


def token(ring: KeyRing, **changes: Any) -> str:
    claims = {
        "iss": "here",
        "aud": "here",
        "sub": "ada",
        "sid": "the session",
        "jti": "the token",
        "iat": NOW,
        "exp": NOW + 300,
        "auth_time": NOW,
        "roles": ["admin"],
        "ver": 3,
    }
    claims |= changes
    return jws.sign(msgspec.json.encode({k: v for k, v in claims.items() if v is not ...}), ring.signing, typ="at+jwt")


def refuse(denylist: Denylist, kind: Any, key: str, version: int = 0) -> None:
    entry = Entry(kind=kind, key=key, version=version, until=NOW + 600)
    denylist.apply(Tailed(entries=(entry,), cursor=Cursor(1, b""), head=1), NOW)


def test_a_token_is_verified_once_and_answered_with_the_same_identity(tokens: AccessTokens, ring: KeyRing) -> None:
    text = token(ring, tenant=[1])

    first = tokens.check(text, NOW)

    assert (first.subject, first.session_id, first.mode) == ("ada", "the session", "hybrid")
    assert first.roles == {"admin"}
    assert first.claims == {"tenant": (1,)}
    assert tokens.check(text, NOW) is first


def test_the_cache_says_how_it_does(tokens: AccessTokens, ring: KeyRing) -> None:
    one, two = token(ring, jti="1"), token(ring, jti="2")
    for text in (one, two, one, one):
        tokens.check(text, NOW)
    assert tokens.recall(one, NOW) is not None
    assert tokens.recall("never seen", NOW) is None

    assert tokens.cache == (3, 2, 2, SEEN)


def test_what_never_refuses_says_nothing_once_the_ring_is_due_or_the_clock_went_back(
    tokens: AccessTokens, ring: KeyRing
) -> None:
    text = token(ring)
    identity = tokens.check(text, NOW)

    for now in (NOW, NOW + LOOK - 1):
        assert tokens.recall(text, now) is identity
        assert not tokens.due(now)
    for now in (NOW - 3_600, NOW - 1, NOW + LOOK):
        assert tokens.recall(text, now) is None
        assert tokens.due(now)


@pytest.mark.parametrize(("limit", "most"), [(0, 0), (2, 2), (10, 10)])
def test_the_cache_keeps_no_more_than_it_is_told(ring: KeyRing, denylist: Denylist, limit: int, most: int) -> None:
    tokens = AccessTokens(
        ring, issuer="here", audience="here", accept=frozenset({"hybrid"}), denylist=denylist, limit=limit
    )
    for number in range(30):
        text = token(ring, jti=str(number))
        assert tokens.check(text, NOW) == tokens.check(text, NOW)
        assert tokens.cache.size <= most
    assert tokens.cache.hits == (30 if limit else 0)
    assert tokens.cache.misses == (30 if limit else 60)


def test_expiry_is_looked_at_every_time(tokens: AccessTokens, ring: KeyRing) -> None:
    text = token(ring)
    assert tokens.check(text, NOW + 300 + LEEWAY - 1).expires_at == NOW + 300

    with pytest.raises(ExpiredCredential):
        tokens.check(text, NOW + 300 + LEEWAY)


@pytest.mark.parametrize(("kind", "key"), [("sid", "the session"), ("jti", "the token"), ("kid", None)])
def test_the_denylist_is_looked_at_every_time(
    tokens: AccessTokens, denylist: Denylist, ring: KeyRing, kind: str, key: str | None
) -> None:
    text = token(ring)
    assert tokens.check(text, NOW).subject == "ada"
    assert tokens.recall(text, NOW) is not None

    refuse(denylist, kind, key or ring.signing.kid)

    assert tokens.recall(text, NOW) is None, "and what never refuses leaves it to what does"
    for spelling in (text, token(ring)):  # seen before, and (under ES256) the same claims under another signature
        with pytest.raises(RevokedCredential):
            tokens.check(spelling, NOW)


def test_a_token_of_an_older_version_is_too_old(tokens: AccessTokens, denylist: Denylist, ring: KeyRing) -> None:
    text, newer = token(ring), token(ring, ver=4)
    assert tokens.check(text, NOW).subject == "ada"

    refuse(denylist, "changed", "the session", version=4)

    with pytest.raises(ExpiredCredential) as refusal:
        tokens.check(text, NOW)
    assert refusal.value.expired_at is None
    assert tokens.check(newer, NOW).subject == "ada"
    assert tokens.check(token(ring, ver=...), NOW).mode == "jwt"  # carries no version, so none is compared


def test_a_new_ring_forgets_what_was_verified_under_the_old_one(tokens: AccessTokens, ring: KeyRing) -> None:
    text = token(ring)
    assert tokens.check(text, NOW).subject == "ada"
    fresh = new_ring(ring.signing.alg, now=NOW)

    both = ring.published(fresh.signing, fresh.roots[0], now=NOW, signs_from=NOW, keep=86_400)
    tokens.use(both, now=NOW, read=tokens.begin_read())
    assert not tokens.cache.size
    assert tokens.check(text, NOW).subject == "ada"

    tokens.use(fresh, now=NOW, read=tokens.begin_read())
    with pytest.raises(UnknownCredential) as refusal:
        tokens.check(text, NOW)
    assert refusal.value.reason == "key"


def test_a_read_of_the_ring_that_was_overtaken_changes_nothing(tokens: AccessTokens, ring: KeyRing) -> None:
    """Of two threads the one that began first may have read the ring of before, and come to its end last."""
    fresh = new_ring(ring.signing.alg, now=NOW)
    early, late = tokens.begin_read(), tokens.begin_read()
    text = token(fresh)
    tokens.use(fresh, now=NOW, read=late)
    assert tokens.check(text, NOW).subject == "ada"

    tokens.use(ring, now=NOW, read=early)

    assert tokens.check(text, NOW).subject == "ada"
    tokens.use(ring, now=NOW, read=tokens.begin_read())
    with pytest.raises(UnknownCredential):
        tokens.check(text, NOW)  # its honest twin: this read began last, so it is what is true now


def test_a_failure_is_never_remembered(tokens: AccessTokens, ring: KeyRing) -> None:
    """What is refused now may be good in a second, and a stranger must not fill the memory."""
    early = token(ring, iat=NOW + 60)
    with pytest.raises(UnknownCredential):
        tokens.check(early, NOW)

    assert not tokens._verified.young
    assert tokens.check(early, NOW + 60).subject == "ada"


def test_a_token_in_use_is_not_forgotten_for_those_that_were_seen_once(ring: KeyRing, denylist: Denylist) -> None:
    tokens = AccessTokens(
        ring, issuer="here", audience="here", accept=frozenset({"hybrid"}), denylist=denylist, limit=8
    )
    used = token(ring, jti="in use")
    identity = tokens.check(used, NOW)
    for number in range(100):
        tokens.check(token(ring, jti=f"{number}"), NOW)
        assert tokens.cache.size <= 8
        if number % 3 == 0:
            assert tokens.check(used, NOW) is identity


def test_two_tokens_that_differ_in_their_last_byte_are_two(tokens: AccessTokens, ring: KeyRing) -> None:
    text = token(ring)
    assert tokens.check(text, NOW).subject == "ada"

    for last in "AQgwBcd":
        if text[-1] != last:
            with pytest.raises((UnknownCredential, MalformedCredential)):
                tokens.check(text[:-1] + last, NOW)


def test_a_mode_that_is_not_accepted_is_refused(ring: KeyRing, denylist: Denylist) -> None:
    tokens = AccessTokens(ring, issuer="here", audience="here", accept=frozenset({"jwt"}), denylist=denylist)

    assert tokens.check(token(ring, ver=...), NOW).mode == "jwt"
    with pytest.raises(UnknownCredential) as refusal:
        tokens.check(token(ring), NOW)
    assert refusal.value.reason == "mode"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sid", ...),
        ("sid", 7),
        ("auth_time", ...),
        ("auth_time", "x"),
        ("auth_time", True),
        ("ver", "3"),
        ("ver", 3.0),
        ("roles", "admin"),
        ("roles", [1]),
        ("roles", {"admin": 1}),
    ],
)
def test_claims_of_ours_have_their_types(tokens: AccessTokens, ring: KeyRing, name: str, value: Any) -> None:
    """Also under a good signature: a key may be shared with somebody who is less careful."""
    with pytest.raises(MalformedCredential):
        tokens.check(token(ring, **{name: value}), NOW)


def test_an_expired_token_is_still_told_from_a_forged_one(tokens: AccessTokens, ring: KeyRing) -> None:
    text, later = token(ring), NOW + 86_400

    assert tokens.open(text, later, expired_ok=True).jti == "the token"
    with pytest.raises(ExpiredCredential):
        tokens.open(text, later)
    with pytest.raises((UnknownCredential, MalformedCredential)):
        tokens.open(text[:-4] + "AAAA", later, expired_ok=True)


def test_no_token_outlives_its_session(make_gate: Any, ring: KeyRing, clock: Any, store: Any) -> None:
    gate = make_gate(store, mode="hybrid", keys=ring, policy=Policy(idle=100, lifetime=100))

    assert gate.authenticate(gate.login("ada").access_token).expires_at == clock.now + 100
