"""A change of password: all of it, or nothing, whatever happens in the middle."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.inside import ANOTHER, PASSWORD, Inside, Visitor, inside


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Inside]:
    with inside(store=f"sqlite:///{tmp_path}/gatepass.db") as server:
        server.user()
        yield server


def spoil(server: Inside, statement: str) -> None:
    database = server.parts.settings.database
    assert database is not None
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(statement)
        connection.commit()


def test_a_change_that_is_done_is_not_called_undone_because_the_new_id_fails(server: Inside) -> None:
    """Whoever was told to try again would be told that their password is wrong. Their session goes on as it was."""
    ada, thief = Visitor(server, "hybrid", "bearer"), Visitor(server, "session", "bearer")
    assert ada.log_in().status == thief.log_in().status == 200
    spoil(server, "CREATE TRIGGER no_row BEFORE INSERT ON gatepass_session BEGIN SELECT RAISE(ABORT, 'planted'); END")

    done = ada.send("POST", "/auth/password", {"current": PASSWORD, "new": ANOTHER})

    assert done.status == 200
    assert done.json["ended"] == [thief.said["session_id"]]
    assert done.json["credentials"] is None
    assert ada.send("GET", "/auth/me").status == 200
    assert thief.send("GET", "/auth/me").code == "credential_revoked"
    spoil(server, "DROP TRIGGER no_row")
    assert ada.send("POST", "/auth/refresh").status == 200
    assert Visitor(server, "session", "bearer").log_in(password=ANOTHER).status == 200


def test_a_fault_in_the_middle_of_a_change_of_password_changes_nothing_and_may_be_tried_again(server: Inside) -> None:
    """Else a thief's session would outlive the change that was made because of it. ASVS 7.4.3."""
    ada, thief = Visitor(server, "hybrid", "bearer"), Visitor(server, "session", "bearer")
    assert ada.log_in().status == thief.log_in().status == 200
    change = {"current": PASSWORD, "new": ANOTHER}
    spoil(server, "CREATE TRIGGER no_log BEFORE INSERT ON gatepass_log BEGIN SELECT RAISE(ABORT, 'planted'); END")

    refused = ada.send("POST", "/auth/password", change)

    assert (refused.status, refused.code) == (503, "store_unavailable")
    assert server.events("password") == []
    assert thief.send("GET", "/auth/me").status == 200
    assert Visitor(server, "session", "bearer").log_in(password=ANOTHER).code == "login_failed"

    spoil(server, "DROP TRIGGER no_log")
    done = ada.send("POST", "/auth/password", change)

    assert done.status == 200
    assert thief.said["session_id"] in done.json["ended"]
    assert thief.send("GET", "/auth/me").code == "credential_revoked"
    assert ada.send("GET", "/auth/me").status == 200
    assert Visitor(server, "session", "bearer").log_in(password=PASSWORD).code == "login_failed"
    assert [event["event"]["reason"] for event in server.events("revoke")] == ["password"]
