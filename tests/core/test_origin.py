"""Where a request comes from, which token belongs to which session, and which paths are ours."""

import base64
import hashlib
import hmac
import struct
from functools import partial
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.asgi import work

from gatepass.core.origin import MOST_PATH, SAFE, belongs, csrf_token, doubtful, local
from gatepass.errors import CsrfRefused

OWN, LISTED = "https://app.example.com", "https://spa.example.com"
ALLOWED = frozenset({OWN, LISTED})
KEY, OTHER = bytes(32), bytes(31) + b"\1"

HOSTILE = [
    "null",
    "",
    " ",
    "*",
    "https://evil.tld",
    "http://app.example.com",
    "https://app.example.com:443",
    "https://app.example.com:8443",
    "https://app.example.com.evil.tld",
    "https://app.example.com.",
    "https://evil-app.example.com",
    "https://sub.app.example.com",
    "https://example.com",
    "https://APP.example.com",
    "HTTPS://app.example.com",
    "https://app.example.com/",
    "https://app.example.com ",
    " https://app.example.com",
    "https://app.example.com@evil.tld",
    "https://evil.tld@app.example.com",
    "https://app.example.com, https://app.example.com",
    "https://app.example.com https://evil.tld",
    "https://app.example.com\0",
    "https://\u0430pp.example.com",  # the first letter is Cyrillic
    "app.example.com",
    "//app.example.com",
]
#: Everything but `same-origin` itself.
FOREIGN = ["cross-site", "same-site", "none", "", "Same-Origin", " same-origin", "same-origin, same-origin", "x"]


def test_what_is_safe_changes_nothing() -> None:
    assert {"GET", "HEAD", "OPTIONS", "TRACE"} == SAFE, "and neither QUERY nor get, nor what is not known here"


@pytest.mark.parametrize("ours", [False, True])
@pytest.mark.parametrize("site", [None, *FOREIGN])
def test_an_origin_is_allowed_exactly(site: str | None, ours: bool) -> None:
    sites = [] if site is None else [site]
    for origin in HOSTILE:
        with pytest.raises(CsrfRefused) as refusal:
            doubtful(sites=sites, origins=[origin], allowed=ALLOWED, ours=ours)
        assert refusal.value.reason == "origin"
    for origin in (OWN, LISTED):
        assert doubtful(sites=sites, origins=[origin], allowed=ALLOWED, ours=ours) is False
        for more in product([origin], [OWN, LISTED, "null"]):
            with pytest.raises(CsrfRefused):
                doubtful(sites=sites, origins=more, allowed=ALLOWED, ours=ours)


@pytest.mark.parametrize("ours", [False, True])
def test_a_browser_that_says_where_it_is_is_believed(ours: bool) -> None:
    """Scripts cannot set this header, and programs that could carry no cookie of somebody else."""
    assert doubtful(sites=["same-origin"], origins=[], allowed=(), ours=ours) is False
    for site in FOREIGN:
        with pytest.raises(CsrfRefused) as refusal:
            doubtful(sites=[site], origins=[], allowed=ALLOWED, ours=ours)
        assert refusal.value.reason == "site"
        with pytest.raises(CsrfRefused):
            doubtful(sites=["same-origin", site], origins=[], allowed=ALLOWED, ours=ours)


def test_who_says_nothing_and_carries_something_of_ours_has_to_show_a_token() -> None:
    assert doubtful(sites=[], origins=[], allowed=ALLOWED, ours=True) is True
    assert doubtful(sites=[], origins=[], allowed=ALLOWED, ours=False) is False


@given(st.text(), st.text(), st.binary(min_size=32, max_size=32))
@example("a", "a\0", KEY)
@example("", "\0\0\0\0", KEY)
def test_a_token_belongs_to_one_session_and_one_key(one: str, another: str, key: bytes) -> None:
    if "\ud800" <= max(one + another, default="") <= "\udfff":
        return  # no id is spelled like that
    token = csrf_token(key, one)
    assert belongs(token, one, [key])
    assert belongs(token, one, [OTHER, key]), "keys are rotated, and pages stay open"
    assert belongs(token, another, [key]) is (one == another)
    assert belongs(token, one, [OTHER]) is (key == OTHER)
    assert not belongs(token, one, [])


def test_a_token_is_made_of_parts_that_cannot_run_together() -> None:
    """HMAC-SHA-256 over the length of the id in four octets and the id; what another language would have to compute."""
    for session_id in ("s1", "a" * 300, "ä"):
        name = session_id.encode()
        made = hmac.new(KEY, struct.pack(">I", len(name)) + name, hashlib.sha256).digest()
        assert csrf_token(KEY, session_id) == base64.urlsafe_b64encode(made).decode().rstrip("=")


def test_any_other_text_is_no_token() -> None:
    """Compared as it is: with nothing cut off, nothing moved, in no other case or alphabet."""
    token = csrf_token(KEY, "s1")
    wrong = [
        token[1:] + token[0],
        token[:-1],
        token + "A",
        token + "=",
        token.swapcase(),
        " " + token,
        "",
        "é",
        "\ud800",
    ]
    wrong += [token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :] for at in range(len(token))]
    for text in wrong:
        assert not belongs(text, "s1", [KEY])
    assert belongs(token, "s1", [KEY])


AWAY = [
    "//evil.tld",
    "///evil.tld",
    "/\\evil.tld",
    "\\evil.tld",
    "\\\\evil.tld",
    "/\t/evil.tld",
    "/\n/evil.tld",
    "\t//evil.tld",
    " //evil.tld",
    " /a",
    "/a b",
    "/a\\..\\b",
    "/a\r\nSet-Cookie: a=b",
    "/a\nb",
    "/a\n",
    "/a\0",
    "/a\x7f",
    "/a\x80",
    "/ä",
    "/\u2028",
    "@evil.tld",
    "a@evil.tld",
    ".evil.tld",
    ":8080",
    "a",
    "",
    "?a",
    "#a",
    "https://evil.tld",
    "https://app.example.com/",
    "https:evil.tld",
    "javascript:alert(1)",
    "data:text/html,x",
    "%2f%2fevil.tld",
    "/" + "a" * MOST_PATH,
    None,
]
HERE = [
    "/",
    "/account",
    "/a/b?c=d&e=%20#f",
    "/@evil.tld",
    "/:80",
    "/%2f%2fevil.tld",
    "/%5cevil.tld",
    "/%0d%0aSet-Cookie:a=b",
    "/a//b",
    "/?next=//evil.tld",
    "/" + "a" * (MOST_PATH - 1),
]


def test_a_path_leads_to_this_application_and_nowhere_else() -> None:
    """What is encoded stays encoded: a browser that is sent to `/%2f%2fevil.tld` stays on this host."""
    for path in AWAY:
        assert local(path) is None, path
    for path in HERE:
        assert local(path) == path


def test_work_does_not_grow_with_what_is_sent() -> None:
    """In byte codes; what is compared or matched is compared in C, once and from one end."""
    token = csrf_token(KEY, "s1")
    for once in (10, 40, 160):
        assert work(partial(local, "/" + "a" * once)) == work(partial(local, "/a"))
        assert work(partial(local, "/\\" * once)) == work(partial(local, "/\\"))
        assert work(partial(belongs, token * once, "s1", [KEY])) == work(partial(belongs, token, "s1", [KEY]))
