"""Receipts: what a button of the account page brought about, told by the page that comes after it.

The address of that page says which sessions are meant. Anybody may write such an address into a link, so the page tells
only what it finds to be so.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from gatepass.accounts.users import User
from gatepass.records import Receipt
from gatepass.server.devices import Devices, names
from gatepass.server.words import within

#: So many sessions are named in an address, so that it stays short enough for every browser and proxy.
MOST: Final = 40
#: Seconds for which a change of the password is news.
NEWS: Final = 300
#: Digits of the longest time that is believed.
_DIGITS: Final = 5


def asked(receipt: Receipt, ended: Sequence[str] | None = None) -> dict[str, str]:
    """*receipt* as the query of the page that tells it.

    Args:
        receipt: Of the server, which has a store: no token outlives its session.
        ended: The sessions to tell of, where those are not the ones that this very call ended.
    """
    ids = receipt.ended if ended is None else ended
    return {"ended": ".".join(ids[:MOST]), "within": str(receipt.effective_within)}


def told(query: Mapping[str, str], user: User, devices: Devices, now: int) -> list[str]:
    """What there is to tell.

    Args:
        query: Of the address.
        user: Whose page it is.
        devices: Theirs.
        now: Seconds since the epoch.
    """
    return list(_told(query, user, devices, now))


def _told(query: Mapping[str, str], user: User, devices: Devices, now: int) -> Iterator[str]:
    if "again" in query:
        yield "This page had been open for long, so your button changed nothing. Please press it again."
    if "changed" in query and user.created_at < user.password_changed_at and now - user.password_changed_at < NEWS:
        yield "Your password is changed."
    if "ended" in query:
        ids = query["ended"].split(".")
        rows = [row for row in devices.over if row.id in ids]
        if len(rows) == 1:
            yield f"{names(rows)} is signed out. It is refused{_when(query)}."
        elif rows:
            yield f"{len(rows)} sign-ins are ended: {names(rows)}. They are refused{_when(query)}."
        elif not query["ended"] and not devices.others:
            yield "No other device is signed in."


def _when(query: Mapping[str, str]) -> str:
    text = query.get("within", "")
    known = text.isascii() and text.isdigit() and len(text) <= _DIGITS
    return f" {within(int(text))}" if known else ""
