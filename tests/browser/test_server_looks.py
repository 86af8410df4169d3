"""How the pages of the stand-alone server look: to everybody, in light and dark, on a small phone, in colours forced.

The screenshots are written to `build/`, for whoever looks at them.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Route
from support.looks import NARROW, SCREENSHOTS, WIDE, beyond, emulate, violations
from support.person import CHROME, FIREFOX, PASSWORD, PHONE, Person, new_address
from support.server import Server

from gatepass import Mode


class Visit:
    """Where a page is looked at, and who may be needed to get there."""

    def __init__(self, server: Server, new_context: Callable[..., BrowserContext]) -> None:
        self.server = server
        self._new_context = new_context
        self._email = new_address()
        self.ada = self.browser()

    def browser(self, **options: Any) -> Person:
        return Person(self._new_context(**options), self.server, self._email)

    def with_devices(self) -> None:
        """Ada at four devices, two of them alike, and once out of two more."""
        self.ada.join()
        for user_agent in (FIREFOX, FIREFOX, PHONE, CHROME):
            self.server.clock_goes_on(7 * 3_600)
            self.browser(user_agent=user_agent).come_in()
        self.server.clock_goes_on(600)
        self.ada.is_in()


def home(visit: Visit) -> None:
    visit.ada.go("/")


def home_of_ada(visit: Visit) -> None:
    """Under a name that is wider than a phone."""
    name, _, _ = visit.ada.email.partition("@")
    visit.ada.email = f"{name}.{'montgomery.' * 3}smith@department.{'university.' * 5}example.com"
    visit.ada.join()
    visit.ada.go("/")


def login(visit: Visit) -> None:
    visit.ada.go("/login")


def login_left(visit: Visit) -> None:
    visit.ada.join()
    visit.ada.is_in()
    visit.ada.press("Sign out here")
    visit.ada.is_told("You are signed out here.")


def login_refused(visit: Visit) -> None:
    visit.ada.go("/login")
    visit.ada.fill_in("what was it again")
    visit.ada.page.get_by_role("alert").wait_for()


def login_throttled(visit: Visit) -> None:
    visit.ada.go("/login")
    for _ in range(6):
        visit.ada.fill_in("what was it again")
        visit.ada.page.get_by_role("alert").wait_for()
    visit.ada.page.get_by_text("Too many tries").wait_for()


def signup(visit: Visit) -> None:
    visit.ada.go("/signup")


def signup_refused(visit: Visit) -> None:
    visit.ada.join()
    visit.ada.go("/signup")
    visit.ada.page.get_by_label("E-mail address").fill(visit.ada.email)
    visit.ada.page.get_by_label("Password").fill("aaaaaaaaaaaaaaaaaaaa")
    visit.ada.press("Create the account")
    visit.ada.page.get_by_role("alert").wait_for()


def account(visit: Visit) -> None:
    visit.ada.join()
    visit.ada.is_in()


def account_of_many(visit: Visit) -> None:
    visit.with_devices()
    visit.ada.page.get_by_role("heading", name="Firefox on Linux").wait_for()
    visit.ada.page.get_by_text("Details", exact=False).first.click()


def account_receipt(visit: Visit) -> None:
    visit.with_devices()
    visit.ada.press("Sign out everywhere else")
    visit.ada.is_told("4 sign-ins are ended")


def account_one_receipt(visit: Visit) -> None:
    visit.with_devices()
    visit.ada.others().first.click()
    visit.ada.is_told("is signed out. It is refused at once.")


def account_refused(visit: Visit) -> None:
    visit.ada.join()
    visit.ada.is_in()
    visit.ada.change_password(PASSWORD, "aaaaaaaaaaaaaaaaaaaa")
    visit.ada.page.get_by_role("alert").wait_for()


def docs(visit: Visit) -> None:
    visit.ada.go("/docs")


def no_such_page(visit: Visit) -> None:
    visit.ada.go("/nowhere")


def wrong_method(visit: Visit) -> None:
    visit.ada.go("/logout")


def renewing(visit: Visit) -> None:
    """The page between a page load whose access token has ended and the page: without scripts it is seen."""
    visit.ada.join()
    visit.ada.page.route(
        re.compile("/auth/renew"), without_script
    )  # the checker needs scripts, and the page must not use one
    visit.ada.page.goto(f"{visit.server.url}/auth/renew?next=/account")
    visit.ada.page.get_by_role("button", name="Continue").wait_for()


def without_script(route: Route) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, body=re.sub(r"<script>.*?</script>", "", answer.text()))


PAGES: Final = {
    found.__name__: found
    for found in (
        home,
        home_of_ada,
        login,
        login_left,
        login_refused,
        login_throttled,
        signup,
        signup_refused,
        account,
        account_of_many,
        account_receipt,
        account_one_receipt,
        account_refused,
        docs,
        no_such_page,
        wrong_method,
        renewing,
    )
}


@pytest.fixture
def visit(serve_pages: Callable[[Mode], Server], new_context: Callable[..., BrowserContext]) -> Iterator[Visit]:
    visit = Visit(serve_pages("hybrid"), new_context)
    complaints: list[ConsoleMessage] = []
    visit.ada.page.on("console", lambda message: complaints.append(message))  # noqa: PLW0108  playwright asks for names
    yield visit
    # A policy that was broken, a file that is not there. That the page itself was refused is what some tests are about.
    assert not [
        message.text
        for message in complaints
        if message.type == "error" and "the server responded with a status of 4" not in message.text
    ]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_for_everybody(name: str, visit: Visit) -> None:
    """Also when a finger makes its text twice as large: that is the width of a small phone."""
    PAGES[name](visit)
    page = visit.ada.page
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)

    for scheme in ("light", "dark"):
        for width in (WIDE, NARROW):
            emulate(page, scheme, width)
            assert violations(page) == []
            assert beyond(page, width) == []
            page.screenshot(path=SCREENSHOTS / f"server-{name}-{scheme}-{width}.png", full_page=True)
    emulate(page, "light", WIDE, forced=True)
    page.screenshot(path=SCREENSHOTS / f"server-{name}-forced-{WIDE}.png", full_page=True)


def test_the_checkers_find_what_is_wrong(visit: Visit) -> None:
    """A page that was spoiled on purpose, in three ways."""
    visit.ada.go("/login")
    page = visit.ada.page
    emulate(page, "light", NARROW)
    page.evaluate("document.querySelector('label').remove()")
    page.evaluate("document.querySelector('button').style.setProperty('width', '40rem')")
    page.evaluate("document.querySelector('p').style.setProperty('color', '#eee')")

    assert {found.partition(":")[0] for found in violations(page)} >= {"label", "color-contrast"}
    assert any("button" in found for found in beyond(page, NARROW))


def test_the_keyboard_goes_through_a_form_in_its_order_and_is_seen(visit: Visit) -> None:
    visit.ada.go("/login")
    page = visit.ada.page
    order = []
    for _ in range(9):
        page.keyboard.press("Tab")
        focused = page.evaluate_handle("document.activeElement")
        order.append(focused.evaluate("node => node.id || node.innerText"))
        assert focused.evaluate("node => getComputedStyle(node).outlineStyle") == "solid"

    pages = ["gatepass", "Your account", "Decoder", "API"]
    assert order == [*pages, "email", "password", "remember", "Sign in", "Create one"]


def test_password_managers_know_each_field(visit: Visit) -> None:
    """By the names that the HTML standard gives to them (section 4.10.18.7)."""
    known = {"/login": ["username", "current-password"], "/signup": ["username", "new-password"]}
    known["/account"] = ["username", "current-password", "new-password"]
    visit.ada.join()
    for path, names in known.items():
        visit.ada.go(path)
        fields = visit.ada.page.locator("input[autocomplete]")
        assert fields.evaluate_all("nodes => nodes.map(node => node.autocomplete)") == names
