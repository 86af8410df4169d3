"""Disabling a user against a login that is under way: one of the two always sees the other."""

import sys
import threading
from typing import Any

import pytest
from support.faults import Meanwhile
from support.gates import RegisteringGate
from support.register import Register

from gatepass import ConfigurationError, Event, LoginFailed, Mode, Subject
from gatepass.core.flow import Add
from gatepass.core.keyring import KeyRing
from gatepass.keys import new_ring
from gatepass.stores import Store

TIMES = 2_000


@pytest.fixture(scope="module")
def ring() -> KeyRing:
    """One is enough: nothing here depends on the kind of key."""
    return new_ring("HS256", now=1_900_000_000)


@pytest.fixture
def quick_switches() -> Any:
    """Threads take turns as often as possible, so that a race is one."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


class Directory:
    """The application's users: one, who can be disabled."""

    active = True

    def load(self, subject: str) -> Subject | None:
        return Subject(active=self.active) if subject == "ada" else None


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("quick_switches")
def test_no_session_survives_that_the_hook_refused(
    store: Store, ring: KeyRing, mode: Mode, register: Register, capsys: pytest.CaptureFixture[str]
) -> None:
    """Disable first, then end all sessions: 2,000 times against a login that starts at the same moment."""
    users = Directory()
    gate = RegisteringGate(store, mode=mode, keys=ring, load_subject=users.load)
    start, done = threading.Barrier(2, timeout=20), threading.Barrier(2, timeout=20)
    outcomes: dict[str, int] = {"logged in, then ended": 0, "refused": 0}

    def disable() -> None:
        for round_ in range(TIMES):
            start.wait()
            for _ in range(round_ % 128):  # every place of the login is met by the disabling
                gate.sessions("nobody")
            users.active = False
            gate.revoke(subject="ada")
            done.wait()

    thread = threading.Thread(target=disable)
    thread.start()
    for _ in range(TIMES):
        users.active = True
        start.wait()
        try:
            register.issued(gate.login("ada"))
            outcomes["logged in, then ended"] += 1
        except LoginFailed:
            outcomes["refused"] += 1
        done.wait()
        live = [row for row in gate.sessions("ada", limit=5) if row.ended_at is None]
        if live:
            start.abort()
            done.abort()
        assert live == []
    thread.join(20)

    with capsys.disabled():
        print(f"\n  {mode}, {type(store).__name__}: {outcomes}")
    assert min(outcomes.values()) > 0, "there was no race"


def test_a_user_disabled_after_the_row_was_added_is_not_logged_in(
    make_gate: Any, store: Store, mode: Mode, ring: KeyRing
) -> None:
    """The one interleaving that an ending before it cannot see."""
    users = Directory()

    def disable() -> None:
        users.active = False

    gate = make_gate(Meanwhile(store, disable, after=Add), mode=mode, keys=ring, load_subject=users.load)
    with pytest.raises(LoginFailed):
        gate.login("ada")

    assert [row.ended_reason for row in gate.sessions("ada")] == ["inactive"]


def test_roles_taken_away_after_the_row_was_added_are_not_issued(
    make_gate: Any, store: Store, mode: Mode, ring: KeyRing
) -> None:
    """`update` looked for sessions before this one was there."""
    users = {"ada": Subject(roles=frozenset({"admin"}))}

    def demote() -> None:
        users["ada"] = Subject(roles=frozenset({"clerk"}))

    gate = make_gate(Meanwhile(store, demote, after=Add), mode=mode, keys=ring, load_subject=users.get)
    credentials = gate.login("ada")

    assert gate.authenticate(credentials.access_token).roles == {"clerk"}
    assert gate.sessions("ada")[0].roles == {"clerk"}


def test_a_session_ended_between_its_making_and_its_change_is_not_issued(
    make_gate: Any, store: Store, mode: Mode, ring: KeyRing
) -> None:
    users = {"ada": Subject(roles=frozenset({"admin"}))}

    def demote_and_end() -> None:
        users["ada"] = Subject(roles=frozenset({"clerk"}))
        other.revoke(subject="ada")

    other = RegisteringGate(store, mode=mode, keys=ring)
    gate = make_gate(Meanwhile(store, demote_and_end, after=Add), mode=mode, keys=ring, load_subject=users.get)
    with pytest.raises(LoginFailed):
        gate.login("ada")


@pytest.mark.parametrize("said", [None, Subject(active=False)], ids=["unknown", "inactive"])
def test_who_may_not_log_in_leaves_no_row(make_gate: Any, store: Store, mode: Mode, ring: KeyRing, said: Any) -> None:
    gate = make_gate(store, mode=mode, keys=ring, load_subject=lambda _: said)

    with pytest.raises(LoginFailed):
        gate.login("ada")
    assert gate.sessions("ada") == ()


def test_the_hook_says_what_a_subject_may_do(make_gate: Any, store: Store, mode: Mode, ring: KeyRing) -> None:
    gate = make_gate(
        store,
        mode=mode,
        keys=ring,
        load_subject=lambda _: Subject(roles={"admin"}, claims={"tenant": [1]}),  # type: ignore[arg-type]
    )

    who = gate.authenticate(gate.login("ada").access_token)

    assert (who.roles, who.claims) == (frozenset({"admin"}), {"tenant": (1,)})
    with pytest.raises(TypeError, match="load_subject"):
        gate.login("ada", roles={"admin"})


def test_a_step_up_asks_the_hook_too(make_gate: Any, store: Store, mode: Mode, ring: KeyRing) -> None:
    users = Directory()
    gate = make_gate(store, mode=mode, keys=ring, load_subject=users.load)
    credentials = gate.login("ada")
    users.active = False

    with pytest.raises(LoginFailed):
        gate.step_up(credentials.access_token)


def test_a_failing_event_hook_changes_no_answer(make_gate: Any, store: Store, mode: Mode, ring: KeyRing) -> None:
    told: list[Event] = []

    def tell(event: Event) -> None:
        told.append(event)
        raise RuntimeError("the audit log is full")

    gate = make_gate(store, mode=mode, keys=ring, on_event=tell)
    credentials = gate.login("ada")
    assert gate.logout(credentials.access_token).ended == (credentials.session_id,)

    assert [event.kind for event in told] == ["login", "logout"]


def test_an_async_hook_is_awaited_or_refused(make_gate: Any, store: Store, colour: str) -> None:
    told: list[Event] = []

    async def load(_: str) -> Subject:
        return Subject(roles=frozenset({"admin"}))

    async def tell(event: Event) -> None:
        told.append(event)

    if colour == "async":
        gate = make_gate(store, load_subject=load, on_event=tell)
        assert gate.authenticate(gate.login("ada").access_token).roles == {"admin"}
        assert [event.kind for event in told] == ["login"]
    else:
        for hook in ({"load_subject": load}, {"on_event": tell}):
            with pytest.raises(ConfigurationError, match="AsyncGate"):
                make_gate(store, **hook)
