"""The whole life of a login, at a server in a process of its own, with the cookie jar of a real client."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx
import pytest
from support.asgi import enter
from support.command import Process, gatepass, running
from support.register import REGISTER

from gatepass import MODES

EMAIL = "ada@example.com"
PASSWORD = "seven looms weave algebra"
ADDRESSES = count(1)
ANOTHER = "nanoseconds of copper wire"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("life")
    # Each client has an address of its own, so that none is taken for a guesser.
    with running(folder, "dev", "--port", "0", GATEPASS_TRUSTED_PROXIES="127.0.0.1") as server:
        yield server
    REGISTER.places.append(folder / ".gatepass" / "gatepass.db")
    REGISTER.log += server.log.read_text().splitlines()


@dataclass
class Client:
    """A person at one device, by cookies or with tokens; every credential that it ever held is kept."""

    http: httpx.Client
    mode: str
    transport: str
    tokens: dict[str, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    session_id: str = ""

    def ask(self, method: str, path: str, value: Any = None, status: int = 200) -> Any:
        proof = {"Authorization": f"Bearer {self.tokens['access_token']}"} if self.tokens else {}
        answer = self.http.request(method, path, json=value, headers=proof)
        assert answer.status_code == status, answer.text
        told = answer.json() if answer.content else {}
        self.take(told.get("credentials", told))
        return told

    def take(self, told: dict[str, Any]) -> None:
        if "expires_in" in told:
            self.session_id = told["session_id"]
            if self.transport == "bearer":
                self.tokens = {name: told[name] for name in ("access_token", "refresh_token") if name in told}
        held = {cookie.value for cookie in self.http.cookies.jar if "-device" not in cookie.name}
        self.seen |= {enter(text) for text in {*self.tokens.values(), *held} if text}

    def log_in(self, email: str, password: str, status: int = 200) -> Any:
        self.tokens = {}
        said = {"email": email, "password": password, "mode": self.mode, "transport": self.transport}
        return self.ask("POST", "/auth/login", said, status)

    def refresh(self, status: int = 200) -> Any:
        token = self.tokens.get("refresh_token")
        if token is None:
            return self.ask("POST", "/auth/refresh", None, status)
        # The access token may have ended; it is not what is asked with.
        return self.ask("POST", "/auth/refresh", {"refresh_token": token}, status)


@contextmanager
def client(server: Process, mode: str, transport: str) -> Iterator[Client]:
    headers = {"X-Forwarded-For": f"192.0.2.{next(ADDRESSES)}"}
    if transport == "cookie":
        headers["Sec-Fetch-Site"] = "same-origin"
    with httpx.Client(base_url=server.url, headers=headers) as http:
        yield Client(http, mode, transport)


def refused(server: Process, credentials: set[str]) -> set[str]:
    """The codes that *credentials* are refused with, wherever they are tried."""
    codes = set()
    port = server.port
    with httpx.Client(base_url=server.url, headers={"Sec-Fetch-Site": "same-origin"}) as http:
        for text in credentials:
            answers = [
                http.get("/auth/me", headers={"Authorization": f"Bearer {text}"}),
                http.post("/auth/refresh", json={"refresh_token": text}),
                *(
                    http.request(method, path, headers={"Cookie": f"gatepass-dev-{port}-{purpose}={text}"})
                    for purpose in ("session", "access", "refresh")
                    for method, path in (("GET", "/auth/me"), ("GET", "/auth/sessions"), ("POST", "/auth/refresh"))
                ),
            ]
            assert {answer.status_code for answer in answers} == {401}, [answer.text for answer in answers]
            codes |= {answer.json()["code"] for answer in answers}
    return codes


@pytest.mark.parametrize("transport", ["cookie", "bearer"])
@pytest.mark.parametrize("mode", MODES)
def test_a_whole_life(server: Process, mode: str, transport: str) -> None:
    """Sign up, log in, be known, renew, list, end another device, change the password, log out: and what was held at
    any time opens nothing any more.
    """
    email = f"{mode}.{transport}@example.com"
    with client(server, mode, transport) as ada, client(server, mode, transport) as phone:
        subject = ada.ask("POST", "/auth/signup", {"email": email, "password": PASSWORD}, 201)["subject"]
        ada.log_in(email, "a guess of somebody else", 401)
        assert ada.ask("GET", "/auth/me", status=401)["code"] == "credential_missing"
        for person in (ada, phone):
            assert person.log_in(email, PASSWORD)["mode"] == mode
            assert person.ask("GET", "/auth/me")["subject"] == subject
        renewed = ada.refresh(200 if mode == "hybrid" else 409)
        assert renewed.get("code") == (None if mode == "hybrid" else "mode_not_enabled")
        listed = {row["id"]: row for row in ada.ask("GET", "/auth/sessions")["sessions"]}
        assert {row for row, shown in listed.items() if shown["ended_at"] is None} == {ada.session_id, phone.session_id}
        assert [row for row, shown in listed.items() if shown["current"]] == [ada.session_id]

        # Another device is ended, and refused at its next request.
        assert ada.ask("DELETE", f"/auth/sessions/{phone.session_id}")["ended"] == [phone.session_id]
        assert phone.ask("GET", "/auth/me", status=401)["code"] == "credential_revoked"
        assert "credential_revoked" in refused(server, phone.seen)

        # A new password ends the other one that has come back, and this one goes on under a new id.
        phone.http.cookies.clear()
        phone.log_in(email, PASSWORD)
        before, old = ada.session_id, set(ada.seen)
        changed = ada.ask("POST", "/auth/password", {"current": PASSWORD, "new": ANOTHER})
        assert changed["ended"] == [phone.session_id]
        assert changed["effective_within"] == 0
        assert ada.session_id != before
        assert ada.ask("GET", "/auth/me")["session_id"] == ada.session_id
        if mode == "hybrid":
            ada.refresh()
        assert phone.ask("GET", "/auth/me", status=401)["code"] == "credential_revoked"
        refused(server, phone.seen | old)
        with client(server, mode, transport) as thief:
            assert thief.log_in(email, PASSWORD, 401)["code"] == "login_failed"
            thief.log_in(email, ANOTHER)
            assert ada.ask("POST", "/auth/sessions/end-others", {})["ended"] == [thief.session_id]
            refused(server, thief.seen)

        ada.ask("POST", "/auth/logout", status=204)
        assert not [cookie for cookie in ada.http.cookies.jar if "-device" not in cookie.name]
        assert "credential_revoked" in refused(server, ada.seen)
        assert len(ada.seen) >= {"session": 2, "jwt": 2, "hybrid": 6}[mode]


@pytest.mark.parametrize("transport", ["cookie", "bearer"])
@pytest.mark.parametrize("mode", MODES)
def test_who_is_disabled_from_the_shell_is_refused_at_the_next_request(
    server: Process, mode: str, transport: str
) -> None:
    """At the check, at the refresh, and at the next login; the same words as for a wrong password."""
    email = f"disabled.{mode}.{transport}@example.com"
    with client(server, mode, transport) as ada:
        ada.ask("POST", "/auth/signup", {"email": email, "password": PASSWORD}, 201)
        ada.log_in(email, PASSWORD)
        assert ada.ask("GET", "/auth/me")["session_id"] == ada.session_id

        gatepass(server.folder, "user", "disable", email)

        assert ada.ask("GET", "/auth/me", status=401)["code"] == "credential_revoked"
        ada.refresh(401)
        refused(server, ada.seen)
        ada.http.cookies.clear()
        assert ada.log_in(email, PASSWORD, 401)["code"] == "login_failed"


def test_what_happened_is_in_the_log_with_who_asked_and_in_which_request(server: Process) -> None:
    email = "logged@example.com"
    asked: dict[str, str] = {}
    headers = {"User-Agent": "a test", "Sec-Fetch-Site": "same-origin", "X-Forwarded-For": "198.51.100.7"}
    with httpx.Client(base_url=server.url, headers=headers) as http:

        def post(kind: str, path: str, **said: Any) -> None:
            answer = http.post(path, json=said or None)
            asked[kind] = answer.headers["x-request-id"]

        post("signup", "/auth/signup", email=email, password=PASSWORD)
        post("login_failed", "/auth/login", email=email, password=ANOTHER)
        post("login", "/auth/login", email=email, password=PASSWORD)
        post("refresh", "/auth/refresh")
        post("password", "/auth/password", current=PASSWORD, new=ANOTHER)
        post("logout", "/auth/logout")
        subject = ""
        found: dict[str, Any] = {}
        for line in server.lines():
            event = line.get("event", {})
            kind = event.get("kind")
            if kind == "signup":
                subject = event["subject"]
            if kind in asked and line["request_id"] == asked[kind]:
                found[kind] = event

    assert set(found) == set(asked)
    for kind, event in found.items():
        assert event["subject"] == subject, kind
        assert event["client"] == {"ip": "198.51.100.7", "user_agent": "a test"}, kind
    assert found["login_failed"]["reason"] == "login_failed"
    assert email not in server.log.read_text()
