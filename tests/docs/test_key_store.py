"""What is written about keys in the store, held against what they do."""

import ast
import os
import re
import subprocess
from pathlib import Path

import pytest
from support.command import DEADLINE, environment, running
from support.keepers import MASTER
from support.needs import needs
from support.server import ROOT

from gatepass.keys import KeyStore, store
from gatepass.stores.sqlite import SqliteStore

SERVER = (ROOT / "docs" / "server.md").read_text()
ERRORS = (ROOT / "docs" / "errors.md").read_text()


def section(text: str, title: str) -> str:
    return re.split(r"\n## ", text.partition(f"\n## {title}\n")[2])[0]


def test_every_refusal_of_a_key_store_is_explained_word_for_word() -> None:
    """Found in the source: whoever adds one has to say what to do about it."""
    tree = ast.parse(Path(store.__file__).read_text())
    refusals = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    said = {ast.literal_eval(node.args[0]) for node in refusals if getattr(node.func, "id", "") == "_refused"}

    assert said == set(re.findall(r"^\| `(.*?)` \|", section(ERRORS, "Keys in the store"), re.MULTILINE))
    assert len(said) > 3


def test_lost_keys_are_given_up_as_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And only so: the first node that starts again makes new ones."""
    [line] = re.findall(r"```sh\n(.*?)```", section(ERRORS, "Keys in the store"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    database = SqliteStore(".gatepass/gatepass.db")
    lost = KeyStore(database, MASTER).ring().signing.kid
    database.close()

    subprocess.run(["sh", "-ec", line], cwd=tmp_path, check=True, timeout=DEADLINE)

    found = KeyStore(database, os.urandom(32).hex()).ring().signing.kid
    assert found != lost
    database.close()


def test_a_server_starts_with_a_master_key_that_is_made_as_it_says(tmp_path: Path) -> None:
    needs("openssl")
    [block] = re.findall(r"```sh\n(.*?)```", section(SERVER, "Several servers"), re.DOTALL)
    *lines, start = block.splitlines()
    [(variable, value)] = re.findall(r"^(\w+)=(\S+) gatepass dev\b", start)
    subprocess.run(["sh", "-ec", "\n".join(lines)], cwd=tmp_path, env=environment(), check=True, timeout=DEADLINE)

    assert (tmp_path / "master.key").stat().st_mode & 0o777 == 0o600
    with running(tmp_path, "dev", "--port", "0", **{variable: value}):
        assert not (tmp_path / ".gatepass" / "keys.json").exists()
