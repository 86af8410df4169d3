"""What a store does, told as simply as it can be: the standard that the state machine holds a store against.

Written for the kit and used nowhere else, so that a store and its standard do not share a mistake.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gatepass.core.flow import Add, Document, End, Hit, Swap, Write
from gatepass.records import REMEMBERED, Entry, Reason, Session, ended_entry


class Taken(Exception):
    """The id of the session to be added is in use."""


@dataclass
class Model:
    """All that a store holds. What a question adds to the log is left in `announced`, in no particular order."""

    rows: dict[str, Session] = field(default_factory=dict)
    #: By number. The numbers are those that the store gave.
    log: dict[int, Entry] = field(default_factory=dict)
    once: dict[str, int] = field(default_factory=dict)
    #: By key: when the window ends, and how many hits are in it.
    hits: dict[str, tuple[int, int]] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)
    announced: list[Entry] = field(default_factory=list)

    def live(self, subject: str | None = None) -> dict[str, Session]:
        """The rows that are not ended, of *subject* or of everybody."""
        return {
            sid: row
            for sid, row in self.rows.items()
            if row.ended_at is None and (subject is None or row.subject == subject)
        }

    def add(self, question: Add) -> dict[str, Session] | None:
        """What ended, by id."""
        new, at = question.session, question.session.created_at
        if question.replaces is not None and question.replaces not in self.live():
            return None
        if new.id in self.rows:
            raise Taken
        ended = {}
        if question.replaces is not None:
            ended[question.replaces] = self._end(question.replaces, "replaced", at)
        while question.keep is not None and len(others := self.live(new.subject)) > max(question.keep - 1, 0):
            expired = {sid: row for sid, row in others.items() if row.expires_at <= at}
            oldest = min((expired or others).values(), key=lambda row: (row.created_at, row.id))
            ended[oldest.id] = self._end(oldest.id, "evicted", at)
        self.rows[new.id] = replace(new, version=1)
        return ended

    def swap(self, question: Swap) -> bool:
        """Whether the row was replaced."""
        row = self.live().get(question.session.id)
        if row is None or row.version != question.expected_version:
            return False
        new = question.session
        seen_at, forget_at = max(new.seen_at, row.seen_at), max(new.forget_at, row.forget_at)
        self.rows[row.id] = replace(new, version=row.version + 1, seen_at=seen_at, forget_at=forget_at)
        if question.entry is not None:
            self.announced.append(question.entry)
        return True

    def touch(self, seen: Mapping[str, int]) -> None:
        """As it is once a later write has been answered."""
        for sid, at in seen.items():
            row = self.live().get(sid)
            if row is not None and row.seen_at < at:
                moved = at - row.seen_at
                self.rows[sid] = replace(row, seen_at=row.seen_at + moved, forget_at=row.forget_at + moved)

    def end(self, question: End) -> dict[str, Session]:
        """What ended, by id."""
        asked = set(question.ids)
        if question.subject is not None:
            asked |= set(self.live(question.subject))
        asked &= set(self.live())
        return {sid: self._end(sid, question.reason, question.at) for sid in asked - {question.except_id}}

    def _end(self, sid: str, reason: Reason, at: int) -> Session:
        row = self.rows[sid]
        self.announced.append(ended_entry(row, at))
        self.rows[sid] = replace(
            row, ended_at=at, ended_reason=reason, version=row.version + 1, forget_at=at + REMEMBERED
        )
        return self.rows[sid]

    def list(self, subject: str) -> list[Session]:
        """All rows of *subject* as a list of devices shows them."""
        rows = sorted((row for row in self.rows.values() if row.subject == subject), key=lambda row: row.id)
        rows.sort(key=lambda row: row.seen_at, reverse=True)
        return sorted(rows, key=lambda row: row.ended_at is not None)

    def forget(self, subject: str) -> int:
        """How many ended rows of *subject* were removed."""
        before = len(self.rows)
        self.rows = {sid: row for sid, row in self.rows.items() if row.subject != subject or row.ended_at is None}
        return before - len(self.rows)

    def first(self, key: str, until: int) -> bool:
        """Whether nobody has asked for *key* before."""
        if key in self.once:
            return False
        self.once[key] = until
        return True

    def hit(self, question: Hit) -> int:
        """Seconds to wait."""
        ends_at, hits = self.hits.get(question.key, (question.at, 0))
        if ends_at <= question.at:
            ends_at, hits = question.at + question.window, 0
        if hits >= question.limit:
            return ends_at - question.at
        self.hits[question.key] = ends_at, hits + 1
        return 0

    def write(self, question: Write) -> bool:
        """Whether the document was written."""
        before = self.documents.get(question.name, Document(0, b""))
        if before.version == question.expected_version:
            self.documents[question.name] = Document(before.version + 1, question.content)
        return before.version == question.expected_version

    def purge(self, now: int) -> int:
        """How many of everything were removed."""
        rows = {sid for sid, row in self.rows.items() if row.forget_at <= now}
        lines = {number for number, entry in self.log.items() if entry.until <= now and number != max(self.log)}
        keys = {key for key, until in self.once.items() if until <= now}
        windows = {key for key, (ends_at, _) in self.hits.items() if ends_at <= now}
        for sid in rows:
            del self.rows[sid]
        for number in lines:
            del self.log[number]
        for key in keys:
            del self.once[key]
        for key in windows:
            del self.hits[key]
        return len(rows) + len(lines) + len(keys) + len(windows)
