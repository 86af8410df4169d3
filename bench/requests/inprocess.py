"""The app called in this process, one request at a time on one loop: the figures that budgets are compared with."""

import gc
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from random import Random
from time import perf_counter_ns

from starlette.types import Message

from bench.harness import SEED
from bench.requests.variants import Header, Made, receive, scope

ROUNDS = 7
#: A round is so many turns. In each, every app answers a slice of requests, in an order that is drawn anew: a machine
#: that slows down for a second slows all of them.
TURNS = 20
#: Nanoseconds of one slice, and the most requests in it: 10 ms, and a tenth of the credentials.
SLICE, MOST = 10_000_000, 200


async def measure(
    apps: Sequence[Made], *, rounds: int = ROUNDS, turns: int = TURNS, most: int = MOST, seed: int = SEED
) -> list[list[float]]:
    """Microseconds of a request, for each of *apps* and each round."""
    credentials = [cycle(made.credentials) for made in apps]
    counts = [await _count(made, given, most) for made, given in zip(apps, credentials, strict=True)]
    taken: list[list[float]] = [[] for _ in apps]
    order = list(range(len(apps)))
    random = Random(seed)
    # What was made stays: no collection has to look at it again. What an answer leaves is collected between slices.
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        for _ in range(rounds):
            spent = [0] * len(apps)
            for _ in range(turns):
                random.shuffle(order)
                for index in order:
                    spent[index] += await _time(apps[index], credentials[index], counts[index])
                    gc.collect()
            for times, nanoseconds, count in zip(taken, spent, counts, strict=True):
                times.append(nanoseconds / (turns * count) / 1_000)
    finally:
        gc.enable()
        gc.unfreeze()
    return taken


async def _count(made: Made, credentials: Iterator[Header | None], most: int) -> int:
    """How many requests fill a slice."""
    some = min(most, 20)
    one = await _time(made, credentials, some) / some
    return max(1, min(most, int(SLICE / one)))


async def _time(made: Made, credentials: Iterator[Header | None], count: int) -> int:
    """Nanoseconds of *count* requests in a row, all of which have to be answered with 200."""
    app, good = made.app, 0

    async def send(message: Message) -> None:
        nonlocal good
        if message["type"] == "http.response.start":
            good += message["status"] == 200

    batch = [scope(credential) for credential in islice(credentials, count)]
    start = perf_counter_ns()
    for asked in batch:
        await app(asked, receive, send)
    spent = perf_counter_ns() - start
    if good != count:
        raise AssertionError("a request was not answered with 200 while it was timed")
    return spent
