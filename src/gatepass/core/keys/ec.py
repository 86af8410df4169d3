"""ECDSA on the curves of NIST: ES256 on P-256, ES384 on P-384, ES512 on P-521 (RFC 7518 section 3.4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512

from gatepass.core.keys.asymmetric import AsymmetricKey
from gatepass.core.keys.base import UNREADABLE, checked_algorithm, checked_kid, member, refused
from gatepass.core.strict import b64encode


class _Curve(NamedTuple):
    algorithm: str
    curve: ec.EllipticCurve
    #: Of the base point: SP 800-186 section 3.2.1.
    order: int
    #: Bytes of a coordinate, and of each half of a signature.
    size: int
    scheme: ec.ECDSA


_P256: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_P384: Final = int(
    "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973", 16
)
_P521: Final = int(
    "01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
    "FA51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409",
    16,
)
_CURVES: Final[Mapping[str, _Curve]] = {
    "P-256": _Curve("ES256", ec.SECP256R1(), _P256, 32, ec.ECDSA(SHA256())),
    "P-384": _Curve("ES384", ec.SECP384R1(), _P384, 48, ec.ECDSA(SHA384())),
    "P-521": _Curve("ES512", ec.SECP521R1(), _P521, 66, ec.ECDSA(SHA512())),
}
#: As `cryptography` names the curves.
_BY_NAME: Final = {curve.curve.name: crv for crv, curve in _CURVES.items()}
_NAMES: Final = ", ".join(_CURVES)


@dataclass(frozen=True, slots=True, eq=False, repr=False, init=False)
class EcKey(AsymmetricKey):
    """A key on a curve of NIST. The curve says which algorithm it is for."""

    kty = "EC"
    algorithms = frozenset(curve.algorithm for curve in _CURVES.values())
    traditional = frozenset({True})

    kid: str
    alg: str
    key_ops: tuple[str, ...]
    _private: ec.EllipticCurvePrivateKey | None
    _public: ec.EllipticCurvePublicKey
    _crv: str
    _order: int
    _size: int
    _scheme: ec.ECDSA

    def __init__(
        self,
        key: ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey,
        *,
        kid: str | None = None,
        source: str = "EcKey(key)",
    ) -> None:
        """Bind *key* to the algorithm of its curve.

        Args:
            key: A key object of `cryptography`.
            kid: Its public name; by default its thumbprint (RFC 7638).
            source: Where the key came from, for the message of a refusal.

        Raises:
            ConfigurationError: It is on another curve.
        """
        public = key.public_key() if isinstance(key, ec.EllipticCurvePrivateKey) else key
        crv = _curve_of(public)
        if crv is None:
            raise refused(f"the key is not one on a curve of {_NAMES}", "Make one with keys.generate('ES256').", source)
        curve = _CURVES[crv]
        fix = object.__setattr__
        fix(self, "key_ops", ())
        fix(self, "alg", curve.algorithm)
        fix(self, "_private", key if isinstance(key, ec.EllipticCurvePrivateKey) else None)
        fix(self, "_public", public)
        fix(self, "_crv", crv)
        fix(self, "_order", curve.order)
        fix(self, "_size", curve.size)
        fix(self, "_scheme", curve.scheme)
        fix(self, "kid", checked_kid(kid, source) or self.thumbprint())

    def sign(self, data: bytes) -> bytes:
        if self._private is None:
            raise self._cannot_sign()
        r, s = decode_dss_signature(self._private.sign(data, self._scheme))
        return r.to_bytes(self._size, "big") + s.to_bytes(self._size, "big")

    def verify(self, data: bytes, signature: bytes) -> bool:
        size = self._size
        if len(signature) != 2 * size:
            return False
        r = int.from_bytes(signature[:size], "big")
        s = int.from_bytes(signature[size:], "big")
        # The library checks this too; a signature of zeros was good in Java for four years (CVE-2022-21449).
        if not (0 < r < self._order and 0 < s < self._order):
            return False
        try:
            self._public.verify(encode_dss_signature(r, s), data, self._scheme)
        except InvalidSignature:
            return False
        return True

    def public_key(self) -> "EcKey":
        return EcKey(self._public, kid=self.kid)

    def _public_members(self) -> dict[str, str]:
        point = self._public.public_numbers()
        return {"crv": self._crv, "x": self._text(point.x), "y": self._text(point.y)}

    def _private_members(self) -> dict[str, str]:
        assert self._private is not None  # noqa: S101  the caller has asked
        return {"d": self._text(self._private.private_numbers().private_value)}

    def _text(self, number: int) -> str:
        return b64encode(number.to_bytes(self._size, "big")).decode()

    @classmethod
    def implied(cls, jwk: Mapping[str, Any], *, source: str) -> str:
        return _curve(jwk, source).algorithm

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any], *, algorithm: str, kid: str | None, source: str) -> Self:
        crv, curve = jwk.get("crv"), _curve(jwk, source)
        if curve.algorithm != algorithm:
            raise refused(
                f"the curve (crv) {crv} is not that of {algorithm}", f"Use the key for {curve.algorithm}.", source
            )
        place = ec.EllipticCurvePublicNumbers(
            _number(jwk, "x", curve, source), _number(jwk, "y", curve, source), curve.curve
        )
        try:
            if "d" in jwk:
                # `cryptography` also checks that the public point is that of this private number.
                pair = ec.EllipticCurvePrivateNumbers(_number(jwk, "d", curve, source), place).private_key()
                return cls(pair, kid=kid, source=source)
            return cls(place.public_key(), kid=kid, source=source)
        except UNREADABLE:
            raise refused(
                "the numbers are no key: a point off the curve, or a private number of another point",
                "Export the key again from where it was made.",
                source,
            ) from None


def _curve_of(key: object) -> str | None:
    return _BY_NAME.get(key.curve.name) if isinstance(key, ec.EllipticCurvePublicKey) else None


def checked_curve(key: EcKey, algorithm: str | None, source: str) -> EcKey:
    """*key*, if its curve is that of *algorithm* or none is asked for.

    Raises:
        ConfigurationError: It is not.
    """
    if algorithm is None or checked_algorithm(algorithm, EcKey, source) == key.alg:
        return key
    raise refused(f"the curve of the key is not that of {algorithm}", f"Use the key for {key.alg}.", source)


def _curve(jwk: Mapping[str, Any], source: str) -> _Curve:
    crv = jwk.get("crv")
    if type(crv) is not str or crv not in _CURVES:
        raise refused(f"the curve (crv) is not one of {_NAMES}", "Use an ES256 key on P-256.", source)
    return _CURVES[crv]


def _number(jwk: Mapping[str, Any], name: str, curve: _Curve, source: str) -> int:
    data = member(jwk, name, source)
    if len(data) != curve.size:  # RFC 7518 section 6.2.1.2: always the full length, or one number has many spellings
        raise refused(
            f"{name} has {len(data)} bytes; on this curve it has {curve.size}",
            "Export the key again, without cutting zeros.",
            source,
        )
    return int.from_bytes(data, "big")
