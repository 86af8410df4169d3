"""How each example is run: on loopback, in the mode and on the port that the environment names."""

import os
import sys
from collections.abc import Callable
from typing import Any

import uvicorn

from examples.users import PASSWORDS
from gatepass import MODES, Mode


def run(create_app: Callable[[Mode], Any], default: Mode) -> int:
    """Serve until interrupted; returns an exit code."""
    mode, port = os.environ.get("MODE", default), os.environ.get("PORT", "8400")
    chosen = next((known for known in MODES if known == mode), None)
    if chosen is None or not port.isdecimal():
        print(f"MODE is one of {', '.join(MODES)}, and PORT a number; not {mode!r}, {port!r}", file=sys.stderr)
        return 2
    print(f"\n  http://127.0.0.1:{port}   in {mode} mode; others: MODE={'|'.join(MODES)}")
    for name, password in PASSWORDS.items():
        print(f"  user {name}, password {password}")
    print(flush=True)
    uvicorn.run(create_app(chosen), host="127.0.0.1", port=int(port), log_level="warning")
    return 0
