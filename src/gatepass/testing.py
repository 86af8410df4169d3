"""What tests of applications need: clients that are logged in, credentials that have ended, a clock to set.

    def test_the_owner_may(client: TestClient) -> None:
        login_as(client, "ada", roles={"admin"})
        assert client.delete("/billing").status_code == 200

They work on any client of httpx's kind whose application has been given to `Gatepass`, with the real gate and the real
cookies; nothing is replaced. Not for production: whoever can call these is logged in as anybody.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.message import Message
from time import time
from typing import Any, TypeVar
from urllib.request import Request as JarRequest

from starlette.routing import Host, Mount

from gatepass.core import opaque
from gatepass.core.cookies import PURPOSES
from gatepass.core.flow import Find, Swap
from gatepass.core.opaque import SessionToken
from gatepass.errors import MissingCredential
from gatepass.policy import LEEWAY
from gatepass.records import Mode
from gatepass.starlette import Caller, Credentials, Gatepass, Transport
from gatepass.tokens import sign, verify

__all__ = ["Clock", "expire", "login_as", "revoke"]

T = TypeVar("T")


class Clock:
    """A clock that tests set: `Gatepass(app, clock=Clock())`.

    Args:
        now: Seconds since the epoch; this second by default.
    """

    def __init__(self, now: float | None = None) -> None:
        self.now = time() if now is None else now

    def __call__(self) -> float:
        """What the gate is told."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass."""
        self.now += seconds


def login_as(
    client: Any,
    subject: str,
    *,
    auth: Gatepass | None = None,
    mode: Mode | None = None,
    transport: Transport = "cookie",
    roles: Collection[str] | None = None,
    claims: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
) -> Credentials:
    """Log *client* in as *subject*, as a login of the application would, without its password.

    Hooks are called on the event loop of the application where one runs, `with TestClient(app) as client`; else on one
    of their own, which ends with the call, also in an async test: what an `async` hook keeps open must not outlast it.

    Args:
        client: A `TestClient`, or an `httpx.AsyncClient` on the application.
        subject: Who it is.
        auth: The `Gatepass` of the application, where there are several, or none that can be found by the client:
            it is looked for in applications that are mounted, too.
        mode: If not the mode of the gate.
        transport: `cookie`: into the client's jar; `bearer`: into its headers, and our cookies go from its jar.
        roles: What they may do. Not together with `load_subject`.
        claims: Further facts of the identity.
        data: Data of the session.

    Raises:
        HostUnknown: The client's `base_url` is no address of the application: give it that of `issuer`.
        TypeError: The application has no gate that can be found, or several.
    """
    auth, root = _found(client, auth)
    caller = Caller(auth, _scope(client, auth, root, blank=True))

    async def login() -> tuple[Credentials, list[tuple[bytes, bytes]]]:
        credentials = await caller.login(
            None,
            subject,
            transport=transport,
            access="cookie",
            mode=mode,
            roles=roles,
            claims=claims,
            data=data,
        )
        head: dict[str, Any] = {"type": "http.response.start", "status": 200, "headers": []}
        await caller.answered(head)
        return credentials, head["headers"]

    credentials, headers = _run(client, login)
    _ = client.headers.pop("authorization", None)
    if transport == "bearer":
        cookies = caller.carried.serve().cookies
        _into_jar(client, [cookies.clear(purpose) for purpose in PURPOSES])  # or there would be two credentials
        client.headers["Authorization"] = f"Bearer {credentials.get('access_token')}"
    else:
        _into_jar(client, [value.decode() for name, value in headers if name == b"set-cookie"])
    return credentials


def expire(client: Any, *, auth: Gatepass | None = None) -> None:
    """Let the time of the client's credential be over: of its access token, or in session mode of its session.

    Args:
        client: One that is logged in.
        auth: As for `login_as`.

    Raises:
        MissingCredential: It is not.
    """
    auth, root = _found(client, auth)
    carried = Caller(auth, _scope(client, auth, root)).carried
    credential = carried.credential()
    token = opaque.parse(credential.text)
    if isinstance(token, SessionToken):
        _run(client, lambda: _end_row(auth, token.id))
        return
    ring, now = auth.ring, auth.now()
    claims = dict(
        verify(
            credential.text,
            ring,
            algorithms={key.alg for key in ring.keys},
            issuer=auth.gate.issuer,
            audience=auth.gate.audience,
            now=now,
        )
    )
    lived = claims["exp"] - claims["iat"]
    over = now - LEEWAY - 1
    stale = sign({**claims, "iat": over - lived, "exp": over}, ring)
    if credential.purpose is None:
        client.headers["Authorization"] = f"Bearer {stale}"
    else:
        _into_jar(client, [carried.serve().cookies.set(credential.purpose, stale, max_age=None)])


async def _end_row(auth: Gatepass, session_id: str) -> None:
    store = auth.store
    row = None if store is None else await store.answer_async(Find(session_id))
    if store is None or row is None:
        raise MissingCredential
    over = replace(row, ends_at=auth.now())
    _ = await store.answer_async(Swap(over, row.version))


def revoke(client: Any, *, auth: Gatepass | None = None) -> None:
    """End the client's session, as an administrator would; the client still holds its credential.

    Args:
        client: One that is logged in.
        auth: As for `login_as`.

    Raises:
        MissingCredential: It is not.
        NoStore: Stateless tokens cannot be ended.
    """
    auth, root = _found(client, auth)
    credential = Caller(auth, _scope(client, auth, root)).carried.credential()

    async def end() -> None:
        _ = await auth.revoke(session=await auth.gate.session_id(credential.text))

    _run(client, end)


# -- clients -----------------------------------------------------------------------------------------------------------


def _found(client: Any, auth: Gatepass | None) -> tuple[Gatepass, str]:
    """The gate of the client's application, or *auth*, and the path that its application is mounted at.

    Raises:
        TypeError: There is none, or more than one.
    """
    transport = getattr(client, "_transport", None)
    app = getattr(client, "app", None) or getattr(transport, "app", None)
    found = dict(reversed([*_installed(app, getattr(transport, "root_path", ""))]))
    if auth is not None:
        return auth, found.get(auth, "")
    if len(found) != 1:
        few = "no application that was given to Gatepass" if not found else "several gates"
        raise TypeError(f"the client has {few}: name it with auth=...")
    return next(iter(found.items()))


def _installed(app: Any, root: str) -> Iterator[tuple[Gatepass, str]]:
    """The gates of *app*, of what it wraps and of what it mounts, each with its root path."""
    root = getattr(app, "root_path", "") or root  # FastAPI puts its own in place of the server's
    for middleware in getattr(app, "user_middleware", ()):
        auth = middleware.kwargs.get("auth")
        if isinstance(auth, Gatepass):
            yield auth, root
    inner = getattr(app, "app", None)
    if inner is not None:
        yield from _installed(inner, root)
    for route in getattr(app, "routes", ()):
        if isinstance(route, Mount | Host):
            yield from _installed(route.app, root + (route.path if isinstance(route, Mount) else ""))


def _scope(client: Any, auth: Gatepass, root: str, *, blank: bool = False) -> dict[str, Any]:
    """The scope of a request as the client would make it; *blank*: with nothing that it carries."""
    request = client.build_request("POST", root + auth.prefix + "/refresh")
    carried = [(name.lower(), value) for name, value in request.headers.raw]
    kept = {b"host", b"user-agent"} if blank else {name for name, _ in carried}
    return {
        "type": "http",
        "method": "GET",
        "path": root + auth.prefix,
        "scheme": request.url.scheme,
        "root_path": root,
        "query_string": b"",
        "headers": [item for item in carried if item[0] in kept],
    }


def _into_jar(client: Any, lines: list[str]) -> None:
    """Let the client's own jar read `Set-Cookie` *lines*, so that later answers replace them."""
    answer = Message()
    for line in lines:
        answer["Set-Cookie"] = line

    class Answer:
        def info(self) -> Message:
            return answer

    client.cookies.jar.extract_cookies(Answer(), JarRequest(str(client.base_url)))  # noqa: S310  nothing is opened


def _run(client: Any, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Carry *work* out on the event loop of the application where one runs, else on one of its own."""
    portal = getattr(client, "portal", None)
    if portal is not None:
        found: T = portal.call(work)
        return found
    with ThreadPoolExecutor(1) as thread:  # the test itself may be on an event loop
        return thread.submit(lambda: asyncio.run(work())).result()
