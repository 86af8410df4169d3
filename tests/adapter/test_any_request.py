"""Anything at all as a request: a stated answer, and whoever is logged in stays logged in."""

import json
from collections.abc import Iterator
from itertools import count
from typing import Annotated, Any

import pytest
from fastapi import FastAPI, Form, Request
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.asgi import Browser, Pair, Reply
from support.site import LISTED, Site, site

from gatepass import MODES, errors
from gatepass.core.flow import List
from gatepass.fastapi import CurrentIdentity, Gatepass, LoginFailed, MaybeIdentity

OWN = "https://app.example.com"


def _leaves(branch: type[errors.GatepassError]) -> Iterator[type[errors.GatepassError]]:
    for leaf in branch.__subclasses__():
        yield leaf
        yield from _leaves(leaf)


#: The status of every code that there is, but of those that no request can bring about.
STATUS = {leaf.code: leaf.status for leaf in _leaves(errors.GatepassError) if "code" in vars(leaf)}
del STATUS["configuration_refused"], STATUS["store_unavailable"]


def application(auth: Gatepass) -> FastAPI:
    """As in the README."""
    app = FastAPI()

    @app.post("/login", response_model=None)
    async def login(request: Request, name: Annotated[str, Form()], password: Annotated[str, Form()]) -> Any:
        if password != "right":
            raise LoginFailed
        return await auth.login(request, name or "nobody")

    @app.api_route("/me", methods=["GET", "POST"])
    async def me(who: CurrentIdentity) -> str:
        return who.subject

    @app.api_route("/maybe", methods=["GET", "POST"])
    async def maybe(who: MaybeIdentity) -> str:
        return "nobody" if who is None else who.subject

    auth.install(app)
    return app


@pytest.fixture(scope="module", params=MODES)
def place(request: pytest.FixtureRequest) -> Iterator[Site]:
    with site(request.param, app=application, gate=Gatepass) as made:
        made.mallory = made.login("mallory", mode=request.param)  # type: ignore[attr-defined]
        yield made


# -- what a request is made of; texts of credentials are put in when it is sent ----------------------------------------

#: (whose, which, where to damage it, with what): nobody but ada holds what is hers, so hers is always damaged.
Token = tuple[str, str, int, str]
KINDS = st.sampled_from(["access", "refresh"])
ODD = st.text('\0\r\n\t ;,="\\%.-_~\x80\xa0\xffAZaz019$', max_size=40)
LATIN = st.text(st.characters(max_codepoint=255), max_size=60)

damaged = st.tuples(st.sampled_from(["ada", "mallory"]), KINDS, st.integers(0, 600), ODD)
genuine = st.tuples(st.just("mallory"), KINDS, st.just(-1), st.just(""))
tokens = damaged | genuine | st.tuples(st.just("nobody"), KINDS, st.just(0), ODD | LATIN)

names = st.sampled_from(
    [
        "__Host-gatepass-session",
        "__Host-gatepass-access",
        "__Secure-gatepass-refresh",
        "\xa0__Host-gatepass-session",
        "\xe2\x80\x80__Host-gatepass-access",
        "__host-gatepass-session",
        "gatepass-dev-443-session",
        "$Version",
        "",
    ]
)
cookies = st.lists(st.tuples(names | ODD, tokens), max_size=4)
authorization = st.tuples(st.sampled_from(["Bearer ", "bearer ", "Bearer", "Basic ", "Bearer\t", ""]), tokens)
TRUSTED: list[list[Pair]] = [[("sec-fetch-site", "same-origin")], [("origin", OWN)], [("origin", LISTED)]]
DOUBTED: list[list[Pair]] = [
    [],
    [("sec-fetch-site", "cross-site")],
    [("sec-fetch-site", "same-site"), ("origin", "https://evil.tld")],
    [("origin", "null")],
    [("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")],
    [("origin", OWN), ("origin", OWN)],
]
others = st.lists(
    st.tuples(
        st.sampled_from(
            ["accept", "x-csrf-token", "x-http-method-override", "user-agent", "referer", "content-length"]
        ),
        st.sampled_from(["text/html", "GET", "DELETE", "0", "99999", "-1", "1e3"]) | LATIN,
    )
    | st.just(("sec-fetch-mode", "navigate"))
    | st.just(("access-control-request-method", "POST")),
    max_size=4,
)

JSON_TYPE, FORM_TYPE = "application/json", "application/x-www-form-urlencoded"
types = st.lists(
    st.sampled_from([JSON_TYPE, FORM_TYPE, "text/plain", "multipart/form-data; boundary=x", JSON_TYPE + "; charset=x"])
    | LATIN,
    max_size=2,
)
fields = st.sampled_from(["refresh_token", "access", "next", "csrf_token", "name", "password", "is_admin", "userId"])
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["body", "cookie", "/a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(fields | st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(fields, values, max_size=4).map(lambda value: json.dumps(value).encode("utf-8", "replace"))
nested = st.tuples(st.sampled_from(['{"access":', "[", '{"a":[', '"', "\\"]), st.integers(1, 5_000)).map(
    lambda made: (made[0] * made[1]).encode()
)
twice = st.tuples(fields, values).map(lambda made: b'{"%b":1,"%b":2}' % ((made[0].encode(),) * 2))
forms = st.lists(st.tuples(fields, ODD | st.sampled_from(["right", "/account", "eve", "//evil.tld"])), max_size=5).map(
    lambda pairs: "&".join(f"{name}={value}" for name, value in pairs).encode("latin-1", "replace")
)
parts = forms.map(lambda body: b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n' + body + b"\r\n--x--\r\n")
bodies = st.just(b"") | objects | nested | twice | forms | parts | st.binary(max_size=200)
matching = st.one_of(
    st.tuples(st.just([JSON_TYPE]), objects | nested | twice | st.binary(max_size=60)),
    st.tuples(st.just([FORM_TYPE]), forms | st.binary(max_size=60)),
    st.tuples(types, bodies),
)

PATHS = [
    "/login",
    "/me",
    "/maybe",
    "/auth/refresh",
    "/auth/renew",
    "/auth/me",
    "/auth/logout",
    "/auth/sessions",
    "/auth/sessions/end-others",
    "/auth/gatepass.js",
    "/.well-known/jwks.json",
]
plain = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="?"), max_size=20)
paths = (
    st.sampled_from(PATHS) | plain.map("/auth/sessions/".__add__) | plain.map("/auth/".__add__) | plain.map("/".__add__)
)
queries = st.just("") | LATIN.map("?next=".__add__) | st.just("?next=/account") | LATIN.map("?".__add__)
methods = st.sampled_from(["GET", "POST", "POST", "POST", "DELETE", "HEAD", "OPTIONS", "PUT", "TRACE", "QUERY", "get"])

requests = st.fixed_dictionaries(
    {
        "method": methods,
        "path": paths,
        "query": queries,
        "cookies": cookies,
        "authorization": st.lists(authorization, max_size=2),
        "trusted": st.booleans(),
        "whence": st.integers(0, 5),
        "others": others,
        "sent": matching,
        "host": st.none() | st.sampled_from(["evil.tld", "", "spa.example.com", "app.example.com:443", "a b"]) | LATIN,
        "carries": st.booleans(),
    }
)

numbers = count()


def spelled(place: Site, ada: Any, token: Token) -> str:
    whose, kind, at, text = token
    if whose == "nobody":
        return text
    held = ada if whose == "ada" else place.mallory  # type: ignore[attr-defined]
    whole: str = (held.refresh_token if kind == "refresh" else None) or held.access_token
    if at < 0:
        return whole
    at %= len(whole)
    changed = whole[:at] + text + whole[at + 1 :]
    return changed if changed != whole else whole[:at] + whole[at + 1 :]


def sound(reply: Reply, path: str) -> None:
    """One of the answers that there are."""
    assert reply.status < 500
    if reply.code is not None:
        assert STATUS[reply.code] == reply.status
    elif path.startswith("/auth/") and reply.status >= 400:
        assert reply.status in {401, 404, 405}, "the page that says that it is over, or a path or method that is none"
    for line in (value for pair in reply.headers for value in pair):
        assert not set("\r\n\0") & set(line)


def ask(place: Site, wanted: dict[str, Any]) -> Reply:
    subject = f"ada{next(numbers)}"
    ada = place.login(subject)
    browser = Browser(place.wire)
    for name, value in [pair.split("=", 1) for pair in str(place.cookies(ada)[0][1]).split("; ")]:
        browser.jar[name, "/auth" if name.endswith("refresh") else "/"] = value
    before = place.store.answer(List(subject, 10))

    method, path, carries = wanted["method"], wanted["path"], wanted["carries"]
    whence = (TRUSTED if wanted["trusted"] else DOUBTED)[wanted["whence"] % (3 if wanted["trusted"] else 6)]
    said, body = wanted["sent"]
    headers: list[Pair] = [*(browser.cookie(path) if carries else []), *whence, *wanted["others"]]
    if wanted["cookies"]:
        pairs = "; ".join(f"{name}={spelled(place, ada, token)}" for name, token in wanted["cookies"])
        headers.append(("cookie", pairs))
    headers += [("authorization", scheme + spelled(place, ada, token)) for scheme, token in wanted["authorization"]]
    headers += [("content-type", kind) for kind in said]
    headers.append(("content-length", str(len(body))))
    target = path + wanted["query"]
    reply = place.wire.send(method, target, [(name, str(value)) for name, value in headers], body, host=wanted["host"])

    sound(reply, path)
    after = place.store.answer(List(subject, 10))
    if not (carries and wanted["trusted"]):
        assert after == before, "somebody else did something to a session of hers"
    if carries:
        browser.keep(reply)
    left = carries and wanted["trusted"] and reply.status in {200, 204} and after[0].ended_at is not None
    if left and path.startswith("/auth/"):  # she logged out, or ended this session
        assert (method, path) == ("POST", "/auth/logout")
        assert browser.jar == {}
    else:
        assert browser.get("/me").status == 200, "she has been logged out"
    return reply


@given(wanted=requests)
@settings(max_examples=400)
def test_any_request_is_answered_and_nobody_is_logged_out(place: Site, wanted: dict[str, Any]) -> None:
    ask(place, wanted)


LOGIN: dict[str, Any] = {
    "method": "POST",
    "path": "/login",
    "query": "",
    "cookies": [],
    "authorization": [],
    "trusted": True,
    "whence": 0,
    "others": [],
    "sent": ([FORM_TYPE], b"name=eve&password=right"),
    "host": None,
    "carries": True,
}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, 200),
        ({"carries": False}, 200),
        ({"sent": ([FORM_TYPE], b"name=eve&password=wrong")}, 401),
        ({"trusted": False, "whence": 1}, 403),
        ({"host": "evil.tld"}, 421),
        ({"path": "/auth/logout", "sent": ([], b"")}, 204),
        ({"path": "/auth/logout", "sent": ([], b""), "trusted": False, "whence": 1}, 403),
        ({"path": "/auth/me", "method": "GET", "sent": ([], b"")}, 200),
        ({"path": "/me", "sent": ([], b"")}, 200),
        ({"path": "/auth/sessions/end-others", "sent": ([], b"")}, 200),
    ],
)
def test_the_requests_above_include_honest_ones(place: Site, changed: dict[str, Any], expected: int) -> None:
    assert ask(place, {**LOGIN, **changed}).status == expected


@given(
    name=st.sampled_from(["cookie", "authorization", "x-csrf-token", "content-type", "host", "origin"]), data=st.data()
)
@settings(max_examples=250)
def test_any_bytes_in_any_header_are_answered(place: Site, name: str, data: st.DataObject) -> None:
    value = data.draw(st.binary(max_size=400))
    method, path = data.draw(st.sampled_from(["GET", "POST", "DELETE"])), data.draw(paths)
    ada = place.login(f"ada{next(numbers)}")
    cookie = place.cookies(ada) if data.draw(st.booleans()) else []
    host = "" if name == "host" else None
    reply = place.wire.send(method, path, [*cookie, (name, value)], host=host)

    sound(reply, path)
    assert place.wire.send("GET", "/me", place.cookies(ada, refresh=False)).status == 200
    assert not cookie or reply.status >= 400 or not any(made.cleared for made in reply.cookies)


@given(
    body=bodies,
    said=st.sampled_from([JSON_TYPE, FORM_TYPE]),
    path=st.sampled_from(["/login", "/auth/refresh", "/auth/logout", "/auth/sessions/end-others"]),
    query=queries,
)
@settings(max_examples=400)
@example(body=b"&".join([b"a=1"] * 200), said=FORM_TYPE, path="/auth/logout", query="")  # more fields than are parsed
@example(body=b"", said=FORM_TYPE, path="/auth/refresh", query="")  # read twice: for its fields, and for its token
@example(body=b'{"access":"\\ud800"}', said=JSON_TYPE, path="/auth/refresh", query="")
@example(body=b"next=%ff", said=FORM_TYPE, path="/auth/refresh", query="")
def test_any_body_is_answered(place: Site, body: bytes, said: str, path: str, query: str) -> None:
    """Without any header that says where it is from, so that the CSRF token is looked for in forms, too."""
    ada = place.login(f"ada{next(numbers)}")
    headers = [*place.cookies(ada), ("content-type", said), ("content-length", str(len(body)))]
    reply = place.wire.send("POST", path + query, headers, body)

    sound(reply, path)
    assert reply.status >= 400
    assert reply.cookies == []
    assert place.wire.send("GET", "/me", place.cookies(ada, refresh=False)).status == 200
