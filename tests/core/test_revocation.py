"""A node's copy of the log: what it refuses, in which order it heard, and when it forgets."""

import itertools
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepass import StoreError
from gatepass.core.flow import Cursor, Reset, Tail, Tailed
from gatepass.core.lease import PAGES, confirm
from gatepass.core.revocation import MINUTE, Denylist
from gatepass.drivers import run
from gatepass.records import Entry

NOW = 1_900_000_000


def tailed(*entries: Entry, number: int = 1, head: int | None = None) -> Tailed:
    """What a store answers that holds just these, the last of them with *number*."""
    return Tailed(entries=entries, cursor=Cursor(number, b"mark"), head=number if head is None else head)


def content(denylist: Denylist) -> tuple[object, ...]:
    return dict(denylist.ended), dict(denylist.kids), dict(denylist.changed)


entries = st.builds(
    Entry,
    kind=st.sampled_from(["sid", "jti", "kid", "changed"]),
    key=st.sampled_from("abcd"),
    version=st.integers(0, 5),
    until=st.integers(NOW + 1, NOW + 400),
)


@given(log=st.lists(entries, max_size=8), data=st.data())
def test_order_and_repetition_change_nothing(log: list[Entry], data: st.DataObject) -> None:
    """Entries only ever add refusals, so two copies are joined by union."""
    once = Denylist()
    once.apply(tailed(*log), NOW)
    again = Denylist()
    for part in data.draw(st.lists(st.permutations(log), min_size=1, max_size=3)):
        for entry in part:
            again.apply(tailed(entry), NOW)

    assert content(once) == content(again)


@given(log=st.lists(entries, max_size=8), steps=st.lists(st.integers(0, 120), max_size=8))
def test_an_entry_is_kept_until_it_is_dead_and_no_longer(log: list[Entry], steps: list[int]) -> None:
    """Refused to the last second; and minutes after the last one is dead, the copy is as small as it began."""
    denylist, now = Denylist(), NOW
    denylist.apply(tailed(*log), now)
    for step in steps:
        now += step
        denylist.apply(tailed(), now)
        for entry in log:
            if entry.until > now:
                assert entry.key in (*denylist.ended, *denylist.kids, *denylist.changed)

    denylist.apply(tailed(), NOW + 400 + 3 * MINUTE)
    assert len(denylist) == 0
    assert denylist._buckets == {}


def test_an_entry_entered_again_with_a_later_end_stays_until_then() -> None:
    for log in itertools.permutations([Entry(kind="sid", key="a", until=NOW + end) for end in (30, 90, 300)]):
        denylist = Denylist()
        denylist.apply(tailed(*log), NOW)
        for later in range(0, 300, 15):
            denylist.apply(tailed(), NOW + later)
            assert "a" in denylist.ended
        denylist.apply(tailed(), NOW + 300 + 3 * MINUTE)
        assert "a" not in denylist.ended
        assert denylist._buckets == {}


def test_the_higher_version_counts() -> None:
    denylist = Denylist()
    for version in (2, 5, 3):
        denylist.apply(tailed(Entry(kind="changed", key="a", version=version, until=NOW + 60)), NOW)

    assert denylist.changed["a"][0] == 5


def test_what_is_dead_on_arrival_is_not_kept() -> None:
    denylist = Denylist()
    denylist.apply(tailed(Entry(kind="sid", key="a", until=NOW - 2 * MINUTE)), NOW)

    assert len(denylist) == 0


def test_one_entry_too_many_is_a_fault() -> None:
    """A node that would have to forget a refusal answers nothing instead; when some are dead it goes on."""
    denylist = Denylist(cap=2)
    log = [Entry(kind="sid", key=key, until=NOW + 60) for key in "abc"]
    with pytest.raises(StoreError, match="more than 2"):
        denylist.apply(tailed(*log), NOW)
    assert denylist.cursor is None
    assert denylist.apply(tailed(*log[:2]), NOW)  # what is known already is not one more

    later = NOW + 60 + 3 * MINUTE
    assert denylist.apply(tailed(Entry(kind="sid", key="d", until=later + 60)), later)
    assert set(denylist.ended) == {"d"}


def test_a_clock_that_went_back_starts_again_from_a_snapshot() -> None:
    """Entries that were dropped by the wrong clock are alive again by the right one."""
    entry = Entry(kind="sid", key="a", until=NOW + 300)
    log = Log([entry])
    denylist = Denylist()
    run(confirm(denylist, NOW), log.answer)
    run(confirm(denylist, NOW + 3_600), log.answer)
    assert "a" not in denylist.ended

    run(confirm(denylist, NOW + 1), log.answer)

    assert "a" in denylist.ended


def test_a_moment_is_no_clock_that_went_back() -> None:
    """A request that drew its time before the minute, and applies after it, does not cost everybody a snapshot."""
    log, denylist = Log(ends(3)), Denylist()
    on_the_minute = NOW - NOW % MINUTE + MINUTE
    run(confirm(denylist, on_the_minute), log.answer)
    log.asked.clear()
    for now in (on_the_minute - 1, on_the_minute, on_the_minute - MINUTE):
        run(confirm(denylist, now), log.answer)

    assert len(log.asked) == 3


def test_a_copy_that_begins_again_knows_nothing() -> None:
    """In a forked process another thread may have been in the middle of it, with the lock in its hand."""
    log, denylist = Log(ends(3)), Denylist()
    run(confirm(denylist, NOW), log.answer)
    denylist._lock.acquire()

    denylist.restart()
    assert len(denylist) == 0
    run(confirm(denylist, NOW), log.answer)
    assert len(denylist) == 3


class Log:
    """A log in a list, read in pages of two: the smallest store that `confirm` can be shown."""

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries
        self.history = b"first"
        self.asked: list[Tail] = []

    def answer(self, question: object) -> Tailed | Reset:
        assert isinstance(question, Tail)
        self.asked.append(question)
        after = 0
        if question.cursor is not None:
            if question.cursor.mark != self.history or question.cursor.number > len(self.entries):
                return Reset()
            after = question.cursor.number
        page = tuple(self.entries[after : after + 2])
        number = after + len(page)
        cursor = Cursor(number, self.history) if number else None
        return Tailed(entries=page, cursor=cursor, head=len(self.entries))


def ends(count: int) -> list[Entry]:
    return [Entry(kind="sid", key=f"{number}", until=NOW + 60) for number in range(count)]


@pytest.mark.parametrize("count", range(8))
def test_confirming_reads_to_the_head(count: int) -> None:
    log, denylist = Log(ends(count)), Denylist()

    run(confirm(denylist, NOW), log.answer)

    assert set(denylist.ended) == {f"{number}" for number in range(count)}
    assert len(log.asked) == max(1, (count + 1) // 2)
    log.asked.clear()
    run(confirm(denylist, NOW), log.answer)
    assert len(log.asked) == 1


def test_a_lost_history_is_joined_and_never_replaces() -> None:
    """A backup was restored: what it knows is added, and what this node knew goes on being refused."""
    log, denylist = Log(ends(4)), Denylist()
    run(confirm(denylist, NOW), log.answer)
    log.history, log.entries = b"second", [Entry(kind="sid", key="new", until=NOW + 60)]

    run(confirm(denylist, NOW), log.answer)

    assert set(denylist.ended) == {"0", "1", "2", "3", "new"}
    assert denylist.cursor == Cursor(1, b"second")


def test_a_log_that_runs_away_is_a_fault() -> None:
    """Each page ends below a head that has grown meanwhile; then no check may be answered."""
    pages = 0

    def answer(_: object) -> Tailed:
        nonlocal pages
        pages += 1
        return tailed(Entry(kind="sid", key=f"{pages}", until=NOW + 60), number=pages, head=pages + 1)

    with pytest.raises(StoreError, match="faster"):
        run(confirm(Denylist(), NOW), answer)
    assert pages == PAGES


def test_threads_that_apply_at_once_lose_nothing() -> None:
    denylist = Denylist()
    barrier = threading.Barrier(4, timeout=20)

    def apply(first: int) -> None:
        barrier.wait()
        for number in range(first, 2_000, 4):
            answer = tailed(Entry(kind="sid", key=f"{number}", until=NOW + number))
            # To a thread that was left behind by minutes the clock went back; it reads again, as `confirm` does.
            while not denylist.apply(answer, NOW + number // 2):
                pass

    threads = [threading.Thread(target=apply, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    now = NOW + 1_000
    denylist.apply(tailed(), now)
    assert {f"{number}" for number in range(1_001, 2_000)} <= set(denylist.ended)
