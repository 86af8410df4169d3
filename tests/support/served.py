"""The application of `support.site` behind uvicorn, for requests that no client library would send."""

import os

import uvicorn

from gatepass.starlette import Gatepass
from support.site import application, ring

if __name__ == "__main__":
    auth = Gatepass(mode=os.environ["MODE"], keys=ring())  # type: ignore[arg-type]
    uvicorn.run(application(auth), port=int(os.environ["PORT"]), http="h11", access_log=False)
