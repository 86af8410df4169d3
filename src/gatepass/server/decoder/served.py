"""`/decoder`: the page, as the file that it is."""

import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

router = APIRouter(include_in_schema=False)

#: What a page cannot say of itself, and only its server can: who frames it, and that it runs as nobody, with scripts
#: and downloads and nothing else (CSP 3, sections 6.4.2 and 6.3.2).
_ONLY_A_SERVER: Final = "frame-ancestors 'none'; sandbox allow-scripts allow-downloads"
_POLICY: Final = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">')


class File(NamedTuple):
    """The page as it is sent."""

    body: bytes
    headers: dict[str, str]


@router.get("/decoder")
def decoder(request: Request) -> Response:
    """The page, or that it is still the same."""
    page = file()
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if page.headers["ETag"] in known:
        return Response(status_code=304, headers=page.headers)
    return Response(page.body, headers=page.headers, media_type="text/html")


@cache
def file() -> File:
    """The page: as the package holds it, or, in a clone, put together from its sources."""
    built = files("gatepass.server.decoder").joinpath("decoder.html")
    body = built.read_bytes() if built.is_file() else _from_sources()
    found = _POLICY.search(body.decode())
    assert found is not None  # noqa: S101  the builder has put it there
    headers = {
        "Cache-Control": "no-cache",  # asked about before each use: it changes with the version of the server
        "Content-Security-Policy": f"{found[1]}; {_ONLY_A_SERVER}",
        "ETag": f'"{hashlib.sha256(body).hexdigest()}"',
        "Referrer-Policy": "no-referrer",
    }
    return File(body, headers)


def _from_sources() -> bytes:
    from gatepass.server.decoder.builder import build  # noqa: PLC0415  the package has no sources to build from

    return build().encode()
