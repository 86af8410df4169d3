"""JWT mode: the client carries a signed token; with a store, the log is asked whether it still counts."""

from collections.abc import Callable
from typing import Any, TypeVar

from gatepass.core import jws, lease
from gatepass.core.flow import Flow, Keys, ask
from gatepass.core.lifecycle import Fresh
from gatepass.core.revocation import Denylist
from gatepass.core.strict import encode
from gatepass.core.warm import AccessTokens, Seen
from gatepass.errors import RevokedCredential, UnknownCredential
from gatepass.modes import Setup
from gatepass.records import Credentials, Identity, Session, thaw

T = TypeVar("T")


class JwtMode:
    """Access tokens as in RFC 9068, valid until `exp`, or until the log says otherwise where there is one."""

    def __init__(self, setup: Setup, tokens: AccessTokens, denylist: Denylist) -> None:
        self._setup = setup
        self._tokens = tokens
        self._denylist = denylist
        self.token_ttl = setup.policy.token_ttl if setup.stored else setup.policy.stateless_ttl

    def begin(self, session: Session, fresh: Fresh) -> Session:  # noqa: ARG002  it needs no secret of its own
        """*session* as it is: no check reads its row, so nothing secret is in it."""
        return session

    def issue(self, session: Session, fresh: Fresh, now: int) -> Flow[Credentials]:
        """One token that lives as long as the session."""
        yield from ()
        token, expires_at = self.mint(session, fresh.jti, now)
        return Credentials(
            mode="jwt",
            session_id=session.id,
            access_token=token,
            expires_in=expires_at - now,
            session_expires_in=expires_at - now,
            remember=session.remember,
        )

    def mint(self, session: Session, jti: str, now: int, **more: int) -> tuple[str, int]:
        """Sign an access token of *session*; return it and its `exp`.

        Args:
            session: The row, or what would be the row in stateless mode.
            jti: The id of this one token.
            now: Seconds since the epoch.
            more: Further claims of the mode.
        """
        expires_at = min(now + session.token_ttl, session.expires_at)
        claims: dict[str, Any] = {
            "iss": self._setup.issuer,
            "aud": self._setup.audience,
            "sub": session.subject,
            "client_id": self._setup.name,
            "sid": session.id,
            "jti": jti,
            "iat": now,
            "exp": expires_at,
            "auth_time": session.auth_time,
            "roles": sorted(session.roles),
            **more,
            **thaw(session.claims),
        }
        return jws.sign(encode(claims), self._tokens.ring.signer(now), typ="at+jwt"), expires_at

    def check(self, token: str, now: int) -> Flow[Identity]:
        """Who carries the access token *token*, of jwt or hybrid mode; see `AccessTokens.check` for what is refused."""
        if self._setup.stored:
            yield from lease.confirm(self._denylist, now)
        return (yield from self._with_keys(lambda: self._tokens.check(token, now), now))

    def in_use(self, kid: str, now: int) -> bool:
        """Whether a key signs, now or later."""
        return self._tokens.ring.in_use(kid, now)

    def open(self, token: str, now: int) -> Flow[Seen]:
        """What *token* says, if it is genuine; it may be expired, and its session may have ended.

        Raises:
            RevokedCredential: It was refused by itself, or its signing key was, so that anybody may have made it.
        """
        if self._setup.stored:
            yield from lease.confirm(self._denylist, now)
        seen = yield from self._with_keys(lambda: self._tokens.open(token, now, expired_ok=True), now)
        if seen.kid in self._denylist.kids or seen.jti in self._denylist.ended:
            raise RevokedCredential
        return seen

    def _with_keys(self, look: Callable[[], T], now: int) -> Flow[T]:
        """*look* under the ring as it is now or was a moment ago; and again if the key was not in that."""
        if self._tokens.due(now):
            yield from self.renew_keys(now)
        try:
            return look()
        except UnknownCredential as error:
            if error.reason != "key":
                raise
        yield from self.renew_keys(now)
        return look()  # whoever renewed it: another thread may have, between the look and the read

    def renew_keys(self, now: int) -> Flow[None]:
        """Go on with the key ring as it is now, which another process may have rotated."""
        read = self._tokens.begin_read()
        ring = yield from ask(Keys())
        self._tokens.use(ring, now=now, read=read)
