"""The folders of keys and sessions: for their owner, and for no repository."""

import os
import subprocess
from pathlib import Path

import pytest
from support.needs import needs

from gatepass import ConfigurationError
from gatepass.folders import private_folder
from gatepass.keys import KeyFile
from gatepass.stores.sqlite import SqliteStore


@pytest.mark.parametrize("below", [".gatepass", ".gatepass/staff", "var/.gatepass"])
def test_what_is_made_in_a_project_is_kept_out_of_its_repository(tmp_path: Path, below: str) -> None:
    """Keys and sessions are in a folder beside the code, until somebody adds everything. git itself is asked."""
    needs("git")
    before = os.umask(0)
    try:
        KeyFile(tmp_path / below / "keys.json").ring()
        SqliteStore(tmp_path / below / "gatepass.db").close()
    finally:
        os.umask(before)
    (tmp_path / "app.py").touch()
    [folder] = tmp_path.rglob(".gatepass")
    assert folder.stat().st_mode & 0o777 == 0o700

    def git(*args: str) -> str:
        # A git that runs these tests says where its own repository is.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        found = subprocess.run(["git", *args], cwd=tmp_path, env=environment, check=True, stdout=subprocess.PIPE)
        return found.stdout.decode()

    git("init", "--quiet")
    git("add", "--all")
    assert git("ls-files") == "app.py\n"


def test_a_folder_that_is_there_or_is_called_otherwise_is_left_as_it_is(tmp_path: Path) -> None:
    """Whoever removed the file, or keeps other things there, meant it."""
    for path in (tmp_path / ".gatepass", tmp_path / "keys"):
        if path.name == ".gatepass":
            path.mkdir()
        KeyFile(path / "keys.json").ring()
        assert {file.name for file in path.iterdir()} == {"keys.json", "keys.json.lock"}


def test_a_file_in_the_way_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".gatepass").write_text("mine")
    for make in (lambda path: KeyFile(path).ring(), SqliteStore):
        with pytest.raises(ConfigurationError, match="cannot be used"):
            make(tmp_path / ".gatepass" / "file")
    with pytest.raises(FileExistsError):
        private_folder(tmp_path / ".gatepass")
    assert (tmp_path / ".gatepass").read_text() == "mine"
