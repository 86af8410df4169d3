"""The example, as a real process and through a real cookie jar."""

import time
from collections.abc import Iterator

import httpx
import pytest
from support.gates import RegisteringGate
from support.register import REGISTER, Register
from support.server import Server, first_login

from gatepass import MODES, Credentials, Mode
from gatepass.keys import KeyFile
from gatepass.stores.sqlite import SqliteStore

ADA = {"name": "ada", "password": "analytical engine"}
ACCESS, REFRESH = "first-login-access", "first-login-refresh"


@pytest.fixture(scope="module", params=MODES)
def mode(request: pytest.FixtureRequest) -> Mode:
    chosen: Mode = request.param
    return chosen


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, mode: Mode) -> Iterator[Server]:
    with first_login(tmp_path_factory.mktemp("example"), mode) as server:
        yield server
    REGISTER.log.append(server.log.read_text())
    REGISTER.places.append(server.folder / "first_login.db")


class Browser(httpx.Client):
    """Keeps cookies, says where it comes from, and takes pages."""

    def __init__(self, server: Server, register: Register) -> None:
        headers = {"Origin": server.url, "Accept": "text/html"}
        super().__init__(base_url=server.url, headers=headers, trust_env=False)
        self._register = register
        self.url = server.url

    def log_in(self) -> httpx.Response:
        answer = self.post("/auth/login", data=ADA)
        self._register.credentials |= {value for value in self.cookies.values() if value}
        return answer


@pytest.fixture
def browser(server: Server, register: Register) -> Iterator[Browser]:
    with Browser(server, register) as browser:
        yield browser


@pytest.fixture
def another(server: Server, register: Register) -> Iterator[Browser]:
    with Browser(server, register) as browser:
        yield browser


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_log_in_be_remembered_log_out_be_refused(browser: Browser, mode: Mode) -> None:
    assert browser.get("/").headers["location"] == "/login"
    assert browser.log_in().headers["location"] == "/"

    page = browser.get("/")
    assert "Hello, ada" in page.text
    assert page.headers["cache-control"] == "no-store"
    me = browser.get("/me").json()
    assert (me["subject"], me["mode"], me["roles"]) == ("ada", mode, ["admin"])

    held = dict(browser.cookies)
    assert browser.post("/auth/logout").headers["location"] == "/login"
    assert not any(browser.cookies.values())
    assert browser.get("/").headers["location"] == "/login"

    kept = httpx.get(f"{browser.url}/me", cookies={ACCESS: held[ACCESS]}, trust_env=False)
    assert code(kept) == (401, "credential_revoked")


def test_cookies_cannot_be_read_by_script_nor_sent_from_elsewhere(browser: Browser, mode: Mode) -> None:
    cookies = browser.log_in().headers.get_list("set-cookie")

    assert {cookie.partition("=")[0] for cookie in cookies} == {ACCESS, REFRESH}
    for cookie in cookies:
        assert "HttpOnly" in cookie
        strict = cookie.startswith(REFRESH)
        assert ("SameSite=strict; " if strict else "SameSite=lax").strip("; ") in cookie
        assert ("Path=/auth" in cookie) == strict
    assert (REFRESH in browser.cookies) == (mode == "hybrid")


def test_a_program_logs_in_with_tokens(server: Server, mode: Mode, register: Register) -> None:
    with httpx.Client(base_url=server.url, trust_env=False) as program:
        held = program.post("/auth/login", data={**ADA, "transport": "bearer"}).json()
        register.credentials |= {held["access_token"], held.get("refresh_token", held["access_token"])}
        headers = {"Authorization": f"Bearer {held['access_token']}"}
        assert program.get("/me", headers=headers).json()["session_id"] == held["session_id"]

        if mode == "hybrid":
            form = {"refresh_token": held["refresh_token"], "transport": "bearer"}
            renewed = program.post("/auth/refresh", data=form).json()
            register.credentials |= {renewed["access_token"], renewed["refresh_token"]}
            assert renewed["session_id"] == held["session_id"]
            headers = {"Authorization": f"Bearer {renewed['access_token']}"}
            assert program.get("/me", headers=headers).status_code == 200

        assert program.post("/auth/logout", headers=headers).status_code == 303
        assert code(program.get("/me", headers=headers)) == (401, "credential_revoked")


def test_one_device_logs_another_out(browser: Browser, another: Browser) -> None:
    browser.log_in()
    another.log_in()
    there = another.get("/me").json()["session_id"]
    assert f"/auth/devices/{there}/end" in browser.get("/devices").text

    assert browser.post(f"/auth/devices/{there}/end").headers["location"] == "/devices"

    assert another.get("/").headers["location"] == "/login"
    assert "Hello, ada" in browser.get("/").text
    assert "revoked" in browser.get("/devices").text


def test_nobody_logs_out_somebody_elses_device(browser: Browser, another: Browser) -> None:
    browser.log_in()
    another.post("/auth/login", data={"name": "grace", "password": "nanoseconds of wire"})
    there = another.get("/me").json()["session_id"]

    assert browser.post(f"/auth/devices/{there}/end").status_code == 404
    assert "Hello, grace" in another.get("/").text


def test_posts_from_elsewhere_change_nothing(browser: Browser) -> None:
    """Each beside its honest twin, which works."""
    browser.log_in()
    foreign = ["http://evil.example", "null", f"{browser.url}0", "https://127.0.0.1"]
    for origin in foreign:
        answer = browser.post("/auth/logout", headers={"Origin": origin, "Accept": "application/json"})
        assert code(answer) == (403, "csrf_refused"), origin
        login = httpx.post(f"{browser.url}/auth/login", data=ADA, headers={"Origin": origin}, trust_env=False)
        assert code(login) == (403, "csrf_refused")
        assert "set-cookie" not in login.headers
    held = {"Cookie": f"{ACCESS}={browser.cookies[ACCESS]}"}
    silent = httpx.post(f"{browser.url}/auth/logout", headers=held, trust_env=False)
    assert code(silent) == (403, "csrf_refused")
    assert "Hello, ada" in browser.get("/").text

    assert browser.post("/auth/logout").status_code == 303
    assert browser.get("/").headers["location"] == "/login"


def test_a_page_of_another_name_is_not_served(server: Server) -> None:
    """DNS rebinding looks same-origin to a browser."""
    answer = httpx.get(f"{server.url}/login", headers={"Host": "evil.example"}, trust_env=False)
    assert answer.status_code == 400
    assert httpx.get(f"{server.url}/login", trust_env=False).status_code == 200


@pytest.mark.parametrize("form", [{}, {"name": "ada"}, {**ADA, "password": "x"}, {"name": "nobody", "password": "x"}])
def test_a_wrong_password_logs_nobody_in(browser: Browser, form: dict[str, str]) -> None:
    answer = browser.post("/auth/login", data=form, headers={"Accept": "application/json"})

    assert code(answer) == (401, "login_failed")
    assert "set-cookie" not in answer.headers


def test_a_form_that_is_no_form_of_ours_is_refused(browser: Browser) -> None:
    json = {"Accept": "application/json"}
    assert code(browser.post("/auth/login", content=b"name=" + b"a" * 10_000, headers=json)) == (413, "too_large")
    assert code(browser.post("/auth/login", content=b"\xff\xfe&=&&", headers=json)) == (401, "login_failed")
    assert browser.log_in().status_code == 303


def test_after_five_minutes_a_page_renews_and_goes_on(server: Server, browser: Browser, mode: Mode) -> None:
    """Whoever comes back after lunch sees the page that they asked for, and no login form. No GET rotates."""
    if mode != "hybrid":
        pytest.skip("only hybrid renews")
    past = RegisteringGate(
        SqliteStore(server.folder / "first_login.db"),
        mode="hybrid",
        keys=KeyFile(server.folder / "keys.json"),
        name="first-login",
        clock=lambda: time.time() - 3_600,
    )
    credentials: Credentials = past.login("ada")
    past.close()
    browser.cookies.set(ACCESS, credentials.access_token, domain="127.0.0.1", path="/")
    browser.cookies.set(REFRESH, credentials.refresh_token or "", domain="127.0.0.1", path="/auth")

    answer = browser.get("/devices")
    assert (answer.status_code, answer.headers["location"]) == (303, "/auth/renew?next=/devices")
    page = browser.get(answer.headers["location"])
    assert 'action="/auth/refresh"' in page.text
    assert "set-cookie" not in page.headers
    renewed = browser.post("/auth/refresh", data={"next": "/devices"})
    assert renewed.headers["location"] == "/devices"
    assert "Your devices" in browser.get("/devices").text
    assert browser.post(f"/auth/devices/{credentials.session_id}x/end").status_code == 404
    elsewhere = browser.post("/auth/refresh", data={"next": "//evil.example"})
    assert elsewhere.headers["location"] == "/"


def test_who_was_logged_out_while_away_gets_the_form(server: Server, browser: Browser, mode: Mode) -> None:
    """The renewal is refused, the cookies go, and nothing leads round in a circle."""
    if mode != "hybrid":
        pytest.skip("only hybrid renews")
    browser.log_in()
    assert browser.post("/auth/logout", headers={"Cookie": f"{REFRESH}={browser.cookies[REFRESH]}"}).status_code == 303
    browser.cookies.set(REFRESH, "x" * 70, domain="127.0.0.1", path="/auth")

    answer = browser.post("/auth/refresh", data={"next": "/"})

    assert answer.headers["location"] == "/login"
    assert not any(browser.cookies.values())


def test_a_damaged_cookie_does_not_keep_a_logout_from_the_other(browser: Browser, mode: Mode, server: Server) -> None:
    if mode != "hybrid":
        pytest.skip("there is one cookie")
    browser.log_in()
    refresh = browser.cookies[REFRESH]
    damaged = {"Cookie": f"{ACCESS}=damaged; {REFRESH}={refresh}", "Origin": server.url}
    assert httpx.post(f"{server.url}/auth/logout", headers=damaged, trust_env=False).status_code == 303

    answer = httpx.post(f"{server.url}/auth/refresh", data={"refresh_token": refresh}, trust_env=False)
    assert code(answer) == (401, "credential_revoked")


def test_a_wrong_password_gets_the_form_again(browser: Browser) -> None:
    answer = browser.post("/auth/login", data={**ADA, "password": "x"})

    assert answer.status_code == 401
    assert 'name="password"' in answer.text
    assert "the login failed" in answer.text
