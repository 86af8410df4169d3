"""Our modes, and the apps without any check that all else is compared with."""

from functools import partial
from typing import Any, Literal

import msgspec
from fastapi import FastAPI, Request
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

import gatepass.fastapi
import gatepass.starlette
from bench.requests.variants import BASE, NOBODY, ORIGIN, PATH, Framework, Limit, Made, Place, Variant, bearer, log_in
from gatepass import Mode, Policy
from gatepass.fastapi import CurrentIdentity
from gatepass.keys import new_ring
from gatepass.stores.memory import MemoryStore
from gatepass.stores.sqlite import SqliteStore

FRAMEWORKS: tuple[Framework, ...] = ("Starlette", "FastAPI")
Kept = Literal["no store", "SQLite", "memory"]
Transport = Literal["cookie", "bearer"]

#: Where the store is quick, one transport tells enough.
CASES: tuple[tuple[Mode, Kept, Transport], ...] = (
    ("session", "SQLite", "cookie"),
    ("session", "SQLite", "bearer"),
    ("session", "memory", "cookie"),
    ("jwt", "no store", "cookie"),
    ("jwt", "no store", "bearer"),
    ("jwt", "SQLite", "cookie"),
    ("jwt", "SQLite", "bearer"),
    ("hybrid", "SQLite", "cookie"),
    ("hybrid", "SQLite", "bearer"),
    ("hybrid", "memory", "cookie"),
)
#: Which of them run behind wrk: those that a peer is compared with, and one of each mode.
SERVED = {
    "Starlette": {
        "session, SQLite, cookie",
        "jwt, no store, cookie",
        "jwt, no store, bearer",
        "hybrid, SQLite, cookie",
    },
    "FastAPI": {"session, SQLite, bearer", "jwt, no store, bearer", "jwt, SQLite, bearer", "hybrid, SQLite, cookie"},
}
#: What may be added, in microseconds: DESIGN's figures. Both are for checks that read no store.
ADDS: dict[Framework, dict[Mode, float]] = {
    "Starlette": {"session": 12, "jwt": 7, "hybrid": 7},
    "FastAPI": {"session": 17, "jwt": 17, "hybrid": 17},
}
#: As long as a run may take: nothing is renewed meanwhile.
POLICY = Policy(access_ttl=3_600, token_ttl=3_600, stateless_ttl=3_600)


def variants() -> list[Variant]:
    """The bases, and each mode on each framework."""
    found = []
    for framework in FRAMEWORKS:
        base = starlette_base if framework == "Starlette" else fastapi_base
        found.append(Variant(framework=framework, name=BASE, make=base))
        for mode, kept, transport in CASES:
            name = f"{mode}, {kept}, {transport}"
            found.append(
                Variant(
                    framework=framework,
                    name=name,
                    make=partial(gated, framework, mode, kept, transport),
                    limit=Limit(text=_promised(mode, kept), adds=ADDS[framework][mode]),
                    served=name in SERVED[framework],
                )
            )
    return found


def _promised(mode: Mode, kept: Kept) -> str:
    if mode == "session":
        return "with the read cache, which is not built yet"
    return "no store is read" if kept == "no store" else "with the lease of the log, which is not built yet"


async def starlette_base(place: Place) -> Made:
    async def me(_: Request) -> JSONResponse:
        return JSONResponse({"hello": NOBODY})

    app = Starlette(routes=[Route(PATH, me)])
    return Made(app=app, subjects=[NOBODY] * place.count, credentials=[None] * place.count)


async def fastapi_base(place: Place) -> Made:
    app = FastAPI()

    @app.get(PATH)
    async def me() -> dict[str, str]:
        return {"hello": NOBODY}

    return Made(app=app, subjects=[NOBODY] * place.count, credentials=[None] * place.count)


async def gated(framework: Framework, mode: Mode, kept: Kept, transport: Transport, place: Place) -> Made:
    """An app with a gate, all of whose credentials come from logins there."""
    store: Any = _store(kept, place)
    keys = new_ring("ES256", now=0)
    settings: dict[str, Any] = {"mode": mode, "store": store, "keys": keys, "issuer": ORIGIN, "policy": POLICY}
    app, auth = _starlette(settings) if framework == "Starlette" else _fastapi(settings)

    async def login(request: Request) -> JSONResponse:
        subject = request.query_params["subject"]
        return JSONResponse(await auth.login(request, subject, transport=transport, roles={"admin"}))

    app.router.routes.append(Route("/login", login, methods=["POST"]))
    subjects = place.subjects()
    answers = await log_in(app, subjects)
    if transport == "cookie":
        return Made(app=app, subjects=subjects, credentials=[answer.cookies for answer in answers])
    tokens = [msgspec.json.decode(answer.body)["access_token"] for answer in answers]
    return Made(app=app, subjects=subjects, credentials=[bearer(token) for token in tokens])


def _store(kept: Kept, place: Place) -> SqliteStore | MemoryStore | Literal[False]:
    if kept == "no store":
        return False
    store = SqliteStore(place.folder / "gatepass.db") if kept == "SQLite" else MemoryStore()
    place.stack.callback(store.close)
    return store


def _starlette(settings: dict[str, Any]) -> tuple[Starlette, gatepass.starlette.Gatepass]:
    async def me(request: Request) -> JSONResponse:
        return JSONResponse({"hello": (await auth.identity(request)).subject})

    app = Starlette(routes=[Route(PATH, me)])
    auth = gatepass.starlette.Gatepass(app, **settings)
    return app, auth


def _fastapi(settings: dict[str, Any]) -> tuple[FastAPI, gatepass.starlette.Gatepass]:
    app = FastAPI()
    auth = gatepass.fastapi.Gatepass(app, **settings)

    @app.get(PATH)
    async def me(who: CurrentIdentity) -> dict[str, str]:
        return {"hello": who.subject}

    return app, auth
