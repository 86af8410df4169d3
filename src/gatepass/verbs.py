"""What each verb of a gate does, as flows over the modes. `gatepass.gate` gives them their two colours."""

from dataclasses import replace
from typing import Literal

from gatepass.core import lifecycle, opaque, rotation
from gatepass.core.flow import Append, End, Find, Flow, Forget, List, Swap, Tell, ask
from gatepass.core.lifecycle import Fresh, advanced, born, consult
from gatepass.core.opaque import RefreshToken, SessionToken
from gatepass.core.revocation import Denylist
from gatepass.core.warm import AccessTokens
from gatepass.errors import (
    CredentialError,
    KeyInUse,
    KeyUnavailable,
    LoginFailed,
    MalformedCredential,
    MissingCredential,
    ModeNotEnabled,
    NoStore,
    NotRevocable,
    StoreError,
    UnknownCredential,
)
from gatepass.modes import Issuer, Setup
from gatepass.modes.hybrid import HybridMode
from gatepass.modes.jwt import JwtMode
from gatepass.modes.session import SessionMode
from gatepass.policy import LEEWAY
from gatepass.records import (
    NOTHING,
    SOMEWHERE,
    Client,
    Credentials,
    Entry,
    Event,
    Identity,
    Json,
    Mode,
    Receipt,
    RevokeReason,
    Session,
    Subject,
    changed_entry,
)

#: A stolen signing key can mint tokens for as long as any node holds it, so the entry against it outlives them all.
#: 10 years.
KID_TTL = 10 * 365 * 86_400

#: So many sessions of one subject are listed if nobody says otherwise.
MANY = 1_000
#: No subject has more live sessions than this, so that `update` finds them all.
ALL = 1_000_000


class Verbs:
    """The flows of one gate.

    Args:
        setup: What the gate was configured to be.
        tokens: Its access tokens; None where no mode needs keys.
        denylist: Its copy of the log.
    """

    def __init__(self, setup: Setup, tokens: AccessTokens | None, denylist: Denylist) -> None:
        self._setup = setup
        self._denylist = denylist
        self._recall = tokens.recall if tokens is not None and not setup.stored else None
        self._session = SessionMode(setup)
        self._jwt = JwtMode(setup, tokens, denylist) if tokens is not None else None
        self._hybrid = HybridMode(setup, tokens, self._jwt) if tokens is not None and self._jwt is not None else None

    # -- login, step-up ------------------------------------------------------------------------------------------------

    def login(
        self,
        subject: str,
        *,
        mode: Mode | None,
        person: Subject,
        data: Json,
        client: Client,
        replaces: str | None,
        remember: bool,
        fresh: Fresh,
        now: int,
    ) -> Flow[Credentials]:
        """Log *subject* in; see `Gate.login`."""
        yield from self._renew_keys(now)
        issuer = self._issuer(mode or self._setup.mode)
        known = yield from consult(subject, person, hooked=self._setup.hooked)
        if known is None:
            raise LoginFailed
        old = yield from self._replaced(replaces, now)
        if old is not None and old.subject == subject and data == NOTHING:
            data = old.data
        session = self._born(
            mode or self._setup.mode, subject, known, data=data, client=client, fresh=fresh, now=now, remember=remember
        )
        session = yield from self._add(session, "login", old)
        return (yield from issuer.issue(session, fresh, now))

    def step_up(self, credential: str | None, *, client: Client, fresh: Fresh, now: int) -> Flow[Credentials]:
        """Continue a session under a new id after the person proved again who they are; see `Gate.step_up`."""
        yield from self._renew_keys(now)
        identity = yield from self.authenticate(credential, now)
        issuer = self._issuer(identity.mode)
        old = (yield from self._row(identity.session_id)) if self._setup.stored else None
        # From the row where there is one: a token may carry roles that were taken away since.
        held = Subject(roles=(old or identity).roles, claims=(old or identity).claims)
        person = yield from consult(identity.subject, held, hooked=self._setup.hooked)
        if person is None:
            raise LoginFailed
        session = self._born(
            identity.mode,
            identity.subject,
            person,
            data=old.data if old is not None else NOTHING,
            client=client if client != SOMEWHERE or old is None else old.client,
            fresh=fresh,
            now=now,
            remember=old is None or old.remember,
        )
        session = yield from self._add(session, "step_up", old)
        return (yield from issuer.issue(session, fresh, now))

    def _born(
        self,
        mode: Mode,
        subject: str,
        person: Subject,
        *,
        data: Json,
        client: Client,
        fresh: Fresh,
        now: int,
        remember: bool,
    ) -> Session:
        issuer = self._issuer(mode)
        session = born(
            self._setup.policy,
            fresh=fresh,
            subject=subject,
            person=person,
            mode=mode,
            client=client,
            data=data,
            token_ttl=issuer.token_ttl,
            now=now,
            remember=remember,
        )
        return issuer.begin(session, fresh)

    def _add(self, session: Session, kind: Literal["login", "step_up"], old: Session | None) -> Flow[Session]:
        if not self._setup.stored:
            yield from ask(Tell(_event(kind, session, session.created_at)))
            return session
        policy = self._setup.policy
        return (
            yield from lifecycle.login(session, kind=kind, old=old, keep=policy.max_sessions, hooked=self._setup.hooked)
        )

    def _replaced(self, credential: str | None, now: int) -> Flow[Session | None]:
        """The live row of a credential that a new login takes the place of; None when it is not good for that."""
        if not credential or not self._setup.stored:
            return None
        try:
            session = yield from self._holder(credential, now)
        except (CredentialError, KeyUnavailable):
            return None  # whoever logs in need not have come with a good one, nor with one that can be told
        if session is None or session.ended_at is not None or now >= session.expires_at:
            return None
        return session

    # -- check, refresh ------------------------------------------------------------------------------------------------

    def recall(self, credential: str | None, now: int) -> Identity | None:
        """Who is calling, where that can be told without asking anything: a token seen before, and no store.

        None says nothing, and `authenticate` has to. A call costs a tenth of a flow, so this is not one.
        """
        if self._recall is None or type(credential) is not str:
            return None
        return self._recall(credential, now)

    def authenticate(self, credential: str | None, now: int) -> Flow[Identity]:
        """Who is calling; see `Gate.authenticate`."""
        match present(credential):
            case SessionToken() as token:
                if "session" not in self._setup.accept:
                    raise UnknownCredential("mode")
                return (yield from self._session.check(token, now))
            case RefreshToken():
                raise UnknownCredential("kind")  # for its one purpose only
            case str() as text:
                return (yield from self._access().check(text, now))

    def refresh(self, credential: str | None, *, client: Client, fresh: Fresh, now: int) -> Flow[Credentials]:
        """Exchange a refresh token; see `Gate.refresh`."""
        token = present(credential)
        if not isinstance(token, RefreshToken):
            # A bad one is told what is wrong with it; a good access token that its refresh token did not come along;
            # any other good one that its mode knows no exchange.
            identity = yield from self.authenticate(credential, now)
            if identity.mode == "hybrid":
                raise MissingCredential
            raise ModeNotEnabled("only a refresh token can be exchanged")
        self._accepts("hybrid")
        if self._hybrid is None:
            raise ModeNotEnabled
        yield from self._renew_keys(now)
        session = yield from self._hybrid.renew(token, client=client, now=now)
        yield from ask(Tell(_event("refresh", session, now)))
        return (yield from self._hybrid.issue(session, fresh, now))

    def session_id(self, credential: str | None, now: int) -> Flow[str]:
        """The session that a genuine credential belongs to; see `Gate.session_id`."""
        token = present(credential)
        if not isinstance(token, str):
            return token.id
        return (yield from self._access().open(token, now)).session_id

    # -- rows ----------------------------------------------------------------------------------------------------------

    def session(self, credential: str | None, now: int) -> Flow[Session]:
        """The row behind a good credential; see `Gate.session`."""
        identity = yield from self.authenticate(credential, now)
        session = yield from self._row(identity.session_id)
        lifecycle.standing(session, now)
        return _public(session)

    def set_data(self, session: Session, data: Json) -> Flow[bool]:
        """Replace the data of a session that has not changed since; see `Gate.set_data`."""
        row = yield from self._row(session.id)
        if row.version != session.version:
            return False
        return (yield from ask(Swap(advanced(row, data=data), session.version)))

    def sessions(self, subject: str, limit: int, first: str | None) -> Flow[tuple[Session, ...]]:
        """The sessions of *subject*; see `Gate.sessions`."""
        self._needs_store()
        rows = yield from ask(List(subject, limit))
        chosen = None if first is None else (yield from ask(Find(first)))
        if chosen is not None and chosen.subject == subject:
            rows = (chosen, *(row for row in rows if row.id != first))[:limit]
        return tuple(_public(row) for row in rows)

    def update(self, subject: str, *, roles: frozenset[str] | None, claims: Json | None, now: int) -> Flow[Receipt]:
        """Give the live sessions of *subject* new rights; see `Gate.update`."""
        self._needs_store()
        rows = yield from ask(List(subject, ALL))
        live = [row for row in rows if row.ended_at is None]
        for row in live:
            yield from self._amend(row, roles=roles, claims=claims, now=now)
        yield from ask(Tell(Event(kind="update", at=now, subject=subject, session_ids=tuple(row.id for row in live))))
        # A token of jwt mode carries its roles to its end, and no check compares them with anything.
        fixed = [row.ends_at + LEEWAY for row in live if row.mode == "jwt" and row.ends_at + LEEWAY > now]
        return Receipt(tokens_alive_until=max(fixed, default=None))

    def _amend(self, row: Session, *, roles: frozenset[str] | None, claims: Json | None, now: int) -> Flow[None]:
        for _ in range(rotation.ATTEMPTS):
            amended = advanced(
                row,
                roles=row.roles if roles is None else roles,
                claims=row.claims if claims is None else claims,
            )
            if (yield from ask(Swap(amended, row.version, changed_entry(amended, now)))):
                return
            again = yield from ask(Find(row.id))
            if again is None or again.ended_at is not None:
                return
            row = again
        raise StoreError("one session changed too often while it was updated")

    # -- ends ----------------------------------------------------------------------------------------------------------

    def logout(self, credential: str | None, now: int) -> Flow[Receipt]:
        """End the session of a genuine credential; see `Gate.logout`."""
        token = present(credential)
        if isinstance(token, str):
            seen = yield from self._access().open(token, now)
            if not self._setup.stored:
                return Receipt(tokens_alive_until=seen.dead_at if seen.dead_at > now else None)
            session_id = seen.session_id
            known = session_id in self._denylist.ended
            if not known and now < seen.dead_at and (yield from ask(Find(session_id))) is None:
                # The store lost the row, and the token lives: what ends it then is the log alone.
                yield from ask(Append(Entry(kind="sid", key=session_id, until=seen.dead_at)))
                return Receipt(ended=(session_id,))
        elif not self._setup.stored:
            raise UnknownCredential
        else:
            session_id = (yield from self._holder_of(token)).id
        ended = yield from ask(End(ids=(session_id,), reason="logout", at=now))
        if ended:
            yield from ask(Tell(_event("logout", ended[0], now)))
        return Receipt(ended=tuple(row.id for row in ended))

    def revoke_session(self, id: str, reason: RevokeReason, now: int) -> Flow[Receipt]:  # noqa: A002  it is the id
        """End one session by its id; see `Gate.revoke`."""
        self._needs_store()
        return (yield from self._end(End(ids=(id,), reason=reason, at=now)))

    def revoke_subject(self, subject: str, except_session: str | None, reason: RevokeReason, now: int) -> Flow[Receipt]:
        """End all sessions of a subject, or all but one; see `Gate.revoke`."""
        self._needs_store()
        return (yield from self._end(End(subject=subject, except_id=except_session, reason=reason, at=now)))

    def revoke_token(self, credential: str, reason: RevokeReason, now: int) -> Flow[Receipt]:
        """Refuse one credential from now on; see `Gate.revoke`."""
        token = present(credential)
        if not isinstance(token, str):
            session = yield from self._holder_of(token)
            return (yield from self._end(End(ids=(session.id,), reason=reason, at=now)))
        seen = yield from self._access().open(token, now)
        if now >= seen.dead_at:
            return Receipt()
        if not self._setup.stored:
            raise NotRevocable(seconds_left=seen.dead_at - now)
        # By its `jti`, never by its text: an ECDSA signature has a second spelling.
        yield from ask(Append(Entry(kind="jti", key=seen.jti, until=seen.dead_at)))
        subject, session_id = seen.identity.subject, seen.session_id
        yield from ask(Tell(Event(kind="revoke", at=now, subject=subject, session_ids=(session_id,), reason="token")))
        return Receipt()

    def revoke_kid(self, kid: str, now: int) -> Flow[Receipt]:
        """Refuse every token under one signing key from now on; see `Gate.revoke`."""
        self._needs_store()
        yield from self._renew_keys(now)
        if self._access().in_use(kid, now):
            raise KeyInUse
        yield from ask(Append(Entry(kind="kid", key=kid, until=now + KID_TTL)))
        yield from ask(Tell(Event(kind="revoke", at=now, kids=(kid,), reason="kid")))
        return Receipt()

    def forget(self, subject: str, now: int) -> Flow[Receipt]:
        """End the sessions of a subject and remove every row of theirs; see `Gate.forget`."""
        self._needs_store()
        receipt = yield from self._end(End(subject=subject, reason="revoked", at=now))
        yield from ask(Forget(subject))
        return receipt

    def purge(self, limit: int, now: int) -> Flow[int]:
        """Remove what is past its time; see `Gate.purge`."""
        self._needs_store()
        return (yield from lifecycle.purge(limit, now))

    def _end(self, end: End) -> Flow[Receipt]:
        ended = yield from ask(end)
        ids = tuple(row.id for row in ended)
        if ended:
            subject = ended[0].subject
            yield from ask(Tell(Event(kind="revoke", at=end.at, subject=subject, session_ids=ids, reason=end.reason)))
        return Receipt(ended=ids)

    # -- what the verbs share ------------------------------------------------------------------------------------------

    def _holder(self, credential: str | None, now: int) -> Flow[Session | None]:
        """The row of a genuine credential, of any generation and age; None where it has been removed."""
        token = present(credential)
        if not isinstance(token, str):
            return (yield from self._holder_of(token))
        seen = yield from self._access().open(token, now)
        return (yield from ask(Find(seen.session_id)))

    def _holder_of(self, token: SessionToken | RefreshToken) -> Flow[Session]:
        """The row of a genuine opaque credential."""
        if isinstance(token, SessionToken):
            return (yield from lifecycle.holder(token))
        if self._hybrid is None:
            raise UnknownCredential
        return (yield from self._hybrid.holder(token))

    def _row(self, id: str) -> Flow[Session]:  # noqa: A002  it is the id
        self._needs_store()
        session = yield from ask(Find(id))
        if session is None:
            raise UnknownCredential
        return session

    def _renew_keys(self, now: int) -> Flow[None]:
        """Go on with the key ring as it is now: what is signed from here on is signed with the newest key."""
        if self._jwt is not None:
            yield from self._jwt.renew_keys(now)

    def _issuer(self, mode: Mode) -> Issuer:
        self._accepts(mode)
        issuer: Issuer | None
        match mode:
            case "session":
                issuer = self._session
            case "jwt":
                issuer = self._jwt
            case "hybrid":
                issuer = self._hybrid
        if issuer is None:
            raise ModeNotEnabled
        return issuer

    def _access(self) -> JwtMode:
        if self._jwt is None:
            raise UnknownCredential("key")
        return self._jwt

    def _accepts(self, mode: Mode) -> None:
        if mode not in self._setup.accept:
            raise ModeNotEnabled

    def _needs_store(self) -> None:
        if not self._setup.stored:
            raise NoStore


def present(credential: str | None) -> SessionToken | RefreshToken | str:
    """Tell by its form what *credential* is; a `str` is, at best, a signed token.

    Raises:
        MissingCredential: There is none.
        MalformedCredential: It is not text.
    """
    if credential is None or credential == "":
        raise MissingCredential
    if type(credential) is not str:
        raise MalformedCredential("type")
    return opaque.parse(credential) or credential


def _event(kind: Literal["login", "refresh", "step_up", "logout"], session: Session, now: int) -> Event:
    return Event(kind=kind, at=now, subject=session.subject, session_ids=(session.id,), client=session.client)


def _public(session: Session) -> Session:
    """*session* without what is derived from secrets, for lists and pages."""
    return replace(session, secret_digest=b"", seed=b"")
