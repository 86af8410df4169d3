"""`gatepass token mint`: a token to try something with."""

from time import time
from uuid import uuid4

import click

from gatepass.cli import options
from gatepass.cli.output import tell_json
from gatepass.cli.refusals import told
from gatepass.cli.token.given import key, key_algorithm, key_of
from gatepass.cli.token.secret import key_encoding
from gatepass.cli.token.words import in_options
from gatepass.core.claims import MAX_TIME
from gatepass.core.strict import read_object
from gatepass.errors import MalformedCredential
from gatepass.keys import KeySet
from gatepass.tokens import sign


@click.command
@click.argument("claims", required=False, default="{}")
@key
@key_algorithm
@key_encoding
@click.option("--expires-in", type=click.IntRange(1), default=300, show_default=True, help="Seconds until exp.")
@click.option("--typ", default="at+jwt", show_default=True, help="What the header says the token is.")
@options.as_json
def mint(
    *,
    claims: str,
    key: str | None,
    key_algorithm: str | None,
    key_encoding: str,
    expires_in: int,
    typ: str,
    as_json: bool,
) -> None:
    """Make a token, for development.

    CLAIMS is a JSON object. `iat`, `exp` and `jti` are added where they are missing.
    """
    try:
        said = read_object(claims.encode("utf-8", "surrogatepass"))
    except MalformedCredential:
        raise click.UsageError("CLAIMS is not a JSON object with each name once.") from None
    now = int(time())
    if now + expires_in > MAX_TIME:
        raise click.UsageError("--expires-in is after the year 9999, and nobody would take such a token. Give less.")
    with told(), in_options():
        found = key_of(key, key_algorithm, key_encoding).key
        if isinstance(found, KeySet):
            if len(found) != 1:
                raise click.UsageError("Give the one key that signs.")
            [found] = found
        token = sign({"iat": now, "exp": now + expires_in, "jti": str(uuid4()), **said}, found, headers={"typ": typ})
    if as_json:
        tell_json({"token": token})
    else:
        click.echo(token)
