"""What a refresh comes to, as rows: the tests run them, and `docs/core.md` shows the picture drawn from them."""

from dataclasses import dataclass

from gatepass.core.rotation import Verdict


@dataclass(frozen=True)
class Row:
    """One situation, with a grace of 10 seconds."""

    name: str
    presented: int
    live: int
    age: int
    verdict: Verdict


ROWS = [
    Row("the head", 4, 4, 3_600, Verdict.EXCHANGE),
    Row("the head, at once", 4, 4, 0, Verdict.EXCHANGE),
    Row("a head that the store forgot", 6, 4, 3_600, Verdict.EXCHANGE),
    Row("the parent, within grace", 3, 4, 9, Verdict.SAME_SUCCESSOR),
    Row("the parent, from a node whose clock is behind", 3, 4, -9, Verdict.SAME_SUCCESSOR),
    Row("the parent, later", 3, 4, 10, Verdict.REPLAY),
    Row("the parent, from a node whose clock is wrong", 3, 4, -10, Verdict.REPLAY),
    Row("a grandparent, at once", 2, 4, 0, Verdict.REPLAY),
    Row("a grandparent, later", 2, 4, 3_600, Verdict.REPLAY),
]
