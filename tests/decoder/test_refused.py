"""Why was it refused? The checks of the library in the page, for a policy, a problem, a token, as they are pasted."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page
from support.families import KEYS
from support.spoiled import CLAIMS, HEADER, KEY, NOW, OTHER, SPOILED, Token, spoiled

from gatepass import policy, tokens
from gatepass.core import claims
from gatepass.core.inspect import texts
from gatepass.core.inspect.refused import explain
from gatepass.core.keys import ALGORITHMS
from gatepass.core.strict import b64encode
from gatepass.errors import (
    CredentialError,
    CsrfRefused,
    ExpiredCredential,
    FieldsInvalid,
    GatepassError,
    MalformedCredential,
    MethodNotAllowed,
    NotRevocable,
    RevokedCredential,
    RoleRequired,
    StepUpRequired,
    StoreError,
    Throttled,
    UnknownCredential,
)
from gatepass.keys import KeySet
from gatepass.server.settings import NAME
from gatepass.web import answers

Opened = Callable[..., Page]

RULES: dict[str, Any] = {"algorithms": ["ES256"], "issuer": "i", "audience": "a", "typ": "at+jwt", "require": ["sid"]}
SET = json.dumps({"keys": [KEY.to_jwk(), OTHER.to_jwk()]})
CHECKS = list(texts.CHECKS)
OF_THE_KEY = {"key", "key_algorithm", "signature"}


@pytest.fixture(scope="module")
def page(opened: Opened) -> Page:
    return opened(refusal="refused.js", readPolicy="policy.js", explained="explained.js", agreement="explained.js")


def asked(page: Page, rows: list[list[Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate("rows => Promise.all(rows.map(row => refusal(...row)))", rows)
    return found


def written(token: Token) -> str:
    text = token.written()
    assert isinstance(text, str)
    return text


def by_the_library(token: str, keys: Any = KeySet([KEY, OTHER]), **rules: Any) -> dict[str, Any] | None:  # noqa: B008
    """What the command line says of a refusal."""
    try:
        _ = tokens.verify(token, keys, now=NOW, **rules)
    except CredentialError as error:
        known = {name: rules[name] for name in ("algorithms", "issuer", "audience", "typ")}
        said = explain(error, token, now=NOW, **known)
        return {
            "check": said.check,
            "sentence": said.sentence,
            "fix": said.fix,
            "what": texts.CHECKS[said.check][2],
            "code": error.code,
            "reason": getattr(error, "reason", "exp"),
        }
    return None


# -- the checks --------------------------------------------------------------------------------------------------------


def test_what_is_good_passes_every_check(page: Page) -> None:
    [said] = asked(page, [[written(Token()), RULES, SET, NOW]])

    assert said["failed"] is None
    assert said["skipped"] == []
    assert [(one["check"], one["what"]) for one in said["passed"]] == [
        (check, what) for check, (_, _, what) in texts.CHECKS.items()
    ]


def test_page_and_command_line_say_the_same_of_each_check(page: Page) -> None:
    """The check, the sentence and the remedy; alone, and with all that comes later wrong as well."""
    spoilt = [
        written(spoiled(*numbers))
        for number in range(1, len(SPOILED))
        for numbers in ([number], range(number, len(SPOILED)))
    ]

    said = asked(page, [[token, RULES | {"leeway": 10}, SET, NOW] for token in spoilt])

    assert [one["failed"] for one in said] == [by_the_library(token, **RULES) for token in spoilt]
    assert [one["failed"]["check"] for one in said[::2]] == CHECKS[1:]
    for one in said:
        at = CHECKS.index(one["failed"]["check"])
        assert [passed["check"] for passed in one["passed"]] == CHECKS[:at]
        assert [skipped["check"] for skipped in one["skipped"]] == CHECKS[at + 1 :]


def test_without_a_key_all_but_the_signature_is_checked(page: Page) -> None:
    token = written(spoiled(CHECKS.index("audience")))
    [good, bad] = asked(page, [[written(Token()), RULES, " ", NOW], [token, RULES, "", NOW]])

    assert good["failed"] is None
    assert {one["check"]: one["why"] for one in good["skipped"]} == dict.fromkeys(OF_THE_KEY, "No key was given.")
    assert bad["failed"]["sentence"] == "`aud` is `x`; wanted is `a`."


def test_what_the_policy_does_not_say_is_not_checked(page: Page) -> None:
    token = Token()
    token.header["typ"] = "JWT"
    [said] = asked(page, [[written(token), {}, SET, NOW]])

    assert said["failed"] is None
    assert {one["check"]: one["why"] for one in said["skipped"]} == dict.fromkeys(
        ["algorithm", "typ", "issuer", "audience", "require"], "The policy does not say."
    )


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("-----BEGIN PRIVATE KEY-----", "The PEM has no end. Copy the lines from BEGIN to END, both included."),
        ('{"kty": "oct", "alg": "HS256", "k": "c2VjcmV0"}', "The secret has 6 octets; HS256 needs 32"),
        (json.dumps({"keys": []}), "The key set is empty."),
    ],
)
def test_a_key_with_which_no_service_starts_leaves_out_the_signature(page: Page, key: str, sentence: str) -> None:
    [said] = asked(page, [[written(Token()), RULES, key, NOW]])

    assert said["unfit"].startswith(sentence)
    assert {one["check"] for one in said["skipped"]} == OF_THE_KEY
    assert said["failed"] is None


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ({"algorithms": []}, "algorithms is not a list of one or more of "),
        ({"algorithms": ["none"]}, "algorithms is not a list of one or more of "),
        ({"algorithms": "ES256"}, "algorithms is not a list of one or more of "),
        ({"issuer": ""}, "issuer is not a text."),
        ({"audience": ["a"]}, "audience is not a text."),
        ({"typ": 1}, "typ is not a text."),
        ({"typ": "\u212aey"}, "typ is not a text in ASCII."),
        ({"typ": "to\u212aen+jwt"}, "typ is not a text in ASCII."),
        ({"leeway": 301}, "leeway is not a whole number of seconds from 0 to 300."),
        ({"leeway": 0.5}, "leeway is not a whole number of seconds from 0 to 300."),
        ({"require": "sid"}, "require is not a list of names of claims."),
    ],
)
def test_a_policy_with_which_no_service_starts_checks_nothing(page: Page, rule: dict[str, Any], sentence: str) -> None:
    [said] = asked(page, [[written(Token()), RULES | rule, SET, NOW]])

    assert said["unfit"].startswith(sentence)
    assert (said["failed"], said["passed"]) == (None, [])
    assert {one["why"] for one in said["skipped"]} == {said["unfit"]}


def test_where_the_browser_has_no_cryptography_the_rest_is_checked(opened: Opened) -> None:
    """And it is said why: the page came over http from another machine."""
    page = opened("http://decoder.example/", refusal="refused.js")
    token = written(spoiled(CHECKS.index("issuer")))
    [good, bad] = asked(page, [[written(Token()), RULES, SET, NOW], [token, RULES, SET, NOW]])

    assert {one["check"] for one in good["skipped"]} == OF_THE_KEY
    assert all(one["why"].startswith("This page was opened over http") for one in good["skipped"])
    assert bad["failed"]["check"] == "issuer"


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_a_token_of_each_algorithm_is_checked_with_its_key(page: Page, algorithm: str) -> None:
    """Its JWK, with its name or without one; and with a key that only the policy says the use of."""
    key = KEYS[algorithm]
    jwk = key.to_jwk(private=key.symmetric)
    token = tokens.sign(CLAIMS, key)
    unbound = {name: value for name, value in jwk.items() if name not in {"alg", "kid"}}
    rules = RULES | {"algorithms": [algorithm]}
    changed = token[:-6] + ("AAAAAA" if not token.endswith("AAAAAA") else "QQQQQQ")

    said = asked(page, [[text, rules, json.dumps(keys), NOW] for text in (token, changed) for keys in (jwk, unbound)])

    assert [one["failed"] and one["failed"]["check"] for one in said] == [None, None, "signature", "signature"]
    assert [one["skipped"] for one in said[:2]] == [[], []]


def test_a_huge_token_is_refused_unread(page: Page) -> None:
    said = page.evaluate(
        "([rules, keys, now]) => refusal('ey.'.repeat(2_000_000), rules, keys, now)", [RULES, SET, NOW]
    )
    assert said["failed"]["sentence"] == "It has 6000000 characters; 8192 are read at most."


def written_with(*changes: dict[str, Any]) -> str:
    token = Token()
    token.header.update(changes[0])
    token.claims.update(changes[1])
    token.claims.update(changes[2])
    return written(token)


def with_more(more: str) -> str:
    """A good token, with *more* behind its claims."""
    token = Token()
    payload = json.dumps(CLAIMS | {"iat": NOW})[:-1] + f', "own": {more}}}'
    header = b64encode(json.dumps(token.header).encode())
    signed = header + b"." + b64encode(payload.encode())
    return (signed + b"." + b64encode(KEY.sign(signed))).decode()


EDGES = [
    *(opening * depth + "0" + "]" * depth for opening in ("[", "[0,", '["[",') for depth in (31, 32, 900)),
    *("1" * digits for digits in (4_300, 4_301)),
    *("-" + "1" * digits for digits in (4_300, 4_301)),
    *("-0." + "1" * digits for digits in (4_299, 4_300)),
    *("1e-" + "0" * digits + "1" for digits in (4_298, 4_299)),
]


def test_page_and_command_line_read_json_to_the_same_edge(page: Page) -> None:
    """One level, or one digit, more is refused by both: also beside something else, and in a fraction."""
    made = [with_more(more) for more in EDGES]
    said = asked(page, [[token, RULES, SET, NOW] for token in made])

    assert [one["failed"] and one["failed"]["check"] for one in said] == [
        *[None, "json", "json"] * 3,
        *[None, "json"] * 4,
    ]
    assert [one["failed"] for one in said] == [by_the_library(token, **RULES) for token in made]


def test_no_letter_of_another_alphabet_stands_for_one_of_a_type(page: Page) -> None:
    token, honest = Token(), Token()
    token.header["typ"], honest.header["typ"] = "to\u212aen+jwt", "toKen+jwt"
    rules = RULES | {"typ": "token+jwt"}
    said = asked(page, [[written(one), rules, SET, NOW] for one in (token, honest)])

    assert [one["failed"] and one["failed"]["check"] for one in said] == ["typ", None]
    assert [one["failed"] for one in said] == [by_the_library(written(one), **rules) for one in (token, honest)]


VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.lists(st.text(max_size=2), max_size=2)
TIMES = st.integers(NOW - 60, NOW + 60) | st.floats(NOW - 60, NOW + 60) | VALUES
TOKENS = st.builds(
    written_with,
    st.dictionaries(st.sampled_from([*HEADER, "crit", "x"]), VALUES | st.just("EdDSA") | st.just("application/AT+JWT")),
    st.dictionaries(st.sampled_from(["iss", "aud", "sub", "jti", "sid"]), VALUES | st.just(["a"])),
    st.dictionaries(st.sampled_from(["iat", "nbf", "exp"]), TIMES),
)


def test_page_and_command_line_agree_on_any_token(page: Page) -> None:
    made: list[str] = []

    @settings(max_examples=400, database=None)
    @given(TOKENS)
    def make(token: str) -> None:
        made.append(token)

    make()

    said = asked(page, [[token, RULES | {"leeway": 10}, SET, NOW] for token in made])

    expected = [by_the_library(token, **RULES) for token in made]
    assert [one["failed"] for one in said] == expected
    assert len({one and one["check"] for one in expected}) > 8


# -- a policy, as it is pasted -----------------------------------------------------------------------------------------

FULL = {
    "algorithms": ["ES256", "EdDSA"],
    "issuer": "https://auth.example.com",
    "audience": "orders",
    "typ": "at+jwt",
    "leeway": 10,
    "require": ["exp", "sub"],
}
DEFAULTS = {"typ": claims.ACCESS, "leeway": 10, "require": list(claims.REQUIRED)}
OF_THE_SERVER = DEFAULTS | {"audience": NAME, "leeway": policy.LEEWAY}
PASTED: list[tuple[str, dict[str, Any]]] = [
    (json.dumps(FULL), FULL),
    (json.dumps(FULL, indent=2), FULL),
    (
        '{"iss": "i", "aud": "a", "algorithm": "ES256"}',
        {"issuer": "i", "audience": "a", "algorithms": ["ES256"]},
    ),
    ('{"issuer": "i", "jwks_uri": "https://x.example"}', {"issuer": "i"}),
    # of PyJWT: what it does not say, nobody said
    (
        'jwt.decode(token, key, algorithms=["RS256"], audience="orders", issuer="https://a.example")',
        {"algorithms": ["RS256"], "audience": "orders", "issuer": "https://a.example"},
    ),
    (
        "jwt.decode(token, key, algorithms=['ES256'], audience='orders', issuer=None)",
        {"algorithms": ["ES256"], "audience": "orders"},
    ),
    ('{"issuer": "i", "audience": null}', {"issuer": "i"}),
    ('{"x": {"toString": 1}, "issuer": "i"}', {"issuer": "i"}),
    ("jwt.verify(token, key, { audience: 'orders', issuer: undefined })", {"audience": "orders"}),
    ("from gatepass import policy\nissuer = 'i'", DEFAULTS | {"issuer": "i"}),
    # of YAML, and of Node, where audiences are a list
    ("algorithms: [RS256, 'ES256']\nissuer: i", {"algorithms": ["RS256", "ES256"], "issuer": "i"}),
    (
        'jwt:\n  algorithms:\n    - RS256\n    - "ES256"  # soon\n  audience:\n  - orders\n  issuer: i',
        {"algorithms": ["RS256", "ES256"], "audience": "orders", "issuer": "i"},
    ),
    ("jwt.verify(token, key, { audience: ['orders'], issuer: ['i'] })", {"audience": "orders", "issuer": "i"}),
    # of docs/tokens.md: of this library, and of npm's jose
    (
        (
            'said = tokens.verify(\n    token,\n    keys.load(published),\n    algorithms=["ES256"],\n'
            '    issuer="https://auth.example.com",\n    audience="orders",\n)'
        ),
        DEFAULTS | {"algorithms": ["ES256"], "issuer": "https://auth.example.com", "audience": "orders"},
    ),
    (
        (
            '{\n    algorithms: ["ES256"],\n    issuer: "https://auth.example.com",\n    audience: "orders",\n'
            '    typ: "at+jwt",\n    requiredClaims: ["exp", "sub"],\n    clockTolerance: 10,\n  }'
        ),
        FULL | {"algorithms": ["ES256"]},
    ),
    (
        "issuer = 'i'  # ours\naudience = \"a\"\nleeway = 30\n",
        {"issuer": "i", "audience": "a", "leeway": 30},
    ),
    ("algorithms=ES256,RS256\nissuer=i", {"algorithms": ["ES256", "RS256"], "issuer": "i"}),
    ("# audience = x\naudience = a", {"audience": "a"}),
    ("GATEPASS_ISSUER=https://auth.example.com", OF_THE_SERVER | {"issuer": "https://auth.example.com"}),
    (
        "export GATEPASS_ISSUER='https://a.example'\nexport GATEPASS_AUDIENCE=orders\nGATEPASS_MODE=hybrid\n",
        OF_THE_SERVER | {"issuer": "https://a.example", "audience": "orders"},
    ),
    ('    environment:\n      GATEPASS_ISSUER: "https://a.example"', OF_THE_SERVER | {"issuer": "https://a.example"}),
    ("GATEPASS_MODE=hybrid", OF_THE_SERVER),
]


@pytest.mark.parametrize(("text", "expected"), PASTED)
def test_a_policy_is_read_as_it_is_written_down(page: Page, text: str, expected: dict[str, Any]) -> None:
    """What is not said is what the library, or the server, does by itself, where the text is about one of them."""
    said = page.evaluate("text => readPolicy(text)", text)

    assert said["problem"] == ""
    assert said["policy"] == expected


def test_it_is_said_what_was_read_and_what_was_not(page: Page) -> None:
    said = page.evaluate("text => readPolicy(text)", "GATEPASS_ISSUER=https://a.example\nGATEPASS_MASTER_KEY=0123abcd")

    assert said["sentence"] == (
        "Read: issuer `https://a.example`. As gatepass has it unless told: typ `at+jwt`; leeway 5;"
        " require `exp`, `iss`, `aud`, `sub`, `iat`, `jti`; audience `gatepass`. Not said, so not checked: algorithms."
        " Not looked at: GATEPASS_MASTER_KEY."
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "No setting could be read."),
        ("hello", "No setting could be read."),
        ('{"keys": []}', "No setting could be read."),
        ("GATEPASS_CSRF", "No setting could be read."),
        ('{"issuer": "i", "issuer": "j"}', "issuer is given twice."),
        ("issuer=i\niss=j", "issuer is given twice."),
        ('{"issuer": "i", "iss": "j"}', "issuer is given twice."),
        ("{hello", "The text begins as JSON and is not a JSON object with each name once."),
        ("leeway = soon", "leeway is not a whole number of seconds from 0 to 300."),
        ('{"leeway": "10"}', "leeway is not a whole number of seconds from 0 to 300."),
        ("leeway = 3600", "leeway is not a whole number of seconds from 0 to 300."),
        ('algorithms = ["none"]', "algorithms is not a list of one or more of HS256, "),
        ("issuer =", "issuer is not a text."),
        ('{"audience": ["a", "b"]}', "The library takes one audience. Which of these is it: `a`, `b`?"),
        ("audience: ['orders', 'web']", "The library takes one audience. Which of these is it: `orders`, `web`?"),
        ('{"audience": [1, 2]}', "audience is not a text."),
        ('{"audience": []}', "audience is not a text."),
        ('{"require": [1]}', "require is not a list of names of claims."),
    ],
)
def test_what_cannot_be_read_as_a_policy_is_refused_in_a_sentence(page: Page, text: str, problem: str) -> None:
    said = page.evaluate("text => readPolicy(text)", text)

    assert said["policy"] is None
    assert said["problem"].startswith(problem)


# -- a problem, as it is pasted ----------------------------------------------------------------------------------------

ERRORS: list[tuple[GatepassError, list[str]]] = [
    (UnknownCredential("audience"), []),
    (MalformedCredential("base64url"), []),
    (MalformedCredential("roles"), []),
    (ExpiredCredential(), []),
    (RevokedCredential(), []),
    (CsrfRefused("site"), [f"`site`: {texts.CSRF_REASONS['site']}"]),
    (RoleRequired(role="admin"), []),
    (Throttled(90), ["Try again after 1 min 30 s."]),
    (StoreError(), ["Try again after 1 s."]),
    (StepUpRequired(max_age=300), ["The last login may be 5 min ago at most."]),
    (NotRevocable(seconds_left=61), ["The token is accepted for another 1 min 1 s."]),
    (MethodNotAllowed("GET", "POST"), ["Served are: GET, HEAD, POST."]),
    (FieldsInvalid({"next": "this is no path"}), ["`next`: this is no path."]),
]


def http(error: GatepassError, before: str = "") -> str:
    answer = answers.problem(error)
    head = [f"HTTP/1.1 {answer.status} X", *(f"{name}: {value}" for name, value in answer.headers.items()), ""]
    return "\n".join([*(before + line for line in head), answer.body.decode()])


@pytest.mark.parametrize(("error", "facts"), ERRORS, ids=lambda value: getattr(value, "code", ""))
@pytest.mark.parametrize("form", ["alone", "http", "curl", "har"])
def test_an_answer_is_explained(page: Page, error: GatepassError, facts: list[str], form: str) -> None:
    """Alone, with the HTTP answer around it, as `curl -v` prints it, and as a text in other JSON."""
    body = answers.problem(error).body.decode()
    text = {"alone": body, "http": http(error), "curl": http(error, "< "), "har": json.dumps({"text": http(error)})}[
        form
    ]
    if form == "har":
        text = text.replace("\\n", "\n")

    said = page.evaluate("text => explained(text)", text)

    status, meaning, fix = texts.ERRORS[error.code]
    assert (said["code"], said["status"], said["meaning"], said["fix"]) == (error.code, status, meaning, fix)
    assert said["problem"] == ""
    in_the_body = [fact for fact in facts if not fact.startswith(("Try", "Served"))]
    assert said["facts"] == (in_the_body if form == "alone" else facts)


@pytest.mark.parametrize("code", texts.ERRORS)
def test_every_code_is_explained_wherever_it_stands(page: Page, code: str) -> None:
    """In a header, in a URN, as the reason of a WebSocket, in a line of a log."""
    around = [
        f'WWW-Authenticate: Bearer realm="gatepass", error="invalid_token", error_description="{code}"',
        f"urn:gatepass:error:{code}",
        f"closed with 4401 {code}",
        f"2026-11-26 WARNING code={code} path=/",
        json.dumps({"title": "credential_missing", "code": code}),
    ]
    said = page.evaluate("texts => texts.map(explained)", around)

    assert [one["code"] for one in said] == [code] * len(around)


@pytest.mark.parametrize(
    ("error", "checks"),
    [
        (UnknownCredential("audience"), ["audience"]),
        (UnknownCredential("algorithm"), ["algorithm", "key_algorithm"]),
        (UnknownCredential("iat"), ["iat_future"]),
        (MalformedCredential("iat"), ["iat"]),
        (MalformedCredential("base64url"), ["ascii", "signature_form", "payload_form"]),
        (MalformedCredential("header"), ["header", "kid"]),
        (MalformedCredential("roles"), ["require"]),
        (UnknownCredential(), []),
        (RevokedCredential(), []),
    ],
)
def test_the_reason_is_told_as_a_check(page: Page, error: Any, checks: list[str]) -> None:
    said = page.evaluate("text => explained(text)", http(error))

    assert said["reason"] == ("" if not checks else error.reason)
    assert [one["check"] for one in said["checks"]] == checks
    for one in said["checks"]:
        expected = "`roles`, which you `require`, is there" if checks == ["require"] else texts.CHECKS[one["check"]][2]
        assert (one["what"], one["fix"]) == (expected, texts.REFUSALS[one["check"]][1])


def test_a_status_that_is_not_that_of_the_code_is_told(page: Page) -> None:
    """A proxy in front changes it; scripts that read the status do the wrong thing then."""
    text = http(ExpiredCredential()).replace("HTTP/1.1 401", "HTTP/1.1 403").replace('"status":401,', "")
    said = page.evaluate("text => explained(text)", text)
    assert said["facts"] == [
        "The answer has the status 403, and this code belongs to 401: something on the way changed it."
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "There is nothing to explain."),
        ("not_found_at_all credential_expiredX", "There is no code of gatepass in it."),
        (
            "HTTP/1.1 502 Bad Gateway\n\n<html>",
            "The status is 502: a proxy in front or another program may have answered.",
        ),
        (
            'WWW-Authenticate: Bearer error="invalid_token"',
            "`invalid_token` is of RFC 6750, and says no more than that.",
        ),
    ],
)
def test_what_is_no_answer_of_ours_is_told(page: Page, text: str, problem: str) -> None:
    said = page.evaluate("text => explained(text)", text)
    assert said["problem"].endswith(problem)
    assert said["code"] == ""


GOOD = written(Token())
AGREES: list[tuple[Any, str, dict[str, Any], bool | None, str]] = [
    (ExpiredCredential(), written_with({}, {}, {"exp": NOW - 172_800}), {}, True, "It expired 2 days ago."),
    (ExpiredCredential(), GOOD, {}, False, "Compare the clocks; in hybrid mode"),
    (UnknownCredential("audience"), GOOD, RULES | {"audience": "x"}, True, "`aud` is `a`; wanted is `x`."),
    (UnknownCredential("audience"), GOOD, RULES, False, "here it passes that check."),
    (UnknownCredential("audience"), GOOD, {}, None, "The policy does not say. In the token, `aud` is `a`."),
    (UnknownCredential("signature"), GOOD, {}, False, "here it passes that check."),
    (MalformedCredential("segments"), "a.b", {}, True, "It has 2 parts"),
    (UnknownCredential("issuer"), "a.b", {}, False, "Here, another check says no first: It has 2 parts"),
    (UnknownCredential(), GOOD, RULES | {"issuer": "x"}, True, "`iss` is `i`; wanted is `x`"),
    (RevokedCredential(), GOOD, {}, None, "Nothing in a token says this"),
    (UnknownCredential(), "A" * 22 + "." + "A" * 43, {}, None, texts.HINTS["opaque"]),
]


@pytest.mark.parametrize(("error", "token", "rules", "agrees", "sentence"), AGREES)
def test_what_of_the_token_agrees_with_a_refusal_is_told(
    page: Page, error: Any, token: str, rules: dict[str, Any], agrees: bool | None, sentence: str
) -> None:
    said = page.evaluate(
        "([answer, ...rest]) => agreement(explained(answer), ...rest)", [http(error), token, rules, SET, NOW]
    )
    assert said["agrees"] is agrees
    assert sentence in said["sentence"]
