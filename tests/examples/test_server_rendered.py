"""The pages, as a real process and through a real cookie jar. What browsers add is held in tests/browser."""

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from support.register import REGISTER, Register
from support.server import Server, clocked, example

from gatepass import MODES, Mode

ADA = {"name": "ada", "password": "analytical engine"}


@pytest.fixture(scope="module", params=MODES)
def mode(request: pytest.FixtureRequest) -> Mode:
    chosen: Mode = request.param
    return chosen


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, mode: Mode) -> Iterator[Server]:
    with clocked(tmp_path_factory.mktemp("pages"), "server_rendered", mode) as server:
        yield server
    REGISTER.log.append(server.log.read_text())
    REGISTER.places.append(server.store)


class Visitor(httpx.Client):
    """Keeps cookies, says where it comes from, and takes pages."""

    def __init__(self, server: Server, register: Register, **headers: str) -> None:
        headers = {"Origin": server.url, "Accept": "text/html", **headers}
        super().__init__(base_url=server.url, headers=headers, trust_env=False)
        self._register = register

    def log_in(self, **form: str) -> httpx.Response:
        answer = self.post("/login", data={**ADA, **form})
        self._register.credentials |= {value for value in self.cookies.values() if value}
        return answer


@pytest.fixture
def visitor(server: Server, register: Register) -> Iterator[Visitor]:
    with Visitor(server, register) as visitor:
        yield visitor


@pytest.fixture
def another(server: Server, register: Register) -> Iterator[Visitor]:
    with Visitor(server, register) as visitor:
        yield visitor


def here(visitor: Visitor) -> str:
    """The id of the session of *visitor*."""
    found: str = visitor.get("/auth/me").json()["session_id"]
    return found


def test_log_in_be_remembered_log_out_be_refused(visitor: Visitor, server: Server, mode: Mode) -> None:
    assert visitor.get("/devices").headers["location"] == "/login?next=%2Fdevices"
    assert visitor.log_in(next="/devices").headers["location"] == "/devices"

    page = visitor.get("/")
    assert "Hello, ada" in page.text
    assert f"<dd>{mode}</dd>" in page.text
    assert "<dd>admin</dd>" in page.text
    assert page.headers["cache-control"] == "no-store"

    held = dict(visitor.cookies)
    assert visitor.post("/logout").headers["location"] == "/login"
    assert not any(visitor.cookies.values())
    assert visitor.get("/").headers["location"] == "/login?next=%2F"
    kept = httpx.get(f"{server.url}/auth/me", cookies=held, trust_env=False)
    assert (kept.status_code, kept.json()["code"]) == (401, "credential_revoked")


def test_who_logs_out_twice_is_not_bothered(visitor: Visitor) -> None:
    assert visitor.post("/logout").headers["location"] == "/login"


@pytest.mark.parametrize("form", [{"password": "x"}, {"name": "nobody"}, {"name": ""}, {"name": "<b>"}])
def test_a_wrong_password_gets_the_form_again(visitor: Visitor, form: dict[str, str]) -> None:
    answer = visitor.log_in(next="/devices", **form)

    assert answer.status_code == 401
    assert "Name and password do not match." in answer.text
    assert 'value="/devices"' in answer.text
    assert "<b>" not in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("next_page", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", ""])
def test_no_login_leads_to_another_site(visitor: Visitor, next_page: str) -> None:
    assert 'name="next" value="/"' in visitor.get("/login", params={"next": next_page}).text
    assert visitor.log_in(next=next_page).headers["location"] == "/"


def test_one_device_logs_another_out(visitor: Visitor, another: Visitor) -> None:
    visitor.log_in()
    another.log_in()
    there = here(another)
    assert f"/devices/{there}/end" in visitor.get("/devices").text

    assert visitor.post(f"/devices/{there}/end").headers["location"] == "/devices"

    assert another.get("/").headers["location"] == "/login?next=%2F"
    assert "Hello, ada" in visitor.get("/").text
    assert f"/devices/{there}/end" not in visitor.get("/devices").text


def test_one_device_logs_all_others_out(visitor: Visitor, another: Visitor) -> None:
    visitor.log_in()
    another.log_in()

    assert visitor.post("/devices/end-others").headers["location"] == "/devices"

    assert another.get("/").headers["location"] == "/login?next=%2F"
    assert "Hello, ada" in visitor.get("/").text


def test_nobody_logs_out_somebody_elses_device(visitor: Visitor, another: Visitor) -> None:
    visitor.log_in()
    another.log_in(name="grace", password="nanoseconds of wire")

    assert visitor.post(f"/devices/{here(another)}/end").headers["location"] == "/devices"
    assert visitor.post("/devices/end-others").headers["location"] == "/devices"

    assert "Hello, grace" in another.get("/").text


def test_an_old_browser_passes_by_the_token_in_the_form(server: Server, register: Register) -> None:
    """It says nothing of where a form comes from. The first login needs no token: there is nothing to protect yet."""
    with Visitor(server, register) as old:
        del old.headers["Origin"]
        assert old.log_in().status_code == 303
        assert old.post("/logout").status_code == 403
        assert old.post("/devices/end-others").status_code == 403
        [token] = set(re.findall(r'name="csrf_token" value="([^"]+)"', old.get("/devices").text))

        assert old.post("/devices/end-others", data={"csrf_token": token}).status_code == 303
        assert old.post("/logout", data={"csrf_token": token}).headers["location"] == "/login"


def test_its_pages_allow_no_script_and_nothing_from_elsewhere(visitor: Visitor) -> None:
    visitor.log_in()
    for path in ("/", "/devices", "/login"):
        page = visitor.get(path)
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert "<script" not in page.text
        assert not re.findall(r'(?:src|href)="(?!/|data:,")', page.text)


def test_a_page_of_another_name_is_not_served(server: Server) -> None:
    """DNS rebinding looks same-origin to a browser: a login there would be somebody else's."""
    headers = {"Host": "evil.example", "Origin": "http://evil.example"}
    answer = httpx.post(f"{server.url}/login", data=ADA, headers=headers, trust_env=False)

    assert answer.status_code == 421
    assert "set-cookie" not in answer.headers


def test_after_lunch_a_page_renews_and_goes_on(tmp_path_factory: pytest.TempPathFactory, register: Register) -> None:
    """Whoever comes back sees the page that they asked for, and no login form. No GET rotates."""
    with (
        clocked(tmp_path_factory.mktemp("lunch"), "server_rendered", "hybrid") as server,
        Visitor(server, register) as visitor,
    ):
        visitor.log_in()
        server.clock_goes_on(3_600)

        answer = visitor.get("/devices")
        assert (answer.status_code, answer.headers["location"]) == (303, "/auth/renew?next=%2Fdevices")
        page = visitor.get(answer.headers["location"])
        assert 'action="/auth/refresh"' in page.text
        assert "set-cookie" not in page.headers
        renewed = visitor.post("/auth/refresh", data={"next": "/devices"})
        assert renewed.headers["location"] == "/devices"
        assert "Your devices" in visitor.get("/devices").text

        server.clock_goes_on(3_600)
        assert visitor.post("/logout").headers["location"] == "/login"
        assert not any(visitor.cookies.values())


@pytest.mark.parametrize("form", ["end-others", "{id}/end"])
def test_a_form_of_before_lunch_changes_nothing_and_says_so(
    tmp_path_factory: pytest.TempPathFactory, register: Register, form: str
) -> None:
    """After the renewal the person is told to press again; and that does it."""
    with (
        clocked(tmp_path_factory.mktemp("lunch"), "server_rendered", "hybrid") as server,
        Visitor(server, register) as phone,
        Visitor(server, register) as visitor,
    ):
        phone.log_in()
        visitor.log_in()
        [other] = re.findall(r"/devices/([\w-]+)/end\"", visitor.get("/devices").text)
        pressed = "/devices/" + form.format(id=other)
        server.clock_goes_on(3_600)

        answer = visitor.post(pressed)
        asked = visitor.get(answer.headers["location"])
        again = visitor.post("/auth/refresh", data=dict(parse_qsl(urlsplit(asked.headers["location"]).query)))
        shown = visitor.get(again.headers["location"]).text
        assert "nothing was changed" in shown
        assert f"/devices/{other}/end" in shown

        assert visitor.post(pressed).headers["location"] == "/devices"
        shown = visitor.get("/devices").text
        assert "nothing was changed" not in shown
        assert f"/devices/{other}/end" not in shown


def test_it_runs_as_the_makefile_runs_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    with example(tmp_path_factory.mktemp("made"), "server_rendered", "jwt") as server:
        assert "Log in" in httpx.get(f"{server.url}/login", trust_env=False).text
        assert "user ada" in server.log.read_text()
        assert server.store.exists()
