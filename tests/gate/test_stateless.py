"""JWTs without a store: valid until `exp`, and the API says so."""

from typing import Any

import pytest
from support.clock import Clock

from gatepass import (
    ExpiredCredential,
    MalformedCredential,
    ModeNotEnabled,
    NoStore,
    NotRevocable,
    Subject,
    UnknownCredential,
)
from gatepass.core.keyring import KeyRing
from gatepass.core.opaque import RefreshToken, SessionToken
from gatepass.keys import KeyFile
from gatepass.policy import LEEWAY


@pytest.fixture
def gate(make_gate: Any, ring: KeyRing) -> Any:
    return make_gate(mode="jwt", keys=ring)


def test_a_token_lives_a_quarter_of_an_hour(gate: Any, clock: Clock) -> None:
    credentials = gate.login("ada", roles={"admin"}, claims={"tenant": 7})
    assert credentials.expires_in == credentials.session_expires_in == 900
    assert credentials.refresh_token is None

    who = gate.authenticate(credentials.access_token)
    assert (who.subject, who.mode, who.roles, who.claims) == ("ada", "jwt", {"admin"}, {"tenant": 7})
    clock.advance(900 + LEEWAY)
    with pytest.raises(ExpiredCredential):
        gate.authenticate(credentials.access_token)


def test_the_api_says_what_it_cannot_do(gate: Any, clock: Clock) -> None:
    access = gate.login("ada").access_token
    clock.advance(100)

    with pytest.raises(NotRevocable) as refusal:
        gate.revoke(token=access)
    assert refusal.value.seconds_left == 800 + LEEWAY
    assert gate.logout(access).tokens_alive_until == clock.now + 800 + LEEWAY
    assert gate.authenticate(access).subject == "ada"

    clock.advance(900)
    assert gate.logout(access).tokens_alive_until is None
    assert gate.revoke(token=access).ended == ()


def test_without_a_store_there_is_nothing_to_list_end_or_change(gate: Any) -> None:
    access = gate.login("ada").access_token
    for verb in (
        lambda: gate.sessions("ada"),
        lambda: gate.session(access),
        lambda: gate.update("ada", roles=set()),
        lambda: gate.revoke(session="x"),
        lambda: gate.revoke(subject="ada"),
        lambda: gate.revoke(kid="x"),
        lambda: gate.forget("ada"),
        gate.purge,
    ):
        with pytest.raises(NoStore):
            verb()


def test_other_kinds_of_credential_are_unknown(gate: Any) -> None:
    session = str(SessionToken("A" * 22, bytes(32)))
    refresh = str(RefreshToken("A" * 22, 0, bytes(32)))
    for verb in (gate.authenticate, gate.logout):
        for token in (session, refresh):
            with pytest.raises(UnknownCredential):
                verb(token)
    with pytest.raises(ModeNotEnabled):
        gate.refresh(refresh)
    with pytest.raises(MalformedCredential):
        gate.logout("x")
    with pytest.raises(ModeNotEnabled):
        gate.login("ada", mode="session")


def test_a_step_up_gives_a_token_with_a_new_auth_time(gate: Any, clock: Clock) -> None:
    old = gate.login("ada", roles={"admin"})
    clock.advance(60)

    who = gate.authenticate(gate.step_up(old.access_token).access_token)

    assert (who.subject, who.roles, who.auth_time) == ("ada", {"admin"}, clock.now)
    assert who.session_id != old.session_id


def test_the_hook_is_asked_at_login(make_gate: Any, ring: KeyRing) -> None:
    gate = make_gate(mode="jwt", keys=ring, load_subject={"ada": Subject(roles=frozenset({"admin"}))}.get)

    assert gate.authenticate(gate.login("ada").access_token).roles == {"admin"}


def test_what_the_client_came_with_does_not_matter(gate: Any) -> None:
    old = gate.login("ada")

    assert gate.authenticate(gate.login("ada", replaces=old.access_token).access_token).subject == "ada"


def test_logins_and_checks_ask_no_store(gate: Any) -> None:
    """There is none to ask: a flow that did would be refused."""
    assert gate.authenticate(gate.login("ada").access_token)


def test_a_key_that_another_process_made_is_found(make_gate: Any, tmp_path: Any, clock: Clock) -> None:
    """The file is read again when a token names a key that is not in the ring at hand."""
    path = tmp_path / "keys" / "keys.json"
    here, there = (make_gate(mode="jwt", keys=KeyFile(path, clock=clock)) for _ in range(2))
    before = here.login("ada").access_token
    assert there.authenticate(before).subject == "ada"
    KeyFile(path, clock=clock).rotate(at_once=True)
    late = make_gate(mode="jwt", keys=KeyFile(path, clock=clock))
    after = late.login("ada").access_token

    for gate in (here, there, late):
        for token in (before, after):
            assert gate.authenticate(token).subject == "ada"
    with pytest.raises(UnknownCredential):
        here.authenticate(make_gate(mode="jwt", keys=KeyFile(tmp_path / "other.json")).login("ada").access_token)
