"""`gatepass key`: what signs, what verifies, and from when to when."""

from dataclasses import asdict
from pathlib import Path
from typing import Literal

import click

from gatepass.cli import options
from gatepass.cli.output import moment, plain, tell_json, tell_rows
from gatepass.cli.refusals import Refused, told
from gatepass.cli.stored import Stored, now, opened
from gatepass.cli.token.given import read_key
from gatepass.cli.token.words import in_options
from gatepass.configured import log_event
from gatepass.core.flow import Tail
from gatepass.core.keyring import KeyRing
from gatepass.core.revocation import Denylist
from gatepass.keys import Key, KeySet, load
from gatepass.keys.keeper import KeyKeeper
from gatepass.records import Event

#: Entries of the log are read so many at a time.
_PAGE = 1_000


@click.group
def key() -> None:
    """What signs, what verifies, and from when to when."""


@key.command(name="list")
@options.config
@options.as_json
def list_(*, config: Path | None, as_json: bool) -> None:
    """The keys, the one that signs first."""
    with opened(config) as stored:
        _tell(_keys(stored).ring(), as_json=as_json)


@key.command
@click.option("--at-once", is_flag=True, help="Sign with it from now on: others may have seen the old one.")
@options.config
@options.as_json
def rotate(*, at_once: bool, config: Path | None, as_json: bool) -> None:
    """Publish a new key, which signs in ten minutes. Nobody is logged out."""
    with opened(config) as stored:
        ring = _keys(stored).rotate(at_once=at_once)
        new = ring.signing if ring.ahead is None else ring.ahead
        _log("rotate", (new.kid,), "at once" if at_once else "operator")
        _tell(ring, as_json=as_json)


@key.command(context_settings=options.DASHED)
@click.argument("kid")
@options.config
@options.as_json
def retire(*, kid: str, config: Path | None, as_json: bool) -> None:
    """Refuse every token under a key from now on, on every node, and forget it."""
    with opened(config) as stored:
        keys = _keys(stored)
        if keys.ring().keys.get(kid) is None:
            raise Refused("There is no such key.")
        if keys.ring().signer(now()).kid == kid:
            raise Refused("This key signs. Rotate at once, then retire it: gatepass key rotate --at-once")
        if keys.ring().in_use(kid, now()):  # later: until it is out of the ring, refusing it would lock everybody out
            ring = keys.retire(kid)
            _ = stored.gate.revoke(kid=kid)
        else:  # refused first, so that whoever is interrupted here can say it again
            _ = stored.gate.revoke(kid=kid)
            ring = keys.retire(kid)
        _tell(ring, as_json=as_json)


@key.command
@options.config
@options.as_json
def export_public(*, config: Path | None, as_json: bool) -> None:
    """The public keys as a JWK set, for services that verify tokens themselves; in one line with --json."""
    with opened(config) as stored:
        document = _keys(stored).ring().jwks(now())
    tell_json(document, indent=None if as_json else 1)


@key.command(name="import")
@click.argument("file")
@click.option("--algorithm", help="What the key is for, where it does not say so itself, such as RS256.")
@click.option("--kid", help="What tokens call it, where it has no name of its own.")
@options.config
@options.as_json
def import_(*, file: str, algorithm: str | None, kid: str | None, config: Path | None, as_json: bool) -> None:
    """Verify with a key of another software, too.

    FILE is a JWK, a JWK set, PEM or DER; a dash is the standard input. Only public halves are kept; of a set all are
    taken, or none. A key that was retired does not come back.
    """
    with told(), in_options(key="FILE", algorithm="--algorithm"):
        found = load(read_key(file), algorithm=algorithm, kid=kid)
    kids = _kids(found)
    with opened(config) as stored:
        refused = _refused(stored)
        for name in kids:
            if name in refused:
                raise Refused(
                    f"The key {plain(name)} was retired here, and every token under it is refused until"
                    f" {moment(refused[name])}. Nothing was changed.\n"
                    "  fix     Ask its owner for a new key."
                )
        with in_options(key="FILE", algorithm="--algorithm"):
            ring = _keys(stored).join(found)
        _log("import", kids, "operator")
        _tell(ring, as_json=as_json)


def _keys(stored: Stored) -> KeyKeeper:
    assert isinstance(stored.keys, KeyKeeper)  # noqa: S101  what is in memory was refused when it was opened
    return stored.keys


def _kids(keys: Key | KeySet) -> tuple[str, ...]:
    return tuple(key.kid for key in keys) if isinstance(keys, KeySet) else (keys.kid,)


def _refused(stored: Stored) -> dict[str, int]:
    """The keys under which every token is refused, by the log, each with the second at which that is over."""
    denylist = Denylist()
    while not denylist.apply(stored.store.answer(Tail(denylist.cursor, _PAGE)), now()):
        pass
    return {kid: until for kid, until in denylist.kids.items() if until > now()}


def _log(kind: Literal["rotate", "import"], kids: tuple[str, ...], reason: str) -> None:
    log_event(Event(kind=kind, at=now(), kids=kids, reason=reason))


def _tell(ring: KeyRing, *, as_json: bool) -> None:
    at = now()
    rows = [(key, ring.life(key.kid), _state(ring, key.kid, at)) for key in ring.keys]
    if as_json:
        tell_json(
            {"keys": [{"kid": key.kid, "alg": key.alg, "state": state, **asdict(life)} for key, life, state in rows]}
        )
        return
    tell_rows(
        ("kid", "algorithm", "state", "made", "signs from", "ends"),
        (
            (key.kid, key.alg, state, moment(life.created_at), moment(life.signs_from), moment(life.ends_at))
            for key, life, state in rows
        ),
    )


def _state(ring: KeyRing, kid: str, at: int) -> str:
    if ring.signer(at).kid == kid:
        return "signing"
    if ring.in_use(kid, at):
        return "published"
    ends_at = ring.ends_at(kid)
    return "ended" if ends_at is not None and ends_at <= at else "verifying"
