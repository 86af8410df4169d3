"""The key ring in the store, with real processes: they start at once, and they are killed in the middle."""

import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.crash import Killing
from support.faults import Asked
from support.gates import RegisteringGate
from support.keepers import MASTER
from support.register import REGISTER
from support.workers import DEADLINE, SPAWN

from gatepass import Gate
from gatepass.core.flow import Once, Read, Write
from gatepass.keys import KeyStore
from gatepass.keys.store import RING
from gatepass.stores import Store
from gatepass.stores.sqlite import SqliteStore

#: Processes that start at once, and how often they do: each time on a file that is not there yet.
NODES = 4
ROUNDS = 6


class Started(NamedTuple):
    """What a process tells of its first login."""

    kid: str
    token: str
    refresh_token: str
    #: Whether it found no ring, and then not its own.
    lost: bool


def gate_of(store: Store, master: str) -> Gate:
    return RegisteringGate(store, mode="hybrid", keys=KeyStore(store, master, "HS256"))


def start(pipe: Connection, barrier: Barrier, master: str, number: int) -> None:
    """Start a node as soon as *barrier* opens; then check what it is sent. Over and over, on another file each time."""
    while (path := pipe.recv()) is not None:
        barrier.wait(DEADLINE)
        asked = Asked(SqliteStore(path))
        gate = gate_of(asked, master)
        kinds = [type(question) for question in asked.asked]
        credentials = gate.login(f"node {number}")
        pipe.send(
            Started(
                kid=gate._ring().signing.kid,
                token=credentials.access_token,
                refresh_token=credentials.refresh_token or "",
                lost=Once in kinds and Write not in kinds,
            )
        )
        pipe.send([gate.authenticate(token).subject for token in pipe.recv()])
        pipe.send([gate.refresh(token).session_id for token in pipe.recv()])
        gate.close()


def test_processes_that_start_at_once_have_one_ring_and_accept_each_others_tokens(tmp_path: Path) -> None:
    """Also those that make the file. Over all rounds some of them found no ring and were not the first to make one."""
    barrier = SPAWN.Barrier(NODES)
    pipes, processes = [], []
    for number in range(NODES):
        here, there = SPAWN.Pipe()
        process = SPAWN.Process(target=start, args=(there, barrier, MASTER, number), daemon=True)
        process.start()
        pipes.append(here)
        processes.append(process)

    def said(to: list[Any]) -> list[Any]:
        for message, pipe in zip(to, pipes, strict=True):
            pipe.send(message)
        for pipe in pipes:
            assert pipe.poll(DEADLINE), "a process does not answer"
        return [pipe.recv() for pipe in pipes]

    lost = 0
    for round_ in range(ROUNDS):
        path = tmp_path / f"{round_}.db"
        REGISTER.places.append(path)
        started: list[Started] = said([path] * NODES)
        REGISTER.credentials.update(text for node in started for text in (node.token, node.refresh_token))
        assert len({node.kid for node in started}) == 1
        for checked in said([[node.token for node in started]] * NODES):
            assert checked == [f"node {number}" for number in range(NODES)]
        said([[node.refresh_token] for node in (*started[1:], started[0])])  # each that of its neighbour
        lost += sum(node.lost for node in started)
    assert lost, "nobody met anybody"

    for pipe in pipes:
        pipe.send(None)
    for process in processes:
        process.join(DEADLINE)
        assert process.exitcode == 0


# -- killed between two steps ------------------------------------------------------------------------------------------


def make(store: Store, master: str) -> None:
    KeyStore(store, master, "HS256").ring()


def rotate(store: Store, master: str) -> None:
    KeyStore(store, master, "HS256").rotate(at_once=True)


def killed(path: Path, master: str, work: Callable[[Store, str], None], at: int, when: str) -> None:
    work(Killing(SqliteStore(path), at, when), master)
    os._exit(0)


def steps(path: Path, work: Callable[[Store, str], None]) -> list[Any]:
    """What *work* asks of a store."""
    asked = Asked(SqliteStore(path))
    work(asked, MASTER)
    asked.close()
    return [type(question) for question in asked.asked]


@pytest.mark.timeout(90)
@pytest.mark.parametrize("work", [make, rotate])
def test_a_kill_at_any_step_leaves_the_old_ring_or_the_new_one(
    tmp_path: Path, work: Callable[[Store, str], None]
) -> None:
    """And the next node goes on, with nobody logged out."""
    scratch = tmp_path / "scratch.db"
    if work is rotate:
        steps(scratch, make)
    asked = steps(scratch, work)
    assert Write in asked
    assert (Once in asked) == (work is make)

    for at in range(len(asked)):
        for when in ("before", "after"):
            path = tmp_path / f"{at} {when}.db"
            REGISTER.places.append(path)
            gate = gate_of(SqliteStore(path), MASTER) if work is rotate else None
            held = None if gate is None else gate.login("ada")
            before = [] if gate is None else [key.kid for key in gate._ring().keys]
            process = SPAWN.Process(target=killed, args=(path, MASTER, work, at, when), daemon=True)
            process.start()
            process.join(DEADLINE)
            assert process.exitcode == -signal.SIGKILL, f"it lived on {when} step {at}"

            store = SqliteStore(path)
            found = store.answer(Read(RING))
            written = at > asked.index(Write) or (at == asked.index(Write) and when == "after")
            assert (0 if found is None else found.version) == (work is rotate) + written
            after = gate_of(store, MASTER)
            kids = [key.kid for key in after._ring().keys]
            assert set(before) <= set(kids)
            assert len(kids) == max(1, len(before) + written)
            if held is not None:
                assert after.authenticate(held.access_token).subject == "ada"
                assert after.authenticate(after.refresh(held.refresh_token).access_token).subject == "ada"
            assert after.authenticate(after.login("grace").access_token).subject == "grace"
            after.close()
            if gate is not None:
                gate.close()
