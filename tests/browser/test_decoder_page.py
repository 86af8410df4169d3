"""The decoder as somebody meets it: at the keyboard, while time goes on, with hostile text, without cryptography."""

import hmac
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, BrowserContext, expect
from support.chromium import launched
from support.decoding import CLAIMS, KEY, NOW, PUBLIC, TOKEN, Visit
from support.recorder import Recorder

from gatepass.core.inspect.texts import HINTS
from gatepass.core.strict import b64encode
from gatepass.tokens import sign

MARKUP = "<img src=x onerror=alert(1)><script>alert(2)</script>{{ 7 * 7 }}${alert(3)}"
BIDI, CONTROL, NOBODY_SEES = "\u202egpj.exe", "\x1b[2J\x07\x00", "pay\u200bpal"


@pytest.fixture(scope="module")
def chromium(watched: Recorder) -> Iterator[Browser]:
    with launched(watched.rules) as browser:
        yield browser


@pytest.fixture
def visit(new_context: Callable[..., BrowserContext], watched: Recorder) -> Visit:
    return Visit(new_context(timezone_id="Europe/Berlin"), watched.url)


def segment(value: object) -> str:
    return b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).decode()


def carrying(payload: object, header: object = None) -> str:
    """A token that nobody signed."""
    return f"{segment(header or {'alg': 'HS256'})}.{segment(payload)}.{'A' * 43}"


# -- what it says ------------------------------------------------------------------------------------------------------


def test_the_verdict_comes_first_in_words_and_then_the_claims(visit: Visit) -> None:
    """All on the screen of a laptop, with nothing to be opened."""
    visit.page.set_viewport_size({"width": 1_280, "height": 720})
    visit.open()
    visit.paste(f"curl -H 'Authorization: Bearer {TOKEN}' https://api.example")

    said = visit.verdict.inner_text()
    assert said.startswith("Not verified. It expires in ")
    for claim in ("iss", "sub", "aud"):
        expect(visit.page.locator("article .part").first.get_by_text(claim, exact=True)).to_be_in_viewport()
    shown = visit.page.locator("article").inner_text()
    for word in ("Who issued it.", "local (Europe/Berlin)", "UTC", "Cut off:", "of a cookie of 4,096 bytes"):
        assert word in shown

    assert visit.verify().startswith("Signature valid (ES256")
    assert visit.verdict.inner_text().startswith("Signature valid (ES256")
    visit.page.get_by_label("Key or secret").fill("")  # what was said is not said of another key
    expect(visit.verdict).to_contain_text("Not verified.")


def test_each_of_several_tokens_can_be_chosen(visit: Visit) -> None:
    expired = sign({**CLAIMS, "exp": NOW - 200_000}, KEY)
    visit.open()
    visit.paste(f"{TOKEN}\n{expired}\n{'A' * 22}.{'A' * 43}")

    options = visit.page.get_by_role("group", name="3 tokens").get_by_role("radio")
    assert options.count() == 3
    options.nth(1).check()
    expect(visit.verdict).to_contain_text("It expired 2 days ago.")
    options.nth(1).press("ArrowDown")
    expect(visit.page.locator("article")).to_contain_text("a random id; there is nothing to read in it")
    expect(visit.page.get_by_role("button", name="Verify", exact=True)).to_be_hidden()
    visit.press("Find the check that says no")
    expect(visit.page.locator("#refusal-said")).to_have_text(HINTS["opaque"])


def test_a_token_that_is_there_again_is_offered_once(visit: Visit) -> None:
    """A HAR file has it with each request."""
    expired = sign({**CLAIMS, "exp": NOW - 200_000}, KEY)
    visit.open()
    visit.paste(f"{TOKEN}\n{expired}\n{TOKEN}\n")

    options = visit.page.get_by_role("group", name="2 tokens").get_by_role("radio")
    assert options.count() == 2
    expect(visit.page.locator("fieldset label").first).to_contain_text("It is there 2 times.")
    options.nth(1).check()
    expect(visit.verdict).to_contain_text("It expired 2 days ago.")

    visit.paste(f"{TOKEN}\n{TOKEN}\n{TOKEN}\n")
    expect(visit.page.locator("#result")).to_contain_text("This token is 3 times in this text.")
    assert visit.page.get_by_role("radio").count() == 0


def test_the_algorithm_is_the_persons_and_never_the_tokens(visit: Visit) -> None:
    """Row B4: the token says HS256 under the public key, and nothing here believes it."""
    visit.open()
    visit.paste()
    visit.page.get_by_label("Key or secret").fill(PUBLIC)
    visit.press("Verify")
    expect(visit.page.locator("#verify-said")).to_contain_text("Choose the algorithm first")
    assert visit.page.locator("#algorithm").input_value() == ""

    assert "you chose RS256" in visit.verify(algorithm="RS256")
    expect(visit.verdict).to_contain_text("Not verified.")


@pytest.mark.parametrize(
    ("token", "verdict", "said"),
    [
        (
            carrying(CLAIMS, {"alg": "none"}),
            "Not verified.",
            "Stop: The algorithm is none: anybody can write such a token.",
        ),
        (sign({**CLAIMS, "exp": NOW - 200_000}, KEY), "Not verified. It expired 2 days ago.", "it has expired"),
        (
            sign({**CLAIMS, "exp": NOW + 900_000}, KEY),
            "Not verified. It expires in 10 days.",
            "more than an hour is long",
        ),
        (
            sign({**CLAIMS, "exp": (NOW - 200_000) * 1_000}, KEY),
            "Not verified. Its exp is in milliseconds or a text, which is no time to a verifier; meant is 2 days ago.",
            "exp looks like milliseconds",
        ),
        (TOKEN.replace(".", "%2E"), "Not verified. It expires in", "Cut off: 2 characters were written for a URL"),
        (f"{TOKEN}=", "1 defect.", "Wrong: Signature, character 87 of 87: = is padding"),
    ],
    ids=["none", "expired", "long", "milliseconds", "noise", "defect"],
)
def test_what_is_wrong_is_shown_as_such(token: str, verdict: str, said: str, visit: Visit) -> None:
    visit.open()
    visit.paste(token)

    expect(visit.verdict).to_contain_text(verdict)
    expect(visit.page.locator("article")).to_contain_text(said)


def test_a_token_in_json_form_is_verified_and_copied_as_it_is(visit: Visit) -> None:
    """Quotes and all: what is shown is escaped, and what is checked is not."""
    protected, payload, signature = TOKEN.split(".")
    form = json.dumps({"payload": payload, "signatures": [{"protected": protected, "signature": signature}]})
    visit.open()
    visit.paste(f"  {form}\n")
    assert visit.verify().startswith("Signature valid")

    visit.press("Copy token")
    expect(visit.page.get_by_role("button", name="Copied")).to_be_visible()
    field = visit.page.get_by_label("What the service is set to")
    field.press("Control+v")
    assert field.input_value() == form


def test_green_is_only_what_the_library_would_take(visit: Visit) -> None:
    """A good signature makes nothing of a token that is from the future, or of a disclosure that nobody signed."""
    forged = f"{TOKEN}~{segment(['salt', 'admin', True])}~"
    looks = []
    visit.open()
    for token in (TOKEN, sign({**CLAIMS, "iat": NOW + 3_600, "exp": NOW + 7_200}, KEY), forged):
        visit.paste(token)
        assert visit.verify().startswith("Signature valid")
        looks.append(str(visit.verdict.get_attribute("class")).split()[-1])

    assert looks == ["good", "open", "wrong"]
    expect(visit.page.locator("article")).to_contain_text("Stop: Disclosure 1 is in no digest: nobody signed it")
    badges = visit.page.locator("article .part h3").all_inner_texts()
    assert badges == [
        "Payload verified",
        "Header verified",
        "Signature verified",
        "Disclosure 1 in no digest, not signed",
    ]


def test_a_secret_that_everybody_knows_is_no_good_signature(visit: Visit) -> None:
    secret = "your-256-bit-secret"
    signed = f"{segment({'alg': 'HS256', 'typ': 'at+jwt'})}.{segment(CLAIMS)}"
    signature = hmac.digest(secret.encode(), signed.encode(), "sha256")  # the library would not sign with it
    visit.open()
    visit.paste(f"{signed}.{segment(signature)}")
    assert visit.verify(secret, "HS256").startswith("Signature valid (HS256, the secret read as text (utf-8))")

    expect(visit.page.locator("article")).to_contain_text("Stop: It is signed with a secret that tutorials print")


def test_the_check_that_says_no_is_named(visit: Visit) -> None:
    visit.open()
    visit.paste()
    visit.page.get_by_label("Key or secret").fill(PUBLIC)
    policy = {"issuer": "https://id.example", "audience": "invoices", "algorithms": ["ES256"]}
    visit.page.get_by_label("What the service is set to").fill(json.dumps(policy))
    assert visit.page.get_by_label("Audience").input_value() == "invoices"
    visit.press("Find the check that says no")
    said = visit.page.locator("#refusal-said .notice").first
    expect(said).to_contain_text("aud is orders; wanted is invoices.")
    visit.page.get_by_text("All checks, in their order").click()
    checks = visit.page.locator("#refusal-said li")
    said_no = [line for line in checks.all_inner_texts() if line.startswith("Said no")]
    assert said_no == ["Said no: aud is your audience, or a list that has it"]

    visit.page.get_by_label("Audience").fill("orders")
    visit.press("Find the check that says no")
    expect(said).to_have_text("None of these checks says no. 2 could not be made: see which, and why.")
    visit.page.get_by_label("What the service is set to").fill('{"code": "credential_expired", "status": 401}')
    expect(visit.page.locator("#pasted-said")).to_contain_text("401 credential_expired")


def test_nobody_is_refused_by_a_policy_that_nobody_stated(visit: Visit) -> None:
    """Empty fields ask for nothing; a policy that cannot be read takes the one before it away."""
    visit.open()
    header, payload = segment({"alg": "ES256", "typ": "JWT"}), segment({"exp": NOW + 3_000})
    visit.paste(f"{header}.{payload}.{segment(KEY.sign(f'{header}.{payload}'.encode()))}")
    said = visit.page.locator("#refusal-said .notice").first
    pasted = visit.page.get_by_label("What the service is set to")
    visit.press("Find the check that says no")
    expect(said).to_contain_text("None of these checks says no.")

    pasted.fill('{"issuer": "https://other.example"}')
    visit.press("Find the check that says no")
    expect(said).to_contain_text("wanted is https://other.example")
    pasted.fill('{"issuer": "https://other.example", "leeway": 3600}')
    expect(visit.page.locator("#pasted-said")).to_contain_text("leeway is not a whole number")
    assert visit.page.get_by_label("Issuer").input_value() == ""
    visit.press("Find the check that says no")
    expect(said).to_contain_text("None of these checks says no.")

    pasted.fill('{"code": "credential_unknown", "detail": "the credential is not known: typ"}')
    visit.press("Find the check that says no")
    expect(said).to_contain_text("typ is JWT; wanted is at+jwt.")


@pytest.mark.parametrize("kind", ["SD-JWT", "PASETO", "a signed token in JSON form"])
def test_a_token_of_another_kind_is_refused_for_its_kind(kind: str, visit: Visit) -> None:
    protected, payload, signature = TOKEN.split(".")
    texts = {
        "SD-JWT": f"{TOKEN}~",
        "PASETO": f"v4.public.{segment(bytes(90))}",
        "a signed token in JSON form": json.dumps({"payload": payload, "protected": protected, "signature": signature}),
    }
    visit.open()
    visit.paste(texts[kind])
    visit.press("Find the check that says no")
    said = visit.page.locator("#refusal-said")
    expect(said).to_contain_text("Refused: it is ")
    expect(said).to_contain_text(kind)
    expect(said).not_to_contain_text("base64url")


@pytest.mark.parametrize("names", ["#id_token={}&state=x", "#access_token={}", "#debugger-io?token={}"])
def test_a_token_in_the_address_of_others_is_read_and_wiped(names: str, visit: Visit) -> None:
    visit.open(names.format(TOKEN))
    expect(visit.verdict).to_contain_text("It expires in ")
    assert visit.page.evaluate("location.href") == visit.url


def test_a_long_text_in_the_field_of_the_key_does_not_stop_the_page(visit: Visit) -> None:
    """It took a browser many seconds to break it into lines, and no script ran meanwhile."""
    visit.open()
    visit.paste()
    put(visit, "key", "A" * 300_000)
    visit.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert visit.verify().startswith("Signature valid")


def test_it_says_whether_a_token_is_valid_at_another_time(visit: Visit) -> None:
    """On the clock of whoever asks: in Berlin it is an hour later than in Greenwich in winter."""
    visit.open()
    visit.paste(sign({**CLAIMS, "exp": 1_900_000_000}, KEY))
    said = visit.page.locator("#valid-said")

    visit.page.get_by_label("Time, on your clock").fill("2030-03-17T18:46:39")
    expect(said).to_contain_text("Yes, by its times: it expires 1 s later. (2030-03-17 18:46:39 +01:00")
    visit.page.get_by_label("Time, on your clock").fill("2030-03-17T18:46:41")
    expect(said).to_contain_text("Yes, but only by the leeway")
    visit.page.locator("#tolerance").fill("0")
    expect(said).to_contain_text("No. It had expired 1 s before.")


def test_a_time_that_verifiers_do_not_read_is_good_at_no_time(visit: Visit) -> None:
    """Not green, though the signature is valid; and nobody can ask until when."""
    visit.open()
    visit.paste(sign({**CLAIMS, "exp": str(NOW + 86_400)}, KEY))
    visit.verify()

    expect(visit.verdict).to_contain_text("which is no time to a verifier; meant is in ")
    expect(visit.verdict).to_have_class("verdict open")
    expect(visit.page.locator("#validity")).to_have_attribute("hidden", "")


def test_what_begins_never_is_said_to_begin_late(visit: Visit) -> None:
    visit.open()
    visit.paste(sign({**CLAIMS, "nbf": 10**18}, KEY))

    expect(visit.verdict).to_contain_text("It is not good yet: its time begins after the year 9999.")


def test_what_begins_in_milliseconds_has_not_begun_when_they_have(visit: Visit) -> None:
    """Nothing on the page counts up to it, for no service does."""
    visit.open()
    visit.paste(sign({**CLAIMS, "nbf": int(NOW) * 1_000 - 60_000}, KEY))
    visit.verify()

    expect(visit.verdict).to_contain_text("It is not good yet: its time begins after the year 9999.")
    expect(visit.verdict).to_have_class("verdict open")
    expect(visit.page.locator("#validity")).to_have_attribute("hidden", "")
    expect(visit.page.locator("article")).to_contain_text("`nbf` looks like milliseconds".replace("`", ""))


def test_what_is_copied_can_be_shown_to_others(visit: Visit) -> None:
    """The claims as JSON; the token without its signature, which no service takes."""
    visit.open()
    visit.paste()
    copied = []
    buttons = visit.page.locator("article button")
    assert buttons.all_inner_texts() == ["Copy claims", "Copy token", "Copy without signature"]
    for button in (buttons.nth(0), buttons.nth(2)):
        button.click()
        expect(button).to_have_text("Copied")
        field = visit.page.get_by_label("What the service is set to")
        field.fill("")
        field.press("Control+v")
        copied.append(field.input_value())

    assert json.loads(copied[0])["sub"] == "ada"
    assert copied[1] == f"{TOKEN.rpartition('.')[0]}.redacted"


# -- time --------------------------------------------------------------------------------------------------------------


def test_time_goes_on_and_is_said_aloud_at_thresholds_only(visit: Visit) -> None:
    visit.page.clock.install(time=datetime.fromtimestamp(1_899_999_900, UTC))
    visit.open()
    visit.page.clock.pause_at(datetime.fromtimestamp(1_900_000_000, UTC))
    visit.paste(sign({**CLAIMS, "iat": 1_899_999_000, "exp": 1_900_000_310}, KEY))
    visit.page.evaluate(
        "() => { globalThis.heard = []; const node = document.querySelector('#said');"
        " new MutationObserver(() => heard.push(node.textContent)).observe(node, { childList: true }); }"
    )
    expect(visit.verdict).to_contain_text("It expires in 5 min 10 s.")
    visit.page.clock.run_for(200_000)
    expect(visit.verdict).to_contain_text("It expires in 1 min 50 s.")
    visit.page.clock.run_for(200_000)
    expect(visit.verdict).to_contain_text("It expired 1 min 30 s ago.")

    heard = visit.page.evaluate("heard")
    assert heard == ["It expires in 5 min.", "It expires in 1 min.", "It expires in 10 s.", "It has expired."]


def test_the_end_of_a_token_that_is_not_looked_at_is_noticed_too(visit: Visit) -> None:
    """An ID token ends beside its access token: whoever turns to it later is told so."""
    visit.page.clock.install(time=datetime.fromtimestamp(1_899_999_900, UTC))
    visit.open()
    visit.page.clock.pause_at(datetime.fromtimestamp(1_900_000_000, UTC))
    soon = sign({**CLAIMS, "iat": 1_899_999_000, "exp": 1_900_000_004}, KEY)
    visit.paste(f"{TOKEN}\n{soon}")
    other = visit.page.get_by_role("group", name="2 tokens").locator("label").nth(1)
    expect(other).to_contain_text("It expires in 4 s.")

    visit.page.clock.run_for(10_000)
    expect(other).to_contain_text("It expired 6 s ago.")
    other.get_by_role("radio").check()
    expect(visit.verdict).to_contain_text("It expired 6 s ago.")
    expect(visit.verdict).to_have_class("verdict wrong")


def test_whoever_is_at_a_button_when_the_token_ends_stays_there(visit: Visit) -> None:
    visit.page.clock.install(time=datetime.fromtimestamp(1_899_999_900, UTC))
    visit.open()
    visit.page.clock.pause_at(datetime.fromtimestamp(1_900_000_000, UTC))
    visit.paste(sign({**CLAIMS, "iat": 1_899_999_000, "exp": 1_900_000_003}, KEY))
    button = visit.page.get_by_role("button", name="Copy token")
    button.focus()

    visit.page.clock.run_for(6_000)
    expect(visit.verdict).to_contain_text("It expired 3 s ago.")
    expect(button).to_be_focused()


# -- hostile text ------------------------------------------------------------------------------------------------------

HOSTILE = {
    "5 MiB": TOKEN + "A" * (5 << 20),
    "1 MiB of dots": "ey." * ((1 << 20) // 3),
    "50,000 claims": carrying({str(number): number for number in range(50_000)}),
    "10,000 deep": carrying(b'{"a":' * 10_000 + b"1" + b"}" * 10_000),
    "10,000 deep lists": carrying(b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}"),
    "names twice": carrying(b'{"sub":"ada","sub":"eve","__proto__":{"isAdmin":true},"constructor":1,"toString":2}'),
    "markup": carrying({MARKUP: MARKUP, "a": [MARKUP]}, {"alg": MARKUP, "kid": MARKUP}),
    "markup around it": f"{MARKUP}{TOKEN}{MARKUP}",
    "bidi": carrying({"file": BIDI, BIDI: CONTROL, "name": NOBODY_SEES}, {"alg": BIDI}),
    "control characters": TOKEN + "\x1b[" * (1 << 20),
    "tabs": TOKEN + " \t" * (1 << 20),
    "1,000 tokens": f"{TOKEN}\n" * 1_000,
}


def put(visit: Visit, field: str, text: str) -> None:
    """As a paste does it: a browser takes long to type."""
    visit.page.evaluate(
        "([field, text]) => { const node = document.getElementById(field); node.value = text;"
        " node.dispatchEvent(new Event('input')); }",
        [field, text],
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_text(name: str, visit: Visit) -> None:
    """Nothing of it is run, nothing becomes an element, and the page answers after it."""
    visit.open()
    put(visit, "text", HOSTILE[name])
    visit.page.locator("#result > *").first.wait_for()

    assert visit.page.locator("#result").locator("img, script, iframe, a, style, svg, object, form").count() == 0
    shown = visit.page.locator("#result").inner_text()
    assert not [letter for letter in "\u202e\u200b\x1b\x07\0" if letter in shown]
    assert visit.page.evaluate("[{}.isAdmin === undefined, Object.prototype.toString.call([])]") == [
        True,
        "[object Array]",
    ]
    if name == "names twice":
        assert "__proto__" in shown
        assert "is there twice" in shown
    visit.paste()
    assert visit.verify().startswith("Signature valid")
    assert visit.complaints == []


@pytest.mark.parametrize("field", ["key", "pasted"])
def test_hostile_keys_and_settings_are_text(field: str, visit: Visit) -> None:
    visit.open()
    visit.paste()
    for unit in ("-----BEGIN A-----\n", '{"keys":[', "issuer=", '{"code":"credential_', MARKUP):
        put(visit, field, unit * 1_000)  # of more lines, a browser takes long to lay them out
        visit.press("Verify")
        visit.press("Find the check that says no")
    assert visit.page.locator("#tools").locator("img, script, iframe, a, style, svg, object, form").count() == 0
    put(visit, field, "")

    assert visit.verify().startswith("Signature valid")
    assert visit.complaints == []


# -- the keyboard, and places without cryptography ---------------------------------------------------------------------


def test_the_keyboard_is_enough(visit: Visit) -> None:
    visit.open()
    page = visit.page
    page.locator("#text").focus()
    page.keyboard.insert_text(TOKEN)
    visit.verdict.wait_for()
    order: list[str] = []
    while not order or order[-1] != "verify":
        page.keyboard.press("Tab")
        focused = page.evaluate_handle("document.activeElement")
        order.append(focused.evaluate("node => node.id || node.innerText"))
        assert focused.evaluate("node => getComputedStyle(node).outlineStyle") == "solid", order
        if order[-1] == "key":
            page.keyboard.insert_text(PUBLIC)
        if order[-1] == "algorithm":
            page.keyboard.type("ES256")
    page.keyboard.press("Enter")

    expect(visit.page.locator("#verify-said .notice")).to_contain_text("Signature valid")
    assert order[-5:] == ["key", "key-shown", "key-clear", "algorithm", "verify"]


def test_where_a_browser_does_no_cryptography_the_page_says_so(visit: Visit, watched: Recorder) -> None:
    """Over http, from a name that is not of this machine. What can be read is read."""
    visit.url = f"http://decoder.example:{watched.port}/decoder"
    visit.open()
    assert visit.page.evaluate("isSecureContext") is False
    visit.paste()

    expect(visit.verdict).to_contain_text("It expires in ")
    assert "Save the page and open the file" in visit.verify()
    expect(visit.page.locator("#own-hash")).to_contain_text("browsers do no cryptography")
    visit.press("Copy claims")
    expect(visit.page.get_by_role("button", name="Copied")).to_be_visible()
    assert visit.complaints == []
