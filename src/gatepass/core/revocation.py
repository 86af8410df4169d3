"""A node's own copy of what is alive in the revocation log, and whether a credential is refused by it."""

from threading import Lock
from typing import Final

from gatepass.core.flow import Cursor, Reset, Tailed
from gatepass.errors import StoreError
from gatepass.records import Entry

#: Entries are dropped by the minute in which they die.
MINUTE: Final = 60


class Denylist:
    """What must be refused: sessions, tokens, signing keys, and versions that are too old.

    Entries only ever add refusals, so order and repetition change nothing, and two copies are joined by union. An
    entry leaves only when every token that it covers is dead. Threads of one process share it: readers never wait,
    appliers take turns.

    Args:
        cap: So many entries at most. One more, and this node refuses to answer rather than forget one.

    Attributes:
        ended: Ids of sessions and of tokens, with the minute in which the entry is dead. One dict for both: each id
            is 128 random bits.
        kids: Signing keys that are refused, with the second at which the entry is dead.
        changed: By session id, the lowest version that is still good, with the second at which the entry is dead.
        cursor: How far the log has been applied; None to begin (again) with a snapshot.
    """

    __slots__ = ("_buckets", "_cap", "_lock", "_swept", "changed", "cursor", "ended", "kids")

    def __init__(self, cap: int = 1_000_000) -> None:
        self.ended: dict[str, int] = {}
        self.kids: dict[str, int] = {}
        self.changed: dict[str, tuple[int, int]] = {}
        self.cursor: Cursor | None = None
        self._cap = cap
        self._lock = Lock()
        # The ids of `ended` by the minute in which they die, so that a minute is dropped without looking at the rest.
        self._buckets: dict[int, list[str]] = {}
        # What was dead by this second has been dropped. It stays a minute behind, so that requests which drew the time
        # a moment apart, and small corrections of the clock, need nothing that has gone.
        self._swept = 0

    def __len__(self) -> int:
        return len(self.ended) + len(self.kids) + len(self.changed)

    def apply(self, answer: Tailed | Reset, now: int) -> bool:
        """Take in what a `Tail` answered; True when that was all there is, up to the head.

        Args:
            answer: From this denylist's cursor, or an earlier one of its own.
            now: Seconds since the epoch.

        Raises:
            StoreError: There are more live entries than this node may hold.
        """
        if isinstance(answer, Tailed) and not answer.entries and 0 <= now - self._swept < 2 * MINUTE:
            return True  # nothing new: the usual case, and without the lock
        with self._lock:
            if isinstance(answer, Reset) or now < self._swept:
                # History was lost; or the clock went back, and entries that were dropped may be alive again. Either
                # way a snapshot follows, which is joined to what is here.
                self._swept = min(now - MINUTE, self._swept)
                self.cursor = None
                return False
            self._sweep(now)
            for entry in answer.entries:
                self._add(entry)
            self.cursor = answer.cursor
            return answer.cursor is None or answer.cursor.number >= answer.head

    def _add(self, entry: Entry) -> None:
        if entry.until <= self._swept:
            return
        held = entry.key in self.ended or entry.key in self.kids or entry.key in self.changed
        if len(self) >= self._cap and not held:
            sentence = f"the revocation log has more than {self._cap} live entries"
            raise StoreError(sentence)
        match entry.kind:
            case "kid":
                self.kids[entry.key] = max(entry.until, self.kids.get(entry.key, 0))
            case "changed":
                version, until = self.changed.get(entry.key, (0, 0))
                self.changed[entry.key] = (max(entry.version, version), max(entry.until, until))
            case _:  # sid, jti
                minute = entry.until // MINUTE
                if minute > self.ended.get(entry.key, -1):
                    self.ended[entry.key] = minute
                    self._buckets.setdefault(minute, []).append(entry.key)

    def _sweep(self, now: int) -> None:
        """Drop what died before the last minute."""
        if now - self._swept < 2 * MINUTE:
            return
        self._swept = dead = now - now % MINUTE - MINUTE
        for minute in [minute for minute in self._buckets if (minute + 1) * MINUTE <= dead]:
            for key in self._buckets.pop(minute):
                if self.ended.get(key) == minute:  # else it was entered again with a later end
                    del self.ended[key]
        self.kids = {kid: until for kid, until in self.kids.items() if until > dead}
        self.changed = {sid: entry for sid, entry in self.changed.items() if entry[1] > dead}

    def restart(self) -> None:
        """Begin again, as in a process that was just forked: another thread may have been in the middle of it."""
        self._lock = Lock()
        self._buckets, self.ended, self.kids, self.changed = {}, {}, {}, {}
        self.cursor = None
