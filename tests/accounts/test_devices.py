"""The device cookie: whom it makes known, and for whom it proves nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepass.accounts.devices import MOST, known, remembered

KEY, OLD, OTHER = (bytes([number]) * 32 for number in (1, 2, 3))


def test_a_browser_is_known_to_whoever_logged_in_on_it() -> None:
    first = remembered(KEY, None, "ada")
    both = remembered(KEY, first, "grace")

    assert known([KEY], first, "ada") == known([KEY], both, "ada") == known([KEY], both, "grace") is not None
    assert known([KEY], first, "grace") is None


def test_two_browsers_are_two_devices() -> None:
    assert known([KEY], remembered(KEY, None, "ada"), "ada") != known([KEY], remembered(KEY, None, "ada"), "ada")


def test_a_browser_is_known_to_the_last_few_only() -> None:
    value = None
    for number in range(MOST + 1):
        value = remembered(KEY, value, f"user {number}")
    assert [known([KEY], value, f"user {number}") is not None for number in range(MOST + 1)] == [False, *[True] * MOST]


def test_who_logs_in_again_takes_no_second_place() -> None:
    value = remembered(KEY, None, "ada")
    for _ in range(2 * MOST):
        value = remembered(KEY, remembered(KEY, value, "grace"), "grace")
    assert known([KEY], value, "ada") is not None


def test_a_key_of_before_a_rotation_still_knows() -> None:
    value = remembered(OLD, None, "ada")
    assert known([KEY, OLD], value, "ada") is not None
    assert known([KEY, OTHER], value, "ada") is None


@pytest.mark.parametrize(("one", "other"), [("ada", "adb"), ("a", "ad"), ("1:a", "a"), ("ada", "Ada"), ("", "a")])
def test_a_proof_of_one_subject_is_none_of_another(one: str, other: str) -> None:
    assert known([KEY], remembered(KEY, None, one), other) is None


def test_no_byte_of_it_can_be_changed() -> None:
    value = remembered(KEY, None, "ada")
    assert known([KEY], value, "ada") is not None
    for place, letter in enumerate(value):
        if letter != ".":
            # The last letter of a proof has bits that stand for nothing, and is compared all the same.
            changed = value[:place] + ("B" if letter == "A" else "A") + value[place + 1 :]
            assert known([KEY], changed, "ada") is None


def test_a_device_of_ones_own_making_is_known_to_nobody() -> None:
    """The id alone says nothing: it is no secret, and in nobody's hands to choose."""
    device, proof = remembered(KEY, None, "ada").split(".")
    assert known([KEY], f"{device}.", "ada") is None
    assert known([KEY], f"{'A' * len(device)}.{proof}", "ada") is None


@pytest.mark.parametrize(
    "planted", ["; Path=/; x=aaaaaaaaaaa", "\r\nSet-Cookie: a=bbbbbb", '"' * 22, "é" * 22, "a" * 22 + "\n"]
)
def test_nothing_that_a_stranger_wrote_gets_into_the_next_cookie(planted: str) -> None:
    """Also where it has the right length."""
    device, proof = remembered(KEY, None, "ada").split(".")
    for value in (f"{planted}.{proof}", f"{device}.{planted}", f"{device}.{proof}.{planted}", f"{device}.{proof}\n"):
        written = remembered(KEY, value, "ada")
        assert planted not in written
        assert written.replace(".", "").replace("-", "").replace("_", "").isalnum()
        assert not written.startswith(device)


@given(st.text())
def test_any_cookie_is_known_or_not(value: str) -> None:
    assert known([KEY], value, "ada") is None
    assert known([KEY], remembered(KEY, value, "ada"), "ada") is not None


@given(st.text(), st.text())
def test_any_subject_is_remembered(subject: str, other: str) -> None:
    value = remembered(KEY, None, subject)
    assert (known([KEY], value, other) is not None) is (subject == other)
