"""Where a request comes from: the check against cross-site request forgery, and which paths are ours.

Browsers say with each request whose page made it (Fetch Metadata, `Origin`); programs say nothing, and carry no cookie
of somebody else. Sources: OWASP CSRF cheat sheet; ASVS 3.5.1 to 3.5.3; docs/cookies-and-csrf.md tells it at length.
"""

import hmac
import re
from collections.abc import Collection, Sequence
from typing import Final

from gatepass.core.opaque import encode
from gatepass.errors import CsrfRefused

#: Methods that change nothing (RFC 9110 section 9.2.1).
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

_LOCAL_PATH: Final = re.compile(r"/(?![/\\])[!-\[\]-~]*")
#: Characters of the longest path that is gone back to.
MOST_PATH: Final = 2_048


def doubtful(
    *,
    sites: Sequence[str],
    origins: Sequence[str],
    allowed: Collection[str],
    ours: bool,
) -> bool:
    """Whether a request that would act with the rights of a cookie, or set one, has yet to show a CSRF token.

    Most do not: their headers say that they are good, or that they are not.

    Args:
        sites: The values of its `Sec-Fetch-Site` headers.
        origins: The values of its `Origin` headers.
        allowed: The origins whose pages may call.
        ours: Whether it carries one of our cookies.

    Raises:
        CsrfRefused: It comes from somewhere else.
    """
    if len(sites) > 1 or len(origins) > 1:
        raise CsrfRefused("origin")
    if sites == ["same-origin"]:
        return False
    if origins:
        if origins[0] in allowed:
            return False
        raise CsrfRefused("origin")
    if sites:
        raise CsrfRefused("site")
    # No browser of this decade. A program without one of our cookies has nobody's rights but its own.
    return ours


# -- the token ---------------------------------------------------------------------------------------------------------


def csrf_token(key: bytes, session_id: str) -> str:
    """The token that a page of ours can send along, and that says which session the page was made for.

    Args:
        key: 32 bytes, for this purpose only.
        session_id: Of the session; lengths go first, so that no two inputs are spelled alike.
    """
    name = session_id.encode()
    return encode(hmac.digest(key, len(name).to_bytes(4) + name, "sha256"))


def belongs(token: str, session_id: str, keys: Collection[bytes]) -> bool:
    """Whether *token* was made for this session under one of *keys*; compared in constant time."""
    said = token.encode("utf-8", "replace")
    # No early way out: which key it was is nobody's business.
    return any([hmac.compare_digest(csrf_token(key, session_id).encode(), said) for key in keys])  # noqa: C419


# -- paths -------------------------------------------------------------------------------------------------------------


def local(path: str | None) -> str | None:
    r"""*path* if it leads to this application and nowhere else, else None: no redirect of ours leads away.

    One slash, then printable ASCII without a backslash: `//host` and `/\\host` are other hosts to a browser.
    """
    if path is None or len(path) > MOST_PATH or not _LOCAL_PATH.fullmatch(path):
        return None
    return path
