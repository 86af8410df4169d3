"""Answers: the headers that go with each, what a fault and a refusal say, and to whom."""

import json
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from support.asgi import FORM, JSON, PAGE, Pair, Reply
from support.faults import Asked, Faulty
from support.register import REGISTER
from support.site import ASKING, HTTPS, LISTED, LOOPBACK, Site, application, bearer, gate_of, site

from gatepass import MODES
from gatepass.core.flow import List, Question
from gatepass.starlette import Gatepass
from gatepass.stores.memory import MemoryStore

TRUSTED: Pair = ("sec-fetch-site", "same-origin")


@pytest.fixture
def place(mode: str) -> Iterator[Site]:
    with site(mode, login_page="/log-in") as made:
        yield made


# -- one answer, one caller --------------------------------------------------------------------------------------------


def private(reply: Reply) -> None:
    """ASVS 14.3.2; CVE-2023-30861; CVE-2026-27205."""
    assert reply.one("cache-control") == "no-store"
    assert "cookie" in {name.strip().lower() for value in reply.all("vary") for name in value.split(",")}


@pytest.mark.parametrize("held", [True, False], ids=["known", "unknown"])
def test_who_was_asked_for_is_in_nobody_elses_cache(place: Site, held: bool) -> None:
    """In whatever way it was asked, and whether or not there was a cookie: the answer depends on it."""
    browser = place.browser("/login") if held else place.browser()
    asking = [endpoint.__name__ for endpoint in ASKING if endpoint.__name__ != "plain"]
    for path in [*(f"/{name}" for name in asking), "/auth/me", "/auth/sessions", "/auth/renew?next=/"]:
        private(browser.get(path))
        private(browser.get(path, [("authorization", "Bearer x")]))
        private(browser.send("HEAD", path))
    for path in ("/login", "/step-up", "/auth/refresh", "/auth/sessions/end-others", "/auth/logout", "/logout"):
        private(browser.post(path))
    for headers in ([PAGE], [PAGE, ("cookie", "__Host-gatepass-session=x")]):
        private(place.wire.send("GET", "/me", headers))

    for path in ("/plain", "/auth/gatepass.js", "/.well-known/jwks.json"):
        reply = browser.get(path)
        assert reply.one("cache-control") != "no-store", "an honest cache may keep what is the same for all"
        assert "Cookie" not in str(reply.one("vary"))


@pytest.mark.parametrize(
    ("headers", "vary"),
    [
        ({"Cache-Control": "public, max-age=60", "Vary": "Accept-Encoding"}, "Accept-Encoding, Cookie"),
        ({"cache-control": "max-age=60", "vary": "Accept, Cookie"}, "Accept, Cookie"),
        ({"CACHE-CONTROL": "private", "VARY": "cookie"}, "cookie"),
        ({"Vary": "X-Cookie"}, "X-Cookie, Cookie"),
        ({"Vary": "Cookies"}, "Cookies, Cookie"),
        ({"Vary": "Accept,COOKIE ,Origin"}, "Accept,COOKIE ,Origin"),
        ({"Vary": "Accept,\tCookie"}, "Accept,\tCookie"),
        ({}, "Cookie"),
    ],
)
def test_what_the_route_says_of_caches_is_completed(headers: dict[str, str], vary: str) -> None:
    """In one header: some middlewares read the first and drop the others."""

    async def cached(request: Request) -> Response:
        _ = await gate_of(request).maybe(request)
        return PlainTextResponse("hello", headers=headers)

    with site("session", Route("/cached", cached)) as place:
        for browser in (place.browser("/login"), place.browser()):
            reply = browser.get("/cached")
            private(reply)
            assert reply.all("vary") == [vary]


# -- headers, methods, errors ------------------------------------------------------------------------------------------

ROUTES = {
    "/auth/refresh": {"POST"},
    "/auth/renew": {"GET", "HEAD"},
    "/auth/me": {"GET", "HEAD"},
    "/auth/logout": {"POST"},
    "/auth/sessions": {"GET", "HEAD"},
    "/auth/sessions/end-others": {"POST"},
    "/auth/sessions/x": {"DELETE"},
    "/auth/gatepass.js": {"GET", "HEAD"},
    "/.well-known/jwks.json": {"GET", "HEAD"},
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")


def guarded(reply: Reply, url: str) -> None:
    """ASVS 3.4.1 to 3.4.8: each once, on errors and redirects too."""
    policy = reply.one("content-security-policy")
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert reply.one("x-content-type-options") == "nosniff"
    assert reply.one("referrer-policy") in {"no-referrer", "same-origin"}
    assert reply.one("cross-origin-opener-policy") == "same-origin"
    assert reply.one("cross-origin-resource-policy") == "same-origin"
    hsts = reply.one("strict-transport-security")
    assert (hsts is not None) == url.startswith("https:"), "on loopback it would lock out every other application"
    for banner in ("server", "x-powered-by", "via", "x-aspnet-version"):
        assert reply.all(banner) == []


@pytest.mark.parametrize("url", [HTTPS, LOOPBACK], ids=["https", "loopback"])
def test_our_routes_take_the_methods_that_are_stated(mode: str, url: str) -> None:
    """What is stated gets past the method; whatever else there is does not, and is told what would."""
    with site(mode, url=url) as place:
        for path, method in product(ROUTES, METHODS):
            reply = place.wire.send(method, path)
            if method in ROUTES[path]:
                assert reply.status in {200, 204, 401, 422}, (path, method)
            else:
                assert (reply.status, reply.code) == (405, "method_not_allowed"), (path, method)
                assert set(str(reply.one("allow")).replace(" ", "").split(",")) - {"HEAD"} == ROUTES[path] - {"HEAD"}
            guarded(reply, url)
            assert b"gatepass/" not in reply.body


def _ended(at: Site) -> Reply:
    given = at.login()
    at.wire.run(at.auth.revoke(session=given.session_id))
    return at.wire.send("GET", "/auth/me", bearer(given))


REFUSALS: dict[str, Callable[[Site], Reply]] = {
    "credential_missing": lambda at: at.wire.send("GET", "/auth/me"),
    "credential_malformed": lambda at: at.wire.send("GET", "/auth/me", [("authorization", "Bearer x")]),
    "credential_unknown": lambda at: at.wire.send("GET", "/me", [("authorization", "Bearer " + UNKNOWN)]),
    "credential_revoked": _ended,
    "credentials_ambiguous": lambda at: at.wire.send("GET", "/auth/me", at.cookies(at.login()) * 2),
    "csrf_refused": lambda at: at.wire.send("POST", "/auth/logout", [*at.cookies(at.login()), ("origin", "null")]),
    "not_found": lambda at: at.browser("/login").send("DELETE", "/auth/sessions/x"),
    "method_not_allowed": lambda at: at.wire.send("PUT", "/auth/me"),
    "mode_not_enabled": lambda at: at.wire.send("POST", "/auth/refresh", bearer(at.login(mode="session"))),
    "body_too_large": lambda at: at.wire.send("POST", "/auth/logout", [JSON], b" " * 20_000),
    "media_type_unsupported": lambda at: at.wire.send("POST", "/auth/logout", [("content-type", "text/plain")], b"{}"),
    "host_unknown": lambda at: at.wire.send("GET", "/auth/me", host="evil.tld"),
    "fields_invalid": lambda at: at.wire.send("POST", "/auth/logout", [JSON], b'{"is_admin":"SECRET"}'),
}
UNKNOWN = "A" * 22 + "." + "A" * 43
CHALLENGED = {
    "credential_missing": 'Bearer realm="gatepass"',
    "credential_malformed": 'Bearer realm="gatepass", error="invalid_token", error_description="credential_malformed"',
    "credential_unknown": 'Bearer realm="gatepass", error="invalid_token", error_description="credential_unknown"',
    "credential_revoked": 'Bearer realm="gatepass", error="invalid_token", error_description="credential_revoked"',
}


@pytest.mark.parametrize("url", [HTTPS, LOOPBACK], ids=["https", "loopback"])
@pytest.mark.parametrize("code", REFUSALS)
def test_every_refusal_has_one_form(mode: str, url: str, code: str) -> None:
    """Problem JSON, with our headers, what the status demands, and nothing of what was sent."""
    with site(mode, url=url) as place:
        reply = REFUSALS[code](place)

        assert reply.code == code
        guarded(reply, url)
        assert reply.one("cache-control") == "no-store"
        assert reply.json["status"] == reply.status
        assert reply.json["type"] == f"urn:gatepass:error:{code}"
        assert set(reply.json) <= {"type", "title", "status", "detail", "code", "errors"}
        assert reply.one("www-authenticate") == CHALLENGED.get(code)
        for hidden in (b"SECRET", b"is_admin", b"/src/", b"Traceback", UNKNOWN.encode()):
            assert hidden not in reply.body


@pytest.mark.parametrize("url", [HTTPS, LOOPBACK], ids=["https", "loopback"])
def test_redirects_and_pages_of_ours_have_our_headers_too(url: str) -> None:
    with site("hybrid", url=url, login_page="/log-in") as place:
        browser = place.browser("/login")
        page = browser.get("/auth/renew?next=/me")
        guarded(page, url)
        assert "script-src 'sha256-" in str(page.one("content-security-policy"))
        sent = [browser.send("POST", "/auth/refresh", [FORM], b"next=/me"), place.wire.send("GET", "/auth/me", [PAGE])]
        sent.append(place.wire.send("POST", "/auth/refresh", [FORM], b"next=/me"))
        place.clock.advance(400)
        sent.append(browser.get("/auth/me", [PAGE]))
        for reply in sent:
            assert reply.status == 303
            guarded(reply, url)
        guarded(browser.post("/auth/logout"), url)
    with site("hybrid", url=url) as place:
        over = place.wire.send("POST", "/auth/refresh", [FORM], b"next=/me")
        assert over.status == 401
        guarded(over, url)


class Broken(Asked):
    """Raises what no store may raise, with what nobody may read."""

    broken = False

    def _answer(self, question: Question[Any], carry: Callable[[Question[Any]], Any]) -> Any:
        if self.broken:
            raise RuntimeError("SELECT secret FROM /var/lib/gatepass.db")
        return super()._answer(question, carry)


def test_an_error_of_ours_says_nothing_of_itself(mode: str) -> None:
    """The last resort: the server logs it, and the client learns that there was one. And it is no refusal."""
    store = Broken(MemoryStore())
    with site(mode, store=store) as place:
        given = place.login()
        for method, path in [
            ("POST", "/login"),
            ("GET", "/auth/sessions"),
            ("POST", "/auth/logout"),
            ("GET", "/session"),
        ]:
            store.broken = True
            sent: list[Any] = []

            async def send(message: Any, sent: list[Any] = sent) -> None:
                sent.append(message)

            async def receive() -> Any:
                return {"type": "http.request", "body": b""}

            scope = {**place.wire.scope("http", path, [*place.cookies(given), TRUSTED], None), "method": method}
            with pytest.raises(RuntimeError):
                place.wire.run(place.wire.app(scope, receive, send))
            assert sent[0]["status"] == 500
            assert sent[1]["body"] == b"Internal Server Error"
            assert not any(name == b"set-cookie" for name, _ in sent[0]["headers"])
            store.broken = False
        assert place.wire.send("GET", "/me", place.cookies(given, refresh=False)).status == 200


# -- fields ------------------------------------------------------------------------------------------------------------

WRONG = [None, True, 0, 1.5, [], ["body"], {}, {"$ne": ""}, "", "BODY", "body ", "\0"]


def test_a_field_is_a_text_that_is_expected(mode: str) -> None:
    """ASVS 15.3.3 and 15.3.5: no other type is turned into one, no other field is let in, none is there twice."""
    with site(mode) as place:
        given = place.login()
        honest = [*place.cookies(given), TRUSTED, JSON]
        rows = place.store.answer(List("ada", 10))

        def code(path: str, body: bytes) -> str | None:
            return place.wire.send("POST", path, honest, body).code

        for value in WRONG:
            assert code("/auth/refresh", json.dumps({"access": value}).encode()) == "fields_invalid", value
            if type(value) is not str:
                for path in ("/auth/refresh", "/auth/logout"):
                    assert code(path, json.dumps({"refresh_token": value}).encode()) == "fields_invalid", value
        for name in ("is_admin", "userId", "role", "Access", "access ", "__proto__", "next", "csrf_token"):
            for path in ("/auth/refresh", "/auth/logout", "/auth/sessions/end-others"):
                assert code(path, json.dumps({name: "body"}).encode()) == "fields_invalid", name
        for body in (
            b"[]",
            b'"body"',
            b"null",
            b"1",
            b"{",
            b"{}{}",
            b'{"access":"body","access":"body"}',
            b"\xff",
            b"\xef\xbb\xbf{}",
        ):
            assert code("/auth/refresh", body) == "fields_invalid", body
        deep = b'{"access":' + b"[" * 5_000 + b"]" * 5_000 + b"}"
        assert code("/auth/refresh", deep) == "fields_invalid"
        for body in (b"next=/a&next=/b", b"next", b"next=/a&is_admin=1", b"access=body", b"a=b;c=d"):
            assert place.wire.send("POST", "/auth/refresh", [*honest[:-1], FORM], body).code == "fields_invalid", body
        assert (
            place.wire.send("POST", "/auth/logout", [*honest[:-1], FORM], b"refresh_token=a").code
            == "media_type_unsupported"
        )
        assert place.store.answer(List("ada", 10)) == rows

        expected = None if mode == "hybrid" else "mode_not_enabled"
        assert code("/auth/refresh", b' { "access" : "body" } ') == expected
        assert place.browser("/login").post("/auth/logout", {}).status == 204


# -- other origins -----------------------------------------------------------------------------------------------------

HOSTILE = [
    "https://evil.tld",
    "null",
    "http://spa.example.com",
    "https://spa.example.com:8443",
    "https://spa.example.com.evil.tld",
    "https://evil-spa.example.com",
    "https://SPA.example.com",
    "https://spa.example.com@evil.tld",
    "*",
]
PREFLIGHT: list[Pair] = [("access-control-request-method", "POST"), ("access-control-request-headers", "content-type")]


def allowed(reply: Reply) -> list[str]:
    return [value for name, value in reply.headers if name.lower().startswith("access-control-")]


def test_a_page_of_another_origin_may_call_if_it_is_listed(mode: str) -> None:
    """Fixed, exact, never `*`, never whatever was sent; and caches are told. ASVS 3.4.2."""
    with site(mode) as place:
        for origin, path in product(HOSTILE, ROUTES):
            reply = place.wire.send("OPTIONS", path, [("origin", origin), *PREFLIGHT])
            assert (allowed(reply), reply.all("vary")) == ([], ["Origin"])
            guarded(reply, HTTPS)
            asked = place.wire.send("GET", path, [("origin", origin)])
            assert allowed(asked) == []
            assert "Origin" in str(asked.one("vary")).split(", ")
        for path in ROUTES:
            reply = place.wire.send("OPTIONS", path, [("origin", LISTED), *PREFLIGHT])
            assert reply.status == 204
            guarded(reply, HTTPS)
            assert reply.one("access-control-allow-origin") == LISTED
            assert reply.one("access-control-allow-credentials") == "true"
            assert reply.all("vary") == ["Origin"]
            assert place.wire.send("GET", path, [("origin", LISTED)]).one("access-control-allow-origin") == LISTED
        assert allowed(place.wire.send("OPTIONS", "/me", [("origin", LISTED), *PREFLIGHT])) == [], "theirs to say"
    with site(mode, origins=()) as place:
        assert allowed(place.wire.send("OPTIONS", "/auth/me", [("origin", LISTED), *PREFLIGHT])) == []
        assert allowed(place.wire.send("GET", "/auth/me", [("origin", LISTED)])) == []


@pytest.mark.parametrize("inside", [True, False], ids=["inside", "outside"])
@pytest.mark.parametrize("theirs", [[LISTED], ["https://other.example.com"], ["*"]], ids=["same", "other", "any"])
def test_with_the_middleware_of_starlette_no_header_is_there_twice(inside: bool, theirs: list[str]) -> None:
    """A browser refuses an answer with two. Inside of ours it cannot widen what may call our routes."""

    def app(auth: Gatepass, *more: Any) -> Any:
        made = application(auth, *more)
        made.add_middleware(CORSMiddleware, allow_origins=theirs, allow_credentials=True, allow_methods=["POST"])
        if inside:
            made.user_middleware.reverse()
        return made

    with site("session", app=app) as place:
        for origin in (LISTED, "https://evil.tld", "https://other.example.com"):
            for path in ("/auth/me", "/me", "/auth/refresh", "/plain"):
                for reply in (
                    place.wire.send("GET", path, [("origin", origin)]),
                    place.wire.send("POST", path, [("origin", origin), TRUSTED]),
                    place.wire.send("OPTIONS", path, [("origin", origin), *PREFLIGHT]),
                ):
                    for name in ("allow-origin", "allow-credentials", "allow-methods", "allow-headers", "max-age"):
                        found = reply.one(f"access-control-{name}")
                        if inside and name == "allow-origin" and path.startswith("/auth"):
                            assert found == (LISTED if origin == LISTED else None)
        if theirs == [LISTED]:
            honest = place.wire.send("GET", "/auth/gatepass.js", [("origin", LISTED)])
            assert honest.one("access-control-allow-origin") == LISTED


# -- host names --------------------------------------------------------------------------------------------------------

REBOUND = [
    "evil.tld",
    "localhost.evil.tld",
    "127.0.0.1.evil.tld",
    "evil-localhost",
    "localhost.",
    "127.0.0.2",
    "0.0.0.0",
    "[::]",
    "[::2]",
    "2130706433",
    "localhost@evil.tld",
    "evil.tld#.localhost",
    "evil.tld/.localhost",
    "localhost:80:90",
    "localhost:99999",
    "[::1",
    "[::1]]",
    "[[::1]",
    "[::1]localhost",
    "",
]


def _writes(place: Site, host: str) -> set[int]:
    given = place.login()
    cookie = place.cookies(given)
    refused = {place.wire.send("GET", path, cookie, host=host).status for path in ("/auth/me", "/auth/gatepass.js")}
    for path in ("/login", "/step-up", "/logout", "/auth/refresh", "/auth/logout"):
        reply = place.wire.send("POST", path, [*cookie, TRUSTED], host=host)
        refused.add(reply.status)
        assert reply.cookies == []
    assert [row for row in place.store.answer(List("ada", 10)) if row.ended_at is None]
    return refused


@pytest.mark.parametrize("host", REBOUND)
def test_only_names_of_ours_are_served(mode: str, host: str) -> None:
    """DNS rebinding looks same-origin: the name of the host is the only thing that gives it away."""
    with site(mode, url=LOOPBACK) as place:
        assert _writes(place, host) == {421}
    with site(mode) as place:
        assert _writes(place, host) == {421}
        assert _writes(place, host + ":443") == {421}


@pytest.mark.parametrize(
    "host", ["localhost", "a.localhost", "a.b.localhost", "127.0.0.1", "[::1]", "testserver", "LOCALHOST"]
)
def test_names_of_this_machine_are_served_in_development_only(mode: str, host: str) -> None:
    with site(mode, url=LOOPBACK) as place:
        for port in ("", ":8000", ":80"):
            assert place.wire.send("POST", "/login", host=host + port).status == 200
            assert place.wire.send("GET", "/auth/gatepass.js", host=host + port).status == 200
    with site(mode) as place:
        assert _writes(place, host) == {421}


def test_the_names_of_issuer_and_origins_are_served(mode: str) -> None:
    with site(mode) as place:
        for host in ("app.example.com", "APP.example.com", "app.example.com:443", "spa.example.com"):
            assert place.wire.send("POST", "/login", host=host).status == 200, host
        for host in (
            "example.com",
            "app.example.com:8443",
            "app.example.com.",
            "a.app.example.com",
            "app.example.com.evil.tld",
        ):
            assert place.wire.send("POST", "/login", host=host).code == "host_unknown", host
        twice = place.wire.send("POST", "/login", [("host", "app.example.com"), ("host", "app.example.com")], host="")
        assert twice.code == "host_unknown"


# -- faults ------------------------------------------------------------------------------------------------------------

ASKED = [
    *(("GET", f"/{name}") for name in ("me", "maybe", "user", "scopes", "required", "session")),
    *(("POST", path) for path in ("/me", "/login", "/login?transport=bearer", "/step-up", "/logout")),
    *(("GET", path) for path in ("/auth/me", "/auth/sessions", "/auth/renew?next=/me")),
    *(("POST", path) for path in ("/auth/refresh", "/auth/logout", "/auth/sessions/end-others")),
    ("DELETE", "/auth/sessions/{id}"),
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("way", ["cookie", "bearer", "form", "token"])
def test_a_fault_is_no_refusal(mode: str, way: str) -> None:
    """At whichever question the store fails: 503 with `Retry-After`, never 401, and no cookie changes hands."""
    memory = MemoryStore()
    REGISTER.places.append(memory)
    faults = 0
    for method, path in ASKED:
        for at in range(30):
            store = Faulty(memory)
            with site(mode, store=store, login_page="/log-in") as place:
                given, other = place.login(), place.login()
                headers = {
                    "cookie": [*place.cookies(given), TRUSTED, PAGE],
                    "bearer": bearer(given),
                    "form": [*place.cookies(given), TRUSTED, FORM, PAGE],
                    "token": [*place.cookies(given), ("x-csrf-token", place.auth.gate.csrf_token(given.session_id))],
                }[way]
                body = b"next=/me" if way == "form" and path == "/auth/refresh" else b""
                store.fail_at(at)
                reply = place.wire.send(method, path.format(id=other.session_id), headers, body)
                if store.failed is None:
                    break
                assert (reply.status, reply.code) == (503, "store_unavailable"), (method, path, store.failed)
                assert reply.one("retry-after") == "1"
                assert reply.cookies == []
                assert reply.all("location") == []
                faults += 1
                live = [row.id for row in memory.answer(List("ada", 10)) if row.ended_at is None]
                kept = given.session_id in live or path in {"/auth/logout", "/logout"} or "/login" in path
                assert kept or path == "/step-up", "what was answered with a fault may be tried again"
        else:
            pytest.fail("the store is asked for ever")
        memory = MemoryStore()
    assert faults > 5


def test_a_websocket_is_asked_to_come_back_when_the_store_is_out_of_reach(mode: str) -> None:
    store = Faulty(MemoryStore())
    with site(mode, store=store) as place:
        headers = [*place.cookies(place.login(), refresh=False), TRUSTED]
        store.fail_at(0)
        told = place.wire.handshake("/socket", headers)
        assert told == ("open" if store.failed is None else "1013 store_unavailable")
        assert (store.failed is not None) or mode != "session"
        assert place.wire.handshake("/socket", headers) == "open"


def test_the_page_that_says_signed_out_is_a_401_like_any_other() -> None:
    """RFC 9110 section 15.5.2: whoever says 401 says what is asked for."""
    with site("hybrid") as place:
        reply = place.wire.send(
            "POST",
            "/auth/refresh",
            [("sec-fetch-site", "same-origin"), ("content-type", "application/x-www-form-urlencoded")],
            b"next=/me",
        )
        assert (reply.status, reply.one("www-authenticate")) == (401, 'Bearer realm="gatepass"')
        assert reply.one("content-type") == "text/html; charset=utf-8"
