"""Real servers: started on a free port of loopback in a folder of their own, and ended by their process id."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEADLINE = 20.0


@dataclass(frozen=True)
class Server:
    """Where it listens, and where it keeps its files."""

    url: str
    folder: Path
    log: Path

    @property
    def store(self) -> Path:
        return self.folder / ".gatepass" / "gatepass.db"

    def clock_goes_on(self, seconds: float) -> None:
        """Move the clock of a server that was started with `support.clocked`, forward only."""
        file = self.folder / "ahead"
        ahead = float(file.read_text()) if file.exists() else 0.0
        new = self.folder / "ahead.new"
        new.write_text(str(ahead + seconds))
        new.replace(file)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def example(folder: Path, module: str, mode: str) -> Iterator[Server]:
    """An example in *mode*, as `python -m` runs it."""
    with running(folder, "-m", f"examples.{module}", MODE=mode) as server:
        yield server


@contextmanager
def clocked(folder: Path, module: str, mode: str) -> Iterator[Server]:
    """The same, with a clock that the test moves."""
    with running(folder, "-m", "support.clocked", MODE=mode, APP=f"examples.{module}.app") as server:
        yield server


@contextmanager
def standalone(folder: Path, mode: str) -> Iterator[Server]:
    """The stand-alone server in *mode*, open for everybody, with a clock that the test moves."""
    with running(folder, "-m", "support.standalone", GATEPASS_MODE=mode, GATEPASS_SIGNUP="on") as server:
        yield server


@contextmanager
def running(folder: Path, *words: str, **environment: str) -> Iterator[Server]:
    """A Python process that serves on the port that it finds in its environment."""
    port, log = free_port(), folder / "server.log"
    paths = f"{ROOT}{os.pathsep}{ROOT / 'tests'}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *words],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": paths, "PORT": str(port), **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _until_it_listens(process, port, log)
        yield Server(f"http://127.0.0.1:{port}", folder, log)
        process.terminate()
        assert process.wait(DEADLINE) in {0, -15}
    finally:
        process.kill()
        process.wait(DEADLINE)


def _until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + DEADLINE
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, "the server does not listen"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            threading.Event().wait(0.02)
        else:
            return
