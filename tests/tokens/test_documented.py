"""What docs/tokens.md says is what happens: its Python runs, its order is the order, its JavaScript verifies."""

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from time import time
from typing import Any

import pytest
import vectors
from support.needs import needs
from support.spoiled import CLAIMS, KEY, NOW, OTHER, SPOILED, Token, spoiled

from gatepass import tokens
from gatepass.core.inspect import texts
from gatepass.core.keys import ALGORITHMS
from gatepass.errors import CredentialError, ExpiredCredential
from gatepass.keys import KeySet

TEXT = (Path(__file__).parents[2] / "docs" / "tokens.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


def rows(title: str) -> list[list[str]]:
    section = re.split(r"\n##+ ", TEXT.partition(f"# {title}\n")[2])[0]
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    assert len(found) > 2, title
    return found[2:]


def test_its_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in blocks("python"):
        exec(block, names)
    for store in (names["store"], names["another"]):
        store.close()
    assert names["said"] == names["claims"]


def test_its_algorithms_are_those_that_there_are() -> None:
    assert {name for row in rows("Algorithms") for name in re.findall(r"`(\w+)`", row[0])} == ALGORITHMS


# -- the order ---------------------------------------------------------------------------------------------------------


def verify(token: object) -> object:
    return tokens.verify(
        token, KeySet([KEY, OTHER]), algorithms=["ES256"], issuer="i", audience="a", now=NOW, require=["sid"]
    )


def refused(token: Token) -> tuple[str, str]:
    """The reason and the code."""
    try:
        _ = verify(token.written())
    except ExpiredCredential as error:
        return "", error.code
    except CredentialError as error:
        return str(getattr(error, "reason")), error.code  # noqa: B009  not every branch of the tree has one
    return "accepted", ""


ORDER = [(row[1], row[2].strip("`"), row[3].strip("`")) for row in rows("What is checked")]


def test_what_is_not_spoiled_is_taken() -> None:
    assert len(ORDER) == len(SPOILED)
    assert verify(Token().written()) == CLAIMS


def test_the_table_is_that_of_the_command_line_and_of_the_page() -> None:
    told = [(what, reason, code) for code, reason, what in texts.CHECKS.values()]
    # That it is merely too old is a class of its own, without a reason.
    assert [(what, reason or "exp", code) for what, reason, code in ORDER] == told
    assert list(texts.CHECKS) == list(texts.REFUSALS)


@pytest.mark.parametrize("number", range(len(SPOILED)))
def test_each_check_names_what_it_says(number: int) -> None:
    _, reason, code = ORDER[number]

    assert refused(spoiled(number)) == ("sid" if reason == "the name of the claim" else reason, code)


@pytest.mark.parametrize("number", range(len(SPOILED)))
def test_the_first_check_that_fails_is_the_one_that_is_told(number: int) -> None:
    """With all that comes later wrong as well."""
    assert refused(spoiled(*range(number, len(SPOILED)))) == refused(spoiled(number))


# -- JavaScript --------------------------------------------------------------------------------------------------------


@pytest.fixture
def jwks() -> Iterator[str]:
    """Where the public key is published."""
    body = json.dumps(KeySet([KEY]).to_jwks()).encode()

    class Published(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/jwk-set+json")
            self.end_headers()
            _ = self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  as the standard library names it
            pass

    server = HTTPServer(("127.0.0.1", 0), Published)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/jwks.json"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_its_javascript_verifies_and_refuses(jwks: str, tmp_path: Path) -> None:
    needs("npm")
    [shown] = blocks("js")
    _ = shutil.copy(vectors.FOLDER / "jose-npm" / "package.json", tmp_path)
    (tmp_path / "verify.mjs").write_text(shown.replace("https://auth.example.com/.well-known/jwks.json", jwks))
    (tmp_path / "main.mjs").write_text(
        'import { verify } from "./verify.mjs";\n'
        "for (const token of process.argv.slice(2)) {\n"
        '  console.log(await verify(token).then((payload) => payload.sub, () => "refused"));\n'
        "}\n"
    )
    now = int(time())
    good = {**CLAIMS, "iss": "https://auth.example.com", "aud": "orders", "iat": now, "exp": now + 600}
    told = [
        tokens.sign(good, KEY),
        tokens.sign(good, KEY, headers={"typ": "JWT"}),
        tokens.sign({**good, "iss": "x"}, KEY),
        tokens.sign({**good, "aud": "x"}, KEY),
        tokens.sign({**good, "exp": now - 600}, KEY),
        tokens.sign({name: value for name, value in good.items() if name != "jti"}, KEY),
        tokens.sign(good, OTHER),
        tokens.sign(good, KEY)[:-8] + "AAAAAAAA",
    ]

    _ = subprocess.run(["npm", "install", "--silent"], cwd=tmp_path, check=True, capture_output=True)
    done = subprocess.run(["node", "main.mjs", *told], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["ada"] + ["refused"] * (len(told) - 1)
