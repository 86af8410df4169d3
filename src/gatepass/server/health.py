"""What machines ask: whether it runs, whether it can answer, and what this server is (RFC 8414)."""

from secrets import token_hex
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request

from gatepass.core.flow import Flow, Once, ask
from gatepass.errors import NotFound
from gatepass.server.parts import Parts, parts
from gatepass.server.refusals import refused

router = APIRouter(tags=["server"])

#: Seconds for which what was written to find out is kept. It is removed with all else that is past its time.
_KEPT: Final = 60


def written(found: Parts, key: str | None = None) -> Flow[None]:
    """Return if the store takes a write: who cannot log anybody in can read all the same.

    Args:
        found: The parts of the server.
        key: What is written; default: what nobody has written before. If it is there already, nothing is written, and
            the lock for it was free.

    Raises:
        StoreError: It takes none.
    """
    _ = yield from ask(Once(f"written: {key or token_hex(8)}", found.now() + _KEPT))


@router.get("/healthz", responses=refused(421))
async def healthz() -> dict[str, str]:
    """Whether the process runs."""
    return {"status": "ok"}


@router.get("/readyz", responses=refused(421, 503))
async def readyz(request: Request) -> dict[str, Any]:
    """Whether it can answer: 503 while the store is out of reach or takes no write, or the keys cannot be read.

    `revoked_credentials_live_at_most` is how many seconds a credential is still accepted after it was revoked.
    """
    found = parts(request)
    _ = found.auth.ring
    # Once a second at most: anybody may ask.
    await found.ask(written(found, str(found.now())))
    return {"status": "ready", "revoked_credentials_live_at_most": 0}


@router.get("/.well-known/oauth-authorization-server", responses=refused(404, 421))
async def metadata(request: Request) -> dict[str, str]:
    """What there is here, and nothing else. 404 where no public address is set: an issuer is an address."""
    place = request.scope["gatepass"].carried.serve()
    issuer = parts(request).settings.issuer
    if issuer is None:
        raise NotFound
    return {"issuer": issuer, "jwks_uri": f"{place.address.origin}{place.base}/.well-known/jwks.json"}
