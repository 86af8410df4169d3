// RSA keys that can be broken, by what their public numbers give away. RFC 7518 section 3.3.

import { numberOf } from "./der.js";

const MIN_BITS = 2048;
// A check costs their square; beyond what anybody signs tokens with.
const MAX_BITS = 8192;
const MAX_EXPONENT_BITS = 64;

// CVE-2017-15361, "ROCA": the moduli of one maker's chips are powers of 65537 modulo each of these primes, which of
// others about one in 2^28 is. Nemec and others, "The Return of Coppersmith's Attack", CCS 2017, section 3.
const ROCA_POWERS = new Map();
for (let prime = 3; prime < 168; prime++) {
  if (Array.from({ length: prime - 2 }, (_, less) => less + 2).every((divisor) => prime % divisor)) {
    const powers = new Set();
    for (let value = 1; !powers.has(value); value = (value * 65537) % prime) powers.add(value);
    ROCA_POWERS.set(prime, powers);
  }
}

/** How many bits `octets`, a number, has. */
export function bitLength(octets) {
  return octets.length ? 8 * (octets.length - 1) + octets[0].toString(2).length : 0;
}

/** Why the key of these numbers, octets that begin with none of zero, is not to be used; empty if nothing is seen. */
export function weaknessOfRsa(modulus, exponent) {
  const bits = bitLength(modulus);
  if (bits < MIN_BITS || bits > MAX_BITS) {
    return `The RSA modulus has ${bits} bits; it needs ${MIN_BITS} to ${MAX_BITS} (RFC 7518 section 3.3).`;
  }
  const e = numberOf(exponent);
  if (e <= 2n || !(e & 1n) || bitLength(exponent) > MAX_EXPONENT_BITS) {
    return `The public exponent of the RSA key is not an odd number from 3 to ${MAX_EXPONENT_BITS} bits.`;
  }
  const n = numberOf(modulus);
  if (!(n & 1n)) return "The RSA modulus is even, so it is not the product of two large primes.";
  if ([...ROCA_POWERS].every(([prime, powers]) => powers.has(Number(n % BigInt(prime))))) {
    return "The RSA modulus has the fingerprint of a flawed chip: its factors can be found (CVE-2017-15361).";
  }
  return "";
}
