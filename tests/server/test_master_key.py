"""A server whose keys are sealed in its store: by setting, never shown, and not to be left by mistake."""

import logging
import os
import secrets
from pathlib import Path

import pytest
from support.commands import DATABASE, run, told
from support.inside import EMAIL, PASSWORD
from support.keepers import MASTER
from support.register import REGISTER

from gatepass.core.flow import Read
from gatepass.errors import ConfigurationError
from gatepass.keys import KeyFile, KeyRing, KeyStore
from gatepass.keys.store import RING
from gatepass.server.checks import check
from gatepass.server.kept import Kept, keep
from gatepass.server.settings import PREFIX, Settings, load
from gatepass.stores.sqlite import SqliteStore

VARIABLE = f"{PREFIX}MASTER_KEY"


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No variable of this machine, and a folder of its own."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    REGISTER.places.append(tmp_path / DATABASE)
    return tmp_path


@pytest.fixture(params=["text", "file", "both, while it is being changed"])
def said(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A master key, as it may be set."""
    file = tmp_path / "master.key"
    file.touch(0o600)
    file.write_text(f"{MASTER}\n")
    if request.param == "text":
        return MASTER
    return f"{file}" if request.param == "file" else f"./master.key, {secrets.token_urlsafe(32)}"


def kept(master_key: str = "", store: str = "sqlite:///.gatepass/gatepass.db") -> Kept:
    return keep(Settings.model_validate({"master_key": master_key, "store": store}))


def ring_of(found: Kept) -> KeyRing:
    return found.keys if isinstance(found.keys, KeyRing) else found.keys.ring()


# -- the setting -------------------------------------------------------------------------------------------------------


def test_a_master_key_is_never_shown(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor which file it is in: what is set may be a key that was taken for a path."""
    monkeypatch.setenv(VARIABLE, said)
    loaded = load()
    shown = [run("config", "show").output, run("config", "show", "--json").output, repr(loaded), str(loaded.settings)]

    assert told("config", "show")["master_key"]["source"] == VARIABLE
    for text in shown:
        assert "**********" in text
        for part in (MASTER, "master.key", *said.split(", ")):
            assert part not in text


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("secret", "neither hex nor base64url"),
        ("changeme", "has 6 bytes, and not 32"),
        ("00" * 16, "has 16 bytes, and not 32"),
        ("00" * 32, "repeats itself"),
        (bytes(range(32)).hex(), "counts"),
        (b"a-string-secret-at-least-256-bit".hex(), "somebody made up"),
        ("/run/secrets/absent", "No such file"),
        (f"{MASTER}, changeme", "has 6 bytes, and not 32"),
    ],
)
@pytest.mark.parametrize("place", ["environment", "file"])
def test_a_weak_one_is_refused_before_anything_is_made(
    text: str, about: str, place: str, alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K7: by `dev` and `serve` and every command, and the message holds nothing of it."""
    if place == "environment":
        monkeypatch.setenv(VARIABLE, text)
    else:
        Path("gatepass.toml").write_text(f'master_key = "{text}"\n')
    for words in (("dev", "--port", "0"), ("serve",), ("user", "list"), ("key", "list"), ("config", "show")):
        output = run(*words, code=2).output
        assert about in output
        assert (VARIABLE if place == "environment" else "gatepass.toml") in output
        for part in text.split(", "):
            assert len(part) < 10 or part not in output
    assert not DATABASE.exists()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660])
def test_serve_refuses_a_file_that_others_may_read(mode: int, alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The group may read it: that is how a file is handed to a server."""
    file = alone / "master.key"
    file.write_text(MASTER)
    file.chmod(mode)
    monkeypatch.setenv(VARIABLE, str(file))
    monkeypatch.setenv(f"{PREFIX}ISSUER", "https://auth.example.com")

    if mode == 0o640:
        check(load())
        return
    with pytest.raises(ConfigurationError, match=f"{mode:04o}") as caught:
        check(load())
    assert (caught.value.source, "chmod 600" in caught.value.fix) == (VARIABLE, True)


# -- which keys --------------------------------------------------------------------------------------------------------


def test_with_a_master_key_the_keys_are_in_the_store(said: str, alone: Path) -> None:
    one, other = kept(said), kept(MASTER)

    assert isinstance(one.keys, KeyStore)
    assert one.keys.ring().signing.kid == ring_of(other).signing.kid
    assert not (alone / ".gatepass" / "keys.json").exists()
    in_memory = kept(MASTER, "memory://")
    assert ring_of(in_memory).signing.kid != ring_of(other).signing.kid
    for found in (one, other, in_memory):
        found.store.close()


def test_without_one_they_are_in_a_file(alone: Path) -> None:
    found = kept()

    assert isinstance(found.keys, KeyFile)
    assert ring_of(found).signing.kid
    assert (alone / ".gatepass" / "keys.json").exists()
    assert isinstance(kept(store="memory://").keys, KeyRing)
    found.store.close()


def test_a_store_with_sealed_keys_is_not_served_without_the_master_key(alone: Path) -> None:
    """It would make keys of its own, and all others would refuse its tokens."""
    first = kept(MASTER)
    assert ring_of(first)
    first.store.close()

    with pytest.raises(ConfigurationError, match="there is no master key") as caught:
        kept()
    assert caught.value.source == VARIABLE
    assert not (alone / ".gatepass" / "keys.json").exists()
    for words in (("dev", "--port", "0"), ("user", "list"), ("key", "rotate")):
        assert VARIABLE in run(*words, code=2).output
    again = kept(MASTER)
    assert ring_of(again).signing.kid == ring_of(first).signing.kid, "its honest twin"
    again.store.close()


def test_the_keys_of_the_file_go_into_the_store(alone: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody is logged out by a master key; and the operator is told of the file, which is read no more."""
    before = kept()
    kid = ring_of(before).signing.kid
    before.store.close()
    file = alone / ".gatepass" / "keys.json"

    with caplog.at_level(logging.WARNING, "gatepass.server"):
        found = kept(MASTER)
        assert ring_of(found).signing.kid == kid
    assert [str(Path(".gatepass/keys.json")) in line for line in caplog.messages] == [True]
    file.unlink()
    again = kept(MASTER)
    assert ring_of(again).signing.kid == kid
    assert len(caplog.messages) == 1
    for one in (found, again):
        one.store.close()


# -- commands ----------------------------------------------------------------------------------------------------------


def test_another_master_key_is_a_sentence_and_changes_nothing(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, MASTER)
    run("user", "add", EMAIL, "--password-file", "-", said=PASSWORD)
    shown = told("key", "list")
    store = SqliteStore(DATABASE)
    before = store.answer(Read(RING))
    monkeypatch.setenv(VARIABLE, secrets.token_hex(32))

    for words in (("list",), ("rotate", "--at-once"), ("export-public",), ("retire", shown["keys"][0]["kid"])):
        output = run("key", *words, code=2).output
        assert "not sealed under this master key" in output
        assert VARIABLE in output
    assert store.answer(Read(RING)) == before
    monkeypatch.setenv(VARIABLE, MASTER)
    assert told("key", "list") == shown
    store.close()
