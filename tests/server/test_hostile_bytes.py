"""Clients that are slow, that send without end, or that say two things at once: bounded, and refused.

Each has an honest twin, which the same server answers.
"""

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest
from support.command import Process, running
from support.register import REGISTER

PATIENCE = 0.4
#: Nothing here takes so long. A connection that is open after it is a failure, not a wait.
DEADLINE = 15.0
#: One more than this is turned away.
CONNECTIONS = 40

PASSWORD = "a lantern under the old pier"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("server")
    with running(
        folder, "dev", "--port", "0", module="support.impatient", PATIENCE=str(PATIENCE), CONNECTIONS=str(CONNECTIONS)
    ) as found:
        yield found


def open_to(server: Process) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE)


def answer(connection: socket.socket) -> bytes:
    """All that comes until the other end hangs up."""
    found = b""
    try:
        while part := connection.recv(65_536):
            found += part
    except ConnectionResetError:
        pass  # as good an end as any
    return found


def status(said: bytes) -> int:
    return int(said.split(b" ", 2)[1])


def request(server: Process, *lines: str, path: str = "/auth/login", body: bytes = b"") -> bytes:
    head = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{server.port}", "Content-Type: application/json", *lines, "", ""]
    return "\r\n".join(head).encode() + body


def one(connection: socket.socket) -> bytes:
    """One answer, as long as it says that it is; what there is, if the other end hangs up before."""
    found = b""
    while (length := re.search(rb"content-length: (\d+)\r\n.*?\r\n\r\n", found, re.DOTALL)) is None:
        if not (part := connection.recv(65_536)):
            return found
        found += part
    while len(found) < length.end() + int(length[1]) and (part := connection.recv(65_536)):
        found += part
    return found


@pytest.fixture(scope="module")
def token(server: Process) -> str:
    """What a login gave, by a client that does nothing else."""
    account = {"email": "ada@example.com", "password": PASSWORD}
    assert httpx.post(f"{server.url}/auth/signup", json=account).status_code == 201
    issued = httpx.post(f"{server.url}/auth/login", json={**account, "transport": "bearer"}).json()
    REGISTER.credentials.add(issued["access_token"])
    REGISTER.credentials.add(issued["refresh_token"])
    return str(issued["access_token"])


@pytest.fixture
def honest(server: Process, token: str) -> Iterator[Callable[[], None]]:
    """Somebody else: answered twice on one connection, whenever this is called, and after the test."""

    def asks() -> None:
        with closing(open_to(server)) as connection:
            for _ in range(2):
                connection.sendall(
                    request(
                        server,
                        f"Authorization: Bearer {token}",
                        "Content-Length: 2",
                        path="/auth/sessions/end-others",
                        body=b"{}",
                    )
                )
                found = one(connection)
                assert status(found) == 200, found
                assert b"\r\nserver:" not in found.lower()

    yield asks
    asks()


def test_headers_that_do_not_come_are_not_waited_for(server: Process, honest: Callable[[], None]) -> None:
    with closing(open_to(server)) as silent, closing(open_to(server)) as slow:
        slow.sendall(b"GET /login HTTP/1.1\r\nHost: 127")
        honest()

        assert answer(silent) == answer(slow) == b""


def test_headers_that_come_one_by_one_are_not_waited_for(server: Process, honest: Callable[[], None]) -> None:
    """Slowloris: each byte is a sign of life, and none of them starts the clock again."""
    with closing(open_to(server)) as connection:
        connection.sendall(b"GET /login HTTP/1.1\r\n")
        sent = 0
        connection.settimeout(PATIENCE / 20)
        try:
            while sent < 20 * DEADLINE / PATIENCE:
                connection.sendall(b"X-A: b\r\n")
                sent += 1
                try:
                    if connection.recv(1) == b"":
                        break
                except TimeoutError:
                    continue
        except OSError:
            pass
        assert 0 < sent < 20 * DEADLINE / PATIENCE


def test_the_second_request_of_a_connection_has_no_more_time_than_the_first(
    server: Process, honest: Callable[[], None]
) -> None:
    with closing(open_to(server)) as connection:
        connection.sendall(f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
        assert status(one(connection)) == 200
        connection.sendall(b"GET /healthz HT")

        assert answer(connection) == b""


def test_a_body_that_does_not_come_is_not_waited_for(server: Process, honest: Callable[[], None]) -> None:
    with closing(open_to(server)) as connection:
        connection.sendall(request(server, "Content-Length: 100", body=b'{"email"'))
        found = one(connection)

        assert status(found) == 422
        assert b"fields_invalid" in found


def test_what_drips_in_after_the_answer_is_not_waited_for(server: Process, honest: Callable[[], None]) -> None:
    with closing(open_to(server)) as connection:
        connection.sendall(request(server, "Content-Length: 100", body=b"{"))
        assert status(one(connection)) == 422
        connection.sendall(b" ")

        assert answer(connection) == b""


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 2", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 2"),
        ("Content-Length: 2", "Content-Length: 3"),
        ("Content-Length: 2", "content-length: 2"),
        ("Content-Length: 2, 2",),
        ("Content-Length: 2\r\n , 2",),
        ("Content-Length: 2, 3",),
        ("Content-Length: +2",),
        ("Content-Length: 0x2",),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: gzip, chunked",),
        ("Transfer-Encoding : chunked",),
        ("Content-Length: 2\rX: y",),
    ],
    ids=" / ".join,
)
def test_a_request_with_two_meanings_is_refused_and_hung_up_on(
    server: Process, honest: Callable[[], None], lines: tuple[str, ...]
) -> None:
    """What a proxy in front would have read as two requests is no request here. RFC 9112 section 11.2."""
    smuggled = b"0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with closing(open_to(server)) as connection:
        connection.sendall(request(server, *lines, body=smuggled))
        found = answer(connection)

        assert status(found) in {400, 501}
        for header in (b"x-request-id", b"content-security-policy", b"x-content-type-options"):
            assert b"\r\n%b: " % header in found.lower()
        assert found.count(b"HTTP/1.1 ") == 1
        assert b'"code":"request_malformed"' in found
    [id] = re.findall(rb"x-request-id: (\w+)", found.lower())  # noqa: A001  it is the id
    assert [line["level"] for line in server.lines() if line.get("request_id") == id.decode()] == ["warning"]


def test_a_length_in_a_body_or_in_another_header_is_no_second_one(server: Process, honest: Callable[[], None]) -> None:
    """The honest twin of those with two."""
    body = b'{"refresh_token":\r\n"\r\nContent-Length: 2, 2\r\n"}'
    with closing(open_to(server)) as connection:
        for _ in range(2):
            connection.sendall(
                request(server, "X-Content-Length: 9", f"Content-Length: {len(body)}", path="/auth/refresh", body=body)
            )
            assert status(one(connection)) in {401, 422}


def test_a_body_that_is_broken_off_by_nonsense_is_refused_and_no_fault(
    server: Process, honest: Callable[[], None]
) -> None:
    """The request was taken already, and waits for the rest of its body."""
    with closing(open_to(server)) as connection:
        connection.sendall(request(server, "Transfer-Encoding: chunked", "Expect: 100-continue"))
        assert status(connection.recv(100)) == 100
        connection.sendall(b"not a length\r\n")

        assert status(answer(connection)) == 400
    honest()
    assert not [line for line in server.lines() if line["level"] == "error" or "exception" in line]


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked without end"])
def test_a_body_without_end_is_refused_and_not_kept(
    server: Process, honest: Callable[[], None], declared: bool
) -> None:
    """100 MiB, of which the server takes no more than fits between two looks."""
    block = b"x" * 65_536
    before = memory(server)
    with closing(open_to(server)) as connection:
        connection.sendall(request(server, "Content-Length: 104857600" if declared else "Transfer-Encoding: chunked"))
        sent = 0
        try:
            while sent < 104_857_600:
                connection.sendall(block if declared else b"10000\r\n" + block + b"\r\n")
                sent += len(block)
        except OSError:
            pass  # it hung up
        found = answer(connection)

    assert not found or status(found) == 413  # the answer may be lost with what was still under way
    assert memory(server) - before < 32 * 1_048_576


def test_a_body_that_is_too_long_is_told_so(server: Process, honest: Callable[[], None]) -> None:
    with closing(open_to(server)) as connection:
        connection.sendall(request(server, "Content-Length: 104857600"))

        found = one(connection)

    assert status(found) == 413
    assert b"body_too_large" in found


def test_ten_thousand_headers_are_refused(server: Process, honest: Callable[[], None]) -> None:
    with closing(open_to(server)) as connection:
        connection.sendall(request(server, *(f"X-{number}: y" for number in range(10_000))))

        found = answer(connection)
    assert not found or status(found) == 400
    with closing(open_to(server)) as connection:  # few enough to arrive at once
        connection.sendall(request(server, *(f"X-{number}: y" for number in range(101))))
        assert status(answer(connection)) == 400
    with closing(open_to(server)) as connection:
        connection.sendall(request(server, *(f"X-{number}: y" for number in range(60)), "Content-Length: 0"))
        assert status(one(connection)) in {415, 422}


def test_a_header_without_end_is_refused(server: Process, honest: Callable[[], None]) -> None:
    with closing(open_to(server)) as connection:
        connection.sendall(request(server)[:-4] + b"\r\nX-Long: ")
        try:
            for _ in range(1_000):
                connection.sendall(b"y" * 65_536)
        except OSError:
            pass
        else:
            pytest.fail("64 MiB of one header were taken")


def test_answers_that_nobody_takes_are_not_kept(server: Process, honest: Callable[[], None]) -> None:
    """Requests in a row, and not a byte read: the server stops reading, and then hangs up."""
    with closing(open_to(server)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        asked = f"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode()
        connection.settimeout(DEADLINE)
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            connection.sendall(asked * 1_000_000)


def test_more_connections_than_a_process_can_keep_are_hung_up_on(server: Process, honest: Callable[[], None]) -> None:
    """They cost the files that the database needs. Whoever comes after the crowd is answered."""
    crowd = [open_to(server) for _ in range(CONNECTIONS + 20)]
    try:
        answered = 0
        for connection in crowd:
            try:
                connection.sendall(f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
                answered += connection.recv(65_536).startswith(b"HTTP/1.1 200")
            except (ConnectionResetError, BrokenPipeError):
                continue
        assert 0 < answered <= CONNECTIONS
    finally:
        for connection in crowd:
            connection.close()
    until_answered(server)


def test_connections_that_say_nothing_keep_nobody_out(server: Process, honest: Callable[[], None]) -> None:
    """One client could hold them all. Those that have rested for the longest go."""
    with ExitStack() as stack:
        for _ in range(CONNECTIONS):
            stack.enter_context(closing(open_to(server)))
        for _ in range(5):
            honest()
    until_answered(server)


def test_bodies_that_do_not_come_keep_nobody_out(server: Process, honest: Callable[[], None]) -> None:
    """Those that have been waited for the longest go; a body that is later than theirs may still come."""

    def begun(stack: ExitStack) -> socket.socket:
        connection = stack.enter_context(closing(open_to(server)))
        connection.sendall(request(server, "Content-Length: 2", "Expect: 100-continue", path="/auth/refresh"))
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        return connection

    with ExitStack() as stack:
        for _ in range(CONNECTIONS):
            begun(stack)
        late = begun(stack)
        for _ in range(5):
            honest()
        late.sendall(b"{}")
        assert status(one(late)) in {401, 422}
    until_answered(server)


def until_answered(server: Process) -> None:
    """The crowd has gone here; it may take a moment until the server has seen it."""
    for _ in range(1_000):
        with closing(open_to(server)) as connection:
            try:
                connection.sendall(f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
                if connection.recv(65_536).startswith(b"HTTP/1.1 200"):
                    return
            except ConnectionResetError:
                continue
    pytest.fail("nobody is answered any more")


def memory(server: Process) -> int:
    """Octets that the process holds."""
    status_ = Path(f"/proc/{server.process.pid}/status")
    if not status_.exists():
        pytest.skip("there is no /proc here")
    [line] = [line for line in status_.read_text().splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) * 1_024
