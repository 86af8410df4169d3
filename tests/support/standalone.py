"""A process that is the stand-alone server, its clock as far ahead as a file says."""

import os

import uvicorn

from gatepass.server.app import create_app
from gatepass.server.audit import log_to
from gatepass.server.settings import load
from support.clocked import clock

if __name__ == "__main__":
    log_to()
    application = create_app(load().settings, clock=clock)
    uvicorn.run(application, host="127.0.0.1", port=int(os.environ["PORT"]), log_config=None)
