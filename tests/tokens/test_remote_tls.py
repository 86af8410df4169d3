"""Keys that are fetched over TLS: from the server that the address names, under a trusted authority, or not at all."""

import asyncio
import gc
import select
import socket
import ssl
import struct
import time
import warnings
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.authority import DAY, Authority
from support.issuer import issuer, jwks

from gatepass.errors import StoreError
from gatepass.keys import AsyncRemoteKeySet, RemoteKeySet, generate
from gatepass.keys.fetch import _secured
from gatepass.keys.remote import DEFAULT_AGE
from gatepass.tokens import sign, verify

KEY = generate("ES256")
CLAIMS = {"iss": "i", "aud": "a", "sub": "s", "jti": "j", "iat": 1_900_000_000, "exp": 1_900_000_300}
CHECK: Any = {"algorithms": ["ES256"], "issuer": "i", "audience": "a", "now": 1_900_000_000}


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The one that this process trusts, named as an operator names it."""
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    return made


def test_keys_are_fetched_from_a_server_that_proves_its_name(authority: Authority) -> None:
    with issuer(authority.server()) as server:
        server.body = jwks(KEY)

        assert verify(sign(CLAIMS, KEY), RemoteKeySet(server.url), **CHECK)["sub"] == "s"
        assert server.paths == ["/keys"]


def test_an_address_can_be_proved_as_a_name_can(authority: Authority) -> None:
    with issuer(authority.server("127.0.0.1")) as server:
        server.body = jwks(KEY)
        keys = RemoteKeySet(server.url.replace("localhost", "127.0.0.1"))

        assert keys.key_set(None).get(KEY.kid) is not None


def test_the_async_set_is_as_strict_and_as_willing(authority: Authority) -> None:
    token = sign(CLAIMS, KEY)
    with issuer(authority.server()) as good, issuer(authority.server("issuer.example")) as bad:
        good.body = bad.body = jwks(KEY)

        assert verify(token, asyncio.run(AsyncRemoteKeySet(good.url).keys_for(token)), **CHECK)["sub"] == "s"
        with pytest.raises(StoreError):
            asyncio.run(AsyncRemoteKeySet(bad.url).keys_for(token))
        assert bad.paths == []


#: What is wrong with the server, each with the certificate of one that is right but for that.
WRONG: dict[str, Callable[[Authority, Path], ssl.SSLContext]] = {
    "the name of another host": lambda authority, _: authority.server("issuer.example"),
    "a name that ends like ours": lambda authority, _: authority.server("evil.localhost"),
    "an address in place of the name": lambda authority, _: authority.server("127.0.0.1"),
    "over": lambda authority, _: authority.server(begins=-2 * DAY, ends=-DAY),
    "over since a second": lambda authority, _: authority.server(ends=timedelta(seconds=-1)),
    "not yet good": lambda authority, _: authority.server(begins=DAY, ends=2 * DAY),
    "of an authority that nobody trusts": lambda _, folder: Authority(folder, "stranger").server(),
    # A certificate proves who signed it, not who says so: the name is that of the trusted one.
    "of an authority that only has its name": lambda _, folder: Authority(folder / "elsewhere", "authority").server(),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_server_that_does_not_prove_who_it_is_is_asked_nothing(
    authority: Authority, tmp_path: Path, wrong: Callable[[Authority, Path], ssl.SSLContext]
) -> None:
    """A fault, and no refusal of anybody's token: 503, never 401."""
    (tmp_path / "elsewhere").mkdir()
    with issuer(wrong(authority, tmp_path)) as server:
        server.body = jwks(KEY)

        with pytest.raises(StoreError):
            verify(sign(CLAIMS, KEY), RemoteKeySet(server.url), **CHECK)
        assert server.paths == []


def test_a_redirect_is_not_followed_within_a_server_that_is_trusted(authority: Authority) -> None:
    def redirect(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", "/elsewhere")
        handler.end_headers()

    with issuer(authority.server()) as server:
        server.body, server.instead = jwks(KEY), redirect

        with pytest.raises(StoreError):
            RemoteKeySet(server.url).key_set(None)
        assert server.paths == ["/keys"]


def test_the_last_good_set_stays_when_the_server_is_believed_no_more(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    now = [1_000.0]
    with issuer(authority.server()) as server:
        server.body = jwks(KEY)
        keys = RemoteKeySet(server.url, clock=lambda: now[0])
        keys.key_set(None)
        monkeypatch.setenv("SSL_CERT_FILE", str(Authority(tmp_path, "another").file))
        now[0] += DEFAULT_AGE

        assert verify(sign(CLAIMS, KEY), keys, **CHECK)["sub"] == "s"
        assert server.paths == ["/keys"]


def test_a_connection_that_was_reset_before_it_was_secured_is_closed() -> None:
    """Python leaves its own half open then, and says so later, in the middle of something else."""
    with socket.create_server(("127.0.0.1", 0)) as server, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        line = socket.create_connection(server.getsockname())
        reset, _ = server.accept()
        reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        reset.close()
        assert select.select([line], [], [], 10)[0], "it has arrived"

        with pytest.raises(OSError, match="not connected"):
            _secured(line, urlsplit("https://localhost/keys"), time.monotonic() + 10)

        assert line.fileno() == -1
        gc.collect()
    assert [warning for warning in said if warning.category is ResourceWarning] == []
