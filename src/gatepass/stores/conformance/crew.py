"""Worker processes that ask the same store at the same moment."""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier
from threading import BrokenBarrierError
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeAlias, TypeVar

from gatepass.core.flow import Find
from gatepass.errors import StoreError
from gatepass.stores import Store
from gatepass.stores.conformance.asking import Factory

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

A = TypeVar("A")

#: What a worker does in one round: the store, the number of the worker, the number of the round. It has to be a
#: function of a module, or a `partial` of one, because it travels to another process; so does what it returns.
Script: TypeAlias = Callable[[Store, int, int], A]

#: How many processes race. More than the cores of a small machine, so that some are always in the middle of something.
SIZE = 4

#: Longer than anything here takes, in seconds: whoever waits longer waits for somebody who has died.
PATIENCE = 25


class Turn(NamedTuple, Generic[A]):
    """What one worker did in one round; the times are of a clock that all processes of a machine share."""

    answer: A | StoreError
    began: float
    ended: float

    def met(self, other: "Turn[Any]") -> bool:
        """Whether the two were under way at the same time."""
        return self.began < other.ended and other.began < self.ended


@dataclass(frozen=True)
class Crew:
    """A few processes that wait for work. Not forked, so that each has opened the store by itself."""

    workers: Sequence[tuple[BaseProcess, "Connection[Any, Any]"]]
    start: Barrier

    @classmethod
    def hire(cls) -> "Crew":
        """Start the processes."""
        context = multiprocessing.get_context("spawn")
        start = context.Barrier(SIZE)
        workers = []
        for me in range(SIZE):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(me, start, theirs), daemon=True)
            process.start()
            theirs.close()
            workers.append((process, ours))
        return cls(workers, start)

    def dismiss(self) -> None:
        """End the processes."""
        for process, pipe in self.workers:
            pipe.close()
            process.join(PATIENCE)
            process.close()

    def begin(self, open_store: Factory, script: Script[A], rounds: int) -> None:
        """Have all workers play *script* for *rounds* rounds, each round together."""
        for _, pipe in self.workers:
            pipe.send((open_store, script, rounds))

    def finish(self) -> list[list[Turn[Any]]]:
        """What was begun, round by round."""
        played: list[list[Turn[Any]]] = []
        failed: list[Exception] = []
        for _, pipe in self.workers:
            if not pipe.poll(PATIENCE):
                raise AssertionError("a worker process does not answer")
            turns = pipe.recv()
            if isinstance(turns, Exception):
                failed.append(turns)
            else:
                played.append(turns)
        if failed:
            self.start.reset()
            raise next((error for error in failed if not isinstance(error, BrokenBarrierError)), failed[0])
        return [list(turns) for turns in zip(*played, strict=True)]

    def race(self, open_store: Factory, script: Script[A], rounds: int) -> list[list[Turn[A]]]:
        """Play it, and return the turns, round by round."""
        self.begin(open_store, script, rounds)
        return self.finish()


def _work(me: int, start: Barrier, pipe: "Connection[Any, Any]") -> None:
    while True:
        try:
            open_store, script, rounds = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(_play(me, start, open_store, script, rounds))
        except Exception as error:  # noqa: BLE001  (passed on, and raised where the test is)
            start.abort()  # nobody is to wait for us
            pipe.send(error)


def _play(me: int, start: Barrier, open_store: Factory, script: Script[Any], rounds: int) -> list[Turn[Any]]:
    store = open_store()
    try:
        store.answer(Find("opens it before the race"))
        turns = []
        for number in range(rounds):
            start.wait(PATIENCE)
            began = time.monotonic()
            try:
                answer = script(store, me, number)
            except StoreError as error:
                answer = error
            turns.append(Turn(answer, began, time.monotonic()))
        return turns
    finally:
        store.close()
