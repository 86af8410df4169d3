"""Keys that are fetched: from a real server that redirects, stalls, floods, lies and breaks."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from support.issuer import Issuer, jwks
from support.issuer import issuer as publishing

from gatepass.errors import ConfigurationError, StoreError, UnknownCredential
from gatepass.keys import AsyncRemoteKeySet, RemoteKeySet, generate
from gatepass.keys.remote import DEFAULT_AGE, MAX_AGE, MIN_AGE, PAUSE
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
    assert len(issuer.paths) == 2


def stall(handler: BaseHTTPRequestHandler) -> None:
    assert handler.server is not None
    WAIT.wait(20)


def drip(handler: BaseHTTPRequestHandler) -> None:
    """Something arrives always, and it never ends."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not WAIT.wait(0.05):
        handler.wfile.write(b"X: y\r\n")


def flood(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(50):
        handler.wfile.write(b" " * (1 << 20))


def redirect(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(302)
    handler.send_header("Location", "/elsewhere")
    handler.end_headers()


WAIT = threading.Event()

BROKEN: dict[str, dict[str, Any]] = {
    "redirect": {"instead": redirect},
    "stall": {"instead": stall},
    "drip": {"instead": drip},
    "50 MiB": {"instead": flood},
    "500": {"status": 500},
    "404": {"status": 404},
    "garbage": {"body": b"\x00\xff<html>"},
    "a list": {"body": b"[]"},
    "no keys": {"body": b"{}"},
    "empty": {"body": b'{"keys":[]}'},
    "keys are a text": {"body": b'{"keys":"x"}'},
    "only secrets": {"body": json.dumps({"keys": [generate("HS256").to_jwk(private=True)]}).encode()},
    "short": {"headers": {"Content-Length": "9999"}},
    "hang up": {"instead": lambda handler: handler.wfile.write(b"HTTP/")},
}


@pytest.fixture(params=BROKEN)
def broken(request: pytest.FixtureRequest, issuer: Issuer) -> Iterator[Callable[[], None]]:
    WAIT.clear()

    def breaks() -> None:
        for name, value in BROKEN[request.param].items():
            setattr(issuer, name, value)

    yield breaks
    WAIT.set()


def test_the_last_good_set_stays_when_the_issuer_breaks(
    issuer: Issuer, seconds: Seconds, broken: Callable[[], None]
) -> None:
    keys = RemoteKeySet(issuer.url, clock=seconds, timeout=0.5)
    keys.key_set(None)
    broken()
    seconds.now += DEFAULT_AGE

    assert verify(sign(CLAIMS, KEY), keys, **CHECK)["sub"] == "s"
    assert issuer.paths == ["/keys", "/keys"]


def test_without_a_good_set_it_is_a_fault_and_asked_again_later(
    issuer: Issuer, seconds: Seconds, broken: Callable[[], None]
) -> None:
    """A fault is no refusal: 503, never 401."""
    broken()
    keys = RemoteKeySet(issuer.url, clock=seconds, timeout=0.5)
    for _ in range(3):
        with pytest.raises(StoreError):
            verify(sign(CLAIMS, KEY), keys, **CHECK)
    assert len(issuer.paths) == 1

    issuer.instead, issuer.status, issuer.body, issuer.headers = None, 200, jwks(KEY), {}
    seconds.now += PAUSE
    assert verify(sign(CLAIMS, KEY), keys, **CHECK)["sub"] == "s"


@pytest.mark.parametrize(
    "bad",
    [7, {}, {"kty": "new"}, {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, generate("HS256").to_jwk(private=True),
     KEY.to_jwk()],
    ids=["number", "empty", "new", "off curve", "secret", "twice"],
)  # fmt: skip
def test_one_bad_member_does_not_spoil_the_set(issuer: Issuer, bad: object) -> None:
    issuer.body = jwks(KEY, more=(bad,))
    assert [key.kid for key in RemoteKeySet(issuer.url).key_set(None)] == [KEY.kid]


@pytest.mark.parametrize(
    "url",
    ["http://issuer.example/keys", "ftp://issuer.example", "file:///etc/passwd", "https://ada:secret@issuer.example/",
     "https://ada@issuer.example/", "https://", "issuer.example", "https://issuer.example:x/", "https://a.example/#f",
     "https://a.example/a b", "https://a.example/\r\nX: y", "http://127.0.0.1.evil.example/", "https://a.example:0/"],
)  # fmt: skip
def test_an_address_that_is_not_safe_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        RemoteKeySet(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("url", ["https://issuer.example/keys", "http://localhost/keys", "http://[::1]:80/keys?a=b"])
def test_an_address_that_is_safe_is_taken_and_not_asked_yet(url: str) -> None:
    assert "RemoteKeySet" in repr(RemoteKeySet(url))
    assert repr(AsyncRemoteKeySet(url)) == repr(RemoteKeySet(url))


def test_a_server_without_a_good_certificate_is_not_believed(issuer: Issuer) -> None:
    keys = RemoteKeySet(issuer.url.replace("http:", "https:"), timeout=1)
    with pytest.raises(StoreError):
        keys.key_set(None)


def test_a_name_that_cannot_be_looked_up_is_a_fault() -> None:
    with pytest.raises(StoreError):
        RemoteKeySet(f"https://{'a' * 70}.example/").key_set(None)


def test_addresses_in_a_token_are_not_asked(issuer: Issuer) -> None:
    """`jku` and `x5u` choose nothing: `sign` refuses to write them, so this one is written by hand."""
    keys = AsyncRemoteKeySet(issuer.url)
    head = json.dumps({"alg": "ES256", "kid": KEY.kid, "jku": issuer.url.replace("keys", "evil")}).encode()
    from gatepass.core.strict import b64encode  # noqa: PLC0415

    asyncio.run(keys.keys_for(b64encode(head).decode() + ".e30.AA"))
    assert issuer.paths == ["/keys"]
