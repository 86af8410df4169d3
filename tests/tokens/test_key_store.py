"""The key ring in the store: one for all nodes, nothing without the master key, and never written over unseen."""

import base64
import json
import secrets
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.clock import Clock
from support.faults import Asked, Faulty, Meanwhile
from support.keepers import MASTER

from gatepass import Gate, StoreError
from gatepass.core.flow import Document, Once, Purge, Read, Write
from gatepass.core.keyring import KeyRing
from gatepass.errors import ConfigurationError, CredentialError, KeyUnavailable
from gatepass.keys import KeyFile, KeyStore, generate, written
from gatepass.keys.keeper import MIN_AGE
from gatepass.keys.master import MasterKey
from gatepass.keys.store import RING
from gatepass.stores import Store
from gatepass.stores.memory import MemoryStore
from gatepass.stores.sqlite import SqliteStore


def names(ring: KeyRing) -> tuple[Any, ...]:
    """All that tells one ring from another, except the secrets."""
    return tuple(key.kid for key in ring.keys), tuple(root.kid for root in ring.roots)


def document(store: Store) -> Document | None:
    found: Document | None = store.answer(Read(RING))
    return found


def replaced(store: Store, content: bytes) -> None:
    """Somebody else writes into the store."""
    held = document(store)
    assert store.answer(Write(RING, content, 0 if held is None else held.version))


class Bare(MemoryStore):
    """A store whose document somebody changes who can do anything there but open it."""

    def put(self, found: Document | None) -> None:
        if found is None:
            del self._documents[RING]
        else:
            self._documents[RING] = found


# -- one ring for all --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["ES256", "HS256"])
def test_a_ring_is_made_once_and_found_again(store: Store, algorithm: str) -> None:
    ring = KeyStore(store, MASTER, algorithm).ring()
    again = KeyStore(store, MASTER).ring()

    assert names(ring) == names(again)
    assert ring.signing.alg == algorithm
    assert again.signing.verify(b"data", ring.signing.sign(b"data"))
    assert ring.refresh_key(ring.refresh_kid) == again.refresh_key(ring.refresh_kid)


def test_a_ring_is_opened_again_only_if_it_was_written(store: Store) -> None:
    one, other = KeyStore(store, MASTER), KeyStore(store, MASTER)
    ring = one.ring()

    assert one.ring() is ring
    rotated = other.rotate(at_once=True)
    assert names(one.ring()) == names(rotated) != names(ring)
    assert one.ring() is one.ring()


def test_nodes_that_start_at_once_have_one_ring(store: Store) -> None:
    """All of them have found nothing; one claims it, and the others wait for it in place of making their own."""
    found_nothing = threading.Barrier(8)
    rings: list[KeyRing] = []
    asked = [Meanwhile(store, found_nothing.wait, after=Read) for _ in range(8)]

    threads = [threading.Thread(target=lambda node=node: rings.append(KeyStore(node, MASTER).ring())) for node in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(rings) == 8
    assert len({names(ring) for ring in rings}) == 1
    assert sum(isinstance(question, Once) for node in asked for question in node.asked) == 8
    assert sum(isinstance(question, Write) for node in asked for question in node.asked) == 1


def test_who_comes_second_takes_what_is_there(store: Store) -> None:
    """Whoever is first may take longer than the others wait: then the store decides, and there is still one ring."""
    slow = Meanwhile(store, lambda: KeyStore(store, MASTER).ring(), before=Write)

    assert names(KeyStore(slow, MASTER).ring()) == names(KeyStore(store, MASTER).ring())


def test_two_that_change_at_once_both_count(store: Store) -> None:
    """The second holds a ring that is out of date, and looks again in place of writing it back."""
    theirs = KeyStore(store, MASTER)
    theirs.ring()
    asked = Meanwhile(store, lambda: theirs.rotate(at_once=True), before=Write)

    ring = KeyStore(asked, MASTER).rotate(at_once=True)

    assert len(ring.keys) == len(ring.roots) == 3
    assert sum(isinstance(question, Write) for question in asked.asked) == 2, "the first was lost"


def test_who_is_always_too_late_gives_up_and_says_so(store: Store) -> None:
    theirs = KeyStore(store, MASTER, "HS256")
    theirs.ring()
    asked = Meanwhile(store, lambda: theirs.join(generate("HS256")), before=Write, always=True)
    with pytest.raises(StoreError, match="too often"):
        KeyStore(asked, MASTER, "HS256").rotate(at_once=True)
    writes = sum(isinstance(question, Write) for question in asked.asked)
    assert writes == len(theirs.ring().keys) - 1 == 100, "each time somebody else got on"


def test_a_change_that_is_refused_writes_nothing(store: Store) -> None:
    keys = KeyStore(store, MASTER)
    before = (keys.rotate(), document(store))

    changes: list[Callable[[], object]] = [
        keys.rotate,
        lambda: keys.retire("none"),
        lambda: keys.retire(keys.ring().signing.kid),
    ]
    for change in changes:
        with pytest.raises(ConfigurationError):
            change()
    assert (keys.ring(), document(store)) == before


def test_the_first_ring_may_come_from_a_file(store: Store, tmp_path: Path) -> None:
    """Whoever sets a master key goes on with the keys that were in use, and nobody is logged out."""
    file = KeyFile(tmp_path / "keys.json", "HS256")
    held = Gate(store, mode="hybrid", keys=file).login("ada")

    gate = Gate(store, mode="hybrid", keys=KeyStore(store, MASTER, first=file.ring))

    assert gate.authenticate(held.access_token).subject == "ada"
    assert gate.authenticate(gate.refresh(held.refresh_token).access_token).subject == "ada"
    file.rotate(at_once=True)
    assert names(KeyStore(store, MASTER, first=file.ring).ring()) != names(file.ring()), "the first time only"


def test_a_node_that_died_as_the_first_is_not_waited_for_for_ever(store: Store) -> None:
    """It claimed the ring and made none."""
    dying = Faulty(store)
    dying.fail_at(2)  # the write, after the look and the claim
    with pytest.raises(StoreError):
        KeyStore(dying, MASTER).ring()
    assert isinstance(dying.failed, Write)

    asked = Asked(store)
    ring = KeyStore(asked, MASTER).ring()

    assert names(ring) == names(KeyStore(store, MASTER).ring())
    assert len(asked.asked) > 10, "it waited"


def test_a_rotation_by_age_is_one_nodes_work(store: Store, clock: Clock) -> None:
    """The others go on with what they have, and see it when it is written."""
    nodes = [KeyStore(store, MASTER, "HS256", rotate_after=MIN_AGE, clock=clock) for _ in range(2)]
    first = nodes[0].ring()
    clock.advance(MIN_AGE)
    seen: list[KeyRing] = []
    asked = Meanwhile(store, lambda: seen.append(nodes[0].ring()), before=Write)

    ring = KeyStore(asked, MASTER, "HS256", rotate_after=MIN_AGE, clock=clock).ring()

    assert names(seen[0]) == names(first), "somebody else was at it"
    assert ring.ahead is not None
    assert names(nodes[0].ring()) == names(nodes[1].ring()) == names(ring)


def test_a_rotation_by_age_that_died_is_made_up_for(store: Store, clock: Clock) -> None:
    """A claim is over after a minute, when it is purged; until then the old key signs."""
    keys = KeyStore(store, MASTER, "HS256", rotate_after=MIN_AGE, clock=clock)
    first = keys.ring()
    clock.advance(MIN_AGE)
    dying = Faulty(store)
    dying.fail_at(3)  # after a look, the claim, and another look
    assert names(KeyStore(dying, MASTER, "HS256", rotate_after=MIN_AGE, clock=clock).ring()) == names(first)
    assert isinstance(dying.failed, Write)

    assert keys.ring() is first
    clock.advance(60)
    store.answer(Purge(int(clock()), 100))
    assert keys.ring().ahead is not None


def test_a_rotation_by_age_may_meet_one_by_hand(store: Store, clock: Clock) -> None:
    """It claimed it, looked again, and found it done."""
    keys = KeyStore(store, MASTER, "HS256", rotate_after=MIN_AGE, clock=clock)
    keys.ring()
    clock.advance(MIN_AGE)
    by_hand = KeyStore(store, MASTER, "HS256", clock=clock)
    asked = Meanwhile(store, by_hand.rotate, after=Once)

    ring = KeyStore(asked, MASTER, "HS256", rotate_after=MIN_AGE, clock=clock).ring()

    assert len(ring.keys) == 2
    assert not [question for question in asked.asked if isinstance(question, Write)]


# -- in a gate ---------------------------------------------------------------------------------------------------------


def test_what_one_node_issues_the_others_accept(make_gate: Any, store: Store, clock: Clock) -> None:
    """The second was there before the rotation, and nobody told it."""
    one, other = (make_gate(store, mode="hybrid", keys=KeyStore(store, MASTER, clock=clock)) for _ in range(2))
    before = one.login("ada")
    assert other.authenticate(before.access_token).subject == "ada"

    KeyStore(store, MASTER, clock=clock).rotate(at_once=True)

    after = other.refresh(before.refresh_token)
    assert one.authenticate(after.access_token).subject == "ada"
    assert one.authenticate(before.access_token).subject == "ada"
    assert one.jwks() == other.jwks()
    assert len(one.jwks()["keys"]) == 2


def test_another_master_key_is_refused_at_start_and_changes_nothing(make_gate: Any, store: Store) -> None:
    gate = make_gate(store, mode="hybrid", keys=KeyStore(store, MASTER))
    held, before = gate.login("ada"), document(store)
    wrong = KeyStore(store, secrets.token_hex(32), source="GATEPASS_MASTER_KEY")

    for ask in (wrong.ring, wrong.rotate, lambda: wrong.join(generate("HS256")), lambda: wrong.retire("a")):
        with pytest.raises(ConfigurationError, match="not sealed under this master key") as caught:
            ask()
        assert (caught.value.code, caught.value.source) == ("configuration_refused", "GATEPASS_MASTER_KEY")
    with pytest.raises(ConfigurationError):
        make_gate(store, mode="hybrid", keys=wrong)
    assert document(store) == before
    assert gate.authenticate(gate.refresh(held.refresh_token).access_token).subject == "ada", "its honest twin"


def test_a_ring_that_went_bad_in_use_is_a_fault_and_logs_nobody_out(make_gate: Any, clock: Clock) -> None:
    store = Bare()
    gate = make_gate(store, mode="hybrid", keys=KeyStore(store, MASTER, clock=clock))
    held, older = gate.login("ada"), document(store)
    assert older is not None
    KeyStore(store, MASTER, clock=clock).rotate()
    gate.refresh(held.refresh_token)
    newer = document(store)
    assert newer is not None

    bad = [
        None,
        older,
        replace(older, version=9),
        replace(newer, content=b""),
        replace(newer, version=9, content=newer.content[:-1]),
    ]
    for found in bad:
        store.put(found)
        with pytest.raises(KeyUnavailable) as caught:
            gate.login("grace")
        assert isinstance(caught.value.__cause__, ConfigurationError)
        assert gate.authenticate(held.access_token).subject == "ada"
        assert document(store) == found, "it is left as it is"
    store.put(newer)
    assert gate.login("grace")


def test_an_unknown_kid_makes_no_node_believe_another_ring(make_gate: Any) -> None:
    """Whoever can write into the store seals a ring under a key of their own, and signs with what is in it."""
    store, elsewhere = Bare(), MemoryStore()
    gate = make_gate(store, mode="hybrid", keys=KeyStore(store, MASTER))
    held = gate.login("ada")
    forger = make_gate(elsewhere, mode="hybrid", keys=KeyStore(elsewhere, secrets.token_hex(32)))
    forged, theirs = forger.login("ada"), document(elsewhere)
    assert theirs is not None
    before = document(store)
    store.put(replace(theirs, version=2))

    with pytest.raises(KeyUnavailable):
        gate.authenticate(forged.access_token)
    assert gate.authenticate(held.access_token).subject == "ada"
    store.put(before)
    with pytest.raises(CredentialError):
        gate.authenticate(forged.access_token)


def test_a_store_that_fails_is_a_fault(make_gate: Any, store: Store) -> None:
    faulty = Faulty(store)
    gate = make_gate(store, mode="hybrid", keys=KeyStore(faulty, MASTER))
    faulty.fail_at(0)

    with pytest.raises(StoreError):
        gate.login("ada")
    assert isinstance(faulty.failed, Read)
    assert gate.login("ada")


# -- sealed ------------------------------------------------------------------------------------------------------------


def spelled(ring: KeyRing) -> set[bytes]:
    """Every private part of *ring*, in all forms in which it could lie about."""
    written_out = json.loads(written.write(ring))
    texts = [root["secret"] for root in written_out["roots"]]
    texts += [
        jwk[part] for jwk in (written_out["signing"], *written_out["others"]) for part in ("d", "k") if part in jwk
    ]
    raw = [base64.urlsafe_b64decode(text + "==") for text in texts]
    found = {text.encode() for text in texts} | set(raw)
    found |= {spelling for secret in raw for spelling in (secret.hex().encode(), base64.b64encode(secret)[:-2])}
    return found | {MASTER.encode(), bytes.fromhex(MASTER)}


def bytes_of(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(path.parent.glob(f"{path.name}*")))


@pytest.mark.parametrize("algorithm", ["ES256", "HS256", "Ed25519"])
def test_no_private_part_is_in_the_database(tmp_path: Path, algorithm: str) -> None:
    """Neither in the file nor in its log, however often it was written; a key file has all of them."""
    path = tmp_path / "gatepass.db"
    store = SqliteStore(path)
    keys = KeyStore(store, MASTER, algorithm)
    keys.ring()
    keys.rotate(at_once=True)
    ring = keys.rotate(at_once=True)
    held = bytes_of(path)
    store.close()

    secrets_of_it = spelled(ring)
    assert len(secrets_of_it) > 20
    for haystack in (held, bytes_of(path)):
        assert len(haystack) > 4_096
        assert not [secret for secret in secrets_of_it if secret in haystack]
    file = KeyFile(tmp_path / "keys.json", algorithm)
    assert [secret for secret in spelled(file.ring()) if secret in bytes_of(tmp_path / "keys.json")]


def test_no_answer_and_no_message_holds_the_master_key(store: Store) -> None:
    keys = KeyStore(store, MASTER)
    keys.ring()

    assert MASTER not in repr(keys) + repr(document(store)) + str(keys)
    with pytest.raises(ConfigurationError) as caught:
        KeyStore(store, MASTER[:-2])
    assert MASTER[:8] not in repr(caught.value)


def test_without_a_master_key_there_is_no_keeper(store: Store) -> None:
    with pytest.raises(ConfigurationError, match="no master key"):
        KeyStore(store, ())
    for no_text in (None, b"", 5, [None], {MASTER}):
        with pytest.raises(ConfigurationError, match="not a text"):
            KeyStore(store, cast("Any", no_text))


def test_a_document_of_another_purpose_is_no_ring(store: Store) -> None:
    """Also if it was sealed under the same master key: with all else that will ever be sealed under it."""
    ring = written.write(KeyStore(MemoryStore(), MASTER).ring())
    for purpose in ("", RING, f"{RING} 1", "mail 4"):
        replaced(store, MasterKey(MASTER).seal(ring, purpose))
        with pytest.raises(ConfigurationError, match="put there from elsewhere"):
            KeyStore(store, MASTER).ring()
    replaced(store, MasterKey(MASTER).seal(ring, f"{RING} 5"))
    assert KeyStore(store, MASTER).ring(), "its honest twin"


def test_a_ring_of_a_later_version_is_left_alone() -> None:
    store = MemoryStore()
    text = json.dumps({**json.loads(written.write(KeyStore(store, MASTER).ring())), "gatepass_keys": 3}).encode()
    replaced(store, MasterKey(MASTER).seal(text, f"{RING} 2"))
    before = document(store)

    with pytest.raises(ConfigurationError, match="later version"):
        KeyStore(store, MASTER).rotate()
    assert document(store) == before


GARBLED: list[Callable[[bytes, st.DataObject], bytes]] = [
    lambda content, data: content[: data.draw(st.integers(0, len(content) - 1))],
    lambda content, data: content[data.draw(st.integers(1, len(content))) :],
    lambda content, data: data.draw(st.binary(max_size=100)),
    lambda content, data: content + data.draw(st.binary(min_size=1, max_size=9)),
]


@given(data=st.data())
def test_a_garbled_document_is_refused_and_kept(data: st.DataObject) -> None:
    """Cut off, overwritten, with one bit that is wrong: never half a ring, never a new one in its place."""
    store = Bare()
    keys = KeyStore(store, MASTER, "HS256")
    keys.ring()
    good = document(store)
    assert good is not None
    bit = data.draw(st.integers(0, 8 * len(good.content) - 1))
    flipped = bytearray(good.content)
    flipped[bit // 8] ^= 1 << bit % 8
    content = data.draw(st.sampled_from([lambda *_: bytes(flipped), *GARBLED]))(good.content, data)
    store.put(Document(data.draw(st.sampled_from((1, 2, 7))), content))
    before = document(store)

    for node in (keys, KeyStore(store, MASTER, "HS256")):
        for ask in (node.ring, node.rotate, lambda: node.rotate(at_once=True)):  # noqa: B023  it is called here
            with pytest.raises(ConfigurationError) as caught:
                ask()
            assert caught.value.fix
    assert document(store) == before
    store.put(good)
    assert names(KeyStore(store, MASTER).ring()) == names(keys.ring()), "its honest twin"


# -- another master key ------------------------------------------------------------------------------------------------


def test_a_master_key_is_changed_without_a_node_that_cannot_read(store: Store) -> None:
    """Each node is given both before one seals under the new one; after a rotation the old one is not needed."""
    new = secrets.token_urlsafe(32)
    held = Gate(store, mode="hybrid", keys=KeyStore(store, MASTER)).login("ada")
    both = [KeyStore(store, (MASTER, new)), KeyStore(store, (new, MASTER))]
    assert names(both[0].ring()) == names(both[1].ring())

    both[0].rotate(at_once=True)
    assert names(KeyStore(store, MASTER).ring()) == names(both[1].ring()), "the first of them seals"
    both[1].rotate(at_once=True)

    assert names(both[0].ring()) == names(KeyStore(store, new).ring())
    assert Gate(store, mode="hybrid", keys=KeyStore(store, new)).authenticate(held.access_token).subject == "ada"
    with pytest.raises(ConfigurationError, match="not sealed under this master key"):
        KeyStore(store, MASTER).ring()


def test_a_ring_that_was_deleted_by_sql_is_not_made_anew_in_use(tmp_path: Path) -> None:
    path = tmp_path / "gatepass.db"
    store = SqliteStore(path)
    keys = KeyStore(store, MASTER)
    keys.ring()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM gatepass_document")

    with pytest.raises(ConfigurationError, match="gone from the store"):
        keys.rotate()
    assert document(store) is None
    store.close()
