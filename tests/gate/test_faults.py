"""A store that fails at one question: nothing is authorised, nothing is issued, and it is called a fault."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, get_args

import pytest
from support.clock import Clock
from support.faults import Faulty
from support.gates import RegisteringGate

from gatepass import Credentials, GatepassError, Mode, ReplayedCredential, StoreError, Subject
from gatepass.core.flow import (
    Forgive,
    GateQuestion,
    Hit,
    Now,
    Once,
    Question,
    Read,
    StoreQuestion,
    Tail,
    Touch,
    Write,
    ask,
)
from gatepass.core.keyring import KeyRing
from gatepass.drivers import run
from gatepass.keys import new_ring
from gatepass.stores import Store


@dataclass
class Scene:
    """A gate on a store that can fail, and a client of it."""

    gate: Any
    store: Faulty
    #: What the client holds, and what it held two exchanges ago (the same where nothing is exchanged).
    held: Credentials
    old: Credentials
    subject: str


VERBS: dict[str, Callable[[Scene], object]] = {
    "login": lambda scene: scene.gate.login(scene.subject, replaces=scene.held.access_token),
    "authenticate": lambda scene: scene.gate.authenticate(scene.held.access_token),
    "step_up": lambda scene: scene.gate.step_up(scene.held.access_token),
    "refresh": lambda scene: scene.gate.refresh(scene.held.refresh_token),
    "replay": lambda scene: scene.gate.refresh(scene.old.refresh_token),
    "update": lambda scene: scene.gate.update(scene.subject, roles={"clerk"}),
    "logout": lambda scene: scene.gate.logout(scene.held.access_token),
    "revoke a session": lambda scene: scene.gate.revoke(session=scene.held.session_id),
    "revoke a subject": lambda scene: scene.gate.revoke(subject=scene.subject),
    "revoke a token": lambda scene: scene.gate.revoke(token=scene.held.access_token),
    "revoke a key": lambda scene: scene.gate.revoke(kid="retired"),
    "session": lambda scene: scene.gate.session(scene.held.access_token),
    "set_data": lambda scene: scene.gate.set_data(scene.gate.session(scene.held.access_token), {"a": 1}),
    "sessions": lambda scene: scene.gate.sessions(scene.subject),
    "forget": lambda scene: scene.gate.forget(scene.subject),
    "purge": lambda scene: scene.gate.purge(),
}

#: Asked by no verb: they are there for what is built on a store beside the gate.
ALONE: dict[type[Question[Any]], Question[Any]] = {
    Once: Once("a", 1),
    Hit: Hit(key="a", window=1, limit=1, at=1),
    Forgive: Forgive("a"),
    Read: Read("a"),
    Write: Write("a", b"", 0),
}


#: What a mode has no use for: sessions are read, not looked up in the log, and tokens are not noted as used.
NOT_IN: dict[str, set[type[Question[Any]]]] = {"session": {Tail}, "jwt": {Touch}, "hybrid": {Touch}}


@pytest.fixture(scope="module")
def ring() -> KeyRing:
    """One is enough: nothing here depends on the kind of key."""
    return new_ring("HS256", now=1_900_000_000)


@pytest.fixture
def scene(make_gate: Any, store: Store, ring: KeyRing, mode: Mode, clock: Clock) -> Callable[[], Scene]:
    """Makes a new scene, with a time of use to note at the next check."""

    number = count()

    def make() -> Scene:
        faulty = Faulty(store)
        gate = make_gate(faulty, mode=mode, keys=ring)
        subject = f"ada {next(number)}"
        old = gate.login(subject)
        held = gate.refresh(gate.refresh(old.refresh_token).refresh_token) if mode == "hybrid" else old
        clock.advance(120)
        return Scene(gate, faulty, held, old, subject)

    return make


def walk(scene: Callable[[], Scene], verb: Callable[[Scene], object]) -> Counter[type[Question[Any]]]:
    """Fail each question of *verb* in turn, until it asks no more; return what was failed.

    Raises:
        AssertionError: A fault was answered, or called anything but a fault.
    """
    failed: Counter[type[Question[Any]]] = Counter()
    while True:
        now = scene()
        now.store.fail_at(failed.total())
        outcome: object
        try:
            outcome = verb(now)
        except GatepassError as refusal:
            outcome = refusal
        if now.store.failed is None:
            assert not isinstance(outcome, GatepassError) or isinstance(outcome, ReplayedCredential)
            return failed
        assert isinstance(outcome, StoreError), f"a fault at {now.store.failed} became {outcome}"
        assert outcome.status == 503
        failed[type(now.store.failed)] += 1
        assert now.gate.purge() >= 0  # the store is back, and so is the gate


@pytest.mark.parametrize("name", VERBS)
def test_a_fault_at_any_question_authorises_nothing(name: str, scene: Callable[[], Scene], mode: Mode) -> None:
    """Each question of each verb in turn, in each mode."""
    if mode != "hybrid" and name in {"refresh", "replay"}:
        pytest.skip("there is nothing to refresh in this mode")

    assert walk(scene, VERBS[name])


@pytest.mark.parametrize("colour", ["plain"])
def test_every_question_was_failed_by_some_verb(scene: Callable[[], Scene], mode: Mode) -> None:
    """So a new question is covered from its first day, or named in `ALONE`."""
    verbs = [verb for name, verb in VERBS.items() if mode == "hybrid" or name not in {"refresh", "replay"}]
    failed = sum((walk(scene, verb) for verb in verbs), Counter[type[Question[Any]]]())

    assert set(failed) == set(get_args(StoreQuestion)) - set(ALONE) - NOT_IN[mode]


class Doubtful(RegisteringGate):
    """Fails at one kind of the questions that a gate answers itself, and notes what it was asked."""

    fails: type[Question[Any]] | None = None
    asked: Counter[type[Question[Any]]]

    def _answer(self, question: Question[Any]) -> Any:
        self.asked[type(question)] += 1
        if type(question) is self.fails:
            raise StoreError("planted")
        return super()._answer(question)


@pytest.mark.parametrize("kind", get_args(GateQuestion), ids=lambda kind: kind.__name__)
def test_a_fault_of_what_the_gate_answers_itself_authorises_nothing(
    kind: type[Question[Any]], store: Store, ring: KeyRing
) -> None:
    """The hook, the key source, the audit trail, the clock: each enumerated from the union as well."""
    gate = Doubtful(store, mode="hybrid", keys=ring, load_subject=lambda _: Subject())
    gate.asked = Counter()
    held = gate.login("ada")
    failed = 0
    verbs: list[Any] = [lambda: gate.login("ada"), lambda: gate.step_up(held.access_token)]
    for verb in verbs:
        gate.fails, gate.asked = kind, Counter()
        try:
            verb()
        except StoreError:
            failed += 1
        else:
            assert gate.asked[kind] == 0, "a fault was answered"
        gate.fails = None
    token = gate.login("ada").refresh_token
    gate.fails, gate.asked = kind, Counter()
    with pytest.raises(StoreError):
        gate.refresh(token)
    assert failed or kind is Now


@pytest.mark.parametrize("question", ALONE.values(), ids=[kind.__name__ for kind in ALONE])
def test_a_fault_at_a_question_on_its_own_is_a_fault(question: Question[Any], store: Store) -> None:
    faulty = Faulty(store)
    faulty.fail_at(0)
    with pytest.raises(StoreError):
        run(ask(question), faulty.answer)


def test_the_walk_finds_a_verb_that_swallows_a_fault(scene: Callable[[], Scene]) -> None:
    """The planted violation: a check that says yes when the store does not answer."""

    def lenient(now: Scene) -> object:
        try:
            return now.gate.authenticate(now.held.access_token)
        except StoreError:
            return now.held

    def wrong(now: Scene) -> object:
        try:
            return now.gate.authenticate(now.held.access_token)
        except StoreError as fault:
            raise ReplayedCredential(session_id="") from fault

    for planted in (lenient, wrong):
        with pytest.raises(AssertionError, match="a fault at"):
            walk(scene, planted)
