"""A page in a headless Chromium that has the decoder's modules, and asks nobody for anything."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from support.decoder import script
from support.needs import CHROMIUM, needs

#: Evaluate an expression of JavaScript, with one argument: all cases of a test at once, for each crossing costs.
Ask: TypeAlias = Callable[..., Any]


# For each file anew: as long as it is open, this thread has a running event loop, and no other test could start one.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    needs("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def opened(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Page]]:
    """Open an empty page at an address, with functions of modules on `globalThis`.

    Browsers do no cryptography for a page that came over http from another machine, so the address matters. Nothing is
    asked of the network for it, and a test fails if anything else is asked for.

    Args of what is returned:
        address: Where the page seems to come from.
        names: What a test calls, by the module that it is in: `verify="verify.js"`.
    """
    asked: list[str] = []
    pages: list[Page] = []

    def make(address: str = "https://localhost/", /, **names: str) -> Page:
        page = chromium.new_page()
        page.set_default_timeout(20_000)
        page.route("**/*", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        page.add_script_tag(content=script(tmp_path_factory.mktemp("modules"), **names))
        pages.append(page)
        return page

    yield make
    assert len(asked) == len(pages)
    for page in pages:
        page.close()
