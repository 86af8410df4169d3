"""The example on http://127.0.0.1:8400, in hybrid mode unless ``MODE`` says otherwise."""

import sys

from examples.running import run
from examples.spa.app import create_app

if __name__ == "__main__":
    sys.exit(run(create_app, default="hybrid"))
