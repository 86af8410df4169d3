"""Hybrid mode: a short access token as in jwt mode, and a refresh token that can be exchanged once."""

from dataclasses import replace

from gatepass.core import rotation
from gatepass.core.flow import Flow
from gatepass.core.lifecycle import Fresh
from gatepass.core.opaque import RefreshToken
from gatepass.core.warm import AccessTokens
from gatepass.modes import Setup
from gatepass.modes.jwt import JwtMode
from gatepass.records import Client, Credentials, Session


class HybridMode:
    """A row that anchors short tokens."""

    def __init__(self, setup: Setup, tokens: AccessTokens, access: JwtMode) -> None:
        self._setup = setup
        self._tokens = tokens
        self._access = access
        self.token_ttl = setup.policy.access_ttl

    def begin(self, session: Session, fresh: Fresh) -> Session:
        """*session* at the head of a refresh chain, under the refresh key that is current now."""
        return replace(
            session, seed=fresh.secret, refresh_kid=self._tokens.ring.refresh_kid, rotated_at=session.created_at
        )

    def issue(self, session: Session, fresh: Fresh, now: int) -> Flow[Credentials]:
        """The refresh token of the live generation and a fresh access token."""
        refresh = yield from rotation.token(session, self._tokens.ring)
        # The version lets a change of roles outdate the token: see `AccessTokens.stand`.
        token, expires_at = self._access.mint(session, fresh.jti, now, ver=session.version)
        return Credentials(
            mode="hybrid",
            session_id=session.id,
            access_token=token,
            refresh_token=str(refresh),
            expires_in=expires_at - now,
            session_expires_in=session.expires_at - now,
            remember=session.remember,
        )

    def renew(self, presented: RefreshToken, *, client: Client, now: int) -> Flow[Session]:
        """Exchange *presented*; see `rotation.exchange`."""
        return (
            yield from rotation.exchange(
                presented,
                self._tokens.ring,
                grace=self._setup.policy.grace,
                client=client,
                hooked=self._setup.hooked,
                now=now,
            )
        )

    def holder(self, presented: RefreshToken) -> Flow[Session]:
        """The row that *presented* was derived from; see `rotation.holder`."""
        return (yield from rotation.holder(presented, self._tokens.ring))
