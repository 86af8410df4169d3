"""Refusals: problem JSON for programs, a page for people."""

from http import HTTPStatus
from typing import Any, Final, NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match, Mount

from gatepass.errors import CredentialError, GatepassError, MethodNotAllowed, NotFound
from gatepass.server.templates import page
from gatepass.server.words import at_most
from gatepass.starlette.answer import on_error
from gatepass.web.answers import Answer
from gatepass.web.bodies import FORM, media_type


class _Told(NamedTuple):
    """What a person is told: what happened, and what to do."""

    title: str
    said: str


#: By the status of the answer.
_TOLD: Final = {
    400: _Told(
        "You seem to be signed in twice",
        "Your browser sent two sign-ins at once, and we do not guess. Delete the cookies of this site, and sign in"
        " again.",
    ),
    401: _Told("Please sign in again", "We could not tell that it is you. Nothing was changed."),
    403: _Told(
        "That did not come from one of our pages",
        "So nothing was changed. If it was you, open the page again and press its button there.",
    ),
    404: _Told("There is no such page", "Perhaps the address has a typing error, or the page is gone."),
    405: _Told(
        "This address is not for looking at", "It is where a form is sent to. Please go on from one of our pages."
    ),
    409: _Told("That is not possible now", "Something stands in its way. Nothing was changed."),
    413: _Told("That was too much", "What was sent is longer than anything that we ask for. Nothing was changed."),
    415: _Told("That was no form of ours", "It was sent in a manner that we do not read. Nothing was changed."),
    421: _Told(
        "This server does not know that address",
        "It is reached under another name. Please check the address in your browser, or ask who runs the server.",
    ),
    422: _Told(
        "That form was not whole",
        "Something in it was missing, or not ours. Nothing was changed. Open the page again and fill it in anew.",
    ),
    429: _Told("Too many tries", "We slow down to keep guessers out."),
    500: _Told(
        "Something went wrong here",
        "It is our fault, and it is written down. Please try again; if it stays, tell who runs the server.",
    ),
    503: _Told(
        "Out of order for a moment",
        "Something that we need does not answer. If you are signed in, you still are. Please try again.",
    ),
}
#: What a route here may be served by.
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
#: Headers that go with a status, whatever the body is.
_KEPT: Final = ("www-authenticate", "retry-after", "allow")


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
    if isinstance(error, CredentialError):
        # A button of a page that was left open: what became of the sign-in is found out by loading the page again.
        return RedirectResponse(f"{request.scope['gatepass'].base}/account?again=true", HTTPStatus.SEE_OTHER)
    return _page(request, answer)


async def on_http(request: Request, error: HTTPException) -> Response:
    """The same for what the framework refuses: paths and methods that are not there."""
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return await on_refusal(request, MethodNotAllowed(*_methods(request, error)))
    return await on_refusal(request, NotFound())


def _methods(request: Request, error: HTTPException) -> list[str]:
    """Those that the path is served by: the framework names those of its first route only."""
    routes = [route for route in request.app.routes if not isinstance(route, Mount)]
    found = [
        method
        for method in _METHODS
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)
    ]
    return found or (error.headers or {}).get("Allow", "").split(", ")


def early(request: Request, answer: Answer) -> Response:
    """*answer*, which stands before any route was asked: for a person, as a page."""
    shown = Response(answer.body, answer.status, answer.headers)
    return _page(request, shown) if _by_a_person(request) else shown


def _page(request: Request, answer: Response) -> Response:
    told = _TOLD[answer.status_code]
    wait = answer.headers.get("retry-after")
    shown = page(
        request,
        "refusal.html",
        status=answer.status_code,
        title=told.title,
        said=told.said,
        wait=None if wait is None else at_most(int(wait)),
    )
    for name in _KEPT:
        if name in answer.headers:
            shown.headers[name] = answer.headers[name]
    return shown


def _by_a_person(request: Request) -> bool:
    """Whether a person is waiting for a page."""
    if request.url.path.startswith("/auth/"):
        return False
    form = media_type(request.headers.getlist("content-type")[:1]) == FORM
    return "text/html" in request.headers.get("accept", "") or form
