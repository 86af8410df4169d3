"""The application: its parts, and how they are put together."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from gatepass.accounts.passwords import Passwords
from gatepass.drivers import run
from gatepass.errors import GatepassError
from gatepass.fastapi import Gatepass
from gatepass.records import Subject
from gatepass.server import docs, health, pages, routes
from gatepass.server.decoder import served as decoder
from gatepass.server.guard import Guard
from gatepass.server.kept import keep
from gatepass.server.parts import Parts
from gatepass.server.purging import purging
from gatepass.server.refusals import on_http, on_refusal
from gatepass.server.settings import NAME, Settings
from gatepass.server.strict import on_invalid

#: What the lifespan tells the process that serves (ASGI, lifespan state): what to call when the end begins, and while
#: requests are still in flight. When the lifespan ends they are not, or it is too late for them.
ENDING: Final = "gatepass.ending"

_STATIC: Final = Path(str(files("gatepass.server").joinpath("static")))


def create_app(settings: Settings, *, clock: Callable[[], float] = time.time) -> FastAPI:
    """The server as an ASGI application.

    Args:
        settings: What the operator set.
        clock: Seconds since the epoch.

    Raises:
        ConfigurationError: The settings do not fit together, or a file cannot be used, that of the keys included.
        StoreError: The database does not answer, or cannot be written to.
    """
    kept = keep(settings)
    store, users = kept.store, kept.users

    def load_subject(subject: str) -> Subject | None:
        user = users.by_id(subject)
        return None if user is None else Subject(active=user.disabled_at is None)

    passwords = Passwords()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:  # noqa: ARG001  it is called so
        purge = asyncio.create_task(purging(auth.gate))
        try:
            yield {ENDING: passwords.drain}
        finally:
            _ = purge.cancel()
            _ = await asyncio.wait([purge])
            found.close()

    # The version is that of the routes: which of ours runs is nobody's business (ASVS 13.4.6). A path is served as it
    # is written, and no other is led to it.
    app = FastAPI(title=NAME, version="1", docs_url=None, redoc_url=None, redirect_slashes=False, lifespan=lifespan)
    auth = Gatepass(
        app,
        mode=settings.mode,
        accept=settings.accept or None,
        store=store,
        keys=kept.keys,
        policy=settings.policy,
        name=NAME,
        issuer=settings.issuer,
        audience=settings.audience,
        origins=settings.origins,
        login_page="/login",
        load_subject=load_subject,
        clock=clock,
    )
    found = Parts(settings=settings, auth=auth, store=store, users=users, passwords=passwords, clock=clock)
    app.state.parts = found
    try:
        _ = auth.gate  # what cannot work is said before anybody is told that it does
        run(health.written(found), store.answer)
    except GatepassError:
        found.close()
        raise
    app.add_middleware(Guard, site=auth.site)  # the outermost
    app.add_exception_handler(GatepassError, on_refusal)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, on_http)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, on_invalid)  # type: ignore[arg-type]
    if settings.signup != "off":
        app.include_router(routes.joining)
    for part in (routes, health, pages, docs, decoder):
        app.include_router(part.router)
    app.mount("/static", _Files(directory=_STATIC))
    return app


class _Files(StaticFiles):
    """Files that a browser keeps, and asks about before each use: they change with the version of the server."""

    def file_response(self, *args: Any, **options: Any) -> Response:
        answer = super().file_response(*args, **options)
        answer.headers["Cache-Control"] = "no-cache"
        return answer
