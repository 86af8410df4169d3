"""The HTTP contract of the server as a table: every route, in each mode and by each transport."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from support.asgi import Reply
from support.inside import ANOTHER, EMAIL, PASSWORD, Inside, Visitor, inside

from gatepass import MODES, Mode

SAID = {"mode", "expires_in", "session_id"}
BY_COOKIE: dict[Mode, set[str]] = {mode: SAID | {"csrf_token"} for mode in MODES}
BY_BEARER: dict[Mode, set[str]] = {
    "session": SAID | {"token_type", "access_token"},
    "jwt": SAID | {"token_type", "access_token"},
    "hybrid": SAID | {"token_type", "access_token", "refresh_token"},
}
CREDENTIALS: dict[str, dict[Mode, set[str]]] = {"cookie": BY_COOKIE, "bearer": BY_BEARER}
IDENTITY = {"subject", "session_id", "mode", "roles", "claims", "auth_time", "expires_at"}
SESSION = {
    *("id", "current", "mode", "created_at", "seen_at", "expires_at"),
    *("ip", "device", "ended_at", "ended_reason"),
}
RECEIPT = {"ended", "effective_within", "tokens_alive_until"}
PROBLEM = {"type", "title", "status", "detail", "code"}
#: The cookies that a browser holds after a login.
HELD: dict[Mode, set[str]] = {
    "session": {"session", "device"},
    "jwt": {"access", "device"},
    "hybrid": {"access", "refresh", "device"},
}

TRANSPORTS = ("cookie", "bearer")


@dataclass(frozen=True)
class Row:
    """A request of somebody who is logged in, and what it comes to."""

    method: str
    path: str
    status: int | dict[Mode, int]
    #: The names in the body, by transport and mode; empty where there is none.
    fields: Callable[[str, Mode], set[str]] = lambda transport, mode: set()
    body: dict[str, Any] | None = None
    #: The purposes of the cookies that it sets for a browser.
    sets: dict[Mode, set[str]] = field(default_factory=dict)
    #: Without any credential.
    nobody: tuple[int, str | None] = (401, "credential_missing")
    #: Whether the answer is for one caller only.
    private: bool = True


NEW = {mode: HELD[mode] - {"device"} for mode in MODES}
ROWS = [
    Row(
        "POST",
        "/auth/login",
        200,
        lambda transport, mode: CREDENTIALS[transport][mode],
        body={"email": EMAIL, "password": PASSWORD},
        sets=HELD,
        nobody=(200, None),
    ),
    Row(
        "POST",
        "/auth/refresh",
        {"session": 409, "jwt": 409, "hybrid": 200},
        lambda transport, mode: CREDENTIALS[transport][mode] if mode == "hybrid" else PROBLEM,
        sets={"hybrid": NEW["hybrid"]},
    ),
    Row(
        "GET",
        "/auth/me",
        200,
        lambda transport, mode: IDENTITY | ({"csrf_token"} if transport == "cookie" else set()),
    ),
    Row(
        "POST",
        "/auth/password",
        200,
        lambda transport, mode: RECEIPT | {"credentials"},
        body={"current": PASSWORD, "new": ANOTHER},
        sets=NEW,
    ),
    Row("POST", "/auth/logout", 204),
    Row("GET", "/auth/sessions", 200, lambda transport, mode: {"sessions"}),
    Row("DELETE", "/auth/sessions/{own}", 200, lambda transport, mode: RECEIPT),
    Row("DELETE", "/auth/sessions/none", 404, lambda transport, mode: PROBLEM),
    Row("POST", "/auth/sessions/end-others", 200, lambda transport, mode: RECEIPT),
    Row(
        "POST",
        "/auth/signup",
        201,
        lambda transport, mode: {"subject"},
        body={"email": "grace@example.com", "password": ANOTHER},
        nobody=(201, None),
    ),
    Row("GET", "/.well-known/jwks.json", 200, lambda transport, mode: {"keys"}, nobody=(200, None), private=False),
    Row(
        "GET",
        "/.well-known/oauth-authorization-server",
        200,
        lambda transport, mode: {"issuer", "jwks_uri"},
        nobody=(200, None),
    ),
    Row("GET", "/healthz", 200, lambda transport, mode: {"status"}, nobody=(200, None)),
    Row(
        "GET",
        "/readyz",
        200,
        lambda transport, mode: {"status", "revoked_credentials_live_at_most"},
        nobody=(200, None),
    ),
    Row(
        "GET",
        "/openapi.json",
        200,
        lambda transport, mode: {"openapi", "info", "paths", "components"},
        nobody=(200, None),
    ),
]


def named(row: Row) -> str:
    return f"{row.method} {row.path}"


@pytest.fixture
def server() -> Iterator[Inside]:
    with inside(signup="insecure_open") as server:
        server.user()
        yield server


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("row", ROWS, ids=named)
def test_a_route_answers_as_the_contract_says(server: Inside, row: Row, mode: Mode, transport: str) -> None:
    """Status, names of the body, cookies, and for whom the answer may be kept."""
    visitor = Visitor(server, mode, transport)
    user = server.parts.users.by_email(EMAIL)
    assert user is not None
    visitor.come_in(user)
    body = row.body
    if row.path == "/auth/login":
        body = {**(row.body or {}), "mode": mode, "transport": transport}

    reply = visitor.send(row.method, row.path.format(own=visitor.said["session_id"]), body)

    status = row.status if isinstance(row.status, int) else row.status[mode]
    assert reply.status == status, reply.body
    assert (set(reply.json) if reply.body else set()) == row.fields(transport, mode)
    wanted = row.sets.get(mode, set()) if transport == "cookie" else row.sets.get(mode, set()) & {"device"}
    assert {cookie.purpose for cookie in reply.cookies if not cookie.cleared} == wanted
    assert reply.one("cache-control") == ("no-store" if row.private else "public, max-age=300")
    if row.nobody[0] == 401:  # a credential was read
        assert "Cookie" in reply.all("vary")
    if transport == "cookie" and row.path == "/auth/logout":
        assert {cookie.purpose for cookie in reply.cookies} == {"session", "access", "refresh"}
        assert reply.one("clear-site-data") == '"cache"'


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_a_route_answers_nobody_as_the_contract_says(server: Inside, row: Row) -> None:
    reply = server.browser().send(
        row.method,
        row.path.format(own="none"),
        [] if row.body is None else [("content-type", "application/json")],
        b"" if row.body is None else json.dumps(row.body).encode(),
    )

    assert (reply.status, reply.code) == row.nobody
    if reply.status == 401:
        assert set(reply.json) == PROBLEM
        assert str(reply.one("www-authenticate")).startswith("Bearer")
        assert reply.cookies == []


def attributes(reply: Reply) -> dict[str, dict[str, str]]:
    return {cookie.purpose: dict(cookie.attributes) for cookie in reply.cookies if not cookie.cleared}


@pytest.mark.parametrize("remember", [True, False])
@pytest.mark.parametrize("mode", MODES)
def test_cookies_are_set_as_browsers_ask_of_their_prefixes(server: Inside, mode: Mode, remember: bool) -> None:
    """`__Host-`: Secure, of the whole host, of no domain. The device stays known also where the login does not."""
    reply = Visitor(server, mode, "cookie").log_in(remember=remember)

    for cookie in reply.cookies:
        found = dict(cookie.attributes)
        prefix, path = ("__Secure-", "/auth") if cookie.purpose == "refresh" else ("__Host-", "/")
        assert cookie.name == f"{prefix}gatepass-{cookie.purpose}"
        assert found["Path"] == path
        assert found["SameSite"] == ("Strict" if cookie.purpose == "refresh" else "Lax")
        assert {"Secure", "HttpOnly"} <= set(found)
        assert "Domain" not in found
        assert len(cookie.name) + len(cookie.value) <= 4_096
    lasting = {purpose: "Max-Age" in found for purpose, found in attributes(reply).items()}
    assert lasting == {purpose: remember or purpose == "device" for purpose in HELD[mode]}


def test_a_page_may_keep_its_access_token_in_memory(server: Inside) -> None:
    """What it renews with is in its cookie, also after the password was changed."""
    visitor = Visitor(server, "hybrid", "cookie")
    logged_in = visitor.log_in(access="body")
    assert set(logged_in.json) == BY_COOKIE["hybrid"] | {"access_token"}
    assert visitor.browser.holds() == {"refresh", "device"}
    proof = ("authorization", f"Bearer {logged_in.json['access_token']}")

    change = {"current": PASSWORD, "new": ANOTHER}
    changed = visitor.send("POST", "/auth/password", change, (proof,))

    assert changed.status == 200, changed.body
    assert set(changed.json["credentials"]) == BY_COOKIE["hybrid"] | {"access_token"}
    assert visitor.browser.holds() == {"refresh", "device"}
    renewed = visitor.send("POST", "/auth/refresh", {"access": "body"})
    assert renewed.status == 200
    assert set(renewed.json) == BY_COOKIE["hybrid"] | {"access_token"}
    assert visitor.send("GET", "/auth/me", None, (proof,)).code == "credential_revoked"


def test_a_mode_that_is_not_accepted_is_no_login() -> None:
    with inside(mode="session", accept=("session", "jwt")) as server:
        server.user()
        assert Visitor(server, "jwt", "cookie").log_in().json["mode"] == "jwt"
        refused = Visitor(server, "hybrid", "cookie").log_in()

    assert (refused.status, refused.code) == (409, "mode_not_enabled")
    assert refused.cookies == []


def test_without_a_mode_it_is_that_of_the_server() -> None:
    for mode in MODES:
        with inside(mode=mode) as server:
            server.user()
            login = server.browser().post("/auth/login", {"email": EMAIL, "password": PASSWORD})
            assert login.json["mode"] == mode


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("mode", MODES)
def test_a_login_by_the_same_person_takes_the_place_of_the_last_one(server: Inside, mode: Mode, transport: str) -> None:
    """A new id every time, and the old credential is refused at once."""
    visitor = Visitor(server, mode, transport)
    visitor.log_in()
    old, proof = visitor.said["session_id"], [*visitor.browser.cookie("/auth/me"), *visitor.proof()]

    visitor.log_in()

    assert visitor.said["session_id"] != old
    assert server.wire.send("GET", "/auth/me", proof).code == "credential_revoked"
    assert visitor.send("GET", "/auth/me").status == 200
    rows = visitor.send("GET", "/auth/sessions").json["sessions"]
    assert [set(row) for row in rows] == [SESSION, SESSION]
    assert [(row["current"], row["ended_at"] is None) for row in rows] == [(True, True), (False, False)]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_who_is_disabled_renews_nothing_and_logs_in_no_more(server: Inside, transport: str) -> None:
    """Also where nobody ended their sessions: the directory is asked each time."""
    visitor = Visitor(server, "hybrid", transport)
    visitor.log_in()
    user = server.parts.users.by_email(EMAIL)
    assert user is not None
    assert visitor.send("POST", "/auth/refresh").status == 200
    server.parts.users.disable(user.id, server.parts.now())

    refused = [visitor.send("POST", "/auth/refresh"), visitor.log_in()]

    assert [reply.status for reply in refused] == [401, 401]
    assert refused[1].code == "login_failed"
    assert [reply.cookies for reply in refused] == [[], []]
    server.parts.users.enable(user.id)
    assert visitor.log_in().status == 200


def test_where_sign_up_is_closed_there_is_no_such_route() -> None:
    """In no answer and in no document."""
    with inside(signup="off") as server:
        for method in ("GET", "POST"):
            reply = server.browser().send(method, "/auth/signup", [("content-type", "text/plain")], b"?")
            assert (reply.status, reply.code) == (404, "not_found")
        assert server.browser().get("/signup", [("accept", "text/html")]).status == 404
        assert "/auth/signup" not in server.browser().get("/openapi.json").json["paths"]


def test_an_address_has_one_account(server: Inside) -> None:
    reply = server.browser().post("/auth/signup", {"email": "ADA@Example.com", "password": ANOTHER})

    assert (reply.status, reply.code) == (409, "address_taken")


def test_renewing_is_a_page_for_people(server: Inside) -> None:
    visitor = Visitor(server, "hybrid", "cookie")
    visitor.log_in()

    page = visitor.send("GET", "/auth/renew?next=/account")

    assert page.status == 200
    assert str(page.one("content-type")).startswith("text/html")
    assert visitor.send("GET", "/auth/renew?next=//elsewhere.example").status == 422
