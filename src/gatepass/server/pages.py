"""The pages. Each form is answered by a redirect or by its page again; no script is needed for any of it."""

from contextlib import suppress
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gatepass.errors import AddressTaken, CredentialError, FieldsInvalid, LoginFailed, MissingCredential, Throttled
from gatepass.fastapi import CurrentIdentity, MaybeIdentity
from gatepass.server import people
from gatepass.server.devices import grouped
from gatepass.server.parts import parts
from gatepass.server.templates import page
from gatepass.starlette import local_path
from gatepass.web import bodies

router = APIRouter(include_in_schema=False)

HOME: Final = "/account"


@router.get("/")
async def home(request: Request, who: MaybeIdentity) -> Response:
    """The first page."""
    return page(request, "home.html", who=who, signup=parts(request).settings.signup != "off")


@router.get("/login")
async def login_form(request: Request, next: str | None = None) -> Response:  # noqa: A002  a field of the address
    """The form."""
    return _login_form(request, next=local_path(next) or HOME)


@router.post("/login")
async def login(request: Request) -> Response:
    """Log in, and go on to where the person wanted to go."""
    fields = await _form(request, "email", "password", "next", "remember")
    onward = local_path(fields.get("next")) or HOME
    email = fields.get("email", "")
    try:
        _, device = await people.log_in(
            parts(request), request, email, fields.get("password", ""), remember="remember" in fields
        )
    except (LoginFailed, FieldsInvalid):
        return _login_form(request, 401, next=onward, email=email, wrong="The address or the password is wrong.")
    except Throttled as error:
        return _wait(_login_form(request, 429, next=onward, email=email, wrong=_too_many(error)), error)
    return _gone_on(request, onward, device)


@router.get("/signup")
async def signup_form(request: Request) -> Response:
    """The form."""
    people.check_open(parts(request))
    return page(request, "signup.html", email="", problems={})


@router.post("/signup")
async def signup(request: Request) -> Response:
    """Make an account, and log in."""
    fields = await _form(request, "email", "password")
    email, password = fields.get("email", ""), fields.get("password", "")
    try:
        _ = await people.sign_up(parts(request), request, email, password)
        _, device = await people.log_in(parts(request), request, email, password)
    except FieldsInvalid as error:
        return page(request, "signup.html", status=422, email=email, problems=error.problems)
    except AddressTaken:
        return page(request, "signup.html", status=409, email=email, problems={"email": "it has an account already"})
    except Throttled as error:
        return _wait(page(request, "signup.html", status=429, email=email, problems={"": _too_many(error)}), error)
    return _gone_on(request, HOME, device)


@router.get("/account")
async def account(request: Request, who: CurrentIdentity, ended: str | None = None, changed: bool = False) -> Response:
    """The account: its devices, and its password."""
    return await _account(request, who.subject, who.session_id, ended=ended, changed=changed)


@router.post("/account/sessions/{id}/end")
async def end_session(request: Request, who: CurrentIdentity, id: str) -> Response:  # noqa: A002  it is the id
    """Log out one device: one's own only, and without a word about others'."""
    if await people.end_session(parts(request), who, id):
        return _back(request, f"?ended={id}")
    return _back(request)


@router.post("/account/sessions/end-others")
async def end_others(request: Request, who: CurrentIdentity) -> Response:
    """Log out every device but this one."""
    _ = await parts(request).auth.revoke(subject=who.subject, except_session=who.session_id)
    return _back(request, "?ended=others")


@router.post("/account/password")
async def password(request: Request, who: CurrentIdentity) -> Response:
    """Change the password."""
    fields = await _form(request, "current", "new")
    try:
        _ = await people.change_password(parts(request), request, who, fields.get("current", ""), fields.get("new", ""))
    except LoginFailed:
        problems, status = {"current": "this is not your password"}, 401
    except FieldsInvalid as error:
        problems, status = error.problems, 422
    except Throttled as error:
        problems, status = {"current": _too_many(error)}, 429
    else:
        return _back(request, "?changed=true")
    return await _account(request, who.subject, who.session_id, problems=problems, status=status)


@router.post("/logout")
async def logout(request: Request) -> Response:
    """End the session on the server, and clear its cookies."""
    with suppress(CredentialError):  # it has ended already
        _ = await parts(request).auth.logout(request)
    return RedirectResponse(_path(request, "/login"), 303)


def _login_form(request: Request, status: int = 200, *, next: str, email: str = "", wrong: str = "") -> Response:  # noqa: A002
    open_ = parts(request).settings.signup != "off"
    return page(request, "login.html", status=status, next=next, email=email, wrong=wrong, signup=open_)


async def _account(
    request: Request,
    subject: str,
    current: str,
    *,
    status: int = 200,
    ended: str | None = None,
    changed: bool = False,
    problems: dict[str, str] | None = None,
) -> Response:
    found = parts(request)
    user = found.users.by_id(subject)
    if user is None:
        raise MissingCredential
    rows = await found.auth.sessions(subject)
    return page(
        request,
        "account.html",
        status=status,
        user=user,
        current=current,
        groups=grouped(rows, current),
        ended=ended,
        changed=changed,
        problems=problems or {},
        now=found.now(),
    )


async def _form(request: Request, *names: str) -> dict[str, str]:
    """The fields of a form.

    Raises:
        FieldsInvalid: There is a field that is not known here.
    """
    body = await request.body()
    said = bodies.media_type(request.headers.getlist("content-type"))
    return bodies.read(body, said, fields=(), form=(*names, "csrf_token"))


def _gone_on(request: Request, path: str, device: str) -> Response:
    answer = RedirectResponse(_path(request, path), 303)
    answer.headers.append("set-cookie", device)
    return answer


def _back(request: Request, query: str = "") -> Response:
    return RedirectResponse(_path(request, HOME) + query, 303)


def _path(request: Request, path: str) -> str:
    base: str = request.scope["gatepass"].base
    return path if path.startswith(base + "/") else base + path


def _too_many(error: Throttled) -> str:
    return f"Too many tries. Please wait {error.retry_after} seconds."


def _wait(answer: Response, error: Throttled) -> Response:
    answer.headers["Retry-After"] = str(error.retry_after)
    return answer
