"""HMAC: one secret on both sides."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256, sha384, sha512
from hmac import compare_digest
from typing import Any, Final, NamedTuple, Never, Self

from gatepass.core.keys.base import Key, checked_algorithm, checked_kid, member, refused
from gatepass.core.keys.known import is_counted, is_example, is_filler, is_public, is_repeated, is_sample
from gatepass.core.strict import b64encode
from gatepass.errors import ConfigurationError

_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))


class _Hash(NamedTuple):
    new: Callable[[bytes], Any]
    #: Bytes; a secret has as many at least (RFC 7518 section 3.2).
    size: int
    #: Bytes that it takes at a time (FIPS 180-4).
    block: int


_HASHES: Final[Mapping[str, _Hash]] = {
    "HS256": _Hash(sha256, 32, 64),
    "HS384": _Hash(sha384, 48, 128),
    "HS512": _Hash(sha512, 64, 128),
}


@dataclass(frozen=True, slots=True, eq=False, repr=False, init=False)
class HmacKey(Key):
    """A shared secret for HS256, HS384 or HS512. Who can verify with it can also sign."""

    kty = "oct"
    algorithms = frozenset(_HASHES)
    symmetric = True

    kid: str
    alg: str
    key_ops: tuple[str, ...]
    _secret: bytes
    _inner: Any
    _outer: Any
    _weakness: str

    def __init__(
        self,
        secret: bytes,
        *,
        algorithm: str = "HS256",
        kid: str | None = None,
        source: str = "HmacKey(secret)",
    ) -> None:
        """Make the key of *secret*: as many random bytes as the hash has, or more, as of ``secrets.token_bytes(32)``.

        Args:
            secret: The secret itself, not its base64.
            algorithm: HS256, HS384 or HS512.
            kid: Its public name. By default derived from the secret, one way, so that all who hold it agree.
            source: Where the secret came from, for the message of a refusal.

        Raises:
            ConfigurationError: The secret is short, is known to everybody, or is the text of a public key.
        """
        self._set(secret, checked_algorithm(algorithm, HmacKey, source), kid, source)
        if self._weakness:
            raise refused(self._weakness, "Make one with secrets.token_bytes(32).", source)

    def _set(self, secret: bytes, algorithm: str, kid: str | None, source: str) -> None:
        hash_ = _HASHES[algorithm]
        _check(secret, algorithm, hash_.size, source)
        block = hash_.new(secret).digest() if len(secret) > hash_.block else secret
        block = block.ljust(hash_.block, b"\0")
        fix = object.__setattr__
        fix(self, "key_ops", ())
        fix(self, "alg", algorithm)
        fix(self, "_secret", secret)
        fix(self, "_weakness", _weakness(secret))
        # RFC 2104 with the two states kept that depend on the key alone: 0.8 us a token where `hmac.digest` takes 1.8.
        fix(self, "_inner", hash_.new(block.translate(_INNER)))
        fix(self, "_outer", hash_.new(block.translate(_OUTER)))
        fix(self, "kid", checked_kid(kid, source) or b64encode(self._mac(b"gatepass kid")[:16]).decode())

    @property
    def can_sign(self) -> bool:
        return self.key_ops != ("verify",)

    @property
    def weakness(self) -> str:
        return self._weakness

    def sign(self, data: bytes) -> bytes:
        if self.key_ops and not self.can_sign:
            raise refused(
                f"the key {self.kid!r} is for verifying alone (key_ops)",
                "Sign with a key that is for signing.",
                "sign()",
            )
        return self._mac(data)

    def verify(self, data: bytes, signature: bytes) -> bool:
        return compare_digest(self._mac(data), signature)

    def _mac(self, data: bytes) -> bytes:
        inner = self._inner.copy()
        inner.update(data)
        outer = self._outer.copy()
        outer.update(inner.digest())
        mac: bytes = outer.digest()
        return mac

    def to_jwk(self, *, private: bool = False) -> dict[str, Any]:
        if not private:
            raise ConfigurationError(
                cause=f"the HMAC key {self.kid!r} has no public part",
                fix="Use an ES256 key where others verify, or ask for private=True to write it into a sealed place.",
                source="to_jwk()",
            )
        jwk = {"kty": "oct", "kid": self.kid, "alg": self.alg, "use": "sig", "k": b64encode(self._secret).decode()}
        return {**jwk, **self._said_ops()}

    def to_pem(self, *, private: bool = False, traditional: bool = False) -> Never:  # noqa: ARG002  no form of it
        raise refused("a secret has no form in PEM", "Write it with to_jwk(private=True).", "to_pem()")

    def to_der(self, *, private: bool = False, traditional: bool = False) -> Never:  # noqa: ARG002  no form of it
        raise refused("a secret has no form in DER", "Write it with to_jwk(private=True).", "to_der()")

    @classmethod
    def implied(cls, jwk: Mapping[str, Any], *, source: str) -> str:  # noqa: ARG003  there is nothing to see in it
        raise refused(
            "a secret does not say for which algorithm it is", 'Add "alg": "HS256", or give algorithm=.', source
        )

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any], *, algorithm: str, kid: str | None, source: str) -> Self:
        # What repeats itself, is an example or stands in for a secret is a key in form, and published vectors use such.
        # It verifies here and signs nothing; a ring refuses it, so nothing starts with it.
        key = cls.__new__(cls)
        cls._set(key, member(jwk, "k", source), algorithm, kid, source)
        return key


def _weakness(secret: bytes) -> str:
    if is_example(secret):
        return "the secret is that of an example in RFC 7515"
    if is_repeated(secret):
        return "the secret repeats itself"
    if is_filler(secret):
        return "the secret is made of the words that stand where one is missing"
    return "the secret counts" if is_counted(secret) else ""


def _check(secret: object, algorithm: str, size: int, source: str) -> None:
    if type(secret) is not bytes:
        raise refused(
            f"the secret is of type {type(secret).__name__}, not bytes",
            "Give the random bytes themselves; text is not random.",
            source,
        )
    if len(secret) < size:
        raise refused(
            f"the secret has {len(secret)} bytes; {algorithm} needs {size} at least (RFC 7518 section 3.2)",
            f"Make one with secrets.token_bytes({size}).",
            source,
        )
    if is_public(secret):
        raise refused(
            "the secret is the text of a public key, which everybody knows",
            "Load it as what it is, as a public key, and allow its own algorithm.",
            source,
        )
    if is_sample(secret):
        raise refused(
            "the secret is one of those that tutorials print", f"Make one with secrets.token_bytes({size}).", source
        )
