"""Pages from templates: no script is needed, nothing comes from elsewhere, and nobody else may frame them."""

import re
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gatepass.server import words
from gatepass.starlette import Caller, device

#: ASVS 3.4.3.
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'"
)


def _code(text: str) -> Markup:
    """*text*, with what stands between backticks set as code."""
    # What `escape` made holds no markup, and neither do the marks that are put into it.
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704


_environment: Final = Environment(
    loader=PackageLoader("gatepass.server"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters.update(
    active=words.active,
    code=_code,
    device=lambda row: device(row.client.user_agent)["name"],
    exact=words.exact,
    expires=words.expires,
    iso=words.iso,
    over=words.over,
    over_at=words.over_at,
    precision=words.precision,
    relative=words.relative,
    sentence=words.sentence,
)
_environment.globals.update(KEPT=words.KEPT, KINDS=words.KINDS, same_network=words.same_network)


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> Response:
    """*template*, filled.

    The CSRF token is for browsers so old that they do not say where a form comes from. A request that was refused
    before anybody asked who it is has none.
    """
    caller: Caller | None = request.scope.get("gatepass")
    html = _environment.get_template(template).render(
        csrf_token=None if caller is None else caller.csrf_token(),
        base=request.scope.get("root_path", "") if caller is None else caller.base,
        **context,
    )
    # The forms are checked by where they come from: some browsers let `no-referrer` make that `null`.
    return HTMLResponse(html, status, {"Content-Security-Policy": _POLICY, "Referrer-Policy": "same-origin"})
