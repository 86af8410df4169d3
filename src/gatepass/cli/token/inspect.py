"""`gatepass token inspect`: what is in a token."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from time import time

import click
import msgspec

from gatepass.cli import options
from gatepass.cli.output import plain, tell_json
from gatepass.cli.token.given import text_of
from gatepass.core.inspect import Inspection, Token
from gatepass.core.inspect import inspect as look

#: Before each block that is what a token says of itself.
LABEL = "UNVERIFIED"


@click.command
@click.argument("text", required=False)
@options.as_json
def inspect(*, text: str | None, as_json: bool) -> None:
    """What is in a token, and what is wrong with it. Nothing is verified.

    TEXT is a token, or what it was copied with: a header, a cookie, a curl command, a HAR file, a log.
    A dash, or nothing: the standard input.
    """
    found = look(text_of(text), now=time())
    if as_json:
        tell_json({"verified": False, **msgspec.to_builtins(found)})
    else:
        for line in lines(found):
            click.echo(plain(line))
    if not found.tokens:
        click.get_current_context().exit(1)


def lines(inspection: Inspection) -> Iterator[str]:
    """An inspection as it is read by people."""
    counts = Counter(token.text for token in inspection.tokens)
    first = {token.text: token for token in reversed(inspection.tokens)}
    for number, (text, count) in enumerate(counts.items(), 1):
        before = f"Token {number} of {len(counts)}: " if len(counts) > 1 else ""
        times = f"{count} times in this text: " if count > 1 else ""
        yield from _token(first[text], before + times, "")
        yield ""
    yield from (hint.sentence for hint in inspection.hints)


def _local(at: datetime) -> str:
    try:
        return at.astimezone().strftime("%Y-%m-%d %H:%M:%S %z")
    except OverflowError:  # the last day of the calendar, east of Greenwich
        return "after the year 9999"


def _token(token: Token, before: str, indent: str) -> Iterator[str]:  # noqa: C901  one block after the other
    yield f"{indent}{before}{token.title}"
    yield f"{indent}{token.verdict}"
    for noise in token.noise:
        yield f"{indent}cut off  {noise.sentence}"
    for defect in token.defects:
        yield f"{indent}wrong    {defect.sentence}"
    for finding in token.findings:
        yield f"{indent}{finding.level:<8} {finding.sentence}"
    for part in token.parts:
        size = f"{part.characters} characters" + ("" if part.octets is None else f", {part.octets} octets decoded")
        yield f"{indent}{part.name} ({size}) {LABEL}"
        width = max((len(member.name) for member in part.members), default=0)
        for member in part.members:
            yield f"{indent}  {member.name:<{min(width, 24)}}  {member.value}"
            if member.meaning:
                yield f"{indent}  {'':<{min(width, 24)}}    {member.meaning}"
        if part.text:
            yield f"{indent}  {part.text}"
    if token.moments:
        yield f"{indent}times {LABEL}"
    for moment in token.moments:
        at = datetime.fromtimestamp(moment.at, UTC)
        yield f"{indent}  {moment.name:<9}  {at:%Y-%m-%d %H:%M:%S}Z  local {_local(at)}  {moment.relative}"
    whole = token.size
    yield f"{indent}size {whole.total} octets: {whole.cookie} % of a cookie, {whole.header_line} % of a header line"
    for hint in token.hints:
        yield f"{indent}hint     {hint.sentence}"
    for inner in token.inner:
        yield from _token(inner, "Inside: ", f"{indent}  ")
