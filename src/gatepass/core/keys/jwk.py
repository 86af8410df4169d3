"""Keys as JSON: JWK and JWK Set (RFC 7517)."""

from collections.abc import Mapping
from typing import Any, Final

from gatepass.core.keys.asymmetric import AsymmetricKey
from gatepass.core.keys.base import Key, checked_algorithm, refused
from gatepass.core.keys.ec import EcKey
from gatepass.core.keys.ed25519 import Ed25519Key
from gatepass.core.keys.hmac import HmacKey
from gatepass.core.keys.keyset import KeySet
from gatepass.core.keys.rsa import RsaKey
from gatepass.errors import ConfigurationError

#: Every family. One more is one more class here.
FAMILIES: Final[Mapping[str, type[Key]]] = {family.kty: family for family in (HmacKey, RsaKey, EcKey, Ed25519Key)}
ALGORITHMS: Final = frozenset(name for family in FAMILIES.values() for name in family.algorithms)
#: Names that are read and never written: RFC 9864 section 4.1 replaces `EdDSA`, which could mean two curves.
_OLD_NAMES: Final = {"EdDSA": "Ed25519"}
#: What no public key has: RFC 7518 sections 6.2.2, 6.3.2, 6.4.
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
#: Keys of a set that is read. 256: our choice; each costs some arithmetic.
MAX_KEYS: Final = 256


def current_name(algorithm: str) -> str:
    """The name under which *algorithm* is known here, whether or not it is."""
    return _OLD_NAMES.get(algorithm, algorithm)


def read_jwk(
    jwk: object, *, algorithm: str | None = None, kid: str | None = None, public_only: bool = False, source: str
) -> Key:
    """The key in *jwk*, a dict as JSON gives it. If it is for verifying alone, its public half (RFC 7517 section 4.3).

    Args:
        jwk: The dict.
        algorithm: What it is for, where it does not say that itself.
        kid: Its name, where it has none itself.
        public_only: Whether a private key or a secret is refused.
        source: Where it came from, for the message of a refusal.

    Raises:
        ConfigurationError: It is of no kind that is supported, or not well formed, or not for signatures.
    """
    if not isinstance(jwk, Mapping):
        raise refused("a key is not a JSON object", "Give a JWK (RFC 7517 section 4).", source)
    members: Mapping[str, Any] = jwk
    kty = members.get("kty")
    family = FAMILIES.get(kty) if type(kty) is str else None
    if family is None:
        raise refused(
            "the type of the key (kty) is not supported", f"Use one of {', '.join(sorted(FAMILIES))}.", source
        )
    if public_only and (family.symmetric or _PRIVATE & members.keys()):
        raise not_public(source)
    key = family.from_jwk(
        members,
        algorithm=_algorithm(members, family, algorithm, source),
        kid=kid if members.get("kid") is None else _given_once(members["kid"], kid, "name (kid)", source),
        source=source,
    )
    if members.get("use", "sig") != "sig":
        raise refused('the key is not for signatures ("use")', "Use a key of its own for each purpose.", source)
    return _limited(key, members["key_ops"], source) if "key_ops" in members else key


def read_member(jwk: object, *, algorithm: str | None, public_only: bool, source: str) -> Key:
    """The key in *jwk*, one of a set: *algorithm* is for those that do not say theirs and can be for it.

    Raises:
        ConfigurationError: As for `read_jwk`.
    """
    if algorithm is not None and isinstance(jwk, Mapping):
        family = FAMILIES.get(str(jwk.get("kty")))
        if "alg" in jwk or family is None or current_name(algorithm) not in family.algorithms:
            algorithm = None
    return read_jwk(jwk, algorithm=algorithm, public_only=public_only, source=source)


def read_jwks(jwks: object, *, algorithm: str | None = None, public_only: bool = False, source: str) -> KeySet:
    """The keys of *jwks*, a JWK Set as JSON gives it (RFC 7517 section 5).

    Args:
        jwks: The dict.
        algorithm: What those keys are for that do not say it themselves.
        public_only: Whether private keys and secrets are refused.
        source: Where it came from, for the message of a refusal.

    Raises:
        ConfigurationError: One of them cannot be read, or they do not go together.
    """
    members = jwks.get("keys") if isinstance(jwks, Mapping) else None
    if not isinstance(members, list):
        raise refused('the key set has no list "keys"', "Give a JWK Set (RFC 7517 section 5).", source)
    if len(members) > MAX_KEYS:
        raise refused(f"the key set has more than {MAX_KEYS} keys", "Leave out those that are retired.", source)
    if algorithm is not None and current_name(algorithm) not in ALGORITHMS:
        raise refused("there is no such algorithm", f"Use one of {', '.join(sorted(ALGORITHMS))}.", source)
    return KeySet(
        (read_member(jwk, algorithm=algorithm, public_only=public_only, source=source) for jwk in members),
        source=source,
    )


def not_public(source: str) -> ConfigurationError:
    """The refusal of a private key where a public one was asked for."""
    return refused(
        "the key is a private one or a secret, where only public keys belong",
        "Publish the public half; if the other one was published, make a new key and retire this one.",
        source,
    )


def _algorithm(jwk: Mapping[str, Any], family: type[Key], asked: str | None, source: str) -> str:
    wanted = None if asked is None else checked_algorithm(_current(asked), family, source)
    if "alg" not in jwk:
        return wanted or family.implied(jwk, source=source)
    said = _current(jwk["alg"])
    if type(said) is not str or said not in family.algorithms:
        known = ", ".join(sorted(family.algorithms))
        raise refused("the algorithm (alg) is not one for a key of this type", f"Use {known}.", source)
    return str(_given_once(said, wanted, "algorithm (alg)", source))


def _current(algorithm: object) -> object:
    return current_name(algorithm) if isinstance(algorithm, str) else algorithm


def _given_once(said: Any, asked: str | None, what: str, source: str) -> Any:
    if asked is not None and said != asked:
        raise refused(f"the key has another {what} than was asked for", "Leave it to the key to say.", source)
    return said


def _limited(key: Key, key_ops: Any, source: str) -> Key:
    # Each at most once (RFC 7517 section 4.3), and a public key can only verify.
    fitting = [["verify"], ["sign", "verify"], ["verify", "sign"]] + ([["sign"]] if key.can_sign else [])
    if key_ops not in fitting:
        raise refused(
            'the key is not for signing and verifying alone ("key_ops")',
            "Use a key of its own for each purpose.",
            source,
        )
    if key_ops == ["verify"] and isinstance(key, AsymmetricKey):
        return key.public_key()
    return key.limited(tuple(fitting[fitting.index(key_ops)]))
