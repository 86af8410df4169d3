"""RSA: RS256 to RS512 with the padding of PKCS#1 1.5, PS256 to PS512 with PSS (RFC 7518 sections 3.3 and 3.5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

from gatepass.core.keys.asymmetric import AsymmetricKey
from gatepass.core.keys.base import UNREADABLE, checked_algorithm, checked_kid, member, refused
from gatepass.core.keys.roca import is_roca
from gatepass.core.strict import b64encode
from gatepass.errors import ConfigurationError

#: Bits of a modulus: RFC 7518 section 3.3.
MIN_BITS: Final = 2_048
#: A check costs their square. 8,192: our choice, beyond what anybody signs tokens with.
MAX_BITS: Final = 8_192
#: Bits of a public exponent, which a check costs too. 64: what OpenSSL takes with large moduli.
_MAX_EXPONENT: Final = 64
_PRIVATE: Final = ("d", "p", "q", "dp", "dq", "qi")


def _pss(hash_: HashAlgorithm) -> padding.PSS:
    # RFC 7518 section 3.5: the salt is as long as the hash, and no other length is taken.
    return padding.PSS(mgf=padding.MGF1(hash_), salt_length=padding.PSS.DIGEST_LENGTH)


_SCHEMES: Final[Mapping[str, tuple[padding.AsymmetricPadding, HashAlgorithm]]] = {
    "RS256": (padding.PKCS1v15(), SHA256()),
    "RS384": (padding.PKCS1v15(), SHA384()),
    "RS512": (padding.PKCS1v15(), SHA512()),
    "PS256": (_pss(SHA256()), SHA256()),
    "PS384": (_pss(SHA384()), SHA384()),
    "PS512": (_pss(SHA512()), SHA512()),
}


@dataclass(frozen=True, slots=True, eq=False, repr=False, init=False)
class RsaKey(AsymmetricKey):
    """An RSA key for one of RS256, RS384, RS512, PS256, PS384, PS512."""

    kty = "RSA"
    algorithms = frozenset(_SCHEMES)
    traditional = frozenset({False, True})

    kid: str
    alg: str
    key_ops: tuple[str, ...]
    _private: rsa.RSAPrivateKey | None
    _public: rsa.RSAPublicKey
    _padding: padding.AsymmetricPadding
    _hash: HashAlgorithm

    def __init__(
        self,
        key: rsa.RSAPrivateKey | rsa.RSAPublicKey,
        *,
        algorithm: str,
        kid: str | None = None,
        source: str = "RsaKey(key)",
    ) -> None:
        """Bind *key* to *algorithm*.

        Args:
            key: A key object of `cryptography`.
            algorithm: The one that it is for. Nothing in an RSA key says so, hence there is no default.
            kid: Its public name; by default its thumbprint (RFC 7638).
            source: Where the key came from, for the message of a refusal.

        Raises:
            ConfigurationError: It is not such a key, or is one that can be broken.
        """
        public = key.public_key() if isinstance(key, rsa.RSAPrivateKey) else key
        if not isinstance(public, rsa.RSAPublicKey):
            raise refused("the key is not an RSA key", "Make one with keys.generate('RS256').", source)
        numbers = public.public_numbers()
        _check(numbers.n, numbers.e, source)
        fix = object.__setattr__
        fix(self, "key_ops", ())
        fix(self, "alg", checked_algorithm(algorithm, RsaKey, source))
        fix(self, "_private", key if isinstance(key, rsa.RSAPrivateKey) else None)
        fix(self, "_public", public)
        scheme, hash_ = _SCHEMES[algorithm]
        fix(self, "_padding", scheme)
        fix(self, "_hash", hash_)
        fix(self, "kid", checked_kid(kid, source) or self.thumbprint())

    def sign(self, data: bytes) -> bytes:
        if self._private is None:
            raise self._cannot_sign()
        return self._private.sign(data, self._padding, self._hash)

    def verify(self, data: bytes, signature: bytes) -> bool:
        try:
            self._public.verify(signature, data, self._padding, self._hash)
        except InvalidSignature:
            return False
        return True

    def public_key(self) -> "RsaKey":
        return RsaKey(self._public, algorithm=self.alg, kid=self.kid)

    def _public_members(self) -> dict[str, str]:
        numbers = self._public.public_numbers()
        return {"n": _text(numbers.n), "e": _text(numbers.e)}

    def _private_members(self) -> dict[str, str]:
        assert self._private is not None  # noqa: S101  the caller has asked
        secret = self._private.private_numbers()
        return {
            "d": _text(secret.d),
            "p": _text(secret.p),
            "q": _text(secret.q),
            "dp": _text(secret.dmp1),
            "dq": _text(secret.dmq1),
            "qi": _text(secret.iqmp),
        }

    @classmethod
    def implied(cls, jwk: Mapping[str, Any], *, source: str) -> str:  # noqa: ARG003  there is nothing to see in it
        raise unbound(source)

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any], *, algorithm: str, kid: str | None, source: str) -> Self:
        n, e = _number(jwk, "n", source), _number(jwk, "e", source)
        _check(n, e, source)  # before there is any arithmetic with them
        public = rsa.RSAPublicNumbers(e, n)
        if "oth" in jwk:
            raise refused("the modulus has more than two factors (oth)", "Make a key with two.", source)
        try:
            if any(name in jwk for name in _PRIVATE):  # one that lost its `d` is no public key
                d, p, q, dp, dq, qi = (_number(jwk, name, source) for name in _PRIVATE)
                # `cryptography` also checks that they are the parts of this modulus.
                pair = rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, public).private_key()
                return cls(pair, algorithm=algorithm, kid=kid, source=source)
            return cls(public.public_key(), algorithm=algorithm, kid=kid, source=source)
        except UNREADABLE:
            raise refused(
                "the numbers are no RSA key: they do not belong together",
                "Export the key again from where it was made.",
                source,
            ) from None


def unbound(source: str) -> ConfigurationError:
    """The refusal of an RSA key of which nobody said what it is for: RFC 8725 section 3.1."""
    return refused(
        "an RSA key does not say for which algorithm it is",
        "Give algorithm='RS256', or whichever its owner signs with.",
        source,
    )


def _check(n: int, e: int, source: str) -> None:
    again = "Make one with keys.generate('RS256')."
    if not MIN_BITS <= n.bit_length() <= MAX_BITS:
        raise refused(
            f"the RSA modulus has {n.bit_length()} bits; it needs {MIN_BITS} to {MAX_BITS} (RFC 7518 section 3.3)",
            again,
            source,
        )
    if e <= 2 or e % 2 == 0 or e.bit_length() > _MAX_EXPONENT:  # noqa: PLR2004  with 1 the message is its signature
        raise refused(
            f"the public exponent is not an odd number from 3 to {_MAX_EXPONENT} bits",
            "Make a key with the exponent 65537.",
            source,
        )
    if n % 2 == 0:
        raise refused("the RSA modulus is even, so it is not the product of two large primes", again, source)
    if is_roca(n):
        raise refused(
            "the RSA modulus has the fingerprint of a flawed chip: its factors can be found (CVE-2017-15361)",
            again,
            source,
        )


def _text(number: int) -> str:
    return b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).decode()


def _number(jwk: Mapping[str, Any], name: str, source: str) -> int:
    data = member(jwk, name, source)
    if not data or data[0] == 0 or len(data) > MAX_BITS // 8:
        raise refused(
            f"{name} is not a number of 1 to {MAX_BITS // 8} bytes that begins with none of zero (RFC 7518 section 2)",
            "Export the key again from where it was made.",
            source,
        )
    return int.from_bytes(data, "big")
