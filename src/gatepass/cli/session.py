"""`gatepass session`: who is logged in, and the end of that."""

from pathlib import Path
from typing import Any

import click

from gatepass.cli import options
from gatepass.cli.output import moment, tell_fields, tell_json, tell_rows
from gatepass.cli.refusals import Refused
from gatepass.cli.stored import Stored, now, opened
from gatepass.core.flow import Find
from gatepass.records import Receipt, Session


@click.group
def session() -> None:
    """Who is logged in."""


@session.command(name="list")
@click.option("--user", help="Of this user only, an address or an id.")
@click.option("--ended", is_flag=True, help="Also those that have ended.")
@options.config
@options.as_json
def list_(*, user: str | None, ended: bool, config: Path | None, as_json: bool) -> None:
    """Sessions, those used last first within each user."""
    with opened(config) as stored:
        users = [stored.user(user)] if user else stored.all_users()
        found = [(one.email, row) for one in users for row in stored.gate.sessions(one.id)]
    at = now()
    found = [(email, row) for email, row in found if ended or _state(row, at) == "live"]
    if as_json:
        tell_json({"sessions": [_document(row, email, at) for email, row in found]})
        return
    tell_rows(
        ("id", "email", "mode", "state", "last used", "address", "program"),
        (
            (row.id, email, row.mode, _state(row, at), moment(row.seen_at), row.client.ip, row.client.user_agent)
            for email, row in found
        ),
    )


@session.command(context_settings=options.DASHED)
@click.argument("id")
@options.config
@options.as_json
def show(*, id: str, config: Path | None, as_json: bool) -> None:  # noqa: A002  it is the id
    """One session, live or ended."""
    with opened(config) as stored:
        row = _found(stored, id)
        owner = stored.users.by_id(row.subject)
    document = _document(row, owner.email if owner else None, now())
    if as_json:
        tell_json(document)
        return
    times = {name: moment(document[name]) for name in ("created_at", "seen_at", "expires_at", "ended_at")}
    tell_fields({**document, **times})


@session.command(context_settings=options.DASHED)
@click.argument("id", required=False)
@click.option("--user", help="All sessions of this user, an address or an id.")
@click.option("--all", "everybody", is_flag=True, help="All sessions of all users.")
@options.config
@options.as_json
def end(*, id: str | None, user: str | None, everybody: bool, config: Path | None, as_json: bool) -> None:  # noqa: A002
    """End one session, those of a user, or all: refused by a running server on its next request."""
    if [id is not None, user is not None, everybody].count(True) != 1:
        raise click.UsageError("Give an ID, --user or --all, and one of them only.")
    with opened(config) as stored:
        if id is not None:
            receipts = [stored.gate.revoke(session=_found(stored, id).id, reason="operator")]
        else:
            users = stored.all_users() if user is None else [stored.user(user)]
            receipts = [stored.gate.revoke(subject=one.id, reason="operator") for one in users]
    _tell_receipt(receipts, as_json=as_json)


def _tell_receipt(receipts: list[Receipt], *, as_json: bool) -> None:
    ended = [one for receipt in receipts for one in receipt.ended]
    within = max((receipt.effective_within for receipt in receipts), default=0)
    if as_json:
        tell_json({"ended": ended, "effective_within": within})
        return
    tell_fields({"sessions ended": len(ended), "refused": "at once" if not within else f"within {within} s"})


def _found(stored: Stored, id: str) -> Session:  # noqa: A002  it is the id
    row = stored.store.answer(Find(id))
    if row is None:
        raise Refused("There is no such session.")
    found: Session = row
    return found


def _state(row: Session, at: int) -> str:
    if row.ended_at is not None:
        return "ended"
    return "live" if at < row.expires_at else "expired"


def _document(row: Session, email: str | None, at: int) -> dict[str, Any]:
    """What may be known of a session; no digest and no seed."""
    return {
        "id": row.id,
        "subject": row.subject,
        "email": email,
        "mode": row.mode,
        "state": _state(row, at),
        "created_at": row.created_at,
        "seen_at": row.seen_at,
        "expires_at": row.expires_at,
        "ip": row.client.ip,
        "user_agent": row.client.user_agent,
        "ended_at": row.ended_at,
        "ended_reason": row.ended_reason,
    }
