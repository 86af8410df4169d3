"""`/docs`: what this server answers, from its own OpenAPI document. FastAPI's page loads scripts from elsewhere."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gatepass.errors import ConfigurationError, GatepassError
from gatepass.server.templates import page

router = APIRouter(include_in_schema=False)

#: What a JSON type is called.
_KINDS: Final = {
    "string": "a text",
    "boolean": "true or false",
    "integer": "a whole number",
    "array": "a list",
    "object": "an object",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """What a route reads."""

    name: str
    #: `body`, `path` or `query`.
    place: str
    kind: str
    needed: bool
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    said: str
    #: Whether it is for those who are signed in.
    guarded: bool
    fields: tuple[Field, ...]
    #: The statuses of its answers, with their names.
    answers: tuple[tuple[int, str], ...]

    @property
    def anchor(self) -> str:
        """Where it is on the page."""
        return "-".join((self.method.lower(), *(part.strip("{}.") for part in self.path.split("/") if part)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A code that a refusal may have."""

    status: int
    code: str
    said: str


@router.get("/docs")
async def docs(request: Request) -> Response:
    """Every route, in words."""
    found = tuple(operations(request.app.openapi()))
    return page(request, "docs.html", operations=found, refusals=refusals())


def operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    """What an OpenAPI document says, route by route."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield Operation(
                method=method.upper(),
                path=path,
                said=operation.get("description") or operation["summary"],
                guarded=bool(operation.get("security")),
                fields=tuple(_fields(document, operation)),
                answers=tuple((int(status), HTTPStatus(int(status)).phrase) for status in operation["responses"]),
            )


def refusals() -> tuple[Refusal, ...]:
    """Every code that an answer may have."""
    found = {error.code: Refusal(status=error.status, code=error.code, said=error.sentence) for error in _errors()}
    return tuple(sorted(found.values(), key=lambda refusal: (refusal.status, refusal.code)))


def _errors(above: type[GatepassError] = GatepassError) -> Iterator[type[GatepassError]]:
    for error in above.__subclasses__():
        # A branch has no code of its own, and a setting that cannot be is told to the operator, by no answer.
        if "code" in vars(error) and error is not ConfigurationError:
            yield error
        yield from _errors(error)


def _fields(document: Mapping[str, Any], operation: Mapping[str, Any]) -> Iterator[Field]:
    for parameter in operation.get("parameters", ()):
        yield Field(
            name=parameter["name"],
            place=parameter["in"],
            kind=_kind(parameter["schema"]),
            needed=parameter.get("required", False),
            said=parameter.get("description", ""),
        )
    for content in operation.get("requestBody", {}).get("content", {}).values():
        schema = _resolved(document, content["schema"])
        for name, said in schema.get("properties", {}).items():
            yield Field(
                name=name,
                place="body",
                kind=_kind(said),
                needed=name in schema.get("required", ()),
                said=said.get("description", ""),
            )


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    name = schema.get("$ref", "").removeprefix("#/components/schemas/")
    found: Mapping[str, Any] = document["components"]["schemas"][name] if name else schema
    return found


def _kind(schema: Mapping[str, Any]) -> str:
    """What a value has to be, and what it is where nothing is said."""
    choices = [part for part in schema.get("anyOf", (schema,)) if part.get("type") != "null"]
    said = " or ".join(
        " or ".join(f"`{word}`" for word in part["enum"]) if "enum" in part else _KINDS[part["type"]]
        for part in choices
    )
    default = schema.get("default")
    if default is None:
        return said
    return f"{said}; without it `{str(default).lower() if isinstance(default, bool) else default}`"
