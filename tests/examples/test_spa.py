"""The API of the one page, as a real process. The page itself is held in tests/browser."""

from collections.abc import Iterator

import httpx
import pytest
from support.register import REGISTER, Register
from support.server import Server, example

ADA = {"name": "ada", "password": "analytical engine"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with example(tmp_path_factory.mktemp("spa"), "spa", "hybrid") as server:
        yield server
    REGISTER.log.append(server.log.read_text())
    REGISTER.places.append(server.store)


@pytest.fixture
def page(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, headers={"Origin": server.url}, trust_env=False) as page:
        yield page


def logged_in(page: httpx.Client, register: Register) -> dict[str, str]:
    said: dict[str, str] = page.post("/login", json=ADA).json()
    register.credentials |= {said["access_token"], *page.cookies.values()}
    return {"Authorization": f"Bearer {said['access_token']}"}


def test_the_access_token_is_in_the_answer_and_the_refresh_token_in_a_cookie(
    page: httpx.Client, register: Register
) -> None:
    answer = page.post("/login", json=ADA)

    said = answer.json()
    register.credentials |= {said["access_token"], *page.cookies.values()}
    assert set(said) == {"mode", "expires_in", "session_id", "csrf_token", "access_token"}
    [given] = [cookie for cookie in answer.headers.get_list("set-cookie") if "Max-Age=0" not in cookie]
    assert "-refresh=" in given
    assert {"HttpOnly", "Path=/auth", "SameSite=Strict"} <= set(given.split("; "))


def test_the_token_opens_and_the_cookie_alone_does_not(page: httpx.Client, register: Register) -> None:
    bearer = logged_in(page, register)

    assert page.get("/greeting").status_code == 401
    assert "Hello, ada" in page.get("/greeting", headers=bearer).json()["text"]


def test_a_wrong_password_logs_nobody_in(page: httpx.Client) -> None:
    answer = page.post("/login", json={**ADA, "password": "x"})

    assert (answer.status_code, answer.json()["code"]) == (401, "login_failed")
    assert "set-cookie" not in answer.headers


def test_the_page_allows_its_own_scripts_only(page: httpx.Client) -> None:
    policy = page.get("/").headers["content-security-policy"]

    assert {"default-src 'none'", "script-src 'self'", "connect-src 'self'"} <= set(policy.split("; "))
    assert "unsafe" not in policy
    assert "<script>" not in page.get("/").text


def test_it_logs_out(page: httpx.Client, register: Register) -> None:
    bearer = logged_in(page, register)

    assert page.post("/auth/logout").status_code == 204
    assert not any(page.cookies.values())
    assert page.get("/greeting", headers=bearer).json()["code"] == "credential_revoked"
