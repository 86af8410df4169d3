"""An application is rarely alone: below a path, behind a proxy, beside another gate, called from another origin."""

import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Request
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Mount
from starlette.testclient import TestClient
from support.clock import Clock

from gatepass import MODES, ConfigurationError, Identity, Mode
from gatepass.fastapi import Credentials, CurrentIdentity, Gatepass
from gatepass.keys import new_ring
from gatepass.stores.memory import MemoryStore

RING = new_ring("HS256", now=1_900_000_000)

OURS = {"Sec-Fetch-Site": "same-origin"}
#: What a browser sends when a person opens a page.
PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none"}
SPA = "https://spa.example.com"
HOSTILE = ("https://evil.example", "https://spa.example.com.evil.example", "http://spa.example.com", "null")


def build(clock: Clock, app: FastAPI | None = None, **options: Any) -> tuple[FastAPI, Gatepass]:
    """An application with a login that believes everybody, in hybrid mode: it has every kind of cookie."""
    options = {"mode": "hybrid", "store": MemoryStore(), "keys": RING, **options}
    app = app or FastAPI()
    auth = Gatepass(app, clock=clock, **options)

    @app.post("/login")
    async def login(request: Request) -> Credentials:
        return await auth.login(request, "ada")

    @app.get("/me")
    async def me(who: CurrentIdentity) -> str:
        return who.subject

    return app, auth


def paths(answer: Any) -> dict[str, str]:
    """The purpose and `Path` of each cookie that an answer sets."""
    found = {}
    for line in answer.headers.get_list("set-cookie"):
        pair, *attributes = line.split("; ")
        if "Max-Age=0" not in attributes:
            name = pair.partition("=")[0].rpartition("-")[2]
            found[name] = next(part[5:] for part in attributes if part.startswith("Path="))
    return found


def code(answer: Any) -> str:
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["code"])


def renewed(client: TestClient, clock: Clock, base: str, page: str) -> None:
    """Open a page whose access token has ended, and come back to it through the page that renews."""
    clock.advance(400)
    answer = client.get(page, headers=PAGE, follow_redirects=False)
    where = (base + page).replace("/", "%2F")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{base}/auth/renew?next={where}")


# -- below a path ------------------------------------------------------------------------------------------------------


def test_below_a_root_path_the_refresh_cookie_and_the_redirects_are_below_it_too(clock: Clock) -> None:
    """`uvicorn --root-path /api` behind a proxy that takes `/api` off: the browser knows the public path only."""
    app, _ = build(clock)
    client = TestClient(app, root_path="/api", headers=OURS)

    assert paths(client.post("/login")) == {"access": "/", "refresh": "/api/auth"}
    renewed(client, clock, "/api", "/me")
    page = client.get("/auth/renew?next=/api/me", headers=PAGE)
    assert 'action="/api/auth/refresh"' in page.text


def test_a_root_path_that_a_proxy_leaves_on_is_the_same(clock: Clock) -> None:
    """As a mount has it, and uvicorn since 0.26: the path of the scope has the root path in front."""
    app, _ = build(clock)
    client = TestClient(app, root_path="/api", headers=OURS)

    assert paths(client.post("/api/login")) == {"access": "/", "refresh": "/api/auth"}
    assert client.get("/api/me").json() == "ada"
    assert client.post("/api/auth/refresh").status_code == 200
    clock.advance(400)
    answer = client.get("/api/me", headers=PAGE, follow_redirects=False)
    assert answer.headers["location"] == "/api/auth/renew?next=%2Fapi%2Fme"


def test_the_root_path_of_fastapi_is_the_same(clock: Clock) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer versions would rather have it from the server
        app = FastAPI(root_path="/api")
    build(clock, app)
    client = TestClient(app, headers=OURS)

    assert paths(client.post("/login")) == {"access": "/", "refresh": "/api/auth"}
    assert client.post("/api/auth/refresh").status_code == 200


def test_mounted_in_a_parent_everything_is_below_the_mount(clock: Clock) -> None:
    app, _ = build(clock)
    client = TestClient(Starlette(routes=[Mount("/sub", app)]), headers=OURS)

    assert paths(client.post("/sub/login")) == {"access": "/", "refresh": "/sub/auth"}
    assert client.get("/sub/me").json() == "ada"
    clock.advance(400)
    answer = client.get("/sub/me?page=2", headers=PAGE, follow_redirects=False)
    assert answer.headers["location"] == "/sub/auth/renew?next=%2Fsub%2Fme%3Fpage%3D2"
    page = client.get(answer.headers["location"], headers=PAGE)
    assert 'action="/sub/auth/refresh"' in page.text
    answer = client.post("/sub/auth/refresh", data={"next": "/sub/me"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sub/me")
    assert client.get("/sub/me").json() == "ada"


def test_what_it_mounts_logs_in_at_the_address_of_the_whole(clock: Clock) -> None:
    """A router that is mounted has a root path of its own, and our routes do not lie below that one."""
    app, auth = build(clock)
    shop = FastAPI()
    auth.install_errors(shop)

    @shop.post("/login")
    async def login(request: Request) -> Credentials:
        return await auth.login(request, "ada")

    @shop.get("/cart")
    async def cart(who: CurrentIdentity) -> str:
        return who.subject

    app.mount("/shop", shop)
    client = TestClient(app, headers=OURS)

    assert paths(client.post("/shop/login")) == {"access": "/", "refresh": "/auth"}
    assert client.get("/shop/cart").json() == "ada"
    clock.advance(400)
    answer = client.get("/shop/cart", headers=PAGE, follow_redirects=False)
    assert answer.headers["location"] == "/auth/renew?next=%2Fshop%2Fcart"
    assert client.post("/auth/refresh").status_code == 200
    assert client.get("/shop/cart").json() == "ada"


def test_a_mounted_application_answers_refusals_once_it_is_told_how(clock: Clock) -> None:
    """Its own error handling sees them first, and an error that it does not know is a 500 to it."""
    app, auth = build(clock)
    shop = FastAPI()

    @shop.get("/cart")
    async def cart(who: CurrentIdentity) -> str:
        return who.subject

    app.mount("/shop", shop)
    assert TestClient(app, raise_server_exceptions=False).get("/shop/cart").status_code == 500

    auth.install_errors(shop)
    shop.middleware_stack = None  # it has served a request; applications do this at start
    answer = TestClient(app).get("/shop/cart")
    assert (answer.status_code, code(answer)) == (401, "credential_missing")


# -- behind a proxy ----------------------------------------------------------------------------------------------------


def test_behind_a_proxy_the_issuer_is_the_address(clock: Clock) -> None:
    """TLS ends at the proxy and `/app` is taken off: nothing that the server sees tells the public address."""
    app, _ = build(clock, issuer="https://example.com/app", login_page="/login-page")
    proxied = {"Host": "example.com", "Origin": "https://example.com"}
    client = TestClient(app, base_url="http://10.0.0.7:8000", headers=proxied)

    answer = client.post("/login")
    lines = answer.headers.get_list("set-cookie")
    kept = {line.partition("=")[0]: line for line in lines if "Max-Age=0" not in line}
    assert set(kept) == {"__Host-gatepass-access", "__Secure-gatepass-refresh"}
    assert all(line.endswith("; Secure") for line in kept.values())
    assert paths(answer) == {"access": "/", "refresh": "/app/auth"}

    cookies = {"Cookie": "; ".join(line.partition(";")[0] for line in kept.values())}
    assert client.get("/me", headers=cookies).json() == "ada"
    clock.advance(400)
    answer = client.get("/me", headers={**cookies, **PAGE}, follow_redirects=False)
    assert answer.headers["location"] == "/app/auth/renew?next=%2Fapp%2Fme"
    answer = client.get("/me", headers=PAGE, follow_redirects=False)
    assert answer.headers["location"] == "/app/login-page?next=%2Fapp%2Fme"


def mounted(clock: Clock, path: str, issuer: str) -> TestClient:
    """An application that a parent mounts, at a public address."""
    app, _ = build(clock, issuer=issuer)
    parent = Starlette(routes=[Mount(path, app)])
    return TestClient(parent, base_url="https://example.com", headers=OURS)


@pytest.mark.parametrize(
    ("path", "issuer"),
    [
        ("/sub", "https://example.com"),
        ("/sub", "https://example.com/app"),
        ("/sub", "https://example.com/other/mysub"),
        ("/a/sub", "https://example.com/sub"),
    ],
)
def test_an_issuer_that_lacks_the_mount_is_named_in_the_log_once(
    clock: Clock, caplog: pytest.LogCaptureFixture, path: str, issuer: str
) -> None:
    """Else the refresh cookie never comes back, and nobody knows why. A proxy could still make it right."""
    client = mounted(clock, path, issuer)

    assert client.post(f"{path}/login").status_code == 200
    [record] = [record for record in caplog.records if record.name == "gatepass.web"]
    assert (record.levelname, f"{path!r}" in record.getMessage(), issuer in record.getMessage()) == (
        "WARNING",
        True,
        True,
    )
    assert code(client.post(f"{path}/auth/refresh")) == "credential_missing", "this is what it warns of"
    assert client.post(f"{path}/login").status_code == 200
    assert [record] == [record for record in caplog.records if record.name == "gatepass.web"]


@pytest.mark.parametrize(
    ("path", "issuer"),
    [("/sub", "https://example.com/sub"), ("/sub", "https://example.com/app/sub"), ("", "https://example.com/app")],
)
def test_an_issuer_that_has_the_mount_is_no_matter_for_the_log(
    clock: Clock, caplog: pytest.LogCaptureFixture, path: str, issuer: str
) -> None:
    """Also where a proxy puts more in front, or takes all of it off."""
    assert mounted(clock, path, issuer).post(f"{path}/login").status_code == 200
    assert not [record for record in caplog.records if record.name == "gatepass.web"]


@pytest.mark.parametrize(
    ("host", "served"),
    [
        ("example.com", True),
        ("EXAMPLE.com", True),
        ("example.com:443", True),
        ("example.com:8443", False),
        ("10.0.0.7:8000", False),
        ("evil.example", False),
        ("example.com.evil.example", False),
    ],
)
def test_a_proxy_has_to_pass_the_host_on(clock: Clock, host: str, served: bool) -> None:
    """A page whose name was made to point here looks like one of ours to a browser: only the name tells."""
    app, _ = build(clock, issuer="https://example.com")
    client = TestClient(app, headers={"Host": host})

    for answer in (client.post("/login", headers=OURS), client.get("/auth/gatepass.js")):
        assert answer.status_code == (200 if served else 421)
        assert served or code(answer) == "host_unknown"


def test_trusted_hosts_and_ours_go_together(clock: Clock) -> None:
    """The application's own list guards every route; ours guards what sets cookies."""
    app, _ = build(clock, issuer="https://example.com")
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["example.com"])

    assert TestClient(app, base_url="https://example.com", headers=OURS).post("/login").status_code == 200
    assert TestClient(app, base_url="https://evil.example").get("/auth/gatepass.js").status_code == 400


EITHER: list[dict[str, list[str]]] = [{"gatepassCookie": []}, {"gatepassBearer": []}]

# -- several gates -----------------------------------------------------------------------------------------------------


def test_two_applications_of_one_process_share_nothing(clock: Clock) -> None:
    """No globals: a session of the one is unknown to the other, though both have the default names."""
    one, _ = build(clock)
    other, _ = build(clock, keys=new_ring("HS256", now=1_900_000_000))
    client = TestClient(one, headers=OURS)
    client.post("/login")

    stranger = TestClient(other, headers=OURS)
    stranger.cookies.update(client.cookies)
    assert client.get("/me").json() == "ada"
    assert code(stranger.get("/me")) == "credential_unknown"


@pytest.fixture
def pair(clock: Clock) -> tuple[FastAPI, Gatepass, Gatepass]:
    """Customers, and the staff at another door of the same application."""
    app, customers = build(clock, login_page="/enter")
    staff = Gatepass(
        app, store=MemoryStore(), keys=new_ring("HS256", now=1_900_000_000), clock=clock, mode="hybrid",
        name="staff", prefix="/staff/auth", login_page="/staff/enter",
    )  # fmt: skip

    @app.post("/staff/login")
    async def login(request: Request) -> Credentials:
        return await staff.login(request, "bob")

    @app.get("/staff/me")
    async def me(who: Annotated[Identity, Depends(staff.identity)]) -> str:
        return who.subject

    return app, customers, staff


def test_two_gates_of_one_application_see_their_own_callers(pair: tuple[FastAPI, Gatepass, Gatepass]) -> None:
    app, customers, staff = pair

    @app.get("/both")
    async def both(request: Request) -> list[str | None]:
        assert customers.caller(request).auth is customers
        assert staff.caller(request).auth is staff
        found = [await customers.maybe(request), await staff.maybe(request)]
        return [None if who is None else who.subject for who in found]

    client = TestClient(app, headers=OURS)
    assert client.get("/both").json() == [None, None]
    assert paths(client.post("/login")) == {"access": "/", "refresh": "/auth"}
    assert client.get("/both").json() == ["ada", None]
    assert client.get("/staff/me").status_code == 401
    assert paths(client.post("/staff/login")) == {"access": "/", "refresh": "/staff/auth"}
    assert client.get("/both").json() == ["ada", "bob"]
    assert client.get("/me").json() == "ada"
    assert client.get("/staff/me").json() == "bob"
    assert client.get("/auth/me").json()["subject"] == "ada"
    assert client.get("/staff/auth/me").json()["subject"] == "bob"
    assert client.post("/auth/refresh").status_code == 200
    assert client.post("/staff/auth/logout").status_code == 204
    assert client.get("/both").json() == ["ada", None]


def test_a_page_is_renewed_at_the_gate_that_refused_it(pair: tuple[FastAPI, Gatepass, Gatepass], clock: Clock) -> None:
    app, _, _ = pair
    client = TestClient(app, headers=OURS)

    def location(page: str) -> str:
        return str(client.get(page, headers=PAGE, follow_redirects=False).headers["location"])

    assert (location("/me"), location("/staff/me")) == ("/enter?next=%2Fme", "/staff/enter?next=%2Fstaff%2Fme")
    client.post("/login")
    client.post("/staff/login")
    clock.advance(400)
    assert location("/me") == "/auth/renew?next=%2Fme"
    assert location("/staff/me") == "/staff/auth/renew?next=%2Fstaff%2Fme"


def test_two_gates_of_one_application_are_documented_apart(pair: tuple[FastAPI, Gatepass, Gatepass]) -> None:
    app, _, _ = pair
    document = app.openapi()

    assert set(document["components"]["securitySchemes"]) == {
        *("gatepassCookie", "gatepassBearer", "staffCookie", "staffBearer")
    }
    locks = {path: item["get"]["security"] for path, item in document["paths"].items() if path.endswith("/me")}
    theirs: list[dict[str, list[str]]] = [{"staffCookie": []}, {"staffBearer": []}]
    assert locks == {"/me": EITHER, "/auth/me": EITHER, "/staff/me": theirs, "/staff/auth/me": theirs}
    assert "security" not in document["paths"]["/staff/login"]["post"]


def test_a_dependency_of_a_certain_gate_may_be_told_that_there_is_nobody(
    pair: tuple[FastAPI, Gatepass, Gatepass],
) -> None:
    app, _, staff = pair

    @app.get("/staff/maybe")
    async def maybe(who: Annotated[Identity | None, Depends(staff.maybe)]) -> str | None:
        return None if who is None else who.subject

    client = TestClient(app, headers=OURS)
    client.post("/login")
    assert client.get("/staff/maybe").json() is None  # the customer is none of the staff
    client.post("/staff/login")
    assert client.get("/staff/maybe").json() == "bob"
    assert app.openapi()["paths"]["/staff/maybe"]["get"]["security"] == [{"staffCookie": []}, {"staffBearer": []}]


def guarded(auth: Gatepass) -> FastAPI:
    """An application to be mounted in that of *auth*."""
    shop = FastAPI()
    auth.install_errors(shop)

    @shop.get("/cart")
    async def cart(who: CurrentIdentity) -> str:
        return who.subject

    @shop.get("/open")
    async def for_all() -> None: ...

    return shop


def test_a_mounted_application_documents_the_locks_of_the_gate_around_it(clock: Clock) -> None:
    """What it serves, and no more: our routes are those of the application around it."""
    app, auth = build(clock)
    app.mount("/shop", guarded(auth))
    client = TestClient(app, headers=OURS)

    document = client.get("/shop/openapi.json").json()
    assert set(document["paths"]) == {"/cart", "/open"}
    assert document["paths"]["/cart"]["get"]["security"] == EITHER
    assert "security" not in document["paths"]["/open"]["get"]
    assert set(document["components"]["securitySchemes"]) == {"gatepassCookie", "gatepassBearer"}
    client.post("/login")
    assert client.get("/shop/cart").json() == "ada"


@pytest.mark.parametrize("first", [True, False], ids=["errors first", "gate first"])
def test_a_mounted_application_with_a_gate_of_its_own_documents_that_one(clock: Clock, first: bool) -> None:
    _, auth = build(clock)
    shop = guarded(auth) if first else FastAPI()
    own = Gatepass(shop, store=MemoryStore(), keys=new_ring("HS256", now=1_900_000_000), clock=clock, name="shop")
    if not first:
        auth.install_errors(shop)

    @shop.get("/order")
    async def order(who: CurrentIdentity) -> str:
        return who.subject

    assert shop.openapi()["paths"]["/order"]["get"]["security"] == own.locks == [{"shopCookie": []}, {"shopBearer": []}]


@pytest.mark.parametrize(("name", "said"), [("gatepass", 1), ("shop", 0)])
def test_two_gates_of_one_name_one_mounted_in_the_other_are_named_in_the_log_once(
    clock: Clock, caplog: pytest.LogCaptureFixture, name: str, said: int
) -> None:
    """Each login would log the person out at the other, and nobody would know why."""
    app, _ = build(clock)
    shop, _ = build(clock, name=name, keys=new_ring("HS256", now=1_900_000_000))
    app.mount("/shop", shop)
    client = TestClient(app, headers=OURS)

    for path in ("/login", "/shop/login"):
        assert client.post(path).status_code == 200
    assert client.get("/shop/me").json() == "ada"
    assert client.get("/me").status_code == (401 if said else 200)
    found = [record.getMessage() for record in caplog.records if record.name == "gatepass.web"]
    assert len(found) == said
    assert all(f"{name!r}" in line and "name=" in line for line in found)


def test_one_gate_around_both_is_no_matter_for_the_log(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    app, auth = build(clock)
    shop = FastAPI()
    auth.install(shop)
    app.mount("/shop", shop)

    @shop.get("/me")
    async def me(who: CurrentIdentity) -> str:
        return who.subject

    client = TestClient(app, headers=OURS)
    client.post("/login")
    assert client.get("/shop/me").json() == "ada"
    assert not [record for record in caplog.records if record.name == "gatepass.web"]


@pytest.mark.parametrize("mode", MODES)
def test_what_one_gate_issues_proves_nothing_to_another(clock: Clock, folder: Path, mode: Mode) -> None:
    """Also where nothing is said about stores and keys: a customer must not be staff by renaming a cookie."""
    app, customers = build(clock, mode=mode, store=None, keys=None)
    staff = Gatepass(app, name="staff", prefix="/staff/auth", mode=mode, clock=clock)

    @app.get("/staff/me")
    async def me(who: Annotated[Identity, Depends(staff.identity)]) -> str:
        return who.subject

    client = TestClient(app)
    issued = customers.plain.login("ada")
    headers = {"Authorization": f"Bearer {issued.access_token}"}
    assert client.get("/me", headers=headers).json() == "ada"
    assert code(client.get("/staff/me", headers=headers)) == "credential_unknown"
    if issued.refresh_token:
        answer = client.post("/staff/auth/refresh", json={"refresh_token": issued.refresh_token})
        assert code(answer) == "credential_unknown"

    headers = {"Authorization": f"Bearer {staff.plain.login('bob').access_token}"}
    assert client.get("/staff/me", headers=headers).json() == "bob"
    assert (folder / "staff" / "keys.json").exists()
    for auth in (customers, staff):
        auth.close()


@pytest.mark.parametrize("options", [{}, {"name": "other"}, {"prefix": "/other"}], ids=["both", "prefix", "name"])
def test_a_name_and_a_prefix_are_taken_once(clock: Clock, options: dict[str, str]) -> None:
    """Their cookies would overwrite each other, or the routes of one hide those of the other."""
    app, _ = build(clock)
    with pytest.raises(ConfigurationError, match="of its own"):
        Gatepass(app, **options)  # type: ignore[arg-type]
    Gatepass(app, name="other", prefix="/other")


def test_a_gate_is_installed_once(clock: Clock) -> None:
    """`Gatepass(app)` has installed it."""
    app, auth = build(clock)
    with pytest.raises(ConfigurationError, match="Install each once"):
        auth.install(app)


def test_one_gate_may_serve_two_applications(clock: Clock) -> None:
    """An API and its pages, one beside the other under one parent, or one in tests and one in earnest."""
    one, auth = build(clock)
    other = FastAPI()

    @other.get("/me")
    async def me(who: CurrentIdentity) -> str:
        return who.subject

    auth.install(other)
    client = TestClient(one, headers=OURS)
    client.post("/login")
    twin = TestClient(other, headers=OURS)
    twin.cookies.update(client.cookies)

    assert (client.get("/me").json(), twin.get("/me").json()) == ("ada", "ada")


# -- another origin ----------------------------------------------------------------------------------------------------


def cors(app: FastAPI) -> None:
    app.add_middleware(
        CORSMiddleware, allow_origins=[SPA], allow_credentials=True, allow_methods=["*"], allow_headers=["*"]
    )


@pytest.fixture(params=["CORSMiddleware inside", "CORSMiddleware outside"])
def api(request: pytest.FixtureRequest, clock: Clock) -> FastAPI:
    """An API whose single-page application lies on another origin; what is added later is further out."""
    app = FastAPI()
    if request.param.endswith("inside"):
        cors(app)
    build(clock, app, issuer="https://api.example.com", origins=[SPA])
    if request.param.endswith("outside"):
        cors(app)
    return app


def from_page(origin: str, site: str = "same-site") -> dict[str, str]:
    return {"Origin": origin, "Sec-Fetch-Site": site, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}


CALLS = [("POST", "/login"), ("GET", "/me"), ("POST", "/auth/refresh"), ("GET", "/auth/me"), ("POST", "/auth/logout")]
#: The same for everybody.
PUBLIC = ("/auth/gatepass.js", "/.well-known/jwks.json")


def test_a_page_of_a_listed_origin_may_call(api: FastAPI) -> None:
    """Every header once: a browser refuses an answer whose `Access-Control-Allow-Origin` is doubled."""
    client = TestClient(api, base_url="https://api.example.com", headers=from_page(SPA))
    for method, path in CALLS:
        answer = client.request(method, path)
        assert answer.is_success, (method, path)
        assert answer.headers.get_list("access-control-allow-origin") == [SPA], path
        assert answer.headers.get_list("access-control-allow-credentials") == ["true"], path
        assert answer.headers["vary"].split(", ").count("Origin") == 1, path


def test_what_an_answer_depends_on_is_said_once(api: FastAPI) -> None:
    """Whichever of the two middlewares says it; and what a middleware in between says stays."""
    api.user_middleware.insert(1, Middleware(GZipMiddleware, minimum_size=1))
    client = TestClient(api, base_url="https://api.example.com", headers=from_page(SPA))
    for path in PUBLIC:
        [vary] = client.get(path).headers.get_list("vary")
        assert vary.split(", ").count("Origin") == 1, path
    client.post("/login")
    for path, between in (("/me", {"Accept-Encoding"}), ("/auth/me", set())):
        [vary] = client.get(path).headers.get_list("vary")
        said = vary.split(", ")
        assert len(said) == len(set(said)), path
        assert {"Cookie", "Origin"} | between <= set(said), path


def test_a_refusal_can_be_read_by_the_page_too(api: FastAPI) -> None:
    """Else a page sees a network error in place of `credential_missing`, and cannot ask for a login."""
    client = TestClient(api, base_url="https://api.example.com", headers=from_page(SPA))
    for path in ("/me", "/auth/me"):
        answer = client.get(path)
        assert code(answer) == "credential_missing"
        assert answer.headers.get_list("access-control-allow-origin") == [SPA]


@pytest.mark.parametrize("path", ["/login", "/auth/logout"])
def test_a_listed_origin_may_ask_first(api: FastAPI, path: str) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,x-csrf-token"}
    client = TestClient(api, base_url="https://api.example.com")

    answer = client.options(path, headers={"Origin": SPA, **asked})
    assert answer.is_success
    assert answer.headers.get_list("access-control-allow-origin") == [SPA]
    assert answer.headers.get_list("access-control-allow-credentials") == ["true"]
    assert "x-csrf-token" in answer.headers["access-control-allow-headers"].lower()

    for origin in HOSTILE:
        answer = client.options(path, headers={"Origin": origin, **asked})
        assert "access-control-allow-origin" not in answer.headers, origin


@pytest.mark.parametrize("origin", HOSTILE)
def test_a_page_of_another_origin_neither_acts_nor_reads(api: FastAPI, origin: str) -> None:
    client = TestClient(api, base_url="https://api.example.com")
    client.post("/login", headers=from_page(SPA))
    for method, path in CALLS:
        answer = client.request(method, path, headers=from_page(origin, "cross-site"))
        assert "access-control-allow-origin" not in answer.headers, path
        assert "set-cookie" not in answer.headers, path
        if method != "GET":
            assert code(answer) == "csrf_refused", path
    assert client.get("/me").json() == "ada"


# -- opening and closing -----------------------------------------------------------------------------------------------


class Counted(MemoryStore):
    """Says whether it was closed."""

    closed = 0

    def close(self) -> None:
        self.closed += 1
        super().close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / ".gatepass"


def test_nothing_is_opened_before_the_start(clock: Clock, folder: Path) -> None:
    """An import must not make files: tools import applications, too."""
    app, _ = build(clock, store=None, keys=None)
    assert not folder.exists()

    with TestClient(app):
        assert {"gatepass.db", "keys.json"} <= {path.name for path in folder.iterdir()}


def test_without_a_lifespan_it_opens_at_first_use(clock: Clock, folder: Path) -> None:
    """A `TestClient` that is not entered runs none, and some servers do not either."""
    app, auth = build(clock, store=None, keys=None)
    client = TestClient(app, headers=OURS)
    client.post("/login")

    assert client.get("/me").json() == "ada"
    auth.close()


def test_after_the_end_it_opens_again(clock: Clock, folder: Path) -> None:
    """The sessions are where they were."""
    app, _ = build(clock, store=None, keys=None)
    with TestClient(app, headers=OURS) as client:
        client.post("/login")
        cookies = client.cookies
    for _ in range(2):
        with TestClient(app, headers=OURS) as client:
            client.cookies.update(cookies)
            assert client.get("/me").json() == "ada"


def test_a_store_that_was_passed_in_is_its_owners_to_close(clock: Clock) -> None:
    store = Counted()
    app, _ = build(clock, store=store)
    with TestClient(app, headers=OURS) as client:
        client.post("/login")
    assert store.closed == 0

    with TestClient(app, headers=OURS) as again:
        again.cookies.update(client.cookies)
        assert again.get("/me").json() == "ada"


def test_the_lifespan_of_the_application_goes_on_inside(clock: Clock) -> None:
    """What it opens may use the gate until it is closed."""
    heard: list[str] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, str]]:
        await app.state.gatepass.sessions("ada")
        heard.append("up")
        yield {"pool": "mine"}
        await app.state.gatepass.sessions("ada")
        heard.append("down")

    app = FastAPI(lifespan=lifespan)
    build(clock, app)

    @app.get("/pool")
    async def pool(request: Request) -> str:
        return str(request.state.pool)

    with TestClient(app) as client:
        assert client.get("/pool").json() == "mine"
    assert heard == ["up", "down"]


@pytest.mark.parametrize("when", ["start", "end", "never"])
def test_a_lifespan_that_fails_leaves_nothing_open(clock: Clock, folder: Path, when: str) -> None:
    """And one that uses the gate at its very end does not open it again."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await app.state.gatepass.sessions("ada")
        if when == "start":
            raise OSError(when)
        yield
        await app.state.gatepass.sessions("ada")
        if when == "end":
            raise OSError(when)

    app = FastAPI(lifespan=lifespan)
    build(clock, app, store=None, keys=None)
    log = folder / "gatepass.db-wal"  # there for as long as the database is open
    with nullcontext() if when == "never" else pytest.raises(OSError, match=when), TestClient(app):
        assert log.exists()
    assert not log.exists()


def test_one_gate_of_two_applications_outlives_the_end_of_the_first(clock: Clock, folder: Path) -> None:
    one, auth = build(clock, store=None, keys=None)
    other = FastAPI()

    @other.get("/me")
    async def me(who: CurrentIdentity) -> str:
        return who.subject

    auth.install(other)
    with TestClient(other, headers=OURS) as twin:
        with TestClient(one, headers=OURS) as client:
            client.post("/login")
            twin.cookies.update(client.cookies)
        assert twin.get("/me").json() == "ada"
