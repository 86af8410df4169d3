"""The fingerprint of RSA moduli whose factors can be found: CVE-2017-15361, "ROCA".

A library of one maker of chips chose primes of the form k * M + (65537^a mod M), with M the product of the first small
primes. So their product is a power of 65537 modulo each of those primes, which of other moduli about one in 2^28 is.
Source: Nemec, Sys, Svenda, Klinec, Matyas, "The Return of Coppersmith's Attack", CCS 2017, section 3.
"""

from typing import Final

_GENERATOR: Final = 65_537
#: The primes of M for the smallest keys, without 2. M of larger keys has these and more.
_PRIMES: Final = tuple(n for n in range(3, 168) if all(n % divisor for divisor in range(2, n)))
_POWERS: Final = tuple((prime, frozenset(pow(_GENERATOR, a, prime) for a in range(prime - 1))) for prime in _PRIMES)


def is_roca(modulus: int) -> bool:
    """Whether *modulus* has the fingerprint."""
    return all(modulus % prime in powers for prime, powers in _POWERS)
