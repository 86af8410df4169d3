"""What holds for every request and every answer, whoever serves it: hosts, sizes, patience, headers, a last resort."""

import asyncio
import logging
import secrets
from http import HTTPStatus
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gatepass.errors import BodyTooLarge, FieldsInvalid, GatepassError, HostUnknown, InternalError, StoreError
from gatepass.server.audit import request_id
from gatepass.server.refusals import early
from gatepass.web import answers, bodies
from gatepass.web.site import Site

logger: Final = logging.getLogger("gatepass.server")

#: Seconds that a body may take from its first byte to its last: of the longest, on a slow line. Our choice.
PATIENCE: Final = 15.0
#: What is asked without knowing our name: by whoever starts and watches us, at the address of a machine.
_WATCHED: Final = frozenset({"/healthz", "/readyz"})
#: Of the length of a body: more is no number that we would read.
_DIGITS: Final = 9
_CUT: Final = {"": "this is not all of it"}


class Guard:
    """Wraps the whole application.

    Args:
        app: What it wraps.
        site: Where the application is reached.
    """

    patience = PATIENCE

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self._app = app
        self._site = site
        self._headers = {
            **answers.GUARD,
            **(answers.TRANSPORT if site.secure else {}),
            # What may be kept says so itself.
            "Cache-Control": "no-store",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As the ASGI specification has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        id = secrets.token_hex(8)  # noqa: A001  it is the id
        token = request_id.set(id)
        started = False

        async def complete(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = id
                for name, value in self._headers.items():
                    _ = headers.setdefault(name, value)
                if "sandbox" in headers["Content-Security-Policy"]:
                    # A browser may refuse the two together (HTML, section 7.1.3).
                    del headers["Cross-Origin-Opener-Policy"]
            await send(message)

        try:
            self._check(scope)
            await self._app(_asked(scope), self._bounded(receive), complete)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  it is the last resort
            told = _told(error, id, started=started)
            if not started:  # else the server cuts off what has begun
                await _answer(Request(scope), answers.problem(told))(scope, receive, complete)
        finally:
            request_id.reset(token)

    def _check(self, scope: Scope) -> None:
        """Return if the request is worth any work.

        Raises:
            HostUnknown: It was sent to somebody else.
            BodyTooLarge: It says so itself.
        """
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1:
            raise HostUnknown
        if scope["path"] not in _WATCHED:
            _ = self._site.serve(scope["scheme"], hosts, scope.get("root_path", ""))
        for name, value in scope["headers"]:
            if name == b"content-length" and (not value.isdigit() or len(value) > _DIGITS or int(value) > bodies.MOST):
                raise BodyTooLarge

    def _bounded(self, receive: Receive) -> Receive:
        """*receive*, whose body ends in size and in time.

        Raises:
            BodyTooLarge: It does not end in size, whatever its headers say.
            FieldsInvalid: It does not end in time, or the client has hung up in the middle of it.
        """
        size, whole = 0, False
        ends_at: float | None = None

        async def bounded() -> Message:
            nonlocal size, whole, ends_at
            if whole:  # what comes now is the end of the connection, and that may take as long as it likes
                return await receive()
            ends_at = ends_at or asyncio.get_running_loop().time() + self.patience
            try:
                async with asyncio.timeout_at(ends_at):
                    message = await receive()
            except TimeoutError:
                raise FieldsInvalid(_CUT) from None
            if message["type"] == "http.disconnect":
                raise FieldsInvalid(_CUT)
            size += len(message.get("body", b""))
            if size > bodies.MOST:
                raise BodyTooLarge
            whole = not message.get("more_body", False)
            return message

        return bounded


def _told(error: BaseException, id: str, *, started: bool) -> GatepassError:  # noqa: A002  it is the id
    """What is told of *error*; what is no refusal is written down."""
    if isinstance(error, asyncio.CancelledError):
        # The time that the server has for its end is over: a fault for whoever waits, and no surprise. The server below
        # us would make of it an answer without our headers, and a traceback.
        logger.warning("request %s was cut off", id)
        return StoreError("the server is ending")
    told = error if isinstance(error, GatepassError) else InternalError()
    if started or told.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        # The last resort: nothing of what went wrong is told to anybody but the log.
        logger.error("request %s failed", id, exc_info=error)
    return told


def _answer(request: Request, answer: answers.Answer) -> Response:
    """*answer*, as a page where that can still be made."""
    try:
        return early(request, answer)
    except Exception:
        logger.exception("no page could be made")
        return Response(answer.body, answer.status, answer.headers)


def _asked(scope: Scope) -> Scope:
    """What is asked for: HEAD is GET, and the server leaves the body away (RFC 9110 section 9.3.2)."""
    return {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
