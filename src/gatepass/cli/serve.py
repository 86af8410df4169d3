"""`gatepass serve`: the server for strangers."""

import logging
from pathlib import Path
from typing import Final

import click

from gatepass.cli import options
from gatepass.cli.output import heard_or_not, tell_fields, tell_json
from gatepass.server.checks import check, doubts
from gatepass.server.running import run
from gatepass.server.settings import load

logger: Final = logging.getLogger("gatepass.server")


@click.command
@options.config
@click.option("--host", help="The address to listen on.")
@click.option("--port", type=int, help="The port to listen on.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="So many processes.")
@options.as_json
def serve(*, config: Path | None, host: str | None, port: int | None, workers: int, as_json: bool) -> None:
    """The server for production. It refuses settings that are not safe."""
    loaded = load(config, host=host, port=port)
    check(loaded, workers=workers)

    def announce(port: int) -> None:
        settings = loaded.settings
        told = {"public": settings.issuer, "listening": f"{settings.host} port {port}", "workers": workers}
        with heard_or_not():
            if as_json:
                tell_json({**told, "listening": {"host": settings.host, "port": port}})
            else:
                tell_fields(told)
        for sentence in doubts(loaded):
            logger.warning("%s", sentence)

    run(loaded, workers=workers, announce=announce)
