"""A login whose answer turns out to be a refusal is undone; one whose answer is any other stands."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from support.asgi import PAGE, Browser, Pair, SetCookie, wired
from support.site import HTTPS, Site, application, gate_of, ring, site

from gatepass import StoreError
from gatepass.core.flow import List
from gatepass.errors import CsrfRefused, LoginFailed, MissingCredential
from gatepass.starlette import Gatepass, ResponseStarted

TRUSTED: Pair = ("sec-fetch-site", "same-origin")
Ending = Callable[[], Awaitable[Response]]


def raising(error: BaseException) -> Ending:
    async def end() -> Response:
        raise error

    return end


def returning(make: Callable[[], Response]) -> Ending:
    async def end() -> Response:
        return make()

    return end


async def cancelled_from_within() -> Response:
    with anyio.CancelScope() as scope:
        scope.cancel()
        await anyio.lowlevel.checkpoint()
    raise HTTPException(504)


async def chunks() -> AsyncIterator[bytes]:
    yield b"one"
    yield b"two"


#: What becomes of the request after the login, and the status; None where no answer comes.
REFUSED: dict[str, tuple[Ending, int | None]] = {
    "an answer of 400": (returning(lambda: PlainTextResponse("no", 400)), 400),
    "an answer of 404": (returning(lambda: JSONResponse({}, 404)), 404),
    "an answer of 500": (returning(lambda: PlainTextResponse("no", 500)), 500),
    "a stream of 403": (returning(lambda: StreamingResponse(chunks(), 403)), 403),
    "HTTPException": (raising(HTTPException(418)), 418),
    "a refusal of ours": (raising(MissingCredential()), 401),
    "a wrong password": (raising(LoginFailed()), 401),
    "another refusal of ours": (raising(CsrfRefused("site")), 403),
    "a fault of the store": (raising(StoreError("planted")), 503),
    "a time that is over": (cancelled_from_within, 504),
    "an exception": (raising(ZeroDivisionError()), None),
    "somebody who hangs up": (raising(asyncio.CancelledError()), None),
}
STANDS: dict[str, tuple[Ending, int]] = {
    "an answer of 200": (returning(lambda: PlainTextResponse("yes")), 200),
    "an answer of 399": (returning(lambda: PlainTextResponse("yes", 399)), 399),
    "nothing": (returning(lambda: Response(status_code=204)), 204),
    "a redirect": (returning(lambda: RedirectResponse("/me", 303)), 303),
    "a stream": (returning(lambda: StreamingResponse(chunks())), 200),
    "cookies of its own": (returning(lambda: PlainTextResponse("yes", headers={"set-cookie": "theme=dark"})), 200),
}


def ending(end: Ending, verb: str = "login") -> list[Route]:
    async def route(request: Request) -> Response:
        auth = gate_of(request)
        _ = await (auth.login(request, "ada") if verb == "login" else auth.step_up(request))
        return await end()

    return [Route("/ending", route, methods=["POST"])]


def live(place: Site, subject: str = "ada") -> int:
    return sum(row.ended_at is None for row in place.store.answer(List(subject, 20)))


# What goes through the middleware of Starlette as an exception is its own matter.
@pytest.mark.parametrize(
    ("name", "deep"), [*((name, False) for name in REFUSED), *((name, True) for name in REFUSED if REFUSED[name][1])]
)
def test_a_refusal_after_the_login_hands_nothing_out(mode: str, name: str, deep: bool) -> None:
    """And the session that was made ends: it is in nobody's hands, and would stay in the list of devices."""

    class Passing(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: Any) -> Response:
            response: Response = await call_next(request)
            return response

    end, status = REFUSED[name]

    def app(auth: Gatepass, *more: Any) -> Any:
        return application(auth, *more, middleware=[Middleware(Passing)] if deep else [])

    with site(mode, *ending(end), app=app) as place:
        if status is None:
            with pytest.raises((ZeroDivisionError, asyncio.CancelledError)):
                place.wire.send("POST", "/ending", [TRUSTED])
        else:
            reply = place.wire.send("POST", "/ending", [TRUSTED])
            assert (reply.status, reply.cookies) == (status, [])
            assert reply.one("cache-control") == "no-store"
        rows = place.store.answer(List("ada", 20))
        assert len(rows) == 1, "there was a login"
        assert live(place) == 0


@pytest.mark.parametrize("name", STANDS)
def test_any_other_answer_carries_the_cookies(mode: str, name: str) -> None:
    end, status = STANDS[name]
    with site(mode, *ending(end)) as place:
        browser = Browser(place.wire)
        reply = place.wire.send("POST", "/ending", [TRUSTED])
        assert reply.status == status
        assert ("theme=dark" in reply.all("set-cookie")) == (name == "cookies of its own")
        for cookie in map(SetCookie.read, reply.all("set-cookie")):
            if cookie.name != "theme" and not cookie.cleared:
                browser.jar[cookie.name, dict(cookie.attributes)["Path"]] = cookie.value
        assert browser.get("/me").body == b"ada"
        assert live(place) == 1


def test_a_step_up_that_is_refused_hands_nothing_out(mode: str) -> None:
    with site(mode, *ending(raising(HTTPException(403)), "step up")) as place:
        reply = place.browser("/login").post("/ending")
        assert (reply.status, reply.cookies) == (403, [])
        assert live(place) == 0


def test_a_login_that_cannot_be_undone_is_still_handed_to_nobody(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    """The store is gone before the route refuses: nobody holds the session, and the log names it."""
    reached: list[Any] = []

    async def route(request: Request) -> Response:
        auth = gate_of(request)
        made = await auth.login(request, "ada")
        reached.append(made["session_id"])
        real = place.store.answer_async

        async def gone(question: Any) -> Any:
            place.store.answer_async = real
            raise StoreError("planted")

        place.store.answer_async = gone
        raise HTTPException(403)

    with site(mode, Route("/ending", route, methods=["POST"])) as place:
        reply = place.wire.send("POST", "/ending", [TRUSTED])
        assert (reply.status, reply.cookies) == (403, [])
        assert live(place) == 1
        assert reached[0] in caplog.text


def test_a_route_without_any_answer_hands_nothing_out(mode: str) -> None:
    """The server closes the connection; nobody holds the session."""

    class Silent:
        def __init__(self, scope: Any, receive: Any, send: Any) -> None:
            self.request = Request(scope, receive, send)

        def __await__(self) -> Any:
            return gate_of(self.request).login(self.request, "ada").__await__()

    with site(mode, Route("/silent", Silent, methods=["POST"])) as place:
        with pytest.raises(ValueError, match="not enough values"):
            place.wire.send("POST", "/silent", [TRUSTED])
        assert len(place.store.answer(List("ada", 20))) == 1, "there was a login"
        assert live(place) == 0


@pytest.mark.parametrize("verb", ["login", "step_up", "logout"])
def test_a_websocket_takes_no_cookie(mode: str, verb: str) -> None:
    """The handshake is answered by the application; what a verb made would be in nobody's hands."""

    async def socket(websocket: WebSocket) -> None:
        auth: Any = gate_of(websocket)
        _ = await (auth.login(websocket, "ada") if verb == "login" else getattr(auth, verb)(websocket))

    with site(mode, WebSocketRoute("/talk", socket)) as place:
        browser = place.browser("/login")
        before = place.store.answer(List("ada", 20))
        headers: list[Pair] = [*browser.cookie("/talk"), TRUSTED]
        with pytest.raises(TypeError, match="takes a request"):
            place.wire.handshake("/talk", headers)
        assert place.store.answer(List("ada", 20)) == before
        assert place.wire.handshake("/socket", headers) == "open"


def test_a_logout_clears_the_cookies_whatever_the_route_answers(mode: str) -> None:
    """The session has ended: a cookie of it is worth nothing."""

    async def route(request: Request) -> Response:
        _ = await gate_of(request).logout(request)
        raise HTTPException(500)

    with site(mode, Route("/bye", route, methods=["POST"])) as place:
        browser = place.browser("/login")
        assert browser.post("/bye").status == 500
        assert browser.jar == {}
        assert live(place) == 0


async def broken_mail() -> None:
    raise ZeroDivisionError


async def broken_chunks() -> AsyncIterator[bytes]:
    yield b"one"
    raise ZeroDivisionError


@pytest.mark.parametrize(
    "late",
    [
        lambda: PlainTextResponse("yes", background=BackgroundTask(broken_mail)),
        lambda: StreamingResponse(broken_chunks()),
    ],
)
def test_what_goes_wrong_after_the_cookies_were_sent_logs_nobody_out(mode: str, late: Callable[[], Response]) -> None:
    with site(mode, *ending(returning(late))) as place:
        with pytest.raises(ZeroDivisionError):
            place.wire.send("POST", "/ending", [TRUSTED])
        assert live(place) == 1, "it is in the hands of its caller"


@pytest.mark.parametrize(("status", "left"), [(200, 1), (403, 0)])
def test_of_two_logins_in_one_request_the_second_takes_the_place_of_the_first(
    mode: str, status: int, left: int
) -> None:
    async def route(request: Request) -> Response:
        _ = await gate_of(request).login(request, "bob")
        _ = await gate_of(request).login(request, "ada")
        return PlainTextResponse("twice", status)

    with site(mode, Route("/twice", route, methods=["POST"])) as place:
        browser = place.browser("/login")
        assert browser.post("/twice").status == status
        assert (live(place), live(place, "bob")) == (left, 0)
        assert browser.get("/me").status == (200 if left else 401)


@pytest.mark.parametrize("transport", ["cookie", "bearer"])
@pytest.mark.parametrize("before", [True, False])
def test_a_login_and_a_logout_in_one_request_leave_nobody(mode: str, before: bool, transport: str) -> None:
    """Also where the request came with nothing, or with the session that this login took the place of."""

    async def route(request: Request) -> Response:
        auth = gate_of(request)
        made = await auth.login(request, "ada", transport=transport)  # type: ignore[arg-type]
        assert made["session_id"] in (await auth.logout(request)).ended
        return PlainTextResponse("bye")

    with site(mode, Route("/both", route, methods=["POST"])) as place:
        browser = place.browser("/login" if before else None)
        reply = browser.post("/both")
        assert reply.status == 200
        assert all(cookie.cleared for cookie in reply.cookies)
        assert browser.get("/me").status == 401
        assert live(place) == 0


@pytest.mark.parametrize("verb", ["login", "step_up", "logout"])
def test_it_may_be_too_late_for_a_cookie(mode: str, verb: str) -> None:
    """Once the head of the answer is sent, a verb says so, and has done nothing."""
    told: list[BaseException] = []

    async def route(request: Request) -> Response:
        auth = gate_of(request)

        async def late() -> AsyncIterator[bytes]:
            yield b"one"
            try:
                _ = await (auth.login(request, "ada") if verb == "login" else getattr(auth, verb)(request))
            except ResponseStarted as error:
                told.append(error)
            yield b"two"

        return StreamingResponse(late())

    with site(mode, Route("/late", route, methods=["POST"])) as place:
        browser = place.browser("/login")
        before = place.store.answer(List("ada", 20))
        reply = browser.post("/late")
        assert (reply.body, reply.cookies) == (b"onetwo", [])
        assert [type(error) for error in told] == [ResponseStarted]
        assert isinstance(told[0], RuntimeError)
        assert place.store.answer(List("ada", 20)) == before
        assert browser.get("/me").status == 200


def test_a_page_load_is_led_to_a_page_and_a_script_is_told(mode: str) -> None:
    """Also where only `request.user` was asked; and nobody's cookie is touched on the way."""
    with site(mode, login_page="/log-in") as place:
        for path in ("/me", "/session", "/auth/me", "/auth/sessions"):
            page, script = place.wire.send("GET", path, [PAGE]), place.wire.send("GET", path)
            assert (page.status, str(page.one("location")).partition("?")[0]) == (303, "/log-in")
            assert (script.status, script.code) == (401, "credential_missing")
            for fetched in ("cors", "no-cors"):
                assert place.wire.send("GET", path, [PAGE, ("sec-fetch-mode", fetched)]).status == 401
            assert place.wire.send("GET", path, [PAGE, ("sec-fetch-dest", "iframe")]).status == 401
        browser = place.browser("/login")
        place.clock.advance(4_000)
        for path in ("/me", "/maybe", "/user", "/scopes", "/required"):
            reply = browser.get(path, [PAGE])
            if mode == "hybrid":
                assert (reply.status, str(reply.one("location")).partition("?")[0]) == (303, "/auth/renew"), path
            assert reply.cookies == []
            assert browser.send("GET", path).status < 500


def test_a_refusal_after_a_login_without_a_store_is_that_refusal() -> None:
    """There is nothing to end: nobody holds the one token."""

    async def route(request: Request) -> Response:
        _ = await gate_of(request).login(request, "ada")
        raise HTTPException(422)

    auth = Gatepass(mode="jwt", store=False, keys=ring(), issuer=HTTPS)
    with wired(application(auth, Route("/ending", route, methods=["POST"]))) as wire:
        reply = wire.send("POST", "/ending", [TRUSTED])
        assert (reply.status, reply.cookies) == (422, [])
