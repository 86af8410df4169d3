"""A process that serves an example whose clock is as far ahead as a file says."""

import os
import time
from importlib import import_module
from pathlib import Path

import uvicorn

AHEAD = Path("ahead")


def clock() -> float:
    return time.time() + (float(AHEAD.read_text()) if AHEAD.exists() else 0.0)


if __name__ == "__main__":
    application = import_module(os.environ["APP"]).create_app(os.environ["MODE"], clock=clock)
    uvicorn.run(application, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
