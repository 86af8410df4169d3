"""The key ring: what signs, what still verifies, and the roots from which keys of other purposes are derived."""

from collections.abc import Mapping
from dataclasses import FrozenInstanceError, dataclass, field, replace
from typing import Final, Never

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gatepass.core.keys import MAX_KID, Key, KeySet
from gatepass.core.keys.asymmetric import AsymmetricKey
from gatepass.errors import ConfigurationError

ROOT_SIZE: Final = 32

#: Seconds that whoever fetches the public keys may keep them: the `max-age` of the JWKS. Our choice.
PUBLISHED: Final = 300
#: Seconds that a root is kept after another took its place: no session lives for longer than 400 days, see `Policy`. A
#: day more, for a login that was under way and for clocks that differ.
KEEP_ROOT: Final = 401 * 86_400


def derive(secret: bytes, label: str) -> bytes:
    """The key of one purpose, 32 bytes: HKDF-SHA256 (RFC 5869) of *secret*, 32 random bytes, under *label*."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"gatepass {label}".encode()).derive(secret)


class Root:
    """A secret that is never used itself: each purpose gets a key of its own, derived from it under a label.

    It is no dataclass: what writes those out, for a log or as JSON, would write the secret.

    Attributes:
        kid: Its name, which the sessions that are born under it carry.
        created_at: Second since the epoch.
        closed: Whether only refresh secrets are derived from it. They are worth nothing without the row of their
            session; what else is derived from a root that others may have seen can be forged.
    """

    __slots__ = ("closed", "created_at", "kid", "secret")

    kid: str
    secret: bytes
    created_at: int
    closed: bool

    def __init__(self, *, kid: str, secret: bytes, created_at: int, closed: bool = False) -> None:
        """Take *secret*, 32 random bytes, for a root.

        Raises:
            ConfigurationError: It is not, or the rest is not what it should be.
        """
        named = type(kid) is str and 0 < len(kid) <= MAX_KID
        if not named or type(created_at) is not int or type(closed) is not bool:
            raise ConfigurationError(
                cause="the name or the date of a root secret is not what it should be",
                fix=f"Give a text of 1 to {MAX_KID} characters and a whole second.",
                source="Root(kid=..., created_at=...)",
            )
        if type(secret) is not bytes or len(secret) != ROOT_SIZE or len(set(secret)) == 1:
            raise ConfigurationError(
                cause=f"the root secret {kid!r} is not {ROOT_SIZE} random bytes",
                fix="Make one with secrets.token_bytes(32).",
                source="Root(secret=...)",
            )
        for name, value in (("kid", kid), ("secret", secret), ("created_at", created_at), ("closed", closed)):
            object.__setattr__(self, name, value)

    def shut(self) -> "Root":
        """The same root, `closed`."""
        return Root(kid=self.kid, secret=self.secret, created_at=self.created_at, closed=True)

    def __setattr__(self, name: str, value: object) -> Never:
        raise FrozenInstanceError(name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Root) and all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __hash__(self) -> int:
        return hash(self.kid)

    def __repr__(self) -> str:
        return f"<Root kid={self.kid!r}>"

    def derive(self, label: str) -> bytes:
        """The key of one purpose, 32 bytes; see `derive`."""
        return derive(self.secret, label)

    def __reduce__(self) -> Never:
        raise TypeError("a root secret is not pickled: it would be written down in the clear")


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """When a key of a ring does what. Seconds since the epoch."""

    created_at: int
    #: The first second at which it signs; None for a key that only verifies.
    signs_from: int | None = None
    #: The first second at which nothing under it is good any more; None while that is not known.
    ends_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KeyRing:
    """One key that signs, further keys that verify, and the roots, newest first.

    A key is published ahead of its use, so that whoever fetches the public keys has it before they meet a token under
    it; signs; verifies what it signed until the last of that is dead; and is removed.

    Raises:
        ConfigurationError: The signing key cannot sign or can be guessed, names repeat, or there is no root.
    """

    #: The key that signs until `ahead` does.
    signing: Key
    #: The key that is published, and signs from `ahead_at` on; None where there is none.
    ahead: Key | None = None
    ahead_at: int = 0
    #: Older keys, and keys of others, which verify only.
    others: tuple[Key, ...] = ()
    roots: tuple[Root, ...]
    #: By `kid`, as far as it is known.
    lives: Mapping[str, Life] = field(default_factory=dict)
    #: All that verify, the signing key first.
    keys: KeySet = field(init=False, repr=False)
    #: The keys of CSRF tokens, the newest first: pages made before a rotation are still open.
    csrf: tuple[bytes, ...] = field(init=False, repr=False)
    #: The keys of device cookies, the newest first.
    device: tuple[bytes, ...] = field(init=False, repr=False)
    _refresh: dict[str, bytes] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        signers = (self.signing,) if self.ahead is None else (self.signing, self.ahead)
        for key in signers:
            if not key.can_sign:
                raise _refused(f"the signing key {key.kid!r} is a public one", "Give the private key.")
        for key in (*signers, *self.others):
            if key.weakness:
                raise _refused(key.weakness, "Make one with keys.generate('HS256').")
        refresh = {root.kid: root.derive("refresh") for root in self.roots}
        if not refresh:
            raise _refused("the ring has no root secret", "Make a ring with keys.new_ring(now=...).")
        if len(refresh) != len(self.roots):
            raise _refused("two root secrets have one name", "Give each its own kid.")
        object.__setattr__(self, "keys", KeySet(map(_verifying, self._all), source="KeyRing(...)"))
        is_open = [root for root in self.roots if not root.closed]
        if self.roots[0].closed:
            raise _refused("the newest root secret is closed", "Put a new one before it.")
        object.__setattr__(self, "csrf", tuple(root.derive("csrf") for root in is_open))
        object.__setattr__(self, "device", tuple(root.derive("device") for root in is_open))
        object.__setattr__(self, "_refresh", refresh)

    @property
    def _all(self) -> tuple[Key, ...]:
        """All keys as they were given, the signing key first."""
        return (self.signing, *(() if self.ahead is None else (self.ahead,)), *self.others)

    @property
    def refresh_kid(self) -> str:
        """The root under which a new session is born: the newest."""
        return self.roots[0].kid

    def refresh_key(self, kid: str) -> bytes | None:
        """The key of refresh secrets under this root, or None: another node may hold it."""
        return self._refresh.get(kid)

    def jwks(self, now: int) -> dict[str, list[dict[str, str]]]:
        """What other services may know at second *now*, as a JWK Set: the public parts of the keys that have not ended.

        A secret has no public part and is left out.
        """
        return {"keys": [key.to_jwk() for key in self.keys if not key.symmetric and not self.ended(key.kid, now)]}

    def signer(self, now: int) -> Key:
        """The key that signs at second *now*."""
        return self.signing if self.ahead is None or now < self.ahead_at else self.ahead

    def in_use(self, kid: str, now: int) -> bool:
        """Whether the key of this name signs at second *now* or later."""
        return kid == self.signer(now).kid or (self.ahead is not None and kid == self.ahead.kid)

    def ends_at(self, kid: str) -> int | None:
        """The first second at which nothing under a key is good any more; None while it has no end."""
        life = self.lives.get(kid)
        return None if life is None else life.ends_at

    def ended(self, kid: str, now: float) -> bool:
        """Whether nothing under a key is good any more at second *now*."""
        ends_at = self.ends_at(kid)
        return ends_at is not None and ends_at <= now

    def published(self, new_key: Key, new_root: Root, *, now: int, signs_from: int, keep: int) -> "KeyRing":
        """The ring that has *new_key* too, and signs with it from second *signs_from* on.

        What signs until then ends *keep* seconds after that; what has ended by *now* is left out. Older roots stay for
        the refresh secrets of sessions that were born under them, and go when none of those can be alive. With
        *signs_from* at *now* they are closed for all else: whoever saw the key may have seen them, too.

        Args:
            new_key: The next key.
            new_root: From which what is not signed is derived; at once.
            now: Seconds since the epoch.
            signs_from: Seconds since the epoch; *now* for a key that may have been seen by others.
            keep: Seconds that the longest token lives, and more.

        Raises:
            ConfigurationError: Another key is published and does not sign yet; or the new parts do not go with the
                old ones.
        """
        if self.ahead is not None and now < self.ahead_at and now < signs_from:
            raise _refused(
                "a key is published and does not sign yet", "Wait until it does, or rotate at once.", source="rotate()"
            )
        signer = self.signer(now)
        lives = dict(self.lives)
        lives[signer.kid] = replace(self.life(signer.kid), ends_at=signs_from + keep)
        lives[new_key.kid] = Life(created_at=now, signs_from=signs_from)
        # A key that was published and has signed nothing yet is not waited for, and leaves nothing behind.
        unused = self.ahead if now < self.ahead_at else None
        older = tuple(key for key in self._all if key not in (signer, unused) and not self.ended(key.kid, now))
        known = {signer.kid, new_key.kid, *(key.kid for key in older)}
        return KeyRing(
            signing=signer if signs_from > now else new_key,
            ahead=new_key if signs_from > now else None,
            ahead_at=signs_from if signs_from > now else 0,
            others=older if signs_from > now else (signer, *older),
            roots=(new_root, *self._older_roots(now, closed=signs_from <= now)),
            lives={kid: life for kid, life in lives.items() if kid in known},
        )

    def joined(self, key: Key, *, now: int) -> "KeyRing":
        """The ring that verifies with *key*, too: that of another issuer, or of the software that was here before.

        Raises:
            ConfigurationError: It does not go with those that are here.
        """
        return replace(self, others=(*self.others, key), lives={**self.lives, key.kid: Life(created_at=now)})

    def without(self, kid: str, *, now: int) -> "KeyRing":
        """The ring without a key that does not sign.

        Raises:
            ConfigurationError: It signs, or there is no such key.
        """
        if self.signer(now).kid == kid:
            raise _refused(f"the key {kid!r} signs", "Rotate at once, then retire it.", source="retire()")
        if self.keys.get(kid) is None:
            raise _refused("there is no such key in the ring", "List them, and name one.", source="retire()")
        signer = self.signer(now)
        ahead = self.ahead if self.ahead is not None and self.ahead.kid != kid and now < self.ahead_at else None
        lives = {name: life for name, life in self.lives.items() if name != kid}
        if self.ahead is not None and self.ahead.kid == kid:  # what it was to relieve goes on, and has no end any more
            lives[signer.kid] = replace(self.life(signer.kid), ends_at=None)
        return KeyRing(
            signing=signer,
            ahead=ahead,
            ahead_at=self.ahead_at if ahead is not None else 0,
            others=tuple(key for key in self._all if key not in (signer, ahead) and key.kid != kid),
            roots=self.roots,
            lives=lives,
        )

    def _older_roots(self, now: int, *, closed: bool) -> tuple[Root, ...]:
        """The roots under which a session may still be alive when another one takes the place of the newest."""
        replaced_at = (now, *(root.created_at for root in self.roots))
        kept = [root for root, at in zip(self.roots, replaced_at, strict=False) if now - at < KEEP_ROOT]
        return tuple(root.shut() if closed and not root.closed else root for root in kept)

    def life(self, kid: str) -> Life:
        """When the key of this name does what; one of which nothing was written down is as old as the newest root."""
        return self.lives.get(kid) or Life(created_at=self.roots[0].created_at, signs_from=self.roots[0].created_at)

    def __reduce__(self) -> Never:
        raise TypeError("a key ring is not pickled: it would be written down in the clear")


def _verifying(key: Key) -> Key:
    """*key*; its public half where it is for signing alone, as browsers export private keys (RFC 7517 section 4.3)."""
    return key if key.can_verify or not isinstance(key, AsymmetricKey) else key.public_key()


def _refused(cause: str, fix: str, source: str = "KeyRing(...)") -> ConfigurationError:
    return ConfigurationError(cause=cause, fix=fix, source=source)
