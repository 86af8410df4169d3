"""The address of an application: which hosts are served, whose pages may call, and what its cookies are called."""

import logging
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from gatepass.core.cookies import Cookies
from gatepass.core.origin import local
from gatepass.errors import ConfigurationError, HostUnknown
from gatepass.web.address import Address, address, requested

logger: Final = logging.getLogger("gatepass.web")

#: What may be part of a cookie's name, and short enough to leave room for its value.
_STEM: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")

#: Places of development that are kept made up. More hosts than these ask for work, not for memory.
_PLACES: Final = 64


@dataclass(frozen=True, slots=True)
class Place:
    """The application at one address."""

    address: Address
    #: The public path in front of the routes of the application.
    base: str
    #: The public path of our own routes.
    prefix: str
    cookies: Cookies
    #: The origins whose pages may call.
    allowed: frozenset[str]


class Site:
    """Where an application is reached.

    Args:
        stem: The name of the gate, part of the names of its cookies.
        issuer: The public address; None in development, where every name of loopback will do.
        origins: Further origins whose pages may call.
        prefix: The path of our own routes.

    Raises:
        ConfigurationError: One of them cannot be.
    """

    def __init__(self, *, stem: str, issuer: str | None, origins: Collection[str], prefix: str) -> None:
        if not _STEM.fullmatch(stem):
            raise ConfigurationError(
                cause=f"{stem[:40]!r} cannot be part of the name of a cookie",
                fix="Give a name of at most 40 letters, digits, - and _.",
                source="Gatepass(name=...)",
            )
        if not prefix.startswith("/") or prefix.endswith("/") or local(prefix) is None or re.search("[;{}?#]", prefix):
            raise ConfigurationError(
                cause=f"{prefix[:40]!r} is no path to put routes under",
                fix="Give one such as /auth.",
                source="Gatepass(prefix=...)",
            )
        if isinstance(origins, str):
            raise ConfigurationError(
                cause="origins is one text", fix="Give a list of them.", source="Gatepass(origins=...)"
            )
        self._stem = stem
        self._prefix = prefix
        self._public = None if issuer is None else address(issuer, "Gatepass(issuer=...)")
        self._origins = frozenset(_origin(origin) for origin in origins)
        served = [origin.partition("://")[2] for origin in self._origins]
        self._hosts = frozenset(served if self._public is None else [self._public.netloc, *served])
        #: The one place that there is, where the public address is known.
        self.fixed = None if self._public is None else self._place(self._public, self._public.path)
        self._places: dict[tuple[str, str, str], Place] = {}
        #: Whether issuer and path of the application have been found to differ.
        self._compared = False

    @property
    def origins(self) -> frozenset[str]:
        """Further origins whose pages may call: the CORS list."""
        return self._origins

    @property
    def cookies(self) -> Cookies:
        """What the cookies are called; in development at port 8000, since there the port is part of the name."""
        return Cookies(self._stem, 8_000, self._prefix) if self.fixed is None else self.fixed.cookies

    @property
    def secure(self) -> bool:
        """Whether the public address is https."""
        return self._public is not None and self._public.scheme == "https"

    def find(self, scheme: str, hosts: Sequence[str], root_path: str) -> Place | None:
        """The place that a request reached; None where no cookie of ours can be.

        Args:
            scheme: Of the request, as the server saw it.
            hosts: Its `Host` headers.
            root_path: The path that the application is mounted at.
        """
        if self.fixed is not None:
            return self.fixed
        if len(hosts) != 1:
            return None
        key = (scheme, hosts[0], root_path)
        place = self._places.get(key)
        if place is None:
            reached = requested(scheme, hosts)
            if reached is None or not reached.loopback:
                return None
            place = self._place(reached, root_path)
            if len(self._places) < _PLACES:
                self._places[key] = place
        return place

    def serve(self, scheme: str, hosts: Sequence[str], root_path: str) -> Place:
        """As `find`, where the name of the host matters: for our own routes, and before a cookie is set.

        Raises:
            HostUnknown: It is none of ours.
        """
        place = self.find(scheme, hosts, root_path)
        if place is None:
            raise HostUnknown
        if self._public is not None:
            self._compare(self._public, root_path.rstrip("/"))
            reached = requested(self._public.scheme, hosts)
            if reached is None or reached.netloc not in self._hosts:
                raise HostUnknown
        return place

    def _compare(self, public: Address, root_path: str) -> None:
        """Say once that the issuer knows nothing of the path that the application lies at.

        A proxy may take that path off again, so this is no refusal. Else the refresh cookie never comes back.
        """
        if self._compared or public.path.endswith(root_path):
            return
        self._compared = True
        logger.warning(
            "the application lies at %r, and issuer %s%s does not end with that: the refresh cookie goes to %s only,"
            " redirects lead below %s/. Write the path into issuer=, unless a proxy takes it off",
            root_path[:40], public.origin, public.path, public.path + self._prefix, public.path,
        )  # fmt: skip

    def _place(self, reached: Address, base: str) -> Place:
        # Where an application is mounted under a path with a parameter, a stranger chooses it: it begins no attribute.
        base = base.rstrip("/") if local(base) is not None and not re.search("[;?#]", base) else ""
        prefix = base + self._prefix
        port = reached.port if reached.scheme == "http" else None
        return Place(
            address=reached,
            base=base,
            prefix=prefix,
            cookies=Cookies(self._stem, port, prefix),
            allowed=self._origins | {reached.origin},
        )


def _origin(text: str) -> str:
    found = address(text, "Gatepass(origins=...)")
    if found.path or found.origin != text:
        raise ConfigurationError(
            cause=f"{text[:100]!r} is no origin",
            fix=f"Give it as browsers spell it: {found.origin}",
            source="Gatepass(origins=...)",
        )
    return text
