"""Requests that another site may have made: all combinations, against a table that was written from the contract."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from support.asgi import FORM, JSON, Pair, Reply
from support.site import LISTED, METHODS, Site, bearer, gate_of, site

from gatepass import MODES, Credentials
from gatepass.core.cookies import PURPOSES
from gatepass.core.flow import List

SITES: dict[str, tuple[str, ...]] = {
    "absent": (),
    "same-origin": ("same-origin",),
    "same-site": ("same-site",),
    "cross-site": ("cross-site",),
    "none": ("none",),
    "garbage": ("Same-Origin",),
    "twice": ("same-origin", "same-origin"),
}
OWN = "https://app.example.com"
ORIGINS: dict[str, tuple[str, ...]] = {
    "absent": (),
    "own": (OWN,),
    "listed": (LISTED,),
    "null": ("null",),
    "other port": ("https://app.example.com:8443",),
    "other scheme": ("http://app.example.com",),
    "suffix": ("https://app.example.com.evil.tld",),
    "prefix": ("https://evil-app.example.com",),
    "upper case": ("https://APP.example.com",),
    "userinfo": ("https://app.example.com@evil.tld",),
    "trailing dot": ("https://app.example.com.",),
    "twice": (OWN, OWN),
}
TRANSPORTS = ("cookie", "bearer", "both", "none")
TOKENS = ("absent", "right", "other session", "older session", "moved bytes")
UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}


def believed(said: str, origin: str, token: str, *, ours: bool) -> bool:
    """DESIGN section 7, sentence by sentence."""
    if "twice" in (said, origin):
        return False  # fail-closed: a browser says it once
    if said == "same-origin":
        return True  # "`Sec-Fetch-Site: same-origin` passes"
    if origin != "absent":
        return origin in {"own", "listed"}  # "else `Origin` must equal a configured origin exactly"
    if said != "absent":
        return False  # "`same-site` is not trusted", and nothing else is
    if ours:
        return token == "right"  # "refused if it carries one of our cookies without a token bound to the session"
    return True  # "let through if it carries none"


@dataclass
class Person:
    """One of many subjects, with three sessions: the one in use, the one that it took the place of, another one."""

    subject: str
    current: Credentials
    other: Credentials
    tokens: dict[str, list[Pair]]
    rows: Any = field(default=None)


@pytest.fixture(params=MODES)
def place(request: pytest.FixtureRequest, hushed: None) -> Iterator[Site]:
    with site(request.param) as made:
        yield made


def person(place: Site, number: int) -> Person:
    subject = f"p{number}"
    older = place.login(subject)
    current, other = place.login(subject, replaces=older.access_token), place.login(subject)
    right, of_other, of_older = (place.auth.gate.csrf_token(one.session_id) for one in (current, other, older))
    made = {"right": right, "other session": of_other, "older session": of_older, "moved bytes": right[1:] + right[0]}
    tokens: dict[str, list[Pair]] = {name: [("x-csrf-token", token)] for name, token in made.items()}
    found = Person(subject, current, other, {"absent": [], **tokens})
    found.rows = rows(place, found)
    return found


def rows(place: Site, who: Person) -> Any:
    return place.store.answer(List(who.subject, 10))


def headers(place: Site, who: Person, said: str, origin: str, token: str, transport: str, path: str) -> list[Pair]:
    found: list[Pair] = [("sec-fetch-site", value) for value in SITES[said]]
    found += [("origin", value) for value in ORIGINS[origin]]
    if transport in {"cookie", "both"}:
        found += place.cookies(who.current, refresh=path.startswith("/auth"))
    if transport in {"bearer", "both"}:
        found += bearer(who.current)
    return found + who.tokens[token]


def outcome(reply: Reply) -> str:
    return str(reply.status) if reply.status < 400 else f"{reply.status} {reply.code}"


REFUSED = "403 csrf_refused"


@pytest.mark.parametrize("path", ["/me", "/maybe", "/user"])
def test_a_check_is_refused_exactly_where_the_contract_says_so(place: Site, path: str) -> None:
    """In whichever way it is asked for; `request.user` takes a way of its own, because nobody awaits it."""
    who = person(place, 0)
    seen: Counter[str] = Counter()
    for said, origin, method, transport, token in product(SITES, ORIGINS, METHODS, TRANSPORTS, TOKENS):
        good = method not in UNSAFE or believed(said, origin, token, ours=True)
        expected = {
            "cookie": "200" if good else REFUSED,
            "bearer": "200",  # no browser sends it along
            "both": "400 credentials_ambiguous",
            "none": "401 credential_missing" if path == "/me" else "200",
        }[transport]
        reply = place.wire.send(method, path, headers(place, who, said, origin, token, transport, path))
        assert outcome(reply) == expected, (said, origin, method, transport, token)
        assert reply.cookies == []
        seen[expected] += 1

    assert sum(seen.values()) == len(SITES) * len(ORIGINS) * len(METHODS) * len(TRANSPORTS) * len(TOKENS)
    missing = {"401 credential_missing"} if path == "/me" else set()
    assert set(seen) == {"200", REFUSED, "400 credentials_ambiguous"} | missing
    assert rows(place, who) == who.rows


def test_a_websocket_is_opened_for_a_page_of_ours_only(place: Site) -> None:
    """Its handshake is a GET that no same-origin policy stops, so it counts as unsafe."""
    who = person(place, 0)
    seen: Counter[str] = Counter()
    for said, origin, transport, token in product(SITES, ORIGINS, TRANSPORTS, TOKENS):
        expected = {
            "cookie": "open" if believed(said, origin, token, ours=True) else "4403 csrf_refused",
            "bearer": "open",
            "both": "4400 credentials_ambiguous",
            "none": "4401 credential_missing",
        }[transport]
        found = place.wire.handshake("/socket", headers(place, who, said, origin, token, transport, "/socket"))
        assert found == expected, (said, origin, transport, token)
        seen[found] += 1
    assert len(seen) == 4


@dataclass(frozen=True)
class Deed:
    """Something that changes the world, and what it says where it is let through."""

    method: str
    path: Callable[[Person], str]
    #: By transport and mode.
    done: Callable[[str, str], str]
    #: Whether it would act for, or set, a cookie: by transport.
    guarded: Callable[[str], bool]


def _check(done: str) -> Callable[[str, str], str]:
    other = {"both": "400 credentials_ambiguous", "none": "401 credential_missing"}
    return lambda transport, mode: other.get(transport, done)


def _refresh(transport: str, mode: str) -> str:
    if transport == "none":
        return "401 credential_missing"
    # A good credential of the other modes is told that there is nothing to exchange; an access token, what is missing.
    if mode != "hybrid":
        return "409 mode_not_enabled"
    return "200" if transport in {"cookie", "both"} else "401 credential_missing"


DEEDS = {
    "login": Deed(
        "POST",
        lambda who: f"/login?subject={who.subject}",
        lambda transport, mode: "400 credentials_ambiguous" if transport == "both" else "200",
        lambda _: True,
    ),
    "refresh": Deed("POST", lambda who: "/auth/refresh", _refresh, lambda _: True),
    "logout": Deed(
        "POST", lambda who: "/auth/logout", _check("204"), lambda transport: transport in {"cookie", "none"}
    ),
    "end others": Deed(
        "POST", lambda who: "/auth/sessions/end-others", _check("200"), lambda transport: transport == "cookie"
    ),
    "end one": Deed(
        "DELETE", lambda who: f"/auth/sessions/{who.other.session_id}", _check("200"), lambda sent: sent == "cookie"
    ),
}


@pytest.mark.parametrize("name", DEEDS)
def test_what_changes_the_world_happens_exactly_where_the_contract_says_so(place: Site, name: str) -> None:
    """And where it is refused nothing changes: no row, no cookie."""
    deed = DEEDS[name]
    who, number = person(place, 0), 0
    seen: Counter[str] = Counter()
    for said, origin, transport, token in product(SITES, ORIGINS, TRANSPORTS, TOKENS):
        ours = transport in {"cookie", "both"}
        good = not deed.guarded(transport) or believed(said, origin, token, ours=ours)
        expected = deed.done(transport, place.auth.mode) if good else REFUSED
        path = deed.path(who)
        reply = place.wire.send(deed.method, path, headers(place, who, said, origin, token, transport, path))
        assert outcome(reply) == expected, (said, origin, transport, token)
        seen[expected] += 1
        if expected[0] == "2":
            assert rows(place, who) != who.rows, "it was let through, and nothing happened"
            number += 1
            who = person(place, number)
        else:
            assert reply.cookies == []
            assert rows(place, who) == who.rows, "it was refused, and something happened"
    assert seen[REFUSED] > 100
    assert len(seen) > 1


@pytest.mark.parametrize("name", ["refresh", "logout"])
def test_a_token_has_to_belong_to_every_session_that_is_acted_on(name: str) -> None:
    """Where cookies of two sessions meet, one of them was planted; its owner has a token for it, and that is all."""
    with site("hybrid") as place:
        who, planted = person(place, 0), place.login("mallory")
        names = place.auth.site.cookies
        assert who.current.refresh_token is not None

        def send(access: str, session_id: str, order: int) -> Reply:
            cookies = [f"{names.name('access')}={access}", f"{names.name('refresh')}={who.current.refresh_token}"]
            token = place.auth.gate.csrf_token(session_id)
            pairs = cookies[::order]
            return place.wire.send("POST", f"/auth/{name}", [("cookie", "; ".join(pairs)), ("x-csrf-token", token)])

        for session_id, order in product((planted.session_id, who.current.session_id), (1, -1)):
            assert send(planted.access_token, session_id, order).code == "csrf_refused"
        assert rows(place, who) == who.rows

        assert send(who.current.access_token, who.current.session_id, 1).status in {200, 204}


FIELD = b"a=1&csrf_token=%s&b=2"


def test_a_token_may_come_as_a_field_of_a_form(place: Site) -> None:
    """For pages without a script, in browsers that do not say where they are; once, and in a form that is read."""
    who = person(place, 0)
    cookie = place.cookies(who.current)
    right = place.auth.gate.csrf_token(who.current.session_id).encode()

    def status(body: bytes, *headers: Pair) -> int:
        length = ("content-length", str(len(body)))
        return place.wire.send("POST", "/me", [*cookie, length, *headers], body).status

    assert status(FIELD % right, FORM) == 200
    assert status(FIELD % (right[1:] + right[:1]), FORM) == 403
    assert status(FIELD % b"x" + b"&csrf_token=" + right, FORM) == 403
    assert status(FIELD % right, JSON) == 403
    assert status(FIELD % right, FORM, FORM) == 415
    assert status(FIELD % right, FORM, ("x-csrf-token", "x")) == 403
    assert status(b"x=1&" * 90 + FIELD % right, FORM) == 200
    assert status(b"x=1&" * 300 + FIELD % right, FORM) == 403  # more fields than are read
    assert status(b"x" * 20_000 + FIELD % right, FORM) == 403
    assert status(b"", ("x-csrf-token", right)) == 200
    assert status(b"", ("x-csrf-token", right), ("x-csrf-token", right)) == 403


@pytest.mark.parametrize("length", ["200000", "000000000000200000", "5", None])
@pytest.mark.parametrize("path", ["/me", "/login"])
def test_a_form_is_read_up_to_a_limit_whatever_it_says_of_its_length(
    place: Site, path: str, length: str | None
) -> None:
    """Or a stranger fills the memory. Where no token could help, nothing of it is read."""
    app, taken = place.wire.app, 0

    async def counted(scope: Any, receive: Any, send: Any) -> None:
        async def receiving() -> Any:
            nonlocal taken
            message = await receive()
            taken += len(message["body"])
            return message

        await app(scope, receiving, send)

    place.wire.app = counted
    who = person(place, 0)
    form: list[Pair] = [FORM] if length is None else [FORM, ("content-length", length)]
    token = FIELD % place.auth.gate.csrf_token(who.current.session_id).encode()
    kind = "session" if place.auth.mode == "session" else "access"
    junk: Pair = ("cookie", f"{place.auth.site.cookies.name(kind)}=x")  # type: ignore[arg-type]
    for cookie, most in ([*place.cookies(who.current, refresh=False)], 16_384 + 2_000), ([junk], 0):
        reply = place.wire.send("POST", path, [*cookie, *form], chunks=[token, *[b"&" + b"x" * 1_999] * 100])
        code = "credential_malformed" if (path, most) == ("/me", 0) else "csrf_refused"
        assert (reply.code, reply.cookies) == (code, [])
        assert taken <= most
        taken = 0

    small: list[Pair] = [*place.cookies(who.current), ("content-length", f"{len(token):09}"), FORM]
    honest = place.wire.send("POST", path, small, chunks=[token[:9], token[9:]])
    assert honest.status == 200
    assert taken == len(token)


@pytest.mark.parametrize("reads", [True, False])
def test_a_form_that_the_route_has_read_as_a_stream_has_no_token(mode: str, reads: bool) -> None:
    """It cannot be read twice. That is a refusal, and no fault."""

    async def upload(request: Request) -> Response:
        if reads:
            async for _ in request.stream():
                pass
        return PlainTextResponse((await gate_of(request).identity(request)).subject)

    with site(mode, Route("/upload", upload, methods=["POST"])) as place:
        credentials = place.login()
        body = FIELD % place.auth.gate.csrf_token(credentials.session_id).encode()
        headers: list[Pair] = [*place.cookies(credentials), FORM, ("content-length", str(len(body)))]
        reply = place.wire.send("POST", "/upload", headers, body)
        assert (reply.status, reply.code) == ((403, "csrf_refused") if reads else (200, None))
        reply = place.wire.send("POST", "/upload", [*headers, ("sec-fetch-site", "same-origin")], body)
        assert reply.body == b"ada", "a browser of this decade needs no token"


@pytest.mark.parametrize("path", ["/auth/refresh", "/auth/logout", "/auth/sessions/end-others", "/auth/sessions/{id}"])
def test_nothing_changes_by_a_method_that_pages_may_use_freely(place: Site, path: str) -> None:
    """An image, a link, a prefetch. The honest request, by its own method, goes through at the end."""
    who = person(place, 0)
    cookie = place.cookies(who.current)
    path = path.format(id=who.other.session_id)
    deed = "DELETE" if who.other.session_id in path else "POST"
    overrides = ("x-http-method-override", "x-http-method", "x-method-override")
    for method in ("GET", "HEAD", "OPTIONS", "TRACE", deed):
        for extra in ([], *([(name, deed)] for name in overrides)):
            for query in ("", f"?_method={deed}", f"?_method={deed.lower()}"):
                hostile: list[Pair] = [
                    *cookie,
                    ("sec-fetch-site", "cross-site"),
                    ("origin", "https://evil.tld"),
                    *extra,
                ]
                reply = place.wire.send(method, path + query, hostile)
                assert reply.status == (403 if method == deed else 405), (method, extra, query)
                assert reply.cookies == []
    assert rows(place, who) == who.rows

    reply = place.wire.send(deed, path, [*cookie, ("sec-fetch-site", "same-origin")])
    assert reply.status == (409 if path == "/auth/refresh" and place.auth.mode != "hybrid" else reply.status) < 500
    assert reply.status != 403


def test_a_method_override_does_not_make_a_check_safe(place: Site) -> None:
    who = person(place, 0)
    cookie = place.cookies(who.current)
    for name in ("x-http-method-override", "x-http-method", "x-method-override"):
        headers: list[Pair] = [*cookie, ("sec-fetch-site", "cross-site"), (name, "GET")]
        assert place.wire.send("POST", "/me?_method=GET", headers, b"_method=GET").code == "csrf_refused"
        headers = [*cookie, ("sec-fetch-site", "same-origin"), (name, "GET")]
        assert place.wire.send("POST", "/me?_method=GET", headers, b"_method=GET").status == 200


@pytest.mark.parametrize("token", ["bad", "Bearer", "", "a.b.c", "\xff"])
def test_a_bearer_header_switches_nothing_off(place: Site, token: str) -> None:
    """Beside a good cookie, from another site: a bad bearer token is refused, and the cookie is not tried."""
    who = person(place, 0)
    hostile: list[Pair] = [*place.cookies(who.current), ("sec-fetch-site", "cross-site")]
    for method, path in [
        ("POST", "/me"),
        ("GET", "/me"),
        ("POST", "/auth/logout"),
        ("POST", "/auth/sessions/end-others"),
    ]:
        reply = place.wire.send(method, path, [*hostile, ("authorization", f"Bearer {token}")])
        assert reply.status == 401, (method, path)
        assert reply.cookies == []
    assert place.wire.handshake("/socket", [*hostile, ("authorization", f"Bearer {token}")]).startswith("4401")
    for scheme in (f"Basic {token}", f"bearer{token}", f"Token {token}", f"Digest {token}"):
        if scheme != "bearer":
            assert place.wire.send("POST", "/me", [*hostile, ("authorization", scheme)]).code == "csrf_refused", scheme
    assert rows(place, who) == who.rows

    assert place.wire.send("POST", "/me", bearer(who.current)).status == 200
    honest: list[Pair] = [*place.cookies(who.current), ("sec-fetch-site", "same-origin")]
    assert place.wire.send("POST", "/me", [*honest, ("authorization", "Basic YTpi")]).status == 200


def test_nobody_is_logged_in_by_another_site(place: Site) -> None:
    """Login CSRF: the victim would go on in the attacker's account. There is no session yet that a token could name."""
    for said in ("cross-site", "same-site", "none"):
        reply = place.wire.send("POST", "/login?subject=mallory", [("sec-fetch-site", said)])
        assert (reply.code, reply.cookies) == ("csrf_refused", [])
    assert place.store.answer(List("mallory", 10)) == ()

    planted = place.login("mallory")
    token = place.auth.gate.csrf_token(planted.session_id)
    who = person(place, 0)
    stolen: list[Pair] = [*place.cookies(who.current), ("x-csrf-token", token)]
    for headers in (stolen, [*stolen, ("sec-fetch-site", "cross-site")]):
        assert place.wire.send("POST", "/login?subject=mallory", headers).code == "csrf_refused"
    assert rows(place, who) == who.rows

    assert place.wire.send("POST", "/login", [("sec-fetch-site", "same-origin")]).cookies
    assert place.wire.send("POST", "/login").cookies, "a program that carries nothing of ours"
    assert place.wire.send("POST", "/login?transport=bearer", [("sec-fetch-site", "cross-site")]).cookies == []


@pytest.mark.parametrize("rubbish", ["", "x", "a.b.c", "A" * 22 + "." + "A" * 43, "A" * 22 + ".0." + "A" * 43])
def test_a_cookie_of_ours_that_belongs_to_nobody_asks_for_more_than_silence(place: Site, rubbish: str) -> None:
    """What sent it keeps cookies: a browser, and an old one. A page of ours gets on without a token."""
    names = place.auth.site.cookies
    for purpose in PURPOSES:
        cookie: Pair = ("cookie", f"{names.name(purpose)}={rubbish}")
        for path in ("/login", "/auth/logout", "/auth/refresh"):
            for more in ([], [("x-csrf-token", "x")], [("x-csrf-token", place.auth.gate.csrf_token("A" * 21 + "B"))]):
                assert place.wire.send("POST", path, [cookie, *more]).code == "csrf_refused", (purpose, path)
            assert place.wire.send("POST", path, [cookie, ("sec-fetch-site", "same-origin")]).code != "csrf_refused"
        assert place.wire.send("POST", "/login", [cookie, ("origin", OWN)]).status == 200


def test_a_token_dies_with_its_session(place: Site) -> None:
    """The token of the page before the login is good for nothing after it."""
    browser = place.browser("/login", site=None)
    before = browser.get("/auth/me").json["csrf_token"]
    assert browser.send("POST", "/me", [("x-csrf-token", before)]).status == 200
    after = browser.send("POST", "/login", [("x-csrf-token", before)]).json["csrf_token"]

    assert browser.send("POST", "/me", [("x-csrf-token", before)]).code == "csrf_refused"
    assert browser.send("POST", "/me", [("x-csrf-token", after)]).status == 200


def test_a_step_up_is_for_pages_of_ours(place: Site) -> None:
    who = person(place, 0)
    cookie = place.cookies(who.current)
    for hostile in (("sec-fetch-site", "cross-site"), ("origin", "null")):
        assert place.wire.send("POST", "/step-up", [*cookie, hostile]).code == "csrf_refused"
    assert rows(place, who) == who.rows

    assert place.wire.send("POST", "/step-up", [*cookie, ("origin", LISTED)]).cookies


def test_a_step_up_that_sets_a_cookie_for_a_bearer_token_is_for_pages_of_ours() -> None:
    """Another site may send a token of its own, and its visitor would go on as whoever that is."""
    with site("hybrid") as place:
        token = bearer(place.login("mallory"))
        for hostile in (("sec-fetch-site", "cross-site"), ("origin", "null"), ("origin", "https://evil.example")):
            assert place.wire.send("POST", "/step-up?access=body", [*token, hostile]).code == "csrf_refused"
        [row] = place.store.answer(List("mallory", 10))
        assert row.ended_at is None

        assert place.wire.send("POST", "/step-up?access=body", [*token, ("origin", LISTED)]).cookies
