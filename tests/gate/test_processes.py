"""Several processes on one store: what one of them ends, none of them accepts."""

from pathlib import Path
from typing import Any

import pytest
from support.register import Register
from support.workers import DEADLINE, SPAWN, node, open_gate, refresh_at_once

from gatepass import Credentials, Gate, Mode, RevokedCredential
from gatepass.core.flow import Find
from gatepass.keys import KeyFile


@pytest.fixture
def folder(tmp_path: Path, register: Register) -> Path:
    register.places.append(tmp_path / "gatepass.db")
    return tmp_path


@pytest.fixture
def gate(folder: Path, mode: Mode) -> Any:
    gate = open_gate(folder, mode)
    yield gate
    gate.close()


def test_what_one_process_ends_another_refuses_on_its_next_check(
    gate: Gate, folder: Path, mode: Mode, register: Register
) -> None:
    """There and back: both have checked the credential before, so both hold what there is to cache."""
    with node(folder, mode) as other:
        here, there = register.issued(gate.login("ada")), register.issued(other("login", "grace"))
        for credentials in (here, there):
            for _ in range(2):
                assert gate.authenticate(credentials.access_token) == other("authenticate", credentials.access_token)

        assert gate.revoke(session=here.session_id).ended == (here.session_id,)
        assert other("authenticate", here.access_token) == "credential_revoked"

        assert other("logout", there.access_token).ended == (there.session_id,)
        with pytest.raises(RevokedCredential):
            gate.authenticate(there.access_token)


def test_a_token_and_a_key_are_refused_everywhere(folder: Path, register: Register) -> None:
    keys = KeyFile(folder / "keys.json", algorithm="HS256")
    gate = open_gate(folder, "hybrid")
    with node(folder, "hybrid") as other:
        one, two = (register.issued(gate.login("ada")) for _ in range(2))
        assert other("authenticate", one.access_token).subject == "ada"
        gate.revoke(token=one.access_token)
        assert other("authenticate", one.access_token) == "credential_revoked"
        assert other("authenticate", two.access_token).subject == "ada"

        kid = keys.ring().signing.kid
        keys.rotate(at_once=True)
        assert gate.revoke(kid=kid).ended == ()
        assert other("authenticate", two.access_token) == "credential_revoked"
        # Both processes run on, and sign with the new key from their next login or refresh.
        for verb, argument in (("login", "grace"), ("refresh", two.refresh_token)):
            there = register.issued(other(verb, argument))
            assert gate.authenticate(there.access_token) == other("authenticate", there.access_token)
    gate.close()


def test_new_roles_are_seen_by_the_next_check_of_another_process(
    gate: Gate, folder: Path, mode: Mode, register: Register
) -> None:
    """In session mode at once; in hybrid mode the next check asks for a renewal, and that has them."""
    with node(folder, mode) as other:
        credentials: Credentials = register.issued(gate.login("ada", roles={"admin"}))
        assert other("authenticate", credentials.access_token).roles == {"admin"}

        receipt = gate.update("ada", roles={"clerk"})

        seen = other("authenticate", credentials.access_token)
        if mode == "session":
            assert seen.roles == {"clerk"}
        elif mode == "hybrid":
            assert seen == "credential_expired"
            renewed = register.issued(other("refresh", credentials.refresh_token))
            assert other("authenticate", renewed.access_token).roles == {"clerk"}
        else:
            assert seen.roles == {"admin"}
            assert receipt.tokens_alive_until is not None
            assert receipt.tokens_alive_until >= seen.expires_at
        assert (receipt.tokens_alive_until is None) == (mode != "jwt")


def test_200_refreshes_of_one_token_have_one_successor(
    folder: Path, register: Register, capsys: pytest.CaptureFixture[str]
) -> None:
    """From 4 processes at once; one of them wins, and all of them are told the same."""
    processes, each = 4, 50
    gate = open_gate(folder, "hybrid")
    credentials = register.issued(gate.login("ada"))
    barrier = SPAWN.Barrier(processes)
    pipes = []
    workers = []
    for _ in range(processes):
        here, there = SPAWN.Pipe()
        args = (there, folder, credentials.refresh_token, each, barrier)
        workers.append(SPAWN.Process(target=refresh_at_once, args=args, daemon=True))
        pipes.append(here)
    for worker in workers:
        worker.start()
    results = []
    for pipe in pipes:
        assert pipe.poll(DEADLINE), "a worker did not finish"
        results.append(pipe.recv())
    for worker in workers:
        worker.join(DEADLINE)

    answers = [answer for answers, _ in results for answer in answers]
    lost = sum(lost for _, lost in results)
    with capsys.disabled():
        print(f"\n  {len(answers)} refreshes of one token from {processes} processes: {lost} lost the Swap")
    assert all(isinstance(answer, Credentials) for answer in answers), answers
    for answer in answers:
        register.issued(answer)
    assert len(answers) == processes * each
    assert len({answer.refresh_token for answer in answers}) == 1
    row = gate._store.answer(Find(credentials.session_id))  # type: ignore[union-attr]
    assert (row.generation, row.version, row.ended_at) == (1, 2, None)
    assert lost > 0, "nobody raced"
    assert gate.refresh(answers[0].refresh_token).session_id == credentials.session_id
    gate.close()
