"""Refresh tokens: one successor, a short grace for its parent, and the end of the session for anything older."""

from typing import Any

import pytest
from support.clock import Clock

from gatepass import (
    SOMEWHERE,
    Client,
    Credentials,
    Event,
    KeyUnavailable,
    Policy,
    ReplayedCredential,
    RevokedCredential,
    StoreError,
    Subject,
    UnknownCredential,
)
from gatepass.core.flow import Find, Swap
from gatepass.core.keyring import KeyRing
from gatepass.core.opaque import RefreshToken, parse
from gatepass.keys import new_ring
from gatepass.stores import Store


@pytest.fixture
def gate(make_gate: Any, store: Store, ring: KeyRing) -> Any:
    return make_gate(store, mode="hybrid", keys=ring)


def generation(credentials: Credentials) -> int:
    token = parse(credentials.refresh_token or "")
    assert isinstance(token, RefreshToken)
    return token.generation


def test_an_exchange_gives_the_next_of_both(gate: Any, clock: Clock) -> None:
    first = gate.login("ada", roles={"admin"})
    logged_in = clock.now
    clock.advance(60)

    second = gate.refresh(first.refresh_token)

    assert (generation(first), generation(second)) == (0, 1)
    assert second.session_id == first.session_id
    who = gate.authenticate(second.access_token)
    assert (who.subject, who.roles, who.auth_time) == ("ada", {"admin"}, logged_in)
    assert who.expires_at == clock.now + gate.policy.access_ttl
    assert gate.authenticate(first.access_token) is not None  # it lives out its five minutes


def test_a_parent_within_grace_gets_the_same_successor(gate: Any, clock: Clock) -> None:
    """Two tabs, a lost answer, a crash after the commit: nobody is logged out."""
    first = gate.login("ada")
    second = gate.refresh(first.refresh_token)
    clock.advance(gate.policy.grace - 1)

    again = gate.refresh(first.refresh_token)

    assert again.refresh_token == second.refresh_token
    assert again.access_token != second.access_token
    assert gate.authenticate(again.access_token).session_id == first.session_id


def test_a_parent_after_grace_ends_the_session(gate: Any, clock: Clock) -> None:
    first = gate.login("ada")
    second = gate.refresh(first.refresh_token)
    clock.advance(gate.policy.grace)

    with pytest.raises(ReplayedCredential) as replay:
        gate.refresh(first.refresh_token)

    assert replay.value.session_id == first.session_id
    for token in (first.access_token, second.access_token):
        with pytest.raises(RevokedCredential):
            gate.authenticate(token)
    with pytest.raises(RevokedCredential):
        gate.refresh(second.refresh_token)
    assert [row.ended_reason for row in gate.sessions("ada")] == ["replayed"]


def test_a_grandparent_ends_the_session_at_any_time(gate: Any) -> None:
    """Also within grace: who holds it has not been this client for two exchanges."""
    first = gate.login("ada")
    second = gate.refresh(first.refresh_token)
    third = gate.refresh(second.refresh_token)

    with pytest.raises(ReplayedCredential):
        gate.refresh(first.refresh_token)
    with pytest.raises(RevokedCredential):
        gate.refresh(third.refresh_token)


def test_without_grace_an_exchanged_token_ends_the_session(make_gate: Any, store: Store, ring: KeyRing) -> None:
    gate = make_gate(store, mode="hybrid", keys=ring, policy=Policy(grace=0))
    first = gate.login("ada")
    gate.refresh(first.refresh_token)

    with pytest.raises(ReplayedCredential):
        gate.refresh(first.refresh_token)


def test_what_was_used_is_known_after_a_restart(make_gate: Any, store: Store, ring: KeyRing, clock: Clock) -> None:
    """Nothing of the decision is in a process's memory."""
    before = make_gate(store, mode="hybrid", keys=ring)
    first = before.login("ada")
    before.refresh(first.refresh_token)
    clock.advance(60)
    after = make_gate(store, mode="hybrid", keys=ring)

    with pytest.raises(ReplayedCredential):
        after.refresh(first.refresh_token)


def test_a_made_up_secret_ends_nothing(gate: Any) -> None:
    """Or a stranger who saw a session id could log its owner out."""
    credentials = gate.login("ada")
    for made_up in range(3):
        with pytest.raises(UnknownCredential):
            gate.refresh(str(RefreshToken(credentials.session_id, made_up, bytes(32))))

    assert generation(gate.refresh(credentials.refresh_token)) == 1


def test_a_session_id_of_another_mode_opens_nothing(make_gate: Any, store: Store, ring: KeyRing) -> None:
    gate = make_gate(store, mode="session", keys=ring)
    credentials = gate.login("ada")

    with pytest.raises(UnknownCredential):
        gate.refresh(str(RefreshToken(credentials.session_id, 0, bytes(32))))


def test_a_generation_that_the_store_lost_is_exchanged(gate: Any, store: Store) -> None:
    """A failover took the latest exchanges with it; the client that holds one is no thief."""
    first = gate.login("ada")
    lost = store.answer(Find(first.session_id))
    third = gate.refresh(gate.refresh(first.refresh_token).refresh_token)
    now = store.answer(Find(first.session_id))
    assert store.answer(Swap(lost, now.version))  # as a store restored from yesterday would have it

    fourth = gate.refresh(third.refresh_token)

    assert generation(fourth) == 3
    assert gate.authenticate(fourth.access_token).subject == "ada"


def test_rotated_keys_change_no_successor(make_gate: Any, store: Store, ring: KeyRing) -> None:
    """The refresh key is fixed in the row at login."""
    first = make_gate(store, mode="hybrid", keys=ring).login("ada")
    second = make_gate(store, mode="hybrid", keys=ring).refresh(first.refresh_token)
    fresh = new_ring(ring.signing.alg, now=1_900_000_000)
    rotated = ring.published(fresh.signing, fresh.roots[0], now=1_900_000_000, signs_from=1_900_000_000, keep=86_400)

    gate = make_gate(store, mode="hybrid", keys=rotated)
    assert gate.refresh(first.refresh_token).refresh_token == second.refresh_token
    third = gate.refresh(second.refresh_token)
    assert gate.authenticate(third.access_token).session_id == first.session_id
    assert gate.authenticate(first.access_token).session_id == first.session_id


def test_a_node_without_the_key_says_503(make_gate: Any, store: Store, ring: KeyRing) -> None:
    """It cannot tell a good token from a bad one, so it decides nothing; another node can."""
    credentials = make_gate(store, mode="hybrid", keys=ring).login("ada")
    elsewhere = make_gate(store, mode="hybrid", keys=new_ring(ring.signing.alg, now=1_900_000_000))

    with pytest.raises(KeyUnavailable) as fault:
        elsewhere.refresh(credentials.refresh_token)

    assert fault.value.status == 503
    assert isinstance(fault.value, StoreError)
    assert generation(make_gate(store, mode="hybrid", keys=ring).refresh(credentials.refresh_token)) == 1


def test_who_is_not_active_cannot_refresh(make_gate: Any, store: Store, ring: KeyRing) -> None:
    users = {"ada": Subject(roles=frozenset({"admin"}))}
    gate = make_gate(store, mode="hybrid", keys=ring, load_subject=users.get)
    first = gate.login("ada")
    second = gate.refresh(first.refresh_token)
    users["ada"] = Subject(active=False)

    for token in (second.refresh_token, first.refresh_token):
        with pytest.raises(RevokedCredential):
            gate.refresh(token)
    assert [row.ended_reason for row in gate.sessions("ada")] == ["inactive"]


def test_a_refresh_reads_the_roles_again(make_gate: Any, store: Store, ring: KeyRing) -> None:
    users = {"ada": Subject(roles=frozenset({"admin"}))}
    gate = make_gate(store, mode="hybrid", keys=ring, load_subject=users.get)
    credentials = gate.login("ada")
    users["ada"] = Subject(roles=frozenset({"clerk"}), claims={"tenant": 1})

    who = gate.authenticate(gate.refresh(credentials.refresh_token).access_token)

    assert (who.roles, who.claims) == ({"clerk"}, {"tenant": 1})


def test_a_replay_names_both_clients(make_gate: Any, store: Store, ring: KeyRing, clock: Clock) -> None:
    """So that somebody can tell a thief from a tab."""
    events: list[Event] = []
    gate = make_gate(store, mode="hybrid", keys=ring, on_event=events.append)
    first = gate.login("ada", client=Client(ip="192.0.2.1"))
    gate.refresh(first.refresh_token, client=Client(ip="192.0.2.2"))
    clock.advance(60)
    for _ in range(2):
        with pytest.raises((ReplayedCredential, RevokedCredential)):
            gate.refresh(first.refresh_token, client=Client(ip="203.0.113.9"))

    [replay] = [event for event in events if event.kind == "replay"]
    assert (replay.client.ip, replay.holder) == ("203.0.113.9", Client(ip="192.0.2.2"))
    assert replay.session_ids == (first.session_id,)


def test_a_refresh_that_does_not_say_from_where_leaves_the_device(gate: Any) -> None:
    first = gate.login("ada", client=Client(ip="192.0.2.1"))
    gate.refresh(first.refresh_token)

    assert gate.sessions("ada")[0].client == Client(ip="192.0.2.1") != SOMEWHERE


@pytest.mark.parametrize("held", ["access", "refresh", "exchanged"])
def test_any_genuine_credential_logs_out(gate: Any, clock: Clock, held: str) -> None:
    """Also an access token that has expired: or the refresh token would outlive the logout."""
    first = gate.login("ada")
    second = gate.refresh(first.refresh_token)
    clock.advance(3_600)

    gate.logout({"access": first.access_token, "refresh": second.refresh_token, "exchanged": first.refresh_token}[held])

    with pytest.raises(RevokedCredential):
        gate.refresh(second.refresh_token)
