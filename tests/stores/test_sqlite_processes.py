"""A SQLite store among processes that fork, write a lot, are killed, and run out of space."""

import asyncio
import errno
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Self

import pytest

from gatepass.accounts.users import SqliteUsers
from gatepass.core.flow import Add, Append, End, Find, Forgive, List, Once, Question, Swap, Tail, Touch
from gatepass.errors import StoreError
from gatepass.records import Entry, freeze
from gatepass.stores import sqlite
from gatepass.stores.conformance.asking import NOW, a_session
from gatepass.stores.memory import MemoryStore
from gatepass.stores.migrations import sqlite as opening
from gatepass.stores.sqlite import SqliteStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gatepass.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(path)
    yield store
    store.close()


def is_intact(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as connection:
        return bool(connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)])


# -- many writers ------------------------------------------------------------------------------------------------------

MIXED = """
import sys
from gatepass.core.flow import Add, Append, End, Find, Hit, List, Once, Purge, Swap, Tail, Touch
from gatepass.records import Entry
from gatepass.stores.conformance.asking import NOW, a_session
from gatepass.stores.sqlite import SqliteStore

path, me = sys.argv[1:]
store = SqliteStore(path)
sys.stdin.readline()
for n in range(100):
    sid = f"{me}-{n}"
    store.answer(Add(a_session(sid, f"subject{n % 7}"), keep=50))
    store.answer(Touch({sid: NOW + n}))
    row = store.answer(Find(sid))
    store.answer(Swap(row, row.version))
    store.answer(Append(Entry(kind="jti", key=sid, until=NOW)))
    store.answer(Once(f"k{n}", NOW + 1))
    store.answer(Hit(key=f"k{n}", window=60, limit=2, at=NOW))
    store.answer(List("subject1", 20))
    store.answer(Tail(None, 20))
    store.answer(Purge(NOW - 1, 10))
    store.answer(Append(Entry(kind="kid", key=sid, until=NOW)))
    if n % 2:
        store.answer(End(ids=(sid,), reason="logout", at=NOW))
    else:
        store.answer(Once(sid, NOW + 1))
store.close()
"""


def test_four_processes_that_write_a_thousand_times_meet_no_error(path: Path, store: SqliteStore) -> None:
    """900 writes each one by one, 100 behind: nobody is told that the database is locked."""
    command = [sys.executable, "-c", MIXED, str(path)]
    processes = [
        subprocess.Popen([*command, str(me)], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for me in range(4)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        _, complaints = process.communicate(timeout=25)
        assert (process.returncode, complaints) == (0, "")
    log = store.answer(Tail(None, 10_000))
    keys = [(entry.kind, entry.key) for entry in log.entries]
    assert len(keys) == len(set(keys))
    assert {key for kind, key in keys if kind == "jti"} == {f"{me}-{n}" for me in range(4) for n in range(100)}
    assert is_intact(path)


def test_writes_that_wait_travel_together(store: SqliteStore, path: Path) -> None:
    """While one commit is under way, the next gathers all that is asked: one wait for the disk for all of them."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        store.answer(Forgive("starts the writer"))
        assert store._writer._connection is not None
        begun: list[str] = []
        store._writer._connection.set_trace_callback(lambda text: begun.append(text) if text == "COMMIT" else None)
        other.execute("BEGIN IMMEDIATE")

        async def ask() -> list[Any]:
            tasks = [asyncio.create_task(store.answer_async(Once(f"k{number}", NOW))) for number in range(100)]
            await asyncio.sleep(0)
            other.execute("ROLLBACK")
            return await asyncio.gather(*tasks)

        assert asyncio.run(ask()) == [True] * 100
    assert len(begun) <= 2


def test_one_that_fails_does_not_take_its_neighbours_along(store: SqliteStore, path: Path) -> None:
    """They travel in one transaction, each behind a savepoint of its own."""
    store.answer(Add(a_session("taken")))

    async def ask() -> list[Any]:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            questions: list[Question[Any]] = [
                Once("first", NOW),
                Add(a_session("taken", claims=freeze({"whose": "other"})), keep=1),
                Add(a_session("\ud800")),
                Add(a_session("far", ends_at=2**70)),
                Add(a_session("odd", claims=freeze({"a": object()}))),
                Append(Entry(kind="jti", key="\udfff", until=NOW)),
                Once("last", NOW),
            ]
            tasks = [asyncio.create_task(store.answer_async(question)) for question in questions]
            await asyncio.sleep(0)
            other.execute("ROLLBACK")
            return await asyncio.gather(*tasks, return_exceptions=True)

    answers = asyncio.run(ask())
    assert answers[0] is answers[-1] is True
    assert [type(answer) for answer in answers[1:-1]] == [StoreError, StoreError, StoreError, TypeError, StoreError]
    assert store.answer(Find("taken")) == a_session("taken")
    assert [row.id for row in store.answer(List("ada", 9))] == ["taken"]
    assert store.answer(Tail(None, 9)).head == 0


def test_a_lock_that_is_not_given_back_is_a_fault(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not for ever, not as a refusal of anybody's session; a touch that is lost is said aloud."""
    monkeypatch.setattr(sqlite, "BUSY", 0.05)
    store.answer(Add(a_session("s")))
    store.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with caplog.at_level(logging.WARNING, "gatepass.stores"):
            store.answer(Touch({"s": NOW + 1}))
            with pytest.raises(StoreError, match="locked"):
                store.answer(Once("k", NOW))
        assert store.answer(Find("s")) == a_session("s")
        other.execute("ROLLBACK")
    assert store.answer(Once("k", NOW)) is True
    # The touch was tried before: first come, first served.
    assert [(record.name, record.levelname) for record in caplog.records] == [("gatepass.stores", "WARNING")]
    assert "locked" in caplog.text


def test_a_mistake_of_ours_in_the_writer_leaves_nobody_waiting(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And whoever asks next gets a new writer."""
    crashed: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", crashed.append)
    with monkeypatch.context() as broken:
        broken.setattr(sqlite, "_attempt", lambda *_: 1 // 0)
        with pytest.raises(StoreError, match="stopped"):
            store.answer(Once("k", NOW))
    store.answer(Forgive("the next writer"))
    assert [crash.exc_type for crash in crashed] == [ZeroDivisionError]
    assert store.answer(Once("k", NOW)) is True


def test_no_thread_runs_before_the_first_write(store: SqliteStore) -> None:
    """Servers fork after they have imported and configured everything."""
    before = set(threading.enumerate())
    store.answer(Find("s"))
    store.answer(Tail(None, 1))
    assert set(threading.enumerate()) == before
    store.answer(Once("k", NOW))
    (writer,) = set(threading.enumerate()) - before
    assert writer.daemon
    store.close()
    writer.join(10)
    assert set(threading.enumerate()) == before


def test_importing_gatepass_does_not_import_sqlite() -> None:
    """Nor the kit, nor what only the kit needs."""
    script = "import sys, gatepass, gatepass.stores; print([name for name in sys.modules if name in %r])"
    banned = ("sqlite3", "hypothesis", "pytest", "gatepass.stores.sqlite", "gatepass.stores.conformance")
    done = subprocess.run([sys.executable, "-c", script % (banned,)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("another", [SqliteStore, SqliteUsers])
def test_a_second_opening_in_one_process_takes_no_lock_from_the_first(
    store: SqliteStore, path: Path, another: Callable[[Path], object]
) -> None:
    """When a process closes a file, the system takes its locks away; and whoever then leaves the file takes the log.

    The first store would read and write in a log that nobody else has, and not see that a session has ended.
    """
    store.answer(Add(a_session("s")))
    assert store.answer(Find("s"))
    _ = another(path)
    script = textwrap.dedent(f"""
        from gatepass.core.flow import End
        from gatepass.stores.conformance.asking import NOW
        from gatepass.stores.sqlite import SqliteStore

        store = SqliteStore({str(path)!r})
        store.answer(End(ids=("s",), reason="logout", at=NOW))
        store.close()
    """)
    subprocess.run([sys.executable, "-c", script], check=True, timeout=20)

    assert store.answer(Find("s")).ended_at == NOW
    store.answer(Add(a_session("t")))
    with closing(SqliteStore(path)) as new:
        assert new.answer(Find("t")) == a_session("t")


# -- killed ------------------------------------------------------------------------------------------------------------


def test_what_was_acknowledged_is_there_after_a_kill(path: Path) -> None:
    """A process is killed the moment it has said that a session is ended: it is ended."""
    script = textwrap.dedent(f"""
        import os, signal, sys
        from gatepass.core.flow import Add, End
        from gatepass.stores.conformance.asking import NOW, a_session
        from gatepass.stores.sqlite import SqliteStore

        store = SqliteStore({str(path)!r})
        store.answer(Add(a_session(sys.argv[1])))
        store.answer(End(ids=(sys.argv[1],), reason="logout", at=NOW))
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    for number in range(5):
        done = subprocess.run([sys.executable, "-c", script, f"s{number}"], check=False, timeout=20)
        assert done.returncode == -signal.SIGKILL
    store = SqliteStore(path)
    assert {store.answer(Find(f"s{number}")).ended_at for number in range(5)} == {NOW}
    assert len(store.answer(Tail(None, 10)).entries) == 5
    store.close()
    assert is_intact(path)


def test_what_was_written_behind_is_there_after_a_normal_exit(path: Path) -> None:
    """Also of an application that never closes its store."""
    script = textwrap.dedent(f"""
        from gatepass.core.flow import Add, Touch
        from gatepass.stores.conformance.asking import NOW, a_session
        from gatepass.stores.sqlite import SqliteStore

        store = SqliteStore({str(path)!r})
        store.answer(Add(a_session("s")))
        for second in range(500):
            store.answer(Touch({{"s": NOW + second}}))
    """)
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=20)
    assert {found.name for found in path.parent.iterdir()} == {path.name}
    store = SqliteStore(path)
    assert store.answer(Find("s")).seen_at == NOW + 499
    store.close()


# -- forked ------------------------------------------------------------------------------------------------------------

forks = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


class Fork:
    """A child that does *work* once it is told to, and says whether that went well."""

    def __init__(self, work: Callable[[], object]) -> None:
        read_end, self._go = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            status = 1
            try:
                os.close(self._go)
                os.read(read_end, 1)
                signal.alarm(20)
                work()
                status = 0
            finally:
                os._exit(status)
        os.close(read_end)

    def go(self) -> None:
        os.write(self._go, b".")

    def finish(self) -> None:
        self.go()
        os.close(self._go)
        _, status = os.waitpid(self._pid, 0)
        assert status == 0


class Busy:
    """Threads that write and read all the time, and note what went wrong."""

    def __init__(self, store: SqliteStore | MemoryStore) -> None:
        self.errors: list[BaseException] = []
        self.written: list[str] = []
        self._store = store
        self._done = threading.Event()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._write, self._write, self._read)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive()

    def _write(self) -> None:
        number = 0
        try:
            while not self._done.is_set():
                key = f"{threading.get_ident()}-{number}"
                self._store.answer(Append(Entry(kind="jti", key=key, until=NOW)))
                self.written.append(key)
                number += 1
        except BaseException as error:  # noqa: BLE001  (it is looked at after the test)
            self.errors.append(error)

    def _read(self) -> None:
        cursor = None
        try:
            while not self._done.is_set():
                self._store.answer(Find("s"))
                cursor = self._store.answer(Tail(cursor, 100)).cursor
        except BaseException as error:  # noqa: BLE001
            self.errors.append(error)


@forks
def test_parent_and_child_both_write_on_after_a_fork(store: SqliteStore, path: Path) -> None:
    """In the middle of everything, over and over: each opens the file by itself, and nothing is lost or waits."""

    def child() -> None:
        for number in range(20):
            store.answer(Append(Entry(kind="jti", key=f"child{os.getpid()}-{number}", until=NOW)))
            assert store.answer(Find("s")) == a_session("s")
        store.close()

    store.answer(Add(a_session("s")))
    with Busy(store) as busy:
        for _ in range(10):
            first, second = Fork(child), Fork(child)
            first.finish()
            second.finish()
    assert busy.errors == []
    keys = [entry.key for entry in store.answer(Tail(None, 10**6)).entries]
    assert len(keys) == len(set(keys))
    assert set(busy.written) <= set(keys)
    assert sum(key.startswith("child") for key in keys) == 400
    store.close()
    assert is_intact(path)


@forks
def test_a_child_keeps_its_log_when_the_parent_lets_go_of_the_file(store: SqliteStore, path: Path) -> None:
    """SQLite's idea of its locks is copied by a fork, the locks are not.

    A child that trusted the copy would write into a log that the parent removes when it closes, and what it had said
    is on the disk would be gone.
    """
    ready, say_ready = os.pipe()

    def child() -> None:
        store.answer(Append(Entry(kind="jti", key="before", until=NOW)))
        os.write(say_ready, b".")
        os.read(let_go, 1)
        store.answer(Append(Entry(kind="jti", key="after", until=NOW)))

    let_go, say_let_go = os.pipe()
    store.answer(Add(a_session("s")))
    store.answer(Find("s"))
    fork = Fork(child)
    fork.go()
    os.read(ready, 1)
    assert store.answer(Find("s")) == a_session("s")
    store.close()
    os.write(say_let_go, b".")
    fork.finish()
    for end in (ready, say_ready, let_go, say_let_go):
        os.close(end)
    assert [entry.key for entry in store.answer(Tail(None, 10)).entries] == ["before", "after"]


@forks
def test_a_child_that_leaves_without_asking_harms_nothing(store: SqliteStore, path: Path) -> None:
    """As a child does that only wanted to run a program; also one that takes Python down in an orderly way."""
    store.answer(Add(a_session("s")))
    for _ in range(3):
        Fork(lambda: None).finish()
        Fork(store.close).finish()
        assert store.answer(Once("still", NOW)) in {True, False}
    script = textwrap.dedent(f"""
        import os, sys
        from gatepass.core.flow import Find, Touch
        from gatepass.stores.conformance.asking import NOW
        from gatepass.stores.sqlite import SqliteStore

        store = SqliteStore({str(path)!r})
        store.answer(Touch({{"s": NOW + 7}}))
        pid = os.fork()
        if not pid:
            sys.exit(0 if store.answer(Find("s")) else 1)
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    """)
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, timeout=20)
    assert store.answer(Find("s")).seen_at == NOW + 7


@forks
def test_two_threads_may_fork_at_once(store: SqliteStore) -> None:
    store.answer(Once("k", NOW))
    statuses: list[int] = []

    def fork() -> None:
        for _ in range(5):
            pid = os.fork()
            if pid == 0:
                signal.alarm(20)
                os._exit(0 if store.answer(Once("k", NOW)) is False else 1)
            statuses.append(os.waitpid(pid, 0)[1])

    threads = [threading.Thread(target=fork) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(25)
    assert statuses == [0] * 10


@forks
def test_a_fork_in_a_signal_handler_does_not_hang(store: SqliteStore) -> None:
    """It may come in the middle of a question, on the thread that asks it."""
    store.answer(Add(a_session("s")))
    statuses: list[int] = []

    def fork(*_: object) -> None:
        pid = os.fork()
        if pid == 0:
            signal.alarm(20)
            os._exit(0 if store.answer(Find("s")) else 1)
        statuses.append(os.waitpid(pid, 0)[1])

    before = signal.signal(signal.SIGUSR1, fork)
    try:
        for number in range(5):
            os.kill(os.getpid(), signal.SIGUSR1)
            assert store.answer(Once(str(number), NOW)) is True
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert statuses == [0] * 5


def test_a_fork_that_was_not_announced_leaves_the_connections_of_the_parent_alone(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C code may fork without a word before it; some hosts of Python do. Then they are neither used nor closed."""
    store.answer(Add(a_session("s")))
    store.answer(Find("s"))
    (reader,), writer = store._readers, store._writer
    abandoned: list[Any] = []
    monkeypatch.setattr(sqlite, "_abandoned", abandoned)
    store._after_fork_in_child()  # what the hook calls, for this store alone
    assert abandoned == [([reader], writer)]
    assert reader._connection is not None
    assert reader._connection.execute("SELECT 1").fetchone() == (1,)
    assert store.answer(Find("s")) == a_session("s")
    assert reader not in store._readers
    assert writer is not store._writer
    writer.finish()
    reader.close()


@forks
def test_a_fork_of_a_memory_store_is_a_copy() -> None:
    """Whole, although it is in use; and then each goes its own way."""
    store = MemoryStore()

    def child() -> None:
        assert store.answer(Find("s")) == a_session("s")
        assert store.answer(Find("later")) is None
        store.answer(End(ids=("s",), reason="logout", at=NOW))

    store.answer(Add(a_session("s")))
    with Busy(store) as busy:
        started = [Fork(child) for _ in range(5)]
        store.answer(Add(a_session("later")))
        for fork in started:
            fork.finish()
    assert busy.errors == []
    assert store.answer(Find("s")) == a_session("s")


# -- full --------------------------------------------------------------------------------------------------------------


def fill(store: SqliteStore) -> int:
    """Add until it is refused; how many were added."""
    for number in range(10_000):
        try:
            store.answer(Add(a_session(f"fill{number}", data=freeze({"padding": "x" * 10_000}))))
        except StoreError as error:
            assert "full" in str(error)  # noqa: PT017  (the refusal is awaited, and the count wanted)
            return number
    pytest.fail("it never was full")


def test_a_full_disk_refuses_and_recovers(store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads go on, small changes that fit are made, nothing is damaged, and space that is freed is used again."""
    store.answer(Add(a_session("s")))
    store.close()
    connect = opening.connect

    def small(path: Path) -> sqlite3.Connection:
        connection = connect(path)
        connection.execute("PRAGMA max_page_count = 200")
        return connection

    with monkeypatch.context() as limited:
        limited.setattr(sqlite, "connect", small)
        count = fill(store)
        assert count > 10
        assert store.answer(Find("s")) == a_session("s")
        assert store.answer(Find(f"fill{count}")) is None
        assert store.answer(Swap(a_session("s", generation=9), 1)) is True
        assert len(store.answer(End(ids=("s",), reason="logout", at=NOW))) == 1
        assert is_intact(path)
        store.close()
    assert store.answer(Add(a_session(f"fill{count}"))) == ()
    assert len(store.answer(List("ada", 1_000))) == count + 2
    store.close()
    assert is_intact(path)


def test_a_disk_that_fills_in_the_middle_of_a_commit(path: Path) -> None:
    """The write itself fails, not the planning of it: what was refused is not there, what was answered is."""
    script = textwrap.dedent(f"""
        import resource, sqlite3
        from gatepass.core.flow import Add, Find, Once
        from gatepass.errors import StoreError
        from gatepass.records import freeze
        from gatepass.stores.conformance.asking import NOW, a_session
        from gatepass.stores.sqlite import SqliteStore

        store = SqliteStore({str(path)!r})
        store.answer(Add(a_session("s")))
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))  # no file can grow beyond
        added = refused = 0
        while refused < 5:
            try:
                store.answer(Add(a_session(f"s{{added}}", data=freeze({{"padding": "x" * 20_000}}))))
                added += 1
            except StoreError:
                refused += 1
        assert added > 3, added
        assert store.answer(Find(f"s{{added}}")) is None
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        store.answer(Add(a_session(f"s{{added}}")))
        print(added)
    """)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=25, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    store = SqliteStore(path)
    assert len(store.answer(List("ada", 1_000))) == int(done.stdout) + 2
    store.close()
    assert is_intact(path)


def test_a_large_write_that_does_not_fit_does_not_cost_the_small_ones(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They travelled together, and the transaction was lost as a whole: each gets one of its own."""
    store.answer(Forgive("starts the writer"))
    attempt, calls = sqlite._attempt, []

    def lose_the_transaction(connection: sqlite3.Connection, question: Any) -> Any:
        calls.append(question)
        if isinstance(question, Add):
            connection.execute("ROLLBACK")
            raise sqlite3.OperationalError(errno.ENOSPC)
        return attempt(connection, question)

    monkeypatch.setattr(sqlite, "_attempt", lose_the_transaction)

    async def ask() -> list[Any]:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            questions: list[Question[Any]] = [Once("wait", NOW), Once("a", NOW), Add(a_session("big")), Once("b", NOW)]
            tasks = [asyncio.create_task(store.answer_async(question)) for question in questions]
            await asyncio.sleep(0)
            other.execute("ROLLBACK")
            return await asyncio.gather(*tasks, return_exceptions=True)

    answers = asyncio.run(ask())
    assert [type(answer) for answer in answers] == [bool, bool, StoreError, bool]
    assert store.answer(Find("big")) is None
    assert [store.answer(Once(key, NOW)) for key in ("a", "b")] == [False, False]
