"""What the tests of the adapter share."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture
def hushed() -> Iterator[None]:
    """Without the lines of the audit log, for tests that log in some thousand times; others read what it says."""
    logger = logging.getLogger("gatepass.events")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(before)
