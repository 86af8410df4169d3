"""The server as processes: how it starts, what it logs, whom it believes, how several share a file, and how it ends."""

import http.client
import json
import os
import select
import signal
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.command import DEADLINE, Process, environment, gatepass, running, start
from support.register import REGISTER
from support.server import free_port

from gatepass import MODES
from gatepass.web.answers import GUARD

PASSWORD = "a lantern under the old pier"
ACCOUNT = {"email": "ada@example.com", "password": PASSWORD}
PUBLIC = "https://auth.example.com"
SERVED = {"Host": "auth.example.com", "Origin": PUBLIC}

pytestmark = pytest.mark.timeout(120)


def registered(issued: dict[str, Any]) -> dict[str, Any]:
    """*issued*, entered as a secret of these tests."""
    REGISTER.credentials.update(str(issued[name]) for name in ("access_token", "refresh_token") if issued.get(name))
    return issued


def keeps(server: Process) -> None:
    """Have the files of *server* searched for every credential at the end."""
    REGISTER.places += [server.log, server.folder / ".gatepass" / "gatepass.db"]


@pytest.fixture(params=MODES)
def dev(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Process]:
    with running(tmp_path, "dev", "--port", "0", "--mode", request.param) as server:
        keeps(server)
        yield server


def log_in(server: Process, client: httpx.Client, transport: str) -> dict[str, Any]:
    """A login as a program makes it that is no browser; with bearer tokens the client has them from then on."""
    told = client.post(f"{server.url}/auth/login", json={**ACCOUNT, "transport": transport})
    assert told.status_code == 200, told.text
    issued = registered(told.json())
    if transport == "bearer":
        client.headers["Authorization"] = f"Bearer {issued['access_token']}"
    else:
        REGISTER.credentials.update(value for name, value in client.cookies.items() if "gatepass" in name)
    return issued


# -- starting ----------------------------------------------------------------------------------------------------------


def test_it_starts_in_an_empty_folder_and_keeps_its_files_to_itself(tmp_path: Path) -> None:
    with running(tmp_path, "dev", "--port", "0") as server:
        said = server.said
        assert set(said["pages"]) == {"sign in", "sign up", "account", "decoder", "API"}
        assert said["files"] == str(tmp_path / ".gatepass")
        assert said["mode"] == "hybrid"
        for page in said["pages"].values():
            assert httpx.get(page, headers={"Accept": "text/html"}, follow_redirects=True).status_code == 200, page
    for path in (tmp_path / ".gatepass", *(tmp_path / ".gatepass").iterdir()):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_what_it_tells_people_is_where_things_are(tmp_path: Path) -> None:
    """The same in lines, as `make dev` shows it."""
    port = free_port()
    with running(tmp_path, "dev", "--port", str(port), lines=8) as server:
        text = "\n".join(server.said["lines"])
    for part in (
        f"http://127.0.0.1:{port}/login",
        "/signup",
        "/account",
        "/decoder",
        "/docs",
        str(tmp_path / ".gatepass"),
        "Ctrl-C",
    ):
        assert part in text


def test_a_port_that_is_taken_is_a_sentence(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        done = gatepass(tmp_path, "dev", "--port", str(taken.getsockname()[1]), code=2)

    assert [line.split()[0] for line in done.stderr.splitlines()] == ["Error:", "fix", "source"]
    assert "in use" in done.stderr


def test_a_host_that_is_not_here_is_a_sentence(tmp_path: Path) -> None:
    for host in ("192.0.2.1", "nowhere.invalid"):
        done = gatepass(tmp_path, "serve", "--host", host, "--port", "0", code=2, GATEPASS_ISSUER=PUBLIC)

        assert [line.split()[0] for line in done.stderr.splitlines()] == ["Error:", "fix", "source"]


@pytest.mark.parametrize("words", [("dev",), ("serve",), ("user", "add", "ada@example.com", "--password-file", "-")])
def test_a_folder_that_cannot_be_used_is_a_sentence(words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    done = gatepass(
        tmp_path,
        *words,
        said=PASSWORD,
        code=2,
        GATEPASS_ISSUER="http://localhost",
        GATEPASS_STORE="sqlite:///file/x.db",
    )

    assert [line.split()[0] for line in done.stderr.splitlines()] == ["Error:", "fix", "source"]


def test_keys_that_others_may_read_are_a_sentence_and_nothing_is_said_to_listen(tmp_path: Path) -> None:
    """Also where several workers would find out, each for itself."""
    (tmp_path / ".gatepass").mkdir(0o700)
    (tmp_path / ".gatepass" / "keys.json").touch(0o644)

    done = gatepass(tmp_path, "serve", "--workers", "2", "--port", "0", code=2, GATEPASS_ISSUER=PUBLIC)

    assert done.stdout == ""
    assert [line.split()[0] for line in done.stderr.splitlines()] == ["Error:", "fix", "source"]


def test_workers_that_cannot_start_end_the_server_with_a_code_that_says_so(tmp_path: Path) -> None:
    """Whoever watches over it starts it again. Here what makes a process a worker is broken, and nothing else."""
    planted = tmp_path / "planted"
    planted.mkdir()
    (planted / "sitecustomize.py").write_text("import os, sys\nif '--multiprocessing-fork' in sys.argv: os._exit(7)\n")
    paths = os.pathsep.join((str(planted), environment()["PYTHONPATH"]))

    done = gatepass(
        tmp_path, "serve", "--workers", "2", "--port", "0", code=3, GATEPASS_ISSUER=PUBLIC, PYTHONPATH=paths
    )

    assert done.stdout == ""
    assert "could not start: exit code 7" in json.loads(done.stderr.splitlines()[-1])["message"]


# -- what the shell does to a server that runs -------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["cookie", "bearer"])
def test_what_is_ended_from_the_shell_is_refused_on_the_next_request(dev: Process, transport: str) -> None:
    with httpx.Client() as client, httpx.Client() as other:
        assert client.post(f"{dev.url}/auth/signup", json=ACCOUNT).status_code == 201
        issued = log_in(dev, client, transport)
        kept = log_in(dev, other, transport)
        assert client.get(f"{dev.url}/auth/me").status_code == 200

        done = json.loads(gatepass(dev.folder, "session", "end", issued["session_id"], "--json").stdout)

        assert done == {"ended": [issued["session_id"]], "effective_within": 0}
        refused = client.get(f"{dev.url}/auth/me")
        assert (refused.status_code, refused.json()["code"]) == (401, "credential_revoked")
        assert other.get(f"{dev.url}/auth/me").json()["session_id"] == kept["session_id"]
        rows = {row["id"]: row["ended_reason"] for row in other.get(f"{dev.url}/auth/sessions").json()["sessions"]}
        assert rows == {issued["session_id"]: "operator", kept["session_id"]: None}


def test_a_user_that_is_disabled_is_out_at_once_and_stays_out(dev: Process) -> None:
    with httpx.Client() as client:
        subject = client.post(f"{dev.url}/auth/signup", json=ACCOUNT).json()["subject"]
        log_in(dev, client, "bearer")

        gatepass(dev.folder, "user", "disable", ACCOUNT["email"])

        assert client.get(f"{dev.url}/auth/me").status_code == 401
        del client.headers["Authorization"]
        assert client.post(f"{dev.url}/auth/login", json=ACCOUNT).json()["code"] == "login_failed"
        gatepass(dev.folder, "user", "enable", subject)
        assert httpx.post(f"{dev.url}/auth/login", json=ACCOUNT).status_code == 200


def test_a_user_that_is_added_from_the_shell_logs_in(tmp_path: Path) -> None:
    """Sign-up is off here, as it is where nothing else is said."""
    gatepass(tmp_path, "user", "add", ACCOUNT["email"], "--password-file", "-", said=PASSWORD)
    with running(tmp_path, "serve", "--port", "0", GATEPASS_ISSUER=PUBLIC) as server:
        keeps(server)
        told = httpx.post(f"{server.url}/auth/login", json={**ACCOUNT, "transport": "bearer"}, headers=SERVED)

        assert told.status_code == 200
        registered(told.json())
        assert httpx.post(f"{server.url}/auth/signup", json=ACCOUNT, headers=SERVED).status_code == 404
        assert httpx.get(f"{server.url}/login").status_code == 421
        # Where the address is https, also what is no HTTP is told so.
        with closing(socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE)) as connection:
            connection.sendall(b"nonsense\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(4_096), b""))
        assert b"\r\nStrict-Transport-Security: max-age=31536000\r\n" in answer
        assert b'"code":"request_malformed"' in answer


# -- whom it believes --------------------------------------------------------------------------------------------------

FORGED = {"X-Forwarded-For": "198.51.100.7", "X-Real-IP": "198.51.100.7", "Forwarded": "for=198.51.100.7"}


@pytest.mark.parametrize(
    ("proxies", "headers", "seen"),
    [
        ("", FORGED, "127.0.0.1"),
        ("192.0.2.1", FORGED, "127.0.0.1"),
        ("127.0.0.1", FORGED, "198.51.100.7"),
        ("127.0.0.0/8", {"X-Forwarded-For": "203.0.113.9, 198.51.100.7"}, "198.51.100.7"),
        ("127.0.0.1,198.51.100.7", {"X-Forwarded-For": "203.0.113.9, 198.51.100.7"}, "203.0.113.9"),
        ("127.0.0.1", {"X-Real-IP": "198.51.100.7", "Forwarded": "for=198.51.100.7"}, "127.0.0.1"),
    ],
)
def test_only_a_trusted_proxy_says_where_a_client_is(
    proxies: str, headers: dict[str, str], seen: str, tmp_path: Path
) -> None:
    with running(tmp_path, "dev", "--port", "0", GATEPASS_TRUSTED_PROXIES=proxies) as server:
        assert httpx.post(f"{server.url}/auth/signup", json=ACCOUNT, headers=headers).status_code == 201
        told = httpx.post(f"{server.url}/auth/login", json=ACCOUNT, headers=headers)
        assert told.status_code == 200

    row = json.loads(gatepass(tmp_path, "session", "show", told.json()["session_id"], "--json").stdout)
    assert row["ip"] == seen


# -- what it logs ------------------------------------------------------------------------------------------------------


def test_the_log_is_json_with_the_id_of_the_request_and_nothing_secret(dev: Process) -> None:
    with httpx.Client(headers=[(b"User-Agent", "Mozilla \u202e \x85".encode())]) as client:
        client.post(f"{dev.url}/auth/signup", json=ACCOUNT)
        told = client.post(f"{dev.url}/auth/login?hidden=query", json={**ACCOUNT, "transport": "bearer"})
        registered(told.json())
        wrong = {**ACCOUNT, "password": "seven boats and a bell"}
        assert client.post(f"{dev.url}/auth/login", json=wrong).status_code == 401
        client.get(f"{dev.url}/auth/me?token={told.json()['access_token']}")
    with closing(socket.create_connection(("127.0.0.1", dev.port), timeout=DEADLINE)) as connection:
        connection.sendall(b"GET /\x1b[2J HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 400")
    dev.end()

    text = dev.log.read_text()
    assert all(" " <= letter <= "~" or letter == "\n" for letter in text)
    for secret in (PASSWORD, wrong["password"], told.json()["access_token"], "hidden=query"):
        assert secret not in text
    [login] = [line for line in dev.lines() if line.get("event", {}).get("kind") == "login"]
    assert login["request_id"] == told.headers["X-Request-Id"]
    assert login["logger"] == "gatepass.events"
    assert login["process"] == dev.process.pid
    assert {line["event"]["kind"] for line in dev.lines() if "event" in line} >= {"signup", "login", "login_failed"}


# -- ending ------------------------------------------------------------------------------------------------------------


def in_flight(
    server: Process, host: str = "localhost", *, path: str = "/auth/refresh", length: int = 2, client: str = ""
) -> socket.socket:
    """A request that the server has taken and waits for: the rest of its body."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n"
        f"X-Forwarded-For: {client}\r\n"
    )
    # The server says so itself that it has read the headers and wants the body.
    connection.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
    assert connection.recv(100).startswith(b"HTTP/1.1 100")
    return connection


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=DEADLINE).close()
    except ConnectionRefusedError:
        return True
    return False


def until_it_takes_no_more(server: Process) -> None:
    until(lambda: refuses(server.port), "it still listens")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_is_in_flight_is_finished_and_nothing_new_is_taken(number: int, tmp_path: Path) -> None:
    with running(tmp_path, "dev", "--port", "0") as server, closing(in_flight(server)) as connection:
        server.process.send_signal(number)
        until_it_takes_no_more(server)
        assert server.process.poll() is None

        connection.sendall(b"{}")

        assert connection.recv(100).startswith(b"HTTP/1.1 401 ")
        assert server.process.wait(DEADLINE) in {0, -signal.SIGTERM}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_second_interrupt_ends_it_at_once(workers: int, tmp_path: Path) -> None:
    """As it comes from a keyboard: to every process of the group."""
    more = {"GATEPASS_ISSUER": "http://localhost:8400"}
    words = ("serve", "--port", "0", "--workers", str(workers))
    with running(tmp_path, *words, group=True, **more) as server:
        until_answered(server, Host="localhost:8400")
        with closing(socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE)) as connection:
            head = "POST /auth/refresh HTTP/1.1\r\nHost: localhost:8400\r\nContent-Type: application/json"
            connection.sendall(f"{head}\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n".encode())
            assert connection.recv(100).startswith(b"HTTP/1.1 100")
            os.killpg(server.process.pid, signal.SIGINT)
            until_it_takes_no_more(server)
            assert server.process.poll() is None
            os.killpg(server.process.pid, signal.SIGINT)
            server.process.wait(10)  # and not the 20 seconds that a farewell may take


@pytest.mark.parametrize("workers", [1, 2])
def test_what_takes_too_long_is_answered_when_the_server_ends(workers: int, tmp_path: Path) -> None:
    """As any fault is. It is no surprise, so the log has a line of it, and no traceback."""
    more = {"GATEPASS_ISSUER": PUBLIC, "PATIENCE": "20", "FAREWELL": "4"}
    words = ("serve", "--port", "0", "--workers", str(workers))
    with running(tmp_path, *words, module="support.impatient", **more) as server:
        until_answered(server, **SERVED)
        with closing(in_flight(server, "auth.example.com")) as connection:
            server.process.send_signal(signal.SIGTERM)
            answer = http_answer(connection)
        assert server.process.wait(DEADLINE) in {0, -signal.SIGTERM}

    assert_told_to_come_again(answer)
    assert answer.json()["detail"] == "the server is ending"
    [line] = [line for line in server.lines() if line.get("request_id") == answer.headers["x-request-id"]]
    assert (line["level"], line["message"]) == ("warning", f"request {line['request_id']} was cut off")
    assert not any("exception" in line for line in server.lines())


def test_who_waits_for_a_hash_is_told_to_come_again_when_the_server_ends(tmp_path: Path) -> None:
    """There may be more of them than time; what is being hashed is finished."""
    crowd = 60
    with running(tmp_path, "dev", "--port", "0", GATEPASS_TRUSTED_PROXIES="127.0.0.1") as server, ExitStack() as stack:
        waiting = {
            stack.enter_context(
                closing(in_flight(server, path="/auth/login", length=200, client=f"198.51.100.{number}"))
            ): f"user{number}@example.com"
            for number in range(crowd)
        }
        for connection, email in waiting.items():
            connection.sendall(json.dumps({**ACCOUNT, "email": email}).ljust(200).encode())
        first, *_ = select.select(list(waiting), [], [], DEADLINE)
        assert first, "nobody is answered"
        server.process.send_signal(signal.SIGTERM)
        answers = [http_answer(connection) for connection in waiting]
        assert server.process.wait(DEADLINE) in {0, -signal.SIGTERM}

    refused = [answer for answer in answers if answer.status_code != 401]
    assert 1 <= len(refused) < crowd
    for answer in refused:
        assert_told_to_come_again(answer)
    assert not any("exception" in line for line in server.lines())


def assert_told_to_come_again(answer: httpx.Response) -> None:
    """A fault with all headers that answers have."""
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["Cache-Control"] == "no-store"
    assert len(answer.headers["X-Request-Id"]) == 16
    assert {name: answer.headers[name] for name in GUARD} == GUARD


def http_answer(connection: socket.socket) -> httpx.Response:
    """The answer that comes on *connection*."""
    with closing(http.client.HTTPResponse(connection)) as found:
        found.begin()
        return httpx.Response(found.status, headers=found.getheaders(), content=found.read())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_does_not_answer_is_killed_when_the_server_is_told_twice(number: int, tmp_path: Path) -> None:
    with running(tmp_path, "serve", "--workers", "2", "--port", "0", GATEPASS_ISSUER=PUBLIC) as server:
        until_answered(server, **SERVED)
        still, other = workers_of(server)
        with frozen(still):
            server.process.send_signal(signal.SIGTERM)
            until(lambda: not lives(other), "the other one does not end")
            assert server.process.poll() is None

            server.process.send_signal(number)

            assert server.process.wait(10) == 0  # and not the 20 seconds that a farewell may take
            assert not lives(still)


def test_a_worker_that_does_not_answer_does_not_keep_the_server_for_ever(tmp_path: Path) -> None:
    """Whoever told it to end waits, and would have to look for the processes."""
    more = {"GATEPASS_ISSUER": PUBLIC, "PATIENCE": "10", "FAREWELL": "3"}
    words = ("serve", "--workers", "2", "--port", "0")
    with running(tmp_path, *words, module="support.impatient", **more) as server:
        until_answered(server, **SERVED)
        still, _ = both = workers_of(server)
        with frozen(still):
            server.process.send_signal(signal.SIGTERM)

            assert server.process.wait(10) == 0
            assert not any(map(lives, both))
    assert f"worker {still} is killed: it does not end" in [line["message"] for line in server.lines()]


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """A process that does nothing meanwhile, as on a machine that is out of memory."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def test_one_process_goes_on_after_a_reload(tmp_path: Path) -> None:
    """For many programs SIGHUP means that; it would log nobody in for as long as it takes to start again."""
    with running(tmp_path, "serve", "--port", "0", GATEPASS_ISSUER=PUBLIC) as server:
        server.process.send_signal(signal.SIGHUP)
        until(lambda: any("signals change neither" in line["message"] for line in server.lines()), "nothing is said")

        until_answered(server, **SERVED)
        assert server.end() in {0, -signal.SIGTERM}


def test_a_worker_goes_on_after_a_reload_too(tmp_path: Path) -> None:
    """Whoever sends the signal by name reaches all of them."""
    with running(tmp_path, "serve", "--workers", "2", "--port", "0", GATEPASS_ISSUER=PUBLIC) as server:
        until_answered(server, **SERVED)
        both = workers_of(server)
        for pid in both:
            os.kill(pid, signal.SIGHUP)
        until(
            lambda: {line["process"] for line in server.lines() if "signals change" in line["message"]} == set(both),
            "nothing is said",
        )

        assert workers_of(server) == both


@pytest.fixture
def hangs_up() -> Iterator[None]:
    """As a terminal has it: below `nohup` every process that is started would ignore the signal, and rightly."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hangs_up")
def test_development_ends_with_its_terminal(tmp_path: Path) -> None:
    with running(tmp_path, "dev", "--port", "0") as server:
        server.process.send_signal(signal.SIGHUP)

        assert server.process.wait(DEADLINE) == -signal.SIGHUP


def until_answered(server: Process, **headers: str) -> None:
    """Workers listen only when they have started; until then connections wait."""
    assert httpx.get(f"{server.url}/healthz", headers=headers, timeout=DEADLINE).status_code == 200


# -- several of them on one file ---------------------------------------------------------------------------------------


def test_workers_share_one_file_and_what_one_ends_all_refuse(tmp_path: Path) -> None:
    gatepass(tmp_path, "user", "add", ACCOUNT["email"], "--password-file", "-", said=PASSWORD)
    with running(tmp_path, "serve", "--workers", "3", "--port", "0", GATEPASS_ISSUER=PUBLIC) as server:
        keeps(server)

        def alone(path: str, method: str = "POST", **options: Any) -> httpx.Response:
            """On a connection of its own: whichever worker takes it."""
            headers = {**SERVED, **options.pop("headers", {})}
            return httpx.request(method, f"{server.url}{path}", headers=headers, timeout=DEADLINE, **options)

        def logins() -> dict[int, str]:
            """The workers that have logged somebody in, and a token of each."""
            found: dict[int, str] = {}
            for _ in range(200):
                told = alone("/auth/login", json={**ACCOUNT, "transport": "bearer"})
                assert told.status_code == 200, told.text
                issued = registered(told.json())
                [by] = [
                    line["process"]
                    for line in server.lines()
                    if line.get("event", {}).get("kind") == "login"
                    and line["request_id"] == told.headers["x-request-id"]
                ]
                found[by] = issued["access_token"]
                if len(found) == 2:
                    return found
            return pytest.fail("one worker does it all")

        tokens = logins()
        assert server.process.pid not in tokens
        for token in tokens.values():
            bearer = {"Authorization": f"Bearer {token}"}
            assert {alone("/auth/me", "GET", headers=bearer).status_code for _ in range(12)} == {200}
            assert alone("/auth/logout", headers=bearer).status_code == 204
            assert {alone("/auth/me", "GET", headers=bearer).status_code for _ in range(12)} == {401}
        workers = children(server.process.pid)
        server.end()

    until(lambda: not any(map(lives, workers)), "a worker is left behind")
    told = [line for line in server.lines() if line["process"] == server.process.pid and line["level"] == "info"]
    assert [line["message"] for line in told] == ["started", "ended"]


def test_a_worker_that_dies_is_replaced_and_none_outlives_its_parent(tmp_path: Path) -> None:
    """It would hold the port, and nobody could end it or start another server."""
    with running(tmp_path, "serve", "--workers", "2", "--port", "0", GATEPASS_ISSUER=PUBLIC) as server:
        first, second = workers_of(server)
        os.kill(first, signal.SIGKILL)
        until(lambda: len({second} | set(workers_of(server))) == 2 and not lives(first), "it was not replaced")
        until_answered(server, **SERVED)
        after = set(workers_of(server))
        assert second in after
        [line] = [line for line in server.lines() if line["level"] == "error"]
        assert f"worker {first} is dead: exit code -9; {(after - {second}).pop()} takes its place" == line["message"]

        server.process.kill()

        until(lambda: not any(map(lives, after)), "a worker serves on without its parent")
        assert refuses(server.port)


@pytest.mark.parametrize(("signup", "status"), [("off", 404), ("insecure_open", 422)])
def test_workers_serve_the_settings_that_were_checked_whatever_the_file_says_later(
    signup: str, status: int, tmp_path: Path
) -> None:
    """Neither a signal nor the death of a worker has the file read again. Also what was set at first is kept."""
    file = tmp_path / "gatepass.toml"
    file.write_text(f'issuer = "{PUBLIC}"\nsignup = "{signup}"\n')
    file.chmod(0o600)
    with running(tmp_path, "serve", "--workers", "2", "--port", "0") as server:
        first, _ = before = workers_of(server)
        file.write_text(f'issuer = "{PUBLIC}"\nsignup = "on"\n')
        server.process.send_signal(signal.SIGHUP)
        until(lambda: any("signals change neither" in line["message"] for line in server.lines()), "nothing is said")
        assert workers_of(server) == before
        os.kill(first, signal.SIGKILL)
        until(lambda: len(set(workers_of(server)) - set(before)) == 1, "it was not replaced")
        [third] = set(workers_of(server)) - set(before)
        os.kill(before[1], signal.SIGKILL)
        until(lambda: len(set(workers_of(server)) - {*before, third}) == 1, "it was not replaced")
        until_answered(server, **SERVED)

        found = {httpx.post(f"{server.url}/auth/signup", json={}, headers=SERVED).status_code for _ in range(6)}

    assert found == {status}


def test_a_server_whose_workers_fail_ends_when_it_is_told_to(tmp_path: Path) -> None:
    """It does not wait for the answer of one that is dead."""
    with running(tmp_path, "serve", "--workers", "2", "--port", "0", GATEPASS_ISSUER=PUBLIC) as server:
        (tmp_path / ".gatepass" / "keys.json").chmod(0o644)
        os.kill(workers_of(server)[0], signal.SIGKILL)
        until(lambda: any("it cannot start" in line["message"] for line in server.lines()), "it was not replaced")

        assert server.end() == 0


def test_signals_are_heard_while_a_worker_does_not_answer(tmp_path: Path) -> None:
    """One that is frozen for less than its time is waited for, and nothing else is held up by it."""
    with running(tmp_path, "serve", "--workers", "2", "--port", "0", GATEPASS_ISSUER=PUBLIC) as server:
        frozen = workers_of(server)[0]
        os.kill(frozen, signal.SIGSTOP)

        def heard(times: int) -> bool:
            return sum("change neither" in line.get("message", "") for line in server.lines()) >= times

        for times in (1, 2, 3):  # the first may come before the worker is asked
            server.process.send_signal(signal.SIGHUP)
            until(partial(heard, times), "a signal was not heard")
        os.kill(frozen, signal.SIGCONT)

        assert frozen in workers_of(server), "and it goes on"
        assert server.end() == 0


def until(holds: Callable[[], bool], else_: str) -> None:
    tick = threading.Event()
    for _ in range(int(DEADLINE * 50)):
        if holds():
            return
        tick.wait(0.02)
    pytest.fail(else_)


def lives(pid: int) -> bool:
    """Whether there is such a process; one that is dead and was not looked after is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def workers_of(server: Process) -> list[int]:
    """Its processes that serve; not that of Python which tidies up after it."""
    found = []
    for pid in children(server.process.pid):
        with suppress(OSError):
            if b"--multiprocessing-fork" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def children(pid: int) -> list[int]:
    file = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in file.read_text().split()] if file.exists() else []


class Restless(threading.Thread):
    """A client at full speed. Hung up on by one server it asks the other, once, and counts what failed all the same."""

    def __init__(self, ports: list[int], token: str, stop: threading.Event) -> None:
        super().__init__()
        self._ports, self._stop_ = ports, stop
        self._headers = {**SERVED, "Authorization": f"Bearer {token}"}
        self.done = 0
        self.retried = 0
        self.failed: list[str] = []

    def run(self) -> None:
        with ExitStack() as stack:
            clients = [stack.enter_context(httpx.Client(timeout=DEADLINE)) for _ in self._ports]
            while not self._stop_.is_set():
                turn = self.done % 2
                self.done += 1
                first = self._asked(clients[turn], turn)
                if first is None:
                    self.retried += 1
                    first = self._asked(clients[1 - turn], 1 - turn)
                if first != 200:
                    self.failed.append(str(first))

    def _asked(self, client: httpx.Client, turn: int) -> int | None:
        url = f"http://127.0.0.1:{self._ports[turn]}"
        try:
            if self.done % 5:
                return client.get(f"{url}/auth/me", headers=self._headers).status_code
            return client.post(f"{url}/auth/sessions/end-others", headers=self._headers).status_code
        except httpx.TransportError:
            return None


def test_twenty_restarts_under_load_lose_no_request(tmp_path: Path) -> None:
    """Two servers on one file are restarted in turn; whoever is hung up on asks the other one, once."""
    gatepass(tmp_path, "user", "add", ACCOUNT["email"], "--password-file", "-", said=PASSWORD)
    ports = [free_port(), free_port()]

    def begin(turn: int) -> Process:
        found = start(tmp_path, "serve", "--port", str(ports[turn]), GATEPASS_ISSUER=PUBLIC)
        until_answered(found)
        return found

    servers = [begin(0), begin(1)]
    stop = threading.Event()
    try:
        bearer = {**ACCOUNT, "transport": "bearer"}
        told = httpx.post(f"{servers[0].url}/auth/login", json=bearer, headers=SERVED, timeout=DEADLINE)
        crowd = [Restless(ports, registered(told.json())["access_token"], stop) for _ in range(4)]
        for one in crowd:
            one.start()
        for number in range(20):
            turn = number % 2
            assert servers[turn].end() in {0, -signal.SIGTERM}
            servers[turn] = begin(turn)
        stop.set()
        for one in crowd:
            one.join(DEADLINE)
    finally:
        stop.set()
        for server in servers:
            server.end()

    assert [one.failed for one in crowd] == [[]] * 4
    assert all(one.done > 20 for one in crowd)
    assert sum(one.retried for one in crowd) >= 20  # each restart was felt by somebody
