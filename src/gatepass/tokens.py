"""JSON Web Tokens on their own, without a gate or a store: `sign` and `verify`."""

from collections.abc import Collection, Mapping
from functools import lru_cache
from time import time
from typing import Any, Protocol, TypeAlias, runtime_checkable

from gatepass.core import jws
from gatepass.core.claims import ACCESS, MAX_TIME, REQUIRED, Claims, TokenCheck
from gatepass.core.inspect import Inspection
from gatepass.core.inspect import inspect as _inspect
from gatepass.core.keyring import KeyRing
from gatepass.core.keys import Key, KeySet
from gatepass.core.strict import encode, read_object
from gatepass.errors import ConfigurationError, MalformedCredential, UnknownCredential
from gatepass.records import thaw

__all__ = ["Claims", "Inspection", "KeySource", "inspect", "sign", "verify"]

# Algorithms, issuer, audience, typ, leeway, required claims.
_Rules: TypeAlias = tuple[Any, ...]


@runtime_checkable
class KeySource(Protocol):
    """Where keys come from that may change while the program runs, such as the JWK Set of another service."""

    def key_set(self, kid: str | None) -> KeySet:
        """The keys as they are known now.

        Args:
            kid: None at first. Then the name that a token asks for and the set did not have, so that the source may
                look again. A stranger chooses it: how often that is done is for the source to bound.

        Raises:
            GatepassError: There are no keys to be had; the caller of `verify` gets it as it is.
        """


def sign(claims: Mapping[str, Any], key: Key | KeyRing, *, headers: Mapping[str, Any] | None = None) -> str:
    """Make a token that says *claims*. Nothing is added to them: `exp` and the rest are the caller's.

    Args:
        claims: JSON values by name.
        key: What signs; of a ring, its signing key.
        headers: Header members beside `alg` and `kid`. `typ` is ``at+jwt``, an access token, if it is not among them.

    Raises:
        ConfigurationError: The key cannot sign or can be guessed, or this could never be verified again: a value that
            would not come back out of JSON as it is, a header that is set by the key or that no one follows, a token
            over 8,192 bytes.
    """
    signer = _signer(key)
    if signer.weakness:
        raise ConfigurationError(
            cause=signer.weakness, fix=f"Make a key with keys.generate({signer.alg!r}).", source="sign(key)"
        )
    more = _headers(headers)
    typ = more.pop("typ", ACCESS)
    if jws.RESERVED & more.keys() or not isinstance(typ, str) or not typ or not typ.isascii():
        raise ConfigurationError(
            cause=f"headers hold one of {', '.join(sorted(jws.RESERVED))}, or a typ that is no text in ASCII",
            fix="Leave out what the key says by itself and what no verifier of ours follows.",
            source="sign(headers=...)",
        )
    try:
        payload = encode(dict(claims))
        same = _same(read_object(payload), claims) and _same(read_object(encode(more)), more)
    except (TypeError, ValueError, OverflowError, RecursionError, MalformedCredential):
        payload, same = b"", False
    if not same:
        raise ConfigurationError(
            cause="claims or headers hold what JSON cannot",
            fix="Give texts, numbers, booleans, None, lists and dicts with texts as names, and not deeply nested.",
            source="sign(...)",
        )
    token = jws.sign(payload, signer, typ=typ, headers=more or None)
    if len(token) > jws.MAX_SIZE:
        raise ConfigurationError(
            cause=f"the token has {len(token)} bytes and would be refused over {jws.MAX_SIZE}",
            fix="Say less in it: a token is carried by every request.",
            source="sign(claims)",
        )
    return token


def _signer(key: object) -> Key:
    signer = key.signer(int(time())) if isinstance(key, KeyRing) else key
    if isinstance(signer, Key):
        return signer
    raise ConfigurationError(cause="what is to sign is not a key", fix="Give one key, or a ring.", source="sign(key)")


def _headers(headers: object) -> dict[str, Any]:
    if headers is None or isinstance(headers, Mapping):
        return dict(headers or {})
    raise ConfigurationError(
        cause="headers are not a mapping", fix="Give a dict of JSON values by name.", source="sign(headers=...)"
    )


def _same(read: dict[str, Any], given: Mapping[str, Any]) -> bool:
    """Whether what comes back is what went in: not so for a NaN, bytes, a set, a date, or a name that is no text."""
    return read == given or read == thaw(given)  # slower, and seldom needed: for tuples, and mappings within


def inspect(text: str, *, now: float | None = None) -> Inspection:
    """Say what is in a token, or in each of those in *text*. Nothing is verified, and no text is refused.

    Args:
        text: A token, or whatever it was copied with: a header, a cookie, a command, a log.
        now: Seconds since the epoch; the clock of this machine by default.

    Raises:
        ConfigurationError: *text* is no text, or *now* no time.
    """
    if not isinstance(text, str):
        raise ConfigurationError(
            cause="what is to be inspected is not a text", fix="Decode it.", source="inspect(text)"
        )
    return _inspect(text, now=_moment(now))


def verify(
    token: object,
    keys: Key | KeySet | KeyRing | KeySource,
    *,
    algorithms: Collection[str],
    issuer: str,
    audience: str,
    typ: str = ACCESS,
    leeway: int = 10,
    now: float | None = None,
    require: Collection[str] = REQUIRED,
) -> Claims:
    """Check *token* and return its claims.

    Args:
        token: The text, exactly as it was received.
        keys: What verifies. A `KeySource` is asked once more, by name, for a key that its set does not have.
        algorithms: The allow list. It has no default, and the token has no say in it. `EdDSA` means Ed25519.
        issuer: What `iss` must be, to the letter.
        audience: What `aud` must be, or hold, to the letter.
        typ: What the header must say the token is, so that no other kind of token passes for this one.
        leeway: Seconds by which the clocks of issuer and verifier may differ. RFC 7519 allows minutes.
        now: Seconds since the epoch; the clock of this machine by default.
        require: Claims that must be there. `exp`, `iss` and `aud` always must.

    Raises:
        MalformedCredential: Not a token, or one that breaks a rule of form; `reason` says which.
        UnknownCredential: Not signed by one of *keys*, or not meant for this place; `reason` says which.
        ExpiredCredential: It was good once.
        StoreError: A `KeySource` could not get the keys; nothing is said of the token.
        ConfigurationError: What was asked for can check nothing.
    """
    at = _moment(now)
    rules = (_hashable(algorithms), issuer, audience, typ, leeway, _hashable(require))
    if isinstance(keys, KeyRing):
        kid, claims = _check(keys.keys, rules).check(token, at)
        if keys.ended(kid, at):
            raise UnknownCredential("key")
        return claims
    if not isinstance(keys, Key | KeySet) and isinstance(keys, KeySource):
        return _verify_with(keys, token, at, rules)
    return _check(keys, rules).check(token, at)[1]


def _moment(now: object) -> float:
    """*now*, or the time; nothing is later than a NaN, so that with one no token would be over."""
    if now is None:
        return time()
    if isinstance(now, int | float) and not isinstance(now, bool) and -MAX_TIME <= now <= MAX_TIME:
        return now
    raise ConfigurationError(cause="now is not a time", fix="Give seconds since the epoch.", source="now=...")


def _verify_with(source: KeySource, token: object, at: float, rules: _Rules) -> Claims:
    known = source.key_set(None)
    try:
        return _check(known, rules).check(token, at)[1]
    except UnknownCredential as error:
        # Only now: form, algorithm and type are good, so this is a token that a key may have been made for since.
        kid = jws.unverified_kid(token) if error.reason == "key" else None
        newer = known if kid is None else source.key_set(kid)
        if newer is known:
            raise
    return _check(newer, rules).check(token, at)[1]


def _check(keys: Key | KeySet, rules: _Rules) -> TokenCheck:
    try:
        return _kept(keys, *rules)
    except TypeError:  # there is something in it that is no key of a dictionary, and nothing to be kept
        return _prepare(keys, *rules)


def _prepare(  # noqa: PLR0917  a tuple of them comes in, because that is what can be a key
    keys: Key | KeySet,
    algorithms: Collection[str],
    issuer: str,
    audience: str,
    typ: str,
    leeway: int,
    require: Collection[str],
) -> TokenCheck:
    return TokenCheck(
        keys if isinstance(keys, KeySet) else KeySet((keys,), source="verify(keys)"),
        algorithms=algorithms,
        issuer=issuer,
        audience=audience,
        typ=typ,
        leeway=leeway,
        require=require,
    )


# Preparing a check costs more than checking, and a program has few. By type too: True equals 1 and is no leeway.
_kept = lru_cache(maxsize=64, typed=True)(_prepare)


def _hashable(names: Any) -> Any:
    return tuple(names) if isinstance(names, list | set) else names
