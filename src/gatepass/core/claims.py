"""What a token says (RFC 7519), and whether that is true here and now."""

from collections.abc import Collection
from math import ceil
from typing import Any, Final

from gatepass.core.jwk import KeySet
from gatepass.core.jws import Signatures
from gatepass.core.strict import read_object
from gatepass.errors import ConfigurationError, ExpiredCredential, MalformedCredential, UnknownCredential

#: Characters of a `jti`. 256: what a denylist can be asked to hold.
MAX_JTI: Final = 256
#: Characters of a `sub`. 1,024: our choice, longer than any directory's name of a person.
MAX_SUB: Final = 1_024
#: The last second that a calendar can write, in the year 9999. A later one is no time.
MAX_TIME: Final = 253_402_300_799

#: The type of an access token (RFC 9068 section 2.1), as the header names it.
ACCESS: Final = "at+jwt"
#: What an access token must say: RFC 9068 section 2.2.
REQUIRED: Final = ("exp", "iss", "aud", "sub", "iat", "jti")


class TokenCheck:
    """Checks tokens of one issuer for one audience: made once, asked for every token."""

    __slots__ = ("_audience", "_issuer", "_leeway", "_open", "_require")

    def __init__(
        self,
        keys: KeySet,
        *,
        algorithms: Collection[str],
        issuer: str,
        audience: str,
        typ: str = ACCESS,
        leeway: int,
        require: Collection[str] = REQUIRED,
    ) -> None:
        """Prepare the check.

        Args:
            keys: What verifies.
            algorithms: The allow list.
            issuer: What `iss` must be, to the letter.
            audience: What `aud` must be or hold, to the letter.
            typ: What the header must say the token is.
            leeway: Seconds by which the clocks of issuer and checker may differ.
            require: The claims that must be there; `exp`, `iss` and `aud` always must.

        Raises:
            ConfigurationError: One of these can check nothing.
        """
        _require_texts(issuer=issuer, audience=audience, typ=typ)
        if type(leeway) is not int or not 0 <= leeway <= 300:  # noqa: PLR2004 - five minutes: RFC 7519 says "a few"
            raise _refused("leeway is not a number of seconds from 0 to 300", "Set the clocks instead.", "leeway")
        if isinstance(require, str | bytes) or not all(isinstance(name, str) for name in require):
            raise _refused("require is not a list of names", "Give a list such as ['sub', 'jti'].", "require")
        self._open = Signatures(keys, algorithms=algorithms, typ=typ).open
        self._issuer = issuer
        self._audience = audience
        self._leeway = leeway
        self._require = tuple(require)

    def check(self, token: object, now: float, *, expired_ok: bool = False) -> tuple[str, dict[str, Any]]:
        """The kid of the key that signed *token*, and its claims, if it is genuine, meant for us, and alive at *now*.

        With *expired_ok* its time may be over, but all else holds: what a logout needs.

        Raises:
            MalformedCredential: It is not a token, or a claim is missing or not of its form; `reason` names it.
            UnknownCredential: It is not from our issuer, not for us, or not yet; `reason` names the claim.
            ExpiredCredential: It was good once.
        """
        key, payload = self._open(token)
        claims = read_object(payload)
        if claims.get("iss") != self._issuer:
            raise UnknownCredential("issuer")
        audience = claims.get("aud")
        if audience != self._audience and not (type(audience) is list and self._audience in audience):
            raise UnknownCredential("audience")
        for name in self._require:
            if name not in claims:
                raise MalformedCredential(name)
        _text(claims, "sub", MAX_SUB)
        _text(claims, "jti", MAX_JTI)
        latest = now + self._leeway
        if "iat" in claims and _time(claims, "iat") > latest:
            raise UnknownCredential("iat")
        if "nbf" in claims and _time(claims, "nbf") > latest:
            raise UnknownCredential("nbf")
        # Last, so that "expired" is said of a token that is good in every other way: it may be renewed.
        expires = _time(claims, "exp")
        if now - self._leeway >= expires and not expired_ok:  # RFC 7519 section 4.1.4: "on or after" is too late
            raise ExpiredCredential(expired_at=ceil(expires))
        return key.kid, claims


def _text(claims: dict[str, Any], name: str, longest: int) -> None:
    if name in claims:
        value = claims[name]
        if type(value) is not str or not 0 < len(value) <= longest:
            raise MalformedCredential(name)


def _time(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name)
    # The exact type: True is an int in Python, and no time.
    if type(value) is not int and type(value) is not float:
        raise MalformedCredential(name)
    if not 0 <= value <= MAX_TIME:
        raise MalformedCredential(name)
    return value


def _require_texts(**texts: object) -> None:
    for name, text in texts.items():
        if not isinstance(text, str) or not text:
            raise _refused(f"{name} is not a text", "Give the one that the tokens carry.", name)


def _refused(cause: str, fix: str, name: str) -> ConfigurationError:
    return ConfigurationError(cause=cause, fix=fix, source=f"{name}=...")
