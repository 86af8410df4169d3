"""What a person does here, whether by a page or by JSON: sign up, log in, change the password, end a session."""

import logging
from asyncio import wrap_future
from typing import Any, Final

from anyio import to_thread
from starlette.requests import Request

from gatepass.accounts import devices
from gatepass.accounts.addresses import normalised
from gatepass.accounts.signin import sign_in
from gatepass.accounts.users import User, new_user
from gatepass.configured import checked_client
from gatepass.core import throttle
from gatepass.errors import LoginFailed, NotFound, StoreError, Throttled
from gatepass.records import Client, Event, Identity, Receipt
from gatepass.server.parts import Parts
from gatepass.server.settings import NAME
from gatepass.starlette import Caller, Credentials
from gatepass.web.site import Place

logger: Final = logging.getLogger("gatepass.server")

#: How long a device stays known: 400 days, the longest that a browser keeps a cookie (RFC 6265bis section 5.5).
KNOWN: Final = 400 * 86_400


def check_open(found: Parts) -> None:
    """Return if people may sign up.

    Raises:
        NotFound: They may not, and there is no such page.
    """
    if found.settings.signup == "off":
        raise NotFound


async def sign_up(found: Parts, request: Request, email: str, password: str) -> User:
    """Make an account.

    Raises:
        NotFound: Sign-up is closed.
        CsrfRefused, HostUnknown: Another site may have made the request.
        Throttled: Too many from this address.
        FieldsInvalid: The address or the password cannot be.
        AddressTaken: There is one.
    """
    check_open(found)
    await found.auth.protect(request)
    address = normalised(email)
    where = _client(request).ip
    await found.ask(throttle.sign_up(address=where, now=found.now()))
    digest = await wrap_future(found.passwords.hash(password, about=(address, NAME), network=throttle.network(where)))
    user = new_user(address, digest, found.now())
    await to_thread.run_sync(found.users.add, user)
    found.tell(Event(kind="signup", at=user.created_at, subject=user.id, client=_client(request)))
    return user


async def log_in(found: Parts, request: Request, email: str, password: str, **options: Any) -> tuple[Credentials, str]:
    """Log in.

    Args:
        found: The parts of the server.
        request: The request in hand.
        email: As it was typed.
        password: As it was typed.
        options: As for `Gatepass.login`.

    Returns:
        What to tell the client, and the cookie that makes the device known.

    Raises:
        LoginFailed: Unknown, wrong or disabled; which of them is not said.
        Throttled: Too many failures.
        CsrfRefused, HostUnknown, ModeNotEnabled, StoreError: As `Gatepass.login`.
    """
    await found.auth.protect(request)
    user = await _proved(found, request, normalised(email), password)
    issued = await found.auth.login(request, user.id, **options)
    _still(found, user)
    return issued, _device_cookie(found, request, user)


async def change_password(
    found: Parts, request: Request, who: Identity, current: str, new: str
) -> tuple[Receipt, Credentials | None]:
    """Change the password: all other sessions end, and this one goes on under a new id.

    Returns:
        What ended, and what to tell the client; None where the store gave out in between, and the session goes on as it
        was. The password is changed then, and to say that it is not would be worse.

    Raises:
        LoginFailed: *current* is not the password.
        Throttled, FieldsInvalid, StoreError: As for `sign_up`.
    """
    user = found.users.by_id(who.subject)
    if user is None:
        raise LoginFailed
    user = await _proved(found, request, user.email, current)
    digest = await wrap_future(found.passwords.hash(new, about=(user.email, NAME), field="new", known=user.id))
    at = found.now()
    ended = await to_thread.run_sync(
        lambda: found.users.set_password(user.id, digest, at, expected=user.password_hash, keep=who.session_id)
    )
    if ended is None:  # somebody else was quicker, and this password is not the current one any more
        raise LoginFailed
    ids = tuple(row.id for row in ended)
    found.tell(Event(kind="password", at=at, subject=user.id, client=_client(request)))
    if ids:
        found.tell(Event(kind="revoke", at=at, subject=user.id, session_ids=ids, reason="password"))
    try:
        return Receipt(ended=ids), await found.auth.step_up(request)
    except StoreError as error:
        logger.warning("a session goes on under its old id after a change of the password: %s", error)
        return Receipt(ended=ids), None


async def end_session(found: Parts, who: Identity, id: str) -> Receipt | None:  # noqa: A002  it is the id
    """End one session of who is calling; None where it is somebody else's, or none."""
    if all(row.id != id for row in await found.auth.sessions(who.subject, limit=1, first=id)):
        return None
    return await found.auth.revoke(session=id)


async def _proved(found: Parts, request: Request, email: str, password: str) -> User:
    """The user whose password was right; a failure is told to the audit log."""
    keys = found.auth.ring.device
    cookie = request.cookies.get(_place(request).cookies.name("device"))
    try:
        return await sign_in(
            users=found.users,
            passwords=found.passwords,
            store=found.store,
            email=email,
            password=password,
            address=_client(request).ip,
            device=lambda subject: devices.known(keys, cookie, subject),
            now=found.now(),
        )
    except (LoginFailed, Throttled) as error:
        now = found.now()
        # Tries that nobody looked at cost a stranger nothing: one line a second tells of them, whatever their number.
        if isinstance(error, LoginFailed) or found.throttled.first(now):
            # Not what was typed: some people type their password there.
            user = found.users.by_email(email)
            subject = "" if user is None else user.id
            found.tell(Event(kind="login_failed", at=now, subject=subject, reason=error.code, client=_client(request)))
        raise


def _device_cookie(found: Parts, request: Request, user: User) -> str:
    cookies = _place(request).cookies
    value = devices.remembered(found.auth.ring.device[0], request.cookies.get(cookies.name("device")), user.id)
    return cookies.set("device", value, max_age=KNOWN)


def _place(request: Request) -> Place:
    caller: Caller = request.scope["gatepass"]
    return caller.carried.serve()


def _still(found: Parts, user: User) -> None:
    """Return if nothing changed about *user* while they logged in.

    A password that was changed meanwhile has ended the sessions that were there: not the one that came after. What
    this raises ends it.
    """
    now = found.users.by_id(user.id)
    if now is None or now.password_hash != user.password_hash or now.disabled_at is not None:
        raise LoginFailed


def _client(request: Request) -> Client:
    caller: Caller = request.scope["gatepass"]
    return checked_client(caller.carried.client())
