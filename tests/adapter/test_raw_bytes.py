"""Requests that no client library would send, through a socket to a server, and where that refuses them, past it."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from support.asgi import Pair, Reply, SetCookie, enter, raw, work
from support.register import REGISTER
from support.server import running
from support.site import bearer, site

from gatepass import MODES


@dataclass
class Socket:
    """One server, and somebody who is logged in there."""

    port: int
    name: str
    token: str
    evil: str
    log: Path

    def send(self, method: str, path: str, lines: list[bytes], body: bytes = b"", host: bytes | None = None) -> Reply:
        return exchange(self.port, method, path, lines, body, host)


def exchange(
    port: int, method: str, path: str, lines: list[bytes], body: bytes = b"", host: bytes | None = None
) -> Reply:
    """Send these very bytes, and read what comes back until the server hangs up."""
    named = b"localhost:%d" % port if host is None else host
    head = [f"{method} {path} HTTP/1.1".encode(), b"Host: " + named, b"Connection: close", *lines]
    if body:
        head.append(b"Content-Length: %d" % len(body))
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"\r\n".join(head) + b"\r\n\r\n" + body)
        got = b""
        while chunk := connection.recv(65_536):
            got += chunk
    answer, _, content = got.partition(b"\r\n\r\n")
    status, *headers = answer.decode("latin-1").split("\r\n")
    pairs = [header.partition(": ")[::2] for header in headers]
    return Reply(int(status.split(" ")[1]), tuple(pairs), content)


@pytest.fixture(scope="module", params=["session", "hybrid"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Socket]:
    folder = tmp_path_factory.mktemp("served")
    with running(folder, "-m", "support.served", MODE=request.param) as running_one:
        port = int(running_one.url.rpartition(":")[2])
        made: list[SetCookie] = []
        for subject in ("ada", "mallory"):
            made += exchange(port, "POST", f"/login?subject={subject}", []).cookies
        given = [cookie for cookie in made if not cookie.cleared and cookie.purpose in {"session", "access"}]
        ada, mallory = given
        REGISTER.places.append(running_one.store)
        yield Socket(port, ada.name, enter(ada.value), enter(mallory.value), running_one.log)
        text = running_one.log.read_text()
    assert "Traceback" not in text, text
    assert "Exception" not in text, text


def said(reply: Reply) -> str:
    return reply.body.decode() if reply.status == 200 else f"{reply.status} {reply.code}"


# %R is the cookie of somebody who is logged in, %E the attacker's own, %N the name of either.
CHECKS: list[tuple[str, list[bytes], str]] = [
    ("the honest request", [b"Cookie: %R"], "ada"),
    ("among others", [b"Cookie: a=1; %R; b=2"], "ada"),
    ("without a space", [b"Cookie: a=1;%R;b=2"], "ada"),
    ("in the second of two headers, as over HTTP/2", [b"Cookie: a=1", b"Cookie: %R"], "ada"),
    ("none", [], "401 credential_missing"),
    ("twice, the attacker's first", [b"Cookie: %E; %R"], "400 credentials_ambiguous"),
    ("twice, the attacker's last", [b"Cookie: %R; %E"], "400 credentials_ambiguous"),
    ("twice the same", [b"Cookie: %R; %R"], "400 credentials_ambiguous"),
    ("twice, in two headers", [b"Cookie: %E", b"Cookie: %R"], "400 credentials_ambiguous"),
    ("twice, in two headers, last", [b"Cookie: %R", b"Cookie: %E"], "400 credentials_ambiguous"),
    ("twice, one empty", [b"Cookie: %N=; %R"], "400 credentials_ambiguous"),
    ("U+2000 before the name", [b"Cookie: \xe2\x80\x80%E; %R"], "ada"),
    ("U+2000 before the name, alone", [b"Cookie: \xe2\x80\x80%E"], "401 credential_missing"),
    ("U+0085 before the name", [b"Cookie: \x85%E; %R"], "ada"),
    ("U+0085 in UTF-8", [b"Cookie: a=1; \xc2\x85%E; %R"], "ada"),
    ("U+00A0 behind the name", [b"Cookie: %N\xa0=evil; %R"], "ada"),
    ("a space behind the name", [b"Cookie: %N =evil; %R"], "ada"),
    ("$Version", [b"Cookie: $Version=1; %R"], "ada"),
    ("$Version and $Path", [b"Cookie: $Version=1; %R; $Path=/"], "ada"),
    ("$Version and quotes hide nothing", [b'Cookie: $Version=1; a="%E; b="; %R'], "ada"),
    ("a quoted value is not ours", [b'Cookie: %N="x"'], "401 credential_malformed"),
    ("a comma does not divide", [b"Cookie: a=1,%E; %R"], "ada"),
    ("a name without a value", [b"Cookie: %N; %R"], "ada"),
    ("quotes", [b'Cookie: a="' + b'\\"' * 24_000 + b"; %R"], "ada"),
    ("quotes as ours", [b'Cookie: %N="' + b'\\"' * 24_000], "401 credential_malformed"),
    ("thousands of pairs", [b"Cookie: " + b"a=1; " * 10_000 + b"%R"], "ada"),
    ("hundreds of headers", [b"Cookie: a=1"] * 400 + [b"Cookie: %R"], "ada"),
    ("Basic beside it", [b"Cookie: %R", b"Authorization: Basic YWRhOng="], "ada"),
    ("Digest beside it", [b"Cookie: %R", b"Authorization: Digest a=b"], "ada"),
    ("two Basic beside it", [b"Cookie: %R", b"Authorization: Basic a", b"Authorization: Basic b"], "ada"),
    ("a scheme that begins like Bearer", [b"Cookie: %R", b"Authorization: Bearerx y"], "ada"),
    ("a bearer token", [b"Authorization: Bearer %T"], "ada"),
    ("in lower case", [b"authorization: bearer %T"], "ada"),
    ("with several spaces", [b"Authorization: Bearer   %T  "], "ada"),
    ("two bearer tokens", [b"Authorization: Bearer %T", b"Authorization: Bearer %T"], "400 credentials_ambiguous"),
    ("Basic beside Bearer", [b"Authorization: Basic x", b"Authorization: Bearer %T"], "400 credentials_ambiguous"),
    ("Bearer beside Basic", [b"Authorization: Bearer %T", b"Authorization: Basic x"], "400 credentials_ambiguous"),
    ("a bearer token and a cookie", [b"Authorization: Bearer %T", b"Cookie: %R"], "400 credentials_ambiguous"),
    ("Bearer and nothing", [b"Authorization: Bearer"], "401 credential_malformed"),
    ("Bearer and a space", [b"Authorization: Bearer "], "401 credential_malformed"),
    ("Bearer and nothing, beside a cookie", [b"Authorization: Bearer", b"Cookie: %R"], "401 credential_malformed"),
    ("Bearer and two words", [b"Authorization: Bearer %T %T"], "401 credential_malformed"),
    ("Bearer and rubbish", [b"Authorization: Bearer \xff\xfe"], "401 credential_malformed"),
    ("Bearer and a comma", [b"Authorization: Bearer %T, Bearer %T"], "401 credential_malformed"),
    ("Bearer and 48 KiB", [b"Authorization: Bearer " + b"A" * 48_000], "401 credential_malformed"),
    ("an empty header", [b"Authorization:", b"Cookie: %R"], "ada"),
    ("the token in the query is not looked at", [b"X-Query: 1"], "401 credential_missing"),
]


@pytest.mark.parametrize(("lines", "expected"), [case[1:] for case in CHECKS], ids=[case[0] for case in CHECKS])
def test_a_check_answers_as_is_stated(server: Socket, lines: list[bytes], expected: str) -> None:
    filled = []
    for line in lines:
        for mark, value in ((b"%R", f"{server.name}={server.token}"), (b"%E", f"{server.name}={server.evil}")):
            line = line.replace(mark, value.encode())  # noqa: PLW2901
        filled.append(line.replace(b"%N", server.name.encode()).replace(b"%T", server.token.encode()))
    path = f"/me?token={server.token}&access_token={server.token}&{server.name}={server.token}"
    reply = server.send("GET", path, filled)

    assert said(reply) == expected
    assert reply.cookies == []
    assert reply.one("cache-control") == "no-store"
    assert "Cookie" in reply.all("vary")


def test_other_schemes_and_overrides_leave_the_check_of_origin_on(server: Socket) -> None:
    cookie = f"Cookie: {server.name}={server.token}".encode()
    for line in (b"Authorization: Basic x", b"X-HTTP-Method-Override: GET", b"X-Method-Override: GET", b"_method: GET"):
        for more in ([], [b"Sec-Fetch-Site: cross-site"], [b"Origin: null"]):
            assert said(server.send("POST", "/me?_method=GET", [cookie, line, *more])) == "403 csrf_refused"
        assert said(server.send("POST", "/me?_method=GET", [cookie, line, b"Sec-Fetch-Site: same-origin"])) == "ada"


TYPES = [
    b"text/plain",
    b"text/plain; charset=application/json",
    b"text/plain;application/json",
    b"text/json",
    b"multipart/form-data; boundary=x",
    b"application/jsonx",
    b"application/json2",
    b"application/ json",
    b"text/plain, application/json",
    b"",
    b"\xff",
]


@pytest.mark.parametrize("path", ["/auth/logout", "/auth/refresh", "/auth/sessions/end-others"])
def test_json_has_to_say_that_it_is_json(server: Socket, path: str) -> None:
    """What a form of another site can send without asking is no JSON here. ASVS 3.5.2."""
    lines = [f"Cookie: {server.name}={server.token}".encode(), b"Sec-Fetch-Site: same-origin"]
    for kind in TYPES:
        reply = server.send("POST", path, [*lines, b"Content-Type: " + kind], b"{}")
        assert said(reply) == "415 media_type_unsupported", kind
    assert said(server.send("POST", path, lines, b"{}")) == "415 media_type_unsupported"
    twice = [b"Content-Type: application/json"] * 2
    assert said(server.send("POST", path, [*lines, *twice], b"{}")) == "415 media_type_unsupported"

    honest = server.send("POST", path, [*lines, b"Content-Type: Application/JSON; charset=utf-8"], b'{"x": 1}')
    assert said(honest) == "422 fields_invalid", "it was read"


def test_a_body_is_read_up_to_a_limit(server: Socket) -> None:
    """Counted as it comes, whatever it says of its length."""
    lines = [b"Content-Type: application/json"]
    assert said(server.send("POST", "/auth/refresh", lines, b" " * 16_385)) == "413 body_too_large"
    chunks = b"1000\r\n" + b" " * 4_096 + b"\r\n"
    reply = server.send("POST", "/auth/refresh", [*lines, b"Transfer-Encoding: chunked", b"", chunks * 5 + b"0"])
    assert said(reply) == "413 body_too_large"
    assert said(server.send("POST", "/auth/refresh", lines, b'{"refresh_token":"' + b"x" * 16_000 + b'"}'))[:3] == "401"


def test_another_host_name_is_not_served(server: Socket) -> None:
    """DNS rebinding: the attacker's name, our address; to a browser the same origin."""
    port = b":%d" % server.port
    for host in (
        b"evil.tld",
        b"evil.tld" + port,
        b"localhost.evil.tld",
        b"127.0.0.1.nip.io",
        b"127.0.0.2",
        b"a b",
        b"",
    ):
        assert said(server.send("GET", "/auth/gatepass.js", [], host=host)) == "421 host_unknown", host
        assert said(server.send("POST", "/login", [], host=host)) == "421 host_unknown", host
    for host in (b"localhost", b"app.localhost", b"127.0.0.1", b"[::1]", b"LocalHost"):
        assert server.send("GET", "/auth/gatepass.js", [], host=host + port).status == 200, host
        assert server.send("POST", "/login?subject=grace&transport=bearer", [], host=host + port).status == 200, host


REFUSED_BY_THE_SERVER = [
    [b"Cookie: a=\0; %R"],
    [b"Cookie: a=\r; %R"],
    [b"Cookie : %R"],
    [b"Cook\xffie: %R"],
    [b"Host: evil.tld"],
]


@pytest.mark.parametrize("lines", REFUSED_BY_THE_SERVER)
def test_what_is_no_http_reaches_nobody(server: Socket, lines: list[bytes]) -> None:
    token = f"{server.name}={server.token}".encode()
    reply = server.send("GET", "/me", [line.replace(b"%R", token) for line in lines])
    assert reply.status == 400
    assert reply.code is None


# -- past the server ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_what_a_server_refuses_would_do_no_harm(mode: str) -> None:
    """Another server may let it through."""
    with site(mode) as place:
        ada, mallory = place.login(), place.login("mallory")
        [(_, right)], [(_, evil)] = place.cookies(ada, refresh=False), place.cookies(mallory, refresh=False)
        right, evil = raw(right), raw(evil)
        for value, expected in [
            (b"\0" + evil + b"; " + right, "ada"),
            (b"a=\0; " + right, "ada"),
            (b"a=\r\nb: c; " + right, "ada"),
            (evil + b"\0; " + evil, "400 credentials_ambiguous"),
            (right + b"\0", "401 credential_malformed"),
            (right + b"\r\n", "401 credential_malformed"),
            (b'a="' + b'\\"' * 65_536 + b"; " + right, "ada"),
            (b"a=1; " * 100_000 + right, "ada"),
            (b"\xff" * 70_000, "401 credential_missing"),
            (b"", "401 credential_missing"),
        ]:
            assert said(place.wire.send("GET", "/me", [("cookie", value)])) == expected
        for value in (b"Bearer \0", b"Bearer \r\n", b"Bearer " + b"\xff" * 70_000, b"Bearer " + b"." * 70_000):
            assert said(place.wire.send("GET", "/me", [("authorization", value)])) == "401 credential_malformed"
        assert said(place.wire.send("GET", "/me", [("host", "evil.tld"), ("cookie", right)])) == "ada"
        assert place.wire.send("GET", "/auth/me", [("host", "evil.tld"), ("cookie", right)]).status == 421
        assert said(place.wire.send("GET", "/me", bearer(ada))) == "ada"


GROWING: dict[str, Callable[[int], tuple[str, str, list[Pair], bytes]]] = {
    "quotes": lambda n: ("GET", "/me", [("cookie", 'a="' + '\\"' * n)], b""),
    "cookies": lambda n: ("GET", "/me", [("cookie", "a=1; " * n)], b""),
    "headers": lambda n: ("GET", "/me", [("cookie", "a=1")] * n, b""),
    "our cookie": lambda n: ("GET", "/me", [("cookie", "__Host-gatepass-session=" + "A" * n)], b""),
    "our token": lambda n: ("GET", "/me", [("authorization", "Bearer " + "a." * n)], b""),
    "spaces": lambda n: ("GET", "/me", [("authorization", "Bearer " + " " * n)], b""),
    "schemes": lambda n: ("GET", "/me", [("authorization", "Basic x")] * n, b""),
    "csrf token": lambda n: (
        "POST",
        "/login",
        [("x-csrf-token", "A" * n), ("cookie", "__Host-gatepass-session=a")],
        b"",
    ),
    "json": lambda n: ("POST", "/auth/logout", [("content-type", "application/json")], b"[" * n),
    "json text": lambda n: (
        "POST",
        "/auth/logout",
        [("content-type", "application/json")],
        b'{"refresh_token":"' + b"\\" * n,
    ),
    "json names": lambda n: ("POST", "/auth/logout", [("content-type", "application/json")], b'{"a":1,' * n),
    "form": lambda n: (
        "POST",
        "/auth/refresh",
        [("content-type", "application/x-www-form-urlencoded")],
        b"next=/&" * n,
    ),
    "next": lambda n: ("GET", "/auth/renew?next=/" + "a" * n, [], b""),
    "parameters": lambda n: ("GET", "/auth/renew?" + "next=/a&" * n, [], b""),
    "accept": lambda n: ("GET", "/me", [("accept", "text/htm, " * n)], b""),
}


@pytest.mark.parametrize("name", GROWING)
def test_a_whole_request_costs_linear_work(name: str) -> None:
    """Counted in byte codes, of Starlette and of ours. Whatever is quadratic in C would be in the time of the run."""
    with site("hybrid") as place:
        place.wire.send("GET", "/auth/me")  # what is loaded once is loaded

        def steps(n: int) -> int:
            return work(partial(place.wire.send, *GROWING[name](n)))

        steps(10)
        once, twice, fourfold = (steps(n) for n in (500, 1_000, 2_000))
        # Twice as much more; quadratic work would be fourfold. Some steps come and go with what the interpreter adapts.
        assert fourfold - twice <= 3 * abs(twice - once) + 500
        assert fourfold <= 200 * 2_000


@pytest.mark.parametrize("path", ["/auth/logout", "/auth/refresh", "/auth/sessions/end-others", "/login", "/me"])
def test_whoever_hangs_up_in_the_middle_has_done_nothing(server: Socket, path: str) -> None:
    """Nor is there a line in the log for each: the server looks at that at the end."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost:{server.port}\r\nContent-Length: 100\r\n"
    kinds = [("application/x-www-form-urlencoded", "")]
    if path.startswith("/auth"):  # the others do not read it, and have done what was asked for
        kinds.append(("application/json", "Sec-Fetch-Site: same-origin\r\n"))
    for kind, more in kinds:
        cookie = f"Cookie: {server.name}={server.token}\r\nContent-Type: {kind}\r\n{more}\r\n"
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            connection.sendall((head + cookie).encode() + b'{"a')
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536):
                pass
    assert said(server.send("GET", "/me", [f"Cookie: {server.name}={server.token}".encode()])) == "ada"
