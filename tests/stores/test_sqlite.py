"""The SQLite store passes the kit."""

from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from gatepass.stores.conformance import SharedStoreConformance
from gatepass.stores.sqlite import SqliteStore


class TestSqliteStore(SharedStoreConformance):
    @pytest.fixture
    def make_store(self, tmp_path: Path) -> Callable[[], SqliteStore]:
        numbers = count()
        return lambda: SqliteStore(tmp_path / f"{next(numbers)}.db")

    @pytest.fixture
    def open_store(self, tmp_path: Path) -> Callable[[], SqliteStore]:
        return partial(SqliteStore, tmp_path / "shared.db")
