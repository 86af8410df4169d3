"""The server as processes: where it listens, how long it waits, and how it ends."""

import logging
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from gatepass.errors import ConfigurationError
from gatepass.server.app import create_app
from gatepass.server.audit import log_to
from gatepass.server.patient import PatientProtocol
from gatepass.server.settings import FILE, Loaded, load

logger: Final = logging.getLogger("gatepass.server")

#: Seconds that what is in flight may take when the process is told to end: more than a body and its answer may take.
FAREWELL: Final = 20
#: Seconds that a connection may rest between two requests: what uvicorn has, longer than a page needs for its parts.
IDLE: Final = 5
#: Connections that wait to be taken: what uvicorn has.
BACKLOG: Final = 2_048


class _Server(uvicorn.Server):
    """Ends at once when it is interrupted twice. Nothing is half done then: a transaction is whole, or was not."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """As of uvicorn."""
        if self.should_exit and sig == signal.SIGINT:
            _ = signal.signal(sig, signal.SIG_DFL)
            signal.raise_signal(sig)
        super().handle_exit(sig, frame)


class _Workers(Multiprocess):
    """The same for several processes."""

    def join_all(self) -> None:
        """As of uvicorn, which would leave new connections waiting for nobody."""
        for listener in self.sockets:
            listener.close()
        for worker in self.processes:
            while worker.process.is_alive():
                worker.process.join(0.1)
                if signal.SIGINT in self.signal_queue:
                    worker.process.kill()


def run(loaded: Loaded, *, workers: int = 1, announce: Callable[[int], None]) -> None:
    """Serve until told to end.

    Args:
        loaded: What the operator set. Several workers read it again, from the environment and the file.
        workers: How many processes.
        announce: Called with the port when connections are taken.

    Raises:
        ConfigurationError: The settings do not fit together, or a file or the port cannot be used.
    """
    settings = loaded.settings
    log_to()
    app = create_app(settings)  # also where the workers make their own: what cannot be is said once, and here
    listener = _listen(loaded)
    config = uvicorn.Config(
        app if workers == 1 else "gatepass.server.running:worker",
        factory=workers > 1,
        workers=workers,
        http=PatientProtocol,
        ws="none",
        lifespan="on",
        backlog=BACKLOG,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_keep_alive=IDLE,
        timeout_graceful_shutdown=FAREWELL,
    )
    announce(listener.getsockname()[1])
    logger.info("started")
    try:
        if workers == 1:
            _Server(config).run(sockets=[listener])
        else:
            _Workers(config, sockets=[listener]).run()
    except KeyboardInterrupt:  # uvicorn has ended, and tells its caller why
        pass


def share(file: Path) -> None:
    """Let workers read *file*."""
    os.environ[FILE] = str(file.absolute())


def worker() -> FastAPI:
    """The application of one of several processes."""
    log_to()
    return create_app(load().settings)


def _listen(loaded: Loaded) -> socket.socket:
    host, port = loaded.settings.host, loaded.settings.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        source = loaded.sources["port"]
        raise ConfigurationError(
            cause=f"Nothing can listen on {host} port {port}: {(error.strerror or 'no such address').lower()}",
            fix="Give another port, or end the program that has it.",
            source=source,
        ) from error
