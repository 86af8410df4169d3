"""The page says of a text what the library and the command line say of it: the same findings, in the same words."""

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from time import time
from typing import Any

import pytest
import vectors
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page
from support.commands import run
from support.families import KEYS
from support.fuzz import Hand
from support.generated import NOW, RECIPES, Maker, made, segment

from gatepass.core.inspect import inspect, texts
from gatepass.core.inspect.find import MAX_TEXT
from gatepass.core.keys.tutorials import TUTORIAL_SECRETS
from gatepass.core.strict import b64decode

Said = dict[str, Any]
Opened = Callable[..., Page]

GENERATED = made(300, seed=7)
#: What guessing finds, for which a browser has to do cryptography.
GUESSES = {"secret_known", "secret_blank", "key_verifies"}


@pytest.fixture(scope="module")
def page(opened: Opened) -> Page:
    return opened(inspect="inspect.js")


def by_the_page(page: Page, asked: Iterable[str], now: float = NOW) -> list[Said]:
    """What the page says; texts go there as JSON, so that half a character survives the way."""
    found: list[str] = page.evaluate(
        "([texts, now]) => Promise.all(texts.map(async (one) => JSON.stringify(await inspect(JSON.parse(one), now))))",
        [[json.dumps(text) for text in asked], now],
    )
    return [json.loads(said) for said in found]


def by_the_library(text: str, now: float = NOW) -> Said:
    return json.loads(json.dumps(asdict(inspect(text, now=now))))  # type: ignore[no-any-return]


def differences(page: Page, asked: list[str], now: float = NOW) -> list[str]:
    """Where the two differ, as paths into what the library says."""
    return [
        f"{number}{where}"
        for number, (text, said) in enumerate(zip(asked, by_the_page(page, asked, now), strict=True))
        for where in different(by_the_library(text, now), said)
    ]


def different(one: object, other: object, path: str = "") -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for name in one:
            yield from different(one[name], other[name], f"{path}.{name}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from different(*pair, f"{path}[{number}]")
    elif one != other:
        yield f"{path}: {str(one)[:200]} | {str(other)[:200]}"


# -- three hundred generated texts -------------------------------------------------------------------------------------


def test_the_page_says_what_the_library_says(page: Page) -> None:
    assert differences(page, GENERATED) == []


@pytest.mark.parametrize("now", [0, 0.5, NOW - 86_400 * 2, NOW + 1e9, 253_402_300_799.75])
def test_they_agree_at_any_time(page: Page, now: float) -> None:
    assert differences(page, GENERATED[: len(RECIPES)], now) == []


@pytest.mark.parametrize(
    ("planted", "where"),
    [
        ("HINTS.no_signature_check += '!'", ".hints["),
        ("KINDS.jws = ''", ".title: "),
        ("CLAIMS.iss = 'x'", ".meaning: "),
        ("for (const one of Object.values(ALGORITHMS)) one[1] += 1", ".findings"),
        ("Reader.prototype.text = () => '{}'", ".members: "),
    ],
)
def test_a_planted_difference_is_found(opened: Opened, planted: str, where: str) -> None:
    spoiled = opened(inspect="inspect.js")
    assert differences(spoiled, GENERATED[:3]) == []
    spoiled.evaluate(planted)
    assert any(where in found for found in differences(spoiled, GENERATED[:3]))


def reached(asked: Iterable[str]) -> dict[str, set[str]]:
    """The codes that inspecting all of *asked* yields, by the table that they are in."""
    found: dict[str, set[str]] = {
        name: set() for name in ("KINDS", "VERDICTS", "NOISE", "DEFECTS", "FINDINGS", "HINTS")
    }

    def look(said: Said) -> None:
        found["KINDS"].add(said["kind"])
        unread = "opaque" if said["kind"].startswith("gatepass-") else "unreadable"
        found["VERDICTS"].add(said["state"] or unread)
        for name in ("noise", "defects", "findings", "hints"):
            found[name.upper()] |= {one["code"] for one in said[name]}
        for inner in said["inner"]:
            look(inner)

    for text in asked:
        said = by_the_library(text)
        found["HINTS"] |= {one["code"] for one in said["hints"]}
        for token in said["tokens"]:
            look(token)
    return found


def unreached(asked: Iterable[str]) -> set[str]:
    return {code for name, codes in reached(asked).items() for code in set(getattr(texts, name)) ^ codes}


def test_they_reach_all_that_an_inspection_can_say() -> None:
    assert unreached(GENERATED) == set()


def test_what_is_not_reached_is_seen() -> None:
    """Without the tokens of PASETO, and those in whose claims a name is there twice."""
    few = [text for text in GENERATED[: len(RECIPES)] if ".public." not in text and ".local." not in text]
    few = [text for text in few if "duplicate" not in reached([text])["FINDINGS"]]
    assert unreached(few) == {"paseto", "duplicate"}


def lasting(said: Said) -> Said:
    """*said* of a token without what changes each second."""
    kept = {name: value for name, value in said.items() if name not in {"verdict", "moments", "findings", "inner"}}
    moments = [{"name": moment["name"], "at": moment["at"]} for moment in said["moments"]]
    passing = {"iat_future", "nbf_future", "lifetime", "lifetime_access"}
    findings = [{**finding, "sentence": ""} if finding["code"] in passing else finding for finding in said["findings"]]
    return {**kept, "moments": moments, "findings": findings, "inner": [lasting(inner) for inner in said["inner"]]}


def test_the_command_line_says_the_same(page: Page) -> None:
    """It reads the clock, so all but the distances of times is compared."""
    asked = [text for text in GENERATED if "\0" not in text]
    assert len(asked) > 290
    for text, said in zip(asked, by_the_page(page, asked, time()), strict=True):
        told = json.loads(run("token", "inspect", "--json", "--", text, code=not said["tokens"]).stdout)

        assert told["verified"] is False
        assert told["hints"] == said["hints"]
        assert [*map(lasting, told["tokens"])] == [*map(lasting, said["tokens"])]


# -- whatever else there is --------------------------------------------------------------------------------------------

jsonish: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.sampled_from(list(texts.CLAIMS)), inner),
    max_leaves=8,
)
tokens = st.builds(
    lambda header, claims, signature, end: f"{segment(header)}.{segment(claims)}.{segment(signature)}{end}",
    jsonish, jsonish, st.binary(max_size=80), st.text(max_size=5),
)  # fmt: skip
pieces = st.lists(st.text("ey.J~%2E= \n\"'{}[]:,\\u1", max_size=9) | st.sampled_from(GENERATED[:40])).map("".join)


@settings(max_examples=50)  # lists
@given(st.lists(st.text() | tokens | pieces, min_size=1), st.floats(-1e12, 1e12))
def test_any_text_is_the_same_to_both(page: Page, asked: list[str], now: float) -> None:
    assert differences(page, asked, now) == []


@settings(max_examples=50)  # lists
@given(st.lists(st.binary(max_size=40) | st.text('{}[]",:\\u0123e+-.tfn \n').map(str.encode), min_size=1))
def test_any_octets_are_the_same_to_both(page: Page, said: list[bytes]) -> None:
    """Where they stop being UTF-8, or JSON."""
    assert differences(page, [f"{segment({'alg': 'ES256'})}.{segment(octets)}.AAAA" for octets in said]) == []


def published() -> dict[str, list[str]]:
    """Every token of the vectors, and every text of JSON as the payload of one."""

    def held(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            for inner in value.values():
                yield from held(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from held(inner)
        elif isinstance(value, str) and value.count(".") in {2, 4}:
            yield value

    def document(test: Said) -> bytes:
        if "b64" in test:
            return base64.b64decode(test["b64"])
        unit, count = str(test["repeat"]["unit"]), int(test["repeat"]["count"])
        return unit.encode() * count

    folder = vectors.FOLDER
    files = [path for path in sorted(folder.rglob("*.json")) if path.name != "package.json"]
    found = {str(path.relative_to(folder)): [*held(json.loads(path.read_bytes()))] for path in files}
    found |= {
        f"{path.relative_to(folder)} as it is": [path.read_text()] for path in files if "jose-cookbook" in path.parts
    }
    suite = vectors.read("jsontestsuite/parsing.json")
    found["documents"] = [f"{segment({'alg': 'ES256'})}.{segment(document(test))}.AAAA" for test in suite["tests"]]
    return {name: asked for name, asked in found.items() if asked}


PUBLISHED = published()


def test_the_vectors_are_met_here() -> None:
    counts = {name: len(asked) for name, asked in PUBLISHED.items()}
    assert counts["policy/jwt_policy_vectors.json"] >= 300
    assert counts["wycheproof/json_web_signature_test.json"] >= 100
    assert counts["documents"] >= 100


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_vectors_are_the_same_to_both(page: Page, name: str) -> None:
    assert differences(page, PUBLISHED[name]) == []


# -- keys that tokens bring along --------------------------------------------------------------------------------------


def bringing(jwk: object, alg: str) -> str:
    text = f"{segment({'alg': alg, 'jwk': jwk})}.{segment({'iss': 'i'})}"
    return f"{text}.{segment(KEYS[alg].sign(text.encode()))}"


@pytest.mark.parametrize("alg", sorted(KEYS))
def test_a_key_in_a_token_is_read_the_same(page: Page, alg: str) -> None:
    """The one that signed it, another one, and fifty that somebody was at."""
    jwk, another = (key.to_jwk(private=key.symmetric) for key in (KEYS[alg], Maker(1).key()))
    asked = [bringing(jwk, alg), bringing(another, alg), *(bringing(h.json(jwk), alg) for h in Hand(3).many(50))]
    [said, *_] = by_the_page(page, asked[:1])

    assert "key_verifies" in {finding["code"] for finding in said["tokens"][0]["findings"]}
    assert differences(page, asked) == []


def test_every_secret_of_the_table_is_guessed(page: Page) -> None:
    maker = Maker(2)
    octets = [
        b64decode(secret.encode()) if written == "base64url" else secret.encode()
        for secret, written in TUTORIAL_SECRETS.items()
    ]
    asked = [maker.by_secret(secret) for secret in octets]
    found = [said["tokens"][0]["findings"][0]["code"] for said in by_the_page(page, asked)]

    assert found == ["secret_known" if secret else "secret_blank" for secret in octets]
    assert differences(page, asked) == []


def test_without_cryptography_all_but_the_guesses_is_said(opened: Opened) -> None:
    """As on a page that came over http from another machine."""

    def unguessed(said: Said) -> Said:
        findings = [finding for finding in said["findings"] if finding["code"] not in GUESSES]
        return {**said, "findings": findings, "inner": [*map(unguessed, said["inner"])]}

    page = opened("http://192.0.2.7/", inspect="inspect.js")
    assert page.evaluate("globalThis.crypto.subtle === undefined")
    for text, said in zip(GENERATED, by_the_page(page, GENERATED), strict=True):
        assert [*map(unguessed, by_the_library(text)["tokens"])] == said["tokens"]


# -- what means harm ---------------------------------------------------------------------------------------------------

#: Pieces, each so often: they are put together on both sides, because megabytes take long to get there.
Pieces = list[tuple[str, int]]

ALG = segment({"alg": "ES256"})
EVIL = "globalThis.polluted=1"
#: A quarter of what is read. Whatever is not linear hangs here, too.
MANY = MAX_TEXT // 4


def carrying(*said: tuple[bytes, int]) -> Pieces:
    """A token whose payload is put together; base64 keeps the pieces apart, as long as each has octets by the three."""
    assert not any(len(unit) % 3 for unit, _ in said[:-1])
    return [(f"{ALG}.", 1), *((segment(unit), count) for unit, count in said), (".AAAA", 1)]


HOSTILE: dict[str, Pieces] = {
    "of one letter": [("a", MAX_TEXT)],
    "of dots": [("eyJ", 1), (".", MAX_TEXT - 3)],
    "of escapes": [("eyJhbGciOi%AA", MAX_TEXT // 13)],
    "of steps": [("/eyJhbGciOi", MAX_TEXT // 11)],
    "of ids": [("A" * 22 + ".", MAX_TEXT // 23)],
    "of brackets": carrying((b"[[[", 1 << 20)),
    "as long as what is read": [("\U0001f511", 1 << 16), (" ", MAX_TEXT - (1 << 16))],
    "longer than what is read": [("\U0001f511", 1 << 16), (" ", MAX_TEXT - (1 << 16)), ("x", 1)],
    "of escaped dots": [("eyJhbGciOi", 1), ("%2E", MANY // 3)],
    "of escapes of escapes": [("eyJ%", 1), ("25", MANY // 2)],
    "of beginnings": [("ey ", MANY // 3)],
    "of short beginnings": [("eyIaaaaaaaa ", MANY // 12)],
    "of lines": [("eyJhbGci\n", MANY // 9)],
    "of disclosures": [("eyJ", 1), ("~A", MANY // 2)],
    "of quotes": [('{"payload"', 1), ('"', MANY)],
    "of backslashes": [('{"payload":"', 1), ("\\", MANY)],
    "of signatures": [('{"payload":"AA","signatures":[', 1), ("{},", MANY // 3), ("{}]}", 1)],
    "of lists and objects": carrying((b"[{}", 1), (b",[[]],{} ", MANY // 12), (b"]", 1)),
    "of digits": carrying((b"[  ", 1), (b"111", MANY // 4), (b"]", 1)),
    "of no numbers": carrying((b"[  ", 1), (b"NaN,  ", MANY // 8), (b"1]", 1)),
    "of texts": carrying((b'["",  ', 1), (b'"\\n", ', MANY // 8), (b"1]", 1)),
    "of one name": carrying((b"{  ", 1), (b'"a":0,', MANY // 8), (b'"a":0}', 1)),
    "of names": carrying((json.dumps(dict.fromkeys(map(str, range(50_000)))).encode(), 1)),
    "ten thousand deep": carrying((b'{"a": ', 10_000), (b"1  ", 1), (b"}}}}}}", 1_666), (b"}}}}", 1)),
    "a hundred deep": carrying((b'{"a": ', 100), (b"1  ", 1), (b"}}}}}}", 16), (b"}}}}", 1)),
    "of a prototype": carrying((b'{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}', 1)),
    "of names of a prototype": [(segment({"alg": "__proto__", "toString": 1, "kid": "constructor"}), 1), (".e30.", 1)],
    "of markup": carrying(
        (json.dumps({f"<img src=x onerror={EVIL}>": f"</script><script>{EVIL}</script>"}).encode(), 1)
    ),
    "of a direction": [("\u202e", MANY), (f"\u2066{ALG}\u202e.\u2069{segment({chr(0x202E): chr(0x2069)})}.AAAA", 1)],
    "of control": [(f"\0\x1b[2J{ALG}\x07.\x9b{ALG}.AAAA", 1)],
    "of halves of characters": [(f"\udfff {ALG}.{segment({chr(0xD800): [chr(0xDFFF)]})}.AAAA\ud800", 1)],
}


@pytest.mark.parametrize("pieces", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_the_same_to_both_and_does_nothing(page: Page, pieces: Pieces) -> None:
    """That it ends is all that is said of time."""
    said = page.evaluate(
        """async ([pieces, now]) => {
          const text = JSON.parse(pieces).map(([unit, count]) => unit.repeat(count)).join("");
          return JSON.stringify(await inspect(text, now));
        }""",
        [json.dumps(pieces), NOW],
    )

    text = "".join(unit * count for unit, count in pieces)
    assert [*different(by_the_library(text), json.loads(said))] == []
    assert page.evaluate("({}).polluted === undefined && globalThis.polluted === undefined")
    assert page.evaluate("document.images.length + document.scripts.length") == 1
