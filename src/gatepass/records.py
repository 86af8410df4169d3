"""The values that travel: what a session is, what a caller is told, what the log holds. All frozen.

Stores keep `Session` and `Entry`; applications see the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Never, TypeAlias

from gatepass.policy import LEEWAY

Mode: TypeAlias = Literal["session", "jwt", "hybrid"]
MODES: Final[tuple[Mode, ...]] = ("session", "jwt", "hybrid")

#: Why a session ended, as the device list says it: what whoever revokes it may say...
RevokeReason: TypeAlias = Literal["revoked", "password", "operator"]
#: ... and what comes of itself.
Reason: TypeAlias = RevokeReason | Literal["logout", "replaced", "evicted", "replayed", "inactive"]

#: JSON values and nothing else: what roles' neighbours, claims and data, may hold.
Json: TypeAlias = Mapping[str, Any]


def _refuse(*_: object, **__: object) -> Never:
    raise TypeError("this mapping is read-only")


_read_only: Any = _refuse  # in place of methods that have many signatures, and for us all the same


class Frozen(dict[str, Any]):
    """A dict that cannot be changed. Encoders, `asdict`, `copy` and `pickle` take it for the dict that it is."""

    __slots__ = ()

    __setitem__ = __delitem__ = __ior__ = _read_only
    clear = pop = popitem = setdefault = update = _read_only

    def __hash__(self) -> int:  # type: ignore[override]  # a dict has none because it changes
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[type["Frozen"], tuple[dict[str, Any]]]:
        return Frozen, (dict(self),)


NOTHING: Final[Json] = Frozen()

#: An ended session is shown in the device list for this long. 30 days.
REMEMBERED: Final = 30 * 86_400

#: Log entries that cover no token of known length are kept for an hour: longer than any node goes without reading.
ENTRY_TTL: Final = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Where a request came from, as far as the application knows. Shown in the device list, never used to decide."""

    ip: str = ""
    user_agent: str = ""


#: Where a request came from if nobody said.
SOMEWHERE: Final = Client()


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One login of one subject on one device: a row of the store. Times are seconds since the epoch."""

    #: Public handle: loggable, in URLs and lists, worth nothing to a thief.
    id: str
    #: The application's own user id.
    subject: str
    mode: Mode
    #: Session mode: SHA-256 of the secret. Empty in the other modes.
    secret_digest: bytes = field(default=b"", repr=False)
    #: Hybrid mode: the random part from which, together with a key that is not in the store, every refresh secret is
    #: derived. Empty in the other modes.
    seed: bytes = field(default=b"", repr=False)
    #: Hybrid mode: the refresh key that was current at login; it never changes in the life of the row.
    refresh_kid: str = ""
    #: Hybrid mode: the one refresh generation that is live.
    generation: int = 0
    #: Hybrid mode: when the live generation was made.
    rotated_at: int = 0
    roles: frozenset[str] = frozenset()
    claims: Json = field(default_factory=lambda: NOTHING)
    #: The application's own, read and written with compare-and-set.
    data: Json = field(default_factory=lambda: NOTHING)
    #: When the person last proved who they are. A refresh never moves it.
    auth_time: int
    created_at: int
    seen_at: int
    #: The rules it was born under: unused for so many seconds it ends, and at this second in any case.
    idle: int
    ends_at: int
    #: The life of the tokens that are minted for it; 0 in session mode.
    token_ttl: int = 0
    #: When the row may be removed. It moves along with `seen_at`.
    forget_at: int
    ended_at: int | None = None
    ended_reason: Reason | None = None
    client: Client = SOMEWHERE
    #: Whether cookies of this session outlive the browser.
    remember: bool = True
    #: Counts the changes of the row, from 1; what compare-and-set compares.
    version: int = 1

    @property
    def expires_at(self) -> int:
        """The first second at which the session is no longer good, if it is not used before."""
        return min(self.seen_at + self.idle, self.ends_at)


EntryKind: TypeAlias = Literal["sid", "jti", "kid", "changed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the revocation log. It only ever adds a refusal."""

    kind: EntryKind
    #: The session (`sid`, `changed`), the token (`jti`) or the signing key (`kid`) that it is about.
    key: str
    #: `changed` only: credentials that carry a lower version are too old.
    version: int = 0
    #: The second at which the last token that it covers is dead, leeway included.
    until: int


def ended_entry(session: Session, at: int) -> Entry:
    """The log entry that announces the end of *session*, ended at second *at*.

    It covers every token that was minted until then, also one minted in that second.
    """
    # The leeway twice: once as every check grants it, once because the clock that minted a token may have been ahead
    # of the clock that says when the session ended.
    ttl = session.token_ttl + 2 * LEEWAY if session.token_ttl else ENTRY_TTL
    # By how much it was ahead is written in the row, as far as the row knows.
    minted = max(at, session.created_at, session.rotated_at)
    return Entry(kind="sid", key=session.id, until=minted + ttl)


def changed_entry(session: Session, at: int) -> Entry:
    """The log entry that announces that *session* has new roles or claims since its present version."""
    return Entry(
        kind="changed",
        key=session.id,
        version=session.version,
        until=at + max(session.token_ttl + 2 * LEEWAY, ENTRY_TTL),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What the application says about one of its users, from `load_subject`."""

    roles: frozenset[str] = frozenset()
    claims: Json = field(default_factory=lambda: NOTHING)
    #: False: may neither log in nor refresh.
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who is calling: the answer of a check."""

    subject: str
    session_id: str
    mode: Mode
    roles: frozenset[str]
    claims: Json
    auth_time: int
    #: The first second at which this credential is no longer good.
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a client carries after login, refresh or step-up."""

    mode: Mode
    session_id: str
    #: Session mode: the opaque session token. Else the signed access token.
    access_token: str = field(repr=False)
    #: Hybrid mode only.
    refresh_token: str | None = field(default=None, repr=False)
    #: Seconds until the access token ends, if it is not used before.
    expires_in: int
    #: Seconds until the session ends if it is not used again: what a cookie's `Max-Age` is made of.
    session_expires_in: int
    #: Whether its cookies outlive the browser: without it they get no `Max-Age`.
    remember: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What ending or changing something brought about: the truth for this mode and configuration."""

    #: The ids of the sessions that this call ended.
    ended: tuple[str, ...] = ()
    #: By when every node refuses, in seconds from now. 0: at once.
    effective_within: int = 0
    #: Until when tokens with the old rights go on being accepted, or None.
    tokens_alive_until: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something worth an audit line. Holds no secret."""

    kind: Literal[
        "login",
        "refresh",
        "step_up",
        "replay",
        "update",
        "revoke",
        "logout",
        "signup",
        "password",
        "login_failed",
        "disable",
        "enable",
        "rotate",
        "import",
    ]
    at: int
    subject: str = ""
    session_ids: tuple[str, ...] = ()
    #: Login and step-up only: the sessions that it displaced.
    ended: tuple[str, ...] = ()
    #: Names of signing keys, where it is about those: one that was made, those that are verified with from now on, or
    #: one that is refused.
    kids: tuple[str, ...] = ()
    reason: str = ""
    #: Who asked; for a replay, who presented the old token.
    client: Client = SOMEWHERE
    #: Replay only: who holds the session, as far as the row knows.
    holder: Client | None = None


def freeze(value: Any) -> Any:
    """*value* with every dict read-only and every list a tuple, so that a frozen record is frozen all the way down."""
    if isinstance(value, Mapping):
        return Frozen({name: freeze(item) for name, item in value.items()})
    if isinstance(value, list | tuple):
        return tuple(freeze(item) for item in value)
    return value


def thaw(value: Any) -> Any:
    """The inverse of `freeze`: plain dicts and lists, for an encoder."""
    if isinstance(value, Mapping):
        return {name: thaw(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [thaw(item) for item in value]
    return value
