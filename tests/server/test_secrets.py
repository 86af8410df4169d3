"""Nothing that opens anything lies where it should not: database, logs, answers, pages. No line of a log is forged."""

import base64
import html
import json
import logging
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from support.asgi import FORM, JSON, PAGE, Pair
from support.command import Process, running
from support.inside import ANOTHER, EMAIL, PASSWORD, WRONG, Inside, inside

from gatepass import MODES
from gatepass.server.audit import JsonLines

#: What a person typed by mistake where their address belongs.
MISTYPED = "my-pass-phrase-in-the-wrong-field@example.com"


def spellings(secret: str) -> Iterator[bytes]:
    """How *secret* could lie about."""
    raw = secret.encode()
    yield raw
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield quote(secret).encode()
    yield quote(secret, safe="").replace("%20", "+").encode()
    yield html.escape(secret).encode()
    for before in range(3):
        yield base64.b64encode(b"\0" * before + raw)[4:-4]
        yield base64.urlsafe_b64encode(b"\0" * before + raw)[4:-4]


@dataclass
class Found:
    """What was handed out or typed, and what was written, sent or shown."""

    #: By what they are.
    secrets: dict[str, set[str]] = field(default_factory=dict)
    #: By where they are: `database`, `log`, `body /path`, `head /path`, `set-cookie /path`.
    places: list[tuple[str, bytes]] = field(default_factory=list)

    def secret(self, kind: str, *texts: str | None) -> None:
        self.secrets.setdefault(kind, set()).update(text for text in texts if text)

    def take(self, answer: httpx.Response) -> None:
        """An answer, after all of it was read."""
        answer.read()
        path = answer.request.url.path
        self.places.append((f"body {path}", answer.content))
        for name, value in answer.headers.multi_items():
            self.places.append((f"{'set-cookie' if name == 'set-cookie' else 'head'} {path}", value.encode()))
            if name == "set-cookie":
                cookie, _, text = value.partition(";")[0].partition("=")
                self.secret("device" if cookie.endswith("-device") else "credential", text)
        if answer.headers.get("content-type") == "application/json" and isinstance(told := answer.json(), dict):
            told = told.get("credentials", told)
            self.secret("credential", told.get("access_token"), told.get("refresh_token"))
            self.secret("csrf", told.get("csrf_token"))
        for token in re.findall(r'name="csrf_token" value="([^"]+)"', answer.text):
            self.secret("csrf", token)

    def leaks(self) -> set[tuple[str, str]]:
        """What lies where it should not: kind and place."""
        return {
            (kind, place)
            for kind, secrets in self.secrets.items()
            for secret in secrets
            for spelling in spellings(secret)
            for place, text in self.places
            if spelling in text and not any(re.fullmatch(rule, place) for rule in ALLOWED[kind])
        }


#: Where each may lie. A page and `me` give the CSRF token to whoever is logged in; a login gives tokens to programs.
ISSUING = "/auth/(login|refresh|password)"
ALLOWED = {
    "password": (),
    "mistyped": ("body /login",),  # the form keeps it in its field of the address, for the person to mend
    "hash": ("database",),
    "credential": (f"set-cookie ({ISSUING}|/login|/signup|/account/password)", f"body {ISSUING}"),
    "device": ("set-cookie (/auth/login|/login|/signup)",),
    "csrf": (f"body ({ISSUING}|/auth/me|/|/account|/account/password|/login|/signup|/docs|/auth/renew)",),
}


def lived(server: Process, mode: str, found: Found) -> None:
    """By JSON with cookies and with tokens, and by pages: all that a person does, also what goes wrong."""
    origin = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
    hooks = {"response": [found.take]}
    found.secret("password", PASSWORD, ANOTHER, WRONG)
    found.secret("mistyped", MISTYPED)
    with (
        httpx.Client(base_url=server.url, headers=origin, event_hooks=hooks) as browser,
        httpx.Client(base_url=server.url, event_hooks=hooks) as program,
    ):
        for client, transport in ((browser, "cookie"), (program, "bearer")):
            email = f"{transport}@example.com"
            said = {"email": email, "password": PASSWORD}
            client.post("/auth/signup", json=said)
            client.post("/auth/login", json={**said, "password": WRONG})
            client.post("/auth/login", json={**said, "email": MISTYPED})
            client.post("/auth/login", json={**said, PASSWORD: PASSWORD})
            client.post("/auth/login", json={**said, "transport": PASSWORD})
            told = client.post("/auth/login", json={**said, "mode": mode, "transport": transport}).json()
            if transport == "bearer":
                client.headers["Authorization"] = f"Bearer {told['access_token']}"
            for path in ("/auth/me", "/auth/sessions", "/account", "/", "/docs", "/auth/renew?next=/account"):
                client.get(path)
            renewed = client.post("/auth/refresh", json={"refresh_token": told.get("refresh_token", "none")})
            if transport == "cookie":
                renewed = client.post("/auth/refresh")
            if transport == "bearer" and renewed.status_code == 200:
                client.headers["Authorization"] = f"Bearer {renewed.json()['access_token']}"
            found.take(httpx.post(f"{server.url}/auth/login", json={**said, "mode": mode, "transport": "bearer"}))
            client.post("/auth/password", json={"current": WRONG, "new": ANOTHER})
            changed = client.post("/auth/password", json={"current": PASSWORD, "new": ANOTHER})
            assert changed.status_code == 200
            client.post("/auth/logout")
            client.post("/auth/logout")
        browser.post("/login", data={"email": MISTYPED, "password": WRONG})
        browser.post("/login", data={"email": "cookie@example.com", "password": ANOTHER, "remember": "on"})
        assert "cookie@example.com" in browser.get("/account").text
        browser.post("/account/password", data={"current": WRONG, "new": PASSWORD})
        browser.post("/account/password", data={"current": ANOTHER, "new": "short"})
        assert browser.post("/account/password", data={"current": ANOTHER, "new": PASSWORD}).status_code == 303
        browser.get("/account?changed=true")
        browser.post("/logout")
        browser.post("/signup", data={"email": "grace@example.com", "password": PASSWORD})
        # What nobody expects: it is all over the address and the headers.
        browser.get(f"/auth/me?access_token={quote(PASSWORD)}", headers={"X-Request-Id": PASSWORD})


@pytest.mark.parametrize("mode", MODES)
def test_nothing_lies_where_it_should_not(tmp_path: Path, mode: str) -> None:
    """Database with its log, everything that was logged, every answer to its last header, every page."""
    found = Found()
    with running(tmp_path, "dev", "--port", "0", "--mode", mode) as server:
        lived(server, mode, found)
        files = sorted((tmp_path / ".gatepass").glob("gatepass.db*"))
        assert len(files) >= 2  # the log of the database is one of them
        found.places += [("database", file.read_bytes()) for file in files]
        with closing(sqlite3.connect(files[0])) as database:
            found.secret("hash", *(row[0] for row in database.execute("SELECT password_hash FROM gatepass_user")))
            found.places.append(("database", "\n".join(database.iterdump()).encode()))
        kinds = {line["event"]["kind"] for line in server.lines() if "event" in line}
        assert {"signup", "login", "login_failed", "password", "logout", "revoke"} <= kinds
    found.places.append(("log", server.log.read_bytes()))
    found.places += [(f"log {line}", text.encode()) for line, text in enumerate(logged(server.log.read_text()))]

    assert {kind: len(secrets) > 0 for kind, secrets in found.secrets.items()} == dict.fromkeys(ALLOWED, True)
    assert found.leaks() == set()


def logged(text: str) -> Iterator[str]:
    """Every text in every line, as it was before it was escaped."""

    def texts(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            for name, item in value.items():
                yield name
                yield from texts(item)
        elif isinstance(value, list):
            for item in value:
                yield from texts(item)
        else:
            yield str(value)

    for line in text.splitlines():
        yield from texts(json.loads(line))


@pytest.mark.parametrize("kind", ALLOWED)
@pytest.mark.parametrize("place", ["log", "log 7", "database", "body /account", "head /login", "set-cookie /auth/me"])
def test_a_planted_secret_is_found(kind: str, place: str) -> None:
    """In each place where it may not lie, however it is spelled."""
    secret = f"a planted <{kind}> of {WRONG}"
    allowed = any(re.fullmatch(rule, place) for rule in ALLOWED[kind])
    for spelling in spellings(secret):
        found = Found({kind: {secret}}, [("body /", b"nothing"), (place, b"x" * 50 + spelling + b"y" * 50)])
        assert found.leaks() == (set() if allowed else {(kind, place)}), spelling
    assert Found({kind: {secret}}, [(place, b"x" * 50)]).leaks() == set()


# -- forged lines ------------------------------------------------------------------------------------------------------

FORGED = '{"level": "info", "event": {"kind": "login", "subject": "root"}}'
HOSTILE = (
    f"\r\n{FORGED}\r\n",
    f"\n{FORGED}",
    f"\x85{FORGED}\x85",
    f"\u2028{FORGED}\u2029",
    f'"}}\n{FORGED}',
    "\x1b[2K\x1b[1A\x1b[31mred\x1b]0;title\x07",
    "\u202egnp.exe\u2066\u2069",
    "\0\x08\x7f\x9b31m",
    "%0d%0a" + FORGED,
)


def forged(text: str) -> list[str]:
    """The lines that are no record of ours, or that do something to a terminal."""
    return [
        line
        for line in re.split("[\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029]", text.removesuffix("\n"))
        if not line.startswith('{"time": ') or not line.endswith("}") or not all(" " <= char <= "~" for char in line)
    ]


@pytest.fixture
def server() -> Iterator[Inside]:
    with inside(signup="insecure_open") as server:
        server.user()
        yield server


def hostile_requests(server: Inside) -> int:
    """Requests with what is hostile in every place that a stranger has; how many of them are events."""
    events = 0
    for text in HOSTILE:
        raw = text.encode("utf-8")
        headers: Iterable[Pair] = [("user-agent", raw), ("sec-fetch-site", "same-origin"), ("x-request-id", raw)]
        for email, password in ((EMAIL, PASSWORD), (EMAIL, text), ("nobody@example.com", text), (text, text)):
            body = json.dumps({"email": email, "password": password}).encode()
            answer = server.wire.send("POST", f"/auth/login?{quote(text)}", [*headers, JSON], body)
            assert answer.status in {200, 401, 422, 429}
            events += answer.status != 422
        server.clock.now += 3_600
        form = f"email={quote(text)}&password={quote(text)}".encode()
        _ = server.wire.send("POST", "/login", [*headers, FORM, PAGE], form)
        _ = server.wire.send("GET", f"/{text}", headers)
        _ = server.wire.send("GET", "/auth/me", [*headers, ("cookie", raw), ("authorization", b"Bearer " + raw)])
        _ = server.wire.send("GET", "/login", headers, host=raw.decode("latin-1"))
    return events


def test_no_stranger_writes_a_line_of_the_log(server: Inside) -> None:
    """Each event is one line of JSON in printable ASCII, whatever it is about."""
    events = hostile_requests(server)

    text = server.log.getvalue()
    assert forged(text) == []
    assert len(server.lines()) == len([line for line in server.lines() if "event" in line]) == events
    assert {line["event"].get("subject") for line in server.lines()} <= {None, server.parts.users.by_email(EMAIL).id}  # type: ignore[union-attr]
    assert all(re.fullmatch("[0-9a-f]{16}", line["request_id"]) for line in server.lines())
    # Nothing is lost: the user agent is there, escaped.
    agents = {line["event"]["client"]["user_agent"] for line in server.lines()}
    assert agents == {text.encode("utf-8").decode("latin-1") for text in HOSTILE}


def test_a_log_that_escapes_nothing_is_found_out(server: Inside) -> None:
    """The same requests with the formatter that everybody has."""
    [handler] = [
        handler for handler in logging.getLogger("gatepass").handlers if isinstance(handler.formatter, JsonLines)
    ]
    handler.setFormatter(logging.Formatter("%(message)s %(event)s"))
    hostile_requests(server)

    assert forged(server.log.getvalue())


@pytest.mark.parametrize("text", HOSTILE)
def test_what_an_error_says_forges_nothing_either(text: str) -> None:
    """The message of an exception may hold what was sent."""
    record = logging.LogRecord("gatepass.server", logging.ERROR, "", 0, "failed: %s", (text,), None)
    record.exc_info = (RuntimeError, RuntimeError(text), None)

    line = JsonLines().format(record)

    assert forged(line) == []
    assert text in json.loads(line)["message"]
