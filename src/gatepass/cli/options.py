"""Options that several commands have."""

from pathlib import Path

import click

config = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The TOML file of settings. Default: GATEPASS_CONFIG, else gatepass.toml if there is one.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
