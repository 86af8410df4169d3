"""What every store claims, one test a claim."""
# ruff: noqa: PLR2004, S101  (a claim says its numbers, and asserts)

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

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
    Swap,
    Tail,
    Tailed,
    Touch,
    Write,
)
from gatepass.errors import StoreError
from gatepass.policy import LEEWAY
from gatepass.records import ENTRY_TTL, NOTHING, REMEMBERED, Entry, changed_entry
from gatepass.stores import Store
from gatepass.stores.conformance.asking import COLOURS, NOW, Ask, Colour, Factory, a_session, asking, ids
from gatepass.stores.conformance.machine import StoreMachine

#: Text that is nobody's id, and that an attacker may send as one.
STRANGE = (
    "",
    " ",
    "%",
    "*",
    "'; DROP TABLE gatepass_session; --",
    "{a}:b",
    "a\nb\r\n",
    "\0",
    "a\0b",
    "\ud800",
    "a\udfff",
    "\N{PILE OF POO}",
    "x" * 100_000,
)


def log_of(ask: Ask) -> list[Entry]:
    """The whole log."""
    answer = ask(Tail(None, 1_000))
    assert isinstance(answer, Tailed)
    return list(answer.entries)


def cursor_of(ask: Ask) -> Cursor:
    """The cursor after the last entry."""
    answer = ask(Tail(None, 1_000))
    assert isinstance(answer, Tailed)
    assert answer.cursor is not None
    return answer.cursor


def an_entry(key: str = "token", until: int = NOW + 60) -> Entry:
    return Entry(kind="jti", key=key, until=until)


class StoreConformance:
    """Subclass it as `Test...` and override `make_store`."""

    #: How long the state machine looks for a difference. The same steps in every run; set `derandomize` to False and
    #: more examples to search further.
    machine_settings: ClassVar[settings] = settings(
        max_examples=100, stateful_step_count=40, deadline=None, derandomize=True, database=None
    )

    @pytest.fixture
    def make_store(self) -> Factory:
        """Makes a new, empty store at each call."""
        raise NotImplementedError("override the fixture make_store: it returns what makes a new, empty store")

    @pytest.fixture
    def store(self, make_store: Factory) -> Iterator[Store]:
        """A new, empty store."""
        store = make_store()
        yield store
        store.close()

    @pytest.fixture(params=COLOURS)
    def ask(self, request: pytest.FixtureRequest, store: Store) -> Iterator[Ask]:
        """Asks that store, in one colour after the other."""
        with asking(store, request.param) as ask:
            yield ask

    # -- all of it together --------------------------------------------------------------------------------------------

    @pytest.mark.timeout(120)
    @pytest.mark.parametrize("colour", COLOURS)
    def test_whatever_is_asked_it_answers_as_the_model_does(self, make_store: Factory, colour: Colour) -> None:
        """The claims below are examples; this searches for the sequence that nobody thought of."""

        class Machine(StoreMachine):
            def __init__(self) -> None:
                super().__init__(make_store(), colour)

        run_state_machine_as_test(Machine, settings=self.machine_settings)

    def test_it_is_a_store(self, store: Store) -> None:
        """The gate takes anything that has these methods."""
        assert isinstance(store, Store)

    def test_what_one_colour_writes_the_other_reads(self, store: Store) -> None:
        """An application has plain and async routes over one store."""
        session = a_session("s")

        async def await_it() -> object:
            await store.answer_async(Add(session))
            return await store.answer_async(Find("s"))

        assert asyncio.run(await_it()) == session
        assert store.answer(Find("s")) == session
        store.answer(End(ids=("s",), reason="logout", at=NOW))
        ended = asyncio.run(store.answer_async(Find("s")))
        assert ended.ended_at == NOW

    def test_a_cancelled_caller_breaks_nothing(self, store: Store) -> None:
        """Clients hang up in the middle of a request, and frameworks cancel it."""

        async def cancel_some() -> bool:
            for number in range(20):
                task = asyncio.create_task(store.answer_async(Append(an_entry(str(number)))))
                await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            answer: bool = await store.answer_async(Once("after", NOW))
            return answer

        assert asyncio.run(cancel_some())
        assert store.answer(Once("after", NOW)) is False

    def test_closing_twice_is_allowed(self, store: Store) -> None:
        """Life is full of `finally`."""
        store.answer(Add(a_session("s")))
        store.close()
        store.close()

    def test_what_was_written_behind_is_there_after_closing(self, store: Store) -> None:
        """A closed store can be used again, as applications under test do, and the last touches are not lost."""
        store.answer(Add(a_session("s")))
        store.answer(Touch({"s": NOW + 5}))
        store.close()
        assert store.answer(Find("s")).seen_at == NOW + 5

    def test_a_question_that_is_none_of_its_own_is_refused(self, ask: Ask) -> None:
        """A mistake in a flow must show, and must not stop whoever asks next."""
        with pytest.raises(TypeError):
            ask(Question())
        assert ask(Find("s")) is None

    # -- Find ----------------------------------------------------------------------------------------------------------

    def test_an_id_nobody_added_is_none(self, ask: Ask) -> None:
        """Absence is an answer, whatever the text is: an exception would be a fault page for a stranger's guess."""
        ask(Add(a_session("s")))
        for text in STRANGE:
            assert ask(Find(text)) is None
            assert ask(List(text, 10)) == ()

    def test_what_was_added_is_found_as_it_was(self, ask: Ask) -> None:
        """Every field, and deep inside of claims and data."""
        full = a_session("s1")
        bare = a_session(
            "s2", mode="session", roles=frozenset(), claims=NOTHING, data=NOTHING, seed=b"", generation=0, token_ttl=0
        )
        ask(Add(full))
        ask(Add(bare))
        assert ask(Find("s1")) == full
        assert ask(Find("s2")) == bare

    def test_what_is_found_is_frozen(self, ask: Ask) -> None:
        """A caller that writes into claims would change what others read from a cache."""
        ask(Add(a_session("s")))
        row = ask(Find("s"))
        assert row is not None
        with pytest.raises(TypeError):
            row.claims["name"] = "Mallory"  # type: ignore[index]
        with pytest.raises(TypeError):
            row.claims["nested"]["list"] = ()

    # -- Add -----------------------------------------------------------------------------------------------------------

    def test_a_new_row_has_version_1(self, ask: Ask) -> None:
        """Compare-and-set counts from there."""
        assert ask(Add(a_session("s", version=7))) == ()
        row = ask(Find("s"))
        assert row is not None
        assert row.version == 1

    def test_a_taken_id_is_refused_and_nothing_is_done(self, ask: Ask) -> None:
        """No upserts; and a refused question leaves no half of itself behind."""
        for sid in ("s", "parent"):
            ask(Add(a_session(sid)))
        with pytest.raises(StoreError):
            ask(Add(a_session("s", "mallory"), replaces="parent", keep=1))
        assert ask(Find("s")) == a_session("s")
        assert ask(Find("parent")) == a_session("parent")
        assert log_of(ask) == []

    def test_an_ended_session_is_not_revived_by_adding_it(self, ask: Ask) -> None:
        """A request in flight cannot undo a logout."""
        ask(Add(a_session("s")))
        (ended,) = ask(End(ids=("s",), reason="logout", at=NOW))
        with pytest.raises(StoreError):
            ask(Add(a_session("s")))
        assert ask(Find("s")) == ended

    def test_the_session_that_is_replaced_ends_in_the_same_step(self, ask: Ask) -> None:
        """A new id at step-up; the old one must not live beside it."""
        ask(Add(a_session("old")))
        answer = ask(Add(a_session("new", at=NOW + 50), replaces="old"))
        expected = replace(
            a_session("old"),
            ended_at=NOW + 50,
            ended_reason="replaced",
            version=2,
            forget_at=NOW + 50 + REMEMBERED,
        )
        assert answer == (expected,)
        assert ask(Find("old")) == expected
        assert log_of(ask) == [Entry(kind="sid", key="old", until=NOW + 50 + 300 + 2 * LEEWAY)]

    @pytest.mark.parametrize("parent", ["ended", "unknown", *STRANGE])
    def test_what_is_not_live_cannot_be_replaced(self, ask: Ask, parent: str) -> None:
        """What was ended cannot be continued: a step-up that races a revocation loses."""
        ask(Add(a_session("ended")))
        ask(Add(a_session("other")))
        ask(End(ids=("ended",), reason="revoked", at=NOW))
        before = log_of(ask)
        assert ask(Add(a_session("new"), replaces=parent, keep=1)) is None
        assert ask(Find("new")) is None
        assert ask(Find("other")) == a_session("other")
        assert log_of(ask) == before

    def test_the_oldest_over_the_limit_end(self, ask: Ask) -> None:
        """The new one is never among them, however old it says it is; nor are those of others, nor the ended."""
        for sid, age in (("a", 3), ("b", 9), ("c", 6), ("d", 6)):
            ask(Add(a_session(sid, at=NOW - age)))
        ask(Add(a_session("bob's", "bob", at=NOW - 99)))
        ask(Add(a_session("ended", at=NOW - 98)))
        ask(End(ids=("ended",), reason="logout", at=NOW))
        assert ids(ask(Add(a_session("new", at=NOW - 100), keep=3))) == {"b", "c"}
        assert {row.id for row in ask(List("ada", 99)) if row.ended_at is None} == {"a", "d", "new"}
        evicted = ask(Find("b"))
        assert evicted is not None
        assert (evicted.ended_reason, evicted.ended_at) == ("evicted", NOW - 100)
        assert ask(Find("bob's")) == a_session("bob's", "bob", at=NOW - 99)
        assert [entry.key for entry in log_of(ask)][:1] == ["ended"]
        assert {entry.key for entry in log_of(ask)[1:]} == {"b", "c"}

    def test_an_expired_session_is_evicted_before_one_in_use(self, ask: Ask) -> None:
        """A device that nobody has used for weeks must not cost another its session."""
        ask(Add(a_session("old", at=NOW, idle=5_000)))
        ask(Add(a_session("idle", at=NOW + 10, idle=20)))
        assert ids(ask(Add(a_session("new", at=NOW + 30), keep=2))) == {"idle"}

    def test_a_limit_of_one_leaves_the_new_one(self, ask: Ask) -> None:
        """A login at the limit works, and ends the others."""
        ask(Add(a_session("a"), keep=1))
        ask(Add(a_session("b"), keep=1))
        assert ids(ask(Add(a_session("c"), keep=1))) == {"b"}

    # -- Swap ----------------------------------------------------------------------------------------------------------

    def test_of_two_writers_only_the_first_may_write(self, ask: Ask) -> None:
        """Both read version 1."""
        ask(Add(a_session("s")))
        newer = a_session("s", generation=4, claims=NOTHING, roles=frozenset())
        assert ask(Swap(newer, expected_version=1)) is True
        assert ask(Swap(a_session("s", generation=5), expected_version=1)) is False
        assert ask(Find("s")) == replace(newer, version=2)

    def test_a_swap_counts_versions_itself(self, ask: Ask) -> None:
        """Whatever version the new row says it has."""
        ask(Add(a_session("s")))
        assert ask(Swap(a_session("s", version=99), 1)) is True
        row = ask(Find("s"))
        assert row is not None
        assert row.version == 2

    def test_a_swap_of_what_is_not_live_does_nothing(self, ask: Ask) -> None:
        """No upsert, and no revival: a refresh that races a logout loses."""
        ask(Add(a_session("s")))
        (ended,) = ask(End(ids=("s",), reason="logout", at=NOW))
        for version in (0, 1, 2, 3, -1, 2**70):
            assert ask(Swap(a_session("s"), version)) is False
        assert ask(Find("s")) == ended
        for text in STRANGE:
            assert ask(Swap(a_session(text), 1)) is False
            assert ask(Find(text)) is None

    def test_a_swap_announces_itself_only_if_it_happens(self, ask: Ask) -> None:
        """An entry for a change that did not happen would make every node drop good rows; a missing one, keep bad."""
        ask(Add(a_session("s")))
        entry = changed_entry(a_session("s", version=2), NOW)
        assert ask(Swap(a_session("s"), 2, entry)) is False
        assert log_of(ask) == []
        assert ask(Swap(a_session("s"), 1, entry)) is True
        assert log_of(ask) == [entry]

    # -- Touch ---------------------------------------------------------------------------------------------------------

    def test_a_touch_moves_last_use_and_nothing_else(self, ask: Ask) -> None:
        """No version: or a request that only reads would make a refresh lose. No log: there are far too many."""
        ask(Add(a_session("s")))
        assert ask(Touch({"s": NOW + 7, "unknown": NOW, **dict.fromkeys(STRANGE, NOW)})) is None
        ask(Forgive("a later write"))
        assert ask(Find("s")) == replace(a_session("s"), seen_at=NOW + 7, forget_at=a_session("s").forget_at + 7)
        assert log_of(ask) == []
        assert ask(Find("unknown")) is None

    def test_of_touches_the_latest_wins_in_any_order(self, ask: Ask) -> None:
        """They are written behind, by several nodes."""
        ask(Add(a_session("s")))
        for at in (NOW + 5, NOW + 9, NOW - 3, NOW + 5):
            ask(Touch({"s": at}))
        ask(Forgive("a later write"))
        row = ask(Find("s"))
        assert row is not None
        assert (row.seen_at, row.forget_at) == (NOW + 9, a_session("s").forget_at + 9)

    def test_a_touch_does_not_revive(self, ask: Ask) -> None:
        """It may arrive long after the session was ended."""
        ask(Add(a_session("s")))
        (ended,) = ask(End(ids=("s",), reason="logout", at=NOW))
        ask(Touch({"s": NOW + 1_000}))
        ask(Forgive("a later write"))
        assert ask(Find("s")) == ended

    # -- End -----------------------------------------------------------------------------------------------------------

    def test_what_is_ended_stays_as_a_tombstone_and_is_in_the_log(self, ask: Ask) -> None:
        """The device list shows it for 30 days; nodes hear of it from the log, for as long as its tokens live."""
        ask(Add(a_session("hybrid")))
        ask(Add(a_session("session", token_ttl=0)))
        answer = ask(End(ids=("hybrid", "session"), reason="revoked", at=NOW + 9))
        assert ids(answer) == {"hybrid", "session"}
        for row in answer:
            assert row.ended_at == NOW + 9
            assert row.ended_reason == "revoked"
            assert row.version == 2
            assert row.forget_at == NOW + 9 + REMEMBERED
            assert ask(Find(row.id)) == row
        assert {(entry.kind, entry.key, entry.until) for entry in log_of(ask)} == {
            ("sid", "hybrid", NOW + 9 + 300 + 2 * LEEWAY),
            ("sid", "session", NOW + 9 + ENTRY_TTL),
        }

    def test_a_session_ends_once(self, ask: Ask) -> None:
        """The second to end it changes nothing: when and why stay as they were."""
        ask(Add(a_session("s")))
        (ended,) = ask(End(ids=("s", "s"), reason="logout", at=NOW))
        assert ask(End(ids=("s",), subject="ada", reason="revoked", at=NOW + 1)) == ()
        assert ask(Find("s")) == ended
        assert len(log_of(ask)) == 1

    def test_all_of_a_subject_end_but_the_exception(self, ask: Ask) -> None:
        """Log out everywhere else."""
        for sid in ("a", "b", "c"):
            ask(Add(a_session(sid)))
        ask(Add(a_session("bob's", "bob")))
        assert ids(ask(End(subject="ada", except_id="b", reason="revoked", at=NOW))) == {"a", "c"}
        assert ask(Find("b")) == a_session("b")
        assert ask(Find("bob's")) == a_session("bob's", "bob")
        assert ids(ask(End(subject="ada", reason="revoked", at=NOW))) == {"b"}

    def test_ending_nothing_is_an_answer(self, ask: Ask) -> None:
        """Logging out twice, or something that was never there."""
        ask(Add(a_session("s")))
        assert ask(End(reason="logout", at=NOW)) == ()
        assert ask(End(ids=STRANGE, reason="logout", at=NOW)) == ()
        for text in STRANGE:
            assert ask(End(subject=text, reason="logout", at=NOW)) == ()
            assert ask(Forget(text)) == 0
        assert ids(ask(End(subject="ada", except_id="\ud800", reason="logout", at=NOW))) == {"s"}

    # -- List and Forget -----------------------------------------------------------------------------------------------

    def test_a_list_shows_the_living_first_and_the_last_used_first(self, ask: Ask) -> None:
        """What a page of devices shows, without sorting it again; it is cut at the end that matters least."""
        for sid, seen in (("b", 5), ("c", 9), ("a", 5), ("y", 50), ("x", 7)):
            ask(Add(a_session(sid, seen_at=NOW + seen)))
        ask(Add(a_session("bob's", "bob")))
        ask(End(ids=("x", "y"), reason="logout", at=NOW))
        rows = ask(List("ada", 10))
        assert [row.id for row in rows] == ["c", "a", "b", "y", "x"]
        assert list(rows) == [ask(Find(row.id)) for row in rows]
        assert [row.id for row in ask(List("ada", 4))] == ["c", "a", "b", "y"]
        assert ask(List("ada", 0)) == ()

    def test_forgetting_removes_the_ended_rows_of_one_subject(self, ask: Ask) -> None:
        """What a person may ask for; live sessions stay, and so does the log, or revoked tokens would work again."""
        for sid, subject in (("a", "ada"), ("b", "ada"), ("c", "bob")):
            ask(Add(a_session(sid, subject)))
        ask(End(ids=("a", "c"), reason="logout", at=NOW))
        before = log_of(ask)
        assert ask(Forget("ada")) == 1
        assert ask(Find("a")) is None
        assert ask(Find("b")) is not None
        assert ask(Find("c")) is not None
        assert log_of(ask) == before
        assert ask(Forget("ada")) == 0

    # -- the log -------------------------------------------------------------------------------------------------------

    def test_an_empty_log_has_no_cursor(self, ask: Ask) -> None:
        """The first read of the first node."""
        nothing = Tailed(entries=(), cursor=None, head=0)
        assert ask(Tail(None, 10)) == nothing
        assert ask(Tail(None, 10)) == nothing

    def test_the_log_is_read_in_steps_and_in_order(self, ask: Ask) -> None:
        """Whoever follows sees each entry once."""
        entries = [an_entry(str(number)) for number in range(7)]
        for entry in entries:
            ask(Append(entry))
        seen: list[Entry] = []
        cursor, numbers = None, [0]
        while True:
            answer = ask(Tail(cursor, 3))
            assert isinstance(answer, Tailed)
            assert len(answer.entries) <= 3
            seen += answer.entries
            cursor = answer.cursor
            assert cursor is not None
            numbers.append(cursor.number)
            if cursor.number == answer.head:
                break
        assert seen == entries
        assert numbers == sorted(set(numbers))
        assert ask(Tail(cursor, 3)) == Tailed(entries=(), cursor=cursor, head=cursor.number)

    def test_a_reader_at_the_end_sees_the_next_entry(self, ask: Ask) -> None:
        """However often it was told before that there is nothing new."""
        ask(Append(an_entry("first")))
        for number in range(5):
            cursor = cursor_of(ask)
            for _ in range(3):
                assert ask(Tail(cursor, 9)) == Tailed(entries=(), cursor=cursor, head=cursor.number)
            ask(Append(an_entry(str(number))))
            answer = ask(Tail(cursor, 9))
            assert isinstance(answer, Tailed)
            assert answer.entries == (an_entry(str(number)),)

    def test_a_cursor_of_another_history_is_reset(self, ask: Ask) -> None:
        """A restored backup or an emptied store has entries of the same numbers: the mark tells them apart."""
        assert ask(Tail(Cursor(1, b"8 bytes."), 10)) == Reset()
        ask(Append(an_entry("first")))
        ask(Append(an_entry("second")))
        cursor = cursor_of(ask)
        assert ask(Tail(cursor, 10)) == Tailed(entries=(), cursor=cursor, head=cursor.number)
        other = bytes(byte ^ 1 for byte in cursor.mark)
        for wrong in (
            Cursor(cursor.number, other),
            Cursor(cursor.number, b""),
            Cursor(cursor.number + 1, cursor.mark),
            Cursor(0, cursor.mark),
            Cursor(-1, cursor.mark),
            Cursor(2**70, cursor.mark),
        ):
            assert ask(Tail(wrong, 10)) == Reset()

    def test_marks_are_not_repeated(self, ask: Ask) -> None:
        """Or two histories could look the same."""
        marks = set()
        for number in range(10):
            ask(Append(an_entry(str(number))))
            marks.add(cursor_of(ask).mark)
        assert len(marks) == 10
        assert {len(mark) for mark in marks} == {8}

    def test_a_cursor_whose_entry_was_purged_is_reset(self, ask: Ask) -> None:
        """Entries above it may be gone as well: what it missed cannot be known."""
        ask(Append(an_entry("dead", until=NOW)))
        cursor = cursor_of(ask)
        ask(Append(an_entry("alive", until=NOW + 99)))
        assert ask(Purge(NOW, 10)) == 1
        assert ask(Tail(cursor, 10)) == Reset()
        assert log_of(ask) == [an_entry("alive", until=NOW + 99)]

    def test_a_hole_in_the_log_is_passed_over(self, ask: Ask) -> None:
        """Numbers that are missing are purged entries and mean nothing."""
        ask(Append(an_entry("a", until=NOW + 99)))
        cursor = cursor_of(ask)
        ask(Append(an_entry("b", until=NOW)))
        ask(Append(an_entry("c", until=NOW + 99)))
        ask(Purge(NOW, 10))
        answer = ask(Tail(cursor, 10))
        assert isinstance(answer, Tailed)
        assert [entry.key for entry in answer.entries] == ["c"]

    def test_the_last_entry_is_never_purged(self, ask: Ask) -> None:
        """Numbers would start again, and a reader would take new entries for old ones."""
        for key in ("a", "b"):
            ask(Append(an_entry(key, until=NOW)))
        cursor = cursor_of(ask)
        assert ask(Purge(NOW + 10**6, 10)) == 1
        assert ask(Purge(NOW + 10**6, 10)) == 0
        assert ask(Tail(cursor, 10)) == Tailed(entries=(), cursor=cursor, head=cursor.number)
        ask(Append(an_entry("c")))
        answer = ask(Tail(cursor, 10))
        assert isinstance(answer, Tailed)
        assert answer.entries == (an_entry("c"),)
        assert answer.head > cursor.number

    # -- single use, counting ------------------------------------------------------------------------------------------

    def test_only_the_first_gets_a_key(self, ask: Ask) -> None:
        """Every single-use link is built on it. Being past its second does not free a key; only a purge does."""
        for key in ("k", *STRANGE):
            assert ask(Once(key, NOW)) is True
            assert ask(Once(key, NOW + 99)) is False
        assert ask(Purge(NOW - 1, 99)) == 0
        assert ask(Once("k", NOW)) is False
        assert ask(Purge(NOW, 99)) == 1 + len(STRANGE)
        assert ask(Once("k", NOW)) is True

    def test_hits_over_the_limit_wait_for_the_end_of_the_window(self, ask: Ask) -> None:
        """The window begins with its first hit; a refused hit neither counts nor moves it."""
        for key in ("k", *STRANGE):

            def hit(after: int, key: str = key) -> int:
                return ask(Hit(key=key, window=10, limit=3, at=NOW + after))

            assert [hit(0), hit(1), hit(9)] == [0, 0, 0]
            assert [hit(9), hit(9)] == [1, 1]
            assert [hit(10), hit(10), hit(11), hit(12)] == [0, 0, 0, 8]

    def test_forgiving_starts_again(self, ask: Ask) -> None:
        """After a login that worked."""
        for key in ("k", *STRANGE):
            question = Hit(key=key, window=10, limit=1, at=NOW)
            assert [ask(question), ask(question)] == [0, 10]
            assert ask(Forgive(key)) is None
            assert ask(question) == 0

    # -- Read and Write ------------------------------------------------------------------------------------------------

    def test_a_document_that_nobody_wrote_is_none(self, ask: Ask) -> None:
        """Also under a name that no row can have."""
        ask(Write("d", b"x", 0))
        for text in STRANGE:
            assert ask(Read(text)) is None

    def test_a_document_is_read_as_it_was_written(self, ask: Ask) -> None:
        """It is sealed: one bit that is lost is all of it. And each name has its own."""
        content = bytes(range(256)) * 300
        assert ask(Write("d", content, 0)) is True
        assert ask(Write("D", b"", 0)) is True
        assert ask(Read("d")) == Document(1, content)
        assert ask(Read("D")) == Document(1, b"")

    def test_of_two_that_write_one_version_only_the_first_does(self, ask: Ask) -> None:
        """Both read version 1, or found nothing; the second looks again and loses nothing of the first."""
        assert ask(Write("d", b"one", 0)) is True
        assert ask(Write("d", b"another", 0)) is False
        assert ask(Write("d", b"two", 1)) is True
        assert ask(Write("d", b"another", 1)) is False
        assert ask(Read("d")) == Document(2, b"two")

    def test_a_version_that_is_not_there_is_not_written(self, ask: Ask) -> None:
        """No upsert: what is gone is not put back by a node that still holds it."""
        for version in (1, 2, -1, 2**63 - 1, 2**70):
            assert ask(Write("d", b"x", version)) is False
        assert ask(Read("d")) is None
        ask(Write("d", b"x", 0))
        for version in (0, 2, -1, 2**63 - 1, 2**70):
            assert ask(Write("d", b"y", version)) is False
        assert ask(Read("d")) == Document(1, b"x")

    def test_a_document_is_never_purged(self, ask: Ask) -> None:
        """It has no time at which it is over."""
        ask(Write("d", b"x", 0))
        assert ask(Purge(2**40, 100)) == 0
        assert ask(Read("d")) == Document(1, b"x")

    # -- Purge ---------------------------------------------------------------------------------------------------------

    def test_a_purge_removes_what_is_past_its_time_and_nothing_else(self, ask: Ask) -> None:
        """Everything that a store keeps has an end, or it would grow for ever."""
        for sid, forget_at in (("gone", NOW), ("kept", NOW + 1)):
            ask(Add(a_session(sid, forget_at=forget_at)))
            ask(Once(sid, forget_at))
            ask(Append(an_entry(sid, until=forget_at)))
        ask(Hit(key="gone", window=10, limit=1, at=NOW - 10))
        ask(Hit(key="kept", window=10, limit=1, at=NOW - 9))
        assert ask(Purge(NOW - 1, 99)) == 0
        assert ask(Purge(NOW, 99)) == 4
        assert ask(Find("gone")) is None
        assert ask(Find("kept")) is not None
        assert log_of(ask) == [an_entry("kept", until=NOW + 1)]
        assert ask(Once("kept", NOW)) is False
        assert ask(Hit(key="kept", window=10, limit=1, at=NOW)) == 1

    def test_a_purge_goes_in_steps(self, ask: Ask) -> None:
        """A million dead rows must not stop the traffic: rows first, then the log, then the rest."""
        for number in range(3):
            ask(Add(a_session(str(number), forget_at=NOW)))
            ask(Append(an_entry(str(number), until=NOW)))
            ask(Once(str(number), NOW))
        assert ask(Purge(NOW, 0)) == 0
        assert ask(Purge(NOW, 2)) == 2
        assert len(ask(List("ada", 9))) == 1
        assert len(log_of(ask)) == 3
        assert ask(Purge(NOW, 2)) == 2
        assert ask(List("ada", 9)) == ()
        assert len(log_of(ask)) == 2
        assert [ask(Purge(NOW, 2)) for _ in range(3)] == [2, 2, 0]

    # -- at the same moment --------------------------------------------------------------------------------------------

    def test_of_many_that_add_one_id_one_does(self, ask: Ask) -> None:
        """Check and insert are one step."""
        for number in range(10):
            questions = [Add(a_session(f"s{number}", f"subject{who}")) for who in range(8)]
            answers = ask.together(questions)
            assert answers.count(()) == 1
            assert sum(isinstance(answer, StoreError) for answer in answers) == 7
            winner = questions[answers.index(())]
            assert ask(Find(f"s{number}")) == winner.session

    def test_a_limit_holds_however_many_log_in_at_once(self, ask: Ask) -> None:
        """Counting and ending are one step with the insert: three of fifty live on, not four and not two."""
        for round_ in range(3):
            subject = f"subject{round_}"
            answers = ask.together([Add(a_session(f"{subject}-{who}", subject), keep=3) for who in range(20)])
            ended = [sid for answer in answers for sid in ids(answer)]
            assert len(ended) == len(set(ended)) == 17
            live = {row.id for row in ask(List(subject, 99)) if row.ended_at is None}
            assert len(live) == 3
            assert live.isdisjoint(ended)

    def test_of_many_that_replace_one_session_one_does(self, ask: Ask) -> None:
        """A session has one successor."""
        for number in range(10):
            ask(Add(a_session(f"parent{number}")))
            answers = ask.together(
                [Add(a_session(f"child{number}-{who}"), replaces=f"parent{number}") for who in range(8)]
            )
            assert [answer is None for answer in answers].count(False) == 1

    def test_of_many_that_swap_one_version_one_does(self, ask: Ask) -> None:
        """Exactly one new refresh generation, however many race."""
        ask(Add(a_session("s")))
        for version in range(1, 11):
            questions = [Swap(a_session("s", generation=1_000 * version + who), version) for who in range(8)]
            answers = ask.together(questions)
            assert answers.count(True) == 1
            winner = questions[answers.index(True)].session
            assert ask(Find("s")) == replace(winner, version=version + 1)

    def test_of_many_that_end_one_session_one_does(self, ask: Ask) -> None:
        """One entry, one event, one reason."""
        for number in range(10):
            ask(Add(a_session(f"s{number}")))
            answers = ask.together([End(ids=(f"s{number}",), reason="logout", at=NOW + who) for who in range(8)])
            assert sum(len(ids(answer)) for answer in answers) == 1
        assert len(log_of(ask)) == 10

    def test_a_swap_and_an_end_never_leave_a_live_row(self, ask: Ask) -> None:
        """Whichever comes first, the session is ended after both."""
        for number in range(10):
            sid = f"s{number}"
            ask(Add(a_session(sid)))
            questions: list[Question[Any]] = [Swap(a_session(sid, generation=77), 1) for _ in range(4)]
            questions[2:2] = [End(ids=(sid,), reason="logout", at=NOW)]
            answers = ask.together(questions)
            swapped = answers.count(True)
            row = ask(Find(sid))
            assert row is not None
            assert row.ended_at == NOW
            assert row.version == 2 + swapped
            assert row.generation == (77 if swapped else 3)

    def test_of_many_that_ask_once_one_is_first(self, ask: Ask) -> None:
        """A link works once, also when it is clicked twice at the same moment."""
        for number in range(10):
            assert ask.together([Once(f"k{number}", NOW)] * 8).count(True) == 1

    def test_of_many_that_write_one_version_one_does(self, ask: Ask) -> None:
        """Two nodes that rotate a key ring at once: one of them has to see what the other did."""
        for version in range(10):
            questions = [Write("d", b"%d by %d" % (version, who), version) for who in range(8)]
            answers = ask.together(questions)
            assert sorted(answers, key=str) == [False] * 7 + [True]
            assert ask(Read("d")) == Document(version + 1, questions[answers.index(True)].content)

    def test_a_window_gives_exactly_its_limit(self, ask: Ask) -> None:
        """A throttle that counts after it has looked lets a burst through."""
        for number in range(10):
            answers = ask.together([Hit(key=f"k{number}", window=10, limit=5, at=NOW)] * 12)
            assert sorted(answers, key=str) == [0] * 5 + [10] * 7

    def test_everything_written_at_once_is_in_the_log_once(self, ask: Ask) -> None:
        """Writes that travel together keep their own entries."""
        ask.together([Append(an_entry(str(number))) for number in range(30)])
        assert sorted(int(entry.key) for entry in log_of(ask)) == list(range(30))
