"""The device list of the account page: sessions grouped by the device that they are on, the present one first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gatepass.records import REMEMBERED, Session
from gatepass.server.words import over_at
from gatepass.starlette import device


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What looks like one device to those who look at its browser's words: two alike are shown as one."""

    name: str
    kind: str
    sessions: tuple[Session, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Devices:
    """The device list of one person."""

    #: With live sessions; that of the session that asks comes first.
    live: tuple[Device, ...]
    #: Sessions that are over, the latest first.
    over: tuple[Session, ...]

    @property
    def others(self) -> int:
        """How many live sessions there are besides the one that asks."""
        return sum(len(found.sessions) for found in self.live) - 1


def listed(rows: Iterable[Session], current: str, now: int) -> Devices:
    """The sessions of one subject, as its device list.

    Args:
        rows: As a store lists them.
        current: The id of the session that asks.
        now: Seconds since the epoch.
    """
    groups: dict[tuple[str, str], list[Session]] = {}
    over: list[Session] = []
    for row in sorted(rows, key=lambda row: (row.id != current, -row.seen_at, row.id)):
        if row.ended_at is None and now < row.expires_at:
            shown = device(row.client.user_agent)
            groups.setdefault((str(shown["name"]), str(shown["kind"])), []).append(row)
        elif now - over_at(row) < REMEMBERED:
            over.append(row)
    live = tuple(Device(name=name, kind=kind, sessions=tuple(sessions)) for (name, kind), sessions in groups.items())
    return Devices(live=live, over=tuple(sorted(over, key=lambda row: (-over_at(row), row.id))))


def names(rows: Sequence[Session]) -> str:
    """The devices of *rows*, each named once."""
    return ", ".join(dict.fromkeys(str(device(row.client.user_agent)["name"]) for row in rows))
