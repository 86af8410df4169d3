"""The JSON routes that know passwords; those that know sessions only come with the adapter."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from gatepass.fastapi import Credentials, CurrentIdentity
from gatepass.records import Mode
from gatepass.server import people
from gatepass.server.parts import parts
from gatepass.server.refusals import refused
from gatepass.server.strict import Body, StrictRoute

router: Final = APIRouter(prefix="/auth", tags=["accounts"], route_class=StrictRoute)
#: Is only there where people may sign up.
joining: Final = APIRouter(prefix="/auth", tags=["accounts"], route_class=StrictRoute)

#: Read before anything looks at them; what they have to be is said by `gatepass.accounts`.
Address = Annotated[str, Field(description="The address of the account.", json_schema_extra={"format": "email"})]
Password = Annotated[str, Field(description="15 to 128 characters.", json_schema_extra={"format": "password"})]


class Signup(Body):
    """A new account."""

    email: Address
    password: Password


class SignedUp(BaseModel):
    """Whose account it is."""

    subject: str


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


class PasswordChanged(BaseModel):
    """What the change ended, and how the caller goes on. Times are in seconds since the epoch."""

    ended: tuple[str, ...]
    effective_within: int = Field(description="Seconds.")
    tokens_alive_until: int | None
    credentials: Credentials | None = Field(
        description="Null where the session could not go on under a new id: the next request says whether it has ended."
    )


@joining.post("/signup", status_code=201, responses=refused(400, 403, 404, 409, 413, 415, 421, 422, 429, 503))
async def signup(request: Request, body: Signup) -> SignedUp:
    """Make an account."""
    user = await people.sign_up(parts(request), request, body.email, body.password)
    return SignedUp(subject=user.id)


@router.post("/login", responses=refused(400, 401, 403, 409, 413, 415, 421, 422, 429, 503))
async def login(request: Request, answer: Response, body: Login) -> Credentials:
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
    answer.headers.append("set-cookie", device)
    return issued


@router.post("/password", responses=refused(400, 401, 403, 409, 413, 415, 421, 422, 429, 503))
async def password(request: Request, who: CurrentIdentity, body: PasswordChange) -> PasswordChanged:
    """Change the password: the other sessions end, and this one goes on under a new id."""
    done, credentials = await people.change_password(parts(request), request, who, body.current, body.new)
    return PasswordChanged(
        ended=done.ended,
        effective_within=done.effective_within,
        tokens_alive_until=done.tokens_alive_until,
        credentials=credentials,
    )
