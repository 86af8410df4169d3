"""The pages of the stand-alone server, in every mode, with scripts and without: what people do there."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect
from support.elsewhere import Elsewhere
from support.person import A_MINUTE, FIREFOX, PASSWORD, Person, new_address
from support.server import Server

from gatepass import MODES, Mode

CASES = [
    pytest.param((mode, scripts), id=f"{mode}-{'scripts' if scripts else 'no_scripts'}")
    for mode in MODES
    for scripts in (True, False)
]

#: Longer than an access token of hybrid mode lives; and than a token of jwt mode does, with the leeway.
A_BREAK, LUNCH = 400, 4_000
ANOTHER = "eleven silver springs humming"


class World:
    """The server in a mode, and one person at several browsers."""

    def __init__(
        self, server: Server, mode: Mode, new_context: Callable[..., BrowserContext], *, scripts: bool
    ) -> None:
        self.server = server
        self.mode = mode
        self.scripts = scripts
        self.email = new_address()
        self._new_context = new_context

    def browser(self, **options: Any) -> Person:
        context = self._new_context(scripts=self.scripts, **options)
        return Person(context, self.server, self.email, scripts=self.scripts)


@pytest.fixture(params=CASES)
def world(
    request: pytest.FixtureRequest,
    serve_pages: Callable[[Mode], Server],
    new_context: Callable[..., BrowserContext],
) -> World:
    mode, scripts = request.param
    return World(serve_pages(mode), mode, new_context, scripts=scripts)


def test_a_person_signs_up_leaves_and_comes_back(world: World) -> None:
    ada = world.browser()
    ada.sign_up()
    ada.is_in()

    ada.press("Sign out here")
    ada.heading("Sign in")
    ada.is_told("You are signed out here.")
    ada.is_out()
    ada.fill_in()
    ada.heading("Your account")
    assert ada.page.url == f"{world.server.url}/account"


def test_after_a_break_a_reload_shows_the_account(world: World) -> None:
    """The access token has ended, in hybrid mode. A login form would be for those whose session has."""
    ada = world.browser()
    ada.join()
    ada.is_in()

    world.server.clock_goes_on(A_BREAK)
    ada.page.reload()
    ada.arrive()
    ada.heading("Your account")

    world.server.clock_goes_on(LUNCH)
    if world.mode == "jwt":
        ada.is_out()  # there is nothing to renew, and its hour is over
    else:
        ada.is_in()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no_scripts"])
def test_a_page_load_that_is_renewed_arrives_at_the_place_on_the_page(
    serve_pages: Callable[[Mode], Server], new_context: Callable[..., BrowserContext], scripts: bool
) -> None:
    """No server is told of the fragment. Without a script the page is reached, but not the place on it."""
    world = World(serve_pages("hybrid"), "hybrid", new_context, scripts=scripts)
    ada = world.browser()
    ada.join()
    asked: list[str] = []
    ada.page.on("request", lambda request: asked.append(request.url))
    for place in ("#password", ""):
        world.server.clock_goes_on(A_BREAK)
        ada.page.goto("about:blank")
        ada.page.goto(f"{world.server.url}/account{place}")
        ada.arrive()
        ada.heading("Your account")

        assert ada.page.url == f"{world.server.url}/account{place if scripts else ''}"
    assert sum("/auth/refresh" in url for url in asked) == 2  # it was renewed on the way, both times


def test_one_browser_signs_out_another_which_is_refused_at_once(world: World) -> None:
    ada, friend = world.browser(), world.browser(user_agent=FIREFOX)
    ada.join()
    friend.sign_in()
    friend.is_in()
    ada.is_in()
    ada.page.get_by_role("heading", name="Firefox on Linux", exact=True).wait_for()

    ada.others().click()  # there is one
    ada.is_told("Firefox on Linux is signed out. It is refused at once.")
    expect(ada.others()).to_have_count(0)
    ada.page.get_by_text("Signed out by you, from your device list.").wait_for()

    friend.page.reload()
    friend.heading("Sign in")
    friend.is_out()
    ada.is_in()


def test_every_other_browser_is_signed_out_with_one_button(world: World) -> None:
    ada = world.browser()
    ada.join()
    others = [world.browser(user_agent=FIREFOX), world.browser()]
    for other in others:
        other.come_in()
    ada.is_in()

    ada.press("Sign out everywhere else")

    ada.is_told("2 sign-ins are ended")
    expect(ada.page.get_by_role("button", name="Sign out everywhere else")).to_have_count(0)
    for other in others:
        other.is_out()
    ada.is_in()


def test_a_new_password_ends_the_other_sign_ins(world: World) -> None:
    """Whoever knew the old one is out, and this browser goes on."""
    ada, thief = world.browser(), world.browser(user_agent=FIREFOX)
    ada.join()
    thief.come_in()
    ada.is_in()

    ada.change_password("not this one at all", ANOTHER)
    expect(ada.page.get_by_role("alert")).to_have_text("This is not your password.")
    assert ada.page.get_by_label("Current password").input_value() == ""
    thief.is_in()

    ada.change_password(PASSWORD, ANOTHER)
    ada.is_told("Your password is changed.")
    ada.is_told("Firefox on Linux is signed out. It is refused at once.")
    ada.page.get_by_text("Signed out by your password change.").wait_for()
    thief.is_out()
    thief.fill_in(PASSWORD)
    expect(thief.page.get_by_role("alert")).to_have_text("The address or the password is wrong.")
    ada.is_in()
    thief.sign_in(ANOTHER)


def test_a_button_that_is_clicked_twice_does_what_it_says(world: World) -> None:
    """The browser gives up the answer to the first click, with the cookies in it, and keeps that to the second."""
    ada = world.browser()
    world.server.clock_goes_on(A_MINUTE)
    ada.go("/signup")
    ada.page.get_by_label("E-mail address").fill(ada.email)
    ada.page.get_by_label("Password").fill(PASSWORD)
    double_click(ada, "Create the account")
    ada.heading("Your account")
    ada.is_in()

    world.server.clock_goes_on(A_MINUTE)
    ada.page.get_by_label("Current password").fill(PASSWORD)
    ada.page.get_by_label("New password").fill(ANOTHER)
    double_click(ada, "Change the password")
    ada.is_told("Your password is changed.")
    ada.is_in()

    ada.press("Sign out here")
    ada.heading("Sign in")
    ada.go("/login")
    ada.page.get_by_label("E-mail address").fill(ada.email)
    ada.page.get_by_label("Password").fill(ANOTHER)
    double_click(ada, "Sign in")
    ada.heading("Your account")
    ada.is_in()


def double_click(person: Person, button: str) -> None:
    """As slowly as people do it, so that the first click is on its way to the server when the second one comes."""
    found = person.page.get_by_role("button", name=button, exact=True)
    found.click(click_count=2, delay=60, no_wait_after=True)


def test_the_back_button_shows_nothing_after_a_sign_out(world: World, other_site: Elsewhere) -> None:
    """A browser keeps pages to go back to; none of ours, or the next person at this desk would read them."""
    other_site.pages["/"] = "<h1>Elsewhere</h1>"
    ada = world.browser()
    ada.join()
    ada.is_in()
    ada.press("Sign out here")
    ada.heading("Sign in")

    ada.page.go_back()
    nothing_is_shown(ada)
    ada.page.goto(other_site.url("localhost"))
    ada.page.go_back()
    nothing_is_shown(ada)


def nothing_is_shown(person: Person) -> None:
    person.heading("Sign in")
    for known in (person.email, "127.0.0.1", "this device"):
        assert known not in person.page.inner_text("body")


def test_a_button_of_a_page_left_open_says_so_and_works_the_second_time(world: World) -> None:
    """Its access token has ended, and no script was there to renew it in time."""
    ada, friend = world.browser(), world.browser(user_agent=FIREFOX)
    ada.join()
    friend.come_in()
    ada.is_in()
    world.server.clock_goes_on(A_BREAK)

    ada.others().click()
    ada.arrive()
    if world.mode == "hybrid":
        ada.is_told("Please press it again.")
        ada.others().click()

    ada.is_told("Firefox on Linux is signed out. It is refused at once.")


def test_no_script_can_read_a_credential(world: World) -> None:
    ada = world.browser()
    ada.join()
    cookies = [cookie for cookie in ada.context.cookies() if not cookie["name"].endswith("-device")]

    assert {cookie["name"].rpartition("-")[2] for cookie in cookies} == {
        "session": {"session"},
        "jwt": {"access"},
        "hybrid": {"access", "refresh"},
    }[world.mode]
    assert all(cookie["httpOnly"] for cookie in ada.context.cookies())
    for path in ("/", "/account", "/docs"):
        ada.go(path)
        assert ada.page.evaluate("[document.cookie, localStorage.length, sessionStorage.length]") == ["", 0, 0]
        page = ada.page.content()
        assert not [cookie["name"] for cookie in ada.context.cookies() if cookie["value"] in page]


@pytest.mark.parametrize(
    "onward", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_no_link_makes_a_login_lead_away(
    onward: str, serve_pages: Callable[[Mode], Server], new_context: Callable[..., BrowserContext]
) -> None:
    world = World(serve_pages("session"), "session", new_context, scripts=True)
    ada = world.browser()
    ada.join()
    ada.context.clear_cookies()
    ada.page.goto(f"{world.server.url}/login?next={onward}")
    # Nor does a form that somebody wrote into the page.
    ada.page.evaluate("next => { document.querySelector('[name=next]').value = next }", onward)

    ada.fill_in()
    ada.heading("Your account")
    assert ada.page.url == f"{world.server.url}/account"


def test_a_link_to_a_page_of_ours_leads_there_after_the_login(
    serve_pages: Callable[[Mode], Server], new_context: Callable[..., BrowserContext]
) -> None:
    """The honest twin."""
    world = World(serve_pages("session"), "session", new_context, scripts=True)
    ada = world.browser()
    ada.join()
    ada.context.clear_cookies()
    ada.page.goto(f"{world.server.url}/login?next=/docs")

    ada.fill_in()
    ada.heading("What this server answers")


def test_an_open_page_is_kept_renewed_where_there_are_scripts(
    serve_pages: Callable[[Mode], Server], new_context: Callable[..., BrowserContext]
) -> None:
    """So that its buttons work the first time."""
    world = World(serve_pages("hybrid"), "hybrid", new_context, scripts=True)
    ada = world.browser()
    ada.page.clock.install()
    ada.join()
    ada.is_in()

    with ada.page.expect_response("**/auth/refresh") as renewed:
        ada.page.clock.fast_forward(A_BREAK * 1_000 * 2 // 3)
    assert renewed.value.ok


def test_an_open_page_is_left_where_its_session_has_ended(
    serve_pages: Callable[[Mode], Server], new_context: Callable[..., BrowserContext]
) -> None:
    """Nobody signed it out here, and still nothing stays on the screen."""
    world = World(serve_pages("hybrid"), "hybrid", new_context, scripts=True)
    ada, elsewhere = world.browser(), world.browser()
    ada.page.clock.install()
    ada.join()
    ada.is_in()
    elsewhere.come_in()
    elsewhere.is_in()
    elsewhere.press("Sign out everywhere else")
    elsewhere.is_told("signed out")

    ada.page.clock.fast_forward(A_BREAK * 1_000 * 2 // 3)
    nothing_is_shown(ada)
