"""What the commands are given: texts and keys. A secret comes from a file, a pipe or a prompt, never as an argument."""

import sys
import warnings
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from dataclasses import dataclass
from getpass import GetPassWarning
from typing import cast

import click

from gatepass.cli.refusals import Unable
from gatepass.cli.token.secret import is_plain, plain_key
from gatepass.core.inspect.find import MAX_TEXT
from gatepass.core.keys.asymmetric import AsymmetricKey
from gatepass.errors import ConfigurationError
from gatepass.keys import Key, KeySet, load
from gatepass.keys.read import MAX_TEXT as MAX_KEY

key = click.option(
    "--key",
    help="The file of the key (JWK, JWK Set, PEM, DER, a plain secret); a dash: the standard input. Without it the key"
    " is asked for."
    " It is never an argument: those are seen by everybody on the machine.",
)

key_algorithm = click.option(
    "--key-algorithm",
    help="What the key is for, where it does not say it itself: an RSA key in PEM, a JWK without alg, a plain secret.",
)


def text_of(argument: str | None) -> str:
    """The text that was given as an argument, or on the standard input if that is missing or a dash."""
    if argument not in {None, "-"}:
        return str(argument)
    # A character more than is read, so that what is left out is said.
    read = sys.stdin.buffer.read(4 * MAX_TEXT + 1)
    # Windows writes UTF-16 into files, and says so.
    return read.decode("utf-16" if read.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8", errors="replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenKey:
    """A key as a command was given it."""

    key: Key | KeySet
    #: How it was read if it is a plain secret, which could be meant in another way; None if it is not.
    encoding: str | None = None

    @property
    def verifying(self) -> Key | KeySet:
        """The key; its public half if it is a private one for signing alone, as browsers export it."""
        if isinstance(self.key, AsymmetricKey) and not self.key.can_verify:
            return self.key.public_key()
        return self.key


def key_of(
    name: str | None, algorithm: str | None, encoding: str, *, secret_for: str | None = None, kid: str | None = None
) -> GivenKey:
    """The key in the file *name*, on the standard input if it is a dash; asked for if it is None.

    Args:
        name: The file.
        algorithm: What it is for, where it does not say that itself.
        encoding: How it is written if it is a plain secret.
        secret_for: What a plain secret is for if *algorithm* does not say it.
        kid: The name of a plain secret, which has none itself.

    Raises:
        ConfigurationError: There is no key in it, or a weak one.
    """
    # What is typed and is no UTF-8 comes as surrogates, one for each byte.
    data = _asked().encode(errors="surrogateescape") if name is None else read_key(name)
    wanted = algorithm or secret_for
    if wanted is not None and is_plain(data, wanted):
        if len(data) > MAX_KEY:
            raise Unable(f"the key has more than {MAX_KEY} bytes.")
        return GivenKey(key=plain_key(data, algorithm=wanted, encoding=encoding, kid=kid), encoding=encoding)
    try:
        # As text where it is one: of digits, in hex, the first may be a zero, as that of DER is.
        return GivenKey(key=load(data.decode() if data.isascii() else data, algorithm=algorithm))
    except ConfigurationError as error:
        if "neither PEM nor" not in error.cause:
            raise
        fix = f"{error.fix} If it is a plain secret, say for what: --key-algorithm HS256."
        raise ConfigurationError(cause=error.cause, fix=fix, source=error.source) from error


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
            return str(click.prompt("Key (a JWK, or a secret)", hide_input=True, err=True))
        except GetPassWarning:
            raise click.UsageError(
                "Give --key, the file of the key; a dash: the standard input. There is no terminal to ask for it."
            ) from None
