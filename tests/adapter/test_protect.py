"""`protect`: the check of where a request comes from, for a route that changes something for nobody in particular."""

from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from support.asgi import Pair
from support.site import gate_of, site


async def sign_up(request: Request) -> Response:
    await gate_of(request).protect(request)
    return PlainTextResponse("welcome")


def sign_up_in_thread(request: Request) -> Response:
    gate_of(request).sync.protect(request)
    return PlainTextResponse("welcome")


ROUTES = (Route("/async", sign_up, methods=["POST"]), Route("/in-thread", sign_up_in_thread, methods=["POST"]))

FROM_HERE: list[Pair] = [("sec-fetch-site", "same-origin")]


@pytest.mark.parametrize("path", ["/async", "/in-thread"])
@pytest.mark.parametrize(
    ("headers", "options", "refusal"),
    [
        (FROM_HERE, {}, None),
        ([], {}, None),  # a program that carries nothing of ours
        ([("sec-fetch-site", "cross-site")], {}, "csrf_refused"),
        ([("origin", "https://evil.example")], {}, "csrf_refused"),
        (FROM_HERE, {"host": "rebound.example"}, "host_unknown"),
    ],
)
def test_a_sign_up_comes_from_a_page_of_ours_or_from_a_program(
    path: str, headers: list[Pair], options: dict[str, Any], refusal: str | None
) -> None:
    with site("session", *ROUTES) as here:
        assert here.wire.send("POST", path, headers, **options).code == refusal


def test_a_program_with_a_cookie_of_ours_shows_its_csrf_token() -> None:
    with site("session", *ROUTES) as here:
        credentials = here.login()
        cookies = here.cookies(credentials)

        assert here.wire.send("POST", "/async", cookies).code == "csrf_refused"
        token: Pair = ("x-csrf-token", here.auth.gate.csrf_token(credentials.session_id))
        assert here.wire.send("POST", "/async", [*cookies, token]).status == 200
