"""What is printed: lines for people, JSON for programs, and nothing that could steer a terminal."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click

from gatepass.server.audit import as_json


def plain(value: object) -> str:
    """*value* as text for a terminal. What would steer it, or turn the direction of writing, is spelled out."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in _text(value)
    )


def moment(at: int | None) -> str:
    """Seconds since the epoch as people read them, in UTC; empty for None."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


@contextmanager
def heard_or_not() -> Iterator[None]:
    """What is told in this block may find nobody who reads it, or no room: a server that has started goes on."""
    try:
        yield
    except OSError:
        fall_silent()


def fall_silent() -> None:
    """Let what could not be written go: it is still held, and would be tried once more when the process ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def tell_json(document: Mapping[str, Any], indent: int | None = None) -> None:
    """Print one JSON object: in one line, or with *indent* spaces for each step inwards."""
    click.echo(as_json(document, indent))


def tell_fields(fields: Mapping[str, object]) -> None:
    """Print names and values, one pair a line."""
    lines = [(plain(name), plain(value)) for name, value in fields.items()]
    width = max(len(name) for name, _ in lines)
    for name, value in lines:
        click.echo(f"{name:<{width}}  {value}".rstrip())


def tell_rows(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table."""
    lines = [tuple(heads), *(tuple(map(plain, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        click.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())


def _text(value: object) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
