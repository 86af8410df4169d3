"""What a person does here, whether by a page or by JSON: sign up, log in, change the password, end a session."""

import logging
from asyncio import wrap_future
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any, Final

from anyio import to_thread
from starlette.requests import Request

from gatepass.accounts import devices
from gatepass.accounts.addresses import normalised
from gatepass.accounts.signin import prove, sign_in
from gatepass.accounts.users import User, new_user
from gatepass.configured import checked_client
from gatepass.core import throttle
from gatepass.errors import AddressTaken, CredentialError, FieldsInvalid, LoginFailed, NotFound, StoreError, Throttled
from gatepass.records import Client, Event, Identity, Receipt, Session
from gatepass.server.parts import Parts
from gatepass.server.settings import NAME
from gatepass.starlette import Caller, Credentials
from gatepass.web.site import Place

logger: Final = logging.getLogger("gatepass.server")

#: How long a device stays known: 400 days, the longest that a browser keeps a cookie (RFC 6265bis section 5.5).
KNOWN: Final = 400 * 86_400
#: Seconds in which the same form may come twice, since somebody pressed its button twice: longer than a person waits
#: for an answer before they press again. Our choice.
MOMENT: Final = 30


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
    found.passwords.check_room(network=throttle.network(where))
    await found.ask(throttle.sign_up(address=where, now=found.now()))
    digest = await wrap_future(found.passwords.hash(password, about=(address, NAME), network=throttle.network(where)))
    user = new_user(address, digest, found.now())
    await to_thread.run_sync(found.users.add, user)
    found.tell(Event(kind="signup", at=user.created_at, subject=user.id, client=_client(request)))
    return user


async def join(found: Parts, request: Request, email: str, password: str) -> str:
    """Make an account, and log in.

    A form that was sent twice gets in twice: the browser keeps the answer that comes last, whichever that is.

    Returns:
        The cookie that makes the device known.

    Raises:
        NotFound, CsrfRefused, HostUnknown, Throttled, FieldsInvalid, AddressTaken, StoreError: As `sign_up`.
        LoginFailed: Somebody disabled the account, or changed its password, right after it was made.
    """
    try:
        user = await sign_up(found, request, email, password)
    except AddressTaken:
        user = await _just_made(found, request, normalised(email), password)
    _, device = await _come_in(found, request, user)
    return device


async def _just_made(found: Parts, request: Request, email: str, password: str) -> User:
    """The user who was made a moment ago with this very password.

    Raises:
        AddressTaken: There is none, and nothing else is said.
        Throttled, StoreError: As for `log_in`.
    """
    user = found.users.by_email(email)
    if user is None or found.now() - user.created_at > MOMENT:
        raise AddressTaken
    try:
        return await _proved_again(found, request, user, password, under=f"signup:{user.id}", known=False)
    except LoginFailed:
        raise AddressTaken from None


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
    return await _come_in(found, request, user, **options)


async def _come_in(found: Parts, request: Request, user: User, **options: Any) -> tuple[Credentials, str]:
    """As `log_in`, of *user*, whose password was just proved or set."""
    issued = await found.auth.login(request, user.id, **options)
    if not _still(found, user):
        raise LoginFailed
    return issued, _device_cookie(found, request, user)


async def change_password(
    found: Parts, request: Request, who: Identity, current: str, new: str
) -> tuple[Receipt, Credentials | None]:
    """Change the password: all other sessions end, and this one goes on under a new id.

    A form that was sent twice is answered twice as done: the browser keeps the answer that comes last.

    Returns:
        What ended, and what to tell the client; None where the session could not go on under a new id. The password is
        changed then, and to say that it is not would be worse.

    Raises:
        LoginFailed: *current* is not the password.
        CsrfRefused: A cookie came along beside a bearer token, and another site may have made the request.
        Throttled, FieldsInvalid, StoreError: As for `sign_up`; a session that was made, and may not be, is not handed
            out, though the password is changed.
    """
    carried = _caller(request).carried
    if carried.cookies() and carried.credential().transport == "bearer":
        await found.auth.protect(request)  # what may set a cookie at the end is refused before anything is done
    try:
        done = await _set_password(found, request, who, current, new)
    except LoginFailed:
        if not _just_changed(found, _user(found, who)):
            raise
        done = None
    user, receipt = done or await _set_before(found, request, who, new)
    return receipt, await _go_on(found, request, who, user)


async def _set_before(found: Parts, request: Request, who: Identity, new: str) -> tuple[User, Receipt]:
    """What `_set_password` says where somebody was quicker: if what they set is the new password, by the same form.

    That is counted as one guess more: in no other way than by guesses is the password of somebody else found out here.
    """
    return await _proved_again(found, request, _user(found, who), new, under=_under(who)), Receipt()


async def _set_password(
    found: Parts, request: Request, who: Identity, current: str, new: str
) -> tuple[User, Receipt] | None:
    """The first half of `change_password`: all of it but the new id. None where somebody else was quicker."""
    user = await _proved_again(found, request, _user(found, who), current, under=_under(who))
    digest = await wrap_future(found.passwords.hash(new, about=(user.email, NAME), field="new", known=user.id))
    at = found.now()
    ended = await to_thread.run_sync(
        lambda: found.users.set_password(user.id, digest, at, expected=user.password_hash, keep=who.session_id)
    )
    if ended is None:
        return None
    ids = tuple(row.id for row in ended)
    found.tell(Event(kind="password", at=at, subject=user.id, client=_client(request)))
    if ids:
        found.tell(Event(kind="revoke", at=at, subject=user.id, session_ids=ids, reason="password"))
    return replace(user, password_hash=digest), Receipt(ended=ids)


def _user(found: Parts, who: Identity) -> User:
    user = found.users.by_id(who.subject)
    if user is None:
        raise LoginFailed
    return user


def _under(who: Identity) -> str:
    """What the guesses of somebody who is logged in are counted under.

    The session was just proved, so strangers have no part in its count; nor has the thief of another session.
    """
    return f"session:{who.session_id}"


async def changed_already(found: Parts, request: Request, email: str, new: str) -> str | None:
    """Log in by a new password, if a change of it was sent twice and the first one ended the session of the second.

    Args:
        found: The parts of the server.
        request: The request in hand, refused since its session has ended.
        email: The address of the account, as the page had it.
        new: The new password, as it was typed.

    Returns:
        The cookie that makes the device known; None where it was something else that ended the session.

    Raises:
        CsrfRefused, HostUnknown, ModeNotEnabled, StoreError: As for `log_in`.
    """
    try:
        user = found.users.by_email(normalised(email))
        if user is None or not _just_changed(found, user):
            return None
        id = await found.auth.gate.session_id(_caller(request).carried.credential().text)  # noqa: A001  it is the id
        row = await _row(found, user.id, id)
        if row is None or row.ended_reason != "replaced":
            return None
        _, device = await log_in(found, request, email, new, mode=row.mode, remember=row.remember)
    except (CredentialError, FieldsInvalid, LoginFailed, Throttled):
        return None
    return device


async def _go_on(found: Parts, request: Request, who: Identity, user: User) -> Credentials | None:
    """What the caller goes on with, under a new id, after *user* has set a password or proved it.

    Returns:
        None where the session goes on as it was, has ended, or it cannot be known; the log says which.
    """
    try:
        return await found.auth.step_up(request)
    except (CredentialError, LoginFailed, StoreError) as error:
        why = error
    try:
        row = await _row(found, user.id, who.session_id)
    except StoreError as error:
        logger.warning("it is not known how a session goes on after a change of the password: %s; %s", why, error)
        return None
    if row is not None and row.ended_reason == "replaced":
        return await _begin_anew(found, request, row, user)
    if row is None or row.ended_at is not None:
        logger.warning("a session ended at a change of the password, and does not go on: %s", why)
    else:
        logger.warning("a session goes on under its old id after a change of the password: %s", why)
    return None


async def _begin_anew(found: Parts, request: Request, row: Session, user: User) -> Credentials | None:
    """Log *user* in, in place of a session that another one took the place of.

    By the same form, sent twice, or by a step-up whose answer was lost. Neither ends what the other one made: nobody
    knows which of the two answers the browser keeps.

    Raises:
        StoreError: It was made, and whether it may be is not known: it is ended, and not handed out.
    """
    carried = _caller(request).carried
    bearer = carried.credential().transport == "bearer"
    # A page that keeps its access token in memory goes on to do so, as at a step-up.
    in_memory = bearer and row.mode == "hybrid" and "refresh" in carried.cookies()
    try:
        issued = await found.auth.login(
            request,
            user.id,
            mode=row.mode,
            transport="bearer" if bearer and not in_memory else "cookie",
            access="body" if in_memory else "cookie",
            remember=row.remember,
        )
    except (CredentialError, LoginFailed, StoreError) as error:
        logger.warning("a session does not go on after a change of the password: %s", error)
        return None
    if _still(found, user):
        return issued
    _ = await found.auth.logout(request)  # before anything is handed out
    return None


async def _row(found: Parts, subject: str, id: str) -> Session | None:  # noqa: A002  it is the id
    """The session of this id, if it is one of *subject*."""
    rows = await found.auth.sessions(subject, limit=1, first=id)
    return next((row for row in rows if row.id == id), None)


def _just_changed(found: Parts, user: User) -> bool:
    """Whether the password of *user* was changed a moment ago."""
    return user.created_at < user.password_changed_at and found.now() - user.password_changed_at <= MOMENT


async def end_session(found: Parts, who: Identity, id: str) -> Receipt | None:  # noqa: A002  it is the id
    """End one session of who is calling; None where it is somebody else's, or none."""
    if await _row(found, who.subject, id) is None:
        return None
    return await found.auth.revoke(session=id)


async def _proved(found: Parts, request: Request, email: str, password: str) -> User:
    """The user whose password was right; a failure is told to the audit log."""
    keys = found.auth.ring.device
    cookie = request.cookies.get(_place(request).cookies.name("device"))
    proof = sign_in(
        users=found.users,
        passwords=found.passwords,
        store=found.store,
        email=email,
        password=password,
        address=_client(request).ip,
        device=lambda subject: devices.known(keys, cookie, subject),
        now=found.now(),
    )
    return await _told(found, request, email, proof)


async def _proved_again(
    found: Parts, request: Request, user: User, password: str, *, under: str, known: bool = True
) -> User:
    """*user*, of whom something else is known already, if the password is right; see `prove`."""
    proof = prove(
        users=found.users,
        passwords=found.passwords,
        store=found.store,
        user=user,
        email=user.email,
        password=password,
        address=_client(request).ip,
        under=under,
        known=known,
        now=found.now(),
    )
    return await _told(found, request, user.email, proof)


async def _told(found: Parts, request: Request, email: str, proof: Awaitable[User]) -> User:
    """What comes of *proof*; a failure is told to the audit log."""
    try:
        return await proof
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
    return _caller(request).carried.serve()


def _still(found: Parts, user: User) -> bool:
    """Whether nothing changed about *user* while they logged in.

    A password that was changed meanwhile has ended the sessions that were there: not the one that came after, and
    whoever asks ends that one.
    """
    now = found.users.by_id(user.id)
    return now is not None and now.password_hash == user.password_hash and now.disabled_at is None


def _client(request: Request) -> Client:
    return checked_client(_caller(request).carried.client())


def _caller(request: Request) -> Caller:
    caller: Caller = request.scope["gatepass"]
    return caller
