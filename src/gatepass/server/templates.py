"""Pages from templates: no script is needed, nothing comes from elsewhere, and nobody else may frame them."""

from datetime import UTC, datetime
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gatepass.starlette import device

#: ASVS 3.4.3.
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'"
)

_environment: Final = Environment(
    loader=PackageLoader("gatepass.server"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_environment.filters["device"] = lambda session: device(session.client.user_agent)
_environment.filters["exact"] = lambda second: datetime.fromtimestamp(second, UTC).strftime("%d %b %Y, %H:%M:%S UTC")
_environment.filters["iso"] = lambda second: datetime.fromtimestamp(second, UTC).isoformat()


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> Response:
    """*template*, filled.

    The CSRF token is for browsers so old that they do not say where a form comes from.
    """
    auth = request.app.state.gatepass
    html = _environment.get_template(template).render(
        csrf_token=auth.csrf_token(request), base=request.scope["gatepass"].base, **context
    )
    # The forms are checked by where they come from: some browsers let `no-referrer` make that `null`.
    return HTMLResponse(html, status, {"Content-Security-Policy": _POLICY, "Referrer-Policy": "same-origin"})
