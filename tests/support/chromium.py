"""A headless Chromium, the system's own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from support.needs import CHROMIUM, needs


@contextmanager
def launched(*arguments: str, leave_out: Sequence[str] = ()) -> Iterator[Browser]:
    """It runs as long as the block does.

    Args:
        arguments: Beside those of playwright.
        leave_out: Of those of playwright.
    """
    needs("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-background-networking", *arguments],
            ignore_default_args=list(leave_out),
        )
        yield browser
        browser.close()
