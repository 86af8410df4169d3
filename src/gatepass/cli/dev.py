"""`gatepass dev`: the server on this machine, with nothing to set up."""

import click

from gatepass import __version__
from gatepass.cli import options
from gatepass.cli.output import heard_or_not, tell_fields, tell_json
from gatepass.errors import ConfigurationError
from gatepass.records import MODES
from gatepass.server.checks import check_owner
from gatepass.server.running import run
from gatepass.server.settings import DEFAULT, load
from gatepass.web.address import LOOPBACK, address


@click.command
@click.option("--mode", type=click.Choice(MODES), help="What a login issues.")
@click.option("--port", type=int, help="The port to listen on; 0: one that is free.")
@options.as_json
def dev(*, mode: str | None, port: int | None, as_json: bool) -> None:
    """The server on this machine: sign-up open, files in ./.gatepass/."""
    loaded = load(mode=mode, port=port)
    if loaded.sources["signup"] == DEFAULT:
        loaded = load(mode=mode, port=port, signup="on")
    settings, sources = loaded.settings, loaded.sources
    if settings.host not in LOOPBACK:
        raise ConfigurationError(
            cause=f"{settings.host} is not this machine alone",
            fix="Development listens on 127.0.0.1; `gatepass serve` is for the rest of the world.",
            source=sources["host"],
        )
    if settings.issuer is not None and not address(settings.issuer, sources["issuer"]).loopback:
        raise ConfigurationError(
            cause=f"{settings.issuer} is a public address",
            fix="Development has none; `gatepass serve` is for that.",
            source=sources["issuer"],
        )
    check_owner(loaded)
    folder = settings.database and settings.database.absolute().parent

    def announce(port: int) -> None:
        name = f"[{settings.host}]" if ":" in settings.host else settings.host
        url = f"http://{name}:{port}"
        told = {
            "sign in": f"{url}/login",
            "sign up": f"{url}/signup",
            "account": f"{url}/account",
            "decoder": f"{url}/decoder",
            "API": f"{url}/docs",
        }
        files = str(folder) if folder else "none: all is kept in memory, and gone when it ends"
        with heard_or_not():
            if as_json:
                tell_json({"mode": settings.mode, "url": url, "pages": told, "files": folder and str(folder)})
                return
            click.echo(f"gatepass {__version__} in {settings.mode} mode, on this machine only")
            tell_fields({**{f"  {what}": where for what, where in told.items()}, "  files": files, "  stop": "Ctrl-C"})

    run(loaded, announce=announce, hangup_ends=True)
