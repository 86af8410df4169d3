"""A store that fails at one question: nothing is authorised, nothing is issued, and it is called a fault."""

from collections import Counter
from typing import Any, get_args

import pytest
from support.clock import Clock
from support.faults import Faulty

from gatepass import Credentials, Identity, Mode, Receipt, StoreError
from gatepass.core.flow import Forgive, Hit, Once, Question, StoreQuestion, ask
from gatepass.core.keyring import KeyRing
from gatepass.drivers import run
from gatepass.stores import Store

#: Asked by no verb of a gate: they are for what is built on it.
NOT_ASKED_BY_VERBS = {Once, Hit, Forgive}

VERBS: dict[str, Any] = {
    "login": lambda gate, held, old: gate.login("ada", replaces=held.access_token),
    "authenticate": lambda gate, held, old: gate.authenticate(held.access_token),
    "step_up": lambda gate, held, old: gate.step_up(held.access_token),
    "refresh": lambda gate, held, old: gate.refresh(held.refresh_token),
    "replay": lambda gate, held, old: gate.refresh(old.refresh_token),
    "update": lambda gate, held, old: gate.update("ada", roles={"clerk"}),
    "logout": lambda gate, held, old: gate.logout(held.access_token),
    "revoke a session": lambda gate, held, old: gate.revoke(session=held.session_id),
    "revoke a subject": lambda gate, held, old: gate.revoke(subject="ada"),
    "revoke a token": lambda gate, held, old: gate.revoke(token=held.access_token),
    "revoke a key": lambda gate, held, old: gate.revoke(kid="retired"),
    "session": lambda gate, held, old: gate.session(held.access_token),
    "set_data": lambda gate, held, old: gate.set_data(gate.session(held.access_token), {"a": 1}),
    "sessions": lambda gate, held, old: gate.sessions("ada"),
    "forget": lambda gate, held, old: gate.forget("ada"),
    "purge": lambda gate, held, old: gate.purge(),
}

hit: Counter[type[Question[Any]]] = Counter()


def prepared(make_gate: Any, store: Store, ring: KeyRing, mode: Mode, clock: Clock) -> tuple[Any, Faulty, Any, Any]:
    faulty = Faulty(store)
    gate = make_gate(faulty, mode=mode, keys=ring)
    old = gate.login("ada")
    held = gate.refresh(gate.refresh(old.refresh_token).refresh_token) if mode == "hybrid" else old
    clock.advance(120)  # so that a check has a time of use to note
    return gate, faulty, held, old


@pytest.mark.parametrize("verb", VERBS)
def test_a_fault_at_any_question_authorises_nothing(
    verb: str, make_gate: Any, store: Store, ring: KeyRing, mode: Mode, clock: Clock
) -> None:
    """Each question of each verb in turn, counted from a run without a fault; afterwards the verb works."""
    if mode != "hybrid" and verb in {"refresh", "replay"}:
        pytest.skip("there is nothing to refresh in this mode")
    at = 0
    while True:
        gate, faulty, held, old = prepared(make_gate, store, ring, mode, clock)
        faulty.fail_at(at)
        try:
            answer = VERBS[verb](gate, held, old)
        except StoreError:
            assert faulty.failed is not None
            hit[type(faulty.failed)] += 1
        except Exception as refusal:
            assert faulty.failed is None, f"a fault became {refusal!r}"
            break  # past the last question, it is refused as it should be (a replay)
        else:
            assert faulty.failed is None, f"a fault at {faulty.failed!r} was answered with {answer!r}"
            break
        assert gate.purge() >= 0  # the store is back, and so is the gate
        at += 1
    assert at > 0


def test_every_question_was_hit(make_gate: Any, store: Store) -> None:
    """A new question is covered here from its first day: by a verb, or by being named above."""
    for question in NOT_ASKED_BY_VERBS:
        assert hit[question] == 0, "a verb asks it by now"
    if hit:
        assert set(get_args(StoreQuestion)) - set(hit) == NOT_ASKED_BY_VERBS


@pytest.mark.parametrize(
    "question", [Once("a", 1), Hit(key="a", window=1, limit=1, at=1), Forgive("a")], ids=lambda q: type(q).__name__
)
def test_a_fault_at_a_question_on_its_own_is_a_fault(question: Question[Any], store: Store) -> None:
    faulty = Faulty(store)
    faulty.fail_at(0)
    with pytest.raises(StoreError):
        run(ask(question), faulty.answer)


@pytest.mark.parametrize("kind", [Identity, Credentials, Receipt])
def test_the_checker_would_find_a_verb_that_swallows_a_fault(kind: type, store: Store) -> None:
    """The planted violation: an answer in spite of a failed question is what the loop above looks for."""
    faulty = Faulty(store)
    faulty.fail_at(0)
    with pytest.raises(StoreError):
        faulty.answer(Once("a", 1))
    assert faulty.failed is not None
