"""Ed25519 (RFC 8032), as RFC 9864 names it; `EdDSA`, its name in RFC 8037, is read for the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from gatepass.core.keys.asymmetric import AsymmetricKey
from gatepass.core.keys.base import checked_kid, member, refused
from gatepass.core.strict import b64encode

#: Bytes of either half of a key.
_SIZE: Final = 32
# The field and the curve -x^2 + y^2 = 1 + d x^2 y^2: RFC 8032 section 5.1.
_FIELD: Final = 2**255 - 19
_D: Final = -121_665 * pow(121_666, -1, _FIELD) % _FIELD
# y of the points whose eighth multiple is nothing. With one as its key, a signature is good for one message in eight or
# for all. Those of order 1, 2 and 4, and the two of order 8.
_EIGHTH: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL: Final = frozenset({1, _FIELD - 1, 0, _EIGHTH, _FIELD - _EIGHTH})


@dataclass(frozen=True, slots=True, eq=False, repr=False, init=False)
class Ed25519Key(AsymmetricKey):
    """An Ed25519 key."""

    kty = "OKP"
    algorithms = frozenset({"Ed25519"})

    kid: str
    alg: str
    key_ops: tuple[str, ...]
    _private: Ed25519PrivateKey | None
    _public: Ed25519PublicKey

    def __init__(
        self,
        key: Ed25519PrivateKey | Ed25519PublicKey,
        *,
        kid: str | None = None,
        source: str = "Ed25519Key(key)",
    ) -> None:
        """Take *key* for what it is.

        Args:
            key: A key object of `cryptography`.
            kid: Its public name; by default its thumbprint (RFC 7638).
            source: Where the key came from, for the message of a refusal.

        Raises:
            ConfigurationError: It is not such a key, or its point is not on the curve or of small order.
        """
        public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
        if not isinstance(public, Ed25519PublicKey):
            raise refused("the key is not an Ed25519 key", "Make one with keys.generate('Ed25519').", source)
        fix = object.__setattr__
        fix(self, "key_ops", ())
        fix(self, "alg", "Ed25519")
        fix(self, "_private", key if isinstance(key, Ed25519PrivateKey) else None)
        fix(self, "_public", public)
        if not _is_point(self._raw()):
            raise refused(
                "the public key is not a point of large order on the curve of Ed25519",
                "Export the key again from where it was made.",
                source,
            )
        fix(self, "kid", checked_kid(kid, source) or self.thumbprint())

    def sign(self, data: bytes) -> bytes:
        if self._private is None:
            raise self._cannot_sign()
        return self._private.sign(data)

    def verify(self, data: bytes, signature: bytes) -> bool:
        try:
            self._public.verify(signature, data)  # S in its range, too: RFC 8032 section 5.1.7
        except InvalidSignature:
            return False
        return True

    def public_key(self) -> "Ed25519Key":
        return Ed25519Key(self._public, kid=self.kid)

    def _raw(self) -> bytes:
        return self._public.public_bytes(Encoding.Raw, PublicFormat.Raw)

    def _public_members(self) -> dict[str, str]:
        return {"crv": "Ed25519", "x": b64encode(self._raw()).decode()}

    def _private_members(self) -> dict[str, str]:
        assert self._private is not None  # noqa: S101  the caller has asked
        secret = self._private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        return {"d": b64encode(secret).decode()}

    @classmethod
    def implied(cls, jwk: Mapping[str, Any], *, source: str) -> str:  # noqa: ARG003  there is only one
        return "Ed25519"

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any], *, algorithm: str, kid: str | None, source: str) -> Self:  # noqa: ARG003
        if jwk.get("crv") != "Ed25519":
            raise refused("the curve (crv) is not Ed25519", "Use an Ed25519 key.", source)
        public = Ed25519PublicKey.from_public_bytes(_half(jwk, "x", source))
        if "d" not in jwk:
            return cls(public, kid=kid, source=source)
        private = Ed25519PrivateKey.from_private_bytes(_half(jwk, "d", source))
        if private.public_key() != public:
            raise refused(
                "the public part is not that of the private one", "Export the key again from where it was made.", source
            )
        return cls(private, kid=kid, source=source)


def _half(jwk: Mapping[str, Any], name: str, source: str) -> bytes:
    data = member(jwk, name, source)
    if len(data) != _SIZE:
        raise refused(
            f"{name} has {len(data)} bytes; Ed25519 has {_SIZE}", "Export the key again from where it was made.", source
        )
    return data


def _is_point(raw: bytes) -> bool:
    """Whether *raw* is the one spelling of a point on the curve that is not of small order."""
    y = int.from_bytes(raw, "little") & (1 << 255) - 1
    if y >= _FIELD or y in _SMALL:
        return False
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _FIELD) % _FIELD
    return pow(square, (_FIELD - 1) // 2, _FIELD) == 1  # Euler's criterion: there is such an x
