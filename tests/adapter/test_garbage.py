"""What a request leaves behind: nothing that only the garbage collector can take away.

A scope and what is in it that hold each other stay, with all their headers, until a collection stops every request in
hand: a hundredth of the requests then took ten times as long.
"""

import gc
from collections.abc import Callable

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from support.asgi import Reply, wired
from support.site import HTTPS, ring, site

from gatepass.fastapi import CurrentIdentity
from gatepass.fastapi import Gatepass as FastGatepass

REQUESTS = 20


def left(ask: Callable[[], Reply], *, status: int = 200) -> int:
    """How many objects a collector finds after requests, for each of them."""
    for _ in range(2):  # what the first ones make is kept
        assert ask().status == status
    gc.collect()
    gc.disable()
    try:
        for _ in range(REQUESTS):
            assert ask().status == status
        return gc.collect() // REQUESTS
    finally:
        gc.enable()


@pytest.mark.parametrize("path", ["/me", "/maybe", "/user", "/scopes", "/required", "/plain", "/auth/me"])
def test_a_request_that_is_let_on_leaves_no_garbage(mode: str, path: str) -> None:
    with site(mode) as place:
        browser = place.browser("/login")

        assert left(lambda: browser.get(path)) == 0


@pytest.mark.parametrize(("path", "status"), [("/me", 401), ("/maybe", 200), ("/user", 200), ("/auth/me", 401)])
@pytest.mark.parametrize("token", ["x", ""], ids=["bad", "none"])
def test_nor_does_one_without_a_good_credential(mode: str, token: str, path: str, status: int) -> None:
    with site(mode) as place:
        headers = [("authorization", f"Bearer {token}")] if token else []

        assert left(lambda: place.wire.send("GET", path, headers), status=status) == 0


def test_nor_does_one_on_fastapi() -> None:
    app = FastAPI()
    auth = FastGatepass(app, mode="jwt", store=False, keys=ring(), issuer=HTTPS)

    @app.get("/me")
    async def me(who: CurrentIdentity) -> str:
        return who.subject

    with wired(app) as wire:
        token = wire.run(auth.gate.login("ada")).access_token

        assert left(lambda: wire.send("GET", "/me", [("authorization", f"Bearer {token}")])) == 0


def test_an_application_that_ties_a_knot_is_found() -> None:
    async def me(request: Request) -> Response:
        request.scope["knot"] = request
        return PlainTextResponse("hello")

    with wired(Starlette(routes=[Route("/me", me)])) as wire:
        assert left(lambda: wire.send("GET", "/me")) > 0
