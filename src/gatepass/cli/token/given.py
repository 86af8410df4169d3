"""What the commands are given: texts and keys. A secret comes from a file, a pipe or a prompt, never as an argument."""

import sys
from pathlib import Path

import click

from gatepass.cli.refusals import Unable
from gatepass.core.inspect.find import MAX_TEXT
from gatepass.keys import Key, KeySet, load

key = click.option(
    "--key",
    help="The file of the key (JWK, JWK Set, PEM, DER); a dash: the standard input. Without it the key is asked for."
    " It is never an argument: those are seen by everybody on the machine.",
)

key_algorithm = click.option(
    "--key-algorithm",
    help="What the key is for, where it does not say it itself: an RSA key in PEM, a JWK without alg.",
)


def text_of(argument: str | None) -> str:
    """The text that was given as an argument, or on the standard input if that is missing or a dash."""
    if argument not in {None, "-"}:
        return str(argument)
    # A character more than is read, so that what is left out is said.
    return sys.stdin.buffer.read(4 * MAX_TEXT + 1).decode(errors="replace")


def key_of(name: str | None, algorithm: str | None) -> Key | KeySet:
    """The key in the file *name*, on the standard input if it is a dash; asked for if it is None."""
    if name is None:
        return load(str(click.prompt("Key (JWK)", hide_input=True, err=True)), algorithm=algorithm)
    if name == "-":
        return load(sys.stdin.buffer.read(MAX_TEXT), algorithm=algorithm)
    try:
        return load(Path(name).read_bytes(), algorithm=algorithm)
    except OSError as error:
        raise Unable(f"the key file cannot be read: {error.strerror}.") from error
