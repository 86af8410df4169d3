"""Sessions, JWTs and the hybrid of both, behind one API.

`Gate` (plain) and `AsyncGate` (awaited) are all that most applications need, with a store from `gatepass.stores` and,
for JWTs, keys from `gatepass.keys`.
"""

from gatepass.errors import (
    ConfigurationError,
    CredentialError,
    ExpiredCredential,
    GatepassError,
    KeyInUse,
    KeyUnavailable,
    LoginFailed,
    MalformedCredential,
    MissingCredential,
    ModeNotEnabled,
    NoStore,
    NotPossible,
    NotRevocable,
    ReplayedCredential,
    RevokedCredential,
    StoreError,
    UnknownCredential,
)
from gatepass.gate import AsyncGate, Gate
from gatepass.policy import Policy
from gatepass.records import (
    MODES,
    SOMEWHERE,
    Client,
    Credentials,
    Event,
    Identity,
    Mode,
    Receipt,
    Session,
    Subject,
)

__version__ = "0.1.0.dev0"

__all__ = [
    "MODES",
    "SOMEWHERE",
    "AsyncGate",
    "Client",
    "ConfigurationError",
    "CredentialError",
    "Credentials",
    "Event",
    "ExpiredCredential",
    "Gate",
    "GatepassError",
    "Identity",
    "KeyInUse",
    "KeyUnavailable",
    "LoginFailed",
    "MalformedCredential",
    "MissingCredential",
    "Mode",
    "ModeNotEnabled",
    "NoStore",
    "NotPossible",
    "NotRevocable",
    "Policy",
    "Receipt",
    "ReplayedCredential",
    "RevokedCredential",
    "Session",
    "StoreError",
    "Subject",
    "UnknownCredential",
]
