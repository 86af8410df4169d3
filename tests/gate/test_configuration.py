"""What a gate can be made of, and what its arguments may be."""

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.clock import Clock

from gatepass import (
    MODES,
    AsyncGate,
    Client,
    ConfigurationError,
    ExpiredCredential,
    Gate,
    KeyInUse,
    KeyUnavailable,
    LoginFailed,
    ModeNotEnabled,
    Policy,
    RevokedCredential,
    UnknownCredential,
)
from gatepass.core.keyring import KeyRing
from gatepass.keys import KeyFile
from gatepass.policy import LEEWAY
from gatepass.records import freeze
from gatepass.starlette import Gatepass
from gatepass.stores import Store
from gatepass.stores.memory import MemoryStore


def test_both_colours_have_one_face() -> None:
    verbs = {name for name, _ in inspect.getmembers(Gate, inspect.isfunction) if not name.startswith("_")}
    assert verbs == {name for name, _ in inspect.getmembers(AsyncGate, inspect.isfunction) if not name.startswith("_")}
    for name in verbs:
        assert inspect.signature(getattr(Gate, name)) == inspect.signature(getattr(AsyncGate, name)), name


@pytest.mark.parametrize(
    ("store", "keys", "options", "words"),
    [
        (False, False, {}, "there is no store"),
        (False, True, {"mode": "session"}, "there is no store"),
        (False, True, {"mode": "hybrid"}, "there is no store"),
        (True, False, {"mode": "jwt"}, "there are no keys"),
        (True, False, {"mode": "hybrid"}, "there are no keys"),
        (True, True, {"mode": "cookie"}, "there is no mode 'cookie'"),
        (True, False, {"accept": ["session", "hybrid"]}, "there are no keys"),
        (True, True, {"accept": "jwt"}, "there is no mode"),
    ],
)
def test_parts_that_do_not_fit_are_refused_at_start(
    store: bool, keys: bool, options: dict[str, Any], words: str, ring: KeyRing
) -> None:
    with pytest.raises(ConfigurationError, match=words) as refusal:
        Gate(MemoryStore() if store else None, keys=ring if keys else None, **options)
    assert refusal.value.fix
    assert refusal.value.source


@pytest.mark.parametrize(
    ("part", "given"),
    [
        ("store", "postgresql://ada:hunter2@localhost/app"),
        ("store", 42),
        ("keys", ".gatepass/keys.json"),
        ("keys", b"a secret of thirty-two bytes !!!"),
        ("policy", {"idle": 3_600}),
    ],
)
@pytest.mark.parametrize("make", [Gate, AsyncGate, Gatepass])
def test_a_part_of_another_kind_is_refused_at_once_and_not_repeated(make: Any, part: str, given: Any) -> None:
    """A path where a store belongs would be found out by the first request, and may hold a password."""
    with pytest.raises(ConfigurationError, match=f"{part} is a {type(given).__name__}") as refusal:
        make(**{part: given})
    assert str(given) not in str(refusal.value)
    assert refusal.value.source == f"Gate({part}=...)"


def test_everything_that_can_be_checked_is_accepted(ring: KeyRing) -> None:
    assert Gate(MemoryStore()).accept == {"session"}
    assert Gate(mode="jwt", keys=ring).accept == {"jwt"}
    gate = Gate(MemoryStore(), keys=ring)
    assert gate.accept == set(MODES)
    assert (gate.mode, gate.policy) == ("session", Policy())
    assert Gate(MemoryStore(), keys=ring, mode="jwt", accept=[]).accept == {"jwt"}


@pytest.mark.parametrize("field", ["idle", "lifetime", "access_ttl", "token_ttl", "stateless_ttl", "max_sessions"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "60", True, 10**12])
def test_a_policy_that_cannot_work_is_refused(field: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=field):
        Policy(**{field: value})


def test_policies_that_can_work_are_taken() -> None:
    assert (Policy().idle, Policy().lifetime) == (14 * 86_400, 90 * 86_400)
    assert (Policy.aal2().idle, Policy.aal2().lifetime) == (3_600, 86_400)
    assert Policy(grace=0, touch_interval=0, max_sessions=1).grace == 0
    for grace in (-1, 61):
        with pytest.raises(ConfigurationError, match="grace"):
            Policy(grace=grace)
    with pytest.raises(ConfigurationError, match="idle"):
        Policy(idle=100, lifetime=99)


@pytest.fixture
def gate(make_gate: Any, store: Store, ring: KeyRing) -> Any:
    return make_gate(store, mode="hybrid", keys=ring)


def json_of_depth(depth: int) -> list[Any]:
    nested: list[Any] = []
    for _ in range(depth):
        nested = [nested]
    return nested


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"subject": ""}, "subject"),
        ({"subject": "a" * 256}, "subject"),
        ({"subject": "a\nb"}, "printable"),
        ({"subject": "a\x00"}, "printable"),
        ({"subject": "\ud800"}, "printable"),
        ({"subject": 7}, "subject"),
        ({"roles": "admin"}, "roles"),
        ({"roles": [1]}, "roles"),
        ({"claims": {"sub": "grace"}}, "sub"),
        ({"claims": {"exp": 1}}, "exp"),
        ({"subject": "ä" * 128}, "255 bytes"),
        ({"claims": {"a": "b" * 1_024}}, "1024"),
        ({"roles": {"r" * 400, "s" * 400}}, "768"),
        ({"claims": [1]}, "mapping"),
        ({"claims": {"a": float("nan")}}, "JSON"),
        ({"claims": {"a": object()}}, "JSON"),
        ({"claims": {1: "a"}}, "JSON"),
        ({"claims": {"a": "\ud800"}}, "JSON"),
        ({"data": {"a": "b" * 65_536}}, "65536"),
        ({"data": {"a": {1, 2}}}, "JSON"),
        ({"data": {"a": b"bytes"}}, "JSON"),
        ({"claims": {"a": json_of_depth(40)}}, "JSON"),
        ({"data": {"a": json_of_depth(900)}}, "JSON"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_arguments_out_of_bounds_are_refused_before_anything_is_done(
    gate: Any, arguments: dict[str, Any], words: str
) -> None:
    subject = arguments.get("subject", "ada")
    with pytest.raises((ValueError, TypeError, ConfigurationError), match=words):
        gate.login(subject, **{name: value for name, value in arguments.items() if name != "subject"})
    assert gate.sessions("ada") == ()


def test_a_token_with_all_that_it_may_carry_fits_a_cookie(make_gate: Any, store: Store, ring: KeyRing) -> None:
    """4,096 octets with the cookie's name, whatever was given at login and changed later."""
    name = "n" * 128
    gate = make_gate(store, mode="hybrid", keys=ring, name=name, issuer=name, audience=name)
    credentials = gate.login("ä" * 127, roles={"r" * 754}, data={"a": "b" * 65_000, "deep": [{"x": [None, 2**70]}]})
    gate.update("ä" * 127, claims={"a": "b" * 1_000})

    credentials = gate.refresh(credentials.refresh_token)

    who = gate.authenticate(credentials.access_token)
    assert who.subject == "ä" * 127
    assert (len(who.roles), who.claims) == (1, {"a": "b" * 1_000})
    assert len(f"__Host-gatepass-access={credentials.access_token}") <= 4_096
    assert gate.session(credentials.access_token).data["deep"] == ({"x": (None, 2**70)},)


@pytest.mark.parametrize("name", ["", "n" * 129, "a\nb", 7])
def test_a_name_that_no_token_can_carry_is_refused(name: Any, ring: KeyRing) -> None:
    for option in ("issuer", "audience"):
        if name:
            with pytest.raises(ConfigurationError, match="every token"):
                Gate(mode="jwt", keys=ring, **{option: name})
    with pytest.raises(ConfigurationError, match="every token"):
        Gate(mode="jwt", keys=ring, name=name)


def test_a_limit_without_a_store_is_refused(ring: KeyRing) -> None:
    with pytest.raises(ConfigurationError, match="max_sessions"):
        Gate(mode="jwt", keys=ring, policy=Policy(max_sessions=1))


@pytest.mark.parametrize("number", [42, None, b"42", 4.2])
def test_an_id_that_is_no_text_is_refused_and_not_just_not_found(gate: Any, number: Any) -> None:
    """Or `revoke(subject=user.id)` with a number would find nothing and look as if it had ended everything."""
    kept = gate.login("42")
    calls: list[Any] = [
        lambda: gate.revoke(subject=number),
        lambda: gate.revoke(session=number),
        lambda: gate.revoke(kid=number),
        lambda: gate.update(number, roles=set()),
        lambda: gate.sessions(number),
        lambda: gate.forget(number),
    ]
    for call in calls:
        with pytest.raises(TypeError):
            call()
    assert gate.authenticate(kept.access_token).subject == "42"


def test_a_generator_of_roles_is_read_once(gate: Any) -> None:
    credentials = gate.login("ada", roles=(role for role in ["admin"]))

    assert gate.authenticate(credentials.access_token).roles == {"admin"}


def test_whatever_a_client_says_of_itself_is_kept_short(gate: Any) -> None:
    nothing: Any = None
    gate.login("ada", client=Client(ip=nothing, user_agent="\ud800" + "x" * 10_000))

    [row] = gate.sessions("ada")
    assert row.client == Client(ip="", user_agent="?" + "x" * 511)


def test_what_a_gate_returns_cannot_be_changed(gate: Any) -> None:
    credentials = gate.login("ada", claims={"a": {"b": [1]}}, data={"a": {"b": [1]}})
    who, row = gate.authenticate(credentials.access_token), gate.session(credentials.access_token)

    for value in (who.claims, who.claims["a"], row.data, row.data["a"]):
        with pytest.raises(TypeError, match="read-only"):
            value["c"] = 1
    with pytest.raises(AttributeError):
        who.subject = "grace"


def test_who_is_calling_may_be_a_key(gate: Any) -> None:
    """Of a dict or a set: what is equal has one hash, whatever the order of its claims."""
    credentials = gate.login("ada", claims={"a": {"b": [1, {"c": None}]}, "d": 1.0})
    who, other = gate.authenticate(credentials.access_token), gate.login("ada")

    again = replace(who, claims=freeze({"d": 1, "a": {"b": [1, {"c": None}]}}))
    assert again == who
    assert {who: 1}[again] == 1
    assert gate.authenticate(other.access_token) not in {who, again}


@pytest.mark.parametrize(
    "targets",
    [{}, {"session": "a", "subject": "b"}, {"token": "a", "kid": "b"}, {"session": "a", "except_session": "b"}],
    ids=str,
)
def test_an_end_has_one_target(gate: Any, targets: dict[str, str]) -> None:
    with pytest.raises(TypeError):
        gate.revoke(**targets)


def test_the_key_that_signs_is_not_refused(gate: Any, ring: KeyRing) -> None:
    """Or every new login would be refused too."""
    with pytest.raises(KeyInUse):
        gate.revoke(kid=ring.signing.kid)
    assert gate.authenticate(gate.login("ada").access_token)


def test_a_refused_key_opens_nothing_any_more(make_gate: Any, store: Store, tmp_path: Path, clock: Clock) -> None:
    """Not even a logout: whoever stole it can sign an access token of any session."""
    keys = KeyFile(tmp_path / "keys.json", clock=clock)
    gate = make_gate(store, mode="hybrid", keys=keys)
    stolen = gate.login("ada")
    kid = keys.ring().signing.kid
    keys.rotate(at_once=True)
    gate = make_gate(store, mode="hybrid", keys=keys)
    gate.revoke(kid=kid)

    for verb in (gate.authenticate, gate.logout, lambda token: gate.revoke(token=token)):
        with pytest.raises(RevokedCredential):
            verb(stolen.access_token)
    gate.login("grace", replaces=stolen.access_token)
    assert gate.authenticate(gate.refresh(stolen.refresh_token).access_token).subject == "ada"


def test_only_public_keys_are_published(make_gate: Any, store: Store, ring: KeyRing) -> None:
    assert make_gate(store).jwks() == {"keys": []}
    published = make_gate(store, keys=ring).jwks()["keys"]

    assert len(published) == (ring.signing.alg == "ES256")
    assert all("d" not in key and "k" not in key for key in published)


def test_a_key_file_that_went_bad_is_a_fault(make_gate: Any, store: Store, tmp_path: Path) -> None:
    """At start it is refused with a sentence; in the middle of a request nobody is logged out by it."""
    path = tmp_path / "keys.json"
    gate = make_gate(store, mode="hybrid", keys=KeyFile(path))
    credentials = gate.login("ada")
    elsewhere = make_gate(store, mode="hybrid", keys=KeyFile(tmp_path / "other.json")).login("ada")
    path.write_text("{}")

    with pytest.raises(KeyUnavailable):
        gate.authenticate(elsewhere.access_token)
    with pytest.raises(ConfigurationError):
        make_gate(store, mode="hybrid", keys=KeyFile(path))
    assert gate.authenticate(credentials.access_token).subject == "ada"


def test_a_changed_policy_holds_for_new_logins(make_gate: Any, store: Store, ring: KeyRing, clock: Any) -> None:
    """A session lives out its life by the rules that it was born under."""
    old = make_gate(store, keys=ring, policy=Policy(idle=1_000)).login("ada")
    gate = make_gate(store, keys=ring, policy=Policy(idle=10))
    new = gate.login("ada")
    clock.advance(100)

    assert gate.authenticate(old.access_token).subject == "ada"
    with pytest.raises(ExpiredCredential):
        gate.authenticate(new.access_token)


def test_a_jwt_session_ends_with_its_token(make_gate: Any, store: Store, ring: KeyRing, clock: Any) -> None:
    gate = make_gate(store, mode="jwt", keys=ring)
    credentials = gate.login("ada")

    assert credentials.expires_in == gate.policy.token_ttl
    assert gate.sessions("ada")[0].expires_at == clock.now + gate.policy.token_ttl
    gate.update("ada", roles={"clerk"})
    clock.advance(gate.policy.token_ttl + LEEWAY)
    assert gate.update("ada", roles={"clerk"}).tokens_alive_until is None


def test_a_login_without_a_mode_that_is_enabled_is_refused(make_gate: Any, store: Store) -> None:
    gate = make_gate(store)
    with pytest.raises(ModeNotEnabled):
        gate.login("ada", mode="jwt")
    with pytest.raises(UnknownCredential):
        gate.authenticate("eyJhbGciOiJub25lIn0.e30.AAAA")
    with pytest.raises(UnknownCredential):
        gate.logout("AAAAAAAAAAAAAAAAAAAAAA.0." + "A" * 43)
    assert LoginFailed.code == "login_failed"


@pytest.mark.parametrize("size", [-1, 1, 1.5, True, "many"])
def test_a_cache_of_no_size_is_refused(make_gate: Any, store: Store, ring: KeyRing, size: Any) -> None:
    with pytest.raises(ConfigurationError):
        make_gate(store, mode="hybrid", keys=ring, token_cache=size)


def test_the_token_cache_is_off_by_one_setting(make_gate: Any, store: Store, ring: KeyRing) -> None:
    for size, hits in ((0, 0), (100, 2)):
        gate = make_gate(store, mode="hybrid", keys=ring, token_cache=size)
        token = gate.login("ada").access_token
        for _ in range(3):
            gate.authenticate(token)
        assert (gate.token_cache.hits, gate.token_cache.limit) == (hits, size)
    assert make_gate(store, mode="session", keys=None).token_cache == (0, 0, 0, 0)
