"""How the decoder looks: to everybody, in light and dark, on a small phone, in colours forced, with less motion.

The screenshots are written to `build/`, for whoever looks at them.
"""

import json
from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import BrowserContext
from support.decoding import CLAIMS, KEY, NOW, TOKEN, Visit
from support.looks import NARROW, SCREENSHOTS, WIDE, beyond, emulate, violations
from support.server import Server

from gatepass import Mode
from gatepass.tokens import sign


def empty(visit: Visit) -> None:
    """Nothing is pasted."""


def forged(visit: Visit) -> None:
    visit.paste(f"{TOKEN[:-6]}AAAAAA")
    assert visit.verify().startswith("Signature invalid")


def dangerous(visit: Visit) -> None:
    """Expired, with a name of a key that is a path, a secret, and a long claim."""
    claims = {"sub": "ada", "exp": NOW - 200_000, "password": "hunter2", "long": "of words " * 300}
    visit.paste(sign(claims, KEY).replace(".", "*.", 1))


def several(visit: Visit) -> None:
    expired = sign({**CLAIMS, "exp": NOW - 200_000}, KEY)
    visit.paste(f"curl -H 'Authorization: Bearer {TOKEN}' https://api.example\n{expired}\n{'A' * 22}.{'A' * 43}")


def refused(visit: Visit) -> None:
    visit.paste(sign({**CLAIMS, "exp": NOW + 3_000, "roles": ["admin"], "email": "ada@example.com"}, KEY))
    assert visit.verify().startswith("Signature valid")
    policy = {"issuer": "https://id.example", "audience": "invoices", "algorithms": ["ES256"]}
    visit.page.get_by_label("What the service is set to").fill(json.dumps(policy))
    visit.press("Find the check that says no")
    visit.page.get_by_text("All checks, in their order").click()
    visit.page.get_by_text("Type, leeway, required claims").click()
    visit.page.get_by_label("Time, on your clock").fill("2030-01-01T10:00")


STATES = {state.__name__: state for state in (empty, several, dangerous, forged, refused)}


@pytest.fixture
def visit(serve_pages: Callable[[Mode], Server], new_context: Callable[..., BrowserContext]) -> Visit:
    # The checker is a script that comes from outside of the page; what the policy keeps out is another test.
    return Visit(new_context(bypass_csp=True, reduced_motion="reduce"), serve_pages("hybrid").url + "/decoder")


@pytest.mark.parametrize("name", STATES)
def test_the_decoder_is_for_everybody(name: str, visit: Visit) -> None:
    visit.open()
    STATES[name](visit)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)

    looks: list[tuple[Literal["light", "dark"], int]] = [("light", WIDE), ("dark", NARROW)]
    for scheme, width in looks:
        emulate(visit.page, scheme, width)
        assert violations(visit.page) == []
        assert beyond(visit.page, width) == []
        visit.page.screenshot(path=SCREENSHOTS / f"decoder-{name}-{scheme}-{width}.png", full_page=True)
    # Contrast and width are all that differs.
    emulate(visit.page, "light", NARROW)
    visit.page.screenshot(path=SCREENSHOTS / f"decoder-{name}-light-{NARROW}.png", full_page=True)
    emulate(visit.page, "dark", WIDE)
    visit.page.screenshot(path=SCREENSHOTS / f"decoder-{name}-dark-{WIDE}.png", full_page=True)
    emulate(visit.page, "light", WIDE, forced=True)
    visit.page.screenshot(path=SCREENSHOTS / f"decoder-{name}-forced-{WIDE}.png", full_page=True)
    assert visit.complaints == []
