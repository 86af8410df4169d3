"""The caller of one request: who it is, and what is sent back to them."""

import logging
import sys
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias, get_args

from starlette.requests import HTTPConnection
from starlette.types import Message, Scope

from gatepass.core.cookies import PURPOSES, Purpose, one
from gatepass.errors import (
    CredentialError,
    CredentialsAmbiguous,
    CsrfRefused,
    GatepassError,
    MissingCredential,
    NoStore,
    StoreError,
)
from gatepass.records import Credentials as Issued
from gatepass.records import Identity, Mode, Receipt, Session
from gatepass.starlette.carried import TRANSPORTS, Carried, Credential, Transport
from gatepass.starlette.jar import REFUSED, Jar
from gatepass.web.site import Place

if TYPE_CHECKING:
    from gatepass.starlette.extension import Gatepass

if sys.version_info >= (3, 12):
    from typing import NotRequired, TypedDict
else:  # the only one that pydantic reads in 3.11
    from typing import NotRequired

    from typing_extensions import TypedDict

#: How the access token of a browser goes back to it: by cookie, or in the body for a page that keeps it in memory.
Access: TypeAlias = Literal["cookie", "body"]
ACCESSES: Final = get_args(Access)

events = logging.getLogger("gatepass.events")


class Credentials(TypedDict):
    """What a login, a step-up or a refresh tells its caller: tokens only where no cookie carries them."""

    mode: Mode
    #: Seconds.
    expires_in: int
    session_id: str
    #: Cookies only: what pages send along with what they change.
    csrf_token: NotRequired[str]
    #: Bearer only, and then `Bearer`.
    token_type: NotRequired[str]
    #: Bearer, and hybrid with `access="body"`.
    access_token: NotRequired[str]
    #: Bearer in hybrid mode only.
    refresh_token: NotRequired[str]


class ResponseStarted(RuntimeError):
    """The head of the answer has been sent, so no cookie can go with it any more: call the verb earlier."""


class Made(NamedTuple):
    """What a verb issued in this request."""

    issued: Issued
    #: What the next request of its holder will be checked by.
    credential: Credential


class Caller:
    """The caller of one request, in `scope["gatepass"]`. Nothing is looked at before it is asked for.

    Args:
        auth: The extension that the request goes through.
        scope: The ASGI scope of the request.
    """

    __slots__ = ("_identity", "_made", "_refusal", "auth", "carried", "jar", "outer", "started")

    def __init__(self, auth: "Gatepass", scope: Scope) -> None:
        self.auth = auth
        #: The caller as a gate further out sees them.
        self.outer: Caller | None = scope.get("gatepass")
        self.carried = Carried(scope, auth.site)
        self.jar = Jar()
        #: Whether the head of the answer has been sent.
        self.started = False
        self._identity: Identity | None = None
        self._refusal: CredentialError | None = None
        # From here on the caller is who it was issued to: what came with the request has made room for it.
        self._made: Made | None = None

    @property
    def route(self) -> str:
        """The path of the request as the routes of the application see it."""
        path, root = self.carried.path, self.carried.root
        if root and path.startswith(root) and path[len(root) : len(root) + 1] in {"", "/"}:
            return path[len(root) :]
        return path  # a proxy has taken it off

    @property
    def base(self) -> str:
        """The public path in front of the routes of the application."""
        place = self.carried.place()
        return "" if place is None else place.base

    # -- who it is -----------------------------------------------------------------------------------------------------

    async def identity(self, request: HTTPConnection | None = None) -> Identity:
        """Who is calling.

        Args:
            request: The request in hand, if its form may hold the CSRF token of an old browser.

        Raises:
            CredentialError: Nobody who could prove it.
            CredentialsAmbiguous: There is more than one proof.
            CsrfRefused: A cookie proves it, and another site may have made the request.
            StoreError: It cannot be known now.
        """
        if self._identity is None:
            self._begin()
            try:
                credential = self._credential()
                gate = self.auth.gate
                if self._suspect(credential):
                    self._believe(await gate.session_id(credential.text), await self.carried.csrf_token(request))
                identity = await gate.authenticate(credential.text)
                self._sole(credential)
            except CredentialError as error:
                self._refusal = error
                raise
            self._identity = identity
        return self._identity

    def plainly(self) -> Identity:
        """As `identity`, without awaiting, for `request.user`: the store is read in place, and no form."""
        if self._identity is None:
            self._begin()
            try:
                credential = self._credential()
                gate = self.auth.plain
                if self._suspect(credential):
                    self._believe(gate.session_id(credential.text), self.carried.header(b"x-csrf-token"))
                identity = gate.authenticate(credential.text)
                self._sole(credential)
            except CredentialError as error:
                self._refusal = error
                raise
            self._identity = identity
        return self._identity

    def _credential(self) -> Credential:
        return self.carried.credential() if self._made is None else self._made.credential

    def _suspect(self, credential: Credential) -> bool:
        """Whether another site may have had *credential* sent; not one that was issued in this request."""
        return self._made is None and self.carried.unsafe(credential) and self.carried.doubtful()

    def _sole(self, credential: Credential) -> None:
        """Return if nothing else that came with the request proves who is calling, or that does not count any more."""
        if self._made is None:
            self.carried.sole(credential)

    def _begin(self) -> None:
        self.jar.read = True
        if self._refusal is not None:
            raise self._refusal

    def refuser(self, error: GatepassError) -> "Caller":
        """Of the callers that the gates of this request see, the one that was refused with *error*; else this one."""
        caller: Caller | None = self
        while caller is not None and caller._refusal is not error:  # noqa: SLF001
            caller = caller.outer
        return self if caller is None else caller

    def stale(self, error: GatepassError) -> bool:
        """Whether *error* says that the token of an access cookie has ended: whoever sent it may be able to renew it.

        The access cookie outlives its token, so that "expired" and "missing" can be told apart.
        """
        return error.code == "credential_expired" and self._by_cookie() == "access"

    def renewable(self, error: GatepassError) -> bool:
        """Whether *error* refused a page load that can be led to the page that renews."""
        return self.stale(error) and self.carried.navigation()

    async def maybe(self, request: HTTPConnection | None = None) -> Identity | None:
        """As `identity`, and None where there is no good credential.

        An access cookie whose token has ended is refused all the same: it is somebody's, and what they do must not be
        done in the name of nobody.
        """
        try:
            return await self.identity(request)
        except CredentialError as error:
            if self.stale(error):
                raise
            return None

    async def session(self, request: HTTPConnection | None = None) -> Session:
        """The row of who is calling; see `AsyncGate.session`."""
        _ = await self.identity(request)
        return await self.auth.gate.session(self._credential().text)

    def csrf_token(self) -> str | None:
        """The CSRF token for pages of the caller; None where no cookie said who it is."""
        known = self._identity if self._made is None else self._made.issued
        if known is None or self._by_cookie() is None:
            return None
        return self.auth.gate.csrf_token(known.session_id)

    def _by_cookie(self) -> str | None:
        try:
            return self._credential().purpose
        except GatepassError:
            return None

    # -- where the request comes from ----------------------------------------------------------------------------------

    def _believe(self, session_id: str, token: str | None) -> None:
        if token is None or not self.auth.gate.csrf_belongs(token, session_id):
            raise CsrfRefused("token")

    async def believe(self, request: HTTPConnection | None) -> None:
        """Return if a page of ours made the request, or a program that carries nothing of ours.

        Raises:
            CsrfRefused: Another site may have made it.
        """
        if not self.carried.doubtful():
            return
        held = set()
        for credential in self.carried.cookies().values():
            try:
                held.add(await self.auth.gate.session_id(credential))
            except CredentialError:
                continue
        if not held:
            raise CsrfRefused("token")  # whatever the body says, so it is not read
        token = await self.carried.csrf_token(request)
        for session_id in held:  # of each: whoever planted a cookie of theirs has a token for that one
            self._believe(session_id, token)

    async def protect(self, request: HTTPConnection) -> None:
        """See `Gatepass.protect`."""
        _ = self.carried.serve()
        await self.believe(request)

    # -- what is sent back ---------------------------------------------------------------------------------------------

    def _writable(self) -> Place:
        if not self.carried.method:
            raise TypeError("this verb takes a request: what answers a WebSocket carries no cookies")
        if self.started:
            raise ResponseStarted("call it before the route begins to answer")
        self.jar.read = True
        return self.carried.serve()

    async def login(
        self,
        request: HTTPConnection | None,
        subject: str,
        *,
        transport: Transport,
        access: Access,
        **options: Any,
    ) -> Credentials:
        """See `Gatepass.login`."""
        if transport not in TRANSPORTS or access not in ACCESSES:
            raise ValueError(f"transport is one of {TRANSPORTS}, access one of {ACCESSES}")
        place = self._writable()
        # Also for a bearer token where a cookie came along: the new session takes the place of that one.
        if transport == "cookie" or self.carried.cookies():
            await self.believe(request)
        replaces = await self._presented()
        issued = await self.auth.gate.login(subject, client=self.carried.client(), replaces=replaces, **options)
        if transport == "bearer" and self.carried.cookies():
            # Their session has made room. Beside the new token they would be a second credential at each check.
            self.jar.take(place, *PURPOSES)
        return self._begun(issued, place, transport, access)

    async def step_up(self, request: HTTPConnection, *, access: Access) -> Credentials:
        """See `Gatepass.step_up`."""
        if access not in ACCESSES:
            raise ValueError(f"access is one of {ACCESSES}")
        place = self._writable()
        who = await self.identity(request)
        credential = self._credential()
        transport = credential.transport
        in_memory = who.mode == "hybrid" and (access == "body" or await self._renews(credential.text))
        if transport == "bearer" and in_memory:
            # A page that keeps its access token in memory: what it renews with stays in its cookie, which only paths
            # below the prefix see. Elsewhere the route says it.
            await self.believe(request)  # before a cookie is set, whoever has shown the token
            transport, access = "cookie", "body"
        issued = await self.auth.gate.step_up(credential.text, client=self.carried.client())
        return self._begun(issued, place, transport, access)

    async def _renews(self, token: str) -> bool:
        """Whether the refresh cookie is one of the session of *token*."""
        cookie = self.carried.cookies().get("refresh")
        gate = self.auth.gate
        try:
            return cookie is not None and await gate.session_id(cookie) == await gate.session_id(token)
        except CredentialError:
            return False

    async def refresh(self, request: HTTPConnection, refresh_token: str | None, *, access: Access) -> Credentials:
        """Exchange *refresh_token*, or the one of the cookie.

        Args:
            request: The request in hand.
            refresh_token: From the body; None where it comes by cookie.
            access: How the access token goes back to a browser.

        Raises:
            CredentialsAmbiguous: There are two, or the access cookie is one of another session.
            CredentialError, NotPossible: As `AsyncGate.refresh`.
            CsrfRefused, HostUnknown: Another site may have made the request.
        """
        place = self._writable()
        cookie = self.carried.cookies().get("refresh")
        if refresh_token is not None:
            if cookie is not None:
                raise CredentialsAmbiguous
            issued = await self.auth.gate.refresh(refresh_token, client=self.carried.client())
            return self._issued(issued, place, "bearer", access)
        await self.believe(request)
        if cookie is not None:
            await self._of_one_session(cookie)
        # A credential that has nothing to exchange is told so, if it is good.
        cookie = cookie or self.carried.credential().text
        issued = await self.auth.gate.refresh(cookie, client=self.carried.client())
        return self._issued(issued, place, "cookie", access)

    async def _of_one_session(self, refresh: str) -> None:
        """Return if the other cookie, where it is genuine, is one of the session of *refresh*, the refresh cookie.

        A sub-domain can plant the latter, which is `__Secure-`, and not the other one, which is `__Host-`.

        Raises:
            CredentialsAmbiguous: It is that of another session: the browser would go on as somebody else.
        """
        other = one(self.carried.cookies())
        gate = self.auth.gate
        try:
            same = other is None or await gate.session_id(other[1]) == await gate.session_id(refresh)
        except CredentialError:
            return  # of the two, at most one is anything
        if not same:
            raise CredentialsAmbiguous

    async def logout(self, request: HTTPConnection, refresh_token: str | None = None) -> Receipt:
        """See `Gatepass.logout`."""
        place = self._writable()
        if refresh_token is not None and "refresh" in self.carried.cookies():
            raise CredentialsAmbiguous
        token = self.carried.bearer()
        made = _strongest(self._made)
        if token is None:
            await self.believe(request)
            found = self.carried.cookies()
            _ = one(found)
            carried = (found.get("session"), found.get("access"), found.get("refresh"))
            receipt = await self._end(made, *carried, refresh_token)
        else:
            if one(self.carried.cookies()) is not None:
                _ = await self.auth.gate.session_id(token)  # a bad one is told what is wrong with it
                raise CredentialsAmbiguous
            receipt = await self._end(made, token, refresh_token)
        # Of a page that keeps its access token in memory, too: what it renews with is in a cookie, and has ended.
        if token is None or made is not None or await self._renews(token):
            self.jar.empty(place)
        self._identity = self._made = None
        return receipt

    async def _end(self, *credentials: str | None) -> Receipt:
        """End the sessions behind those of *credentials* that are genuine.

        Raises:
            CredentialError: None is; what is wrong with the first of them.
        """
        refusals: list[CredentialError] = []
        receipts: list[Receipt] = []
        for credential in credentials:
            if credential is not None:
                try:
                    receipts.append(await self.auth.gate.logout(credential))
                except CredentialError as error:
                    refusals.append(error)
        if not receipts:
            raise refusals[0] if refusals else MissingCredential
        return Receipt(
            ended=tuple(dict.fromkeys(id for receipt in receipts for id in receipt.ended)),  # noqa: A001
            effective_within=max(receipt.effective_within for receipt in receipts),
            tokens_alive_until=max(
                (receipt.tokens_alive_until for receipt in receipts if receipt.tokens_alive_until), default=None
            ),
        )

    async def forget_refused(self, request: HTTPConnection, *, stale: bool = False) -> bool:
        """After a refused refresh: clear the cookies, if the access cookie proves nothing either.

        The browser would otherwise be sent to renew again and again. Where the access cookie is good, the refresh
        cookie was not the one of its session, and nobody is logged out over that.

        Args:
            request: The request in hand.
            stale: Only if that cookie would be sent to renew, see `stale`.

        Returns:
            Whether the caller is known all the same.
        """
        try:
            _ = await self.identity(request)
        except CredentialError as error:
            if not stale or self.stale(error):
                self.jar.empty(self.carried.serve())
            return False
        return True

    async def _presented(self) -> str | None:
        """The credential whose session a login takes the place of: the last one of this request, if there was one.

        Raises:
            CredentialsAmbiguous: There are two, and it may be that of somebody else.
        """
        made = _strongest(self._made)
        if made is not None:
            return made
        found = self.carried.cookies()
        cookie = one(found)
        held = found.get("refresh") if cookie is None else cookie[1]
        token = self.carried.bearer()
        if token is None or cookie is None:
            return token or held
        try:
            _ = await self.auth.gate.authenticate(token)
        except CredentialError:
            return held  # whoever logs in need not have come with a good one
        raise CredentialsAmbiguous

    def _begun(self, issued: Issued, place: Place, transport: Transport, access: Access) -> Credentials:
        purpose: Purpose = "session" if issued.mode == "session" else "access"
        credential = Credential(transport, issued.access_token, purpose if transport == "cookie" else None)
        self._made = Made(issued, credential)
        self._identity = self._refusal = None
        return self._issued(issued, place, transport, access)

    def _issued(self, issued: Issued, place: Place, transport: Transport, access: Access) -> Credentials:
        said = Credentials(mode=issued.mode, expires_in=issued.expires_in, session_id=issued.session_id)
        if transport == "bearer":
            said["token_type"] = "Bearer"  # noqa: S105  it is the name of a scheme
            said["access_token"] = issued.access_token
            if issued.refresh_token is not None:
                said["refresh_token"] = issued.refresh_token
            return said
        said["csrf_token"] = self.auth.gate.csrf_token(issued.session_id)
        given: dict[Purpose, str] = {"session" if issued.mode == "session" else "access": issued.access_token}
        if issued.refresh_token is not None:
            given["refresh"] = issued.refresh_token
            if access == "body":
                said["access_token"] = given.pop("access")
        # New cookies take the place of those of the other modes: cleared first, then given. After a login that is all
        # of them, because the path of the login does not see the refresh cookie.
        stale: tuple[Purpose, ...] = PURPOSES if self._made else tuple(self.carried.cookies())
        self.jar.take(place, *stale)
        max_age = issued.session_expires_in if issued.remember else None
        for purpose, value in given.items():
            self.jar.give(place, purpose, value, max_age=max_age)
        return said

    async def answered(self, message: Message) -> None:
        """Complete the head of the answer.

        Args:
            message: `http.response.start`.
        """
        if message["status"] >= REFUSED:
            await self.undo()
        self.started = True  # and what was made is handed out: whatever goes wrong from here on, its holder keeps it
        self.jar.into(message)

    def done(self) -> None:
        """Let go of a refusal once the request is over: its traceback holds the whole request, and this caller."""
        self._refusal = None

    async def undo(self) -> None:
        """End the session that was made in this request, if its caller was refused and does not hold it."""
        if self._made is None or self.started:
            return
        id, self._made, self._identity = self._made.issued.session_id, None, None  # noqa: A001  it is the id
        try:
            _ = await self.auth.gate.revoke(session=id)
        except NoStore:
            return  # nobody holds its one token, and nothing else is known of it
        except StoreError:
            events.exception("a session that was not handed out could not be ended: %s", id)


def _strongest(made: Made | None) -> str | None:
    """The credential that ends its session, whatever else has ended."""
    return None if made is None else made.issued.refresh_token or made.issued.access_token
