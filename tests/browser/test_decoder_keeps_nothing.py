"""The decoder forgets: nothing of a token or a key is in an address, a storage, a history or a title, or comes back."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect
from support.chromium import launched
from support.decoding import PUBLIC, TOKEN, Visit
from support.recorder import Recorder

from gatepass.server.decoder import served

#: What a page could keep, each as what is in it; in a sandbox most of it cannot even be asked for.
KEPT = """async () => {
  const asked = async (look) => { try { return await look(); } catch (error) { return error.name; } };
  return {
    local: await asked(() => ({ ...localStorage })),
    session: await asked(() => ({ ...sessionStorage })),
    cookie: await asked(() => document.cookie),
    databases: await asked(async () => (await indexedDB.databases()).length),
    caches: await asked(async () => (await caches.keys()).length),
    state: history.state,
    name: window.name,
  };
}"""
REFUSED = {"SecurityError", "UnknownError", "InvalidAccessError"}
SECRET = "correct horse battery staple, thirty-two and more"


@pytest.fixture(scope="module")
def chromium(watched: Recorder) -> Iterator[Browser]:
    with launched(watched.rules, leave_out=["--disable-back-forward-cache"]) as browser:
        yield browser


@pytest.fixture
def visit(new_context: Callable[..., BrowserContext], watched: Recorder) -> Visit:
    watched.seen.clear()
    return Visit(new_context(), watched.url)


def fields(visit: Visit) -> list[str]:
    """What is in every field, but for what the page has put there itself."""
    found: list[str] = visit.page.locator("textarea, input:not([type=checkbox], [type=radio]), select").evaluate_all(
        "nodes => nodes.filter((node) => node.value !== (node.defaultValue ?? '')).map((node) => node.id)"
    )
    return found


def fill_everything(visit: Visit) -> None:
    visit.paste()
    assert visit.verify().startswith("Signature valid")
    visit.page.get_by_label("Issuer").fill("https://id.example")
    visit.page.get_by_label("Time, on your clock").fill("2030-01-01T10:00")
    visit.press("Find the check that says no")
    visit.page.locator("#refusal-said .notice").wait_for()


@pytest.mark.parametrize("place", ["the server", "a file"])
def test_nothing_is_stored(place: str, visit: Visit, tmp_path: Any) -> None:
    if place == "a file":
        copy = tmp_path / "decoder.html"
        copy.write_bytes(served.file().body)
        visit.url = copy.as_uri()
    visit.open()
    title = visit.page.title()
    entries = visit.page.evaluate("history.length")
    fill_everything(visit)
    assert visit.complaints == []  # what is asked below is refused

    kept: dict[str, Any] = visit.page.evaluate(KEPT)
    assert kept.pop("state") is None
    assert not {name: found for name, found in kept.items() if found and found not in REFUSED}
    assert visit.page.context.cookies() == []
    assert (visit.page.url, visit.page.title()) == (visit.url, title)
    assert visit.page.evaluate("history.length") == entries


def test_what_an_address_brings_along_is_taken_out_of_it(visit: Visit, watched: Recorder) -> None:
    """Such links are made by others, so they are read; `+` is part of a key, and no space."""
    key = PUBLIC.replace("+", "%2B")
    visit.open(f"#token={TOKEN}&key={key}&state=x")
    visit.verdict.wait_for()

    assert visit.page.url == visit.url
    assert visit.page.locator("#text").input_value() == TOKEN
    assert visit.page.locator("#key").input_value() == PUBLIC
    assert watched.seen == ["GET localhost/decoder"]
    visit.press("Clear all")
    visit.page.evaluate("fragment => { location.hash = fragment; }", f"token={TOKEN}")  # into a page that is open
    visit.verdict.wait_for()
    assert visit.page.url == visit.url


def test_clear_all_empties_all(visit: Visit) -> None:
    visit.open()
    before = visit.page.locator("main").inner_text()
    fill_everything(visit)
    assert {"text", "key", "algorithm", "issuer", "valid-at"} <= set(fields(visit))

    visit.press("Clear all")
    expect(visit.page.locator("article")).to_have_count(0)

    assert fields(visit) == []
    assert visit.page.locator("main").inner_text() == before
    assert TOKEN.split(".")[1] not in visit.page.content()
    assert visit.page.locator("#said").inner_text() == ""
    assert visit.page.evaluate("document.activeElement.id") == "text"


def test_nothing_comes_back(visit: Visit, watched: Recorder) -> None:
    """This browser keeps a page that is left as it is, and shows it again to whoever goes back."""
    visit.open()
    fill_everything(visit)
    visit.page.evaluate("globalThis.mark = 'the same page'")

    visit.page.goto(f"http://elsewhere.example:{watched.port}/")
    visit.page.go_back(wait_until="commit")
    expect(visit.page.locator("#hash")).to_be_visible()

    assert visit.page.evaluate("mark") == "the same page"
    assert fields(visit) == []
    assert visit.page.locator("article").count() == 0
    assert TOKEN.split(".")[1] not in visit.page.content()


def test_nothing_comes_back_into_a_page_that_is_loaded_anew(visit: Visit) -> None:
    """Browsers fill in again what was in a field, unless they are told not to."""
    visit.open()
    fill_everything(visit)
    visit.page.reload()
    visit.page.locator("#hash").wait_for()

    assert fields(visit) == []


def test_a_secret_is_masked_and_a_public_key_is_not(visit: Visit) -> None:
    visit.open()
    visit.paste()
    key = visit.page.get_by_label("Key or secret")

    def masked() -> bool:
        return bool(key.evaluate("node => getComputedStyle(node).webkitTextSecurity === 'disc'"))

    assert masked()
    key.fill(SECRET)
    assert masked()
    visit.page.get_by_label("Show what I type").check()
    assert not masked()
    visit.page.get_by_label("Show what I type").uncheck()
    key.fill(PUBLIC)
    assert not masked()
    visit.press("Clear the key")
    assert (key.input_value(), masked()) == ("", True)


def test_no_field_is_for_a_password_manager_or_a_spelling_service(visit: Visit) -> None:
    visit.open()
    found = visit.page.locator("textarea, input, select").evaluate_all(
        "nodes => nodes.map((node) => [node.id, node.type, node.autocomplete, node.spellcheck])"
    )
    assert len(found) >= 8
    for name, type_, autocomplete, spelled in found:
        assert (type_ != "password", autocomplete) == (True, "off"), name
        assert not spelled or type_ not in {"text", "textarea"}, name
    assert visit.page.evaluate("document.documentElement.translate") is False
