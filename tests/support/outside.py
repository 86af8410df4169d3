"""The example of one page, with more routes of an application: none sees a refresh cookie."""

from typing import Any

from fastapi import FastAPI, Request

from examples.spa import app as spa
from gatepass import Mode
from gatepass.fastapi import Credentials, Gatepass, MaybeIdentity, require


def create_app(mode: Mode = "hybrid", **options: Any) -> FastAPI:
    """The application, with a route that wants a login of this minute, one that gives it, and one for everybody."""
    app = spa.create_app(mode, **options)
    auth: Gatepass = app.state.gatepass

    @app.post("/confirm")
    async def confirm(request: Request) -> Credentials:
        return await auth.step_up(request, access="body")

    @app.post("/close", dependencies=[require(max_age=60)])
    async def close() -> str:
        return "closed"

    @app.post("/enter")
    async def enter(request: Request) -> Credentials:
        return await auth.login(request, "ada")

    @app.get("/feed")
    @app.post("/comment")
    async def whose(who: MaybeIdentity) -> str:
        return "nobody" if who is None else who.subject

    return app
