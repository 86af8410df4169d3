"""How long a refused login takes, by why it is refused: a stranger must not learn from it who has an account.

Source: ASVS 6.3.8. Each try is a whole request to the server in this process, from an address and at an account of its
own, so that none is throttled.
"""

import asyncio
import platform
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import count
from pathlib import Path
from random import Random
from statistics import NormalDist, median
from time import perf_counter_ns
from typing import Any

import httpx

from bench.harness import SEED, middle
from gatepass.accounts.users import new_user
from gatepass.server.app import create_app
from gatepass.server.settings import Settings

#: Tries of each kind, in random order.
SAMPLES = 2_000
#: A kind may be this much of a hash quicker or slower than the one that it is compared with.
GAP = 0.05
#: Below this, the ranks of two kinds of times are told apart: there is something to be learned.
LIKELY = 0.01
URL = "https://auth.example.com"
RIGHT = "seven looms weave algebra"
WRONG = "a guess of somebody else"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Why a login is refused."""

    name: str
    password: str
    has_account: bool
    disabled: bool = False


KINDS = (
    Kind(name="another password", password=WRONG, has_account=True),
    Kind(name="nobody has the address", password=WRONG, has_account=False),
    Kind(name="disabled, another password", password=WRONG, has_account=True, disabled=True),
    Kind(name="disabled, the right password", password=RIGHT, has_account=True, disabled=True),
)


def run(*, smoke: bool) -> Iterator[str]:
    """Measure; in a smoke run only show that all kinds get the same bytes."""
    taken = asyncio.run(_measured(3 if smoke else SAMPLES))
    if smoke:
        alike, later = range(0, 200, 2), range(40, 240, 2)  # and what looks for a difference sees one that is there
        assert mann_whitney(alike, range(1, 201, 2)) > LIKELY > mann_whitney(alike, later)
        yield f"Refused logins: all {len(KINDS)} kinds get the same answer."
        return
    yield (
        f"Python {platform.python_version()}, {platform.machine()}. Milliseconds: median (middle 80 % of {SAMPLES:,}"
        " tries). Against the first row: the gap of the medians, and how likely it is by chance that ranks are as far"
        " apart (Mann-Whitney)."
    )
    yield "\n| a refused login | ms | gap | at most | likelihood | at least | held |"
    yield "|---|---:|---:|---:|---:|---:|---|"
    base = taken[0]
    for kind, times in zip(KINDS, taken, strict=True):
        each, low, high = middle(times)
        row = f"| {kind.name} | {each:.2f} ({low:.2f} to {high:.2f})"
        if times is base:
            yield f"{row} | | | | | |"
            continue
        gap, likelihood = abs(each / median(base) - 1), mann_whitney(base, times)
        held = "yes" if gap < GAP and likelihood > LIKELY else "**no**"
        yield f"{row} | {gap:.2%} | {GAP:.0%} | {likelihood:.3f} | {LIKELY} | {held} |"


def mann_whitney(one: Sequence[float], other: Sequence[float]) -> float:
    """How likely it is that two samples of one distribution have ranks as far apart: two-sided, by the normal limit."""
    ranked = sorted([(time, True) for time in one] + [(time, False) for time in other])
    sizes = len(one) * len(other)
    wins = sum(rank for rank, (_, mine) in enumerate(ranked, 1) if mine) - len(one) * (len(one) + 1) / 2
    away = (wins - sizes / 2) / (sizes * (len(ranked) + 1) / 12) ** 0.5
    return 2 * NormalDist().cdf(-abs(away))


async def _measured(samples: int) -> list[list[float]]:
    taken: list[list[float]] = [[] for _ in KINDS]
    answers = set()
    order = [number for number in range(len(KINDS)) for _ in range(samples)]
    Random(SEED).shuffle(order)
    addresses = map(str, map(IPv4Address, count(int(IPv4Address("10.0.0.1")))))
    async with _server() as app:
        digest = await asyncio.wrap_future(app.state.parts.passwords.rehash(RIGHT))
        for number, address in zip(order, addresses, strict=False):
            kind, email = KINDS[number], f"person-{address}@example.com"
            if kind.has_account:
                _account(app.state.parts.users, email, digest, disabled=kind.disabled)
            transport = httpx.ASGITransport(app, client=(address, 50_000))
            async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
                began = perf_counter_ns()
                answer = await client.post("/auth/login", json={"email": email, "password": kind.password})
                taken[number].append((perf_counter_ns() - began) / 1e6)
            names = sorted(name for name in answer.headers if name != "x-request-id")
            answers.add((answer.status_code, answer.content, tuple((name, answer.headers[name]) for name in names)))
    assert [status for status, *_ in answers] == [401], answers
    return taken


def _account(users: Any, email: str, digest: str, *, disabled: bool) -> None:
    user = new_user(email, digest, 0)
    users.add(user)
    if disabled:
        users.disable(user.id, 0)


@asynccontextmanager
async def _server() -> AsyncIterator[Any]:
    with tempfile.TemporaryDirectory(prefix="gatepass-bench-") as folder:
        app = create_app(Settings(store=f"sqlite:///{Path(folder)}/gatepass.db", issuer=URL))
        try:
            yield app
        finally:
            app.state.parts.passwords.close()
            app.state.parts.store.close()
