"""The decoder as the server sends it: one file, its policy, and nothing in it that could send."""

import gzip
import hashlib
import re
from collections.abc import Iterator

import pytest
from support.inside import Inside, inside

from gatepass.server.decoder import builder, served

#: Octets, compressed. More is slow to come on a bad line.
MOST = 60_000

#: What can make a request, or leave something behind, however it is spelled.
FORBIDDEN = re.compile(
    r"\bfetch\b|XMLHttpRequest|WebSocket|WebTransport|EventSource|sendBeacon|RTCPeerConnection|RTCDataChannel"
    r"|\bimport\(|importScripts|Worker\b|worklet|\bImage\(|\bAudio\(|\bFontFace\(|\bopen\(|submit\(|requestSubmit"
    r"|\.src(?:set|doc)?\b|\.action\b|\.ping\b|location(?:\.href)? = |location\.(?:assign|replace|reload)\("
    r"|innerHTML|outerHTML(?!\}`)|insertAdjacentHTML|document\.write|\beval\b|\bFunction\(|DOMParser|setHTML"
    r"|localStorage|sessionStorage|indexedDB|document\.cookie|\bcaches\b|pushState|clipboard\.read|document\.title"
)
#: The one statement that may name them: it takes them away.
CLOSED = 'for (const name of ["RTCPeerConnection", "webkitRTCPeerConnection"]) delete globalThis[name];\n'


@pytest.fixture
def server() -> Iterator[Inside]:
    with inside() as server:
        yield server


def script_of(page: str) -> str:
    [found] = re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL)
    return str(found)


def test_it_is_the_built_page_to_the_byte(server: Inside) -> None:
    reply = server.browser().get("/decoder")

    assert reply.status == 200
    assert reply.body == builder.build().encode()
    assert reply.one("content-type") == "text/html; charset=utf-8"


def test_its_policy_is_the_one_that_was_tried_in_a_browser(server: Inside) -> None:
    reply = server.browser().get("/decoder")
    said = dict(part.strip().partition(" ")[::2] for part in str(reply.one("content-security-policy")).split(";"))

    hashes = {name: said.pop(name) for name in ("script-src", "style-src")}
    assert said == {
        "default-src": "'none'",
        "img-src": "data:",
        "connect-src": "'none'",
        "form-action": "'none'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
        "sandbox": "allow-scripts allow-downloads",
    }
    for said_hash in hashes.values():
        assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", said_hash)
    assert hashes["script-src"] == f"'{builder.integrity(script_of(reply.body.decode()))}'"
    assert reply.one("referrer-policy") == "no-referrer"
    assert reply.one("cross-origin-opener-policy") is None


def test_the_file_brings_the_policy_along(server: Inside) -> None:
    """A copy on a disk has no server; what only a server can say is missing there, and nothing else."""
    reply = server.browser().get("/decoder")
    [meta] = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', reply.body.decode())

    rest = "frame-ancestors 'none'; sandbox allow-scripts allow-downloads"
    assert reply.one("content-security-policy") == f"{meta}; {rest}"


def test_a_browser_that_has_it_is_told_so(server: Inside) -> None:
    tag = str(server.browser().get("/decoder").one("etag"))
    assert tag == f'"{hashlib.sha256(served.file().body).hexdigest()}"'

    for known in (tag, f"W/{tag}", f'"another", {tag}'):
        reply = server.browser().get("/decoder", [("if-none-match", known)])
        assert (reply.status, reply.body) == (304, b"")
        assert (reply.one("etag"), reply.one("cache-control")) == (tag, "no-cache")
    assert server.browser().get("/decoder", [("if-none-match", '"another"')]).status == 200


def test_it_is_where_people_look(server: Inside) -> None:
    for path in ("/", "/login", "/docs"):
        assert 'href="/decoder"' in server.browser().get(path).body.decode()


def test_it_is_small() -> None:
    assert len(gzip.compress(served.file().body)) < MOST


def test_nothing_in_it_could_make_a_request() -> None:
    """The words of its comments and sentences included."""
    page = served.file().body.decode()
    before, closed, after = script_of(page).partition(CLOSED)
    assert closed
    assert all(line.startswith("//") or not line for line in before.splitlines())  # it is the first statement
    assert FORBIDDEN.findall(before + after) == []
    assert not re.search(r"<(?:link(?! rel=\"icon\" href=\"data:)|img|iframe|form|base|object|embed)\b", page)
    [style] = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert not re.search(r"@import|url\(", style)


@pytest.mark.parametrize(
    "planted",
    [
        'fetch("https://example.org/")',
        "const send = globalThis.fetch;",
        "new XMLHttpRequest()",
        'new WebSocket("wss://example.org")',
        'new EventSource("/events")',
        'navigator.sendBeacon("/", token)',
        'import("./more.js")',
        "new RTCPeerConnection()",
        "new Image().src = address",
        "window.open(address)",
        "image.src = address",
        "form.submit()",
        "location.href = address",
        'location.assign("/")',
        "node.innerHTML = text",
        'eval("1")',
        "localStorage.token = token",
        "document.cookie = token",
        "navigator.clipboard.readText()",
        "document.title = claim",
    ],
)
def test_what_could_is_found(planted: str) -> None:
    assert FORBIDDEN.search(planted)
