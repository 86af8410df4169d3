"""Cookies: which of those that a request carries are ours, and how ours are set.

The names are compared byte for byte and nothing is unquoted: our values need no quotes, so a quoted one is not ours.
What a lenient parser would trim or decode is how a cookie that a browser kept out comes in again.
Sources: RFC 6265bis sections 4.1.3 and 5.7; ASVS 3.3.1 to 3.3.5; CVE-2024-7592.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from gatepass.errors import ConfigurationError, CredentialsAmbiguous

Purpose: TypeAlias = Literal["session", "access", "refresh"]
PURPOSES: Final[tuple[Purpose, ...]] = ("session", "access", "refresh")
#: What a cookie of ours is for: to carry a credential, or to make a device known again to a throttle.
Named: TypeAlias = Purpose | Literal["device"]

#: Octets of name and value together; browsers drop a cookie that has more (RFC 6265bis section 5.7).
MOST: Final = 4_096

_SPACE: Final = b" \t"


@dataclass(frozen=True, slots=True)
class Cookies:
    """The names and attributes of our cookies at one address.

    Args:
        stem: The part of the names that tells applications on one host apart.
        port: Of the address in development, http on loopback, where cookies have neither prefix nor `Secure` and the
            port is in their names because cookies do not know ports; None where the address is https.
        path: The public path that the refresh cookie is limited to.
    """

    stem: str
    port: int | None
    path: str
    _purposes: dict[bytes, Purpose] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_purposes", {self.name(purpose).encode(): purpose for purpose in PURPOSES})

    def name(self, purpose: Named) -> str:
        """The name of the cookie of this purpose. A browser refuses a prefixed one without what the prefix says."""
        if self.port is not None:
            return f"{self.stem}-dev-{self.port}-{purpose}"
        prefix = "__Secure-" if purpose == "refresh" else "__Host-"
        return f"{prefix}{self.stem}-{purpose}"

    def set(self, purpose: Named, value: str, *, max_age: int | None) -> str:
        """The `Set-Cookie` that hands *value* to the browser.

        Args:
            purpose: What it is for.
            value: A credential as the gate issued it.
            max_age: Seconds; None for a cookie that goes when the browser is closed.

        Raises:
            ConfigurationError: The browser would drop it for its size.
        """
        name = self.name(purpose)
        if len(name) + len(value) > MOST:
            raise ConfigurationError(
                cause=f"the {purpose} cookie would have {len(name) + len(value)} octets, and browsers keep {MOST}",
                fix="Carry fewer roles and claims in the token.",
                source="login(roles=..., claims=...)",
            )
        lasting = "" if max_age is None else f"; Max-Age={max_age}"
        return f"{name}={value}{lasting}{self._attributes(purpose)}"

    def clear(self, purpose: Purpose) -> str:
        """The `Set-Cookie` that takes it away again, with the attributes that set it."""
        return f"{self.name(purpose)}=; Max-Age=0{self._attributes(purpose)}"

    def _attributes(self, purpose: Named) -> str:
        secure = "" if self.port is not None else "; Secure"
        if purpose == "refresh":
            return f"; Path={self.path}; HttpOnly; SameSite=Strict{secure}"
        return f"; Path=/; HttpOnly; SameSite=Lax{secure}"

    def read(self, headers: Iterable[bytes]) -> dict[Purpose, str]:
        """Our cookies among those of a request.

        Args:
            headers: The values of its `Cookie` headers; HTTP/2 may send several.

        Raises:
            CredentialsAmbiguous: One of ours is there twice.
        """
        found: dict[Purpose, str] = {}
        for header in headers:
            for pair in header.split(b";"):
                name, equals, value = pair.partition(b"=")
                # Exactly the white space that a browser puts there, on the left; anything else is part of the name.
                purpose = self._purposes.get(name.lstrip(_SPACE))
                if purpose is None or not equals:
                    continue
                if purpose in found:
                    raise CredentialsAmbiguous
                found[purpose] = value.rstrip(_SPACE).decode("latin-1")
        return found


def one(carried: dict[Purpose, str]) -> tuple[Purpose, str] | None:
    """The credential that a check goes by, of the cookies of a request.

    Raises:
        CredentialsAmbiguous: There are two.
    """
    session, access = carried.get("session"), carried.get("access")
    if session is not None and access is not None:
        raise CredentialsAmbiguous
    if session is not None:
        return "session", session
    return None if access is None else ("access", access)
