"""What the server is made of."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import HTTPConnection

from gatepass.accounts.passwords import Passwords
from gatepass.accounts.users import Users
from gatepass.core.flow import Flow
from gatepass.drivers import run_async
from gatepass.fastapi import Gatepass
from gatepass.records import Event
from gatepass.server.settings import Settings
from gatepass.stores import Store

events: Final = logging.getLogger("gatepass.events")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of one server."""

    settings: Settings
    auth: Gatepass
    store: Store
    users: Users
    passwords: Passwords
    clock: Callable[[], float]

    def now(self) -> int:
        """Seconds since the epoch."""
        return int(self.clock())

    async def ask(self, flow: Flow[Any]) -> Any:
        """Run *flow*, whose questions are the store's."""
        return await run_async(flow, self.store.answer_async)

    def tell(self, event: Event) -> None:
        """Write *event* to the audit log, beside those of the gate."""
        events.info("%s subject=%r", event.kind, event.subject, extra={"event": event})


def parts(connection: HTTPConnection) -> Parts:
    """Those of the server that serves *connection*."""
    found: Parts = connection.app.state.parts
    return found
