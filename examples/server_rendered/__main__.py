"""``python -m examples.server_rendered``: on http://127.0.0.1:8400, in the mode that ``MODE`` names."""

import sys

from examples.running import run
from examples.server_rendered.app import create_app

if __name__ == "__main__":
    sys.exit(run(create_app, default="session"))
