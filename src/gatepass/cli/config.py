"""`gatepass config`: what is set, and by whom."""

from pathlib import Path

import click

from gatepass.cli import options
from gatepass.cli.output import tell_json, tell_rows
from gatepass.server.settings import Settings, load


@click.group
def config() -> None:
    """What is set, and where it came from."""


@config.command
@options.config
@options.as_json
def show(*, config: Path | None, as_json: bool) -> None:
    """Every setting: its value, and where it came from."""
    loaded = load(config)
    values = loaded.settings.model_dump(mode="json")  # which keeps secrets to itself
    if as_json:
        tell_json({name: {"value": values[name], "source": source} for name, source in loaded.sources.items()})
        return
    tell_rows(
        ("setting", "value", "from", "what it is"),
        (
            (name, values[name], source, Settings.model_fields[name].description)
            for name, source in loaded.sources.items()
        ),
    )
