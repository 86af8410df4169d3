"""Our modes, and the apps without any check that all else is compared with."""

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bench.requests.variants import BASE, NOBODY, PATH, Made, Place, Variant


def variants() -> list[Variant]:
    """The bases."""
    return [
        Variant(framework="Starlette", name=BASE, make=starlette_base),
        Variant(framework="FastAPI", name=BASE, make=fastapi_base),
    ]


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
