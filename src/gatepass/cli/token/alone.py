"""The one token of a text that it was copied with: a header, a whole command, a HAR file, a log."""

from dataclasses import dataclass

from gatepass.cli.refusals import Refused
from gatepass.core.inspect.find import MAX_TEXT, find

#: Dots of a signed token.
_DOTS = 2
#: The first letter of a header: of the bracket that an object in JSON begins with. Refresh tokens have two dots, too.
_BEGINS = "e"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """A token, and what stood around it."""

    text: str
    #: What was cut off, a sentence each.
    cut_off: tuple[str, ...] = ()


def alone(text: str) -> Alone:
    """The signed token in *text*; where there is none, *text* itself, so that what is wrong with it is told.

    Args:
        text: A token, or whatever it was copied with. What is after `find.MAX_TEXT` characters is not read.

    Raises:
        Refused: There are several, and it is not for us to choose.
    """
    bare = text.strip()
    found = list(find(text[:MAX_TEXT]))
    signed = {one.text: one for one in reversed(found) if one.text.count(".") == _DOTS and one.text.startswith(_BEGINS)}
    if len(signed) > 1:
        raise Refused(
            f"There are {len(signed)} different tokens in this text.\n"
            "  fix     Give one of them alone. All are listed by: gatepass token inspect"
        )
    if not signed:
        return Alone(text=bare)
    [one] = signed.values()
    cut_off = [noise.sentence for noise in one.noise if noise.code != "spaces"]
    if text[one.start : one.end] != bare:
        cut_off.append(f"It stands at character {one.start + 1} of {len(text)}; the rest of the text is not checked.")
    return Alone(text=one.text, cut_off=tuple(cut_off))
