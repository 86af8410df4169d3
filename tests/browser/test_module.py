"""`gatepass.js` in front of a stand-in for the network: what it asks for, how often, and what it never does."""

import gzip
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import BrowserContext, Page, Request, Route

if TYPE_CHECKING:
    from collections.abc import Callable

MODULE = Path(__file__).parents[2] / "src" / "gatepass" / "web" / "gatepass.js"

# Loopback, so that the browser gives the page its locks.
HERE, API, ELSEWHERE = "http://localhost:9", "http://127.0.0.1:9", "http://localhost:10"

LIFE = 300


def problem(status: int, code: str) -> dict[str, Any]:
    return {"status": status, "json": {"code": code}}


class Network:
    """Answers everything that the pages of a context ask for, and counts."""

    def __init__(self, context: BrowserContext) -> None:
        self.requests: list[Request] = []
        self.good = {"token 1"}
        self.held: list[Route] = []
        self.hold = False
        self.refusal: dict[str, Any] | None = None
        self.faults = 0
        self.mode = "hybrid"
        self.api: Callable[[Request], dict[str, Any]] | None = None
        self._issued = 0
        context.route("**", self._answer)

    def count(self, path: str) -> int:
        return len(self.seen(path))

    def seen(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.url.endswith(path) and request.method != "OPTIONS"]

    def _answer(self, route: Route) -> None:
        request = route.request
        self.requests.append(request)
        path = "/" + request.url.split("/", 3)[3]
        if path == "/":
            route.fulfill(content_type="text/html", body="<!doctype html><title>page</title>")
        elif path == "/auth/gatepass.js":
            route.fulfill(content_type="text/javascript", body=MODULE.read_text())
        elif path == "/auth/refresh" and self.hold:
            self.held.append(route)
        elif path == "/auth/refresh":
            self.refresh(route)
        elif path == "/auth/logout":
            route.fulfill(status=204)
        else:
            self._serve(route)

    def refresh(self, route: Route) -> None:
        if self.faults:
            self.faults -= 1
            route.abort()
        elif self.refusal:
            route.fulfill(**self.refusal)
        else:
            self._issued += 1
            token = f"token {self._issued}"
            self.good = {token}
            route.fulfill(json=credentials(token, mode=self.mode))

    def _serve(self, route: Route) -> None:
        allowed = {
            "Access-Control-Allow-Origin": HERE,
            "Access-Control-Allow-Headers": "authorization, x-csrf-token",
            "Access-Control-Allow-Credentials": "true",
        }
        if route.request.method == "OPTIONS":
            route.fulfill(status=204, headers=allowed)
        elif self.api is not None:
            route.fulfill(**self.api(route.request), headers=allowed)
        elif route.request.headers.get("authorization", "").removeprefix("Bearer ") in self.good:
            route.fulfill(json={"fine": True}, headers=allowed)
        else:
            route.fulfill(**problem(401, "credential_expired"), headers=allowed)


def credentials(token: str, *, mode: str = "hybrid") -> dict[str, Any]:
    return {
        "mode": mode,
        "access_token": token,
        "expires_in": LIFE,
        "session_id": "s",
        "csrf_token": f"csrf of {token}",
    }


@pytest.fixture
def network(context: BrowserContext) -> Network:
    return Network(context)


def opened(context: BrowserContext, *, access: str = "body", prefix: str = "/auth", origins: str = "[]") -> Page:
    """A page that holds `auth`, and notes each end."""
    page = context.new_page()
    page.clock.install()
    page.goto(f"{HERE}/")
    page.evaluate(
        """async ([access, prefix, origins]) => {
          const { gatepass } = await import("/auth/gatepass.js");
          window.auth = gatepass({ access, prefix, origins: JSON.parse(origins) });
          window.ends = 0;
          auth.onend = () => { ends += 1 };
        }""",
        [access, prefix, origins],
    )
    return page


def status(page: Page, path: str = "/orders", init: dict[str, Any] | None = None) -> Any:
    """What `auth.fetch` brought, or the name of what it threw."""
    return page.evaluate(
        "([path, init]) => auth.fetch(path, init ?? undefined).then((answer) => answer.status, (fault) => fault.name)",
        [path, init],
    )


def accept(page: Page, token: str = "token 0", **options: str) -> None:
    page.evaluate("(json) => { auth.accept(json) }", credentials(token, **options))


# -- what it is --------------------------------------------------------------------------------------------------------


def test_it_is_smaller_than_four_kilobytes() -> None:
    assert len(gzip.compress(MODULE.read_bytes(), mtime=0)) < 4_096


def test_it_knows_no_storage() -> None:
    """A token that is kept nowhere is found nowhere."""
    source = MODULE.read_text()

    assert not re.findall(
        r"localStorage|sessionStorage|indexedDB|document\.cookie|cookieStore|caches\b|\bname\s*=", source
    )
    assert not re.findall(r"^import|\beval\b|innerHTML", source, re.MULTILINE)


# -- the access token --------------------------------------------------------------------------------------------------


def test_a_page_without_a_token_renews_first(context: BrowserContext, network: Network) -> None:
    page = opened(context)

    assert status(page) == 200
    assert status(page) == 200

    [request] = network.seen("/auth/refresh")
    assert request.post_data_json == {"access": "body"}
    assert network.count("/orders") == 2


def test_the_token_is_sent_to_our_origins_only(context: BrowserContext, network: Network) -> None:
    network.good = {"token 0"}
    page = opened(context, origins=json.dumps([API]))
    accept(page)

    assert status(page) == 200
    assert status(page, f"{API}/orders") == 200
    for init in ({}, {"method": "POST"}, {"credentials": "include"}):
        assert status(page, f"{ELSEWHERE}/orders", init) == 401

    for request in network.seen("/orders"):
        headers = request.all_headers()
        ours = request.url.startswith((HERE + "/", API + "/"))
        assert ("authorization" in headers) == ours
        assert ours or "x-csrf-token" not in headers
    assert not network.count("/auth/refresh")


def test_unsafe_requests_carry_the_csrf_token(context: BrowserContext, network: Network) -> None:
    network.api = lambda _: {"status": 200}
    page = opened(context, access="cookie")
    accept(page)

    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
        assert status(page, "/orders", {"method": method}) == 200
    page.evaluate("() => auth.logout()")

    for request in [*network.seen("/orders"), *network.seen("/auth/logout")]:
        safe = request.method in {"GET", "HEAD"}
        assert request.headers.get("x-csrf-token") == (None if safe else "csrf of token 0"), request.method
        assert "authorization" not in request.headers  # the cookie is the credential


def test_with_cookies_nothing_is_asked_before_it_is_needed(context: BrowserContext, network: Network) -> None:
    """A page cannot see how old its cookie is; the first 401 tells."""
    answers = iter([problem(401, "credential_expired"), {"status": 200}, {"status": 200}])
    network.api = lambda _: next(answers)
    page = opened(context, access="cookie")

    assert status(page, "/orders", {"method": "POST", "body": "a book"}) == 200
    assert status(page) == 200

    [refresh] = network.seen("/auth/refresh")
    assert refresh.post_data is None
    assert [request.post_data for request in network.seen("/orders")] == ["a book", "a book", None]


# -- renewing ----------------------------------------------------------------------------------------------------------


def test_it_renews_before_the_end_and_never_in_the_first_half(context: BrowserContext, network: Network) -> None:
    network.good = {"token 0"}
    page = opened(context)
    accept(page)

    page.clock.run_for(LIFE * 500 - 1_000)
    assert page.evaluate("() => auth.refresh()") is True
    assert status(page) == 200
    assert not network.count("/auth/refresh")

    with page.expect_response("**/auth/refresh"):
        page.clock.run_for(LIFE * 360)
    assert status(page) == 200
    assert network.count("/auth/refresh") == 1


def test_in_the_second_half_a_page_may_ask_for_it(context: BrowserContext, network: Network) -> None:
    page = opened(context)
    accept(page)
    page.clock.run_for(LIFE * 500 + 1_000)

    assert page.evaluate("() => auth.refresh()") is True

    assert network.count("/auth/refresh") == 1


@pytest.mark.parametrize("mode", ["session", "jwt"])
@pytest.mark.parametrize("access", ["body", "cookie"])
@pytest.mark.parametrize("known", [True, False], ids=["after the login", "after a reload"])
def test_where_there_is_nothing_to_renew_there_is_something_to_go_on_with(
    context: BrowserContext, network: Network, mode: str, access: str, known: bool
) -> None:
    """The mode is configuration, and changes no page."""
    network.refusal = problem(409, "mode_not_enabled")
    page = opened(context, access=access)
    if known:
        page.evaluate("(json) => { auth.accept(json) }", {**credentials("x", mode=mode), "access_token": None})

    for _ in range(3):
        assert page.evaluate("() => auth.refresh()") is True
        page.clock.run_for(LIFE * 2_000)

    assert network.count("/auth/refresh") == (0 if known else 1)
    assert page.evaluate("() => ends") == 0


@pytest.mark.parametrize("access", ["body", "cookie"])
@pytest.mark.parametrize("refused", [503, 403, 429, None])
def test_a_fault_of_a_renewal_is_no_end(
    context: BrowserContext, network: Network, refused: int | None, access: str
) -> None:
    """A page that takes it for one would throw a living session away."""
    page = opened(context, access=access)
    network.good, network.faults = {"token 0"}, 0 if refused else 4
    network.refusal = problem(refused, "store_unavailable") if refused else None
    assert page.evaluate("() => auth.refresh()") is True  # nobody knows yet, so nobody is told that it is over
    accept(page)
    page.evaluate("() => { Object.defineProperty(document, 'hidden', { value: true }) }")
    page.clock.run_for(LIFE * 600)

    assert page.evaluate("() => auth.refresh()") is True
    if access == "body":
        assert status(page) == 200
    assert network.count("/auth/refresh") == (2 if refused else 4)
    assert page.evaluate("() => ends") == 0


@pytest.mark.parametrize("access", ["body", "cookie"])
def test_where_nobody_is_logged_in_there_is_nothing_to_go_on_with(
    context: BrowserContext, network: Network, access: str
) -> None:
    network.refusal = problem(401, "credential_missing")
    page = opened(context, access=access)

    assert [page.evaluate("() => auth.refresh()") for _ in range(2)] == [False] * 2
    assert network.count("/auth/refresh") == 1

    accept(page)
    assert page.evaluate("() => auth.refresh()") is True


def test_after_a_logout_there_is_nothing_to_go_on_with(context: BrowserContext, network: Network) -> None:
    page = opened(context)
    accept(page)
    page.evaluate("() => auth.logout()")

    assert page.evaluate("() => auth.refresh()") is False
    assert not network.count("/auth/refresh")


def test_after_a_sleep_the_first_request_renews(context: BrowserContext, network: Network) -> None:
    """Timers stand still while a machine sleeps. No request is made with a token that is known to be over."""
    page = opened(context)
    accept(page)
    page.evaluate("() => { Object.defineProperty(document, 'hidden', { value: true }) }")
    page.clock.fast_forward(LIFE * 3_000)

    assert status(page) == 200

    assert network.count("/auth/refresh") == 1
    assert network.count("/orders") == 1


def test_a_hidden_page_renews_when_somebody_looks(context: BrowserContext, network: Network) -> None:
    page = opened(context)
    accept(page)
    page.evaluate("() => { Object.defineProperty(document, 'hidden', { value: true, configurable: true }) }")
    page.clock.run_for(LIFE * 2_000)
    assert not network.count("/auth/refresh")

    with page.expect_response("**/auth/refresh"):
        page.evaluate(
            """() => {
              Object.defineProperty(document, "hidden", { value: false });
              document.dispatchEvent(new Event("visibilitychange"));
            }"""
        )


def test_a_refused_token_is_renewed_once_even_if_it_is_young(context: BrowserContext, network: Network) -> None:
    """New roles: the server refuses older tokens as expired, so that pages renew into them."""
    page = opened(context)
    accept(page, "token of old roles")

    assert status(page) == 200

    assert network.count("/auth/refresh") == 1
    assert network.count("/orders") == 2


def test_many_requests_of_one_page_renew_once(context: BrowserContext, network: Network) -> None:
    page = opened(context)
    accept(page, "old")

    answers = page.evaluate(
        "() => Promise.all([...Array(20)].map(() => auth.fetch('/orders').then((answer) => answer.status)))"
    )

    assert answers == [200] * 20
    assert network.count("/auth/refresh") == 1


@pytest.mark.parametrize("access", ["body", "cookie"])
def test_of_two_tabs_one_renews(context: BrowserContext, network: Network, access: str) -> None:
    """The other waits for its turn, and finds that it has been done."""
    network.hold = True
    answers = {"/orders": 0}
    if access == "cookie":
        network.api = lambda _: {"status": 200} if answers["/orders"] else problem(401, "credential_expired")
    pages = [opened(context, access=access) for _ in range(2)]
    for page in pages:
        page.evaluate("() => { window.answer = auth.fetch('/orders').then((answer) => answer.status) }")
    pages[1].wait_for_function("() => navigator.locks.query().then(({ pending }) => pending.length === 1)")

    network.hold = False
    answers["/orders"] = 1
    network.refresh(network.held[0])

    assert [page.evaluate("() => answer") for page in pages] == [200, 200]
    assert network.count("/auth/refresh") == 1


def test_without_locks_it_renews_all_the_same(context: BrowserContext, network: Network) -> None:
    context.add_init_script("Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })")
    page = opened(context)

    assert status(page) == 200
    assert network.count("/auth/refresh") == 1


# -- faults and refusals -----------------------------------------------------------------------------------------------


def test_a_network_fault_is_tried_once_more(context: BrowserContext, network: Network) -> None:
    page = opened(context)
    network.faults = 1

    assert status(page) == 200
    assert network.count("/auth/refresh") == 2


def test_two_network_faults_are_a_fault(context: BrowserContext, network: Network) -> None:
    """And no end: the next request finds the session alive."""
    page = opened(context)
    network.faults = 2

    assert status(page) == "TypeError"
    assert network.count("/auth/refresh") == 2
    assert status(page) == 200
    assert page.evaluate("() => ends") == 0


def test_a_request_of_the_page_is_not_repeated_after_a_fault(context: BrowserContext, network: Network) -> None:
    """Only the page knows whether it may be done twice."""
    page = opened(context, access="cookie")
    asked: list[Request] = []
    context.on("request", lambda request: asked.append(request))  # noqa: PLW0108
    context.route("**/orders", lambda route: route.abort())

    assert status(page, "/orders", {"method": "POST"}) == "TypeError"
    assert len(asked) == 1


def test_a_token_that_still_holds_is_used_while_nothing_can_be_renewed(
    context: BrowserContext, network: Network
) -> None:
    network.good = {"token 0"}
    network.refusal = problem(503, "store_unavailable")
    page = opened(context)
    accept(page)
    page.evaluate("() => { Object.defineProperty(document, 'hidden', { value: true }) }")
    page.clock.run_for(LIFE * 900)

    assert [status(page) for _ in range(3)] == [200] * 3

    assert network.count("/auth/refresh") == 1


@pytest.mark.parametrize("refused", [503, 403, 429])
def test_a_fault_of_the_renewal_is_the_answer(context: BrowserContext, network: Network, refused: int) -> None:
    """A 401 would make the page throw away a session that lives."""
    page = opened(context)
    network.refusal = problem(refused, "store_unavailable")

    assert status(page) == refused
    assert network.count("/orders") == 0
    accept(page, "refused")
    assert status(page) == refused
    assert page.evaluate("() => ends") == 0

    network.refusal = None
    assert status(page) == 200


def test_a_401_never_loops(context: BrowserContext, network: Network) -> None:
    """One renewal, one more try, then the answer stands."""
    network.api = lambda _: problem(401, "credential_expired")
    page = opened(context)
    accept(page)

    assert status(page) == 401

    assert network.count("/auth/refresh") == 1
    assert network.count("/orders") == 2


def test_an_ended_session_is_told_once_and_asked_for_no_more(context: BrowserContext, network: Network) -> None:
    network.refusal = problem(401, "credential_revoked")
    page = opened(context)
    accept(page, "old")

    assert [status(page) for _ in range(5)] == [401] * 5
    assert page.evaluate("() => auth.refresh()") is False

    assert network.count("/auth/refresh") == 1
    assert network.count("/orders") == 5
    assert page.evaluate("() => ends") == 1

    network.refusal, network.good = None, {"token 0"}
    accept(page)
    assert status(page) == 200


@pytest.mark.parametrize("code", ["step_up_required", "login_failed"])
def test_what_a_renewal_cannot_heal_is_not_renewed(context: BrowserContext, network: Network, code: str) -> None:
    network.api = lambda _: problem(401, code)
    page = opened(context)
    accept(page)

    text = page.evaluate("() => auth.fetch('/orders').then((answer) => answer.json())")

    assert text == {"code": code}  # the body is still to be read
    assert not network.count("/auth/refresh")
    assert network.count("/orders") == 1


@pytest.mark.parametrize("answer", [403, 503, 404, 500])
def test_other_refusals_are_the_pages_own(context: BrowserContext, network: Network, answer: int) -> None:
    network.api = lambda _: problem(answer, "role_required")
    page = opened(context)
    accept(page)

    assert status(page) == answer
    assert not network.count("/auth/refresh")


@pytest.mark.parametrize("access", ["body", "cookie"])
@pytest.mark.parametrize(
    "body", ["", "null", "[]", '"text"', "<html>", '{"detail":"wrong PIN"}', '{"code":"no_credential_"}']
)
def test_a_401_of_the_application_is_the_answer_to_a_request_that_was_made_once(
    context: BrowserContext, network: Network, body: str, access: str
) -> None:
    """Whatever the route did before it said so, it would do twice."""
    network.api = lambda _: {"status": 401, "body": body}
    page = opened(context, access=access)
    accept(page)

    assert status(page, "/confirm", {"method": "POST", "body": "0000"}) == 401

    assert network.count("/confirm") == 1
    assert not network.count("/auth/refresh")
    assert page.evaluate("() => ends") == 0


@pytest.mark.parametrize("code", ["missing", "malformed", "unknown", "expired", "revoked"])
def test_a_credential_that_is_refused_is_renewed_and_the_request_made_again(
    context: BrowserContext, network: Network, code: str
) -> None:
    """Nothing was done: the check comes before the route."""
    answers = iter([problem(401, f"credential_{code}"), {"status": 200}])
    network.api = lambda _: next(answers)
    page = opened(context)
    accept(page)

    assert status(page, "/confirm", {"method": "POST", "body": "0000"}) == 200

    assert [request.post_data for request in network.seen("/confirm")] == ["0000", "0000"]
    assert network.count("/auth/refresh") == 1


@pytest.mark.parametrize("known", [True, False])
def test_sessions_and_jwts_are_not_renewed(context: BrowserContext, network: Network, known: bool) -> None:
    """The login says which it is; a page that was just loaded asks once. Their end is told once."""
    network.refusal = problem(409, "mode_not_enabled")
    network.api = lambda _: problem(401, "credential_expired")
    page = opened(context, access="cookie")
    if known:
        accept(page, mode="session")
    page.clock.run_for(LIFE * 2_000)

    assert [status(page) for _ in range(3)] == [401] * 3
    assert page.evaluate("() => auth.refresh()") is False

    assert network.count("/auth/refresh") == (0 if known else 1)
    assert page.evaluate("() => ends") == 1

    accept(page, mode="session")
    network.api = lambda _: problem(401, "credential_revoked")
    assert [status(page) for _ in range(3)] == [401] * 3
    assert page.evaluate("() => ends") == 2


SEEN = """() => {
  const real = window.fetch;
  window.seen = [];
  window.fetch = (request) => (request.url?.endsWith("/orders") && seen.push(request.credentials), real(request));
}"""


@pytest.mark.parametrize(("mode", "sent"), [("session", "include"), ("jwt", "include"), ("hybrid", "same-origin")])
@pytest.mark.parametrize("known", [True, False], ids=["after the login", "after a reload"])
def test_a_page_that_asks_for_its_token_gets_on_in_a_mode_that_has_none(
    context: BrowserContext, network: Network, mode: str, sent: str, known: bool
) -> None:
    """The mode is configuration, and changes no page: then the cookie goes along, to another origin too."""
    network.api = lambda _: {"status": 200}
    if mode != "hybrid":
        network.refusal = problem(409, "mode_not_enabled")
    page = opened(context, origins=json.dumps([API]))
    page.evaluate(SEEN)
    if known:
        told = credentials("token 0", mode=mode)
        page.evaluate("(json) => { auth.accept(json) }", told if mode == "hybrid" else {**told, "access_token": None})

    assert status(page, f"{API}/orders") == 200
    assert page.evaluate("() => seen") == [sent]
    assert network.seen("/orders")[-1].headers.get("authorization", "").startswith("Bearer") == (mode == "hybrid")
    assert page.evaluate("() => ends") == 0


@pytest.mark.parametrize("code", ["step_up_required", "login_failed", "something_else"])
def test_what_is_no_end_of_a_session_is_not_told_as_one(context: BrowserContext, network: Network, code: str) -> None:
    network.api = lambda _: problem(401, code)
    page = opened(context, access="cookie")
    accept(page, mode="session")

    assert status(page) == 401
    assert page.evaluate("() => ends") == 0


# -- logout ------------------------------------------------------------------------------------------------------------


def test_a_logout_ends_it_in_every_tab(context: BrowserContext, network: Network) -> None:
    network.good = {"token 0"}
    page, other = opened(context), opened(context)
    accept(page)
    other.wait_for_function("() => auth.fetch('/orders').then((answer) => answer.ok)")
    assert not network.count("/auth/refresh")  # the other tab was told the token, too

    assert page.evaluate("() => auth.logout().then((answer) => answer.status)") == 204

    [request] = network.seen("/auth/logout")
    assert "authorization" not in request.headers  # its cookie says which session, and is cleared
    other.wait_for_function("() => ends === 1")
    assert page.evaluate("() => ends") == 1
    network.good = {"none"}
    assert [status(each) for each in (page, other)] == [401, 401]
    assert all("authorization" not in request.headers for request in network.seen("/orders")[-2:])
    assert not network.count("/auth/refresh")


def test_a_logout_that_failed_is_none(context: BrowserContext, network: Network) -> None:
    network.good = {"token 0"}
    page = opened(context)
    accept(page)
    context.route("**/auth/logout", lambda route: route.fulfill(**problem(503, "store_unavailable")))

    assert page.evaluate("() => auth.logout().then((answer) => answer.status)") == 503
    assert status(page) == 200
    assert page.evaluate("() => ends") == 0
