"""Times and sessions in words, for people."""

from datetime import UTC, datetime
from typing import Final

from gatepass.core.throttle import network
from gatepass.policy import Policy
from gatepass.records import Mode, Reason, Session

#: Seconds of each, the longest first.
_UNITS: Final = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))

#: What keeps a person signed in.
KEPT: Final[dict[Mode, str]] = {
    "session": "with a session",
    "jwt": "with a token",
    "hybrid": "with renewing tokens",
}

KINDS: Final = {
    "phone": "Phone",
    "tablet": "Tablet",
    "computer": "Computer",
    "program": "A program, such as a script",
    "unknown": "Kind unknown",
}

#: Who ended a session, and why.
ENDED: Final[dict[Reason, str]] = {
    "logout": "signed out there",
    "revoked": "signed out by you, from your device list",
    "password": "signed out by your password change",
    "operator": "signed out by the operator of this server",
    "replaced": "replaced by a new sign-in in the same browser",
    "evicted": "signed out to make room for a newer sign-in",
    "replayed": "ended for safety: an old key was used again, and somebody may have copied it",
    "inactive": "ended because the account was disabled",
}


def span(seconds: int) -> str:
    """So many *seconds*, in the one unit that a person would say."""
    size, unit = next(((size, unit) for size, unit in _UNITS if abs(seconds) >= size), _UNITS[-1])
    count = abs(seconds) // size
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def at_most(seconds: int) -> str:
    """As `span`, and never less than *seconds*: a limit is not rounded down."""
    size = next((size for size, _ in _UNITS if seconds >= size), 1)
    return span(-(-seconds // size) * size)


def relative(second: int, now: int) -> str:
    """When *second* was or will be, seen from *now*. Within a minute nobody counts."""
    if second > now:
        return f"in {span(second - now)}"
    return "less than a minute ago" if now - second < 60 else f"{span(now - second)} ago"  # noqa: PLR2004


def exact(second: int) -> str:
    """*second*, to the second, in a zone that is the same for everybody."""
    return datetime.fromtimestamp(second, UTC).strftime("%-d %B %Y, %H:%M:%S UTC")


def iso(second: int) -> str:
    """*second* for machines (RFC 3339)."""
    return datetime.fromtimestamp(second, UTC).isoformat()


def active(row: Session, now: int, policy: Policy) -> str:
    """When *row* was last used, no more precisely than its mode knows; `precision` says how precisely that is."""
    if row.mode == "session" and now - row.seen_at < max(policy.touch_interval, 60):
        return f"within the last {_one(max(policy.touch_interval, 60))}"
    return relative(row.seen_at, now)


def precision(row: Session, policy: Policy) -> str:
    """How precisely it is known when *row* was last used."""
    match row.mode:
        case "session":
            return f"noted once every {_one(max(policy.touch_interval, 1))}"
        case "hybrid":
            return f"noted when it renews, every {_one(row.token_ttl)} while in use"
        case "jwt":
            return "noted at the sign-in only: a token is used without a word to this list"


def expires(row: Session, now: int) -> str:
    """When *row* ends, if nobody ends it before."""
    when = relative(row.expires_at, now)
    return when if row.expires_at == row.ends_at else f"{when}, if it is not used before"


def over(row: Session) -> str:
    """Who ended *row*, and why."""
    if row.ended_reason is not None:
        return ENDED[row.ended_reason]
    if row.expires_at == row.ends_at:
        return f"came to the end of its {span(row.ends_at - row.created_at)}"
    return f"not used for {span(row.idle)}"


def over_at(row: Session) -> int:
    """When *row* ended, or ends by itself."""
    return row.expires_at if row.ended_at is None else row.ended_at


def same_network(one: str, other: str) -> bool:
    """Whether two addresses are, as far as can be known, of one network."""
    return one == other or network(one) == network(other) != network("")


def within(seconds: int) -> str:
    """How soon what was ended is refused: from the receipt of its end."""
    return "at once" if seconds == 0 else f"within at most {at_most(seconds)}"


def sentence(text: str) -> str:
    """*text*, which may be half a sentence, as one."""
    whole = text[:1].upper() + text[1:]
    return whole if whole.endswith((".", "?", "!")) else f"{whole}."


def _one(seconds: int) -> str:
    """A span, for behind "every": without the number where it is one."""
    return span(seconds).removeprefix("1 ")
