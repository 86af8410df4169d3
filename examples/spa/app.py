"""The API and its one page. Devices and logout are gatepass's own routes below `/auth`."""

import asyncio
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel

from examples import users
from gatepass import Mode
from gatepass.fastapi import Credentials, CurrentIdentity, Gatepass, LoginFailed

HERE = Path(__file__).parent

#: Scripts and styles are files of this application; the page talks to it and to nobody else.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:;"
    " form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)


class Login(BaseModel):
    """What the form of the page says."""

    name: str
    password: str


def create_app(mode: Mode = "hybrid", **options: Any) -> FastAPI:
    """The application, which keeps its sessions and keys in `./.gatepass/`."""
    app = FastAPI()
    auth = Gatepass(app, mode=mode, load_subject=users.load, **options)

    @app.post("/login")
    async def login(request: Request, said: Login) -> Credentials:
        """The refresh token goes into a cookie, the access token into the answer."""
        # In a thread: a password's hash is slow on purpose.
        if not await asyncio.to_thread(users.check, said.name, said.password):
            raise LoginFailed
        return await auth.login(request, said.name, access="body")

    @app.get("/greeting")
    async def greeting(who: CurrentIdentity) -> dict[str, str]:
        """A protected call."""
        return {"text": f"Hello, {who.subject}. This answer was for you alone."}

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(HERE / "index.html", headers={"Content-Security-Policy": POLICY})

    @app.get("/app.js", include_in_schema=False)
    async def script() -> FileResponse:
        return FileResponse(HERE / "app.js", media_type="text/javascript")

    app.mount("/static", StaticFiles(directory=HERE.parent / "static"))
    return app
