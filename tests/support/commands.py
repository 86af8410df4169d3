"""The commands, run in this process, in the working directory of the test."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from gatepass.cli.root import root

DATABASE = Path(".gatepass") / "gatepass.db"


def run(*words: str, code: int = 0, said: str | None = None) -> Result:
    result = CliRunner().invoke(root, words, prog_name="gatepass", input=said)
    assert result.exit_code == code, result.output
    return result


def told(*words: str, said: str | None = None) -> Any:
    return json.loads(run(*words, "--json", said=said).stdout)
