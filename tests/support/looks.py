"""How a page looks: what a checker finds in it, and what reaches out of it."""

from pathlib import Path
from typing import Final, Literal

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page

SCREENSHOTS: Final = Path(__file__).parents[2] / "build" / "screenshots"
AXE: Final = Axe()

#: Of the smallest phone that is sold, and of a desk.
NARROW, WIDE = 320, 1_000


def emulate(page: Page, scheme: Literal["light", "dark"], width: int, *, forced: bool = False) -> None:
    page.emulate_media(color_scheme=scheme, forced_colors="active" if forced else "none")
    page.set_viewport_size({"width": width, "height": 700})


def violations(page: Page) -> list[str]:
    """What axe finds, all of its rules on: those of WCAG and those of good practice."""
    found = AXE.run(page).response["violations"]
    return [f"{item['id']}: {node['html'][:200]}" for item in found for node in item["nodes"]]


def beyond(page: Page, width: int) -> list[str]:
    """What reaches out of a page that is *width* pixels wide."""
    if page.evaluate("document.documentElement.scrollWidth") <= width:
        return []
    found: list[str] = page.evaluate(
        "width => [...document.querySelectorAll('body *')]"
        ".filter(node => node.getBoundingClientRect().right > width).map(node => node.outerHTML.slice(0, 200))",
        width,
    )
    return found or ["the page itself"]
