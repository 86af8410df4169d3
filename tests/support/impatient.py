"""The `gatepass` command with less patience and fewer connections, so that no test waits as long as a server."""

import os

from gatepass.cli import main
from gatepass.server import running
from gatepass.server.guard import Guard
from gatepass.server.patient import PatientProtocol

if __name__ == "__main__":
    PatientProtocol.patience = Guard.patience = float(os.environ["PATIENCE"])
    PatientProtocol.most_connections = int(os.environ.get("CONNECTIONS", PatientProtocol.most_connections))
    if "FAREWELL" in os.environ:
        seconds = int(os.environ["FAREWELL"])
        vars(running).update(FAREWELL=seconds, IN_FLIGHT=seconds - 2)
    main()
