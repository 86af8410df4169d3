"""Signatures that anybody could have made are found without a key, and those beside them are left in peace."""

import hmac
import json
from typing import Any

import pytest
from support.families import KEYS, PAIRS

from gatepass.core.inspect import guesses, inspect
from gatepass.core.inspect.guesses import MAX_GUESSED
from gatepass.core.keys.tutorials import TUTORIAL_SECRETS
from gatepass.core.strict import b64decode, b64encode

NOW = 1_900_000_000
CLAIMS = {"iss": "i", "aud": "a", "iat": NOW - 60, "exp": NOW + 252}
HASHES = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}
GUESSES = {"secret_known", "secret_blank", "key_verifies"}


def segment(value: object) -> str:
    return b64encode(json.dumps(value).encode()).decode()


def by_secret(secret: bytes, alg: str = "HS256", **header: object) -> str:
    """A token that is signed with *secret*."""
    signed = f"{segment({'alg': alg, **header})}.{segment(CLAIMS)}"
    return f"{signed}.{b64encode(hmac.digest(secret, signed.encode(), HASHES[alg])).decode()}"


def by_own(alg: str, /, *, said: str | None = None, typ: str = "at+jwt", **members: Any) -> str:
    """A token that brings the key along that signed it; *members* are put over those of the key."""
    key = KEYS[alg]
    jwk: dict[str, Any] = {**key.to_jwk(private=key.symmetric), **members}
    header = {"alg": said or alg, "typ": typ, "jwk": {name: value for name, value in jwk.items() if value is not None}}
    signed = f"{segment(header)}.{segment(CLAIMS)}"
    return f"{signed}.{b64encode(key.sign(signed.encode())).decode()}"


def guessed(text: str) -> set[str]:
    """What guessing says of the one token in *text*."""
    [token] = inspect(text, now=NOW).tokens
    return {finding.code for finding in token.findings} & GUESSES


@pytest.mark.parametrize("secret", TUTORIAL_SECRETS)
def test_a_secret_of_the_table_is_guessed(secret: str) -> None:
    octets = b64decode(secret.encode()) if TUTORIAL_SECRETS[secret] == "base64url" else secret.encode()
    assert guessed(by_secret(octets)) == {"secret_known" if secret else "secret_blank"}


@pytest.mark.parametrize("alg", HASHES)
def test_a_secret_is_guessed_under_every_algorithm(alg: str) -> None:
    assert guessed(by_secret(b"secret", alg)) == {"secret_known"}
    assert guessed(by_secret(b"", alg)) == {"secret_blank"}


@pytest.mark.parametrize(
    "text",
    [
        by_secret(b"a secret that nobody has printed"),
        by_secret(b"secret ."),
        by_secret(b"secret").replace(".", ".A", 1),  # changed after it was signed
        by_secret(b"secret")[:-1],
        by_secret(b"secret").rpartition(".")[0] + ".",
    ],
    ids=["another secret", "a longer secret", "changed", "cut off", "not signed"],
)
def test_what_no_known_secret_has_signed_is_not_said_to_be(text: str) -> None:
    assert guessed(text) == set()


def test_the_example_of_rfc_7515_is_known_by_what_its_secret_decodes_to() -> None:
    """Appendix A.1, which libraries copy into their tests, and people out of these."""
    text = (
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxl"
        "LmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    )
    assert guessed(text) == {"secret_known"}


@pytest.mark.parametrize("alg", sorted(KEYS))
def test_a_key_that_a_token_brings_and_that_signed_it_proves_nothing(alg: str) -> None:
    assert guessed(by_own(alg)) == {"key_verifies"}


def test_the_old_name_of_an_algorithm_is_read_too() -> None:
    assert guessed(by_own("Ed25519", said="EdDSA")) == {"key_verifies"}


@pytest.mark.parametrize("alg", sorted(PAIRS))
def test_only_the_numbers_of_such_a_key_are_looked_at(alg: str) -> None:
    """What it is for is a word of whoever made the token."""
    assert guessed(by_own(alg, use="enc", key_ops=["sign"], alg="XY", kid=7)) == {"key_verifies"}


OTHERS = {alg: key for alg, key in PAIRS.items() if alg in {"ES256", "ES384", "Ed25519"}}


@pytest.mark.parametrize(
    "text",
    [
        by_own("ES256", typ="dpop+jwt"),
        by_own("ES256", y=PAIRS["ES256"].to_jwk()["x"]),
        by_own("ES256", x=None),
        by_own("ES256", x=7),
        by_own("ES256", x="\u00e4"),
        by_own("ES256", x="AA="),
        by_own("ES256", crv="P-384"),
        by_own("ES256", kty="RSA"),
        by_own("ES256", kty="oct"),
        by_own("ES256", kty=None),
        by_own("ES256", kty=["EC"]),
        by_own("ES256", said="ES384"),
        by_own("ES256", said="HS256"),
        by_own("ES256", said="XY"),
        by_own("RS256", e="Aw"),
        by_own("RS256", n="AQAB"),
        by_own("RS256", n=None),
        by_own("RS256", said="PS256"),
        by_own("HS256", k="AAAA"),
        by_own("HS256", k=None),
        by_own("HS256", kty="EC"),
        by_own("ES256").rpartition(".")[0] + "." + "A" * 85 + "B",
        by_secret(b"a secret that nobody has printed", jwk=7),
        by_secret(b"a secret that nobody has printed", jwk=[]),
        *(
            f"{(signed := segment({'alg': 'ES256', 'jwk': key.to_jwk()}) + '.' + segment(CLAIMS))}."
            + b64encode(PAIRS["ES512"].sign(signed.encode())).decode()
            for key in OTHERS.values()
        ),
    ],
)
def test_a_key_that_did_not_sign_it_is_not_said_to_have(text: str) -> None:
    assert guessed(text) == set()


def test_what_must_stop_stays_first() -> None:
    [token] = inspect(by_secret(b"secret"), now=NOW).tokens
    levels = [finding.level for finding in token.findings]
    assert levels == sorted(levels, key=["stop", "warn", "info"].index)


def test_the_token_inside_is_guessed_too() -> None:
    inside = by_secret(b"secret")
    signed = f"{segment({'alg': 'HS256', 'cty': 'JWT'})}.{b64encode(inside.encode()).decode()}"
    [token] = inspect(f"{signed}.{'A' * 43}", now=NOW).tokens
    [inner] = token.inner
    assert "secret_known" not in {finding.code for finding in token.findings}
    assert "secret_known" in {finding.code for finding in inner.findings}


def test_an_sd_jwt_is_guessed_by_what_stands_before_its_disclosures() -> None:
    assert guessed(f"{by_secret(b'secret')}~{segment(['salt', 'given_name', 'Ada'])}~") == {"secret_known"}


def test_only_the_first_tokens_of_a_text_are_guessed() -> None:
    """A guess costs as many hashes as the table has secrets."""
    tokens = inspect(f"{by_secret(b'secret')}\n" * (MAX_GUESSED + 1), now=NOW).tokens
    found = ["secret_known" in {finding.code for finding in token.findings} for token in tokens]
    assert found == [True] * MAX_GUESSED + [False]


def test_a_token_that_no_verifier_reads_is_not_guessed() -> None:
    long = {**CLAIMS, "x": "x" * 8_000}
    signed = f"{segment({'alg': 'HS256'})}.{segment(long)}"
    text = f"{signed}.{b64encode(hmac.digest(b'secret', signed.encode(), 'sha256')).decode()}"
    assert guessed(text) == set()


def test_the_table_holds_what_can_be_a_secret() -> None:
    """Text, or canonical base64url; each once, whatever it is written in."""
    assert set(TUTORIAL_SECRETS.values()) == {"text", "base64url"}
    octets = [
        b64decode(secret.encode()) if written == "base64url" else secret.encode()
        for secret, written in TUTORIAL_SECRETS.items()
    ]
    assert len(set(octets)) == len(octets)
    assert guesses.MAX_GUESSED * len(octets) < 5_000
