"""Addresses of applications: scheme, host and port as browsers spell them, and which of them are this machine."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from gatepass.core.origin import local
from gatepass.errors import ConfigurationError

#: Names of this machine. `testserver` is where test clients of Starlette say that they are; no public name has one
#: label only.
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1", "testserver"})
#: What a `Host` header may be (RFC 9110 section 7.2): a name or an address, and a port. `urlsplit` takes more for one.
_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[A-Fa-f0-9.:]+\])(?::[0-9]*)?")
MOST_HOST: Final = 255


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
        # `urlsplit` drops line ends before it looks.
        clean = re.fullmatch("[!-:<-~]+", url) and not parts.query and not parts.fragment and _plain(parts)
        found = _address(parts) if clean else None
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
    if len(hosts) != 1 or len(hosts[0]) > MOST_HOST or not _HOST.fullmatch(hosts[0]):
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
