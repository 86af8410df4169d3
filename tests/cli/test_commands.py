"""The commands beside the server: users, sessions, settings."""

import codecs
import json
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from support.commands import DATABASE, run, told
from support.register import REGISTER

from gatepass import Gate
from gatepass.accounts.passwords import Passwords
from gatepass.accounts.users import SqliteUsers, new_user
from gatepass.cli.root import root
from gatepass.keys import KeyFile
from gatepass.records import Client
from gatepass.stores.sqlite import SqliteStore

PASSWORD = "a lantern under the old pier"
COLUMNS = ("id", "email", "created_at", "password_changed_at", "disabled_at")


def add(email: str = "ada@example.com", password: str = PASSWORD) -> str:
    return str(told("user", "add", email, "--password-file", "-", said=password)["id"])


def log_in(subject: str, user_agent: str = "curl/8", random: Callable[[int], bytes] = os.urandom) -> Any:
    """A login as the server would make it, on the files of the server."""
    store = SqliteStore(DATABASE)
    gate = Gate(store, mode="hybrid", keys=KeyFile(DATABASE.with_name("keys.json")), random=random)
    credentials = gate.login(subject, client=Client(ip="192.0.2.7", user_agent=user_agent))
    REGISTER.issued(credentials)
    gate.close()
    store.close()
    return credentials


def reason(session_id: str) -> object:
    return told("session", "show", session_id)["ended_reason"]


def test_a_user_is_added_listed_and_shown() -> None:
    made = told("user", "add", "Ada@Example.com", "--password-file", "-", said=f"{PASSWORD}\n")

    assert tuple(made) == COLUMNS
    assert made["email"] == "ada@example.com"
    assert told("user", "list") == {"users": [made]}
    assert told("user", "show", made["id"]) == told("user", "show", "ADA@example.com") == made
    assert made["id"] in run("user", "list").output
    assert "ada@example.com" in run("user", "show", made["id"]).output


def test_the_password_is_the_one_that_was_given() -> None:
    add()

    user = SqliteUsers(DATABASE).by_email("ada@example.com")
    passwords = Passwords(concurrent=1)

    assert user is not None
    assert passwords.verify(user.password_hash, PASSWORD).result().ok
    assert not passwords.verify(user.password_hash, PASSWORD + " ").result().ok
    passwords.close()


def test_a_password_comes_from_a_file_too(folder: Path) -> None:
    (folder / "secret").write_text(f"{PASSWORD}\r\nsecond line\n")
    run("user", "add", "ada@example.com", "--password-file", "secret")

    user = SqliteUsers(DATABASE).by_email("ada@example.com")
    passwords = Passwords(concurrent=1)

    assert user is not None
    assert passwords.verify(user.password_hash, PASSWORD).result().ok
    passwords.close()


@pytest.mark.parametrize("password", ["too short", "aaaaaaaaaaaaaaaa", "ada@example.com!", "x" * 600, ""])
def test_a_password_follows_the_rules_of_sign_up_and_is_not_repeated(password: str) -> None:
    result = run("user", "add", "ada@example.com", "--password-file", "-", code=1, said=password)

    assert "password" in result.output
    assert not password or password not in result.output
    assert told("user", "list") == {"users": []}


def test_a_password_is_no_argument() -> None:
    """Arguments are seen by everybody on the machine."""
    run("user", "add", "ada@example.com", PASSWORD, code=2)
    run("user", "add", "ada@example.com", "--password", PASSWORD, code=2)


def test_without_a_terminal_nobody_is_asked_for_a_password() -> None:
    result = run("user", "add", "ada@example.com", code=2, said=PASSWORD)

    assert "--password-file" in result.output


def test_one_address_has_one_account() -> None:
    add()
    run("user", "add", "ADA@example.com", "--password-file", "-", code=1, said=PASSWORD)

    assert len(told("user", "list")["users"]) == 1


def test_a_user_that_is_disabled_has_no_session_left_and_may_be_enabled_again() -> None:
    subject = add()
    other = add("bob@example.com")
    session, kept = log_in(subject), log_in(other)

    assert told("user", "disable", "ada@example.com")["ended"] == [session.session_id]
    assert told("user", "show", subject)["disabled_at"] is not None
    assert reason(session.session_id) == "operator"
    assert reason(kept.session_id) is None
    assert told("user", "enable", subject)["disabled_at"] is None


def test_a_new_password_ends_the_sessions() -> None:
    """Whoever asks for it may have lost the old one to somebody."""
    subject = add()
    session = log_in(subject)

    done = told("user", "set-password", subject, "--password-file", "-", said="seven boats and a bell")

    assert done["ended"] == [session.session_id]
    user = SqliteUsers(DATABASE).by_id(subject)
    passwords = Passwords(concurrent=1)
    assert user is not None
    assert passwords.verify(user.password_hash, "seven boats and a bell").result().ok
    passwords.close()


def test_what_an_operator_does_is_told_on_the_standard_error() -> None:
    """As the server tells what people do, one JSON object a line (ASVS 16.3); what only looks tells nothing."""
    added = run("user", "add", "ada@example.com", "--password-file", "-", "--json", said=PASSWORD)
    subject = json.loads(added.stdout)["id"]
    session, other = log_in(subject), log_in(subject)
    new = ("--password-file", "-")
    results = [
        added,
        run("session", "end", other.session_id),
        run("user", "disable", subject),
        run("user", "enable", subject),
        run("user", "set-password", subject, *new, said="seven boats and a bell"),
    ]

    told = [json.loads(line)["event"] for result in results for line in result.stderr.splitlines()]

    assert [event["kind"] for event in told] == ["signup", "revoke", "disable", "enable", "password"]
    assert {event["subject"] for event in told} == {subject}
    assert {event["reason"] for event in told} == {"operator"}
    assert [event.get("session_ids") for event in told] == [
        None, [other.session_id], [session.session_id], None, None
    ]  # fmt: skip
    assert run("user", "list").stderr == run("session", "list").stderr == ""


@pytest.mark.parametrize(
    "words",
    [
        ("user", "show", "nobody"),
        ("user", "show", "nobody@example.com"),
        ("user", "show", "not an @ address"),
        ("user", "disable", "nobody"),
        ("user", "enable", "nobody"),
        ("user", "set-password", "nobody"),
        ("session", "list", "--user", "nobody"),
        ("session", "show", "nothing"),
        ("session", "end", "nothing"),
        ("session", "end", "--user", "nobody"),
    ],
)
def test_who_or_what_is_not_there_is_refused(words: tuple[str, ...]) -> None:
    add()

    assert "There is no such" in run(*words, code=1).output


@pytest.mark.parametrize("words", [(), ("an-id", "--all"), ("--user", "ada", "--all"), ("an-id", "--user", "ada")])
def test_what_to_end_is_said_once(words: tuple[str, ...]) -> None:
    session = log_in(add())

    run("session", "end", *words, code=2)

    assert reason(session.session_id) is None


def test_sessions_are_listed_shown_and_ended() -> None:
    ada, bob = add(), add("bob@example.com")
    first, second, third, fourth = log_in(ada), log_in(ada), log_in(bob), log_in(bob)

    def live(*more: str) -> set[str]:
        return {row["id"] for row in told("session", "list", *more)["sessions"]}

    assert live() == {row.session_id for row in (first, second, third, fourth)}
    assert live("--user", "ada@example.com") == {first.session_id, second.session_id}
    shown = told("session", "show", first.session_id)
    assert (shown["email"], shown["mode"], shown["state"]) == ("ada@example.com", "hybrid", "live")
    assert shown["ip"] == "192.0.2.7"

    assert told("session", "end", first.session_id) == {"ended": [first.session_id], "effective_within": 0}
    assert live() == {row.session_id for row in (second, third, fourth)}
    assert live("--ended") == {row.session_id for row in (first, second, third, fourth)}
    assert set(told("session", "end", "--user", bob)["ended"]) == {third.session_id, fourth.session_id}
    assert live() == {second.session_id}
    assert told("session", "end", "--all")["ended"] == [second.session_id]
    assert live() == set()
    assert {reason(row.session_id) for row in (first, second, third, fourth)} == {"operator"}


def test_an_id_may_begin_with_a_dash_and_look_like_an_option() -> None:
    add()
    users = SqliteUsers(DATABASE)
    users.add(replace(new_user("bob@example.com", "no hash", 1), id="-hjson"))
    session = log_in("-hjson", random=lambda length: b"\xfb" * length)
    assert session.session_id.startswith("-")

    assert told("user", "show", "-hjson")["email"] == "bob@example.com"
    assert [row["id"] for row in told("session", "list", "--user", "-hjson")["sessions"]] == [session.session_id]
    assert told("session", "end", session.session_id)["ended"] == [session.session_id]
    assert reason(session.session_id) == "operator"
    run("user", "show", "-hjson", "--jsn", code=2)


def test_no_credential_and_no_digest_is_shown() -> None:
    session = log_in(add())
    user = SqliteUsers(DATABASE).by_email("ada@example.com")
    assert user is not None

    for words in (
        ("session", "show", session.session_id),
        ("session", "list"),
        ("user", "list"),
        ("user", "show", user.id),
    ):
        for more in ((), ("--json",)):
            output = run(*words, *more).output
            assert session.access_token not in output
            assert session.refresh_token not in output
            assert user.password_hash not in output
            assert "seed" not in output


@pytest.mark.parametrize("planted", ["\x1b[2J\x1b[1;1H", "a\r\nb", "\x9b31m", "\x7f", "\u202egnp.exe", "\x00"])
def test_what_a_client_says_of_itself_does_not_steer_the_terminal(planted: str) -> None:
    session = log_in(add(), user_agent=f"Mozilla{planted}end")

    for words in (("session", "list"), ("session", "show", session.session_id)):
        for more in ((), ("--json",)):
            output = run(*words, *more).output
            assert planted not in output
            assert all(letter.isprintable() or letter == "\n" for letter in output)
            assert "Mozilla" in output


def test_settings_are_shown_with_where_they_came_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "gatepass.toml").write_text('mode = "jwt"\n')
    monkeypatch.setenv("GATEPASS_ISSUER", "https://auth.example.com")

    shown = told("config", "show")

    assert shown["mode"] == {"value": "jwt", "source": "gatepass.toml"}
    assert shown["issuer"] == {"value": "https://auth.example.com", "source": "GATEPASS_ISSUER"}
    assert shown["port"] == {"value": 8400, "source": "default"}
    line = next(line for line in run("config", "show").output.splitlines() if line.startswith("issuer"))
    assert line.split()[:3] == ["issuer", "https://auth.example.com", "GATEPASS_ISSUER"]


def test_the_database_is_the_one_of_the_settings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEPASS_STORE", "sqlite:///elsewhere/users.db")
    add()

    assert (folder / "elsewhere" / "users.db").exists()
    assert not (folder / DATABASE).exists()


def test_a_command_that_only_looks_makes_no_database(folder: Path) -> None:
    for words in (("user", "list"), ("session", "list"), ("session", "end", "--all"), ("user", "disable", "ada")):
        assert "GATEPASS_STORE" in run(*words, code=3).output

    assert not list(folder.iterdir())


def test_a_database_that_does_not_answer_is_not_reachable(folder: Path) -> None:
    add()
    (folder / DATABASE).write_bytes(b"")
    with sqlite3.connect(folder / DATABASE) as connection:
        connection.execute("CREATE TABLE another (id)")
    connection.close()

    assert "fix" in run("user", "list", code=2).output  # it is of another program, and left as it was


def test_a_store_in_memory_is_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEPASS_STORE", "memory://")

    result = run("user", "list", code=2)

    assert "in the memory of the server" in result.output
    assert "GATEPASS_STORE" in result.output


@pytest.mark.parametrize(
    ("words", "environment", "about"),
    [
        (("serve",), {}, "GATEPASS_ISSUER"),
        (
            ("serve", "--workers", "2"),
            {"GATEPASS_ISSUER": "https://a.example", "GATEPASS_STORE": "memory://"},
            "memory",
        ),
        (("serve",), {"GATEPASS_ISSUR": "https://a.example"}, "Is it GATEPASS_ISSUER?"),
        (("serve", "--port", "70000"), {}, "command line"),
        (("dev",), {"GATEPASS_HOST": "0.0.0.0"}, "GATEPASS_HOST"),
        (("dev",), {"GATEPASS_ISSUER": "https://a.example"}, "GATEPASS_ISSUER"),
        (("config", "show"), {"GATEPASS_GRACE": "61"}, "GATEPASS_GRACE"),
        (("config", "show", "--config", "absent.toml"), {}, "absent.toml"),
    ],
)
def test_settings_that_cannot_be_are_a_sentence_and_exit_code_2(
    words: tuple[str, ...], environment: dict[str, str], about: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    output = run(*words, code=2).output

    assert about in output
    assert [line.split()[0] for line in output.splitlines()] == ["Error:", "fix", "source"]
    assert not list(Path().iterdir())  # and nothing was made


def leaves(group: click.Group, *words: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from leaves(command, *words, name)
        else:
            yield (*words, name), command


def test_each_command_takes_json() -> None:
    """Whoever calls them from a program says it always."""
    found = dict(leaves(root))

    assert len(found) > 20
    assert [words for words, command in found.items() if all("--json" not in one.opts for one in command.params)] == []


@pytest.mark.parametrize(
    ("words", "code", "members"),
    [
        (("user", "list"), 3, {"error", "exit_code"}),
        (("user", "list", "--no-such"), 2, {"error", "exit_code"}),
        (("user", "no-such"), 2, {"error", "exit_code"}),
        (("session", "end"), 2, {"error", "exit_code"}),
        (("serve",), 2, {"error", "exit_code", "code", "fix", "source"}),
        (("token", "verify", "nonsense", "--key", "absent"), 2, {"error", "exit_code"}),
        (("user", "add", "no address", "--password-file", "-"), 1, {"error", "exit_code", "code"}),
    ],
)
def test_who_asked_for_json_is_refused_in_json(words: tuple[str, ...], code: int, members: set[str]) -> None:
    """On the standard error, in one line; who did not is told a sentence."""
    result = run(*words, "--json", code=code, said=PASSWORD)

    assert result.stdout == ""
    refused = json.loads(result.stderr)
    assert set(refused) == members
    assert refused["exit_code"] == code
    assert "Error: " in run(*words, code=code, said=PASSWORD).stderr


@pytest.mark.parametrize("text", [b"\xff\xfe" + PASSWORD.encode("utf-16-le"), PASSWORD.encode() + b"\xe9"])
def test_a_password_that_is_no_text_is_refused(text: bytes, folder: Path) -> None:
    (folder / "secret").write_bytes(text)

    assert "UTF-8" in run("user", "add", "ada@example.com", "--password-file", "secret", code=2).output
    assert told("user", "list") == {"users": []}


def test_the_mark_of_an_editor_is_no_part_of_a_password(folder: Path) -> None:
    """Nobody sees it, and nobody types it."""
    (folder / "secret").write_bytes(codecs.BOM_UTF8 + PASSWORD.encode() + b"\r\n")
    run("user", "add", "ada@example.com", "--password-file", "secret")

    user = SqliteUsers(DATABASE).by_email("ada@example.com")
    passwords = Passwords(concurrent=1)

    assert user is not None
    assert passwords.verify(user.password_hash, PASSWORD).result().ok
    passwords.close()


def test_an_answer_that_cannot_be_written_is_a_sentence_and_no_success(folder: Path) -> None:
    add()
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "gatepass", "user", "list"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 2
    assert done.stderr == "Error: The disk is full: not all of the answer could be written.\n"


@contextmanager
def of_another_user(path: Path) -> Iterator[None]:
    """*path* as somebody sees it who may not open it; root may open everything, and is somebody else meanwhile."""
    mode, us = path.stat().st_mode, os.geteuid()
    path.chmod(0)
    if us == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(us)
        path.chmod(mode)


@pytest.mark.parametrize("closed", [DATABASE, DATABASE.parent])
def test_a_database_of_another_user_is_not_reachable(closed: Path, folder: Path) -> None:
    """No backup mends that."""
    add()
    folder.chmod(0o755)

    with of_another_user(folder / closed):
        result = run("user", "list", code=3)

    assert "Run this as its owner" in result.output
    assert len(told("user", "list")["users"]) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file away")
def test_root_makes_nothing_beside_the_database_of_another_user(folder: Path) -> None:
    """Keys that root made there would be closed to the server that runs as its owner."""
    add()
    keys = DATABASE.with_name("keys.json")
    keys.unlink(missing_ok=True)
    os.chown(DATABASE, 65_534, 65_534)

    result = run("session", "end", "--all", code=3)

    assert "Run this as its owner" in result.output
    assert not keys.exists()
    os.chown(DATABASE, 0, 0)
    run("session", "end", "--all")


@contextmanager
def no_port(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server that is not refused for what is tested cannot listen all the same, and ends."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        monkeypatch.setenv("GATEPASS_PORT", str(taken.getsockname()[1]))
        yield


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a folder away")
@pytest.mark.parametrize("words", [("user", "add", "ada@example.com", "--password-file", "-"), ("dev",)])
@pytest.mark.parametrize("below", ["", "there/"])
def test_root_makes_no_files_in_the_folder_of_another_user(
    words: tuple[str, ...], below: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever the folder belongs to could neither serve with them nor remove them."""
    (folder / "there").mkdir()
    monkeypatch.setenv("GATEPASS_STORE", f"sqlite:///{below}new/gatepass.db")
    os.chown(folder / below, 65_534, 65_534)

    with no_port(monkeypatch):
        result = run(*words, said=PASSWORD, code=2 if words == ("dev",) else 3)

    assert f"{folder / below} is not root's" in result.output
    assert "as its owner" in result.output
    assert not (folder / below / "new").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file away")
def test_root_serves_no_database_of_another_user(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it makes beside it, such as keys, the owner could not read."""
    add()
    os.chown(DATABASE, 65_534, 65_534)

    with no_port(monkeypatch):
        assert f"{folder / DATABASE} is not root's" in run("dev", code=2).output


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a folder away")
def test_root_makes_files_in_folders_that_are_everybodys(folder: Path) -> None:
    """As in /tmp, whoever it belongs to."""
    folder.chmod(0o1777)
    os.chown(folder, 65_534, 65_534)

    add()

    assert DATABASE.exists()


@pytest.mark.parametrize("words", [("serve",), ("user", "list"), ("config", "show")])
def test_a_path_that_the_system_refuses_is_a_sentence(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """And no traceback: a name of 300 letters, as good as a folder that may not be entered."""
    monkeypatch.setenv("GATEPASS_ISSUER", "https://auth.example.com")
    monkeypatch.setenv("GATEPASS_STORE", f"sqlite:///{'a' * 300}/gatepass.db")

    result = CliRunner().invoke(root, words, prog_name="gatepass")

    assert result.exit_code in ({0} if words[0] == "config" else {2, 3})
    assert result.exception is None or isinstance(result.exception, SystemExit)


@pytest.mark.parametrize(
    ("words", "unneeded"),
    [
        (("version",), ("fastapi", "starlette", "pydantic", "uvicorn", "argon2", "sqlalchemy", "jinja2")),
        (("config", "show"), ("fastapi", "starlette", "uvicorn", "argon2", "jinja2", "sqlite3")),
        (("user", "list"), ("fastapi", "starlette", "uvicorn", "jinja2", "zxcvbn")),
        (("session", "list"), ("fastapi", "starlette", "uvicorn", "jinja2", "zxcvbn")),
    ],
)
def test_a_command_loads_nothing_that_it_does_not_need(words: tuple[str, ...], unneeded: tuple[str, ...]) -> None:
    add()
    code = (
        f"import sys; from gatepass.cli.root import root; root({list(words)!r}, standalone_mode=False);"
        f"print([name for name in {unneeded!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)

    assert done.stderr == "[]\n"
