"""Refusals repeat nothing of what was refused."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache
def reasons() -> frozenset[str]:
    """The words that a refusal of a credential adds to its sentence, as the source has them."""
    return frozenset(
        argument.value
        for path in (ROOT / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"MalformedCredential", "UnknownCredential"}
        for argument in node.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    )


def silent(error: Exception, token: object) -> None:
    """Make sure that no eight characters of *token* in a row are in what the message of *error* adds to its sentence.

    A sentence and a word of ours are said whatever comes, also where what comes happens to hold them.
    """
    message, text = str(error).replace(getattr(error, "sentence", ""), ""), token if isinstance(token, str) else ""
    if getattr(error, "reason", None) in reasons():
        message = message.replace(error.reason, "")  # type: ignore[attr-defined]
    assert not any(message[i : i + 8] in text for i in range(len(message) - 7))
