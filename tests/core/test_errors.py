"""Errors on their way: to another process and back, and in a copy, they are what was raised."""

import copy
import inspect
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from threading import Lock
from typing import Any

import pytest

from gatepass import tokens
from gatepass.errors import ConfigurationError, ExpiredCredential, GatepassError, KeyUnavailable, StoreError
from gatepass.keys import generate, load

#: A value for each argument that an error of ours is made with.
FACTS: dict[str, Any] = {
    "reason": "json",
    "expired_at": 5,
    "ended_at": 6,
    "replaced": True,
    "session_id": "s",
    "max_age": 300,
    "role": "admin",
    "allowed": ("GET", "POST"),
    "problems": {"next": "this is no path"},
    "retry_after": 90,
    "lasting": True,
    "seconds_left": 61,
    "cause": "it cannot be",
    "fix": "Change it.",
    "source": "there",
}


def kinds(root: type[GatepassError]) -> Iterator[type[GatepassError]]:
    yield root
    for kind in root.__subclasses__():
        yield from kinds(kind)


def made(kind: type[GatepassError], *, said: bool = False) -> GatepassError:
    """An error with all the facts that it takes; or, where it takes one, with a sentence of its own."""
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for name, parameter in list(inspect.signature(kind.__init__).parameters.items())[1:]:
        if name == "sentence":
            positional.append("something of its own" if said or not hasattr(kind, "sentence") else None)
        elif parameter.kind is parameter.VAR_POSITIONAL:
            positional += FACTS[name]
        elif parameter.kind is parameter.KEYWORD_ONLY:
            named[name] = FACTS[name]
        else:
            positional.append(FACTS[name])
    return kind(*positional, **named)


def pickled(error: GatepassError) -> Any:
    return pickle.loads(pickle.dumps(error))


WAYS: list[Callable[[GatepassError], Any]] = [pickled, copy.copy, copy.deepcopy]
KINDS = list(kinds(GatepassError))


def whole(error: BaseException) -> tuple[Any, ...]:
    return type(error), str(error), repr(error), error.args, vars(error), error.__suppress_context__


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_error_arrives_whole(kind: type[GatepassError], way: Callable[[GatepassError], Any]) -> None:
    for said in (False, True):
        error = made(kind, said=said)
        error.add_note("on the way")
        error.__cause__ = KeyUnavailable("inside")
        error.__cause__.__cause__ = ConfigurationError(cause="it is gone", fix="Put it back.", source="there")

        again = way(error)

        assert whole(again) == whole(error)
        assert whole(again.__cause__) == whole(error.__cause__)
        assert whole(again.__cause__.__cause__) == whole(error.__cause__.__cause__)
        assert whole(way(again)) == whole(error)


def test_every_fact_is_met_here() -> None:
    facts = {name for kind in KINDS for name in vars(made(kind))}
    assert facts == {*FACTS}
    assert len(KINDS) > 25


class Foreign(Exception):
    """Of somebody who holds something that stays in its process."""

    def __init__(self) -> None:
        super().__init__("foreign")
        self.connection = Lock()


@pytest.mark.parametrize("way", WAYS)
def test_a_cause_of_others_is_left_behind(way: Callable[[GatepassError], Any]) -> None:
    """It may be one that cannot travel."""
    error = StoreError("gone")
    error.__cause__ = Foreign()

    again = way(error)

    assert whole(again) == whole(error)
    assert again.__cause__ is None
    assert isinstance(error.__cause__, Foreign)


def check(jwk: dict[str, str], token: str) -> str:
    """What is done in another process."""
    claims = tokens.verify(token, load(jwk), algorithms=["ES256"], issuer="i", audience="a", now=100)
    return str(claims["sub"])


def test_a_refusal_in_a_pool_of_processes_is_a_refusal() -> None:
    """And the pool goes on."""
    key = generate("ES256")
    claims = {"iss": "i", "aud": "a", "sub": "ada", "jti": "j", "iat": 1}
    good, over = (tokens.sign({**claims, "exp": exp}, key) for exp in (200, 50))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        with pytest.raises(ExpiredCredential) as caught:
            pool.submit(check, key.to_jwk(), over).result(timeout=25)
        assert caught.value.expired_at == 50
        with pytest.raises(ConfigurationError) as refused:
            pool.submit(check, {"kty": "none"}, good).result(timeout=25)
        assert refused.value.fix
        assert pool.submit(check, key.to_jwk(), good).result(timeout=25) == "ada"
