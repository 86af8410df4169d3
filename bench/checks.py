"""Checks in each mode, and what flows and drivers cost.

2,000 credentials take turns. Session checks are compared with the bare `SELECT` of the same row on a connection of its
own.
"""

import asyncio
import logging
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.harness import Budget, Case
from gatepass import MODES, Gate, Mode
from gatepass.core.flow import Find, Flow, ask
from gatepass.drivers import run, run_async
from gatepass.keys import new_ring
from gatepass.stores.memory import MemoryStore
from gatepass.stores.sqlite import SqliteStore

CREDENTIALS = 2_000


def cases() -> list[Case]:
    """The cases of this file, on a database that goes with the process."""
    logging.getLogger("gatepass").setLevel(logging.WARNING)
    folder = tempfile.TemporaryDirectory(prefix="gatepass-bench-")
    return [*_modes(folder), *_flows()]


def _logins(gate: Gate) -> list[str]:
    return [gate.login(f"user {number}", roles={"admin"}).access_token for number in range(CREDENTIALS)]


def _modes(folder: "tempfile.TemporaryDirectory[str]") -> list[Case]:
    """`Gate.authenticate` in each mode, on each store."""
    path = Path(folder.name) / "bench.db"
    ring = new_ring("ES256", now=0)
    sqlite, memory = SqliteStore(path), MemoryStore()
    topic = "Gate.authenticate, by mode and store"
    cases = []
    for mode in MODES:
        for name, store in (("SQLite", sqlite), ("memory", memory)):
            gate = Gate(store, mode=mode, keys=ring)
            logins = _logins(gate)
            for login in logins:  # tokens are seen, pages are read: what is measured is not the first check
                gate.authenticate(login)
            cases.append(
                Case(
                    topic=topic,
                    name=f"{mode}, {name}",
                    call=gate.authenticate,
                    inputs=logins,
                    budget=_three_selects(mode) if name == "SQLite" else None,
                )
            )
    stateless = Gate(mode="jwt", keys=ring, name="bench")
    logins = _logins(stateless)
    for login in logins:
        stateless.authenticate(login)
    cases.append(Case(topic=topic, name="jwt, no store", call=stateless.authenticate, inputs=logins))
    plain = sqlite3.connect(path)
    ids = [row[0] for row in plain.execute("SELECT id FROM gatepass_session WHERE mode = 'session'")]
    select = "SELECT * FROM gatepass_session WHERE id = ?"

    def bare(sid: str, _folder: object = folder) -> object:  # the folder lives as long as this case
        return plain.execute(select, (sid,)).fetchone()

    return [*cases, Case(topic=topic, name=SELECT, call=bare, inputs=ids)]


SELECT = "the bare SELECT of one row"


def _three_selects(mode: Mode) -> Budget | None:
    if mode != "session":
        return None
    return Budget(text="3 bare SELECTs", limit=lambda medians: 3 * medians[SELECT])


def _flows() -> list[Case]:
    """A flow of one question that is answered from memory, beside the plain call."""
    question = Find("a")

    def flow() -> Flow[object]:
        return (yield from ask(question))

    def answer(_: object) -> None:
        return None

    async def answer_async(_: object) -> None:
        return None

    loop = asyncio.new_event_loop()

    def on_loop(work: Callable[[], Awaitable[object]], times: int = 100) -> Callable[[object], object]:
        async def repeat() -> None:
            for _ in range(times):
                await work()

        return lambda _: loop.run_until_complete(repeat())

    topic = "Flow and driver, one question"
    return [
        Case(topic=topic, name="a plain call", call=answer, inputs=[question]),
        Case(
            topic=topic,
            name="run",
            call=lambda _: run(flow(), answer),
            inputs=[None],
            budget=Budget(text="about 1 µs", limit=lambda _: 1.0),
        ),
        Case(
            topic=topic,
            name="run_async, 100 in a row",
            call=on_loop(lambda: run_async(flow(), answer_async)),
            inputs=[None],
        ),
    ]
