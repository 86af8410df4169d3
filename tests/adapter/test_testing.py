"""`gatepass.testing`, as tests of applications use it."""

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Host, Mount
from starlette.testclient import TestClient
from support.register import REGISTER

from gatepass import HostUnknown, MissingCredential, NoStore, Subject
from gatepass.fastapi import CurrentIdentity, Gatepass, require
from gatepass.stores.memory import MemoryStore
from gatepass.testing import Clock, expire, login_as, revoke

#: Where a client may say that it is, and what the application says of itself.
ADDRESSES = [
    ("http://testserver", None),
    ("http://localhost:8000", None),
    ("http://127.0.0.1:9", None),
    ("https://app.example.com", "https://app.example.com"),
]
SAME = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # keys are made there


def application(mode: Any, issuer: str | None = None, **options: Any) -> FastAPI:
    app = FastAPI()
    store = options.pop("store", None) or MemoryStore()
    REGISTER.places.append(store)
    Gatepass(app, mode=mode, store=store, issuer=issuer, **options)

    @app.get("/me")
    async def me(who: CurrentIdentity) -> str:
        return who.subject

    @app.delete("/billing", dependencies=[require(role="admin")])
    async def close_billing() -> None: ...

    return app


def code(client: Any) -> str:
    return str(client.get("/me").json()["code"])


@pytest.mark.parametrize(("address", "issuer"), ADDRESSES)
@pytest.mark.parametrize("transport", ["cookie", "bearer"])
def test_a_client_is_logged_in_expired_and_ended(mode: str, transport: Any, address: str, issuer: str | None) -> None:
    client = TestClient(application(mode, issuer), base_url=address, headers=SAME)
    with pytest.raises(MissingCredential):
        expire(client)
    with pytest.raises(MissingCredential):
        revoke(client)

    login_as(client, "ada", roles={"admin"}, transport=transport)
    assert client.get("/me").json() == "ada"
    assert client.delete("/billing").status_code == 200
    expire(client)
    assert code(client) == "credential_expired"

    login_as(client, "bob", transport=transport)
    assert client.get("/me").json() == "bob"
    assert client.delete("/billing").status_code == 403
    revoke(client)
    assert code(client) == "credential_revoked"


@pytest.mark.parametrize(("address", "issuer"), ADDRESSES)
def test_a_client_may_go_on_as_a_program_and_back(mode: str, address: str, issuer: str | None) -> None:
    """It holds one credential at a time, and keeps the cookies that are not ours."""
    client = TestClient(application(mode, issuer), base_url=address, headers=SAME)
    client.cookies.set("theirs", "1")
    login_as(client, "ada")
    login_as(client, "bob", transport="bearer")
    assert client.get("/auth/me").json()["subject"] == "bob"
    assert [cookie.name for cookie in client.cookies.jar] == ["theirs"]

    login_as(client, "cleo")
    assert client.get("/auth/me").json()["subject"] == "cleo"


def test_what_the_application_answers_replaces_what_was_put_into_the_jar(mode: str) -> None:
    """The jar holds each cookie once, or every request after a renewal would be ambiguous."""
    client = TestClient(application(mode), headers=SAME)
    login_as(client, "ada")

    assert client.post("/auth/refresh").status_code == (200 if mode == "hybrid" else 409)
    assert client.get("/me").json() == "ada"
    assert client.post("/auth/logout").status_code == 204
    assert code(client) == "credential_missing"


def test_an_expired_access_token_is_renewed_as_that_of_a_browser_is() -> None:
    client = TestClient(application("hybrid"), headers=SAME)
    login_as(client, "ada")
    expire(client)

    renewal = client.get("/me", headers={"Accept": "text/html"}, follow_redirects=False)
    assert (renewal.status_code, renewal.headers["location"]) == (303, "/auth/renew?next=%2Fme")
    renewed = client.post("/auth/refresh", data={"next": "/me"})
    assert (renewed.status_code, renewed.json()) == (200, "ada")


def test_it_works_on_an_asynchronous_client_and_on_a_loop_that_runs(mode: str) -> None:
    app = application(mode)

    async def visit() -> Any:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://localhost") as client:
            login_as(client, "ada")
            good = (await client.get("/me")).json()
            revoke(client)
            return good, (await client.get("/me")).json()["code"]

    assert asyncio.run(visit()) == ("ada", "credential_revoked")


def test_it_works_while_the_application_runs(mode: str) -> None:
    """On its own event loop, where what its hooks hold belongs."""
    loops = set()

    async def load(_: str) -> Subject:
        loops.add(asyncio.get_running_loop())
        return Subject(roles=frozenset({"admin"}))

    app = application(mode, load_subject=load)

    @app.get("/loop")
    async def loop() -> None:
        loops.add(asyncio.get_running_loop())

    with TestClient(app, headers=SAME) as client:
        client.get("/loop")
        login_as(client, "ada")
        assert client.delete("/billing").status_code == 200
    assert len(loops) == 1


def test_the_clock_moves_when_it_is_moved() -> None:
    clock = Clock(1_900_000_000)
    client = TestClient(application("session", clock=clock))
    login_as(client, "ada")

    clock.advance(13 * 86_400)
    assert client.get("/me").json() == "ada"
    clock.advance(14 * 86_400)
    assert code(client) == "credential_expired"


def test_a_client_at_an_address_that_is_not_served_is_told(mode: str) -> None:
    with pytest.raises(HostUnknown):
        login_as(TestClient(application(mode, "https://app.example.com")), "ada")


def test_a_client_without_an_application_is_told_what_to_do() -> None:
    app = application("session")

    async def wrapped(*args: Any) -> None:
        await app(*args)

    with pytest.raises(TypeError, match="auth="):
        login_as(TestClient(wrapped), "ada")
    client = TestClient(wrapped)
    login_as(client, "ada", auth=app.state.gatepass)
    assert client.get("/me").json() == "ada"


def mounted(app: FastAPI) -> Any:
    return Starlette(
        routes=[Mount("/shop", Starlette(routes=[Host("testserver", Starlette(routes=[Mount("/at", app)]))]))]
    )


def of_fastapi(app: FastAPI) -> Any:
    parent = FastAPI()
    parent.mount("/shop/at", app)
    return parent


def wrapped(app: FastAPI) -> Any:
    return GZipMiddleware(mounted(app))


@pytest.mark.parametrize("around", [mounted, of_fastapi, wrapped])
@pytest.mark.parametrize("named", [True, False])
def test_the_application_is_found_where_it_is_mounted(mode: str, around: Any, named: bool) -> None:
    """And the refresh cookie goes to its routes."""
    app = application(mode)
    options: dict[str, Any] = {"auth": app.state.gatepass} if named else {}
    client = TestClient(around(app), headers=SAME)
    login_as(client, "ada", **options)

    assert client.get("/shop/at/me").json() == "ada"
    if mode == "hybrid":
        assert {cookie.path for cookie in client.cookies.jar} == {"/", "/shop/at/auth"}
        assert client.post("/shop/at/auth/refresh").status_code == 200
    expire(client, **options)
    assert client.get("/shop/at/me").json()["code"] == "credential_expired"
    login_as(client, "bob", **options)
    assert client.get("/shop/at/me").json() == "bob"
    revoke(client, **options)
    assert client.get("/shop/at/me").json()["code"] == "credential_revoked"


def test_a_root_path_of_the_client_counts() -> None:
    client = TestClient(application("hybrid"), root_path="/api", headers=SAME)
    login_as(client, "ada")

    assert client.post("/api/auth/refresh").status_code == 200


def test_of_two_gates_one_has_to_be_named() -> None:
    """Or a test would log in at the wrong door, and be told that nobody is there."""
    app = application("session")
    staff = Gatepass(app, name="staff", prefix="/staff/auth", store=MemoryStore())
    client = TestClient(app, headers=SAME)

    with pytest.raises(TypeError, match="several gates: name it with auth="):
        login_as(client, "ada")
    login_as(client, "bob", auth=staff)
    assert client.get("/staff/auth/me").json()["subject"] == "bob"
    assert code(client) == "credential_missing"


def test_a_stateless_token_cannot_be_ended() -> None:
    app = FastAPI()
    Gatepass(app, mode="jwt", store=False)
    client = TestClient(app)
    login_as(client, "ada")

    with pytest.raises(NoStore):
        revoke(client)
    expire(client)
    assert client.get("/auth/me").json()["code"] == "credential_expired"
