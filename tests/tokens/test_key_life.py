"""The life of a key: published, signing, verifying, gone; and nobody who holds a good token notices."""

import errno
import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.clock import Clock
from support.keepers import MASTER, PLACES, Place, keeper

from gatepass import Gate, StoreError, tokens
from gatepass.core.flow import Once, Question, Write
from gatepass.core.keyring import KEEP_ROOT, PUBLISHED, KeyRing
from gatepass.core.keys import MAX_KEYS, KeySet
from gatepass.core.strict import b64decode
from gatepass.errors import ConfigurationError, CredentialError, KeyInUse, KeyUnavailable, UnknownCredential
from gatepass.keys import KeyFile, KeyStore, generate, new_ring, written
from gatepass.keys.keeper import AGAIN, AHEAD, KEEP, MIN_AGE, KeyKeeper
from gatepass.keys.made import new_root
from gatepass.policy import LEEWAY, Policy
from gatepass.stores.memory import MemoryStore
from gatepass.stores.sqlite import SqliteStore

NOW = 1_900_000_000
#: Seconds after which a key is old.
AGE = 90 * 86_400


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.param
    return found


@pytest.fixture
def keys(place: Place, tmp_path: Path, clock: Clock) -> KeyKeeper:
    return keeper(place, tmp_path, MemoryStore(), clock=clock)


def gate_of(keys: KeyKeeper, clock: Clock, store: Any = None, **options: Any) -> Gate:
    return Gate(store or MemoryStore(), mode="hybrid", keys=keys, clock=clock, **options)


def kid_of(gate: Gate) -> str:
    """The key that signs now."""
    header = gate.login("ada").access_token.partition(".")[0]
    kid: str = json.loads(b64decode(header.encode()))["kid"]
    return kid


def test_a_new_key_is_published_before_it_signs(keys: KeyKeeper, clock: Clock) -> None:
    """For as long as anybody keeps the public keys, and longer; then it signs, in a gate that nobody told."""
    gate = gate_of(keys, clock)
    old = kid_of(gate)
    new = keys.rotate().ahead
    assert new is not None
    assert new.kid in [key.kid for key in keys.ring().keys]

    clock.advance(AHEAD - 1)
    assert kid_of(gate) == old
    clock.advance(1)
    assert kid_of(gate) == new.kid
    assert AHEAD >= 2 * PUBLISHED


def test_a_rotation_at_once_signs_at_once(keys: KeyKeeper, clock: Clock) -> None:
    gate = gate_of(keys, clock)
    old = kid_of(gate)
    keys.rotate(at_once=True)
    assert kid_of(gate) != old


def test_a_rotation_at_once_does_not_wait_for_one_that_is_under_way(keys: KeyKeeper, clock: Clock) -> None:
    gate = gate_of(keys, clock)
    published = keys.rotate().ahead
    with pytest.raises(ConfigurationError):
        keys.rotate()
    assert keys.ring().ahead is not None, "nothing was changed"
    stands = keys.rotate(at_once=True)
    assert published is not None
    assert kid_of(gate) == stands.signing.kid != published.kid


def test_a_second_rotation_waits_for_the_first(keys: KeyKeeper, clock: Clock) -> None:
    first = keys.rotate().ahead
    clock.advance(AHEAD)
    ring = keys.rotate()
    assert first is not None
    assert ring.signing.kid == first.kid
    assert len(ring.keys) == 3


def test_a_token_outlives_any_number_of_rotations(keys: KeyKeeper, clock: Clock) -> None:
    gate = gate_of(keys, clock, policy=Policy(access_ttl=86_400))
    token = gate.login("ada").access_token
    for _ in range(20):
        keys.rotate()
        clock.advance(AHEAD)
        assert gate.authenticate(token).subject == "ada"
        assert gate.authenticate(gate.login("grace").access_token).subject == "grace"


@pytest.mark.parametrize("seen", [True, False])
def test_nothing_under_a_key_is_good_after_its_end(keys: KeyKeeper, clock: Clock, seen: bool) -> None:
    """A token with a longer life than any of ours: whoever copied the key makes such."""
    gate = gate_of(keys, clock, policy=Policy(access_ttl=86_400))
    old = keys.ring()
    keys.rotate()
    forger = Gate(
        MemoryStore(), mode="hybrid", keys=new_ring_of(old), clock=lambda: clock() + AHEAD + KEEP - 3_600, policy=long()
    )
    forged = forger.login("ada").access_token
    clock.advance(AHEAD + KEEP - 1)
    gate.login("ada")  # whoever signs reads the file again; who only checks does so when a key is not known
    if seen:
        assert gate.authenticate(forged).subject == "ada", "its honest twin: a second before"
    clock.advance(1)
    with pytest.raises(CredentialError):
        gate.authenticate(forged)
    clock.advance(1)
    keys.rotate()
    assert old.signing.kid not in [key.kid for key in keys.ring().keys], "and the next rotation removes it"


def test_an_ended_key_verifies_nothing_and_is_published_nowhere(place: Place, tmp_path: Path, clock: Clock) -> None:
    """Also while nobody rotates: for whoever rotates by hand, that may be never."""
    keys = keeper(place, tmp_path, MemoryStore(), "ES256", clock=clock)
    gate = gate_of(keys, clock)
    old = keys.ring().signing
    keys.rotate(at_once=True)
    end = int(clock()) + KEEP
    said = {"iss": "i", "aud": "a", "sub": "ada", "jti": "j", "iat": NOW, "exp": end + 3_600}
    under_old, under_new = tokens.sign(said, old), tokens.sign(said, keys.ring())

    def verify(token: str) -> str:
        claims = tokens.verify(
            token, keys.ring(), algorithms=["ES256"], issuer="i", audience="a", leeway=300, now=clock()
        )
        return str(claims["sub"])

    def published() -> set[str]:
        assert gate.jwks() == keys.ring().jwks(int(clock()))
        return {jwk["kid"] for jwk in gate.jwks()["keys"]}

    clock.advance(KEEP - 1)
    assert verify(under_old) == verify(under_new) == "ada", "its honest twin: a second before"
    assert published() == {old.kid, keys.ring().signing.kid}
    clock.advance(1)
    with pytest.raises(UnknownCredential) as caught:
        verify(under_old)
    assert caught.value.reason == "key"
    assert verify(under_new) == "ada"
    assert published() == {keys.ring().signing.kid}


def test_a_root_is_kept_for_as_long_as_a_session_under_it_may_live(keys: KeyKeeper, clock: Clock) -> None:
    """The longest that a policy allows, and no root for ever."""
    first = keys.ring().refresh_kid
    longest = Policy(idle=400 * 86_400, lifetime=400 * 86_400)
    gate = gate_of(keys, clock, policy=longest)
    held = gate.login("ada")
    keys.rotate()
    clock.advance(longest.lifetime - 1)
    keys.rotate()
    held = gate.refresh(held.refresh_token)
    clock.advance(2 * 86_400)
    ring = keys.rotate()
    assert first not in [root.kid for root in ring.roots]
    assert [root.created_at for root in ring.roots] == sorted((root.created_at for root in ring.roots), reverse=True)
    assert len(ring.roots) == 3, "the last, that before, and that of the sessions of 400 days ago"


def test_after_a_theft_old_roots_are_good_for_refresh_secrets_only(keys: KeyKeeper, clock: Clock) -> None:
    """Those are worth nothing without the row. A CSRF token and a device cookie are all that whoever saw it needs."""
    gate = gate_of(keys, clock)
    held = gate.login("ada")
    before, form = keys.ring(), gate.csrf_token(held.session_id)
    keys.rotate()
    assert gate.csrf_belongs(form, held.session_id), "its honest twin: pages made before a rotation are still open"
    assert before.device[0] in keys.ring().device

    ring = keys.rotate(at_once=True)

    assert len(ring.csrf) == len(ring.device) == 1
    assert not gate.csrf_belongs(form, held.session_id)
    assert gate.csrf_belongs(gate.csrf_token(held.session_id), held.session_id)
    assert gate.authenticate(gate.refresh(held.refresh_token).access_token).subject == "ada", "nobody is logged out"
    clock.advance(AHEAD)
    keys.rotate()
    assert len(keys.ring().csrf) == 2, "and a later rotation opens none again"


def new_ring_of(ring: KeyRing) -> KeyRing:
    return KeyRing(signing=ring.signing, roots=ring.roots)


def long() -> Policy:
    return Policy(access_ttl=86_400)


def test_no_token_of_ours_outlives_its_key() -> None:
    assert Policy(token_ttl=30 * 86_400).token_ttl + 2 * LEEWAY < KEEP
    with pytest.raises(ConfigurationError):
        Policy(token_ttl=30 * 86_400 + 1)


def test_a_key_that_signs_is_not_retired(keys: KeyKeeper, clock: Clock) -> None:
    signing = keys.ring().signing.kid
    with pytest.raises(ConfigurationError):
        keys.retire(signing)
    keys.rotate()
    with pytest.raises(ConfigurationError):
        keys.retire(signing)
    assert kid_of(gate_of(keys, clock)) == signing
    with pytest.raises(ConfigurationError):
        keys.retire("no such key")


def test_a_retired_key_opens_nothing_and_the_others_all(keys: KeyKeeper, clock: Clock, tmp_path: Path) -> None:
    """At once where the file is read again, and by the log where it is not."""
    store = SqliteStore(tmp_path / "gatepass.db")
    gate, elsewhere = (gate_of(keys, clock, store) for _ in range(2))
    old, stolen = keys.ring().signing.kid, gate.login("ada").access_token
    assert elsewhere.authenticate(stolen)
    keys.rotate(at_once=True)
    fresh = gate.login("grace").access_token
    gate.revoke(kid=old)
    keys.retire(old)

    for node in (gate, elsewhere, gate_of(keys, clock, store)):
        with pytest.raises(CredentialError):
            node.authenticate(stolen)
        assert node.authenticate(fresh).subject == "grace"
    store.close()


def test_a_key_that_will_sign_is_not_refused(keys: KeyKeeper, clock: Clock) -> None:
    """Or everybody would be logged out when it does; taken out of the ring first, it may be."""
    gate = gate_of(keys, clock)
    ahead = keys.rotate().ahead
    assert ahead is not None
    gate.login("ada")
    with pytest.raises(KeyInUse):
        gate.revoke(kid=ahead.kid)
    keys.retire(ahead.kid)
    gate.revoke(kid=ahead.kid)
    clock.advance(2 * AHEAD)
    assert gate.authenticate(gate.login("ada").access_token)


def test_a_key_whose_successor_was_retired_signs_on_for_as_long_as_it_takes(keys: KeyKeeper, clock: Clock) -> None:
    """Its end was that of its successor's first second, and a key that signs past its end locks everybody out."""
    gate = gate_of(keys, clock)
    ahead = keys.rotate().ahead
    assert ahead is not None
    keys.retire(ahead.kid)
    clock.advance(AHEAD + KEEP)

    assert gate.authenticate(gate.login("ada").access_token).subject == "ada"
    assert keys.rotate().ahead is not None


def test_what_another_software_signed_goes_on(keys: KeyKeeper, clock: Clock) -> None:
    theirs = generate("HS256")
    before = Gate(
        MemoryStore(), mode="hybrid", keys=KeyRing(signing=theirs, roots=(new_root(NOW),)), clock=clock
    ).login("ada")
    gate = gate_of(keys, clock)
    with pytest.raises(CredentialError):
        gate.authenticate(before.access_token)
    keys.join(theirs)
    assert gate.authenticate(before.access_token).subject == "ada"
    assert kid_of(gate) != theirs.kid


def test_old_keys_are_rotated_by_whoever_comes_first(
    place: Place, tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "gatepass.keys")
    age = 90 * 86_400
    store = MemoryStore()

    def node(rotate_after: int | None = age) -> KeyKeeper:
        return keeper(place, tmp_path, store, rotate_after=rotate_after, clock=clock)

    first = node().ring()
    clock.advance(age - 1)
    assert node().ring().ahead is None
    clock.advance(1)
    barrier, rings = threading.Barrier(6), []

    def read() -> None:
        keys = node()
        barrier.wait()
        rings.append(keys.ring())

    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({ring.ahead.kid for ring in rings if ring.ahead}) == 1, "one rotated, five found it done"
    assert len(rings) == 6
    assert rings[0].signing.kid == first.signing.kid
    [said] = {record.getMessage() for record in caplog.records}
    [ahead] = {ring.ahead.kid for ring in rings if ring.ahead}
    assert said == f"a key was old: {ahead!r} takes its place in {AHEAD} s"
    clock.advance(AHEAD + age)
    ring = node().ring()
    assert ring.ahead is not None, "and again after as long"
    assert node(None).ring().ahead_at == ring.ahead_at


@pytest.mark.parametrize(
    "age",
    [0, -1, 90, MIN_AGE - 1, MIN_AGE - 0.5, True, float("nan"), float("inf"), "7776000", "90 days", 1j, [], b"7776000"],
)
def test_an_age_that_no_key_can_have_is_refused(place: Place, tmp_path: Path, age: Any) -> None:
    """90 is meant as days, and would make a key every quarter of an hour; a NaN would make none, ever."""
    with pytest.raises(ConfigurationError) as refused:
        keeper(place, tmp_path, MemoryStore(), rotate_after=age)
    assert refused.value.source in {"KeyFile(rotate_after=...)", "KeyStore(rotate_after=...)"}
    assert str(MIN_AGE) in refused.value.fix
    assert not list(tmp_path.iterdir()), "nothing was made"
    for good in (MIN_AGE, float(MIN_AGE), 90 * 86_400, 10**400, None):
        assert keeper(place, tmp_path, MemoryStore(), rotate_after=good)


def test_a_ring_that_is_rotated_by_age_has_room_for_keys_of_others() -> None:
    ring, now, most = new_ring("HS256", now=NOW), NOW, 0
    for _ in range(2 * KEEP // (MIN_AGE + AHEAD)):
        now += MIN_AGE
        ring = ring.published(generate("HS256"), new_root(now), now=now, signs_from=now + AHEAD, keep=KEEP)
        now += AHEAD
        most = max(most, len(ring.keys))
    assert MAX_KEYS // 2 - 10 < most <= MAX_KEYS // 2


def test_a_ring_as_large_as_can_be_is_read_again() -> None:
    """The largest keys that are made, in the largest number; roots for as long as they are kept."""
    key = len(json.dumps(generate("RS512").to_jwk(private=True), indent=3)) + 256
    root = len(json.dumps({"kid": "k" * 16, "secret": "s" * 43, "created_at": NOW, "closed": False}, indent=3)) + 16
    assert MAX_KEYS * key + KEEP_ROOT // (MIN_AGE + AHEAD) * root < written.MAX_RING


def test_what_could_not_be_read_again_is_not_written(keys: KeyKeeper, place: Place, tmp_path: Path) -> None:
    """Neither here nor by those who fetch the keys; and what is there can still be used and mended."""
    full = keys.join(KeySet(generate("HS256") for _ in range(MAX_KEYS - 1)))
    changes: list[Any] = [lambda: keys.join(generate("HS256")), keys.rotate, lambda: keys.rotate(at_once=True)]
    for change in changes:
        with pytest.raises(ConfigurationError, match="more than 256 keys"):
            change()
    assert list(keys.ring().lives) == list(full.lives)
    if place == "file":
        assert len(KeyFile(tmp_path / "keys.json").ring().keys) == MAX_KEYS

    keys.retire(full.others[0].kid)
    assert keys.rotate().ahead is not None


def test_a_ring_of_more_bytes_than_are_read_is_not_written(keys: KeyKeeper, monkeypatch: pytest.MonkeyPatch) -> None:
    full = keys.join(KeySet(generate("HS256") for _ in range(3)))
    monkeypatch.setattr(written, "MAX_RING", len(written.write(full)))
    with pytest.raises(ConfigurationError, match="bytes"):
        keys.rotate()
    assert keys.ring().ahead is None


def test_a_ring_that_is_too_large_already_may_become_smaller(keys: KeyKeeper, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of an older version: key by key is how it is mended."""
    full = keys.join(KeySet(generate("HS256") for _ in range(3)))
    monkeypatch.setattr(written, "MAX_KEYS", 2)
    with pytest.raises(ConfigurationError, match="keys"):
        keys.rotate()
    assert len(keys.retire(full.others[0].kid).keys) == 3


class Full:
    """Where a ring is kept and nothing more can be written, while it is so; what is there can be read."""

    def __init__(self, place: Place, folder: Path, clock: Clock) -> None:
        self.full = False
        self.tries = 0
        faulty = self

        class File(KeyFile):
            def _at_step(self, step: str) -> None:
                faulty.refuse(step == "write", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

        class Kept(MemoryStore):
            def answer(self, question: Question[Any], /) -> Any:
                faulty.refuse(isinstance(question, Once | Write), StoreError("it takes no writes"))
                return super().answer(question)

        self.keys: KeyKeeper = (
            File(folder / "keys.json", "HS256", rotate_after=AGE, clock=clock)
            if place == "file"
            else KeyStore(Kept(), MASTER, "HS256", rotate_after=AGE, clock=clock)
        )

    def refuse(self, writes: bool, error: Exception) -> None:
        if self.full and writes:
            self.tries += 1
            raise error


def test_a_rotation_by_age_that_cannot_be_written_takes_no_good_key_away(
    place: Place, tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Ninety days after the first start the disk is full: who is logged in stays so, who comes gets in, nodes start."""
    kept = Full(place, tmp_path, clock)
    gate = gate_of(kept.keys, clock, policy=Policy(access_ttl=86_400))
    clock.advance(AGE - 1)
    old, token = kid_of(gate), gate.login("ada").access_token
    clock.advance(1)
    kept.full = True

    for _ in range(3):
        assert gate.authenticate(token).subject == "ada"
        assert kid_of(gate) == old
        assert gate_of(kept.keys, clock).login("eve")
    assert kept.tries == 1, "not once for each who asks"
    assert [record.name for record in caplog.records if record.levelname == "WARNING"] == ["gatepass.keys"]
    for at_once in (False, True):
        with pytest.raises((ConfigurationError, StoreError)):
            kept.keys.rotate(at_once=at_once)
    kept.tries = 0
    clock.advance(AGAIN - 1)
    kept.keys.ring()
    assert kept.tries == 0
    clock.advance(1)
    kept.keys.ring()
    assert kept.tries == 1

    kept.full = False
    clock.advance(AGAIN)
    assert kept.keys.ring().ahead is not None, "its honest twin"
    clock.advance(AHEAD)
    assert kid_of(gate) != old
    assert gate.authenticate(token).subject == "ada"


def test_a_clock_that_went_back_puts_no_rotation_off(place: Place, tmp_path: Path, clock: Clock) -> None:
    kept = Full(place, tmp_path, clock)
    kept.keys.ring()
    kept.full = True
    clock.advance(20 * AGE)
    kept.keys.ring()
    clock.advance(-10 * AGE)
    kept.full = False

    assert kept.keys.ring().ahead is not None


def test_a_ring_that_cannot_be_read_in_use_is_told_as_what_it_is(tmp_path: Path, clock: Clock) -> None:
    """And not as the key of somebody's session; the cause has the path and what to do, for the log."""
    keys = KeyFile(tmp_path / "keys.json", "HS256", clock=clock)
    gate = gate_of(keys, clock)
    (tmp_path / "keys.json").unlink()
    with pytest.raises(KeyUnavailable, match=r"^the key ring cannot be read now$") as caught:
        gate.login("ada")
    assert isinstance(caught.value.__cause__, ConfigurationError)


class Watcher:
    def __init__(self) -> None:
        self.told = 0

    def changed(self) -> None:
        self.told += 1


def test_no_watcher_is_lost_to_another_that_comes_at_the_same_time(keys: KeyKeeper) -> None:
    keys.ring()
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    watchers = [Watcher() for _ in range(400)]
    barrier = threading.Barrier(8)

    def watch(some: list[Watcher]) -> None:
        barrier.wait(20)
        for watcher in some:
            keys.watch(watcher.changed)

    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(watch, [watchers[number::8] for number in range(8)]))
    finally:
        sys.setswitchinterval(before)
    keys.rotate()

    assert [watcher.told for watcher in watchers] == [1] * len(watchers)


def test_a_file_of_before_keys_were_published_is_read(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "keys.json"
    file = KeyFile(path, "HS256", clock=clock)
    ring = file.ring()
    document = json.loads(path.read_text())
    for name in ("ahead", "ahead_at", "lives"):
        del document[name]
    path.write_text(json.dumps({**document, "gatepass_keys": 1}))

    again = KeyFile(path, "HS256", clock=clock)
    assert again.ring().signing.kid == ring.signing.kid
    assert again.ring().life(ring.signing.kid).signs_from == NOW
    assert again.rotate().lives[ring.signing.kid].ends_at == NOW + AHEAD + KEEP


@pytest.mark.parametrize(
    "broken",
    [
        {"ahead": {}},
        {"ahead_at": "soon"},
        {"ahead_at": 1.5},
        {"ahead_at": True},
        {"lives": []},
        {"lives": {"k": {}}},
        {"lives": {"k": {"created_at": 1, "signs_from": 1, "ends_at": "x"}}},
        {"lives": {"k": {"created_at": 1, "signs_from": 1, "ends_at": None, "more": 1}}},
    ],
)
def test_a_file_whose_times_are_none_is_refused(tmp_path: Path, clock: Clock, broken: dict[str, Any]) -> None:
    path = tmp_path / "keys.json"
    KeyFile(path, "HS256", clock=clock).ring()
    path.write_text(json.dumps({**json.loads(path.read_text()), **broken}))
    with pytest.raises(ConfigurationError):
        KeyFile(path, "HS256", clock=clock).ring()


@example([("rotate", 0), ("retire", 3 * AHEAD - 1), ("wait", 0)])
@given(st.lists(st.tuples(st.sampled_from(["rotate", "at once", "wait", "retire", "join"]), st.integers(0, 3 * AHEAD))))
def test_whatever_becomes_of_a_ring_one_key_signs_and_what_it_signed_is_good(steps: list[tuple[str, int]]) -> None:
    now, ring = NOW, new_ring("HS256", now=NOW)
    for step, seconds in steps:
        try:
            if step in {"rotate", "at once"}:
                ahead = AHEAD if step == "rotate" else 0
                ring = ring.published(generate("HS256"), new_root(now), now=now, signs_from=now + ahead, keep=KEEP)
            elif step == "retire":
                ring = ring.without(list(ring.keys)[seconds % len(ring.keys)].kid, now=now)
            elif step == "join":
                ring = ring.joined(generate("HS256"), now=now)
        except ConfigurationError:
            pass
        signer = ring.signer(now)
        assert signer.can_sign
        assert ring.keys.get(signer.kid) is signer
        assert (ring.ends_at(signer.kid) or now + KEEP + 1) > now + KEEP - AHEAD - 1
        assert len({key.kid for key in ring.keys}) == len(ring.keys)
        now += seconds
