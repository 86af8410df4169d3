"""The pure ASGI middleware: a caller into each scope, and their cookies out with each answer."""

import logging
from typing import TYPE_CHECKING, Final

from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gatepass.errors import GatepassError
from gatepass.starlette.answer import refusal, response
from gatepass.starlette.caller import Caller
from gatepass.starlette.jar import varied
from gatepass.starlette.routes import JWKS, NO_CONTENT, serve
from gatepass.starlette.user import GatepassUser

if TYPE_CHECKING:
    from gatepass.starlette.extension import Gatepass

logger: Final = logging.getLogger("gatepass.web")

#: What pages of other origins may send to our own routes, if they may call at all.
_PREFLIGHT: Final = {
    b"access-control-allow-methods": b"GET, POST, DELETE",
    b"access-control-allow-headers": b"authorization, content-type, x-csrf-token",
    b"access-control-max-age": b"600",  # seconds
}


class GatepassMiddleware:
    """Wraps an ASGI application.

    Args:
        app: What it wraps.
        auth: The extension whose gate checks.
    """

    def __init__(self, app: ASGIApp, auth: "Gatepass") -> None:
        self._app = app
        self._auth = auth
        #: Whether a gate of the same name was found further out.
        self._compared = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As the ASGI specification has it."""
        kind = scope["type"]
        if kind == "lifespan":
            await self._app(scope, receive, send)
            return
        caller = Caller(self._auth, scope)
        if caller.outer is not None:
            self._compare(caller.outer)
        scope["gatepass"] = caller
        user = scope.get("user")
        if user is None or isinstance(user, GatepassUser):  # else somebody further out named the user
            scope["user"] = scope["auth"] = GatepassUser(caller)
        try:
            if kind == "http":
                await self._http(caller, scope, receive, send)
            else:
                await self._app(scope, receive, send)
        finally:
            caller.done()

    def _compare(self, outer: Caller) -> None:
        """Say once that a gate further out, around an application that mounts this one, has the same name.

        Within one application it is refused. Here it is seen by a request only.
        """
        other = outer.auth
        if other is self._auth or other.name != self._auth.name or self._compared:
            return
        self._compared = True
        logger.warning(
            "two gates are called %r, and one application is mounted in that of the other: their cookies replace each"
            " other. Give one a name of its own: Gatepass(name=...)",
            other.name,
        )

    async def _http(self, caller: Caller, scope: Scope, receive: Receive, send: Send) -> None:
        route, auth = caller.route, self._auth
        shared = bool(auth.site.origins) and (route.startswith(auth.below) or route == JWKS)
        if shared and scope["method"] == "OPTIONS" and caller.carried.headers(b"access-control-request-method"):
            await _preflight(caller, scope, send)
            return

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                await caller.answered(message)
                if shared:
                    _share(caller, scope, message)
            await send(message)

        try:
            ours = auth.routes.find(route, scope)
            if ours is None:
                await self._app(scope, receive, complete)
            else:
                answer = await serve(ours, caller, Request(scope, receive))
                await answer(scope, receive, complete)
            if not caller.started:  # no answer at all, so nobody holds what was made
                await caller.undo()
        except GatepassError as error:
            # Of a route of ours, or of another middleware; the routes of the application have an exception handler.
            if caller.started:
                raise
            await refusal(caller, error)(scope, receive, complete)
        except BaseException:
            await caller.undo()
            raise


async def _preflight(caller: Caller, scope: Scope, send: Send) -> None:
    headers = response(NO_CONTENT, caller).raw_headers
    message: Message = {"type": "http.response.start", "status": 204, "headers": headers}
    _share(caller, scope, message)
    if any(name == b"access-control-allow-origin" for name, _ in message["headers"]):
        message["headers"] += _PREFLIGHT.items()
    await send(message)
    await send({"type": "http.response.body"})


def _share(caller: Caller, scope: Scope, message: Message) -> None:
    """Let a page of another origin read the answer, if it is one that may call. ASVS 3.4.2."""
    headers = [item for item in message["headers"] if not item[0].lower().startswith(b"access-control-allow-")]
    if not _cors_outside(scope):
        headers = varied(headers, b"Origin")
    origin = caller.carried.header(b"origin")
    if origin is not None and origin in caller.auth.site.origins:
        headers.append((b"access-control-allow-origin", origin.encode("latin-1")))
        headers.append((b"access-control-allow-credentials", b"true"))
    message["headers"] = headers


def _cors_outside(scope: Scope) -> bool:
    """Whether Starlette's `CORSMiddleware` stands further out: it adds `Vary: Origin`, and does not look for one."""
    for middleware in getattr(scope.get("app"), "user_middleware", ()):
        if middleware.cls is GatepassMiddleware:
            return False
        if middleware.cls is CORSMiddleware:
            return True
    return False
