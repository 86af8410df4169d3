"""Any bytes as any credential: a refusal with a code, never another exception, and no more work than they deserve."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.gates import RegisteringGate

from gatepass import CredentialError, Gate, GatepassError, MalformedCredential, ModeNotEnabled
from gatepass.core import opaque
from gatepass.core.keyring import KeyRing
from gatepass.core.opaque import RefreshToken, SessionToken
from gatepass.keys import new_ring
from gatepass.stores.memory import MemoryStore

VERBS = ["authenticate", "refresh", "logout", "step_up", "session"]


@pytest.fixture(scope="module")
def ring() -> KeyRing:
    return new_ring("ES256", now=1_900_000_000)


@pytest.fixture(scope="module")
def gate(ring: KeyRing) -> Gate:
    return RegisteringGate(MemoryStore(), mode="hybrid", keys=ring)


@pytest.fixture(scope="module")
def good(gate: Gate) -> list[str]:
    """One of each kind, to be damaged."""
    hybrid, jwt, session = (gate.login("ada", mode=mode) for mode in ("hybrid", "jwt", "session"))
    assert hybrid.refresh_token is not None
    return [hybrid.access_token, hybrid.refresh_token, jwt.access_token, session.access_token]


def refused(gate: Gate, verb: str, credential: Any) -> None:
    with pytest.raises((CredentialError, ModeNotEnabled)) as refusal:
        getattr(gate, verb)(credential)
    assert re.fullmatch("[a-z_]+", refusal.value.code)


@given(text=st.text() | st.binary().map(lambda data: data.decode("latin-1")))
@pytest.mark.parametrize("verb", VERBS)
def test_any_text_is_refused(gate: Gate, verb: str, text: str) -> None:
    refused(gate, verb, text)


@given(text=st.from_regex(r"[A-Za-z0-9_.=+/ -]{0,80}(\.[A-Za-z0-9_-]{0,80}){0,4}", fullmatch=True))
@pytest.mark.parametrize("verb", VERBS)
def test_any_text_that_looks_like_a_credential_is_refused(gate: Gate, verb: str, text: str) -> None:
    refused(gate, verb, text)


@given(data=st.data())
@pytest.mark.parametrize("verb", VERBS)
def test_a_good_credential_with_any_damage_is_refused(
    gate: Gate, good: list[str], verb: str, data: st.DataObject
) -> None:
    whole = data.draw(st.sampled_from(good))
    at = data.draw(st.integers(0, len(whole) - 1))
    with_ = data.draw(st.text(max_size=3).filter(lambda text: text != whole[at]))
    refused(gate, verb, whole[:at] + with_ + whole[at + 1 :])


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("other", [b"x", 7, 1.5, [], {}, object(), True], ids=lambda value: type(value).__name__)
def test_what_is_no_text_is_refused(gate: Gate, verb: str, other: Any) -> None:
    refused(gate, verb, other)


@given(text=st.text())
def test_any_text_may_be_asked_for_as_an_id(gate: Gate, text: str) -> None:
    """Of a session, a subject or a key: there is nothing, and that is an answer."""
    assert gate.revoke(session=text).ended == ()
    assert gate.revoke(subject=text, except_session=text).ended == ()
    assert gate.sessions(text) == ()


def test_forms_have_a_bounded_length() -> None:
    """So work ends after so many characters, however long the text is."""
    for token in (SessionToken("A" * 22, bytes(32)), RefreshToken("A" * 22, 999_999_999, bytes(32))):
        assert opaque.parse(str(token)) == token
        assert opaque.parse(str(token) + "A") is None
        assert opaque.parse("A" + str(token)) is None
    for pattern in (opaque._SESSION, opaque._REFRESH):
        assert pattern.pattern.count("*") == pattern.pattern.count("+") == 0, "a repetition without an end"


@pytest.mark.parametrize("verb", VERBS)
def test_a_credential_that_is_too_long_is_not_read(gate: Gate, good: list[str], verb: str) -> None:
    """Even if it would be good: the cap comes before the work."""
    for credential in good:
        with pytest.raises(GatepassError) as refusal:
            getattr(gate, verb)(credential + "A" * 10_000)
        assert isinstance(refusal.value, MalformedCredential)
        assert refusal.value.reason == "size"
