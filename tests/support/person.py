"""Somebody at the pages of the stand-alone server, with scripts or without.

Everything here waits for what the page shows next, and for no longer.
"""

from itertools import count
from typing import Final

from playwright.sync_api import BrowserContext, Locator, Page

from support.server import Server

PASSWORD: Final = "seven brass gears turning"
#: Longer than the window in which one address may make only so many accounts.
A_MINUTE: Final = 61

FIREFOX: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE: Final = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5"
    " Mobile/15E148 Safari/604.1"
)
CHROME: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)

_numbers = count()


def new_address() -> str:
    """Of somebody who has no account yet."""
    return f"ada{next(_numbers)}@example.com"


class Person:
    """One person at one browser."""

    def __init__(self, context: BrowserContext, server: Server, email: str, *, scripts: bool = True) -> None:
        self.context = context
        self.page: Page = context.new_page()
        self.server = server
        self.email = email
        self.scripts = scripts

    # -- going about ---------------------------------------------------------------------------------------------------

    def go(self, path: str) -> None:
        self.page.goto(self.server.url + path)
        self.arrive()

    def arrive(self) -> None:
        """Past the page that renews: it sends its form itself, or somebody presses its button."""
        if not self.scripts and "/auth/renew" in self.page.url:
            self.press("Continue")
        self.page.wait_for_url(lambda url: "/auth/" not in url)

    def press(self, button: str) -> None:
        self.page.get_by_role("button", name=button, exact=True).click()

    def heading(self, text: str) -> None:
        self.page.get_by_role("heading", name=text, exact=True, level=1).wait_for()

    def is_told(self, text: str) -> None:
        self.page.get_by_role("status").filter(has_text=text).wait_for()

    # -- coming in -----------------------------------------------------------------------------------------------------

    def sign_up(self) -> None:
        self.server.clock_goes_on(A_MINUTE)
        self.go("/signup")
        self.page.get_by_label("E-mail address").fill(self.email)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.press("Create the account")
        self.heading("Your account")

    def sign_in(self, password: str = PASSWORD) -> None:
        self.go("/login")
        self.fill_in(password)
        self.heading("Your account")

    def fill_in(self, password: str = PASSWORD) -> None:
        self.page.get_by_label("E-mail address").fill(self.email)
        self.page.get_by_label("Password").fill(password)
        self.press("Sign in")

    def join(self) -> None:
        """As `sign_up`, without the form: the quick way, where that is not what a test is about."""
        self.server.clock_goes_on(A_MINUTE)
        self._send("/signup")

    def come_in(self) -> None:
        """As `sign_in`, without the form."""
        self._send("/login")

    def _send(self, path: str) -> None:
        form: dict[str, str | float | bool] = {"email": self.email, "password": PASSWORD}
        answer = self.context.request.post(self.server.url + path, form=form, headers={"Origin": self.server.url})
        assert answer.ok, answer.text()
        assert answer.url.endswith("/account")

    # -- being in ------------------------------------------------------------------------------------------------------

    def is_in(self) -> None:
        self.go("/account")
        self.heading("Your account")
        self.page.get_by_text(self.email, exact=True).wait_for()

    def is_out(self) -> None:
        self.go("/account")
        self.heading("Sign in")
        assert self.page.url.endswith("/login?next=%2Faccount")

    def others(self) -> Locator:
        """The buttons that sign another device out."""
        return self.page.get_by_role("button", name="Sign out ").filter(has_text=", signed in")

    def change_password(self, current: str, new: str) -> None:
        self.page.get_by_label("Current password").fill(current)
        self.page.get_by_label("New password").fill(new)
        self.press("Change the password")
