"""`gatepass token`: what can be done with a token on its own."""

from gatepass.cli.commands import Commands

#: What is said in the list of commands, so that the list loads none of them.
COMMANDS = {
    "inspect": "What is in a token, and what is wrong with it. Nothing is verified.",
    "verify": "Whether a token is good, and which check says no.",
    "mint": "Make a token, for development.",
}

token = Commands("gatepass.cli.token", COMMANDS, help="Look into tokens, check them, make them.")
