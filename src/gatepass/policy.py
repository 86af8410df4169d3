"""How long things last. One place, one unit, one source for every number."""

from dataclasses import dataclass
from typing import Self

from gatepass.errors import ConfigurationError

#: A token of our own is still accepted this many seconds after its `exp`: clocks of our own nodes differ little.
LEEWAY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How long things last, in seconds where nothing else is said.

    A session keeps the lifetimes it was born under: a changed policy holds for new logins.

    Raises:
        ConfigurationError: A value is outside what can work.
    """

    #: Unused for this long, a session ends. 14 days: what Django's users are used to.
    idle: int = 14 * 86_400
    #: However much it is used, it ends after this. 90 days: our choice; `aal2` has the strict pair.
    lifetime: int = 90 * 86_400
    #: Write the time of last use back at most this often, so that reads stay reads. Our choice.
    touch_interval: int = 60
    #: The life of an access token in hybrid mode. 5 minutes: short enough that roles are fresh, long enough that a
    #: refresh is rare.
    access_ttl: int = 300
    #: The life of a token in jwt mode, where a store can revoke it. 1 hour.
    token_ttl: int = 3_600
    #: The life of a token in jwt mode without a store, where nothing can. 15 minutes.
    stateless_ttl: int = 900
    #: A refresh token that was just exchanged gets the same successor again for this long: two tabs, a lost answer.
    #: 10 seconds; 0 to 60 (a thief who is as quick gets the same successor, unseen until the next exchange).
    grace: int = 10
    #: How many live sessions a subject may have; the oldest ends when one more logs in. None: as many as they like.
    max_sessions: int | None = None

    def __post_init__(self) -> None:
        # No browser keeps a cookie for more than 400 days: RFC 6265bis section 5.5.
        self._whole("lifetime", 1, 400 * 86_400)
        self._whole("idle", 1, self.lifetime)
        self._whole("touch_interval", 0, 86_400)
        self._whole("access_ttl", 1, 86_400)
        # A token must be dead before its session's tombstone is removed, or nothing would remember the end.
        self._whole("token_ttl", 1, 30 * 86_400)
        self._whole("stateless_ttl", 1, 86_400)
        self._whole("grace", 0, 60)
        if self.max_sessions is not None:
            self._whole("max_sessions", 1, 1_000_000)

    def _whole(self, name: str, least: int, most: int) -> None:
        value = getattr(self, name)
        if type(value) is not int or not least <= value <= most:
            raise ConfigurationError(
                cause=f"{name} is {value!r}",
                fix=f"Give a whole number from {least} to {most}.",
                source=f"Policy({name}=...)",
            )

    @classmethod
    def aal2(cls) -> Self:
        """The lifetimes of NIST SP 800-63B-4 for AAL2: 1 hour idle, 24 hours in all."""
        return cls(idle=3_600, lifetime=86_400)
