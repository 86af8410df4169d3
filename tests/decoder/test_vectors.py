"""Every published vector in the page: the verdicts of the library, and the same first check that says no."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
import vectors
from playwright.sync_api import Page

from gatepass import tokens
from gatepass.core.inspect import texts
from gatepass.core.inspect.refused import explain
from gatepass.core.jws import Signatures
from gatepass.core.keys import ALGORITHMS
from gatepass.core.strict import b64decode, b64encode, read_object
from gatepass.errors import ConfigurationError, CredentialError, MalformedCredential
from gatepass.keys import Key, KeySet, load

Opened = Callable[..., Page]


@pytest.fixture(scope="module")
def page(opened: Opened) -> Page:
    return opened(
        refusal="refused.js", verify="verify.js", readKeys="keys.js", fits="signature.js", shortness="jwk.js",
        fromAnyBase64="secrets.js", readObject="strict.js",
    )  # fmt: skip


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


def test_verify_says_valid_of_what_was_signed_and_of_nothing_else(page: Page) -> None:
    """Whatever its claims say. Between the two are tokens whose header or whose key the library does not look past."""
    asked = cases()
    rows = [[token, json.dumps(keys), confirmed(token, rules["algorithms"])] for token, keys, rules in asked]
    told = page.evaluate("rows => Promise.all(rows.map(row => verify(...row)))", rows)

    counts = {"valid": 0, "signature": 0}
    for (token, keys, rules), said in zip(asked, told, strict=True):
        check = checked(token, keys, rules)
        if check in {"", *CLAIMS}:
            assert (said["verdict"], said["reason"]) == ("valid", ""), token
            counts["valid"] += 1
        elif said["verdict"] == "valid":
            # Another key of the set than the one that is named signed it; or what is wrong is not about the signature;
            # or white space came along with the token.
            assert check in LOOKED_PAST or token != token.strip() or is_told(check, said), token
        elif check in OF_THE_KEY:
            counts["signature"] += 1
    assert min(counts.values()) > 25


OF_THE_KEY = {"key", "key_algorithm", "signature", "signature_form", "payload_form"}
#: Also `segments`: a token in JSON, or one that carries nothing, is signed all the same.
LOOKED_PAST = {"size", "segments", "header", "algorithm", "typ", "kid"}
#: The checks that look at what a signed token says.
CLAIMS = list(texts.CHECKS)[list(texts.CHECKS).index("json") :]


def is_told(check: str, said: dict[str, Any]) -> bool:
    """Whether it says why the library would refuse what it calls valid."""
    if check == "configuration_refused":
        return said["unfit"] in [warning["sentence"] for warning in said["warnings"]]
    return check in OF_THE_KEY and "kid_other" in [warning["code"] for warning in said["warnings"]]


def checked(token: str, keys: Any, rules: dict[str, Any]) -> str:
    """The check by which the library refuses; empty where it accepts."""
    try:
        _ = tokens.verify(token, load(keys), now=NOW, **rules)
    except ConfigurationError as error:
        return error.code
    except CredentialError as error:
        return explain(
            error, token, now=NOW, **{name: rules[name] for name in ("algorithms", "issuer", "audience", "typ")}
        ).check
    return ""


def confirmed(token: str, algorithms: list[str]) -> str:
    """What a person chooses who knows the algorithms of the service: that of the token, where it is one of them."""
    named = said(token)
    return named if named in algorithms else algorithms[0]


def said(token: str) -> str:
    """The algorithm that *token* names, unless it is no token."""
    try:
        return str(read_object(b64decode(token.partition(".")[0].encode())).get("alg"))
    except MalformedCredential:
        return ""


# -- Wycheproof --------------------------------------------------------------------------------------------------------

JOSE = ["json_web_signature_test", "json_web_key_test", "json_web_crypto_test", "json_web_encryption_test"]


def jose_cases(name: str) -> list[tuple[str, Any, dict[str, Any]]]:
    found = []
    for group in vectors.read(f"wycheproof/{name}.json")["testGroups"]:
        jwk = group.get("public", group["private"])
        allowed = [alg for key in members(jwk) for alg in ([key["alg"]] if "alg" in key else FAMILIES[key["kty"]])]
        for test in group["tests"]:
            token = test.get("jws", test.get("jwe"))
            found.append((token if isinstance(token, str) else str(token), jwk, {"algorithms": allowed}))
    return found


def members(jwk: Any) -> list[Any]:
    found: list[Any] = jwk.get("keys", [jwk])
    return found


#: What a key may be for that does not say it.
FAMILIES = {
    "oct": ["HS256", "HS384", "HS512"],
    "RSA": ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
    "EC": ["ES256", "ES384", "ES512"],
    "OKP": ["Ed25519"],
}


def opened_by_the_library(token: str, jwk: Any, rules: dict[str, Any]) -> tuple[str, str]:
    """As `by_the_library`, of a token whose content may be anything."""
    bound = all("alg" in key for key in members(jwk))
    named = None if bound else confirmed(token, rules["algorithms"])
    try:
        keys = load(jwk, algorithm=named)
        _ = Signatures(
            keys if isinstance(keys, KeySet) else KeySet([keys]), algorithms=rules["algorithms"], typ=None
        ).open(token)
    except ConfigurationError as error:
        return error.code, ""
    except CredentialError as error:
        return error.code, str(getattr(error, "reason"))  # noqa: B009  not every branch of the tree has one
    return "", ""


@pytest.mark.parametrize("name", JOSE)
def test_wycheproof_has_the_same_first_check_in_the_page(page: Page, name: str) -> None:
    """A token that is signed is accepted here, whatever is in it; an encrypted one never."""
    asked = jose_cases(name)
    expected = [opened_by_the_library(*case) for case in asked]

    told = refusals(page, asked)

    for one in told:
        if one["failed"] and one["failed"]["check"] in CLAIMS:
            one.update(failed=None, skipped=[])
    assert [by_the_page(one | {"skipped": []}) for one in told] == expected
    assert name == "json_web_encryption_test" or ("", "") in expected
    assert any(code for code, _ in expected)


@pytest.mark.parametrize("name", JOSE)
def test_wycheproof_is_valid_in_the_page_where_the_library_accepts(page: Page, name: str) -> None:
    """Else it is so only with a key that the library would not load, and that is told: `UNFIT_KEYS` has them all."""
    asked = jose_cases(name)
    rows = [[token, json.dumps(jwk), confirmed(token, rules["algorithms"])] for token, jwk, rules in asked]
    told = page.evaluate("rows => Promise.all(rows.map(row => verify(...row)))", rows)

    more = []
    for case, one in zip(asked, told, strict=True):
        accepted = opened_by_the_library(*case) == ("", "")
        assert one["verdict"] == "valid" or not accepted, case
        assert not accepted or one["reason"] == "", case
        if one["verdict"] == "valid" and not accepted:
            assert one["reason"] == "configuration", case
            assert one["unfit"] in [warning["sentence"] for warning in one["warnings"]]
            more.append(one["unfit"])
    assert more == UNFIT_KEYS.get(name, [])


MIXED = "The key set mixes secrets with public keys: one could be mistaken for the other."
SPOILED = (
    "Key 2 of the set: The member k of the key is missing or is not base64url. Export the key again from where it was"
    " made."
)
#: Where a person is told that the signature is one of the key, and that the library would not load the key.
UNFIT_KEYS = {
    "json_web_key_test": [
        MIXED,
        SPOILED,
        "The secret has 31 octets; HS256 needs 32 at least (RFC 7518 section 3.2).",
        "The secret has 63 octets; HS512 needs 64 at least (RFC 7518 section 3.2).",
    ],
    "json_web_crypto_test": [MIXED],
}

CURVES = {
    "ecdsa_secp256r1_sha256_p1363_test": "ES256",
    "ecdsa_secp384r1_sha384_p1363_test": "ES384",
    "ecdsa_secp521r1_sha512_p1363_test": "ES512",
    "ed25519_test": "Ed25519",
    "hmac_sha256_test": "HS256",
}
#: What cannot be checked here, and why: what a token signs is ASCII, and the page signs no octets that are no text.
NO_TEXT = {"ed25519_test": 49, "hmac_sha256_test": 37}


def is_text(test: Any) -> bool:
    try:
        _ = bytes.fromhex(test["msg"]).decode()
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize("name", CURVES)
def test_wycheproof_signatures_are_judged_as_by_the_library(page: Page, name: str) -> None:
    """With each key in each form that the vectors have, also those at the edge of what is one."""
    rows, expected, left = [], [], 0
    for group in vectors.read(f"wycheproof/{name}.json")["testGroups"]:
        forms = [group[form] for form in ("publicKeyPem", "publicKeyDer", "publicKeyJwk") if form in group]
        for test in group["tests"]:
            if not is_text(test):
                left += 1
                continue
            secret = {"kty": "oct", "alg": "HS256", "k": b64encode(bytes.fromhex(test.get("key", ""))).decode()}
            for form in forms or [secret]:
                message, signature = (bytes.fromhex(test[part]) for part in ("msg", "sig" if forms else "tag"))
                text = form if isinstance(form, str) else json.dumps(form)
                rows.append([text_of_der(text), message.decode(), b64encode(signature).decode()])
                expected.append(judged(bytes.fromhex(text) if text[:1] == "3" else form, message, signature))
    told = page.evaluate(
        """([alg, rows]) => Promise.all(rows.map(async ([text, message, signature]) => {
            const { keys: [key], problem } = readKeys(text);
            if (problem || shortness(key, alg)) return "refused";
            return fits(key, alg, message, signature ? fromAnyBase64(signature) : new Uint8Array());
        }))""",
        [CURVES[name], rows],
    )

    assert told == expected
    assert left == NO_TEXT.get(name, 0)
    assert {True, False} <= set(expected)


def text_of_der(text: str) -> str:
    """DER in hexadecimal as it would be pasted, which is base64."""
    return base64.b64encode(bytes.fromhex(text)).decode() if text[:1] == "3" else text


def judged(form: Any, message: bytes, signature: bytes) -> Any:
    try:
        key = load(form)
    except ConfigurationError:
        return "refused"
    assert isinstance(key, Key)
    return key.verify(message, signature)


# -- the examples of the RFCs, and what npm's jose made ----------------------------------------------------------------


def test_the_cookbook_is_judged_as_by_the_library(page: Page) -> None:
    """Compact and whole: accepted. The forms of JSON are refused, as a service does; a person can verify them."""
    cases = []
    for name in vectors.COOKBOOK:
        example = vectors.read(f"jose-cookbook/{name}.json")
        source, output = example["input"], example["output"]
        for form in ("compact", "json", "json_flat"):
            if form in output:
                text = output[form] if form == "compact" else json.dumps(output[form])
                cases.append((text, source["key"], {"algorithms": [source["alg"]]}))
    expected = [opened_by_the_library(*case) for case in cases]

    told = refusals(page, cases)

    for one in told:
        if one["failed"] and one["failed"]["check"] in CLAIMS:
            one.update(failed=None)
    assert [by_the_page(one | {"skipped": []}) for one in told] == expected
    assert expected.count(("", "")) == 3


def test_a_signature_in_json_is_verified_where_the_cookbook_has_it(page: Page) -> None:
    rows = []
    for name in ("jws/4_1.rsa_v15_signature", "jws/4_4.hmac-sha2_integrity_protection"):
        example = vectors.read(f"jose-cookbook/{name}.json")
        for form in ("json", "json_flat"):
            key = json.dumps(example["input"]["key"])
            rows.append([json.dumps(example["output"][form]), key, example["input"]["alg"]])
    told = page.evaluate("rows => Promise.all(rows.map(row => verify(...row)))", rows)

    assert [one["verdict"] for one in told] == ["valid"] * 4


def test_what_jose_made_is_verified_with_its_key_in_each_form(page: Page) -> None:
    made = vectors.read("jose-npm/tokens.json")
    rows, asked = [], []
    for one in made["made"]:
        for form in ("jwk", "public", "spki", "pkcs8"):
            if form in one:
                key = one[form] if isinstance(one[form], str) else json.dumps(one[form])
                rows.append([one["token"], key, one["alg"]])
                asked.append(
                    [one["token"], {"algorithms": [one["alg"]], "issuer": made["claims"]["iss"]}, key, made["now"]]
                )
    told = page.evaluate("rows => Promise.all(rows.map(row => verify(...row)))", rows)
    services = page.evaluate("rows => Promise.all(rows.map(row => refusal(...row)))", asked)

    assert {one["verdict"] for one in told} == {"valid"}
    assert all(one["failed"] is None and not one["unfit"] for one in services)
    assert {row[2] for row in rows} >= ALGORITHMS


# -- JSON --------------------------------------------------------------------------------------------------------------

PARSING = vectors.read("jsontestsuite/parsing.json")["tests"]


def test_the_page_reads_as_json_what_the_library_reads(page: Page) -> None:
    """Each text as a claims set, and, so that all of it counts and not only objects, as the value of a member."""
    texts_read = []
    for test in PARSING:
        text = (
            base64.b64decode(test["b64"])
            if "b64" in test
            else test["repeat"]["unit"].encode() * test["repeat"]["count"]
        )
        texts_read += [text, b'{"a":' + text + b"}"]
    told = page.evaluate(
        "texts => texts.map(text => readObject(text ? fromAnyBase64(text) : new Uint8Array()) !== null)",
        [base64.b64encode(text).decode() for text in texts_read],
    )

    expected = [read(text) for text in texts_read]
    names = [name for test in PARSING for name in (test["name"], f"{test['name']} as a member")]
    assert [name for name, one, other in zip(names, told, expected, strict=True) if one != other] == []
    assert {True, False} == set(expected)


def read(text: bytes) -> bool:
    try:
        _ = read_object(text)
    except MalformedCredential:
        return False
    return True
