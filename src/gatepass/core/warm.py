"""The warm check: from the text of an access token to an `Identity`, without leaving the process.

This is the one place where clarity is traded for speed: a token that was seen before costs two dict lookups and a few
compares, a hundred times less than its signature. Nothing that can change is cached: expiry and denylist are looked
at on every hit, and a new key ring empties the cache. The ring itself is a copy, too: it is read again every `LOOK`
seconds, and at once where this process has changed it.
"""

from threading import Lock
from typing import Any, NamedTuple

from gatepass.core.claims import TokenCheck
from gatepass.core.keyring import KeyRing
from gatepass.core.revocation import Denylist
from gatepass.errors import ExpiredCredential, MalformedCredential, RevokedCredential, UnknownCredential
from gatepass.policy import LEEWAY
from gatepass.records import Identity, Mode, freeze

#: Verified tokens that are kept, at most: about 10 MB.
SEEN = 8_192

#: Seconds for which a gate goes by the key ring that it has read: so much later, at most, it refuses what is under a
#: key that another process has retired, and knows the end that a rotation there gave it. 5: our choice; with a file it
#: is one look at its status, with a store one small read, for a process.
LOOK = 5

#: Claims with a meaning of their own. Everything else in a token is the application's.
RESERVED = frozenset({"iss", "aud", "sub", "client_id", "sid", "jti", "iat", "nbf", "exp", "auth_time", "roles", "ver"})


class Seen(NamedTuple):
    """What is known of a token whose signature and claims were good."""

    identity: Identity
    #: The first second at which it is refused, leeway included.
    dead_at: int
    session_id: str
    jti: str
    kid: str
    #: The version of the row that it was minted from; None in jwt mode, where nothing compares it.
    version: int | None


class CacheInfo(NamedTuple):
    """How the token cache does, since the gate was made. Threads count without a lock, so it is about right."""

    #: Checks of a token that was verified before...
    hits: int
    #: ... and of one that had to be verified.
    misses: int
    #: Tokens that are kept now.
    size: int
    #: Tokens that are kept at most.
    limit: int


class _Verified:
    """What was verified under one key ring.

    Ring, check and cache are one object, replaced as a whole: a thread that is in the middle of a check when the ring
    changes enters what it found where nobody looks any more.
    """

    __slots__ = ("check", "due_at", "old", "read", "read_at", "ring", "young")

    def __init__(self, ring: KeyRing, check: TokenCheck) -> None:
        self.ring = ring
        self.check = check
        # The number of the read that it comes from.
        self.read = 0
        # When the ring was read, from the start of the read, and the first second at which that is too long ago.
        self.read_at = self.due_at = 0
        # Two generations stand in for a proper LRU, because they need no lock: when the young one is full it becomes
        # the old one, and what is still in use moves back.
        self.young: dict[str, Seen] = {}
        self.old: dict[str, Seen] = {}


class AccessTokens:
    """Checks the access tokens of one issuer for one audience.

    Args:
        ring: The keys that verify.
        issuer: Exactly what `iss` must be.
        audience: What `aud` must name.
        accept: The modes whose tokens are good.
        denylist: This node's copy of the log; empty where there is no store.
        limit: How many verified tokens are kept; 0 for none.
        now: The second at which *ring* was read; without it, it is to be read again before the first check.
    """

    __slots__ = (
        "__weakref__", "_accept", "_audience", "_changed_at", "_denylist", "_hits", "_issuer", "_limit", "_lock",
        "_misses", "_reads", "_verified",
    )  # fmt: skip

    def __init__(
        self,
        ring: KeyRing,
        *,
        issuer: str,
        audience: str,
        accept: frozenset[Mode],
        denylist: Denylist,
        limit: int = SEEN,
        now: int | None = None,
    ) -> None:
        # How many reads of the ring have begun, and how many had when this process last changed it where it is kept.
        self._reads = self._changed_at = 0
        self._lock = Lock()
        self._limit = limit
        self._hits = self._misses = 0
        self._issuer = issuer
        self._audience = audience
        self._accept = accept
        self._denylist = denylist
        self._verified = self._under(ring)
        if now is not None:
            self.use(ring, now=now, read=self.begin_read())

    def _under(self, ring: KeyRing) -> "_Verified":
        check = TokenCheck(
            ring.keys,
            algorithms={key.alg for key in ring.keys},
            issuer=self._issuer,
            audience=self._audience,
            leeway=LEEWAY,
        )
        return _Verified(ring, check)

    def due(self, now: int) -> bool:
        """Whether the ring is to be read again before anything is answered from it; also where the clock went back."""
        verified = self._verified
        return not verified.read_at <= now < verified.due_at

    def begin_read(self) -> int:
        """Say that a read of the ring begins, and get its number."""
        with self._lock:
            self._reads += 1
            return self._reads

    def use(self, ring: KeyRing, *, now: int, read: int) -> None:
        """Go on with *ring*; if it is another one, what was verified under the old one is verified again.

        Nothing is done if a read that began later has come to its end already: this may be the ring of before.

        Args:
            ring: As it was read.
            now: Seconds since the epoch, before it was read.
            read: What `begin_read` said before it was read. If the ring was changed since, it is read again soon.
        """
        verified = self._verified
        if ring is not verified.ring:
            verified = self._under(ring)
        with self._lock:
            if read < self._verified.read:
                return
            verified.read = read
            # In this order: who has seen the new start sees the new end, too, also where the clock went back.
            verified.due_at = now + LOOK if read > self._changed_at else 0
            verified.read_at = now
            self._verified = verified

    def changed(self) -> None:
        """Read the ring again before the next answer: this process has changed it."""
        with self._lock:
            self._changed_at = self._reads
            self._verified.due_at = 0

    def restart(self) -> None:
        """Begin again, as in a process that was just forked: another thread may have been in the middle of it."""
        self._lock = Lock()
        self._verified.due_at = 0

    @property
    def ring(self) -> KeyRing:
        """The keys at hand."""
        return self._verified.ring

    def check(self, token: str, now: int) -> Identity:
        """Who carries *token*.

        The caller has made sure that the denylist may be asked (`lease.confirm`).

        Args:
            token: The text as the client sent it.
            now: Seconds since the epoch.

        Raises:
            MalformedCredential, UnknownCredential, ExpiredCredential, RevokedCredential: It is not good; the reason
                ``key`` says that its signing key is not in the ring at hand.
        """
        verified = self._verified
        seen = verified.young.get(token)
        if seen is None:
            seen = verified.old.get(token)
            if seen is None:
                self._misses += 1
                seen = self._open(verified, token, now, expired_ok=False)
            else:
                self._hits += 1
            if len(verified.young) >= self._limit // 2:
                verified.old, verified.young = verified.young, {}
            if self._limit:
                verified.young[token] = seen
        else:
            self._hits += 1
        if now >= seen.dead_at:
            if now >= seen.identity.expires_at + LEEWAY:
                raise ExpiredCredential(expired_at=seen.identity.expires_at)
            raise UnknownCredential("key")  # which has ended, as it was known when the token was verified
        self.stand(seen)
        return seen.identity

    def recall(self, token: str, now: int) -> Identity | None:
        """Who carries *token*, if it was verified before and nothing is against it; None where `check` has to say.

        It never refuses, so whatever is doubtful is looked at as if this were not here.
        """
        verified, against = self._verified, self._denylist
        seen = verified.young.get(token)
        if seen is None or now >= seen.dead_at or not verified.read_at <= now < verified.due_at:
            return None
        if against.ended or against.kids or against.changed:
            return None
        self._hits += 1
        return seen.identity

    @property
    def cache(self) -> CacheInfo:
        """How the token cache does."""
        verified = self._verified
        return CacheInfo(self._hits, self._misses, len(verified.young) + len(verified.old), self._limit)

    def stand(self, seen: Seen) -> None:
        """Return if the log says nothing against *seen*.

        Raises:
            RevokedCredential: Its session, itself or its signing key is refused.
            ExpiredCredential: Newer roles made it too old.
        """
        denylist = self._denylist
        if seen.session_id in denylist.ended or seen.jti in denylist.ended or seen.kid in denylist.kids:
            raise RevokedCredential
        if denylist.changed and seen.version is not None:
            version, _ = denylist.changed.get(seen.session_id, (0, 0))
            if seen.version < version:
                raise ExpiredCredential

    def open(self, token: str, now: int, *, expired_ok: bool = False) -> Seen:
        """Verify signature and claims of *token*; the denylist is not asked.

        Args:
            token: The text as the client sent it.
            now: Seconds since the epoch.
            expired_ok: Whether a genuine token whose time is over will do, as for a logout.

        Raises:
            MalformedCredential, UnknownCredential, ExpiredCredential: It proves nothing.
        """
        return self._open(self._verified, token, now, expired_ok=expired_ok)

    def _open(self, verified: "_Verified", token: str, now: int, *, expired_ok: bool) -> Seen:
        kid, claims = verified.check.check(token, now, expired_ok=expired_ok)
        version = claims.get("ver")
        mode: Mode = "jwt" if version is None else "hybrid"
        if mode not in self._accept and not expired_ok:  # whatever is accepted, it may be ended
            raise UnknownCredential("mode")
        sid, roles, auth_time = claims.get("sid"), claims.get("roles", []), claims.get("auth_time")
        if (
            type(sid) is not str
            or type(auth_time) is not int
            or type(version) not in {int, type(None)}
            or type(roles) is not list
            or not all(type(role) is str for role in roles)
        ):
            raise MalformedCredential("claims")
        own: dict[str, Any] = {name: value for name, value in claims.items() if name not in RESERVED}
        expires_at, ends_at = int(claims["exp"]), verified.ring.ends_at(kid)
        dead_at = expires_at + LEEWAY
        if ends_at is not None:
            if now >= ends_at:
                raise UnknownCredential("key")
            dead_at = min(dead_at, ends_at)
        identity = Identity(
            subject=claims["sub"],
            session_id=sid,
            mode=mode,
            roles=frozenset(roles),
            claims=freeze(own),
            auth_time=auth_time,
            expires_at=expires_at,
        )
        return Seen(identity, dead_at, sid, claims["jti"], kid, version)
