"""The memory store passes the kit, and forks as it says."""

import pytest

from gatepass.stores.conformance import StoreConformance
from gatepass.stores.memory import MemoryStore


class TestMemoryStore(StoreConformance):
    @pytest.fixture
    def make_store(self) -> type[MemoryStore]:
        return MemoryStore
