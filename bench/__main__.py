"""Measure a topic and print it as Markdown: ``python -m bench core``; with ``--smoke`` only show that it runs."""

import argparse
from collections.abc import Callable, Mapping

from bench import checks, tokens
from bench.harness import Case, measure, report, smoke

#: What belongs to a topic: each entry makes its cases when they are wanted.
TOPICS: Mapping[str, tuple[Callable[[], list[Case]], ...]] = {"core": (tokens.cases, checks.cases)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("topic", choices=TOPICS)
    parser.add_argument("--smoke", action="store_true", help="run each case a few times; the times mean nothing")
    asked = parser.parse_args()
    cases = [case for make in TOPICS[asked.topic] for case in make()]
    print(report(smoke(cases) if asked.smoke else measure(cases)))


if __name__ == "__main__":
    main()
