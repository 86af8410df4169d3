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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def first_login(folder: Path, mode: str) -> Iterator[Server]:
    """The example in *mode*, as `make dev` runs it."""
    port, log = free_port(), folder / "server.log"
    environment = {**os.environ, "MODE": mode, "PORT": str(port), "PYTHONPATH": str(ROOT)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "examples.first_login"],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _until_it_listens(process, port, log)
        yield Server(f"http://127.0.0.1:{port}", folder / ".gatepass", log)
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
