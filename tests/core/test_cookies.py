"""Which cookies are ours, byte for byte, and how ours are set."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.asgi import SetCookie, work

from gatepass import ConfigurationError
from gatepass.core.cookies import MOST, PURPOSES, Cookies, Purpose, one
from gatepass.errors import CredentialsAmbiguous

PUBLIC = Cookies("gatepass", None, "/auth")
LOOPBACK = Cookies("gatepass", 8000, "/auth")
NAME = b"__Host-gatepass-session"


def test_the_names_say_what_browsers_then_demand() -> None:
    assert [PUBLIC.name(purpose) for purpose in PURPOSES] == [
        "__Host-gatepass-session",
        "__Host-gatepass-access",
        "__Secure-gatepass-refresh",
    ]
    assert [LOOPBACK.name(purpose) for purpose in PURPOSES] == [
        "gatepass-dev-8000-session",
        "gatepass-dev-8000-access",
        "gatepass-dev-8000-refresh",
    ]


@pytest.mark.parametrize("cookies", [PUBLIC, LOOPBACK], ids=["https", "loopback"])
@pytest.mark.parametrize("purpose", PURPOSES)
def test_each_is_cleared_with_the_attributes_that_set_it(cookies: Cookies, purpose: Purpose) -> None:
    lasting = SetCookie.read(cookies.set(purpose, "a.b-c_d", max_age=60))
    passing = SetCookie.read(cookies.set(purpose, "a.b-c_d", max_age=None))
    cleared = SetCookie.read(cookies.clear(purpose))

    assert (lasting.name, lasting.value, lasting.max_age) == (cookies.name(purpose), "a.b-c_d", 60)
    assert (cleared.name, cleared.value, cleared.max_age) == (cookies.name(purpose), "", 0)
    assert passing.attributes == lasting.attributes[1:] == cleared.attributes[1:]
    expected = {"Path": "/", "HttpOnly": "", "SameSite": "Lax"}
    if purpose == "refresh":
        expected |= {"Path": "/auth", "SameSite": "Strict"}
    if cookies is PUBLIC:
        expected["Secure"] = ""
    assert sorted(passing.attributes) == sorted(expected.items()), "one is missing, twice there, or not known"


@pytest.mark.parametrize("purpose", PURPOSES)
def test_what_a_browser_would_drop_for_its_size_is_refused_when_it_is_issued(purpose: Purpose) -> None:
    """Name and value have 4,096 octets at most: RFC 6265bis section 5.7."""
    room = MOST - len(PUBLIC.name(purpose))

    assert "x" * room in PUBLIC.set(purpose, "x" * room, max_age=1)
    with pytest.raises(ConfigurationError, match="4097 octets"):
        PUBLIC.set(purpose, "x" * (room + 1), max_age=1)


@pytest.mark.parametrize(
    "headers",
    [
        [b"__Host-gatepass-session=right"],
        [b"a=1; __Host-gatepass-session=right; b=2"],
        [b"a=1;__Host-gatepass-session=right;b"],
        [b" \t__Host-gatepass-session=right \t"],
        [b"a=1", b"__Host-gatepass-session=right"],
        [b"a=1; a=2", b"b", b"=", b";;;", b"__Host-gatepass-session=right", b""],
        [b"$Version=1; $Path=/; __Host-gatepass-session=right"],
        [b'a="; __Host-gatepass-session=right; b="'],
        [b"\xe2\x80\x80__Host-gatepass-session=evil; __Host-gatepass-session=right"],
        [b"\xc2\x85__Host-gatepass-session=evil; __Host-gatepass-session=right"],
        [b"\xa0__Host-gatepass-session=evil; __Host-gatepass-session=right"],
        [b"\x0b__Host-gatepass-session=evil; __Host-gatepass-session=right"],
        [b"\0__Host-gatepass-session=evil; __Host-gatepass-session=right"],
        [b"__Host-gatepass-session =evil; __Host-gatepass-session=right"],
        [b"__HOST-gatepass-session=evil; __Host-gatepass-session=right"],
        [b"__Host%2Dgatepass-session=evil; __Host-gatepass-session=right"],
        [b'"__Host-gatepass-session"=evil; __Host-gatepass-session=right'],
        [b"=__Host-gatepass-session=evil; __Host-gatepass-session=right"],
        [b"__Host-gatepass-session; __Host-gatepass-session=right"],
        [b"a=1, __Host-gatepass-session=evil; __Host-gatepass-session=right"],
        [b"gatepass-dev-8000-session=evil; __Host-gatepass-session=right"],
    ],
)
def test_only_the_very_name_is_ours(headers: list[bytes]) -> None:
    """What a lenient parser would trim or decode is how a cookie that a browser kept out comes in again."""
    assert PUBLIC.read(headers) == {"session": "right"}


@pytest.mark.parametrize("value", ["", '"right"', "a=b", "a b", "\x80\xff", "right%20", "\0"])
def test_a_value_is_what_was_sent(value: str) -> None:
    assert PUBLIC.read([NAME + b"=" + value.encode("latin-1") + b"; a=1"]) == {"session": value}


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("apart", [False, True], ids=["one header", "two headers"])
@pytest.mark.parametrize("values", [("evil", "right"), ("right", "evil"), ("right", "right"), ("", "right")])
def test_one_of_ours_twice_is_refused(purpose: Purpose, values: tuple[str, str], apart: bool) -> None:
    """Never "the first wins" nor "the last": one of them was planted, and nobody knows which."""
    pairs = [f"{PUBLIC.name(purpose)}={value}".encode() for value in values]
    with pytest.raises(CredentialsAmbiguous):
        PUBLIC.read(pairs if apart else [b"; a=1; ".join(pairs)])

    assert PUBLIC.read(pairs[1:]) == {purpose: values[1]}


def test_a_check_goes_by_one_of_them() -> None:
    assert one({}) is one({"refresh": "r"}) is None
    assert one({"session": "s", "refresh": "r"}) == ("session", "s")
    assert one({"access": "a", "refresh": "r"}) == ("access", "a")
    with pytest.raises(CredentialsAmbiguous):
        one({"session": "s", "access": "a"})


@given(st.lists(st.binary(max_size=80), max_size=6))
def test_any_bytes_are_read_and_any_of_ours_is_found_among_them(noise: list[bytes]) -> None:
    assert PUBLIC.read(noise) == {}
    for at in range(len(noise) + 1):
        assert PUBLIC.read([*noise[:at], b"x; " + NAME + b"=right", *noise[at:]]) == {"session": "right"}


GROWING: dict[str, Callable[[int], list[bytes]]] = {
    "quotes": lambda n: [b'a="' + b'\\"' * n],
    "quotes of ours": lambda n: [NAME + b'="' + b'\\"' * n],
    "pairs": lambda n: [b"; ".join(b"a%d=1" % at for at in range(n))],
    "semicolons": lambda n: [b";" * n],
    "equal signs": lambda n: [b"=" * n],
    "spaces": lambda n: [b" " * n + NAME],
    "names that begin like ours": lambda n: [b"; ".join([NAME[:-1] + b"=1"] * n)],
    "octal escapes": lambda n: [b"; ".join([b'a="\\012"'] * n)],
    "versions": lambda n: [b"$Version=1; " * n],
    "headers": lambda n: [b"a=1"] * n,
    "nothing": lambda n: [b"\0" * n],
}


@pytest.mark.parametrize("grow", GROWING.values(), ids=GROWING)
def test_reading_is_linear(grow: Callable[[int], Any]) -> None:
    """Counted in byte codes: `http.cookies` was quadratic in what a stranger sends. CVE-2024-7592."""
    steps = [work(partial(PUBLIC.read, grow(n))) for n in (0, 1_000, 2_000, 4_000)]

    base, once, twice, fourfold = steps
    assert twice - base <= 2 * (once - base) + 200
    assert fourfold - base <= 4 * (once - base) + 200
    assert fourfold <= 40 * 4_000 + base
