"""The pages as bytes: what they tell whom, and that what was typed or sent is never markup."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, get_args
from urllib.parse import urlencode

import pytest
from support.asgi import FORM, PAGE, Pair, Reply
from support.inside import EMAIL, PASSWORD, WRONG, Inside, Visitor, inside

from gatepass import MODES, Mode, StoreError
from gatepass.accounts.users import User
from gatepass.core import throttle
from gatepass.core.flow import End, Find, Hit
from gatepass.core.throttle import IN_A_ROW
from gatepass.records import Client, Reason, Session
from gatepass.server.words import ENDED
from gatepass.verbs import MANY

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
MARKUP = """<script>alert(1)</script>"'&{{ 7 * 7 }}"""
DAY = 86_400
REASONS = {reason for part in get_args(Reason) for reason in (get_args(part) or (part,))}


@pytest.fixture
def server() -> Iterator[Inside]:
    with inside(signup="insecure_open", mode="hybrid") as server:
        yield server


@pytest.fixture
def ada(server: Inside) -> User:
    return server.user()


def at_account(server: Inside, user: User, mode: Mode = "hybrid") -> Visitor:
    visitor = Visitor(server, mode, "cookie")
    visitor.come_in(user)
    return visitor


def elsewhere(server: Inside, user: User, mode: Mode = "hybrid", user_agent: str = FIREFOX) -> Session:
    """Another session of *user*."""
    client = Client(ip="192.0.2.99", user_agent=user_agent)
    issued = server.wire.run(server.parts.auth.gate.login(user.id, mode=mode, client=client))
    found: Session | None = server.parts.store.answer(Find(issued.session_id))
    assert found is not None
    return found


def submit(visitor: Visitor, path: str, *headers: Pair, **fields: str) -> Reply:
    return visitor.browser.send("POST", path, [FORM, PAGE, *headers], urlencode(fields).encode())


def account(visitor: Visitor, query: str = "") -> str:
    reply = visitor.browser.get(f"/account{query}", [PAGE])
    assert reply.status == 200
    return reply.body.decode()


def notices(text: str) -> list[str]:
    return re.findall(r'<p class="notice" role="status">(.*?)</p>', text)


# -- what was typed or sent --------------------------------------------------------------------------------------------


def test_what_a_browser_says_of_itself_is_text(server: Inside, ada: User) -> None:
    visitor = at_account(server, ada)
    _ = elsewhere(server, ada, user_agent=MARKUP)

    text = account(visitor)

    assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;{{ 7 * 7 }}" in text
    assert "<script>" not in text


@pytest.mark.parametrize("path", ["/login", "/signup"])
def test_a_refused_form_keeps_the_address_as_text_and_never_the_password(server: Inside, ada: User, path: str) -> None:
    for email in (EMAIL, MARKUP):
        reply = submit(Visitor(server, "hybrid", "cookie"), path, email=email, password=WRONG)

        assert reply.status in {401, 409, 422}
        text = reply.body.decode()
        assert "<script>" not in text
        assert WRONG not in text
        kept = re.findall(r'name="email".*? value="(.*?)"', text)
        assert kept == [
            {EMAIL: EMAIL, MARKUP: "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;{{ 7 * 7 }}"}[email]
        ]
        assert text.count('role="alert"') == 1
        assert "<title>Error: " in text


def test_a_form_says_beside_each_field_what_is_wrong_with_it(server: Inside) -> None:
    text = submit(Visitor(server, "hybrid", "cookie"), "/signup", email=EMAIL, password="short").body.decode()

    described = re.findall(r'aria-invalid="true" aria-describedby="(.*?)"', text)
    assert described == ["password-wrong password-hint"]
    assert re.findall(r'id="password-wrong" role="alert">(.*?)</p>', text)[0].startswith("This has at least 15")


# -- where a form leads ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("onward", "leads"),
    [
        ("/account", "/account"),
        ("/docs?a=b", "/docs?a=b"),
        ("//evil.example", "/account"),
        ("https://evil.example/", "/account"),
        ("/\\evil.example", "/account"),
        ("javascript:alert(1)", "/account"),
        ("", "/account"),
    ],
)
def test_a_login_leads_to_a_page_of_ours(server: Inside, ada: User, onward: str, leads: str) -> None:
    reply = submit(Visitor(server, "hybrid", "cookie"), "/login", email=EMAIL, password=PASSWORD, next=onward)

    assert (reply.status, reply.one("location")) == (303, leads)


@pytest.mark.parametrize("remember", [True, False])
def test_only_who_asked_for_it_is_kept_signed_in(server: Inside, ada: User, remember: bool) -> None:
    asked = {"remember": "yes"} if remember else {}
    reply = submit(Visitor(server, "session", "cookie"), "/login", email=EMAIL, password=PASSWORD, **asked)

    lasting = [cookie.max_age is not None for cookie in reply.cookies if not cookie.cleared]
    # The cookie of the device proves nothing, and is kept in any case.
    assert sorted(lasting) == ([True] * 3 if remember else [False, False, True])


@pytest.mark.parametrize("mode", MODES)
def test_every_form_is_answered_by_a_redirect_and_nothing_of_it_is_kept(server: Inside, ada: User, mode: Mode) -> None:
    visitor = at_account(server, ada, mode)
    other = elsewhere(server, ada, mode)
    for path in (f"/account/sessions/{other.id}/end", "/account/sessions/end-others", "/logout"):
        reply = submit(visitor, path)
        assert reply.status == 303
        assert reply.one("cache-control") == "no-store"
        page = visitor.browser.get(str(reply.one("location")), [PAGE])
        assert page.status == 200
        assert page.one("cache-control") == "no-store"
        assert page.one("vary") == "Cookie"


@pytest.mark.parametrize("query", ["?left=true", ""])
def test_who_is_signed_in_is_not_told_otherwise(server: Inside, ada: User, query: str) -> None:
    def told(visitor: Visitor) -> list[str]:
        return notices(visitor.browser.get(f"/login{query}", [PAGE]).body.decode())

    assert told(at_account(server, ada)) == []
    assert len(told(Visitor(server, "hybrid", "cookie"))) == (1 if query else 0)


def test_a_button_of_a_page_that_was_left_open_leads_back_to_it(server: Inside, ada: User) -> None:
    """Nothing was changed, and the page says so."""
    visitor = at_account(server, ada)
    other = elsewhere(server, ada)
    server.clock.now += 400

    reply = submit(visitor, f"/account/sessions/{other.id}/end")

    assert (reply.status, reply.one("location")) == (303, "/account?again=true")
    assert reply.cookies == []
    found = server.parts.store.answer(Find(other.id))
    assert found is not None
    assert found.ended_at is None
    onward = visitor.browser.get("/account?again=true", [PAGE])
    assert onward.one("location") == "/auth/renew?next=%2Faccount%3Fagain%3Dtrue"


# -- receipts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_a_receipt_tells_what_ended_and_how_soon_it_is_refused(server: Inside, ada: User, mode: Mode) -> None:
    visitor = at_account(server, ada, mode)
    other = elsewhere(server, ada, mode)

    reply = submit(visitor, f"/account/sessions/{other.id}/end")

    assert reply.one("location") == f"/account?ended={other.id}&within=0"
    text = account(visitor, str(reply.one("location")).removeprefix("/account"))
    assert notices(text) == ["Firefox on Linux is signed out. It is refused at once."]


def test_a_link_makes_the_page_tell_nothing_that_is_not_so(server: Inside, ada: User) -> None:
    grace = server.user("grace@example.com")
    visitor = at_account(server, ada)
    live, stranger = elsewhere(server, ada), elsewhere(server, grace)
    _ = server.parts.store.answer(End(ids=(stranger.id,), reason="logout", at=server.parts.now()))

    for query in (
        f"?ended={live.id}&within=0",
        f"?ended={stranger.id}&within=0",
        f"?ended={MARKUP}",
        "?ended=",
        "?changed=true",
        "?within=7",
    ):
        text = account(visitor, query)
        assert notices(text) == []
        assert "<script>alert" not in text


@pytest.mark.parametrize("within", ["", "-1", "soon", "123456", "\u0663"])
def test_a_time_that_is_none_is_not_told(server: Inside, ada: User, within: str) -> None:
    visitor = at_account(server, ada)
    other = elsewhere(server, ada)
    _ = server.parts.store.answer(End(ids=(other.id,), reason="revoked", at=server.parts.now()))

    text = account(visitor, "?" + urlencode({"ended": other.id, "within": within}))

    assert notices(text) == ["Firefox on Linux is signed out. It is refused."]


def test_nobody_ends_the_session_of_somebody_else(server: Inside, ada: User) -> None:
    """And is not told that there is one."""
    stranger = elsewhere(server, server.user("grace@example.com"))
    visitor = at_account(server, ada)

    for id in (stranger.id, "A" * 22):  # noqa: A001  they are ids
        assert submit(visitor, f"/account/sessions/{id}/end").one("location") == "/account"
    found = server.parts.store.answer(Find(stranger.id))
    assert found is not None
    assert found.ended_at is None


def test_a_new_password_is_news_for_five_minutes(server: Inside, ada: User) -> None:
    visitor = at_account(server, ada, "session")
    server.clock.now += 10
    reply = submit(visitor, "/account/password", current=PASSWORD, new="nanoseconds of copper wire")

    query = str(reply.one("location")).removeprefix("/account")
    assert notices(account(visitor, query)) == ["Your password is changed.", "No other device is signed in."]
    server.clock.now += 301
    assert "Your password is changed." not in account(visitor, query)


def test_when_waiting_helps_nobody_the_page_says_what_does(server: Inside, ada: User) -> None:
    """It is as true of an address that has no account, and says nothing about that."""
    for email in (EMAIL, "nobody@example.com"):
        account = throttle._key(email, None)
        for _ in range(IN_A_ROW.limit):
            hit = Hit(key=throttle._named(account, IN_A_ROW), window=IN_A_ROW.window, limit=100, at=server.parts.now())
            assert server.parts.store.answer(hit) == 0
        visitor = Visitor(server, "session", "cookie")
        reply = submit(visitor, "/login", email=email, password=PASSWORD, next="/account")

        assert reply.status == 429
        assert reply.one("retry-after") == "900"
        assert b"use a device on which you signed in before, or ask whoever runs this service" in reply.body


def test_whoever_guessed_too_often_in_a_session_is_told_to_sign_in_again(server: Inside, ada: User) -> None:
    """The count is that of the session, so a new one helps."""
    visitor = at_account(server, ada, "session")
    mine = throttle._named(throttle._key(EMAIL, f"session:{visitor.said['session_id']}"), IN_A_ROW)
    for _ in range(IN_A_ROW.limit):
        hit = Hit(key=mine, window=IN_A_ROW.window, limit=100, at=server.parts.now())
        assert server.parts.store.answer(hit) == 0

    reply = submit(visitor, "/account/password", current=PASSWORD, new="nanoseconds of copper wire")

    assert (reply.status, reply.one("retry-after")) == (429, "900")
    assert b"Too many tries; sign in again, or ask whoever runs this service" in reply.body


# -- the device list ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_whoever_ended_a_session_is_named(server: Inside, ada: User, reason: Reason) -> None:
    visitor = at_account(server, ada)
    other = elsewhere(server, ada)
    _ = server.parts.store.answer(End(ids=(other.id,), reason=reason, at=server.parts.now()))

    text = account(visitor)

    assert ENDED[reason][1:] in text
    assert ("somebody may have copied it" in text) == (reason == "replayed")
    assert ("look at this" in text) == (reason == "replayed")


def test_every_reason_has_words() -> None:
    assert set(ENDED) == REASONS


def test_a_copied_key_is_an_alarm_until_the_password_is_changed(server: Inside, ada: User) -> None:
    visitor = at_account(server, ada, "session")
    other = elsewhere(server, ada)
    server.clock.now += 10
    _ = server.parts.store.answer(End(ids=(other.id,), reason="replayed", at=server.parts.now()))
    alarm = "An old key of yours was used again"
    assert alarm in account(visitor)

    server.clock.now += 10
    _ = submit(visitor, "/account/password", current=PASSWORD, new="nanoseconds of copper wire")
    assert alarm not in account(visitor)


def test_what_came_to_its_end_is_shown_for_30_days(server: Inside, ada: User) -> None:
    _ = elsewhere(server, ada)
    ended = "<strong>Firefox on Linux</strong>"
    server.clock.now += 14 * DAY - 1
    assert ended not in account(at_account(server, ada, "session"))
    server.clock.now += 1
    assert ended in (text := account(at_account(server, ada, "session")))
    assert "Not used for 14 days." in text
    server.clock.now += 30 * DAY - 1
    assert ended in account(at_account(server, ada, "session"))
    server.clock.now += 1
    assert ended not in account(at_account(server, ada, "session"))


def test_the_present_device_comes_first_and_says_so(server: Inside, ada: User) -> None:
    visitor = at_account(server, ada)
    server.clock.now += 60
    _ = elsewhere(server, ada)  # used later

    devices = re.findall(r"<h3>(.*?)</h3>", account(visitor))

    assert devices == ['Unknown device <span class="badge">this device</span>', "Firefox on Linux"]


def test_the_present_session_is_shown_and_ended_however_many_came_after_it(server: Inside, ada: User) -> None:
    """A program that logs in and never out must not hide it, nor take its place. An old one can be ended, too."""
    old = elsewhere(server, ada)
    visitor = at_account(server, ada)
    server.clock.now += 60
    gate = server.parts.auth.gate

    async def crowd() -> None:
        for _ in range(MANY + 1):
            await gate.login(ada.id, mode="session", client=Client(ip="192.0.2.99", user_agent="python-requests/2"))

    server.wire.run(crowd())

    text = account(visitor)
    assert re.findall(r"<h3>(.*?)</h3>", text)[0] == 'Unknown device <span class="badge">this device</span>'
    assert text.count("this device") == text.count("Sign out here") == 1
    listed = visitor.browser.get("/auth/sessions").json["sessions"]
    assert [row["current"] for row in listed] == [True] + [False] * (len(listed) - 1)
    assert visitor.send("DELETE", f"/auth/sessions/{old.id}").json["ended"] == [old.id]


def test_two_sign_ins_at_one_device_are_one_entry(server: Inside, ada: User) -> None:
    visitor = at_account(server, ada)
    rows = [elsewhere(server, ada), elsewhere(server, ada)]

    text = account(visitor)

    assert text.count("<h3>Firefox on Linux</h3>") == 1
    assert "signed in 2 times" in text
    assert all(f'action="/account/sessions/{row.id}/end"' in text for row in rows)


def test_a_page_holds_no_credential(server: Inside, ada: User) -> None:
    """Ids are handles."""
    visitor = at_account(server, ada)
    text = account(visitor)

    held = list(visitor.browser.jar.values())
    assert held
    assert not [value for value in held if value in text or value.rpartition(".")[2] in text]


# -- refusals ----------------------------------------------------------------------------------------------------------

CROSS: Pair = ("sec-fetch-site", "cross-site")
BIG: Pair = ("content-length", "100000")
REFUSED: dict[int, tuple[str, str, list[Pair], dict[str, Any]]] = {
    403: ("POST", "/login", [FORM, CROSS], {}),
    404: ("GET", "/nowhere", [], {}),
    405: ("GET", "/logout", [], {}),
    413: ("POST", "/login", [FORM, BIG], {}),
    415: ("POST", "/login", [("content-type", "text/plain")], {"body": b"x"}),
    421: ("GET", "/login", [], {"host": "evil.example"}),
    422: ("POST", "/login", [FORM], {"body": b"unheard=of"}),
}


@pytest.mark.parametrize("status", REFUSED)
def test_a_refusal_is_a_page_for_people_and_json_for_programs(server: Inside, status: int) -> None:
    method, path, headers, more = REFUSED[status]
    person = server.wire.send(method, path, [PAGE, *headers], **more)
    program = server.wire.send(
        method, path, [("accept", "application/json"), *(pair for pair in headers if pair != FORM)], **more
    )

    assert person.status == status
    assert str(person.one("content-type")).startswith("text/html")
    assert person.one("cache-control") == "no-store"
    assert "frame-ancestors 'none'" in str(person.one("content-security-policy"))
    assert "unheard" not in person.body.decode()
    if FORM not in headers:  # a form is sent by people
        assert program.status == status
        assert program.json["status"] == status


def test_a_fault_says_that_nobody_is_signed_out(server: Inside, ada: User) -> None:
    class Broken:
        def by_email(self, _: str) -> None:
            raise StoreError("gone")

    broken: Any = Broken()
    server.app.state.parts = replace(server.parts, users=broken)

    reply = submit(Visitor(server, "hybrid", "cookie"), "/login", email=EMAIL, password=PASSWORD)

    assert (reply.status, reply.one("retry-after")) == (503, "1")
    assert "If you are signed in, you still are." in reply.body.decode()
    assert "Please wait 1 second and try again then." in reply.body.decode()


def test_whoever_is_throttled_is_told_how_long(server: Inside, ada: User) -> None:
    visitor = Visitor(server, "hybrid", "cookie")
    replies = [submit(visitor, "/login", email=EMAIL, password=WRONG) for _ in range(6)]

    assert [reply.status for reply in replies] == [401] * 5 + [429]
    assert int(str(replies[-1].one("retry-after"))) <= 60
    assert "Too many tries; please wait " in replies[-1].body.decode()
    assert EMAIL in replies[-1].body.decode()


# -- the rest ----------------------------------------------------------------------------------------------------------


def test_where_sign_up_is_closed_no_page_offers_it() -> None:
    with inside(signup="off") as closed:
        for path in ("/", "/login"):
            assert "/signup" not in closed.browser().get(path, [PAGE]).body.decode()
        assert closed.browser().get("/signup", [PAGE]).status == 404


def test_the_documentation_names_every_route_and_every_code(server: Inside) -> None:
    text = server.browser().get("/docs", [PAGE]).body.decode()
    document = server.browser().get("/openapi.json").json

    for path, methods in document["paths"].items():
        for method in methods:
            assert f'<span class="method">{method.upper()}</span> {path}</code>' in text
    for code in ("csrf_refused", "credential_expired", "throttled", "host_unknown", "store_unavailable"):
        assert f"<code>{code}</code>" in text
    assert "configuration_refused" not in text


@pytest.mark.parametrize("path", ["/", "/login", "/signup", "/account", "/docs", "/nowhere"])
def test_nothing_comes_from_elsewhere(server: Inside, ada: User, path: str) -> None:
    """And the one script is a file of ours: none is in a page."""
    text = at_account(server, ada).browser.get(path, [PAGE]).body.decode()

    assert [where for where in re.findall(r'(?:src|href|action)="(.*?)"', text) if where[0] not in "/#"] == []
    assert re.findall(r"<script.*?</script>", text) == (
        ['<script type="module" src="/static/keep.js"></script>'] if path == "/account" else []
    )
    assert " style=" not in text
    assert " on" not in "".join(re.findall(r"<[^>]*>", text))


def test_a_file_is_kept_by_the_browser_and_asked_about(server: Inside) -> None:
    first = server.browser().get("/static/gatepass.css")
    assert (first.status, first.one("cache-control")) == (200, "no-cache")
    again = server.browser().get("/static/gatepass.css", [("if-none-match", str(first.one("etag")))])
    assert (again.status, again.body) == (304, b"")
    for answer in (first, again):
        assert answer.one("x-content-type-options") == "nosniff"
        assert answer.one("x-request-id")
