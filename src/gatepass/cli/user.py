"""`gatepass user`: who has an account."""

import sys
from pathlib import Path
from typing import Any, Literal, TextIO, TypeAlias

import click

from gatepass.accounts.addresses import normalised
from gatepass.accounts.passwords import MOST, Passwords
from gatepass.accounts.users import User, new_user
from gatepass.cli import options
from gatepass.cli.output import moment, tell_fields, tell_json, tell_rows
from gatepass.cli.stored import now, opened
from gatepass.configured import log_event
from gatepass.core.throttle import succeeded
from gatepass.drivers import run
from gatepass.records import Event, Session
from gatepass.server.settings import NAME

#: What ended with a change; None where somebody removed the user meanwhile.
Ended: TypeAlias = tuple[Session, ...] | None

password_file = click.option(
    "--password-file",
    type=click.File(encoding="utf-8-sig"),  # an editor's mark at the beginning is no part of a password
    help="Where the password is: the first line of a file, or of the standard input if this is a dash."
    " Without it the password is asked for. It is never an argument: those are seen by everybody on the machine.",
)
who = click.argument("user", metavar="USER")


@click.group
def user() -> None:
    """Who has an account.

    USER is an address or an id.
    """


@user.command
@click.argument("email")
@password_file
@options.config
@options.as_json
def add(*, email: str, password_file: TextIO | None, config: Path | None, as_json: bool) -> None:
    """Make an account. The password follows the rules of sign-up."""
    with opened(config, make=True) as stored:
        address = normalised(email)
        made = new_user(address, _hash(password_file, address), now())
        stored.users.add(made)
        _log("signup", made)
    _tell(made, as_json=as_json)


@user.command(name="list")
@options.config
@options.as_json
def list_(*, config: Path | None, as_json: bool) -> None:
    """Every account, in the order of addresses."""
    with opened(config) as stored:
        found = list(stored.all_users())
    if as_json:
        tell_json({"users": [_document(user) for user in found]})
        return
    tell_rows(
        ("email", "id", "made", "disabled"),
        ((user.email, user.id, moment(user.created_at), moment(user.disabled_at)) for user in found),
    )


@user.command(context_settings=options.DASHED)
@who
@options.config
@options.as_json
def show(*, user: str, config: Path | None, as_json: bool) -> None:
    """One account."""
    with opened(config) as stored:
        found = stored.user(user)
    _tell(found, as_json=as_json)


@user.command(context_settings=options.DASHED)
@who
@options.config
@options.as_json
def disable(*, user: str, config: Path | None, as_json: bool) -> None:
    """Let a user log in no more, and end all sessions."""
    with opened(config) as stored:
        found = stored.user(user)
        # In one step: whoever logs in meanwhile is either ended by it or turned away after it.
        ended = stored.users.disable(found.id, now())
        _log("disable", found, ended)
    _tell_ended(found, ended, as_json=as_json)


@user.command(context_settings=options.DASHED)
@who
@options.config
@options.as_json
def enable(*, user: str, config: Path | None, as_json: bool) -> None:
    """Let a user log in again."""
    with opened(config) as stored:
        found = stored.user(user)
        _ = stored.users.enable(found.id)
        _log("enable", found)
        found = stored.user(found.id)
    _tell(found, as_json=as_json)


@user.command(context_settings=options.DASHED)
@who
@password_file
@options.config
@options.as_json
def set_password(*, user: str, password_file: TextIO | None, config: Path | None, as_json: bool) -> None:
    """Give a user another password, and end all sessions."""
    with opened(config) as stored:
        found = stored.user(user)
        digest = _hash(password_file, found.email)
        ended = stored.users.set_password(found.id, digest, now(), reason="operator")
        _log("password", found, ended)
        # Whoever failed a hundred times gets in again on a device that is not known, too.
        run(succeeded(account=found.email, device=None), stored.store.answer)
    _tell_ended(found, ended, as_json=as_json)


def _hash(file: TextIO | None, address: str) -> str:
    """The hash of the password in *file*, or of one that is typed; by the rules of sign-up."""
    if file is not None:
        # Longer than any password: what is not one is not read whole.
        said = file.readline(4 * MOST).removesuffix("\n").removesuffix("\r")
    elif sys.stdin.isatty():
        said = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        raise click.UsageError("There is nobody to ask for a password: give --password-file.")
    passwords = Passwords(concurrent=1)
    try:
        return passwords.hash(said, about=(address, NAME)).result()
    finally:
        passwords.close()


def _log(kind: Literal["signup", "password", "disable", "enable"], user: User, ended: Ended = ()) -> None:
    ids = tuple(row.id for row in ended or ())
    log_event(Event(kind=kind, at=now(), subject=user.id, session_ids=ids, reason="operator"))


def _document(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "email": user.email,
        "created_at": user.created_at,
        "password_changed_at": user.password_changed_at,
        "disabled_at": user.disabled_at,
    }


def _tell(user: User, *, as_json: bool) -> None:
    if as_json:
        tell_json(_document(user))
        return
    tell_fields(
        {
            "id": user.id,
            "email": user.email,
            "made": moment(user.created_at),
            "password of": moment(user.password_changed_at),
            "disabled": moment(user.disabled_at) or "no",
        }
    )


def _tell_ended(user: User, ended: Ended, *, as_json: bool) -> None:
    ids = [row.id for row in ended or ()]
    if as_json:
        tell_json({"id": user.id, "email": user.email, "ended": ids})
        return
    tell_fields({"id": user.id, "email": user.email, "sessions ended": len(ids)})
