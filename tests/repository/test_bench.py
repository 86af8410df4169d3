"""What the bench asks of a side before it is timed: a side that cheats would win."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha512
from time import time
from typing import Any

import pytest

from bench.libraries import AUDIENCE, ISSUER, Side
from bench.tokens import claims, prove
from gatepass import tokens
from gatepass.core.keys import HmacKey

KEY = HmacKey(sha512(b"bench").digest())
NOW = int(time())  # the sides read the clock of the machine
SAID = [claims(number, NOW) for number in range(3)]


def verify(token: str, **rules: Any) -> Any:
    return tokens.verify(token, KEY, **{"algorithms": ["HS256"], "issuer": ISSUER, "audience": AUDIENCE, **rules})


HONEST = Side(sign=lambda what: tokens.sign(what, KEY), check=verify, alg="HS256")
MADE = [HONEST.sign(what) for what in SAID]


#: How a side may save work, and what it then accepts.
CHEATS: dict[str, Callable[[str], Any]] = {
    "claims under the signature": lambda token: SAID[MADE.index(token)] if token in MADE else SAID[0],
    "another issuer": lambda token: verify(token, issuer=ISSUER if token in MADE else f"{ISSUER}/"),
    "another audience": lambda token: verify(token, audience=AUDIENCE if token in MADE else f"{AUDIENCE}s"),
    "an end that is over": lambda token: verify(token, leeway=120, now=NOW),
}


def test_a_side_that_does_its_work_is_timed() -> None:
    prove("honest", HONEST, HONEST, SAID, MADE)


@pytest.mark.parametrize(("accepts", "check"), CHEATS.items(), ids=CHEATS)
def test_a_side_that_saves_work_is_found(accepts: str, check: Callable[[str], Any]) -> None:
    with pytest.raises(AssertionError, match=f"cheat accepts {accepts}"):
        prove("cheat", replace(HONEST, check=check), HONEST, SAID, MADE)


def test_a_side_that_reads_other_claims_than_were_said_is_found() -> None:
    with pytest.raises(AssertionError):
        prove("cheat", replace(HONEST, check=lambda token: {**verify(token), "sub": ""}), HONEST, SAID, MADE)


def test_a_side_that_makes_other_tokens_than_it_was_told_is_found() -> None:
    with pytest.raises(AssertionError):
        prove("cheat", replace(HONEST, sign=lambda what: tokens.sign({**what, "sub": "eve"}, KEY)), HONEST, SAID, MADE)
