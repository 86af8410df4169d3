"""`gatepass token verify`: the checks that a service makes."""

import logging
from time import time
from typing import TypedDict

import click

from gatepass.cli import options
from gatepass.cli.output import plain, tell_fields, tell_json
from gatepass.cli.refusals import Refused, told
from gatepass.cli.token.alone import alone
from gatepass.cli.token.given import key, key_algorithm, key_of, text_of
from gatepass.cli.token.secret import ENCODINGS, key_encoding
from gatepass.cli.token.words import in_options
from gatepass.core import jws
from gatepass.core.claims import REQUIRED
from gatepass.core.inspect import texts
from gatepass.core.inspect.refused import explain
from gatepass.errors import CredentialError
from gatepass.keys import RemoteKeySet
from gatepass.tokens import verify as check

# What is logged of a fetch that failed is said by the error, too.
logging.getLogger("gatepass.keys").addHandler(logging.NullHandler())


class _Rules(TypedDict):
    algorithms: tuple[str, ...]
    issuer: str
    audience: str
    typ: str
    now: float


@click.command
@click.argument("token", required=False)
@key
@key_algorithm
@key_encoding
@click.option("--jwks", metavar="URL", help="Where the issuer publishes its keys; instead of --key.")
@click.option("--issuer", required=True, help="What `iss` must be, to the letter.")
@click.option("--audience", required=True, help="What `aud` must be, or hold.")
@click.option("--algorithm", "algorithms", required=True, multiple=True, help="An allowed algorithm; may be repeated.")
@click.option("--typ", default="at+jwt", show_default=True, help="What the header must say the token is.")
@click.option("--leeway", type=click.IntRange(0, 300), default=10, show_default=True, help="Seconds clocks may differ.")
@click.option("--require", multiple=True, help="A claim that must be there; may be repeated. Default: RFC 9068's.")
@options.as_json
def verify(
    *,
    token: str | None,
    key: str | None,
    key_algorithm: str | None,
    key_encoding: str,
    jwks: str | None,
    issuer: str,
    audience: str,
    algorithms: tuple[str, ...],
    typ: str,
    leeway: int,
    require: tuple[str, ...],
    as_json: bool,
) -> None:
    """Whether a token is good, and which check says no.

    TOKEN is a token, or what it was copied with: a header, a cookie, a curl command, a HAR file, a log, with one token
    in it. A dash, or nothing: the standard input.
    """
    if key is not None and jwks is not None:
        raise click.UsageError("Give --key or --jwks, not both.")
    if key == "-" and token in {None, "-"}:
        raise click.UsageError("Token and key cannot both come from the standard input.")
    with told(), in_options():
        found = alone(text_of(token))
        text = found.text
        around = {"cut_off": found.cut_off} if found.cut_off else {}
        if not as_json:
            for sentence in found.cut_off:
                click.echo(f"cut off  {sentence}", err=True)
        given = None
        if jwks is None:
            # A plain secret has no name, and is for what is allowed, if that is one thing only.
            [only] = algorithms if len(algorithms) == 1 else [None]
            given = key_of(key, key_algorithm, key_encoding, secret_for=only, kid=_named(text))
        keys = RemoteKeySet(str(jwks), algorithm=key_algorithm) if given is None else given.verifying
        rules = _Rules(algorithms=algorithms, issuer=issuer, audience=audience, typ=typ, now=time())
        try:
            claims = check(text, keys, **rules, leeway=leeway, require=require or REQUIRED)
        except CredentialError as error:
            no = explain(error, text, **rules)
            reason = plain(getattr(error, "reason", "exp"))
            fix = no.fix
            if given is not None and given.encoding is not None and no.check == "signature":
                others = ", ".join(name for name in ENCODINGS if name != given.encoding)
                fix = f"The secret was taken for {given.encoding}. If it is another, say so: --key-encoding {others}."
            if as_json:
                said = {"code": error.code, "reason": reason, "check": no.check, "sentence": no.sentence, "fix": fix}
                tell_json({"verified": False, **said, **around})
                click.get_current_context().exit(1)
            where = f"{no.check}: {texts.CHECKS[no.check][2]}"
            raise Refused(f"{no.sentence}\n  fix     {fix}\n  check   {where}\n  reason  {reason}") from error
    if as_json:
        tell_json({"verified": True, "claims": dict(claims), **around})
    else:
        click.echo("verified: signature, issuer, audience, type and times are good")
        tell_fields(dict(claims))


def _named(token: str) -> str | None:
    """The key that *token* names, if it is one that can be named in a sentence."""
    try:
        kid = jws.unverified_kid(token)
    except CredentialError:
        return None
    return kid if kid is not None and kid.isprintable() else None
