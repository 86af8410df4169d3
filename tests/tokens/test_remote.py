"""Keys that are fetched: from a real server that redirects, stalls, floods, lies and breaks."""

import asyncio
import json
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler
from time import monotonic
from typing import Any

import pytest
from support.issuer import Issuer, jwks
from support.issuer import issuer as publishing

from gatepass.core.keys import MAX_KEYS, KeySet
from gatepass.core.strict import b64encode
from gatepass.errors import ConfigurationError, StoreError, UnknownCredential
from gatepass.keys import AsyncRemoteKeySet, RemoteKeySet, fetch, generate, remote
from gatepass.keys.remote import DEFAULT_AGE, FIRST_PAUSE, MAX_AGE, MAX_TIMEOUT, MIN_AGE, OVERDUE, PAUSE
from gatepass.tokens import sign, verify

KEY, OTHER = generate("ES256"), generate("ES256")
CLAIMS = {"iss": "i", "aud": "a", "sub": "s", "jti": "j", "iat": 1_900_000_000, "exp": 1_900_000_300}
CHECK: Any = {"algorithms": ["ES256"], "issuer": "i", "audience": "a", "now": 1_900_000_000}


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with publishing() as made:
        made.body = jwks(KEY)
        yield made


class Seconds:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


def landed(keys: RemoteKeySet | AsyncRemoteKeySet) -> None:
    """Wait for the fetch that is under way, if there is one."""
    flight = keys._flight
    if flight is not None:
        flight.done.result(25)


def test_a_token_of_the_issuer_verifies_and_the_keys_are_fetched_once(issuer: Issuer, seconds: Seconds) -> None:
    keys = RemoteKeySet(issuer.url, clock=seconds)

    for _ in range(3):
        assert verify(sign(CLAIMS, KEY), keys, **CHECK)["sub"] == "s"
    assert issuer.paths == ["/keys"]


def test_a_key_that_is_new_there_is_fetched_and_verifies(issuer: Issuer, seconds: Seconds) -> None:
    keys = RemoteKeySet(issuer.url, clock=seconds)
    keys.key_set(None)
    issuer.body = jwks(KEY, OTHER)
    with pytest.raises(UnknownCredential):
        verify(sign(CLAIMS, OTHER), keys, **CHECK)
    seconds.now += PAUSE

    assert verify(sign(CLAIMS, OTHER), keys, **CHECK)["sub"] == "s"
    assert len(issuer.paths) == 2


def test_ten_thousand_unknown_kids_cause_one_fetch_in_thirty_seconds(issuer: Issuer, seconds: Seconds) -> None:
    keys = RemoteKeySet(issuer.url, clock=seconds)
    for number in range(10_000):
        keys.key_set(f"k{number}")
    assert len(issuer.paths) == 1

    seconds.now += PAUSE
    for number in range(10_000):
        keys.key_set(f"k{number}")
    assert len(issuer.paths) == 2


def test_threads_that_ask_at_once_cause_one_fetch_and_all_get_the_key(issuer: Issuer, seconds: Seconds) -> None:
    keys = RemoteKeySet(issuer.url, clock=seconds)
    barrier, found = threading.Barrier(16), []

    def ask() -> None:
        barrier.wait()
        found.append(keys.key_set(KEY.kid).get(KEY.kid))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert None not in found
    assert len(issuer.paths) == 1


def test_tasks_that_ask_at_once_cause_one_fetch(issuer: Issuer, seconds: Seconds) -> None:
    keys = AsyncRemoteKeySet(issuer.url, clock=seconds)
    token = sign(CLAIMS, KEY)

    async def ask() -> Any:
        return verify(token, await keys.keys_for(token), **CHECK)

    async def run() -> list[Any]:
        return await asyncio.gather(*(ask() for _ in range(16)))

    assert [claims["sub"] for claims in asyncio.run(run())] == ["s"] * 16
    assert len(issuer.paths) == 1


@pytest.mark.parametrize("token", [None, "\u00e9.a.b", "AAAA.e30.AA", "", "e30.e30.AA"])
def test_what_is_no_token_gets_the_keys_that_are_there(issuer: Issuer, token: object) -> None:
    """Whether it is one is for the check to say."""
    keys = AsyncRemoteKeySet(issuer.url)
    assert asyncio.run(keys.keys_for(token)).get(KEY.kid) is not None


@pytest.mark.parametrize(
    ("said", "age"),
    [
        ("", DEFAULT_AGE),
        ("max-age=100", 100),
        ("public, max-age=100", 100),
        ('max-age="100"', 100),
        ("max-age=0", MIN_AGE),
        ("max-age=9999999999", MAX_AGE),
        ("max-age=x", DEFAULT_AGE),
        ("s-max-age=100", DEFAULT_AGE),
    ],
)
def test_keys_are_good_for_as_long_as_the_issuer_says_within_bounds(
    issuer: Issuer, seconds: Seconds, said: str, age: float
) -> None:
    issuer.headers = {"Cache-Control": said}
    keys = RemoteKeySet(issuer.url, clock=seconds)
    keys.key_set(None)
    seconds.now += age - 0.5
    keys.key_set(None)
    assert len(issuer.paths) == 1

    seconds.now += 0.5
    keys.key_set(None)
    landed(keys)
    assert len(issuer.paths) == 2


def stall(handler: BaseHTTPRequestHandler) -> None:
    WAIT.wait(20)


def drip(*start: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """Something arrives always, and it never ends."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write("\r\n".join(start).encode() + b"\r\n")
        while not WAIT.wait(0.05):
            handler.wfile.write(b"X: y\r\n")

    return answer


def flood(*start: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write("\r\n".join((*start, "")).encode())
        for _ in range(50):
            handler.wfile.write(b" " * (1 << 20))
        TAKEN.set()

    return answer


def redirect(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(302)
    handler.send_header("Location", "/elsewhere")
    handler.end_headers()


def written(*lines: str) -> dict[str, Any]:
    return {"instead": lambda handler: handler.wfile.write("\r\n".join(lines).encode())}


WAIT = threading.Event()
#: Whether a flood was taken whole.
TAKEN = threading.Event()

OK = "HTTP/1.1 200 OK"
CHUNKED = "Transfer-Encoding: chunked"
LARGE = "an answer of more than 524288 octets"
SHORT = 0.5
LATE = f"no whole answer within {SHORT} seconds"
GARBLED = "an answer that is cut short, or is not HTTP"
NO_OBJECT = "no JSON object"
NO_LIST = 'no list "keys"'

#: What the issuer does, and what is said of it.
BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "redirect": ({"instead": redirect}, "answers with status 302"),
    "stall": ({"instead": stall}, LATE),
    "drip in the header": ({"instead": drip(OK)}, LATE),
    "drip": ({"instead": drip(OK, "Content-Length: 99999", "")}, LATE),
    "drip and close": ({"instead": drip(OK, "Connection: close", "Content-Length: 99999", "")}, LATE),
    "drip as of old": ({"instead": drip("HTTP/1.0 200 OK", "")}, LATE),
    "drip in chunks": ({"instead": drip(OK, "Connection: close", CHUNKED, "", "FFFF")}, LATE),
    "50 MiB": ({"instead": flood(OK, "")}, LARGE),
    "50 MiB, announced": ({"instead": flood(OK, "Content-Length: 52428800", "")}, LARGE),
    "50 MiB of header": ({"instead": flood(OK, "X: ")}, GARBLED),
    "50 MiB in a chunk": ({"instead": flood(OK, CHUNKED, "", "3200000")}, LARGE),
    "50 MiB in a chunk of -1": ({"instead": flood(OK, CHUNKED, "", "-1")}, LARGE),
    "a chunk of -5": (written(OK, CHUNKED, "", "-5", "", ""), GARBLED),
    "a chunk of no number": (written(OK, CHUNKED, "", "five", "", ""), GARBLED),
    "a chunk that is cut": (written(OK, CHUNKED, "", "50", "x"), GARBLED),
    "more than there can be": (written(OK, "Content-Length: 99999999999999999999", "", "x"), LARGE),
    "500": ({"status": 500}, "answers with status 500"),
    "404": ({"status": 404}, "answers with status 404"),
    "garbage": ({"body": b"\x00\xff<html>"}, NO_OBJECT),
    "a list": ({"body": b"[]"}, NO_OBJECT),
    "no keys": ({"body": b"{}"}, NO_LIST),
    "keys are a text": ({"body": b'{"keys":"x"}'}, NO_LIST),
    "only secrets": (
        {"body": json.dumps({"keys": [generate("HS256").to_jwk(private=True)]}).encode()},
        "the key is a private one or a secret",
    ),
    "RSA for nobody knows what": (
        {"body": json.dumps({"keys": [{"kty": "RSA", "n": "AA", "e": "AQAB"}]}).encode()},
        "an RSA key does not say for which algorithm it is",
    ),
    "too many": ({"body": jwks(more=tuple(range(MAX_KEYS + 1)))}, "more than 256 keys"),
    "short": ({"headers": {"Content-Length": "9999"}}, GARBLED),
    "hang up": (written("HTTP/"), GARBLED),
    "hang up at once": ({"instead": lambda handler: None}, GARBLED),
}


@pytest.fixture(params=BROKEN)
def broken(request: pytest.FixtureRequest, issuer: Issuer) -> Iterator[Callable[[], str]]:
    """Breaks the issuer, and tells what should be said of it. What comes late is waited for shortly."""
    WAIT.clear()
    TAKEN.clear()
    does, says = BROKEN[request.param]

    def breaks() -> str:
        for name, value in does.items():
            setattr(issuer, name, value)
        return says

    yield breaks
    WAIT.set()
    assert not TAKEN.is_set()


def patience(reason: str) -> float:
    return SHORT if reason == LATE else 20


def test_the_last_good_set_stays_when_the_issuer_breaks(
    issuer: Issuer, seconds: Seconds, broken: Callable[[], str]
) -> None:
    keys = RemoteKeySet(issuer.url, clock=seconds)
    keys.key_set(None)
    keys._timeout = patience(broken())
    seconds.now += DEFAULT_AGE

    assert verify(sign(CLAIMS, KEY), keys, **CHECK)["sub"] == "s"
    landed(keys)
    assert verify(sign(CLAIMS, KEY), keys, **CHECK)["sub"] == "s"
    assert issuer.paths == ["/keys", "/keys"]


def test_without_a_good_set_it_is_a_fault_and_asked_again_later(
    issuer: Issuer, seconds: Seconds, broken: Callable[[], str]
) -> None:
    """A fault is no refusal: 503, never 401."""
    reason = broken()
    keys = RemoteKeySet(issuer.url, clock=seconds, timeout=patience(reason))
    for _ in range(3):
        with pytest.raises(StoreError) as caught:
            verify(sign(CLAIMS, KEY), keys, **CHECK)
        assert reason in str(caught.value)
        assert caught.value.retry_after == FIRST_PAUSE
    assert len(issuer.paths) == 1

    issuer.instead, issuer.status, issuer.body, issuer.headers = None, 200, jwks(KEY), {}
    seconds.now += FIRST_PAUSE
    keys._timeout = 20
    assert verify(sign(CLAIMS, KEY), keys, **CHECK)["sub"] == "s"


def test_without_a_key_because_of_a_fault_a_token_is_not_refused(
    issuer: Issuer, seconds: Seconds, caplog: pytest.LogCaptureFixture
) -> None:
    """It may be under a key that is new. And whoever runs this reads why, once for each fetch."""
    keys = RemoteKeySet(issuer.url, clock=seconds)
    keys.key_set(None)
    issuer.status = 500
    seconds.now += PAUSE

    with caplog.at_level(logging.WARNING, "gatepass.keys"):
        for _ in range(3):
            with pytest.raises(StoreError, match="answers with status 500"):
                verify(sign(CLAIMS, OTHER), keys, **CHECK)
    assert verify(sign(CLAIMS, KEY), keys, **CHECK)["sub"] == "s"
    assert [record.getMessage() for record in caplog.records] == [
        "keys were not fetched: the server 127.0.0.1 answers with status 500"
    ]

    issuer.status = 200
    seconds.now += PAUSE
    with pytest.raises(UnknownCredential):
        verify(sign(CLAIMS, OTHER), keys, **CHECK)


@pytest.mark.parametrize("body", [b'{"keys":[]}', b' {"keys": [ ], "more": 1}\n'])
def test_an_empty_set_is_an_answer_and_withdraws_all_keys(
    issuer: Issuer, seconds: Seconds, caplog: pytest.LogCaptureFixture, body: bytes
) -> None:
    """How an issuer that was broken into takes all keys back. As a fault, what was stolen would go on for ever."""
    keys = RemoteKeySet(issuer.url, clock=seconds)
    assert verify(sign(CLAIMS, KEY), keys, **CHECK)["sub"] == "s"
    issuer.body = body
    seconds.now += DEFAULT_AGE
    keys.key_set(None)
    landed(keys)

    with pytest.raises(UnknownCredential) as refused:
        verify(sign(CLAIMS, KEY), keys, **CHECK)
    assert refused.value.reason == "key"
    assert "withdrawn" in caplog.text
    assert len(issuer.paths) == 2
    fresh = RemoteKeySet(issuer.url)
    with pytest.raises(UnknownCredential):
        verify(sign(CLAIMS, KEY), fresh, **CHECK)

    issuer.body = jwks(OTHER)
    seconds.now += PAUSE
    assert verify(sign(CLAIMS, OTHER), keys, **CHECK)["sub"] == "s", "and new ones are found"


def test_a_set_of_which_nothing_can_be_used_withdraws_nothing(issuer: Issuer, seconds: Seconds) -> None:
    """Whoever wrote it meant to publish keys; the answer is a fault."""
    keys = RemoteKeySet(issuer.url, clock=seconds)
    keys.key_set(None)
    issuer.body = b'{"keys":[{"kty":"new"}]}'
    seconds.now += DEFAULT_AGE
    keys.key_set(None)
    landed(keys)
    assert verify(sign(CLAIMS, KEY), keys, **CHECK)["sub"] == "s"


def test_no_reason_holds_what_the_server_wrote(issuer: Issuer, caplog: pytest.LogCaptureFixture) -> None:
    for name, value in written("HTTP/1.1 999999 gatekeeper", "gatekeeper").items():
        setattr(issuer, name, value)
    with pytest.raises(StoreError) as caught:
        RemoteKeySet(issuer.url).key_set(None)
    assert "gatekeeper" not in str(caught.value) + caplog.text


# -- members of a set --------------------------------------------------------------------------------------------------

PRIVATE = OTHER.to_jwk(private=True)


@pytest.mark.parametrize(
    ("bad", "cause"),
    [
        (7, "not a JSON object"),
        ({}, "the type of the key"),
        ({"kty": "new"}, "the type of the key"),
        ({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, "x has 1 bytes"),
        (generate("HS256").to_jwk(private=True), "a private one or a secret"),
        (PRIVATE, "a private one or a secret"),
        ({name: text for name, text in PRIVATE.items() if name not in {"x", "y"}}, "a private one or a secret"),
    ],
    ids=["number", "empty", "new", "off curve", "secret", "private", "private part alone"],
)
def test_one_bad_member_does_not_spoil_the_set(
    issuer: Issuer, bad: object, cause: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever published a private key has told everybody how to sign with it."""
    issuer.body = jwks(KEY, more=(bad,))
    with caplog.at_level(logging.INFO, "gatepass.keys"):
        assert [key.kid for key in RemoteKeySet(issuer.url).key_set(None)] == [KEY.kid]
    assert cause in caplog.text


def test_a_key_that_is_there_twice_is_one_key(issuer: Issuer) -> None:
    issuer.body = jwks(KEY, KEY)
    assert [key.kid for key in RemoteKeySet(issuer.url).key_set(None)] == [KEY.kid]


def test_of_two_keys_with_one_name_neither_is_taken(issuer: Issuer) -> None:
    """It would be open which one is meant; the order in which somebody wrote them is no answer."""
    third = generate("ES256")
    same = {**third.to_jwk(), "kid": KEY.kid}
    for members in ((KEY.to_jwk(), same), (same, KEY.to_jwk())):
        issuer.body = jwks(OTHER, more=members)
        assert [key.kid for key in RemoteKeySet(issuer.url).key_set(None)] == [OTHER.kid]

        issuer.body = jwks(more=members)
        with pytest.raises(StoreError, match="that of another key"):
            RemoteKeySet(issuer.url).key_set(None)


def test_an_algorithm_is_for_the_keys_that_do_not_say_theirs(issuer: Issuer) -> None:
    rsa = generate("RS256").to_jwk()
    unsaid = {name: text for name, text in rsa.items() if name not in {"alg", "kid"}}
    issuer.body = jwks(KEY, more=(unsaid, {**unsaid, "alg": "PS256", "kid": "said"}))

    found = RemoteKeySet(issuer.url, algorithm="RS256").key_set(None)
    assert [key.alg for key in found] == ["RS256", "PS256", "ES256"]


def test_one_key_for_two_algorithms_is_for_the_one_that_is_asked_for(issuer: Issuer) -> None:
    rsa = generate("RS256").to_jwk()
    twice = [{**rsa, "alg": alg, "kid": "one"} for alg in ("PS512", "PS256", "RS256")]
    another = {**generate("RS256").to_jwk(), "alg": "RS256", "kid": "one"}
    for members in (twice, twice[::-1]):
        issuer.body = jwks(KEY, more=tuple(members))
        for algorithm in ("RS256", "PS256"):
            found = RemoteKeySet(issuer.url, algorithm=algorithm).key_set(None)
            assert {key.kid: key.alg for key in found} == {"one": algorithm, KEY.kid: "ES256"}
        for other in (None, "PS384"):
            assert [key.kid for key in RemoteKeySet(issuer.url, algorithm=other).key_set(None)] == [KEY.kid]
        issuer.body = jwks(KEY, more=(*members, another))
        assert [key.kid for key in RemoteKeySet(issuer.url, algorithm="RS256").key_set(None)] == [KEY.kid]


# -- nobody waits who need not, and nobody for long --------------------------------------------------------------------


def unknown(number: int) -> str:
    """A token of which only the form is good: what any stranger can make."""
    return b64encode(b'{"alg":"ES256","kid":"k%d"}' % number).decode() + ".e30.AA"


def test_whoever_has_a_key_does_not_wait_for_the_fetch_of_others(issuer: Issuer, seconds: Seconds) -> None:
    keys = RemoteKeySet(issuer.url, clock=seconds, timeout=20)
    keys.key_set(None)
    WAIT.clear()
    issuer.instead = stall
    seconds.now += PAUSE

    def ask(number: int) -> None:
        with pytest.raises(StoreError):
            keys.key_set(f"k{number}")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    assert verify(sign(CLAIMS, KEY), keys, **CHECK)["sub"] == "s"
    seconds.now += DEFAULT_AGE
    assert verify(sign(CLAIMS, KEY), keys, **CHECK)["sub"] == "s"
    assert all(thread.is_alive() for thread in threads)
    WAIT.set()
    for thread in threads:
        thread.join()
    assert len(issuer.paths) == 2


def test_whoever_has_a_key_does_not_wait_for_the_fetch_that_they_begin(issuer: Issuer, seconds: Seconds) -> None:
    """The set is past its time and the issuer silent: neither then nor each time that it is asked again."""
    plain, loop = RemoteKeySet(issuer.url, clock=seconds, timeout=20), AsyncRemoteKeySet(issuer.url, clock=seconds)
    token = sign(CLAIMS, KEY)
    plain.key_set(None)
    asyncio.run(loop.keys_for(None))
    WAIT.clear()
    issuer.instead = stall
    seconds.now += DEFAULT_AGE
    assert verify(token, plain, **CHECK)["sub"] == "s"
    with pytest.raises(StopIteration):
        loop.keys_for(token).send(None)  # without a turn of the loop
    under_way = [plain._flight, loop._flight]
    assert all(flight is not None and not flight.done.done() for flight in under_way)
    WAIT.set()
    landed(plain)
    landed(loop)

    for _ in range(2):  # and it has been silent for long
        WAIT.clear()
        seconds.now += OVERDUE // 2
        assert verify(token, plain, **CHECK)["sub"] == "s"
        assert plain._flight is not None
        WAIT.set()
        landed(plain)


def test_who_has_not_asked_for_long_waits_and_trusts_no_key_that_was_withdrawn(
    issuer: Issuer, seconds: Seconds
) -> None:
    keys = RemoteKeySet(issuer.url, clock=seconds)
    keys.key_set(None)
    issuer.body = jwks(OTHER)
    seconds.now += DEFAULT_AGE + OVERDUE

    with pytest.raises(UnknownCredential):
        verify(sign(CLAIMS, KEY), keys, **CHECK)
    assert verify(sign(CLAIMS, OTHER), keys, **CHECK)["sub"] == "s"
    assert len(issuer.paths) == 2


def test_a_fetch_that_failed_long_ago_is_no_reason_to_trust_what_was_withdrawn(
    issuer: Issuer, seconds: Seconds
) -> None:
    keys = RemoteKeySet(issuer.url, clock=seconds)
    keys.key_set(None)
    issuer.status = 500
    seconds.now += DEFAULT_AGE
    assert verify(sign(CLAIMS, KEY), keys, **CHECK)["sub"] == "s"
    landed(keys)
    issuer.status, issuer.body = 200, jwks(OTHER)
    seconds.now += OVERDUE

    with pytest.raises(UnknownCredential):
        verify(sign(CLAIMS, KEY), keys, **CHECK)


def test_in_that_time_the_others_wait_too(issuer: Issuer, seconds: Seconds) -> None:
    """Who comes second, while the first waits, would trust what the first does not."""
    keys = RemoteKeySet(issuer.url, clock=seconds, timeout=20)
    keys.key_set(None)
    WAIT.clear()
    issuer.body = jwks(OTHER)
    issuer.instead = answers_late(issuer)
    seconds.now += DEFAULT_AGE + OVERDUE
    found: list[KeySet] = []
    threads = [threading.Thread(target=lambda: found.append(keys.key_set(None))) for _ in range(2)]
    for thread in threads:
        thread.start()
    while not issuer.paths[1:]:
        assert all(thread.is_alive() for thread in threads)
    WAIT.set()
    for thread in threads:
        thread.join()
    assert [[key.kid for key in keys] for keys in found] == [[OTHER.kid]] * 2


def test_without_any_key_the_issuer_is_asked_again_sooner(issuer: Issuer, seconds: Seconds) -> None:
    issuer.status = 503
    keys = RemoteKeySet(issuer.url, clock=seconds)
    for number in range(1, 4):
        with pytest.raises(StoreError):
            keys.key_set(None)
        seconds.now += FIRST_PAUSE - 1
        with pytest.raises(StoreError):
            keys.key_set(None)
        assert len(issuer.paths) == number
        seconds.now += 1

    issuer.status = 200
    assert verify(sign(CLAIMS, KEY), keys, **CHECK)["sub"] == "s"


@pytest.mark.parametrize("line", range(1, 4))
def test_a_fetch_that_lands_during_a_look_makes_no_refusal(issuer: Issuer, seconds: Seconds, line: int) -> None:
    """The set of before beside the good news of after would be: there is no such key."""
    keys = AsyncRemoteKeySet(issuer.url, clock=seconds)
    asyncio.run(keys.keys_for(None))
    WAIT.clear()
    issuer.body = jwks(KEY, OTHER)
    issuer.instead = answers_late(issuer)
    seconds.now += PAUSE
    look = next(value for value in vars(type(keys).__mro__[1]).values() if "no refusal" in str(value.__doc__))
    lines = 0

    def trace(frame: Any, event: str, arg: object) -> Any:
        nonlocal lines
        if frame.f_code is not look.__code__:
            return None
        lines += event == "line"
        if event == "line" and lines == line:
            WAIT.set()
            landed(keys)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with suppress(StoreError):  # it was not there yet: a fault, and no refusal
            assert keys.key_set(OTHER.kid).get(OTHER.kid) is not None
    finally:
        sys.settrace(before)
        WAIT.set()
    assert lines >= line
    landed(keys)
    assert verify(sign(CLAIMS, OTHER), keys, **CHECK)["sub"] == "s"


def test_a_task_that_has_a_key_does_not_wait_at_all(issuer: Issuer, seconds: Seconds) -> None:
    keys = AsyncRemoteKeySet(issuer.url, clock=seconds, timeout=20)
    token = sign(CLAIMS, KEY)
    asyncio.run(keys.keys_for(token))
    WAIT.clear()
    issuer.instead = stall
    seconds.now += PAUSE

    async def run() -> None:
        strangers = [asyncio.create_task(keys.keys_for(unknown(number))) for number in range(64)]
        await asyncio.sleep(0)  # each of them has asked
        with pytest.raises(StopIteration) as answered:
            keys.keys_for(token).send(None)  # without a turn of the loop
        assert verify(token, answered.value.value, **CHECK)["sub"] == "s"
        assert not any(task.done() for task in strangers)
        strangers.pop().cancel()
        WAIT.set()
        for task in strangers:
            with pytest.raises(StoreError):
                await task

    asyncio.run(run())
    assert len(issuer.paths) == 2


def test_a_name_that_is_looked_up_for_ever_holds_nobody_for_ever(
    monkeypatch: pytest.MonkeyPatch, seconds: Seconds
) -> None:
    """The system has its own patience, and takes no time-out."""
    WAIT.clear()
    asked: list[object] = []

    def getaddrinfo(host: object, *args: object, **more: object) -> Any:
        asked.append(host)
        WAIT.wait(20)
        raise socket.gaierror(socket.EAI_AGAIN, "again")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    keys = RemoteKeySet("https://issuer.example/keys", timeout=0.1, clock=seconds)
    for _ in range(3):
        with pytest.raises(StoreError, match="has not answered yet") as caught:
            keys.key_set(None)
        assert caught.value.retry_after == 1
        seconds.now += PAUSE
    assert asked == ["issuer.example"]
    flight = keys._flight
    assert flight is not None
    WAIT.set()
    flight.done.result(10)


def test_an_address_that_is_silent_leaves_time_for_the_next() -> None:
    with closing(socket.socket()) as silent, closing(socket.socket()) as good:
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        full = [socket.socket() for _ in range(4)]
        for one in full:
            one.setblocking(False)
            one.connect_ex(silent.getsockname())
        good.bind(("127.0.0.1", 0))
        good.listen()
        family = (socket.AF_INET, socket.SOCK_STREAM, 0, "")
        with fetch.connected([(*family, one.getsockname()) for one in (silent, good)], monotonic() + 2) as line:
            assert line.getpeername() == good.getsockname()
        with pytest.raises(TimeoutError):
            fetch.connected([(*family, silent.getsockname())] * 2, monotonic() + 0.2)
        with pytest.raises(TimeoutError):
            fetch.connected([(*family, good.getsockname())], monotonic())
        for one in full:
            one.close()


def test_where_nothing_listens_it_is_said(seconds: Seconds) -> None:
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(StoreError, match="cannot be reached: Connection refused"):
            RemoteKeySet(f"http://127.0.0.1:{bound.getsockname()[1]}/", clock=seconds).key_set(None)


def test_a_program_that_can_start_no_thread_is_told_so(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    keys = RemoteKeySet(issuer.url)
    with monkeypatch.context() as no_more:
        no_more.setattr(threading.Thread, "start", start)
        with pytest.raises(StoreError, match="can't start new thread"):
            keys.key_set(None)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_process_that_is_forked_during_a_fetch_fetches_itself(issuer: Issuer) -> None:
    """The thread that fetches is not in it, nor who holds a lock."""
    keys = RemoteKeySet(issuer.url)
    WAIT.clear()
    asked = threading.Event()

    def stalls_once(handler: BaseHTTPRequestHandler) -> None:
        issuer.instead = None
        asked.set()
        WAIT.wait(20)
        handler.send_error(500)

    issuer.instead = stalls_once

    def ask() -> None:
        with pytest.raises(StoreError):
            keys.key_set(KEY.kid)

    parent = threading.Thread(target=ask)
    parent.start()
    assert asked.wait(10)
    with keys._starting:
        child = os.fork()
        if child == 0:  # pragma: no cover  this process is not the one that is measured
            os._exit(0 if keys.key_set(KEY.kid).get(KEY.kid) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    WAIT.set()
    parent.join()
    assert issuer.paths == ["/keys", "/keys"]


def test_after_a_fork_a_fetch_is_begun_anew_and_no_lock_is_held(issuer: Issuer) -> None:
    """What the test above shows of a process, shown in this one."""
    WAIT.clear()
    issuer.instead = stall
    keys = RemoteKeySet(issuer.url)
    parent = threading.Thread(target=keys.key_set)
    parent.start()
    while not issuer.paths:
        assert parent.is_alive()
    issuer.instead = None
    keys._starting.acquire()
    remote._after_fork()

    assert keys.key_set(KEY.kid).get(KEY.kid) is not None
    WAIT.set()
    parent.join()
    assert len(issuer.paths) == 2


def test_after_a_fork_nothing_is_asked_again_that_was_answered(issuer: Issuer, seconds: Seconds) -> None:
    keys = RemoteKeySet(issuer.url, clock=seconds)
    keys.key_set(None)
    remote._after_fork()

    assert keys.key_set("unknown").get(KEY.kid) is not None
    assert len(issuer.paths) == 1


# -- asyncio -----------------------------------------------------------------------------------------------------------


def test_the_async_set_is_one_that_verify_takes(issuer: Issuer, seconds: Seconds) -> None:
    """It never waits there, so until a key is known it is a fault, and no refusal."""
    keys = AsyncRemoteKeySet(issuer.url, clock=seconds)
    old, new = sign(CLAIMS, KEY), sign(CLAIMS, OTHER)

    def after_the_fetch(token: str) -> Any:
        with pytest.raises(StoreError, match="has not answered yet"):
            verify(token, keys, **CHECK)
        flight = keys._flight
        assert flight is not None
        WAIT.set()
        flight.done.result(10)
        return verify(token, keys, **CHECK)["sub"]

    WAIT.clear()
    issuer.instead = answers_late(issuer)
    assert after_the_fetch(old) == "s"

    WAIT.clear()
    issuer.body = jwks(KEY, OTHER)
    seconds.now += PAUSE
    assert after_the_fetch(new) == "s"
    with pytest.raises(UnknownCredential):
        verify(sign(CLAIMS, generate("ES256")), keys, **CHECK)
    assert len(issuer.paths) == 2


def test_the_async_set_trusts_no_key_that_was_withdrawn_while_nobody_asked(issuer: Issuer, seconds: Seconds) -> None:
    """It cannot wait, so it is a fault for all who ask until the keys are there."""
    keys = AsyncRemoteKeySet(issuer.url, clock=seconds)
    asyncio.run(keys.keys_for(None))
    seconds.now += DEFAULT_AGE + OVERDUE - 1
    assert verify(sign(CLAIMS, KEY), keys, **CHECK)["sub"] == "s", "until then they are used"
    landed(keys)
    WAIT.clear()
    issuer.body = jwks(OTHER)
    issuer.instead = answers_late(issuer)
    seconds.now += DEFAULT_AGE + OVERDUE

    for _ in range(3):
        with pytest.raises(StoreError, match="has not answered yet"):
            verify(sign(CLAIMS, KEY), keys, **CHECK)
    WAIT.set()
    landed(keys)
    with pytest.raises(UnknownCredential):
        verify(sign(CLAIMS, KEY), keys, **CHECK)
    assert verify(sign(CLAIMS, OTHER), keys, **CHECK)["sub"] == "s"

    issuer.instead, issuer.status = None, 500
    seconds.now += DEFAULT_AGE + OVERDUE
    with suppress(StoreError):
        keys.key_set(None)
    landed(keys)
    assert verify(sign(CLAIMS, OTHER), keys, **CHECK)["sub"] == "s", "it was asked: the last good set stays"


def answers_late(issuer: Issuer) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        WAIT.wait(20)
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n" + issuer.body)

    return answer


@pytest.mark.parametrize(
    "token",
    [
        None,
        "",
        "AAAA.e30.AA",
        b64encode(b'{"alg":"ES256","kid":"new"}').decode() + ".e30",
        b64encode(b'{"kid":"new"}').decode() + ".e30.AA",
        b64encode(b'{"alg":"none","kid":"new"}').decode() + ".e30.AA",
        b64encode(b'{"alg":"HS256","kid":"new"}').decode() + ".e30.AA",
        b64encode(b'{"alg":"ES256","kid":"new","crit":[]}').decode() + ".e30.AA",
    ],
)
def test_only_a_token_that_is_good_in_form_and_algorithm_makes_the_issuer_be_asked(
    issuer: Issuer, seconds: Seconds, token: object
) -> None:
    keys = AsyncRemoteKeySet(issuer.url, clock=seconds)
    asyncio.run(keys.keys_for(None))
    seconds.now += PAUSE
    asyncio.run(keys.keys_for(token))
    assert len(issuer.paths) == 1

    asyncio.run(keys.keys_for(unknown(1)))
    assert len(issuer.paths) == 2


def test_a_loop_that_ends_before_the_fetch_leaves_nothing_behind(
    issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    WAIT.clear()
    issuer.instead = answers_late(issuer)
    keys = AsyncRemoteKeySet(issuer.url)

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(keys.keys_for(None), 0)
        task = asyncio.create_task(keys.keys_for(None))
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(give_up())
    flight = keys._flight
    WAIT.set()
    assert flight is not None
    flight.done.result(10)
    assert asyncio.run(keys.keys_for(None)).get(KEY.kid) is not None
    assert not caplog.records


# -- what is configured ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("of", [RemoteKeySet, AsyncRemoteKeySet])
@pytest.mark.parametrize(
    "url",
    ["http://issuer.example/keys", "ftp://issuer.example", "file:///etc/passwd", "https://ada:secret@issuer.example/",
     "https://ada@issuer.example/", "https://", "issuer.example", "https://issuer.example:x/", "https://a.example/#f",
     "https://a.example/a b", "https://a.example/\r\nX: y", "http://127.0.0.1.evil.example/", "https://a.example:0/",
     "https://[::1/", b"https://a.example/", None, 5, ["https://a.example/"]],
)  # fmt: skip
def test_an_address_that_is_not_safe_is_refused_and_not_repeated(of: type[RemoteKeySet], url: Any) -> None:
    with pytest.raises(ConfigurationError) as refused:
        of(url)
    assert "secret" not in str(refused.value)
    assert refused.value.source == f"{of.__name__}(...)"


@pytest.mark.parametrize("url", ["https://issuer.example/keys", "http://localhost/keys", "http://[::1]:80/keys?a=b"])
def test_an_address_that_is_safe_is_taken_and_not_asked_yet(url: str) -> None:
    assert "RemoteKeySet" in repr(RemoteKeySet(url))
    assert "AsyncRemoteKeySet" in repr(AsyncRemoteKeySet(url))


@pytest.mark.parametrize(
    "timeout", [0, -1, True, float("nan"), float("inf"), MAX_TIMEOUT + 1, 10**400, "5", None, 1j]
)  # fmt: skip
def test_a_time_that_nobody_can_wait_is_refused(timeout: Any) -> None:
    with pytest.raises(ConfigurationError, match="timeout"):
        RemoteKeySet("https://issuer.example/", timeout=timeout)
    assert RemoteKeySet("https://issuer.example/", timeout=MAX_TIMEOUT)


@pytest.mark.parametrize("algorithm", ["none", "HS256", "ES256", "EdDSA", "", "rs256", [], 5, b"RS256"])
def test_an_algorithm_that_rsa_keys_are_not_for_is_refused(algorithm: Any) -> None:
    """All other public keys say theirs, so there it would do nothing."""
    with pytest.raises(ConfigurationError, match="RSA keys"):
        AsyncRemoteKeySet("https://issuer.example/", algorithm=algorithm)
    for good in ("RS256", "PS512", None):
        assert AsyncRemoteKeySet("https://issuer.example/", algorithm=good)


def test_a_server_that_does_not_speak_tls_is_not_believed(issuer: Issuer) -> None:
    keys = RemoteKeySet(issuer.url.replace("http:", "https:"))
    with pytest.raises(StoreError, match="TLS"):
        keys.key_set(None)


@pytest.mark.parametrize("host", [f"{'a' * 70}.example", "issuer.invalid"])
def test_a_name_that_cannot_be_looked_up_is_a_fault(host: str) -> None:
    with pytest.raises(StoreError, match="looked up"):
        RemoteKeySet(f"https://{host}/").key_set(None)


def test_addresses_in_a_token_are_not_asked(issuer: Issuer) -> None:
    """`jku` and `x5u` choose nothing: `sign` refuses to write them, so this one is written by hand."""
    keys = AsyncRemoteKeySet(issuer.url)
    head = json.dumps({"alg": "ES256", "kid": KEY.kid, "jku": issuer.url.replace("keys", "evil")}).encode()

    asyncio.run(keys.keys_for(b64encode(head).decode() + ".e30.AA"))
    assert issuer.paths == ["/keys"]
