"""The device list of the account page: sessions grouped by the device that they are on, the present one first."""

from collections.abc import Iterable
from typing import Any

from gatepass.records import Session
from gatepass.starlette import device


def grouped(rows: Iterable[Session], current: str) -> list[tuple[dict[str, Any], list[Session]]]:
    """The sessions of one subject, by device.

    Args:
        rows: Live ones first, as a store lists them.
        current: The id of the session that asks.
    """
    groups: dict[str, tuple[dict[str, Any], list[Session]]] = {}
    for row in sorted(rows, key=lambda row: (row.id != current, row.ended_at is not None, -row.seen_at)):
        shown = device(row.client.user_agent)
        groups.setdefault(str(shown["name"]), (shown, []))[1].append(row)
    return list(groups.values())
