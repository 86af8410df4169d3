"""What is true of every key: a name, one algorithm, and no secret part in its text.

A public key can never become the secret of an HMAC: it is of another type, and where somebody pastes its text as a
secret, the text is recognised (RFC 8725 sections 2.1 and 3.1).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar, Final, Never, Self

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.utils import CryptographyDeprecationWarning

from gatepass.core.strict import b64decode
from gatepass.errors import ConfigurationError, MalformedCredential

#: What `cryptography` raises over bytes and numbers that are no key. The third is OpenSSL's word for a raw key of a
#: length that its kind does not have; the last is about curves of old, where a program has made warnings errors.
UNREADABLE: Final = (ValueError, UnsupportedAlgorithm, InternalError, CryptographyDeprecationWarning)
#: Characters of a key id. 256: our choice; it is looked up in a dictionary and used for nothing else.
MAX_KID: Final = 256


class Key(ABC):
    """A key with the one algorithm that it is for. It can be shown and logged: no secret part is in its text.

    Attributes:
        kid: The name under which tokens refer to it.
        alg: The algorithm, as tokens name it.
    """

    __slots__ = ()

    #: The `kty` of a JWK of this family.
    kty: ClassVar[str]
    #: What a key of this family may be bound to.
    algorithms: ClassVar[frozenset[str]]
    #: Whether who can verify can also sign.
    symmetric: ClassVar[bool]

    kid: str
    alg: str
    #: What the JWK that it was read from says it is for (RFC 7517 section 4.3); empty where it says nothing.
    key_ops: tuple[str, ...]

    @property
    @abstractmethod
    def can_sign(self) -> bool:
        """Whether the private part is here, and is not for verifying alone."""

    @property
    def can_verify(self) -> bool:
        """Whether it is not for signing alone."""
        return self.key_ops != ("sign",)

    @property
    def weakness(self) -> str:
        """Why the key can be guessed; empty if there is no sign of that."""
        return ""

    @abstractmethod
    def sign(self, data: bytes) -> bytes:
        """The signature of *data*, in the form of RFC 7518.

        Raises:
            ConfigurationError: Only the public part is here.
        """

    @abstractmethod
    def verify(self, data: bytes, signature: bytes) -> bool:
        """Whether *signature* is one of *data*."""

    @abstractmethod
    def to_jwk(self, *, private: bool = False) -> dict[str, Any]:
        """The key as a JWK (RFC 7517), without its private part unless that is asked for.

        Raises:
            ConfigurationError: There is no such part.
        """

    @abstractmethod
    def to_pem(self, *, private: bool = False, traditional: bool = False) -> str:
        """The key as PEM (RFC 7468), without its private part unless that is asked for.

        Args:
            private: Whether the private part goes along, in the clear.
            traditional: PKCS#1 (RFC 8017) for RSA and SEC 1 (RFC 5915) for a private key on a curve, in place of SPKI
                and PKCS#8.

        Raises:
            ConfigurationError: There is no such part, or it has no such form.
        """

    @abstractmethod
    def to_der(self, *, private: bool = False, traditional: bool = False) -> bytes:
        """What is inside of `to_pem`."""

    @classmethod
    @abstractmethod
    def implied(cls, jwk: Mapping[str, Any], *, source: str) -> str:
        """The algorithm of *jwk*, which names none.

        Raises:
            ConfigurationError: It could be for more than one.
        """

    @classmethod
    @abstractmethod
    def from_jwk(cls, jwk: Mapping[str, Any], *, algorithm: str, kid: str | None, source: str) -> Self:
        """The key in *jwk*, whose `kty` is known to fit and *algorithm* to be one of this family."""

    def limited(self, key_ops: tuple[str, ...]) -> "Key":
        """This key, which nobody else has yet, for *key_ops* alone."""
        object.__setattr__(self, "key_ops", key_ops)
        return self

    def _said_ops(self) -> dict[str, list[str]]:
        return {"key_ops": list(self.key_ops)} if self.key_ops else {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.alg} kid={self.kid!r}>"

    def __reduce__(self) -> Never:
        raise TypeError("a key is not pickled: it would be written down in the clear")


def refused(cause: str, fix: str, source: str) -> ConfigurationError:
    """The refusal of a key that came from *source*."""
    return ConfigurationError(cause=cause, fix=fix, source=source)


def checked_kid(kid: object, source: str) -> str | None:
    """*kid*, if it can be the name of a key; None where none is given.

    Raises:
        ConfigurationError: It cannot.
    """
    if kid is None:
        return None
    if type(kid) is not str or not 0 < len(kid) <= MAX_KID or not kid.isprintable():
        raise refused(f"the name of the key (kid) is not a text of 1 to {MAX_KID} characters", "Name it anew.", source)
    return kid


def checked_algorithm(algorithm: object, family: type[Key], source: str) -> str:
    """*algorithm*, if a key of *family* can be bound to it.

    Raises:
        ConfigurationError: It cannot.
    """
    if type(algorithm) is str and algorithm in family.algorithms:
        return algorithm
    raise refused(
        "the algorithm is not one for a key of this type", f"Use {', '.join(sorted(family.algorithms))}.", source
    )


def member(jwk: Mapping[str, Any], name: str, source: str) -> bytes:
    """The bytes that *jwk* holds under *name*.

    Raises:
        ConfigurationError: It holds none, or not in canonical base64url.
    """
    text = jwk.get(name)
    if type(text) is str:
        with suppress(MalformedCredential, UnicodeEncodeError):
            return b64decode(text.encode("ascii"))
    raise refused(f"the member {name} is missing or is not base64url", "Give it as RFC 7518 says.", source)
