"""One app with one way to know who is calling, called without a server, and the proof that it does know.

Every app answers `GET /me` with `{"hello": subject}`, and with 401 to whoever brings no good credential.
"""

import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, Literal

from starlette.types import ASGIApp, Message

Header = tuple[bytes, bytes]
Framework = Literal["Starlette", "FastAPI"]

CREDENTIALS = 2_000
HOST = "app.example.com"
ORIGIN = f"https://{HOST}"
PATH = "/me"
#: What a client sends besides its credential.
HEADERS: tuple[Header, ...] = ((b"host", HOST.encode()), (b"user-agent", b"bench"), (b"accept", b"*/*"))
#: Whom the apps without a check greet.
NOBODY = "world"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where apps are made: what they may write to, and what closes with them."""

    folder: Path
    stack: AsyncExitStack
    #: How many distinct credentials to make.
    count: int = CREDENTIALS
    redis: str | None = None

    def subjects(self) -> list[str]:
        return [f"user-{number}" for number in range(self.count)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An app, and who is who there: a header for each subject. None where no credential is sent."""

    app: ASGIApp
    subjects: Sequence[str]
    credentials: Sequence[Header | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Microseconds that a variant may add to a request, and what they were promised for."""

    text: str
    adds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One case. Those of one framework are compared with its base, and a peer with ours that does the same."""

    framework: Framework
    name: str
    make: Callable[[Place], Awaitable[Made]]
    limit: Limit | None = None
    #: The name of ours that a peer is compared with.
    against: str | None = None
    needs_redis: bool = False
    #: Whether it runs behind wrk too. Where two differ in a header only, one does.
    served: bool = True

    @property
    def base(self) -> bool:
        return self.name == BASE


#: The name of the app without a check, once for each framework.
BASE = "no check"


@dataclass(slots=True)
class Answer:
    """What an app answered."""

    status: int = 0
    headers: list[Header] = field(default_factory=list)
    body: bytes = b""

    @property
    def cookies(self) -> Header:
        """The cookies that a browser would send to every path, as the header it would send them in."""
        jar = SimpleCookie()
        for name, value in self.headers:
            if name.lower() == b"set-cookie":
                jar.load(value.decode())
        sent = [
            f"{name}={morsel.coded_value}"
            for name, morsel in jar.items()
            if morsel["path"] == "/" and morsel["max-age"] != "0"
        ]
        return b"cookie", "; ".join(sent).encode()


def bearer(token: str) -> Header:
    return b"authorization", f"Bearer {token}".encode()


def scope(credential: Header | None, *, method: str = "GET", path: str = PATH, query: str = "") -> dict[str, Any]:
    """What a server hands to an app for one request."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [*HEADERS] if credential is None else [*HEADERS, credential],
        "client": ("192.0.2.1", 50_000),
        "server": ("192.0.2.2", 443),
        "state": {},
    }


async def receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def call(app: ASGIApp, asked: MutableMapping[str, Any]) -> Answer:
    """Call *app* once and keep all that it says."""
    answer = Answer()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = list(message["headers"])
        else:
            answer.body += message.get("body", b"")

    await app(asked, receive, send)
    return answer


async def log_in(app: ASGIApp, subjects: Iterable[str]) -> list[Answer]:
    """Log each of *subjects* in at `POST /login`, as a page of the same origin would."""
    answers = []
    for subject in subjects:
        asked = scope((b"origin", ORIGIN.encode()), method="POST", path="/login", query=f"subject={subject}")
        asked["headers"].append((b"sec-fetch-site", b"same-origin"))
        answer = await call(app, asked)
        if answer.status != 200:
            sentence = f"a login was answered with {answer.status}: {answer.body!r}"
            raise AssertionError(sentence)
        answers.append(answer)
    return answers


async def prove(variant: Variant, made: Made) -> None:
    """Show that *made* knows each of its callers and refuses who is not one: else its times would mean nothing."""
    for credential, subject in zip(made.credentials, made.subjects, strict=True):
        answer = await call(made.app, scope(credential))
        if answer.status != 200 or json.loads(answer.body) != {"hello": subject}:
            sentence = f"{variant.framework}, {variant.name}: {subject} got {answer.status}, {answer.body!r}"
            raise AssertionError(sentence)
    if variant.base:
        return
    for bad in (None, *map(spoiled, (made.credentials[0], made.credentials[-1]))):
        answer = await call(made.app, scope(bad))
        if answer.status != 401:
            sentence = f"{variant.framework}, {variant.name}: a bad credential got {answer.status}, {answer.body!r}"
            raise AssertionError(sentence)


def spoiled(credential: Header | None) -> Header:
    """*credential* with one character changed, at three quarters of its length: well inside of any secret."""
    if credential is None:
        raise AssertionError("a check needs a credential")
    name, value = credential
    at = len(value) * 3 // 4
    return name, value[:at] + (b"B" if value[at : at + 1] == b"A" else b"A") + value[at + 1 :]
