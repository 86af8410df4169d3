"""Sessions in a SQLite file: readers that never wait, and one writer thread a process.

Reads run where they are asked, on a connection that nobody else uses meanwhile. Writes go to a thread that takes all
that is waiting, runs it in one transaction, and answers when that is on the disk: the more ask at once, the less each
of them pays for it.
"""

import asyncio
import atexit
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeAlias, TypeVar
from weakref import WeakSet

import msgspec

from gatepass.core.flow import Cursor, Find, List, Question, Read, StoreQuestion, Tail, Tailed, Touch
from gatepass.errors import ConfigurationError, StoreError
from gatepass.stores import sql
from gatepass.stores.migrations.sqlite import BUSY, connect, prepare, reason

logger: Final = logging.getLogger("gatepass.stores")

T = TypeVar("T")
_Look: TypeAlias = Find | List | Tail | Read


class SqliteStore:
    """Sessions in a SQLite file: write-ahead log, full synchronous, shared by all processes of one machine.

    A new file is readable by its owner only (0600), and so is a folder that has to be made for it (0700). Making the
    store prepares the file and lets go of it again; connections and the writer thread come with the first question.
    `close` writes what is waiting and lets go; a store that is used after that opens again.

    `os.fork` is allowed at any time: the store lets go of the file before it, parent and child each open it again.

    Args:
        path: The database file. Made if there is none, brought up to date if an older version made it.

    Raises:
        ConfigurationError: The path cannot be used; or the database there is newer than this code, damaged or of
            another program, and has been left as it was.
        StoreError: Another process holds the file locked for 5 seconds.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = _checked(path)
        prepare(self._path)
        # Held while the store opens, closes or is about to fork. Re-entrant, or a fork in a signal handler would hang.
        self._lock = threading.RLock()
        self._start()
        _stores.add(self)

    def __repr__(self) -> str:
        return f"SqliteStore({str(self._path)!r})"

    def answer(self, question: Question[Any], /) -> Any:
        """The answer to *question*, of the type that the question names. A write is answered when it is on the disk.

        Raises:
            StoreError: Locked for 5 seconds, full, damaged; or a session is added under an id that is taken.
            TypeError: This is no question to a store.
        """
        if isinstance(question, _Look):
            return self._read(question)
        future = self._write(question)
        return None if future is None else future.result()

    async def answer_async(self, question: Question[Any], /) -> Any:
        """The same for callers on an event loop: reads, some microseconds, run on it; writes are awaited.

        A caller that is cancelled meanwhile does not take its question back: what it asked for is done.
        """
        if isinstance(question, _Look):
            return self._read(question)
        future = self._write(question)
        return None if future is None else await asyncio.wrap_future(future)

    def close(self) -> None:
        """Write what is waiting and let go of the file. A question that comes later opens it again."""
        with self._lock:
            self._writer.finish()
            self._collect_readers()
            self._start()

    def _start(self) -> None:
        self._idle: SimpleQueue[_Reader] = SimpleQueue()
        self._readers: list[_Reader] = []
        self._writer = _Writer(self._path)
        self._resting = False

    # -- reads and writes ----------------------------------------------------------------------------------------------

    def _read(self, question: _Look) -> Any:
        try:
            reader = self._idle.get_nowait()
        except Empty:
            reader = self._add_reader()
        try:
            return reader.answer(question)
        finally:
            reader.home.put(reader)

    def _add_reader(self) -> "_Reader":
        with self._lock:
            reader = _Reader(self._path, self._idle)
            self._readers.append(reader)
        return reader

    def _write(self, question: Question[Any]) -> "Future[Any] | None":
        if not isinstance(question, StoreQuestion):
            raise TypeError(f"{type(question).__name__} is no question to a store")
        job = _Job(question)
        while not self._writer.take(job):
            with self._lock:  # it was being closed: when this lock is free there is another
                pass
        return job.future

    # -- closing and forking -------------------------------------------------------------------------------------------

    def _collect_readers(self) -> None:
        """Close all readers, each as soon as it is back. Whoever reads next waits for the lock that is held here."""
        idle, self._idle = self._idle, SimpleQueue()
        for _ in self._readers:
            try:
                idle.get(timeout=2 * BUSY).close()
            except Empty:  # a signal handler forks or closes in the middle of a read
                _abandoned.append(self._readers)
                break
        self._readers = []

    def _before_fork(self) -> None:
        self._lock.acquire()
        if not self._writer.rest():
            _abandoned.append(self._writer)
        self._collect_readers()
        self._resting = True

    def _after_fork_in_parent(self) -> None:
        self._resting = False
        self._writer.resume()
        self._lock.release()

    def _after_fork_in_child(self) -> None:
        if not self._resting:
            # Forked by C code that does not announce it. Closing what belongs to the parent could remove its log.
            _abandoned.append((self._readers, self._writer))
        self._lock = threading.RLock()
        self._start()


def _checked(path: str | os.PathLike[str]) -> Path:
    text = os.fspath(path)
    # The first two are databases of a single connection, the third would be taken for a URI elsewhere.
    if text in {"", ":memory:"} or text.startswith("file:") or "\0" in text:
        raise ConfigurationError(
            cause=f"{text!r} is no file that several connections could share",
            fix="Give the path of a file, or use MemoryStore() for one process.",
            source="SqliteStore(path)",
        )
    return Path(text).absolute()  # wherever the process goes later


_File: TypeAlias = tuple[int, int]


def _file(path: Path) -> _File | None:
    """Which file stands at *path* now; None when there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116  a third of the time of `Path.stat`, on every read
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _fault(error: sqlite3.Error | msgspec.MsgspecError | OverflowError | UnicodeError) -> StoreError:
    if isinstance(error, sqlite3.Error):
        sentence = reason(error)
    elif isinstance(error, msgspec.MsgspecError):
        sentence = "a row is damaged"
    else:
        sentence = "a value does not fit into a column"
    fault = StoreError(sentence)
    fault.__cause__ = error
    return fault


# -- reading -----------------------------------------------------------------------------------------------------------


class _Reader:
    """A connection that only reads, for one caller at a time, and what it knows about the end of the log."""

    def __init__(self, path: Path, home: "SimpleQueue[_Reader]") -> None:
        self.home: Final = home
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._file: _File | None = None
        self._quiet: tuple[int, Cursor | None] | None = None
        self._nothing = Tailed(entries=(), cursor=None, head=0)

    def answer(self, question: _Look) -> Any:
        try:
            if _file(self._path) != self._file:
                self.close()  # another file stands there: a backup was put back
            connection = self._connection or self._open()
            if isinstance(question, Find):
                rows = connection.execute(sql.FIND, (question.id,)).fetchall()
                return sql.session(rows[0]) if rows else None
            if isinstance(question, Tail):
                return self._tail(connection, question)
            if isinstance(question, Read):
                rows = connection.execute(sql.READ, (question.name,)).fetchall()
                return sql.document(rows[0]) if rows else None
            return tuple(map(sql.session, connection.execute(*sql.list_statement(question)).fetchall()))
        except (UnicodeEncodeError, OverflowError, sqlite3.DataError):
            # No row can have such an id, subject or name: halves of surrogate pairs, or longer than any value may be.
            return None if isinstance(question, Find | Read) else ()
        except (sqlite3.Error, msgspec.MsgspecError) as error:
            self.close()  # whatever is wrong with it, the next question gets a new one
            raise _fault(error) from error

    def _tail(self, connection: sqlite3.Connection, question: Tail) -> Any:
        # This number changes when any other connection commits, of this process or another, and no connection that
        # reads ever writes. It is asked before the log is read: if somebody commits between the two, the next `Tail`
        # sees another number and reads again, which does no harm; the other way round it would miss an entry.
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if self._quiet == (version, question.cursor):
            return self._nothing
        answer = sql.tailed(question, connection.execute(*sql.tail_statement(question)).fetchall())
        if isinstance(answer, Tailed) and answer.head == (answer.cursor.number if answer.cursor else 0):
            self._quiet = (version, answer.cursor)
            self._nothing = Tailed(entries=(), cursor=answer.cursor, head=answer.head)
        return answer

    def _open(self) -> sqlite3.Connection:
        connection = connect(self._path)
        connection.execute("PRAGMA query_only = ON")
        self._connection, self._file = connection, _file(self._path)
        return connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._quiet = None


# -- writing -----------------------------------------------------------------------------------------------------------


class _Job:
    """A question on its way to the disk, and the future that its answer is awaited with; None if nobody waits."""

    def __init__(self, question: StoreQuestion) -> None:
        self.question: Final = question
        self.future: Final[Future[Any] | None] = None if isinstance(question, Touch) else Future()
        if self.future is not None:
            # Not to be cancelled from here on: a logout whose client has hung up is still a logout.
            self.future.set_running_or_notify_cancel()

    def succeed(self, answer: Any) -> None:
        if self.future is not None:
            self.future.set_result(answer)

    def fail(self, error: BaseException) -> None:
        if self.future is not None:
            self.future.set_exception(error)
        else:
            logger.warning("the last use of sessions was not written: %s", error)


class _Failed:
    """Stands where an answer would be."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class _Writer:
    """The one thread of a process that writes, first come, first served; it starts with the first job."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._file: _File | None = None
        # Guards all that follows; notified of every change.
        self._change = threading.Condition()
        self._jobs: list[_Job] = []
        self._thread: threading.Thread | None = None
        self._flushing = False
        self._resting = False
        self._finished = False

    def take(self, job: _Job) -> bool:
        """Queue *job*; False if this writer has finished."""
        with self._change:
            if self._finished:
                return False
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="gatepass-sqlite-writer", daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:  # no more threads, or the interpreter is on its way out
                    raise StoreError("no thread can be started for writing") from error
                self._thread = thread
            self._jobs.append(job)
            self._change.notify_all()
        return True

    def finish(self) -> None:
        """Write what is waiting, then let go of everything for good."""
        with self._change:
            self._finished = True
            self._change.notify_all()
            self._change.wait_for(lambda: self._thread is None)
            self._disconnect()

    def rest(self) -> bool:
        """Let go of the file as soon as the transaction under way is over, and begin no other until `resume`.

        False: it takes longer than any lock is waited for, and the file is still open.
        """
        with self._change:
            self._resting = True
            if idle := self._change.wait_for(lambda: not self._flushing, timeout=2 * BUSY):
                self._disconnect()
        return idle

    def resume(self) -> None:
        """Go on after `rest`."""
        with self._change:
            self._resting = False
            self._change.notify_all()

    def _run(self) -> None:
        stranded: list[_Job] = []
        try:
            while stranded := self._next():
                self._flush(stranded)
                with self._change:
                    self._flushing = False
                    self._change.notify_all()
        finally:
            # Normally nothing is left. If this thread dies of a mistake of ours, nobody may wait for it for ever.
            with self._change:
                self._disconnect()
                stranded += self._jobs
                self._jobs, self._thread, self._flushing = [], None, False
                self._change.notify_all()
            for job in stranded:
                if job.future is None or not job.future.done():
                    job.fail(StoreError("the writer has stopped"))

    def _next(self) -> list[_Job]:
        """All jobs that are waiting; none when there will be no more."""
        with self._change:
            self._change.wait_for(lambda: not self._resting and (self._jobs or self._finished))
            jobs, self._jobs = self._jobs, []
            self._flushing = bool(jobs)
        return jobs

    def _flush(self, jobs: Sequence[_Job]) -> None:
        """Run *jobs* in one transaction, commit, and only then answer."""
        try:
            if _file(self._path) != self._file:
                self._disconnect()  # or it would be written, and acknowledged, where nobody reads
            connection = self._connection or self._connect()
            _begin(connection)
        except sqlite3.Error as error:
            self._disconnect()
            for job in jobs:
                job.fail(_fault(error))
            return
        try:
            outcomes = [_attempt(connection, job.question) for job in jobs]
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._disconnect()  # which rolls back
            if len(jobs) == 1:
                jobs[0].fail(_fault(error))
                return
            # The transaction as a whole was lost, to a full disk as a rule. Nobody has been answered yet: each gets a
            # transaction of its own, so that a small one does not fail for a large one's sake.
            for job in jobs:
                self._flush([job])
            return
        for job, outcome in zip(jobs, outcomes, strict=True):
            if isinstance(outcome, _Failed):
                job.fail(outcome.error)
            else:
                job.succeed(outcome)

    def _connect(self) -> sqlite3.Connection:
        self._connection, self._file = connect(self._path), _file(self._path)
        self._connection.execute("PRAGMA busy_timeout = 0")  # `_begin` waits instead
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def in_one_step(path: Path, plan: sql.Plan[T]) -> T:
    """Carry *plan* in one transaction, for what lies beside sessions in their file and has to change with them.

    Args:
        path: The database file.
        plan: Statements out, rows in, the answer at the end.

    Raises:
        StoreError: As `SqliteStore.answer`; then nothing of it was done.
    """
    try:
        with closing(connect(path)) as connection:
            connection.execute("PRAGMA busy_timeout = 0")  # `_begin` waits instead
            _begin(connection)
            answer = _carry(plan, connection)
            connection.execute("COMMIT")
    except (sqlite3.Error, msgspec.MsgspecError, OverflowError, UnicodeError) as error:
        raise _fault(error) from error
    return answer


def _begin(connection: sqlite3.Connection) -> None:
    # SQLite itself waits in steps of up to 100 ms, and between two transactions of a busy process the lock is free for
    # a tenth of one: four busy processes kept each other waiting for seconds. In steps of 1 ms it is some milliseconds.
    give_up_at = time.monotonic() + BUSY
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up_at:
                raise
            time.sleep(0.001)
        else:
            return


def _attempt(connection: sqlite3.Connection, question: StoreQuestion) -> Any:
    """The answer to *question*, or a `_Failed`, and then the transaction is as if it had never been asked.

    Raises:
        sqlite3.Error: The transaction as a whole is lost.
    """
    connection.execute("SAVEPOINT question")
    try:
        answer: Any = _carry(sql.plan(question), connection)
    except (sqlite3.Error, msgspec.MsgspecError, OverflowError, UnicodeError) as error:
        if not connection.in_transaction:
            raise
        answer = _Failed(_fault(error))
    except (TypeError, ValueError, AttributeError, RecursionError) as error:  # not of its type: the caller's mistake
        answer = _Failed(error)
    else:
        connection.execute("RELEASE question")
        return answer
    connection.execute("ROLLBACK TO question")
    connection.execute("RELEASE question")
    return answer


def _carry(plan: sql.Plan[T], connection: sqlite3.Connection) -> T:
    try:
        statement = next(plan)
        while True:
            statement = plan.send(connection.execute(*statement).fetchall())
    except StopIteration as end:
        answer: T = end.value
        return answer


# -- forking and leaving -----------------------------------------------------------------------------------------------

# SQLite keeps the locks of a process in its memory, and a fork copies them, while the operating system gives them to
# the parent alone. A child that opened the file again would believe in locks it does not have: when the parent lets go
# of the file, its log is removed under the child's feet, with whatever the child wrote there and was told is safe.
# Leaving the parent's connections alone in the child does not help against that. So they are closed before the fork.
_stores: "WeakSet[SqliteStore]" = WeakSet()
_forking = threading.Lock()
_resting: list[SqliteStore] = []
#: What must neither be used nor closed.
_abandoned: list[object] = []


def _before_fork() -> None:
    _forking.acquire()
    for store in list(_stores):
        store._before_fork()  # noqa: SLF001
        _resting.append(store)


def _after_fork_in_parent() -> None:
    for store in _resting:
        store._after_fork_in_parent()  # noqa: SLF001
    _resting.clear()
    _forking.release()


def _after_fork_in_child() -> None:
    global _forking  # noqa: PLW0603
    for store in list(_stores):
        store._after_fork_in_child()  # noqa: SLF001
    _resting.clear()
    _forking = threading.Lock()


def _at_exit() -> None:
    for store in list(_stores):
        store.close()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
atexit.register(_at_exit)
