"""What happens between two questions of one flow: each place where the world may change under it, changed."""

from typing import Any

import pytest
from support.faults import Meanwhile
from support.gates import RegisteringGate

from gatepass import (
    Credentials,
    Event,
    Gate,
    ReplayedCredential,
    RevokedCredential,
    StoreError,
    UnknownCredential,
)
from gatepass.core.flow import Add, End, Find, Swap
from gatepass.core.keyring import KeyRing
from gatepass.core.rotation import ATTEMPTS
from gatepass.keys import new_ring
from gatepass.stores import Store


@pytest.fixture(scope="module")
def ring() -> KeyRing:
    """One is enough: nothing here depends on the kind of key."""
    return new_ring("HS256", now=1_900_000_000)


@pytest.fixture
def other(store: Store, ring: KeyRing, clock: Any) -> Gate:
    """Another request, which is quicker."""
    return RegisteringGate(store, mode="hybrid", keys=ring, clock=clock)


@pytest.fixture
def held(other: Gate) -> Credentials:
    return other.login("ada", roles={"admin"}, data={"cart": 1})


@pytest.fixture
def gate(make_gate: Any, ring: KeyRing) -> Any:
    """The request in the middle of which it happens."""
    return lambda store, **options: make_gate(store, mode="hybrid", keys=ring, **options)


def test_a_login_goes_on_if_the_session_it_replaces_ends(gate: Any, store: Store, other: Gate, held: Any) -> None:
    """Who has just proved who they are is not sent away for what happened to an old session."""
    interrupted = gate(Meanwhile(store, lambda: other.revoke(session=held.session_id), before=Add))

    credentials = interrupted.login("ada", replaces=held.access_token)

    assert interrupted.authenticate(credentials.access_token).subject == "ada"
    assert {row.ended_reason for row in other.sessions("ada")} == {None, "revoked"}


def test_a_step_up_does_not_continue_what_has_ended(gate: Any, store: Store, other: Gate, held: Any) -> None:
    """Or a request in flight would revive a session that was ended while it ran."""
    interrupted = gate(Meanwhile(store, lambda: other.revoke(session=held.session_id), before=Add))

    with pytest.raises(RevokedCredential):
        interrupted.step_up(held.access_token)
    assert [row.ended_reason for row in other.sessions("ada")] == ["revoked"]


def test_a_refresh_that_loses_to_a_change_of_roles_has_the_new_ones(
    gate: Any, store: Store, other: Gate, held: Any
) -> None:
    interrupted = gate(Meanwhile(store, lambda: other.update("ada", roles={"clerk"}), before=Swap))

    renewed = interrupted.refresh(held.refresh_token)

    assert interrupted.authenticate(renewed.access_token).roles == {"clerk"}


def test_a_refresh_that_loses_to_its_twin_gets_the_same_successor(
    gate: Any, store: Store, other: Gate, held: Any
) -> None:
    won: list[Credentials] = []
    interrupted = gate(Meanwhile(store, lambda: won.append(other.refresh(held.refresh_token)), before=Swap))

    assert interrupted.refresh(held.refresh_token).refresh_token == won[0].refresh_token


def test_a_refresh_that_loses_to_an_end_is_refused(gate: Any, store: Store, other: Gate, held: Any) -> None:
    """The end is seen in the same step that would have made the successor."""
    interrupted = gate(Meanwhile(store, lambda: other.revoke(subject="ada"), before=Swap))

    with pytest.raises(RevokedCredential):
        interrupted.refresh(held.refresh_token)


def test_a_session_that_never_rests_is_a_fault(gate: Any, store: Store, other: Gate, held: Any) -> None:
    """After so many lost turns nothing has been decided, and the same token can be tried again."""
    turns: list[object] = []

    def change() -> None:
        turns.append(other.update("ada", roles={f"{len(turns)}"}))

    interrupted = gate(Meanwhile(store, change, before=Swap, always=True))
    with pytest.raises(StoreError, match="too often"):
        interrupted.refresh(held.refresh_token)
    assert len(turns) == ATTEMPTS

    with pytest.raises(StoreError, match="too often"):
        interrupted.update("ada", claims={"a": 1})
    assert len(turns) == 2 * ATTEMPTS
    assert gate(store).refresh(held.refresh_token).session_id == held.session_id


def test_of_two_replays_at_once_one_ends_the_session_and_tells(
    gate: Any, store: Store, other: Gate, held: Any, clock: Any
) -> None:
    other.refresh(held.refresh_token)
    clock.advance(60)
    events: list[Event] = []

    def replay() -> None:
        with pytest.raises(ReplayedCredential):
            RegisteringGate(store, mode="hybrid", keys=interrupted_ring, clock=clock, on_event=events.append).refresh(
                held.refresh_token
            )

    interrupted_ring = other._keys
    interrupted = gate(Meanwhile(store, replay, before=End), on_event=events.append)
    with pytest.raises(ReplayedCredential):
        interrupted.refresh(held.refresh_token)

    assert [event.kind for event in events] == ["replay"]


def test_who_is_disabled_while_another_ends_the_session_is_refused(
    gate: Any, store: Store, other: Gate, held: Any
) -> None:
    interrupted = gate(Meanwhile(store, lambda: other.revoke(subject="ada"), before=End), load_subject=lambda _: None)

    with pytest.raises(RevokedCredential) as refusal:
        interrupted.refresh(held.refresh_token)
    assert refusal.value.ended_at is None


def test_an_update_takes_its_turn_after_a_refresh(gate: Any, store: Store, other: Gate, held: Any) -> None:
    interrupted = gate(Meanwhile(store, lambda: other.refresh(held.refresh_token), before=Swap))
    interrupted.update("ada", roles={"clerk"})

    [row] = other.sessions("ada")
    assert row.roles == {"clerk"}
    assert row.generation == 1


@pytest.mark.parametrize("gone", ["ended", "forgotten"])
def test_an_update_passes_over_what_has_gone(gate: Any, store: Store, other: Gate, held: Any, gone: str) -> None:
    deed = other.forget if gone == "forgotten" else lambda subject: other.revoke(subject=subject)
    interrupted = gate(Meanwhile(store, lambda: deed("ada"), before=Swap))

    interrupted.update("ada", roles={"clerk"})

    assert [row.roles for row in other.sessions("ada")] == ([{"admin"}] if gone == "ended" else [])
    with pytest.raises(RevokedCredential):
        other.authenticate(held.access_token)


def test_data_is_not_written_over_a_newer_one(gate: Any, store: Store, other: Gate, held: Any) -> None:
    """Also when the other writer comes between our reading and our writing."""
    read = other.session(held.access_token)
    interrupted = gate(Meanwhile(store, lambda: other.set_data(read, {"cart": 2}), before=Swap))

    assert not interrupted.set_data(read, {"cart": 3})
    assert other.session(held.access_token).data == {"cart": 2}


def test_a_row_that_was_removed_is_unknown(gate: Any, store: Store, other: Gate, held: Any) -> None:
    read = other.session(held.access_token)
    interrupted = gate(Meanwhile(store, lambda: other.forget("ada"), before=Find))

    with pytest.raises((UnknownCredential, RevokedCredential)):
        interrupted.session(held.access_token)
    with pytest.raises(UnknownCredential):
        interrupted.set_data(read, {})
    assert interrupted.logout(held.access_token).ended == ()
