"""The application: cookies set by hand, so that a reader sees which ones there are and why.

Everything about sessions is one call of `AsyncGate`; what is left here is HTTP.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from examples.first_login import pages, users
from gatepass import (
    AsyncGate,
    Client,
    CredentialError,
    Credentials,
    ExpiredCredential,
    GatepassError,
    Identity,
    LoginFailed,
    Mode,
    Subject,
)
from gatepass.keys import KeyFile
from gatepass.stores.sqlite import SqliteStore

#: Bytes of the longest form that is read. Our choice.
MOST_FORM = 8_192

#: What a check reads; and what only the routes below /auth ever see.
ACCESS, REFRESH = "first-login-access", "first-login-refresh"


def create_app(mode: Mode, *, folder: Path, port: int) -> Starlette:
    """The application, with its database and keys in *folder*, for a browser on loopback."""
    gate = AsyncGate(
        SqliteStore(folder / "first_login.db"),
        mode=mode,
        keys=KeyFile(folder / "keys.json"),
        name="first-login",
        load_subject=lambda name: Subject(roles=users.ROLES[name]) if name in users.ROLES else None,
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        gate.close()

    app = Starlette(
        lifespan=lifespan,
        routes=[
            Route("/", home),
            Route("/me", me),
            Route("/login", login_form),
            Route("/devices", devices),
            Route("/auth/login", login, methods=["POST"]),
            Route("/auth/renew", renew),
            Route("/auth/refresh", refresh, methods=["POST"]),
            Route("/auth/logout", logout, methods=["POST"]),
            Route("/auth/devices/{id}/end", end_device, methods=["POST"]),
        ],
        # A page of another name that points to this address would be same-origin with us, or nearly.
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
        exception_handlers={GatepassError: refused},
    )
    app.state.gate = gate
    app.state.origins = {f"http://127.0.0.1:{port}", f"http://localhost:{port}"}
    return app


# -- pages -------------------------------------------------------------------------------------------------------------


async def home(request: Request) -> Response:
    """The protected page."""
    who = await _identity(request)
    return _page(pages.home(who))


async def me(request: Request) -> Response:
    """The same for programs."""
    who = await _identity(request)
    return JSONResponse(
        {
            "subject": who.subject,
            "session_id": who.session_id,
            "mode": who.mode,
            "roles": sorted(who.roles),
            "auth_time": who.auth_time,
            "expires_at": who.expires_at,
        },
        headers={"Cache-Control": "no-store"},
    )


async def login_form(request: Request) -> Response:
    """The form."""
    return _page(pages.login(request.app.state.gate.mode))


async def devices(request: Request) -> Response:
    """Where else this person is logged in."""
    who = await _identity(request)
    sessions = await request.app.state.gate.sessions(who.subject)
    return _page(pages.devices(who, sessions))


async def renew(request: Request) -> Response:
    """A page whose form posts to `refresh`, by script or by its button: no GET ever rotates a token."""
    return _page(pages.renew(_local(request.query_params.get("next"))))


# -- what changes something --------------------------------------------------------------------------------------------


async def login(request: Request) -> Response:
    """Check the password, then hand the rest to the gate."""
    form = await _form(request)
    name = form.get("name", "")
    if not await asyncio.to_thread(users.check, name, form.get("password", "")):
        raise LoginFailed
    credentials = await request.app.state.gate.login(name, client=_client(request), replaces=_credential(request))
    return _answer(credentials, form, next_page="/")


async def refresh(request: Request) -> Response:
    """Exchange the refresh token, from the cookie or from a program's form."""
    form = await _form(request)
    token = form.get("refresh_token") or request.cookies.get(REFRESH)
    credentials = await request.app.state.gate.refresh(token, client=_client(request))
    return _answer(credentials, form, next_page=_local(form.get("next")))


async def logout(request: Request) -> Response:
    """End the session on the server; that the cookies go too is only tidiness."""
    await _form(request)
    response = RedirectResponse("/login", status_code=303)
    for credential in (_credential(request), request.cookies.get(REFRESH)):
        with suppress(CredentialError):  # one of them may be damaged, or the session have ended already
            await request.app.state.gate.logout(credential)
    _clear(response)
    return response


async def end_device(request: Request) -> Response:
    """Log out one device: one's own only, and without a word about others'."""
    await _form(request)
    who = await _identity(request)
    gate: AsyncGate = request.app.state.gate
    if request.path_params["id"] not in {session.id for session in await gate.sessions(who.subject)}:
        return HTMLResponse(pages.sentence("There is no such device."), status_code=404)
    await gate.revoke(session=request.path_params["id"])
    return RedirectResponse("/devices", status_code=303)


async def refused(request: Request, error: Exception) -> Response:
    """Every refusal of the gate: a code for programs, and for people a page to go on from."""
    assert isinstance(error, GatepassError)  # noqa: S101  registered for this class only
    wants_page = "text/html" in request.headers.get("accept", "")
    if wants_page and isinstance(error, CredentialError):
        refreshing = request.url.path == "/auth/refresh"
        # The access cookie outlives its token, so "expired" and "never logged in" are told apart.
        if isinstance(error, ExpiredCredential) and request.app.state.gate.mode == "hybrid" and not refreshing:
            return RedirectResponse(f"/auth/renew?next={_local(request.url.path)}", status_code=303)
        response = RedirectResponse("/login", status_code=303)
        if refreshing:
            _clear(response)  # nothing renews these any more
        return response
    if wants_page and isinstance(error, LoginFailed):
        return HTMLResponse(pages.login(request.app.state.gate.mode, f"{error}."), status_code=error.status)
    headers = {"Cache-Control": "no-store"}
    if error.status == 401:  # noqa: PLR2004  RFC 9110: says how to authenticate
        headers["WWW-Authenticate"] = 'Bearer realm="first-login"'
    if error.status == 503:  # noqa: PLR2004
        headers["Retry-After"] = "1"
    if wants_page:
        return HTMLResponse(pages.sentence(f"{error}."), status_code=error.status, headers=headers)
    return JSONResponse({"code": error.code, "detail": str(error)}, status_code=error.status, headers=headers)


# -- HTTP, by hand -----------------------------------------------------------------------------------------------------


def _credential(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token
    return request.cookies.get(ACCESS)


async def _identity(request: Request) -> Identity:
    identity: Identity = await request.app.state.gate.authenticate(_credential(request))
    return identity


def _client(request: Request) -> Client:
    return Client(
        ip=request.client.host if request.client else "", user_agent=request.headers.get("user-agent", "")[:300]
    )


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form, of a request that one of our own pages made."""
    # A browser says with every POST where it comes from. Who does not say is a program; without one of our cookies
    # it has nobody's rights but its own.
    origin = request.headers.get("origin")
    ours = ACCESS in request.cookies or REFRESH in request.cookies
    if origin not in request.app.state.origins and (origin is not None or ours):
        raise ForeignOrigin
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_FORM:
            raise TooLarge
    try:
        return dict(parse_qsl(body.decode(), max_num_fields=10))
    except ValueError:  # not UTF-8, or too many fields
        return {}


class ForeignOrigin(GatepassError):
    """The request does not come from one of our own pages."""

    code, status = "csrf_refused", 403
    sentence = "the request does not come from a page of this application"


class TooLarge(GatepassError):
    """No form of ours is so long."""

    code, status = "too_large", 413
    sentence = "the form is too large"


def _answer(credentials: Credentials, form: dict[str, str], *, next_page: str) -> Response:
    """Cookies and the next page for a browser, the tokens themselves for a program that asked for them."""
    if form.get("transport") == "bearer":
        body: dict[str, Any] = {
            "mode": credentials.mode,
            "token_type": "Bearer",
            "access_token": credentials.access_token,
            "expires_in": credentials.expires_in,
            "session_id": credentials.session_id,
        }
        if credentials.refresh_token is not None:
            body["refresh_token"] = credentials.refresh_token
        return JSONResponse(body, headers={"Cache-Control": "no-store"})
    response = RedirectResponse(next_page, status_code=303)
    left = credentials.session_expires_in
    # On loopback there is no https; anywhere else these need `secure=True` and `__Host-` names.
    response.set_cookie(ACCESS, credentials.access_token, max_age=left, path="/", httponly=True, samesite="lax")
    if credentials.refresh_token is None:
        response.delete_cookie(REFRESH, path="/auth", httponly=True, samesite="strict")  # of a login in another mode
    else:
        response.set_cookie(
            REFRESH, credentials.refresh_token, max_age=left, path="/auth", httponly=True, samesite="strict"
        )
    return response


def _clear(response: Response) -> None:
    response.delete_cookie(ACCESS, path="/", httponly=True, samesite="lax")
    response.delete_cookie(REFRESH, path="/auth", httponly=True, samesite="strict")


def _page(html: str) -> HTMLResponse:
    return HTMLResponse(html, headers={"Cache-Control": "no-store", "Vary": "Cookie"})


def _local(path: str | None) -> str:
    """*path* if it is one of our own pages, else the first page: no redirect leads anywhere else."""
    return path if path in {"/", "/devices"} else "/"
