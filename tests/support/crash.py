"""Processes that kill themselves in the middle: run as a program, it reports what was found afterwards as JSON.

For each verb, the questions it asks are recorded once. Then, round after round, a forked process runs the verb and is
killed with SIGKILL right before or right after one of these questions is answered, and what is left on disk is
checked as the next process finds it.
"""

import argparse
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gatepass import Credentials, Gate, GatepassError, Session
from gatepass.core.flow import Cursor, Find, Question, Tail
from gatepass.core.opaque import RefreshToken, parse
from gatepass.keys import KeyFile
from gatepass.stores.sqlite import SqliteStore
from support.clock import Clock
from support.faults import Asked

Verb = Callable[[Gate, Credentials, str], object]

VERBS: dict[str, Verb] = {
    "login": lambda gate, held, subject: gate.login(subject, replaces=held.refresh_token),
    "refresh": lambda gate, held, _: gate.refresh(held.refresh_token),
    "end": lambda gate, held, _: gate.revoke(session=held.session_id),
}


class Killing(Asked):
    """Kills its own process at one question, before or after the real store has answered it."""

    def __init__(self, store: SqliteStore, at: int, when: str) -> None:
        super().__init__(store)
        self._at = at
        self._when = when

    def _answer(self, question: Question[Any], carry: Callable[[Question[Any]], Any]) -> Any:
        here = len(self.asked) == self._at
        if here and self._when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = super()._answer(question, carry)
        if here and self._when == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return answer


class Stepwise(KeyFile):
    """Says what it is about to do with its file."""

    hear: Callable[[str], object] = id

    def _at_step(self, step: str) -> None:
        self.hear(step)


class Rounds:
    """Kill, look, go on."""

    def __init__(self, folder: Path, planted: bool) -> None:
        self.folder = folder
        self.planted = planted
        self.clock = Clock()
        self.hits: Counter[str] = Counter()
        self.violations: list[str] = []
        self.credentials: set[str] = set()
        self.number = 0
        self.cursor: Cursor | None = None

    def gate(self, wrap: Callable[[SqliteStore], Any] = lambda store: store) -> Gate:
        store = wrap(SqliteStore(self.folder / "gatepass.db"))
        return Gate(
            store,
            mode="hybrid",
            keys=KeyFile(self.folder / "keys.json", algorithm="HS256", clock=self.clock),
            clock=self.clock,
        )

    @property
    def subject(self) -> str:
        return f"ada {self.number}"

    def held(self) -> Credentials:
        gate = self.gate()
        self.number += 1
        credentials = self.kept(gate.login(self.subject))
        gate.close()
        return credentials

    def kept(self, credentials: Credentials) -> Credentials:
        self.credentials |= {credentials.access_token, credentials.refresh_token or ""}
        return credentials

    def points(self, verb: str) -> list[tuple[str, int, str]]:
        """Every place where *verb* can be interrupted: name, index of the question, before or after."""
        asked = Asked(SqliteStore(self.folder / "gatepass.db"))
        gate = Gate(
            asked,
            mode="hybrid",
            keys=KeyFile(self.folder / "keys.json", algorithm="HS256", clock=self.clock),
            clock=self.clock,
        )
        held = self.held()
        VERBS[verb](gate, held, self.subject)
        gate.close()
        return [
            (f"{verb}: {when} {index} {type(question).__name__}", index, when)
            for index, question in enumerate(asked.asked)
            for when in ("before", "after")
        ]

    def kill(self, name: str, work: Callable[[], object]) -> None:
        """Run *work* in a fork that must not live to its end."""
        child = os.fork()
        if child == 0:
            try:
                work()
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            self.hits[name] += 1
        else:
            self.violations.append(f"{name}: the process lived on")

    def verb_round(self, verb: str, point: tuple[str, int, str]) -> None:
        name, index, when = point
        held = self.held()
        self.kill(name, lambda: VERBS[verb](self.gate(lambda store: Killing(store, index, when)), held, self.subject))
        self.check(name, verb, held)

    def check(self, name: str, verb: str, held: Credentials) -> None:
        """What must hold after a restart, however far the verb had come."""
        gate = self.gate()
        store = SqliteStore(self.folder / "gatepass.db")
        row = store.answer(Find(held.session_id))
        news = store.answer(Tail(self.cursor, 1_000_000))
        self.cursor = news.cursor
        logged = {entry.key for entry in news.entries if entry.kind == "sid"}
        if self.planted:
            logged.discard(held.session_id)

        def wrong(sentence: str) -> None:
            self.violations.append(f"{name}: {sentence}")

        for session in (row, *gate.sessions(self.subject)):
            if (session.ended_at is not None) != (session.id in logged):
                wrong("a row and the log disagree about an end")
        alive = row.ended_at is None
        if alive != self.accepted(gate, held.access_token):
            wrong("the row and the check disagree")
        if verb == "refresh":
            self.check_refresh(gate, row, held, wrong)
        elif alive:  # an end that was not acknowledged can be asked for again; a login too
            VERBS[verb](gate, held, self.subject)
            if self.accepted(gate, held.access_token):
                wrong("the retry ended nothing")
        store.close()
        gate.close()

    def check_refresh(self, gate: Gate, row: Session, held: Credentials, wrong: Callable[[str], None]) -> None:
        """Old or new, and the same successor for whoever tries again."""
        if row.generation not in {0, 1} or row.version != row.generation + 1:
            wrong(f"half a swap: generation {row.generation}, version {row.version}")
        self.clock.advance(gate.policy.grace - 1)
        first, second = (self.kept(gate.refresh(held.refresh_token)) for _ in range(2))
        if first.refresh_token != second.refresh_token:
            wrong("two successors")
        token = parse(first.refresh_token or "")
        if not isinstance(token, RefreshToken) or token.generation != 1:
            wrong("the retry was not given the successor")

    @staticmethod
    def accepted(gate: Gate, credential: str) -> bool:
        try:
            gate.authenticate(credential)
        except GatepassError:
            return False
        return True

    # -- rotation of the key file --------------------------------------------------------------------------------------

    def steps(self) -> list[str]:
        """The steps in which a key file is rotated, as it names them."""
        names: list[str] = []
        self.rotate(names.append)
        return names

    def rotate(self, hear: Callable[[str], object]) -> None:
        file = Stepwise(self.folder / "keys.json", algorithm="HS256", clock=self.clock)
        file.ring()
        file.hear = hear
        file.rotate(at_once=True)

    def rotate_round(self, step: str) -> None:
        name = f"rotate: {step}"
        held = self.held()
        before = self.gate().jwks()  # also opens it, as any node would

        def die(here: str) -> None:
            if here == step:
                os.kill(os.getpid(), signal.SIGKILL)

        self.kill(name, lambda: self.rotate(die))
        gate = self.gate()
        if not self.accepted(gate, held.access_token):
            self.violations.append(f"{name}: a token from before is refused")
        after = self.kept(gate.refresh(held.refresh_token))
        if not self.accepted(gate, after.access_token):
            self.violations.append(f"{name}: a renewed token is refused")
        assert before == {"keys": []}
        gate.close()


def main() -> int:
    """Run so many rounds over all points."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--planted", action="store_true")
    arguments = parser.parse_args()
    rounds = Rounds(arguments.folder, arguments.planted)
    points = {verb: rounds.points(verb) for verb in VERBS}
    steps = rounds.steps()
    for _ in range(arguments.rounds):
        for verb, at in points.items():
            for point in at:
                rounds.verb_round(verb, point)
        for step in steps:
            rounds.rotate_round(step)
    named = [name for at in points.values() for name, _, _ in at] + [f"rotate: {step}" for step in steps]
    report = {
        "points": named,
        "hits": rounds.hits,
        "violations": rounds.violations[:20],
        "credentials": sorted(rounds.credentials),
    }
    json.dump(report, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
