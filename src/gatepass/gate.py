"""The gate: the one object an application holds, in two colours with one face.

Each verb draws what its flow needs from the world, the time and fresh randomness, and runs the flow of the same name
from `gatepass.verbs`. Nothing is decided here.
"""

from collections.abc import Collection, Mapping
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, TypeVar

from gatepass.configured import Configured, checked_data, checked_text, events, known, log_event
from gatepass.core.flow import Flow, Keys, Load, Now, Question, Tell
from gatepass.drivers import run, run_async
from gatepass.records import SOMEWHERE, Client, Credentials, Event, Identity, Mode, Receipt, RevokeReason, Session
from gatepass.verbs import MANY

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")


class Gate(Configured):
    """Logs subjects in, remembers them, and refuses them when that is over. For plain code; threads may share it.

    `AsyncGate` has the same face, awaited; both take the same arguments:
    """

    def login(
        self,
        subject: str,
        *,
        mode: Mode | None = None,
        roles: Collection[str] | None = None,
        claims: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        client: Client = SOMEWHERE,
        replaces: str | None = None,
        remember: bool = True,
    ) -> Credentials:
        """Log *subject* in: a new session under a new id, always.

        Prove first who it is; a gate knows no passwords.

        Args:
            subject: The application's own, unchanging id of the user, at most 255 characters.
            mode: What to issue, if not the mode of this gate.
            roles: What the subject may do, at most 768 bytes as JSON. Not together with `load_subject`, which says it.
            claims: Further facts for the identity, JSON values, at most 1,024 bytes.
            data: The application's own data of this session, JSON values, at most 65,536 bytes; kept in the row only.
            client: Where the request came from, for the device list.
            replaces: The credential that the client came with, if any. A live session behind it ends in the same step,
                and if it was of the same subject, its data is carried over. Anything else is no hindrance.
            remember: Whether cookies of this session outlive the browser; renewals keep to it.

        Returns:
            What the client carries from now on.

        Raises:
            LoginFailed: `load_subject` says that there is no such subject, or that it is not active.
            ModeNotEnabled: *mode* is not accepted here.
            StoreError: Nothing was issued.
            ConfigurationError: Roles, claims or data are larger than that; nothing was issued.
            ValueError, TypeError: An argument is out of its bounds; nothing was done.
        """
        return self._run(
            self._login(
                subject,
                mode=mode,
                roles=roles,
                claims=claims,
                data=data,
                client=client,
                replaces=replaces,
                remember=remember,
            )
        )

    def authenticate(self, credential: str | None) -> Identity:
        """Tell who is calling: the check.

        Args:
            credential: A session token or an access token, as the client sent it; None where it sent none.

        Raises:
            MissingCredential, MalformedCredential, UnknownCredential, ExpiredCredential, RevokedCredential: Nobody.
            StoreError: It cannot be known now.
        """
        now = self._now()
        who = self._verbs.recall(credential, now)
        return who if who is not None else self._run(self._verbs.authenticate(credential, now))

    def refresh(self, refresh_token: str | None, *, client: Client = SOMEWHERE) -> Credentials:
        """Exchange a refresh token for a fresh access token and the next refresh token. Hybrid mode.

        The token just exchanged gets the same successor again for `Policy.grace` seconds, so that two tabs or a lost
        answer log nobody out. Older ones end the session. Source: RFC 9700 section 4.14.2.

        Args:
            refresh_token: As the client sent it.
            client: Where the request came from.

        Raises:
            ReplayedCredential: It had been exchanged before; the session has been ended.
            MissingCredential, MalformedCredential, UnknownCredential, ExpiredCredential,
                RevokedCredential: Log in again. A good access token of `hybrid` counts as missing: its
                refresh token did not come along.
            ModeNotEnabled: A good credential of a mode that has nothing to exchange.
            StoreError: Nothing was decided; try the same token again.
        """
        return self._run(self._refresh(refresh_token, client))

    def step_up(self, credential: str | None, *, client: Client = SOMEWHERE) -> Credentials:
        """Go on under a new session after the person proved again who they are.

        The old session ends in the same step; its data is carried over and `auth_time` is now.

        Args:
            credential: A good session token or access token.
            client: Where the request came from; default: where the old session was.

        Raises:
            LoginFailed: `load_subject` refuses the subject by now.
            CredentialError: The credential is not good, or its session ended meanwhile.
            StoreError: Nothing was issued.
        """
        return self._run(self._step_up(credential, client))

    def update(
        self,
        subject: str,
        *,
        roles: Collection[str] | None = None,
        claims: Mapping[str, Any] | None = None,
    ) -> Receipt:
        """Give the live sessions of *subject* new roles or claims, seen by the next check or, in hybrid mode, renewal.

        Hybrid access tokens with the old ones are refused as expired at once, so that clients renew. In jwt mode roles
        stay until the token ends; the receipt says when that is.

        Args:
            subject: Whose.
            roles: All roles from now on; None leaves them.
            claims: All claims from now on; None leaves them.

        Raises:
            NoStore: Stateless tokens cannot be changed.
            StoreError: Some sessions may have been changed; call again.
        """
        return self._run(self._update(subject, roles, claims))

    def logout(self, credential: str | None) -> Receipt:
        """End the session behind a genuine credential of any kind, also an expired or an exchanged one.

        Args:
            credential: A session, access or refresh token.

        Returns:
            What ended; nothing if it had ended before. Without a store the receipt says how long the token lives on.

        Raises:
            MissingCredential, MalformedCredential, UnknownCredential, RevokedCredential: There is no session to end.
            StoreError: It may not have ended; call again.
        """
        return self._run(self._verbs.logout(credential, self._now()))

    def revoke(
        self,
        *,
        session: str | None = None,
        subject: str | None = None,
        except_session: str | None = None,
        token: str | None = None,
        kid: str | None = None,
        reason: RevokeReason = "revoked",
    ) -> Receipt:
        """End sessions, or refuse a token or a signing key, on every node.

        Args:
            session: The id of one session.
            subject: All sessions of this subject...
            except_session: ... but this one.
            token: One credential. Of an access token only the token is refused; of a session or refresh token the
                session ends.
            kid: Every token under this signing key; rotate first.
            reason: What the device list says of a session that ends: `revoked` from there, `password` after a change
                of it, `operator` by whoever runs the application.

        Raises:
            NotRevocable: A stateless token lives until it expires.
            NoStore: Without a store there is nothing else to revoke.
            KeyInUse: The key still signs.
            CredentialError: *token* is not a credential of ours.
            StoreError: It may not be in force; call again.
            TypeError: Not exactly one target.
        """
        return self._run(
            self._revoke(
                session=session, subject=subject, except_session=except_session, token=token, kid=kid, reason=reason
            )
        )

    def session(self, credential: str | None) -> Session:
        """The row behind a good credential, without its secret parts.

        Raises:
            CredentialError: The credential is not good.
            NoStore: Without a store there are no rows.
            StoreError: It cannot be known now.
        """
        return self._run(self._verbs.session(credential, self._now()))

    def session_id(self, credential: str | None) -> str:
        """The id of the session that *credential* belongs to, as a handle; whether it is still good is not looked at.

        Args:
            credential: A session, access or refresh token. Of an opaque one only the form is looked at.

        Raises:
            MissingCredential, MalformedCredential, UnknownCredential, RevokedCredential: It belongs to none.
            StoreError: It cannot be known now.
        """
        return self._run(self._verbs.session_id(credential, self._now()))

    def set_data(self, session: Session, data: Mapping[str, Any]) -> bool:
        """Replace the data of a session, if the row has not changed since *session* was read.

        Args:
            session: As `session` returned it.
            data: All data from now on, JSON values, at most 65,536 bytes.

        Returns:
            False if somebody else was quicker: read again and decide anew.

        Raises:
            UnknownCredential: The row is gone.
            StoreError: It may not have been written.
        """
        return self._run(self._verbs.set_data(session, checked_data(data)))

    def sessions(self, subject: str, *, limit: int = MANY, first: str | None = None) -> tuple[Session, ...]:
        """The sessions of *subject*, those not ended first, without secret parts; ended ones for 30 days.

        Args:
            subject: Whose.
            limit: So many at most.
            first: The id of a session that comes first if it is one of theirs, however many there are.

        Raises:
            NoStore: Stateless: nobody knows.
            StoreError: It cannot be known now.
        """
        return self._run(self._verbs.sessions(checked_text(subject), limit, first))

    def forget(self, subject: str) -> Receipt:
        """End all sessions of *subject* and remove every row of theirs, ended ones included.

        Raises:
            NoStore: There are no rows.
            StoreError: Call again.
        """
        return self._run(self._verbs.forget(checked_text(subject), self._now()))

    def purge(self, *, limit: int = 10_000) -> int:
        """Remove rows, log entries and counters that are past their time; return how many.

        Each login does a little of it by itself; call this where logins are rare and sessions many.

        Args:
            limit: So many at most, to keep the step small.

        Raises:
            NoStore: There is nothing to remove.
            StoreError: Call again.
        """
        return self._run(self._verbs.purge(limit, self._now()))

    def _run(self, flow: Flow[T]) -> T:
        return run(flow, self._answer)

    def _answer(self, question: Question[Any]) -> Any:
        match question:
            case Load(subject) if self._load_subject is not None:
                return known(self._load_subject(subject))
            case Keys():
                return self._ring()
            case Tell(event):
                return self._tell(event)
            case Now():
                return self._now()
            case _:
                return self._stored().answer(question)

    def _tell(self, event: Event) -> None:
        log_event(event)
        try:
            if self._on_event is not None:
                self._on_event(event)
        except Exception:  # noqa: BLE001  whatever a hook of the application raises, the answer stands
            events.exception("on_event failed")


class AsyncGate(Configured):
    """`Gate` for code on an event loop: the same arguments and verbs, awaited. Hooks may be plain or `async`."""

    _awaits = True

    async def login(
        self,
        subject: str,
        *,
        mode: Mode | None = None,
        roles: Collection[str] | None = None,
        claims: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        client: Client = SOMEWHERE,
        replaces: str | None = None,
        remember: bool = True,
    ) -> Credentials:
        """As `Gate.login`."""
        return await self._to_its_end(
            self._login(
                subject,
                mode=mode,
                roles=roles,
                claims=claims,
                data=data,
                client=client,
                replaces=replaces,
                remember=remember,
            )
        )

    async def authenticate(self, credential: str | None) -> Identity:
        """As `Gate.authenticate`."""
        now = self._now()
        who = self._verbs.recall(credential, now)
        return who if who is not None else await self._run(self._verbs.authenticate(credential, now))

    async def refresh(self, refresh_token: str | None, *, client: Client = SOMEWHERE) -> Credentials:
        """As `Gate.refresh`."""
        return await self._to_its_end(self._refresh(refresh_token, client))

    async def step_up(self, credential: str | None, *, client: Client = SOMEWHERE) -> Credentials:
        """As `Gate.step_up`."""
        return await self._to_its_end(self._step_up(credential, client))

    async def update(
        self,
        subject: str,
        *,
        roles: Collection[str] | None = None,
        claims: Mapping[str, Any] | None = None,
    ) -> Receipt:
        """As `Gate.update`."""
        return await self._to_its_end(self._update(subject, roles, claims))

    async def logout(self, credential: str | None) -> Receipt:
        """As `Gate.logout`."""
        return await self._to_its_end(self._verbs.logout(credential, self._now()))

    async def revoke(
        self,
        *,
        session: str | None = None,
        subject: str | None = None,
        except_session: str | None = None,
        token: str | None = None,
        kid: str | None = None,
        reason: RevokeReason = "revoked",
    ) -> Receipt:
        """As `Gate.revoke`."""
        return await self._to_its_end(
            self._revoke(
                session=session, subject=subject, except_session=except_session, token=token, kid=kid, reason=reason
            )
        )

    async def session(self, credential: str | None) -> Session:
        """As `Gate.session`."""
        return await self._run(self._verbs.session(credential, self._now()))

    async def session_id(self, credential: str | None) -> str:
        """As `Gate.session_id`."""
        return await self._run(self._verbs.session_id(credential, self._now()))

    async def set_data(self, session: Session, data: Mapping[str, Any]) -> bool:
        """As `Gate.set_data`."""
        return await self._run(self._verbs.set_data(session, checked_data(data)))

    async def sessions(self, subject: str, *, limit: int = MANY, first: str | None = None) -> tuple[Session, ...]:
        """As `Gate.sessions`."""
        return await self._run(self._verbs.sessions(checked_text(subject), limit, first))

    async def forget(self, subject: str) -> Receipt:
        """As `Gate.forget`."""
        return await self._to_its_end(self._verbs.forget(checked_text(subject), self._now()))

    async def purge(self, *, limit: int = 10_000) -> int:
        """As `Gate.purge`."""
        return await self._run(self._verbs.purge(limit, self._now()))

    async def _run(self, flow: Flow[T]) -> T:
        return await run_async(flow, self._answer)

    async def _to_its_end(self, flow: Flow[T]) -> T:
        """As `_run`, also if the caller is cancelled: what was ended has to be told, whoever hung up meanwhile."""
        import asyncio  # noqa: PLC0415  whoever has no event loop need not load one

        task = asyncio.create_task(run_async(flow, self._answer))
        self._tasks.add(task)
        task.add_done_callback(self._forget_task)
        return await asyncio.shield(task)

    def _forget_task(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            _ = task.exception()  # it was raised to the caller, if there still was one

    async def _answer(self, question: Question[Any]) -> Any:
        match question:
            case Load(subject) if self._load_subject is not None:
                person = self._load_subject(subject)
                return known(await person if isawaitable(person) else person)
            case Keys():
                return self._ring()
            case Tell(event):
                return await self._tell(event)
            case Now():
                return self._now()
            case _:
                return await self._stored().answer_async(question)

    async def _tell(self, event: Event) -> None:
        log_event(event)
        try:
            told = self._on_event(event) if self._on_event is not None else None
            if isawaitable(told):
                await told
        except Exception:  # noqa: BLE001  whatever a hook of the application raises, the answer stands
            events.exception("on_event failed")
