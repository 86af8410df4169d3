"""The same apps behind uvicorn, one worker on one core, with wrk on another: what a request costs a whole server."""

import http.client
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from bench.harness import SEED
from bench.requests.variants import HOST, PATH, Variant

ROUNDS = 7
#: Seconds of one app in one round, and before the first.
ROUND, WARM = 2, 3
CONNECTIONS = 16
SCRIPT = Path(__file__).with_name("wrk.lua")


@dataclass(slots=True)
class Served:
    """One app that listens, and what was measured of it, a figure a round."""

    variant: Variant
    port: int
    credentials: Path
    #: Microseconds.
    request: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)


def measure(variants: Sequence[Variant], folder: Path, redis: str | None) -> list[Served]:
    """Serve *variants* and let wrk ask them in turn."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise AssertionError("wrk is not installed")
    with ExitStack() as stack:
        apps = [stack.enter_context(_serving(variant, folder, redis)) for variant in variants]
        for served in apps:
            _prove(served)
            _ask(wrk, served, WARM)
        order, random = list(apps), Random(SEED)
        for _ in range(ROUNDS):
            random.shuffle(order)
            for served in order:
                duration, requests, p50, p99 = _ask(wrk, served, ROUND)
                served.request.append(duration / requests)
                served.p50.append(p50)
                served.p99.append(p99)
    return apps


@contextmanager
def _serving(variant: Variant, folder: Path, redis: str | None) -> Iterator[Served]:
    own = folder / "".join(letter if letter.isalnum() else "-" for letter in f"{variant.framework}-{variant.name}")
    own.mkdir()
    arguments = [variant.framework, variant.name, str(own), redis or ""]
    with _on_core(0):
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.requests.server", *arguments], stdout=subprocess.PIPE, text=True
        )
    try:
        assert process.stdout is not None
        port = process.stdout.readline()
        if not port:
            sentence = f"{variant.framework}, {variant.name}: it did not start"
            raise AssertionError(sentence)
        yield Served(variant=variant, port=int(port), credentials=own / "credentials")
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _on_core(index: int) -> Iterator[None]:
    """What starts in this block stays on one core, where the system can do that and has two of them."""
    if not hasattr(os, "sched_setaffinity") or len(before := os.sched_getaffinity(0)) < 2:
        yield
        return
    os.sched_setaffinity(0, {sorted(before)[index]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _ask(wrk: str, served: Served, seconds: int) -> tuple[int, int, int, int]:
    """Microseconds, requests, and the latencies of half and of 99 % of them."""
    command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(SCRIPT)]
    with _on_core(1):
        done = subprocess.run(
            [*command, f"http://127.0.0.1:{served.port}{PATH}", "--", str(served.credentials)],
            check=True,
            capture_output=True,
            text=True,
        )
    figures = next(line for line in done.stdout.splitlines() if line.startswith("figures "))
    duration, requests, errors, p50, p99 = map(int, figures.split()[1:])
    if errors or not requests:
        sentence = f"{served.variant.framework}, {served.variant.name}: {errors} of {requests} requests failed"
        raise AssertionError(sentence)
    return duration, requests, p50, p99


def _prove(served: Served) -> None:
    """Show that what is served is what was proven: the first caller is known there, and nobody is refused."""
    lines = served.credentials.read_bytes().splitlines()
    status, body = _get(served.port, lines[0].decode())
    if status != 200 or set(body) != {"hello"}:
        sentence = f"{served.variant.framework}, {served.variant.name}: {status}, {body} over HTTP"
        raise AssertionError(sentence)
    if not served.variant.base and _get(served.port, "")[0] != 401:
        sentence = f"{served.variant.framework}, {served.variant.name}: nobody is let in over HTTP"
        raise AssertionError(sentence)


def _get(port: int, credential: str) -> tuple[int, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Host": HOST}
    if credential:
        name, _, value = credential.partition(": ")
        headers[name] = value
    try:
        connection.request("GET", PATH, headers=headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()
