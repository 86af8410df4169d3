// One signature, one key, one algorithm, by the cryptography of the browser (WebCrypto).

import { CURVES, ED25519_ORDER } from "./curves.js";
import { Refusal, derElement, derSequence, derTags, fromHex, joined, magnitude, numberOf, octetsOf } from "./der.js";
import { fromBase64url } from "./strict.js";

const SCHEMES = { HS: "HMAC", RS: "RSASSA-PKCS1-v1_5", PS: "RSA-PSS", ES: "ECDSA", Ed: "Ed25519" };
const PUBLIC_MEMBERS = { RSA: ["n", "e"], EC: ["crv", "x", "y"], OKP: ["crv", "x"] };
/** The algorithm of a key in PKCS#8: RFC 5480, RFC 8410. */
const PKCS8_ALGORITHMS = {
  "P-256": "301306072a8648ce3d020106082a8648ce3d030107",
  "P-384": "301006072a8648ce3d020106052b81040022",
  "P-521": "301006072a8648ce3d020106052b81040023",
  Ed25519: "300506032b6570",
};

/** What is said where it does not. */
export const NO_WEBCRYPTO =
  "This page was opened over http from another machine, and there the browser does no cryptography. Save the page and" +
  " open the file: then it can verify, also without a network. Reading the token works here.";

/** Whether the browser lets this page verify: it does so where the page came by https, from a file or from itself. */
export function canVerify() {
  return globalThis.crypto?.subtle !== undefined;
}

/** Whether `signature` is one of `key` under `algorithm` over the text `signed`. */
export async function fits(key, algorithm, signed, signature) {
  if (outOfRange(algorithm, signature)) return false;
  const scheme = schemeOf(algorithm);
  const material = await imported(key, scheme);
  return crypto.subtle.verify(scheme, material, signature, new TextEncoder().encode(signed));
}

/** Why no key can have made `signature`, an ECDSA or Ed25519 one, in a word; empty if one can have. */
export function outOfRange(algorithm, signature) {
  const size = coordinateSize(algorithm);
  if (!size) return "";
  if (signature.length !== 2 * size) return "size";
  if (algorithm === "Ed25519") {
    // RFC 8032 section 5.1.7: the second half is a number below the order, its lowest octet first.
    return numberOf(signature.slice(size).reverse()) < ED25519_ORDER ? "" : "range";
  }
  const { n } = Object.values(CURVES).find((curve) => curve.algorithm === algorithm);
  // A signature of zeros was good in Java for four years: CVE-2022-21449.
  const isWithin = (octets) => numberOf(octets) > 0n && numberOf(octets) < n;
  return isWithin(signature.subarray(0, size)) && isWithin(signature.subarray(size)) ? "" : "range";
}

/** Octets of each half of a signature; 0 where it is not of two halves. */
export function coordinateSize(algorithm) {
  if (algorithm === "Ed25519") return 32;
  return Object.values(CURVES).find((curve) => curve.algorithm === algorithm)?.size ?? 0;
}

/** The signature of two halves that `octets` say in DER, as OpenSSL writes it; null where they are none. */
export function fromDerSignature(algorithm, octets) {
  const size = algorithm.startsWith("ES") ? coordinateSize(algorithm) : 0;
  const parts = derSequence(octets);
  if (!size || derTags(parts) !== "02 02") return null;
  const halves = parts.map(magnitude);
  if (halves.some((half) => half === null || half.length > size)) return null;
  return joined(...halves.map((half) => octetsOf(numberOf(half), size)));
}

function schemeOf(algorithm) {
  const hash = `SHA-${algorithm.slice(2)}`;
  const name = SCHEMES[algorithm.slice(0, 2)];
  if (name === "Ed25519") return { name };
  // RFC 7518 section 3.5: the salt is as long as the hash, and no other length is taken.
  return { name, hash, ...(name === "RSA-PSS" ? { saltLength: Number(algorithm.slice(2)) / 8 } : {}) };
}

async function imported(key, scheme) {
  if (key.family === "oct") {
    // WebCrypto refuses an empty secret. HMAC fills up with zeros, so one zero is the same secret.
    const octets = key.octets.length ? key.octets : Uint8Array.of(0);
    return crypto.subtle.importKey("raw", octets, scheme, false, ["verify"]);
  }
  const jwk = await publicHalf(key);
  try {
    return await crypto.subtle.importKey("jwk", jwk, { ...scheme, namedCurve: jwk.crv }, false, ["verify"]);
  } catch (error) {
    throw cannot(key, error);
  }
}

/** The public members of `key`, derived from the private ones where there are any. */
async function publicHalf(key) {
  const { jwk, family, isPrivate } = key;
  const members = Object.fromEntries(PUBLIC_MEMBERS[family].map((name) => [name, jwk[name]]));
  if (!isPrivate || family === "RSA") return { kty: family, ...members }; // of RSA, all numbers were compared
  const d = fromBase64url(jwk.d);
  const inner = family === "EC" ? derElement(0x30, [2, 1, 1], derElement(4, d)) : derElement(4, d);
  const pkcs8 = derElement(0x30, [2, 1, 0], fromHex(PKCS8_ALGORITHMS[jwk.crv]), derElement(4, inner));
  const scheme = family === "EC" ? { name: "ECDSA", namedCurve: jwk.crv } : { name: "Ed25519" };
  let derived;
  try {
    derived = await crypto.subtle.exportKey("jwk", await crypto.subtle.importKey("pkcs8", pkcs8, scheme, true, ["sign"]));
  } catch (error) {
    throw cannot(key, error);
  }
  if (jwk.x !== undefined && (jwk.x !== derived.x || (family === "EC" && jwk.y !== derived.y))) {
    throw new Refusal("The public part of the key is not that of the private one. Export it again from where it was made.");
  }
  return { kty: family, ...Object.fromEntries(PUBLIC_MEMBERS[family].map((name) => [name, derived[name]])) };
}

/** The sentence for what the browser does not take; it knows more reasons than it tells. */
function cannot(key, error) {
  if (error?.name === "NotSupportedError") {
    return new Refusal(
      "This browser does not know the algorithm. Ed25519 is known to Chrome since 137, to Firefox since 129, to Safari since 17.",
    );
  }
  // Chromium takes exponents of 33 bits at most.
  const guess = key.family === "RSA" ? "; its public exponent may be too large" : "";
  return new Refusal(`This browser does not take the key, ${key.description}${guess}.`);
}
