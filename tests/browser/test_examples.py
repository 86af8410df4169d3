"""Both examples, in every mode, with scripts and without: what people do in a day."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Request, Route, expect
from support.elsewhere import Elsewhere
from support.server import Server
from support.visitors import OfOnePage, OfPages, Visitor

from gatepass import MODES, Mode

CASES = [
    pytest.param((example, mode, scripts), id=f"{example}-{mode}-{'scripts' if scripts else 'no_scripts'}")
    for example, scripts in (("server_rendered", True), ("server_rendered", False), ("spa", True))
    for mode in MODES
]

#: Longer than an access token of hybrid mode lives; and than a token of jwt mode does, with the leeway.
A_BREAK, LUNCH = 400, 4_000

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"


class World:
    """An example in a mode, and people who come to it."""

    def __init__(
        self, case: tuple[str, Mode, bool], server: Server, new_context: Callable[..., BrowserContext]
    ) -> None:
        self.example, self.mode, self.scripts = case
        self.server = server
        self._new_context = new_context

    def visitor(self) -> Visitor:
        return self.at(self._new_context(scripts=self.scripts).new_page())

    def at(self, page: Page) -> Visitor:
        if self.example == "spa":
            return OfOnePage(page, self.server.url)
        return OfPages(page, self.server.url, scripts=self.scripts)


@pytest.fixture(params=CASES)
def world(
    request: pytest.FixtureRequest,
    serve: Callable[[str, Mode], Server],
    new_context: Callable[..., BrowserContext],
) -> World:
    example, mode, _ = request.param
    return World(request.param, serve(example, mode), new_context)


@pytest.fixture
def visitor(world: World) -> Visitor:
    return world.visitor()


def test_after_a_break_a_reload_shows_the_page(world: World, visitor: Visitor) -> None:
    """The access token has ended, in hybrid mode. A login form would be for those whose session has.

    That the refresh cookie leaves its prefix never is looked at after every test; here, that it would have been seen.
    """
    visitor.is_logged_out()
    visitor.log_in()
    requests: list[Request] = []
    visitor.page.on("requestfinished", lambda request: requests.append(request))  # noqa: PLW0108
    world.server.clock_goes_on(A_BREAK)
    visitor.is_logged_in()

    strict = {request.url for request in requests if "-refresh=" in request.all_headers().get("cookie", "")}
    assert (f"{world.server.url}/auth/refresh" in strict) == (world.mode == "hybrid")

    world.server.clock_goes_on(LUNCH)
    if world.mode == "jwt":
        visitor.is_logged_out()  # there is nothing to renew, and its hour is over
    else:
        visitor.is_logged_in()


def test_a_link_from_another_site_leads_to_the_page(world: World, visitor: Visitor, other_site: Elsewhere) -> None:
    """Also after a break, when the browser sends no strict cookie along with it."""
    path = "/devices" if world.example == "server_rendered" else "/"
    other_site.pages["/"] = f'<a href="{world.server.url}{path}">have a look</a>'
    visitor.come_in()

    for _ in range(2):
        visitor.page.goto(other_site.url("localhost"))
        visitor.page.get_by_role("link").click()
        visitor.page.wait_for_url(f"{world.server.url}/**")
        if isinstance(visitor, OfPages):
            visitor.arrive()
        visitor.page.get_by_role("heading", name="Your devices").wait_for()
        world.server.clock_goes_on(A_BREAK)


def test_one_device_logs_out_another(world: World, visitor: Visitor) -> None:
    visitor.come_in()
    visitor.go("/devices")
    visitor.log_out_others()
    friend = world.visitor()
    friend.come_in()
    friend.is_logged_in()

    other = visitor.others()  # there is one
    other.click()
    other.wait_for(state="detached")  # on this page: to go to another would break off what the click began

    friend.is_logged_out()
    visitor.is_logged_in()


def test_the_back_button_shows_nothing_after_a_logout(world: World, visitor: Visitor, other_site: Elsewhere) -> None:
    """A browser keeps pages to go back to; none of ours, or the next person at this desk would read them."""
    other_site.pages["/"] = "<h1>Elsewhere</h1>"
    visitor.come_in()
    visitor.go("/devices")
    visitor.log_out()

    if isinstance(visitor, OfPages):  # the other one never went anywhere
        visitor.page.go_back()
        nothing_is_shown(visitor.page)
    visitor.page.goto(other_site.url("localhost"))
    visitor.page.go_back()
    nothing_is_shown(visitor.page)


def nothing_is_shown(page: Page) -> None:
    page.get_by_role("button", name="Log in").wait_for()
    for known in ("ada", "127.0.0.1", "Log out"):
        assert known not in page.inner_text("body")


def test_no_script_can_read_a_credential(world: World, visitor: Visitor) -> None:
    """Neither cookies nor storage nor the page hold one."""
    visitor.come_in()

    cookies = visitor.page.context.cookies()
    assert {cookie["name"].rpartition("-")[2] for cookie in cookies} == {
        ("session", "server_rendered"): {"session"},
        ("session", "spa"): {"session"},
        ("jwt", "server_rendered"): {"access"},
        ("jwt", "spa"): {"access"},
        ("hybrid", "server_rendered"): {"access", "refresh"},
        ("hybrid", "spa"): {"refresh"},
    }[world.mode, world.example]
    assert all(cookie["httpOnly"] for cookie in cookies)
    assert {cookie["path"] for cookie in cookies if "refresh" in cookie["name"]} <= {"/auth"}
    for path in ("/", "/devices"):
        visitor.go(path)
        assert visitor.page.evaluate("[document.cookie, localStorage.length, sessionStorage.length]") == ["", 0, 0]
        page = visitor.page.content()
        assert not [cookie["name"] for cookie in cookies if cookie["value"] in page]
    if world.scripts:
        visitor.go("/auth/renew?next=/")
        assert visitor.page.evaluate("document.cookie") == ""


def test_without_scripts_the_one_page_says_so(
    new_context: Callable[..., BrowserContext], serve: Callable[[str, Mode], Server]
) -> None:
    page = new_context(scripts=False).new_page()
    page.goto(serve("spa", "hybrid").url)

    assert "This page is a script." in page.content()
    assert page.get_by_role("button").count() == 0


@pytest.mark.parametrize("how", ["no network", "a fault"])
def test_while_the_server_is_away_the_one_page_says_so_and_logs_nobody_out(
    new_context: Callable[..., BrowserContext], serve: Callable[[str, Mode], Server], how: str
) -> None:
    """Also when it is loaded meanwhile: a blank page, or a login form, would both be wrong."""

    def away(route: Route) -> None:
        if how == "no network":
            route.abort()
        else:
            route.fulfill(status=503, json={"code": "store_unavailable"})

    world = World(("spa", "hybrid", True), serve("spa", "hybrid"), new_context)
    visitor = world.visitor()
    visitor.log_in()
    page = visitor.page
    calls = re.compile("/greeting|/auth/(me|sessions|refresh|logout)$")
    alert = page.get_by_role("alert")

    page.route(calls, away)
    for name in ("Call the API", "Log out"):
        page.get_by_role("button", name=name, exact=True).click()
        expect(alert).to_have_text("The server does not answer. Please try again.")
        expect(page.locator("#home")).to_be_visible()
    page.goto(world.server.url + "/")
    expect(alert).to_have_text("The server does not answer. Please try again.")
    expect(page.locator("#login")).to_be_hidden()

    page.unroute(calls)
    visitor.go("/")
    visitor.is_logged_in()
    expect(alert).to_be_hidden()
    visitor.log_out()


@pytest.mark.parametrize("example", ["server_rendered", "spa"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_small_phone(
    example: str,
    scheme: str,
    serve: Callable[[str, Mode], Server],
    new_context: Callable[..., BrowserContext],
) -> None:
    world = World((example, "hybrid", True), serve(example, "hybrid"), new_context)
    world.visitor().come_in()
    visitor = world.visitor()
    visitor.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)

    def look(what: str) -> None:
        for width in (320, 1_000):
            visitor.page.set_viewport_size({"width": width, "height": 700})
            assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width
            visitor.page.screenshot(path=SCREENSHOTS / f"{example}-{what}-{scheme}-{width}.png", full_page=True)

    visitor.go("/")
    look("login")
    visitor.page.get_by_label("Name").fill("ada")
    visitor.page.get_by_label("Password").fill("x")
    visitor.page.get_by_role("button", name="Log in").click()
    expect(visitor.page.get_by_role("alert")).to_have_text("Name and password do not match.")
    look("wrong")
    visitor.log_in()
    look("home")
    visitor.go("/devices")
    look("devices")
