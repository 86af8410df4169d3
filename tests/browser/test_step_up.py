"""A page that keeps its access token in memory steps up at a route of the application, and goes on in each mode."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext
from support.register import REGISTER
from support.server import Server, running
from support.visitors import PASSWORDS

from gatepass import MODES, Mode

#: Longer than the route takes a login for recent; and longer than an access token of hybrid mode lives.
A_WHILE, A_BREAK = 90, 400

OPEN = """async () => {
  const { gatepass } = await import("/auth/gatepass.js");
  window.auth = gatepass({ access: "body" });
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
    with running(tmp_path, "-m", "support.clocked", MODE=mode, APP="support.stepping_up") as found:
        yield found
    REGISTER.log.append(found.log.read_text())
    REGISTER.places.append(found.store)


def test_a_step_up_outside_of_the_prefix_leaves_a_cookie_to_renew_with(
    context: BrowserContext, server: Server, mode: Mode
) -> None:
    page = context.new_page()
    page.goto(server.url)
    page.evaluate(OPEN)
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
    page.evaluate(OPEN)
    assert page.evaluate("() => auth.fetch('/greeting').then((answer) => answer.status)") == 200
    assert page.evaluate("() => ends") == 0
