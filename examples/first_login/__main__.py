"""``make dev``: the example on http://127.0.0.1:8400, in the mode that ``MODE`` names."""

import os
import sys
from pathlib import Path

import uvicorn

from examples.first_login.app import create_app
from examples.first_login.users import PASSWORDS
from gatepass import MODES


def main() -> int:
    """Serve until interrupted; returns an exit code."""
    mode, port = os.environ.get("MODE", "session"), os.environ.get("PORT", "8400")
    chosen = next((known for known in MODES if known == mode), None)
    if chosen is None or not port.isdecimal():
        print(f"MODE is one of {', '.join(MODES)}, and PORT a number; not {mode!r}, {port!r}", file=sys.stderr)
        return 2
    app = create_app(chosen, folder=Path(".gatepass"), port=int(port))
    print(f"\n  http://127.0.0.1:{port}   in {mode} mode; others: make dev MODE={'|'.join(MODES)}")
    for name, password in PASSWORDS.items():
        print(f"  user {name}, password {password}")
    print(flush=True)
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")
    return 0


if __name__ == "__main__":
    sys.exit(main())
