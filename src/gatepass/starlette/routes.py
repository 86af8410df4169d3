"""Our own routes, as `docs/fastapi.md` lists them; the application has its own for logging in."""

from collections.abc import Awaitable, Callable
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final, NamedTuple

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Scope

from gatepass.core.keyring import PUBLISHED
from gatepass.core.origin import local
from gatepass.errors import (
    CredentialError,
    FieldsInvalid,
    MethodNotAllowed,
    NotFound,
    NotPossible,
    RevokedCredential,
)
from gatepass.starlette.answer import onward, redirect, response
from gatepass.starlette.caller import Caller
from gatepass.starlette.carried import read
from gatepass.web import answers, bodies, renew
from gatepass.web.answers import Answer

if TYPE_CHECKING:
    from gatepass.starlette.extension import Gatepass

#: Where other services look for the public keys.
JWKS: Final = "/.well-known/jwks.json"
HTML: Final = "text/html"
SCRIPT: Final = "text/javascript"
#: So many rows of the device list at most.
LISTED: Final = 200
NO_CONTENT: Final = Answer(204, dict(answers.GUARD), b"")

Handler = Callable[["Gatepass", Caller, Request], Awaitable[Answer | Response]]


class Ours(NamedTuple):
    """One of our routes."""

    method: str
    #: Below the prefix, unless it is `JWKS`.
    path: str
    handler: Handler
    summary: str
    #: Whether it is for those who are logged in.
    guarded: bool = False
    #: What its JSON may have.
    fields: tuple[str, ...] = ()
    #: What a form may have, which is answered with a redirect.
    form: tuple[str, ...] = ()
    status: int = 200
    refusals: tuple[int, ...] = (421,)
    #: What its address has to have.
    query: tuple[str, ...] = ()
    #: The type of what it answers.
    media: str = bodies.JSON
    #: Which of `gatepass.web.schemas.COMPONENTS` its JSON is.
    answers: str = ""


async def refresh(auth: "Gatepass", caller: Caller, request: Request) -> Answer | Response:
    """Exchange the refresh token; from the page that renews, go on to where the person wanted to be."""
    fields = await _body(caller, request, *_REFRESH, form=_FORM)
    if "next" in fields:
        return await _renewed(auth, caller, request, _next(fields["next"]))
    access = fields.get("access", "cookie")
    if access not in {"cookie", "body"}:
        raise FieldsInvalid({"access": "this is cookie or body"})
    token = fields.get("refresh_token")
    try:
        said = await caller.refresh(request, token, access="body" if access == "body" else "cookie")
    except CredentialError as error:
        # A cookie was in question; and its place was not taken by others, which this answer would take away if it came
        # after theirs.
        if token is None and not (isinstance(error, RevokedCredential) and error.replaced):
            _ = await caller.forget_refused(request, stale=True)
        raise
    return answers.json(said)


async def _renewed(auth: "Gatepass", caller: Caller, request: Request, back: str) -> Answer | Response:
    try:
        _ = await caller.refresh(request, None, access="cookie")
    except (CredentialError, NotPossible):
        if await caller.forget_refused(request):
            return redirect(back, caller)  # a session, say: there is nothing to renew, and nobody was signed out
        if auth.login_page is None:
            return renew.over()
        return onward(caller, caller.base + auth.login_page, back)
    return redirect(back, caller)


async def renewing(auth: "Gatepass", caller: Caller, request: Request) -> Answer | Response:  # noqa: ARG001
    """The page that posts to `refresh`."""
    said = request.query_params.getlist("next")
    back = _next(said[0] if len(said) == 1 else None)
    place = caller.carried.serve()
    caller.jar.read = True
    token = None
    for credential in caller.carried.cookies().values():
        try:
            token = caller.auth.gate.csrf_token(await caller.auth.gate.session_id(credential))
        except CredentialError:
            continue
        break
    return renew.renewing(place.prefix + "/refresh", back, token)


async def me(auth: "Gatepass", caller: Caller, request: Request) -> Answer | Response:  # noqa: ARG001
    """Who is calling."""
    who = await caller.identity(request)
    return answers.json(answers.identity(who, caller.csrf_token()))


async def logout(auth: "Gatepass", caller: Caller, request: Request) -> Answer | Response:  # noqa: ARG001
    """End the session that the request came with."""
    fields = await _body(caller, request, *_LOGOUT)
    _ = await caller.logout(request, fields.get("refresh_token"))
    return NO_CONTENT


async def sessions(auth: "Gatepass", caller: Caller, request: Request) -> Answer | Response:
    """The sessions of who is calling, the one that asks first, then live ones."""
    who = await caller.identity(request)
    rows = await auth.gate.sessions(who.subject, limit=LISTED, first=who.session_id)
    return answers.json({"sessions": [answers.session(row, who.session_id) for row in rows]})


async def end_session(auth: "Gatepass", caller: Caller, request: Request) -> Answer | Response:
    """End one session of who is calling."""
    who = await caller.identity(request)
    wanted = request.path_params["id"]
    if all(row.id != wanted for row in await auth.gate.sessions(who.subject, limit=1, first=wanted)):
        raise NotFound
    return answers.json(answers.receipt(await auth.gate.revoke(session=wanted)))


async def end_others(auth: "Gatepass", caller: Caller, request: Request) -> Answer | Response:
    """End all sessions of who is calling but this one."""
    _ = await _body(caller, request)
    who = await caller.identity(request)
    done = await auth.gate.revoke(subject=who.subject, except_session=who.session_id)
    return answers.json(answers.receipt(done))


async def jwks(auth: "Gatepass", caller: Caller, request: Request) -> Answer | Response:  # noqa: ARG001
    """The public keys, for services that verify tokens themselves."""
    status, headers, body = answers.json(auth.gate.jwks())
    return Answer(status, {**headers, "Cache-Control": f"public, max-age={PUBLISHED}"}, body)


async def script(auth: "Gatepass", caller: Caller, request: Request) -> Answer | Response:  # noqa: ARG001
    """`gatepass.js`, for pages."""
    headers = {**answers.GUARD, "Content-Type": "text/javascript; charset=utf-8", "Cache-Control": "no-cache"}
    return Answer(200, headers, _script())


@cache
def _script() -> bytes:
    return files("gatepass.web").joinpath("gatepass.js").read_bytes()


#: What a check can be refused with, and what a body can be.
_CHECK: Final = (400, 401, 403, 421, 503)
_BODY: Final = (*_CHECK[:-1], 409, 413, 415, 422, 503)

_REFRESH: Final = ("refresh_token", "access")
_FORM: Final = ("next", "csrf_token")
_LOGOUT: Final = ("refresh_token",)

OURS: Final = (
    Ours(
        "POST",
        "/refresh",
        refresh,
        "Exchange the refresh token",
        fields=_REFRESH,
        form=_FORM,
        refusals=_BODY,
        answers="GatepassCredentials",
    ),
    Ours(
        "GET",
        "/renew",
        renewing,
        "The page that renews a page load",
        refusals=(400, 421, 422, 503),
        query=("next",),
        media=HTML,
    ),
    Ours("GET", "/me", me, "Who is calling", guarded=True, refusals=_CHECK, answers="GatepassIdentity"),
    Ours("POST", "/logout", logout, "End this session", guarded=True, fields=_LOGOUT, status=204, refusals=_BODY),
    Ours(
        "GET",
        "/sessions",
        sessions,
        "The sessions of who is calling",
        guarded=True,
        refusals=(*_CHECK, 409),
        answers="GatepassSessions",
    ),
    Ours(
        "POST",
        "/sessions/end-others",
        end_others,
        "End all sessions but this one",
        guarded=True,
        refusals=_BODY,
        answers="GatepassReceipt",
    ),
    Ours(
        "DELETE",
        "/sessions/{id}",
        end_session,
        "End one session",
        guarded=True,
        refusals=(*_CHECK, 404, 409),
        answers="GatepassReceipt",
    ),
    Ours("GET", "/gatepass.js", script, "The script for pages", media=SCRIPT),
    Ours("GET", JWKS, jwks, "The public keys", answers="GatepassKeys"),
)


def path(prefix: str, ours: Ours) -> str:
    """Where a route of ours lies in the application."""
    return ours.path if ours.path == JWKS else prefix + ours.path


class Routes:
    """Our routes, looked up before the application looks for its own: whatever else is asked for is a dict lookup.

    Args:
        prefix: The path that they lie below.
    """

    def __init__(self, prefix: str) -> None:
        self._by_path: dict[str, dict[str, Ours]] = {}
        for ours in OURS:
            self._by_path.setdefault(path(prefix, ours), {})[ours.method] = ours
        #: The one path that has an id in it.
        self._one = prefix + "/sessions/{id}"
        self._ones = self._one.removesuffix("{id}")

    def find(self, route: str, scope: Scope) -> Ours | None:
        """The route of ours that is asked for; None where that is the application's own matter.

        Args:
            route: The path inside the application.
            scope: Of the request; the id in the path goes into it.

        Raises:
            MethodNotAllowed: Ours, but served with other methods.
        """
        found = self._by_path.get(route)
        if found is None:
            if not route.startswith(self._ones) or "/" in route[len(self._ones) :]:
                return None
            found = self._by_path[self._one]
        scope["path_params"] = {"id": route.removeprefix(self._ones)}
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        if method not in found:
            raise MethodNotAllowed(*found)
        return found[method]


async def serve(ours: Ours, caller: Caller, request: Request) -> Response:
    """What a route of ours answers, under a name of ours."""
    _ = caller.carried.serve()
    found = await ours.handler(caller.auth, caller, request)
    return response(found, caller) if isinstance(found, Answer) else found


async def _body(caller: Caller, request: Request, *fields: str, form: tuple[str, ...] = ()) -> dict[str, str]:
    """The fields of the body.

    Raises:
        BodyTooLarge: Found out before all of it is read.
    """
    try:
        body = await read(request)
    except ClientDisconnect:
        raise FieldsInvalid({"": "this is not all of it"}) from None  # nobody is there to read it
    return bodies.read(body, bodies.media_type(caller.carried.headers(b"content-type")), fields=fields, form=form)


def _next(said: str | None) -> str:
    """The local path to go on to."""
    back = local(said)
    if back is None:
        raise FieldsInvalid({"next": "this is a path of this application, such as /account"})
    return back
