"""What machines ask: whether it runs, whether it can answer, and what this server is (RFC 8414)."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request

from gatepass.core.flow import Find, ask
from gatepass.server.parts import parts
from gatepass.server.refusals import refused

router = APIRouter(tags=["server"])


@router.get("/healthz", responses=refused(421))
async def healthz() -> dict[str, str]:
    """Whether the process runs."""
    return {"status": "ok"}


@router.get("/readyz", responses=refused(421, 503))
async def readyz(request: Request) -> dict[str, Any]:
    """Whether it can answer: 503 while the store is out of reach.

    `revoked_credentials_live_at_most` is how many seconds a credential is still accepted after it was revoked.
    """
    _ = await parts(request).ask(ask(Find("readyz")))
    return {"status": "ready", "revoked_credentials_live_at_most": 0}


@router.get("/.well-known/oauth-authorization-server", responses=refused(421))
async def metadata(request: Request) -> dict[str, str]:
    """What there is here, and nothing else."""
    place = request.scope["gatepass"].carried.serve()
    issuer = parts(request).auth.gate.issuer
    return {"issuer": issuer, "jwks_uri": f"{place.address.origin}{place.base}/.well-known/jwks.json"}
