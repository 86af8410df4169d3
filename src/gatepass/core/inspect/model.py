"""What an inspection finds. Every text in it is printable, whatever the input was."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gatepass.core.inspect import texts

_FACT: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Something that was around or inside of a token and was cut off.

    Attributes:
        code: Stable name, a key of `texts.NOISE`.
        at: Where it begins in the text that was given, counted from 0.
        sentence: For people.
    """

    code: str
    at: int
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """What a strict reader refuses, to the character.

    Attributes:
        code: Stable name, a key of `texts.DEFECTS`.
        segment: `header`, `payload`, `signature`, or another part; empty where it is about the whole token.
        index: The place, from 0: in the segment, or, for `utf8` and `json`, in what it decodes to. None: the whole.
        expected: What should be there; empty where that cannot be said.
        sentence: For people; it counts from 1.
    """

    code: str
    segment: str
    index: int | None
    expected: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something remarkable about a token that can be read.

    Attributes:
        code: Stable name, a key of `texts.FINDINGS`.
        level: `stop`, `warn` or `info`.
        sentence: For people.
    """

    code: str
    level: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """What to do about a common mistake.

    Attributes:
        code: Stable name, a key of `texts.HINTS`.
        sentence: For people.
    """

    code: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member of a header or payload. A name that is there twice is two members.

    Attributes:
        name: The name, escaped as in JSON.
        value: The value as JSON.
        meaning: What the name stands for; empty where it is not known.
    """

    name: str
    value: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a token: what is in a segment.

    Attributes:
        name: `header`, `payload`, `signature`, `disclosure 1`, and so on.
        characters: How many it has in the token.
        octets: How many it decodes to; None where it cannot be decoded.
        members: What it says, if it is a JSON object, up to `find.MAX_MEMBERS`.
        text: What could be read of it otherwise, escaped as in JSON; empty if it is an object, or is not for reading.
    """

    name: str
    characters: int
    octets: int | None = None
    members: tuple[Member, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A time that a token names.

    Attributes:
        name: The claim.
        at: Seconds since the epoch, also where the token says milliseconds or a text.
        relative: How far away it is, such as `in 4 min 12 s` or `2 days ago`.
        read: Whether verifiers read the same time there, which they do of no milliseconds and of no text.
    """

    name: str
    at: float
    relative: str
    read: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large a token is.

    Attributes:
        total: Characters, which are octets.
        cookie: The share of a cookie of 4,096 octets, name and attributes counted, in percent.
        header_line: The share of a header line of 8,192 octets, its name counted, in percent.
    """

    total: int
    cookie: int
    header_line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token that was found.

    Attributes:
        kind: Stable name, a key of `texts.KINDS`.
        title: The same for people.
        start: Where it begins in the text that was given, counted from 0.
        end: The first place after it.
        text: The token without its noise, escaped as in JSON.
        verdict: One sentence on its time, which never says that it is genuine.
        state: `alive`, `expired`, `not_yet`, `endless`, `lenient` where `exp` is in milliseconds or a text, or None
            where no time can be read.
        size: How large it is.
        parts: What is in it.
        moments: The times that it names.
        noise: What was cut off.
        defects: What a strict reader refuses.
        findings: What is remarkable, `stop` first.
        hints: What helps with common mistakes.
        inner: Tokens inside of this one.
    """

    kind: str
    title: str
    start: int
    end: int
    text: str
    verdict: str
    state: str | None
    size: Size
    parts: tuple[Part, ...] = ()
    moments: tuple[Moment, ...] = ()
    noise: tuple[Noise, ...] = ()
    defects: tuple[Defect, ...] = ()
    findings: tuple[Finding, ...] = ()
    hints: tuple[Hint, ...] = ()
    inner: tuple["Token", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What is in a text. Nothing in it was verified.

    Attributes:
        tokens: In the order in which they stand there.
        hints: What is to be said of the text as a whole.
    """

    tokens: tuple[Token, ...]
    hints: tuple[Hint, ...]


#: The levels of a finding, what must stop first.
LEVELS: Final = ("stop", "warn", "info")


def by_level(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """*findings*, those first that must stop; of one level, in their order."""
    return tuple(sorted(findings, key=lambda finding: LEVELS.index(finding.level)))


def _hidden() -> re.Pattern[str]:
    ends = (tuple(chr(int(end, 16)) for end in pair.split("-")) for pair in texts.CHARACTERS["hidden"].split())
    return re.compile("[" + "".join(f"{re.escape(pair[0])}-{re.escape(pair[-1])}" for pair in ends) + "]")


#: What is not shown, or steers what is. A table of our own: what Python and browsers call printable is another set with
#: each version of Unicode.
HIDDEN: Final = _hidden()


def shown(text: str) -> str:
    """*text* as it stands between the quotes of a JSON string, with all escaped that is not printable."""
    return escaped(json.dumps(text, ensure_ascii=False)[1:-1])


def escaped(text: str) -> str:
    """*text*, which is JSON or plain, with a JSON escape for each character that is not printable."""
    return HIDDEN.sub(lambda match: json.dumps(match[0])[1:-1], text)


def brief(text: str, limit: int = 60) -> str:
    """*text* in a sentence: printable, at most *limit* characters, and without backticks, which set code apart."""
    return shown(text if len(text) <= limit else f"{text[:limit]}...").replace("`", r"\u0060")


def fill(sentence: str, **facts: object) -> str:
    """*sentence* with its facts. They are put in as they are, and not looked into."""
    return _FACT.sub(lambda match: str(facts[match[1]]), sentence)
