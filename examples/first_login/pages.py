"""The HTML. Everything from outside goes through `escape`."""

from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape

from gatepass import Identity, Session

_STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { max-width: 40rem; margin: 3rem auto; padding: 0 1rem }
form.inline { display: inline } label { display: block; margin: .75rem 0 }
input { font: inherit; display: block; width: 100%; box-sizing: border-box; padding: .4rem }
button { font: inherit; padding: .4rem 1rem; cursor: pointer }
li { margin: .75rem 0 } .ended { opacity: .6 } code { overflow-wrap: anywhere } nav { margin: 1.5rem 0 }
"""


def _document(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>{escape(title)}</title><link rel="icon" href="data:,"><style>{_STYLE}</style>'
        f"<h1>{escape(title)}</h1>{body}</html>"
    )


def _button(action: str, label: str) -> str:
    return f'<form class="inline" method="post" action="{escape(action)}"><button>{escape(label)}</button></form>'


def _time(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%d %B %Y, %H:%M:%S UTC")


def login(mode: str, sentence: str = "") -> str:
    """The login form, with what was wrong the last time."""
    return _document(
        "Log in",
        f'<p role="alert">{escape(sentence)}</p><form method="post" action="/auth/login">'
        '<label>Name <input name="name" autocomplete="username" required autofocus></label>'
        '<label>Password <input name="password" type="password" autocomplete="current-password" required></label>'
        f"<button>Log in</button></form><p>This example runs in <b>{escape(mode)}</b> mode. "
        "Its two users and their passwords are printed in the terminal.</p>",
    )


def home(who: Identity) -> str:
    """The protected page."""
    roles = ", ".join(sorted(who.roles)) or "none"
    return _document(
        f"Hello, {who.subject}",
        f"<p>You are remembered, in <b>{escape(who.mode)}</b> mode.</p>"
        f"<p>Roles: {escape(roles)}<br>Logged in: {_time(who.auth_time)}<br>"
        f"This credential ends: {_time(who.expires_at)}<br>Session: <code>{escape(who.session_id)}</code></p>"
        f'<nav><a href="/devices">Your devices</a></nav>{_button("/auth/logout", "Log out")}',
    )


def devices(who: Identity, sessions: Iterable[Session]) -> str:
    """The device list."""
    rows = "".join(_device(session, current=session.id == who.session_id) for session in sessions)
    return _document("Your devices", f'<ul>{rows}</ul><nav><a href="/">Back</a></nav>')


def _device(session: Session, *, current: bool) -> str:
    what = escape(session.client.user_agent or "an unnamed device")
    when = f"{escape(session.mode)} mode, from {escape(session.client.ip)}, last seen {_time(session.seen_at)}"
    if session.ended_at is not None:
        return f'<li class="ended">{what}<br>{when}<br>ended {_time(session.ended_at)}: {session.ended_reason}</li>'
    action = "<b>this device</b>" if current else _button(f"/auth/devices/{session.id}/end", "Log out this device")
    return f"<li>{what}<br>{when}<br>{action}</li>"


def renew(next_page: str) -> str:
    """A form that sends itself, and has a button where scripts are off."""
    return _document(
        "One moment",
        '<form method="post" action="/auth/refresh" id="renew">'
        f'<input type="hidden" name="next" value="{escape(next_page)}"><button>Go on</button></form>'
        "<script>document.getElementById('renew').submit()</script>",
    )


def sentence(text: str) -> str:
    """A page that says one thing."""
    return _document("Not possible", f'<p>{escape(text)}</p><nav><a href="/">Back</a></nav>')
