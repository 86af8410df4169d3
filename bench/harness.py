"""A few rules that keep a measurement honest.

Cases of all kinds take turns, in an order that is drawn anew for each round, so that a machine that slows down slows
all of them. A round is long enough for the clock and short enough for many of them. The clock counts what the processor
works for this thread: no case waits for anything, and what else runs on the machine would only blur the figures. What
is printed is the median over the rounds, and the range that holds the middle 80 % of them.
"""

import gc
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from random import Random
from statistics import median, quantiles
from time import thread_time_ns
from typing import Any

ROUNDS = 60
#: Nanoseconds of one case in one round: 5 ms.
ROUND = 5_000_000
SEED = 20_261_123


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a case may cost, as it is promised, and in microseconds once the medians of its topic are known."""

    text: str
    limit: Callable[[Mapping[str, float]], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing to measure. Cases of one topic are compared with one another."""

    topic: str
    name: str
    call: Callable[[Any], object]
    #: What `call` is given, one after the other and from the start again, so that nothing is warm by being alone.
    inputs: Sequence[Any]
    budget: Budget | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What came out for one case, in microseconds."""

    case: Case
    median: float
    low: float
    high: float


def measure(cases: Sequence[Case], *, rounds: int = ROUNDS, nanoseconds: int = ROUND, seed: int = SEED) -> list[Row]:
    """Measure *cases* against one another."""
    inputs = [cycle(case.inputs) for case in cases]
    counts = [_count(case, given, nanoseconds) for case, given in zip(cases, inputs, strict=True)]
    taken: list[list[float]] = [[] for _ in cases]
    order = list(range(len(cases)))
    random = Random(seed)
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            random.shuffle(order)
            for index in order:
                taken[index].append(_time(cases[index].call, inputs[index], counts[index]))
    finally:
        gc.enable()
    return [_row(case, times) for case, times in zip(cases, taken, strict=True)]


def smoke(cases: Sequence[Case]) -> list[Row]:
    """Run each case a few times, to show that it works. The times mean nothing."""
    return measure(cases, rounds=2, nanoseconds=1)


def _count(case: Case, inputs: Iterator[Any], nanoseconds: int) -> int:
    """How many calls fill a round."""
    count = 1
    while (spent := _time(case.call, inputs, count) * 1_000 * count) < nanoseconds:
        count = max(2 * count, int(count * nanoseconds / max(spent, 1)))
    return count


def _time(call: Callable[[Any], object], inputs: Iterator[Any], count: int) -> float:
    """Microseconds of one call, of *count* in a row."""
    batch = list(islice(inputs, count))
    start = thread_time_ns()
    for given in batch:
        call(given)
    return (thread_time_ns() - start) / count / 1_000


def _row(case: Case, times: Sequence[float]) -> Row:
    between, low, high = middle(times)
    return Row(case=case, median=between, low=low, high=high)


def middle(times: Sequence[float]) -> tuple[float, float, float]:
    """The median of *times*, and the ends of the range that holds the middle 80 % of them."""
    tenths = quantiles(times, n=10, method="inclusive")
    return median(times), tenths[0], tenths[-1]


def report(rows: Sequence[Row]) -> str:
    """*rows* as Markdown tables, one a topic, each row beside its budget."""
    lines = [f"Python {platform.python_version()}, {platform.machine()}. Microseconds: median (middle 80 % of rounds)."]
    for topic in dict.fromkeys(row.case.topic for row in rows):
        lines += ["", f"### {topic}", "", "| | µs | budget | held |", "|---|---:|---|---|"]
        of_topic = [row for row in rows if row.case.topic == topic]
        medians = {row.case.name: row.median for row in of_topic}
        lines += [_line(row, medians) for row in of_topic]
    return "\n".join(lines)


def _line(row: Row, medians: Mapping[str, float]) -> str:
    budget, held = "", ""
    if row.case.budget is not None:
        limit = row.case.budget.limit(medians)
        budget = f"{row.case.budget.text}: {limit:.2f}"
        held = "yes" if row.median <= limit else f"**no**, {row.median / limit:.2f} times"
    return f"| {row.case.name} | {row.median:.2f} ({row.low:.2f} to {row.high:.2f}) | {budget} | {held} |"
