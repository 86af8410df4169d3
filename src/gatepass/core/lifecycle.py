"""Sessions from login to end: who is logged in, for how long, and under which secret."""

from dataclasses import dataclass, field, replace
from hashlib import sha256
from hmac import compare_digest
from typing import Any, ClassVar, Literal

from gatepass.core.flow import Add, End, Find, Flow, Load, Purge, Swap, Tell, Touch, ask
from gatepass.core.opaque import ID_BYTES, SECRET_BYTES, SessionToken, encode
from gatepass.errors import ExpiredCredential, LoginFailed, RevokedCredential, UnknownCredential
from gatepass.policy import Policy
from gatepass.records import ENTRY_TTL, REMEMBERED, Client, Event, Json, Mode, Session, Subject

#: Each login removes up to this many dead rows, entries and counters: more than it adds, so that no table grows for
#: ever and nobody needs a cron job.
PURGED_PER_LOGIN = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """The randomness of one call, drawn before the flow begins."""

    SIZE: ClassVar[int] = ID_BYTES + SECRET_BYTES + ID_BYTES

    id: str
    #: Becomes the secret of a session token or the seed of a refresh chain, never both.
    secret: bytes = field(repr=False)
    jti: str

    @classmethod
    def cut(cls, random: bytes) -> "Fresh":
        """Cut `SIZE` random bytes into an id, a secret and a token id."""
        return cls(
            id=encode(random[:ID_BYTES]),
            secret=random[ID_BYTES : ID_BYTES + SECRET_BYTES],
            jti=encode(random[ID_BYTES + SECRET_BYTES :]),
        )


def born(  # every one of these is a fact of the new row
    policy: Policy,
    *,
    fresh: Fresh,
    subject: str,
    person: Subject,
    mode: Mode,
    client: Client,
    data: Json,
    token_ttl: int,
    now: int,
    remember: bool = True,
) -> Session:
    """A new session, as it begins: the rules of *policy* as they are now go with it for its whole life."""
    # A jwt session is its one token: it cannot be renewed, so it ends with it.
    lifetime = token_ttl if mode == "jwt" else policy.lifetime
    idle = min(policy.idle, lifetime)
    return Session(
        id=fresh.id,
        subject=subject,
        mode=mode,
        roles=person.roles,
        claims=person.claims,
        data=data,
        client=client,
        auth_time=now,
        created_at=now,
        seen_at=now,
        idle=idle,
        ends_at=now + lifetime,
        token_ttl=token_ttl,
        forget_at=now + idle + REMEMBERED,
        remember=remember,
    )


def consult(subject: str, otherwise: Subject, *, hooked: bool) -> Flow[Subject | None]:
    """What the application says of *subject* now; None when this subject may not be logged in.

    Without a hook (*hooked* is False) nobody is asked and it is *otherwise*.
    """
    if not hooked:
        return otherwise
    person = yield from ask(Load(subject))
    return person if person is not None and person.active else None


def login(
    session: Session, *, kind: Literal["login", "step_up"], old: Session | None, keep: int | None, hooked: bool
) -> Flow[Session]:
    """Add *session* and return it as it is now in the store; its subject was consulted once to make it.

    Args:
        session: The new row.
        kind: A step-up does not continue what was ended meanwhile; a login goes on without it.
        old: The session that this one takes the place of, as it was read.
        keep: How many live sessions the subject may have.
        hooked: Whether there is a hook to ask.

    Raises:
        RevokedCredential: A step-up, and the old session is not live any more.
        LoginFailed: The application refused the subject meanwhile.
    """
    now = session.created_at
    _ = yield from purge(PURGED_PER_LOGIN, now)
    ended = yield from ask(Add(session, old.id if old is not None else None, keep))
    if ended is None:
        if kind == "step_up":
            raise RevokedCredential
        ended = (yield from ask(Add(session, None, keep))) or ()
    session = yield from _settle(session, kind=kind, old=old, ended=ended, hooked=hooked)
    ids = tuple(row.id for row in ended)
    event = Event(
        kind=kind, at=now, subject=session.subject, session_ids=(session.id,), ended=ids, client=session.client
    )
    yield from ask(Tell(event))
    return session


def _settle(
    session: Session,
    *,
    kind: Literal["login", "step_up"],
    old: Session | None,
    ended: tuple[Session, ...],
    hooked: bool,
) -> Flow[Session]:
    """Bring the new row up to what has changed since it was made; nobody holds it yet.

    With "disable first, then end all sessions", either that ending finds the row, now that it is there, or the hook,
    asked again, says that the subject is disabled. Rights that were taken away meanwhile are seen as well: from the
    hook, or in the row that was displaced, which may have been written to after it was read.
    """
    asked = held = Subject(roles=session.roles, claims=session.claims)
    data = session.data
    displaced = next((row for row in ended if old is not None and row.id == old.id), None)
    if old is not None and displaced is not None and displaced.version != old.version + 1:
        if old.subject == session.subject and old.data == session.data:
            data = displaced.data
        if kind == "step_up":
            held = Subject(roles=displaced.roles, claims=displaced.claims)
    person = yield from consult(session.subject, held, hooked=hooked)
    if person is None:
        _ = yield from ask(End(ids=(session.id,), reason="inactive", at=session.created_at))
        raise LoginFailed
    if person == asked and data == session.data:
        return session
    settled = advanced(session, roles=person.roles, claims=person.claims, data=data)
    if not (yield from ask(Swap(settled, session.version))):
        raise LoginFailed  # ended before it was ever used
    return settled


def purge(limit: int, now: int) -> Flow[int]:
    """Remove at most *limit* of what has been past its time for an hour; return how many.

    An hour, because the clock that says so may be wrong: removed by one that is ahead, a log entry would be missing
    where it is still needed.
    """
    return (yield from ask(Purge(now - ENTRY_TTL, limit)))


def check(token: SessionToken, *, touch_interval: int, now: int) -> Flow[Session]:
    """Check a presented session token and return its session.

    Args:
        token: As the client sent it.
        touch_interval: Note the time of use when it is so many seconds old.
        now: Seconds since the epoch.

    Raises:
        UnknownCredential: No such session, or not its secret; we do not say which.
        RevokedCredential: It was good once and was ended.
        ExpiredCredential: It was good once. Nothing is deleted here: a check never writes rows away.
    """
    session = yield from holder(token)
    standing(session, now)
    # A session that ends after a minute unused cannot wait for a minute to be noted.
    if now - session.seen_at >= min(touch_interval, session.idle // 2):
        yield from ask(Touch({session.id: now}))  # written behind; losing it costs one interval of idle time
    return session


def holder(token: SessionToken) -> Flow[Session]:
    """The row whose secret *token* holds, whether or not it is still live.

    Raises:
        UnknownCredential: No such session, or not its secret.
    """
    session = yield from ask(Find(token.id))
    # Rows of other modes have no digest, so no token opens them.
    if session is None or not compare_digest(digest(token.secret), session.secret_digest):
        raise UnknownCredential
    return session


def standing(session: Session, now: int) -> None:
    """Return if *session* is live at second *now*.

    Raises:
        RevokedCredential: It was ended.
        ExpiredCredential: Its time is over.
    """
    if session.ended_at is not None:
        raise RevokedCredential(ended_at=session.ended_at, replaced=session.ended_reason == "replaced")
    if now >= session.expires_at:
        raise ExpiredCredential(expired_at=session.expires_at)


def advanced(session: Session, **changes: Any) -> Session:
    """*session* with *changes*, as the row will be after a `Swap` that expects the version of *session*."""
    return replace(session, version=session.version + 1, **changes)


def digest(secret: bytes) -> bytes:
    """What the store keeps of a session secret."""
    # A plain hash will do: the secret is 256 random bits, not a password.
    return sha256(secret).digest()
