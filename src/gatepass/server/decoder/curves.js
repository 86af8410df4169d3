// The curves of SP 800-186 that tokens are signed on, and the question whether a point is on one.

import { numberOf, octetsOf } from "./der.js";

const hexNumber = (digits) => BigInt(`0x${digits}`);

/** By the name that a JWK uses: the algorithm, its hash, octets of a coordinate, field, coefficient b, order. */
export const CURVES = {
  "P-256": {
    algorithm: "ES256",
    hash: "SHA-256",
    size: 32,
    p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    b: hexNumber("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b"),
    n: hexNumber("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"),
  },
  "P-384": {
    algorithm: "ES384",
    hash: "SHA-384",
    size: 48,
    p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    b: hexNumber("b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef"),
    n: hexNumber("ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"),
  },
  "P-521": {
    algorithm: "ES512",
    hash: "SHA-512",
    size: 66,
    p: 2n ** 521n - 1n,
    b: hexNumber(
      "51953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00",
    ),
    n: hexNumber(
      "1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
    ),
  },
};

/** The order of the base point of Ed25519: RFC 8032 section 5.1. */
export const ED25519_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

const FIELD = 2n ** 255n - 19n;
const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;
// y of the points whose eighth multiple is nothing; with one as its key, a signature fits one message in eight, or all.
const EIGHTH = hexNumber("05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826");
const SMALL_ORDER = [0n, 1n, FIELD - 1n, EIGHTH, FIELD - EIGHTH];

/** `base` to the power of `exponent`, modulo `modulus`. */
function power(base, exponent, modulus) {
  let result = 1n;
  for (let square = base % modulus, rest = exponent; rest > 0n; rest >>= 1n, square = (square * square) % modulus) {
    if (rest & 1n) result = (result * square) % modulus;
  }
  return result;
}

const rightSide = ({ p, b }, x) => (x * x * x - 3n * x + b) % p;

/** Whether the point of these coordinates, octets both, is on `curve`. */
export function isOnCurve(curve, x, y) {
  const [across, up] = [numberOf(x), numberOf(y)];
  const { p } = curve;
  return across < p && up < p && (((up * up - rightSide(curve, across)) % p) + p) % p === 0n;
}

/** The second coordinate of the point whose first is `x`, octets; `odd` says which of the two. SEC 1 section 2.3.4. */
export function secondCoordinate(curve, x, odd) {
  const { p, size } = curve;
  // Each of these fields has a modulus of the form 4k + 3, in which this is the root, if there is one.
  const root = power(((rightSide(curve, numberOf(x)) % p) + p) % p, (p + 1n) / 4n, p);
  return octetsOf((root & 1n) === BigInt(odd) || root === 0n ? root : p - root, size);
}

/** Whether `octets` are the one spelling of a point of Ed25519 that is not of small order. */
export function isEd25519Point(octets) {
  const y = numberOf(Uint8Array.from(octets).reverse()) & (2n ** 255n - 1n);
  if (y >= FIELD || SMALL_ORDER.includes(y)) return false;
  const square = ((y * y - 1n) * power(D * y * y + 1n, FIELD - 2n, FIELD)) % FIELD;
  return power(square, (FIELD - 1n) / 2n, FIELD) === 1n; // Euler's criterion: there is such an x
}
