"""What a verified signature is worth: which parts of a token it is over, and whether the library would take it."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from gatepass.core.strict import b64encode
from gatepass.keys import generate

Opened = Callable[..., Page]

KEY, OTHER = generate("ES256"), generate("ES256")
JWK = json.dumps(KEY.to_jwk())
CLAIMS = {"iss": "i", "aud": "a", "sub": "ada", "jti": "1", "iat": 1_000, "exp": 4_000_000_000}
GOOD, OPEN = ["good", "verified"], ["open", "not verified"]
FORGED = ["wrong", "in no digest, not signed"]


@pytest.fixture(scope="module")
def page(opened: Opened) -> Page:
    return opened(
        verify="verify.js",
        worthOf="members.js",
        refusedBy="refused.js",
        validAt="validity.js",
        hasTurned="countdown.js",
    )


def encoded(value: object) -> str:
    return b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).decode()


def compact(payload: object, header: dict[str, Any] | None = None) -> str:
    signed = f"{encoded({'alg': 'ES256'} | (header or {}))}.{encoded(payload)}"
    return f"{signed}.{encoded(KEY.sign(signed.encode()))}"


def digest(disclosure: str, algorithm: str = "sha256") -> str:
    return encoded(hashlib.new(algorithm, disclosure.encode()).digest())


def worth(page: Page, token: str, *names: str) -> list[list[str]]:
    """The badge of each part of that name, and what is remarked."""
    found: list[list[str]] = page.evaluate(
        """async ([token, key, names]) => {
            const said = await verify(token, key, "ES256");
            return [...names.map((name) => worthOf(name, said)), said.warnings.map(({ code }) => code)];
        }""",
        [token, JWK, names],
    )
    return found


# -- SD-JWT ------------------------------------------------------------------------------------------------------------

ROLE = encoded(["salt", "role", "reader"])
ITEM = encoded(["salt", "de"])
STREET = encoded(["salt", "street", "Mill Lane"])
ADDRESS = encoded(["salt", "address", {"_sd": [digest(STREET)]}])
ADMIN = encoded(["salt", "admin", True])


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_a_disclosure_is_signed_where_its_digest_is(page: Page, algorithm: str) -> None:
    """In an object, in a list, in another disclosure, whatever the order; and not where somebody put it behind."""
    street = encoded(["salt", "street", "Mill Lane"])
    address = encoded(["salt", "address", {"_sd": [digest(street, algorithm)]}])
    claims = CLAIMS | {
        "_sd": [digest("decoy", algorithm), digest(address, algorithm), digest(ROLE, algorithm)],
        "nations": [{"...": digest(ITEM, algorithm)}],
    }
    if algorithm != "sha256":
        claims["_sd_alg"] = f"sha-{algorithm[3:]}"
    honest = "~".join([compact(claims), street, ROLE, ITEM, address, ""])

    names = [f"disclosure {number}" for number in range(1, 6)]
    assert worth(page, honest, "payload", *names[:4]) == [GOOD] * 5 + [[]]
    assert worth(page, f"{honest}{ADMIN}~", *names) == [GOOD] * 4 + [FORGED, ["disclosure_unsigned"]]


@pytest.mark.parametrize(
    ("claims", "disclosures"),
    [
        ({"_sd": ["x" * 43]}, [ADMIN]),
        ({}, [ADMIN]),
        ({"role": digest(ADMIN)}, [ADMIN]),
        ({"_sd": digest(ADMIN)}, [ADMIN]),
        ({"nations": [{"...": digest(ADMIN)}]}, [ADMIN]),
        ({"_sd": [digest(ITEM)]}, [ITEM]),
        ({"_sd": [digest("QQ")]}, ["QQ"]),
        ({"_sd": [digest(encoded({"a": 1}))]}, [encoded({"a": 1})]),
    ],
    ids=["another digest", "none", "a claim", "no list", "as an item", "as a member", "no JSON", "no list itself"],
)
def test_a_disclosure_without_its_digest_is_not_signed(
    page: Page, claims: dict[str, Any], disclosures: list[str]
) -> None:
    token = "~".join([compact(CLAIMS | claims), *disclosures, ""])
    assert worth(page, token, "payload", "disclosure 1") == [GOOD, FORGED, ["disclosure_unsigned"]]


def test_disclosures_that_hold_each_other_are_not_signed(page: Page) -> None:
    """One that holds the digest of another signs it only where it is signed itself."""
    token = "~".join([compact(CLAIMS), ADDRESS, STREET, ""])
    assert worth(page, token, "disclosure 1", "disclosure 2")[:2] == [FORGED, FORGED]


def test_what_is_hashed_with_something_unknown_is_not_checked(page: Page) -> None:
    token = "~".join([compact(CLAIMS | {"_sd_alg": "sha3-256", "_sd": [digest(ROLE)]}), ROLE, ""])
    assert worth(page, token, "payload", "disclosure 1") == [GOOD, ["open", "digest not checked"], []]


def test_where_the_browser_has_no_cryptography_nothing_is_verified(opened: Opened) -> None:
    page = opened("http://decoder.example/", verify="verify.js", worthOf="members.js")
    token = "~".join([compact(CLAIMS), ADMIN, ""])
    assert worth(page, token, "payload", "disclosure 1") == [OPEN, OPEN, []]


# -- several signatures ------------------------------------------------------------------------------------------------


def test_of_several_signatures_only_the_one_that_verified_is_called_so(page: Page) -> None:
    protected, payload, signature = compact(CLAIMS).split(".")
    other = {"protected": protected, "signature": encoded(bytes(64)), "header": {"kid": "x"}}
    signatures = [{"header": {}}, other, {"protected": protected, "signature": signature}]
    token = json.dumps({"payload": payload, "signatures": signatures})

    names = ["payload", "header", "signature", "header 2", "signature 2", "unprotected header 2"]
    unsigned = ["open", "not signed"]
    assert worth(page, token, *names)[:6] == [GOOD, OPEN, OPEN, OPEN, OPEN, unsigned]
    assert worth(page, token, "header 3", "signature 3")[:2] == [GOOD, GOOD]


def test_a_signature_that_fits_no_key_is_worth_nothing(page: Page) -> None:
    header, payload, _ = compact(CLAIMS).split(".")
    forged = f"{header}.{payload}.{encoded(OTHER.sign(b'other'))}"
    assert worth(page, forged, "header", "payload", "signature")[:3] == [["wrong", "does not verify"]] * 3


# -- what the library would say ----------------------------------------------------------------------------------------

NOW = 2_000


@pytest.mark.parametrize(
    ("token", "check"),
    [
        (compact(CLAIMS), None),
        (compact(CLAIMS | {"iat": NOW + 5}), None),
        (compact(CLAIMS | {"iat": NOW + 3_600}), "iat_future"),
        (compact(CLAIMS, {"crit": ["exp"]}), "header"),
        (compact(CLAIMS | {"exp": "4000000000"}), "exp"),
        (compact(json.dumps(CLAIMS)[:-1].encode() + b',"sub":"eve"}'), "json"),
        (compact(CLAIMS | {"sub": 1}), "sub"),
    ],
    ids=["good", "clocks differ", "made later", "crit", "a text", "twice", "sub"],
)
def test_only_what_the_library_takes_is_good(page: Page, token: str, check: str | None) -> None:
    said = page.evaluate(
        "async ([token, key, now]) => refusedBy((await verify(token, key, 'ES256')).form, now)", [token, JWK, NOW]
    )
    assert (said and said["check"]) == check


def test_a_token_is_not_valid_before_it_is_made(page: Page) -> None:
    moments = [{"name": "iat", "at": 1_000}, {"name": "exp", "at": 2_000}]
    said = page.evaluate("moments => [400, 990, 1500].map(at => validAt(moments, at, 10))", moments)
    assert said == [
        "No. It is made 10 min later.",
        "Yes, by its times: it expires 16 min 50 s later.",
        "Yes, by its times: it expires 8 min 20 s later.",
    ]


def test_a_clock_that_is_set_back_says_other_things(page: Page) -> None:
    token = {"moments": [{"name": "exp", "at": 1_000}]}
    rows = [[999, 1_000], [1_001, 1_002], [1_100, 800], [1_100, 1_050]]
    assert page.evaluate("([token, rows]) => rows.map(row => hasTurned(token, ...row))", [token, rows]) == [
        True,
        False,
        True,
        True,
    ]
