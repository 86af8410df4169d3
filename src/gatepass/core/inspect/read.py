"""Segments of a token, read as far as they go, with what a strict reader refuses in them.

The strict readers (`core.strict`) say yes or no. These say where.
"""

import binascii
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from gatepass.core.inspect import texts
from gatepass.core.inspect.model import Defect, Finding, Member, Part, brief, escaped, fill, shown
from gatepass.core.strict import MAX_DEPTH, is_long

#: Levels of JSON that are read at all. What is deeper than `MAX_DEPTH` is remarkable, what is deeper than this is left
#: unread: reading recurses. 100: our choice, three times as deep as any verifier of ours goes.
MOST_DEPTH: Final = 100
#: Members of one object that are shown. 1,000: our choice, ten times as many as anybody will read.
MAX_MEMBERS: Final = 1_000
#: Names of one part that are said to be there twice, and defects of one token. Our choice: enough to see what is wrong.
MAX_DUPLICATES: Final = 20
MAX_DEFECTS: Final = 100

_NOT_BASE64URL: Final = re.compile(r"[^A-Za-z0-9_-]")
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_OTHER: Final = {"+": "-", "/": "_"}
_TO_URL: Final = str.maketrans(_OTHER)
_TO_STANDARD: Final = str.maketrans("-_", "+/")
#: How many values the unread bits have: those of the last character, by the length of the text modulo 4.
_UNREAD: Final = {2: 16, 3: 4}
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_BRACKET: Final = re.compile(r"[\[\]{}]")
# What was read where nothing could be; None is null.
_NOTHING: Final = object()


class Reader:
    """Reads the parts of one token, and collects what is wrong with them and remarkable about them."""

    def __init__(self) -> None:
        self.defects: list[Defect] = []
        self.findings: list[Finding] = []
        self.parts: list[Part] = []
        self._said: set[str] = set()
        #: Whether there is more than is noted.
        self.left_out = False

    def defect(
        self, code: str, segment: str = "", index: int | None = None, expected: object = "", **facts: object
    ) -> None:
        """Note what is wrong, once; *expected* and *facts* are printable."""
        sentence = fill(
            texts.DEFECTS[code],
            segment=segment[:1].upper() + segment[1:],
            number=(index or 0) + 1,
            expected=expected,
            **facts,
        )
        if self._is_said(sentence):
            return
        if len(self.defects) >= MAX_DEFECTS:
            self.left_out = True
            return
        self.defects.append(Defect(code=code, segment=segment, index=index, expected=str(expected), sentence=sentence))

    def find(self, code: str, **facts: object) -> None:
        """Note what is remarkable, once; *facts* are printable."""
        level, sentence = texts.FINDINGS[code]
        sentence = fill(sentence, **facts)
        if not self._is_said(sentence):
            self.findings.append(Finding(code=code, level=level, sentence=sentence))

    def _is_said(self, sentence: str) -> bool:
        was = sentence in self._said
        self._said.add(sentence)
        return was

    def object(self, segment: str, text: str, meanings: Mapping[str, str]) -> dict[str, Any] | None:
        """The JSON object in a segment of base64url, as a part; None where there is none to be read."""
        data = self.octets(segment, text)
        return self.said(segment, text, data, "" if data is None else self.text(segment, data), meanings)

    def said(
        self, segment: str, text: str, data: bytes | None, said: str, meanings: Mapping[str, str]
    ) -> dict[str, Any] | None:
        """As `object`, of a segment that was decoded."""
        value, pairs = self._json(segment, said) if data else (_NOTHING, [])
        if not isinstance(value, dict):
            if value is not _NOTHING:
                self.defect("json_object", segment)
            self.part(segment, text, data, said=said)
            return None
        members = tuple(
            Member(name=shown(name), value=as_json(member), meaning=meanings.get(name, ""))
            for name, member in pairs[:MAX_MEMBERS]
        )
        self.left_out |= len(pairs) > MAX_MEMBERS
        self.part(segment, text, data, members=members)
        return value

    def part(
        self, segment: str, text: str, data: bytes | None, *, members: tuple[Member, ...] = (), said: str = ""
    ) -> None:
        """Note a part."""
        octets = None if data is None else len(data)
        self.parts.append(Part(name=segment, characters=len(text), octets=octets, members=members, text=shown(said)))

    def octets(self, segment: str, text: str) -> bytes | None:
        """What a segment of base64url decodes to, up to the first place from which on nothing can be decoded."""
        if not text:
            self.defect("empty", segment)
            return None
        length = len(text)
        good = text.rstrip("=")
        if good != text:
            self.defect("padding", segment, len(good), "the end", length=length)
        wrong = _NOT_BASE64URL.search(good)
        if wrong and wrong[0] in _OTHER:
            self.defect("alphabet", segment, wrong.start(), _OTHER[wrong[0]], length=length, found=wrong[0])
            good = good.translate(_TO_URL)
            wrong = _NOT_BASE64URL.search(good)
        if wrong:
            self.defect("character", segment, wrong.start(), length=length, found=brief(wrong[0]))
            good = good[: wrong.start()]
        rest = len(good) % 4
        if rest == 1:
            if not wrong:
                self.defect("length", segment, length=length)
            good = good[:-1]
        elif rest and not wrong:
            # The last character has bits that are not read. RFC 4648 section 3.5 wants zeros there.
            value, unread = _ALPHABET.index(good[-1]), _UNREAD[rest]
            if value % unread:
                only = _ALPHABET[value - value % unread]
                self.defect("unused_bits", segment, len(good) - 1, only, length=length, found=good[-1])
        return binascii.a2b_base64(good.translate(_TO_STANDARD) + "=" * (-len(good) % 4))

    def text(self, segment: str, data: bytes) -> str:
        """*data* as text; octets that are no UTF-8 become U+FFFD."""
        try:
            said = data.decode()
        except UnicodeDecodeError as error:
            self.defect("utf8", segment, error.start, length=len(data))
            said = data.decode(errors="replace")
        if said.startswith("\ufeff"):
            self.defect("bom", segment, 0)
            said = said[1:]
        return said

    def value(self, segment: str, said: str) -> Any:
        """The JSON value that *said* is; None where it is none, or null."""
        value, _ = self._json(segment, said)
        return None if value is _NOTHING else value

    def _json(self, segment: str, said: str) -> tuple[Any, list[tuple[str, Any]]]:
        """As `value`; of an object also its members, repeated ones, too."""
        depth, at = _depth(said)
        if depth > MOST_DEPTH:
            self.defect("json_depth", segment, at, MOST_DEPTH, length=len(said))
            return _NOTHING, []
        if depth > MAX_DEPTH:
            self.find("deep", segment=segment.capitalize(), depth=depth, expected=MAX_DEPTH)
        last: list[tuple[str, Any]] = []
        twice: set[str] = set()

        def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            nonlocal last
            last = pairs  # the outermost object ends last
            known = dict(pairs)
            if len(known) != len(pairs):
                twice.update(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
            return known

        def constant(found: str) -> str:
            self.defect("json_constant", segment, found=found)
            return found

        try:
            value = json.loads(
                said,
                object_pairs_hook=members,
                parse_constant=constant,
                parse_int=self._integer(segment),
                parse_float=self._fraction(segment),
            )
        except json.JSONDecodeError as error:
            index, expected = _missed(said, error)
            place = f"character {index + 1}" if index < len(said) else f"after character {index}"
            self.defect("json", segment, index, expected, length=len(said), place=place)
            return _NOTHING, []
        for name in sorted(twice)[:MAX_DUPLICATES]:
            self.find("duplicate", segment=segment.capitalize(), name=brief(name))
        self.left_out |= len(twice) > MAX_DUPLICATES
        return value, last

    def _integer(self, segment: str) -> Callable[[str], int | str]:
        def read(digits: str) -> int | str:
            if is_long(digits):
                self.defect("json_number", segment)
                return digits
            return int(digits)

        return read

    def _fraction(self, segment: str) -> Callable[[str], float | str]:
        def read(digits: str) -> float | str:
            number = float(digits)
            if is_long(digits) or math.isinf(number):
                self.defect("json_number", segment)
                return digits
            return number

        return read


#: What Python's reader misses, by its message.
_EXPECTED: Final = {
    "Expecting ',' delimiter": "a comma or the end of the object or list",
    "Expecting ':' delimiter": "a colon",
    "Expecting property name enclosed in double quotes": "a name in double quotes",
    "Unterminated string starting at": "a closing quote for the text that begins here",
    "Invalid control character at": "an escape instead of a character of control",
    "Invalid \\escape": "an escape that JSON has",
    "Invalid \\uXXXX escape": "four hexadecimal digits",
    "Extra data": "the end",
}
_SPACE: Final = " \t\n\r"


def _missed(said: str, error: json.JSONDecodeError) -> tuple[int, str]:
    """Where *said* stops being JSON, and what should be there. The same with every version of Python."""
    index = min(error.pos, len(said))
    # A comma before the end: Python has a message of its own for it, and its place, since 3.13.
    comma = index if said.startswith(",", index) else len(said[:index].rstrip(_SPACE)) - 1
    after = said[comma + 1 :].lstrip(_SPACE)[:1]
    if comma >= 0 and said[comma] == "," and error.msg in _LAST_COMMA.get(after, ()):
        return comma, f"no comma before the end of the {'object' if after == '}' else 'list'}"
    return index, _EXPECTED.get(error.msg, "a JSON value")


_LAST_COMMA: Final = {
    "}": ("Expecting property name enclosed in double quotes", "Illegal trailing comma before end of object"),
    "]": ("Expecting value", "Illegal trailing comma before end of array"),
}


def as_json(value: Any) -> str:
    """*value* as JSON on one line, printable."""
    return escaped(json.dumps(value, ensure_ascii=False))


def _depth(said: str) -> tuple[int, int]:
    """How deep *said* goes, and the first place that is deeper than we read."""
    if said.count("[") + said.count("{") <= MAX_DEPTH:
        return 0, 0
    # Texts are blanked, not cut out, so that places stay.
    blank = _STRING.sub(lambda match: " " * len(match[0]), said)
    depth = deepest = 0
    for bracket in _BRACKET.finditer(blank):
        depth += 1 if bracket[0] in "[{" else -1
        deepest = max(deepest, depth)
        if depth > MOST_DEPTH:
            return depth, bracket.start()
    return deepest, 0
