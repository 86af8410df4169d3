"""A key for every algorithm, made once: what each family does, every one of its algorithms has to do."""

from cryptography.hazmat.primitives.asymmetric import rsa

from gatepass.core.keys import ALGORITHMS, Key, RsaKey
from gatepass.keys import generate

#: One for all, because making it takes a moment; a key of gatepass is bound to one algorithm all the same.
RSA = rsa.generate_private_key(65_537, 2_048)

KEYS: dict[str, Key] = {
    alg: RsaKey(RSA, algorithm=alg) if alg in RsaKey.algorithms else generate(alg) for alg in sorted(ALGORITHMS)
}
#: Those with a public part.
PAIRS = {alg: key for alg, key in KEYS.items() if not key.symmetric}
