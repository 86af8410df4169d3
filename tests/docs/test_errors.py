"""docs/errors.md names every error, and none that there is not."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, WebSocket
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from gatepass import errors
from gatepass.core.inspect import texts
from gatepass.errors import ConfigurationError, GatepassError
from gatepass.fastapi import Gatepass
from gatepass.keys import new_ring
from gatepass.stores.memory import MemoryStore
from gatepass.web import answers

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "errors.md").read_text()

#: What some need to be made.
FACTS: dict[str, Any] = {
    "credential_replayed": {"session_id": "s"},
    "step_up_required": {"max_age": 300},
    "role_required": {"role": "admin"},
    "throttled": [60],
    "csrf_refused": ["site"],
    "method_not_allowed": ["GET"],
    "fields_invalid": [{"next": "this is a path"}],
    "not_revocable": {"seconds_left": 60},
    "configuration_refused": {"cause": "it cannot be", "fix": "Change it.", "source": "there"},
}


def rows(title: str) -> dict[str, list[str]]:
    """The rows of the first table below a heading, by their first cell."""
    section = re.split(r"\n## ", DOCUMENT.partition(f"\n## {title}\n")[2])[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    found = {row[0].strip("`"): row[1:] for row in cells[2:]}
    assert found, title
    return found


def kinds(root: type[GatepassError] = GatepassError) -> Iterator[type[GatepassError]]:
    for kind in root.__subclasses__():
        if kind.__module__.startswith("gatepass"):
            yield kind
            yield from kinds(kind)


#: One class a code: that which brings it.
CODES = {kind.code: kind for kind in kinds() if "code" in vars(kind)}


def made(code: str) -> GatepassError:
    facts = FACTS.get(code, {})
    kind: Any = CODES[code]
    error: GatepassError = kind(*facts) if isinstance(facts, list) else kind(**facts)
    return error


def test_every_code_has_an_entry_and_every_entry_a_code() -> None:
    """Whoever meets a code looks here."""
    assert set(rows("The codes")) == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_an_entry_says_the_status_a_cause_and_what_to_do(code: str) -> None:
    status, cause, remedy = rows("The codes")[code]

    assert int(status) == CODES[code].status
    assert cause.endswith((".", "below."))
    assert remedy.endswith((".", ")", "?"))


def plain(text: str) -> str:
    """*text* without its links."""
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)


def test_the_decoder_says_the_same() -> None:
    said = {code: [str(status), cause, remedy] for code, (status, cause, remedy) in texts.ERRORS.items()}
    assert said == {code: [plain(cell) for cell in row] for code, row in rows("The codes").items()}
    assert texts.CSRF_REASONS == {reason: plain(what) for reason, (what,) in rows("Reasons").items()}


def test_entries_are_in_the_order_of_their_status() -> None:
    statuses = [int(row[0]) for row in rows("The codes").values()]
    assert statuses == sorted(statuses)


def test_every_reason_of_a_csrf_refusal_is_explained() -> None:
    """Found in the source: whoever adds one has to say what it means."""
    raised = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "CsrfRefused":
                [reason] = node.args
                raised.add(ast.literal_eval(reason))

    assert raised == set(rows("Reasons"))


@pytest.mark.parametrize("code", [code for code, kind in CODES.items() if kind is not ConfigurationError])
def test_what_is_said_over_http_is_what_is_shown(code: str) -> None:
    """The members of the example, and `WWW-Authenticate` as its table has it."""
    answer = answers.problem(made(code))
    [shown] = re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL)

    for member in re.findall(r'^  "([a-z]+)":', shown, re.MULTILINE):
        assert f'"{member}":'.encode() in answer.body
    assert f'"urn:gatepass:error:{code}"'.encode() in answer.body
    challenge = answer.headers.get("WWW-Authenticate")
    table = rows("`WWW-Authenticate`")
    for names, (said,) in table.items():
        if code in names or (names.startswith("other") and code.startswith("credential_") and code not in str(table)):
            expected = re.findall("`(.*?)`", said)
            assert challenge is not None
            parts = expected[0].replace("<code>", code).replace("<seconds>", "300") if expected else ""
            assert challenge == ", ".join(filter(None, ['Bearer realm="gatepass"', parts]))
            return
    assert challenge is None


CLOSED = [(code, reason) for code, (said,) in rows("WebSockets").items() for reason in re.findall("`([a-z_]+)`", said)]


@pytest.mark.parametrize(("close", "reason"), CLOSED)
def test_a_websocket_closes_with_the_code_that_is_shown(close: str, reason: str) -> None:
    app = FastAPI()
    Gatepass(app, store=MemoryStore(), keys=new_ring("HS256", now=1_900_000_000))

    @app.websocket("/ws")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        raise made(reason)

    with TestClient(app).websocket_connect("/ws") as websocket, pytest.raises(WebSocketDisconnect) as end:
        websocket.receive_text()
    assert (end.value.code, end.value.reason) == (int(close), reason)


def test_the_classes_to_catch_are_there_and_are_all_branches() -> None:
    named = {re.findall("[A-Za-z]+", name)[0] for name in rows("In your own code")}
    branches = {kind.__name__ for kind in GatepassError.__subclasses__() if kind.__module__ == errors.__name__}

    assert branches <= named
    assert all(issubclass(getattr(errors, name), GatepassError) for name in named)
