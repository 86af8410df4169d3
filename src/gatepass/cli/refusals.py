"""How a command ends that did not do it: a sentence, and an exit code that says of what kind."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

from gatepass.cli import NOT_REACHABLE, REFUSED, USAGE
from gatepass.cli.output import fall_silent
from gatepass.errors import ConfigurationError, FieldsInvalid, GatepassError, StoreError
from gatepass.server.audit import as_json


class Refused(click.ClickException):
    """What was asked for is not done."""

    exit_code = REFUSED


class NotReachable(click.ClickException):
    """What the command works on is not there, or does not answer."""

    exit_code = NOT_REACHABLE


class Unable(click.ClickException):
    """It cannot run with these settings, or here."""

    exit_code = USAGE


class InJson(click.ClickException):
    """The same as one JSON object, for programs."""

    def __init__(self, error: click.ClickException) -> None:
        super().__init__(error.format_message())
        self.exit_code = error.exit_code  # type: ignore[misc]  # click asks the instance
        cause = error.__cause__
        self._said: dict[str, Any] = {"error": self.message, "exit_code": self.exit_code}
        if isinstance(cause, GatepassError):
            self._said["code"] = cause.code
        if isinstance(cause, ConfigurationError):
            self._said |= {"error": cause.cause, "fix": cause.fix, "source": cause.source}

    def show(self, file: IO[Any] | None = None) -> None:
        """As of click."""
        click.echo(as_json(self._said), file=file, err=file is None)


@contextmanager
def told(*, in_json: bool = False) -> Iterator[None]:
    """Tell errors of ours, and of who gives and takes texts, as sentences.

    Args:
        in_json: Tell them as JSON.
    """
    try:
        with _sentences():
            yield
    except click.ClickException as error:
        if in_json and not isinstance(error, InJson):
            raise InJson(error) from error
        raise


@contextmanager
def _sentences() -> Iterator[None]:
    try:
        yield
    except ConfigurationError as error:
        raise Unable(f"{error.cause}.\n  fix     {error.fix}\n  source  {error.source}") from error
    except StoreError as error:
        raise NotReachable(f"{error}.") from error
    except FieldsInvalid as error:
        raise Refused("; ".join(f"{name}: {reason}" for name, reason in error.problems.items()) + ".") from error
    except GatepassError as error:
        raise Refused(f"{error}.") from error
    except UnicodeDecodeError as error:
        raise Unable("What was given is no text in UTF-8.") from error
    except OSError as error:
        if error.errno == errno.EPIPE:  # whoever reads has heard enough: click ends without a word
            raise
        if error.errno == errno.ENOSPC:
            fall_silent()
            raise Unable("The disk is full: not all of the answer could be written.") from error
        raise Unable(f"{error.strerror or 'The system refuses it'}: {error.filename or 'no file'}.") from error
