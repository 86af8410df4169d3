"""Sessions in the memory of one process: for tests, for development, and for an application that is one process."""

import os
import threading
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from heapq import heappop, heappush
from typing import Any, Final, NamedTuple, TypeVar, assert_never
from weakref import WeakSet

from gatepass.core.flow import (
    Add,
    Append,
    Cursor,
    Document,
    End,
    Find,
    Forget,
    Forgive,
    Hit,
    List,
    Once,
    Purge,
    Question,
    Read,
    Reset,
    StoreQuestion,
    Swap,
    Tail,
    Tailed,
    Touch,
    Write,
)
from gatepass.errors import StoreError
from gatepass.records import REMEMBERED, Entry, Reason, Session, ended_entry

K = TypeVar("K")

#: The end of what must not be removed now.
_NEVER: Final = 2**63


class MemoryStore:
    """Sessions in dicts under one lock. All is gone when the process ends, and no other process sees any of it.

    A process made by `os.fork` starts with a copy, and from then on the two know nothing of each other: a session
    that is ended in one lives on in the other. Several workers need a store that they share.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}
        self._subjects: dict[str, set[str]] = {}
        self._log: list[_Line] = []
        self._once: dict[str, int] = {}
        self._hits: dict[str, _Window] = {}
        self._documents: dict[str, Document] = {}
        # When each of these can be removed at the earliest, as heaps, so that a purge need not look at what is alive.
        self._due_rows: list[tuple[int, str]] = []
        self._due_lines: list[tuple[int, int]] = []
        self._due_once: list[tuple[int, str]] = []
        self._due_hits: list[tuple[int, str]] = []
        _stores.add(self)

    def answer(self, question: Question[Any], /) -> Any:
        """The answer to *question*, of the type that the question names.

        Raises:
            StoreError: A session is added under an id that is taken.
            TypeError: This is no question to a store.
        """
        if not isinstance(question, StoreQuestion):
            raise TypeError(f"{type(question).__name__} is no question to a store")
        with self._lock:
            return self._answer(question)

    async def answer_async(self, question: Question[Any], /) -> Any:
        """The same: a lock held for microseconds is not worth a thread."""
        return self.answer(question)

    def close(self) -> None:
        """There is nothing to let go of, and what the store holds stays."""

    def _answer(self, question: StoreQuestion) -> Any:  # noqa: C901, PLR0911, PLR0912  (one line a question)
        match question:
            case Find(sid):
                return self._sessions.get(sid)
            case Add():
                return self._add(question)
            case Swap():
                return self._swap(question)
            case Touch(seen):
                return self._touch(seen.items())
            case End():
                return self._end(question)
            case Append(entry):
                return self._append(entry)
            case List(subject, limit):
                return tuple(sorted(self._of(subject), key=_shown)[: max(limit, 0)])
            case Forget(subject):
                return self._remove([row.id for row in self._of(subject) if row.ended_at is not None])
            case Tail(cursor, limit):
                return self._tail(cursor, limit)
            case Once(key, until):
                return self._first(key, until)
            case Hit():
                return self._hit(question)
            case Forgive(key):
                self._hits.pop(key, None)
                return None
            case Read(name):
                return self._documents.get(name)
            case Write():
                return self._write(question)
            case Purge(now, limit):
                return self._purge(now, max(limit, 0))
            case _:
                assert_never(question)

    def _of(self, subject: str) -> list[Session]:
        return [self._sessions[sid] for sid in self._subjects.get(subject, ())]

    def _live(self, sid: str | None) -> Session | None:
        row = None if sid is None else self._sessions.get(sid)
        return row if row is not None and row.ended_at is None else None

    def _put(self, row: Session) -> None:
        before = self._sessions.get(row.id)
        if before is not None and before.subject != row.subject:
            self._remove([row.id])
        if before is None or row.forget_at < before.forget_at:
            heappush(self._due_rows, (row.forget_at, row.id))
        self._sessions[row.id] = row
        self._subjects.setdefault(row.subject, set()).add(row.id)

    def _remove(self, ids: Collection[str]) -> int:
        for sid in ids:
            subject = self._sessions.pop(sid).subject
            rest = self._subjects[subject]
            rest.discard(sid)
            if not rest:
                del self._subjects[subject]
        return len(ids)

    def _close(self, row: Session, reason: Reason, at: int) -> Session:
        ended = replace(row, ended_at=at, ended_reason=reason, version=row.version + 1, forget_at=at + REMEMBERED)
        self._put(ended)
        self._append(ended_entry(ended, at))
        return ended

    def _add(self, question: Add) -> tuple[Session, ...] | None:
        new, at = question.session, question.session.created_at
        replaced = self._live(question.replaces)
        if question.replaces is not None and replaced is None:
            return None
        if new.id in self._sessions:
            raise StoreError("a row of this id exists")
        ended = [] if replaced is None else [self._close(replaced, "replaced", at)]
        if question.keep is not None:
            others = [row for row in self._of(new.subject) if row.ended_at is None]
            # First those that nobody can use any more: an expired session must not cost another device its own.
            others.sort(key=lambda row: (row.expires_at > at, row.created_at, row.id))
            surplus = len(others) - max(question.keep - 1, 0)
            ended += [self._close(row, "evicted", at) for row in others[: max(surplus, 0)]]
        self._put(replace(new, version=1))
        return tuple(ended)

    def _swap(self, question: Swap) -> bool:
        row = self._live(question.session.id)
        if row is None or row.version != question.expected_version:
            return False
        new = question.session
        seen_at, forget_at = max(new.seen_at, row.seen_at), max(new.forget_at, row.forget_at)
        self._put(replace(new, version=row.version + 1, seen_at=seen_at, forget_at=forget_at))
        if question.entry is not None:
            self._append(question.entry)
        return True

    def _touch(self, seen: Iterable[tuple[str, int]]) -> None:
        for sid, at in seen:
            row = self._live(sid)
            if row is not None and at > row.seen_at:
                self._put(replace(row, seen_at=at, forget_at=row.forget_at + at - row.seen_at))

    def _end(self, question: End) -> tuple[Session, ...]:
        ids = dict.fromkeys(question.ids)
        if question.subject is not None:
            ids.update(dict.fromkeys(row.id for row in self._of(question.subject)))
        rows = [row for row in map(self._live, ids) if row is not None and row.id != question.except_id]
        return tuple(self._close(row, question.reason, question.at) for row in rows)

    def _append(self, entry: Entry) -> None:
        number = self._log[-1].number + 1 if self._log else 1
        self._log.append(_Line(number, os.urandom(8), entry))
        heappush(self._due_lines, (entry.until, number))

    def _tail(self, cursor: Cursor | None, limit: int) -> Tailed | Reset:
        start = 0
        if cursor is not None:
            start = bisect_left(self._log, cursor.number, key=_number)
            if self._log[start : start + 1] == [] or self._log[start].cursor != cursor:
                return Reset()
            start += 1
        lines = self._log[start : start + max(limit, 0)]
        return Tailed(
            entries=tuple(line.entry for line in lines),
            cursor=lines[-1].cursor if lines else cursor,
            head=self._log[-1].number if self._log else 0,
        )

    def _first(self, key: str, until: int) -> bool:
        if key in self._once:
            return False
        self._once[key] = until
        heappush(self._due_once, (until, key))
        return True

    def _hit(self, question: Hit) -> int:
        if question.limit < 1:
            return question.window
        window = self._hits.get(question.key)
        if window is None or window.ends_at <= question.at:
            window = _Window(question.at + question.window, 0)
            heappush(self._due_hits, (window.ends_at, question.key))
        if window.hits >= question.limit:
            return window.ends_at - question.at
        self._hits[question.key] = _Window(window.ends_at, window.hits + 1)
        return 0

    def _write(self, question: Write) -> bool:
        before = self._documents.get(question.name)
        if question.expected_version != (0 if before is None else before.version):
            return False
        self._documents[question.name] = Document(question.expected_version + 1, question.content)
        return True

    def _purge(self, now: int, limit: int) -> int:
        left = limit
        left -= _drop_dead(self._due_rows, self._end_of_row, self._drop_row, now=now, limit=left)
        left -= _drop_dead(self._due_lines, self._end_of_line, self._drop_line, now=now, limit=left)
        left -= _drop_dead(self._due_once, self._once.get, self._once.pop, now=now, limit=left)
        left -= _drop_dead(self._due_hits, self._end_of_hit, self._hits.pop, now=now, limit=left)
        return limit - left

    def _end_of_row(self, sid: str) -> int | None:
        row = self._sessions.get(sid)
        return None if row is None else row.forget_at

    def _drop_row(self, sid: str) -> None:
        self._remove([sid])

    def _end_of_line(self, number: int) -> int | None:
        line = self._log[self._place(number)]
        # The last entry stays, or the numbers would start again: it is asked for again when it is not the last.
        return line.entry.until if number != self._log[-1].number else _NEVER

    def _drop_line(self, number: int) -> None:
        del self._log[self._place(number)]

    def _place(self, number: int) -> int:
        return bisect_left(self._log, number, key=_number)

    def _end_of_hit(self, key: str) -> int | None:
        window = self._hits.get(key)
        return None if window is None else window.ends_at


def _drop_dead(
    due: list[tuple[int, K]],
    end_of: Callable[[K], int | None],
    drop: Callable[[K], object],
    *,
    now: int,
    limit: int,
) -> int:
    """Drop at most *limit* of what ends at or before *now*; return how many.

    What was noted may be out of date: *end_of* says when a key ends by now, None if it is gone.
    """
    dropped = 0
    kept: list[tuple[int, K]] = []
    while due and due[0][0] <= now and dropped < limit:
        noted, key = heappop(due)
        end = end_of(key)
        if end is not None and end <= now:
            drop(key)
            dropped += 1
        elif end is not None:
            kept.append((noted if end == _NEVER else end, key))
    for item in kept:
        heappush(due, item)
    return dropped


class _Line(NamedTuple):
    number: int
    mark: bytes
    entry: Entry

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.number, self.mark)


class _Window(NamedTuple):
    ends_at: int
    hits: int


def _number(line: _Line) -> int:
    return line.number


def _shown(row: Session) -> tuple[bool, int, str]:
    """How a list of devices is ordered: not ended first, then the last used first, then by id."""
    return row.ended_at is not None, -row.seen_at, row.id


# A fork copies the dicts as they are at that moment, so it waits until nobody is half way through an answer. The
# references are weak: a store that nobody else holds is not kept alive by this.
_stores: "WeakSet[MemoryStore]" = WeakSet()
_held: list[MemoryStore] = []
_forking = threading.Lock()


def _before_fork() -> None:
    _forking.acquire()
    _held.extend(_stores)
    for store in _held:
        store._lock.acquire()  # noqa: SLF001


def _after_fork() -> None:
    for store in _held:
        store._lock.release()  # noqa: SLF001
    _held.clear()
    _forking.release()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
