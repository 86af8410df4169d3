"""The kit fails for stores that are wrong: a check that cannot fail checks nothing.

Each store here is the memory store with one mistake, of the kind that is made in earnest, and names a claim that has
to find it.
"""

import inspect
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings

from gatepass.core.flow import (
    Add,
    Append,
    End,
    Find,
    Hit,
    Once,
    Question,
    Read,
    Reset,
    StoreQuestion,
    Swap,
    Tailed,
    Write,
)
from gatepass.errors import StoreError
from gatepass.records import REMEMBERED
from gatepass.stores import Store
from gatepass.stores.conformance import SharedStoreConformance, StoreConformance
from gatepass.stores.conformance.asking import COLOURS, asking
from gatepass.stores.conformance.crew import Crew
from gatepass.stores.memory import MemoryStore
from gatepass.stores.sqlite import SqliteStore

MACHINE = "test_whatever_is_asked_it_answers_as_the_model_does"


class SwapInserts(MemoryStore):
    """An upsert."""

    def _swap(self, question: Swap) -> bool:
        if question.session.id not in self._sessions:
            self._put(question.session)
            return True
        return super()._swap(question)


class SwapRevives(MemoryStore):
    """It compares versions, and forgets that ended rows have one too."""

    def _live(self, sid: str | None) -> Any:
        return None if sid is None else self._sessions.get(sid)


class SwapAlwaysLogs(MemoryStore):
    def _swap(self, question: Swap) -> bool:
        done = super()._swap(question)
        if not done and question.entry is not None:
            self._append(question.entry)
        return done


class EndDoesNotLog(MemoryStore):
    def _end(self, question: End) -> Any:
        log = list(self._log)
        try:
            return super()._end(question)
        finally:
            self._log = log


class EndEndsAgain(MemoryStore):
    """The second logout moves the time of the first."""

    def _end(self, question: End) -> Any:
        for sid in question.ids:
            row = self._sessions.get(sid)
            if row is not None and row.ended_at is not None:
                self._put(replace(row, ended_at=question.at, forget_at=question.at + REMEMBERED))
        return super()._end(question)


class EndForgetsTheException(MemoryStore):
    def _end(self, question: End) -> Any:
        return super()._end(replace(question, except_id=None))


class AddEvictsTheNew(MemoryStore):
    """The limit is kept, at the cost of whoever logs in."""

    def _add(self, question: Add) -> Any:
        ended = super()._add(replace(question, keep=None))
        if ended is not None and question.keep is not None:
            live = [row for row in self._of(question.session.subject) if row.ended_at is None]
            live.sort(key=lambda row: row.created_at)
            ended += tuple(self._close(row, "evicted", question.session.created_at) for row in live[question.keep :])
        return ended


class AddOverwrites(MemoryStore):
    def _add(self, question: Add) -> Any:
        if question.session.id in self._sessions:
            self._remove([question.session.id])
        return super()._add(question)


class AddIgnoresADeadParent(MemoryStore):
    def _add(self, question: Add) -> Any:
        if question.replaces is not None and self._live(question.replaces) is None:
            question = replace(question, replaces=None)
        return super()._add(question)


class AddEvictsThoseInUse(MemoryStore):
    """Oldest first, and an expired session counts like any other."""

    def _add(self, question: Add) -> Any:
        rows = {sid: row for sid, row in self._sessions.items() if row.ended_at is None}
        for sid, row in rows.items():
            self._sessions[sid] = replace(row, idle=10**9, ends_at=10**12)
        try:
            return super()._add(question)
        finally:
            for sid, row in rows.items():
                self._sessions[sid] = replace(self._sessions[sid], idle=row.idle, ends_at=row.ends_at)


class TouchGoesBack(MemoryStore):
    def _touch(self, seen: Any) -> None:
        for sid, at in seen:
            row = self._live(sid)
            if row is not None:
                self._put(replace(row, seen_at=at, forget_at=row.forget_at + at - row.seen_at))


class TouchCounts(MemoryStore):
    def _touch(self, seen: Any) -> None:
        for sid, at in seen:
            row = self._live(sid)
            if row is not None and at > row.seen_at:
                self._put(replace(row, seen_at=at, forget_at=row.forget_at + at - row.seen_at, version=row.version + 1))


class TailIgnoresTheMark(MemoryStore):
    def _tail(self, cursor: Any, limit: int) -> Tailed | Reset:
        lines = {line.number: line.cursor for line in self._log}
        return super()._tail(cursor and lines.get(cursor.number, cursor), limit)


class TailForgivesAPurge(MemoryStore):
    """It goes on above a cursor whose entry is gone."""

    def _tail(self, cursor: Any, limit: int) -> Tailed | Reset:
        answer = super()._tail(cursor, limit)
        if isinstance(answer, Reset) and self._log and cursor.number < self._log[-1].number:
            lines = [line for line in self._log if line.number > cursor.number][:limit]
            return Tailed(
                entries=tuple(line.entry for line in lines), cursor=lines[-1].cursor, head=self._log[-1].number
            )
        return answer


class TailRepeatsWhatItSaid(MemoryStore):
    """A cache of "nothing new" that nobody ever clears."""

    def _tail(self, cursor: Any, limit: int) -> Tailed | Reset:
        said: dict[Any, Any] = self.__dict__.setdefault("said", {})
        answer = said.get(cursor) or super()._tail(cursor, limit)
        if isinstance(answer, Tailed) and not answer.entries:
            said[cursor] = answer
        return answer


class PurgeRemovesTheLast(MemoryStore):
    def _purge(self, now: int, limit: int) -> int:
        count = super()._purge(now, limit)
        before = len(self._log)
        self._log = [line for line in self._log if line.entry.until > now]
        return count + before - len(self._log)


class PurgeForgetsTheKeys(MemoryStore):
    def _purge(self, now: int, limit: int) -> int:
        kept = dict(self._once)
        count = super()._purge(now, limit)
        count -= len(kept) - len(self._once)
        self._once = kept
        return count


class OnceLapses(MemoryStore):
    """Free again when its time is over, purged or not."""

    def _first(self, key: str, until: int) -> bool:
        if self._once.get(key, until) < until:
            del self._once[key]
        return super()._first(key, until)


class HitSlides(MemoryStore):
    """A refused hit makes the wait longer."""

    def _hit(self, question: Hit) -> int:
        wait = super()._hit(question)
        if wait:
            self._hits[question.key] = self._hits[question.key]._replace(ends_at=question.at + question.window)
        return wait


class WriteForgetsTheVersion(MemoryStore):
    """The last one wins, and what the other wrote is gone."""

    def _write(self, question: Write) -> bool:
        before = self._documents.get(question.name)
        return super()._write(replace(question, expected_version=before.version if before else 0))


class WriteInserts(MemoryStore):
    """An upsert: what is not there has any version."""

    def _write(self, question: Write) -> bool:
        if question.name not in self._documents:
            question = replace(question, expected_version=0)
        return super()._write(question)


class ListForgetsTheOrder(MemoryStore):
    def _of(self, subject: str) -> Any:
        rows = super()._of(subject)
        return [replace(row, seen_at=0) for row in rows]


class LosesClaims(MemoryStore):
    def _put(self, row: Any) -> None:
        super()._put(replace(row, claims={**row.claims}))


class FindsInAnyCase(MemoryStore):
    """A database that compares text without regard to case, as some do by default."""

    def _answer(self, question: StoreQuestion) -> Any:
        if isinstance(question, Find):
            try:
                question.id.encode()
            except UnicodeEncodeError as error:
                raise StoreError from error
        return super()._answer(question)


class PlainOnly(MemoryStore):
    """The awaited colour was never run."""

    async def answer_async(self, question: Question[Any], /) -> Any:
        if isinstance(question, Append):
            return None
        return self.answer(question)


class Racing(MemoryStore):
    """Looks, lets go of the lock, and then writes: each step is right, and the two are not one.

    Whoever has looked waits until another has, so that the mistake shows in every race and not in one of a thousand.
    """

    racy: type[Question[Any]]

    def __init__(self) -> None:
        super().__init__()
        self._gap = threading.Barrier(2)

    def answer(self, question: Question[Any], /) -> Any:
        if not isinstance(question, self.racy):
            return super().answer(question)
        before = self._copy()
        try:
            self._gap.wait(0.05)
        except threading.BrokenBarrierError:
            self._gap.reset()
        with self._lock:
            now = self._copy()
            self._sessions, self._subjects, self._once, self._hits, self._documents = before
            try:
                return self._answer(question)  # type: ignore[arg-type]
            finally:
                # What others did meanwhile comes back, but for what this one has overwritten.
                self._sessions = {**now[0], **_changed(before[0], self._sessions)}
                for sid, row in self._sessions.items():
                    now[1].setdefault(row.subject, set()).add(sid)
                self._subjects = now[1]
                self._once = {**now[2], **_changed(before[2], self._once)}
                self._hits = {**now[3], **_changed(before[3], self._hits)}
                self._documents = {**now[4], **_changed(before[4], self._documents)}

    def _copy(self) -> tuple[Any, ...]:
        subjects = {subject: set(ids) for subject, ids in self._subjects.items()}
        return dict(self._sessions), subjects, dict(self._once), dict(self._hits), dict(self._documents)


def _changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in after.items() if before.get(key) is not value}


def racing(question: type[Question[Any]]) -> type[MemoryStore]:
    return type(f"{question.__name__}LooksThenWrites", (Racing,), {"racy": question})


PLANTED: list[tuple[type[MemoryStore], str]] = [
    (SwapInserts, "test_a_swap_of_what_is_not_live_does_nothing"),
    (SwapRevives, "test_a_swap_of_what_is_not_live_does_nothing"),
    (SwapAlwaysLogs, "test_a_swap_announces_itself_only_if_it_happens"),
    (EndDoesNotLog, "test_what_is_ended_stays_as_a_tombstone_and_is_in_the_log"),
    (EndEndsAgain, "test_a_session_ends_once"),
    (EndForgetsTheException, "test_all_of_a_subject_end_but_the_exception"),
    (AddEvictsTheNew, "test_the_oldest_over_the_limit_end"),
    (AddOverwrites, "test_a_taken_id_is_refused_and_nothing_is_done"),
    (AddIgnoresADeadParent, "test_what_is_not_live_cannot_be_replaced"),
    (AddEvictsThoseInUse, "test_an_expired_session_is_evicted_before_one_in_use"),
    (TouchGoesBack, "test_of_touches_the_latest_wins_in_any_order"),
    (TouchCounts, "test_a_touch_moves_last_use_and_nothing_else"),
    (TailIgnoresTheMark, "test_a_cursor_of_another_history_is_reset"),
    (TailForgivesAPurge, "test_a_cursor_whose_entry_was_purged_is_reset"),
    (TailRepeatsWhatItSaid, "test_a_reader_at_the_end_sees_the_next_entry"),
    (PurgeRemovesTheLast, "test_the_last_entry_is_never_purged"),
    (PurgeForgetsTheKeys, "test_only_the_first_gets_a_key"),
    (OnceLapses, "test_only_the_first_gets_a_key"),
    (HitSlides, "test_hits_over_the_limit_wait_for_the_end_of_the_window"),
    (WriteForgetsTheVersion, "test_of_two_that_write_one_version_only_the_first_does"),
    (WriteInserts, "test_a_version_that_is_not_there_is_not_written"),
    (ListForgetsTheOrder, "test_a_list_shows_the_living_first_and_the_last_used_first"),
]
"""What the state machine has to find as well, without having been told what to look for."""

ONLY_BY_CLAIM: list[tuple[type[MemoryStore], str]] = [
    (LosesClaims, "test_what_is_found_is_frozen"),
    (FindsInAnyCase, "test_an_id_nobody_added_is_none"),
    (PlainOnly, "test_the_log_is_read_in_steps_and_in_order"),
]

RACES: list[tuple[type[MemoryStore], str]] = [
    (racing(Add), "test_of_many_that_add_one_id_one_does"),
    (racing(Add), "test_a_limit_holds_however_many_log_in_at_once"),
    (racing(Add), "test_of_many_that_replace_one_session_one_does"),
    (racing(Swap), "test_of_many_that_swap_one_version_one_does"),
    (racing(Swap), "test_a_swap_and_an_end_never_leave_a_live_row"),
    (racing(End), "test_of_many_that_end_one_session_one_does"),
    (racing(Once), "test_of_many_that_ask_once_one_is_first"),
    (racing(Write), "test_of_many_that_write_one_version_one_does"),
    (racing(Hit), "test_a_window_gives_exactly_its_limit"),
]


class Kit(StoreConformance):
    # That it fails is enough; the shortest way to show it is for people who have a mistake to find.
    machine_settings = settings(StoreConformance.machine_settings, phases=[Phase.generate])


def fails(claim: str, make_store: Callable[[], Store]) -> bool:
    """Whether *claim* of the kit fails for such a store, in any colour and for any of its parameters."""
    test = getattr(Kit(), claim)
    wanted = inspect.signature(test).parameters
    for colour in COLOURS:
        for parent in ("ended", "unknown") if "parent" in wanted else ("",):
            store = make_store()
            with asking(store, colour) as ask:
                offered = {
                    "ask": ask,
                    "store": store,
                    "make_store": make_store,
                    "colour": colour,
                    "parent": parent,
                }
                try:
                    test(**{name: offered[name] for name in wanted})
                except (TimeoutError, AssertionError, StoreError, pytest.fail.Exception):
                    return True
    return False


@pytest.mark.parametrize(("planted", "claim"), PLANTED + ONLY_BY_CLAIM + RACES)
def test_its_claim_finds_the_mistake(planted: type[MemoryStore], claim: str) -> None:
    assert not fails(claim, MemoryStore)
    assert fails(claim, planted)


@pytest.mark.parametrize("planted", [planted for planted, _ in PLANTED])
def test_the_state_machine_finds_the_mistake(planted: type[MemoryStore]) -> None:
    assert fails(MACHINE, planted)


class LooksThenWrites(SqliteStore):
    """Between processes: `Once` in two steps. It waits in between, until another process has looked too."""

    def answer(self, question: Question[Any], /) -> Any:
        if not isinstance(question, Once):
            return super().answer(question)
        marks = Path(f"{self._path}.marks")
        marks.mkdir(exist_ok=True)
        seen = {path.name for path in marks.iterdir()}
        os.sched_yield()
        (marks / question.key).touch()
        return question.key not in seen


class WritesOverWhatItDidNotSee(SqliteStore):
    """Between processes: `Write` in two steps, and the second asks for no version."""

    def answer(self, question: Question[Any], /) -> Any:
        if not isinstance(question, Write):
            return super().answer(question)
        seen = self._version(question.name)
        os.sched_yield()
        while seen == question.expected_version:
            if super().answer(replace(question, expected_version=self._version(question.name))):
                return True
        return False

    def _version(self, name: str) -> int:
        document = super().answer(Read(name))
        return 0 if document is None else int(document.version)


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    crew = Crew.hire()
    yield crew
    crew.dismiss()


def test_processes_find_a_mistake_too(crew: Crew, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        SharedStoreConformance().test_of_processes_that_ask_once_one_is_first(
            crew, partial(LooksThenWrites, tmp_path / "shared.db")
        )


def test_processes_find_a_document_that_was_written_over(crew: Crew, tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "shared.db")
    with pytest.raises(AssertionError):
        SharedStoreConformance().test_of_processes_that_write_one_version_one_does(
            crew, partial(WritesOverWhatItDidNotSee, tmp_path / "shared.db"), store
        )
    store.close()
