"""A master key: which texts are one, what is said of others, and that what it seals is whole or nothing."""

import base64
import hashlib
import pickle
import secrets
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepass.core.keyring import Root
from gatepass.errors import ConfigurationError
from gatepass.keys.master import MasterKey, sealer

#: The same in each run, as the processes that share the tests must call them by the same names.
SECRET = hashlib.sha256(b"a master key of the tests").digest()
KEY = MasterKey(SECRET.hex())


def kept(path: Path, text: str, mode: int = 0o600) -> None:
    path.write_text(text)
    path.chmod(mode)


def cause(text: Any) -> str:
    """What is said of *text*, which must not be a part of it."""
    with pytest.raises(ConfigurationError) as caught:
        MasterKey(text, source="the test")
    assert caught.value.source == "the test"
    assert "openssl rand -hex 32" in caught.value.fix
    if isinstance(text, str) and len(text.strip()) > 6:
        assert text.strip() not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value.cause


# -- its text ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        SECRET.hex(),
        SECRET.hex().upper(),
        base64.urlsafe_b64encode(SECRET).decode(),
        base64.urlsafe_b64encode(SECRET).decode().rstrip("="),
        f" {SECRET.hex()}\n",
    ],
)
def test_one_key_has_several_spellings(text: str, tmp_path: Path) -> None:
    """And each of them may stand in a file."""
    kept(tmp_path / "master", text)

    for found in (MasterKey(text), MasterKey(str(tmp_path / "master")), MasterKey(f"{tmp_path}/master\n")):
        assert found.name == KEY.name
        assert found.open(KEY.seal(b"content", "a"), "a") == b"content"


@pytest.mark.parametrize("given", [None, 5, SECRET, SECRET.hex().encode(), [SECRET.hex()]])
def test_a_master_key_is_a_text(given: Any) -> None:
    assert cause(given) == "the master key is not a text"


@given(st.binary(min_size=32, max_size=32))
def test_hex_and_base64url_are_never_mixed_up(secret: bytes) -> None:
    """Also where a text has only digits that both have."""
    hexed, armoured = secret.hex(), base64.urlsafe_b64encode(secret).decode().rstrip("=")
    try:
        name = MasterKey(hexed).name
    except ConfigurationError as error:
        with pytest.raises(ConfigurationError, match=error.cause):
            MasterKey(armoured)
    else:
        assert MasterKey(armoured).name == name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has 0 bytes, and not 32"),
        (SECRET.hex()[:32], "has 16 bytes"),
        (SECRET.hex() * 2, "has 64 bytes"),
        (base64.urlsafe_b64encode(SECRET[:16]).decode().rstrip("="), "has 16 bytes"),
        (base64.urlsafe_b64encode(SECRET * 2).decode().rstrip("="), "has 64 bytes"),
        ("changeme", "has 6 bytes"),
        ("secret", "neither hex nor base64url"),
        ("correct horse battery staple", "neither hex nor base64url"),
        (SECRET.hex()[:-1] + "g", "has 48 bytes"),
        (base64.b64encode(b"\xfb\xef\xbe" * 10 + b"ab").decode(), "neither hex nor base64url"),
        (base64.b64encode(b"\xff" * 32).decode(), "cannot be read"),
        (base64.urlsafe_b64encode(SECRET).decode() + "=", "neither hex nor base64url"),
        (base64.urlsafe_b64encode(SECRET).decode().rstrip("=")[:-1] + "_", "neither hex nor base64url"),
        ("\ud800" * 43, "neither hex nor base64url"),
        ("ä" * 43, "neither hex nor base64url"),
    ],
)
def test_what_is_no_key_is_said_in_its_own_words(text: str, said: str) -> None:
    assert said in cause(text)


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        (bytes(32), "repeats itself"),
        (b"\xa5" * 32, "repeats itself"),
        (SECRET[:16] * 2, "repeats itself"),
        (bytes.fromhex("deadbeef") * 8, "repeats itself"),
        (b"changemechangemechangemechangeme", "is a text that somebody made up"),
        (bytes(range(32)), "counts"),
        (bytes(range(255, 223, -1)), "counts"),
        (bytes(range(0, 224, 7)), "counts"),
        (b"correct horse battery staple 123", "is a text that somebody made up"),
        (b"a-string-secret-at-least-256-bit", "is a text that somebody made up"),
    ],
)
def test_what_can_be_guessed_is_refused(secret: bytes, said: str, tmp_path: Path) -> None:
    kept(tmp_path / "master", secret.hex())
    for text in (secret.hex(), base64.urlsafe_b64encode(secret).decode(), str(tmp_path / "master")):
        assert said in cause(text)


def test_what_was_drawn_at_random_is_never_refused() -> None:
    for _ in range(2_000):
        assert MasterKey(secrets.token_urlsafe(32))


def test_a_file_that_cannot_be_read_is_a_sentence_without_its_name(tmp_path: Path) -> None:
    """What looks like a path may be a key in another alphabet."""
    assert "No such file" in cause(f"{tmp_path}/none")
    assert "cannot be read" in cause(str(tmp_path))
    assert "there is no such name" in cause("/a\0b")
    (tmp_path / "binary").write_bytes(b"\xff\xfe" + SECRET)
    (tmp_path / "binary").chmod(0o600)
    assert "neither hex nor base64url" in cause(f"{tmp_path}/binary")
    kept(tmp_path / "long", SECRET.hex() * 1_000)
    assert "bytes, and not 32" in cause(f"{tmp_path}/long")
    kept(tmp_path / "link", f"{tmp_path}/long")
    assert "neither hex nor base64url" in cause(f"{tmp_path}/link"), "a file names no other file"


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o660, 0o620, 0o602, 0o601, 0o777])
def test_a_file_that_others_may_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    """As by the server: whoever has the master key has every key in the store."""
    kept(tmp_path / "master", SECRET.hex(), mode)
    with pytest.raises(ConfigurationError, match=f"others may read .* {mode:04o}") as caught:
        MasterKey(str(tmp_path / "master"), source="the test")
    assert "chmod 600" in caught.value.fix
    for good in (0o600, 0o400, 0o640):
        kept(tmp_path / "master", SECRET.hex(), good | 0o200)
        (tmp_path / "master").chmod(good)
        assert MasterKey(str(tmp_path / "master")).name == KEY.name


def test_nothing_shows_a_key() -> None:
    assert SECRET.hex()[:8] not in repr(KEY) + str(KEY)
    with pytest.raises(TypeError):
        pickle.dumps(KEY)


# -- what it seals -----------------------------------------------------------------------------------------------------


@given(st.binary(max_size=200), st.text(max_size=20))
def test_what_was_sealed_is_opened_for_the_same_purpose_only(content: bytes, purpose: str) -> None:
    sealed = KEY.seal(content, purpose)

    assert KEY.open(sealed, purpose) == content
    assert sealer(sealed) == KEY.name
    assert KEY.open(sealed, purpose + "x") is None
    other = MasterKey(secrets.token_hex(32))
    assert other.open(sealed, purpose) is None
    assert sealer(sealed) != other.name
    assert len(content) < 8 or content not in sealed


@given(st.data())
def test_what_was_garbled_in_any_way_opens_nothing(data: st.DataObject) -> None:
    """One bit at any place, one byte less at either end, anything behind it: nothing, and never half of it."""
    sealed = KEY.seal(b"content", "a")
    place = data.draw(st.integers(0, len(sealed) - 1))
    flipped = bytearray(sealed)
    flipped[place] ^= 1 << data.draw(st.integers(0, 7))

    for garbled in (bytes(flipped), sealed[:place], sealed[place + 1 :], sealed + data.draw(st.binary(min_size=1))):
        assert KEY.open(garbled, "a") is None
    assert KEY.open(data.draw(st.binary(max_size=80)), "a") is None


def test_the_name_in_the_head_is_bound_as_well() -> None:
    """What one key sealed cannot be passed off as sealed by another, as it could if the name were only a label."""
    sealed = KEY.seal(b"content", "a")
    twin = MasterKey(SECRET.hex())
    twin.name = bytes(8)

    assert twin.open(sealed[:1] + twin.name + sealed[9:], "a") is None


def test_no_two_seals_are_alike() -> None:
    """A nonce that comes twice under one key tells the difference of the two contents, and lets others seal."""
    sealed = [KEY.seal(b"content", "a") for _ in range(1_000)]

    assert len({text[9:21] for text in sealed}) == len(sealed)


def test_the_key_of_the_seal_is_of_no_other_purpose() -> None:
    """Derived under a label of its own, and the name of the key under another."""
    root = Root(kid="r", secret=SECRET, created_at=0)
    labels = ("access", "refresh", "csrf", "device", "links", "master name", "master seal")

    assert len({root.derive(label) for label in labels}) == len(labels)
    assert root.derive("master name")[:8] == KEY.name
    assert KEY.name not in SECRET
