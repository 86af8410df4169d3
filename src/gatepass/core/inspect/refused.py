"""Why a token was refused, in a sentence about this token and this service: what a person is told, and no log."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gatepass.core import jws
from gatepass.core.claims import MAX_TIME
from gatepass.core.inspect import texts
from gatepass.core.inspect.model import brief, fill
from gatepass.core.inspect.relative import relative
from gatepass.core.keys import MAX_KID, current_name
from gatepass.core.strict import b64decode, read_object
from gatepass.errors import CredentialError, MalformedCredential

#: Names of a list that are said. Our choice.
MOST_NAMED: Final = 5


_MISSING: Final = object()
#: Where the part is that a check looks at, by the number of the part: header, claims.
_SAYS: Final = {
    "algorithm": (0, "alg"),
    "key_algorithm": (0, "alg"),
    "typ": (0, "typ"),
    "key": (0, "kid"),
    "issuer": (1, "iss"),
    "audience": (1, "aud"),
    "iat_future": (1, "iat"),
    "nbf_future": (1, "nbf"),
    "expired": (1, "exp"),
}
_TIMES: Final = frozenset({"iat_future", "nbf_future", "expired"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The check that said no.

    Attributes:
        check: Its name, a key of `texts.CHECKS`.
        sentence: What is wrong, with what the token says; printable.
        fix: What to do about it.
    """

    check: str
    sentence: str
    fix: str


def explain(
    error: CredentialError,
    token: str,
    *,
    algorithms: Collection[str],
    issuer: str,
    audience: str,
    typ: str,
    now: float,
) -> Refusal:
    """The check that raised *error*, which was the first that said no.

    Args:
        error: What `gatepass.tokens.verify` raised.
        token: The token that it was given.
        algorithms: As the rest, what `verify` was given.
        issuer: What `iss` should be.
        audience: What `aud` should be or hold.
        typ: What the header should say.
        now: Seconds since the epoch.
    """
    parts = token.split(".") if len(token) <= jws.MAX_SIZE else []
    header, claims = [*map(_object, parts[:2]), None, None][:2]
    reason = getattr(error, "reason", "expired")
    if isinstance(error, MalformedCredential):
        check = _malformed(token, parts, header, claims, reason)
    elif reason == "algorithm" and _alg(header or {}) in set(map(current_name, algorithms)):
        check = "key_algorithm"
    else:
        check = {"iat": "iat_future", "nbf": "nbf_future"}.get(reason, reason)
    wanted = {
        "size": str(jws.MAX_SIZE),
        "algorithm": _named(*algorithms),
        "typ": _named(typ),
        "issuer": _named(issuer),
        "audience": _named(audience),
    }
    said = {"size": str(len(token)), "segments": str(len(parts)), "require": _named(reason)}
    if check == "ascii":
        said[check] = _named(next(letter for letter in token if not letter.isascii()))
    elif check in _SAYS:
        part, name = _SAYS[check]
        value = ((header, claims)[part] or {}).get(name, _MISSING)
        said[check] = _away(value, now) if check in _TIMES else _quoted(value)
    sentence, fix = texts.REFUSALS[check]
    filled = fill(sentence, said=said.get(check, ""), wanted=wanted.get(check, ""))
    return Refusal(check=check, sentence=filled, fix=fix)


def _malformed(
    token: str, parts: list[str], header: Mapping[str, Any] | None, claims: Mapping[str, Any] | None, reason: str
) -> str:
    """The first check of form that says no: the reasons are fewer than the checks."""
    kid = (header or {}).get("kid", "-")
    forms = {
        "size": len(token) <= jws.MAX_SIZE,
        "ascii": token.isascii(),
        "segments": len(parts) == 3 and all(parts),  # noqa: PLR2004  header, payload, signature
        "header": header is not None and not any(name in header for name in jws.UNDERSTOOD_BY_NOBODY),
        "kid": type(kid) is str and 0 < len(kid) <= MAX_KID,
        "signature_form": _octets(parts[-1:]) is not None,
        "payload_form": _octets(parts[1:2]) is not None,
        "json": claims is not None,
        "require": reason == "exp" or reason in (claims or {}),
    }
    return next((check for check, holds in forms.items() if not holds), reason)


def _alg(header: Mapping[str, Any]) -> str:
    said = header.get("alg")
    return current_name(said) if type(said) is str else ""


def _octets(segments: list[str]) -> bytes | None:
    try:
        return b64decode(segments[0].encode())
    except (IndexError, MalformedCredential):
        return None


def _object(segment: str) -> Mapping[str, Any] | None:
    try:
        return read_object(b64decode(segment.encode()))
    except MalformedCredential:
        return None


def _away(at: Any, now: float) -> str:
    return "after the year 9999" if at > MAX_TIME else relative(at - now)


def _quoted(value: object) -> str:
    """What a token says, in a sentence."""
    if value is _MISSING:
        return "missing"
    names: list[Any] = value if isinstance(value, list) else [value]
    return _named(*names) if names and all(isinstance(name, str) for name in names) else "no text"


def _named(*names: str) -> str:
    return ", ".join(f"`{brief(name)}`" for name in names[:MOST_NAMED])
