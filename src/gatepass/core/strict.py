"""The two forms of text under every token, base64url and JSON, read so that one value has one spelling.

A second spelling of a token is a second name for it: it slips past whatever remembers the first one.
"""

import binascii
import json
import re
from typing import Any, Final, NoReturn

import msgspec

from gatepass.errors import MalformedCredential

#: Objects and arrays in one another. No claims set of ours is deeper than 3; 32 is our choice.
MAX_DEPTH: Final = 32
#: Digits of a number, with those of its fraction and exponent. 4,300: as many as Python itself reads of a whole one
#: unless told otherwise.
MAX_DIGITS: Final = 4_300

# -- base64url ---------------------------------------------------------------------------------------------------------

# `binascii` reads the other alphabet. What only that alphabet has becomes a character that neither has.
_TO_STANDARD: Final = bytes.maketrans(b"-_+/=", b"+/!!!")
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
# By length modulo 4. A length of 4n + 1 is the base64 of nothing, so what fills it up is a refusal.
_PADDING: Final = (b"", b"!", b"==", b"=")
# The last characters that have no unused bit set, by length modulo 4: RFC 4648 section 3.5.
_LAST: Final = (frozenset(range(256)), frozenset(range(256)), frozenset(b"AQgw"), frozenset(b"AEIMQUYcgkosw048"))


def b64encode(data: bytes) -> bytes:
    """The base64url of *data*, without padding."""
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=")


def b64decode(text: bytes) -> bytes:
    """The bytes of which *text* is the one canonical base64url.

    Raises:
        MalformedCredential: Padding, white space, the other alphabet, unused bits that are set.
    """
    rest = len(text) & 3
    try:
        data = binascii.a2b_base64(text.translate(_TO_STANDARD) + _PADDING[rest], strict_mode=True)
    except ValueError:
        raise MalformedCredential("base64url") from None
    if rest and text[-1] not in _LAST[rest]:
        raise MalformedCredential("base64url")
    return data


# -- JSON --------------------------------------------------------------------------------------------------------------

_decode: Final = msgspec.json.Decoder().decode
#: The JSON of a value, without a space. The encoder is kept: to make one costs a tenth of a claims set.
encode: Final = msgspec.json.Encoder().encode
# Also one that never ends, or each quote in it would be tried again as a beginning: quadratic, at a stranger's wish.
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_BRACKET: Final = re.compile(rb"[\[\]{}]")
_NO_DIGITS: Final = str.maketrans("", "", "+-.eE")


def read_object(data: bytes) -> dict[str, Any]:
    """The JSON object in *data*: UTF-8 without BOM, each name once at every level, numbers that are numbers.

    Raises:
        MalformedCredential: It is not one, or deeper or longer in its numbers than anybody needs.
    """
    value = read_json(data)
    if type(value) is not dict:
        raise MalformedCredential("json")
    return value


def read_json(data: bytes) -> Any:
    """As `read_object`, for any JSON value."""
    try:
        value = _decode(data)
        # A text that its own value is written as has each name once, and no space. Our own signer writes such a text,
        # and so do most; for the rest the slower reader below counts names.
        if encode(value) == data and _shallow(data):
            return value
    except (ValueError, OverflowError, RecursionError):
        pass  # the slower reader has the same reasons to refuse it, and more
    return _read_slowly(data)


def _shallow(data: bytes) -> bool:
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:  # what has few brackets is also shallow
        return True
    depth = deepest = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", data)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest <= MAX_DEPTH


def _read_slowly(data: bytes) -> Any:
    if not _shallow(data):  # before it is read: `json` would recurse
        raise MalformedCredential("json")
    try:
        value = json.loads(
            data.decode("utf-8"),  # given bytes, `json` would also take UTF-16 and a BOM
            object_pairs_hook=_unique,
            parse_constant=_refuse,
            parse_int=_integer,
            parse_float=_finite,
        )
        # A lone surrogate, written as an escape, is text that no UTF-8 can carry on.
        _ = json.dumps(value, ensure_ascii=False).encode("utf-8")
    except ValueError:
        pass
    else:
        return value
    raise MalformedCredential("json")  # out here: the other error holds the whole text, and would be its context


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _refuse(_constant: str) -> NoReturn:
    raise ValueError  # NaN, Infinity and -Infinity are Python's, not JSON's


def is_long(number: str) -> bool:
    """Whether *number*, as JSON spells it, has more than `MAX_DIGITS` digits."""
    return len(number.translate(_NO_DIGITS)) > MAX_DIGITS


def _integer(digits: str) -> int:
    if is_long(digits):
        raise ValueError
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if is_long(digits) or number in (float("inf"), float("-inf")):
        raise ValueError
    return number
