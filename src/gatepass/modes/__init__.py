"""What each mode issues, checks and renews. Modes know credentials; `gatepass.verbs` knows when."""

from dataclasses import dataclass
from typing import Protocol

from gatepass.core.flow import Flow
from gatepass.core.lifecycle import Fresh
from gatepass.policy import Policy
from gatepass.records import Credentials, Mode, Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a gate was configured to be, as far as flows need to know it."""

    policy: Policy
    #: What a login issues.
    mode: Mode
    #: What is checked.
    accept: frozenset[Mode]
    #: `iss` and `aud` of access tokens, and `client_id`, the name of the gate.
    issuer: str
    audience: str
    name: str
    #: Whether there is a store; without one only jwt works.
    stored: bool
    #: Whether there is a `load_subject` hook.
    hooked: bool


class Issuer(Protocol):
    """The part that all modes share: beginning a session and handing out what its client carries."""

    #: The life of the tokens that it mints, seconds; 0 where it mints none.
    token_ttl: int

    def begin(self, session: Session, fresh: Fresh) -> Session:
        """*session* with the secret parts of this mode in it, before it is added."""

    def issue(self, session: Session, fresh: Fresh, now: int) -> Flow[Credentials]:
        """What the client of *session* carries from now on."""
