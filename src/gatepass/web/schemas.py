"""What our answers look like, as JSON Schema: the components of an OpenAPI document that our routes refer to."""

from typing import Any, Final, get_args

from gatepass.records import Mode

Schema = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string"}
_TEXTS: Final[Schema] = {"type": "array", "items": _TEXT}
_NUMBER: Final[Schema] = {"type": "integer"}
_MODE: Final[Schema] = {"type": "string", "enum": list(get_args(Mode))}
_SECONDS: Final[Schema] = {"type": "integer", "description": "Seconds."}
_TIME: Final[Schema] = {"type": "integer", "description": "Seconds since the epoch."}
_LATER: Final[Schema] = {**_TIME, "type": ["integer", "null"]}
_MAYBE: Final[Schema] = {"type": ["string", "null"]}


def ref(name: str) -> Schema:
    """The component of this name, for where a schema is wanted."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(optional: Schema | None = None, /, **required: Schema) -> Schema:
    found = optional or {}
    return {"type": "object", "properties": {**required, **found}, "required": list(required)}


#: Named so that they meet no model of the application.
COMPONENTS: Final[dict[str, Schema]] = {
    "GatepassCredentials": _object(
        {
            "csrf_token": {**_TEXT, "description": "By cookie only: for X-CSRF-Token."},
            "token_type": {"const": "Bearer", "description": "By bearer only."},
            "access_token": {**_TEXT, "description": 'By bearer, and in hybrid mode with `"access": "body"`.'},
            "refresh_token": {**_TEXT, "description": "By bearer in hybrid mode only."},
        },
        mode=_MODE,
        expires_in=_SECONDS,
        session_id=_TEXT,
    ),
    "GatepassIdentity": _object(
        {"csrf_token": {**_TEXT, "description": "By cookie only: for X-CSRF-Token."}},
        subject=_TEXT,
        session_id=_TEXT,
        mode=_MODE,
        roles=_TEXTS,
        claims={"type": "object"},
        auth_time={**_TIME, "description": "The last login, in seconds since the epoch."},
        expires_at=_TIME,
    ),
    "GatepassSession": _object(
        id=_TEXT,
        current={"type": "boolean", "description": "Whether it is the one that asks."},
        mode=_MODE,
        created_at=_TIME,
        seen_at=_TIME,
        expires_at=_TIME,
        ip=_TEXT,
        device={
            **_object(name=_TEXT, browser=_MAYBE, system=_MAYBE, kind=_TEXT),
            "description": "As its User-Agent says. The kind is phone, tablet, computer, program or unknown.",
        },
        ended_at=_LATER,
        ended_reason=_MAYBE,
    ),
    "GatepassSessions": _object(sessions={"type": "array", "items": ref("GatepassSession")}),
    "GatepassReceipt": _object(
        ended={**_TEXTS, "description": "The ids of the sessions that ended."},
        effective_within={**_SECONDS, "description": "Seconds until every server refuses them; 0: at once."},
        tokens_alive_until=_LATER,
    ),
    "GatepassKeys": _object(keys={"type": "array", "items": {"type": "object", "description": "A JWK (RFC 7517)."}}),
    "GatepassProblem": {
        "description": "A refusal (RFC 9457).",
        **_object(
            {
                "errors": {"type": "array", "items": _object(field=_TEXT, reason=_TEXT)},
                "max_age": _SECONDS,
                "seconds_left": _SECONDS,
            },
            type=_TEXT,
            title=_TEXT,
            status=_NUMBER,
            detail=_TEXT,
            code={**_TEXT, "description": "What it is; for programs, and never changed."},
        ),
    },
}

#: The fields that our routes read, by their names.
FIELDS: Final[dict[str, Schema]] = {
    "refresh_token": {**_TEXT, "description": "Of a program; without it that of the cookie."},
    "access": {"type": "string", "enum": ["cookie", "body"], "default": "cookie"},
    "next": {**_TEXT, "description": "In a form: the path of this application to go on to."},
    "csrf_token": {**_TEXT, "description": "In a form: for browsers that do not say where it comes from."},
}
