"""What holds for every request and every answer of the server, whoever sends it and whoever serves it."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.asgi import FORM, JSON, PAGE, Pair, Reply
from support.inside import ANOTHER, EMAIL, HTTPS, PASSWORD, WRONG, Inside, Visitor, inside

import gatepass
from gatepass import MODES, Mode
from gatepass.core.flow import Purge
from gatepass.server import purging, refusals
from gatepass.server.guard import Guard
from gatepass.stores.memory import MemoryStore
from gatepass.web.bodies import MOST

LISTED = "https://spa.example.com"
SECRET = "hunter2-in-a-message"

GETS = {"GET", "HEAD"}
#: Every path that is served, and its methods: written from the contract, not from the program.
PATHS = {
    "/auth/signup": {"POST"},
    "/auth/login": {"POST"},
    "/auth/refresh": {"POST"},
    "/auth/renew?next=/account": GETS,
    "/auth/me": GETS,
    "/auth/password": {"POST"},
    "/auth/logout": {"POST"},
    "/auth/sessions": GETS,
    "/auth/sessions/none": {"DELETE"},
    "/auth/sessions/end-others": {"POST"},
    "/auth/gatepass.js": GETS,
    "/.well-known/jwks.json": GETS,
    "/.well-known/oauth-authorization-server": GETS,
    "/healthz": GETS,
    "/readyz": GETS,
    "/openapi.json": GETS,
    "/": GETS,
    "/docs": GETS,
    "/decoder": GETS,
    "/login": GETS | {"POST"},
    "/signup": GETS | {"POST"},
    "/account": GETS,
    "/account/password": {"POST"},
    "/account/sessions/none/end": {"POST"},
    "/account/sessions/end-others": {"POST"},
    "/logout": {"POST"},
    "/static/gatepass.css": GETS,
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
#: Routes that read JSON and know a password, each with what it asks for.
JSON_ROUTES = {
    "/auth/signup": {"email": "grace@example.com", "password": ANOTHER},
    "/auth/login": {"email": EMAIL, "password": PASSWORD},
    "/auth/password": {"current": PASSWORD, "new": ANOTHER},
}

HEADERS = {
    "content-security-policy": "frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "",
    "x-content-type-options": "nosniff",
    "strict-transport-security": "max-age=31536000",
    "cache-control": "",
}


@pytest.fixture(scope="module")
def shared() -> Iterator[Inside]:
    """For tests that change nothing."""
    with inside(signup="insecure_open", origins=(LISTED,)) as server:
        server.user()
        yield server


@pytest.fixture
def server() -> Iterator[Inside]:
    with inside(signup="insecure_open", origins=(LISTED,)) as server:
        server.user()
        yield server


def guarded(reply: Reply) -> None:
    for name, part in HEADERS.items():
        if name == "cross-origin-opener-policy" and "sandbox" in str(reply.one("content-security-policy")):
            assert reply.one(name) is None  # a browser may refuse the two together
        else:
            assert part in str(reply.one(name)), (name, reply)
    [id] = reply.all("x-request-id")  # noqa: A001  it is the id
    assert re.fullmatch("[0-9a-f]{16}", id)
    assert id.encode() not in reply.body
    said = reply.body.decode("utf-8", "replace") + repr(reply.headers)
    assert gatepass.__version__ not in said
    for word in ("uvicorn", "starlette", "Traceback", "fastapi."):
        assert word not in said
    assert reply.one("server") is None


# -- methods, headers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_a_path_is_served_by_its_methods_only(shared: Inside, path: str) -> None:
    """Neither a header nor a field makes one method of another; every answer is guarded, whatever it is."""
    allowed = PATHS[path]
    for method in METHODS:
        for more in ([], [PAGE]):
            override: list[Pair] = [("x-http-method-override", min(allowed)), ("x-http-method", min(allowed)), *more]
            reply = shared.browser().send(method, f"{path}{'&' if '?' in path else '?'}_method=POST", override)
            guarded(reply)
            assert (reply.status == 405) is (method not in allowed), (method, reply)
            if reply.status == 405:
                assert set(str(reply.one("allow")).split(", ")) == allowed


def test_every_path_of_the_program_is_in_the_table(shared: Inside) -> None:
    """Whoever adds a route says with which methods it is served."""
    documented = shared.browser().get("/openapi.json").json["paths"]
    routed = {route.path for route in shared.app.routes if hasattr(route, "path")} - {"/static"}

    known = {path.partition("?")[0].replace("/none", "/{id}") for path in PATHS}
    assert set(documented) | routed <= known


ANSWERS: dict[str, tuple[int, Callable[[Inside], Reply]]] = {
    "a page": (200, lambda server: server.browser().get("/login")),
    "JSON": (200, lambda server: server.browser().get("/healthz")),
    "a file": (200, lambda server: server.browser().get("/static/gatepass.css")),
    "the script": (200, lambda server: server.browser().get("/auth/gatepass.js")),
    "the keys": (200, lambda server: server.browser().get("/.well-known/jwks.json")),
    "nothing": (204, lambda server: logged_in(server).send("POST", "/auth/logout")),
    "a redirect": (303, lambda server: server.browser().get("/account", [PAGE])),
    "a redirect of a form": (303, lambda server: form(server, "/login", email=EMAIL, password=PASSWORD)),
    "two credentials": (400, lambda server: twice(server, "/auth/me")),
    "nobody": (401, lambda server: server.browser().get("/auth/me")),
    "a wrong password": (401, lambda server: login(server, password=WRONG)),
    "a wrong password at the page": (401, lambda server: form(server, "/login", email=EMAIL, password=WRONG)),
    "another site": (403, lambda server: login(server, headers=[("sec-fetch-site", "cross-site")])),
    "no such path": (404, lambda server: server.browser().get("/nothing")),
    "no such page": (404, lambda server: server.browser().get("/nothing", [PAGE])),
    "no such file": (404, lambda server: server.browser().get("/static/nothing.css")),
    "a file outside": (404, lambda server: server.browser().get("/static/../app.py")),
    "a file of a strange name": (404, lambda server: server.browser().get("/static/a\0b")),
    "no redirect to a slash": (404, lambda server: server.browser().post("/auth/login/", JSON_ROUTES["/auth/login"])),
    "a method": (405, lambda server: server.browser().send("PUT", "/auth/login")),
    "a mode": (409, lambda server: logged_in(server, "session").send("POST", "/auth/refresh")),
    "an address": (409, lambda server: server.browser().post("/auth/signup", {"email": EMAIL, "password": ANOTHER})),
    "a long body": (413, lambda server: server.browser().send("POST", "/auth/login", [JSON], b" " * (MOST + 1))),
    "a long length": (413, lambda server: server.browser().send("POST", "/", [("content-length", "1" * 30)])),
    "a strange length": (413, lambda server: server.browser().send("POST", "/", [("content-length", "-1")])),
    "a type": (415, lambda server: server.browser().send("POST", "/auth/login", [("content-type", "text/plain")])),
    "a host": (421, lambda server: server.wire.send("GET", "/login", host="elsewhere.example")),
    "fields": (422, lambda server: server.browser().post("/auth/login", {})),
    "fields of a page": (422, lambda server: form(server, "/signup", email="no address", password=ANOTHER)),
    "too many": (429, lambda server: [login(server, password=WRONG) for _ in range(6)][-1]),
    "a mistake of ours": (500, lambda server: broken(server, RuntimeError(SECRET))),
    "a fault": (503, lambda server: broken(server, gatepass.StoreError("the disk is full"))),
}


def logged_in(server: Inside, mode: Mode = "hybrid") -> Visitor:
    visitor = Visitor(server, mode, "cookie")
    user = server.parts.users.by_email(EMAIL)
    assert user is not None
    visitor.come_in(user)
    return visitor


def login(server: Inside, *, password: str = PASSWORD, headers: list[Pair] | None = None) -> Reply:
    body = json.dumps({"email": EMAIL, "password": password}).encode()
    return server.wire.send("POST", "/auth/login", [JSON, *(headers or [("sec-fetch-site", "same-origin")])], body)


def form(server: Inside, path: str, **fields: str) -> Reply:
    body = "&".join(f"{name}={value.replace(' ', '+').replace('@', '%40')}" for name, value in fields.items())
    return server.browser().send("POST", path, [FORM, PAGE], body.encode())


def twice(server: Inside, path: str) -> Reply:
    cookie = logged_in(server).browser.cookie(path)
    return server.wire.send("GET", path, [*cookie, *cookie])


class Broken:
    """A directory of users that answers nothing."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getattr__(self, name: str) -> Any:
        def fail(*_: object, **__: object) -> None:
            raise self.error

        return fail


def broken(server: Inside, error: Exception) -> Reply:
    server.app.state.parts = replace(server.parts, users=Broken(error))
    return login(server)


@pytest.mark.parametrize("what", ANSWERS)
def test_every_answer_is_guarded(server: Inside, what: str) -> None:
    """Row H1, for every status that there is."""
    status, ask = ANSWERS[what]

    reply = ask(server)

    assert reply.status == status, reply.body
    guarded(reply)
    if status >= 400 and reply.code is not None:
        assert reply.one("cache-control") == "no-store"
        assert {"type", "title", "status", "detail", "code"} <= set(reply.json)


def test_where_there_is_no_https_nobody_is_told_to_use_it() -> None:
    with inside(url="http://localhost:8400") as server:
        for reply in (server.browser().get("/login"), server.browser().get("/auth/me")):
            assert reply.one("strict-transport-security") is None
            assert reply.one("x-content-type-options") == "nosniff"


def test_metadata_are_there_where_there_is_an_issuer(shared: Inside) -> None:
    """It is an address (RFC 8414 section 2), and that of tokens; in development there is none."""
    path = "/.well-known/oauth-authorization-server"
    with inside(url="http://localhost:8400") as server:
        assert (server.browser().get(path).status, server.browser().get(path).code) == (404, "not_found")

    told = shared.browser().get(path).json

    assert told == {"issuer": HTTPS, "jwks_uri": f"{HTTPS}/.well-known/jwks.json"}
    assert shared.parts.auth.gate.issuer == HTTPS


def test_two_requests_have_two_ids(shared: Inside) -> None:
    """And nobody can choose theirs."""
    chosen: list[Pair] = [("x-request-id", "0123456789abcdef")]
    ids = {shared.browser().get("/healthz", chosen).one("x-request-id") for _ in range(100)}
    assert len(ids) == 100
    assert "0123456789abcdef" not in ids


# -- a last resort -----------------------------------------------------------------------------------------------------

#: How each route that asks the directory of users is reached.
ASKING: dict[str, Callable[[Visitor], Reply]] = {
    "/auth/signup": lambda visitor: visitor.send("POST", "/auth/signup", JSON_ROUTES["/auth/signup"]),
    "/auth/login": lambda visitor: visitor.send("POST", "/auth/login", JSON_ROUTES["/auth/login"]),
    "/auth/password": lambda visitor: visitor.send("POST", "/auth/password", JSON_ROUTES["/auth/password"]),
    "/account": lambda visitor: visitor.send("GET", "/account"),
    "/login": lambda visitor: visitor.browser.send(
        "POST", "/login", [FORM], b"email=ada%40example.com&password=seven+looms+weave+algebra"
    ),
    "/account/password": lambda visitor: visitor.browser.send(
        "POST", "/account/password", [FORM], b"current=seven+looms+weave+algebra&new=nanoseconds+of+copper+wire"
    ),
}


@pytest.mark.parametrize("route", ASKING)
def test_a_mistake_of_ours_is_told_to_the_log_only(server: Inside, route: str) -> None:
    """The id of the answer leads there."""
    visitor = logged_in(server)
    server.app.state.parts = replace(server.parts, users=Broken(RuntimeError(SECRET)))

    reply = ASKING[route](visitor)

    page = str(reply.one("content-type")).startswith("text/html")
    assert (reply.status, reply.code) == (500, None if page else "internal_error")
    assert SECRET not in repr(reply)
    assert "RuntimeError" not in repr(reply)
    [line] = [line for line in server.lines() if "exception" in line]
    assert line["request_id"] == reply.one("x-request-id")
    assert SECRET in line["exception"]
    guarded(reply)


def test_where_no_page_can_be_made_there_is_an_answer_all_the_same(
    server: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page that says so may be what is broken."""
    visitor = logged_in(server)
    monkeypatch.setattr(refusals, "_TOLD", {})
    server.app.state.parts = replace(server.parts, users=Broken(RuntimeError(SECRET)))

    reply = ASKING["/login"](visitor)

    assert (reply.status, reply.code) == (500, "internal_error")
    assert len([line for line in server.lines() if "exception" in line]) == 2
    guarded(reply)


@pytest.mark.parametrize("route", ASKING)
def test_a_fault_is_no_refusal(server: Inside, route: str) -> None:
    """Whoever reads 401 throws a good session away."""
    visitor = logged_in(server)
    held = visitor.browser.holds()
    server.app.state.parts = replace(server.parts, users=Broken(gatepass.StoreError("the disk is full")))

    reply = ASKING[route](visitor)

    assert reply.status == 503
    assert reply.one("retry-after") == "1"
    assert "disk" not in repr(reply) or reply.code == "store_unavailable"
    assert visitor.browser.holds() == held
    assert reply.cookies == []


def test_without_its_store_a_server_says_that_it_is_not_ready(tmp_path: Path) -> None:
    """It runs, and tells nobody that their session is not good."""
    with inside(store=f"sqlite:///{tmp_path / 'gatepass.db'}") as server:
        server.user()
        visitor = logged_in(server)
        assert server.browser().get("/readyz").json == {"status": "ready", "revoked_credentials_live_at_most": 0}
        server.parts.store.close()
        (tmp_path / "gatepass.db").unlink()
        for path in ("/readyz", "/auth/me", "/auth/sessions", "/account"):
            reply = visitor.send("GET", path)
            assert (reply.status, reply.one("retry-after")) == (503, "1"), path
            guarded(reply)
        assert login(server).status == 503
        assert visitor.browser.holds() == {"access", "refresh"}
        assert server.browser().get("/healthz").json == {"status": "ok"}


def test_an_answer_that_has_begun_is_cut_off_and_logged(server: Inside) -> None:
    async def halfway(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError(SECRET)

    server.app.mount("/halfway", halfway)

    reply = server.browser().get("/halfway/")

    assert (reply.status, reply.body) == (200, b"")
    assert [SECRET in line["exception"] for line in server.lines() if "exception" in line] == [True]


# -- hosts -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_a_path_is_served_under_our_names_only(shared: Inside, path: str) -> None:
    """DNS rebinding looks like one of our own pages. Whoever watches us knows an address only."""
    method = min(PATHS[path] - {"HEAD"})
    for host in ("elsewhere.example", "auth.example.com.evil.example", "127.0.0.1", "auth.example.com:444", ""):
        reply = shared.wire.send(method, path, host=host)
        watched = path in {"/healthz", "/readyz"} and host != ""
        assert (reply.status == 421) is not watched, (host, reply)
        guarded(reply)
    assert shared.wire.send(method, path, [("host", "auth.example.com")]).status == 421
    assert shared.wire.send(method, path).status != 421


# -- bodies ------------------------------------------------------------------------------------------------------------

POSTS = [path for path, methods in PATHS.items() if "POST" in methods]


@pytest.mark.parametrize("path", POSTS)
def test_no_more_of_a_body_is_read_than_is_needed(server: Inside, path: str) -> None:
    """Announced: none of it. Not announced: to the limit. No password is hashed meanwhile."""
    visitor = logged_in(server)
    headers = [*visitor.browser.cookie("/auth/login"), ("sec-fetch-site", "same-origin"), JSON]
    announced, reads = asyncio_send(server, path, [*headers, ("content-length", "104857600")], [b" " * 10_000] * 100)
    assert (announced.status, reads) == (413, 0)

    chunked, reads = asyncio_send(server, path, headers, [b" " * 10_000] * 100)

    assert reads <= 2
    # A route that needs no body reads none.
    assert chunked.status == 413 or reads == 0, chunked
    assert server.hashes == 0


def asyncio_send(server: Inside, path: str, headers: list[Pair], chunks: list[bytes]) -> tuple[Reply, int]:
    """An answer, and how often the body was read for it."""
    left = list(chunks)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        chunk = left.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(left)}

    async def send(message: Any) -> None:
        sent.append(message)

    server.wire.run(server.app({**server.wire.scope("http", path, headers, None), "method": "POST"}, receive, send))
    start, *rest = sent
    shown = tuple((name.decode(), value.decode()) for name, value in start["headers"])
    return Reply(start["status"], shown, b"".join(message.get("body", b"") for message in rest)), len(chunks) - len(
        left
    )


@pytest.mark.parametrize("end", ["never", "hung up"])
@pytest.mark.parametrize("path", [*JSON_ROUTES, "/login", "/signup", "/account/password", "/auth/refresh"])
def test_a_body_that_does_not_end_holds_nobody(
    server: Inside, path: str, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time is bounded as a whole, not from one byte to the next; nothing is done, and no fault of ours logged."""
    monkeypatch.setattr(Guard, "patience", 0.05)
    visitor = logged_in(server)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        if end == "hung up":
            return {"type": "http.disconnect"}
        await asyncio.sleep(0.001)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    kind = FORM if path in {"/login", "/signup", "/account/password"} else JSON
    headers = [*visitor.browser.cookie("/auth/login"), ("sec-fetch-site", "same-origin"), kind]
    server.wire.run(server.app({**server.wire.scope("http", path, headers, None), "method": "POST"}, receive, send))

    assert sent[0]["status"] == 422
    assert server.hashes == 0
    assert [line for line in server.lines() if line["level"] != "info"] == []


@pytest.mark.parametrize("path", JSON_ROUTES)
@pytest.mark.parametrize(
    "kinds",
    [
        [],
        ["text/plain"],
        ["multipart/form-data; boundary=x"],
        ["application/x-www-form-urlencoded"],
        ["text/plain; x=application/json"],
        ["application/jsonp"],
        ["application/json", "application/json"],
        ["application/json, text/plain"],
    ],
)
def test_json_says_that_it_is(shared: Inside, path: str, kinds: list[str]) -> None:
    """What a form of another site can send is refused before it is read."""
    body = json.dumps(JSON_ROUTES[path]).encode()

    reply = shared.browser().send("POST", path, [("content-type", kind) for kind in kinds], body)

    assert (reply.status, reply.code) == (415, "media_type_unsupported")


def fields(path: str) -> Iterator[tuple[str, Any]]:
    strange: list[Any] = [None, 1, 1.5, True, [], ["a"], {}, {"a": "b"}]
    for name in JSON_ROUTES[path]:
        for value in strange:
            yield name, value
    if path == "/auth/login":
        for name in ("transport", "access", "mode"):
            for value in [*strange, "", "COOKIE", "cookie\0"]:
                if (name, value) != ("mode", None):
                    yield name, value
        yield from zip(["remember"] * 7, [None, 0, 1, "true", "", [], {}], strict=True)


@pytest.mark.parametrize("path", JSON_ROUTES)
def test_fields_have_their_types(server: Inside, path: str) -> None:
    """Row I3: nothing is turned into what it is not. The honest request is the last one."""
    visitor = logged_in(server)
    for name, value in fields(path):
        reply = visitor.send("POST", path, {**JSON_ROUTES[path], name: value})
        assert (reply.status, reply.code) == (422, "fields_invalid"), (name, value)
        assert [error["field"] for error in reply.json["errors"]] == [name]
    assert server.hashes == 0
    assert visitor.send("POST", path, JSON_ROUTES[path]).status in {200, 201}


@pytest.mark.parametrize("path", JSON_ROUTES)
def test_what_is_not_asked_for_is_refused_and_not_repeated(server: Inside, path: str) -> None:
    visitor = logged_in(server)
    for name in ("is_admin", "userId", "roles", "subject", "__proto__", SECRET):
        reply = visitor.send("POST", path, {**JSON_ROUTES[path], name: SECRET})
        assert reply.status == 422
        assert reply.json["errors"] == [{"field": "", "reason": "there is a field that is not known here"}]
        assert SECRET not in repr(reply)
    text = json.dumps(JSON_ROUTES[path])
    for body in (
        text[:-1] + ", " + text[1:],  # each name twice
        f"[{text}]",
        '"text"',
        "null",
        "",
        text + text,
        "\ufeff" + text,
        text[:-1] + ', "' + SECRET + '": NaN}',
        text[:-1],
        text.replace('": "', '": "\\ud800'),
    ):
        reply = visitor.browser.send("POST", path, [JSON], body.encode("utf-8"))
        assert reply.status == 422, (body, reply)
        for said in (SECRET, EMAIL, PASSWORD, ANOTHER):
            assert said not in repr(reply)
    assert server.hashes == 0


# -- where a request comes from ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*JSON_ROUTES, "/login", "/signup", "/account/password", "/logout", "/auth/logout"])
@pytest.mark.parametrize(
    "said",
    [
        [("sec-fetch-site", "cross-site")],
        [("sec-fetch-site", "same-site")],
        [("sec-fetch-site", "none")],
        [("origin", "https://elsewhere.example")],
        [("origin", "null")],
        [("origin", HTTPS), ("origin", "https://elsewhere.example")],
    ],
)
def test_another_site_signs_nobody_up_in_or_out(server: Inside, path: str, said: list[Pair]) -> None:
    """Row X5: also before there is a session. No password is hashed for it, and nothing counted."""
    visitor = logged_in(server)
    body = json.dumps(JSON_ROUTES.get(path, {})).encode()
    kind = JSON
    if path in {"/login", "/signup", "/account/password", "/logout"}:
        kind, body = FORM, b"email=ada%40example.com&password=seven+looms+weave+algebra"
    if path == "/logout":
        body = b""
    elif path == "/account/password":
        body = b"current=seven+looms+weave+algebra&new=nanoseconds+of+copper+wire"

    reply = server.wire.send("POST", path, [*visitor.browser.cookie(path), *said, kind], body)

    assert reply.status == 403, reply
    assert reply.cookies == []
    assert server.hashes == 0
    assert visitor.send("GET", "/auth/me").status == 200


def test_a_page_of_another_origin_may_log_in_where_it_is_listed(server: Inside) -> None:
    """It may read the answers of the JSON routes, refusals too; pages are nobody's but ours."""
    ask: list[Pair] = [("access-control-request-method", "POST"), ("access-control-request-headers", "content-type")]
    for path, body in JSON_ROUTES.items():
        for origin, may in ((LISTED, True), ("https://elsewhere.example", False), ("null", False)):
            preflight = server.wire.send("OPTIONS", path, [("origin", origin), *ask])
            assert preflight.status == 204
            assert preflight.one("access-control-allow-origin") == (origin if may else None)
            assert (preflight.one("access-control-allow-methods") is not None) is may
            guarded(preflight)
            visitor = logged_in(server)
            cookie = visitor.browser.cookie(path)
            reply = server.wire.send("POST", path, [("origin", origin), JSON, *cookie], json.dumps(body).encode())
            assert reply.status == ({"/auth/signup": 201}.get(path, 200) if may else 403), reply
            refused = server.wire.send("POST", path, [("origin", origin), JSON], b"{}")
            assert refused.status >= 400
            for answer in (reply, refused):
                assert answer.one("access-control-allow-origin") == (origin if may else None)
                assert answer.one("access-control-allow-credentials") == ("true" if may else None)
                assert "Origin" in ", ".join(answer.all("vary")).split(", ")
    page = server.wire.send("GET", "/login", [("origin", LISTED)])
    assert page.one("access-control-allow-origin") is None


def test_a_login_is_for_one_caller_only(server: Inside) -> None:
    reply = login(server)

    assert reply.one("cache-control") == "no-store"
    assert "Cookie" in ", ".join(reply.all("vary")).split(", ")


@pytest.mark.parametrize("mode", MODES)
def test_a_credential_in_an_address_is_none(server: Inside, mode: Mode) -> None:
    """Addresses are in histories and logs."""
    visitor = Visitor(server, mode, "bearer")
    user = server.parts.users.by_email(EMAIL)
    assert user is not None
    visitor.come_in(user)
    token, refresh = visitor.said["access_token"], visitor.said.get("refresh_token", "")
    for name in ("access_token", "token", "session", "sid", "gatepass-session", "__Host-gatepass-session"):
        assert server.browser().get(f"/auth/me?{name}={token}").code == "credential_missing"
        assert server.browser().get(f"/account?{name}={token}").status == 401
    assert server.browser().post(f"/auth/refresh?refresh_token={refresh}").code == "credential_missing"
    assert server.browser().post(f"/auth/login?email={EMAIL}&password={PASSWORD}").status == 415
    assert visitor.send("GET", "/auth/me").status == 200


# -- what goes on beside requests --------------------------------------------------------------------------------------


class Failing(MemoryStore):
    """Fails to remove as often as it is told to."""

    failures = 1

    async def answer_async(self, question: Any, /) -> Any:
        if self.failures and isinstance(question, Purge) and question.limit == purging.STEP:
            self.failures -= 1
            raise gatepass.StoreError("the disk is full")
        return await super().answer_async(question)


def test_what_is_past_its_time_is_removed_while_the_server_runs(
    server: Inside, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In small steps, round after round; a round that fails is logged and not the last one."""
    monkeypatch.setattr(purging, "STEP", 2)

    async def run() -> None:
        store = Failing()
        gate = gatepass.AsyncGate(store, keys=server.parts.auth.ring, clock=server.clock)
        ids = [(await gate.login("ada")).session_id for _ in range(7)]
        for id in ids:  # noqa: A001  it is the id
            await gate.revoke(session=id)
        server.clock.now += 400 * 86_400
        task = asyncio.create_task(purging.purging(gate, period=0))
        async with asyncio.timeout(10):
            while await gate.sessions("ada"):  # noqa: ASYNC110  every turn of the loop lets the other task go on
                await asyncio.sleep(0)
        assert not task.done()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    server.wire.run(run())
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
        "what is past its time could not be removed"
    ]


def test_the_server_begins_to_remove_when_it_starts_and_ends_when_it_stops(server: Inside) -> None:
    visitor = logged_in(server)
    visitor.send("POST", "/auth/logout")
    server.clock.now += 400 * 86_400
    user = server.parts.users.by_email(EMAIL)
    assert user is not None

    async def run() -> None:
        gate = server.parts.auth.gate
        assert await gate.sessions(user.id)
        async with server.app.router.lifespan_context(server.app), asyncio.timeout(10):
            while await gate.sessions(user.id):  # noqa: ASYNC110  as above
                await asyncio.sleep(0)
            assert len(asyncio.all_tasks()) > 1
        assert len(asyncio.all_tasks()) == 1

    server.wire.run(run())
