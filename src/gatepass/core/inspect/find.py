"""Finds tokens in whatever they were copied with: a header, a cookie, a command, a log.

Each character is looked at a fixed number of times: patterns have nothing to go back on, a token ends where it is cut
off, and is not searched again.
"""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from gatepass.core.inspect import texts
from gatepass.core.inspect.model import Noise, fill

#: Characters of a text that are read: 5 Mi, a large HAR file.
MAX_TEXT: Final = 5 << 20
#: Tokens of one text that are shown. 1,000: our choice.
MAX_TOKENS: Final = 1_000

# A JSON object begins with a brace and then a quote, a space or a line break: `ey` or `ew`. Before it stands the end of
# something else, or an escape: of a URL, also one that was escaped again, or twice; of JSON or a program; of a mail
# (`=3D`, RFC 2045 section 6.7).
_TOKEN: Final = re.compile(
    r"""
    (?:(?<![A-Za-z0-9_\-.~]) | (?<=%[0-9A-Fa-f]{2}) | (?<=%25[0-9A-Fa-f]{2}) | (?<=%2525[0-9A-Fa-f]{2})
    | (?<=\\[nrtbf]) | (?<=\\u[0-9A-Fa-f]{4}) | (?<=\\x[0-9A-Fa-f]{2}) | (?<==3D))
    (?:
      (?P<paseto> v[1-4]\.(?:local|public)\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)?)
    | (?P<opaque> [A-Za-z0-9_-]{22}\.(?:[0-9]{1,9}\.)?[A-Za-z0-9_-]{43}(?![A-Za-z0-9_~-]|\.[A-Za-z0-9_-]))
    | (?P<base64> ZXlK[A-Za-z0-9+/]+={0,2})
    | (?P<jose> e[wy])
    )
    """,
    re.VERBOSE,
)
# It goes on until something that ends words everywhere; what is wrong within is for the reader to say. A slash ends it
# if it is a step of a path, and an escape of a URL if it is of nothing that tokens are made of.
_PIECE: Final = re.compile(
    r"""[^\s"'`\u2018-\u201f\u00ab\u00bb<>,;&()\[\]{}|\\:?#^@%/]+|/|%(?:(?:25)*(?:2[BDEF]|3D|5F|7E)|(?![0-9A-F]{2}))""",
    re.IGNORECASE,
)
# What is written around text and is none: the colours of a terminal (ECMA-48 section 5.4), also where they are escaped;
# the marks before each line of a mail that is quoted; what ends a line that a shell goes on with. It becomes blank, so
# that places stay.
_AROUND: Final = re.compile(
    r"(?:\x1b|\\(?:0?33|e|x1[bB]|u001[bB]))\[[0-?]*[ -/]*[@-~]|(?<![^\n])[ \t]*>[> \t]*|\\(?=\r?\n)"
)
_ZERO_WIDTH: Final = re.compile("[\u200b-\u200f\u2060\ufeff\u00ad]")
# What tokens are made of, as it is written in a URL; also where it was written so twice.
_PERCENT: Final = re.compile(r"%(?:25)*(2[BDEF]|3D|5F|7E)", re.IGNORECASE)
_OTHER_PERCENT: Final = re.compile(r"%(?!(?:25)*(?:2[BDEF]|3D|5F|7E))[0-9A-F]{2}", re.IGNORECASE)
# In ASCII, also where upper and lower case are one: a page reads the same, and its patterns know no other letters.
_SCHEME: Final = re.compile(r"\b(?:Bearer|DPoP|JWT|Token)[ \t]{1,8}[\"']?\Z", re.IGNORECASE | re.ASCII)
_FIELD: Final = re.compile(r"[A-Za-z-]{1,64}:[ \t]*")
_START: Final = re.compile(r"(?:Bearer|DPoP|JWT|Token)\s+", re.IGNORECASE | re.ASCII)
_PARAMETER: Final = re.compile(r"[?&#][\w.~-]{1,64}=\Z", re.ASCII)
# What begins the query of an address, and its fragment; and what stands around addresses.
_MARKS: Final = "?# \t\r\n\"'<>"
_CUT: Final = "\u2026!*"
_QUOTES: Final = "\"'`\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb"
_NOT_BASE64URL: Final = re.compile(r"[^A-Za-z0-9_-]")
_NOT_COMPACT: Final = re.compile(r"[^A-Za-z0-9_.-]")
# Of these a token can go on over the end of a line; whatever else is in the text, it is not one broken token.
_JOINED: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=.~ \t\r\n\xa0"
#: Lengths of whole signatures: of 32, 48, 64, 96, 132, 256, 384 and 512 octets.
_WHOLE: Final = frozenset({43, 64, 86, 128, 176, 342, 512, 683})
#: Dots of a signed token, and of an encrypted one.
_COMPACT: Final = frozenset({2, 4})
#: Characters of a text that begins like a token and is taken for one. 8: our choice, more than any word that does.
_SHORTEST: Final = 8
_OBJECT: Final = re.compile(rb'\{\s*"')
# In one word there is none of these.
_NO_WORD: Final = re.compile(r"[\s\"'`<>{}\[\]()|\\,;]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A text that is read as a token.

    Attributes:
        start: Where it begins in the whole text.
        end: The first place after it.
        text: The same without its noise.
        noise: What was cut off.
        address: The hint on the place where it is a parameter of a URL, `in_url` or `in_fragment`; empty if it is none.
    """

    start: int
    end: int
    text: str
    noise: tuple[Noise, ...]
    address: str


def find(text: str) -> Iterator[Found]:  # noqa: C901  one form of token after the other
    """The tokens in *text*; if there is none and it is one word, that word."""
    edges = len(text) - len(text.lstrip()), len(text.rstrip())
    text = _AROUND.sub(lambda match: " " * len(match[0]), text)
    at, none, tail = 0, True, True
    seen, mark = 0, ""
    while (match := _TOKEN.search(text, at)) is not None:
        start, at = match.span()
        step = text.startswith("/", start - 1) if start else False
        if match["jose"] is not None:
            at = _end_of_word(text, at, step=step)
        if at - start < _SHORTEST:
            continue
        found = _clean(text, start, at, edges)
        if match["base64"] is not None:
            if (token := _in_base64(match["base64"])) is None:
                continue
            noise = Noise(code="base64", at=start, sentence=texts.NOISE["base64"])
            found = replace(found, text=token, noise=(*found.noise, noise))
        if match["jose"] is not None:
            if not _begins_a_token(found.text):
                continue
            if tail:  # looked at once: it is as long as the rest of the text
                tail = False
                if (end := _broken_until(text, start, step=step)) is not None:
                    found = _clean(text, start, end, edges)
            at = found.end
        none = False
        between = text[seen:start]
        last = max(map(between.rfind, _MARKS))
        mark = between[last] if last >= 0 else mark
        seen = start
        if _PARAMETER.search(between[-80:]):
            found = replace(found, address="in_fragment" if mark == "#" else "in_url")
        yield found
    if none and (word := _only_word(text)) is not None:
        yield _clean(text, *word, edges)


def _end_of_word(text: str, at: int, *, step: bool) -> int:
    """Where the word ends that goes on from *at*, of which *step* says whether it is one of a path."""
    while (piece := _PIECE.match(text, at)) and not (step and piece[0] == "/"):
        at = piece.end()
    return at


def _begins_a_token(text: str) -> bool:
    if text.startswith("eyJ"):
        return True
    head = _NOT_BASE64URL.split(text, maxsplit=1)[0]
    try:
        said = binascii.a2b_base64(head.replace("-", "+").replace("_", "/") + "=" * (-len(head) % 4))
    except binascii.Error:
        return False
    return _OBJECT.match(said) is not None and said.rstrip().endswith(b"}")


def _in_base64(text: str) -> str | None:
    """The token that *text* is in base64, which begins as `eyJ` does; None if it is none."""
    whole = text.rstrip("=")
    try:
        said = binascii.a2b_base64(whole + "=" * (-len(whole) % 4)).decode("ascii").strip(" \t\n\r\f\v")
    except ValueError:
        return None
    return said if said.count(".") in _COMPACT and not _NOT_COMPACT.search(said) else None


def _broken_until(text: str, start: int, *, step: bool) -> int | None:
    """Where a token ends that begins at *start* and goes on after white space; None if it does not."""
    rest = text[start:].rstrip(f" \t\r\n\xa0{_QUOTES},;")
    if rest.strip(_JOINED) or (step and "/" in rest):
        return None
    first, *more = pieces = rest.split()
    if not more or _is_whole(first) or any(piece.count(".") in _COMPACT for piece in more):  # a token a line
        return None
    # Words may follow on the line, unless all together are a whole token.
    lines = (line.split() for line in rest.splitlines())
    return start + len(rest) if all(len(line) < 2 for line in lines) or _is_whole("".join(pieces)) else None  # noqa: PLR2004


def _is_whole(text: str) -> bool:
    return text.count(".") in _COMPACT and len(text.rpartition(".")[2]) in _WHOLE


def _only_word(text: str) -> tuple[int, int] | None:
    """Where the one word of *text* begins and ends."""
    end = len(text.rstrip(f" \t\r\n\xa0{_QUOTES},;"))
    start = len(text) - len(text.lstrip(f" \t\r\n\xa0{_QUOTES}"))
    for prefix in (_FIELD, _START):
        if match := prefix.match(text, start, end):
            start = match.end()
    if other := _OTHER_PERCENT.search(text, start, end):
        end = other.start()
    return (start, end) if start < end and not _NO_WORD.search(text, start, end) else None


def _clean(text: str, start: int, end: int, edges: tuple[int, int]) -> Found:  # noqa: C901  one kind of noise after the other
    """What stands from *start* to *end*, without what is not part of it; between *edges* the text is not white."""
    noise: list[Noise] = []

    def note(code: str, at: int, count: int = 0) -> None:
        noise.append(Noise(code=code, at=at, sentence=fill(texts.NOISE[code], count=count)))

    begins = max(0, start - 80)
    before = text[begins:start]
    word = text[start:end]
    bare = _without_end(word)
    end = start + len(bare)
    after = text[end : end + 1]
    if scheme := _SCHEME.search(before):
        note("bearer", begins + scheme.start())
    if before.endswith(tuple(_QUOTES)):
        note("quotes", start - 1)
    elif after and after in _QUOTES:
        note("quotes", end)
    if bare != word or after == ",":
        note("trailing", end)
    if 0 < start == edges[0]:
        note("spaces", 0)
    elif len(text) > end == edges[1]:
        note("spaces", end)
    pieces = bare.split()
    if len(pieces) > 1:
        note("line_breaks", start + len(pieces[0]), len(pieces))
        bare = "".join(pieces)
    bare, count = _ZERO_WIDTH.subn("", bare)
    if count:
        note("zero_width", start, count)
    bare, count = _PERCENT.subn(lambda match: chr(int(match[1], 16)), bare)
    if count:
        note("percent", start, count)
    return Found(start=start, end=end, text=bare, noise=tuple(noise), address="")


def _without_end(word: str) -> str:
    """*word* without the marks of the sentence around it."""
    bare = word.rstrip(_CUT)
    if bare.endswith("..."):
        bare = bare.rstrip(".")
    # Two parts may be empty, and a token then ends with a dot.
    while bare.endswith(".") and bare.count(".") not in _COMPACT:
        bare = bare[:-1]
    return bare.rstrip() or word
