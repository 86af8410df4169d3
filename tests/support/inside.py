"""The stand-alone server in this process: its parts at hand, and a clock that a test sets."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from gatepass import Mode
from gatepass.accounts.passwords import Passwords
from gatepass.accounts.users import User, new_user
from gatepass.server.app import create_app
from gatepass.server.audit import JsonLines
from gatepass.server.parts import Parts
from gatepass.server.settings import Settings
from support.asgi import Browser, Pair, Reply, Wire, enter, wired
from support.clock import Clock

HTTPS = "https://auth.example.com"
EMAIL = "ada@example.com"
PASSWORD = "seven looms weave algebra"
ANOTHER = "nanoseconds of copper wire"
WRONG = "a guess of somebody else"


@cache
def hashed(password: str) -> str:
    """Its hash: once in a test run, because a hash takes a while."""
    passwords = Passwords()
    try:
        return passwords.rehash(password).result()
    finally:
        passwords.close()


@dataclass
class Inside:
    """A server, and what stands around it."""

    app: Any
    wire: Wire
    clock: Clock
    log: io.StringIO

    @property
    def parts(self) -> Parts:
        parts: Parts = self.app.state.parts
        return parts

    @property
    def hashes(self) -> int:
        return self.parts.passwords.hashes

    def user(self, email: str = EMAIL, password: str = PASSWORD) -> User:
        user = new_user(email, hashed(password), self.parts.now())
        self.parts.users.add(user)
        return user

    def browser(self) -> Browser:
        return Browser(self.wire)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line.get("event", {}).get("kind") == kind]


@contextmanager
def inside(*, url: str = HTTPS, clock: Clock | None = None, **settings: Any) -> Iterator[Inside]:
    """A server at *url*: behind https where that says so, else as in development."""
    settings = {"store": "memory://", "issuer": url if url.startswith("https") else None, **settings}
    clock = clock or Clock()
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("gatepass")
    app = create_app(Settings(**settings), clock=clock)
    logger.addHandler(handler)
    try:
        with wired(app, url) as wire:
            yield Inside(app, wire, clock, log)
    finally:
        logger.removeHandler(handler)
        app.state.parts.passwords.close()
        app.state.parts.store.close()


@dataclass
class Visitor:
    """Somebody who logs in one way: a browser, or a program with tokens."""

    inside: Inside
    mode: Mode
    transport: str
    browser: Browser = field(init=False)
    #: What the last login, refresh or change told.
    said: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.browser = self.inside.browser()
        if self.transport == "bearer":
            self.browser.site = None

    def log_in(self, email: str = EMAIL, password: str = PASSWORD, **more: Any) -> Reply:
        said = {"email": email, "password": password, "mode": self.mode, "transport": self.transport, **more}
        return self.send("POST", "/auth/login", said)

    def come_in(self, user: User) -> None:
        """As `log_in`, without a password: the quick way to a session, where that is not what a test is about."""
        auth = self.inside.parts.auth
        issued = self.inside.wire.run(auth.gate.login(user.id, mode=self.mode))
        self.said = {"session_id": issued.session_id}
        held = {"session" if self.mode == "session" else "access": issued.access_token, "refresh": issued.refresh_token}
        for purpose, value in held.items():
            if value is not None and self.transport == "cookie":
                path = auth.prefix if purpose == "refresh" else "/"
                self.browser.jar[auth.site.cookies.name(purpose), path] = enter(value)  # type: ignore[arg-type]
            elif value is not None:
                self.said[f"{'refresh' if purpose == 'refresh' else 'access'}_token"] = enter(value)

    def send(self, method: str, path: str, value: Any = None, headers: tuple[Pair, ...] = ()) -> Reply:
        if value is None and self.transport == "bearer" and path == "/auth/refresh" and "refresh_token" in self.said:
            value = {"refresh_token": self.said["refresh_token"]}
        body = b"" if value is None else json.dumps(value).encode()
        typed: list[Pair] = [] if value is None else [("content-type", "application/json")]
        reply = self.browser.send(method, path, [*typed, *self.proof(), *headers], body)
        if reply.status == 200 and reply.one("content-type") == "application/json":
            told = reply.json.get("credentials") or reply.json
            if "expires_in" in told:
                self.said = told
                for name in ("access_token", "refresh_token"):
                    _ = enter(told.get(name, ""))
        return reply

    def proof(self) -> list[Pair]:
        token = self.said.get("access_token") if self.transport == "bearer" else None
        return [("authorization", f"Bearer {token}")] if token else []
