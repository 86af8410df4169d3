"""What is under a key that has ended or was retired is refused by every gate that reads the ring, within `LOOK`."""

import gc
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support.clock import Clock
from support.keepers import PLACES, Place, keeper

from gatepass import Gate
from gatepass.core.keyring import KeyRing
from gatepass.core.warm import LOOK
from gatepass.errors import CredentialError, ExpiredCredential, KeyUnavailable, UnknownCredential
from gatepass.keys import new_ring
from gatepass.keys.keeper import AHEAD, KEEP, KeyKeeper
from gatepass.policy import LEEWAY, Policy
from gatepass.stores.memory import MemoryStore

#: What a policy gives at most, so that no token ends by itself here.
LONG = Policy(access_ttl=86_400, token_ttl=30 * 86_400, stateless_ttl=86_400)

NewKeeper = Callable[[], KeyKeeper]


@pytest.fixture(params=PLACES)
def node(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> NewKeeper:
    """A keeper of the one ring, as another process would make it."""
    place: Place = request.param
    store = MemoryStore()
    return lambda: keeper(place, tmp_path, store, "ES256", clock=clock)


@pytest.fixture(params=["stateless", "jwt", "hybrid"])
def options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Of gates in each mode that signs tokens; one without a store answers from its cache alone."""
    if request.param == "stateless":
        return {"mode": "jwt", "policy": LONG}
    return {"store": MemoryStore(), "mode": request.param, "policy": LONG}


def refused(gate: Any, token: str) -> bool:
    """Whether *gate* refuses *token*, and for its key alone."""
    try:
        who = gate.authenticate(token)
    except UnknownCredential as error:
        return error.reason == "key" or pytest.fail(error.reason)
    assert who.subject == "ada"
    return False


def forged(ring: KeyRing, now: int) -> str:
    """A token that whoever copied the signing key of *ring* signs at second *now*."""
    copied = KeyRing(signing=ring.signing, roots=ring.roots)
    return Gate(keys=copied, mode="jwt", policy=LONG, clock=lambda: now).login("ada").access_token


@pytest.mark.parametrize("seen", [True, False])
def test_a_gate_of_another_process_that_only_checks_refuses_a_retired_key_within_the_bound(
    make_gate: Any, node: NewKeeper, options: dict[str, Any], clock: Clock, seen: bool
) -> None:
    """Whether it knew the token or not; up to then, going by what it read, it takes it."""
    issuing, checking = (make_gate(keys=node(), **options) for _ in range(2))
    operator = node()
    old = operator.ring().signing
    token = issuing.login("ada").access_token
    if seen:
        assert not refused(checking, token)
    operator.rotate(at_once=True)
    operator.retire(old.kid)

    clock.advance(LOOK - 1)
    assert not refused(checking, token), "its honest twin: the ring that it has read is good so long"
    clock.advance(1)
    assert refused(checking, token)
    assert refused(checking, token)
    assert LOOK <= 5, "docs/tokens.md says so"


def test_in_one_process_a_retired_key_is_refused_at_once(
    make_gate: Any, node: NewKeeper, options: dict[str, Any]
) -> None:
    """By all gates that hold the object that retired it; what the next key signed goes on."""
    keys = node()
    gates = [make_gate(keys=keys, **options) for _ in range(3)]
    old, token = keys.ring().signing, gates[0].login("ada").access_token
    assert not any(refused(gate, token) for gate in gates)
    keys.rotate(at_once=True)
    fresh = gates[0].login("ada").access_token
    assert not any(refused(gate, token) for gate in gates)

    keys.retire(old.kid)

    assert all(refused(gate, token) for gate in gates)
    assert not any(refused(gate, fresh) for gate in gates)


def test_a_gate_that_only_checks_learns_of_an_end_that_came_after_it(
    make_gate: Any, node: NewKeeper, options: dict[str, Any], clock: Clock
) -> None:
    """It was started before the rotation, and has met no key since that it did not know."""
    gate, operator = make_gate(keys=node(), **options), node()
    before = operator.ring()
    assert not refused(gate, forged(before, int(clock())))
    operator.rotate()
    token = forged(before, int(clock()) + AHEAD + KEEP - 60)

    clock.advance(AHEAD + KEEP - 1)
    assert not refused(gate, token), "its honest twin: a second before"
    clock.advance(1)
    assert refused(gate, token)
    clock.advance(9 * 86_400)
    assert refused(gate, forged(before, int(clock())))


def test_what_is_over_by_itself_is_called_so(make_gate: Any, node: NewKeeper, clock: Clock) -> None:
    """Or nobody would renew."""
    gate = make_gate(MemoryStore(), keys=node(), mode="hybrid")
    token = gate.login("ada").access_token
    assert not refused(gate, token)
    clock.advance(300 + LEEWAY)
    with pytest.raises(ExpiredCredential):
        gate.authenticate(token)


class Meeting:
    """A place of keys at which threads meet: once asked to, a read begins when all of them have come to it."""

    def __init__(self, keys: KeyKeeper) -> None:
        self._keys = keys
        self.barrier: threading.Barrier | None = None
        self.met = 0

    def ring(self) -> KeyRing:
        if self.barrier is not None:
            self.barrier.wait(20)
            self.met += 1
        return self._keys.ring()


@pytest.mark.parametrize("threads", [2, 5])
def test_threads_of_one_gate_that_meet_a_new_key_together_all_take_it(
    node: NewKeeper, options: dict[str, Any], clock: Clock, threads: int
) -> None:
    """Each has found that the key is not in the ring at hand, and has yet to read it again; one of them is first."""
    source, operator = Meeting(node()), node()
    gate = Gate(keys=source, clock=clock, **options)
    elsewhere = Gate(keys=operator, clock=clock, **options)

    def together(token: str) -> list[bool]:
        source.barrier, source.met = threading.Barrier(threads), 0
        with ThreadPoolExecutor(threads) as pool:
            answers = list(pool.map(lambda _: refused(gate, token), range(threads)))
        source.barrier = None
        assert source.met == threads, "they met where it matters"
        return answers

    for _ in range(5):
        operator.rotate(at_once=True)
        assert together(elsewhere.login("ada").access_token) == [False] * threads
    assert all(together(forged(new_ring("ES256", now=1), int(elsewhere._now())))), "its honest twin: a stranger's"


class Interrupted:
    """A place of keys where something else happens in the middle of a read: right before, or right after."""

    def __init__(self, keys: KeyKeeper) -> None:
        self._keys = keys
        self.before: Callable[[], object] | None = None
        self.after: Callable[[], object] | None = None

    def ring(self) -> KeyRing:
        if self.before is not None:
            before, self.before = self.before, None
            before()
        read = self._keys.ring()
        if self.after is not None:
            after, self.after = self.after, None
            after()
        return read

    def watch(self, changed: Callable[[], None]) -> None:
        self._keys.watch(changed)


def test_a_change_while_a_gate_starts_is_not_lost(node: NewKeeper, options: dict[str, Any], clock: Clock) -> None:
    """It has read the ring, and is not yet told of what becomes of it."""
    keys = node()
    issuing = Gate(keys=keys, clock=clock, **options)
    old, token = keys.ring().signing, issuing.login("ada").access_token
    keys.rotate(at_once=True)
    source = Interrupted(keys)
    source.after = lambda: keys.retire(old.kid)

    gate = Gate(keys=source, clock=clock, **options)

    assert old.kid not in {key.kid for key in keys.ring().keys}
    assert refused(gate, token)
    assert not refused(gate, issuing.login("ada").access_token), "its honest twin"


def test_a_key_that_another_thread_found_in_the_meantime_is_good(
    node: NewKeeper, options: dict[str, Any], clock: Clock
) -> None:
    """Between the look that did not find it and the read that was to."""
    source, operator = Interrupted(node()), node()
    gate = Gate(keys=source, clock=clock, **options)
    operator.rotate(at_once=True)
    token = Gate(keys=operator, clock=clock, **options).login("ada").access_token
    others: list[bool] = []
    source.before = lambda: others.append(refused(gate, token))

    assert not refused(gate, token)
    assert others == [False], "another thread was in between"


def test_a_gate_does_not_go_back_to_a_ring_that_was_read_before_the_one_at_hand(
    node: NewKeeper, options: dict[str, Any], clock: Clock
) -> None:
    """One thread has read the ring, and before it goes on with it, it is rotated and another thread has read that."""
    source, operator = Interrupted(node()), node()
    gate = Gate(keys=source, clock=clock, **options)
    elsewhere = Gate(keys=operator, clock=clock, **options)
    old = elsewhere.login("ada").access_token

    overtaken: list[bool] = []

    def overtake() -> None:
        operator.rotate(at_once=True)
        overtaken.append(not refused(gate, elsewhere.login("ada").access_token))

    source.after = overtake
    gate.login("grace")

    assert overtaken == [True]
    assert gate._tokens is not None
    assert operator.ring().signing.kid in [key.kid for key in gate._tokens.ring.keys]
    assert not refused(gate, old)


def test_a_change_while_the_ring_is_read_is_not_lost(make_gate: Any, node: NewKeeper) -> None:
    """The gate reads the ring, and before it goes on with it, the key is retired."""

    keys = node()
    source = Interrupted(keys)
    gate = make_gate(MemoryStore(), keys=source, mode="hybrid", policy=LONG)
    old, token = keys.ring().signing, gate.login("ada").access_token
    keys.rotate(at_once=True)
    source.after = lambda: keys.retire(old.kid)

    assert not refused(gate, token), "it began before"
    assert refused(gate, token)


class Counted:
    """A place of keys that counts how often it is asked, and can be out of order."""

    def __init__(self, keys: KeyKeeper) -> None:
        self._keys = keys
        self.asked = 0
        self.fault: Exception | None = None

    def ring(self) -> KeyRing:
        self.asked += 1
        if self.fault is not None:
            raise self.fault
        return self._keys.ring()


@pytest.fixture
def counted(node: NewKeeper) -> Counted:
    return Counted(node())


def test_the_ring_is_read_again_no_more_often_than_the_bound_asks_for(
    make_gate: Any, counted: Counted, options: dict[str, Any], clock: Clock
) -> None:
    gate = make_gate(keys=counted, **options)
    token = gate.login("ada").access_token
    counted.asked = 0
    for _ in range(100):
        for _ in range(5):
            assert not refused(gate, token)
        clock.advance(1)
    assert counted.asked == 100 // LOOK - 1


def test_a_ring_that_cannot_be_read_again_is_a_fault(
    make_gate: Any, counted: Counted, options: dict[str, Any], clock: Clock
) -> None:
    """And no answer: a key may have been retired since. Afterwards everything is as it was."""
    gate = make_gate(keys=counted, **options)
    token = gate.login("ada").access_token
    counted.fault = KeyUnavailable("gone")
    clock.advance(LOOK - 1)
    assert not refused(gate, token)
    clock.advance(1)
    for _ in range(2):
        with pytest.raises(KeyUnavailable):
            gate.authenticate(token)
    counted.fault = None
    assert not refused(gate, token)


def test_a_clock_that_went_back_makes_no_gate_blind(
    make_gate: Any, node: NewKeeper, options: dict[str, Any], clock: Clock
) -> None:
    """A machine starts in the year 2036, reads the ring, and is put right."""
    gate, operator = make_gate(keys=node(), **options), node()
    clock.advance(7 * 365 * 86_400)
    with pytest.raises(CredentialError):
        gate.authenticate(forged(operator.ring(), int(clock()) - 10 * 86_400))
    clock.advance(-7 * 365 * 86_400)
    old, token = operator.ring().signing, gate.login("ada").access_token
    assert not refused(gate, token)
    clock.advance(-3_600)
    operator.rotate(at_once=True)
    operator.retire(old.kid)
    assert refused(gate, token)
    assert not refused(gate, gate.login("ada").access_token), "its honest twin"


def test_a_forked_process_reads_the_ring_before_it_answers(make_gate: Any, counted: Counted) -> None:
    """A thread of the parent may have been in the middle of it, and hold the lock."""
    gate = make_gate(MemoryStore(), keys=counted, mode="hybrid")
    session = make_gate(MemoryStore())
    token = gate.login("ada").access_token
    tokens = gate._tokens
    tokens._lock.acquire()
    counted.asked = 0

    tokens.restart()

    assert not refused(gate, token)
    assert counted.asked == 1
    assert session._tokens is None


def test_a_gate_that_is_gone_is_told_nothing(node: NewKeeper) -> None:
    """A keeper outlives its gates in tests and in programs that configure anew, and holds none of them."""
    keys = node()
    gates = [Gate(MemoryStore(), mode="hybrid", keys=keys) for _ in range(3)]
    assert len(keys._watching) == 3
    gates.clear()
    gc.collect()
    keys.rotate(at_once=True)
    last = Gate(MemoryStore(), mode="hybrid", keys=keys)
    assert len(keys._watching) == 1
    assert last.login("ada")
