"""Where a request comes from: the check against cross-site request forgery, and which hosts and paths are ours.

Browsers say with each request whose page made it (Fetch Metadata, `Origin`); programs say nothing, and carry no cookie
of somebody else. Sources: OWASP CSRF cheat sheet; ASVS 3.5.1 to 3.5.3; docs/cookies-and-csrf.md tells it at length.
"""

import hmac
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from gatepass.core.opaque import encode
from gatepass.errors import ConfigurationError, CsrfRefused

#: Methods that change nothing (RFC 9110 section 9.2.1).
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

#: Names of this machine. `testserver` is where test clients of Starlette say that they are; no public name has one
#: label only.
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1", "testserver"})

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


# -- addresses ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Address:
    """Scheme, host and port of an application, and the path below which it lies; as browsers spell them."""

    scheme: str
    host: str
    port: int
    path: str = ""

    @property
    def origin(self) -> str:
        """As in an `Origin` header: RFC 6454 section 6.2."""
        return f"{self.scheme}://{self.netloc}"

    @property
    def netloc(self) -> str:
        """Host, and port where it is not that of the scheme."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _port(self.scheme) else f"{host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether it is a name of this machine."""
        return self.host in LOOPBACK or self.host.endswith(".localhost")


def address(url: str, source: str) -> Address:
    """Read the public address of an application.

    Args:
        url: `https://app.example.com` or `https://example.com/app`; http on loopback only.
        source: What it was given as, for the sentence.

    Raises:
        ConfigurationError: It is something else.
    """
    try:
        parts = urlsplit(url)
        found = None if parts.query or parts.fragment or not _plain(parts) else _address(parts)
    except ValueError:
        found = None
    if found is None:
        raise ConfigurationError(
            cause=f"{str(url)[:100]!r} is no address of an application",
            fix="Give scheme and host in lower case, such as https://app.example.com.",
            source=source,
        )
    if found.scheme == "http" and not found.loopback:
        raise ConfigurationError(
            cause=f"{found.origin} is not https, so whoever is on the way can read the cookies",
            fix="Serve https and give that address; http is for loopback.",
            source=source,
        )
    return found


def requested(scheme: str, hosts: Sequence[str]) -> Address | None:
    """The address that a request was sent to, of its scheme and its `Host` headers; None if that is no address."""
    if len(hosts) != 1 or not re.fullmatch(r"[A-Za-z0-9._\[\]:-]{1,255}", hosts[0]):
        return None
    try:
        return _address(urlsplit(f"{scheme}://{hosts[0].lower()}"))
    except ValueError:
        return None


def _address(parts: SplitResult) -> Address | None:
    port = parts.port or _port(parts.scheme)
    if port is None or not parts.hostname or parts.hostname.endswith("."):
        return None
    return Address(parts.scheme, parts.hostname, port, parts.path.rstrip("/"))


def _plain(parts: SplitResult) -> bool:
    netloc = parts.netloc
    return "@" not in netloc and netloc == netloc.lower() and (not parts.path or local(parts.path) is not None)


def _port(scheme: str) -> int | None:
    return {"https": 443, "http": 80}.get(scheme)


def local(path: str | None) -> str | None:
    r"""*path* if it leads to this application and nowhere else, else None: no redirect of ours leads away.

    One slash, then printable ASCII without a backslash: `//host` and `/\\host` are other hosts to a browser.
    """
    if path is None or len(path) > MOST_PATH or not _LOCAL_PATH.fullmatch(path):
        return None
    return path
