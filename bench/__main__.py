"""Measure a topic and print it as Markdown: ``python -m bench tokens``; with ``--smoke`` only show that it runs."""

import argparse
from collections.abc import Callable, Iterable, Mapping

from bench import checks, logins, tokens
from bench.harness import measure, report, smoke
from bench.requests import report as requests


def core(*, few: bool) -> Iterable[str]:
    """Checks and flows, without any framework."""
    cases = checks.cases()
    yield report(smoke(cases) if few else measure(cases))


#: What a topic prints, piece by piece.
TOPICS: Mapping[str, Callable[[bool], Iterable[str]]] = {
    "tokens": lambda few: tokens.run(few=few),
    "core": lambda few: core(few=few),
    "requests": lambda few: requests.run(smoke=few),
    "logins": lambda few: logins.run(smoke=few),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("topic", choices=TOPICS)
    parser.add_argument("--smoke", action="store_true", help="run each case a few times; the times mean nothing")
    asked = parser.parse_args()
    for piece in TOPICS[asked.topic](asked.smoke):
        print(piece, flush=True)


if __name__ == "__main__":
    main()
