"""Keys: one class a family, each bound to one algorithm, so that no text can choose how it is used.

A public key can never become the secret of an HMAC: it is of another type, and where somebody pastes its text as a
secret, the text is recognised (RFC 8725 sections 2.1 and 3.1).
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Any, ClassVar, Final, Never, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509 import load_der_x509_certificate

from gatepass.core.strict import b64decode, b64encode
from gatepass.errors import ConfigurationError, MalformedCredential

#: Characters of a key id. 256: our choice; it is looked up in a dictionary and used for nothing else.
MAX_KID: Final = 256


class Key(ABC):
    """A key with the one algorithm that it is for. It can be shown and logged: no secret part is in its text.

    Attributes:
        kid: The name under which tokens refer to it.
        alg: The algorithm, as tokens name it.
    """

    __slots__ = ()

    alg: ClassVar[str]
    #: The `kty` of a JWK of this family.
    kty: ClassVar[str]
    #: Whether who can verify can also sign.
    symmetric: ClassVar[bool]

    kid: str

    @property
    @abstractmethod
    def can_sign(self) -> bool:
        """Whether the private part is here."""

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
    def to_jwk(self, *, private: bool = False) -> dict[str, str]:
        """The key as a JWK (RFC 7517), without its private part unless that is asked for.

        Raises:
            ConfigurationError: There is no such part.
        """

    @classmethod
    @abstractmethod
    def from_jwk(cls, jwk: Mapping[str, Any], *, source: str) -> Self:
        """The key in *jwk*, whose `kty` is known to fit; *source* says where it came from."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.alg} kid={self.kid!r}>"

    def __reduce__(self) -> Never:
        raise TypeError("a key is not pickled: it would be written down in the clear")


# -- HMAC --------------------------------------------------------------------------------------------------------------

#: RFC 7518 section 3.2: at least as long as the hash.
_SECRET_SIZE: Final = 32
_BLOCK: Final = 64
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))

# Secrets of tutorials that are long enough to pass for one: of jwt.io, FastAPI's and Flask's pages, Django's template.
_SAMPLES: Final = (
    b"a-string-secret-at-least-256-bits-long",
    b"a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
    b"09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    b"192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
    b"django-insecure-",
    b"your-256-bit-secret",
    b"your-secret-key",
    b"changeme",
    b"change-me",
    b"secretsecret",
    b"passwordpassword",
)
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_PUBLIC_TEXT: Final = re.compile(
    rb"-----BEGIN|---- BEGIN SSH2|\"kty\"|'kty'|\b(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp\d+|sk-ssh-|sk-ecdsa-)"
)


@dataclass(frozen=True, slots=True, eq=False, repr=False, init=False)
class HmacKey(Key):
    """A shared secret for HS256. Who can verify with it can also sign."""

    alg = "HS256"
    kty = "oct"
    symmetric = True

    kid: str
    _secret: bytes
    _inner: Any
    _outer: Any

    def __init__(self, secret: bytes, *, kid: str | None = None, source: str = "HmacKey(secret)") -> None:
        """Make the key of *secret*: 32 random bytes or more, as of ``secrets.token_bytes(32)``.

        Args:
            secret: The secret itself, not its base64.
            kid: Its public name. By default derived from the secret, one way, so that all who hold it agree.
            source: Where the secret came from, for the message of a refusal.

        Raises:
            ConfigurationError: The secret is short, is known to everybody, or is the text of a public key.
        """
        _check_secret(secret, source)
        guess = _guessable(secret)
        if guess:
            raise _weak(guess, source)
        self._set(secret, kid, source)

    def _set(self, secret: bytes, kid: str | None, source: str) -> None:
        block = sha256(secret).digest() if len(secret) > _BLOCK else secret
        block = block.ljust(_BLOCK, b"\0")
        fix = object.__setattr__
        fix(self, "_secret", secret)
        # RFC 2104 with the two states kept that depend on the key alone: 0.8 us a token where `hmac.digest` takes 1.8.
        fix(self, "_inner", sha256(block.translate(_INNER)))
        fix(self, "_outer", sha256(block.translate(_OUTER)))
        fix(self, "kid", _kid(kid, source) or b64encode(self.sign(b"gatepass kid")[:16]).decode())

    @property
    def can_sign(self) -> bool:
        return True

    def sign(self, data: bytes) -> bytes:
        inner = self._inner.copy()
        inner.update(data)
        outer = self._outer.copy()
        outer.update(inner.digest())
        mac: bytes = outer.digest()
        return mac

    def verify(self, data: bytes, signature: bytes) -> bool:
        return compare_digest(self.sign(data), signature)

    def to_jwk(self, *, private: bool = False) -> dict[str, str]:
        if not private:
            raise ConfigurationError(
                cause=f"the HMAC key {self.kid!r} has no public part",
                fix="Use an ES256 key where others verify, or ask for private=True to write it into a sealed place.",
                source="to_jwk()",
            )
        return {"kty": "oct", "kid": self.kid, "alg": self.alg, "use": "sig", "k": b64encode(self._secret).decode()}

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any], *, source: str) -> Self:
        if "alg" not in jwk:
            raise _refused("a secret does not say for which algorithm it is", 'Add "alg": "HS256".', source)
        secret = _member(jwk, "k", source)
        _check_secret(secret, source)
        key = cls.__new__(cls)
        # A secret that can be guessed is still a key in form, and the published vectors use one. It verifies here;
        # a ring refuses it, so nothing starts with it.
        cls._set(key, secret, jwk.get("kid"), source)
        return key

    @property
    def weakness(self) -> str:
        return _guessable(self._secret)


def _check_secret(secret: object, source: str) -> None:
    if type(secret) is not bytes:
        raise _refused(
            f"the secret is of type {type(secret).__name__}, not bytes",
            "Give the random bytes themselves; text is not random.",
            source,
        )
    if len(secret) < _SECRET_SIZE:
        raise _refused(
            f"the secret has {len(secret)} bytes; HS256 needs 32 at least (RFC 7518 section 3.2)",
            "Make one with secrets.token_bytes(32).",
            source,
        )
    if _is_public(secret):
        raise _refused(
            "the secret is the text of a public key, which everybody knows",
            "Load it as what it is, as a public key, and allow its own algorithm.",
            source,
        )


def _weak(guess: str, source: str) -> ConfigurationError:
    return _refused(guess, "Make one with secrets.token_bytes(32).", source)


def _guessable(secret: bytes) -> str:
    if len(set(secret)) == 1:
        return "the secret is one byte, repeated"
    lower = secret.lower()
    if any(sample in lower for sample in _SAMPLES):
        return "the secret is one of those that tutorials print"
    return ""


def _is_public(secret: bytes) -> bool:
    if _PUBLIC_TEXT.search(secret.replace(b"\0", b"")):  # without the zeros of UTF-16
        return True
    candidates = [secret]
    with suppress(MalformedCredential):  # DER without its armour, in either alphabet
        candidates.append(b64decode(b"".join(secret.split()).translate(_TO_URL).rstrip(b"=")))
    return any(_is_der(candidate) for candidate in candidates)


def _is_der(data: bytes) -> bool:
    for load in (load_der_public_key, load_der_x509_certificate):
        try:
            _ = load(data)
        except (ValueError, UnsupportedAlgorithm):
            continue
        return True
    return False


# -- ECDSA -------------------------------------------------------------------------------------------------------------

#: The order of the base point of P-256: FIPS 186-5, SP 800-186 section 3.2.1.3.
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_HALF: Final = 32
_ECDSA: Final = ec.ECDSA(SHA256())


@dataclass(frozen=True, slots=True, eq=False, repr=False, init=False)
class EcKey(Key):
    """A key for ES256, on the curve P-256: private with its public part, or that part alone."""

    alg = "ES256"
    kty = "EC"
    symmetric = False

    kid: str
    _private: ec.EllipticCurvePrivateKey | None
    _public: ec.EllipticCurvePublicKey

    def __init__(
        self,
        key: ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey,
        *,
        kid: str | None = None,
        source: str = "EcKey(key)",
    ) -> None:
        """Bind *key* to ES256.

        Args:
            key: A key object of `cryptography`.
            kid: Its public name; by default its thumbprint (RFC 7638).
            source: Where the key came from, for the message of a refusal.

        Raises:
            ConfigurationError: It is on another curve.
        """
        private, public = _halves(key, source)
        fix = object.__setattr__
        fix(self, "_private", private)
        fix(self, "_public", public)
        fix(self, "kid", _kid(kid, source) or self.thumbprint())

    @property
    def can_sign(self) -> bool:
        return self._private is not None

    def sign(self, data: bytes) -> bytes:
        if self._private is None:
            raise _refused(
                f"the key {self.kid!r} is a public one and cannot sign", "Sign with its private half.", "sign()"
            )
        r, s = decode_dss_signature(self._private.sign(data, _ECDSA))
        return r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")

    def verify(self, data: bytes, signature: bytes) -> bool:
        if len(signature) != 2 * _HALF:
            return False
        r = int.from_bytes(signature[:_HALF], "big")
        s = int.from_bytes(signature[_HALF:], "big")
        # The library checks this too; a signature of zeros was good in Java for four years (CVE-2022-21449).
        if not (0 < r < _ORDER and 0 < s < _ORDER):
            return False
        try:
            self._public.verify(encode_dss_signature(r, s), data, _ECDSA)
        except InvalidSignature:
            return False
        return True

    def to_jwk(self, *, private: bool = False) -> dict[str, str]:
        jwk = {"kty": "EC", "kid": self.kid, "alg": self.alg, "use": "sig", "crv": "P-256", **self._coordinates()}
        if private:
            if self._private is None:
                raise _refused(f"the key {self.kid!r} is a public one", "Export it without private=True.", "to_jwk()")
            jwk["d"] = _integer(self._private.private_numbers().private_value)
        return jwk

    def thumbprint(self) -> str:
        """The SHA-256 thumbprint of RFC 7638."""
        place = self._coordinates()
        text = f'{{"crv":"P-256","kty":"EC","x":"{place["x"]}","y":"{place["y"]}"}}'
        return b64encode(sha256(text.encode()).digest()).decode()

    def _coordinates(self) -> dict[str, str]:
        point = self._public.public_numbers()
        return {"x": _integer(point.x), "y": _integer(point.y)}

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any], *, source: str) -> Self:
        if jwk.get("crv") != "P-256":
            raise _refused("the curve (crv) is not P-256", "Use an ES256 key on P-256.", source)
        numbers = ec.EllipticCurvePublicNumbers(_number(jwk, "x", source), _number(jwk, "y", source), ec.SECP256R1())
        try:
            if "d" in jwk:
                # `cryptography` also checks that the public point is that of this private number.
                pair = ec.EllipticCurvePrivateNumbers(_number(jwk, "d", source), numbers).private_key()
                return cls(pair, kid=jwk.get("kid"), source=source)
            return cls(numbers.public_key(), kid=jwk.get("kid"), source=source)
        except ValueError:
            raise _refused(
                "the numbers are no key: a point off the curve, or a private number of another point",
                "Export the key again from where it was made.",
                source,
            ) from None


def _halves(key: object, source: str) -> tuple[ec.EllipticCurvePrivateKey | None, ec.EllipticCurvePublicKey]:
    private = key if isinstance(key, ec.EllipticCurvePrivateKey) else None
    public = private.public_key() if private else key
    if isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1):
        return private, public
    raise _refused("the key is not one on the curve P-256", "Make one with keys.generate('ES256').", source)


def _integer(number: int) -> str:
    return b64encode(number.to_bytes(_HALF, "big")).decode()


def _number(jwk: Mapping[str, Any], name: str, source: str) -> int:
    data = _member(jwk, name, source)
    if len(data) != _HALF:  # RFC 7518 section 6.2.1.2: always the full length, or one number has many spellings
        raise _refused(
            f"{name} has {len(data)} bytes; P-256 has 32", "Export the key again, without cutting zeros.", source
        )
    return int.from_bytes(data, "big")


# -- JWK and JWK Set ---------------------------------------------------------------------------------------------------

#: Every family. One more is one more class here.
FAMILIES: Final[tuple[type[Key], ...]] = (HmacKey, EcKey)
ALGORITHMS: Final = frozenset(family.alg for family in FAMILIES)


def read_jwk(jwk: object, *, source: str) -> Key:
    """The key in *jwk*, a dict as JSON gives it.

    Raises:
        ConfigurationError: It is of no kind that is supported, or not well formed, or not for signatures.
    """
    if not isinstance(jwk, Mapping):
        raise _refused("a key is not a JSON object", "Give a JWK (RFC 7517 section 4).", source)
    members: Mapping[str, Any] = jwk
    fitting = [family for family in FAMILIES if family.kty == members.get("kty")]
    if not fitting:
        known = ", ".join(sorted(family.kty for family in FAMILIES))
        raise _refused("the type of the key (kty) is not supported", f"Use one of {known}.", source)
    matching = [family for family in fitting if members.get("alg", family.alg) == family.alg]
    if not matching:
        known = ", ".join(sorted(family.alg for family in fitting))
        raise _refused("the algorithm (alg) is not one for a key of this type", f"Use {known}.", source)
    key = matching[0].from_jwk(members, source=source)
    _check_use(members, key, source)
    return key


def _check_use(jwk: Mapping[str, Any], key: Key, source: str) -> None:
    if jwk.get("use", "sig") != "sig":
        raise _refused('the key is not for signatures ("use")', "Use a key of its own for each purpose.", source)
    # Each at most once (RFC 7517 section 4.3), and a public key can only verify.
    fitting = [["verify"], ["sign", "verify"], ["verify", "sign"]] + ([["sign"]] if key.can_sign else [])
    if jwk.get("key_ops", ["verify"]) not in fitting:
        raise _refused(
            'the key is not for signing and verifying alone ("key_ops")',
            "Use a key of its own for each purpose.",
            source,
        )


@dataclass(frozen=True, slots=True, repr=False, init=False, eq=False)
class KeySet:
    """The keys that verify, by `kid`."""

    _keys: dict[str, Key]

    def __init__(self, keys: Iterable[Key], *, source: str = "KeySet(keys)") -> None:
        """Collect *keys*.

        Raises:
            ConfigurationError: There are none, two of one name, or secrets among public keys: then a public key could
                be mistaken for a secret (RFC 8725 section 2.1).
        """
        by_kid: dict[str, Key] = {}
        for key in keys:
            if not isinstance(key, Key):
                raise _refused("a member of the key set is not a key", "Give Key objects, or keys.load(...).", source)
            if key.kid in by_kid:
                raise _refused(f"two keys are named {key.kid!r}", "Give each its own kid.", source)
            by_kid[key.kid] = key
        if not by_kid:
            raise _refused("the key set is empty", "Give at least one key.", source)
        if len({key.symmetric for key in by_kid.values()}) > 1:
            raise _refused(
                "the key set mixes secrets with public keys",
                "Keep a set for each, and check with the one that fits.",
                source,
            )
        object.__setattr__(self, "_keys", by_kid)

    @classmethod
    def from_jwks(cls, jwks: object, *, source: str) -> Self:
        """The keys of a JWK Set (RFC 7517 section 5).

        Raises:
            ConfigurationError: One of them cannot be read, or they do not go together.
        """
        members = jwks.get("keys") if isinstance(jwks, Mapping) else None
        if not isinstance(members, list):
            raise _refused('the key set has no list "keys"', "Give a JWK Set (RFC 7517 section 5).", source)
        return cls((read_jwk(member, source=source) for member in members), source=source)

    def get(self, kid: str) -> Key | None:
        """The key of this name, or None."""
        return self._keys.get(kid)

    def only(self, alg: str) -> Key | None:
        """The key for *alg*, if there is just one: what a token without a `kid` is checked with."""
        fitting = [key for key in self._keys.values() if key.alg == alg]
        return fitting[0] if len(fitting) == 1 else None

    @property
    def algorithms(self) -> frozenset[str]:
        """The algorithms of these keys: an allow list for who chose the keys, and for nobody else."""
        return frozenset(key.alg for key in self)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._keys.values())

    def __len__(self) -> int:
        return len(self._keys)

    def __repr__(self) -> str:
        return f"<KeySet {', '.join(map(repr, self._keys))}>"

    def __reduce__(self) -> Never:
        raise TypeError("keys are not pickled: they would be written down in the clear")


# -- what the families share -------------------------------------------------------------------------------------------


def _refused(cause: str, fix: str, source: str) -> ConfigurationError:
    return ConfigurationError(cause=cause, fix=fix, source=source)


def _kid(kid: object, source: str) -> str | None:
    if kid is None:
        return None
    if type(kid) is not str or not 0 < len(kid) <= MAX_KID or not kid.isprintable():
        raise _refused(f"the name of the key (kid) is not a text of 1 to {MAX_KID} characters", "Name it anew.", source)
    return kid


def _member(jwk: Mapping[str, Any], name: str, source: str) -> bytes:
    text = jwk.get(name)
    if type(text) is str:
        with suppress(MalformedCredential, UnicodeEncodeError):
            return b64decode(text.encode("ascii"))
    raise _refused(f"the member {name} is missing or is not base64url", "Give it as RFC 7518 says.", source)
