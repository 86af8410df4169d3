"""The pages. Each form is answered by a redirect or by its page again; no script is needed for any of it."""

from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response

from gatepass.accounts.passwords import LEAST
from gatepass.errors import (
    AddressTaken,
    CredentialError,
    CredentialsAmbiguous,
    FieldsInvalid,
    LoginFailed,
    MissingCredential,
    RevokedCredential,
    Throttled,
)
from gatepass.fastapi import CurrentIdentity, MaybeIdentity
from gatepass.records import Identity, Receipt
from gatepass.server import people, receipts
from gatepass.server.devices import listed
from gatepass.server.parts import parts
from gatepass.server.templates import page
from gatepass.server.words import at_most, over_at
from gatepass.starlette import Caller, local_path
from gatepass.web import bodies

router = APIRouter(include_in_schema=False)

HOME: Final = "/account"


@router.get("/")
async def home(request: Request, who: MaybeIdentity) -> Response:
    """The first page."""
    found = parts(request)
    user = None if who is None else found.users.by_id(who.subject)
    return page(request, "home.html", user=user, signup=found.settings.signup != "off")


@router.get("/login")
async def login_form(request: Request) -> Response:
    """The form."""
    query = request.query_params
    left = "left" in query and _holds_nothing(request)
    return _login_form(request, next=local_path(query.get("next")) or HOME, left=left)


@router.post("/login")
async def login(request: Request) -> Response:
    """Log in, and go on to where the person wanted to go."""
    fields = await _form(request, "email", "password", "next", "remember")
    kept: dict[str, Any] = {
        "next": local_path(fields.get("next")) or HOME,
        "email": fields.get("email", ""),
        "remember": "remember" in fields,
    }
    try:
        _, device = await people.log_in(
            parts(request), request, kept["email"], fields.get("password", ""), remember=kept["remember"]
        )
    except (LoginFailed, FieldsInvalid):
        return _login_form(request, 401, **kept, wrong="the address or the password is wrong")
    except Throttled as error:
        return _wait(_login_form(request, 429, **kept, wrong=_too_many(error)), error)
    return _gone_on(request, kept["next"], device)


@router.get("/signup")
async def signup_form(request: Request) -> Response:
    """The form."""
    people.check_open(parts(request))
    return _signup_form(request)


@router.post("/signup")
async def signup(request: Request) -> Response:
    """Make an account, and log in."""
    fields = await _form(request, "email", "password")
    email, password = fields.get("email", ""), fields.get("password", "")
    try:
        device = await people.join(parts(request), request, email, password)
    except FieldsInvalid as error:
        return _signup_form(request, 422, email=email, problems=error.problems)
    except AddressTaken:
        return _signup_form(request, 409, email=email, problems={"email": "this address has an account already"})
    except Throttled as error:
        return _wait(_signup_form(request, 429, email=email, problems={"": _too_many(error)}), error)
    return _gone_on(request, HOME, device)


@router.get("/account")
async def account(request: Request, who: CurrentIdentity) -> Response:
    """The account: its devices, and its password."""
    return await _account(request, who)


@router.post("/account/sessions/{id}/end")
async def end_session(request: Request, who: CurrentIdentity, id: str) -> Response:  # noqa: A002  it is the id
    """Log out one device: one's own only, and without a word about others'."""
    _ = await _form(request)
    receipt = await people.end_session(parts(request), who, id)
    if receipt is None:
        return _back(request)
    # One that had ended already is as signed out as one that ends now.
    return _back(request, **receipts.asked(receipt, (id,)))


@router.post("/account/sessions/end-others")
async def end_others(request: Request, who: CurrentIdentity) -> Response:
    """Log out every device but this one."""
    _ = await _form(request)
    receipt = await parts(request).auth.revoke(subject=who.subject, except_session=who.session_id)
    return _back(request, **receipts.asked(receipt))


@router.post("/account/password")
async def password(request: Request) -> Response:
    """Change the password."""
    found = parts(request)
    try:
        who = await found.auth.identity(request)
    except RevokedCredential:
        fields = await _form(request, "email", "current", "new")
        device = await people.changed_already(found, request, fields.get("email", ""), fields.get("new", ""))
        if device is None:
            raise
        return _gone_on(request, f"{HOME}?changed=true", device)
    fields = await _form(request, "email", "current", "new")
    receipt: Receipt
    try:
        receipt, _ = await people.change_password(found, request, who, fields.get("current", ""), fields.get("new", ""))
    except LoginFailed:
        return await _account(request, who, 401, problems={"current": "this is not your password"})
    except FieldsInvalid as error:
        return await _account(request, who, 422, problems=error.problems)
    except Throttled as error:
        return _wait(await _account(request, who, 429, problems={"current": _too_many(error, "sign in again")}), error)
    return _back(request, changed="true", **receipts.asked(receipt))


@router.post("/logout")
async def logout(request: Request) -> Response:
    """End the session on the server, and clear its cookies."""
    _ = await _form(request)
    with suppress(CredentialError):  # it has ended already
        _ = await parts(request).auth.logout(request)
    return RedirectResponse(_path(request, "/login?left=true"), 303)


def _login_form(
    request: Request,
    status: int = 200,
    *,
    next: str,  # noqa: A002  it is called so in addresses
    email: str = "",
    remember: bool = True,
    wrong: str = "",
    left: bool = False,
) -> Response:
    return page(
        request,
        "login.html",
        status=status,
        next=next,
        email=email,
        remember=remember,
        wrong=wrong,
        left=left,
        signup=parts(request).settings.signup != "off",
    )


def _signup_form(
    request: Request, status: int = 200, *, email: str = "", problems: dict[str, str] | None = None
) -> Response:
    return page(request, "signup.html", status=status, email=email, problems=problems or {}, least=LEAST)


async def _account(
    request: Request, who: Identity, status: int = 200, *, problems: dict[str, str] | None = None
) -> Response:
    found = parts(request)
    user = found.users.by_id(who.subject)
    if user is None:
        raise MissingCredential
    now = found.now()
    rows = await found.auth.sessions(who.subject, first=who.session_id)
    devices = listed(rows, who.session_id, now)
    # A new password is what there is to do about it.
    alarm = any(row.ended_reason == "replayed" and over_at(row) >= user.password_changed_at for row in devices.over)
    return page(
        request,
        "account.html",
        status=status,
        user=user,
        who=who,
        devices=devices,
        notices=receipts.told(request.query_params, user, devices, now),
        alarm=alarm,
        problems=problems or {},
        now=now,
        here=_caller(request).carried.client().ip,
        policy=found.settings.policy,
        least=LEAST,
    )


async def _form(request: Request, *names: str) -> dict[str, str]:
    """The fields of a form.

    Raises:
        FieldsInvalid: There is a field that is not known here, or not all of it came.
    """
    try:
        body = await request.body()
    except ClientDisconnect:
        raise FieldsInvalid({"": "this is not all of it"}) from None  # nobody is there to read it
    said = bodies.media_type(request.headers.getlist("content-type"))
    return bodies.read(body, said, fields=(), form=(*names, "csrf_token"))


def _gone_on(request: Request, path: str, device: str) -> Response:
    answer = RedirectResponse(_path(request, path), 303)
    answer.headers.append("set-cookie", device)
    return answer


def _back(request: Request, **query: str) -> Response:
    return RedirectResponse(_path(request, HOME) + (f"?{urlencode(query)}" if query else ""), 303)


def _caller(request: Request) -> Caller:
    caller: Caller = request.scope["gatepass"]
    return caller


def _path(request: Request, path: str) -> str:
    base = _caller(request).base
    return path if path.startswith(base + "/") else base + path


def _holds_nothing(request: Request) -> bool:
    """Whether the browser holds no credential of ours, good or not."""
    caller = _caller(request)
    caller.jar.read = True
    try:
        return not caller.carried.cookies()
    except CredentialsAmbiguous:
        return False


def _too_many(error: Throttled, helps: str = "use a device on which you signed in before") -> str:
    if error.lasting:
        return f"too many tries; {helps}, or ask whoever runs this service"
    return f"too many tries; please wait {at_most(error.retry_after)}"


def _wait(answer: Response, error: Throttled) -> Response:
    answer.headers["Retry-After"] = str(error.retry_after)
    return answer
