"""What has to be before anybody is told that the server listens, and what it is asked while it runs."""

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.command import environment, until_it_answers
from support.inside import Inside, Visitor, inside
from support.server import free_port

from gatepass import ConfigurationError, StoreError
from gatepass.server.app import create_app
from gatepass.server.running import listen
from gatepass.server.settings import Settings, load


def settings(folder: Path, **more: Any) -> Settings:
    return Settings(store=f"sqlite:///{folder / 'gatepass.db'}", **more)


def opened(made: Settings) -> None:
    """A server as it is made before it listens, and let go again."""
    create_app(made).state.parts.close()


@contextmanager
def full(file: Path) -> Iterator[None]:
    """No file grows beyond the size of *file*: for a program that writes, the disk is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def spoil(keys: Path, how: str) -> None:
    if how == "open to others":
        keys.chmod(0o644)
    elif how == "no keys":
        keys.write_text("garbage")
    else:
        keys.unlink()
        keys.mkdir()


@pytest.mark.parametrize("how", ["open to others", "no keys", "a folder"])
def test_keys_that_cannot_be_used_are_refused_before_it_listens(how: str, tmp_path: Path) -> None:
    """Else it says that it listens, and dies."""
    opened(settings(tmp_path))
    spoil(tmp_path / "keys.json", how)

    with pytest.raises(ConfigurationError) as refused:
        create_app(settings(tmp_path))

    assert refused.value.source == str(tmp_path / "keys.json")


def test_a_database_that_takes_no_write_is_refused_before_it_listens(tmp_path: Path) -> None:
    """It can be read, and nobody could log in."""
    with inside(store=f"sqlite:///{tmp_path / 'gatepass.db'}"):  # so that all its files are there
        with full(tmp_path / "keys.json"), pytest.raises(StoreError):
            create_app(settings(tmp_path))

        opened(settings(tmp_path))


# -- ready -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Inside]:
    with inside(store=f"sqlite:///{tmp_path / 'gatepass.db'}") as server:
        yield server


def ready(server: Inside) -> int:
    """The answer a second later: of those within one second the first is the one that writes."""
    server.clock.now += 1
    return server.browser().get("/readyz").status


def test_ready_means_that_somebody_could_log_in(server: Inside, tmp_path: Path) -> None:
    """A balancer sends people where they can be helped, and the log says what is wrong elsewhere."""
    visitor = Visitor(server, "session", "bearer")
    visitor.come_in(server.user())
    assert ready(server) == 200

    with full(tmp_path / "keys.json"):
        assert ready(server) == 503
        assert visitor.send("GET", "/auth/me").status == 200  # who only looks is answered
    assert ready(server) == 200
    keys = (tmp_path / "keys.json").rename(tmp_path / "elsewhere.json")
    assert ready(server) == 503
    keys.rename(tmp_path / "keys.json")
    assert ready(server) == 200
    (tmp_path / "keys.json").chmod(0o644)
    assert ready(server) == 503
    (tmp_path / "keys.json").chmod(0o600)
    assert ready(server) == 200


def test_a_crowd_that_asks_whether_it_is_ready_writes_once_a_second(server: Inside) -> None:
    """Anybody may ask."""
    server.clock.now += 1
    for _ in range(20):
        assert server.browser().get("/readyz").status == 200
    server.clock.now += 2 * 3_600  # it is removed when it has been past its time for an hour

    # That of the start, and one for all of these.
    assert server.wire.run(server.parts.auth.gate.purge(limit=100)) == 2


# -- what the log says of a fault --------------------------------------------------------------------------------------


def faults(server: Inside) -> list[dict[str, Any]]:
    return [line for line in server.lines() if line["level"] == "error"]


@pytest.mark.parametrize(
    ("lost", "path", "why"),
    [
        ("gatepass.db", "/auth/me", "the database cannot be opened, because: SQLITE_CANTOPEN"),
        ("gatepass.db", "/account", "the database cannot be opened, because: SQLITE_CANTOPEN"),
        ("gatepass.db", "/readyz", "the database cannot be opened, because: SQLITE_CANTOPEN"),
        ("keys.json", "/.well-known/jwks.json", "the key file is gone"),
        ("keys.json", "/readyz", "the key file is gone"),
    ],
)
def test_a_fault_has_its_cause_in_the_log(server: Inside, tmp_path: Path, lost: str, path: str, why: str) -> None:
    """Under the id of the answer. What is refused for a good reason is no fault, and is not there."""
    visitor = Visitor(server, "hybrid", "bearer")
    visitor.come_in(server.user())
    assert server.browser().get("/auth/me").status == 401
    assert visitor.send("GET", path).status == 200
    assert faults(server) == []

    server.parts.store.close()
    (tmp_path / lost).rename(tmp_path / "elsewhere")
    server.clock.now += 1
    reply = visitor.send("GET", path)

    assert reply.status == 503
    [line] = faults(server)
    assert line["message"].startswith("store_unavailable: ")
    assert why in line["message"]
    assert line["request_id"] == reply.one("x-request-id")


# -- where it listens --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ours", "at_once"), [(True, True), (False, False)], ids=["ours", "a plain one"])
def test_an_answer_is_sent_at_once(ours: bool, at_once: bool) -> None:
    """Else each but the first of a connection waits for the client to acknowledge its head: 40 ms."""
    listener = listen(load(port=0)) if ours else socket.create_server(("127.0.0.1", 0))
    found: list[int] = []

    async def serve() -> None:
        done = asyncio.Event()

        def taken(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            found.append(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()
            done.set()

        async with await asyncio.start_server(taken, sock=listener), asyncio.timeout(10):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            await done.wait()
            writer.close()

    asyncio.run(serve())
    assert [bool(one) for one in found] == [at_once]


def test_a_server_whose_first_words_nobody_reads_serves(tmp_path: Path) -> None:
    """`gatepass serve | head`, or a log that was closed: it had started, and then it was ended by that."""
    port = free_port()
    read, write = os.pipe()
    os.close(read)
    process = subprocess.Popen(
        [sys.executable, "-m", "gatepass", "dev", "--port", str(port)],
        cwd=tmp_path,
        env=environment(),
        stdout=write,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        until_it_answers(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        assert process.wait(20) == -signal.SIGTERM, "and ends when it is told to"


@pytest.mark.parametrize(("host", "about"), [("nowhere.invalid", "host"), ("192.0.2.1", "host"), (None, "port")])
def test_what_cannot_be_listened_on_is_named_with_who_said_it(
    host: str | None, about: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another port does not mend an address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        if host is not None:
            monkeypatch.setenv("GATEPASS_HOST", host)
        loaded = load(port=taken.getsockname()[1] if host is None else 0)

        with pytest.raises(ConfigurationError) as refused:
            listen(loaded)

    assert refused.value.source == loaded.sources[about]
    assert refused.value.source == ("command line" if host is None else "GATEPASS_HOST")
    assert about in refused.value.fix or about == "host"
