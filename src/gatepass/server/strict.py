"""JSON routes that read what was sent as strictly as a token: its type, its names, and nothing of it in a refusal."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from gatepass.core.strict import read_object
from gatepass.errors import FieldsInvalid, MalformedCredential, MediaTypeUnsupported
from gatepass.server.refusals import on_refusal
from gatepass.web.bodies import JSON, media_type


class Body(BaseModel):
    """What a route reads: every field of its type, and none that is unknown."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Strict(Request):
    async def json(self) -> Any:
        try:
            return read_object(await self.body())
        except MalformedCredential:
            raise FieldsInvalid({"": "this is no JSON object"}) from None


class StrictRoute(APIRoute):
    """A route of FastAPI whose body is JSON and says so (ASVS 3.5.2)."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of the route, behind what this class is for."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            if media_type(request.headers.getlist("content-type")) != JSON:
                raise MediaTypeUnsupported
            request = _Strict(request.scope, request.receive)
            _ = await request.json()  # here, where what it raises is not taken for a fault of ours
            return await handler(request)

        return handler if self.body_field is None else handle


async def on_invalid(request: Request, error: RequestValidationError) -> Response:
    """The answer to fields that are not what a route asks for, also in an address."""
    problems = {}
    for found in error.errors():
        # What was asked for has a name of ours; that of an unknown field is what was sent, and stays unsaid.
        known = found["type"] != "extra_forbidden"
        field = ".".join(str(part) for part in found["loc"][1:]) if known else ""
        problems[field] = _REASONS.get(found["type"], "this is not what is asked for")
    return await on_refusal(request, FieldsInvalid(problems))


#: In words of ours: those of the library may quote what was sent.
_REASONS: Final = {
    "bool_type": "this is true or false",
    "extra_forbidden": "there is a field that is not known here",
    "literal_error": "this is none of the words that are asked for",
    "missing": "this is needed",
    "string_type": "this is a text",
}
