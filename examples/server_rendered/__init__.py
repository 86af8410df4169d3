"""Pages from the server and no script at all: login, a protected page, a list of devices, logout."""
