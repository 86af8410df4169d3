"""How the kit asks: in both colours, one question after the other or many at the same time."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

from gatepass.core.flow import Question
from gatepass.errors import StoreError
from gatepass.records import Client, Session, freeze
from gatepass.stores import Store

A = TypeVar("A")

Colour: TypeAlias = Literal["plain", "awaited"]
COLOURS: tuple[Colour, ...] = ("plain", "awaited")

#: The second at which the claims begin.
NOW = 1_700_000_000


class Ask(Protocol):
    """Asks one store in one colour."""

    def __call__(self, question: Question[A], /) -> A:
        """The answer."""
        ...

    def together(self, questions: Iterable[Question[A]], /) -> list[A | StoreError]:
        """The answers, in order, to questions that are asked at the same moment; refusals among them."""
        ...


class _Plain:
    def __init__(self, store: Store) -> None:
        self._answer = store.answer

    def __call__(self, question: Question[Any], /) -> Any:
        return self._answer(question)

    def together(self, questions: Iterable[Question[Any]], /) -> list[Any]:
        asked = list(questions)
        start = threading.Barrier(len(asked), timeout=10)

        def take_part(question: Question[Any]) -> Any:
            start.wait()
            try:
                return self._answer(question)
            except StoreError as error:
                return error

        with ThreadPoolExecutor(len(asked)) as threads:
            return list(threads.map(take_part, asked))


class _Awaited:
    def __init__(self, store: Store, runner: asyncio.Runner) -> None:
        self._store = store
        self._runner = runner

    def __call__(self, question: Question[Any], /) -> Any:
        return self._runner.run(self._store.answer_async(question))

    def together(self, questions: Iterable[Question[Any]], /) -> list[Any]:
        async def take_part(question: Question[Any]) -> Any:
            try:
                return await self._store.answer_async(question)
            except StoreError as error:
                return error

        async def race() -> list[Any]:
            return await asyncio.gather(*map(take_part, questions))

        return self._runner.run(race())


@contextmanager
def asking(store: Store, colour: Colour) -> Iterator[Ask]:
    """Ask *store* in this colour; awaited questions share one event loop, as they do in an application."""
    if colour == "plain":
        yield _Plain(store)
    else:
        with asyncio.Runner() as runner:
            yield _Awaited(store, runner)


def a_session(sid: str, subject: str = "ada", *, at: int = NOW, **fields: Any) -> Session:
    """A session made at second *at*, with a value in every field, so that a column that is lost shows."""
    values: dict[str, Any] = {
        "id": sid,
        "subject": subject,
        "mode": "hybrid",
        "secret_digest": bytes(range(32)),
        "seed": b"\x00\xff" * 16,
        "refresh_kid": "key-1",
        "generation": 3,
        "rotated_at": at + 1,
        "roles": frozenset({"admin", "Ünïcode"}),
        "claims": freeze({"name": "Ada", "nested": {"list": [1, 2.5, None, True, "\x00"]}, "": 2**40}),
        "data": freeze({"cart": [{"id": 7}]}),
        "auth_time": at + 2,
        "created_at": at,
        "seen_at": at,
        "idle": 1_000,
        "ends_at": at + 5_000,
        "token_ttl": 300,
        "forget_at": at + 9_000,
        "client": Client(ip="2001:db8::1", user_agent="Mozilla/5.0 (Größe) '; DROP TABLE --"),
        "remember": False,
    }
    return Session(**{**values, **fields})


def ids(rows: "Iterable[Session] | StoreError | None") -> set[str]:
    """The ids of an answer that has to be rows."""
    if rows is None or isinstance(rows, StoreError):
        raise AssertionError(f"not rows: {rows!r}")
    return {row.id for row in rows}


Factory: TypeAlias = Callable[[], Store]
Rows: TypeAlias = Sequence[Session]
