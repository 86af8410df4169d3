"""The database file: made with care, brought up to date once, and left alone if it is not ours."""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gatepass.core.flow import Add, Append, Find, Purge, Tail
from gatepass.errors import ConfigurationError, StoreError
from gatepass.records import Entry
from gatepass.stores import migrations
from gatepass.stores.conformance.asking import NOW, a_session
from gatepass.stores.migrations import sqlite as opening
from gatepass.stores.sqlite import SqliteStore

PAGE = 4_096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database of ours with a few rows, closed."""
    path = tmp_path / "gatepass.db"
    store = SqliteStore(path)
    for number in range(100):
        store.answer(Add(a_session(f"s{number}")))
        store.answer(Append(Entry(kind="jti", key=str(number), until=NOW)))
    store.close()
    return path


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def refused(path: Path) -> ConfigurationError:
    """Why *path* is refused; and then nothing in its folder has changed."""
    before = files(path.parent)
    with pytest.raises(ConfigurationError) as caught:
        SqliteStore(path)
    assert files(path.parent) == before
    assert str(path) in caught.value.source
    return caught.value


# -- making ------------------------------------------------------------------------------------------------------------


def test_file_and_folder_are_for_their_owner_only(tmp_path: Path) -> None:
    """Also what SQLite puts beside the file, and whatever the umask is."""
    path = tmp_path / "new" / "gatepass.db"
    before = os.umask(0)
    try:
        store = SqliteStore(path)
        store.answer(Add(a_session("s")))
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        names = {found.name for found in path.parent.iterdir()}
        assert names == {"gatepass.db", "gatepass.db-wal", "gatepass.db-shm"}
        for found in path.parent.iterdir():
            assert stat.S_IMODE(found.stat().st_mode) == 0o600
        store.close()
    finally:
        os.umask(before)


def test_nothing_is_left_beside_a_closed_file(path: Path) -> None:
    assert set(files(path.parent)) == {path.name}


def test_the_file_is_marked_as_ours_and_in_wal_mode(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (opening.APPLICATION_ID,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_commits_wait_for_the_disk(path: Path) -> None:
    """2 is FULL: an acknowledged revocation outlives a power cut."""
    with closing(opening.connect(path)) as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_opening_again_changes_nothing(path: Path) -> None:
    before = files(path.parent)
    SqliteStore(path).close()
    assert files(path.parent) == before


@pytest.mark.parametrize("name", ["", ":memory:", "file:x.db?mode=memory", "a\0b"])
def test_what_is_no_file_is_refused(name: str) -> None:
    """Each connection would see a database of its own."""
    with pytest.raises(ConfigurationError, match="MemoryStore"):
        SqliteStore(name)


def test_what_cannot_be_a_file_is_refused(path: Path) -> None:
    """A folder, and a path below a file: at start, in a sentence."""
    for wrong in (path.parent, path / "below.db"):
        with pytest.raises(ConfigurationError, match="cannot be used"):
            SqliteStore(wrong)


def test_an_old_sqlite_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it makes a file that it cannot read."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    with pytest.raises(ConfigurationError, match=r"3\.37"):
        SqliteStore(tmp_path / "new.db")
    assert files(tmp_path) == {}


def test_strange_paths_are_paths(tmp_path: Path) -> None:
    for name in ("a b?c#d%20.db", "größe.db", "'quoted'.db"):
        store = SqliteStore(tmp_path / name)
        store.answer(Add(a_session("s")))
        store.close()
        assert (tmp_path / name).exists()


def test_an_empty_file_is_nobodys(tmp_path: Path) -> None:
    """What `touch` or `tempfile` leave behind."""
    path = tmp_path / "empty.db"
    path.touch()
    store = SqliteStore(path)
    assert store.answer(Find("s")) is None
    store.close()


def test_a_database_without_tables_is_nobodys(tmp_path: Path) -> None:
    path = tmp_path / "bare.db"
    change(path, "VACUUM")
    assert path.stat().st_size
    store = SqliteStore(path)
    assert store.answer(Find("s")) is None
    store.close()


def test_a_file_that_went_away_is_not_made_anew(path: Path) -> None:
    """An empty database in its place would tell every user that their session is unknown."""
    store = SqliteStore(path)
    path.unlink()
    for question in (Find("s1"), Add(a_session("new"))):
        with pytest.raises(StoreError):
            store.answer(question)
    assert not path.exists()
    store.close()


# -- not ours ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"x", b"SQLite format 4\0" + bytes(4_080), os.urandom(10_000), b"\0" * 100])
def test_another_kind_of_file_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    assert "no SQLite database" in refused(path).cause


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
@pytest.mark.parametrize("owner", [0, 1_196_444_487])
def test_the_database_of_another_program_is_left_alone(tmp_path: Path, mode: str, owner: int) -> None:
    """With a mark of its own or without, whatever journal it keeps."""
    path = tmp_path / "other.db"
    change(path, f"PRAGMA journal_mode = {mode}", f"PRAGMA application_id = {owner}", "CREATE TABLE users (id)")
    assert "another program" in refused(path).cause


@pytest.mark.parametrize("owner", [0, 1_196_444_487])
def test_a_foreign_database_in_use_is_left_alone(tmp_path: Path, owner: int) -> None:
    """Its log has what the file itself does not have yet."""
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(f"PRAGMA application_id = {owner}")
        other.execute("CREATE TABLE first (id)")
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("CREATE TABLE users (id)")
        assert Path(f"{path}-wal").stat().st_size
        assert "another program" in refused(path).cause


def test_a_table_of_our_name_does_not_make_it_ours(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    change(path, "CREATE TABLE gatepass_migration (number)")
    assert "another program" in refused(path).cause


# -- newer -------------------------------------------------------------------------------------------------------------


def test_a_newer_database_is_left_alone(path: Path) -> None:
    """After a downgrade: the old code would not know what the new tables mean."""
    change(path, "INSERT INTO gatepass_migration VALUES (9, 'devices', 'abc')")
    error = refused(path)
    assert "newer" in error.cause
    assert "9_devices" in error.cause
    assert "Upgrade" in error.fix


def test_a_newer_database_in_use_is_left_alone(path: Path) -> None:
    """While the new version runs beside the old one, what it did may be in its log only."""
    with closing(sqlite3.connect(path, isolation_level=None)) as newer:
        newer.execute("INSERT INTO gatepass_migration VALUES (9, 'devices', 'abc')")
        before = {name: content for name, content in files(path.parent).items() if not name.endswith("-shm")}
        with pytest.raises(ConfigurationError, match="newer"):
            SqliteStore(path)
        after = {name: content for name, content in files(path.parent).items() if not name.endswith("-shm")}
        assert after == before


# -- damaged -----------------------------------------------------------------------------------------------------------


def test_another_history_is_left_alone(path: Path) -> None:
    change(path, "UPDATE gatepass_migration SET checksum = 'abc'")
    assert "other migrations" in refused(path).cause


def test_a_gap_in_the_history_is_left_alone(path: Path) -> None:
    change(path, "UPDATE gatepass_migration SET number = 7 WHERE number = 1")
    assert "other migrations" in refused(path).cause


@pytest.mark.parametrize("table", ["session", "log", "once", "hit", "document", "migration"])
def test_a_missing_table_is_noticed(path: Path, table: str) -> None:
    change(path, f"DROP TABLE gatepass_{table}")
    assert f"gatepass_{table}" in refused(path).cause


def test_a_missing_index_is_noticed(path: Path) -> None:
    change(path, "DROP INDEX gatepass_session_forget_at")
    assert "gatepass_session_forget_at is missing" in refused(path).cause


def test_all_tables_missing_is_noticed(path: Path) -> None:
    """It says that it is ours, so it is not to be taken for a new one."""
    change(path, *(f"DROP TABLE gatepass_{name}" for name in ("session", "log", "once", "hit", "migration")))
    assert "missing" in refused(path).cause


def test_tables_of_the_application_do_not_disturb(path: Path) -> None:
    """Somebody keeps users beside sessions."""
    change(path, "CREATE TABLE users (id)")
    store = SqliteStore(path)
    assert store.answer(Find("s1")) == a_session("s1")
    store.close()


def overwrite(path: Path, at: int, what: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(what)


DAMAGE: dict[str, Callable[[Path], None]] = {
    "header": lambda path: overwrite(path, 0, b"\xff" * 16),
    "page size": lambda path: overwrite(path, 16, b"\x00\x03"),
    "schema": lambda path: overwrite(path, 100, b"\xff" * 2_000),
    "schema cells": lambda path: overwrite(path, PAGE - 600, b"\xff" * 600),
    "cut to a page": lambda path: os.truncate(path, PAGE),
    "cut within a page": lambda path: os.truncate(path, PAGE + 1_000),
    "cut to a header": lambda path: os.truncate(path, 100),
    "cut within the header": lambda path: os.truncate(path, 50),
    "history": lambda path: overwrite(path, page_of(path, "gatepass_migration"), b"\xff" * PAGE),
}


def page_of(path: Path, name: str) -> int:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,)).fetchone()
    return int(root - 1) * PAGE


@pytest.mark.parametrize("place", DAMAGE)
def test_a_damaged_database_is_left_alone(path: Path, place: str) -> None:
    """For whoever tries to rescue it."""
    DAMAGE[place](path)
    assert refused(path)


@pytest.mark.parametrize("name", ["gatepass_session", "gatepass_log", "gatepass_session_subject"])
def test_damage_that_is_met_later_is_a_fault(path: Path, name: str) -> None:
    """A fault is no refusal: nobody is told that their session is unknown. And the sentence holds nothing of a row."""
    overwrite(path, page_of(path, name), b"\xff" * PAGE)
    store = SqliteStore(path)
    for question in (Find("s1"), Tail(None, 200), Add(a_session("new")), Purge(NOW + 10**9, 1_000)):
        try:
            store.answer(question)
        except StoreError as error:
            assert str(error) == "the database is damaged"  # noqa: PT017  (not every question meets the damage)
            break
    else:
        pytest.fail("the damage was not met")
    store.close()


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x94\x85\x94R\x94.",
        b"cposix\nsystem\n(S'touch /tmp/pwned'\ntR.",
        b"{",
        b"[1]",
        b"NaN",
        b"\xff\xfe",
    ],
)
@pytest.mark.parametrize("column", ["claims", "data", "roles"])
def test_what_is_no_json_is_a_fault_and_does_nothing(path: Path, content: bytes, column: str) -> None:
    """Whoever can write into the database still cannot run code, or make a session out of something else."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(
            f"UPDATE gatepass_session SET {column} = CAST(? AS TEXT) WHERE id = 's1'",
            (content,),
        )
    store = SqliteStore(path)
    with pytest.raises(StoreError) as caught:
        store.answer(Find("s1"))
    assert str(caught.value) in {"a row is damaged", "the database cannot answer"}
    assert store.answer(Find("s2")) == a_session("s2")
    store.close()


# -- migrations --------------------------------------------------------------------------------------------------------


def test_an_older_database_is_brought_up_to_date(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what it holds, and once."""
    known = migrations.load("sqlite")
    second = migrations.Migration(
        len(known) + 1, "devices", "abc", "-- a comment; with a semicolon\nCREATE TABLE gatepass_device (id);\n"
    )
    monkeypatch.setattr(opening, "load", lambda engine: (*known, second) if engine == "sqlite" else ())
    for _ in range(2):
        store = SqliteStore(path)
        assert store.answer(Find("s1")) == a_session("s1")
        store.close()
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT number, name FROM gatepass_migration ORDER BY number").fetchall()
        assert rows == [*((migration.number, migration.name) for migration in known), (second.number, "devices")]
        assert connection.execute("SELECT count(*) FROM gatepass_device").fetchone() == (0,)


def test_a_migration_that_fails_leaves_what_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All or nothing: half a migration would be a database that no version knows."""
    known = migrations.load("sqlite")
    text = "CREATE TABLE gatepass_device (id);\nCREATE TABLE gatepass_session (id);\n"
    second = migrations.Migration(len(known) + 1, "devices", "abc", text)
    monkeypatch.setattr(opening, "load", lambda _: (*known, second))
    with pytest.raises(ConfigurationError):
        SqliteStore(path)
    monkeypatch.undo()
    store = SqliteStore(path)
    assert store.answer(Find("s1")) == a_session("s1")
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT * FROM sqlite_schema WHERE name = 'gatepass_device'").fetchall() == []


def test_the_files_of_the_migrations_are_never_changed() -> None:
    """Databases out there remember these checksums: a change goes into a new file."""
    assert [tuple(migration[:3]) for migration in migrations.load("sqlite")] == [
        (1, "sessions", "508b66741c7874ee193b4eccb4040fccced2f37d92f28cbaaf7ad829bf2bc9f2"),
        (2, "remember", "7cdac8b533cfd07701b8fde8020ae1d3706b3fde9ee1c0da93108ea9a1b507f2"),
        (3, "users", "feb61dedff91af11fff526150d0e8989e979a351988953be0694d9cb81656c68"),
        (4, "documents", "088dbf4ec323564589a5aeff29d400ef5a7bd5768b53eefee3ff71bcf3f85070"),
    ]


def test_processes_that_open_a_new_file_at_once_agree(tmp_path: Path) -> None:
    """One makes the tables, the others wait and find them made; over and over."""
    script = textwrap.dedent("""
        import sys
        from pathlib import Path
        from gatepass.core.flow import Once
        from gatepass.stores.sqlite import SqliteStore

        for line in sys.stdin:  # one line a round, to all processes at the same time
            store = SqliteStore(Path(line.strip()))
            print(store.answer(Once("first", 0)), flush=True)
            store.close()
    """)
    processes = [
        subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    try:
        for number in range(15):
            answers = []
            for process in processes:
                assert process.stdin is not None
                process.stdin.write(f"{tmp_path / str(number)}.db\n")
                process.stdin.flush()
            for process in processes:
                assert process.stdout is not None
                answers.append(process.stdout.readline().strip())
            assert sorted(answers) == ["False", "False", "False", "True"]
    finally:
        for process in processes:
            process.communicate(timeout=20)
        assert [process.returncode for process in processes] == [0] * 4


def test_a_crash_in_the_first_migration_is_got_over(tmp_path: Path) -> None:
    """What it left is a new file for the next one."""
    path = tmp_path / "new.db"
    script = textwrap.dedent(f"""
        import os, signal
        from pathlib import Path
        from gatepass.stores.migrations import sqlite as opening

        apply = opening._apply
        def crash(connection, migration):
            apply(connection, migration)
            if connection.execute("PRAGMA database_list").fetchone()[2]:  # not the scratch database in memory
                connection.execute("PRAGMA cache_spill = 1")
                os.kill(os.getpid(), signal.SIGKILL)
        opening._apply = crash
        opening.prepare(Path({str(path)!r}))
    """)
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=20).returncode == -9
    store = SqliteStore(path)
    assert store.answer(Add(a_session("s"))) == ()
    store.close()


def test_a_copy_taken_in_the_middle_can_be_opened(path: Path, tmp_path: Path) -> None:
    """File and log together, as a snapshot of a disk has them after a power cut."""
    store = SqliteStore(path)
    store.answer(Add(a_session("late")))
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in (path.name, f"{path.name}-wal"):
        shutil.copy(path.parent / name, copy / name)
    store.close()
    restored = SqliteStore(copy / path.name)
    assert restored.answer(Find("late")) == a_session("late")
    restored.close()
