"""`Gatepass`: the gate of an application, its middleware, its routes."""

import os
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Final, Literal

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request

from gatepass import folders
from gatepass.configured import KeySource, LoadSubjectAsync, OnEvent, check_parts, current
from gatepass.core.origin import local
from gatepass.core.rights import demand, wanted
from gatepass.core.warm import SEEN
from gatepass.errors import ConfigurationError, GatepassError
from gatepass.gate import AsyncGate, Gate
from gatepass.keys import KeyFile, KeyRing
from gatepass.policy import Policy
from gatepass.records import Identity, Mode, Receipt, RevokeReason, Session
from gatepass.starlette.answer import on_error
from gatepass.starlette.caller import Access, Caller, Credentials
from gatepass.starlette.carried import Transport
from gatepass.starlette.middleware import GatepassMiddleware
from gatepass.starlette.routes import Routes
from gatepass.starlette.sync import Sync
from gatepass.stores import Store
from gatepass.stores.sqlite import SqliteStore
from gatepass.verbs import MANY
from gatepass.web.site import Site

#: Where sessions and keys are kept if nothing else is said.
FOLDER: Final = Path(folders.NAME)
#: What a gate is called if nothing else is said.
NAME: Final = "gatepass"


class Gatepass:
    """The gate of a Starlette application.

    Args:
        app: The application, if it is there already; else see `install`.
        mode: What a login issues: `session`, `jwt` or `hybrid`.
        accept: The modes whose credentials are checked. Default: all that store and keys allow.
        store: Where sessions live. Default: a SQLite file in `./.gatepass/`, opened at start-up or at first use and
            closed at the end. One that is passed in is its owner's to close. False: stateless, `jwt` only.
        keys: What signs. Default: a key file in `./.gatepass/`. With a *name*, both are in `./.gatepass/<name>/`.
        policy: How long things last.
        name: The name of this application, in its tokens and in the names of its cookies.
        issuer: The public address, such as `https://app.example.com`, and the `iss` of tokens. It decides which hosts
            are served, and what the cookies are. None: development, on loopback only.
        audience: `aud` of tokens; default *name*.
        token_cache: How many verified tokens are kept, see `Gate`; 0 for none.
        origins: Further origins whose pages may call, such as `https://spa.example.com`.
        prefix: The path of our own routes.
        login_page: The path of the page where a person logs in. A page load without a good credential is sent there.
        load_subject: Asked at login and refresh what a subject may do; plain or `async`.
        on_event: Told of logins, refreshes, replays, ends; plain or `async`.
        clock: Seconds since the epoch.
        random: So many bytes that nobody can guess.

    Raises:
        ConfigurationError: The parts do not fit together.
    """

    def __init__(
        self,
        app: Starlette | None = None,
        *,
        mode: Mode = "session",
        accept: Collection[Mode] | None = None,
        store: Store | Literal[False] | None = None,
        keys: KeyRing | KeySource | None = None,
        policy: Policy | None = None,
        name: str = NAME,
        issuer: str | None = None,
        audience: str | None = None,
        token_cache: int = SEEN,
        origins: Collection[str] = (),
        prefix: str = "/auth",
        login_page: str | None = None,
        load_subject: LoadSubjectAsync | None = None,
        on_event: OnEvent | None = None,
        clock: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        check_parts(store=store or None, keys=keys, policy=policy)
        self.site = Site(stem=name, issuer=issuer, origins=origins, prefix=prefix)
        if login_page is not None and local(login_page) is None:
            raise ConfigurationError(
                cause=f"{login_page[:40]!r} is no path of this application",
                fix="Give one such as /login.",
                source="Gatepass(login_page=...)",
            )
        self.mode = mode
        self.name = name
        self.prefix = prefix
        #: What the paths of our routes begin with.
        self.below = prefix + "/"
        self.routes = Routes(prefix)
        self.login_page = login_page
        self._store = store
        # Each name has its own: what one gate issues must prove nothing to another.
        self._folder = FOLDER.absolute() if name == NAME else FOLDER.absolute() / name
        self._keys: KeyRing | KeySource = keys if keys is not None else KeyFile(self._folder / "keys.json")
        self._options: dict[str, Any] = {
            "mode": mode,
            "accept": accept,
            "policy": policy,
            "name": name,
            "issuer": issuer,
            "audience": audience,
            "token_cache": token_cache,
            "clock": clock,
            "random": random,
        }
        self._hooks: dict[str, Any] = {"load_subject": load_subject, "on_event": on_event}
        self._clock = clock
        self._opening = Lock()
        self._opened: Store | None = None
        self._gate: AsyncGate | None = None
        self._plain: Gate | None = None
        #: The same verbs for `def` routes.
        self.sync = Sync(self)
        if app is not None:
            self.install(app)

    # -- set-up --------------------------------------------------------------------------------------------------------

    def install(self, app: Starlette) -> None:
        """Put the middleware around *app*, which serves our routes, and give it an error handler and an end.

        Raises:
            ConfigurationError: One of this name or prefix is there already.
        """
        for other in app.user_middleware:
            auth = other.kwargs.get("auth")
            if isinstance(auth, Gatepass) and (auth.name == self.name or auth.prefix == self.prefix):
                raise ConfigurationError(
                    cause=f"{self.name!r} at {self.prefix} and {auth.name!r} at {auth.prefix} are in one application",
                    fix="Install each once, and give each a name and a prefix of its own.",
                    source="Gatepass(app)",
                )
        app.add_middleware(GatepassMiddleware, auth=self)
        self.install_errors(app)
        app.state.gatepass = self
        around = app.router.lifespan_context

        @asynccontextmanager
        async def lifespan(app: Any) -> AsyncIterator[Any]:
            _ = self.gate  # what cannot work is said before the first request
            try:
                async with around(app) as state:
                    yield state
            finally:
                self.close()

        app.router.lifespan_context = lifespan

    def install_errors(self, app: Starlette) -> None:
        """Let *app*, which an application of ours mounts, answer our refusals itself.

        A mounted application has an error handling of its own, which would answer 500 before ours sees anything.
        """
        app.add_exception_handler(GatepassError, on_error)  # type: ignore[arg-type]  # of WebSockets, too

    def now(self) -> int:
        """Seconds since the epoch, by the clock of this gate."""
        return int(self._clock())

    @property
    def gate(self) -> AsyncGate:
        """The gate itself, for what is done outside of requests. It opens at first use.

        Raises:
            ConfigurationError: It cannot.
        """
        gate = self._gate
        if gate is None:
            gate = self._open()
        return gate

    @property
    def store(self) -> Store | None:
        """Where the sessions of the open gate live; None where it is stateless."""
        _ = self.gate
        return self._opened

    @property
    def ring(self) -> KeyRing:
        """The keys as they are now.

        Raises:
            KeyUnavailable: They cannot be read.
        """
        return current(self._keys)

    @property
    def plain(self) -> Gate:
        """Its plain twin, for `request.user`: it checks, and knows no hooks."""
        plain = self._plain
        if plain is None:
            _ = self.gate
            with self._opening:
                plain = self._plain = Gate(self._opened, keys=self._keys, **self._options)
        return plain

    def _open(self) -> AsyncGate:
        with self._opening:
            if self._gate is None:
                if self._store is None:
                    self._opened = SqliteStore(self._folder / "gatepass.db")
                elif not isinstance(self._store, bool):
                    self._opened = self._store
                try:
                    self._gate = AsyncGate(self._opened, keys=self._keys, **self._hooks, **self._options)
                except ConfigurationError:
                    self._shut()
                    raise
            return self._gate

    def close(self) -> None:
        """Close what was opened here. The next use opens it again."""
        with self._opening:
            self._gate = self._plain = None
            self._shut()

    def _shut(self) -> None:
        if self._store is None and self._opened is not None:
            self._opened.close()
            self._opened = None

    # -- verbs of a request --------------------------------------------------------------------------------------------

    def caller(self, connection: HTTPConnection) -> Caller:
        """The caller of a request, as this gate sees them.

        Raises:
            RuntimeError: The request did not come through this extension, or not yet.
        """
        caller: Caller | None = connection.scope.get("gatepass")
        while caller is not None and caller.auth is not self:
            caller = caller.outer
        if caller is None:
            raise RuntimeError(
                "this application has not been given to Gatepass(...), or to its install(); or a middleware that was"
                " added after that, and so runs before it, asks who is calling"
            )
        return caller

    async def login(
        self,
        request: Request,
        subject: str,
        *,
        mode: Mode | None = None,
        transport: Transport = "cookie",
        access: Access = "cookie",
        remember: bool = True,
        roles: Collection[str] | None = None,
        claims: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Credentials:
        """Log *subject* in, after you have proved who it is; the cookies go with whatever your route answers.

        A live session that the request came with ends in the same step. If the answer turns out to be a refusal,
        nothing is handed out and the new session ends.

        Args:
            request: The request in hand.
            subject: The application's own, unchanging id of the user.
            mode: What to issue, if not the mode of this gate.
            transport: `cookie` for browsers, `bearer` for programs, which get the tokens as what is returned.
            access: `body`: in hybrid mode by cookie, the access token is returned and in no cookie, for pages that
                keep it in memory. In other modes it changes nothing.
            remember: Whether the cookies outlive the browser.
            roles: What the subject may do. Not together with `load_subject`, which then says it.
            claims: Further facts for the identity.
            data: The application's own data of this session.

        Returns:
            What to return to the client, as JSON.

        Raises:
            LoginFailed: `load_subject` says so.
            CsrfRefused, HostUnknown, CredentialsAmbiguous: Another site may have made the request.
            ModeNotEnabled: *mode* is not accepted here.
            ValueError: There is no such *transport* or *access*.
            ResponseStarted: It is too late to set a cookie.
            StoreError: Nothing was issued.
        """
        return await self.caller(request).login(
            request,
            subject,
            transport=transport,
            access=access,
            mode=mode,
            remember=remember,
            roles=roles,
            claims=claims,
            data=data,
        )

    async def step_up(self, request: Request, *, access: Access = "cookie") -> Credentials:
        """Go on under a new session, after the person proved again who they are.

        Args:
            request: The request in hand, with a good credential; the new one goes back the way it came.
            access: As for `login`: `body` for a page that logged in with `body`. Its bearer token looks like that of
                a program, which would be told its refresh token; that of the page stays in its cookie.

        Raises:
            CredentialError, LoginFailed, CsrfRefused, HostUnknown, ResponseStarted, StoreError: As `login`.
        """
        return await self.caller(request).step_up(request, access=access)

    async def logout(self, request: Request, *, refresh_token: str | None = None) -> Receipt:
        """End the session that the request came with, also if its access token has expired; clear the cookies.

        Args:
            request: The request in hand.
            refresh_token: Of a program, from the body: it will do where the access token is lost.

        Raises:
            CredentialError: There is no session to end. Nothing is cleared.
            CsrfRefused, HostUnknown, ResponseStarted, StoreError: As `login`.
        """
        return await self.caller(request).logout(request, refresh_token)

    async def protect(self, request: Request) -> None:
        """The check of where a request comes from, alone: for what changes something for nobody in particular.

        A route that signs people up wants it before it writes. The other verbs check by themselves.

        Raises:
            CsrfRefused, HostUnknown, CredentialsAmbiguous: Another site may have made the request.
            StoreError: It cannot be known now.
        """
        await self.caller(request).protect(request)

    async def identity(self, connection: HTTPConnection) -> Identity:
        """Who is calling.

        Raises:
            CredentialError: Nobody who could prove it.
            CredentialsAmbiguous, CsrfRefused: It is not safe to say.
            StoreError: It cannot be known now.
        """
        return await self.caller(connection).identity(connection)

    async def maybe(self, connection: HTTPConnection) -> Identity | None:
        """As `identity`; None where there is no good credential.

        Raises:
            ExpiredCredential: The token of an access cookie has ended: it is somebody, who has to renew it first. A
                page load is led to do so, `gatepass.js` does it and asks again, others are answered 401.
            CredentialsAmbiguous, CsrfRefused: It is not safe to say.
            StoreError: It cannot be known now.
        """
        return await self.caller(connection).maybe(connection)

    async def require(
        self, connection: HTTPConnection, *, role: str | None = None, max_age: int | None = None
    ) -> Identity:
        """As `identity`, of somebody who may.

        Args:
            connection: The request in hand.
            role: One that they must have.
            max_age: Seconds that their last login may be ago.

        Raises:
            RoleRequired, StepUpRequired: They may not, or not yet.
            TypeError: Nobody could have such a role, or such an age.
        """
        wanted(role, max_age)
        who = await self.identity(connection)
        return demand(who, role=role, max_age=max_age, now=self.now())

    async def session(self, connection: HTTPConnection) -> Session:
        """The row of who is calling, with its data; see `AsyncGate.session`."""
        return await self.caller(connection).session(connection)

    # -- verbs without a request ---------------------------------------------------------------------------------------

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
        return await self.gate.revoke(
            session=session, subject=subject, except_session=except_session, token=token, kid=kid, reason=reason
        )

    async def update(
        self,
        subject: str,
        *,
        roles: Collection[str] | None = None,
        claims: Mapping[str, Any] | None = None,
    ) -> Receipt:
        """As `Gate.update`."""
        return await self.gate.update(subject, roles=roles, claims=claims)

    async def sessions(self, subject: str, *, limit: int = MANY, first: str | None = None) -> tuple[Session, ...]:
        """As `Gate.sessions`."""
        return await self.gate.sessions(subject, limit=limit, first=first)

    async def set_data(self, session: Session, data: Mapping[str, Any]) -> bool:
        """As `Gate.set_data`."""
        return await self.gate.set_data(session, data)

    async def forget(self, subject: str) -> Receipt:
        """As `Gate.forget`."""
        return await self.gate.forget(subject)

    def csrf_token(self, connection: HTTPConnection) -> str | None:
        """The CSRF token for forms of a page, after `identity`; None where no cookie said who is calling.

        Browsers of this decade need none: see docs/cookies-and-csrf.md.
        """
        return self.caller(connection).csrf_token()
