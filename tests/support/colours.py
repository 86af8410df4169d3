"""One text of a test for both colours: an `AsyncGate` whose verbs are run to their end, one call at a time."""

import asyncio
from collections.abc import Callable
from typing import Any

from gatepass import AsyncGate


class Awaited:
    """The verbs of an `AsyncGate`, called from plain code on an event loop of their own."""

    def __init__(self, gate: AsyncGate) -> None:
        self.gate = gate
        self._loop = asyncio.new_event_loop()

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self.gate, name)
        if not asyncio.iscoroutinefunction(verb):
            return verb

        def call(*args: Any, **options: Any) -> Any:
            return self._loop.run_until_complete(verb(*args, **options))

        return call

    def close(self) -> None:
        self.gate.close()
        self._loop.close()


Colour = Callable[..., Any]
