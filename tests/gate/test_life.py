"""The whole life of a login, in each mode, colour, store and with each kind of key."""

from typing import Any

import pytest
from support.clock import Clock
from support.transports import TRANSPORTS, Carried

from gatepass import (
    Client,
    CredentialError,
    Credentials,
    ExpiredCredential,
    MissingCredential,
    Mode,
    ModeNotEnabled,
    Policy,
    RevokedCredential,
    UnknownCredential,
)
from gatepass.core.flow import Forgive
from gatepass.core.keyring import KeyRing
from gatepass.stores import Store


@pytest.fixture
def gate(make_gate: Any, store: Store, mode: Mode, ring: KeyRing) -> Any:
    return make_gate(store, mode=mode, keys=ring)


@pytest.fixture(params=TRANSPORTS, ids=lambda transport: transport.__name__)
def carry(request: pytest.FixtureRequest) -> Any:
    """Takes credentials to the client and back, as that transport does."""
    return request.param


def settle(store: Store) -> None:
    """Wait until times of use are written: they are written behind, but before any later write of this process."""
    store.answer(Forgive("nothing"))


def refused(gate: Any, credential: str | None) -> str:
    """The code with which *credential* is refused."""
    with pytest.raises(CredentialError) as refusal:
        gate.authenticate(credential)
    return refusal.value.code


def test_from_login_to_logout(gate: Any, mode: Mode, carry: Any, clock: Clock) -> None:
    client: Carried = carry(gate.login("ada", roles={"admin"}, claims={"tenant": 7}, client=Client(ip="192.0.2.1")))

    who = gate.authenticate(client.access)
    assert (who.subject, who.mode, who.roles, dict(who.claims)) == ("ada", mode, {"admin"}, {"tenant": 7})
    assert who.auth_time == clock.now
    [listed] = gate.sessions("ada")
    assert (listed.id, listed.client.ip, listed.ended_at) == (who.session_id, "192.0.2.1", None)

    receipt = gate.logout(client.access)

    assert receipt.ended == (who.session_id,)
    assert receipt.effective_within == 0
    assert receipt.tokens_alive_until is None
    assert refused(gate, client.access) == "credential_revoked"
    [ended] = gate.sessions("ada")
    assert (ended.ended_at, ended.ended_reason) == (clock.now, "logout")


def test_logging_out_twice_ends_nothing_more(gate: Any) -> None:
    credentials = gate.login("ada")
    assert gate.logout(credentials.access_token).ended

    assert gate.logout(credentials.access_token).ended == ()


def test_a_session_ends_when_its_time_is_over(gate: Any, mode: Mode, carry: Any, store: Store, clock: Clock) -> None:
    """And not a second before. The token of a jwt session may be 5 seconds late: clocks differ."""
    client = carry(gate.login("ada"))
    lives = {"session": gate.policy.idle, "jwt": gate.policy.token_ttl + 5, "hybrid": gate.policy.access_ttl + 5}[mode]

    clock.advance(lives - 1)
    assert gate.authenticate(client.access).subject == "ada"
    settle(store)
    clock.advance(lives if mode == "session" else 1)  # the check just now slid the idle time of a session

    assert refused(gate, client.access) == "credential_expired"
    [row] = gate.sessions("ada")
    assert row.ended_at is None  # a check never writes rows away


def test_use_slides_idle_and_nothing_slides_lifetime(
    make_gate: Any, store: Store, ring: KeyRing, mode: Mode, clock: Clock
) -> None:
    """One request a minute, for ever."""
    if mode == "jwt":
        pytest.skip("a jwt session is its one token, which has one end")
    gate = make_gate(store, mode=mode, keys=ring, policy=Policy(idle=120, lifetime=3_600, access_ttl=120))
    born = clock.now
    credentials: Credentials = gate.login("ada")

    while clock.now < born + 3_540:
        clock.advance(60)
        gate.authenticate(credentials.access_token)
        settle(store)
        if mode == "hybrid":
            credentials = gate.refresh(credentials.refresh_token)

    clock.advance(59)
    assert gate.authenticate(credentials.access_token).expires_at == born + 3_600
    clock.advance(1 if mode == "session" else 6)
    with pytest.raises(ExpiredCredential):
        gate.authenticate(credentials.access_token)
    if mode == "hybrid":
        with pytest.raises(ExpiredCredential):
            gate.refresh(credentials.refresh_token)


def test_an_idle_session_is_refused(make_gate: Any, store: Store, ring: KeyRing, clock: Clock) -> None:
    gate = make_gate(store, mode="hybrid", keys=ring, policy=Policy(idle=600, lifetime=3_600))
    credentials = gate.login("ada")
    clock.advance(600)

    with pytest.raises(ExpiredCredential):
        gate.refresh(credentials.refresh_token)


def test_a_login_takes_the_place_of_the_one_before(gate: Any, carry: Any) -> None:
    """A new id every time, whatever the client came with, and its data goes along: no session is fixed in advance."""
    first = carry(gate.login("ada", data={"cart": [1, 2]}))
    second = carry(gate.login("ada", replaces=first.access))

    assert first.session_id != second.session_id
    assert refused(gate, first.access) == "credential_revoked"
    assert gate.session(second.access).data == {"cart": (1, 2)}
    assert {row.ended_reason for row in gate.sessions("ada")} == {None, "replaced"}


@pytest.mark.parametrize("reason", ["revoked", "password", "operator"])
def test_the_device_list_says_why_a_session_was_revoked(gate: Any, carry: Any, reason: Any) -> None:
    one, two, three = (carry(gate.login("ada")) for _ in range(3))

    gate.revoke(session=one.session_id, reason=reason)
    assert gate.sessions("ada")[-1].ended_reason == reason
    gate.revoke(subject="ada", except_session=two.session_id, reason=reason)
    assert {row.id: row.ended_reason for row in gate.sessions("ada")}[three.session_id] == reason


def test_a_reason_that_nobody_knows_ends_nothing(gate: Any, carry: Any) -> None:
    one = carry(gate.login("ada"))

    with pytest.raises(TypeError):
        gate.revoke(session=one.session_id, reason="because")
    assert gate.authenticate(one.access).subject == "ada"


def test_another_subject_in_the_same_browser_inherits_nothing(gate: Any, carry: Any) -> None:
    first = carry(gate.login("ada", data={"cart": [1]}))
    second = carry(gate.login("grace", replaces=first.access))

    assert gate.session(second.access).data == {}
    assert refused(gate, first.access) == "credential_revoked"


@pytest.mark.parametrize("planted", ["", "x", "AAAAAAAAAAAAAAAAAAAAAA." + "A" * 43, "eyJhbGciOiJub25lIn0.e30."])
def test_a_login_goes_on_whatever_the_client_came_with(gate: Any, planted: str) -> None:
    credentials = gate.login("ada", replaces=planted)

    assert gate.authenticate(credentials.access_token).subject == "ada"
    assert credentials.session_id not in planted


def test_step_up_gives_a_new_id_and_a_new_auth_time(gate: Any, carry: Any, clock: Clock) -> None:
    old = carry(gate.login("ada", roles={"admin"}, data={"cart": 1}, client=Client(ip="192.0.2.1")))
    before = clock.now
    clock.advance(60)

    new = carry(gate.step_up(old.access))

    who = gate.authenticate(new.access)
    assert (who.auth_time, who.roles) == (before + 60, {"admin"})
    assert who.session_id != old.session_id
    row = gate.session(new.access)
    assert (row.data, row.client.ip) == ({"cart": 1}, "192.0.2.1")
    assert refused(gate, old.access) == "credential_revoked"


def test_step_up_of_an_ended_session_is_refused(gate: Any) -> None:
    credentials = gate.login("ada")
    gate.revoke(session=credentials.session_id)

    with pytest.raises(RevokedCredential):
        gate.step_up(credentials.access_token)
    assert [row.ended_at is None for row in gate.sessions("ada")] == [False]


def test_ending_the_other_sessions_leaves_this_one(gate: Any) -> None:
    kept, *others = [gate.login("ada") for _ in range(4)]
    stranger = gate.login("grace")

    receipt = gate.revoke(subject="ada", except_session=kept.session_id)

    assert set(receipt.ended) == {other.session_id for other in others}
    assert [refused(gate, other.access_token) for other in others] == ["credential_revoked"] * 3
    assert gate.authenticate(kept.access_token).subject == "ada"
    assert gate.authenticate(stranger.access_token).subject == "grace"


def test_a_session_that_is_asked_for_comes_first_however_many_there_are(gate: Any) -> None:
    """One's own is there, and found, whatever came after it; another's is neither."""
    mine, stranger = gate.login("ada"), gate.login("grace")
    for _ in range(5):
        gate.login("ada")

    assert [row.id for row in gate.sessions("ada", limit=1, first=mine.session_id)] == [mine.session_id]
    listed = [row.id for row in gate.sessions("ada", first=mine.session_id)]
    assert listed[0] == mine.session_id
    assert len(listed) == len(set(listed)) == 6
    for foreign in (stranger.session_id, "nobody", "\ud800"):
        assert foreign not in {row.id for row in gate.sessions("ada", first=foreign)}


def test_a_login_in_the_second_of_an_ending_is_good(gate: Any) -> None:
    """Sessions are ended by their ids, never by a time to compare with: a second has two sides."""
    before = gate.login("ada")
    gate.revoke(subject="ada")
    after = gate.login("ada")

    assert refused(gate, before.access_token) == "credential_revoked"
    assert gate.authenticate(after.access_token).subject == "ada"


def test_one_token_can_be_refused_alone(gate: Any, mode: Mode) -> None:
    """Of an access token only the token; of a session token the session, which is all there is."""
    credentials = gate.login("ada")

    gate.revoke(token=credentials.access_token)

    assert refused(gate, credentials.access_token) == "credential_revoked"
    if mode == "hybrid":
        assert gate.authenticate(gate.refresh(credentials.refresh_token).access_token).subject == "ada"


def test_the_oldest_login_makes_room(make_gate: Any, store: Store, ring: KeyRing, mode: Mode, clock: Clock) -> None:
    gate = make_gate(store, mode=mode, keys=ring, policy=Policy(max_sessions=2))
    logins = []
    for _ in range(3):
        logins.append(gate.login("ada"))
        clock.advance(1)

    assert refused(gate, logins[0].access_token) == "credential_revoked"
    assert [gate.authenticate(login.access_token).subject for login in logins[1:]] == ["ada", "ada"]
    assert [row.ended_reason for row in gate.sessions("ada")] == [None, None, "evicted"]


def test_changing_the_mode_logs_nobody_out(make_gate: Any, store: Store, ring: KeyRing, mode: Mode) -> None:
    """A session lives out its life by the rules it was born under."""
    before = make_gate(store, mode=mode, keys=ring).login("ada")

    for other in ("session", "jwt", "hybrid"):
        gate = make_gate(store, mode=other, keys=ring)
        assert gate.authenticate(before.access_token).mode == mode
        assert gate.authenticate(gate.login("ada").access_token).mode == other


def test_a_mode_that_is_not_accepted_is_refused(make_gate: Any, store: Store, ring: KeyRing, mode: Mode) -> None:
    other: Mode = "jwt" if mode == "session" else "session"
    before = make_gate(store, mode=mode, keys=ring).login("ada")
    gate = make_gate(store, mode=other, accept=[other], keys=ring)

    assert refused(gate, before.access_token) == "credential_unknown"
    with pytest.raises(ModeNotEnabled):
        gate.login("ada", mode=mode)


def test_only_a_refresh_token_can_be_exchanged(gate: Any, mode: Mode) -> None:
    """An access token of hybrid is told that its refresh token is missing, as other modes know no exchange at all."""
    credentials = gate.login("ada")

    with pytest.raises(MissingCredential if mode == "hybrid" else ModeNotEnabled):
        gate.refresh(credentials.access_token)


def test_a_refresh_token_is_no_access_token(make_gate: Any, store: Store, ring: KeyRing) -> None:
    gate = make_gate(store, mode="hybrid", keys=ring)

    assert refused(gate, gate.login("ada").refresh_token) == "credential_unknown"


def test_no_credential_is_told_from_a_bad_one(gate: Any) -> None:
    assert refused(gate, None) == "credential_missing"
    assert refused(gate, "") == "credential_missing"
    assert refused(gate, "?") == "credential_malformed"
    assert refused(gate, "A" * 22 + "." + "A" * 43) == "credential_unknown"


def test_an_unknown_id_is_never_adopted(make_gate: Any, store: Store) -> None:
    """Ten thousand strangers leave no row."""
    gate = make_gate(store)
    for number in range(10_000):
        with pytest.raises(UnknownCredential):
            gate.authenticate(f"{number:021d}A." + "A" * 43)

    assert gate.purge(limit=1) == 0
    assert gate.sessions("ada") == ()


def test_data_is_compared_and_set(gate: Any) -> None:
    """Two requests that both read the cart cannot both write it."""
    access = gate.login("ada", data={"cart": [1]}).access_token
    read = gate.session(access)

    assert gate.set_data(read, {"cart": [1, 2]})
    assert not gate.set_data(read, {"cart": [1, 3]})
    assert gate.session(access).data == {"cart": (1, 2)}
    assert gate.authenticate(access).subject == "ada"


def test_lists_hold_nothing_secret(gate: Any) -> None:
    access = gate.login("ada").access_token

    for row in (*gate.sessions("ada"), gate.session(access)):
        assert row.secret_digest == row.seed == b""


def test_forgetting_a_subject_removes_every_row(gate: Any) -> None:
    ended, live, stranger = gate.login("ada"), gate.login("ada"), gate.login("grace")
    gate.logout(ended.access_token)

    assert gate.forget("ada").ended == (live.session_id,)

    assert gate.sessions("ada") == ()
    for credentials in (ended, live):
        assert refused(gate, credentials.access_token) in {"credential_revoked", "credential_unknown"}
    assert gate.authenticate(stranger.access_token).subject == "grace"


def test_nobody_is_remembered_for_ever(gate: Any, clock: Clock) -> None:
    """30 days after its end a row goes, a little of it with each login, so that no cron job is needed."""
    for _ in range(20):
        gate.login("ada")
    clock.advance(gate.policy.idle + 31 * 86_400)
    gate.login("grace")
    gate.login("grace")

    assert gate.sessions("ada") == ()
    assert len(gate.sessions("grace")) == 2
