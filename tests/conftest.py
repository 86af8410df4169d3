"""Fixtures for all tests: gates of every mode, colour and store, and a register of the secrets that they issue."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from support.clock import Clock
from support.colours import Awaited
from support.gates import RegisteringAsyncGate, RegisteringGate
from support.register import REGISTER, Capture, Register

from gatepass import MODES
from gatepass.keys import KeyRing, new_ring
from gatepass.stores import Store
from gatepass.stores.memory import MemoryStore
from gatepass.stores.sqlite import SqliteStore

settings.register_profile("fixed", derandomize=True, deadline=None)
# `make mutants` only asks whether an example fails, not which is the smallest that does.
settings.register_profile("mutants", derandomize=True, deadline=None, max_examples=25, phases=[Phase.generate])
settings.load_profile("fixed")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "last: runs after all other tests")
    logger = logging.getLogger("gatepass")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(Capture(REGISTER))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.fixture
def register() -> Register:
    return REGISTER


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["plain", "async"])
def colour(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    store: Store
    if request.param == "memory":
        store = MemoryStore()
        REGISTER.places.append(store)
    else:
        store = SqliteStore(tmp_path / "gatepass.db")
        REGISTER.places.append(tmp_path / "gatepass.db")
    yield store
    store.close()


@pytest.fixture(scope="session", params=["HS256", "ES256"])
def ring(request: pytest.FixtureRequest) -> KeyRing:
    return new_ring(request.param, now=1_900_000_000)


MakeGate = Callable[..., Any]


@pytest.fixture
def make_gate(colour: str, clock: Clock) -> Iterator[MakeGate]:
    """Make a gate of the colour under test; its verbs are called alike in both."""
    made: list[Any] = []

    def make(store: Store | None = None, **options: Any) -> Any:
        options.setdefault("clock", clock)
        if colour == "plain":
            gate: Any = RegisteringGate(store, **options)
        else:
            gate = Awaited(RegisteringAsyncGate(store, **options))
        made.append(gate)
        return gate

    yield make
    for gate in made:
        gate.close()
