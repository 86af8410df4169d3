"""The example of one page, with a route for a step-up that lies outside of the prefix."""

from typing import Any

from fastapi import FastAPI, Request

from examples.spa import app as spa
from gatepass import Mode
from gatepass.fastapi import Credentials, Gatepass, require


def create_app(mode: Mode = "hybrid", **options: Any) -> FastAPI:
    """The application, with a route that wants a login of this minute, and one that gives it."""
    app = spa.create_app(mode, **options)
    auth: Gatepass = app.state.gatepass

    @app.post("/confirm")
    async def confirm(request: Request) -> Credentials:
        return await auth.step_up(request, access="body")

    @app.post("/close", dependencies=[require(max_age=60)])
    async def close() -> str:
        return "closed"

    return app
