"""Following the log of a SQLite store: cheap while nothing happens, and never wrong."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gatepass.core.flow import Append, Cursor, Find, Once, Reset, Tail, Tailed
from gatepass.records import Entry
from gatepass.stores import sql
from gatepass.stores.conformance.asking import NOW
from gatepass.stores.sqlite import SqliteStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gatepass.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(path)
    yield store
    store.close()


def append(store: SqliteStore, key: str) -> Tailed:
    """Append an entry, and read the whole log."""
    store.answer(Append(Entry(kind="jti", key=key, until=NOW)))
    answer: Tailed = store.answer(Tail(None, 1_000))
    return answer


def keys(answer: Any) -> list[str]:
    assert isinstance(answer, Tailed)
    return [entry.key for entry in answer.entries]


def statements(store: SqliteStore, question: Tail) -> list[str]:
    """What the one reader of *store* asks SQLite to answer *question*."""
    (reader,) = store._readers
    assert reader._connection is not None
    traced: list[str] = []
    reader._connection.set_trace_callback(traced.append)
    try:
        store.answer(question)
    finally:
        reader._connection.set_trace_callback(None)
    return traced


def test_while_nothing_is_written_the_log_is_not_read(store: SqliteStore) -> None:
    """Every process asks many times a second."""
    cursor = append(store, "a").cursor
    store.answer(Tail(cursor, 10))
    for _ in range(3):
        assert statements(store, Tail(cursor, 10)) == ["PRAGMA data_version"]
    store.answer(Once("any write", NOW))
    assert len(statements(store, Tail(cursor, 10))) == 2
    assert len(statements(store, Tail(cursor, 10))) == 1


def test_an_empty_log_is_not_read_again_either(store: SqliteStore) -> None:
    store.answer(Tail(None, 10))
    assert statements(store, Tail(None, 10)) == ["PRAGMA data_version"]
    assert keys(append(store, "a")) == ["a"]


def test_only_the_cursor_it_ended_with_is_remembered(store: SqliteStore) -> None:
    """Somebody else may be further back, in the same process."""
    first = append(store, "a").cursor
    last = append(store, "b").cursor
    assert store.answer(Tail(last, 10)).entries == ()
    assert keys(store.answer(Tail(first, 10))) == ["b"]
    assert keys(store.answer(Tail(None, 10))) == ["a", "b"]
    assert last is not None
    assert store.answer(Tail(Cursor(last.number, b"notthere"), 10)) == Reset()


def test_a_read_that_did_not_reach_the_end_is_not_remembered(store: SqliteStore) -> None:
    for key in "abc":
        append(store, key)
    store.answer(Tail(None, 10))
    seen, cursor = [], None
    for _ in range(4):
        answer = store.answer(Tail(cursor, 1))
        seen += keys(answer)
        cursor = answer.cursor
    assert seen == ["a", "b", "c"]


def test_a_write_between_the_two_reads_is_not_missed(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number is asked before the log is read. The other way round, what is written in between would be missed."""
    cursor = append(store, "a").cursor
    tailed, late = sql.tailed, ["b"]

    def write_meanwhile(question: Tail, rows: Any) -> Tailed | Reset:
        if late:
            store.answer(Append(Entry(kind="jti", key=late.pop(), until=NOW)))
        return tailed(question, rows)

    store.answer(Once("so that the log is read", NOW))
    monkeypatch.setattr(sql, "tailed", write_meanwhile)
    # The store reads the log, then somebody writes, and only then does it get to see what it has read.
    assert keys(store.answer(Tail(cursor, 10))) == []
    assert keys(store.answer(Tail(cursor, 10))) == ["b"]


def test_entries_that_another_connection_deletes_are_seen_to_be_gone(store: SqliteStore, path: Path) -> None:
    """Somebody empties the log by hand: whoever has read it must start again, however often nothing was new."""
    cursor = append(store, "a").cursor
    for _ in range(3):
        assert keys(store.answer(Tail(cursor, 10))) == []
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("DELETE FROM gatepass_log")
    assert store.answer(Tail(cursor, 10)) == Reset()
    assert store.answer(Tail(cursor, 10)) == Reset()
    again = append(store, "b")
    assert again.cursor is not None
    assert cursor is not None
    assert again.cursor.number == cursor.number, "the numbers have started again, and only the mark tells"
    assert store.answer(Tail(cursor, 10)) == Reset()
    assert keys(store.answer(Tail(again.cursor, 10))) == []


def test_each_reader_remembers_for_itself(store: SqliteStore) -> None:
    """Threads that follow the log side by side each see every entry once."""
    cursor = append(store, "start").cursor
    wanted = [str(number) for number in range(200)]
    seen: dict[int, list[str]] = {}

    def follow(me: int) -> None:
        mine, at = seen.setdefault(me, []), cursor
        while not mine or mine[-1] != wanted[-1]:
            answer = store.answer(Tail(at, 3))
            mine += keys(answer)
            at = answer.cursor

    threads = [threading.Thread(target=follow, args=(me,), daemon=True) for me in range(3)]
    for thread in threads:
        thread.start()
    for key in wanted:
        store.answer(Append(Entry(kind="jti", key=key, until=NOW)))
    for thread in threads:
        thread.join(20)
    assert [seen[me] for me in range(3)] == [wanted] * 3


def test_writes_of_another_process_are_seen_by_the_next_read(store: SqliteStore, path: Path) -> None:
    """Asked after the other process was answered, the next `Tail` has the entry; one after the other, 300 times."""
    script = textwrap.dedent(f"""
        import sys
        from gatepass.core.flow import Append, Purge
        from gatepass.records import Entry
        from gatepass.stores.sqlite import SqliteStore

        store = SqliteStore({str(path)!r})
        for line in sys.stdin:
            store.answer(Append(Entry(kind="jti", key=line.strip(), until={NOW})))
            print(flush=True)
        store.close()
    """)
    cursor = None
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        for number in range(300):
            for _ in range(2):
                answer = store.answer(Tail(cursor, 10))
                assert (answer.entries, answer.cursor) == ((), cursor)
            other.stdin.write(f"{number}\n")
            other.stdin.flush()
            other.stdout.readline()
            answer = store.answer(Tail(cursor, 10))
            assert keys(answer) == [str(number)]
            cursor = answer.cursor
        other.stdin.close()
        assert other.wait(20) == 0


def test_the_loop_reads_while_a_write_waits_for_the_lock(store: SqliteStore, path: Path) -> None:
    """Another process holds the file locked; who only asks who is calling does not notice."""

    async def scenario() -> str:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            write = asyncio.create_task(store.answer_async(Append(Entry(kind="jti", key="a", until=NOW))))
            await asyncio.sleep(0)
            for _ in range(100):
                assert await store.answer_async(Find("nobody")) is None
                assert keys(await store.answer_async(Tail(None, 10))) == []
            assert not write.done()
            other.execute("ROLLBACK")
            await write
        return keys(await store.answer_async(Tail(None, 10)))[0]

    assert asyncio.run(scenario()) == "a"


def test_marks_come_from_the_operating_system(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not from a generator that a fork copies."""
    monkeypatch.setattr(os, "urandom", lambda size: b"\x07" * size)
    cursor = append(store, "a").cursor
    assert cursor is not None
    assert cursor.mark == b"\x07" * 8


def test_a_reader_cannot_write(store: SqliteStore) -> None:
    """A commit of its own would not change the number it goes by."""
    store.answer(Find("nobody"))
    (reader,) = store._readers
    assert reader._connection is not None
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader._connection.execute("DELETE FROM gatepass_log")
