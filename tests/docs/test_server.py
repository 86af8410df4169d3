"""`docs/server.md`, held against the server."""

import json
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click import Context, Group
from support.command import DEADLINE, environment, gatepass, running
from support.needs import needs
from support.register import REGISTER
from support.server import ROOT

from gatepass.cli.root import root
from gatepass.server import patient
from gatepass.server import running as processes
from gatepass.server.settings import PREFIX, Settings

TEXT = (ROOT / "docs" / "server.md").read_text()
README = (ROOT / "README.md").read_text()


def written(default: Any) -> str:
    return "" if default in (None, ()) else f"`{default}`"


def test_the_table_of_settings_is_that_of_the_server() -> None:
    rows = re.findall(r"^\| `(GATEPASS_\w+)` \| (.*?) ?\| (.*) \|$", TEXT, re.MULTILINE)

    assert rows == [
        (PREFIX + name.upper(), written(field.default), field.description)
        for name, field in Settings.model_fields.items()
    ]


def test_its_numbers_are_those_of_the_server() -> None:
    words = " ".join(TEXT.split())
    for said in (
        f"at most {processes.FAREWELL} seconds",
        f"Headers have {patient.PATIENCE:.0f} seconds",
        f"rests for {processes.IDLE} between",
        f"after {patient.PATIENCE:.0f}.",
        f"at most {patient.MOST_HEADERS} headers of {patient.HEADERS // 1024} KiB",
        f"keeps {patient.MOST_CONNECTIONS} connections",
    ):
        assert said in words, said


def test_every_command_of_users_sessions_and_keys_is_there() -> None:
    for name in ("user", "session", "key"):
        group = root.get_command(Context(root), name)
        assert isinstance(group, Group)
        shown = set(re.findall(rf"^gatepass {name} ([a-z-]+)", TEXT, re.MULTILINE))
        assert shown == set(group.commands)


def test_the_backup_is_one(tmp_path: Path) -> None:
    """What was copied while the server runs opens, and holds the user."""
    [lines] = re.findall(r"```sh\n(umask \d+\npython3 .*?)```", TEXT, re.DOTALL)
    with running(tmp_path, "dev", "--port", "0"):
        gatepass(
            tmp_path, "user", "add", "ada@example.com", "--password-file", "-", said="a lantern under the old pier"
        )
        subprocess.run(["sh", "-ec", lines], cwd=tmp_path, env=environment(), check=True, timeout=DEADLINE)

    for name in ("backup.db", "backup.json"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    copy = tmp_path / "restored"
    copy.mkdir(0o700)
    (tmp_path / "backup.db").rename(copy / "gatepass.db")
    (tmp_path / "backup.json").rename(copy / "keys.json")
    said = gatepass(tmp_path, "user", "list", GATEPASS_STORE="sqlite:///restored/gatepass.db").stdout
    assert "ada@example.com" in said


@pytest.mark.parametrize("line", re.findall(r"^(GATEPASS_ISSUER=.*) gatepass serve$", TEXT, re.MULTILINE))
def test_the_line_behind_the_proxy_starts_a_server(line: str, tmp_path: Path) -> None:
    more = dict(pair.split("=", 1) for pair in line.split())

    with running(tmp_path, "serve", "--port", "0", **more) as server:
        assert server.said["public"] == more["GATEPASS_ISSUER"]


def readme(start: str) -> str:
    """The one block for the shell in the README that begins with *start*."""
    [found] = [text for text in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) if text.startswith(start)]
    return str(found)


def test_the_lines_for_the_shell_sign_up_log_in_and_are_remembered(tmp_path: Path) -> None:
    needs("curl")
    with running(tmp_path, "dev", "--port", "0") as server:
        script = readme("BASE=").replace("http://127.0.0.1:8400", server.url)
        script = script.replace("curl ", "curl --silent --fail --write-out '\\n' ")
        done = subprocess.run(
            ["sh", "-ec", script], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=DEADLINE
        )
        signed_up, logged_in, me, sessions = map(json.loads, done.stdout.splitlines())

    REGISTER.credentials.update(
        line.split()[-1] for line in (tmp_path / "jar").read_text().splitlines() if "gatepass" in line
    )
    assert me["subject"] == signed_up["subject"]
    assert me["session_id"] == logged_in["session_id"] == sessions["sessions"][0]["id"]


def test_the_settings_for_production_start_a_server(tmp_path: Path) -> None:
    """As the README exports them, but for the folder of the machine."""
    said = dict(re.findall(r"^export (\w+)=(\S+)", readme("export"), re.MULTILINE))
    said["GATEPASS_STORE"] = "sqlite:///data/gatepass.db"
    [words] = re.findall(r"^gatepass (serve .*)$", readme("export"), re.MULTILINE)

    gatepass(
        tmp_path, "user", "add", "ada@example.com", "--password-file", "-", said="a lantern under the old pier", **said
    )
    with running(tmp_path, *words.split(), "--port", "0", **said) as server:
        assert (server.said["public"], server.said["workers"]) == (said["GATEPASS_ISSUER"], 2)
