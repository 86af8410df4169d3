"""The key ring: what signs, what still verifies, and the roots from which keys of other purposes are derived."""

from dataclasses import dataclass, field
from typing import Final, Never

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gatepass.core.keys import MAX_KID, Key, KeySet
from gatepass.errors import ConfigurationError

ROOT_SIZE: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A secret that is never used itself: each purpose gets a key of its own, derived from it under a label."""

    kid: str
    secret: bytes = field(repr=False)
    #: Second since the epoch.
    created_at: int

    def __post_init__(self) -> None:
        if type(self.kid) is not str or not 0 < len(self.kid) <= MAX_KID or type(self.created_at) is not int:
            raise ConfigurationError(
                cause="the name or the date of a root secret is not what it should be",
                fix=f"Give a text of 1 to {MAX_KID} characters and a whole second.",
                source="Root(kid=..., created_at=...)",
            )
        if type(self.secret) is not bytes or len(self.secret) != ROOT_SIZE or len(set(self.secret)) == 1:
            raise ConfigurationError(
                cause=f"the root secret {self.kid!r} is not {ROOT_SIZE} random bytes",
                fix="Make one with secrets.token_bytes(32).",
                source="Root(secret=...)",
            )

    def derive(self, label: str) -> bytes:
        """The key of one purpose, 32 bytes: HKDF-SHA256 (RFC 5869) under *label*."""
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"gatepass {label}".encode()).derive(self.secret)

    def __reduce__(self) -> Never:
        raise TypeError("a root secret is not pickled: it would be written down in the clear")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KeyRing:
    """One key that signs, further keys that verify, and the roots, newest first.

    Further keys are older ones whose tokens are still alive, and one that is published ahead of its use.

    Raises:
        ConfigurationError: The signing key cannot sign or can be guessed, names repeat, or there is no root.
    """

    signing: Key
    others: tuple[Key, ...] = ()
    roots: tuple[Root, ...]
    #: All that verify, the signing key first.
    keys: KeySet = field(init=False, repr=False)
    #: The keys of CSRF tokens, the newest first: pages made before a rotation are still open.
    csrf: tuple[bytes, ...] = field(init=False, repr=False)
    #: The keys of device cookies, the newest first.
    device: tuple[bytes, ...] = field(init=False, repr=False)
    _refresh: dict[str, bytes] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.signing.can_sign:
            raise _refused(f"the signing key {self.signing.kid!r} is a public one", "Give the private key.")
        for key in (self.signing, *self.others):
            if key.weakness:
                raise _refused(key.weakness, "Make one with keys.generate('HS256').")
        refresh = {root.kid: root.derive("refresh") for root in self.roots}
        if not refresh:
            raise _refused("the ring has no root secret", "Make a ring with keys.new_ring(now=...).")
        if len(refresh) != len(self.roots):
            raise _refused("two root secrets have one name", "Give each its own kid.")
        object.__setattr__(self, "keys", KeySet((self.signing, *self.others), source="KeyRing(...)"))
        object.__setattr__(self, "csrf", tuple(root.derive("csrf") for root in self.roots))
        object.__setattr__(self, "device", tuple(root.derive("device") for root in self.roots))
        object.__setattr__(self, "_refresh", refresh)

    @property
    def refresh_kid(self) -> str:
        """The root under which a new session is born: the newest."""
        return self.roots[0].kid

    def refresh_key(self, kid: str) -> bytes | None:
        """The key of refresh secrets under this root, or None: another node may hold it."""
        return self._refresh.get(kid)

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """What other services may know: the public parts, as a JWK Set. A secret has none and is left out."""
        return {"keys": [key.to_jwk() for key in self.keys if not key.symmetric]}

    def rotated(self, new_key: Key, new_root: Root) -> "KeyRing":
        """The ring that signs with *new_key*; all that was here goes on verifying.

        Raises:
            ConfigurationError: The new parts do not go with the old ones.
        """
        return KeyRing(signing=new_key, others=(self.signing, *self.others), roots=(new_root, *self.roots))

    def __reduce__(self) -> Never:
        raise TypeError("a key ring is not pickled: it would be written down in the clear")


def _refused(cause: str, fix: str) -> ConfigurationError:
    return ConfigurationError(cause=cause, fix=fix, source="KeyRing(...)")
