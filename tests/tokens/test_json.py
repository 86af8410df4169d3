"""The strict reader: quick where a text is plain, slow where it is not, and of one opinion."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gatepass.core import strict
from gatepass.errors import MalformedCredential

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def outcome(reader: Any, text: bytes) -> tuple[Any, ...]:
    try:
        value = reader(text)
    except MalformedCredential as error:
        return (error.reason,)
    return (value, repr(value))


@given(JSON, st.sampled_from([None, 0, 2]), st.booleans())
def test_any_json_is_read_as_it_was_written(value: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()

    assert value == strict.read_json(text)


@given(st.binary(max_size=60) | st.text(alphabet='{}[]":,\\ 0123456789.eE+-abu\n', max_size=60).map(str.encode))
@example(b'{"a":1,"a":1}')
@example(b'{"a" :1,"a":1}')
@example(b"-0")
@example(b"-0.0")
@example(b"1E5")
@example(b"18446744073709551616")
@example(b'"\\ud83d\\ude00"')
@example(b'"\\ud83d"')
@example(b"9" * 4_300)
@example(b"9" * 4_301)
@example(b"-" + b"9" * 4_300)
@example(b"-" + b"9" * 4_301)
@example(b"0." + b"1" * 4_299)
@example(b"0." + b"1" * 4_300)
@example(b"1e-" + b"0" * 4_298 + b"1")
@example(b"1e-" + b"0" * 4_299 + b"1")
@example(b"[0," * 32 + b"0" + b"]" * 32)
@example(b"[0," * 33 + b"0" + b"]" * 33)
@example(b"[" * 32 + b"]" * 32)
@example(b"[" * 33 + b"]" * 33)
@example(b'[{"a":' * 16 + b"1" + b"}]" * 16)
@example(b'[{"a":' * 17 + b"1" + b"}]" * 17)
@example(b"[" + b'"[[[[[[[[[[",' * 10 + b"1]")
@example(b"[" + b"[]," * 40 + b"1]")
@example(b'["' + b"[" * 40)
@example(b'["\\"' + b"[" * 40 + b'"]')
def test_the_quick_reader_is_of_the_same_opinion_as_the_slow_one(text: bytes) -> None:
    assert outcome(strict.read_json, text) == outcome(strict._read_slowly, text)


@pytest.mark.parametrize("opening", [b"[", b"[0,", b'[{},"a",'])
@pytest.mark.parametrize("depth", [32, 33, 900, 2_000])
def test_the_depth_has_a_limit(depth: int, opening: bytes) -> None:
    """Found before anything recurses; whatever stands beside what is deep."""
    text = opening * (depth - 1) + b"[]" + b"]" * (depth - 1)
    if depth <= strict.MAX_DEPTH:
        assert strict.read_json(text)
        return
    with pytest.raises(MalformedCredential):
        strict.read_json(text)


@pytest.mark.parametrize(
    "number",
    [
        lambda digits: "1" * digits,
        lambda digits: "-" + "1" * digits,
        lambda digits: "-0." + "1" * (digits - 1),
        lambda digits: "1e-" + "0" * (digits - 2) + "1",
        lambda digits: "-1." + "5" * (digits - 3) + "E+07",
    ],
)
def test_digits_are_counted_and_signs_are_not(number: Callable[[int], str]) -> None:
    """Those of a fraction and of an exponent, too; as many as Python reads of a whole number."""
    assert strict.read_json(number(strict.MAX_DIGITS).encode()) is not None
    with pytest.raises(MalformedCredential):
        strict.read_json(number(strict.MAX_DIGITS + 1).encode())


def test_a_quote_that_is_never_closed_is_looked_at_once() -> None:
    """Each of these quotes could begin a text; to try them all would be quadratic."""
    text = b"[" * 40 + b'"' + b'\\"' * 3_000

    assert not strict._STRING.sub(b"", text).count(b'"')


@given(st.binary())
def test_base64url_comes_back_and_has_one_spelling(data: bytes) -> None:
    text = strict.b64encode(data)

    assert data == strict.b64decode(text)
    assert not set(text) & set(b"+/=\n")


@pytest.mark.parametrize(
    "text",
    [
        b"A",
        b"AAAAA",
        b"AB",
        b"AAB",
        b"AA==",
        b"AAA=",
        b"AA=",
        b"=",
        b"A A",
        b"AA\n",
        b"A+AA",
        b"A/AA",
        b"AA\xff",
        b"!!!!",
        b"A.",
    ],
)
def test_every_other_spelling_of_base64url_is_refused(text: bytes) -> None:
    with pytest.raises(MalformedCredential) as caught:
        strict.b64decode(text)

    assert caught.value.reason == "base64url"


@pytest.mark.parametrize(("text", "data"), [(b"", b""), (b"AA", b"\0"), (b"-_8", b"\xfb\xff"), (b"AAAA", b"\0\0\0")])
def test_the_one_spelling_is_read(text: bytes, data: bytes) -> None:
    assert data == strict.b64decode(text)
