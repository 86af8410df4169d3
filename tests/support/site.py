"""An application that asks for credentials in every way there is, with a gate of any mode in front of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from starlette.applications import Starlette
from starlette.authentication import requires
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from gatepass import Credentials
from gatepass.keys import KeyRing, new_ring
from gatepass.starlette import Gatepass
from gatepass.stores.memory import MemoryStore
from support.asgi import Browser, Pair, Wire, wired
from support.clock import Clock
from support.register import REGISTER

HTTPS = "https://app.example.com"
LOOPBACK = "http://localhost:8000"
#: An origin that may call.
LISTED = "https://spa.example.com"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@cache
def ring() -> KeyRing:
    return new_ring("HS256", now=1_900_000_000)


@dataclass
class Site:
    """An application, its gate, and what stands around them."""

    auth: Gatepass
    wire: Wire
    store: Any
    clock: Clock

    def login(self, subject: str = "ada", **options: Any) -> Credentials:
        """Straight at the gate, without a request."""
        return self.wire.run(self.auth.gate.login(subject, **options))  # type: ignore[no-any-return]

    def cookies(self, credentials: Credentials, *, refresh: bool = True) -> list[Pair]:
        """What a browser sends that holds *credentials*."""
        kind = "session" if credentials.mode == "session" else "access"
        names = self.auth.site.cookies
        pairs = [f"{names.name(kind)}={credentials.access_token}"]  # type: ignore[arg-type]
        if refresh and credentials.refresh_token is not None:
            pairs.append(f"{names.name('refresh')}={credentials.refresh_token}")
        return [("cookie", "; ".join(pairs))]

    def browser(self, path: str | None = None, **options: Any) -> Browser:
        """A browser; logged in, if a path to log in at is given."""
        browser = Browser(self.wire, **options)
        if path is not None:
            assert browser.post(path).status == 200
        return browser


def bearer(credentials: Credentials) -> list[Pair]:
    return [("authorization", f"Bearer {credentials.access_token}")]


def gate_of(connection: HTTPConnection) -> Gatepass:
    auth: Gatepass = connection.app.state.gatepass
    return auth


async def login(request: Request) -> Response:
    wanted = dict(request.query_params)
    options: dict[str, Any] = {"mode": wanted.get("mode"), "transport": wanted.get("transport", "cookie")}
    options |= {"access": wanted.get("access", "cookie"), "remember": "forget" not in wanted}
    return JSONResponse(await gate_of(request).login(request, wanted.get("subject", "ada"), **options))


async def step_up(request: Request) -> Response:
    access: Any = request.query_params.get("access", "cookie")
    return JSONResponse(await gate_of(request).step_up(request, access=access))


async def logout(request: Request) -> Response:
    _ = await gate_of(request).logout(request)
    return PlainTextResponse("bye")


async def me(request: Request) -> Response:
    return PlainTextResponse((await gate_of(request).identity(request)).subject)


async def maybe(request: Request) -> Response:
    who = await gate_of(request).maybe(request)
    return PlainTextResponse("nobody" if who is None else who.subject)


async def user(request: Request) -> Response:
    return PlainTextResponse(str(request.user.is_authenticated))


async def scopes(request: Request) -> Response:
    return PlainTextResponse(str(request.auth.scopes))


@requires("authenticated")
async def required(request: Request) -> Response:
    return PlainTextResponse(request.user.identity)


async def session(request: Request) -> Response:
    return PlainTextResponse((await gate_of(request).session(request)).id)


async def plain(request: Request) -> Response:
    return PlainTextResponse("hello")


async def socket(websocket: WebSocket) -> None:
    _ = await gate_of(websocket).identity(websocket)
    await websocket.accept()
    await websocket.close()


#: Each asks who is calling, in its own way; all but the last.
ASKING = (me, maybe, user, scopes, required, session, plain)


def application(auth: Gatepass, *more: Any, **options: Any) -> Starlette:
    """An application with *auth* installed, and *more* routes."""
    routes = [
        Route("/login", login, methods=["POST"]),
        Route("/step-up", step_up, methods=["POST"]),
        Route("/logout", logout, methods=["POST"]),
        *(Route(f"/{endpoint.__name__}", endpoint, methods=[*METHODS, "TRACE"]) for endpoint in ASKING),
        WebSocketRoute("/socket", socket),
        *more,
    ]
    app = Starlette(routes=routes, **options)
    auth.install(app)
    return app


@contextmanager
def site(
    mode: str,
    *more: Any,
    url: str = HTTPS,
    store: Any = None,
    app: Any = application,
    gate: type[Gatepass] = Gatepass,
    **options: Any,
) -> Iterator[Site]:
    """An application in *mode* at *url*; development where that is loopback."""
    clock = Clock()
    if store is None:
        store = MemoryStore()
        REGISTER.places.append(store)
    if url.startswith("https:"):
        options = {"issuer": url, "origins": (LISTED,), **options}
    auth = gate(mode=mode, store=store, keys=ring(), clock=clock, **options)  # type: ignore[arg-type]
    with wired(app(auth, *more), url) as wire:
        yield Site(auth, wire, store, clock)
