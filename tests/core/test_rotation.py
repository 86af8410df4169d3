"""The table of `rotation.verdict`, and the secrets that generations have."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.refresh_table import GRACE, ROWS, Row, picture

from gatepass.core import rotation
from gatepass.core.rotation import Verdict, verdict


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_row_of_the_table(row: Row) -> None:
    assert verdict(presented=row.presented, live=row.live, age=row.age, grace=GRACE) is row.verdict


@given(presented=st.integers(0, 50), live=st.integers(0, 50), age=st.integers(-100, 100), grace=st.integers(0, 60))
def test_only_the_parent_is_ever_forgiven(presented: int, live: int, age: int, grace: int) -> None:
    decided = verdict(presented=presented, live=live, age=age, grace=grace)

    assert (decided is Verdict.EXCHANGE) == (presented >= live)
    if decided is Verdict.SAME_SUCCESSOR:
        assert presented == live - 1
        assert age < grace


def test_every_generation_has_a_secret_of_its_own() -> None:
    keys, seeds, ids = [b"k" * 32, b"l" * 32], [b"s" * 32, b"t" * 32], ["A" * 22, "B" * 21 + "A"]

    secrets = {
        rotation.secret(key, seed=seed, id=sid, generation=generation)
        for key, seed, sid, generation in itertools.product(keys, seeds, ids, range(100))
    }

    assert len(secrets) == 2 * 2 * 2 * 100


def test_the_derivation_never_changes() -> None:
    """Or every refresh token out there would be dead after an upgrade."""
    secret = rotation.secret(bytes(range(32)), seed=bytes(range(32, 64)), id="AAECAwQFBgcICQoLDA0ODw", generation=7)

    assert secret.hex() == "fbadbe5f707dbbba0fb5ad8b0036b9ea0372683ad6edf4443763d23a3d80cc4b"


def test_the_picture_in_the_documentation_is_drawn_from_this_table() -> None:
    text = (Path(__file__).parents[2] / "docs" / "core.md").read_text()

    assert f"```text\n{picture()}\n```" in text
