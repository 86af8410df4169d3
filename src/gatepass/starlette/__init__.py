"""gatepass for Starlette, and for whatever is built on it.

    auth = Gatepass(app, mode="hybrid")

Nothing here decides anything: credentials are the gate's matter, origins and cookies that of `gatepass.core`.
"""

from gatepass.core.origin import local as local_path
from gatepass.errors import LoginFailed
from gatepass.starlette.caller import Access, Caller, Credentials, ResponseStarted
from gatepass.starlette.carried import Carried, Transport
from gatepass.starlette.extension import Gatepass
from gatepass.starlette.middleware import GatepassMiddleware
from gatepass.starlette.user import GatepassUser
from gatepass.web.devices import device

__all__ = [
    "Access",
    "Caller",
    "Carried",
    "Credentials",
    "Gatepass",
    "GatepassMiddleware",
    "GatepassUser",
    "LoginFailed",
    "ResponseStarted",
    "Transport",
    "device",
    "local_path",
]
