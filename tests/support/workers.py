"""Other processes: gates of their own on the same SQLite file and key file, told what to do over a pipe."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from gatepass import Gate, GatepassError, Mode
from gatepass.core.flow import Question, Swap
from gatepass.keys import KeyFile
from gatepass.stores.sqlite import SqliteStore
from support.gates import RegisteringGate

#: Nothing here takes so long; a test that waits for it has hung.
DEADLINE = 20.0

#: Children start from nothing: no lock, no thread and no connection of the parent is in them.
SPAWN = get_context("spawn")


def open_gate(folder: Path, mode: Mode, **options: Any) -> Gate:
    """A gate on the database and keys in *folder*."""
    keys = KeyFile(folder / "keys.json", algorithm="HS256")
    return RegisteringGate(SqliteStore(folder / "gatepass.db"), mode=mode, keys=keys, **options)


def attempt(gate: Gate, verb: str, *args: Any, **options: Any) -> Any:
    """What the verb returns, or the code of its refusal."""
    try:
        return getattr(gate, verb)(*args, **options)
    except GatepassError as refusal:
        return refusal.code


def _serve(pipe: Connection, folder: Path, mode: Mode) -> None:
    gate = open_gate(folder, mode)
    while (call := pipe.recv()) is not None:
        verb, args, options = call
        pipe.send(attempt(gate, verb, *args, **options))
    gate.close()


class Node:
    """A gate in another process."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def __call__(self, verb: str, *args: Any, **options: Any) -> Any:
        self._pipe.send((verb, args, options))
        assert self._pipe.poll(DEADLINE), f"{verb} did not return"
        return self._pipe.recv()


@contextmanager
def node(folder: Path, mode: Mode) -> Iterator[Node]:
    """Another process with a gate of its own, for as long as the block lasts."""
    here, there = SPAWN.Pipe()
    process = SPAWN.Process(target=_serve, args=(there, folder, mode), daemon=True)
    process.start()
    try:
        yield Node(here)
        here.send(None)
        process.join(DEADLINE)
        assert process.exitcode == 0
    finally:
        process.kill()
        process.join(DEADLINE)


class Counting(SqliteStore):
    """Counts the compare-and-sets that it lost."""

    lost = 0

    def answer(self, question: Question[Any], /) -> Any:
        answer = super().answer(question)
        if isinstance(question, Swap) and answer is False:
            self.lost += 1
        return answer


def refresh_at_once(pipe: Connection, folder: Path, token: str, times: int, barrier: Barrier) -> None:
    """Refresh *token* on so many threads as soon as *barrier* opens; send the refresh tokens and the lost swaps."""
    store = Counting(folder / "gatepass.db")
    gate = Gate(store, mode="hybrid", keys=KeyFile(folder / "keys.json"))
    gate.sessions("nobody")  # files are open and caches are filled before the race begins
    answers: list[Any] = []
    start = threading.Barrier(times + 1)

    def refresh() -> None:
        start.wait(DEADLINE)
        answers.append(attempt(gate, "refresh", token))

    threads = [threading.Thread(target=refresh) for _ in range(times)]
    for thread in threads:
        thread.start()
    barrier.wait(DEADLINE)
    start.wait(DEADLINE)
    for thread in threads:
        thread.join(DEADLINE)
    pipe.send((answers, store.lost))
    gate.close()
