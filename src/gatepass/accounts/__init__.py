"""The user directory of the server: addresses, passwords, known devices. The core never imports it."""
