"""Whoever reads the API reads its docstrings: every public name of a public module has one."""

import importlib
import pkgutil
from collections.abc import Iterator
from types import FunctionType, ModuleType

import pytest

import gatepass
from gatepass.stores import Store

#: What a store does is written once, where it is asked for.
PROTOCOL = {name for name in vars(Store) if not name.startswith("_")}


#: The parts of the kit are tests: there the name is the claim.
TESTS = "gatepass.stores.conformance."


def public_modules() -> list[str]:
    found = [name for _, name, _ in pkgutil.walk_packages(gatepass.__path__, "gatepass.")]
    return ["gatepass", *(name for name in found if "._" not in name and not name.startswith(TESTS))]


def undocumented(module: ModuleType) -> Iterator[str]:
    """The public names that *module* defines and does not explain; inherited methods are explained where they began."""
    if not module.__doc__:
        yield module.__name__
    for name, thing in vars(module).items():
        if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
            continue
        if isinstance(thing, FunctionType) and not thing.__doc__:
            yield name
        if isinstance(thing, type):
            yield from undocumented_in(thing)


def undocumented_in(kind: type) -> Iterator[str]:
    # A dataclass or named tuple without a docstring is given its own signature.
    if not kind.__doc__ or kind.__doc__.startswith(f"{kind.__name__}("):
        yield kind.__name__
    for name, member in vars(kind).items():
        if name.startswith("_") or name in PROTOCOL:
            continue
        if isinstance(member, FunctionType | property | classmethod | staticmethod):
            began = [getattr(origin, name) for origin in kind.__mro__ if hasattr(origin, name)]
            if not any(thing.__doc__ for thing in began):
                yield f"{kind.__name__}.{name}"


@pytest.mark.parametrize("name", public_modules())
def test_every_public_name_says_what_it_is_for(name: str) -> None:
    assert not list(undocumented(importlib.import_module(name)))


def test_a_name_that_says_nothing_is_found() -> None:
    module = ModuleType("planted", "A module.")
    source = """
from dataclasses import dataclass
def bare(): ...
def explained():
    "Why."
@dataclass
class Value:
    x: int
    def method(self): ...
def _private(): ...
class Heir(dict):
    "Why."
    def clear(self): ...
    def drop(self): ...
"""
    exec(source, vars(module))  # the only way to plant one

    assert ["bare", "Value", "Value.method", "Heir.drop"] == list(undocumented(module))
