"""What the tests of the server share."""

from collections.abc import Iterator

import argon2
import pytest
from support.inside import hashed

from gatepass.accounts import passwords


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hashes of a tenth of the work: for tests that count them, and in which nobody is kept off by what one costs."""
    for cached in (passwords._nobodys, hashed):
        cached.cache_clear()
    monkeypatch.setattr(passwords, "_hasher", argon2.PasswordHasher(time_cost=2, memory_cost=8_192, parallelism=1))
    yield
    for cached in (passwords._nobodys, hashed):
        cached.cache_clear()
