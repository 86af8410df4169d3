"""A headless Chromium, the system's own."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from support.needs import CHROMIUM, needs


@contextmanager
def launched(*arguments: str) -> Iterator[Browser]:
    """It runs as long as the block does."""
    needs("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking", *arguments]
        )
        yield browser
        browser.close()
