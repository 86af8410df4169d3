"""Removing what is past its time, for as long as the server runs: a little at a time, so that nobody waits for it."""

import asyncio
import logging
from typing import Final

from gatepass import AsyncGate
from gatepass.errors import StoreError

logger: Final = logging.getLogger("gatepass.server")

#: Seconds from one round to the next. Nothing depends on it but the size of the database. Our choice.
PERIOD: Final = 300.0
#: Rows of one step: the database is locked for some milliseconds. Our choice.
STEP: Final = 500


async def purging(gate: AsyncGate, period: float = PERIOD) -> None:
    """Remove what is past its time, round after round, until cancelled. A round that fails is logged.

    Args:
        gate: Of the server.
        period: Seconds from one round to the next.
    """
    while True:
        try:
            while await gate.purge(limit=STEP) == STEP:  # noqa: ASYNC110  it is a sleep of no length
                await asyncio.sleep(0)  # whoever waits goes first
        except StoreError:
            logger.exception("what is past its time could not be removed")
        await asyncio.sleep(period)
