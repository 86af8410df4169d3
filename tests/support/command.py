"""The `gatepass` command in processes of its own, ended by their process ids."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from support.server import ROOT

DEADLINE = 20.0


def environment(**more: str) -> dict[str, str]:
    """That of this process without settings of a server, and *more*."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEPASS_")}
    return {**kept, "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "src", ROOT, ROOT / "tests"))), **more}


def gatepass(
    folder: Path, *words: str, said: str | None = None, code: int = 0, **more: str
) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    done = subprocess.run(
        [sys.executable, "-m", "gatepass", *words],
        cwd=folder,
        env=environment(**more),
        input=said or "",
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


@dataclass(frozen=True)
class Process:
    """A server that listens."""

    process: subprocess.Popen[str]
    folder: Path
    log: Path
    #: What it said when it began to listen.
    said: dict[str, Any]

    @property
    def port(self) -> int:
        listening = self.said.get("listening")
        return int(listening["port"] if listening else self.said["url"].rpartition(":")[2])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def lines(self) -> list[dict[str, Any]]:
        """What it logged so far; each line has to be JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def end(self, number: int = signal.SIGTERM) -> int:
        """Tell it to end, and wait until it has; what does not end in time is ended."""
        self.process.send_signal(number)
        try:
            return self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(DEADLINE)
            raise
        finally:
            assert self.process.stdout is not None
            self.process.stdout.close()


def start(
    folder: Path, *words: str, module: str = "gatepass", lines: int = 0, group: bool = False, **more: str
) -> Process:
    """Start `gatepass` with these words; whoever starts it ends it.

    Args:
        folder: Where it works, and where its log is.
        words: The command and its options.
        module: What to run in place of `gatepass`.
        lines: How many lines it tells people; 0: it tells JSON.
        group: Whether it leads a group of processes of its own, as from a shell.
        more: Variables for it.
    """
    log = folder / f"{threading.get_native_id()}-{len(list(folder.glob('*.log')))}.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *words, *([] if lines else ["--json"])],
            cwd=folder,
            env=environment(**more),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=group,
        )
    assert process.stdout is not None
    line = process.stdout.readline()  # it says one, or ends
    if not line:
        process.wait(DEADLINE)
        raise AssertionError(log.read_text())
    if lines:
        return Process(process, folder, log, {"lines": [line, *(process.stdout.readline() for _ in range(lines - 1))]})
    return Process(process, folder, log, json.loads(line))


@contextmanager
def running(folder: Path, *words: str, **options: Any) -> Iterator[Process]:
    """A server that is started as by `start`, for as long as the block lasts."""
    server = start(folder, *words, **options)
    try:
        yield server
    finally:
        server.end()


def until_it_answers(url: str) -> None:
    """Workers take a moment to begin."""
    for _ in range(100):
        try:
            assert httpx.get(f"{url}/readyz", timeout=10).status_code == 200
        except httpx.TransportError:
            threading.Event().wait(0.1)
        else:
            return
    raise AssertionError("the server does not answer")
