"""What a person does with an example, whichever it is: both have the same face.

Everything here waits for what the page shows next, and for no longer.
"""

from typing import Protocol

from playwright.sync_api import Locator, Page

PASSWORDS = {"ada": "analytical engine", "grace": "nanoseconds of wire"}


class Visitor(Protocol):
    page: Page

    def go(self, path: str) -> None: ...
    def log_in(self, name: str = "ada") -> None: ...
    def come_in(self) -> None: ...
    def is_logged_in(self, name: str = "ada") -> None: ...
    def is_logged_out(self) -> None: ...
    def log_out(self) -> None: ...
    def others(self) -> Locator: ...
    def log_out_others(self) -> None: ...


class OfPages:
    """Somebody at the server-rendered pages, with scripts or without."""

    def __init__(self, page: Page, url: str, *, scripts: bool) -> None:
        self.page = page
        self._url = url
        self._scripts = scripts

    def go(self, path: str) -> None:
        self.page.goto(self._url + path)
        self.arrive()

    def arrive(self) -> None:
        """Past the page that renews: it sends its form itself, or somebody presses its button."""
        if not self._scripts and "/auth/renew" in self.page.url:
            self.page.get_by_role("button", name="Continue").click()
        self.page.wait_for_url(lambda url: "/auth/" not in url)

    def log_in(self, name: str = "ada") -> None:
        self.go("/login?next=/")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(PASSWORDS[name])
        self.page.get_by_role("button", name="Log in").click()
        self._heading(f"Hello, {name}")

    def come_in(self) -> None:
        """As `log_in`, without the form: the quick way to a session, where that is not what a test is about."""
        ada: dict[str, str | float | bool] = {"name": "ada", "password": PASSWORDS["ada"]}
        assert self.page.context.request.post(f"{self._url}/login", form=ada, headers={"Origin": self._url}).ok

    def is_logged_in(self, name: str = "ada") -> None:
        self.go("/")
        self._heading(f"Hello, {name}")

    def is_logged_out(self) -> None:
        self.go("/")
        self._heading("Log in")
        assert self.page.url.endswith("/login?next=%2F")

    def log_out(self) -> None:
        self.page.get_by_role("button", name="Log out", exact=True).click()
        self._heading("Log in")

    def _heading(self, text: str) -> None:
        self.page.get_by_role("heading", name=text, exact=True, level=1).wait_for()

    def others(self) -> Locator:
        self.go("/devices")
        return self.page.get_by_role("button", name="Log out this device")

    def log_out_others(self) -> None:
        self.go("/devices")
        self.page.get_by_role("button", name="Log out all others").click()
        self.page.get_by_role("button", name="Log out this device").first.wait_for(state="detached")


class OfOnePage:
    """Somebody at the page that is a script."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self._url = url

    def go(self, path: str) -> None:  # noqa: ARG002  it has one path
        self.page.goto(self._url + "/")
        self.page.locator("main:visible").wait_for()

    def log_in(self, name: str = "ada") -> None:
        self.go("/")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(PASSWORDS[name])
        self.page.get_by_role("button", name="Log in").click()
        self.page.get_by_role("heading", name=f"Hello, {name}", exact=True).wait_for()

    def come_in(self) -> None:
        ada = {"name": "ada", "password": PASSWORDS["ada"]}
        assert self.page.context.request.post(f"{self._url}/login", data=ada, headers={"Origin": self._url}).ok

    def is_logged_in(self, name: str = "ada") -> None:
        """The page as it stands is served, and so is the one that is loaded anew."""
        if self.page.url.startswith(self._url):
            self.page.get_by_role("button", name="Call the API").click()
            self.page.get_by_text(f"Hello, {name}. This answer was for you alone.").wait_for()
        self.go("/")
        self.page.get_by_role("heading", name=f"Hello, {name}", exact=True).wait_for()

    def is_logged_out(self) -> None:
        if self.page.locator("#home").is_visible():
            self.page.get_by_role("button", name="Call the API").click()
            self.page.get_by_role("button", name="Log in").wait_for()
        self.go("/")
        self.page.get_by_role("button", name="Log in").wait_for()

    def log_out(self) -> None:
        self.page.get_by_role("button", name="Log out", exact=True).click()
        self.page.get_by_role("button", name="Log in").wait_for()

    def others(self) -> Locator:
        self.go("/")
        self.page.locator("#home").wait_for()
        return self.page.get_by_role("button", name="Log out this device")

    def log_out_others(self) -> None:
        self.page.get_by_role("button", name="Log out all others").click()
        self.page.get_by_role("button", name="Log out this device").first.wait_for(state="detached")
