"""Keys in two halves: whoever verifies cannot sign."""

import json
from abc import abstractmethod
from hashlib import sha256
from typing import Any, ClassVar

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from gatepass.core.keys.base import Key, refused
from gatepass.core.strict import b64encode
from gatepass.errors import ConfigurationError


class AsymmetricKey(Key):
    """A private key with its public part, or that part alone."""

    __slots__ = ()

    symmetric = False
    #: For which of the two halves, private or not, there is a form older than PKCS#8 and SPKI.
    traditional: ClassVar[frozenset[bool]] = frozenset()

    # Key objects of `cryptography`; each family knows which.
    _private: Any
    _public: Any

    @property
    def can_sign(self) -> bool:
        return self._private is not None

    @abstractmethod
    def public_key(self) -> "AsymmetricKey":
        """Its public half alone, under the same name."""

    def thumbprint(self) -> str:
        """The SHA-256 thumbprint of RFC 7638: the required members, in the order of their names, without space."""
        text = json.dumps({"kty": self.kty, **self._public_members()}, sort_keys=True, separators=(",", ":"))
        return b64encode(sha256(text.encode()).digest()).decode()

    def to_jwk(self, *, private: bool = False) -> dict[str, Any]:
        jwk = {"kty": self.kty, "kid": self.kid, "alg": self.alg, "use": "sig", **self._public_members()}
        if private:
            self._require_private("to_jwk()")
            return {**jwk, **self._private_members(), **self._said_ops()}
        return jwk

    def to_pem(self, *, private: bool = False, traditional: bool = False) -> str:
        return self._encoded(Encoding.PEM, private=private, traditional=traditional, source="to_pem()").decode()

    def to_der(self, *, private: bool = False, traditional: bool = False) -> bytes:
        return self._encoded(Encoding.DER, private=private, traditional=traditional, source="to_der()")

    def _encoded(self, encoding: Encoding, *, private: bool, traditional: bool, source: str) -> bytes:
        if traditional and private not in self.traditional:
            raise refused(
                "there is no traditional form of this part of such a key", "Leave traditional=True out.", source
            )
        if private:
            self._require_private(source)
            form = PrivateFormat.TraditionalOpenSSL if traditional else PrivateFormat.PKCS8
            written: bytes = self._private.private_bytes(encoding, form, NoEncryption())
        else:
            public_form = PublicFormat.PKCS1 if traditional else PublicFormat.SubjectPublicKeyInfo
            written = self._public.public_bytes(encoding, public_form)
        return written

    def _require_private(self, source: str) -> None:
        if self._private is None:
            raise refused(f"the key {self.kid!r} is a public one", "Export it without private=True.", source)

    def _cannot_sign(self) -> ConfigurationError:
        return refused(f"the key {self.kid!r} is a public one and cannot sign", "Sign with its private half.", "sign()")

    @abstractmethod
    def _public_members(self) -> dict[str, str]:
        """The members of the JWK that RFC 7638 calls required, but for `kty`."""

    @abstractmethod
    def _private_members(self) -> dict[str, str]:
        """What a private JWK has besides."""
