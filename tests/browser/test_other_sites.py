"""What pages of other sites can do to somebody who is logged in here: nothing. Each attempt beside its honest twin."""

import json
import sqlite3
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import BrowserContext, Page, Request
from support.elsewhere import Elsewhere
from support.server import Server
from support.visitors import OfPages

from gatepass import MODES, Mode

#: A name of ours that has siblings: all that ends in its last two parts is one site to a browser.
HOST = "app.site.localhost"

#: From where. Of the same site the browser sends our cookies along, whatever `SameSite` they have.
ATTACKERS = {"another site": "127.0.0.1", "a sibling of ours": "evil.site.localhost", "another port of ours": HOST}

# What a page can do, each resolved when the answer is there. A form goes into a frame, so that the page stays.
TRICKS = """
window.tricks = {
  form(url, fields, enctype) {
    return new Promise((done) => {
      const frame = Object.assign(document.createElement("iframe"), { name: "f" + Math.random() });
      const form = document.createElement("form");
      Object.assign(form, { action: url, method: "post", target: frame.name, enctype });
      for (const [name, value] of Object.entries(fields)) {
        form.append(Object.assign(document.createElement("input"), { name, value }));
      }
      document.body.append(frame, form);
      frame.onload = () => done();
      HTMLFormElement.prototype.submit.call(form);
    });
  },
  fetch(url, init) {
    return fetch(url, { credentials: "include", ...init }).then((answer) => answer.text()).catch(() => "refused");
  },
  image(url) {
    return new Promise((done) => {
      const image = new Image();
      image.onload = image.onerror = () => done();
      image.src = url;
    });
  },
  frame(url) {
    return new Promise((done) => {
      const frame = document.createElement("iframe");
      frame.onload = () => done();
      frame.src = url;
      document.body.append(frame);
    });
  },
};
"""

GRACE = {"name": "grace", "password": "nanoseconds of wire"}
FORM = "application/x-www-form-urlencoded"
JSON = {"Content-Type": "application/json"}


class Attempt(NamedTuple):
    """A trick and what it is given; `path` may name the session of a friend, who is logged in elsewhere."""

    trick: str
    path: str
    more: tuple[Any, ...] = ()


#: Each of these works where it comes from ourselves.
HONEST = {
    "log all others out by a form": Attempt("form", "/devices/end-others", ({}, FORM)),
    "log a friend out by a form": Attempt("form", "/devices/{friend}/end", ({}, FORM)),
    "log out by a form": Attempt("form", "/logout", ({}, FORM)),
    "log in by a form": Attempt("form", "/login", (GRACE, FORM)),
    "log out by our route": Attempt("fetch", "/auth/logout", ({"method": "POST"},)),
    "log all others out by our route": Attempt("fetch", "/auth/sessions/end-others", ({"method": "POST"},)),
    "log a friend out by our route": Attempt("fetch", "/auth/sessions/{friend}", ({"method": "DELETE"},)),
}
RENEW = {
    "renew": Attempt("fetch", "/auth/refresh", ({"method": "POST"},)),
    "renew by a form": Attempt("form", "/auth/refresh", ({"next": "/"}, FORM)),
}

READ = {f"read {path}": Attempt("fetch", path, ({},)) for path in ("/", "/auth/me")}

#: And these are what others try besides: other types of body, simple requests, and GET in all its dress.
HOSTILE = {
    **{
        f"form {path} as {enctype}": Attempt("form", path, (GRACE, enctype))
        for path in ("/login", "/logout", "/auth/logout", "/auth/refresh", "/auth/sessions/end-others")
        for enctype in (FORM, "multipart/form-data", "text/plain")
    },
    **{
        f"fetch {path} {init}": Attempt("fetch", path, (init,))
        for path in ("/login", "/logout", "/devices/end-others", "/auth/logout", "/auth/sessions/end-others")
        for init in (
            {"method": "POST", "mode": "no-cors", "body": "name=grace&password=nanoseconds+of+wire"},
            {"method": "POST", "mode": "no-cors", "headers": {"Content-Type": FORM}, "body": "a=b"},
            {"method": "POST", "headers": JSON, "body": json.dumps({})},
        )
    },
    **{
        f"{trick} {path}": Attempt(trick, path)
        for trick in ("image", "frame")
        for path in ("/logout", "/auth/logout", "/auth/refresh", "/auth/renew?next=/", "/devices/end-others")
    },
}


class Victim:
    """Somebody who is logged in here, and whose friend is too."""

    def __init__(self, server: Server, new_context: Callable[..., BrowserContext], **options: Any) -> None:
        self.server = server
        self.url = server.url.replace("127.0.0.1", HOST)
        self.context = new_context(**options)
        self.page = self.context.new_page()
        self.friend = ""
        self.come_in()

    def come_in(self) -> None:
        before = set(self._rows())
        by_number = OfPages(self.page, self.server.url, scripts=True)
        by_number.come_in()
        [(self.friend, *_)] = set(self._rows()) - before
        self.context.clear_cookies()
        by_number.come_in()
        # Names below localhost are known to the browser, and not to the rest of the machine.
        for cookie in self.context.cookies():
            self.context.add_cookies([{**cookie, "domain": HOST}])  # type: ignore[typeddict-item]
        self.context.clear_cookies(domain="127.0.0.1")

    def _rows(self) -> list[tuple[Any, ...]]:
        store = sqlite3.connect(f"file:{self.server.store}?mode=ro", uri=True)
        rows = store.execute("SELECT id, ended_at, generation, version FROM gatepass_session ORDER BY id").fetchall()
        store.close()
        return rows

    def state(self) -> object:
        """All that an attempt could have changed: the sessions, and the cookies of the browser."""
        return self._rows(), sorted((cookie["name"], cookie["value"]) for cookie in self.context.cookies())

    def tries(self, page: Page, attempt: Attempt) -> Any:
        url = self.url + attempt.path.format(friend=self.friend)
        return page.evaluate("([trick, ...given]) => tricks[trick](...given)", [attempt.trick, url, *attempt.more])


@pytest.fixture(scope="module", params=MODES)
def server(request: pytest.FixtureRequest, serve: Callable[[str, Mode], Server]) -> Server:
    return serve("server_rendered", request.param)


@pytest.mark.parametrize("attacker", ATTACKERS)
def test_no_page_of_another_origin_changes_or_reads_anything(
    server: Server, attacker: str, other_site: Elsewhere, new_context: Callable[..., BrowserContext]
) -> None:
    """Neither session nor cookie: nobody is logged out, logged in, or renewed."""
    victim = Victim(server, new_context)
    other_site.pages["/"] = f"<!doctype html><title>evil</title><body><script>{TRICKS}</script>"
    requests: list[Request] = []
    for event in ("requestfinished", "requestfailed"):  # of most of them, the page is not let see the answer
        victim.context.on(event, lambda request: requests.append(request))  # noqa: PLW0108
    page = victim.context.new_page()
    page.goto(other_site.url(ATTACKERS[attacker]))

    before = victim.state()
    # Who comes from our own host is sent all our cookies: what is of no use to them is of no use to the others.
    more = HOSTILE if ATTACKERS[attacker] == HOST else {}
    for name, attempt in {**HONEST, **RENEW, **READ, **more}.items():
        said = victim.tries(page, attempt)
        assert victim.state() == before, name
        assert said in {None, "", "refused"}, name

    # The browser did help a page of our own site: it was not the cookie's attributes that held.
    helped = any("gatepass-dev-" in request.all_headers().get("cookie", "") for request in requests)
    assert helped == (attacker != "another site")
    OfPages(victim.page, victim.url, scripts=True).is_logged_in()


@pytest.mark.parametrize("attacker", ATTACKERS)
def test_a_login_of_another_site_logs_nobody_in(
    serve: Callable[[str, Mode], Server],
    attacker: str,
    other_site: Elsewhere,
    new_context: Callable[..., BrowserContext],
) -> None:
    """Else somebody would type their secrets into the account of the attacker."""
    context = new_context()
    page = context.new_page()
    url = serve("server_rendered", "hybrid").url.replace("127.0.0.1", HOST)
    fields = "".join(f'<input name="{name}" value="{value}">' for name, value in GRACE.items())
    other_site.pages["/"] = f'<form method="post" action="{url}/login">{fields}<button>win</button></form>'

    page.goto(other_site.url(ATTACKERS[attacker]))
    with page.expect_response(f"{url}/login") as answer:
        page.get_by_role("button").click()

    assert answer.value.status == 403
    assert not context.cookies()
    OfPages(page, url, scripts=True).log_in("grace")
    assert context.cookies()


def test_the_same_from_a_page_of_ours_works(server: Server, new_context: Callable[..., BrowserContext]) -> None:
    victim = Victim(server, new_context, bypass_csp=True)  # our pages allow no script, and this one is to have tricks
    hybrid = any("-refresh" in cookie["name"] for cookie in victim.context.cookies())

    for name, attempt in {**HONEST, **RENEW}.items():
        victim.come_in()
        victim.page.goto(victim.url)
        victim.page.evaluate(TRICKS)
        before = victim.state()
        victim.tries(victim.page, attempt)
        assert (victim.state() != before) == (hybrid or name not in RENEW), name
    for attempt in READ.values():
        assert "ada" in victim.tries(victim.page, attempt)
