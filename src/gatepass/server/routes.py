"""The JSON routes that know passwords; those that know sessions only come with the adapter."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gatepass.fastapi import CurrentIdentity
from gatepass.records import Mode
from gatepass.server import people
from gatepass.server.parts import parts
from gatepass.server.refusals import refused
from gatepass.server.strict import Body, StrictRoute
from gatepass.web import answers

router = APIRouter(prefix="/auth", tags=["accounts"], route_class=StrictRoute)

#: Read before anything looks at them; what they have to be is said by `gatepass.accounts`.
Address = Annotated[str, Field(description="The address of the account.")]
Password = Annotated[str, Field(description="15 to 128 characters.", json_schema_extra={"format": "password"})]


class Signup(Body):
    """A new account."""

    email: Address
    password: Password


class Login(Body):
    """A login."""

    email: Address
    password: Password
    transport: Literal["cookie", "bearer"] = "cookie"
    mode: Mode | None = None
    access: Literal["cookie", "body"] = "cookie"
    remember: bool = True


class PasswordChange(Body):
    """A new password."""

    current: Password
    new: Password


@router.post("/signup", status_code=201, responses=refused(400, 403, 404, 409, 413, 415, 421, 422, 429, 503))
async def signup(request: Request, body: Signup) -> dict[str, str]:
    """Make an account. Only where sign-up is open."""
    user = await people.sign_up(parts(request), request, body.email, body.password)
    return {"subject": user.id}


@router.post("/login", responses=refused(400, 401, 403, 409, 413, 415, 421, 422, 429, 503))
async def login(request: Request, body: Login) -> Response:
    """Log in: cookies, or with `"transport": "bearer"` tokens."""
    issued, device = await people.log_in(
        parts(request),
        request,
        body.email,
        body.password,
        mode=body.mode,
        transport=body.transport,
        access=body.access,
        remember=body.remember,
    )
    answer = JSONResponse(issued)
    answer.headers.append("set-cookie", device)
    return answer


@router.post("/password", responses=refused(400, 401, 403, 413, 415, 421, 422, 429, 503))
async def password(request: Request, who: CurrentIdentity, body: PasswordChange) -> dict[str, Any]:
    """Change the password: the other sessions end, and this one goes on under a new id."""
    receipt, credentials = await people.change_password(parts(request), request, who, body.current, body.new)
    return {**answers.receipt(receipt), "credentials": credentials}
