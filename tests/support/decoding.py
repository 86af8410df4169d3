"""Somebody at the decoder, in a browser that notes what it asks for and what it complains about."""

import json
import time
from typing import Final

from playwright.sync_api import BrowserContext, Locator, Page

from gatepass.keys import generate
from gatepass.tokens import sign

KEY: Final = generate("ES256")
PUBLIC: Final = json.dumps(KEY.to_jwk(private=False))
NOW: Final = int(time.time())
CLAIMS: Final = {"iss": "https://id.example", "sub": "ada", "aud": "orders", "iat": NOW, "jti": "j1"}
TOKEN: Final = sign({**CLAIMS, "exp": NOW + 3_000}, KEY)
ENDLESS: Final = sign(CLAIMS, KEY)


class Visit:
    """A tab with the decoder in it."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.url = url
        self.requests: list[str] = []
        self.complaints: list[str] = []
        # Functions of ours: playwright asks what it is given for names that a builtin lacks.
        context.on("request", lambda request: self.requests.append(request.url))
        self.page: Page = context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))

    def open(self, fragment: str = "") -> None:
        self.page.goto(self.url + fragment)
        self.page.locator("#own-hash:not(:empty)").wait_for()

    def paste(self, text: str = TOKEN) -> None:
        """Paste *text*, and wait until the page has said what it is."""
        self.page.evaluate("document.querySelectorAll('article').forEach((node) => node.setAttribute('data-old', ''))")
        self.page.locator("#text").fill(text)
        self.page.locator("article:not([data-old]) .verdict").first.wait_for()

    @property
    def verdict(self) -> Locator:
        return self.page.locator("article .verdict").first

    def verify(self, key: str = PUBLIC, algorithm: str = "ES256") -> str:
        """What the page says of the signature."""
        self.page.get_by_label("Key or secret").fill(key)
        self.page.get_by_label("Algorithm that").select_option(algorithm)
        self.press("Verify")
        said = self.page.locator("#verify-said .notice")
        said.wait_for()
        return said.inner_text()

    def press(self, button: str) -> None:
        self.page.get_by_role("button", name=button, exact=True).click()
