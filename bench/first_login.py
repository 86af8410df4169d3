"""How long it takes from a clone to a login: `python3 bench/first_login.py`. It needs git, make and Python only.

A fresh clone of this repository, `make dev`, the login page; then a sign-up and a login, as a program makes them.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: Seconds after which something is wrong, also on a slow line.
MOST = 300
ACCOUNT = {"email": "ada@example.com", "password": "a lantern under the old pier"}


def main() -> int:
    """Measure, and print one line."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
        probe.close()
        began = time.monotonic()
        subprocess.run(["git", "clone", "--quiet", ROOT, f"{folder}/clone"], check=True)
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("GATEPASS_", "PYTHON"))}
        server = subprocess.Popen(
            ["make", "dev", f"PORT={port}"],
            cwd=f"{folder}/clone",
            env=variables,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert server.stdout is not None
        signal.alarm(MOST)
        try:
            for line in server.stdout:
                if "Ctrl-C" in line:  # the last thing that it says, when it listens
                    break
            url = f"http://127.0.0.1:{port}"
            page = urllib.request.Request(f"{url}/login", headers={"Accept": "text/html"})
            with urllib.request.urlopen(page) as answer:
                assert b"<form" in answer.read()
            page_after = time.monotonic() - began
            assert post(f"{url}/auth/signup") == 201
            assert post(f"{url}/auth/login") == 200
            login_after = time.monotonic() - began
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait()
            server.stdout.close()
    print(f"from clone to login page: {page_after:.0f} s; to a login: {login_after:.0f} s")
    return 0


def post(url: str) -> int:
    """The status of the answer to a request with the account."""
    headers = {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(ACCOUNT).encode(), headers)) as answer:
        return int(answer.status)


if __name__ == "__main__":
    sys.exit(main())
