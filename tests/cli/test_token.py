"""`gatepass token` in processes of its own, as people type it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.command import DEADLINE, environment, gatepass
from support.commands import run
from support.issuer import issuer, jwks

from gatepass.keys import generate
from gatepass.tokens import sign

KEY = generate("ES256")
CLAIMS = {"iss": "i", "aud": "a", "sub": "s", "jti": "j", "iat": 1_700_000_000, "exp": 4_000_000_000}
TOKEN = sign(CLAIMS, KEY)
RULES = ("--issuer", "i", "--audience", "a", "--algorithm", "ES256")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
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
