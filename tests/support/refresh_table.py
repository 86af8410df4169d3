"""What a refresh comes to, as rows: the tests run them, and `docs/core.md` shows the picture drawn from them."""

from dataclasses import dataclass

from gatepass.core.rotation import Verdict

#: Seconds; what the rows were written for.
GRACE = 10


@dataclass(frozen=True)
class Row:
    """One situation: a genuine token of one generation meets a live row of another."""

    name: str
    presented: int
    live: int
    #: Seconds since the live generation was made.
    age: int
    verdict: Verdict


ROWS = [
    Row("the head", 4, 4, 3_600, Verdict.EXCHANGE),
    Row("the head, at once", 4, 4, 0, Verdict.EXCHANGE),
    Row("a head that the store forgot", 6, 4, 3_600, Verdict.EXCHANGE),
    Row("its parent, within grace", 3, 4, 9, Verdict.SAME_SUCCESSOR),
    Row("its parent, by a clock that is a little behind", 3, 4, -9, Verdict.SAME_SUCCESSOR),
    Row("its parent, later", 3, 4, 10, Verdict.REPLAY),
    Row("its parent, by a clock that is wrong", 3, 4, -10, Verdict.REPLAY),
    Row("a grandparent, at once", 2, 4, 0, Verdict.REPLAY),
    Row("a grandparent, later", 2, 4, 3_600, Verdict.REPLAY),
]

_OUTCOMES = {
    Verdict.EXCHANGE: "generation {next} is the one new head, and its token the answer",
    Verdict.SAME_SUCCESSOR: "the token of generation {live} again; nothing is written",
    Verdict.REPLAY: "the session ends, the log says so, an event names both clients",
}


def picture() -> str:
    """The rows, drawn for people."""
    lines = [f"presented  row is at   age     which is                                        (grace: {GRACE} s)"]
    verdict = None
    for row in ROWS:
        if row.verdict is not verdict:
            verdict = row.verdict
            lines += ["", f"  {verdict.value}"]
        outcome = _OUTCOMES[row.verdict].format(next=row.presented + 1, live=row.live)
        lines.append(f"  gen {row.presented} ────▶  gen {row.live}  {row.age:>6} s  {row.name:<47} ─▶ {outcome}")
    return "\n".join(line.rstrip() for line in lines)
