"""A store and the model beside each other: whatever is asked in whatever order, both say the same."""
# ruff: noqa: S101  (asserting is what it is for)

from contextlib import ExitStack
from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gatepass.core.flow import (
    Add,
    Append,
    Cursor,
    End,
    Find,
    Forget,
    Forgive,
    Hit,
    List,
    Once,
    Purge,
    Read,
    Reset,
    Swap,
    Tail,
    Tailed,
    Touch,
    Write,
)
from gatepass.errors import StoreError
from gatepass.records import Entry, Json, Session, changed_entry, freeze
from gatepass.stores import Store
from gatepass.stores.conformance.asking import NOW, Colour, a_session, asking
from gatepass.stores.conformance.model import Model

# A session is told by its age: 0 is the newest that is live, 1 the one before; -1 the newest of all, live or not, and
# so on. There are few of everything else: questions have to meet.
ages = st.integers(-3, 4)
subjects = st.sampled_from(("ada", "bob"))
keys = st.sampled_from(("k", "l"))
seconds = st.integers(0, 3_000)
text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)
json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)
objects = st.dictionaries(text, json, max_size=2).map(freeze)


class StoreMachine(RuleBasedStateMachine):
    """Asks a new store and a new model the same questions."""

    def __init__(self, store: Store, colour: Colour) -> None:
        super().__init__()
        self.resources = ExitStack()
        self.resources.callback(store.close)
        self.ask = self.resources.enter_context(asking(store, colour))
        self.model = Model()
        self.now = NOW
        #: The ids that were added, or tried to be.
        self.made = ["nobody's"]
        #: The cursor after every entry that was ever read.
        self.cursors: list[Cursor] = []

    def teardown(self) -> None:
        self.resources.close()

    def session(self, sid: str, subject: str) -> Session:
        return a_session(sid, subject, at=self.now)

    def follow_log(self) -> None:
        """Read what was added, entry by entry, and hold it against what the model announced."""
        announced, self.model.announced = self.model.announced, []
        while True:
            before = self.cursors[-1] if self.cursors else None
            answer = self.ask(Tail(before, 1))
            assert isinstance(answer, Tailed)
            if not answer.entries:
                assert answer.cursor == before
                assert answer.head == (before.number if before else 0)
                break
            (entry,) = answer.entries
            assert entry in announced, f"{entry} is in the log, and nothing that was asked explains it"
            announced.remove(entry)
            assert answer.cursor is not None
            assert answer.cursor.number > (before.number if before else 0), "numbers rise"
            self.cursors.append(answer.cursor)
            self.model.log[answer.cursor.number] = entry
        assert not announced, f"missing in the log: {announced}"

    def aged(self, age: int) -> str:
        live = [sid for sid in self.made if sid in self.model.live()]
        if age < 0 or not live:
            return self.made[age % len(self.made)]
        return live[-1 - age % len(live)]

    @invariant()
    def time_passes(self) -> None:
        self.now += 1

    @rule(by=seconds, purge=st.booleans())
    def wait(self, by: int, purge: bool) -> None:
        self.now += by
        if purge:
            assert self.ask(Purge(self.now, 1_000)) == self.model.purge(self.now)

    @initialize()
    def begin_with_some(self) -> None:
        for subject in ("ada", "ada", "bob"):
            self.log_in(subject, None, None, by=1)

    @rule(
        subject=subjects,
        keep=st.sampled_from((None, 1, 2, 3)),
        replaces=st.none() | st.none() | ages,  # mostly nobody
        by=st.integers(0, 1),  # half of them in the same second as the one before
    )
    def log_in(self, subject: str, keep: int | None, replaces: int | None, by: int) -> None:
        self.now += by
        parent = None if replaces is None else self.aged(replaces)
        # Backwards, so that the newest is not also the last in the order of the ids.
        self.made.append(f"{1_000 - len(self.made)}")
        question = Add(self.session(self.made[-1], subject), parent, keep)
        expected = self.model.add(question)
        answer = self.ask(question)
        assert (None if answer is None else {row.id: row for row in answer}) == expected
        self.follow_log()

    @rule(age=ages, subject=subjects, keep=st.sampled_from((None, 1)))
    def add_again(self, age: int, subject: str, keep: int | None) -> None:
        question = Add(self.session(self.aged(age), subject), None, keep)
        if question.session.id not in self.model.rows:
            return
        try:
            answer = self.ask(question)
        except StoreError:
            self.follow_log()
        else:
            raise AssertionError(f"the id is taken, and the answer was {answer}")

    @rule(
        age=ages | st.none(),  # now and then of an id that nobody has
        off_by=st.sampled_from((0, 0, 0, 0, -1, 1)),
        claims=objects,
        own=objects,
        logged=st.booleans(),
    )
    def swap(self, age: int | None, off_by: int, claims: Json, own: Json, logged: bool) -> None:
        sid = "nobody's" if age is None else self.aged(age)
        row = self.model.rows.get(sid, self.session(sid, "ada"))
        new = replace(
            row,
            generation=row.generation + 1,
            claims=claims,
            data=own,
            roles=frozenset(),
            ended_at=None,
            ended_reason=None,
        )
        entry = changed_entry(new, self.now) if logged else None
        question = Swap(new, row.version + off_by, entry)
        assert self.ask(question) == self.model.swap(question)
        self.follow_log()

    @rule(seen=st.dictionaries(ages, st.integers(-1_500, 1_500), min_size=1, max_size=3))
    def touch(self, seen: dict[int, int]) -> None:
        question = Touch({self.aged(age): self.now + at for age, at in seen.items()})
        assert self.ask(question) is None
        self.ask(Forgive("a write: when it is answered, the touch is in force"))
        self.model.touch(question.seen)

    @rule(asked=st.lists(ages, max_size=3), subject=st.none() | subjects, spared=st.none() | ages)
    def end(self, asked: list[int], subject: str | None, spared: int | None) -> None:
        question = End(
            ids=tuple(map(self.aged, asked)),
            subject=subject,
            except_id=None if spared is None else self.aged(spared),
            reason="revoked",
            at=self.now,
        )
        answer = self.ask(question)
        assert {row.id: row for row in answer} == self.model.end(question)
        self.follow_log()

    @rule(kind=st.sampled_from(("jti", "kid")), key=text, ttl=seconds)
    def append(self, kind: str, key: str, ttl: int) -> None:
        entry = Entry(kind="jti" if kind == "jti" else "kid", key=key, until=self.now + ttl)
        assert self.ask(Append(entry)) is None
        self.model.announced.append(entry)
        self.follow_log()

    @rule(subject=subjects, limit=st.integers(0, 4), forget=st.booleans())
    def list_some(self, subject: str, limit: int, forget: bool) -> None:
        if forget:
            assert self.ask(Forget(subject)) == self.model.forget(subject)
        rows: tuple[Session, ...] = self.ask(List(subject, limit))
        assert list(rows) == self.model.list(subject)[:limit]

    @rule(data=st.data(), limit=st.integers(1, 5))
    def tail(self, data: st.DataObject, limit: int) -> None:
        cursor = data.draw(st.sampled_from((None, *self.cursors)))
        answer = self.ask(Tail(cursor, limit))
        if cursor is not None and cursor.number not in self.model.log:
            assert answer == Reset()
            return
        above = [number for number in sorted(self.model.log) if cursor is None or number > cursor.number][:limit]
        marks = {known.number: known for known in self.cursors}
        assert answer == Tailed(
            entries=tuple(self.model.log[number] for number in above),
            cursor=marks[above[-1]] if above else cursor,
            head=max(self.model.log, default=0),
        )

    @precondition(lambda self: self.cursors)
    @rule(data=st.data(), mark=st.binary(min_size=8, max_size=8))
    def tail_of_another_history(self, data: st.DataObject, mark: bytes) -> None:
        cursor = data.draw(st.sampled_from(self.cursors))
        if mark != cursor.mark:
            assert self.ask(Tail(Cursor(cursor.number, mark), 5)) == Reset()

    @rule(key=keys, ttl=seconds, off_by=st.sampled_from((0, 0, 0, -1, 1)), content=st.binary(max_size=5))
    def once_and_write(self, key: str, ttl: int, off_by: int, content: bytes) -> None:
        assert self.ask(Once(key, self.now + ttl)) is self.model.first(key, self.now + ttl)
        held = self.ask(Read(key))
        assert held == self.model.documents.get(key)
        question = Write(key, content, (0 if held is None else held.version) + off_by)
        assert self.ask(question) is self.model.write(question)
        assert self.ask(Read(key)) == self.model.documents.get(key)

    @rule(key=keys, window=st.integers(1, 2_000), limit=st.integers(1, 2), forgive=st.booleans())
    def hit(self, key: str, window: int, limit: int, forgive: bool) -> None:
        if forgive:
            assert self.ask(Forgive(key)) is None
            self.model.hits.pop(key, None)
        question = Hit(key=key, window=window, limit=limit, at=self.now)
        assert self.ask(question) == self.model.hit(question)

    @invariant()
    def every_row_is_as_the_model_has_it(self) -> None:
        for sid in self.made[-12:]:
            assert self.ask(Find(sid)) == self.model.rows.get(sid)
