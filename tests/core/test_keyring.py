"""The life of the keys in a ring, second by second: what signs, what verifies, what is left out, and when."""

import hmac
from collections.abc import Callable
from hashlib import sha256

import pytest

from gatepass.core.keyring import KEEP_ROOT, KeyRing, Life, Root, derive
from gatepass.errors import ConfigurationError
from gatepass.keys import EcKey, HmacKey, Key, generate, load

NOW = 1_900_000_000
#: Seconds from publication to use, and from the last use to the end.
WAIT, KEEP = 600, 3_600


def key(name: str) -> HmacKey:
    return HmacKey(sha256(name.encode()).digest(), kid=name)


def root(name: str, created_at: int = NOW) -> Root:
    return Root(kid=name, secret=name.encode().ljust(32, b"."), created_at=created_at)


A, B, C, D = (key(name) for name in "abcd")
WEAK = HmacKey.from_jwk({"k": "A" * 43}, algorithm="HS256", kid="weak", source="a test")
PAIR, NEXT = generate("ES256"), generate("ES256")
PUBLIC = EcKey.from_jwk(NEXT.to_jwk(), algorithm="ES256", kid="public", source="a test")


def new() -> KeyRing:
    """A signs."""
    return KeyRing(signing=A, roots=(root("r"),))


def ahead(*more: Key) -> KeyRing:
    """B is published and signs in ten minutes; until then A does. *more* are of others."""
    ring = new().published(B, root("s", NOW + 3), now=NOW, signs_from=NOW + WAIT, keep=KEEP)
    for one in more:
        ring = ring.joined(one, now=NOW)
    return ring


def kids(ring: KeyRing) -> str:
    return "".join(one.kid for one in ring.keys)


def shape(ring: KeyRing) -> tuple[str, str | None, int, str]:
    """What signs, what is published, from when it signs, and what else verifies."""
    return (
        ring.signing.kid,
        None if ring.ahead is None else ring.ahead.kid,
        ring.ahead_at,
        "".join(one.kid for one in ring.others),
    )


# -- a key is published, signs, and ends -------------------------------------------------------------------------------


def test_a_published_key_signs_from_its_second_on_and_the_one_before_ends_later() -> None:
    assert shape(ahead()) == ("a", "b", NOW + WAIT, "")
    assert [ahead().signer(NOW + WAIT - 1), ahead().signer(NOW + WAIT)] == [A, B]
    assert ahead().lives == {
        "a": Life(created_at=NOW, signs_from=NOW, ends_at=NOW + WAIT + KEEP),
        "b": Life(created_at=NOW, signs_from=NOW + WAIT),
    }
    assert [ahead().ends_at("a"), ahead().ends_at("b"), ahead().ends_at("c")] == [NOW + WAIT + KEEP, None, None]


def test_what_signs_now_or_later_is_in_use_and_nothing_else() -> None:
    ring = ahead(C)
    assert [ring.in_use(kid, NOW) for kid in "abcx"] == [True, True, False, False]
    assert [ring.in_use(kid, NOW + WAIT) for kid in "abcx"] == [False, True, False, False]
    assert [new().in_use(kid, NOW) for kid in "ab"] == [True, False]


def test_a_rotation_at_once_signs_at_once_and_publishes_nothing() -> None:
    ring = new().published(B, root("s"), now=NOW, signs_from=NOW, keep=KEEP)
    assert shape(ring) == ("b", None, 0, "a")
    assert ring.lives == {
        "a": Life(created_at=NOW, signs_from=NOW, ends_at=NOW + KEEP),
        "b": Life(created_at=NOW, signs_from=NOW),
    }


def test_a_second_key_is_published_when_the_first_one_signs_and_not_before() -> None:
    last = NOW + WAIT - 1
    with pytest.raises(ConfigurationError) as refused:
        ahead().published(C, root("t"), now=last, signs_from=last + WAIT, keep=KEEP)
    assert refused.value.source == "rotate()"

    ring = ahead().published(C, root("t"), now=NOW + WAIT, signs_from=NOW + 2 * WAIT, keep=KEEP)
    assert shape(ring) == ("b", "c", NOW + 2 * WAIT, "a")
    assert ring.lives == {
        "a": Life(created_at=NOW, signs_from=NOW, ends_at=NOW + WAIT + KEEP),
        "b": Life(created_at=NOW, signs_from=NOW + WAIT, ends_at=NOW + 2 * WAIT + KEEP),
        "c": Life(created_at=NOW + WAIT, signs_from=NOW + 2 * WAIT),
    }


def test_a_key_that_has_signed_nothing_leaves_nothing_behind() -> None:
    """Whoever rotates at once does not trust what is there."""
    ring = ahead().published(C, root("t"), now=NOW + WAIT - 1, signs_from=NOW + WAIT - 1, keep=KEEP)
    assert shape(ring) == ("c", None, 0, "a")
    assert set(ring.lives) == {"a", "c"}

    ring = ahead().published(C, root("t"), now=NOW + WAIT, signs_from=NOW + WAIT, keep=KEEP)
    assert shape(ring) == ("c", None, 0, "ba")
    assert set(ring.lives) == {"a", "b", "c"}


def test_a_key_is_left_out_at_its_end_and_not_a_second_before() -> None:
    end = NOW + WAIT + KEEP
    before = ahead().published(C, root("t"), now=end - 1, signs_from=end + WAIT, keep=KEEP)
    after = ahead().published(C, root("t"), now=end, signs_from=end + WAIT, keep=KEEP)
    assert (kids(before), set(before.lives)) == ("bca", {"a", "b", "c"})
    assert (kids(after), set(after.lives)) == ("bc", {"b", "c"})


def test_a_key_of_others_has_no_end() -> None:
    ring = ahead().joined(D, now=NOW + 5)
    assert (kids(ring), ring.lives["d"]) == ("abd", Life(created_at=NOW + 5))
    assert set(ring.lives) == {"a", "b", "d"}
    later = ring.published(C, root("t"), now=NOW + 10 * KEEP, signs_from=NOW + 11 * KEEP, keep=KEEP)
    assert kids(later) == "bcd"


def test_a_key_of_which_nothing_is_written_is_as_old_as_the_newest_root() -> None:
    ring = KeyRing(signing=A, roots=(root("s", NOW + 7), root("r")))
    assert ring.life("a") == Life(created_at=NOW + 7, signs_from=NOW + 7)


# -- a key is taken out ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "kid", "now", "left"),
    [
        (ahead, "b", NOW, ("a", None, 0, "")),
        (ahead, "a", NOW + WAIT, ("b", None, 0, "")),
        (lambda: ahead(C), "c", NOW, ("a", "b", NOW + WAIT, "")),
        (lambda: ahead(C), "c", NOW + WAIT - 1, ("a", "b", NOW + WAIT, "")),
        (lambda: ahead(C), "b", NOW, ("a", None, 0, "c")),
        # From its second on what was published signs, and what signed before only verifies.
        (lambda: ahead(C), "c", NOW + WAIT, ("b", None, 0, "a")),
        (lambda: ahead(C), "a", NOW + WAIT, ("b", None, 0, "c")),
        (lambda: ahead(C, D), "c", NOW, ("a", "b", NOW + WAIT, "d")),
        (lambda: new().joined(C, now=NOW), "c", NOW, ("a", None, 0, "")),
    ],
)
def test_one_key_goes_and_the_rest_stays_as_it_was(
    made: Callable[[], KeyRing], kid: str, now: int, left: tuple[str, str | None, int, str]
) -> None:
    ring = made()
    rest = ring.without(kid, now=now)
    assert shape(rest) == left
    assert set(rest.lives) == set(ring.lives) - {kid}
    assert all(rest.lives[name] == ring.lives[name] for name in rest.lives if (kid, name) != ("b", "a"))
    assert rest.roots == ring.roots


def test_a_key_whose_successor_is_taken_out_goes_on_without_an_end() -> None:
    """Or it would sign, after its end, what everybody refuses."""
    assert ahead(C).without("b", now=NOW + WAIT - 1).lives == {
        "a": Life(created_at=NOW, signs_from=NOW),
        "c": Life(created_at=NOW),
    }
    assert ahead(C).without("c", now=NOW).ends_at("a") == NOW + WAIT + KEEP, "a successor that stays is waited for"


@pytest.mark.parametrize(("kid", "now"), [("a", NOW + WAIT - 1), ("b", NOW + WAIT), ("x", NOW)])
def test_what_signs_stays_and_what_is_not_there_is_said(kid: str, now: int) -> None:
    with pytest.raises(ConfigurationError) as refused:
        ahead().without(kid, now=now)
    assert refused.value.source == "retire()"


# -- what a ring is made of --------------------------------------------------------------------------------------------


def test_purposes_have_keys_of_their_own_the_newest_first() -> None:
    ring, (newest, oldest) = ahead(), (root("s", NOW + 3), root("r"))
    assert ring.roots == (newest, oldest)
    assert ring.refresh_kid == "s"
    assert ring.csrf == (derive(newest.secret, "csrf"), derive(oldest.secret, "csrf"))
    assert ring.device == (derive(newest.secret, "device"), derive(oldest.secret, "device"))
    assert ring.refresh_key("s") == derive(newest.secret, "refresh") == newest.derive("refresh")
    assert ring.refresh_key("r") == derive(oldest.secret, "refresh")
    assert ring.refresh_key("x") is None
    assert len({derive(newest.secret, name) for name in ("csrf", "device", "refresh")}) == 3


def test_a_key_of_a_purpose_is_what_rfc_5869_makes_of_the_root() -> None:
    prk = hmac.digest(bytes(32), root("r").secret, "sha256")
    assert derive(root("r").secret, "csrf") == hmac.digest(prk, b"gatepass csrf\1", "sha256")


def test_a_rotation_at_once_closes_the_older_roots_for_all_but_refresh_secrets() -> None:
    ring = new().published(B, root("s"), now=NOW, signs_from=NOW, keep=KEEP)
    assert [one.closed for one in ring.roots] == [False, True]
    assert ring.csrf == (derive(root("s").secret, "csrf"),)
    assert ring.device == (derive(root("s").secret, "device"),)
    assert ring.refresh_key("r") == derive(root("r").secret, "refresh")
    assert ring.published(C, root("t"), now=NOW, signs_from=NOW + WAIT, keep=KEEP).roots[1:] == ring.roots


def test_a_root_goes_when_no_session_under_it_can_be_alive() -> None:
    """It was the newest until the next one was made."""
    last = NOW + 3 + KEEP_ROOT
    for now, left in ((last - 1, "tsr"), (last, "ts")):
        ring = ahead().published(C, root("t", now), now=now, signs_from=now + WAIT, keep=KEEP)
        assert "".join(one.kid for one in ring.roots) == left


def test_two_roots_are_one_if_nothing_tells_them_apart() -> None:
    one = root("r")
    assert one == root("r")
    assert hash(one) == hash(root("r"))
    assert hash(one) != hash(root("s"))
    others = [root("s"), root("r", NOW + 1), one.shut(), Root(kid="r", secret=bytes(range(32)), created_at=NOW), "r"]
    assert not any(one == other for other in others)
    assert one.shut() == one.shut().shut()


def test_an_ended_key_is_not_published_from_its_second_on() -> None:
    ring = KeyRing(signing=PAIR, roots=(root("r"),)).published(
        NEXT, root("s"), now=NOW, signs_from=NOW + WAIT, keep=KEEP
    )
    end = NOW + WAIT + KEEP
    assert ring.jwks(end - 1) == {"keys": [PAIR.to_jwk(), NEXT.to_jwk()]}
    assert ring.jwks(end) == {"keys": [NEXT.to_jwk()]}


def test_only_public_halves_are_published() -> None:
    assert ahead().jwks(NOW) == {"keys": []}, "a secret has none"
    ring = KeyRing(signing=PAIR, others=(PUBLIC,), roots=(root("r"),))
    assert ring.jwks(NOW) == {"keys": [PAIR.to_jwk(), PUBLIC.to_jwk()]}
    assert "d" not in PAIR.to_jwk()


@pytest.mark.parametrize(
    "made",
    [
        {"signing": PUBLIC},
        {"signing": PAIR, "ahead": PUBLIC, "ahead_at": NOW},
        {"signing": WEAK},
        {"ahead": WEAK, "ahead_at": NOW},
        {"others": (WEAK,)},
        {"others": (A,)},
        {"ahead": A, "ahead_at": NOW},
        {"roots": ()},
        {"roots": (root("r"), root("r"))},
    ],
    ids=[
        "public signs",
        "public ahead",
        "weak signs",
        "weak ahead",
        "weak other",
        "signer again",
        "ahead at no time",
        "no root",
        "root twice",
    ],
)
def test_a_ring_that_could_not_do_its_work_is_refused(made: dict[str, object]) -> None:
    parts: dict[str, object] = {"signing": A, "roots": (root("r"),), **made}
    with pytest.raises(ConfigurationError) as refused:
        KeyRing(**parts)  # type: ignore[arg-type]
    assert refused.value.source == "KeyRing(...)"


def test_public_keys_of_others_verify_in_a_ring_and_come_after_what_signs() -> None:
    ring = KeyRing(signing=PAIR, ahead=NEXT, ahead_at=NOW, others=(PUBLIC,), roots=(root("r"),))
    assert list(ring.keys) == [PAIR, NEXT, PUBLIC]


@pytest.mark.parametrize(
    "made",
    [
        {"kid": ""},
        {"kid": "k" * 257},
        {"kid": 7},
        {"created_at": 1.5},
        {"created_at": True},
        {"secret": bytes(range(31))},
        {"secret": bytes(range(33))},
        {"secret": b"\7" * 32},
        {"secret": bytearray(range(32))},
    ],
    ids=str,
)
def test_a_root_that_can_be_guessed_or_has_no_name_is_refused(made: dict[str, object]) -> None:
    parts: dict[str, object] = {"kid": "k", "secret": bytes(range(32)), "created_at": NOW, **made}
    with pytest.raises(ConfigurationError):
        Root(**parts)  # type: ignore[arg-type]


@pytest.mark.parametrize("kid", ["k", "k" * 256])
def test_a_root_with_a_name_of_any_length_that_fits_is_taken(kid: str) -> None:
    assert Root(kid=kid, secret=bytes(range(32)), created_at=0).kid == kid


def test_a_key_for_signing_alone_signs_for_a_ring_and_its_public_half_verifies() -> None:
    """As browsers export private keys. It is in the ring once, through a rotation and until it is removed."""
    alone = load({**PAIR.to_jwk(private=True), "kid": "browser", "key_ops": ["sign"]})
    assert isinstance(alone, EcKey)
    assert not alone.can_verify
    ring = KeyRing(signing=alone, roots=(root("r"),))
    held = ring.keys.get("browser")
    assert held is not None
    assert held.verify(b"said", ring.signer(NOW).sign(b"said"))
    assert not held.can_sign

    newer = ring.published(NEXT, root("s"), now=NOW, signs_from=NOW, keep=KEEP)
    assert [key.kid for key in newer.keys] == [NEXT.kid, "browser"]
    assert [key["kid"] for key in newer.jwks(NOW)["keys"]] == [NEXT.kid, "browser"]
    assert [key.kid for key in newer.without("browser", now=NOW).keys] == [NEXT.kid]
    later = ring.published(NEXT, root("s"), now=NOW, signs_from=NOW + WAIT, keep=KEEP)
    assert [key.kid for key in later.keys] == ["browser", NEXT.kid]
    assert later.signer(NOW) is alone


def test_a_secret_for_signing_alone_signs_for_no_ring() -> None:
    """Nothing else verifies what it signs."""
    alone = load({**A.to_jwk(private=True), "key_ops": ["sign"]})
    assert isinstance(alone, HmacKey)
    with pytest.raises(ConfigurationError, match="for signing alone"):
        KeyRing(signing=alone, roots=(root("r"),))
