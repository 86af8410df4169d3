"""What is in a token, without a key: it is taken apart, never verified, and nothing that it says is followed."""

from itertools import islice

from gatepass.core.inspect import texts
from gatepass.core.inspect.find import MAX_TEXT, MAX_TOKENS, Found, find
from gatepass.core.inspect.guesses import guessed
from gatepass.core.inspect.look import Look
from gatepass.core.inspect.model import (
    Defect,
    Finding,
    Hint,
    Inspection,
    Member,
    Moment,
    Noise,
    Part,
    Size,
    Token,
    fill,
)
from gatepass.core.inspect.read import Reader

__all__ = [
    "Defect",
    "Finding",
    "Hint",
    "Inspection",
    "Member",
    "Moment",
    "Noise",
    "Part",
    "Size",
    "Token",
    "inspect",
]


def inspect(text: str, *, now: float) -> Inspection:
    """Find every token in *text* and say what is in it. Nothing is verified and nothing is raised.

    Args:
        text: A token, or whatever it was copied with. What is after `find.MAX_TEXT` characters is not read.
        now: Seconds since the epoch.

    Returns:
        All that can be said without a key. Every text in it is printable.
    """
    read = text[:MAX_TEXT]
    tokens = _json_form(read, now) or [_token(found, now) for found in islice(find(read), MAX_TOKENS + 1)]
    hints = [Hint(code="local", sentence=texts.HINTS["local"])]
    if not tokens:
        hints.append(Hint(code="nothing", sentence=texts.HINTS["nothing"]))
    for what, more in (
        (f"it was read up to character {MAX_TEXT}", len(text) > MAX_TEXT),
        (f"the first {MAX_TOKENS} tokens are shown", len(tokens) > MAX_TOKENS),
    ):
        if more:
            hints.append(Hint(code="left_out", sentence=fill(texts.HINTS["left_out"], what=what)))
    return Inspection(tokens=guessed(tokens[:MAX_TOKENS]), hints=tuple(hints))


def _token(found: Found, now: float) -> Token:
    look = Look(found.text, now=now)
    return look.token(look.compact(), found)


def _json_form(text: str, now: float) -> list[Token]:
    """The token that *text* is, if it is one in JSON form (RFC 7515 section 7.2, RFC 7516 section 7.2)."""
    said = text.strip()
    if not said.startswith("{") or ('"payload"' not in said and '"ciphertext"' not in said):
        return []
    form = Reader().value("text", said)
    if not isinstance(form, dict) or not {"protected", "signatures", "recipients"} & form.keys():
        return []
    start = len(text) - len(text.lstrip())
    look = Look(said, now=now)
    found = Found(start=start, end=start + len(said), text=said, noise=(), address="")
    return [look.token(look.in_json(form), found)]
