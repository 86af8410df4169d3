"""One spelling for each address, and one address for each account."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepass.accounts.addresses import normalised
from gatepass.errors import FieldsInvalid


@pytest.mark.parametrize(
    "typed",
    [
        "ada@example.com",
        "Ada@Example.COM",
        "  ada@example.com\n",
        "ada\N{FULLWIDTH COMMERCIAL AT}example.com",
        "\N{FULLWIDTH LATIN SMALL LETTER A}da@example.com",
        "ada@\N{FULLWIDTH LATIN SMALL LETTER E}xample.com",
    ],
)
def test_all_spellings_of_an_address_are_one_account(typed: str) -> None:
    assert normalised(typed) == "ada@example.com"


@pytest.mark.parametrize(
    ("one", "other"), [("bücher.example", "xn--bcher-kva.example"), ("BÜCHER.example", "bücher.example")]
)
def test_both_spellings_of_a_domain_are_one(one: str, other: str) -> None:
    assert normalised(f"ada@{one}") == normalised(f"ada@{other}")


def test_two_boxes_of_one_domain_are_two_accounts() -> None:
    assert normalised("ada+shop@example.com") != normalised("ada@example.com") != normalised("a.da@example.com")


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@example.com,eve@evil.example",
        "ada@example.com;eve@evil.example",
        "ada@example.com eve@evil.example",
        "Ada <ada@example.com>",
        "ada@example.com.",
        "ada@example.com\0",
        "ada@exam\0ple.com",
        "ada@example.com\r\nBcc: eve@evil.example",
        "ada@[127.0.0.1]",
        '"ada lovelace"@example.com',
        "ada@localhost",
        "a" * 65 + "@example.com",
        "ada@" + "a." * 120 + "com.example",
        "a" * 65_536 + "@example.com",
        "ada@ex\N{ZERO WIDTH SPACE}ample.com",
        "\N{RIGHT-TO-LEFT OVERRIDE}ada@example.com",
        "\ud800@example.com",
    ],
)
def test_what_is_no_address_or_more_than_one_is_refused(typed: str) -> None:
    """And not repeated."""
    with pytest.raises(FieldsInvalid) as refusal:
        normalised(typed)
    assert list(refusal.value.problems) == ["email"]
    assert "eve" not in str(refusal.value.problems)


@given(st.one_of(st.text(), st.emails()))
def test_any_text_is_refused_or_stays_as_it_is_the_second_time(typed: str) -> None:
    try:
        once = normalised(typed)
    except FieldsInvalid:
        return
    assert normalised(once) == once
    assert once.count("@") == 1
    assert once.isprintable()
