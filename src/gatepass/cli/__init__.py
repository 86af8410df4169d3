"""The command line. It is an extra: without click there is one sentence to read, and nothing breaks.

Exit codes, for every command: 0 it was done, 1 it was refused, 2 it was asked wrongly or cannot run here, 3 what it is
about cannot be reached.
"""

import sys

REFUSED = 1
USAGE = 2
NOT_REACHABLE = 3


def main() -> None:
    """Run the command that the process was started with, and exit."""
    try:
        import click  # noqa: F401, PLC0415 - an extra: its absence is an answer, not a traceback
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.stderr.write('The gatepass command needs click: pip install "gatepass[cli]"\n')
        sys.exit(USAGE)

    from gatepass.cli.root import root  # noqa: PLC0415 - needs click

    root(prog_name="gatepass")
