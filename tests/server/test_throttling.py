"""Guesses: how many there are, for whom, from where, and what they cost the others."""

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import argon2
import httpx
import pytest
from support.asgi import FORM, JSON, PAGE, Pair, Reply
from support.command import Process, running, until_it_answers
from support.inside import ANOTHER, EMAIL, PASSWORD, WRONG, Inside, Visitor, hashed, inside
from support.server import free_port

from gatepass import MODES, Mode
from gatepass.accounts.passwords import CONCURRENT, WAITING
from gatepass.configured import MOST_CLIENT
from gatepass.core.throttle import ACCOUNT, ADDRESS, IN_A_ROW, SIGNUP
from gatepass.errors import StoreError

pytestmark = pytest.mark.usefixtures("quick")

LIMIT = ACCOUNT[0].limit
TYPED = [JSON, ("sec-fetch-site", "same-origin")]


@pytest.fixture
def server() -> Iterator[Inside]:
    with inside(signup="insecure_open") as server:
        server.user()
        yield server


def said(password: str, email: str = EMAIL) -> bytes:
    return json.dumps({"email": email, "password": password}).encode()


def guess(
    server: Inside, password: str = WRONG, *, email: str = EMAIL, ip: str = "192.0.2.7", agent: str = "a guesser"
) -> Reply:
    """Of somebody whose device is not known."""
    headers = [*TYPED, ("user-agent", agent)]
    return server.wire.send("POST", "/auth/login", headers, said(password, email), client=(ip, 4711))


def at_once(server: Inside, bodies: list[bytes], **scope: Any) -> list[Reply]:
    """All of them have arrived before one is answered: each waits at the end of its body for the others."""

    async def run() -> list[Reply]:
        barrier = asyncio.Barrier(len(bodies))

        async def one(body: bytes) -> Reply:
            sent: list[Any] = []

            async def receive() -> dict[str, Any]:
                await barrier.wait()
                return {"type": "http.request", "body": body, "more_body": False}

            async def send(message: Any) -> None:
                sent.append(message)

            head = server.wire.scope("http", "/auth/login", TYPED, None)
            await server.app({**head, "method": "POST", **scope}, receive, send)
            start, *rest = sent
            headers = tuple((name.decode(), value.decode()) for name, value in start["headers"])
            return Reply(start["status"], headers, b"".join(message.get("body", b"") for message in rest))

        return await asyncio.gather(*map(one, bodies))

    replies: list[Reply] = server.wire.run(run())
    return replies


# -- L2: exact under parallel requests ---------------------------------------------------------------------------------


def test_of_500_guesses_at_one_moment_five_are_looked_at(server: Inside) -> None:
    """Each is counted before its hash is made. One of the 500 is right, and nobody is told which."""
    replies = at_once(server, [said(f"a guess of somebody {number}") for number in range(500)])

    assert server.hashes == LIMIT == 5
    assert sorted(reply.status for reply in replies) == [401] * 5 + [429] * 495
    assert {reply.one("retry-after") for reply in replies if reply.status == 429} <= {str(n) for n in range(1, 61)}
    assert [line["event"]["reason"] for line in server.events("login_failed")].count("login_failed") == LIMIT


def test_of_guesses_at_one_moment_at_several_processes_five_are_looked_at(tmp_path: Path) -> None:
    """They count in one store, each in one atomic step."""
    url = f"http://127.0.0.1:{(port := free_port())}"

    async def run() -> list[int]:
        limits = httpx.Limits(max_connections=40, max_keepalive_connections=0)
        async with httpx.AsyncClient(base_url=url, limits=limits, timeout=20) as http:
            body = {"email": EMAIL, "password": WRONG}
            answers = await asyncio.gather(*(http.post("/auth/login", json=body) for _ in range(40)))
        return sorted(answer.status_code for answer in answers)

    words = ("serve", "--workers", "2", "--port", str(port))
    with running(
        tmp_path, *words, GATEPASS_ISSUER=url, GATEPASS_STORE=f"sqlite:///{tmp_path}/kept/gatepass.db"
    ) as server:
        until_it_answers(url)
        assert asyncio.run(run()) == [401] * LIMIT + [429] * (40 - LIMIT)
        failed = [line for line in server.lines() if line.get("event", {}).get("kind") == "login_failed"]
        assert [line["event"]["reason"] for line in failed].count("login_failed") == LIMIT


def test_of_500_guesses_at_500_accounts_from_one_address_60_are_looked_at(server: Inside) -> None:
    replies = at_once(server, [said(WRONG, f"user{number}@example.com") for number in range(500)])

    assert server.hashes == ADDRESS[0].limit == 60
    assert sorted(reply.status for reply in replies) == [401] * 60 + [429] * 440


def test_of_parallel_logins_with_the_right_password_all_get_in(server: Inside) -> None:
    """The honest twin: a success takes its count back, so ten in a row are ten logins."""
    for _ in range(2 * LIMIT):
        assert guess(server, PASSWORD).status == 200


# -- L1, L3: a stranger locks nobody out -------------------------------------------------------------------------------


def test_an_attacker_at_full_rate_for_long_locks_no_known_device_out(server: Inside) -> None:
    """Ten hours from ever new addresses: 100 guesses in all, and the person at their own device notices nothing."""
    ada = Visitor(server, "session", "cookie")
    assert ada.log_in().status == 200
    before, looked_at, mine = server.hashes, 0, 0
    for minute in range(600):
        for _ in range(2):
            reply = guess(server, ip=f"198.51.{minute % 256}.{minute // 256}")
            assert reply.status in {401, 429}
            looked_at += reply.status == 401
        server.clock.now += 60
        if minute % 200 == 100:
            ended = ada.send("POST", "/auth/logout")
            assert ended.status == 204
            assert ada.log_in().status == 200
            mine += 1
    assert (mine, looked_at) == (3, server.hashes - before - mine)
    assert looked_at <= 4 * IN_A_ROW.limit  # three logins of the person began the count anew


def test_after_100_wrong_in_a_row_only_a_known_device_gets_in(server: Inside) -> None:
    """NIST SP 800-63B-4 section 3.2.2. The right password from a device that is not known is not even looked at."""
    ada = Visitor(server, "session", "cookie")
    assert ada.log_in().status == 200
    before = server.hashes
    for number in range(2_000):
        _ = guess(server, ip=f"198.51.100.{number % 256}")
        server.clock.now += 61
        if server.hashes - before == IN_A_ROW.limit:
            break
    assert server.hashes - before == IN_A_ROW.limit == 100
    server.clock.now += 30 * 86_400
    refused = guess(server, PASSWORD, ip="203.0.113.1")
    assert refused.status == 429
    assert refused.one("retry-after") == "900", "nobody is told to wait for a year"
    assert server.hashes - before == 100

    assert ada.log_in().status == 200
    assert guess(server, PASSWORD, ip="203.0.113.1").status == 200


def test_strangers_who_share_an_address_lock_no_known_device_out(server: Inside) -> None:
    """An office, a mobile network, a proxy that is not known as one: all of them have one address."""
    ada = Visitor(server, "session", "cookie")
    assert ada.log_in().status == 200
    statuses = [guess(server, email=f"user{number}@example.com").status for number in range(ADDRESS[0].limit)]
    assert statuses == [401] * (ADDRESS[0].limit - 1) + [429]
    assert guess(server, PASSWORD).status == 429, "whoever is not known waits"

    assert ada.log_in().status == 200


def test_tries_that_nobody_looked_at_fill_no_log(server: Inside) -> None:
    """A line a second, whatever their number; and what a browser says of itself is cut."""
    for _ in range(LIMIT):
        assert guess(server).status == 401
    for _ in range(50):
        assert guess(server, agent="\xe9" * 31_000).status == 429
    refused = [line for line in server.events("login_failed") if line["event"]["reason"] == "throttled"]
    assert len(refused) == 1
    assert len(refused[0]["event"]["client"]["user_agent"]) == MOST_CLIENT

    server.clock.now += 1
    assert guess(server).status == 429
    assert len(server.events("login_failed")) == LIMIT + 2


def test_a_known_device_has_as_few_guesses_as_anybody(server: Inside) -> None:
    """Whoever steals one cannot guess faster with it."""
    ada = Visitor(server, "session", "cookie")
    assert ada.log_in().status == 200
    before = server.hashes
    assert [ada.log_in(password=WRONG).status for _ in range(LIMIT + 3)] == [401] * LIMIT + [429] * 3
    assert server.hashes - before == LIMIT


def test_a_device_is_known_to_those_who_logged_in_on_it_only(server: Inside) -> None:
    """A stranger with an account of their own brings a device cookie, and is a stranger."""
    server.user("eve@example.com", ANOTHER)
    eve = Visitor(server, "session", "cookie")
    assert eve.log_in("eve@example.com", ANOTHER).status == 200
    for _ in range(LIMIT):
        assert guess(server).status == 401

    assert eve.log_in(EMAIL, PASSWORD).status == 429


def test_a_wrong_current_password_counts_as_a_guess(server: Inside) -> None:
    """Whoever finds an open browser does not find out the password there."""
    ada = Visitor(server, "session", "cookie")
    assert ada.log_in().status == 200
    change = {"current": WRONG, "new": ANOTHER}
    statuses = [ada.send("POST", "/auth/password", change).status for _ in range(LIMIT + 2)]

    assert statuses == [401] * LIMIT + [429] * 2
    assert ada.send("GET", "/auth/me").status == 200


@pytest.mark.parametrize("mode", MODES)
def test_strangers_keep_nobody_who_is_logged_in_from_changing_the_password(server: Inside, mode: Mode) -> None:
    """A program has no cookie of a device: the session that it has just proved is its count."""
    ada = Visitor(server, mode, "bearer")
    assert ada.log_in().status == 200
    ada.browser.jar.clear()
    for number in range(LIMIT):
        assert guess(server, ip=f"198.51.100.{number}").status == 401
    assert guess(server, PASSWORD).status == 429, "whoever is not known waits"

    assert ada.send("POST", "/auth/password", {"current": PASSWORD, "new": ANOTHER}).status == 200


def test_the_thief_of_a_session_keeps_no_other_session_from_changing_the_password(server: Inside) -> None:
    """And has as few guesses as anybody, in a row, too."""
    thief, ada = Visitor(server, "session", "bearer"), Visitor(server, "session", "bearer")
    assert thief.log_in().status == ada.log_in().status == 200
    for program in (thief, ada):
        program.browser.jar.clear()
    before = server.hashes

    def thieve() -> str | None:
        server.clock.now += 61
        return thief.send("POST", "/auth/password", {"current": WRONG, "new": ANOTHER}).one("retry-after")

    assert "900" in (thieve() for _ in range(2_000))
    assert server.hashes - before == IN_A_ROW.limit == 100

    assert ada.send("POST", "/auth/password", {"current": PASSWORD, "new": ANOTHER}).status == 200


def test_sign_ups_of_one_address_are_counted(server: Inside) -> None:
    statuses = []
    for number in range(12):
        said = {"email": f"user{number}@example.com", "password": "too short"}
        statuses.append(server.browser().post("/auth/signup", said).status)

    assert statuses == [422] * 10 + [429] * 2


# -- L4: nothing tells who has an account ------------------------------------------------------------------------------

WHO = ("wrong", "unknown", "disabled, wrong", "disabled, right")


def told(server: Inside, who: str, page: bool) -> tuple[Reply, int]:
    """What is answered, and how many hashes it cost."""
    email = {"wrong": EMAIL, "unknown": "nobody@example.com"}.get(who, "grace@example.com")
    password = PASSWORD if who == "disabled, right" else WRONG
    before = server.hashes
    if page:
        text = f"email={email}&password={password}".replace("@", "%40").replace(" ", "+").encode()
        headers: list[Pair] = [FORM, PAGE, ("sec-fetch-site", "same-origin")]
        reply = server.wire.send("POST", "/login", headers, text)
    else:
        reply = guess(server, password, email=email)
    return reply, server.hashes - before


@pytest.mark.parametrize("page", [False, True], ids=["json", "page"])
def test_unknown_wrong_and_disabled_are_answered_in_the_same_bytes(server: Inside, page: bool) -> None:
    """And each costs one hash. Only the id of the request differs, and on the page what was typed."""
    grace = server.user("grace@example.com")
    server.parts.users.disable(grace.id, server.parts.now())
    seen = set()
    for who in WHO:
        reply, hashes = told(server, who, page)
        assert (reply.status, hashes) == (401, 1), who
        headers = tuple(sorted((name, value) for name, value in reply.headers if name != "x-request-id"))
        body = reply.body
        for email in (EMAIL, "nobody@example.com", "grace@example.com"):
            body = body.replace(email.encode(), b"EMAIL")
        if page:
            headers = tuple((name, value) for name, value in headers if name != "content-length")
        seen.add((headers, body))
    assert len(seen) == 1


def test_an_account_that_is_not_there_is_throttled_like_one_that_is(server: Inside) -> None:
    def statuses(email: str) -> list[tuple[int, str | None, bytes]]:
        replies = [guess(server, email=email) for _ in range(LIMIT + 2)]
        return [(reply.status, reply.one("retry-after"), reply.body) for reply in replies]

    assert statuses("nobody@example.com") == statuses(EMAIL)


def test_the_spelling_of_an_address_buys_no_guesses(server: Inside) -> None:
    """Row L9: written in one way only before anything is counted."""
    spellings = [
        EMAIL,
        "ADA@example.com",
        "ada@EXAMPLE.com",
        " ada@example.com ",
        "\uff41da@example.com",
        "Ada@Example.Com",
    ]
    statuses = [guess(server, email=spelling).status for spelling in spellings]

    assert statuses == [401] * LIMIT + [429]
    for several in ("ada@example.com,eve@example.com", "ada@example.com\0", "a" * 10_000 + "@example.com"):
        assert guess(server, email=several).status == 422


# -- L5: what logins cost the others -----------------------------------------------------------------------------------


def test_200_logins_at_once_hash_a_few_at_a_time_while_others_are_served(server: Inside) -> None:
    """Seen at the pool: no more threads than may hash, so no more memory than these take."""
    ada = Visitor(server, "session", "bearer")
    user = server.parts.users.by_email(EMAIL)
    assert user is not None
    ada.come_in(user)
    crowd = [f"user{number}@example.com" for number in range(200)]
    served = 0

    async def run() -> list[Reply]:
        nonlocal served
        requests = [
            asyncio.create_task(
                server.wire.request(
                    "POST", "/auth/login", TYPED, said(WRONG, email), client=(f"198.51.100.{number}", 4711)
                )
            )
            for number, email in enumerate(crowd)
        ]
        while not all(request.done() for request in requests):
            me = await server.wire.request("GET", "/auth/me", ada.proof())
            assert me.status == 200
            served += 1
            await asyncio.sleep(0)
        return [await request for request in requests]

    replies = server.wire.run(run())

    assert {reply.status for reply in replies} == {401}
    assert server.hashes == 200
    assert len(server.parts.passwords._strangers._threads._threads) == CONCURRENT == 4
    assert served >= 10


def test_whoever_comes_when_too_many_wait_is_asked_to_come_again(server: Inside) -> None:
    """A fault for now, and no refusal: nobody was looked at."""
    more = 40
    parts = server.parts
    held = threading.Event()
    # The pool is held: as many hash as may, and as many wait, without a single hash being made.
    network = "192.0.2.7"  # as the guesses: whoever comes from elsewhere takes the place of one of these
    futures = [parts.passwords._submit(held.wait, "", network) for _ in range(CONCURRENT + WAITING)]
    try:
        replies = [guess_soon(server, email=f"user{number}@example.com") for number in range(more)]
        assert {(reply.status, reply.code, reply.one("retry-after")) for reply in replies} == {
            (503, "store_unavailable", "1")
        }
        elsewhere = server.wire.run(in_line(server, "203.0.113.9"))
    finally:
        held.set()
    with pytest.raises(StoreError):
        futures.pop().result(10)  # whoever asks for most made room
    for future in futures:
        future.result(10)
    assert server.wire.run(asyncio.wait_for(elsewhere, 10)).status == 200
    assert guess(server, PASSWORD).status == 200


async def in_line(server: Inside, ip: str) -> "asyncio.Task[Reply]":
    """A login with the right password from *ip*, once it waits for its hash in the line of that address."""
    asked = asyncio.create_task(server.wire.request("POST", "/auth/login", TYPED, said(PASSWORD), client=(ip, 4711)))
    try:
        async with asyncio.timeout(10):
            while ip not in server.parts.passwords._strangers._queues:
                assert not asked.done(), asked.result()
                await asyncio.sleep(0)
    except TimeoutError:
        asked.cancel()
        raise
    return asked


def guess_soon(server: Inside, email: str) -> Reply:
    """As `guess`, of the right password, and by a deadline: whoever waits for a pool that is held is found out."""
    asked = server.wire.request("POST", "/auth/login", TYPED, said(PASSWORD, email), client=("192.0.2.7", 4711))
    reply: Reply = server.wire.run(asyncio.wait_for(asked, 10))
    return reply


@pytest.mark.parametrize("what", ["login", "signup", "password"])
def test_a_try_that_nobody_had_room_for_is_no_guess(server: Inside, what: str) -> None:
    """Who is told to come again in a second comes again, and is not told to wait for a minute then."""
    ada = Visitor(server, "session", "bearer")
    assert ada.log_in().status == 200
    user, pool = server.parts.users.by_email(EMAIL), server.parts.passwords
    assert user is not None
    path, body = {
        "login": ("/auth/login", {"email": EMAIL, "password": PASSWORD}),
        "signup": ("/auth/signup", {"email": "grace@example.com", "password": PASSWORD}),
        "password": ("/auth/password", {"current": PASSWORD, "new": ANOTHER}),
    }[what]
    proof = ada.proof() if what == "password" else []
    known = user.id if what == "password" else ""
    held = threading.Event()
    most = (1 if known else CONCURRENT) + WAITING
    futures = [pool._submit(held.wait, known, "192.0.2.7") for _ in range(most)]

    def tried() -> Reply:
        asked = server.wire.request("POST", path, [*TYPED, *proof], json.dumps(body).encode())
        reply: Reply = server.wire.run(asyncio.wait_for(asked, 10))
        return reply

    try:
        replies = [tried() for _ in range(2 * SIGNUP[0].limit)]
    finally:
        held.set()
    for future in futures:
        future.result(10)

    assert {reply.status for reply in replies} == {503}
    assert server.events("login_failed") == []
    assert tried().status in {200, 201}


# -- L11: who asks -----------------------------------------------------------------------------------------------------


def test_nobody_says_for_himself_where_he_is(tmp_path: Any) -> None:
    """Forged headers change neither the count nor what the device list shows, unless a proxy is trusted."""
    forged = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP")
    with running(tmp_path, "dev", "--port", "0") as server, httpx.Client(base_url=server.url) as http:
        statuses, headers = [], {}
        for number in range(SIGNUP[0].limit + 2):
            ip = f"198.51.100.{number}"
            headers = {name: f"for={ip}" if name == "Forwarded" else ip for name in forged}
            answer = http.post("/auth/signup", json={"email": EMAIL, "password": "short"}, headers=headers)
            statuses.append(answer.status_code)
        assert statuses == [422] * SIGNUP[0].limit + [429] * 2
        _ = http.post("/auth/login", json={"email": EMAIL, "password": WRONG}, headers=headers)
        assert clients(server) == {"127.0.0.1"}


def test_a_trusted_proxy_says_where_its_clients_are(tmp_path: Any) -> None:
    """The honest twin. What the client added in front is not believed: the last hop counts."""
    with (
        running(tmp_path, "dev", "--port", "0", GATEPASS_TRUSTED_PROXIES="127.0.0.1") as server,
        httpx.Client(base_url=server.url) as http,
    ):
        for hop in ("198.51.100.1", "198.51.100.2"):
            statuses, headers = [], {}
            for number in range(SIGNUP[0].limit + 2):
                headers = {"X-Forwarded-For": f"203.0.113.{number}, {hop}"}
                answer = http.post("/auth/signup", json={"email": EMAIL, "password": "short"}, headers=headers)
                statuses.append(answer.status_code)
            assert statuses == [422] * SIGNUP[0].limit + [429] * 2
            _ = http.post("/auth/login", json={"email": EMAIL, "password": WRONG}, headers=headers)
        assert clients(server) == {"198.51.100.1", "198.51.100.2"}


def clients(server: Process) -> set[str]:
    """Where the log says that they were."""
    return {line["event"]["client"]["ip"] for line in server.lines() if "event" in line}


# -- races about passwords ---------------------------------------------------------------------------------------------


class Meanwhile:
    """A directory of users in which something happens right after a password was looked up to be checked."""

    def __init__(self, users: Any, deed: Any) -> None:
        self._users, self._deed = users, deed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._users, name)

    def by_email(self, email: str) -> Any:
        found = self._users.by_email(email)
        deed, self._deed = self._deed, lambda: None
        deed()
        return found


def outdated(password: str) -> str:
    """A hash of *password* under parameters of yesterday."""
    return argon2.PasswordHasher(time_cost=1, memory_cost=4_096, parallelism=1).hash(password)


@pytest.mark.parametrize("kept", [hashed, outdated])
@pytest.mark.parametrize("change", ["password", "disabled"])
def test_a_login_that_was_begun_before_a_change_is_refused_after_it(server: Inside, kept: Any, change: str) -> None:
    """What was proved is the old password. Neither is the hash of the new one taken for a renewed one."""
    grace = server.user("grace@example.com")
    users, now = server.parts.users, server.parts.now()
    assert users.set_password(grace.id, kept(PASSWORD), now) is not None
    deed = {
        "password": lambda: users.set_password(grace.id, hashed(ANOTHER), now),
        "disabled": lambda: users.disable(grace.id, now),
    }[change]
    server.app.state.parts = replace(server.parts, users=Meanwhile(users, deed))

    reply = guess(server, PASSWORD, email="grace@example.com")

    assert (reply.status, reply.code) == (401, "login_failed")
    assert reply.cookies == []
    rows = server.wire.run(server.parts.auth.sessions(grace.id))
    assert [row for row in rows if row.ended_at is None] == []


def test_two_logins_that_renew_one_hash_both_get_in(server: Inside) -> None:
    """The honest twin: the one that comes second finds a hash that it did not know, of the same password."""
    grace = server.user("grace@example.com")
    old = outdated(PASSWORD)
    assert server.parts.users.set_password(grace.id, old, server.parts.now()) is not None

    replies = at_once(server, [said(PASSWORD, "grace@example.com")] * LIMIT)

    assert [reply.status for reply in replies] == [200] * LIMIT
    now = server.parts.users.by_id(grace.id)
    assert now is not None
    assert now.password_hash != old


@pytest.mark.parametrize("mode", MODES)
def test_of_logins_and_a_change_at_one_moment_none_stays_under_the_old_password(server: Inside, mode: Mode) -> None:
    """Whatever the order: what is left over is the session that changed it."""
    for round_ in range(6):
        email = f"user{round_}@example.com"
        user = server.user(email)
        ada = Visitor(server, mode, "bearer")
        ada.come_in(user)
        change = json.dumps({"current": PASSWORD, "new": ANOTHER}).encode()

        async def run(ada: Visitor = ada, change: bytes = change, email: str = email) -> list[Reply]:
            return await asyncio.gather(
                *(server.wire.request("POST", "/auth/login", TYPED, said(PASSWORD, email)) for _ in range(3)),
                server.wire.request("POST", "/auth/password", [*TYPED, *ada.proof()], change),
            )

        *logins, changed = server.wire.run(run())

        assert changed.status == 200, changed.body
        assert {reply.status for reply in logins} <= {200, 401}
        rows = server.wire.run(server.parts.auth.sessions(user.id))
        live = [row.id for row in rows if row.ended_at is None]
        assert live == [changed.json["credentials"]["session_id"]]
        server.clock.now += 61


def test_of_four_changes_at_one_moment_one_wins(server: Inside) -> None:
    """The other one's current password is not the current one any more."""
    user = server.user("grace@example.com")
    visitors = [Visitor(server, "session", "bearer") for _ in range(4)]
    for visitor in visitors:
        visitor.come_in(user)

    async def run() -> list[Reply]:
        bodies = [json.dumps({"current": PASSWORD, "new": f"{ANOTHER} {n}"}).encode() for n in range(4)]
        return await asyncio.gather(
            *(
                server.wire.request("POST", "/auth/password", [*TYPED, *visitor.proof()], body)
                for visitor, body in zip(visitors, bodies, strict=True)
            )
        )

    replies = server.wire.run(run())

    assert sorted(reply.status for reply in replies) == [200, 401, 401, 401]
    rows = server.wire.run(server.parts.auth.sessions(user.id))
    assert len([row for row in rows if row.ended_at is None]) == 1
