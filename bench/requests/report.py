"""Run both ways of measuring, and print them as they go into README.md."""

import asyncio
import logging
import platform
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from bench.harness import middle
from bench.requests import inprocess, redis, wrk
from bench.requests.catalog import variants
from bench.requests.variants import BASE, CREDENTIALS, Place, Variant, prove

PACKAGES = ("starlette", "fastapi", "uvicorn", "uvloop", "httptools", "pyjwt", "starsessions", "redis", "fastapi-users")
#: How many credentials show that a case works.
FEW = 3


def run(*, smoke: bool) -> Iterator[str]:
    """Measure all that can be measured here; in a smoke run only show that it works."""
    logging.getLogger("gatepass").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="gatepass-bench-") as name, redis.running(Path(name)) as address:
        cases = [case for case in variants() if address is not None or not case.needs_redis]
        yield f"Python {platform.python_version()}, {platform.machine()}. Microseconds: median (middle 80 % of rounds)."
        yield ", ".join(f"{package} {version(package)}" for package in PACKAGES) + "."
        if address is None:
            yield "Left out, as there is no redis-server here: " + ", ".join(
                case.name for case in variants() if case.needs_redis
            )
        yield from _in_process(cases, Path(name), address, smoke=smoke)
        if smoke:
            return
        if shutil.which("wrk") is None:
            yield "\nNothing behind a server, as there is no wrk here."
            return
        yield from _behind_wrk([case for case in cases if case.served], Path(name), address)


def _in_process(cases: Sequence[Variant], folder: Path, address: str | None, *, smoke: bool) -> Iterator[str]:
    count = FEW if smoke else CREDENTIALS

    async def measured() -> list[list[float]]:
        async with AsyncExitStack() as stack:
            apps = []
            for number, case in enumerate(cases):
                own = folder / f"in-process-{number}"
                own.mkdir()
                made = await case.make(Place(folder=own, stack=stack, count=count, redis=address))
                await prove(case, made)
                apps.append(made)
            if smoke:
                return await inprocess.measure(apps, rounds=2, turns=1, most=FEW)
            return await inprocess.measure(apps)

    with asyncio.Runner(loop_factory=import_module("uvloop").new_event_loop) as runner:
        taken = runner.run(measured())
    for framework, rows in _by_framework(cases, taken):
        if smoke:
            yield f"{framework}: all {len(rows)} cases know their callers, and refuse whoever is none."
            continue
        yield f"\n### {framework}, in process\n"
        yield "| | adds µs | request µs | may add | held | beside ours |"
        yield "|---|---:|---:|---|---|---|"
        base = dict(rows)[BASE]
        adds = {name: [one - plain for one, plain in zip(times, base, strict=True)] for name, times in rows}
        for case in (case for case in cases if case.framework == framework):
            added = "" if case.base else _figures(adds[case.name])
            yield f"| {case.name} | {added} | {_figures(dict(rows)[case.name])} | {_judged(case, adds)} |"


def _behind_wrk(cases: Sequence[Variant], folder: Path, address: str | None) -> Iterator[str]:
    apps = wrk.measure(cases, folder, address)
    for framework, rows in _by_framework(cases, [served.request for served in apps]):
        yield f"\n### {framework}, behind uvicorn and wrk\n"
        yield "| | adds µs | request µs | requests/s | p50 µs | p99 µs | beside ours |"
        yield "|---|---:|---:|---:|---:|---:|---|"
        base = dict(rows)[BASE]
        adds = {name: [one - plain for one, plain in zip(times, base, strict=True)] for name, times in rows}
        for served in (served for served in apps if served.variant.framework == framework):
            case = served.variant
            added = "" if case.base else _figures(adds[case.name])
            each, p50, p99 = (middle(times)[0] for times in (served.request, served.p50, served.p99))
            yield (
                f"| {case.name} | {added} | {_figures(served.request)} | {1_000_000 / each:,.0f}"
                f" | {p50:,.0f} | {p99:,.0f} | {_compared(case, adds)} |"
            )


def _by_framework(
    cases: Sequence[Variant], taken: Sequence[list[float]]
) -> Iterator[tuple[str, list[tuple[str, list[float]]]]]:
    for framework in dict.fromkeys(case.framework for case in cases):
        yield (
            framework,
            [(case.name, times) for case, times in zip(cases, taken, strict=True) if case.framework == framework],
        )


def _figures(times: Sequence[float]) -> str:
    median, low, high = middle(times)
    return f"{median:.1f} ({low:.1f} to {high:.1f})"


def _judged(case: Variant, adds: dict[str, list[float]]) -> str:
    """What it may add, whether it does, and how it stands beside ours."""
    text, held = "", ""
    if case.limit is not None:
        added, may = middle(adds[case.name])[0], case.limit.adds
        text = f"{case.limit.text}: {may:.0f}"
        held = "yes" if added <= may else f"**no**, {added / may:.2f} times"
    return f"{text} | {held} | {_compared(case, adds)}"


def _compared(case: Variant, adds: dict[str, list[float]]) -> str:
    if case.against is None or case.against not in adds:
        return ""
    times = middle(adds[case.name])[0] / middle(adds[case.against])[0]
    return f"{times:.1f} times {case.against}" + (", **quicker**" if times < 1 else "")
