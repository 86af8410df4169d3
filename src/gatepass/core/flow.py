"""Flows: logic that asks questions and leaves it to somebody else to carry them.

A flow is a generator. It yields a `Question`, is sent the answer, and returns what it found out; a fault is thrown in
at the `yield`. So one text of the logic serves plain and async callers, and every place where the world may change
under it is a visible `yield from ask(...)`.

The set of questions is closed. A store answers each of its own **in one atomic step** (`StoreQuestion`); the gate
answers the rest on behalf of the application (`GateQuestion`).
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from gatepass.core.keyring import KeyRing
from gatepass.records import Entry, Event, Reason, Session, Subject

A = TypeVar("A")
T = TypeVar("T")


class Question(Generic[A]):
    """Something a flow wants to know or to be done; `A` is the type of its answer."""

    __slots__ = ()


Flow: TypeAlias = Generator[Question[Any], Any, T]


def ask(question: Question[A]) -> Flow[A]:
    """The answer to *question*.

    A flow writes ``answer = yield from ask(question)``.

    Raises:
        StoreError: The question could not be answered; nothing was decided.
    """
    answer: A = yield question
    return answer


# -- questions to the store --------------------------------------------------------------------------------------------
#
# To a store, a row is live until it is ended. Whether it has expired is for flows to judge.


@dataclass(frozen=True, slots=True)
class Find(Question[Session | None]):
    """The row of this id, live, expired or ended; None when there is none."""

    id: str


@dataclass(frozen=True, slots=True)
class Add(Question[tuple[Session, ...] | None]):
    """Insert *session*, a new row of version 1, and end what it displaces, with log entries for all that ended.

    The answer is what ended: `replaces` (reason `replaced`), then live sessions of the subject (reason `evicted`) until
    no more than `keep` are live, the new one included and never evicted: first those that have expired by
    `session.created_at`, since they are of no use to anybody, then the oldest by `created_at`, then by id.
    It is None, and nothing is done, when `replaces` is given and is not live: what was ended cannot be continued.
    All ends are at second `session.created_at`.

    Raises:
        StoreError: Also when the id is taken: there are no upserts, an ended session stays ended.
    """

    session: Session
    replaces: str | None = None
    keep: int | None = None


@dataclass(frozen=True, slots=True)
class Swap(Question[bool]):
    """Replace the live row of `session.id` if it still has `expected_version`; True when that was done.

    The new row has version `expected_version + 1`, whatever `session.version` says; of `seen_at` and of `forget_at` the
    later one stays, so that no `Touch` is undone. With `entry`, that is appended to the log in the same step.
    """

    session: Session
    expected_version: int
    entry: Entry | None = None


@dataclass(frozen=True, slots=True)
class Touch(Question[None]):
    """Note that sessions were in use, ``{id: second}``. Written behind: answered before it is written.

    For live rows, and where the second is later than `seen_at`: `seen_at` becomes it and `forget_at` moves along.
    Neither version nor log change. It is in force at the latest when a later write of the same process is answered.
    """

    seen: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class End(Question[tuple[Session, ...]]):
    """End live rows: those of `ids`, and all of `subject`, but not `except_id`. The answer is the rows as ended.

    In one step they get `ended_at` and `ended_reason`, the next version, `forget_at` 30 days (`REMEMBERED`) after
    `at`, and an `ended_entry` each in the log. Rows that were not live are left as they are and not in the answer.
    """

    ids: tuple[str, ...] = ()
    subject: str | None = None
    except_id: str | None = None
    reason: Reason
    at: int


@dataclass(frozen=True, slots=True)
class Append(Question[None]):
    """Append *entry* to the log, when no row changes with it (`jti`, `kid`)."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class List(Question[tuple[Session, ...]]):
    """At most *limit* sessions of *subject*: those not ended first, within each the last used first, then by id."""

    subject: str
    limit: int


@dataclass(frozen=True, slots=True)
class Forget(Question[int]):
    """Remove the ended rows of *subject* before their time; the answer is how many. The log keeps its entries."""

    subject: str


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a node has read the log: the number of an entry, and the random mark that was written with it.

    The mark tells this entry from another of the same number, after a backup was restored or a store was emptied.
    """

    number: int
    mark: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Tailed:
    """Entries in the order of their numbers, the cursor after them, and the highest number in the log (0: empty)."""

    entries: tuple[Entry, ...]
    cursor: Cursor | None
    head: int


@dataclass(frozen=True, slots=True)
class Reset:
    """The entry of the cursor is not in the log (any more): history was lost or purged, start again without one."""


@dataclass(frozen=True, slots=True)
class Tail(Question[Tailed | Reset]):
    """At most *limit* entries above *cursor*, in one consistent read together with the head. None: from the start.

    Missing numbers in the answer are purged entries and mean nothing.
    """

    cursor: Cursor | None
    limit: int


@dataclass(frozen=True, slots=True)
class Once(Question[bool]):
    """True for the first to ask for *key*, False for all others until it is purged after second *until*."""

    key: str
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit(Question[int]):
    """Count one event under *key*: 0 for the first `limit` within `window` seconds, else the seconds to wait.

    The window begins with its first hit and ends `window` seconds later; a refused hit is not counted. Exact however
    many ask at once.
    """

    key: str
    window: int
    limit: int
    at: int


@dataclass(frozen=True, slots=True)
class Forgive(Question[None]):
    """Forget the hits of *key*."""

    key: str


@dataclass(frozen=True, slots=True)
class Document:
    """What all nodes share under one name, and how often it has been written."""

    version: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Read(Question[Document | None]):
    """The document of this name; None when nobody has written it."""

    name: str


@dataclass(frozen=True, slots=True)
class Write(Question[bool]):
    """Write *content* under *name* if what is there still has `expected_version`; True when that was done.

    0 is the version of what is not there. The new one has `expected_version + 1`. A document is never purged.
    """

    name: str
    content: bytes
    expected_version: int


@dataclass(frozen=True, slots=True)
class Purge(Question[int]):
    """Remove at most *limit* of what is past its time at second *now*; the answer is how many.

    That is: rows with `forget_at`, log entries with `until`, single-use keys and hit windows that end, at or before
    *now*, in this order. The last entry of the log stays, or its numbers would start again.
    """

    now: int
    limit: int


StoreQuestion: TypeAlias = (
    Find | Add | Swap | Touch | End | Append | List | Forget | Tail | Once | Hit | Forgive | Read | Write | Purge
)


# -- questions to the gate, which asks the application -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Load(Question[Subject | None]):
    """What the application says of this subject now, by its `load_subject` hook; None: there is no such user."""

    subject: str


@dataclass(frozen=True, slots=True)
class Keys(Question[KeyRing]):
    """The key ring, read again: asked when a key is not in the ring at hand, because another node may have made it."""


@dataclass(frozen=True, slots=True)
class Tell(Question[None]):
    """Pass *event* on to the audit log and the `on_event` hook. Whatever the hook does, the flow goes on."""

    event: Event


@dataclass(frozen=True, slots=True)
class Now(Question[int]):
    """The time, in seconds since the epoch, asked again after something that may have taken long."""


GateQuestion: TypeAlias = Load | Keys | Tell | Now
