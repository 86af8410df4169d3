"""`gatepass key`: rotated, retired, exported, imported, beside a server that uses the same keys, wherever they are."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from support.commands import DATABASE, run, told
from support.keepers import MASTER, PLACES, keeper
from support.register import REGISTER

from gatepass import Gate
from gatepass.errors import RevokedCredential
from gatepass.keys import generate, load, written
from gatepass.keys.keeper import KeyKeeper
from gatepass.stores.sqlite import SqliteStore


@pytest.fixture(params=PLACES)
def keys(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Where the commands find the keys, as a server does."""
    if request.param == "store":
        monkeypatch.setenv("GATEPASS_MASTER_KEY", MASTER)
    store = SqliteStore(DATABASE)
    yield keeper(request.param, DATABASE.parent, store, "ES256")
    store.close()


@pytest.fixture
def gate(keys: KeyKeeper) -> Any:
    store = SqliteStore(DATABASE)
    gate = Gate(store, mode="hybrid", keys=keys)
    yield gate
    gate.close()


def states() -> list[str]:
    return [key["state"] for key in told("key", "list")["keys"]]


def test_a_rotation_publishes_and_signs_later(gate: Gate) -> None:
    assert states() == ["signing"]
    told("key", "rotate")
    assert states() == ["signing", "published"]
    assert "published" in run("key", "rotate", code=2).output
    told("key", "rotate", "--at-once")
    assert states() == ["signing", "verifying"]


def test_a_retired_key_is_refused_by_whoever_runs(gate: Gate) -> None:
    credentials = gate.login("ada")
    REGISTER.issued(credentials)
    kid = told("key", "list")["keys"][0]["kid"]
    assert "signs" in run("key", "retire", kid, code=1).output
    told("key", "rotate", "--at-once")
    assert gate.authenticate(credentials.access_token).subject == "ada"

    told("key", "retire", kid)

    with pytest.raises(RevokedCredential):
        gate.authenticate(credentials.access_token)
    assert states() == ["signing"]
    run("key", "retire", kid, code=1)


def test_a_published_key_is_retired_before_it_signs(gate: Gate) -> None:
    told("key", "rotate")
    told("key", "retire", told("key", "list")["keys"][1]["kid"])
    assert states() == ["signing"]
    assert gate.authenticate(gate.login("ada").access_token)


def events(*results: Result) -> list[dict[str, Any]]:
    return [json.loads(line)["event"] for result in results for line in result.stderr.splitlines()]


def test_what_becomes_of_keys_is_told_on_the_standard_error(gate: Gate, keys: KeyKeeper, tmp_path: Path) -> None:
    """Who may sign is more than who may log in; and the audit log names the key, or nobody can follow it."""
    first = keys.ring().signing.kid
    theirs, more = generate("ES256"), generate("ES256")
    (tmp_path / "theirs").write_text(json.dumps({"keys": [key.to_jwk() for key in (theirs, more)]}))
    results = [
        run("key", "rotate"),
        run("key", "rotate", "--at-once", "--json"),
        run("key", "retire", first),
        run("key", "import", str(tmp_path / "theirs")),
    ]
    said = events(*results)

    assert [(event["kind"], event["reason"]) for event in said] == [
        ("rotate", "operator"),
        ("rotate", "at once"),
        ("revoke", "kid"),
        ("import", "operator"),
    ]
    assert said[0]["kids"] not in (said[1]["kids"], [first])
    assert said[1]["kids"] == [keys.ring().signing.kid]
    assert said[2]["kids"] == [first]
    assert said[3]["kids"] == [theirs.kid, more.kid]
    assert all(type(event["at"]) is int for event in said)
    lines = "".join(result.stderr for result in results)
    held = json.loads(written.write(keys.ring()))
    assert not [
        secret for secret in (held["signing"]["d"], *(root["secret"] for root in held["roots"])) if secret in lines
    ]
    assert run("key", "list").stderr == run("key", "export-public").stderr == ""


def test_a_key_that_was_retired_is_not_imported_again(gate: Gate, keys: KeyKeeper, tmp_path: Path) -> None:
    """It would be listed as verifying, and every token under it would be refused."""
    theirs, other = generate("ES256"), generate("ES256")
    (tmp_path / "theirs").write_text(json.dumps(theirs.to_jwk()))
    (tmp_path / "both").write_text(json.dumps({"keys": [other.to_jwk(), theirs.to_jwk()]}))
    told("key", "import", str(tmp_path / "theirs"))
    told("key", "retire", theirs.kid)
    for number in range(3):
        gate.revoke(kid=f"another {number}")
    before = keys.ring()

    for name in ("theirs", "both"):
        refused = run("key", "import", str(tmp_path / name), code=1)
        assert f"The key {theirs.kid} was retired here" in refused.stderr
        assert "fix" in refused.stderr
    assert [key.kid for key in keys.ring().keys] == [key.kid for key in before.keys]
    (tmp_path / "other").write_text(json.dumps(other.to_jwk()))
    told("key", "import", str(tmp_path / "other"))
    assert states() == ["signing", "verifying"]


def test_the_whole_log_is_looked_at(gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = generate("ES256")
    (tmp_path / "theirs").write_text(json.dumps(theirs.to_jwk()))
    monkeypatch.setattr("gatepass.cli.key._PAGE", 2)
    for kid in ("a", "b", "c", theirs.kid):
        gate.revoke(kid=kid)
    assert "retired" in run("key", "import", str(tmp_path / "theirs"), code=1).stderr


def test_a_refusal_of_a_key_names_options(gate: Gate, tmp_path: Path) -> None:
    (tmp_path / "rsa").write_text(generate("RS256").to_pem())
    (tmp_path / "set").write_text(json.dumps({"keys": [generate("ES256").to_jwk()]}))
    said = run("key", "import", str(tmp_path / "rsa"), code=2).stderr
    assert "--algorithm RS256" in said
    assert "source  FILE" in said
    assert "Leave --kid out" in run("key", "import", str(tmp_path / "set"), "--kid", "a", code=2).stderr


def test_what_does_not_fit_into_the_ring_is_refused_in_words_of_the_command(
    gate: Gate, keys: KeyKeeper, tmp_path: Path
) -> None:
    (tmp_path / "weak").write_text(json.dumps({"kty": "oct", "alg": "HS256", "k": "YWFh" * 16}))
    (tmp_path / "known").write_text(json.dumps(keys.ring().signing.to_jwk()))
    (tmp_path / "many").write_text(json.dumps({"keys": [generate("ES256").to_jwk() for _ in range(256)]}))
    for name, said in (("weak", "openssl rand -hex 32"), ("known", "one name"), ("many", "more than 256 keys")):
        refused = run("key", "import", str(tmp_path / name), code=2).stderr
        assert said in refused
        assert "source  FILE" in refused
    assert len(keys.ring().keys) == 1


def test_only_public_halves_are_exported(gate: Gate) -> None:
    document = json.loads(run("key", "export-public").stdout)
    assert document == told("key", "export-public") == gate.jwks()
    assert len(run("key", "export-public", "--json").stdout.splitlines()) == 1
    assert not {"d", "k", "p", "q"} & set(document["keys"][0])


@pytest.mark.parametrize("form", ["jwk", "pem", "der"])
def test_a_key_of_another_software_verifies(gate: Gate, keys: KeyKeeper, tmp_path: Path, form: str) -> None:
    theirs = generate("ES256")
    pem = theirs.to_pem().encode()
    data = json.dumps(theirs.to_jwk()).encode() if form == "jwk" else {"pem": pem, "der": theirs.to_der()}[form]
    (tmp_path / "theirs").write_bytes(data)
    told("key", "import", str(tmp_path / "theirs"), *([] if form == "jwk" else ["--kid", "theirs"]))

    found = keys.ring().keys.get(theirs.kid if form == "jwk" else "theirs")
    assert found is not None
    assert found.verify(b"data", theirs.sign(b"data"))
    assert states() == ["signing", "verifying"]


def test_of_a_private_key_only_the_public_half_is_kept(gate: Gate, keys: KeyKeeper, tmp_path: Path) -> None:
    theirs = generate("ES256")
    (tmp_path / "theirs").write_text(json.dumps(theirs.to_jwk(private=True)))
    told("key", "import", str(tmp_path / "theirs"))

    found = keys.ring().keys.get(theirs.kid)
    assert found is not None
    assert found.verify(b"data", theirs.sign(b"data"))
    assert not found.can_sign
    assert theirs.to_jwk(private=True)["d"].encode() not in written.write(keys.ring())


def test_of_a_set_all_keys_are_taken_or_none(gate: Gate, keys: KeyKeeper, tmp_path: Path) -> None:
    first, second = generate("ES256").to_jwk(), generate("ES256").to_jwk()
    before = keys.ring()
    (tmp_path / "theirs").write_text(json.dumps({"keys": [first, {**second, "kid": before.signing.kid}]}))
    run("key", "import", str(tmp_path / "theirs"), code=2)
    assert keys.ring().keys.get(first["kid"]) is None
    assert len(keys.ring().keys) == 1

    (tmp_path / "theirs").write_text(json.dumps({"keys": [first, second]}))
    told("key", "import", str(tmp_path / "theirs"))
    assert [key.kid for key in keys.ring().keys] == [before.signing.kid, first["kid"], second["kid"]]


def test_a_key_comes_from_the_standard_input_too(gate: Gate, keys: KeyKeeper) -> None:
    theirs = generate("ES256")
    told("key", "import", "-", said=json.dumps(theirs.to_jwk()))
    assert keys.ring().keys.get(theirs.kid) is not None


@pytest.mark.parametrize("data", [b"\x30\x82\xff\xff\xfe", b"\xff\xfe\x00", b"{" * (1 << 20)])
def test_bytes_that_are_no_key_are_refused_in_a_sentence(gate: Gate, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "theirs").write_bytes(data)
    assert "fix" in run("key", "import", str(tmp_path / "theirs"), code=2).output
    assert "cannot be read" in run("key", "import", str(tmp_path / "none"), code=2).output


@pytest.mark.parametrize("text", ["", "{}", "hello", "-----BEGIN CERTIFICATE-----"])
def test_what_is_no_key_is_refused_and_nothing_changes(gate: Gate, keys: KeyKeeper, tmp_path: Path, text: str) -> None:
    before = keys.ring()
    (tmp_path / "theirs").write_text(text)
    run("key", "import", str(tmp_path / "theirs"), code=2)
    assert keys.ring() is before


def test_no_secret_is_printed(gate: Gate, keys: KeyKeeper) -> None:
    gate.login("ada")
    held = json.loads(written.write(keys.ring()))
    said = "".join(run("key", *words).output for words in (["list"], ["list", "--json"], ["rotate"], ["export-public"]))
    secrets = [held["signing"]["d"], *(root["secret"] for root in held["roots"])]
    assert held["signing"]["kid"] in said
    assert not [secret for secret in secrets if secret in said]
    assert load(json.dumps(held["signing"])).can_sign  # type: ignore[union-attr]
