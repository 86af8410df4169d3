"""What the source must not do, found by reading it. The import contracts see modules; this sees calls."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "gatepass"

#: Nowhere: each of these runs what it reads.
UNSAFE_MODULES = frozenset({"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle"})
UNSAFE_CALLS = frozenset({"eval", "exec", "compile", "__import__"})

#: Not in the rules: the time and fresh secrets are arguments.
IMPURE_MODULES = frozenset({"time", "datetime", "random", "secrets", "os", "uuid", "_random", "posix"})
IMPURE_CALLS = frozenset({
    *("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "clock_gettime", "now", "utcnow", "today"),
    *("urandom", "getrandom", "token_bytes", "token_hex", "token_urlsafe", "randbytes", "getrandbits"),
    *("uuid1", "uuid4", "uuid7"),
    *("generate", "generate_key", "generate_private_key", "import_module"),
})  # fmt: skip


def broken(source: str, modules: frozenset[str], calls: frozenset[str]) -> list[str]:
    """Where *source* imports one of *modules* or calls one of *calls*, however it is spelled, as ``line: name``."""
    found = []
    for node in ast.walk(ast.parse(source)):
        found += [f"{getattr(node, 'lineno', 0)}: {name}" for name in imported(node) if name.split(".")[0] in modules]
        if called(node) in calls:
            found.append(f"{getattr(node, 'lineno', 0)}: {called(node)}()")
        if isinstance(node, ast.ImportFrom):  # an alias would hide the name at the place of the call
            found += [f"{node.lineno}: {alias.name}" for alias in node.names if alias.asname and alias.name in calls]
    return found


def imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module


def called(node: ast.AST) -> str | None:
    match node:
        case ast.Call(func=ast.Name(id=name)):
            return name
        case ast.Call(func=ast.Attribute(attr=name, value=ast.Name(id=owner))) if owner != "re":
            return name
        case ast.Call(func=ast.Attribute(attr=name, value=ast.Attribute() | ast.Call())):
            return name
    return None


def files(*folders: str) -> list[Path]:
    found = sorted(file for folder in folders for file in (SOURCE / folder).rglob("*.py"))
    assert found
    return found


def name_of(file: Path) -> str:
    return str(file.relative_to(SOURCE))


@pytest.mark.parametrize("file", files("."), ids=name_of)
def test_nothing_runs_what_it_reads(file: Path) -> None:
    assert not broken(file.read_text(encoding="utf-8"), UNSAFE_MODULES, UNSAFE_CALLS)


@pytest.mark.parametrize("file", files("core", "modes"), ids=name_of)
def test_the_rules_read_no_clock_and_draw_no_randomness(file: Path) -> None:
    assert not broken(file.read_text(encoding="utf-8"), IMPURE_MODULES, IMPURE_CALLS)


@pytest.mark.parametrize(
    "planted",
    [
        "import pickle",
        "import marshal as m",
        "from pickle import loads",
        "def f():\n    import shelve",
        "eval('1')",
        "class A:\n    def f(self): exec(self.text)",
        "__import__('pickle')",
    ],
)
def test_what_would_run_is_found(planted: str) -> None:
    assert broken(planted, UNSAFE_MODULES, UNSAFE_CALLS)


@pytest.mark.parametrize(
    "planted",
    [
        "import time",
        "import os.path",
        "from time import time as now",
        "from secrets import token_bytes",
        "def f():\n    from random import random",
        "clock.time()",
        "datetime.now()",
        "datetime.datetime.now(tz)",
        "ec.generate_private_key(ec.SECP256R1())",
        "Ed25519PrivateKey.generate()",
        "importlib.import_module('time').time()",
        "async def f():\n    return [urandom(1) for _ in x]",
        "from elsewhere import token_bytes as harmless",
    ],
)
def test_a_clock_or_a_draw_is_found(planted: str) -> None:
    assert broken(planted, IMPURE_MODULES, IMPURE_CALLS)


@pytest.mark.parametrize("innocent", ["re.compile('a')", "session.now", "def f(now: int): return now", "'time.time()'"])
def test_what_only_looks_like_it_is_not(innocent: str) -> None:
    assert not broken(innocent, UNSAFE_MODULES, UNSAFE_CALLS)
    assert not broken(innocent, IMPURE_MODULES, IMPURE_CALLS)
