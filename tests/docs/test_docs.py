"""What the documents show is what happens: their Python runs, and their tables are held by the application."""

import asyncio
import importlib
import inspect
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request
from starlette.testclient import TestClient
from support.clock import Clock
from support.issuer import issuer

from gatepass import MODES, CredentialError, GatepassError, Mode
from gatepass.core.flow import Find, Swap
from gatepass.fastapi import Credentials, CurrentIdentity, Gatepass
from gatepass.keys import AsyncRemoteKeySet, new_ring
from gatepass.starlette import Gatepass as StarletteGatepass
from gatepass.starlette.routes import JWKS, OURS
from gatepass.starlette.sync import Sync
from gatepass.stores.memory import MemoryStore
from gatepass.testing import login_as

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
QUICKSTART = ROOT / "examples" / "fastapi_quickstart"

FASTAPI = (DOCS / "fastapi.md").read_text()
CSRF = (DOCS / "cookies-and-csrf.md").read_text()
INSPECT = (DOCS / "inspect-a-token.md").read_text()

SAME = {"Sec-Fetch-Site": "same-origin"}


def blocks(text: str) -> list[tuple[int, str]]:
    """The Python of a document, each with the line that it begins in."""
    found = re.finditer(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [(text[: match.start(1)].count("\n"), match[1]) for match in found]


def section(text: str, title: str) -> str:
    found = re.split(r"\n## ", text.partition(f"\n## {title}\n")[2])[0]
    assert found, title
    return found


def table(text: str, title: str) -> list[list[str]]:
    lines = section(text, title).splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line[:1] == "|"]
    assert len(rows) > 2, title
    return rows[2:]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty one to work in, with the quickstart to be imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(QUICKSTART))
    before = set(sys.modules)
    yield tmp_path
    for name in {"app", "my_users"} & (set(sys.modules) - before):
        found = sys.modules.pop(name)
        if name == "app":
            found.auth.close()


def run(document: str, text: str) -> dict[str, Any]:
    """Run the blocks in order, as one module, and the tests that they define."""
    names: dict[str, Any] = {"__name__": document}
    gates: list[StarletteGatepass] = []
    for line, block in blocks(text):
        exec(compile("\n" * line + block, document, "exec"), names)
        for name in [name for name in names if name.startswith("test_")]:
            names.pop(name)()
        gates += [thing for thing in names.values() if isinstance(thing, StarletteGatepass) and thing not in gates]
    for auth in gates:
        auth.close()
    return names


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("document", "text"),
    [("fastapi.md", FASTAPI), ("cookies-and-csrf.md", CSRF), ("inspect-a-token.md", INSPECT)],
)
def test_the_python_of_a_document_runs(document: str, text: str) -> None:
    """In order, and the tests that it shows pass."""
    assert blocks(text)
    run(document, text)


@pytest.mark.parametrize("document", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_a_link_to_a_heading_finds_it(document: Path) -> None:
    """Also in another document; that the files are there is held elsewhere."""
    for target, heading in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", document.read_text()):
        path = document.parent / target if target else document
        assert heading in {_anchor(title) for title in re.findall("^##* (.*)$", path.read_text(), re.MULTILINE)}


def _anchor(title: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


# -- docs/fastapi.md ---------------------------------------------------------------------------------------------------


def test_the_first_example_is_the_file_that_it_names() -> None:
    assert blocks(FASTAPI)[0][1] == (QUICKSTART / "app.py").read_text()


@pytest.mark.usefixtures("folder")
def test_the_first_example_does_what_is_said_of_it() -> None:
    app = importlib.import_module("app").app
    client = TestClient(app, headers=SAME)

    assert client.post("/login", data={"name": "ada", "password": "wrong"}).json()["code"] == "login_failed"
    client.post("/login", data={"name": "ada", "password": "correct horse"})
    assert client.get("/me").json() == {"hello": "ada"}
    assert client.delete("/billing").status_code == 200
    client.post("/login", data={"name": "bob", "password": "battery staple"})
    assert client.delete("/billing").json()["code"] == "role_required"


def test_the_routes_are_those_of_the_table() -> None:
    """Each with refusals that it can answer with, and no other route."""
    rows = table(FASTAPI, "The routes")
    shown = {(row[0], row[1].strip("`")): row[3] for row in rows}
    there = {(ours.method, ours.path if ours.path == JWKS else "/auth" + ours.path): ours for ours in OURS}
    assert set(shown) == set(there)

    statuses = {kind.code: kind.status for kind in _kinds(GatepassError) if hasattr(kind, "code")}
    for key, ours in there.items():
        codes = re.findall(r"`([a-z_]+)(?:\.\.\.)?`", shown[key])
        found = {401 if code == "credential_" else statuses[code] for code in codes}
        assert found <= set(ours.refusals), key
        assert set(ours.refusals) - {403, 409, 421, 503} <= found, key


def test_the_verbs_are_those_of_the_table() -> None:
    """And the same are on `auth.sync`, but for one that is plain anyway."""
    shown = {re.findall(r"auth\.(\w+)", row[0])[0] for row in table(FASTAPI, "The verbs")}
    public = {name for name, thing in vars(StarletteGatepass).items() if inspect.iscoroutinefunction(thing)}

    assert shown == public | {"csrf_token", "gate"}
    assert public <= set(dir(Sync))


# -- its recipes -------------------------------------------------------------------------------------------------------

RECIPES = section(FASTAPI, "Recipes")
ADA = {"name": "ada", "password": "correct horse"}


@pytest.fixture
def recipes(folder: Path) -> dict[str, Any]:
    """What they define: one application, below the names of the first example and of what is imported on the way."""
    imports = "from gatepass.fastapi import MaybeIdentity"
    return run("fastapi.md", f"```python\n{blocks(FASTAPI)[0][1]}{imports}\n```\n{RECIPES}")


def devices(recipes: dict[str, Any], number: int) -> list[TestClient]:
    """So many that ada has logged in on."""
    found = [TestClient(recipes["app"], headers=SAME) for _ in range(number)]
    for client in found:
        assert client.post("/login", data=ADA).status_code == 200
    return found


def alive(clients: list[TestClient]) -> list[bool]:
    return [client.get("/auth/me").is_success for client in clients]


def test_a_policy_says_how_long_and_how_many(recipes: dict[str, Any]) -> None:
    clients = devices(recipes, 6)

    held = alive(clients)
    assert (sum(held), held[-1]) == (5, True), "of those that logged in within one second, any may be the oldest"
    told = clients[-1].post("/auth/refresh").json()
    assert told["expires_in"] == recipes["policy"].access_ttl == 120
    assert (Path("var") / "keys.json").exists(), "the files are where it says"


def test_a_number_goes_in_as_a_text(recipes: dict[str, Any]) -> None:
    [client] = devices(recipes, 1)

    assert client.get("/auth/me").json()["subject"] == "ada"
    assert "str(user.id)" in RECIPES


def test_everywhere_is_every_device_and_nobody_else(recipes: dict[str, Any]) -> None:
    clients = devices(recipes, 3)
    other = TestClient(recipes["app"], headers=SAME)
    other.post("/login", data={"name": "bob", "password": "battery staple"})

    assert clients[0].post("/logout-everywhere").json() == {"ended": 3}
    assert alive(clients) == [False] * 3
    assert not clients[0].cookies
    assert alive([other]) == [True]


def test_a_password_that_is_asked_for_again_opens_what_asks_for_it(recipes: dict[str, Any]) -> None:
    clients = devices(recipes, 2)
    before = clients[0].get("/auth/me").json()["session_id"]
    store = recipes["auth"].store
    row = store.answer(Find(before))
    assert store.answer(Swap(replace(row, auth_time=row.auth_time - 301), row.version)), "that was a while ago"
    clients[0].post("/auth/refresh")

    assert clients[0].delete("/account").json()["code"] == "step_up_required"
    assert clients[0].post("/confirm", data={"password": "wrong"}).json()["code"] == "login_failed"
    assert clients[0].delete("/account").json()["code"] == "step_up_required"
    assert clients[0].post("/confirm", data={"password": "correct horse"}).status_code == 200
    assert clients[0].get("/auth/me").json()["session_id"] != before
    assert clients[0].delete("/account").status_code == 200
    assert alive(clients) == [True, True]


def test_a_changed_password_logs_out_whoever_knew_the_old_one(recipes: dict[str, Any]) -> None:
    clients = devices(recipes, 3)
    stolen = TestClient(recipes["app"], headers=SAME)
    stolen.cookies.update(clients[0].cookies)

    assert clients[0].post("/password", data={"current": "wrong", "new": "x"}).json()["code"] == "login_failed"
    assert alive([*clients, stolen]) == [True] * 4
    assert clients[0].post("/password", data={"current": "correct horse", "new": "x"}).status_code == 200
    assert alive([*clients, stolen]) == [True, False, False, False]
    reasons = {row.ended_reason for row in recipes["auth"].plain.sessions("ada")}
    assert "password" in reasons


def test_a_template_knows_who_is_there(recipes: dict[str, Any]) -> None:
    [page] = re.findall("```html\n(.*?)```", RECIPES, re.DOTALL)
    Path("templates").mkdir()
    Path("templates/hello.html").write_text(page + "/{{ request.user.display_name }}/")
    client = TestClient(recipes["app"], headers=SAME)

    stranger = client.get("/hello")
    assert "Log in" in stranger.text
    assert "//" in stranger.text
    login_as(client, "ada", roles={"admin"})
    known = client.get("/hello")
    assert "Hello, ada, administrator" in known.text
    assert "/ada/" in known.text
    assert known.headers["cache-control"] == stranger.headers["cache-control"] == "no-store"


def test_the_lines_for_nginx_are_enough(folder: Path) -> None:
    """What they do to a request is done here, and nothing else: the path is cut, those headers are set."""
    [lines] = re.findall("```nginx\n(.*?)```", RECIPES, re.DOTALL)
    [cut] = re.findall("location (.*)/ {", lines)
    assert re.search("proxy_pass http://[^/]*/;", lines), "the slash that cuts"
    values = {"$host": "example.com", "$remote_addr": "192.0.2.7", "$scheme": "https"}
    passed = {name: values.get(value, "") for name, value in re.findall(r"proxy_set_header (\S+) (\S+);", lines)}
    assert passed["Host"] == "example.com"

    app = FastAPI()
    [options] = re.findall(r"Gatepass\(app, (issuer=[^)]*)\)` and", RECIPES)
    auth = Gatepass(app, mode="hybrid", store=MemoryStore(), keys=new_ring(now=0), **eval(f"dict({options})"))
    app.add_api_route("/login", _login(auth), methods=["POST"])
    client = TestClient(app, base_url="http://127.0.0.1:8000", headers={**SAME, **passed})
    headers = client.post("/login").headers.get_list("set-cookie")
    given = {header.partition("=")[0]: header for header in headers if "Max-Age=0" not in header}
    assert f"Path={cut}/auth;" in given["__Secure-gatepass-refresh"]
    cookie = "; ".join(header.partition(";")[0] for header in given.values())
    assert client.post("/auth/refresh", headers={"Cookie": cookie}).status_code == 200
    assert TestClient(app, headers={**SAME, **passed, "Host": "127.0.0.1:8000"}).post("/login").status_code == 421


def test_another_machine_checks_by_the_public_keys(recipes: dict[str, Any]) -> None:
    public = Gatepass(mode="hybrid", store=MemoryStore(), keys=recipes["auth"].ring, issuer=recipes["APP"])
    token = public.plain.login("ada").access_token

    with issuer() as served:
        served.body = json.dumps(public.plain.jwks()).encode()
        recipes["remote"] = AsyncRemoteKeySet(served.url)
        assert asyncio.run(recipes["subject_of"](token)) == "ada"
        with pytest.raises(CredentialError):
            asyncio.run(recipes["subject_of"](recipes["auth"].plain.login("ada").access_token))


def _kinds(root: type[GatepassError]) -> Iterator[type[GatepassError]]:
    for kind in root.__subclasses__():
        yield kind
        yield from _kinds(kind)


# -- docs/cookies-and-csrf.md ------------------------------------------------------------------------------------------

NOTHING = "\N{EN DASH}"


@pytest.mark.usefixtures("folder")
def test_its_form_its_token_and_its_program_work() -> None:
    """As an old browser would send the form, and as curl sends the rest: neither says where it comes from."""
    names = run("cookies-and-csrf.md", CSRF)
    client = TestClient(names["app"], base_url="http://localhost:8000")
    client.post("/login")

    token = re.findall('name="csrf_token" value="([^"]+)"', client.get("/transfer").text)[0]
    assert client.post("/transfer").json()["detail"].endswith("token")
    assert client.post("/transfer", data={"csrf_token": token}).json() == {"by": "ada"}
    found = re.findall(r'.*"csrf_token":"([^"]*)".*', client.get("/auth/me").text)  # what `sed` does there
    assert found == [token]
    assert client.post("/transfer", headers={"X-CSRF-Token": token}).json() == {"by": "ada"}

    program = TestClient(names["app"], base_url="http://localhost:8000")
    [bearer] = re.findall(r'.*"access_token":"([^"]*)".*', program.post("/token").text)
    assert program.post("/transfer", headers={"Authorization": f"Bearer {bearer}"}).json() == {"by": "ada"}
    names["auth"].close()


@pytest.mark.parametrize(
    ("url", "served"),
    [
        ("http://localhost:8000", True),
        ("http://shop.localhost:8000", True),
        ("http://127.0.0.1", True),
        ("http://[::1]:8000", True),
        ("http://testserver", True),
        ("http://192.168.0.7:8000", False),
        ("http://localhost.evil.example", False),
        ("https://app.example.com", False),
    ],
)
def test_without_an_issuer_loopback_is_served_and_nothing_else(url: str, served: bool) -> None:
    """The list under `host_unknown`."""
    app = FastAPI()
    auth = Gatepass(app, store=MemoryStore(), keys=new_ring("HS256", now=1_900_000_000))
    app.add_api_route("/login", _login(auth), methods=["POST"])
    client = TestClient(app, base_url=url, headers=SAME)

    for answer in (client.post("/login"), client.get("/auth/gatepass.js")):
        assert answer.status_code == (200 if served else 421)
        assert served or answer.json()["code"] == "host_unknown"


def shop(mode: Mode, **options: Any) -> FastAPI:
    app = FastAPI()
    auth = Gatepass(
        app, mode=mode, store=MemoryStore(), keys=new_ring("HS256", now=1_900_000_000), clock=Clock(),
        issuer="https://app.example.com", origins=["https://spa.example.com"], **options,
    )  # fmt: skip

    @app.post("/login")
    async def login(request: Request) -> Credentials:
        return await auth.login(request, "ada")

    @app.post("/transfer")
    async def transfer(who: CurrentIdentity) -> str:
        return who.subject

    return app


def visitor(app: FastAPI) -> tuple[TestClient, str]:
    """A browser that has logged in, and its CSRF token."""
    client = TestClient(app, base_url="https://app.example.com")
    return client, client.post("/login", headers=SAME).json()["csrf_token"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("row", table(CSRF, "How it is decided"), ids=" ".join)
def test_the_decision_is_that_of_the_table(mode: Mode, row: list[str]) -> None:
    """Each row is sent to an application, in each mode."""
    site, origin, token, expected = (cell.strip("`") for cell in row)
    app = shop(mode)
    client, mine = visitor(app)
    _, others = visitor(app)
    headers = {"Sec-Fetch-Site": site, "Origin": origin, "X-CSRF-Token": {"of this session": mine}.get(token, others)}
    said = dict(zip(headers, (site, origin, token), strict=True))
    answer = client.post("/transfer", headers={name: value for name, value in headers.items() if said[name] != NOTHING})

    if expected == "passes":
        assert (answer.status_code, answer.json()) == (200, "ada")
        return
    code, reason = re.findall("[a-z_]+", expected)
    assert (answer.json()["code"], answer.json()["detail"].rpartition(" ")[2]) == (code, reason)
    assert client.post("/transfer", headers=SAME).status_code == 200


def test_the_table_has_every_reason_and_every_pair_of_headers() -> None:
    rows = table(CSRF, "How it is decided")
    assert {re.findall("[a-z]+", row[3])[-1] for row in rows} == {"passes", "origin", "site", "token"}
    for site in ("`same-origin`", "`same-site`", "`cross-site`", NOTHING):
        assert {row[1] == NOTHING for row in rows if row[0] == site} == {True, False}, site


@pytest.mark.parametrize("mode", MODES)
def test_without_a_cookie_and_without_a_header_a_program_logs_in(mode: Mode) -> None:
    """The sentence below the table."""
    client = TestClient(shop(mode), base_url="https://app.example.com")
    assert client.post("/login", headers={"Origin": "https://evil.example"}).json()["code"] == "csrf_refused"
    assert client.post("/login").status_code == 200


def cookies(client: TestClient) -> dict[str, str]:
    answer = client.post("/login", headers=SAME)
    lines = [line for line in answer.headers.get_list("set-cookie") if "Max-Age=0" not in line]
    return {line.partition("=")[0]: line.partition("; ")[2] for line in lines}


@pytest.mark.parametrize("secure", [True, False], ids=["https", "loopback"])
def test_the_cookies_are_those_of_the_table(secure: bool) -> None:
    """Names and attributes, in all modes."""
    found: dict[str, str] = {}
    for mode in MODES:
        if secure:
            client = TestClient(shop(mode), base_url="https://app.example.com")
        else:
            app = FastAPI()
            auth = Gatepass(app, mode=mode, store=MemoryStore(), keys=new_ring("HS256", now=1_900_000_000))
            app.add_api_route("/login", _login(auth), methods=["POST"])
            client = TestClient(app, base_url="http://localhost:8000")
        found |= cookies(client)

    rows = table(CSRF, "The cookies")
    assert {row[1 if secure else 2].strip("`") for row in rows} == set(found)
    for row in rows:
        said = re.findall("`(.*?)`", row[3])
        expected = said if secure else [part for part in said if part != "Secure"]
        given = [part for part in found[row[1 if secure else 2].strip("`")].split("; ") if "Max-Age" not in part]
        assert sorted(given) == sorted(expected)


def _login(auth: Gatepass) -> Any:
    async def login(request: Request) -> Credentials:
        return await auth.login(request, "ada")

    return login
