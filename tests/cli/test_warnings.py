"""What `gatepass token inspect` warns of, and the mistakes that it has a sentence for: each is one line, said once."""

import hmac
import json
import re
from collections.abc import Callable
from time import time
from typing import Any

import pytest
from support.commands import run

from gatepass.core.inspect import texts
from gatepass.core.strict import b64encode
from gatepass.keys import generate

#: As the command reads it. Every time below is more than the minutes away that the tests may take.
NOW = int(time())
DAY = 86_400
HEADER: dict[str, Any] = {"alg": "ES256", "kid": "k1", "typ": "at+jwt"}
CLAIMS: dict[str, Any] = {"iss": "https://id.example", "aud": "orders", "iat": NOW - 60, "exp": NOW + 3_000}
KEY = generate("ES256")
DER = bytes([0x30, 0x44, 2, 0x20]) + b"r" * 32 + bytes([2, 0x20]) + b"s" * 32


def segment(value: object) -> str:
    return b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).decode()


def token(
    header: dict[str, Any] = HEADER,
    claims: object = CLAIMS,
    sign: Callable[[bytes], bytes] = lambda _: b"s" * 64,
) -> str:
    text = f"{segment(header)}.{segment(claims)}"
    return f"{text}.{segment(sign(text.encode()))}"


def saying(**more: Any) -> str:
    return token(claims=CLAIMS | more)


def without(*names: str) -> str:
    return token(claims={name: value for name, value in CLAIMS.items() if name not in names})


def by_secret(secret: bytes) -> str:
    return token(HEADER | {"alg": "HS256"}, sign=lambda text: hmac.digest(secret, text, "sha256"))


def told(text: str) -> list[str]:
    return run("token", "inspect", "--", text).stdout.splitlines()


def test_a_token_in_order_is_warned_of_nowhere() -> None:
    lines = told(token())
    assert "Not verified. It expires in " in lines[1]
    assert [line for line in lines if line.startswith(("stop", "warn", "info", "wrong", "cut off"))] == []


WARNINGS = [
    *(("stop", "The algorithm is `none`", token({**HEADER, "alg": alg})) for alg in ("none", "None", "NONE")),
    ("stop", "There is no signature, though", token(sign=lambda _: b"")),
    ("stop", "It is signed with an empty secret", by_secret(b"")),
    ("stop", "It is signed with a secret that tutorials print", by_secret(b"secret")),
    ("stop", "did sign it, so the signature proves nothing", token(HEADER | {"jwk": KEY.to_jwk()}, sign=KEY.sign)),
    *(
        ("stop", "`kid` holds", token(HEADER | {"kid": kid}))
        for kid in ("../../dev/null", "/etc/passwd", "' UNION SELECT 1", "https://evil.example/k", "k?x=1")
    ),
    *(
        ("stop", f"`{name}` names an address", token({**HEADER, name: "https://evil.example"}))
        for name in ("jku", "x5u")
    ),
    ("warn", "There is no `exp`", without("exp")),
    ("warn", "It is an access token for", saying(exp=NOW + 2 * 3_600)),
    ("warn", "It lives for", saying(exp=NOW + 40 * DAY)),
    ("warn", "`iat` is in the future", saying(iat=NOW + DAY, exp=NOW + DAY + 600)),
    ("warn", "`nbf` is in the future", saying(nbf=NOW + DAY)),
    ("warn", "`exp` is not after `iat`", saying(iat=NOW - 60, exp=NOW - 60)),
    ("warn", "There is no `aud`", without("aud")),
    ("warn", "There is no `iss`", without("iss")),
    ("warn", "There is no `kid`", token({"alg": "ES256", "typ": "at+jwt"})),
    ("warn", "`crit` names what", token(HEADER | {"crit": ["x"]})),
    ("warn", "below 2048 it is refused", token(HEADER | {"alg": "RS256"}, sign=lambda _: b"s" * 128)),
    ("warn", "by a SHA-1 thumbprint only", token(HEADER | {"x5t": "x"})),
    ("warn", "The signature is in DER", token(sign=lambda _: DER)),
    ("warn", "looks like a password", saying(password="hunter2")),
    ("warn", "looks like a social security number", saying(ssn="1")),
    ("warn", "looks like a card number", saying(pan="4111 1111 1111 1111")),
    ("warn", "looks like a private key", saying(pem="-----BEGIN PRIVATE KEY-----")),
    ("stop", "The private half of a key", saying(cnf={"jwk": KEY.to_jwk(private=True)})),
    ("warn", "looks like another token", saying(inner=token())),
    ("warn", "looks like a key of an API", saying(x="AKIAIOSFODNN7EXAMPLE")),
    ("warn", "an e-mail address: personal data", saying(x="ada@example.com")),
    ("warn", "a telephone number: personal data", saying(x="+44 20 7946 0000")),
    ("warn", "It does not fit into a cookie", saying(x="x" * 3_500)),
    ("warn", "It does not fit into a header line", saying(x="x" * 7_000)),
    ("warn", "levels deep", token(claims=b'{"a":' + b"[" * 40 + b"]" * 40 + b"}")),
    ("warn", "is there twice", token(claims=b'{"sub":"ada","sub":"bob"}')),
    ("warn", "turn the direction of writing", saying(x="a\u202eb")),
    ("warn", "turn the direction of writing", saying(x="a\x1bb")),
    ("info", "`EdDSA` is the old name", token(HEADER | {"alg": "EdDSA"})),
    ("info", "`typ` is not `at+jwt`", token(HEADER | {"typ": "JWT"}, CLAIMS | {"scope": "read"})),
    ("info", "`exp` looks like milliseconds", saying(exp=(NOW + 600) * 1_000)),
]


@pytest.mark.parametrize(("level", "words", "text"), WARNINGS, ids=range(len(WARNINGS)))
def test_a_warning_is_one_line_with_its_level(level: str, words: str, text: str) -> None:
    said = [line for line in told(text) if line.startswith(("stop", "warn", "info", "wrong", "hint"))]
    assert [line.split()[0] for line in said if words in line] == [level]
    assert len(set(said)) == len(said)


# By the mistake: what was pasted, and the word of the table that solves it.
MISTAKES = {
    "expired": saying(exp=NOW - 60),
    "not_yet": saying(nbf=NOW + DAY),
    "secret_encoding": by_secret(b"a secret that nobody has printed"),
    "key_family": token(),
    "stray": f"{token()}=",
    "cut": token()[:-1],
    "no_signature_check": token(),
    "in_url": f"https://app.example/?token={token()}",
    "in_fragment": f"https://app.example/#access_token={token()}",
    "units": saying(iat=NOW * 1_000),
    "id_token": token(HEADER | {"typ": "JWT"}, CLAIMS | {"nonce": "n"}),
    "encrypted": ".".join([segment({"alg": "dir", "enc": "A256GCM"}), "", "AAAA", "AAAA", "AAAA"]),
    "opaque": "A" * 22 + "." + "A" * 43,
}


def test_the_mistakes_are_those_that_the_table_has_a_sentence_for() -> None:
    of_the_text = {"local", "nothing", "left_out", "encrypted_with"}
    assert set(texts.HINTS) - of_the_text == set(MISTAKES)


def test_a_token_that_is_there_again_is_shown_once() -> None:
    one, other = token(), saying(exp=NOW - 60)
    assert [line for line in told(f"{one}\n{other}\n{one}\n") if "times in this" in line or "Token 2" in line] == [
        f"Token 1 of 2: 2 times in this text: {texts.KINDS['jws']}",
        f"Token 2 of 2: {texts.KINDS['jws']}",
    ]
    assert told(f"{one} {one}")[0] == f"2 times in this text: {texts.KINDS['jws']}"


def helps(code: str, text: str) -> list[str]:
    """The lines that say what the table has under *code*, whatever the facts are."""
    words = re.split(r"\{\w+\}", texts.HINTS[code])
    return [line for line in told(text) if line.startswith("hint") and all(word in line for word in words)]


@pytest.mark.parametrize("code", MISTAKES)
def test_a_mistake_gets_its_sentence(code: str) -> None:
    assert len(helps(code, MISTAKES[code])) == 1


@pytest.mark.parametrize("code", sorted(set(MISTAKES) - {"key_family", "no_signature_check"}))
def test_a_token_in_order_does_not_get_it(code: str) -> None:
    assert helps(code, token()) == []
