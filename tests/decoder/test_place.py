"""The place of a defect is shown with the one character marked that is wrong, and with what stands around it."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page
from support.generated import NOW, segment

Opened = Callable[..., Page]

HEADER, PAYLOAD = segment({"alg": "HS256"}), segment({"iss": "i"})
LONG = "A" * 40
DEEP = b"[" * 200


@pytest.fixture(scope="module")
def page(opened: Opened) -> Page:
    return opened(inspect="inspect.js", placeOf="place.js")


def places(page: Page, text: str) -> list[list[str | None]]:
    """Of each defect: its code, what is marked, and all that is shown."""
    found: list[list[str | None]] = page.evaluate(
        """async ([text, now]) => {
          const { tokens: [token] } = await inspect(text, now);
          return token.defects.map((defect) => {
            const place = placeOf(token, defect);
            return [defect.code, place?.querySelector("mark").textContent ?? null, place?.textContent ?? null];
          });
        }""",
        [text, NOW],
    )
    return found


def saying(payload: bytes) -> str:
    return f"{HEADER}.{segment(payload)}.{'A' * 43}"


SHOWN = [
    (f"{HEADER}.{PAYLOAD}.{LONG}*AA", ["character", "*", f"…{LONG[:24]}*AA"]),
    (f"{HEADER}.{LONG}*{LONG}.{LONG}AAA", ["character", "*", f"…{LONG[:24]}*{LONG[:24]}…"]),
    (f"{HEADER}.{PAYLOAD}.{'A' * 43}=", ["padding", "=", f"…{LONG[:24]}="]),
    (f"{HEADER}.{PAYLOAD}.AA+{LONG}", ["alphabet", "+", f"AA+{LONG[:24]}…"]),
    (f"{HEADER}.{PAYLOAD}.{'A' * 42}B", ["unused_bits", "B", f"…{LONG[:24]}B"]),
    (f"{HEADER}.{PAYLOAD}.AA\U0001f511A", ["character", "\U0001f511", "AA\U0001f511A"]),
    (f"{HEADER}.{PAYLOAD}.AA\u202aA", ["character", "\\u202a", "AA\\u202aA"]),
    (saying(b'{"a":1,}'), ["json", ",", '{\\"a\\":1,}']),
    (saying(b'{"a":"\xf0\x9f\x94\x91",]}'), ["json", "]", '{\\"a\\":\\"\U0001f511\\",]}']),
    (saying(b'{"a":'), ["json", "it ends here", '{\\"a\\":it ends here']),
    (saying(DEEP), ["json_depth", "[", f"…{'[' * 24}[{'[' * 24}…"]),
    (f"{saying(b'{}')}~{segment(b'[')[:1]}*~", ["character", "*", f"{segment(b'[')[:1]}*"]),
    ("v4.public.AAA.AAB", ["unused_bits", "B", "AAB"]),
    ("v2.local.AAB.AAA", ["unused_bits", "B", "AAB"]),
    (f"{segment({'alg': 'dir', 'enc': 'A256GCM'})}.AAAA.AAB.AAAA.AAAA", ["unused_bits", "B", "AAB"]),
]


@pytest.mark.parametrize(("text", "shown"), SHOWN, ids=range(len(SHOWN)))
def test_the_character_is_marked(page: Page, text: str, shown: list[str]) -> None:
    assert shown in places(page, text)


HAVE_NONE = [
    (saying(b'{"a":"\xff"}'), "utf8"),
    (saying("\ufeff{}".encode()), "bom"),
    (f"{HEADER}.{PAYLOAD}", "segments"),
    (f"{HEADER}..{'A' * 43}", "empty"),
    (json.dumps({"protected": f"{HEADER}=", "payload": PAYLOAD, "signature": "AAAA"}), "padding"),
]


@pytest.mark.parametrize(("text", "code"), HAVE_NONE, ids=[code for _, code in HAVE_NONE])
def test_what_has_no_place_that_could_be_shown_has_none(page: Page, text: str, code: str) -> None:
    """Octets, the whole of a token, and what stands somewhere in JSON."""
    assert [code, None, None] in places(page, text)
