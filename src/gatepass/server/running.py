"""The server as processes: where it listens, how long it waits, and how it ends."""

import asyncio
import errno
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from gatepass.errors import ConfigurationError, GatepassError
from gatepass.server.app import ENDING, create_app
from gatepass.server.audit import log_to
from gatepass.server.patient import PatientProtocol, SecureProtocol
from gatepass.server.settings import Loaded, Settings

logger: Final = logging.getLogger("gatepass.server")

#: Seconds in which a server that is told to end is gone, whatever its workers do. Our choice: less than the 30 after
#: which Kubernetes kills (terminationGracePeriodSeconds).
FAREWELL: Final = 20
#: Seconds of them that what is in flight may take: more than a body and its answer may. The rest is for closing files,
#: and for a parent to see its workers go.
IN_FLIGHT: Final = FAREWELL - 2
#: Seconds that a connection may rest between two requests: what uvicorn has, longer than a page needs for its parts.
IDLE: Final = 5
#: Seconds after which several workers hear a signal at the latest: how often uvicorn looks.
_HEARD: Final = 0.5
#: Connections that wait to be taken: what uvicorn has.
BACKLOG: Final = 2_048


#: Seconds in which a worker answers its parent, the time that it takes to start included. Our choice: long enough for
#: a machine that does much else. A worker that dies is noticed at once.
ANSWERS: Final = 30


class _Server(uvicorn.Server):
    """Says when it serves, and ends at once when it is interrupted twice.

    Nothing is half done then: a transaction is whole, or was not.
    """

    def __init__(
        self, config: uvicorn.Config, announce: Callable[[], None] = lambda: None, *, hangup_ends: bool = False
    ) -> None:
        super().__init__(config)
        self._announce = announce
        self._hangup_ends = hangup_ends

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As of uvicorn, which would die of SIGHUP: for many programs that means to load their settings again."""
        if not self._hangup_ends:
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _unchanged)
        await super().startup(sockets)
        logger.info("started")
        self._announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As of uvicorn. Who waits for a turn is told to ask elsewhere: there may be more of them than time."""
        self.lifespan.state[ENDING]()
        await super().shutdown(sockets)
        logger.info("ended")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """As of uvicorn."""
        if self.should_exit and sig == signal.SIGINT:
            _ = signal.signal(sig, signal.SIG_DFL)
            signal.raise_signal(sig)
        super().handle_exit(sig, frame)


class _Worker(Process):
    """One of several processes, which is asked whether it answers, and never waited for."""

    _asked_at: float | None = None
    _ready = False

    def start(self) -> None:
        """As of uvicorn, which would hold the worker's end of the pipe, and not see it close."""
        super().start()
        self.child_conn.close()

    def is_alive(self, timeout: float = ANSWERS) -> bool:
        """As of uvicorn, which would wait so long, and hear no signal meanwhile."""
        now = time.monotonic()
        try:
            while self.parent_conn.poll():
                self._ready, self._asked_at = self.parent_conn.recv(), None
            if self._asked_at is None:
                self.parent_conn.send(b"ping")
                self._asked_at = now
        except (OSError, EOFError):  # it is gone
            return False
        return self.process.is_alive() and now - self._asked_at < timeout

    def is_ready(self, timeout: float = ANSWERS) -> bool:  # noqa: ARG002  as of uvicorn
        """Whether it served when it last answered."""
        return self._ready

    def target(self, sockets: list[socket.socket] | None = None) -> None:
        """As of uvicorn."""
        self._server = _Server(self.config)  # before the thread that answers the parent asks for it
        super().target(sockets)


class _Workers(Multiprocess):
    """The same for several processes: another one takes the place of one that dies."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket, announce: Callable[[], None]) -> None:
        super().__init__(config, [listener])
        self._announce = announce
        self._served = False
        #: Whether one of them could not start.
        self.failed = False

    def init_processes(self) -> None:
        """As of uvicorn."""
        self.processes = [self._begin() for _ in range(self.processes_num)]

    def keep_subprocess_alive(self) -> None:
        """As of uvicorn, which says nothing of it."""
        for place, worker in enumerate(self.processes):
            if self.should_exit.is_set():
                return
            if worker.is_alive(self.config.timeout_worker_healthcheck):
                continue
            worker.kill()  # it may live, and not answer
            worker.join()
            if not self._served:
                logger.error("worker %s could not start: exit code %s", worker.pid, worker.exitcode)
                self.failed = True
                self.should_exit.set()
                return
            self.processes[place] = another = self._begin()
            logger.error(
                "worker %s is dead: exit code %s; %s takes its place", worker.pid, worker.exitcode, another.pid
            )
        if not self._served and all(worker.is_ready() for worker in self.processes):
            self._served = True
            logger.info("started")
            self._announce()

    def join_all(self) -> None:
        """As of uvicorn, which would leave new connections waiting for nobody, and wait for a worker for ever."""
        for listener in self.sockets:
            listener.close()
        ends_at = time.monotonic() + FAREWELL - _HEARD
        for worker in self.processes:
            while worker.process.is_alive():
                worker.process.join(0.1)
                late = time.monotonic() >= ends_at
                if late or {signal.SIGINT, signal.SIGTERM}.intersection(self.signal_queue):
                    # What it has not done by now it may never do: one that is stopped hears nothing else.
                    logger.error("worker %s is killed: %s", worker.pid, "it does not end" if late else "told twice")
                    worker.process.kill()
                    worker.process.join()

    def handle_hup(self) -> None:
        """As of uvicorn, whose signals would begin processes that are none of ours."""
        _unchanged()

    handle_ttin = handle_ttou = handle_hup

    def _begin(self) -> _Worker:
        worker = _Worker(self.config, self.sockets)
        worker.start()
        return worker


def _unchanged() -> None:
    logger.warning("signals change neither workers nor settings: end the server, and start it again")


def run(loaded: Loaded, *, workers: int = 1, announce: Callable[[int], None], hangup_ends: bool = False) -> None:
    """Serve until told to end.

    Args:
        loaded: What the operator set. Several workers are handed it as it is: it has been checked.
        workers: How many processes.
        announce: Called with the port when requests are answered.
        hangup_ends: Whether one process ends with the terminal that it was started from (SIGHUP), as programs do.
            Else the signal changes nothing, and the log says so: there is nothing to load again.

    Raises:
        ConfigurationError: The settings do not fit together, or a file or the port cannot be used.
        StoreError: The database does not answer, or cannot be written to.
        SystemExit: A worker could not start; the log says why.
    """
    settings = loaded.settings
    log_to()
    app = create_app(settings)  # also where the workers make their own: what cannot be is said once, and here
    if workers > 1:
        app.state.parts.close()
    listener = listen(loaded)
    config = uvicorn.Config(
        app if workers == 1 else partial(worker, settings),
        factory=workers > 1,
        workers=workers,
        http=SecureProtocol if app.state.parts.auth.site.secure else PatientProtocol,
        ws="none",
        lifespan="on",
        backlog=BACKLOG,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_keep_alive=IDLE,
        timeout_graceful_shutdown=IN_FLIGHT,
        timeout_worker_healthcheck=ANSWERS,
    )
    begin = partial(announce, listener.getsockname()[1])
    try:
        if workers == 1:
            _Server(config, begin, hangup_ends=hangup_ends).run(sockets=[listener])
        else:
            several = _Workers(config, listener, begin)
            several.run()
            if several.failed:
                sys.exit(STARTUP_FAILURE)
            logger.info("ended")
    except KeyboardInterrupt:  # uvicorn has ended, and tells its caller why
        pass


def worker(settings: Settings) -> FastAPI:
    """The application of one of several processes."""
    log_to()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        return create_app(settings)
    except GatepassError as error:
        logger.error("it cannot start: %s", error)  # noqa: TRY400  it says all that there is to say
        sys.exit(STARTUP_FAILURE)


def _end_with_parent() -> None:
    """End this process when its parent is gone. Else it would serve on, and hold the port, with nobody to end it."""
    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101  a worker is a child
    parent.join()
    logger.error("the parent of this worker is gone, and the worker ends")
    os.kill(os.getpid(), signal.SIGTERM)


def listen(loaded: Loaded) -> socket.socket:
    """A socket that listens where *loaded* says.

    Raises:
        ConfigurationError: It cannot.
    """
    host, port = loaded.settings.host, loaded.settings.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        found = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        told = (error.strerror or "no such address").lower()
        if error.errno not in {errno.EADDRINUSE, errno.EACCES}:  # the others are about the host
            raise ConfigurationError(
                cause=f"{host[:100]!r} is no address of this machine: {told}",
                fix="Give one that it has, such as 127.0.0.1.",
                source=loaded.sources["host"],
            ) from error
        raise ConfigurationError(
            cause=f"Nothing can listen on {host} port {port}: {told}",
            fix="Give another port, or end the program that has it.",
            source=loaded.sources["port"],
        ) from error
    # By this number asyncio knows that it is TCP, and sends an answer at once. Else its second part waits until the
    # first is acknowledged: 40 ms for every request but the first of a connection (Nagle, delayed acknowledgement).
    return socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=found.detach())
