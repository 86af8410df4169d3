"""A headless Chromium, the system's own; the examples behind it; and one claim about every request of every test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Request
from support.chromium import launched
from support.elsewhere import Elsewhere, elsewhere
from support.recorder import Recorder, recorder
from support.register import REGISTER
from support.server import Server, clocked, standalone

from gatepass import Mode

MakeContext = Callable[..., BrowserContext]
Serve = Callable[[str, Mode], Server]


# For each file anew: as long as it is open, this thread has a running event loop, and no other test could start one.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture
def new_context(chromium: Browser) -> Iterator[MakeContext]:
    """Make the browser of one person: its cookies are its own."""
    made: list[BrowserContext] = []
    requests: list[Request] = []

    def make(*, scripts: bool = True, **options: Any) -> BrowserContext:
        context = chromium.new_context(java_script_enabled=scripts, **options)
        context.set_default_timeout(10_000)
        for event in ("requestfinished", "requestfailed"):
            # A function of ours: playwright asks what it is given for names that a builtin lacks.
            context.on(event, lambda request: requests.append(request))  # noqa: PLW0108
        made.append(context)
        return context

    yield make
    leaks = [found for request in requests for found in _refresh_cookies_outside_the_prefix(request)]
    for context in made:
        REGISTER.credentials |= {cookie.get("value", "") for cookie in context.cookies()} - {""}
        context.close()
    assert not leaks


def _refresh_cookies_outside_the_prefix(request: Request) -> list[str]:
    cookies = request.all_headers().get("cookie", "")
    inside = urlsplit(request.url).path.startswith("/auth/")
    return [request.url] if "-refresh=" in cookies and not inside else []


@pytest.fixture
def context(new_context: MakeContext) -> BrowserContext:
    return new_context()


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """An example in a mode, as a process of its own; one for all tests of a file."""
    running: dict[tuple[str, Mode], Server] = {}
    with ExitStack() as stack:

        def get(example: str, mode: Mode) -> Server:
            if (example, mode) not in running:
                folder = tmp_path_factory.mktemp(f"{example}-{mode}")
                running[example, mode] = stack.enter_context(clocked(folder, example, mode))
            return running[example, mode]

        yield get
    for server in running.values():
        REGISTER.log.append(server.log.read_text())
        REGISTER.places.append(server.store)


@pytest.fixture(scope="module")
def serve_pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Mode], Server]]:
    """The stand-alone server in a mode; one for all tests of a file."""
    running: dict[Mode, Server] = {}
    with ExitStack() as stack:

        def get(mode: Mode) -> Server:
            if mode not in running:
                running[mode] = stack.enter_context(standalone(tmp_path_factory.mktemp(f"server-{mode}"), mode))
            return running[mode]

        yield get
    for server in running.values():
        REGISTER.log.append(server.log.read_text())
        REGISTER.places.append(server.store)


@pytest.fixture(scope="module")
def watched() -> Iterator[Recorder]:
    """A server behind every name; `watched.rules` lead a browser to it."""
    with recorder() as found:
        yield found


@pytest.fixture
def other_site() -> Iterator[Elsewhere]:
    with elsewhere() as site:
        yield site
