"""How a command ends that did not do it: a sentence, and an exit code that says of what kind."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from gatepass.cli import NOT_REACHABLE, REFUSED, USAGE
from gatepass.errors import ConfigurationError, FieldsInvalid, GatepassError, StoreError


class Refused(click.ClickException):
    """What was asked for is not done."""

    exit_code = REFUSED


class NotReachable(click.ClickException):
    """What the command works on is not there, or does not answer."""

    exit_code = NOT_REACHABLE


class Unable(click.ClickException):
    """It cannot run with these settings, or here."""

    exit_code = USAGE


@contextmanager
def told() -> Iterator[None]:
    """Tell errors of ours as sentences."""
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
