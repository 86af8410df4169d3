"""Requests of any bytes, straight into an ASGI application, and a browser as far as cookies go."""

import asyncio
import gc
import json
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from gatepass.core.opaque import parse
from support.register import REGISTER

Pair = tuple[str | bytes, str | bytes]


def raw(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")


@dataclass(frozen=True)
class SetCookie:
    """One `Set-Cookie`, read as RFC 6265bis section 5.6 has it; what is there twice or unknown stands out."""

    name: str
    value: str
    attributes: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, header: str) -> "SetCookie":
        pair, *attributes = header.split(";")
        name, _, value = pair.partition("=")
        cut = [attribute.strip(" \t").partition("=") for attribute in attributes]
        return cls(name, value, tuple((name, value) for name, _, value in cut))

    @property
    def max_age(self) -> int | None:
        found = dict(self.attributes).get("Max-Age")
        return None if found is None else int(found)

    @property
    def cleared(self) -> bool:
        return self.max_age == 0

    @property
    def purpose(self) -> str:
        return self.name.rpartition("-")[2]


@dataclass(frozen=True)
class Reply:
    """A whole answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def one(self, name: str) -> str | None:
        found = self.all(name)
        assert len(found) <= 1, (name, found)
        return found[0] if found else None

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The code of a refusal; None where the answer is none of ours."""
        return self.json["code"] if self.one("content-type") == "application/problem+json" else None

    @property
    def cookies(self) -> list[SetCookie]:
        return [SetCookie.read(header) for header in self.all("set-cookie")]


class Wire:
    """Carries requests to an application, one after the other, on one event loop.

    What the application raises is raised here: a test that sends anything at all sees every exception.
    """

    def __init__(self, app: Any, url: str = "https://app.example.com") -> None:
        self.app = app
        parts = urlsplit(url)
        self.scheme, self.host = parts.scheme, parts.netloc
        self._loop = asyncio.new_event_loop()

    def close(self) -> None:
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._loop.run_until_complete(work)

    def scope(self, kind: str, path: str, headers: Iterable[Pair], host: str | None) -> dict[str, Any]:
        path, _, query = path.partition("?")
        named = [(b"host", raw(self.host if host is None else host))] if host != "" else []
        return {
            "type": kind,
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "scheme": self.scheme,
            "path": path,
            "raw_path": path.encode("utf-8", "replace"),
            "query_string": query.encode("latin-1"),
            "root_path": "",
            "headers": [*named, *((raw(name).lower(), raw(value)) for name, value in headers)],
            "client": ("192.0.2.7", 4711),
            "server": ("127.0.0.1", 443),
        }

    def send(
        self,
        method: str,
        path: str,
        headers: Iterable[Pair] = (),
        body: bytes = b"",
        *,
        host: str | None = None,
        chunks: Sequence[bytes] | None = None,
        **scope: Any,
    ) -> Reply:
        return self.run(self.request(method, path, headers, body, host=host, chunks=chunks, **scope))  # type: ignore[no-any-return]

    async def request(
        self,
        method: str,
        path: str,
        headers: Iterable[Pair] = (),
        body: bytes = b"",
        *,
        host: str | None = None,
        chunks: Sequence[bytes] | None = None,
        **scope: Any,
    ) -> Reply:
        left = list(chunks or [body])
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            if not left:
                await asyncio.Event().wait()  # the client stays on the line
            chunk = left.pop(0)
            return {"type": "http.request", "body": chunk, "more_body": bool(left)}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app({**self.scope("http", path, headers, host), "method": method, **scope}, receive, send)
        start, *rest = sent
        return Reply(
            start["status"],
            tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]),
            b"".join(message.get("body", b"") for message in rest),
        )

    def handshake(self, path: str, headers: Iterable[Pair] = (), *, host: str | None = None) -> str:
        """`open` where a WebSocket is accepted, else the code and reason that it is closed with."""
        told: list[str] = []

        async def receive() -> dict[str, Any]:
            return {"type": "websocket.disconnect", "code": 1000} if told else {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            accepted = message["type"] == "websocket.accept"
            told.append("open" if accepted else f"{message.get('code')} {message.get('reason')}")

        scheme = {"http": "ws", "https": "wss"}[self.scheme]
        scope = {**self.scope("websocket", path, headers, host), "scheme": scheme, "subprotocols": []}
        self.run(self.app(scope, receive, send))
        return told[0]


@contextmanager
def wired(app: Any, url: str = "https://app.example.com") -> Iterator[Wire]:
    wire = Wire(app, url)
    try:
        yield wire
    finally:
        wire.close()


@dataclass
class Browser:
    """Keeps cookies by name and path, sends them back, and says that it is on a page of the application."""

    wire: Wire
    jar: dict[tuple[str, str], str] = field(default_factory=dict)
    #: What it says of where a request comes from.
    site: str | None = "same-origin"

    def cookie(self, path: str) -> list[Pair]:
        path = path.partition("?")[0]
        pairs = [
            f"{name}={value}"
            for (name, below), value in self.jar.items()
            if path == below or path.startswith(below.rstrip("/") + "/")
        ]
        return [("cookie", "; ".join(pairs))] if pairs else []

    def keep(self, reply: Reply) -> Reply:
        for cookie in reply.cookies:
            key = cookie.name, dict(cookie.attributes)["Path"]
            if cookie.cleared:
                self.jar.pop(key, None)
            else:
                self.jar[key] = enter(cookie.value)
        return reply

    def send(self, method: str, path: str, headers: Iterable[Pair] = (), body: bytes = b"", **scope: Any) -> Reply:
        said: list[Pair] = [] if self.site is None else [("sec-fetch-site", self.site)]
        return self.keep(self.wire.send(method, path, [*self.cookie(path), *said, *headers], body, **scope))

    def get(self, path: str, headers: Iterable[Pair] = ()) -> Reply:
        return self.send("GET", path, headers)

    def post(self, path: str, value: Any = None, headers: Iterable[Pair] = ()) -> Reply:
        if value is None:
            return self.send("POST", path, headers)
        return self.send("POST", path, [JSON, *headers], json.dumps(value).encode())

    def holds(self) -> set[str]:
        """The purposes of the cookies that it has."""
        return {name.rpartition("-")[2] for name, _ in self.jar}


JSON: Pair = ("content-type", "application/json")
FORM: Pair = ("content-type", "application/x-www-form-urlencoded")
PAGE: Pair = ("accept", "text/html,application/xhtml+xml")


def enter(text: str) -> str:
    """Enter *text* for the last test to look for, if it is a credential."""
    if parse(text) is not None or text.count(".") == 2:
        REGISTER.credentials.add(text)
    return text


def work(deed: Callable[[], object]) -> int:
    """How many steps the interpreter takes for *deed*: its byte codes, in every function that it comes to."""
    import sys  # noqa: PLC0415  only here, and not to be confused with a clock

    steps = 0

    def trace(frame: Any, event: str, _: Any) -> Any:
        nonlocal steps
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        steps += event == "opcode"
        return trace

    before = sys.gettrace()
    gc.disable()  # what is collected may be anybody's, and takes steps to end
    sys.settrace(trace)
    try:
        deed()
    finally:
        sys.settrace(before)
        gc.enable()
    return steps
