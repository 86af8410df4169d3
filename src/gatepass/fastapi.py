"""gatepass for FastAPI: that of Starlette, with dependencies, and with our routes in the OpenAPI document.

auth = Gatepass(app, mode="hybrid")

@app.get("/me")
async def me(who: CurrentIdentity): ...
"""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cached_property
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import FastAPI, Security
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from fastapi.security.base import SecurityBase
from starlette.applications import Starlette
from starlette.requests import HTTPConnection

from gatepass.core.rights import demand, wanted
from gatepass.errors import ConfigurationError, LoginFailed
from gatepass.records import Identity
from gatepass.starlette import Credentials, ResponseStarted
from gatepass.starlette import Gatepass as StarletteGatepass
from gatepass.starlette.caller import Caller
from gatepass.starlette.routes import OURS, Ours, path
from gatepass.web.bodies import JSON

__all__ = [
    "Credentials",
    "CurrentIdentity",
    "Gatepass",
    "LoginFailed",
    "MaybeIdentity",
    "ResponseStarted",
    "current_identity",
    "maybe_identity",
    "require",
]

#: The name under which a dependency enters the OpenAPI document, until it is known what the cookies are called.
SCHEME: Final = "gatepass"


class _Guard(SecurityBase):
    """A dependency that the OpenAPI document shows as a lock. Not more than one: each costs 14 us a request."""

    def __init__(self) -> None:
        self.model = HTTPBearerModel()
        self.scheme_name = SCHEME


class _Current(_Guard):
    """Who is calling: what `CurrentIdentity` stands for, and the key for it in `app.dependency_overrides`."""

    async def __call__(self, connection: HTTPConnection) -> Identity:
        """Who is calling.

        Args:
            connection: The request, or the WebSocket.

        Raises:
            CredentialError: Nobody who could prove it: 401.
            CredentialsAmbiguous, CsrfRefused: It is not safe to say: 400, 403.
            StoreError: It cannot be known now: 503.
        """
        return await _caller(connection).identity(connection)


class _Maybe(_Guard):
    """Who is calling, or None: what `MaybeIdentity` stands for, and the key for it in `app.dependency_overrides`."""

    async def __call__(self, connection: HTTPConnection) -> Identity | None:
        """Who is calling; None where there is no good credential.

        Args:
            connection: The request, or the WebSocket.

        Raises:
            ExpiredCredential: A page load whose access token has ended: it is led to be renewed.
            CredentialsAmbiguous, CsrfRefused: It is not safe to say: 400, 403.
            StoreError: It cannot be known now: 503.
        """
        return await _caller(connection).maybe(connection)


class _Demand(_Guard):
    """Lets only those on who may; see `require`."""

    def __init__(self, role: str | None, max_age: int | None) -> None:
        super().__init__()
        wanted(role, max_age)
        self._role = role
        self._max_age = max_age

    async def __call__(self, connection: HTTPConnection) -> Identity:
        """Who is calling, if they may."""
        caller = _caller(connection)
        who = await caller.identity(connection)
        return demand(who, role=self._role, max_age=self._max_age, now=caller.auth.now())


def _caller(connection: HTTPConnection) -> Caller:
    caller: Caller | None = connection.scope.get("gatepass")
    if caller is None:
        raise RuntimeError("this application has not been given to Gatepass(...), or to its install()")
    return caller


#: The dependencies themselves, for `app.dependency_overrides`.
current_identity: Final = _Current()
maybe_identity: Final = _Maybe()

#: Who is calling; without a good credential the request is refused. Works for WebSockets, too.
CurrentIdentity = Annotated[Identity, Security(current_identity)]
#: Who is calling, or None.
MaybeIdentity = Annotated[Identity | None, Security(maybe_identity)]


def require(*, role: str | None = None, max_age: int | None = None) -> Any:
    """A dependency that lets only those on who may: `dependencies=[require(role="admin")]`.

    Its value is their `Identity`.

    Args:
        role: One that they must have.
        max_age: Seconds that their last login may be ago. A refresh does not move it.

    Raises:
        TypeError: Here: nobody could have such a role, or such an age.
        RoleRequired, StepUpRequired: In the request: they may not, or not yet.
    """
    return Security(_Demand(role, max_age))


class Gatepass(StarletteGatepass):
    """`gatepass.starlette.Gatepass` for a FastAPI application: its routes and locks are in the OpenAPI document."""

    def install(self, app: Starlette) -> None:
        """As for Starlette.

        Raises:
            ConfigurationError: It is no FastAPI application.
        """
        if not isinstance(app, FastAPI):
            raise ConfigurationError(
                cause="this application is none of FastAPI",
                fix="Import Gatepass from gatepass.starlette.",
                source="Gatepass(app)",
            )
        super().install(app)
        self._document(app)
        around = app.router.lifespan_context

        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[Any]:
            self._document(app)  # an `openapi` of the application's own may have come since
            async with around(app) as state:
                yield state

        app.router.lifespan_context = lifespan

    def _document(self, app: FastAPI) -> None:
        found = app.openapi
        while isinstance(found, _Documented):
            if found.auth is self:
                return
            found = found.openapi
        app.openapi = _Documented(app.openapi, self)  # type: ignore[method-assign]

    def _described(self, ours: Ours) -> dict[str, Any]:
        """What the OpenAPI document says of a route of ours besides its name."""
        described: dict[str, Any] = {"security": self.locks} if ours.guarded else {}
        if ours.fields:
            properties = {name: {"type": "string"} for name in ours.fields}
            schema = {"type": "object", "properties": properties, "additionalProperties": False}
            described["requestBody"] = {"required": False, "content": {JSON: {"schema": schema}}}
        named = [("path", name) for name in re.findall("{(.*?)}", ours.path)] + [("query", name) for name in ours.query]
        if named:
            text = {"required": True, "schema": {"type": "string"}}
            described["parameters"] = [{"name": name, "in": where, **text} for where, name in named]
        return described

    @cached_property
    def paths(self) -> dict[str, Any]:
        """Our routes, as an OpenAPI document says it; the middleware serves them."""
        shown = FastAPI()
        for ours in OURS:
            shown.add_api_route(
                path(self.prefix, ours),
                _shown,
                methods=[ours.method],
                tags=["gatepass"],
                summary=ours.summary,
                description=ours.handler.__doc__ or "",
                operation_id=f"{self.name}_{ours.handler.__name__}",
                openapi_extra=self._described(ours),
                response_model=None,
                responses=_statuses(ours),
                status_code=ours.status,
            )
        paths: dict[str, Any] = shown.openapi()["paths"]
        for ours in OURS:
            if ours.media != JSON:
                answer = paths[path(self.prefix, ours)][ours.method.lower()]["responses"][str(ours.status)]
                answer["content"] = {ours.media: {"schema": {"type": "string"}}}
        return paths

    @property
    def locks(self) -> list[dict[str, list[str]]]:
        """`security` of an operation for those who are logged in: any of them will do."""
        return [{name: []} for name in self.schemes]

    @property
    def schemes(self) -> dict[str, Any]:
        """`securitySchemes`: what proves who is calling."""
        return {
            f"{self.name}Cookie": {
                "type": "apiKey",
                "in": "cookie",
                "name": self.site.cookies.name("session" if self.mode == "session" else "access"),
                "description": "Set by the login. In development the port of the address is part of the name.",
            },
            f"{self.name}Bearer": {
                "type": "http",
                "scheme": "bearer",
                "description": 'What a login with transport="bearer" returns as `access_token`.',
            },
        }


async def _shown() -> None:
    """Stands for a route of ours where only its description counts."""


class _Documented:
    """*openapi*, with the one scheme of our dependencies replaced by what it stands for: a cookie or a bearer token."""

    def __init__(self, openapi: Callable[[], dict[str, Any]], auth: Gatepass) -> None:
        self.openapi = openapi
        self.auth = auth

    def __call__(self) -> dict[str, Any]:
        document = self.openapi()
        document.setdefault("paths", {}).update(self.auth.paths)
        schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
        _ = schemes.pop(SCHEME, None)
        schemes.update(self.auth.schemes)
        for operation in _operations(document):
            locks = operation.get("security", [])
            if {SCHEME: []} in locks:
                operation["security"] = self.auth.locks + [lock for lock in locks if lock != {SCHEME: []}]
        return document


def _statuses(ours: Ours) -> dict[int | str, dict[str, Any]]:
    problem = {"application/problem+json": {"schema": {"type": "object"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": problem} for status in ours.refusals}


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        operation
        for item in document.get("paths", {}).values()
        for operation in item.values()
        if isinstance(operation, dict)
    ]
