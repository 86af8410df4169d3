"""Every published vector in the page: the verdicts of the library, and the same first check that says no."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import vectors
from playwright.sync_api import Page

from gatepass import tokens
from gatepass.errors import ConfigurationError, CredentialError
from gatepass.keys import load

Opened = Callable[..., Page]


@pytest.fixture(scope="module")
def page(opened: Opened) -> Page:
    return opened(refusal="refused.js", verify="verify.js", readKeys="keys.js", readObject="strict.js")


# -- whole tokens against a policy -------------------------------------------------------------------------------------

POLICY = vectors.read("policy/jwt_policy_vectors.json")
RULES = {
    "issuer": POLICY["policy"]["issuer"],
    "audience": POLICY["policy"]["audience"],
    "typ": POLICY["policy"]["typ"],
    "leeway": POLICY["policy"]["leeway_seconds"],
    "require": POLICY["policy"]["required_claims"],
}
NOW = POLICY["policy"]["now"]
#: What the library says of a key that it does not load. The page says that, too, and checks what needs no key.
UNFIT = ("configuration_refused", "")


def policy_token(text: str) -> str:
    if text.startswith("gen:"):
        unit, count = text.removeprefix("gen:").split("*")
        return unit * int(count)
    return text


def by_the_library(token: str, keys: Any, rules: dict[str, Any]) -> tuple[str, str]:
    """The code and the reason of the refusal; both are empty where it is accepted."""
    try:
        _ = tokens.verify(token, load(keys), now=NOW, **rules)
    except ConfigurationError as error:
        return error.code, ""
    except CredentialError as error:
        return error.code, getattr(error, "reason", "exp")
    return "", ""


def by_the_page(said: dict[str, Any]) -> tuple[str, str]:
    if said["unfit"]:
        return UNFIT
    if said["failed"] is None:
        assert not said["skipped"]
        return "", ""
    return said["failed"]["code"], said["failed"]["reason"]


def cases() -> list[tuple[str, Any, dict[str, Any]]]:
    return [
        (policy_token(test["token"]), POLICY["keysets"][test["keyset"]], RULES | {"algorithms": test["algorithms"]})
        for test in POLICY["tests"]
    ]


def refusals(page: Page, asked: list[tuple[str, Any, dict[str, Any]]]) -> list[dict[str, Any]]:
    rows = [[token, rules, json.dumps(keys), NOW] for token, keys, rules in asked]
    found: list[dict[str, Any]] = page.evaluate("rows => Promise.all(rows.map(row => refusal(...row)))", rows)
    return found


def differences(page: Page, asked: list[Any], expected: list[tuple[str, str]]) -> list[Any]:
    told = map(by_the_page, refusals(page, asked))
    return [
        (at, said, verdict) for at, (said, verdict) in enumerate(zip(told, expected, strict=True)) if said != verdict
    ]


def test_the_first_check_that_says_no_is_that_of_the_library(page: Page) -> None:
    asked = cases()
    expected = [by_the_library(*case) for case in asked]

    assert differences(page, asked, expected) == []
    assert {reason for _, reason in expected} >= {
        "",
        "size",
        "segments",
        "header",
        "algorithm",
        "typ",
        "key",
        "signature",
    }
    assert {reason for _, reason in expected} >= {
        "base64url",
        "json",
        "issuer",
        "audience",
        "sub",
        "jti",
        "iat",
        "nbf",
        "exp",
    }


def test_a_difference_would_be_found(page: Page) -> None:
    """One token in one place that differs: another audience in the page than in the library."""
    asked = cases()
    expected = [by_the_library(*case) for case in asked]
    good = expected.index(("", ""))
    asked[good] = (*asked[good][:2], asked[good][2] | {"audience": "x"})

    assert differences(page, asked, expected) == [(good, ("credential_unknown", "audience"), ("", ""))]
