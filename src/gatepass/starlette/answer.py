"""Refusals as answers: the one place where an error of ours becomes a response."""

import logging
from typing import Final
from urllib.parse import quote, urlencode

from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.websockets import WebSocket, WebSocketState

from gatepass.core.origin import local
from gatepass.errors import CredentialError, GatepassError, StepUpRequired
from gatepass.starlette.caller import Caller
from gatepass.web import answers
from gatepass.web.answers import Answer

logger: Final = logging.getLogger("gatepass.web")

#: Close codes of a WebSocket, of the range that applications have (RFC 6455 section 7.4.2): 4400 + the last two digits
#: of the status. 1013 asks to try again later.
_CLOSE = 4_000
_LATER = 1_013
UNAVAILABLE = 503
#: The first status that is no fault of the client.
FAULT = 500
#: What a path may hold as it is: RFC 3986 section 3.3.
_UNQUOTED = "/:@!$&'()*+,;=~-._"


def response(answer: Answer, caller: Caller) -> Response:
    """*answer* in the words of Starlette."""
    return Response(answer.body, answer.status, _headers(answer.headers, caller))


def redirect(target: str, caller: Caller) -> Response:
    """To *target*, a local path."""
    return RedirectResponse(target, 303, _headers(answers.GUARD, caller))


def _headers(headers: dict[str, str], caller: Caller) -> dict[str, str]:
    return {**headers, **answers.TRANSPORT} if caller.auth.site.secure else headers


async def on_error(connection: HTTPConnection, error: Exception) -> Response | None:
    """Answer a request that was refused with *error*, or close the WebSocket."""
    assert isinstance(error, GatepassError)  # noqa: S101  registered for this class only
    innermost: Caller = connection.scope["gatepass"]
    caller = innermost.refuser(error)
    if isinstance(connection, WebSocket):
        _log(error)
        await _close(connection, caller, error)
        return None
    return refusal(caller, error)


def refusal(caller: Caller, error: GatepassError) -> Response:
    """The answer that *error* is: problem JSON, or for a page load the way to a page that helps. A fault is logged."""
    _log(error)
    if caller.renewable(error):
        # A path that nobody can be led back to is no reason to renew nothing: then on to the root.
        back = _here(caller) or caller.base + "/"
        return onward(caller, caller.base + caller.auth.prefix + "/renew", back)
    login_page = caller.auth.login_page
    if (
        login_page is not None
        and isinstance(error, CredentialError | StepUpRequired)
        and caller.carried.navigation()
        and caller.route != login_page.partition("?")[0]  # a login page that wants a login would lead to itself
    ):
        return onward(caller, caller.base + login_page, _here(caller))
    return response(answers.problem(error), caller)


def _log(error: GatepassError) -> None:
    """Write down a fault, which is nobody's refusal, and what it came from: the answer does not say the latter."""
    if error.status < FAULT:
        return
    found: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        # Those of others by their kind only: a sentence of a database may quote what is in a row.
        kind = getattr(cause, "sqlite_errorname", type(cause).__name__)
        found.append(str(cause) if isinstance(cause, GatepassError | OSError) else kind)
        cause = cause.__cause__
    logger.error("%s: %s", error.code, ", because: ".join(found))


def onward(caller: Caller, path: str, back: str | None) -> Response:
    """To *path*, which leads back to *back*."""
    caller.jar.read = True
    joint = "&" if "?" in path else "?"
    return redirect(path if back is None else f"{path}{joint}{urlencode({'next': back})}", caller)


def _here(caller: Caller) -> str | None:
    """The public path of the request; without its query where that is too long or too strange to come back to."""
    path = caller.base + quote(caller.route, safe=_UNQUOTED)
    query = caller.carried.query.decode("latin-1")
    return (local(f"{path}?{query}") if query else None) or local(path)


async def _close(websocket: WebSocket, caller: Caller, error: GatepassError) -> None:
    if websocket.application_state is WebSocketState.CONNECTING and "websocket.http.response" in websocket.scope.get(
        "extensions", {}
    ):
        await websocket.send_denial_response(response(answers.problem(error), caller))
        return
    code = _LATER if error.status == UNAVAILABLE else _CLOSE + error.status
    await websocket.close(code, error.code)
