"""Every cookie of every flow, as a browser reads it."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from support.asgi import FORM, JSON, PAGE, Browser, Pair, Reply, SetCookie, enter, wired
from support.clock import Clock
from support.register import REGISTER
from support.site import HTTPS, LOOPBACK, Site, application, bearer, gate_of, ring, site

from gatepass import MODES, ConfigurationError, Policy
from gatepass.core.cookies import MOST
from gatepass.core.flow import List
from gatepass.starlette import Gatepass
from gatepass.stores.memory import MemoryStore

POLICY = Policy()
IDLE, LIFETIME = POLICY.idle, POLICY.lifetime


@pytest.fixture(params=[HTTPS, LOOPBACK], ids=["https", "loopback"])
def url(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def place(mode: str, url: str) -> Iterator[Site]:
    with site(mode, url=url) as made:
        yield made


def stand(reply: Reply, url: str, prefix: str = "/auth") -> dict[str, SetCookie]:
    """The cookies of an answer by purpose, after a look at each attribute. ASVS 3.3.1 to 3.3.4; RFC 6265bis 4.1.3."""
    for cookie in reply.cookies:
        attributes = dict(cookie.attributes)
        assert len(attributes) == len(cookie.attributes), "none is there twice"
        assert set(attributes) <= {"Max-Age", "Path", "HttpOnly", "SameSite", "Secure"}, "no Domain, nothing unknown"
        assert "HttpOnly" in attributes
        refresh = cookie.purpose == "refresh"
        assert (attributes["Path"], attributes["SameSite"]) == ((prefix, "Strict") if refresh else ("/", "Lax"))
        if url.startswith("https:"):
            assert "Secure" in attributes
            assert cookie.name == f"{'__Secure-' if refresh else '__Host-'}gatepass-{cookie.purpose}"
        else:
            assert "Secure" not in attributes
            assert cookie.name == f"gatepass-dev-8000-{cookie.purpose}"
        assert cookie.value.isascii()
        assert not set(' ",;\\') & set(cookie.value)
    found = {cookie.purpose: cookie for cookie in reply.cookies}
    assert len(found) == len(reply.cookies), "each once"
    return found


def ages(reply: Reply, url: str) -> dict[str, int | None]:
    return {purpose: cookie.max_age for purpose, cookie in stand(reply, url).items()}


def test_a_login_sets_those_of_its_mode_and_clears_the_others(place: Site, url: str, mode: str) -> None:
    """Those of the session live as long as it can, the others as long as it does if nobody comes."""
    expected = {
        "session": {"session": LIFETIME, "access": 0, "refresh": 0},
        "jwt": {"session": 0, "access": POLICY.token_ttl, "refresh": 0},
        "hybrid": {"session": 0, "access": IDLE, "refresh": IDLE},
    }[mode]
    browser = place.browser()
    assert ages(browser.post("/login"), url) == expected
    assert browser.holds() == {purpose for purpose, age in expected.items() if age}
    assert ages(browser.post("/step-up"), url) == expected


def test_only_what_changes_the_session_sets_cookies(place: Site, url: str, mode: str) -> None:
    browser = place.browser("/login")
    for path in ("/me", "/maybe", "/user", "/scopes", "/required", "/session", "/plain", "/auth/me", "/auth/sessions"):
        reply = browser.get(path)
        assert (reply.status, reply.cookies) == (200, []), path
    assert browser.post("/auth/sessions/end-others").cookies == []

    refreshed = browser.post("/auth/refresh")
    assert refreshed.status == (200 if mode == "hybrid" else 409)
    assert stand(refreshed, url).keys() == ({"access", "refresh"} if mode == "hybrid" else set())


@pytest.mark.parametrize("path", ["/auth/logout", "/logout"])
def test_a_logout_clears_all_of_ours_and_what_was_cached(place: Site, url: str, path: str) -> None:
    """Never "cookies": that would clear those of the whole registrable domain."""
    browser = place.browser("/login")
    kept = dict(browser.jar)

    reply = browser.post(path)

    assert ages(reply, url) == {"session": 0, "access": 0, "refresh": 0}
    assert reply.one("clear-site-data") == '"cache"'
    assert browser.jar == {}
    for again in (browser, Browser(place.wire, kept)):
        assert again.get("/me").status == 401
        assert again.get("/me").cookies == []


def test_a_logout_that_is_refused_clears_nothing(place: Site) -> None:
    browser = place.browser("/login")
    for headers in ([("sec-fetch-site", "cross-site")], [("authorization", "Bearer x")], [("host", "evil.tld")]):
        reply = place.wire.send("POST", "/auth/logout", [*browser.cookie("/auth"), *headers])
        assert reply.status in {401, 403, 421}
        assert (reply.cookies, reply.all("clear-site-data")) == ([], [])
    assert place.wire.send("POST", "/auth/logout").code == "credential_missing"

    assert browser.get("/me").status == 200
    assert browser.post("/auth/logout").status == 204


@pytest.mark.parametrize("before", MODES)
def test_the_cookie_of_another_mode_does_not_stay(before: str, mode: str, url: str) -> None:
    """Two of them would be ambiguous in every request to come."""
    with site(mode, url=url) as place:
        browser = place.browser(f"/login?mode={before}")
        assert browser.get("/auth/me").json["mode"] == before
        assert browser.post("/login").status == 200

        assert browser.get("/auth/me").json["mode"] == mode
        assert len(browser.holds() & {"session", "access"}) == 1


def test_a_cookie_that_is_not_to_be_remembered_goes_with_the_browser(place: Site, url: str, mode: str) -> None:
    """Also after a renewal and a step-up: the row remembers it."""
    browser = place.browser()
    replies = [browser.post("/login?forget"), browser.post("/step-up")]
    if mode == "hybrid":
        replies += [browser.post("/auth/refresh"), browser.post("/auth/refresh", {"access": "body"})]
    for reply in replies:
        assert {age for age in ages(reply, url).values() if age != 0} == {None}
    assert browser.get("/auth/me").status == (401 if mode == "hybrid" else 200)

    assert set(ages(browser.post("/login"), url).values()) != {0, None}, "a new login decides anew"


def test_a_page_may_keep_its_access_token_in_memory(url: str) -> None:
    """Then no cookie has it, and what is left of an older one is cleared."""
    with site("hybrid", url=url) as place:
        browser = place.browser("/login")
        for path, body, cleared in (
            ("/auth/refresh", {"access": "body"}, {"access": 0}),
            ("/login?access=body", None, {"session": 0, "access": 0}),
            ("/auth/refresh", {"access": "body"}, {}),
        ):
            reply = browser.post(path, body)
            assert ages(reply, url) == {**cleared, "refresh": IDLE}
            assert "refresh_token" not in reply.json
            token = reply.json["access_token"]
            REGISTER.credentials.add(token)
            assert browser.get("/me", [("authorization", f"Bearer {token}")]).body == b"ada"
            assert browser.get("/me").code == "credential_missing"
        assert "access_token" not in browser.post("/auth/refresh").json
        assert browser.get("/me").body == b"ada"
    for other in ("session", "jwt"):
        with site(other, url=url) as place:
            assert "access_token" not in place.browser().post("/login?access=body").json


def test_a_page_with_its_token_in_memory_steps_up_anywhere(url: str) -> None:
    """No path but those below the prefix sees the refresh cookie, and no script is ever told what is in it."""
    with site("hybrid", url=url) as place:
        browser = place.browser()
        token = enter(browser.post("/login?access=body").json["access_token"])

        sessions = []
        for path in ("/step-up?access=body", "/auth/refresh", "/step-up?access=body"):
            body = {"access": "body"} if path == "/auth/refresh" else None
            reply = browser.post(path, body, [("authorization", f"Bearer {token}")])
            assert reply.json.keys() == {"mode", "expires_in", "session_id", "csrf_token", "access_token"}, path
            assert stand(reply, url)["refresh"].max_age == IDLE
            assert browser.holds() == {"refresh"}
            token = enter(reply.json["access_token"])
            who = browser.get("/auth/me", [("authorization", f"Bearer {token}")])
            assert (who.status, who.json["session_id"]) == (200, reply.json["session_id"])
            sessions.append(reply.json["session_id"])
        assert (sessions[0] == sessions[1], sessions[1] == sessions[2]) == (True, False), "a step-up begins a new one"
        assert sum(row.ended_at is None for row in place.store.answer(List("ada", 10))) == 1


def test_a_program_that_steps_up_is_told_its_tokens(mode: str, url: str) -> None:
    """What says nothing of memory is no page; and only hybrid mode has a token to keep there."""
    with site(mode, url=url) as place:
        for path in ("/step-up", "/step-up?access=body")[: 1 if mode == "hybrid" else 2]:
            token = enter(place.wire.send("POST", "/login?transport=bearer").json["access_token"])
            reply = place.wire.send("POST", path, [("authorization", f"Bearer {token}")])
            enter(reply.json["access_token"])
            enter(reply.json.get("refresh_token", ""))
            assert (reply.json["token_type"], reply.cookies) == ("Bearer", [])
            assert ("refresh_token" in reply.json) == (mode == "hybrid")


def test_the_refresh_cookie_stays_where_it_is_used(url: str) -> None:
    browser: Browser
    with site("hybrid", url=url) as place:
        browser = place.browser("/login")
        for path in ("/", "/me", "/authentic", "/aut", "/AUTH/me"):
            assert "refresh" not in str(browser.cookie(path)), path
        for path in ("/auth", "/auth/refresh", "/auth/sessions/end-others"):
            assert "refresh" in str(browser.cookie(path)), path


@pytest.mark.parametrize(
    ("issuer", "root", "path"),
    [
        ("https://app.example.com/shop", "", "/shop/auth"),
        ("https://app.example.com/shop", "/shop", "/shop/auth"),
        ("https://app.example.com", "/shop", "/auth"),
        (None, "/shop", "/shop/auth"),
        (None, "/shop/", "/shop/auth"),
        (None, "", "/auth"),
        (None, "/x;Domain=localhost;y", "/auth"),
        (None, "/x\r\nSet-Cookie: a=b", "/auth"),
        (None, "/x\0", "/auth"),
        (None, "//evil.tld", "/auth"),
        (None, "/x; Secure", "/auth"),
        (None, "/x?", "/auth"),
    ],
)
def test_the_refresh_cookie_has_the_public_path(issuer: str | None, root: str, path: str) -> None:
    """Where an application is mounted under a path with a parameter, a stranger chooses it."""
    options: dict[str, Any] = {} if issuer is None else {"issuer": issuer}
    with site("hybrid", url=LOOPBACK if issuer is None else HTTPS, **options) as place:
        prefix = root.rstrip("/")
        reply = place.wire.send("POST", f"{prefix}/login".replace("?", "%3F"), root_path=root)
        if reply.status == 404:  # the router does not know a path that ends like that
            reply = place.wire.send("POST", "/login", root_path=root)
        made = stand(reply, HTTPS if issuer else LOOPBACK, path)
        assert made["refresh"].value


def test_a_server_that_names_no_scheme_means_http(mode: str) -> None:
    """ASGI lets it leave that out."""
    with site(mode, url=LOOPBACK) as place:
        app = place.wire.app

        async def bare(scope: Any, receive: Any, send: Any) -> None:
            await app({name: value for name, value in scope.items() if name != "scheme"}, receive, send)

        place.wire.app = bare
        browser = place.browser("/login")
        assert browser.get("/me").body == b"ada"
        assert place.wire.handshake("/socket", [*browser.cookie("/socket"), ("origin", LOOPBACK)]) == "open"


def test_a_parameter_of_a_mount_reaches_no_attribute() -> None:
    store = MemoryStore()
    auth = Gatepass(mode="hybrid", store=store, keys=ring(), clock=Clock())
    inner = application(auth)
    outer = Starlette(routes=[Mount("/{tenant}", app=inner)])
    with wired(outer, LOOPBACK) as wire:
        for tenant, path in [("acme", "/acme/auth"), ("x;Domain=localhost;y", "/auth"), ("x\r\nA: b", "/auth")]:
            reply = wire.send("POST", f"/{tenant}/login")
            assert reply.status == 200
            assert stand(reply, LOOPBACK, path)["refresh"].value


# -- one credential for one purpose ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/auth/refresh", "/auth/logout"])
def test_two_credentials_of_one_purpose_are_refused(path: str) -> None:
    """In whichever order and place: nothing is exchanged, ended or cleared."""
    with site("hybrid") as place:
        given, other = place.login(), place.login("mallory")
        names = place.auth.site.cookies
        access, refresh = (
            f"{names.name('access')}={given.access_token}",
            f"{names.name('refresh')}={given.refresh_token}",
        )
        second = f"{names.name('refresh')}={other.refresh_token}"
        session = f"{names.name('session')}={place.login(mode='session').access_token}"
        token: Pair = ("authorization", f"Bearer {other.access_token}")
        body = b'{"refresh_token":"%s"}' % str(other.refresh_token).encode()
        before = [place.store.answer(List(subject, 10)) for subject in ("ada", "mallory")]
        trusted: Pair = ("sec-fetch-site", "same-origin")

        def send(*headers: Pair, body: bytes = b"") -> Reply:
            return place.wire.send("POST", path, [trusted, *([JSON] if body else []), *headers], body)

        hostile = [
            send(("cookie", f"{refresh}; {second}")),
            send(("cookie", second), ("cookie", refresh)),
            send(("cookie", f"{refresh}; {refresh}")),
            send(("cookie", refresh), body=body),
            send(("cookie", refresh), token, body=body),
            *([send(("cookie", f"{access}; {session}")), send(("cookie", access), token)] if path[-1] == "t" else []),
        ]
        for reply in hostile:
            assert reply.code == "credentials_ambiguous"
            assert reply.cookies == []
        assert [place.store.answer(List(subject, 10)) for subject in ("ada", "mallory")] == before

        assert send(("cookie", f"{access}; {refresh}")).status in {200, 204}
        assert send(body=body).status == (200 if path == "/auth/refresh" else 204) or path[-1] == "t"


def test_a_login_with_two_credentials_is_refused(mode: str) -> None:
    """A good bearer token beside a cookie, as at every check: whose session would the new one take the place of?"""
    with site(mode) as place:
        token, cookie = place.login("bob"), place.login()
        ours: Pair = ("sec-fetch-site", "same-origin")
        held = [ours, *place.cookies(cookie, refresh=False)]

        def live() -> dict[str, int]:
            rows = {name: place.store.answer(List(name, 10)) for name in ("ada", "bob")}
            return {name: sum(row.ended_at is None for row in found) for name, found in rows.items()}

        for query in ("", "?transport=bearer"):
            reply = place.wire.send("POST", f"/login{query}", [*held, *bearer(token)])
            assert (reply.code, reply.cookies) == ("credentials_ambiguous", [])
            assert live() == {"ada": 1, "bob": 1}

        for bad in ("lost", "a.b.c", "A" * 22 + "." + "A" * 43):
            held = [ours, *place.cookies(place.login(), refresh=False)]
            before = live()
            reply = place.wire.send("POST", "/login", [*held, ("authorization", f"Bearer {bad}")])
            assert reply.status == 200, "whoever logs in need not have come with a good one"
            assert live() == before, "the session of the cookie made room"
        before = live()
        assert place.wire.send("POST", "/login?subject=bob", bearer(token)).status == 200
        assert live() == before


@pytest.mark.parametrize("late", [0, 4_000])
@pytest.mark.parametrize("page", [False, True])
@pytest.mark.parametrize("held", ["access", "session"])
def test_a_refresh_cookie_of_another_session_is_not_exchanged(url: str, held: str, page: bool, late: int) -> None:
    """A sub-domain can plant one. The browser would go on as somebody else, and nobody would notice."""
    with site("hybrid", url=url) as place:
        browser = place.browser("/login" if held == "access" else "/login?mode=session")
        name, planted = place.auth.site.cookies.name("refresh"), place.login("mallory")
        before = [place.store.answer(List(subject, 10)) for subject in ("ada", "mallory")]
        place.clock.advance(late)
        own = browser.cookie("/")
        form, body = ([FORM], b"next=/me") if page else ([], b"")
        trusted: list[Pair] = [("sec-fetch-site", "same-origin"), *form]
        hostile: Pair = ("cookie", f"{name}={planted.refresh_token}")

        for order in (1, -1):
            reply = place.wire.send("POST", "/auth/refresh", [*trusted, *[*own, hostile][::order]], body)
            assert (reply.code, reply.cookies) == ("credentials_ambiguous", [])
        assert [place.store.answer(List(subject, 10)) for subject in ("ada", "mallory")] == before

        if held == "access":
            honest = browser.send("POST", "/auth/refresh", form, body)
            assert honest.status == (303 if page else 200)
            assert browser.get("/me").body == b"ada"
        # An access cookie that proves nothing names no session that the refresh cookie could be compared with.
        rubbish: Pair = ("cookie", f"{place.auth.site.cookies.name('access')}=x")
        assert place.wire.send("POST", "/auth/refresh", [*trusted, rubbish, hostile], body).status in {200, 303}


def test_a_login_for_a_bearer_token_takes_the_cookies_away(mode: str, url: str) -> None:
    """Their session made room for the new one, and beside a good token they would be refused at every check."""
    with site(mode, url=url) as place:
        browser = place.browser("/login")
        reply = browser.post("/login?transport=bearer&subject=bob")
        assert reply.status == 200
        assert browser.jar == {}
        token: Pair = ("authorization", f"Bearer {enter(reply.json['access_token'])}")
        assert browser.send("GET", "/me", [token]).body == b"bob"
        assert place.store.answer(List("ada", 10))[0].ended_at is not None

        assert place.wire.send("POST", "/login?transport=bearer").cookies == [], "who brought none loses none"
        browser = place.browser("/login")
        browser.site = "cross-site"
        assert browser.post("/login?transport=bearer").code == "csrf_refused"
        assert browser.get("/me").body == b"ada", "a refusal takes nothing away"


@pytest.mark.parametrize("late", [0, 4_000])
def test_a_page_with_its_token_in_memory_keeps_no_dead_cookie(late: int) -> None:
    """It may log out by its token: the refresh cookie of that session goes with it, and that of another one stays."""
    with site("hybrid") as place:
        browser = place.browser()

        def log_out(token: str) -> Reply:
            return browser.send("POST", "/auth/logout", [("authorization", f"Bearer {token}")])

        token = enter(browser.post("/login?access=body").json["access_token"])
        other = place.login("bob")
        assert log_out(other.access_token).cookies == []
        assert browser.holds() == {"refresh"}

        place.clock.advance(late)
        reply = log_out(token)
        assert (reply.status, browser.holds(), reply.all("clear-site-data")) == (204, set(), ['"cache"'])
        assert place.store.answer(List("ada", 10))[0].ended_reason == "logout"


def test_a_program_logs_out_with_what_it_has(mode: str) -> None:
    """An access token that is over will do, and where it is lost the refresh token in the body."""

    with site(mode) as made:

        def alive() -> int:
            return sum(row.ended_at is None for row in made.store.answer(List("ada", 10)))

        for lost in ([], [("authorization", "Bearer lost")]) if mode == "hybrid" else ():
            body = b'{"refresh_token":"%s"}' % str(made.login().refresh_token).encode()
            assert made.wire.send("POST", "/auth/logout", [JSON, *lost], b"{}").status == 401
            assert alive() == 1
            assert made.wire.send("POST", "/auth/logout", [JSON, *lost], body).status == 204
            assert alive() == 0
        late: list[Pair] = [("authorization", f"Bearer {made.login().access_token}")]
        made.clock.advance(0 if mode == "session" else 4_000)
        reply = made.wire.send("POST", "/auth/logout", late)
        assert (reply.status, reply.cookies, reply.all("clear-site-data")) == (204, [], [])
        assert alive() == 0


def test_an_issuer_on_loopback_has_cookies_that_a_browser_takes_there(mode: str) -> None:
    with site(mode, url=LOOPBACK, issuer=LOOPBACK) as place:
        browser = place.browser("/login")
        assert stand(browser.post("/step-up"), LOOPBACK)
        assert browser.get("/me").status == 200
        assert place.wire.send("POST", "/login", host="127.0.0.1:8000").code == "host_unknown"
    with pytest.raises(ConfigurationError, match="not https"):
        Gatepass(issuer="http://app.example.com", store=MemoryStore(), keys=ring())


# -- what is written holds no control character ------------------------------------------------------------------------

BAD = ["a\rb", "a\nb", "a\0b", "a;b", "a b", "a,b", "", "a" * 41, "ä", "a=b", 'a"b']


@pytest.mark.parametrize("bad", BAD)
def test_a_name_or_path_that_breaks_a_header_is_refused_at_start(bad: str) -> None:
    options: dict[str, Any] = {"store": MemoryStore(), "keys": ring()}
    with pytest.raises(ConfigurationError):
        Gatepass(name=bad, **options)
    for there in ("prefix", "login_page"):
        for value in ("//" + bad, bad, f"/{bad}\r", f"/{bad}\0", f"/{bad}\n"):
            with pytest.raises(ConfigurationError):
                Gatepass(**{**options, there: value})
    for value in (
        f"https://app.example.com/{bad};",
        f"https://{bad}\0.example.com",
        f"https://app.example.com/{bad}\n",
    ):
        with pytest.raises(ConfigurationError):
            Gatepass(issuer=value, **options)

    assert Gatepass(name="a-b_1", prefix="/a/b", login_page="/log-in?a=b", issuer=HTTPS + "/shop", **options)


AWAY = [
    "//evil.tld",
    "///evil.tld",
    "/\\evil.tld",
    "\\\\evil.tld",
    "/%09/evil.tld",
    "/%0d%0aSet-Cookie:%20a=b",
    "/a%00",
    "/a%20b",
    "@evil.tld",
    ".evil.tld",
    "evil.tld",
    "https://evil.tld",
    "https://app.example.com/",
    "https://app.example.com@evil.tld",
    "https:/evil.tld",
    "javascript:alert(1)",
    "data:,x",
    "%20/a",
    "/" + "a" * 3_000,
    "",
    "/%e4",
]
HERE = ["/", "/account", "/a?b=c%26d", "/@evil.tld", "/%252f%252fevil.tld", "/%255cevil.tld", "/a%23b"]


def test_nobody_is_sent_away(url: str) -> None:
    """In a form or a query what is sent is decoded once: what is left is a path, or is refused. ASVS 3.7.2."""
    with site("hybrid", url=url) as place:
        browser = place.browser("/login")
        for back in AWAY:
            assert browser.get(f"/auth/renew?next={back}").code == "fields_invalid", back
            refused = browser.send("POST", "/auth/refresh", [FORM], f"next={back}".encode())
            assert (refused.code, refused.cookies, refused.all("location")) == ("fields_invalid", [], []), back
        assert browser.get("/auth/renew").code == "fields_invalid"
        for twice in ("next=/me&next=/me", "next=//evil.tld&next=/me"):
            assert browser.get(f"/auth/renew?{twice}").code == "fields_invalid"

        for back in HERE:
            assert browser.get(f"/auth/renew?next={back}").status == 200
            sent = browser.send("POST", "/auth/refresh", [FORM], f"next={back}".encode())
            assert sent.status == 303
            location = sent.one("location")
            assert location is not None
            assert location.startswith("/")
            assert not location.startswith(("//", "/\\"))


@pytest.mark.parametrize(
    "path", ["/me", "/me\rX: y", "//evil.tld", "/\\evil.tld", "/me\0", "/me;a=b", "/ä", "/me%2f", "/" + "a" * 3_000]
)
@pytest.mark.parametrize("query", ["", "?a=b&c=d", "?x=\r\nSet-Cookie: a=b", "?" + "a" * 3_000, "?\xff"])
def test_where_a_page_load_is_sent_is_one_clean_line(path: str, query: str) -> None:
    """Whatever was asked for: the way back is in `next`, encoded, or not at all."""

    async def any_page(request: Request) -> Response:
        who = await gate_of(request).identity(request)
        return JSONResponse(who.subject)

    with site("hybrid", Route("/{rest:path}", any_page), login_page="/log-in") as place:
        for browser, target in ((place.browser(), "/log-in"), (place.browser("/login"), "/auth/renew")):
            if target == "/auth/renew":
                place.clock.advance(400)
            reply = browser.get(path + query, [PAGE])
            assert reply.status == 303
            location = reply.one("location")
            assert location is not None
            assert location.isascii()
            assert location.isprintable()
            assert location.split("?")[0] == target
            assert reply.cookies == []
            if target == "/auth/renew":
                assert place.wire.send("GET", location, browser.cookie("/auth")).status == 200, "or it ends in JSON"


@pytest.mark.parametrize(("root", "path"), [("", "//x"), ("", "/" + "a" * 3_000), ("/shop", "/" + "a" * 3_000)])
def test_a_page_that_nobody_can_be_led_back_to_leads_to_the_root(path: str, root: str) -> None:
    async def any_page(request: Request) -> Response:
        return JSONResponse((await gate_of(request).identity(request)).subject)

    options: dict[str, Any] = {"issuer": HTTPS + root} if root else {}
    with site("hybrid", Route("/{rest:path}", any_page), **options) as place:
        browser = place.browser("/login")
        place.clock.advance(400)
        location = browser.get(path, [PAGE]).one("location")
        assert location == f"{root}/auth/renew?next={(root + '/').replace('/', '%2F')}"
        assert browser.get(f"/auth/renew?next={root}/").status == 200


# -- sizes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("letter", ["a", '"', "\u20ac", "\\"])
def test_no_cookie_is_larger_than_browsers_keep(letter: str, url: str) -> None:
    """The largest roles, claims and names that a login takes: the library refuses, or the browser keeps it."""

    async def large(request: Request) -> Response:
        wide = len(letter.encode()) if letter == "\u20ac" else 2 if letter in '"\\' else 1
        subject = letter * (255 // len(letter.encode()))
        roles, claims = ["r" * 249, "s" * 249, "t" * 249], {"x": letter * (1_010 // wide)}
        return JSONResponse(await gate_of(request).login(request, subject, roles=roles, claims=claims))

    with site("hybrid", Route("/large", large, methods=["POST"]), url=url, audience="a" * 128) as place:
        browser = place.browser()
        reply = browser.post("/large")
        if reply.status != 200:
            assert reply.code == "configuration_refused"
            assert reply.cookies == []
            rows = place.store.answer(List(letter * (255 // len(letter.encode())), 10))
            assert all(row.ended_at is not None for row in rows), "it is in nobody's hands"
        for cookie in reply.cookies:
            assert len(cookie.name) + len(cookie.value) <= MOST
        assert reply.status == 200 or letter != "a"


# -- races -------------------------------------------------------------------------------------------------------------


def test_a_refresh_that_lost_a_race_leaves_the_winner_alone(url: str) -> None:
    """Two tabs, one cookie: both are given the same successor, and nobody's cookie is cleared."""
    with site("hybrid", url=url) as place:
        browser = place.browser("/login")
        late = Browser(place.wire, dict(browser.jar))
        won, lost = browser.post("/auth/refresh"), late.post("/auth/refresh")
        assert won.status == lost.status == 200
        refresh = {reply: stand(reply, url)["refresh"].value for reply in (won, lost)}
        assert refresh[won] == refresh[lost]


def test_a_refused_refresh_clears_only_what_proves_nothing(url: str) -> None:
    """A script that is refused is told so. A page load is sent on, and must not come back for ever."""
    with site("hybrid", url=url, login_page="/log-in") as place:
        browser = place.browser("/login")
        names = place.auth.site.cookies
        foreign: list[Pair] = [*browser.cookie("/"), ("cookie", f"{names.name('refresh')}=x")]
        trusted: Pair = ("sec-fetch-site", "same-origin")

        assert place.wire.send("POST", "/auth/refresh", [*foreign, trusted]).cookies == []
        sent = place.wire.send("POST", "/auth/refresh", [*foreign, trusted, FORM], b"next=/me")
        assert (sent.status, sent.one("location"), sent.cookies) == (303, "/me", []), "who is signed in goes on"
        assert browser.get("/me").status == 200

        assert browser.post("/auth/sessions/end-others").status == 200
        place.wire.run(place.auth.revoke(subject="ada"))
        assert browser.post("/auth/refresh").cookies == []
        ended = browser.send("POST", "/auth/refresh", [FORM], b"next=/me")
        assert ended.status == 303
        assert ages(ended, url) == {"session": 0, "access": 0, "refresh": 0}
        assert browser.jar == {}


@pytest.mark.parametrize("by", ["login", "step-up", "an operator"])
def test_a_refused_refresh_that_comes_late_leaves_the_cookies_of_a_newer_login_alone(url: str, by: str) -> None:
    """One tab renews while another logs in, and its answer arrives last: it takes nothing away by name."""
    with site("hybrid", url=url) as place:
        browser = place.browser("/login")
        late = Browser(place.wire, dict(browser.jar))
        if by == "an operator":  # the honest twin: what is over, and has no successor, goes
            place.wire.run(place.auth.revoke(subject="ada"))
        else:
            assert browser.post(f"/{by}").status == 200
        place.clock.advance(400)

        refused = late.post("/auth/refresh")
        assert (refused.status, refused.code) == (401, "credential_revoked")
        if by == "an operator":
            assert ages(refused, url) == {"session": 0, "access": 0, "refresh": 0}
            return
        assert refused.cookies == []
        _ = browser.keep(refused)
        assert browser.post("/auth/refresh").status == 200
        assert browser.get("/me").body == b"ada"


def test_a_form_of_somebody_who_has_nothing_to_renew_goes_on(mode: str, url: str) -> None:
    """They are signed in, and were told that they are not."""
    for login_page in (None, "/log-in"):
        with site(mode, url=url, login_page=login_page) as place:
            browser = place.browser("/login")
            browser.jar = {key: value for key, value in browser.jar.items() if not key[0].endswith("-refresh")}
            reply = browser.send("POST", "/auth/refresh", [FORM], b"next=/me")
            assert (reply.status, reply.one("location"), reply.cookies) == (303, "/me", [])
            assert browser.get("/me").body == b"ada"

            place.wire.run(place.auth.revoke(subject="ada"))
            over = browser.send("POST", "/auth/refresh", [FORM], b"next=/me")
            assert (over.status, over.one("location")) == ((303, "/log-in?next=%2Fme") if login_page else (401, None))
            assert browser.jar == {}


# -- no credential in a URL --------------------------------------------------------------------------------------------


def test_a_credential_in_the_query_is_ignored(place: Site) -> None:
    """It would lie in histories, logs and `Referer`."""
    given = place.login()
    cookie = str(place.cookies(given)[0][1]).split("; ")[0]
    for name in ("access_token", "token", "session", "id", "sid", "refresh_token", "csrf_token", "authorization"):
        for value in (given.access_token, given.refresh_token or "x", f"Bearer%20{given.access_token}"):
            for method, path in [
                ("GET", "/me"),
                ("POST", "/auth/logout"),
                ("POST", "/auth/refresh"),
                ("GET", "/auth/me"),
            ]:
                reply = place.wire.send(method, f"{path}?{name}={value}&{cookie}")
                assert reply.code == "credential_missing", (name, path)
                assert given.access_token not in str(reply)
    assert place.wire.send("GET", "/me", place.cookies(given, refresh=False)).status == 200
