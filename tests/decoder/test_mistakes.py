"""The mistakes that people make most often: each gets the sentence that solves it, and only where it was made."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from playwright.sync_api import Page
from support.families import KEYS

from gatepass import tokens
from gatepass.core.inspect import texts
from gatepass.core.keys import HmacKey
from gatepass.core.strict import b64decode, b64encode

Opened = Callable[..., Page]

NOW = 1_900_000_000
SERVICE: dict[str, Any] = {
    "algorithms": ["ES256"],
    "issuer": "https://auth.example.com",
    "audience": "orders",
    "typ": "at+jwt",
}
SERVICE |= {"leeway": 10, "require": ["exp", "sub"]}
KEY = KEYS["ES256"]
KEY_TEXT = json.dumps(KEY.to_jwk())
SECRET = bytes(range(150, 189)) + b"\x96"  # no text, and no row of numbers
BASE64 = base64.b64encode(SECRET).decode()


def made(key: Any = KEY, typ: str = "at+jwt", **claims: Any) -> str:
    said = {"iss": SERVICE["issuer"], "aud": "orders", "sub": "ada", "jti": "1", "iat": NOW - 60, "exp": NOW + 252}
    return tokens.sign(said | claims, key, headers={"typ": typ})


GOOD = made()
SIGNED, _, SEGMENT = GOOD.rpartition(".")
RAW = b64decode(SEGMENT.encode())
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
STRAY = GOOD[:-1] + LETTERS[LETTERS.index(GOOD[-1]) + 1]
DER = f"{SIGNED}.{b64encode(encode_dss_signature(int.from_bytes(RAW[:32]), int.from_bytes(RAW[32:]))).decode()}"
IN_BASE64, IN_TEXT = made(HmacKey(SECRET)), made(HmacKey(BASE64.encode()))


def looked(text: str) -> tuple[str, list[Any]]:
    return "inspect", [text, NOW]


def verified(token: str, key: str, algorithm: str) -> tuple[str, list[Any]]:
    return "verify", [token, key, algorithm]


def served(token: str, key: str = KEY_TEXT, **rules: Any) -> tuple[str, list[Any]]:
    return "refusal", [token, SERVICE | rules, key, NOW]


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """What somebody did, what it should have been, and what has to be said to the first and not to the second."""

    name: str
    wrong: tuple[str, list[Any]]
    right: tuple[str, list[Any]]
    said: tuple[str, ...]


ID_TOKEN = made(typ="JWT", aud="web", nonce="n")
MISTAKES = [
    Mistake(
        name="the secret is base64, and was taken for text",
        wrong=verified(IN_BASE64, BASE64, "HS256"),
        right=verified(IN_TEXT, BASE64, "HS256"),
        said=("Signature valid (HS256, the secret read as base64).",),
    ),
    Mistake(
        name="any string verifies",
        wrong=verified(IN_BASE64, "any string", "HS256"),
        right=verified(IN_BASE64, BASE64, "HS256"),
        said=("Signature invalid (HS256): this key did not sign it.", "none of these signed it"),
    ),
    Mistake(
        name="a stray last character",
        wrong=verified(STRAY, KEY_TEXT, "ES256"),
        right=verified(GOOD, KEY_TEXT, "ES256"),
        said=("lenient libraries take it, strict ones refuse it.",),
    ),
    Mistake(
        name="a stray last character, before there is a key",
        wrong=looked(STRAY),
        right=looked(GOOD),
        said=(f"Signature, character 86 of 86: `{STRAY[-1]}` sets bits that nothing reads", texts.HINTS["stray"]),
    ),
    Mistake(
        name="an RSA key for ES256",
        wrong=verified(GOOD, json.dumps(KEYS["RS256"].to_jwk()), "ES256"),
        right=verified(GOOD, KEY_TEXT, "ES256"),
        said=(
            "a 2048-bit RSA public key",
            "the token says ES256, which is verified with a public key on the curve P-256.",
        ),
    ),
    Mistake(
        name="a part of a token",
        wrong=looked(f'"{GOOD[:120]}'),
        right=looked(GOOD),
        said=(texts.HINTS["cut"],),
    ),
    Mistake(
        name="the time is read as a number",
        wrong=looked(GOOD),
        right=looked(made(exp=NOW + 999)),
        said=("Not verified. It expires in 4 min 12 s.", "in 4 min 12 s"),
    ),
    Mistake(
        name="it has expired",
        wrong=served(made(exp=NOW - 172_800)),
        right=served(GOOD),
        said=("It expired 2 days ago.", "Renew it, or log in again; the key does not matter."),
    ),
    Mistake(
        name="it has expired, before there is a key",
        wrong=looked(made(exp=NOW - 172_800)),
        right=looked(GOOD),
        said=("Not verified. It expired 2 days ago.", texts.HINTS["expired"]),
    ),
    Mistake(
        name="milliseconds instead of seconds",
        wrong=served(made(exp=NOW * 1_000)),
        right=served(GOOD),
        said=(
            "`exp` is missing or is no time.",
            "A time is a number of seconds since 1970: no text, and no milliseconds",
        ),
    ),
    Mistake(
        name="milliseconds instead of seconds, before there is a key",
        wrong=looked(made(exp=(NOW + 60) * 1_000)),
        right=looked(GOOD),
        said=(texts.HINTS["units"], "`exp` looks like milliseconds"),
    ),
    Mistake(
        name="another audience",
        wrong=served(made(aud=["web", "app"])),
        right=served(made(aud=["web", "orders"])),
        said=("`aud` is `web`, `app`; wanted is `orders`.", "Have the issuer name this service"),
    ),
    Mistake(
        name="another issuer, by a slash",
        wrong=served(made(iss="https://auth.example.com/")),
        right=served(GOOD),
        said=("`iss` is `https://auth.example.com/`; wanted is `https://auth.example.com`, to the letter.",),
    ),
    Mistake(
        name="an ID token instead of an access token",
        wrong=served(ID_TOKEN),
        right=served(GOOD),
        said=("`typ` is `JWT`; wanted is `at+jwt`.", "Send the access token: an ID token"),
    ),
    Mistake(
        name="an ID token, before there is a key",
        wrong=looked(ID_TOKEN),
        right=looked(GOOD),
        said=(texts.HINTS["id_token"],),
    ),
    Mistake(
        name="`Bearer` is a part of it",
        wrong=served(f"Bearer {GOOD}"),
        right=served(GOOD),
        said=("The header is not canonical base64url", "`Bearer` and quotes are not part of it."),
    ),
    Mistake(
        name="`Bearer` pasted along",
        wrong=looked(f"Authorization: Bearer {GOOD}"),
        right=looked(GOOD),
        said=(texts.NOISE["bearer"],),
    ),
    Mistake(
        name="as it stands in a URL",
        wrong=looked(f"https://app.example/?token={GOOD.replace('.', '%2E')}"),
        right=looked(GOOD),
        said=("2 characters were written for a URL", texts.HINTS["in_url"]),
    ),
    Mistake(
        name="a signature as OpenSSL writes it",
        wrong=verified(DER, KEY_TEXT, "ES256"),
        right=verified(GOOD, KEY_TEXT, "ES256"),
        said=("The signature is in DER, as OpenSSL writes it", "Converted, it fits the key."),
    ),
    Mistake(
        name="a signature as OpenSSL writes it, before there is a key",
        wrong=looked(DER),
        right=looked(GOOD),
        said=("The signature is in DER, as OpenSSL writes it.",),
    ),
    Mistake(
        name="the keys were rotated",
        wrong=served(GOOD, json.dumps({"keys": [KEYS["ES256"].to_jwk() | {"kid": "older"}]})),
        right=served(GOOD),
        said=(f"`kid` is `{KEY.kid}`, and no one key can be chosen by that.", "they may have been rotated."),
    ),
    Mistake(
        name="a public key for a secret",
        wrong=verified(GOOD, KEY.to_pem(), "HS256"),
        right=verified(GOOD, KEY.to_pem(), "ES256"),
        said=("you chose HS256, which is verified with the shared secret", "(key confusion, RFC 8725 section 2.1)."),
    ),
]


@pytest.fixture(scope="module")
def page(opened: Opened) -> Page:
    return opened(inspect="inspect.js", verify="verify.js", refusal="refused.js")


def sentences(value: Any) -> Iterator[str]:
    """What an answer tells a person."""
    if isinstance(value, list):
        for member in value:
            yield from sentences(member)
    elif isinstance(value, dict):
        for name, member in value.items():
            if name in {"sentence", "fix", "verdict", "relative"}:
                yield member
            elif name not in {"passed", "skipped"}:
                yield from sentences(member)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_told_with_what_solves_it(page: Page, mistake: Mistake) -> None:
    """And nothing of the kind is told where it was not made."""
    wrong, right = (
        "\n".join(sentences(page.evaluate(f"asked => {function}(...asked)", asked)))
        for function, asked in (mistake.wrong, mistake.right)
    )

    assert [said for said in mistake.said if said not in wrong] == []
    assert [said for said in mistake.said if said in right] == []


def test_where_nothing_is_wrong_nothing_is_told(page: Page) -> None:
    assert page.evaluate("asked => refusal(...asked)", served(GOOD)[1])["failed"] is None
    said = page.evaluate("asked => verify(...asked)", verified(GOOD, KEY_TEXT, "ES256")[1])
    assert (said["verdict"], said["warnings"], said["reason"]) == ("valid", [], "")
    [token] = page.evaluate("asked => inspect(...asked)", looked(GOOD)[1])["tokens"]
    assert (token["noise"], token["defects"], token["findings"]) == ([], [], [])
