"""Options that several commands have."""

from pathlib import Path
from typing import Any, Final

import click

#: Of commands that are given an id, which may begin with a dash: what is no option of theirs is no option.
DASHED: Final[dict[str, Any]] = {"ignore_unknown_options": True, "help_option_names": ["--help"]}

config = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The TOML file of settings. Default: GATEPASS_CONFIG, else gatepass.toml if there is one.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
