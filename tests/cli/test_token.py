"""`gatepass token` in processes of its own, as people type it."""

import base64
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.command import DEADLINE, environment, gatepass
from support.commands import run
from support.issuer import issuer, jwks

from gatepass.cli.token import given
from gatepass.errors import UnknownCredential
from gatepass.keys import HmacKey, generate
from gatepass.tokens import sign, verify

KEY = generate("ES256")
CLAIMS = {"iss": "i", "aud": "a", "sub": "s", "jti": "j", "iat": 1_700_000_000, "exp": 4_000_000_000}
TOKEN = sign(CLAIMS, KEY)
RULES = ("--issuer", "i", "--audience", "a", "--algorithm", "ES256")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)  # for the commands that are run in this process
    (tmp_path / "key.json").write_text(json.dumps(KEY.to_jwk(private=True)))
    (tmp_path / "public.json").write_text(json.dumps(KEY.to_jwk()))
    return tmp_path


@pytest.mark.parametrize("given", ["argument", "dash", "nothing"])
def test_a_token_is_inspected_wherever_it_comes_from(folder: Path, given: str) -> None:
    text = f"curl -H 'Authorization: Bearer {TOKEN}' https://api.example"
    words = {"argument": [text], "dash": ["-"], "nothing": []}[given]
    said = gatepass(folder, "token", "inspect", *words, said=None if given == "argument" else text).stdout

    for expected in ("Not verified. It expires in", "cut off", "UNVERIFIED", "Z  local ", "warn     It lives for"):
        assert expected in said
    blocks = [line for line in said.splitlines() if line.startswith(("header", "payload", "signature", "times"))]
    assert len(blocks) == 4
    assert all(line.endswith("UNVERIFIED") for line in blocks)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le", "utf-8-sig"])
def test_a_token_is_inspected_however_its_file_is_encoded(folder: Path, encoding: str) -> None:
    """Redirected by a shell of Windows, for one."""
    mark = "" if encoding in {"utf-16", "utf-8-sig"} else "\ufeff"
    (folder / "saved.txt").write_bytes(f"{mark}Bearer {TOKEN}\r\n".encode(encoding))
    with (folder / "saved.txt").open("rb") as saved:
        done = subprocess.run(
            [sys.executable, "-m", "gatepass", "token", "inspect", "--json"],
            cwd=folder, env=environment(), stdin=saved, capture_output=True, check=True, timeout=DEADLINE,
        )  # fmt: skip
    [found] = json.loads(done.stdout)["tokens"]

    assert (found["kind"], found["text"], found["defects"]) == ("jws", TOKEN, [])


def test_an_inspection_is_for_machines_too(folder: Path) -> None:
    said = json.loads(gatepass(folder, "token", "inspect", TOKEN, "--json").stdout)

    assert said["verified"] is False
    assert [token["kind"] for token in said["tokens"]] == ["jws"]


@pytest.mark.parametrize(
    ("at", "local"), [(4_000_000_000, "2096-10-02 16:06:40 +0900"), (253_402_300_799_000, "after the year 9999")]
)
def test_times_are_told_in_utc_and_as_the_clock_on_the_wall_has_them(folder: Path, at: int, local: str) -> None:
    text = sign(CLAIMS | {"exp": at}, KEY)
    said = gatepass(folder, "token", "inspect", text, TZ="Asia/Tokyo").stdout
    [line] = [line for line in said.splitlines() if line.startswith("  exp ") and "local" in line]
    assert f"local {local}  in " in line


def test_the_keys_of_a_server_verify(folder: Path) -> None:
    """From a real one, and the keys are at no other address than the one that was given."""
    with issuer() as made:
        made.body = jwks(KEY)
        gatepass(folder, "token", "verify", TOKEN, "--jwks", made.url, *RULES)
    assert made.paths == ["/keys"]


def test_where_there_is_no_token_it_says_so(folder: Path) -> None:
    assert "There is no token" in gatepass(folder, "token", "inspect", "no such thing", code=1).stdout


def test_nothing_of_a_token_steers_the_terminal(folder: Path) -> None:
    evil = sign(CLAIMS | {"name": "\x1b]0;owned\x07\u202e\x9b"}, KEY)
    said = gatepass(folder, "token", "inspect", f"\x1b[2J {evil} \u202e").stdout

    assert "\\u001b" in said
    assert all(letter.isprintable() or letter == "\n" for letter in said)


def test_nothing_of_a_good_token_steers_the_terminal_either(folder: Path) -> None:
    """A name of a claim is as much the issuer's as its value."""
    name = "\x1b]0;mine\x07\u202etxt"
    text = sign(CLAIMS | {name: name}, KEY)
    said = gatepass(folder, "token", "verify", text, "--key", "public.json", *RULES).stdout

    assert "\\x1b]0;mine\\x07\\u202etxt  \\x1b]0;mine\\x07\\u202etxt" in said
    assert all(letter.isprintable() or letter == "\n" for letter in said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"Authorization: Bearer {TOKEN}", ["The scheme before", "It stands at character 23 of"]),
        (f"curl -H 'Authorization: Bearer {TOKEN}' https://api.example", ["The scheme before", "the rest of the text"]),
        (
            json.dumps({"log": {"entries": [{"value": f"Bearer {TOKEN}"}, {"value": TOKEN}]}}),
            ["The scheme", "It stands"],
        ),
        (f"12:00 GET /?access_token={TOKEN}&a=b\n", ["It stands at character 26"]),
        (f'"{TOKEN}",', ["Quotes are"]),
        (f"{TOKEN[:150]}\n{TOKEN[150:]}\n", ["broken into 2 pieces"]),
    ],
)
def test_the_one_token_of_a_text_is_verified_and_what_stood_around_it_is_named(
    folder: Path, text: str, said: list[str]
) -> None:
    done = run("token", "verify", text, "--key", "public.json", *RULES)
    assert done.stdout.startswith("verified: ")
    told = json.loads(run("token", "verify", "--key", "public.json", *RULES, "--json", said=text).stdout)
    assert told["claims"] == CLAIMS
    assert all(line.startswith("cut off  ") for line in done.stderr.splitlines())
    for sentence in said:
        assert sentence in done.stderr
        assert sentence in " ".join(told["cut_off"])
    refused = run("token", "verify", text, "--key", "public.json", *RULES, "--typ", "x", "--json", code=1)
    assert json.loads(refused.stdout)["cut_off"] == told["cut_off"]


def test_of_several_tokens_none_is_chosen(folder: Path) -> None:
    """Or somebody reads that the token is good, and another one was meant."""
    other = sign(CLAIMS | {"sub": "other"}, KEY)
    for text in (f"{TOKEN}\n{other}\n", f"Cookie: a={TOKEN}; b={other}; c={TOKEN}"):
        refused = run("token", "verify", text, "--key", "public.json", *RULES, code=1)
        assert "There are 2 different tokens in this text" in refused.stderr
        assert "gatepass token inspect" in refused.stderr
    for opaque in (f"{'a' * 22}.{'b' * 43}", f"{'a' * 22}.0.{'b' * 43}", "v4.public." + "A" * 100):
        assert run("token", "verify", f"Cookie: a={TOKEN}; b={opaque}", "--key", "public.json", *RULES)


def test_a_text_without_a_token_is_refused_as_it_is(folder: Path) -> None:
    for text in ("no such thing", "", "a.b"):
        assert "reason  segments" in run("token", "verify", text, "--key", "public.json", *RULES, code=1).stderr


def test_a_type_that_is_no_text_mints_nothing(folder: Path) -> None:
    said = gatepass(folder, "token", "mint", "--key", "key.json", "--typ", "t\u00fcp", code=2)
    assert "ASCII" in said.stderr
    assert "Traceback" not in said.stderr


def test_a_good_token_is_verified(folder: Path) -> None:
    said = gatepass(folder, "token", "verify", TOKEN, "--key", "public.json", *RULES).stdout
    assert said.startswith("verified: ")
    told = gatepass(folder, "token", "verify", "--key", "public.json", *RULES, "--json", said=TOKEN + "\n").stdout
    assert json.loads(told) == {"verified": True, "claims": CLAIMS}


@pytest.mark.parametrize(
    ("token", "rules", "check"),
    [
        (sign(CLAIMS, generate("ES256")), RULES, "key"),
        (TOKEN[:-8] + "AAAAAAAA", RULES, "signature"),
        (TOKEN, ("--issuer", "x", *RULES[2:]), "issuer"),
        (TOKEN, (*RULES[:2], "--audience", "x", *RULES[4:]), "audience"),
        (TOKEN, (*RULES, "--typ", "x"), "typ"),
        (TOKEN, (*RULES, "--require", "roles"), "roles"),
        (TOKEN, (*RULES[:4], "--algorithm", "HS256"), "algorithm"),
        (sign(CLAIMS | {"exp": 1_700_000_100}, KEY), RULES, "exp"),
        ("a.b", RULES, "segments"),
    ],
)
def test_the_first_check_that_says_no_is_named(folder: Path, token: str, rules: tuple[str, ...], check: str) -> None:
    done = gatepass(folder, "token", "verify", token, "--key", "public.json", *rules, code=1)
    assert done.stderr.endswith(f"\n  reason  {check}\n")
    told = json.loads(
        gatepass(folder, "token", "verify", token, "--key", "public.json", *rules, "--json", code=1).stdout
    )
    assert told["reason"] == check
    assert done.stderr.startswith(f"Error: {told['sentence']}\n  fix     {told['fix']}\n  check   {told['check']}: ")


@pytest.mark.parametrize(
    "words",
    [
        ("verify", TOKEN, "--key", "public.json"),
        ("verify", TOKEN, "--key", "missing.json", *RULES),
        ("verify", TOKEN, "--key", "public.json", "--jwks", "https://a.example", *RULES),
        ("verify", "-", "--key", "-", *RULES),
        ("verify", TOKEN, "--jwks", "http://a.example", *RULES),
        ("mint", "[]", "--key", "key.json"),
        ("mint", "{}", "--key", "public.json"),
    ],
)
def test_what_is_asked_wrongly_is_exit_code_2(folder: Path, words: tuple[str, ...]) -> None:
    assert gatepass(folder, "token", *words, code=2).stdout == ""


def test_an_issuer_that_does_not_answer_is_exit_code_3(folder: Path) -> None:
    """Port 1 of this machine: nobody listens there."""
    done = gatepass(folder, "token", "verify", TOKEN, "--jwks", "http://127.0.0.1:1/keys", *RULES, code=3)
    assert "could not be fetched: the server 127.0.0.1 cannot be reached" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_what_is_minted_is_verified(folder: Path) -> None:
    made = gatepass(folder, "token", "mint", '{"iss":"i","aud":"a","sub":"s"}', "--key", "key.json").stdout
    assert gatepass(folder, "token", "verify", "--key", "public.json", *RULES, said=made).stdout.startswith("verified")


def test_nothing_is_minted_that_is_refused_for_its_end(folder: Path) -> None:
    said = gatepass(folder, "token", "mint", "--key", "key.json", "--expires-in", "999999999999", code=2)
    assert "after the year 9999" in said.stderr
    assert not said.stdout


# -- plain secrets -----------------------------------------------------------------------------------------------------

SECRET = bytes.fromhex("0b6e1f90c3d27a4485b9e8f3016d5c7248aa3ee1907bd6f25c134fe0892b7dc6")
WRITTEN = {
    "text": SECRET.hex(),
    "hex": SECRET.hex().upper(),
    "base64": base64.b64encode(SECRET).decode(),
    "base64url": base64.urlsafe_b64encode(SECRET).decode(),
}
HMAC = ("--issuer", "i", "--audience", "a", "--algorithm", "HS256")


def mint(*words: str, said: str | None = None) -> str:
    made = run("token", "mint", json.dumps(CLAIMS), "--key-algorithm", "HS256", *words, said=said)
    return made.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize("encoding", WRITTEN)
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_plain_secret_mints_and_verifies_from_wherever_it_comes(folder: Path, encoding: str, end: str) -> None:
    """As `openssl rand -hex 32` prints it; and the secret is what others make of it."""
    (folder / "raw.txt").write_bytes((WRITTEN[encoding] + end).encode())
    options = ("--key-encoding", encoding) if encoding != "text" else ()
    secret = SECRET.hex().encode() if encoding == "text" else SECRET
    token = mint("--key", "raw.txt", *options)
    assert verify(token, HmacKey(secret), algorithms=["HS256"], issuer="i", audience="a") == CLAIMS

    rules = (*HMAC, *options)
    assert run("token", "verify", token, "--key", "raw.txt", *rules).stdout.startswith("verified")
    assert run("token", "verify", token, "--key", "-", *rules, said=WRITTEN[encoding] + end).stdout.startswith(
        "verified"
    )
    asked = run("token", "verify", token, *rules, said=WRITTEN[encoding] + "\n")
    assert "verified" in asked.stdout
    assert WRITTEN[encoding] not in asked.output
    assert (
        mint("--key", "-", *options, said=WRITTEN[encoding] + end)
        == token
        == mint(*options, said=WRITTEN[encoding] + "\n")
    )


@pytest.mark.parametrize("encoding", WRITTEN)
@pytest.mark.parametrize("unicode", ["utf-8-sig", "utf-16"])
def test_the_mark_of_a_unicode_file_is_no_part_of_a_secret(folder: Path, encoding: str, unicode: str) -> None:
    (folder / "raw.txt").write_bytes((WRITTEN[encoding] + "\r\n").encode(unicode))
    secret = SECRET.hex().encode() if encoding == "text" else SECRET

    token = mint("--key", "raw.txt", "--key-encoding", encoding)
    assert verify(token, HmacKey(secret), algorithms=["HS256"], issuer="i", audience="a") == CLAIMS


@pytest.mark.parametrize("encoding", [encoding for encoding in WRITTEN if encoding != "text"])
def test_a_secret_may_be_broken_over_lines_but_as_text(folder: Path, encoding: str) -> None:
    """As openssl prints base64 that is longer than 64 letters."""
    (folder / "raw.txt").write_text("\n".join([WRITTEN[encoding][:20], WRITTEN[encoding][20:]]) + "\n")

    token = mint("--key", "raw.txt", "--key-encoding", encoding)
    assert verify(token, HmacKey(SECRET), algorithms=["HS256"], issuer="i", audience="a") == CLAIMS
    with pytest.raises(UnknownCredential):
        verify(mint("--key", "raw.txt"), HmacKey(SECRET), algorithms=["HS256"], issuer="i", audience="a")


def test_a_secret_that_is_typed_may_be_no_text(folder: Path) -> None:
    (folder / "raw").write_bytes(SECRET)
    typed = SECRET.decode(errors="surrogateescape")
    assert "\n" not in typed
    assert given.key_of("raw", "HS256", "text").key.kid == HmacKey(SECRET).kid  # type: ignore[union-attr]
    with pytest.MonkeyPatch.context() as terminal:
        terminal.setattr("click.prompt", lambda *_, **__: typed)
        assert given.key_of(None, "HS256", "text").key.kid == HmacKey(SECRET).kid  # type: ignore[union-attr]


def test_a_plain_secret_is_for_whatever_key_the_token_names(folder: Path) -> None:
    """It has no name, and tokens of other software do."""
    (folder / "raw.txt").write_text(SECRET.hex())
    for kid in ("theirs", "\x1b[2J", None):
        key = HmacKey(SECRET, kid=kid) if kid == "theirs" else HmacKey(SECRET)
        token = sign(CLAIMS, key)
        words = ("--key", "raw.txt", "--key-encoding", "hex")
        assert run("token", "verify", token, *words, *HMAC).stdout.startswith("verified")


def test_a_secret_that_does_not_fit_is_told_with_what_it_was_taken_for(folder: Path) -> None:
    (folder / "raw.txt").write_text(SECRET.hex())
    token = mint("--key", "raw.txt", "--key-encoding", "hex")
    refused = run("token", "verify", token, "--key", "raw.txt", *HMAC, code=1)
    assert "The secret was taken for text" in refused.stderr
    assert "--key-encoding base64, base64url, hex" in refused.stderr
    refused = run("token", "verify", token, "--key", "raw.txt", *HMAC, "--typ", "x", code=1)
    assert "taken for" not in refused.stderr


PEM = generate("ES256").to_pem()
PRIVATE = generate("ES256").to_der(private=True)


@pytest.mark.parametrize(
    ("data", "encoding", "said"),
    [
        (b"short", "text", "has 5 bytes"),
        (b"your-256-bit-secret" * 2, "text", "tutorials print"),
        (b"ab" * 32, "text", "repeats itself"),
        (b"my-super-secret-key-please-change-in-production", "text", "the words"),
        (base64.b64encode(PEM.encode()), "text", "public key"),
        (base64.b64encode(PEM.encode()), "base64", "public key"),
        (generate("ES256").to_der().hex().encode(), "hex", "public key"),
        (generate("ES256").to_der(), "text", "not one for a key of this type"),
        (PRIVATE, "text", "not one for a key of this type"),
        (PEM.encode(), "text", "not one for a key of this type"),
        (b"  " + json.dumps(generate("ES256").to_jwk()).encode(), "text", "not one for a key of this type"),
        (SECRET.hex().encode() + b"\n:", "hex", "not written in hex"),
        (SECRET.hex().encode()[1:], "hex", "not written in hex"),
        (b"-_" * 22, "base64", "not written in base64"),
        (b"+/" * 22, "base64url", "not written in base64url"),
        (b"A" * 41, "base64", "not written in base64"),
        (b"", "base64", "not written in base64"),
        (b"x" * (1 << 20) + b"y", "text", "more than 1048576 bytes"),
    ],
    ids=map(str, range(18)),
)
def test_no_weak_secret_and_no_key_of_another_kind_becomes_a_secret(
    folder: Path, data: bytes, encoding: str, said: str
) -> None:
    (folder / "raw").write_bytes(data)
    options = ("--key", "raw", "--key-encoding", encoding)
    refused = run("token", "mint", "--key-algorithm", "HS256", *options, code=2)
    assert said in refused.stderr
    assert "token_bytes" not in refused.stderr
    of_another_kind = "of this type" in said
    assert run("token", "verify", TOKEN, *HMAC, *options, code=1 if of_another_kind else 2).stderr
    run("token", "verify", sign(CLAIMS, HmacKey(SECRET)), *HMAC, *options, code=1 if of_another_kind else 2)


def test_without_an_algorithm_a_plain_secret_is_refused_with_what_to_say(folder: Path) -> None:
    (folder / "raw.txt").write_text(SECRET.hex() + "\n")
    assert "--key-algorithm HS256" in run("token", "mint", "--key", "raw.txt", code=2).stderr
    words = ("--key", "raw.txt", *HMAC, "--algorithm", "HS512")
    assert "--key-algorithm HS256" in run("token", "verify", TOKEN, *words, code=2).stderr


# -- what browsers export, and words of the command --------------------------------------------------------------------


def test_a_private_key_for_signing_alone_verifies_by_its_public_half(folder: Path) -> None:
    """As browsers export it (`crypto.subtle.exportKey`)."""
    for algorithm in ("ES256", "RS256"):
        jwk = {**generate(algorithm).to_jwk(private=True), "key_ops": ["sign"]}
        (folder / "webcrypto.jwk").write_text(json.dumps(jwk))
        token = run("token", "mint", json.dumps(CLAIMS), "--key", "webcrypto.jwk").stdout.strip()
        rules = (*RULES[:4], "--algorithm", algorithm)
        assert run("token", "verify", token, "--key", "webcrypto.jwk", *rules).stdout.startswith("verified")
        (folder / "set.jwk").write_text(json.dumps({"keys": [jwk]}))
        assert "Give that key alone" in run("token", "verify", token, "--key", "set.jwk", *rules, code=2).stderr


def test_a_secret_for_signing_alone_has_no_halves(folder: Path) -> None:
    (folder / "secret.jwk").write_text(json.dumps({**generate("HS256").to_jwk(private=True), "key_ops": ["sign"]}))
    refused = run("token", "verify", TOKEN, "--key", "secret.jwk", *HMAC, code=2)
    assert "half" not in refused.stderr
    assert "for signing alone" in refused.stderr


UNSAID = json.dumps({"kty": "oct", "k": WRITTEN["base64url"].rstrip("=")})
WEAK = json.dumps({"kty": "oct", "alg": "HS256", "k": base64.b64encode(b"a" * 33).decode()})
RSA_PEM = generate("RS256").to_pem()


@pytest.mark.parametrize(
    ("data", "words", "said"),
    [
        (RSA_PEM, ("verify", TOKEN, *RULES), "--key-algorithm RS256"),
        (UNSAID, ("mint",), "--key-algorithm HS256"),
        (UNSAID, ("verify", TOKEN, *RULES), "--key-algorithm"),
        (WEAK, ("mint",), "openssl rand -hex 32"),
        (json.dumps(KEY.to_jwk()), ("verify", TOKEN, *RULES[:4], "--algorithm", "none"), "--algorithm ES256"),
        (json.dumps(KEY.to_jwk()), ("mint",), "source  --key"),
        (json.dumps(KEY.to_jwk(private=True)), ("mint", "--typ", "t\u00fcp"), "source  --typ"),
        (json.dumps(KEY.to_jwk(private=True)), ("mint", '{"a":"%s"}' % ("b" * 9_000)), "source  CLAIMS"),
        (json.dumps(KEY.to_jwk()), ("verify", TOKEN, *RULES[2:], "--issuer", ""), "source  --issuer"),
        ("hello", ("verify", TOKEN, *RULES), "source  --key"),
    ],
)  # fmt: skip
def test_a_refusal_names_options_and_no_arguments_of_python(
    folder: Path, data: str, words: tuple[str, ...], said: str
) -> None:
    (folder / "given").write_text(data)
    refused = run("token", *words, "--key", "given", code=2).stderr
    assert said in refused
    assert not re.search(r"\w=|\w\(|keys\.|secrets\.", refused), refused


def test_a_name_that_looks_like_an_argument_is_a_name(folder: Path) -> None:
    (folder / "given").write_text(json.dumps({**KEY.to_jwk(), "kid": "keys.generate('HS1')"}))
    assert "HS1" in run("token", "mint", "--key", "given", code=2).stderr


def test_a_key_from_the_standard_input_or_the_prompt_mints_too(folder: Path) -> None:
    key = json.dumps(KEY.to_jwk(private=True))
    told = gatepass(folder, "token", "mint", '{"iss":"i"}', "--key", "-", "--json", said=key).stdout
    assert json.loads(told)["token"].count(".") == 2
    asked = run("token", "mint", said=key + "\n")
    assert asked.stdout.count(".") == 2
    assert json.loads(key)["d"] not in asked.output


def test_without_a_terminal_the_key_is_not_asked_for(folder: Path) -> None:
    """What is typed would be seen, and a script would hang or read on."""
    words = [sys.executable, "-m", "gatepass", "token", "mint"]
    done = subprocess.run(
        words, cwd=folder, input="", capture_output=True, text=True, start_new_session=True, check=False
    )
    assert done.returncode == 2
    assert "Give --key" in done.stderr
    assert "Traceback" not in done.stderr
    assert "echoed" not in done.stderr


def test_a_key_file_is_read_no_further_than_a_key_goes(folder: Path) -> None:
    """One that never ends, too."""
    for name in ("/dev/zero", str(folder / "long")):
        (folder / "long").write_text(json.dumps(KEY.to_jwk(private=True)) + " " * (1 << 20))
        assert "more than 1048576 bytes" in gatepass(folder, "token", "mint", "--key", name, code=2).stderr
    (folder / "longest").write_text(json.dumps(KEY.to_jwk(private=True)).ljust(1 << 20))
    assert gatepass(folder, "token", "mint", "--key", str(folder / "longest")).stdout.count(".") == 2
