"""Two tabs of one browser, whose access token ends at the same moment: a hundred times, and nobody is logged out."""

import sqlite3
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, Request
from support.server import Server
from support.visitors import OfOnePage, OfPages

from gatepass import Mode

ROUNDS = 100
#: Whole pages, of three requests each.
LOADS = 25
#: Longer than an access token lives.
A_BREAK = 400

RENEW = """() => {
  const headers = { "Content-Type": "application/json" };
  const asked = fetch("/auth/refresh", { method: "POST", headers, body: '{"access": "body"}' });
  window.answer = asked.then((answer) => answer.status);
}"""

Serve = Callable[[str, Mode], Server]

pytestmark = pytest.mark.timeout(120)


def live_sessions(server: Server) -> list[int]:
    """The generation of each."""
    store = sqlite3.connect(f"file:{server.store}?mode=ro", uri=True)
    rows = store.execute("SELECT generation FROM gatepass_session WHERE ended_at IS NULL").fetchall()
    store.close()
    return [generation for (generation,) in rows]


def renewals(context: BrowserContext) -> list[Request]:
    """Those that the pages of *context* ask for from now on."""
    asked: list[Request] = []

    def note(request: Request) -> None:
        if request.url.endswith("/auth/refresh"):
            asked.append(request)

    context.on("request", note)
    return asked


def test_two_tabs_that_know_nothing_of_each_other(context: BrowserContext, serve: Serve) -> None:
    """Without locks: each sends the same refresh token, and is given the same successor."""
    server = serve("spa", "hybrid")
    tabs = two_tabs(context, server)
    before = live_sessions(server)

    for _ in range(ROUNDS):
        for tab in tabs:
            tab.evaluate(RENEW)
        assert [tab.evaluate("() => answer") for tab in tabs] == [200, 200]

    assert len(live_sessions(server)) == len(before) == 1
    OfOnePage(tabs[0], server.url).is_logged_in()


def test_two_tabs_with_the_module_renew_once(context: BrowserContext, serve: Serve) -> None:
    server = serve("spa", "hybrid")
    tabs = two_tabs(context, server)
    asked = renewals(context)

    for count in range(1, ROUNDS + 1):
        server.clock_goes_on(A_BREAK)
        for tab in tabs:
            tab.evaluate("document.getElementById('answer').textContent = ''; document.getElementById('call').click()")
        for tab in tabs:
            tab.get_by_text("Hello, ada. This answer was for you alone.").wait_for()
        assert len(asked) == count


def test_two_tabs_that_load_pages(context: BrowserContext, serve: Serve) -> None:
    """Both are sent to the page that renews, and both come back."""
    server = serve("server_rendered", "hybrid")
    tabs = [context.new_page() for _ in range(2)]
    OfPages(tabs[0], server.url, scripts=True).come_in()
    asked = renewals(context)
    for tab in tabs:
        tab.goto(server.url)

    for count in range(1, LOADS + 1):
        server.clock_goes_on(A_BREAK)
        for tab in tabs:
            tab.evaluate(f"setTimeout(() => location.assign('/?{count}'))")
        for tab in tabs:
            tab.wait_for_url(f"{server.url}/?{count}", wait_until="commit")

    for tab in tabs:
        OfPages(tab, server.url, scripts=True).is_logged_in()
    assert len(live_sessions(server)) == 1
    assert LOADS <= len(asked) <= 2 * LOADS


def two_tabs(context: BrowserContext, server: Server) -> list[Page]:
    tabs = [context.new_page() for _ in range(2)]
    first = OfOnePage(tabs[0], server.url)
    first.come_in()
    first.go("/")
    first.log_out_others()
    for tab in tabs:
        OfOnePage(tab, server.url).is_logged_in()
    return tabs
