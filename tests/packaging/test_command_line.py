"""The `gatepass` command, as far as it goes."""

import ast
import json
import platform
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import gatepass
from gatepass.cli.root import COMMANDS, root


def run(*words: str) -> Result:
    return CliRunner().invoke(root, words, prog_name="gatepass")


def test_the_version_is_for_people() -> None:
    result = run("version")

    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines()] == ["gatepass", "python", "sqlite", "openssl"]


def test_the_version_is_for_machines_too() -> None:
    said = json.loads(run("version", "--json").output)

    assert said.pop("openssl").startswith("OpenSSL")
    assert said == {
        "gatepass": gatepass.__version__,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }


@pytest.mark.parametrize("words", [["help-me"], ["version", "--yaml"], ["version", "twice"]])
def test_what_is_not_understood_is_exit_code_2(words: list[str]) -> None:
    result = run(*words)

    assert result.exit_code == 2
    assert "Usage: gatepass" in result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_in_the_list_what_it_says_of_itself(name: str) -> None:
    """The list is a table, so that it loads no command; the table must not drift."""
    assert COMMANDS[name] in run("--help").output
    assert COMMANDS[name] in run(name, "--help").output


def test_the_list_of_commands_loads_none_of_them() -> None:
    code = (
        "import sys; from gatepass.cli.root import root; root(['--help'], standalone_mode=False);"
        "sys.exit('gatepass.cli.version' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "version" in done.stdout


def test_a_group_loads_itself_and_of_its_commands_none(tmp_path: Path) -> None:
    """A group is a folder with a table: its list, too, is told without its commands."""
    group = tmp_path / "planted" / "more"
    group.mkdir(parents=True)
    head = "from gatepass.cli.commands import Commands\n"
    (group.parent / "__init__.py").write_text(
        f"{head}planted = Commands('planted', {{'more': 'More.'}}, help='Planted.')"
    )
    (group / "__init__.py").write_text(f"{head}more = Commands('planted.more', {{'end': 'The end.'}}, help='More.')")
    (group / "end.py").write_text(
        "import click\n@click.command\ndef end() -> None:\n    'The end.'\n    click.echo('reached')\n"
    )

    def asked(*words: str) -> tuple[str, list[str]]:
        code = (
            f"import sys; sys.path.append({str(tmp_path)!r}); from planted import planted;"
            f"planted({list(words)!r}, standalone_mode=False);"
            "print([name for name in sorted(sys.modules) if name.startswith('planted.')])"
        )
        done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
        *lines, loaded = done.stdout.splitlines()
        return "\n".join(lines), ast.literal_eval(loaded)

    assert asked("--help")[1] == []
    listed, loaded = asked("more", "--help")
    assert ("The end." in listed, loaded) == (True, ["planted.more"])
    assert asked("more", "end") == ("reached", ["planted.more", "planted.more.end"])


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-m", "gatepass", "version", "--json"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["gatepass"] == gatepass.__version__


@pytest.mark.parametrize("missing", ["click", "another"])
def test_only_click_is_excused(missing: str) -> None:
    """Without click the extra is named; a click that is itself broken is not explained away."""
    code = f"""
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == "click":
            raise ModuleNotFoundError("No module named {missing!r}", name={missing!r})
sys.meta_path.insert(0, Missing())
from gatepass.cli import main
main()
"""
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)

    if missing == "click":
        assert done.returncode == 2
        assert done.stderr == 'The gatepass command needs click: pip install "gatepass[cli]"\n'
    else:
        assert done.returncode == 1
        assert "Traceback" in done.stderr
