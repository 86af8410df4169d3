"""Pages at routes of the application, which see no refresh cookie: who somebody is goes on, in each mode."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page
from support.register import REGISTER
from support.server import Server, running
from support.visitors import PASSWORDS

from gatepass import MODES, Mode

#: Longer than the route takes a login for recent; and longer than an access token of hybrid mode lives.
A_WHILE, A_BREAK = 90, 400

OPEN = """async (access) => {
  const { gatepass } = await import("/auth/gatepass.js");
  window.auth = gatepass({ access });
  window.ends = 0;
  auth.onend = () => { ends += 1 };
  window.post = (path, json) => {
    const body = json && JSON.stringify(json);
    return auth.fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body });
  };
  window.step = async (path, json) => {
    const answer = await post(path, json);
    return [answer.status, Object.keys(auth.accept(await answer.json()))];
  };
}"""


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> Mode:
    found: Mode = request.param
    return found


@pytest.fixture
def server(tmp_path: Path, mode: Mode) -> Iterator[Server]:
    with running(tmp_path, "-m", "support.clocked", MODE=mode, APP="support.outside") as found:
        yield found
    REGISTER.log.append(found.log.read_text())
    REGISTER.places.append(found.store)


def asked(page: Page, path: str, method: str = "GET") -> list[object]:
    answer = "(answer) => answer.json().then((said) => [answer.status, said.code ?? said])"
    found: list[object] = page.evaluate(
        f"([path, method]) => auth.fetch(path, {{ method }}).then({answer})", [path, method]
    )
    return found


def test_a_step_up_outside_of_the_prefix_leaves_a_cookie_to_renew_with(
    context: BrowserContext, server: Server, mode: Mode
) -> None:
    page = context.new_page()
    page.goto(server.url)
    page.evaluate(OPEN, "body")
    page.evaluate("(json) => step('/login', json)", {"name": "ada", "password": PASSWORDS["ada"]})
    server.clock_goes_on(A_WHILE)
    assert page.evaluate("() => post('/close').then((answer) => answer.json())")["code"] == "step_up_required"

    status, said = page.evaluate("() => step('/confirm')")

    assert status == 200
    assert "refresh_token" not in said
    assert ("access_token" in said) == (mode == "hybrid")
    assert page.evaluate("() => post('/close').then((answer) => answer.status)") == 200
    if mode == "hybrid":
        server.clock_goes_on(A_BREAK)
        with page.expect_response("**/auth/refresh") as renewed:
            assert page.evaluate("() => auth.fetch('/greeting').then((answer) => answer.status)") == 200
        assert renewed.value.status == 200
    page.reload()  # and the memory is gone
    page.evaluate(OPEN, "body")
    assert page.evaluate("() => auth.fetch('/greeting').then((answer) => answer.status)") == 200
    assert page.evaluate("() => ends") == 0


@pytest.mark.parametrize("mode", ["hybrid"])
def test_where_everybody_may_come_a_page_goes_on_as_who_it_is(context: BrowserContext, server: Server) -> None:
    """After a break, too: a feed of a stranger, or a comment of nobody, would go out without a word."""
    page = context.new_page()
    page.goto(server.url)
    page.evaluate(OPEN, "cookie")
    assert asked(page, "/feed") == [200, "nobody"]
    page.evaluate("() => step('/enter')")

    for path, method in (("/feed", "GET"), ("/comment", "POST")):
        server.clock_goes_on(A_BREAK)
        assert asked(page, path, method) == [200, "ada"]
    assert page.evaluate("() => ends") == 0

    # The session has ended elsewhere: this is told once, and then it is a stranger who asks.
    server.clock_goes_on(A_BREAK)
    with sqlite3.connect(server.store) as store:
        store.execute("DELETE FROM gatepass_session")
    store.close()
    assert asked(page, "/comment", "POST") == [401, "credential_expired"]
    assert page.evaluate("() => ends") == 1
    assert asked(page, "/comment", "POST") == [200, "nobody"]
    assert asked(page, "/feed") == [200, "nobody"]
    assert page.evaluate("() => ends") == 1
