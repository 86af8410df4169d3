"""Where everybody may come: who is nobody, and who has only to renew what they came with."""

import pytest
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from support.asgi import FORM, PAGE
from support.site import LOOPBACK, METHODS, bearer, gate_of, site

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
