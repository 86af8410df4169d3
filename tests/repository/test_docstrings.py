"""Whoever reads the API reads its docstrings: every public name of a public module has one."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

import pytest

import gatepass
from gatepass.stores import Store

#: What a store does is written once, where it is asked for.
PROTOCOL = {name for name in vars(Store) if not name.startswith("_")}


def public_modules() -> list[str]:
    found = pkgutil.walk_packages(gatepass.__path__, "gatepass.")
    return ["gatepass", *(name for _, name, _ in found if not any(part.startswith("_") for part in name.split(".")))]


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
            found: Any = getattr(kind, name)
            if not inspect.getdoc(found):
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
"""
    exec(source, vars(module))  # the only way to plant one

    assert ["bare", "Value", "Value.method"] == list(undocumented(module))
