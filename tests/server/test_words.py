"""Times and sessions in words: no more precise than what is known, and never better than the truth."""

import pytest

from gatepass import Policy
from gatepass.records import Mode, Session
from gatepass.server import words
from gatepass.server.devices import listed

NOW = 1_900_000_000
POLICY = Policy()


def session(mode: Mode = "session", *, ago: int = 0, **values: object) -> Session:
    at = NOW - ago
    row: dict[str, object] = {
        "id": "s1",
        "subject": "ada",
        "mode": mode,
        "auth_time": at,
        "created_at": at,
        "seen_at": at,
        "idle": POLICY.idle,
        "ends_at": at + POLICY.lifetime,
        "token_ttl": {"session": 0, "jwt": 3_600, "hybrid": 300}[mode],
        "forget_at": at + POLICY.lifetime,
    }
    return Session(**{**row, **values})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (119, "1 minute"),
        (120, "2 minutes"),
        (3_599, "59 minutes"),
        (3_600, "1 hour"),
        (86_399, "23 hours"),
        (86_400, "1 day"),
        (14 * 86_400, "14 days"),
    ],
)
def test_a_span_is_said_in_one_unit(seconds: int, said: str) -> None:
    assert words.span(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(1, "1 second"), (60, "1 minute"), (61, "2 minutes"), (3_601, "2 hours"), (0, "0 seconds")]
)
def test_a_limit_is_never_said_to_be_shorter_than_it_is(seconds: int, said: str) -> None:
    assert words.at_most(seconds) == said


@pytest.mark.parametrize(
    ("away", "said"),
    [(0, "less than a minute ago"), (-59, "less than a minute ago"), (-180, "3 minutes ago"), (90, "in 1 minute")],
)
def test_a_time_is_seen_from_now(away: int, said: str) -> None:
    assert words.relative(NOW + away, NOW) == said


@pytest.mark.parametrize(
    ("mode", "ago", "active", "precision"),
    [
        ("session", 0, "within the last minute", "noted once every minute"),
        ("session", 59, "within the last minute", "noted once every minute"),
        ("session", 60, "1 minute ago", "noted once every minute"),
        ("hybrid", 200, "3 minutes ago", "noted when it renews, every 5 minutes while in use"),
        ("jwt", 200, "3 minutes ago", "noted at the sign-in only: a token is used without a word to this list"),
    ],
)
def test_the_last_use_is_told_as_precisely_as_it_is_known(mode: Mode, ago: int, active: str, precision: str) -> None:
    row = session(mode, ago=ago)
    assert words.active(row, NOW, POLICY) == active
    assert words.precision(row, POLICY) == precision


def test_a_coarser_touch_is_told_as_one() -> None:
    policy = Policy(touch_interval=600)
    assert words.active(session(ago=300), NOW, policy) == "within the last 10 minutes"
    assert words.precision(session(), policy) == "noted once every 10 minutes"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "192.0.2.8", False),
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("nonsense", "other nonsense", False),
    ],
)
def test_a_network_is_what_one_household_has(one: str, other: str, same: bool) -> None:
    assert words.same_network(one, other) is same


def test_an_end_by_itself_says_which_limit_it_was() -> None:
    unused = session(ago=POLICY.idle)
    assert words.over(unused) == "not used for 14 days"
    used = session(ago=POLICY.lifetime, seen_at=NOW - 60)
    assert words.over(used) == "came to the end of its 90 days"
    assert words.expires(session(), NOW) == "in 14 days, if it is not used before"
    assert words.expires(session(ends_at=NOW + 86_400), NOW) == "in 1 day"


@pytest.mark.parametrize(("within", "said"), [(0, "at once"), (5, "within at most 5 seconds")])
def test_how_soon_is_what_the_receipt_says(within: int, said: str) -> None:
    assert words.within(within) == said


def test_what_ended_by_itself_is_not_among_the_live() -> None:
    rows = [session(id="here"), session(id="over", ago=POLICY.idle), session(id="old", ago=POLICY.idle + 31 * 86_400)]
    devices = listed(rows, "here", NOW)
    assert [row.id for found in devices.live for row in found.sessions] == ["here"]
    assert [row.id for row in devices.over] == ["over"]
    assert devices.others == 0
