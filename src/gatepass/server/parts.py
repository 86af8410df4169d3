"""What the server is made of."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import HTTPConnection

from gatepass.accounts.passwords import Passwords
from gatepass.accounts.users import Users
from gatepass.configured import log_event
from gatepass.core.flow import Flow
from gatepass.drivers import run_async
from gatepass.fastapi import Gatepass
from gatepass.records import Event
from gatepass.server.settings import Settings
from gatepass.stores import Store


class OncePerSecond:
    """Lets the first of a second through."""

    def __init__(self) -> None:
        self._last = 0

    def first(self, now: int) -> bool:
        """Whether it is the first.

        Args:
            now: Seconds since the epoch.
        """
        found, self._last = now != self._last, now
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of one server."""

    settings: Settings
    auth: Gatepass
    store: Store
    users: Users
    passwords: Passwords
    clock: Callable[[], float]
    #: Which of the tries that nobody looked at the log tells of.
    throttled: OncePerSecond = field(default_factory=OncePerSecond)

    def now(self) -> int:
        """Seconds since the epoch."""
        return int(self.clock())

    async def ask(self, flow: Flow[Any]) -> Any:
        """Run *flow*, whose questions are the store's."""
        return await run_async(flow, self.store.answer_async)

    def tell(self, event: Event) -> None:
        """Write *event* to the audit log, beside those of the gate."""
        log_event(event)

    def close(self) -> None:
        """Let go of the file and of the threads."""
        self.passwords.close()
        self.store.close()


def parts(connection: HTTPConnection) -> Parts:
    """Those of the server that serves *connection*."""
    found: Parts = connection.app.state.parts
    return found
