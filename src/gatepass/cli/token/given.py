"""What the commands are given: texts and keys. A secret comes from a file, a pipe or a prompt, never as an argument."""

import sys
import warnings
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from getpass import GetPassWarning
from typing import cast

import click

from gatepass.cli.refusals import Unable
from gatepass.core.inspect.find import MAX_TEXT
from gatepass.keys import Key, KeySet, load
from gatepass.keys.read import MAX_TEXT as MAX_KEY

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
    read = sys.stdin.buffer.read(4 * MAX_TEXT + 1)
    # Windows writes UTF-16 into files, and says so.
    return read.decode("utf-16" if read.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8", errors="replace")


def key_of(name: str | None, algorithm: str | None) -> Key | KeySet:
    """The key in the file *name*, on the standard input if it is a dash; asked for if it is None."""
    return load(_asked() if name is None else read_key(name), algorithm=algorithm)


def read_key(name: str) -> bytes:
    """What is in the file *name*, or on the standard input if it is a dash; no more than a key can have."""
    try:
        with click.open_file(name, "rb") as file:
            # A byte more than is taken, so that what has more is refused, and not cut.
            return cast("bytes", file.read(MAX_KEY + 1))
    except OSError as error:
        raise Unable(f"the key file cannot be read: {error.strerror}.") from error


def _asked() -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error", GetPassWarning)  # what is typed would be seen
        try:
            return str(click.prompt("Key (JWK)", hide_input=True, err=True))
        except GetPassWarning:
            raise click.UsageError(
                "Give --key, the file of the key; a dash: the standard input. There is no terminal to ask for it."
            ) from None
