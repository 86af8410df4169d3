"""What was refused stays refused, and what was changed stays changed, as long as a token lives and across nodes."""

import asyncio
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.clock import Clock
from support.faults import Meanwhile
from support.gates import RegisteringAsyncGate, RegisteringGate
from support.register import Register
from support.workers import DEADLINE

from gatepass import (
    Credentials,
    Event,
    ExpiredCredential,
    Gate,
    KeyUnavailable,
    LoginFailed,
    Mode,
    Policy,
    ReplayedCredential,
    RevokedCredential,
    StoreError,
    Subject,
    UnknownCredential,
)
from gatepass.core.flow import Add, Swap
from gatepass.core.keyring import KeyRing
from gatepass.keys import KeyFile, new_ring
from gatepass.policy import LEEWAY
from gatepass.stores import Store
from gatepass.stores.memory import MemoryStore
from gatepass.stores.sqlite import SqliteStore


@pytest.fixture(scope="module")
def ring() -> KeyRing:
    """One is enough: nothing here depends on the kind of key."""
    return new_ring("HS256", now=1_900_000_000)


REFUSALS: dict[str, Callable[[Any, Credentials], object]] = {
    "logout": lambda gate, held: gate.logout(held.access_token),
    "session": lambda gate, held: gate.revoke(session=held.session_id),
    "subject": lambda gate, held: gate.revoke(subject="ada"),
    "token": lambda gate, held: gate.revoke(token=held.access_token),
    "new roles": lambda gate, held: gate.update("ada", roles=set()),
    "nothing": lambda gate, held: None,
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_outlives_the_token(
    refusal: str, make_gate: Any, store: Store, ring: KeyRing, mode: Mode, clock: Clock
) -> None:
    """To the last second that a token could live, with everything purged that may be, also in a process that is new.

    The honest twin, to which nothing was done, is good to that second.
    """
    gate = make_gate(store, mode=mode, keys=ring)
    held = gate.login("ada", roles={"admin"})
    clock.advance(held.expires_in // 2)
    REFUSALS[refusal](gate, held)
    tokens = mode != "session"
    clock.advance(held.expires_in - held.expires_in // 2 + (LEEWAY if tokens else 0) - 1)
    gate.purge()
    spared = refusal == "nothing" or (refusal == "new roles" and mode != "hybrid")

    for node in (gate, make_gate(store, mode=mode, keys=ring)):
        if spared:
            assert node.authenticate(held.access_token).subject == "ada"
        else:
            with pytest.raises((RevokedCredential, ExpiredCredential)):
                node.authenticate(held.access_token)


def test_a_refused_key_is_refused_for_years(make_gate: Any, store: Store, ring: KeyRing, clock: Clock) -> None:
    """A thief who has it signs tokens with any end."""
    fresh = new_ring("HS256", now=0)
    rotated = ring.published(fresh.signing, fresh.roots[0], now=0, signs_from=0, keep=10**10)
    make_gate(store, mode="jwt", keys=rotated).revoke(kid=ring.signing.kid)
    clock.advance(5 * 365 * 86_400)
    forged = make_gate(store, mode="jwt", keys=ring).login("ada").access_token

    gate = make_gate(store, mode="jwt", keys=rotated)
    gate.purge()
    with pytest.raises(RevokedCredential):
        gate.authenticate(forged)


@pytest.mark.parametrize("behind", [0, 8, 60, 400])
def test_a_token_is_refused_to_its_end_whoever_ended_it(
    make_gate: Any, store: Store, ring: KeyRing, clock: Clock, behind: int
) -> None:
    """By a node whose clock is behind the one that minted it."""
    gate = make_gate(store, mode="hybrid", keys=ring)
    held = gate.login("ada")
    Gate(store, mode="hybrid", keys=ring, clock=Clock(clock.now - behind)).revoke(subject="ada")

    for _ in range(gate.policy.access_ttl + LEEWAY):
        for node in (gate, make_gate(store, mode="hybrid", keys=ring)) if clock.now % 50 == 0 else (gate,):
            with pytest.raises(RevokedCredential):
                node.authenticate(held.access_token)
        clock.advance(1)


def test_a_purge_by_a_clock_that_is_ahead_removes_nothing_alive(
    make_gate: Any, store: Store, ring: KeyRing, clock: Clock
) -> None:
    gate = make_gate(store, mode="hybrid", keys=ring)
    held = gate.login("ada")
    gate.revoke(subject="ada")
    gate.login("grace")
    gate.revoke(subject="grace")  # so that the entry is not the last one, which stays anyway
    Gate(store, mode="hybrid", keys=ring, clock=Clock(clock.now + 3_500)).purge()

    with pytest.raises(RevokedCredential):
        make_gate(store, mode="hybrid", keys=ring).authenticate(held.access_token)


def test_a_step_up_does_not_bring_roles_back(
    make_gate: Any, store: Store, ring: KeyRing, mode: Mode, clock: Clock
) -> None:
    """A token of jwt mode still says admin; the row, which says what holds, does not."""
    gate = make_gate(store, mode=mode, keys=ring)
    held = gate.login("ada", roles={"admin"})
    gate.update("ada", roles=set())
    if mode == "hybrid":
        held = gate.refresh(held.refresh_token)

    assert gate.authenticate(gate.step_up(held.access_token).access_token).roles == frozenset()
    assert {row.roles for row in gate.sessions("ada")} == {frozenset()}


@pytest.mark.parametrize("verb", ["step_up", "login"])
def test_what_was_written_meanwhile_is_carried_over(
    make_gate: Any, store: Store, ring: KeyRing, mode: Mode, clock: Clock, verb: str
) -> None:
    """Roles that were taken away and data that was acknowledged, between the reading of the old session and its end."""
    other = RegisteringGate(store, mode=mode, keys=ring, clock=clock)
    held = other.login("ada", roles={"admin"}, data={"cart": "open"})

    def write() -> None:
        assert other.set_data(other.session(held.access_token), {"cart": "paid"})
        other.update("ada", roles={"clerk"})

    gate = make_gate(Meanwhile(store, write, before=Add), mode=mode, keys=ring)
    if verb == "step_up":
        new = gate.step_up(held.access_token)
        assert gate.authenticate(new.access_token).roles == {"clerk"}
    else:
        new = gate.login("ada", replaces=held.access_token)
    assert gate.session(new.access_token).data == {"cart": "paid"}


def test_another_subject_is_carried_nothing_over_meanwhile(
    make_gate: Any, store: Store, ring: KeyRing, clock: Clock
) -> None:
    other = RegisteringGate(store, keys=ring, clock=clock)
    held = other.login("ada")

    def write() -> None:
        assert other.set_data(other.session(held.access_token), {"secret": "of ada"})

    gate = make_gate(Meanwhile(store, write, before=Add), keys=ring)
    assert gate.session(gate.login("grace", replaces=held.access_token).access_token).data == {}


def test_every_live_session_is_updated(make_gate: Any, store: Store, ring: KeyRing) -> None:
    """Also the 1,001st: a list for a page has a limit, and this has none."""
    gate = make_gate(store, mode="hybrid", keys=ring)
    for _ in range(1_001 if isinstance(store, MemoryStore) else 3):
        gate.login("ada", roles={"admin"})

    gate.update("ada", roles={"clerk"})

    assert {row.roles for row in gate.sessions("ada", limit=2_000)} == {frozenset({"clerk"})}


def test_a_use_that_is_noted_meanwhile_is_not_undone(make_gate: Any, store: Store, clock: Clock) -> None:
    """Or whoever writes data would shorten the life of the session."""
    policy = Policy(idle=600)
    other = RegisteringGate(store, clock=clock, policy=policy)
    held = other.login("ada")
    born = clock.now
    clock.advance(500)
    gate = make_gate(Meanwhile(store, lambda: other.authenticate(held.access_token), before=Swap), policy=policy)

    assert gate.set_data(gate.session(held.access_token), {"a": 1})
    assert gate.sessions("ada")[0].seen_at == born + 500


# -- keys --------------------------------------------------------------------------------------------------------------


def test_a_rotation_reaches_a_gate_that_runs(
    make_gate: Any, store: Store, mode: Mode, tmp_path: Path, clock: Clock
) -> None:
    """One process, one key file: rotate, refuse the old key, and go on."""
    if mode == "session":
        pytest.skip("sessions are not signed")
    keys = KeyFile(tmp_path / "keys.json", clock=clock)
    gate = make_gate(store, mode=mode, keys=keys)
    old = keys.ring().signing.kid
    before = gate.login("ada")
    keys.rotate(at_once=True)

    gate.revoke(kid=old)

    with pytest.raises(RevokedCredential):
        gate.authenticate(before.access_token)
    assert gate.authenticate(gate.login("ada").access_token).subject == "ada"
    if mode == "hybrid":
        assert gate.authenticate(gate.refresh(before.refresh_token).access_token).subject == "ada"


def test_keys_that_are_gone_are_a_fault_and_not_made_anew(make_gate: Any, store: Store, tmp_path: Path) -> None:
    """Or a stranger's token would log everybody out, on a machine that lost a volume."""
    path = tmp_path / "keys.json"
    gate = make_gate(store, mode="hybrid", keys=KeyFile(path))
    held = gate.login("ada")
    stranger = make_gate(store, mode="hybrid", keys=KeyFile(tmp_path / "other.json")).login("ada")
    path.rename(tmp_path / "away.json")

    with pytest.raises(KeyUnavailable):
        gate.authenticate(stranger.access_token)
    assert not path.exists()
    assert gate.authenticate(held.access_token).subject == "ada"
    (tmp_path / "away.json").rename(path)
    with pytest.raises(UnknownCredential):
        gate.authenticate(stranger.access_token)


def test_a_login_goes_on_if_nobody_can_tell_what_the_client_came_with(make_gate: Any, store: Store) -> None:
    """A refresh token under a key that was lost must not keep its owner out for ever."""
    lost = make_gate(store, mode="hybrid", keys=new_ring("HS256", now=0)).login("ada")
    gate = make_gate(store, mode="hybrid", keys=new_ring("HS256", now=0))

    assert gate.authenticate(gate.login("ada", replaces=lost.refresh_token).access_token).subject == "ada"


# -- refresh -----------------------------------------------------------------------------------------------------------


def test_a_slow_hook_does_not_use_up_the_grace(make_gate: Any, store: Store, ring: KeyRing, clock: Clock) -> None:
    """The answer to the first was lost; the retry comes a second after it was written, and 13 after it was begun."""

    def slow(_: str) -> Subject:
        clock.advance(12)
        return Subject()

    gate = make_gate(store, mode="hybrid", keys=ring, load_subject=slow)
    held = gate.login("ada")

    lost = gate.refresh(held.refresh_token)
    clock.advance(1)
    assert gate.refresh(held.refresh_token).refresh_token == lost.refresh_token


def test_who_loses_to_a_twin_is_no_replay_however_late(
    make_gate: Any, store: Store, ring: KeyRing, clock: Clock
) -> None:
    """The first is in its hook for 12 seconds; the twin that came later is quicker."""
    twin = RegisteringGate(store, mode="hybrid", keys=ring, clock=clock)
    held = twin.login("ada")
    won: list[Credentials] = []

    def meanwhile(_: str) -> Subject:
        if not won:
            clock.advance(12)
            won.append(twin.refresh(held.refresh_token))
        return Subject()

    gate = make_gate(store, mode="hybrid", keys=ring, load_subject=meanwhile)

    assert gate.refresh(held.refresh_token).refresh_token == won[0].refresh_token


def test_a_retry_has_the_roles_of_now(make_gate: Any, store: Store, ring: KeyRing) -> None:
    users = {"ada": Subject(roles=frozenset({"admin"}))}
    gate = make_gate(store, mode="hybrid", keys=ring, load_subject=users.get)
    first = gate.login("ada")
    second = gate.refresh(first.refresh_token)
    users["ada"] = Subject(roles=frozenset({"clerk"}))

    again = gate.refresh(first.refresh_token)

    assert again.refresh_token == second.refresh_token
    assert gate.authenticate(again.access_token).roles == {"clerk"}


def test_a_row_lives_as_long_as_its_session(make_gate: Any, store: Store, ring: KeyRing, clock: Clock) -> None:
    """Refreshed every ten days, and purged as often, to the 89th day."""
    gate = make_gate(store, mode="hybrid", keys=ring)
    held = gate.login("ada")
    for _ in range(8):
        clock.advance(10 * 86_400)
        gate.purge()
        held = gate.refresh(held.refresh_token)
    clock.advance(9 * 86_400)
    gate.purge()
    assert gate.refresh(held.refresh_token).session_id == held.session_id


# -- a store that lost something ---------------------------------------------------------------------------------------


def test_a_token_whose_row_was_lost_can_be_ended(make_gate: Any, ring: KeyRing, mode: Mode) -> None:
    """The process was restarted on a store in memory; the token it had minted lives on."""
    if mode == "session":
        pytest.skip("without its row a session is unknown")
    lost = make_gate(MemoryStore(), mode=mode, keys=ring).login("ada")
    gate = make_gate(MemoryStore(), mode=mode, keys=ring)
    assert gate.authenticate(lost.access_token).subject == "ada"

    assert gate.logout(lost.access_token).ended == (lost.session_id,)

    with pytest.raises(RevokedCredential):
        gate.authenticate(lost.access_token)


def test_a_database_that_was_put_back_is_seen_by_a_node_that_runs(
    make_gate: Any, tmp_path: Path, ring: KeyRing, mode: Mode
) -> None:
    path, backup = tmp_path / "gatepass.db", tmp_path / "backup.db"
    SqliteStore(path).close()
    shutil.copy(path, backup)
    node = make_gate(SqliteStore(path), mode=mode, keys=ring)
    node.login("ada")
    for leftover in (Path(f"{path}-wal"), Path(f"{path}-shm")):
        leftover.unlink(missing_ok=True)
    backup.replace(path)

    other = make_gate(SqliteStore(path), mode=mode, keys=ring)
    held = other.login("grace")
    assert node.authenticate(held.access_token).subject == "grace"
    other.revoke(subject="grace")
    with pytest.raises(RevokedCredential):
        node.authenticate(held.access_token)
    assert [row.subject for row in other.sessions("carl")] == []
    node.login("carl")
    assert [row.subject for row in other.sessions("carl")] == ["carl"]


def test_a_database_that_is_gone_is_a_fault(make_gate: Any, tmp_path: Path) -> None:
    """No end is acknowledged into a file that nobody will read."""
    path = tmp_path / "gatepass.db"
    gate = make_gate(SqliteStore(path))
    held = gate.login("ada")
    for file in tmp_path.glob("gatepass.db*"):
        file.unlink()

    with pytest.raises(StoreError):
        gate.authenticate(held.access_token)
    with pytest.raises(StoreError):
        gate.revoke(subject="ada")
    assert not path.exists()


# -- events, cancellation, forks ---------------------------------------------------------------------------------------


def test_every_verb_that_changes_something_is_told(
    make_gate: Any, store: Store, ring: KeyRing, mode: Mode, clock: Clock
) -> None:
    told: list[Event] = []
    gate = make_gate(store, mode=mode, keys=ring, on_event=told.append)
    first = gate.login("ada")
    second = gate.login("ada", replaces=first.access_token)
    if mode == "hybrid":
        gate.refresh(second.refresh_token)
    third = gate.step_up(second.access_token)
    gate.update("ada", roles=set())
    gate.revoke(session=third.session_id)
    fourth = gate.login("ada")
    gate.logout(fourth.access_token)

    ids = [c.session_id for c in (first, second, third, fourth)]
    expected = [
        ("login", ids[0], ()),
        ("login", ids[1], (ids[0],)),
        ("refresh", ids[1], ()),
        ("step_up", ids[2], (ids[1],)),
        ("update", ids[2], ()),
        ("revoke", ids[2], ()),
        ("login", ids[3], ()),
        ("logout", ids[3], ()),
    ]
    seen = [(event.kind, event.session_ids[0], event.ended) for event in told]
    assert seen == [row for row in expected if row[0] != "refresh" or mode == "hybrid"]
    assert {event.subject for event in told} == {"ada"}


def test_a_session_that_ends_because_its_subject_was_disabled_is_told(
    make_gate: Any, store: Store, ring: KeyRing
) -> None:
    users = {"ada": Subject()}
    told: list[Event] = []
    gate = make_gate(store, mode="hybrid", keys=ring, load_subject=users.get, on_event=told.append)
    held = gate.login("ada")
    users.clear()
    with pytest.raises(RevokedCredential):
        gate.refresh(held.refresh_token)

    assert (told[-1].kind, told[-1].reason) == ("revoke", "inactive")


def test_a_logout_is_told_although_its_client_hung_up(tmp_path: Path, register: Register) -> None:
    """Or a client could erase its traces by hanging up."""
    told: list[Event] = []

    async def main() -> None:
        store = SqliteStore(tmp_path / "gatepass.db")
        gate = RegisteringAsyncGate(store, on_event=told.append)
        for _ in range(20):
            held = await gate.login("ada")
            hung_up = asyncio.create_task(gate.logout(held.access_token))
            await asyncio.sleep(0)
            hung_up.cancel()
            with pytest.raises(asyncio.CancelledError):
                await hung_up
        await asyncio.gather(*gate._tasks)
        gate.close()

    asyncio.run(main())
    assert [event.kind for event in told].count("logout") == 20


def test_a_hook_that_fails_when_it_is_asked_again_issues_nothing(make_gate: Any, store: Store, ring: KeyRing) -> None:
    """What the application's own hook raises goes to the application; the row that was added, nobody holds."""
    asked: list[str] = []

    def load(subject: str) -> Subject:
        asked.append(subject)
        if len(asked) == 2:
            raise ConnectionError
        return Subject()

    gate = make_gate(store, mode="hybrid", keys=ring, load_subject=load)
    with pytest.raises(ConnectionError):
        gate.login("ada")
    with pytest.raises(LoginFailed):
        make_gate(store, mode="hybrid", keys=ring, load_subject=lambda _: None).login("ada")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_process_forked_in_the_middle_of_anything_can_check(tmp_path: Path, register: Register) -> None:
    """The locks of denylist and key file were held by a thread that the child does not have."""
    keys = KeyFile(tmp_path / "keys.json")
    gate = RegisteringGate(SqliteStore(tmp_path / "gatepass.db"), mode="hybrid", keys=keys)
    held, ended = gate.login("ada"), gate.login("grace")
    gate.revoke(subject="grace")
    gate.authenticate(held.access_token)
    with gate._denylist._lock, keys._mutex:
        child = os.fork()
        if child == 0:
            signal.alarm(int(DEADLINE))  # a child that hangs is ended by it, and its status says so
            good = False
            try:
                good = gate.authenticate(gate.refresh(held.refresh_token).access_token).subject == "ada"
                gate.authenticate(ended.access_token)
            except RevokedCredential:
                os._exit(0 if good else 1)
            finally:
                os._exit(2)
    _, status = os.waitpid(child, 0)
    gate.close()
    assert status == 0


def test_a_replay_and_its_honest_twin(make_gate: Any, store: Store, ring: KeyRing, clock: Clock) -> None:
    """Side by side: what ends one session leaves the other."""
    gate = make_gate(store, mode="hybrid", keys=ring)
    thief, honest = gate.login("ada"), gate.login("ada")
    for held in (thief, honest):
        gate.refresh(held.refresh_token)
    clock.advance(60)
    with pytest.raises(ReplayedCredential):
        gate.refresh(thief.refresh_token)
    assert [row.ended_reason for row in gate.sessions("ada")] == [None, "replayed"]
