"""What a token says (RFC 7519), and whether that is true here and now."""

from collections.abc import Collection, Mapping
from math import ceil
from typing import Any, Final, TypeAlias

from gatepass.core.jws import Signatures
from gatepass.core.keys import KeySet
from gatepass.core.strict import read_object
from gatepass.errors import ConfigurationError, ExpiredCredential, MalformedCredential, UnknownCredential

#: What a token says, by name.
Claims: TypeAlias = Mapping[str, Any]

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
# These are looked at whether they are asked for or not.
_ALWAYS: Final = frozenset({"exp", "iss", "aud"})
# Stands for a text claim that nobody requires and that is not there: it passes.
_ABSENT: Final = "-"


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
        if not typ.isascii():
            raise _refused("typ is not a text in ASCII", "Give the one that the tokens carry.", "typ")
        if type(leeway) is not int or not 0 <= leeway <= 300:  # noqa: PLR2004 - five minutes: RFC 7519 says "a few"
            raise _refused("leeway is not a number of seconds from 0 to 300", "Set the clocks instead.", "leeway")
        self._open = Signatures(keys, algorithms=algorithms, typ=typ).open
        self._issuer = issuer
        self._audience = audience
        self._leeway = leeway
        self._require = _required(require)

    def check(  # noqa: C901  one rule after the other; see below
        self, token: object, now: float, *, expired_ok: bool = False
    ) -> tuple[str, dict[str, Any]]:
        """The kid of the key that signed *token*, and its claims, if it is genuine, meant for us, and alive at *now*.

        With *expired_ok* its time may be over, but all else holds: what a logout needs.

        Raises:
            MalformedCredential: It is not a token, or a claim is missing or not of its form; `reason` names it.
            UnknownCredential: It is not from our issuer, not for us, or not yet; `reason` names the claim.
            ExpiredCredential: It was good once.
        """
        key, payload = self._open(token)
        claims = read_object(payload)
        # One claim after the other, without helpers: this is the whole price of a token that is new here. The exact
        # types are asked for, because True is an int in Python and no time.
        if claims.get("iss") != self._issuer:
            raise UnknownCredential("issuer")
        aud = claims.get("aud")
        if aud != self._audience and not (type(aud) is list and self._audience in aud):
            raise UnknownCredential("audience")
        for name in self._require:
            if name not in claims:
                raise MalformedCredential(name)
        sub = claims.get("sub", _ABSENT)
        if type(sub) is not str or not 0 < len(sub) <= MAX_SUB:
            raise MalformedCredential("sub")
        jti = claims.get("jti", _ABSENT)
        if type(jti) is not str or not 0 < len(jti) <= MAX_JTI:
            raise MalformedCredential("jti")
        latest = now + self._leeway
        iat = claims.get("iat", 0)
        if (iat if type(iat) is int else _fraction(iat, "iat")) > latest:
            raise UnknownCredential("iat")
        if "nbf" in claims:
            nbf = claims["nbf"]
            if (nbf if type(nbf) is int else _fraction(nbf, "nbf")) > latest:
                raise UnknownCredential("nbf")
        # Last, so that "expired" is said of a token that is good in every other way: it may be renewed.
        exp = claims.get("exp")
        expires = exp if type(exp) is int else _fraction(exp, "exp")
        if not 0 <= expires <= MAX_TIME:
            raise MalformedCredential("exp")
        if now - self._leeway >= expires and not expired_ok:  # RFC 7519 section 4.1.4: "on or after" is too late
            raise ExpiredCredential(expired_at=ceil(expires))
        return key.kid, claims


def _fraction(value: object, name: str) -> float:
    """*value*, a time with a fraction of a second; JSON that we read holds neither NaN nor infinity."""
    if type(value) is not float:
        raise MalformedCredential(name)
    return value


def _required(names: object) -> tuple[str, ...]:
    # Of an iterator nothing would be left after the first look, and nothing be required.
    if not isinstance(names, Collection) or isinstance(names, str | bytes) or not all(type(n) is str for n in names):
        raise _refused("require is not a list of names", "Give a list such as ['sub', 'jti'].", "require")
    return tuple(name for name in names if name not in _ALWAYS)


def _require_texts(**texts: object) -> None:
    for name, text in texts.items():
        if not isinstance(text, str) or not text:
            raise _refused(f"{name} is not a text", "Give the one that the tokens carry.", name)


def _refused(cause: str, fix: str, name: str) -> ConfigurationError:
    return ConfigurationError(cause=cause, fix=fix, source=f"{name}=...")
