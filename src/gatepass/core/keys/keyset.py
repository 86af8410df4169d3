"""Key sets: the keys that verify, by name."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Never

from gatepass.core.keys.base import Key, refused


@dataclass(frozen=True, slots=True, repr=False, init=False, eq=False)
class KeySet:
    """The keys that verify, by `kid`."""

    _keys: dict[str, Key]

    def __init__(self, keys: Iterable[Key], *, source: str = "KeySet(keys)") -> None:
        """Collect *keys*.

        Raises:
            ConfigurationError: There are none, two of one name, one that is for signing alone, or secrets among public
                keys: then a public key could be mistaken for a secret (RFC 8725 section 2.1).
        """
        by_kid: dict[str, Key] = {}
        for key in keys:
            if not isinstance(key, Key):
                raise refused("a member of the key set is not a key", "Give Key objects, or keys.load(...).", source)
            if not key.can_verify:
                fix = "Verify with a key that is for verifying." if key.symmetric else "Verify with its public half."
                raise refused(f"the key {key.kid!r} is for signing alone (key_ops)", fix, source)
            if key.kid in by_kid:
                raise refused("two keys of the set have one name (kid)", "Give each its own kid.", source)
            by_kid[key.kid] = key
        if not by_kid:
            raise refused("the key set is empty", "Give at least one key.", source)
        if len({key.symmetric for key in by_kid.values()}) > 1:
            raise refused(
                "the key set mixes secrets with public keys",
                "Keep a set for each, and check with the one that fits.",
                source,
            )
        object.__setattr__(self, "_keys", by_kid)

    @classmethod
    def none(cls) -> "KeySet":
        """A set without keys, under which no token is good: of an issuer that has withdrawn all of them."""
        empty = cls.__new__(cls)
        object.__setattr__(empty, "_keys", {})
        return empty

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

    def to_jwks(self, *, private: bool = False) -> dict[str, list[dict[str, Any]]]:
        """The keys as a JWK Set (RFC 7517 section 5), without their private parts unless those are asked for.

        Raises:
            ConfigurationError: A key has no such part.
        """
        return {"keys": [key.to_jwk(private=private) for key in self]}

    def __iter__(self) -> Iterator[Key]:
        return iter(self._keys.values())

    def __len__(self) -> int:
        return len(self._keys)

    def __repr__(self) -> str:
        return f"<KeySet {', '.join(map(repr, self._keys))}>"

    def __reduce__(self) -> Never:
        raise TypeError("keys are not pickled: they would be written down in the clear")
