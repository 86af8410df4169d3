"""Where everybody may come: who is nobody, and who has only to renew what they came with."""

from typing import Any

import pytest
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from support.asgi import FORM, PAGE
from support.register import REGISTER
from support.site import LOOPBACK, METHODS, bearer, gate_of, site

from gatepass import MODES
from gatepass.core.flow import List

#: Longer than an access token of hybrid mode lives; and than a token of jwt mode.
A_BREAK, LUNCH = 400, 4_000

#: What asks who is calling without wanting anybody.
ASKING = ("/maybe", "/user", "/scopes")
NOBODY = {"/maybe": b"nobody", "/user": b"False", "/scopes": b"[]"}


@pytest.mark.parametrize("path", ASKING)
def test_whoever_has_only_to_renew_is_no_stranger(path: str) -> None:
    """In no request: else a comment would be signed by nobody, and a feed would be a stranger's, without a word."""
    with site("hybrid") as place:
        browser = place.browser("/login")
        here = browser.get(path).body
        place.clock.advance(A_BREAK)

        for method in METHODS:
            for more in ([], [FORM]):
                reply = browser.send(method, path, more)
                assert (reply.status, reply.cookies) == (401, []), method
                assert method == "HEAD" or reply.code == "credential_expired"
        assert browser.get(path, [PAGE]).one("location") == f"/auth/renew?next=%2F{path[1:]}"

        assert browser.post("/auth/refresh").status == 200
        assert browser.get(path).body == here != NOBODY[path]


@pytest.mark.parametrize("path", ASKING)
def test_a_refused_renewal_makes_a_stranger_of_them(path: str) -> None:
    """A script could not get rid of the cookie, and would be sent to renew for ever."""
    with site("hybrid", url=LOOPBACK) as place:
        for form in ([], [FORM]):
            browser = place.browser("/login")
            place.wire.run(place.auth.revoke(subject="ada"))
            place.clock.advance(A_BREAK)
            assert browser.get(path).code == "credential_expired"

            renewed = browser.send("POST", "/auth/refresh", form, b"next=/" if form else b"")
            assert renewed.status == 401
            assert browser.jar == {}
            assert browser.get(path).body == NOBODY[path]


def test_a_fault_or_a_foreign_request_clears_nothing() -> None:
    with site("hybrid") as place:
        browser = place.browser("/login")
        place.clock.advance(A_BREAK)
        refused = place.wire.send("POST", "/auth/refresh", [*browser.cookie("/auth"), ("sec-fetch-site", "cross-site")])
        assert (refused.code, refused.cookies) == ("csrf_refused", [])
        for token in ("x", "a.b.c"):
            reply = browser.post("/auth/refresh", {"refresh_token": token})
            assert (reply.code, reply.cookies) == ("credentials_ambiguous", [])
        assert browser.post("/auth/refresh").status == 200


@pytest.mark.parametrize("path", ASKING)
def test_a_program_with_a_token_that_has_expired_is_a_stranger(mode: str, path: str) -> None:
    with site(mode) as place:
        token = bearer(place.login())
        place.clock.advance(LUNCH * 1_000)
        assert place.wire.send("POST", path, token).body == NOBODY[path]


def test_a_session_that_has_expired_is_a_strangers() -> None:
    """Nothing renews it."""
    with site("session") as place:
        browser = place.browser("/login")
        place.clock.advance(LUNCH * 1_000)
        for path in ASKING:
            assert browser.post(path).body == NOBODY[path]


def test_a_websocket_of_somebody_who_has_only_to_renew_is_closed() -> None:
    async def chat(websocket: WebSocket) -> None:
        _ = await gate_of(websocket).maybe(websocket)
        await websocket.accept()
        await websocket.close()

    with site("hybrid", WebSocketRoute("/chat", chat)) as place:
        browser = place.browser("/login")
        trusted = ("origin", "https://app.example.com")
        assert place.wire.handshake("/chat", [*browser.cookie("/"), trusted]) == "open"
        place.clock.advance(A_BREAK)
        assert place.wire.handshake("/chat", [*browser.cookie("/"), trusted]) == "4401 credential_expired"
        assert place.wire.handshake("/chat", [trusted]) == "open"


# -- after a login of the same request ---------------------------------------------------------------------------------


async def seen(request: Request) -> dict[str, Any]:
    """Who is calling, in every way that there is of asking."""
    auth = gate_of(request)
    who, perhaps = await auth.identity(request), await auth.maybe(request)
    assert perhaps == who == request.user.who
    names = {who.subject, request.user.identity, (await auth.require(request, max_age=0)).subject}
    if auth.mode != "jwt":
        names.add((await auth.session(request)).subject)
    return {"names": sorted(names), "session_id": who.session_id, "csrf_token": auth.csrf_token(request)}


@pytest.mark.parametrize(("mode", "stateless"), [*((mode, False) for mode in MODES), ("jwt", True)])
@pytest.mark.parametrize("before", ["nobody", "by cookie", "by token"])
@pytest.mark.parametrize("way", ["cookie", "bearer", "body"])
def test_after_a_login_the_caller_is_who_logged_in(mode: str, stateless: bool, before: str, way: str) -> None:
    """Not who came, whom a stateless token names until its end: the page would greet the one and keep the other."""
    late: list[dict[str, Any]] = []

    async def enter(request: Request) -> Response:
        auth = gate_of(request)
        _ = await auth.maybe(request), request.user.is_authenticated
        transport: Any = "bearer" if way == "bearer" else "cookie"
        made = await auth.login(request, "bob", transport=transport, access="body" if way == "body" else "cookie")
        early = auth.csrf_token(request)
        told = await seen(request)
        assert (told["names"], told["session_id"]) == (["bob"], made["session_id"])
        assert early == told["csrf_token"] == made.get("csrf_token")

        async def afterwards() -> None:
            late.append(await seen(request))

        REGISTER.credentials |= {made.get("access_token", ""), made.get("refresh_token", "")} - {""}
        return JSONResponse(told, background=BackgroundTask(afterwards))

    with site(mode, Route("/enter", enter, methods=["POST"]), store=False if stateless else None) as place:
        ada = None if before == "nobody" else place.login()
        came = [] if ada is None else bearer(ada) if before == "by token" else place.cookies(ada, refresh=False)
        reply = place.wire.send("POST", "/enter", [*came, ("sec-fetch-site", "same-origin")])
        assert reply.status == 200
        assert late == [reply.json], "its holder has it by then"


def test_after_a_refused_login_nobody_is_who_logged_in(mode: str) -> None:
    late: list[Any] = []

    async def enter(request: Request) -> Response:
        auth = gate_of(request)
        _ = await auth.login(request, "bob")
        _ = await auth.identity(request)

        async def afterwards() -> None:
            late.append((await auth.maybe(request), auth.csrf_token(request)))

        return JSONResponse({}, 400, background=BackgroundTask(afterwards))

    with site(mode, Route("/enter", enter, methods=["POST"])) as place:
        assert place.wire.send("POST", "/enter").cookies == []
        assert late == [(None, None)]


def test_a_step_up_after_a_login_is_one_of_who_logged_in(mode: str) -> None:
    async def enter(request: Request) -> Response:
        auth = gate_of(request)
        first = await auth.login(request, "bob")
        second = await auth.step_up(request)
        assert first["session_id"] != second["session_id"]
        assert (await auth.identity(request)).session_id == second["session_id"]
        return JSONResponse({})

    with site(mode, Route("/enter", enter, methods=["POST"])) as place:
        browser = place.browser("/login")
        assert browser.post("/enter").status == 200
        assert browser.get("/me").body == b"bob"
        assert sum(row.ended_at is None for row in place.store.answer(List("bob", 10))) == 1
        assert all(row.ended_at is not None for row in place.store.answer(List("ada", 10)))


def test_after_a_logout_of_the_same_request_nobody_is_calling(mode: str) -> None:
    async def come_and_go(request: Request) -> Response:
        auth = gate_of(request)
        _ = await auth.login(request, "bob")
        _ = await auth.logout(request)
        assert await auth.maybe(request) is None
        return JSONResponse(auth.csrf_token(request))

    with site(mode, Route("/come-and-go", come_and_go, methods=["POST"])) as place:
        assert place.browser().post("/come-and-go").json is None
