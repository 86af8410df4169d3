"""`/docs`: what this server answers, from its own OpenAPI document. FastAPI's page loads scripts from elsewhere."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gatepass.server.templates import page

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def docs(request: Request) -> Response:
    """Every route, in words."""
    return page(request, "docs.html", document=request.app.openapi())
