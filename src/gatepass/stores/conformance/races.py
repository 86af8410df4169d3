"""What a store claims that several processes share, with real processes.

A race that nobody lost was none: each claim counts the losers that were under way at the same time as the winner, and
fails if there are none.
"""
# ruff: noqa: PLR2004, S101  (a claim says its numbers, and asserts)

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import pytest

from gatepass.core.flow import (
    Add,
    Append,
    Cursor,
    Document,
    End,
    Find,
    Hit,
    List,
    Once,
    Read,
    Swap,
    Tail,
    Tailed,
    Write,
)
from gatepass.errors import StoreError
from gatepass.records import Entry
from gatepass.stores import Store
from gatepass.stores.conformance.asking import NOW, Factory, a_session
from gatepass.stores.conformance.claims import StoreConformance
from gatepass.stores.conformance.crew import SIZE, Crew, Turn

#: Enough for the processes to meet in many ways, few enough to be over in a second or two.
ROUNDS = 40

#: How many hits of a window are free in the race for it, of `SIZE` times `HITS`.
LIMIT = 3
HITS = 2


def contested(rounds: Sequence[Sequence[Turn[Any]]], won: Callable[[Any], bool]) -> int:
    """How many turns were lost to a winner who was not done yet when they began."""
    lost = 0
    for turns in rounds:
        winners = [turn for turn in turns if won(turn.answer)]
        lost += sum(any(turn.met(winner) for winner in winners) for turn in turns if not won(turn.answer))
    return lost


# -- what the workers do -----------------------------------------------------------------------------------------------


def add(store: Store, me: int, number: int) -> bool:
    return bool(store.answer(Add(a_session(f"s{number}", f"subject{me}"))) == ())


def log_in(store: Store, me: int, number: int) -> list[str]:
    ended = store.answer(Add(a_session(f"s{number}-{me}", f"subject{number}"), keep=2))
    return [row.id for row in ended]


def continue_(store: Store, me: int, number: int) -> bool:
    return store.answer(Add(a_session(f"child{number}-{me}"), replaces=f"s{number}")) is not None


def swap(store: Store, me: int, number: int) -> bool:
    done: bool = store.answer(Swap(a_session(f"s{number}", generation=1_000 + me), 1))
    return done


def end(store: Store, me: int, number: int) -> bool:
    return bool(store.answer(End(ids=(f"s{number}",), reason="logout", at=NOW + me)))


def swap_or_end(store: Store, me: int, number: int) -> bool:
    # Who does which changes from round to round, or the first process to wake would always do the same.
    return (swap if (me + number) % 2 else end)(store, me, number)


def once(store: Store, me: int, number: int) -> bool:
    del me
    first: bool = store.answer(Once(f"k{number}", NOW))
    return first


def hit(store: Store, me: int, number: int) -> list[int]:
    del me
    return [store.answer(Hit(key=f"k{number}", window=60, limit=LIMIT, at=NOW)) for _ in range(HITS)]


def write(store: Store, me: int, number: int) -> bool:
    done: bool = store.answer(Write("d", b"%d by %d" % (number, me), number))
    return done


def write_log(store: Store, me: int, number: int) -> None:
    store.answer(Append(Entry(kind="jti", key=f"{me}-{number}", until=NOW + 60)))


class Follower:
    """Reads the log while others write it, as every node does, and keeps what it saw."""

    def __init__(self, store: Store) -> None:
        self.seen: list[tuple[Cursor, Entry]] = []
        self.resets = 0
        self._store = store
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join(20)
        assert not self._thread.is_alive()

    def _follow(self) -> None:
        cursor: Cursor | None = None
        while True:
            last_look = self._done.is_set()
            answer = self._store.answer(Tail(cursor, 1))
            if not isinstance(answer, Tailed):
                self.resets += 1
                return
            for entry in answer.entries:
                assert answer.cursor is not None
                self.seen.append((answer.cursor, entry))
            cursor = answer.cursor
            if last_look and not answer.entries:
                return


# -- the claims --------------------------------------------------------------------------------------------------------


class SharedStoreConformance(StoreConformance):
    """Subclass it as `Test...` and override `open_store`; `make_store` too, if one test needs several stores."""

    @pytest.fixture
    def open_store(self) -> Factory:
        """Opens one and the same store at each call, in whatever process; empty at first, and to be pickled."""
        raise NotImplementedError("override the fixture open_store: it returns what opens the same store everywhere")

    @pytest.fixture(scope="class")
    @classmethod
    def crew(cls) -> Iterator[Crew]:
        """The processes, which all claims of a class share."""
        crew = Crew.hire()
        yield crew
        crew.dismiss()

    @pytest.fixture
    def shared(self, open_store: Factory) -> Iterator[Store]:
        """The same store in this process."""
        store = open_store()
        yield store
        store.close()

    def test_of_processes_that_add_one_id_one_does(self, crew: Crew, open_store: Factory, shared: Store) -> None:
        """Check and insert are one step."""
        rounds = crew.race(open_store, add, ROUNDS)
        for number, turns in enumerate(rounds):
            answers = [turn.answer for turn in turns]
            assert answers.count(True) == 1
            assert sum(isinstance(answer, StoreError) for answer in answers) == SIZE - 1
            assert shared.answer(Find(f"s{number}")) == a_session(f"s{number}", f"subject{answers.index(True)}")
        assert contested(rounds, lambda answer: answer is True)

    def test_a_limit_holds_when_processes_log_in_at_once(self, crew: Crew, open_store: Factory, shared: Store) -> None:
        """At most two, and not fewer, whichever node somebody logs in at."""
        rounds = crew.race(open_store, log_in, ROUNDS)
        lost = 0
        for number, turns in enumerate(rounds):
            ended = [sid for turn in turns for sid in _list(turn)]
            assert len(ended) == len(set(ended)) == SIZE - 2
            live = {row.id for row in shared.answer(List(f"subject{number}", 99)) if row.ended_at is None}
            assert len(live) == 2
            assert live.isdisjoint(ended)
            for me, turn in enumerate(turns):
                if f"s{number}-{me}" in ended:
                    lost += any(turn.met(other) for other in turns if other is not turn)
        assert lost

    def test_of_processes_that_replace_one_session_one_does(
        self, crew: Crew, open_store: Factory, shared: Store
    ) -> None:
        """A session has one successor."""
        for number in range(ROUNDS):
            shared.answer(Add(a_session(f"s{number}")))
        rounds = crew.race(open_store, continue_, ROUNDS)
        for turns in rounds:
            assert [turn.answer for turn in turns].count(True) == 1
        assert contested(rounds, lambda answer: answer is True)

    def test_of_processes_that_swap_one_version_one_does(self, crew: Crew, open_store: Factory, shared: Store) -> None:
        """Exactly one new refresh generation, ever: two live heads would be two sessions in one."""
        for number in range(ROUNDS):
            shared.answer(Add(a_session(f"s{number}")))
        rounds = crew.race(open_store, swap, ROUNDS)
        for number, turns in enumerate(rounds):
            answers = [turn.answer for turn in turns]
            assert sorted(answers, key=str) == [False] * (SIZE - 1) + [True]
            row = shared.answer(Find(f"s{number}"))
            assert (row.version, row.generation) == (2, 1_000 + answers.index(True))
        assert contested(rounds, lambda answer: answer is True)

    def test_of_processes_that_end_one_session_one_does(self, crew: Crew, open_store: Factory, shared: Store) -> None:
        """One entry, one event, one second at which it ended."""
        for number in range(ROUNDS):
            shared.answer(Add(a_session(f"s{number}")))
        rounds = crew.race(open_store, end, ROUNDS)
        for number, turns in enumerate(rounds):
            answers = [turn.answer for turn in turns]
            assert sorted(answers, key=str) == [False] * (SIZE - 1) + [True]
            assert shared.answer(Find(f"s{number}")).ended_at == NOW + answers.index(True)
        assert len(shared.answer(Tail(None, 10 * ROUNDS)).entries) == ROUNDS
        assert contested(rounds, lambda answer: answer is True)

    def test_a_swap_never_brings_back_what_another_process_ends(
        self, crew: Crew, open_store: Factory, shared: Store
    ) -> None:
        """A refresh that races a logout: the session is over after both, whoever was first."""
        for number in range(ROUNDS):
            shared.answer(Add(a_session(f"s{number}")))
        rounds = crew.race(open_store, swap_or_end, ROUNDS)
        for number, turns in enumerate(rounds):
            swapped = [1_000 + me for me, turn in enumerate(turns) if (me + number) % 2 and turn.answer]
            ended = [NOW + me for me, turn in enumerate(turns) if not (me + number) % 2 and turn.answer]
            row = shared.answer(Find(f"s{number}"))
            assert len(swapped) <= 1
            assert [row.ended_at] == ended
            assert row.version == 2 + len(swapped)
            assert row.generation == (swapped or [3])[0]
        assert len(shared.answer(Tail(None, 10 * ROUNDS)).entries) == ROUNDS
        assert contested(rounds, lambda answer: answer is True)

    def test_of_processes_that_ask_once_one_is_first(self, crew: Crew, open_store: Factory) -> None:
        """A link works once, whichever nodes it is clicked at."""
        rounds = crew.race(open_store, once, ROUNDS)
        for turns in rounds:
            assert sorted((turn.answer for turn in turns), key=str) == [False] * (SIZE - 1) + [True]
        assert contested(rounds, lambda answer: answer is True)

    def test_of_processes_that_write_one_version_one_does(self, crew: Crew, open_store: Factory, shared: Store) -> None:
        """Nodes that make, rotate or retire keys at once: what one of them wrote is never written over unseen."""
        rounds = crew.race(open_store, write, ROUNDS)
        for turns in rounds:
            assert sorted((turn.answer for turn in turns), key=str) == [False] * (SIZE - 1) + [True]
        winner = [turn.answer for turn in rounds[-1]].index(True)
        assert shared.answer(Read("d")) == Document(ROUNDS, b"%d by %d" % (ROUNDS - 1, winner))
        assert contested(rounds, lambda answer: answer is True)

    def test_a_window_gives_exactly_its_limit_to_all_processes(self, crew: Crew, open_store: Factory) -> None:
        """Counting after looking lets a burst through, one process each."""
        rounds = crew.race(open_store, hit, ROUNDS)
        for turns in rounds:
            waits = sorted(wait for turn in turns for wait in _list(turn))
            assert waits == [0] * LIMIT + [60] * (SIZE * HITS - LIMIT)
        assert contested(rounds, lambda waits: waits == [0] * HITS)

    def test_who_follows_the_log_sees_every_entry_once(self, crew: Crew, open_store: Factory, shared: Store) -> None:
        """A number given before its entry can be seen is a gap that fills later, behind those who have read on."""
        with Follower(shared) as follower:
            rounds = crew.race(open_store, write_log, 2 * ROUNDS)
        assert all(turn.answer is None for turns in rounds for turn in turns)
        assert follower.resets == 0
        keys = [entry.key for _, entry in follower.seen]
        assert len(keys) == len(set(keys))
        assert set(keys) == {f"{me}-{number}" for me in range(SIZE) for number in range(2 * ROUNDS)}
        numbers = [cursor.number for cursor, _ in follower.seen]
        assert numbers == sorted(set(numbers))
        assert shared.answer(Tail(None, len(keys) + 1)).entries == tuple(entry for _, entry in follower.seen)
        # It was a race if writers met each other; the follower never rested.
        assert any(one.met(other) for turns in rounds for one in turns for other in turns if one is not other)


def _list(turn: Turn[list[Any]]) -> list[Any]:
    assert not isinstance(turn.answer, StoreError)
    return turn.answer
