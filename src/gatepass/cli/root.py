"""The table of commands. A group of commands is a folder with a table of its own."""

from gatepass.cli.commands import Commands

#: What is said in the list of commands, so that the list loads none of them.
COMMANDS = {
    "dev": "The server on this machine: sign-up open, files in ./.gatepass/.",
    "serve": "The server for production. It refuses settings that are not safe.",
    "config": "What is set, and where it came from.",
    "user": "Who has an account.",
    "session": "Who is logged in.",
    "key": "What signs, what verifies, and from when to when.",
    "token": "Look into tokens, check them, make them.",
    "version": "What runs here: gatepass, Python, SQLite, OpenSSL.",
}

root = Commands("gatepass.cli", COMMANDS, help="Remember who logged in.")
