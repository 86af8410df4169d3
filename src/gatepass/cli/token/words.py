"""What the library says of its arguments, said of the options and arguments of a command."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from gatepass.errors import ConfigurationError

_SIZES: Final = {"256": "32", "384": "48", "512": "64"}
_GENERATE: Final = re.compile(r"keys\.generate\('HS(256|384|512)'\)")
_BYTES: Final = re.compile(r"secrets\.token_bytes\((\d+)\)")
_ALGORITHM: Final = re.compile(r"algorithm='(\w+)'|algorithm=(?=\.)")
_ALGORITHMS: Final = re.compile(r"algorithms=\['(\w+)'\]")
_SOURCE: Final = re.compile(r"(\w+)=\.\.\.")
_SOURCES: Final = {
    "sign(headers=...)": "--typ",
    "sign(claims)": "CLAIMS",
    "sign(...)": "CLAIMS",
    "algorithms=...": "--algorithm",
    "RemoteKeySet(...)": "--jwks",
}

_OF_THE_KEY: Final = frozenset({"load(data)", "sign()", "sign(key)", "verify(keys)", "KeyRing(...)", "KeyRing"})


@contextmanager
def in_options(*, key: str = "--key", algorithm: str = "--key-algorithm") -> Iterator[None]:
    """What is refused in this block is told in words that the command knows.

    Args:
        key: Where it takes the key from.
        algorithm: Its option for what the key is for.
    """
    try:
        yield
    except ConfigurationError as error:
        source = _SOURCES.get(error.source) or _SOURCE.sub(r"--\1", error.source)
        raise ConfigurationError(
            cause=_said(error.cause, algorithm),
            fix=_said(error.fix, algorithm),
            source=key if source in _OF_THE_KEY else source,
        ) from error


def _said(text: str, algorithm: str) -> str:
    text = _ALGORITHMS.sub(r"--algorithm \1", text)
    text = _ALGORITHM.sub(lambda match: f"{algorithm} {match[1] or 'HS256'}", text)
    text = _GENERATE.sub(lambda match: f"openssl rand -hex {_SIZES[match[1]]}", text)
    text = _BYTES.sub(r"openssl rand -hex \1", text)
    for python, here in (
        ("kid=", "--kid"),
        ("Verify with its public half.", "Give that key alone: its public half is taken."),  # one of a set
    ):
        text = text.replace(python, here)
    return text
