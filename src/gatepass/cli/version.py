"""`gatepass version`: the first thing to put into a bug report."""

import json
import platform
import sqlite3

import click
from cryptography.hazmat.backends.openssl import backend

from gatepass import __version__


@click.command
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for machines.")
def version(*, as_json: bool) -> None:
    """What runs here: gatepass, Python, SQLite, OpenSSL."""
    versions = {
        "gatepass": __version__,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "openssl": backend.openssl_version_text(),
    }
    if as_json:
        click.echo(json.dumps(versions))
        return
    for name, number in versions.items():
        click.echo(f"{name:<9} {number}")
