"""The application. What it does about sessions is one call each; their mode is one word, and changes no route."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from examples import users
from gatepass import CredentialError, Mode
from gatepass.starlette import Gatepass, device, local_path

HERE = Path(__file__).parent

templates = Jinja2Templates(HERE / "templates")
templates.env.filters["time"] = lambda second: datetime.fromtimestamp(second, UTC).strftime("%d %b %Y, %H:%M UTC")
templates.env.filters["device"] = lambda session: device(session.client.user_agent)["name"]

#: The pages have no script, show nothing from elsewhere, and are shown in nobody else's frame.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

#: Where a form leads whose access token ended while the page lay open. That page is renewed first (or asks for a
#: login), and then says that nothing was done: a form is not sent twice without the person.
UNCHANGED = "/devices?unchanged"


def create_app(mode: Mode = "session", **options: Any) -> Starlette:
    """The application, which keeps its sessions and keys in `./.gatepass/`."""
    app = Starlette(
        routes=[
            Route("/", home),
            Route("/login", login_form),
            Route("/login", login, methods=["POST"]),
            Route("/logout", logout, methods=["POST"]),
            Route("/devices", devices),
            Route("/devices/{id}/end", end_device, methods=["POST"]),
            Route("/devices/end-others", end_others, methods=["POST"]),
            Mount("/static", StaticFiles(directory=HERE.parent / "static")),
        ]
    )
    Gatepass(app, mode=mode, login_page="/login", load_subject=users.load, **options)
    return app


async def home(request: Request) -> Response:
    """The protected page. Who is not logged in is sent to the login page, and comes back."""
    return page(request, "home.html", who=await auth(request).identity(request))


async def login_form(request: Request) -> Response:
    """The form."""
    return page(request, "login.html", next=onward(request.query_params.get("next")))


async def login(request: Request) -> Response:
    """Check the password; the rest is one call."""
    form = {name: str(value) for name, value in (await request.form()).items()}
    name, back = form.get("name", ""), onward(form.get("next"))
    # In a thread: a password's hash is slow on purpose.
    if not await asyncio.to_thread(users.check, name, form.get("password", "")):
        return page(request, "login.html", status=401, next=back, name=name, wrong=True)
    await auth(request).login(request, name)
    return RedirectResponse(back, 303)


async def logout(request: Request) -> Response:
    """End the session on the server, and clear its cookies."""
    with suppress(CredentialError):  # it has ended already
        await auth(request).logout(request)
    return RedirectResponse("/login", 303)


async def devices(request: Request) -> Response:
    """Where else this person is logged in."""
    who = await auth(request).identity(request)
    sessions = await auth(request).sessions(who.subject)
    return page(request, "devices.html", who=who, sessions=sessions, unchanged="unchanged" in request.query_params)


async def end_device(request: Request) -> Response:
    """Log out one device: one's own only, and without a word about others'."""
    try:
        who = await auth(request).identity(request)
    except CredentialError:
        return RedirectResponse(UNCHANGED, 303)
    if request.path_params["id"] in {session.id for session in await auth(request).sessions(who.subject)}:
        await auth(request).revoke(session=request.path_params["id"])
    return RedirectResponse("/devices", 303)


async def end_others(request: Request) -> Response:
    """Log out every device but this one."""
    try:
        who = await auth(request).identity(request)
    except CredentialError:
        return RedirectResponse(UNCHANGED, 303)
    await auth(request).revoke(subject=who.subject, except_session=who.session_id)
    return RedirectResponse("/devices", 303)


def auth(request: Request) -> Gatepass:
    """The extension, which the application holds."""
    found: Gatepass = request.app.state.gatepass
    return found


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> Response:
    """*template*, filled. The CSRF token is for browsers so old that they do not say where a form comes from."""
    context["csrf_token"] = auth(request).csrf_token(request)
    return templates.TemplateResponse(
        request, template, context, status_code=status, headers={"Content-Security-Policy": POLICY}
    )


def onward(path: str | None) -> str:
    """*path* if it leads to a page of ours, else the first page: no link makes a login lead away from here."""
    return local_path(path) or "/"
