"""What an application of FastAPI sees of gatepass: the same code in each of the three modes."""

import inspect
import pydoc
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any, get_args

import jsonschema_rs
import pytest
from fastapi import APIRouter, BackgroundTasks, Body, Depends, FastAPI, Form, Request, Security, WebSocket
from fastapi.openapi.utils import get_openapi
from fastapi.responses import RedirectResponse, StreamingResponse
from fastapi.security import HTTPBasic
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.responses import Response
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect
from support.clock import Clock

import gatepass.fastapi
from gatepass import ConfigurationError, Event, Identity, Mode, Subject
from gatepass.fastapi import (
    Credentials,
    CurrentIdentity,
    Gatepass,
    LoginFailed,
    MaybeIdentity,
    ResponseStarted,
    current_identity,
    require,
)
from gatepass.keys import new_ring
from gatepass.stores.memory import MemoryStore
from gatepass.testing import login_as

RING = new_ring("HS256", now=1_900_000_000)

#: What a browser says of a request that a page of the application made.
OURS = {"Sec-Fetch-Site": "same-origin"}
THEIRS = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}


def gate(mode: Mode, clock: Clock, app: FastAPI | None = None, **options: Any) -> Gatepass:
    return Gatepass(app, mode=mode, store=MemoryStore(), keys=RING, clock=clock, **options)


@pytest.fixture
def app() -> FastAPI:
    return FastAPI()


@pytest.fixture
def auth(app: FastAPI, mode: Mode, clock: Clock) -> Gatepass:
    """With a login that believes everybody, for `ada`, an administrator, and whoever else is named."""
    auth = gate(mode, clock, app)

    @app.post("/login")
    async def login(request: Request, name: Annotated[str, Form()] = "ada") -> Credentials:
        return await auth.login(request, name, roles={"admin"} if name == "ada" else ())

    @app.post("/token")
    async def token(request: Request) -> Credentials:
        return await auth.login(request, "ada", transport="bearer")

    @app.get("/me")
    async def me(who: CurrentIdentity) -> str:
        return who.subject

    return auth


@pytest.fixture
def client(app: FastAPI, auth: Gatepass) -> Iterator[TestClient]:
    with TestClient(app, headers=OURS) as client:
        yield client


def code(answer: Any) -> str:
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["code"])


def live(auth: Gatepass, subject: str = "ada") -> int:
    """How many sessions of *subject* go on."""
    return sum(row.ended_at is None for row in auth.plain.sessions(subject))


# -- routes of both colours, and what they return ----------------------------------------------------------------------


def test_one_code_serves_every_mode(client: TestClient) -> None:
    """Changing the mode changes no route."""
    assert code(client.get("/me")) == "credential_missing"
    said = client.post("/login").json()
    assert client.get("/me").json() == "ada"
    assert {"mode", "expires_in", "session_id", "csrf_token"} == set(said)
    assert client.post("/auth/logout").status_code == 204
    assert code(client.get("/me")) == "credential_missing"


def test_a_program_has_its_tokens_in_the_body(client: TestClient, mode: Mode) -> None:
    said = client.post("/token").json()

    assert not client.cookies
    assert {"mode", "expires_in", "session_id", "token_type", "access_token"} == set(said) - {"refresh_token"}
    assert ("refresh_token" in said) == (mode == "hybrid")
    assert client.get("/me", headers={"Authorization": f"Bearer {said['access_token']}"}).json() == "ada"


def test_a_def_route_has_the_same_verbs(app: FastAPI, auth: Gatepass, client: TestClient, mode: Mode) -> None:
    """They run in a worker thread, and write into the same jar."""

    @app.post("/plain/login")
    def login(request: Request) -> Credentials:
        assert auth.sync.maybe(request) is None
        return auth.sync.login(request, "ada", roles={"admin"})

    @app.post("/plain/again")
    def again(request: Request) -> Credentials:
        return auth.sync.step_up(request)

    @app.get("/plain/me")
    def me(request: Request) -> list[str]:
        row = auth.sync.session(request)
        assert row.id == auth.sync.identity(request).session_id
        return [auth.sync.require(request, role="admin").subject, *[one.id for one in auth.sync.sessions("ada")]]

    @app.post("/plain/logout")
    def logout(request: Request) -> int:
        return auth.sync.logout(request).effective_within

    first = client.post("/plain/login").json()["session_id"]
    assert client.get("/plain/me").json() == ["ada", first]
    second = client.post("/plain/again").json()["session_id"]
    assert client.get("/plain/me").json() == ["ada", second, first]
    assert client.post("/plain/logout").json() == 0
    assert client.get("/plain/me").status_code == 401


def test_a_dependency_serves_a_def_route_too(app: FastAPI, client: TestClient) -> None:
    @app.get("/plain")
    def plain(who: CurrentIdentity) -> str:
        return who.subject

    assert client.get("/plain").status_code == 401
    client.post("/login")
    assert client.get("/plain").json() == "ada"


def test_the_plain_verbs_say_where_they_belong(app: FastAPI, auth: Gatepass, client: TestClient) -> None:
    """On the event loop they would wait for themselves."""

    @app.get("/wrong")
    async def wrong(request: Request) -> None:
        auth.sync.identity(request)

    with pytest.raises(RuntimeError, match=r"auth\.sync is for `def` routes; elsewhere: await auth\.identity"):
        client.get("/wrong")


def bodies() -> dict[str, Any]:
    async def stream() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    return {
        "dict": lambda: {"welcome": "back"},
        "response": lambda: Response(b"welcome", headers={"Set-Cookie": "theme=dark", "X-Mine": "1"}),
        "redirect": lambda: RedirectResponse("/me", 303),
        "stream": lambda: StreamingResponse(stream()),
    }


@pytest.mark.parametrize("kind", bodies())
def test_the_cookies_go_with_whatever_a_route_returns(app: FastAPI, auth: Gatepass, kind: str) -> None:
    """Nobody has to remember to pass a response on."""

    @app.post("/enter", response_model=None)
    async def enter(request: Request) -> Any:
        await auth.login(request, "ada")
        return bodies()[kind]()

    client = TestClient(app, headers=OURS)
    answer = client.post("/enter", follow_redirects=False)

    assert answer.headers["cache-control"] == "no-store"
    assert ("theme=dark" in answer.headers.get_list("set-cookie")) == (kind == "response")
    assert client.get("/me").json() == "ada"


def refused() -> dict[str, tuple[int, Any]]:
    return {
        "raises ours": (401, LoginFailed()),
        "raises another": (500, ValueError("after the login")),
        "answers 409": (409, Response(status_code=409)),
    }


@pytest.mark.parametrize("kind", refused())
def test_a_refusal_after_the_login_hands_nothing_out(app: FastAPI, auth: Gatepass, kind: str) -> None:
    """The person sees an error; a session that nobody knows of must not be left behind."""
    status, outcome = refused()[kind]

    @app.post("/enter", response_model=None)
    async def enter(request: Request) -> Any:
        await auth.login(request, "ada")
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    client = TestClient(app, headers=OURS, raise_server_exceptions=False)
    answer = client.post("/enter")

    assert (answer.status_code, answer.headers.get_list("set-cookie")) == (status, [])
    assert live(auth) == 0
    client.post("/login")
    assert live(auth) == 1  # and its honest twin


def test_a_login_that_comes_too_late_says_so(app: FastAPI, auth: Gatepass) -> None:
    """The head of a stream is sent before its first byte: no cookie can go with it any more."""
    caught: list[ResponseStarted] = []

    @app.post("/late")
    async def late(request: Request) -> StreamingResponse:
        async def stream() -> AsyncIterator[bytes]:
            yield b"one"
            try:
                await auth.login(request, "ada")
            except ResponseStarted as error:
                caught.append(error)

        return StreamingResponse(stream())

    assert TestClient(app, headers=OURS).post("/late").content == b"one"
    assert "before the route begins to answer" in str(caught[0])
    assert live(auth) == 0


def test_a_background_task_sees_the_caller_and_sets_nothing(app: FastAPI, auth: Gatepass, client: TestClient) -> None:
    """It runs when the answer has gone."""
    seen: list[str] = []

    async def afterwards(request: Request) -> None:
        seen.append((await auth.identity(request)).subject)
        await auth.revoke(subject="bob")  # needs no request
        with pytest.raises(ResponseStarted):
            await auth.logout(request)

    @app.post("/work")
    async def work(request: Request, tasks: BackgroundTasks, who: CurrentIdentity) -> str:
        tasks.add_task(afterwards, request)
        return who.subject

    client.post("/login")
    assert client.post("/work").json() == "ada"
    assert seen == ["ada"]
    assert client.get("/me").json() == "ada"


# -- dependencies ------------------------------------------------------------------------------------------------------


def test_somebody_who_may_be_nobody(app: FastAPI, client: TestClient) -> None:
    @app.get("/greeting")
    async def greeting(who: MaybeIdentity) -> str:
        return "stranger" if who is None else who.subject

    assert client.get("/greeting").json() == "stranger"
    client.post("/login")
    assert client.get("/greeting").json() == "ada"


def test_a_dependency_may_stand_below_another(app: FastAPI, client: TestClient) -> None:
    """Most applications load their own user from the subject."""

    async def user(who: CurrentIdentity) -> dict[str, str]:
        return {"name": who.subject.title()}

    @app.get("/name")
    async def name(user: Annotated[dict[str, str], Depends(user)], who: CurrentIdentity) -> list[str]:
        return [user["name"], who.subject]

    assert client.get("/name").status_code == 401
    client.post("/login")
    assert client.get("/name").json() == ["Ada", "ada"]


@pytest.mark.parametrize("level", ["router", "include", "application"])
def test_a_whole_router_may_be_for_some(level: str, mode: Mode, clock: Clock) -> None:
    demand = [require(role="admin")]
    app = FastAPI(dependencies=demand if level == "application" else [])
    auth = gate(mode, clock, app)
    router = APIRouter(prefix="/admin", dependencies=demand if level == "router" else [])

    @router.get("/users")
    async def users() -> str:
        return "all of them"

    app.include_router(router, prefix="/v1", dependencies=demand if level == "include" else [])

    for name, roles, status in (("", (), 401), ("bob", (), 403), ("ada", {"admin"}, 200)):
        headers = {}
        if name:
            credentials = auth.plain.login(name, roles=roles)
            headers["Authorization"] = f"Bearer {credentials.access_token}"
        answer = TestClient(app).get("/v1/admin/users", headers=headers)
        assert answer.status_code == status
        if status == 403:
            assert code(answer) == "role_required"
            assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


def test_old_proof_is_asked_for_again(app: FastAPI, auth: Gatepass, client: TestClient, clock: Clock) -> None:
    """A refresh does not make it younger; a step-up does."""

    @app.delete("/billing", dependencies=[require(role="admin", max_age=300)])
    async def close_billing() -> str:
        return "closed"

    @app.post("/again")
    async def again(request: Request) -> Credentials:
        return await auth.step_up(request)

    client.post("/login", data={"name": "bob"})
    assert code(client.delete("/billing")) == "role_required"
    client.post("/login")
    clock.advance(299)
    assert client.delete("/billing").json() == "closed"
    if auth.mode == "hybrid":
        assert client.post("/auth/refresh").status_code == 200
    clock.advance(2)
    answer = client.delete("/billing")

    assert (code(answer), answer.json()["max_age"]) == ("step_up_required", 300)
    expected = 'Bearer realm="gatepass", error="insufficient_user_authentication", max_age="300"'
    assert answer.headers["www-authenticate"] == expected
    if auth.mode == "hybrid":
        client.post("/auth/refresh")
        assert code(client.delete("/billing")) == "step_up_required"
    assert client.post("/again").status_code == 200
    assert client.delete("/billing").json() == "closed"


def test_a_test_may_put_somebody_in_the_place_of_the_caller(app: FastAPI, client: TestClient) -> None:
    grace = Identity(
        subject="grace", session_id="s", mode="session", roles=frozenset(), claims={}, auth_time=0, expires_at=1
    )
    app.dependency_overrides[current_identity] = lambda: grace

    assert client.get("/me").json() == "grace"
    app.dependency_overrides.clear()
    assert client.get("/me").status_code == 401


def test_what_an_application_imports_says_what_it_is() -> None:
    """In `help()`, and in an editor: also the dependencies, which are objects and no functions."""
    for name in gatepass.fastapi.__all__:
        thing = getattr(gatepass.fastapi, name)
        if name in {"CurrentIdentity", "MaybeIdentity"}:  # of an alias Python keeps no text
            thing = get_args(thing)[1].dependency
        assert inspect.getdoc(thing), name
    for dependency in (current_identity, gatepass.fastapi.maybe_identity):
        said = pydoc.plain(pydoc.render_doc(dependency))
        assert "dependency_overrides" in said
        assert "Raises:" in said


@pytest.mark.parametrize("bad", [{"role": ["admin"]}, {"role": ""}, {"max_age": "300"}, {"max_age": -1}])
def test_what_nobody_could_meet_is_refused_at_the_start(app: FastAPI, auth: Gatepass, bad: dict[str, Any]) -> None:
    """And not in the requests of visitors."""
    with pytest.raises(TypeError):
        require(**bad)

    @app.get("/later")
    async def later(request: Request) -> str:
        return (await auth.require(request, **bad)).subject

    with pytest.raises(TypeError):
        TestClient(app).get("/later")


@pytest.mark.parametrize("bad", [{"transport": "Bearer"}, {"transport": "header"}, {"access": "memory"}])
def test_a_way_back_that_does_not_exist_hands_nothing_out(app: FastAPI, auth: Gatepass, bad: dict[str, Any]) -> None:
    """A word with a slip in it is no cookie."""

    @app.post("/slip")
    async def slip(request: Request, verb: str) -> Any:
        if verb == "login":
            return await auth.login(request, "ada", **bad)
        return await auth.step_up(request, access=bad["access"])

    client = TestClient(app, headers=OURS)
    client.post("/login")
    before = auth.plain.sessions("ada")
    for verb in ("login", "step_up") if "access" in bad else ("login",):
        with pytest.raises(ValueError, match="one of"):
            client.post("/slip", params={"verb": verb})
    assert auth.plain.sessions("ada") == before


@pytest.mark.parametrize("login_page", ["/enter", "/enter?by=link"])
def test_a_login_page_that_wants_a_login_does_not_lead_to_itself(mode: Mode, clock: Clock, login_page: str) -> None:
    """A dependency of the whole application guards that page, too; a browser would go round and round."""
    app = FastAPI(dependencies=[Security(current_identity)])
    gate(mode, clock, app, login_page=login_page)
    app.get("/enter")(lambda: "a form")
    app.get("/orders")(lambda: "orders")
    client = TestClient(app, headers={**OURS, "Accept": "text/html"}, follow_redirects=False)

    answer = client.get("/orders")
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/enter")
    answer = client.get(answer.headers["location"])
    assert (answer.status_code, answer.json()["code"]) == (401, "credential_missing")


def test_an_application_without_a_gate_says_so() -> None:
    app = FastAPI()

    @app.get("/me")
    async def me(who: CurrentIdentity) -> str:
        return who.subject

    with pytest.raises(RuntimeError, match="has not been given to Gatepass"):
        TestClient(app).get("/me")


def test_a_middleware_that_asks_before_ours_runs_is_told_about_the_order(mode: Mode, clock: Clock) -> None:
    """What is added last runs first. One that was added before the gate may ask."""
    app = FastAPI()

    async def ask(request: Request, call_next: RequestResponseEndpoint) -> Response:
        who = await request.app.state.gatepass.maybe(request)
        response = await call_next(request)
        response.headers["X-Who"] = "nobody" if who is None else who.subject
        return response

    app.middleware("http")(ask)
    auth = gate(mode, clock, app)
    client = TestClient(app)
    assert client.get("/").headers["x-who"] == "nobody"
    login_as(client, "ada")
    assert client.get("/").headers["x-who"] == "ada"

    late = FastAPI()
    auth.install(late)
    late.middleware("http")(ask)
    with pytest.raises(RuntimeError, match="added after"):
        TestClient(late).get("/")


def test_a_changing_request_of_another_site_does_not_pass_a_dependency(app: FastAPI, client: TestClient) -> None:
    """The route has no line about CSRF: the check is in what says who is calling."""

    @app.post("/transfer")
    async def transfer(who: CurrentIdentity, amount: Annotated[int, Body()]) -> int:
        return amount

    client.post("/login")
    assert code(client.post("/transfer", json=1, headers=THEIRS)) == "csrf_refused"
    assert client.post("/transfer", json=1).json() == 1


def test_a_login_for_a_bearer_token_of_another_site_ends_nothing(client: TestClient) -> None:
    """The session that a request comes with makes room for the new one, so another site must not send it along."""
    client.post("/login")
    assert code(client.post("/token", headers=THEIRS)) == "csrf_refused"
    assert client.get("/me").json() == "ada"
    client.cookies.clear()
    assert client.post("/token", headers=THEIRS).status_code == 200  # nobody's rights, and no cookie


# -- WebSockets --------------------------------------------------------------------------------------------------------


@pytest.fixture
def socket(app: FastAPI) -> None:
    @app.websocket("/ws")
    async def socket(websocket: WebSocket, who: CurrentIdentity) -> None:
        await websocket.accept()
        await websocket.send_text(who.subject)
        await websocket.close()


@pytest.mark.usefixtures("socket")
def test_a_websocket_is_for_who_is_logged_in(client: TestClient) -> None:
    """A server that can send a whole answer sends the same one as to a request."""
    with pytest.raises(WebSocketDenialResponse) as refusal, client.websocket_connect("/ws"):
        pass
    assert code(refusal.value) == "credential_missing"

    client.post("/login")
    with client.websocket_connect("/ws") as websocket:
        assert websocket.receive_text() == "ada"


@pytest.mark.usefixtures("socket")
def test_a_websocket_is_no_way_around_the_origin(client: TestClient) -> None:
    """A handshake is a GET that any page can make, with our cookies; what it opens can change things."""
    client.post("/login")
    with pytest.raises(WebSocketDenialResponse) as refusal, client.websocket_connect("/ws", headers=dict(THEIRS)):
        pass
    assert code(refusal.value) == "csrf_refused"


@pytest.mark.usefixtures("socket")
def test_a_websocket_of_a_program_needs_no_origin(client: TestClient) -> None:
    token = client.post("/token").json()["access_token"]
    headers = {**THEIRS, "Authorization": f"Bearer {token}"}
    with client.websocket_connect("/ws", headers=headers) as websocket:
        assert websocket.receive_text() == "ada"


@pytest.mark.usefixtures("socket")
def test_a_server_that_cannot_send_the_answer_sends_a_code(app: FastAPI, auth: Gatepass) -> None:
    """Denial responses are an extension of ASGI. Most of these servers answer 403 then."""

    async def plain(scope: Scope, receive: Receive, send: Send) -> None:
        scope.pop("extensions", None)
        await app(scope, receive, send)

    client = TestClient(plain, headers=OURS)
    with pytest.raises(WebSocketDisconnect) as end, client.websocket_connect("/ws"):
        pass
    assert (end.value.code, end.value.reason) == (4401, "credential_missing")
    client.post("/login")
    with client.websocket_connect("/ws") as websocket:
        assert websocket.receive_text() == "ada"


@pytest.mark.parametrize(("headers", "said"), [({}, (4401, "credential_missing")), (THEIRS, (4403, "csrf_refused"))])
def test_where_no_answer_can_be_sent_the_websocket_closes_with_a_code(
    app: FastAPI, client: TestClient, headers: dict[str, str], said: tuple[int, str]
) -> None:
    """After it was accepted; a server without denial responses turns the same into a plain 403."""

    async def accepted(websocket: WebSocket) -> None:
        await websocket.accept()

    @app.websocket("/late")
    async def late(websocket: WebSocket, _: Annotated[None, Depends(accepted)], who: CurrentIdentity) -> None:
        await websocket.send_text(who.subject)

    if headers:
        client.post("/login")
    with (
        client.websocket_connect("/late", headers=dict(headers)) as websocket,
        pytest.raises(WebSocketDisconnect) as end,
    ):
        websocket.receive_text()
    assert (end.value.code, end.value.reason) == said


# -- the application around it -----------------------------------------------------------------------------------------


def test_an_application_factory_shares_one_gate(mode: Mode, clock: Clock) -> None:
    """Routes are written in modules that import `auth`; the application comes later."""
    auth = gate(mode, clock)
    router = APIRouter()

    @router.post("/login")
    async def login(request: Request) -> Credentials:
        return await auth.login(request, "ada")

    @router.get("/me")
    async def me(who: CurrentIdentity) -> str:
        return who.subject

    def create() -> FastAPI:
        app = FastAPI()
        app.include_router(router)
        auth.install(app)
        return app

    with TestClient(create(), headers=OURS) as client:
        client.post("/login")
        assert client.get("/me").json() == "ada"
        assert client.get("/auth/me").json()["subject"] == "ada"


def test_an_application_of_starlette_is_told_which_import_it_needs(clock: Clock) -> None:
    with pytest.raises(ConfigurationError, match=r"from gatepass\.starlette"):
        gate("session", clock).install(Starlette())


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_route_for_everything_does_not_hide_ours(mode: Mode, clock: Clock, when: str) -> None:
    """Single-page applications answer every path with their page."""
    app = FastAPI()
    auth = gate(mode, clock)
    if when == "after":
        auth.install(app)

    @app.get("/{path:path}")
    async def page(path: str) -> str:
        return "the page"

    if when == "before":
        auth.install(app)

    client = TestClient(app)
    assert client.get("/anything").json() == "the page"
    assert client.get("/auth/me").status_code == 401
    assert client.get("/.well-known/jwks.json").json() == auth.plain.jwks()


class Old(BaseHTTPMiddleware):
    """As applications have them: it looks at the caller, and at the answer."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        # Outside ours there is no user yet.
        who = request.user.display_name if "user" in request.scope else "unknown"
        response = await call_next(request)
        response.headers["X-Who"] = who
        return response


@pytest.mark.parametrize(("when", "who"), [("inside", "ada"), ("outside", "unknown")])
def test_a_middleware_of_the_old_kind_may_be_inside_or_outside(mode: Mode, clock: Clock, when: str, who: str) -> None:
    """It runs the application in a task of its own, where context variables of ours would be lost."""
    app = FastAPI()
    if when == "inside":
        app.add_middleware(Old)
    auth = gate(mode, clock, app)
    if when == "outside":
        app.add_middleware(Old)

    @app.post("/login")
    async def login(request: Request) -> Credentials:
        return await auth.login(request, "ada")

    @app.get("/me")
    async def me(who: CurrentIdentity) -> str:
        return who.subject

    client = TestClient(app, headers=OURS)
    assert client.get("/me").status_code == 401
    client.post("/login")
    answer = client.get("/me")
    assert (answer.json(), answer.headers["x-who"]) == ("ada", who)
    assert client.post("/auth/logout").status_code == 204
    assert client.get("/me").status_code == 401


@pytest.mark.parametrize("what", ["roles", "claims"])
def test_rights_that_no_token_keeps_are_refused_with_a_code(
    app: FastAPI, mode: Mode, clock: Clock, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    """Somebody has to read why. Who had fewer of them before goes on, and with fewer of them again."""
    many = {
        "roles": Subject(roles=frozenset(f"role{n}" for n in range(200))),
        "claims": Subject(claims={"a": "x" * 1_100}),
    }
    now = {"ada": Subject(roles=frozenset({"reader"}))}
    auth = gate(mode, clock, app, load_subject=now.get)

    @app.post("/login")
    async def login(request: Request) -> Credentials:
        return await auth.login(request, "ada")

    @app.get("/roles")
    async def roles(who: CurrentIdentity) -> list[str]:
        return sorted(who.roles)

    client = TestClient(app, headers=OURS)
    assert client.post("/login").status_code == 200
    honest, now["ada"] = now["ada"], many[what]
    for path in ("/login", *(["/auth/refresh"] if mode == "hybrid" else [])):
        caplog.clear()
        refused = client.post(path)
        assert (refused.status_code, code(refused)) == (500, "configuration_refused")
        assert "set-cookie" not in refused.headers
        assert f"configuration_refused: {what} are" in caplog.text
        assert client.get("/roles").json() == ["reader"]

    now["ada"] = honest
    assert client.post("/auth/refresh" if mode == "hybrid" else "/login").status_code == 200
    assert client.get("/roles").json() == ["reader"]


@pytest.mark.parametrize("colour", ["plain", "async"])
def test_hooks_may_be_of_either_colour(app: FastAPI, mode: Mode, clock: Clock, colour: str) -> None:
    """What a subject may do comes from the application, at login and at each refresh."""
    roles = {"ada": {"admin"}}
    heard: list[str] = []

    def load(subject: str) -> Subject | None:
        return Subject(roles=frozenset(roles[subject])) if subject in roles else None

    def hear(event: Event) -> None:
        heard.append(event.kind)

    async def load_async(subject: str) -> Subject | None:
        return load(subject)

    async def hear_async(event: Event) -> None:
        hear(event)

    hooks: dict[str, Any] = (
        {"load_subject": load, "on_event": hear}
        if colour == "plain"
        else {"load_subject": load_async, "on_event": hear_async}
    )
    auth = gate(mode, clock, app, **hooks)

    @app.post("/login")
    async def login(request: Request, name: Annotated[str, Form()]) -> Credentials:
        return await auth.login(request, name)

    @app.get("/admin")
    async def admin(who: Annotated[Identity, require(role="admin")]) -> list[str]:
        return sorted(who.roles)

    client = TestClient(app, headers=OURS)
    assert code(client.post("/login", data={"name": "bob"})) == "login_failed"
    assert client.post("/login", data={"name": "ada"}).status_code == 200
    assert client.get("/admin").json() == ["admin"]
    if mode == "hybrid":
        roles["ada"] = {"reader"}
        assert client.post("/auth/refresh").status_code == 200
        assert code(client.get("/admin")) == "role_required"
    client.post("/auth/logout")
    assert heard == ["login", *(["refresh"] if mode == "hybrid" else []), "logout"]


@pytest.mark.parametrize("colour", ["plain", "async"])
def test_a_hook_that_fails_to_listen_changes_no_answer(
    app: FastAPI, mode: Mode, clock: Clock, colour: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The login has happened by then."""

    def hear(event: Event) -> None:
        raise OSError("the audit log is full")

    async def hear_async(event: Event) -> None:
        hear(event)

    auth = gate(mode, clock, app, on_event=hear if colour == "plain" else hear_async)

    @app.post("/login")
    async def login(request: Request) -> Credentials:
        return await auth.login(request, "ada")

    client = TestClient(app, headers=OURS)
    assert client.post("/login").status_code == 200
    assert client.get("/auth/me").json()["subject"] == "ada"
    assert "the audit log is full" in caplog.text


# -- the OpenAPI document ----------------------------------------------------------------------------------------------


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }


EITHER: list[dict[str, list[str]]] = [{"gatepassCookie": []}, {"gatepassBearer": []}]


def test_the_document_locks_what_is_locked(app: FastAPI, auth: Gatepass, client: TestClient) -> None:
    """Whoever reads `/docs` sees that a cookie will do, or a bearer token; an open route shows no lock."""

    @app.get("/admin", dependencies=[require(role="admin")])
    async def admin() -> None: ...

    @app.get("/maybe")
    async def maybe(who: MaybeIdentity) -> None: ...

    document = client.get("/openapi.json").json()
    found = operations(document)

    locked = {"GET /me", "GET /admin", "GET /maybe"}
    ours = {"GET /auth/me", "GET /auth/sessions", "DELETE /auth/sessions/{id}"}
    ours |= {"POST /auth/logout", "POST /auth/sessions/end-others"}
    open_to_all = {"POST /login", "POST /token", "GET /auth/renew", "POST /auth/refresh", "GET /auth/gatepass.js"}
    open_to_all.add("GET /.well-known/jwks.json")
    assert set(found) == locked | ours | open_to_all
    for name, operation in found.items():
        assert operation.get("security", []) == (EITHER if name in locked | ours else []), name
    schemes = document["components"]["securitySchemes"]
    assert set(schemes) == {"gatepassCookie", "gatepassBearer"}
    assert schemes["gatepassBearer"]["scheme"] == "bearer"
    purpose = "session" if auth.mode == "session" else "access"
    assert schemes["gatepassCookie"]["name"] == f"gatepass-dev-8000-{purpose}"
    assert client.get("/openapi.json").json() == document  # it is made once and kept
    assert client.get("/docs").status_code == 200


def test_our_routes_say_what_they_refuse(app: FastAPI, auth: Gatepass) -> None:
    for name, operation in operations(app.openapi()).items():
        if operation.get("tags") == ["gatepass"]:
            problems = {status for status in operation["responses"] if status[0] in "45"}
            assert "421" in problems, name
            assert "operationId" in operation
            assert operation["summary"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_document_of_the_application_keeps_the_locks(mode: Mode, clock: Clock, when: str) -> None:
    """FastAPI's own manual replaces `app.openapi`; before or after ours, it is the same."""
    app = FastAPI()

    def custom() -> dict[str, Any]:
        return get_openapi(title="Mine", version="7", routes=app.routes)

    if when == "before":
        app.openapi = custom  # type: ignore[method-assign]
    gate(mode, clock, app)
    if when == "after":
        app.openapi = custom  # type: ignore[method-assign]

    @app.get("/me")
    async def me(who: CurrentIdentity) -> str:
        return who.subject

    for _ in range(2):
        with TestClient(app) as client:
            document = client.get("/openapi.json").json()
            assert document["info"]["title"] == "Mine"
            assert operations(document)["GET /me"]["security"] == EITHER
            assert set(document["components"]["securitySchemes"]) == {"gatepassCookie", "gatepassBearer"}


def test_webhooks_and_callbacks_refer_to_no_scheme_that_is_not_there(app: FastAPI, auth: Gatepass) -> None:
    """And keep what is the application's own."""
    own = HTTPBasic(scheme_name="own")
    called = APIRouter()

    @called.post("{$request.body.url}")
    async def back(who: CurrentIdentity) -> None: ...

    @app.webhooks.post("ordered")
    async def ordered(who: CurrentIdentity, by: Annotated[Any, Depends(own)]) -> None: ...

    @app.webhooks.post("sold", dependencies=[Depends(own)])
    async def sold() -> None: ...

    @app.post("/order", callbacks=called.routes)
    async def order(who: CurrentIdentity) -> None: ...

    document = app.openapi()
    hooks = {name: item["post"]["security"] for name, item in document["webhooks"].items()}
    assert hooks == {"ordered": [*EITHER, {"own": []}], "sold": [{"own": []}]}
    [callback] = document["paths"]["/order"]["post"]["callbacks"].values()
    assert callback["{$request.body.url}"]["post"]["security"] == EITHER
    assert set(document["components"]["securitySchemes"]) == {"gatepassCookie", "gatepassBearer", "own"}


def test_a_lock_with_scopes_is_replaced_too(app: FastAPI, auth: Gatepass) -> None:
    @app.get("/scoped")
    async def scoped(who: Annotated[Identity, Security(current_identity, scopes=["books"])]) -> None: ...

    assert app.openapi()["paths"]["/scoped"]["get"]["security"] == EITHER


def documented(document: dict[str, Any], answer: Any, path: str) -> None:
    """Raise if *answer* is not what *document* says of it."""
    operation = document["paths"][path][answer.request.method.lower()]
    media = answer.headers["content-type"].partition(";")[0]
    schema = operation["responses"][str(answer.status_code)]["content"][media]["schema"]
    jsonschema_rs.validate({**schema, "components": document["components"]}, answer.json())


def closed(document: dict[str, Any]) -> dict[str, Any]:
    """*document*, with no property allowed in our components that it does not name."""
    components = {
        name: {**schema, "additionalProperties": False} if name.startswith("Gatepass") else schema
        for name, schema in document["components"]["schemas"].items()
    }
    return {**document, "components": {**document["components"], "schemas": components}}


def test_our_routes_answer_what_the_document_says(app: FastAPI, auth: Gatepass, mode: Mode, client: TestClient) -> None:
    """Every field that is sent is documented, and every one that is documented as needed is sent."""
    document = closed(app.openapi())
    keys = client.get("/.well-known/jwks.json")
    documented(document, keys, "/.well-known/jwks.json")
    for path in ("/auth/me", "/auth/sessions"):
        assert client.get(path).status_code == 401
        documented(document, client.get(path), path)
    assert client.post("/login").status_code == 200
    documented(document, client.get("/auth/me"), "/auth/me")
    refreshed = client.post("/auth/refresh", json={})
    assert refreshed.status_code == (200 if mode == "hybrid" else 409)
    documented(document, refreshed, "/auth/refresh")
    unknown = client.post("/auth/refresh", json={"colour": "red"})
    assert unknown.status_code == 422
    documented(document, unknown, "/auth/refresh")
    listed = client.get("/auth/sessions")
    documented(document, listed, "/auth/sessions")
    documented(document, client.post("/auth/sessions/end-others"), "/auth/sessions/end-others")
    own = client.get("/auth/me").json()["session_id"]
    bearer = client.post("/auth/refresh", json={"access": "body"})
    documented(document, bearer, "/auth/refresh")
    if mode == "hybrid":  # the cookie went, and this came instead
        client.headers["Authorization"] = f"Bearer {bearer.json()['access_token']}"
    documented(document, client.delete(f"/auth/sessions/{own}"), "/auth/sessions/{id}")


def test_an_answer_that_the_document_does_not_say_is_found(app: FastAPI, auth: Gatepass, client: TestClient) -> None:
    client.post("/login")
    answer = client.get("/auth/me")
    document = closed(app.openapi())
    del document["components"]["schemas"]["GatepassIdentity"]["properties"]["roles"]

    with pytest.raises(jsonschema_rs.ValidationError, match="roles"):
        documented(document, answer, "/auth/me")


def test_the_form_of_the_page_that_renews_is_documented(app: FastAPI, auth: Gatepass, client: TestClient) -> None:
    operation = app.openapi()["paths"]["/auth/refresh"]["post"]

    forms = {media: set(said["schema"]["properties"]) for media, said in operation["requestBody"]["content"].items()}
    assert forms == {
        "application/json": {"refresh_token", "access"},
        "application/x-www-form-urlencoded": {"next", "csrf_token"},
    }
    assert "Location" in operation["responses"]["303"]["headers"]
    refused = client.post("/auth/refresh", data={"next": "/me"})
    assert refused.status_code == 401
    assert refused.headers["content-type"].partition(";")[0] in operation["responses"]["401"]["content"]


def test_a_model_of_the_application_keeps_its_name(app: FastAPI, auth: Gatepass) -> None:
    class Session(BaseModel):
        film: str

    @app.get("/cinema")
    async def cinema() -> Session:
        return Session(film="Metropolis")

    schemas = app.openapi()["components"]["schemas"]
    assert set(schemas["Session"]["properties"]) == {"film"}
    assert "ended_at" in schemas["GatepassSession"]["properties"]
