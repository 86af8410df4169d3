"""The verbs of `Gatepass` for `def` routes, which run in a worker thread: each hops to the event loop and back."""

from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from anyio import from_thread
from starlette.requests import HTTPConnection, Request

from gatepass.records import Identity, Mode, Receipt, RevokeReason, Session
from gatepass.starlette.caller import Access, Credentials
from gatepass.starlette.carried import Transport
from gatepass.verbs import MANY

if TYPE_CHECKING:
    from gatepass.starlette.extension import Gatepass

P = ParamSpec("P")
T = TypeVar("T")


def _call(verb: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **options: P.kwargs) -> T:
    begun = False

    async def work() -> T:
        nonlocal begun
        begun = True
        return await verb(*args, **options)

    try:
        return from_thread.run(work)
    except RuntimeError:
        if begun:
            raise
        name = verb.__name__
        raise RuntimeError(f"auth.sync is for `def` routes; elsewhere: await auth.{name}(...)") from None


class Sync:
    """The same verbs, called plainly. Each raises what its namesake raises.

    On the event loop they raise a RuntimeError: await those of `Gatepass` there.
    """

    def __init__(self, auth: "Gatepass") -> None:
        self._auth = auth

    def login(
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
        """As `Gatepass.login`."""
        return _call(
            self._auth.login,
            request,
            subject,
            mode=mode,
            transport=transport,
            access=access,
            remember=remember,
            roles=roles,
            claims=claims,
            data=data,
        )

    def step_up(self, request: Request, *, access: Access = "cookie") -> Credentials:
        """As `Gatepass.step_up`."""
        return _call(self._auth.step_up, request, access=access)

    def logout(self, request: Request, *, refresh_token: str | None = None) -> Receipt:
        """As `Gatepass.logout`."""
        return _call(self._auth.logout, request, refresh_token=refresh_token)

    def identity(self, connection: HTTPConnection) -> Identity:
        """As `Gatepass.identity`."""
        return _call(self._auth.identity, connection)

    def maybe(self, connection: HTTPConnection) -> Identity | None:
        """As `Gatepass.maybe`."""
        return _call(self._auth.maybe, connection)

    def protect(self, request: Request) -> None:
        """As `Gatepass.protect`."""
        _call(self._auth.protect, request)

    def require(self, connection: HTTPConnection, *, role: str | None = None, max_age: int | None = None) -> Identity:
        """As `Gatepass.require`."""
        return _call(self._auth.require, connection, role=role, max_age=max_age)

    def session(self, connection: HTTPConnection) -> Session:
        """As `Gatepass.session`."""
        return _call(self._auth.session, connection)

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
        """As `Gate.revoke`."""
        return _call(
            self._auth.revoke,
            session=session,
            subject=subject,
            except_session=except_session,
            token=token,
            kid=kid,
            reason=reason,
        )

    def update(
        self, subject: str, *, roles: Collection[str] | None = None, claims: Mapping[str, Any] | None = None
    ) -> Receipt:
        """As `Gate.update`."""
        return _call(self._auth.update, subject, roles=roles, claims=claims)

    def sessions(self, subject: str, *, limit: int = MANY, first: str | None = None) -> tuple[Session, ...]:
        """As `Gate.sessions`."""
        return _call(self._auth.sessions, subject, limit=limit, first=first)

    def set_data(self, session: Session, data: Mapping[str, Any]) -> bool:
        """As `Gate.set_data`."""
        return _call(self._auth.set_data, session, data)

    def forget(self, subject: str) -> Receipt:
        """As `Gate.forget`."""
        return _call(self._auth.forget, subject)
