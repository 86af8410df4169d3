"""Refresh tokens: each can be exchanged once, for exactly one successor, however many race.

What happens to a genuine token of generation *n*, presented to a live row of generation *g*, is one table,
`verdict`, from which the tests and the picture in the documentation are made.
"""

import hmac
from dataclasses import replace
from enum import Enum
from hashlib import sha256
from typing import Literal

from gatepass.core.flow import End, Find, Flow, Keys, Now, Swap, Tell, ask
from gatepass.core.keyring import KeyRing
from gatepass.core.lifecycle import advanced, consult, standing
from gatepass.core.opaque import RefreshToken
from gatepass.errors import KeyUnavailable, ReplayedCredential, RevokedCredential, StoreError, UnknownCredential
from gatepass.records import SOMEWHERE, Client, Event, Session, Subject

#: A compare-and-set that was lost is decided anew on the row as it is then. Each loss means that somebody else made
#: progress on this one session; so many in a row is a fault.
ATTEMPTS = 16


class Verdict(Enum):
    """What a genuine refresh token is good for."""

    EXCHANGE = "exchange"
    SAME_SUCCESSOR = "same successor"
    REPLAY = "replay: end the session"


def verdict(*, presented: int, live: int, age: int, grace: int) -> Verdict:
    """Decide on a genuine token.

    Args:
        presented: The generation of the token.
        live: The generation of the row.
        age: Seconds since the live generation was made.
        grace: For how many seconds after that its parent gets the same successor again.
    """
    if presented >= live:
        # The head; or, the store having lost its latest history, a head that it does not know any more.
        return Verdict.EXCHANGE
    # The age is negative where this node's clock is behind the one that exchanged; by more than `grace` is no clock
    # that we trust with the question.
    if presented == live - 1 and -grace < age < grace:
        return Verdict.SAME_SUCCESSOR
    return Verdict.REPLAY


def secret(key: bytes, *, seed: bytes, id: str, generation: int) -> bytes:  # noqa: A002  it is the id
    """The secret of one generation: 32 bytes that follow from a key outside the store and a seed inside it.

    So nothing replayable is stored, every node derives the same successor, and neither a stolen database nor a stolen
    key alone forges one.
    """
    # Each part has a fixed length, so no two inputs give the same message.
    return hmac.digest(key, seed + id.encode("ascii") + generation.to_bytes(8, "big"), sha256)


def token(session: Session, ring: KeyRing) -> Flow[RefreshToken]:
    """The refresh token of the live generation of *session*.

    Raises:
        KeyUnavailable: This node does not hold the refresh key of the session.
    """
    key = yield from refresh_key(session, ring)
    return RefreshToken(
        session.id, session.generation, secret(key, seed=session.seed, id=session.id, generation=session.generation)
    )


def holder(presented: RefreshToken, ring: KeyRing) -> Flow[Session]:
    """The row from which *presented* was derived, whatever its generation and whether or not it is still live.

    Raises:
        UnknownCredential: No such session, or not a secret of it. Nothing ends: a stranger who saw an id cannot log
            anybody out.
        KeyUnavailable: This node cannot tell.
    """
    session = yield from ask(Find(presented.id))
    if session is None or session.mode != "hybrid":
        raise UnknownCredential
    key = yield from refresh_key(session, ring)
    genuine = secret(key, seed=session.seed, id=session.id, generation=presented.generation)
    if not hmac.compare_digest(genuine, presented.secret):
        raise UnknownCredential
    return session


def refresh_key(session: Session, ring: KeyRing) -> Flow[bytes]:
    """The key under which the refresh chain of *session* is derived, reading the key ring again if need be."""
    key = ring.refresh_key(session.refresh_kid)
    if key is None:
        ring = yield from ask(Keys())
        key = ring.refresh_key(session.refresh_kid)
    if key is None:
        raise KeyUnavailable
    return key


def exchange(
    presented: RefreshToken, ring: KeyRing, *, grace: int, client: Client, hooked: bool, now: int
) -> Flow[Session]:
    """Exchange a refresh token; return the row whose live generation is the successor.

    Args:
        presented: As the client sent it.
        ring: The keys at hand.
        grace: Seconds, see `verdict`.
        client: Who asks; kept in the row, and named beside the holder if this is a replay.
        hooked: Whether there is a `load_subject` hook to ask.
        now: Seconds since the epoch.

    Raises:
        UnknownCredential: Not a token of ours; nothing was ended.
        RevokedCredential: The session was ended, or its subject is not active any more.
        ExpiredCredential: The session's time is over.
        ReplayedCredential: It had been exchanged before; the session is ended now.
        StoreError: Nothing was decided; the same token can be tried again.
    """
    was_head = False
    for _ in range(ATTEMPTS):
        session = yield from holder(presented, ring)
        standing(session, now)
        age = now - session.rotated_at
        ruling = verdict(presented=presented.generation, live=session.generation, age=age, grace=grace)
        if was_head and presented.generation == session.generation - 1:
            ruling = Verdict.SAME_SUCCESSOR  # it lost to its twin just now, however long the hook took meanwhile
        was_head = was_head or ruling is Verdict.EXCHANGE
        if ruling is Verdict.REPLAY:
            _ = yield from _end(session, reason="replayed", client=client, now=now)
            raise ReplayedCredential(session_id=session.id)
        held = Subject(roles=session.roles, claims=session.claims)
        person = yield from consult(session.subject, held, hooked=hooked)
        if person is None:
            ended = yield from _end(session, reason="inactive", client=client, now=now)
            raise RevokedCredential(ended_at=ended[0].ended_at if ended else None)
        if ruling is Verdict.SAME_SUCCESSOR and person == held:
            return session
        if hooked:
            now = yield from ask(Now())  # the hook may have taken longer than the grace that begins here
        successor = advanced(session, roles=person.roles, claims=person.claims)
        if ruling is Verdict.EXCHANGE:
            successor = replace(
                successor,
                generation=presented.generation + 1,
                rotated_at=now,
                seen_at=max(now, session.seen_at),
                forget_at=session.forget_at + max(0, now - session.seen_at),
                client=client if client != SOMEWHERE else session.client,
            )
        if (yield from ask(Swap(successor, session.version))):
            return successor
    raise StoreError("one session changed too often while it was refreshed")


def _end(
    session: Session, *, reason: Literal["replayed", "inactive"], client: Client, now: int
) -> Flow[tuple[Session, ...]]:
    ended = yield from ask(End(ids=(session.id,), reason=reason, at=now))
    if ended:  # of several who try at once, one ends the session and one event tells of it
        event = Event(
            kind="replay" if reason == "replayed" else "revoke",
            at=now,
            subject=session.subject,
            session_ids=(session.id,),
            reason=reason,
            client=client,
            holder=session.client,
        )
        yield from ask(Tell(event))
    return ended
