"""Commands by a table: each lives in a file of its own, loaded when it is asked for."""

from collections.abc import Mapping
from importlib import import_module
from typing import Final

import click

from gatepass.cli.refusals import told

_JSON: Final = f"{__name__}.json"


class Commands(click.Group):
    """A group whose command *name* is what is called *name* in the module *package*.*name*.

    That may be a group again, in the `__init__` of a folder.
    """

    def __init__(self, package: str, table: Mapping[str, str], *, help: str) -> None:  # noqa: A002 - click's name
        """Make the group.

        Args:
            package: Where its commands live. Its last part is the name of the group.
            table: The names of the commands, with what is said of each in the list, so that the list loads none.
            help: What is said of the group.
        """
        super().__init__(
            package.rpartition(".")[2], help=help, context_settings={"help_option_names": ["-h", "--help"]}
        )
        self._package = package
        self._table = table

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As of click. Whoever asked for JSON gets it also where the command does not come to read its options."""
        ctx.meta[_JSON] = ctx.meta.get(_JSON) or "--json" in args
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; an error of ours ends it with a sentence and its exit code."""
        with told(in_json=ctx.meta[_JSON]):
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order of the table."""
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The command of this name, or None."""
        if cmd_name not in self._table:
            return None
        command: click.Command = getattr(import_module(f"{self._package}.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """The list of commands, from the table."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._table.items()))
