"""What we say: the JSON of records, problem JSON for refusals, and the headers that go with both."""

from typing import Any, Final, NamedTuple

import msgspec

from gatepass.errors import (
    CredentialError,
    FieldsInvalid,
    GatepassError,
    LoginFailed,
    MethodNotAllowed,
    MissingCredential,
    NotRevocable,
    RoleRequired,
    StepUpRequired,
    StoreError,
    Throttled,
)
from gatepass.records import Identity, Receipt, Session, thaw
from gatepass.web.devices import device

#: On every answer of ours. ASVS 3.4.1 to 3.4.8; a page says by itself what it may do.
GUARD: Final = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
#: `WWW-Authenticate` of a 401 (RFC 9110 section 15.5.2) that says nothing else.
CHALLENGE: Final = 'Bearer realm="gatepass"'
#: Added where the address is https. A year.
TRANSPORT: Final = {"Strict-Transport-Security": "max-age=31536000"}


class Answer(NamedTuple):
    """A whole answer, for an adapter to put into the words of its framework."""

    status: int
    headers: dict[str, str]
    body: bytes


def json(value: Any, status: int = 200) -> Answer:
    """*value* as JSON."""
    return Answer(status, {"Content-Type": "application/json", **GUARD}, msgspec.json.encode(value))


def problem(error: GatepassError) -> Answer:
    """The refusal that *error* is: RFC 9457, with what the status demands beside it.

    Args:
        error: Its message holds no part of a credential, and neither does the answer.
    """
    body: dict[str, Any] = {
        "type": f"urn:gatepass:error:{error.code}",
        "title": error.sentence if hasattr(error, "sentence") else error.code,
        "status": error.status,
        "detail": str(error),
        "code": error.code,
    }
    headers = {"Content-Type": "application/problem+json", "Cache-Control": "no-store", **GUARD}
    if challenge := _challenge(error):
        headers["WWW-Authenticate"] = challenge
    if isinstance(error, StoreError | Throttled):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, MethodNotAllowed):
        # Whoever answers GET answers HEAD (RFC 9110 section 9.1).
        allowed = {*error.allowed, *(("HEAD",) if "GET" in error.allowed else ())}
        headers["Allow"] = ", ".join(sorted(allowed))
    if isinstance(error, FieldsInvalid):
        body["errors"] = [{"field": field, "reason": reason} for field, reason in error.problems.items()]
    if isinstance(error, StepUpRequired):
        body["max_age"] = error.max_age
    if isinstance(error, NotRevocable):
        body["seconds_left"] = error.seconds_left
    return Answer(error.status, headers, msgspec.json.encode(body))


def _challenge(error: GatepassError) -> str | None:
    """`WWW-Authenticate`: RFC 6750 section 3, RFC 9470 section 3. A request without a credential is told no error."""
    bearer = CHALLENGE
    if isinstance(error, MissingCredential | LoginFailed):
        return bearer
    if isinstance(error, CredentialError):
        return f'{bearer}, error="invalid_token", error_description="{error.code}"'
    if isinstance(error, StepUpRequired):
        return f'{bearer}, error="insufficient_user_authentication", max_age="{error.max_age}"'
    if isinstance(error, RoleRequired):
        return f'{bearer}, error="insufficient_scope"'
    return None


def identity(who: Identity, csrf_token: str | None = None) -> dict[str, Any]:
    """The JSON of *who*; with a CSRF token where a cookie said so."""
    said = {
        "subject": who.subject,
        "session_id": who.session_id,
        "mode": who.mode,
        "roles": sorted(who.roles),
        "claims": thaw(who.claims),
        "auth_time": who.auth_time,
        "expires_at": who.expires_at,
    }
    return said if csrf_token is None else {**said, "csrf_token": csrf_token}


def session(row: Session, current: str) -> dict[str, Any]:
    """The JSON of a row of the device list; *current* is the id of the session that asks."""
    return {
        "id": row.id,
        "current": row.id == current,
        "mode": row.mode,
        "created_at": row.created_at,
        "seen_at": row.seen_at,
        "expires_at": row.expires_at,
        "ip": row.client.ip,
        "device": device(row.client.user_agent),
        "ended_at": row.ended_at,
        "ended_reason": row.ended_reason,
    }


def receipt(done: Receipt) -> dict[str, Any]:
    """The JSON of what an end or a change brought about."""
    return {
        "ended": list(done.ended),
        "effective_within": done.effective_within,
        "tokens_alive_until": done.tokens_alive_until,
    }
