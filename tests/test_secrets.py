"""The last test: no credential that was issued in all the others lies anywhere in the clear."""

import base64
import secrets
from pathlib import Path
from typing import Any

import pytest
from support.register import Needles, Register

from gatepass import CredentialError, Mode
from gatepass.core.flow import Find
from gatepass.core.keyring import KeyRing
from gatepass.core.opaque import RefreshToken, SessionToken, encode
from gatepass.stores import Store


@pytest.mark.last
@pytest.mark.timeout(300)
def test_no_credential_lies_in_rows_files_or_logs(
    register: Register, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows of the memory store, SQLite files with their logs, and every log line of the library."""
    read = 0
    needles = Needles(register.credentials)
    for name, haystack in register.haystacks():
        read += len(haystack)
        assert needles.find(haystack) == set(), name
    with capsys.disabled():
        print(f"\n  {len(register.credentials)} credentials looked for in {read:,} bytes")
    assert register.credentials
    assert read > 0


@pytest.mark.parametrize("made", ["session", "refresh", "jwt"])
def test_the_search_finds_a_planted_credential_in_any_spelling(made: str) -> None:
    text = {
        "session": str(SessionToken(encode(secrets.token_bytes(16)), secrets.token_bytes(32))),
        "refresh": str(RefreshToken(encode(secrets.token_bytes(16)), 7, secrets.token_bytes(32))),
        "jwt": f"{encode(b'{}' * 20)}.{encode(secrets.token_bytes(90))}.{encode(secrets.token_bytes(64))}",
    }[made]
    secret = text.rpartition(".")[2]
    raw = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
    noise = secrets.token_bytes(1_000)
    spellings = [text.encode(), secret.encode(), raw, raw.hex().encode(), text.encode().hex().upper().encode()]
    for before in range(3):
        spellings.append(base64.b64encode(noise[:before] + text.encode() + noise[:5]))
        spellings.append(base64.urlsafe_b64encode(noise[:before] + raw + noise[:5]))
    for spelling in spellings:
        for around in (noise, bytes(100), b""):
            assert Needles({text}).find(around + spelling + around) == {text}
    assert Needles({text}).find(noise) == set()


def test_a_dumped_row_is_no_credential(make_gate: Any, store: Store, ring: KeyRing, mode: Mode) -> None:
    """Whoever steals the database holds nothing that opens a session."""
    gate = make_gate(store, mode=mode, keys=ring)
    credentials = gate.login("ada")
    row = store.answer(Find(credentials.session_id))
    stolen = [value for value in (row.secret_digest, row.seed) if value] or [row.id.encode()]
    for value in stolen:
        for token in (
            value.decode("latin-1"),
            value.hex(),
            encode(value),
            str(SessionToken(row.id, value)),
            str(RefreshToken(row.id, row.generation, value)),
        ):
            for verb in (gate.authenticate, gate.refresh, gate.logout):
                with pytest.raises(CredentialError):
                    verb(token)

    assert gate.authenticate(credentials.access_token).subject == "ada"
