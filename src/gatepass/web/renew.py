"""The page between a page load whose access token has ended and the page itself.

No GET changes anything, so the exchange is a POST: this page makes it, by its script or by its button.
"""

import base64
import hashlib
from html import escape
from typing import Final

from gatepass.web.answers import CHALLENGE, GUARD, Answer

#: The fragment stays in the browser: a redirect without one keeps that of the address that it answers.
_SCRIPT: Final = "const form=document.forms[0];form.action+=location.hash;form.submit()"
_STYLE: Final = (
    ":root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}"
    "body{display:grid;min-height:90vh;place-content:center;text-align:center;margin:0 1rem}"
    "button{font:inherit;padding:.5rem 1.5rem}"
)


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


_POLICY: Final = (
    f"default-src 'none'; script-src {_hash(_SCRIPT)}; style-src {_hash(_STYLE)}; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'"
)


def _page(title: str, content: str, status: int) -> Answer:
    html = (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n{content}\n</html>\n"
    )
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        **GUARD,
        "Content-Security-Policy": _POLICY,
        # The form is checked by where it comes from: some browsers let `no-referrer` make that `null`.
        "Referrer-Policy": "same-origin",
    }
    return Answer(status, headers, html.encode())


def renewing(action: str, back: str, csrf_token: str | None) -> Answer:
    """The page that renews.

    Args:
        action: The public path of the refresh route.
        back: The local path to go on to.
        csrf_token: For browsers that do not say where a form comes from; None where no session is known.
    """
    token = "" if csrf_token is None else f'<input type="hidden" name="csrf_token" value="{escape(csrf_token)}">'
    return _page(
        "One moment",
        f'<main><h1>Welcome back</h1><form method="post" action="{escape(action)}">{token}'
        f'<input type="hidden" name="next" value="{escape(back)}"><button>Continue</button></form></main>\n'
        f"<script>{_SCRIPT}</script>",
        200,
    )


def over() -> Answer:
    """The page that says that the session cannot be renewed, where no login page was named."""
    status, headers, body = _page(
        "Signed out", "<main><h1>Signed out</h1><p>You are signed out. Please log in again.</p></main>", 401
    )
    return Answer(status, {**headers, "WWW-Authenticate": CHALLENGE}, body)
