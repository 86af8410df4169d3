"""Checks: a token that was seen before, a session on SQLite, and what flows and drivers cost.

2,000 credentials take turns. Session checks are compared with the bare `SELECT` of the same row on a connection of its
own; seen tokens with PyJWT, which has to do all of its work again.
"""

import asyncio
import logging
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.harness import Budget, Case
from gatepass import MODES, Gate, Mode
from gatepass.core.flow import Find, Flow, ask
from gatepass.drivers import run, run_async
from gatepass.keys import new_ring
from gatepass.stores.memory import MemoryStore
from gatepass.stores.sqlite import SqliteStore

CREDENTIALS = 2_000
NAME = "bench"
#: How much less than PyJWT a check of a token that was seen before may cost: DESIGN's figures.
SEEN = {"HS256": 80, "ES256": 200}


def cases() -> list[Case]:
    """The cases of this file, on a database that goes with the process."""
    logging.getLogger("gatepass").setLevel(logging.WARNING)
    folder = tempfile.TemporaryDirectory(prefix="gatepass-bench-")
    return [*_seen("HS256"), *_seen("ES256"), *_modes(folder), *_flows()]


def _logins(gate: Gate) -> list[str]:
    return [gate.login(f"user {number}", roles={"admin"}).access_token for number in range(CREDENTIALS)]


def _seen(algorithm: Any) -> list[Case]:
    """A stateless gate, all of whose tokens are in its cache after the first turn."""
    jwt = import_module("jwt")
    ring = new_ring(algorithm, now=0)
    gate = Gate(mode="jwt", keys=ring, name=NAME)
    tokens = _logins(gate)
    key = jwt.PyJWK(ring.signing.to_jwk(private=True)).key
    if algorithm == "ES256":
        key = key.public_key()

    def peer(token: str) -> object:
        return jwt.decode(token, key, algorithms=[algorithm], issuer=NAME, audience=NAME, leeway=5)

    for token in tokens:
        if gate.authenticate(token).subject != peer(token)["sub"]:  # type: ignore[index]
            raise AssertionError("the two sides do not agree")
    topic, name, times = f"{algorithm}: check a token that was seen before", f"PyJWT {jwt.__version__}", SEEN[algorithm]
    budget = Budget(text=f"PyJWT / {times}", limit=lambda medians: medians[name] / times)
    tokens_only = gate._verbs._jwt._tokens  # type: ignore[union-attr]  # noqa: SLF001  the warm check alone
    now = gate._now()  # noqa: SLF001
    return [
        Case(
            topic=topic,
            name="the warm check",
            call=lambda token: tokens_only.check(token, now),
            inputs=tokens,
            budget=budget,
        ),
        Case(topic=topic, name="Gate.authenticate, without a store", call=gate.authenticate, inputs=tokens),
        Case(topic=topic, name=name, call=peer, inputs=tokens),
    ]


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
