"""gatepass for FastAPI: that of Starlette, with dependencies, and with our routes in the OpenAPI document.

auth = Gatepass(app, mode="hybrid")

@app.get("/me")
async def me(who: CurrentIdentity): ...
"""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from copy import deepcopy
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
from gatepass.starlette.routes import HTML, OURS, Ours, path
from gatepass.web.bodies import FORM, JSON
from gatepass.web.schemas import COMPONENTS, FIELDS, ref

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

    def __init__(self, auth: "Gatepass | None" = None) -> None:
        self.model = HTTPBearerModel()
        self.auth = auth
        self.scheme_name = SCHEME if auth is None else auth.scheme


class _Current(_Guard):
    """Who is calling: what `CurrentIdentity` stands for, and the key for it in `app.dependency_overrides`."""

    __name__ = "identity"  # of the verb that it is, too

    async def __call__(self, connection: HTTPConnection) -> Identity:
        """Who is calling.

        Args:
            connection: The request, or the WebSocket.

        Raises:
            CredentialError: Nobody who could prove it: 401.
            CredentialsAmbiguous, CsrfRefused: It is not safe to say: 400, 403.
            StoreError: It cannot be known now: 503.
        """
        return await _caller(connection, self.auth).identity(connection)


class _Maybe(_Guard):
    """Who is calling, or None: what `MaybeIdentity` stands for, and the key for it in `app.dependency_overrides`."""

    __name__ = "maybe"  # of the verb that it is, too

    async def __call__(self, connection: HTTPConnection) -> Identity | None:
        """Who is calling; None where there is no good credential.

        Args:
            connection: The request, or the WebSocket.

        Raises:
            ExpiredCredential: The token of an access cookie has ended: it is somebody, who has to renew it first. A
                page load is led to do so, `gatepass.js` does it and asks again, others are answered 401.
            CredentialsAmbiguous, CsrfRefused: It is not safe to say: 400, 403.
            StoreError: It cannot be known now: 503.
        """
        return await _caller(connection, self.auth).maybe(connection)


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


def _caller(connection: HTTPConnection, auth: "Gatepass | None" = None) -> Caller:
    if auth is not None:
        return auth.caller(connection)
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

    Its value is their `Identity`. What stands for it in `app.dependency_overrides` is its own `dependency`.

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
        around = app.router.lifespan_context

        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[Any]:
            self._document(app)  # an `openapi` of the application's own may have come since
            async with around(app) as state:
                yield state

        app.router.lifespan_context = lifespan

    def install_errors(self, app: Starlette) -> None:
        """As for Starlette. The OpenAPI document of *app* is told of the locks, too, if it has one."""
        super().install_errors(app)
        if isinstance(app, FastAPI):
            self._document(app)

    @cached_property
    def identity(self) -> _Current:  # pyright: ignore[reportIncompatibleMethodOverride]  # called as the method is
        """Who is calling: a verb, and as `Depends(auth.identity)` a dependency that asks this gate and no other."""
        return _Current(self)

    @cached_property
    def maybe(self) -> _Maybe:  # pyright: ignore[reportIncompatibleMethodOverride]  # called as the method is
        """As `identity`; None where there is no good credential."""
        return _Maybe(self)

    @property
    def scheme(self) -> str:
        """The name under which its own dependencies enter the OpenAPI document, as `SCHEME` is that of the others."""
        return f"{SCHEME}.{self.name}"

    def _document(self, app: FastAPI) -> None:
        found = app.openapi
        while isinstance(found, _Documented):
            if found.auth is self:
                return
            found = found.openapi
        app.openapi = _Documented(app, self)  # type: ignore[method-assign]

    def _described(self, ours: Ours) -> dict[str, Any]:
        """What the OpenAPI document says of a route of ours besides its name."""
        described: dict[str, Any] = {"security": self.locks} if ours.guarded else {}
        bodies = {media: _fields(names) for media, names in ((JSON, ours.fields), (FORM, ours.form)) if names}
        if bodies:
            described["requestBody"] = {"required": False, "content": bodies}
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
            answers = paths[path(self.prefix, ours)][ours.method.lower()]["responses"]
            if ours.answers or ours.media != JSON:
                schema = ref(ours.answers) if ours.answers else {"type": "string"}
                answers[str(ours.status)]["content"] = {ours.media: {"schema": schema}}
            if ours.form:  # a person sent it: what they are answered is a page, or leads to one
                answers["401"]["content"][HTML] = {"schema": {"type": "string"}}
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
    """The `openapi` of *app*, with our routes, and with our dependencies' schemes replaced by what they stand for."""

    def __init__(self, app: FastAPI, auth: Gatepass) -> None:
        self.openapi: Callable[[], dict[str, Any]] = app.openapi
        self.auth = auth
        self._app = app

    def __call__(self) -> dict[str, Any]:
        document = self.openapi()
        gates = [middleware.kwargs.get("auth") for middleware in self._app.user_middleware]
        installed = self.auth in gates
        # A mounted application has our locks, and not our routes. `CurrentIdentity` asks the innermost gate: it may
        # have one of its own.
        ours = {self.auth.scheme}
        if installed or not any(isinstance(gate, Gatepass) for gate in gates):
            ours.add(SCHEME)
        paths = document.setdefault("paths", {})
        components = document.setdefault("components", {})
        if installed:
            paths.update(self.auth.paths)
            components.setdefault("schemas", {}).update(deepcopy(COMPONENTS))  # whoever changes theirs changes no other
        schemes = components.setdefault("securitySchemes", {})
        for name in ours:
            _ = schemes.pop(name, None)
        schemes.update(self.auth.schemes)
        for operation in (*_operations(paths), *_operations(document.get("webhooks", {}))):
            locks = operation.get("security", [])
            others = [lock for lock in locks if not ours & lock.keys()]
            if len(others) != len(locks):
                operation["security"] = self.auth.locks + others
        return document


def _fields(names: tuple[str, ...]) -> dict[str, Any]:
    properties = {name: FIELDS[name] for name in names}
    return {"schema": {"type": "object", "properties": properties, "additionalProperties": False}}


def _statuses(ours: Ours) -> dict[int | str, dict[str, Any]]:
    problem = {"application/problem+json": {"schema": ref("GatepassProblem")}}
    found: dict[int | str, dict[str, Any]] = {
        status: {"description": HTTPStatus(status).phrase, "content": dict(problem)} for status in ours.refusals
    }
    if ours.form:
        where = {"required": True, "schema": {"type": "string"}}
        found[303] = {"description": "After a form: to `next`, or to the login.", "headers": {"Location": where}}
    return found


def _operations(paths: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All of *paths*, which may be webhooks, and those of their callbacks."""
    for item in paths.values():
        for operation in item.values():
            if isinstance(operation, dict):
                yield operation
                for callback in operation.get("callbacks", {}).values():
                    yield from _operations(callback)
