"""Session mode: the client carries ``id.secret``, and every check reads the row."""

from dataclasses import replace

from gatepass.core import lifecycle
from gatepass.core.flow import Flow
from gatepass.core.lifecycle import Fresh
from gatepass.core.opaque import SessionToken
from gatepass.modes import Setup
from gatepass.records import Credentials, Identity, Session


class SessionMode:
    """Opaque session tokens."""

    token_ttl = 0

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    def begin(self, session: Session, fresh: Fresh) -> Session:
        """*session*, opened by `fresh.secret`, of which the row keeps a digest."""
        return replace(session, secret_digest=lifecycle.digest(fresh.secret))

    def issue(self, session: Session, fresh: Fresh, now: int) -> Flow[Credentials]:
        """The session token: shown once, here."""
        yield from ()
        return Credentials(
            mode="session",
            session_id=session.id,
            access_token=str(SessionToken(session.id, fresh.secret)),
            expires_in=session.expires_at - now,
            session_expires_in=session.ends_at - now,
            remember=session.remember,
        )

    def check(self, token: SessionToken, now: int) -> Flow[Identity]:
        """Who carries *token*; see `lifecycle.check` for what is refused."""
        session = yield from lifecycle.check(token, touch_interval=self._setup.policy.touch_interval, now=now)
        return Identity(
            subject=session.subject,
            session_id=session.id,
            mode="session",
            roles=session.roles,
            claims=session.claims,
            auth_time=session.auth_time,
            expires_at=session.expires_at,
        )
