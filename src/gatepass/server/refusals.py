"""Refusals: problem JSON for programs, a page for people."""

from http import HTTPStatus
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gatepass.errors import GatepassError, MethodNotAllowed, NotFound
from gatepass.server.templates import page
from gatepass.starlette.answer import on_error
from gatepass.web.bodies import FORM, media_type

#: What people are told. Everything else is "that did not work".
_SAID: Final = {
    404: "There is no such page.",
    421: "This server does not know the address that you came by.",
    429: "Too many tries. Please wait a little.",
    503: "Something is out of order here. Please try again in a moment: you are still signed in.",
}


def refused(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route that is refused with *statuses*."""
    problem = {"application/problem+json": {"schema": {"type": "object"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": problem} for status in statuses}


async def on_refusal(request: Request, error: GatepassError) -> Response:
    """The answer to a request that was refused with *error*."""
    answer = await on_error(request, error)
    assert answer is not None  # noqa: S101  it is one of HTTP
    if answer.status_code < HTTPStatus.BAD_REQUEST or not _by_a_person(request):
        return answer
    shown = page(
        request,
        "refusal.html",
        status=answer.status_code,
        said=_SAID.get(answer.status_code, "That did not work."),
        code=error.code,
    )
    for name in ("www-authenticate", "retry-after", "allow"):
        if name in answer.headers:
            shown.headers[name] = answer.headers[name]
    return shown


async def on_http(request: Request, error: HTTPException) -> Response:
    """The same for what the framework refuses: paths and methods that are not there."""
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "")
        return await on_refusal(request, MethodNotAllowed(*(name.strip() for name in allowed.split(","))))
    return await on_refusal(request, NotFound())


def _by_a_person(request: Request) -> bool:
    """Whether a person is waiting for a page."""
    if request.url.path.startswith("/auth/"):
        return False
    form = media_type(request.headers.getlist("content-type")[:1]) == FORM
    return "text/html" in request.headers.get("accept", "") or form
