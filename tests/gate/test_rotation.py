"""Keys are rotated while people log in and are checked by several nodes that share them: nobody notices."""

import threading
from pathlib import Path
from typing import Self

import pytest
from support.clock import Clock
from support.keepers import PLACES, Place, keeper

from gatepass import Gate
from gatepass.core.keyring import KeyRing
from gatepass.errors import GatepassError, RevokedCredential
from gatepass.keys.keeper import AHEAD, KEEP
from gatepass.policy import LEEWAY, Policy
from gatepass.stores.sqlite import SqliteStore

#: Checks that each node makes at least between two rotations: at 200 a second, a rotation every second.
CHECKS = 200
NODES = 3
#: Of each node, at one gate.
THREADS = 2
TTL = 300


class Nodes:
    """Nodes that log in at their own gate and check what any of them issued, until they are told to stop."""

    def __init__(self, folder: Path, place: Place, clock: Clock) -> None:
        self.place = place
        self.clock = clock
        self.tokens: list[tuple[int, str]] = []  # when it was issued, and what
        self.refused: list[str] = []
        self.checks = [0] * NODES
        self._stop = threading.Event()
        self._more = threading.Condition()
        self._begin = threading.Barrier(NODES * THREADS)
        self.stores = [SqliteStore(folder / "gatepass.db") for _ in range(NODES)]
        self._threads = [
            threading.Thread(target=self._run, args=(number, gate))
            for number, gate in enumerate([self.gate(folder, number) for number in range(NODES)])
            for _ in range(THREADS)
        ]

    def gate(self, folder: Path, number: int) -> Gate:
        keys = keeper(self.place, folder, self.stores[number], "ES256", clock=self.clock)
        return Gate(
            self.stores[number], mode="hybrid", keys=keys, clock=self.clock, policy=Policy(access_ttl=TTL, grace=60)
        )

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        for store in self.stores:
            store.close()

    def _run(self, number: int, gate: Gate) -> None:
        self._begin.wait(20)
        while not self._stop.is_set():
            before = gate._now()
            self.tokens.append((before, gate.login(f"user {number}").access_token))
            for issued, token in self.tokens[-20:]:
                try:
                    gate.authenticate(token)
                except GatepassError as error:
                    # The clock may have been moved meanwhile: then it was not good any more.
                    if gate._now() < issued + TTL + LEEWAY:
                        self.refused.append(f"node {number}: {error!r}")
                with self._more:
                    self.checks[number] += 1
                    self._more.notify_all()

    def wait(self) -> None:
        """Until each node has made so many checks more."""
        goal = [done + CHECKS for done in self.checks]
        with self._more:
            assert self._more.wait_for(lambda: all(a >= b for a, b in zip(self.checks, goal, strict=True)), 25)


def rotate(folder: Path, place: Place, rounds: int) -> None:
    clock = Clock()
    last = SqliteStore(folder / "gatepass.db")
    operator = keeper(place, folder, last, "ES256", clock=clock)
    retired = []
    with Nodes(folder, place, clock) as nodes:
        for number in range(rounds):
            nodes.wait()
            retired.append(operator.ring().signer(int(clock())))
            operator.rotate(at_once=number % 5 == 4)
            nodes.wait()
            clock.advance(AHEAD)  # it signs from here on
            nodes.wait()
            assert retired[-1].kid != operator.ring().signer(int(clock())).kid
    assert not nodes.refused
    kids = {key.kid for key in operator.ring().keys}
    assert len(kids) == rounds + 1, "all of them still verify"
    # After their end none is accepted: also not what is signed with one of them now, by whoever has a copy.
    clock.advance(KEEP)
    operator.rotate()
    gate = Gate(last, mode="hybrid", keys=operator, clock=clock)
    for key in retired:
        assert key.kid not in {one.kid for one in operator.ring().keys}
        copied = KeyRing(signing=key, roots=operator.ring().roots)
        stolen = Gate(last, mode="hybrid", keys=copied, clock=clock).login("ada").access_token
        with pytest.raises(GatepassError):
            gate.authenticate(stolen)
    last.close()


@pytest.mark.parametrize("place", PLACES)
def test_a_key_is_retired_at_once_where_gates_only_check_and_never_read_the_ring_again(
    tmp_path: Path, place: Place
) -> None:
    """Out of the ring it is only where the ring is read; the log reaches all, whether they knew the token or not."""
    clock = Clock()
    store = SqliteStore(tmp_path / "gatepass.db")
    operator = keeper(place, tmp_path, store, "ES256", clock=clock)
    issuing = Gate(store, mode="hybrid", keys=operator, clock=clock)
    ring = operator.ring()
    old, stolen = ring.signing.kid, issuing.login("ada").access_token
    operator.rotate(at_once=True)
    fresh = issuing.login("grace").access_token
    others = [SqliteStore(tmp_path / "gatepass.db") for _ in range(3)]
    checking = [
        Gate(others[0], mode="hybrid", keys=keeper(place, tmp_path, others[0], "ES256", clock=clock), clock=clock),
        Gate(others[1], mode="hybrid", keys=keeper(place, tmp_path, others[1], "ES256", clock=clock), clock=clock),
        Gate(others[2], mode="hybrid", keys=ring, clock=clock),  # given as it was: it does not know the new key
    ]
    for gate in checking[1:]:
        assert gate.authenticate(stolen).subject == "ada"
    operator.retire(old)
    for gate in checking:
        assert gate.authenticate(stolen).subject == "ada", "so it is the log that refuses it below"

    issuing.revoke(kid=old)

    for gate in checking:
        with pytest.raises(RevokedCredential):
            gate.authenticate(stolen)
    for gate in checking[:2]:
        assert gate.authenticate(fresh).subject == "grace"
    for one in (store, *others):
        one.close()


@pytest.mark.parametrize("place", PLACES)
def test_three_rotations_under_load_refuse_no_good_token_and_accept_no_ended_key(tmp_path: Path, place: Place) -> None:
    rotate(tmp_path, place, 3)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("place", PLACES)
def test_fifty_rotations_under_load_refuse_no_good_token_and_accept_no_ended_key(tmp_path: Path, place: Place) -> None:
    rotate(tmp_path, place, 50)
