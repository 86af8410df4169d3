"""The table of commands. Each lives in a file of its own, loaded when it is asked for."""

from importlib import import_module

import click

#: What is said in the list of commands, so that the list loads none of them.
COMMANDS = {
    "version": "What runs here: gatepass, Python, SQLite, OpenSSL.",
}


class Commands(click.Group):
    """A group whose command *name* is the function of that name in `gatepass.cli.name`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The command of this name, or None."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"gatepass.cli.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """The list of commands, from the table."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def root() -> None:
    """Remember who logged in."""
