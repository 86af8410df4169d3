"""The same form sent twice, as by a double click: both answers say that it is done, and both carry a live session.

Which of them a browser keeps is its own affair: it is the one that arrives last.
"""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from support.asgi import FORM, JSON, PAGE, Browser, Pair, Reply
from support.inside import ANOTHER, EMAIL, PASSWORD, WRONG, Inside, Visitor, hashed, inside

from gatepass import MODES, Mode
from gatepass.core.flow import Add, Question
from gatepass.core.throttle import ACCOUNT
from gatepass.errors import StoreError
from gatepass.server.people import MOMENT

pytestmark = pytest.mark.usefixtures("quick")

LIMIT = ACCOUNT[0].limit
SENT: list[Pair] = [FORM, PAGE, ("sec-fetch-site", "same-origin")]
CHANGE = {"email": EMAIL, "current": PASSWORD, "new": ANOTHER}


@pytest.fixture(params=MODES)
def server(request: pytest.FixtureRequest) -> Iterator[Inside]:
    with inside(signup="insecure_open", mode=request.param) as server:
        yield server


@pytest.fixture
def hybrid() -> Iterator[Inside]:
    with inside(signup="insecure_open", mode="hybrid") as server:
        yield server


def member(server: Inside, mode: Mode | None = None, transport: str = "cookie") -> Visitor:
    """Somebody with an account since some time, who is logged in."""
    user = server.user()
    server.clock.now += 1_000
    visitor = Visitor(server, mode or server.parts.settings.mode, transport)
    visitor.come_in(user)
    return visitor


def twice(browser: Browser, path: str, **fields: str) -> list[Reply]:
    """Both have arrived before one is answered: each waits at the end of its form for the other."""
    body = urlencode(fields).encode()

    async def run() -> list[Reply]:
        barrier = asyncio.Barrier(2)

        async def one() -> Reply:
            sent: list[Any] = []

            async def receive() -> dict[str, Any]:
                await asyncio.wait_for(barrier.wait(), 10)
                return {"type": "http.request", "body": body, "more_body": False}

            async def send(message: Any) -> None:
                sent.append(message)

            head = browser.wire.scope("http", path, [*browser.cookie(path), *SENT], None)
            await browser.wire.app({**head, "method": "POST"}, receive, send)
            start, *rest = sent
            headers = tuple((name.decode(), value.decode()) for name, value in start["headers"])
            return Reply(start["status"], headers, b"".join(message.get("body", b"") for message in rest))

        return list(await asyncio.gather(one(), one()))

    replies: list[Reply] = browser.wire.run(run())
    return replies


def submit(browser: Browser, path: str, **fields: str) -> Reply:
    """Without a look at the cookies of the answer."""
    return browser.wire.send("POST", path, [*browser.cookie(path), *SENT], urlencode(fields).encode())


def shown(browser: Browser, reply: Reply) -> str:
    """The page that a browser comes to which keeps the cookies of *reply*."""
    kept = Browser(browser.wire, dict(browser.jar))
    _ = kept.keep(reply)
    assert reply.status == 303, reply.body
    page = kept.get(reply.one("location") or "", [PAGE])
    assert page.status == 200, page.headers
    return page.body.decode()


# -- a change of password ----------------------------------------------------------------------------------------------


def test_a_change_of_password_that_is_sent_twice_is_done_twice(server: Inside) -> None:
    ada = member(server)
    before = server.hashes

    replies = twice(ada.browser, "/account/password", **CHANGE)

    for reply in replies:
        text = shown(ada.browser, reply)
        assert "Your password is changed." in text
        assert "not changed" not in text
    assert server.hashes - before <= 2 * 3
    assert len(server.events("password")) == 1
    assert Visitor(server, "session", "bearer").log_in(password=ANOTHER).status == 200
    assert Visitor(server, "session", "bearer").log_in(password=PASSWORD).status == 401


def test_a_change_that_comes_again_after_its_answer_was_lost_is_done(server: Inside) -> None:
    """The first one ended the session that the second one comes with."""
    ada = member(server)
    first = submit(ada.browser, "/account/password", **CHANGE)
    assert "Your password is changed." in shown(ada.browser, first)

    again = submit(ada.browser, "/account/password", **CHANGE)

    assert "Your password is changed." in shown(ada.browser, again)
    assert "Your password is changed." in shown(ada.browser, first), "whichever the browser keeps"


@pytest.mark.parametrize(
    "fields",
    [{**CHANGE, "new": WRONG}, {**CHANGE, "email": "eve@example.com"}, {**CHANGE, "email": ""}, {"current": PASSWORD}],
)
def test_a_change_with_an_ended_session_and_another_password_opens_nothing(
    hybrid: Inside, fields: dict[str, str]
) -> None:
    ada = member(hybrid)
    assert submit(ada.browser, "/account/password", **CHANGE).status == 303

    again = submit(ada.browser, "/account/password", **fields)

    assert (again.status, again.one("location"), again.cookies) == (303, "/account?again=true", [])


@pytest.mark.parametrize("ended", ["later", "logged out"])
def test_only_a_change_of_a_moment_ago_comes_again(hybrid: Inside, ended: str) -> None:
    """And only where that change ended the session, and nobody else."""
    ada = member(hybrid)
    if ended == "later":
        assert submit(ada.browser, "/account/password", **CHANGE).status == 303
        hybrid.clock.now += MOMENT + 1
    else:
        users, user = hybrid.parts.users, hybrid.parts.users.by_email(EMAIL)
        assert user is not None
        users.set_password(user.id, hashed(ANOTHER), hybrid.parts.now(), keep=ada.said["session_id"])
        hybrid.wire.run(hybrid.parts.auth.revoke(session=ada.said["session_id"]))

    again = submit(ada.browser, "/account/password", **CHANGE)

    assert (again.status, again.one("location"), again.cookies) == (303, "/account?again=true", [])


def test_a_change_that_is_read_after_the_first_one_was_written_is_done(hybrid: Inside) -> None:
    """Before the first one ended the session: its old password is not the kept one any more."""
    ada = member(hybrid, "hybrid", "bearer")
    user = hybrid.parts.users.by_email(EMAIL)
    assert user is not None
    hybrid.parts.users.set_password(user.id, hashed(ANOTHER), hybrid.parts.now(), keep=ada.said["session_id"])

    wrong = ada.send("POST", "/auth/password", {"current": PASSWORD, "new": WRONG})
    done = ada.send("POST", "/auth/password", {"current": PASSWORD, "new": ANOTHER})

    assert (wrong.status, wrong.code) == (401, "login_failed")
    assert (done.status, done.json["ended"]) == (200, [])
    assert ada.send("GET", "/auth/me").status == 200
    hybrid.clock.now += MOMENT + 1
    late = ada.send("POST", "/auth/password", {"current": PASSWORD, "new": ANOTHER})
    assert (late.status, late.code) == (401, "login_failed")


def test_the_new_password_of_somebody_else_is_guessed_no_faster_in_this_way(hybrid: Inside) -> None:
    """Each guess is counted, whichever field it stands in."""
    thief = member(hybrid, "session", "bearer")
    user = hybrid.parts.users.by_email(EMAIL)
    assert user is not None
    hybrid.parts.users.set_password(user.id, hashed(ANOTHER), hybrid.parts.now(), keep=thief.said["session_id"])
    before = hybrid.hashes

    replies = [
        thief.send("POST", "/auth/password", {"current": WRONG, "new": f"a guess of a thief {n}"}) for n in range(20)
    ]

    assert {reply.status for reply in replies} == {401, 429}
    assert hybrid.hashes - before == LIMIT


def test_guesses_that_race_a_change_are_counted(hybrid: Inside) -> None:
    """With the old password, which is right until the change: what is guessed at is the new one."""
    thief = member(hybrid, "session", "bearer")
    users, user = hybrid.parts.users, hybrid.parts.users.by_email(EMAIL)
    assert user is not None
    subject = user.id

    class Overtaken:
        def __getattr__(self, name: str) -> Any:
            return getattr(users, name)

        def set_password(self, *_: Any, **__: Any) -> None:
            """Somebody was quicker."""
            users.set_password(subject, hashed(ANOTHER), hybrid.parts.now(), keep=thief.said["session_id"])

    hybrid.app.state.parts = replace(hybrid.parts, users=Overtaken())
    lost = thief.send("POST", "/auth/password", {"current": PASSWORD, "new": "a guess of a thief"})
    hybrid.clock.now += MOMENT + 1
    statuses = [
        thief.send("POST", "/auth/password", {"current": WRONG, "new": "another guess"}).status for _ in range(LIMIT)
    ]

    assert (lost.status, lost.code) == (401, "login_failed")
    assert statuses == [401] * (LIMIT - 1) + [429], "the one that raced was a guess, too"


# -- a sign-up ---------------------------------------------------------------------------------------------------------


def test_a_sign_up_that_is_sent_twice_gets_in_twice(server: Inside) -> None:
    browser = server.browser()

    for reply in twice(browser, "/signup", email=EMAIL, password=PASSWORD):
        assert "Your account" in shown(browser, reply)
    assert "Your account" in shown(browser, submit(browser, "/signup", email=EMAIL, password=PASSWORD))
    assert len(server.events("signup")) == 1
    assert [user.email for user in server.parts.users.all()] == [EMAIL]


def test_a_sign_up_for_an_account_of_others_tells_what_it_told(hybrid: Inside) -> None:
    """Another password, or the right one when the moment is over: a form of somebody else is no login."""
    hybrid.user()
    wrong = submit(hybrid.browser(), "/signup", email=EMAIL, password=ANOTHER)
    hybrid.clock.now += MOMENT + 1
    late = submit(hybrid.browser(), "/signup", email=EMAIL, password=PASSWORD)

    for reply in (wrong, late):
        assert (reply.status, reply.cookies) == (409, [])
        assert "This address has an account already" in reply.body.decode()


def test_the_password_of_a_new_account_is_guessed_no_faster_by_signing_up(hybrid: Inside) -> None:
    """From ever new addresses, which each may make accounts."""
    hybrid.user()
    statuses = [
        hybrid.wire.send(
            "POST",
            "/signup",
            SENT,
            urlencode({"email": EMAIL, "password": f"{ANOTHER} {n}"}).encode(),
            client=(f"198.51.100.{n}", 4711),
        ).status
        for n in range(LIMIT + 3)
    ]

    assert statuses == [409] * LIMIT + [429] * 3


def test_whoever_signs_up_is_in_whatever_was_tried_at_the_address_before(hybrid: Inside) -> None:
    """Theirs is no guess: the password was set a moment ago."""
    body = json.dumps({"email": EMAIL, "password": WRONG}).encode()
    guesses = [
        hybrid.wire.send("POST", "/auth/login", [JSON], body, client=(f"198.51.100.{number}", 4711))
        for number in range(LIMIT + 1)
    ]
    assert guesses[-1].status == 429
    browser = hybrid.browser()
    before = hybrid.hashes

    reply = submit(browser, "/signup", email=EMAIL, password=PASSWORD)

    assert "Your account" in shown(browser, reply)
    assert hybrid.hashes - before == 1, "the one that is kept"
    assert "Your account" in shown(browser, submit(browser, "/signup", email=EMAIL, password=PASSWORD))


# -- a change of password whose new id fails ---------------------------------------------------------------------------


class Meanwhile:
    """A directory of users in which something happens right after a password was set."""

    def __init__(self, users: Any, deed: Any) -> None:
        self._users, self._deed = users, deed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._users, name)

    def set_password(self, *args: Any, **options: Any) -> Any:
        ended = self._users.set_password(*args, **options)
        self._deed()
        return ended


@pytest.mark.parametrize("transport", ["cookie", "bearer"])
def test_whoever_loses_the_answer_of_a_step_up_goes_on(
    server: Inside, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row is written, and its secret is in nobody's hands."""
    ada = member(server, transport=transport)
    store, failures = server.parts.store, [StoreError("planted")]
    answer = store.answer_async

    async def loses(question: Question[Any]) -> Any:
        found = await answer(question)
        if isinstance(question, Add) and failures:
            raise failures.pop()
        return found

    monkeypatch.setattr(store, "answer_async", loses)
    old = ada.said["session_id"]
    done = ada.send("POST", "/auth/password", {"current": PASSWORD, "new": ANOTHER})

    assert done.status == 200
    assert done.json["credentials"]["session_id"] != old
    assert ada.send("GET", "/auth/me").json["session_id"] == done.json["credentials"]["session_id"]
    if server.parts.settings.mode == "hybrid":
        assert ada.send("POST", "/auth/refresh").status == 200


def test_where_nobody_knows_how_a_session_goes_on_nothing_else_is_said(
    hybrid: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = member(hybrid, "session", "bearer")
    store = hybrid.parts.store
    answer, gone = store.answer_async, list[StoreError]()

    async def goes(question: Question[Any]) -> Any:
        if gone:
            raise gone[0]
        found = await answer(question)
        if isinstance(question, Add):
            gone.append(StoreError("planted"))
            raise gone[0]
        return found

    monkeypatch.setattr(store, "answer_async", goes)
    done = ada.send("POST", "/auth/password", {"current": PASSWORD, "new": ANOTHER})

    assert (done.status, done.json["credentials"]) == (200, None)
    said = [line["message"] for line in hybrid.lines() if "message" in line]
    assert [text for text in said if "it is not known how a session goes on" in text]
    assert not [text for text in said if "under its old id" in text]


@pytest.mark.parametrize("by_page", [True, False])
def test_a_session_that_is_ended_during_a_change_stays_ended_and_the_password_is_changed(
    hybrid: Inside, by_page: bool
) -> None:
    ada = member(hybrid)
    auth, id_ = hybrid.parts.auth, ada.said["session_id"]
    deed = lambda: auth.plain.revoke(session=id_)  # noqa: E731
    hybrid.app.state.parts = replace(hybrid.parts, users=Meanwhile(hybrid.parts.users, deed))

    if by_page:
        reply = submit(ada.browser, "/account/password", **CHANGE)
        assert (reply.status, reply.one("location")) == (303, "/account?changed=true&ended=&within=0")
    else:
        reply = ada.send("POST", "/auth/password", {"current": PASSWORD, "new": ANOTHER})
        assert (reply.status, reply.json["credentials"]) == (200, None)

    assert reply.cookies == []
    assert ada.send("GET", "/auth/me").code == "credential_revoked"
    assert Visitor(hybrid, "session", "bearer").log_in(password=ANOTHER).status == 200
    assert [line for line in hybrid.lines() if "ended at a change of the password" in line.get("message", "")]


@pytest.mark.parametrize("transport", ["cookie", "bearer"])
def test_whoever_is_disabled_during_a_change_that_was_sent_twice_does_not_go_on(hybrid: Inside, transport: str) -> None:
    ada = member(hybrid, "session", transport)
    parts = hybrid.parts
    user = parts.users.by_email(EMAIL)
    assert user is not None
    held = ada.said.get("access_token") or next(iter(ada.browser.jar.values()))

    def deed() -> None:
        parts.auth.plain.step_up(held)
        parts.users.disable(user.id, parts.now())

    hybrid.app.state.parts = replace(parts, users=Meanwhile(parts.users, deed))
    reply = ada.send("POST", "/auth/password", {"current": PASSWORD, "new": ANOTHER})

    assert (reply.status, reply.json["credentials"]) == (200, None)
    assert [cookie for cookie in reply.cookies if not cookie.cleared] == []
    rows = hybrid.wire.run(parts.auth.sessions(user.id))
    assert [row for row in rows if row.ended_at is None] == []


def test_a_page_that_keeps_its_token_in_memory_goes_on_so_after_a_lost_race(hybrid: Inside) -> None:
    """What it renews with stays in its cookie, and is told to no script."""
    hybrid.user()
    ada = Visitor(hybrid, "hybrid", "cookie")
    assert ada.log_in(access="body").status == 200
    parts, held = hybrid.parts, ada.said["access_token"]
    hybrid.app.state.parts = replace(parts, users=Meanwhile(parts.users, lambda: parts.auth.plain.step_up(held)))

    proof = ("authorization", f"Bearer {held}")
    reply = ada.send("POST", "/auth/password", {"current": PASSWORD, "new": ANOTHER}, (proof,))

    assert reply.status == 200
    assert "access_token" in reply.json["credentials"]
    assert "refresh_token" not in reply.json["credentials"]
    assert [cookie.purpose for cookie in reply.cookies if not cookie.cleared] == ["refresh"]
    assert ada.send("POST", "/auth/refresh", {"access": "body"}).status in {200, 422}


@pytest.mark.parametrize("site", ["same-origin", None])
def test_a_change_that_could_set_no_cookie_changes_nothing(hybrid: Inside, site: str | None) -> None:
    """A token in memory and the cookie that renews it, from a program or an old browser: refused before it is done."""
    hybrid.user()
    ada = Visitor(hybrid, "hybrid", "cookie")
    assert ada.log_in(access="body").status == 200
    ada.browser.site = site

    proof = ("authorization", f"Bearer {ada.said['access_token']}")
    reply = ada.send("POST", "/auth/password", {"current": PASSWORD, "new": ANOTHER}, (proof,))

    assert (reply.status, reply.code) == ((200, None) if site else (403, "csrf_refused"))
    assert Visitor(hybrid, "session", "bearer").log_in(password=ANOTHER if site else PASSWORD).status == 200


@pytest.mark.parametrize("transport", ["cookie", "bearer"])
def test_a_session_of_which_nobody_knows_whether_it_may_be_is_not_handed_out(hybrid: Inside, transport: str) -> None:
    ada = member(hybrid, "session", transport)
    parts = hybrid.parts
    held = ada.said.get("access_token") or next(iter(ada.browser.jar.values()))

    class Lost(Meanwhile):
        """Their database does not answer once the session was begun anew."""

        def by_id(self, subject: str) -> Any:
            rows = hybrid.parts.auth.plain.sessions(subject)
            if len([row for row in rows if row.ended_at is None]) > 1:
                raise StoreError("planted")
            return self._users.by_id(subject)

    hybrid.app.state.parts = replace(parts, users=Lost(parts.users, lambda: parts.auth.plain.step_up(held)))
    reply = ada.send("POST", "/auth/password", {"current": PASSWORD, "new": ANOTHER})

    assert (reply.status, reply.cookies) == (503, [])
    hybrid.app.state.parts = parts
    rows = hybrid.wire.run(parts.auth.sessions(parts.users.by_email(EMAIL).id))  # type: ignore[union-attr]
    assert len([row for row in rows if row.ended_at is None]) == 1, "that of the step-up alone"
    assert Visitor(hybrid, "session", "bearer").log_in(password=ANOTHER).status == 200
