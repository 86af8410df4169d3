// A key as JSON (RFC 7517), checked as the library checks it, and described in words. Every key, in whichever form it
// was pasted, comes through here.

import { CURVES, isEd25519Point, isOnCurve } from "./curves.js";
import { Refusal, numberOf } from "./der.js";
import { bitLength, weaknessOfRsa } from "./moduli.js";
import { hasHidden } from "./printing.js";
import { isPublicText, isRepeated, isSample, isTutorial } from "./secrets.js";
import { fromBase64url, memberOf } from "./strict.js";

const MAX_KID = 256;
const MAX_RSA_OCTETS = 1024;
const AGAIN = "Export the key again from where it was made.";

/** By `kty`: the algorithms that such a key can be for. */
export const FAMILIES = {
  oct: ["HS256", "HS384", "HS512"],
  RSA: ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  EC: ["ES256", "ES384", "ES512"],
  OKP: ["Ed25519"],
};
const LEFT_OUT = "The key has its private half only; a JWK has both (RFC 7518 section 6).";
/** By algorithm: the `kty` of its keys. */
export const FAMILY_OF = Object.fromEntries(
  Object.entries(FAMILIES).flatMap(([family, names]) => names.map((name) => [name, family])),
);
const NOT_A_SIGNER = 'The key is not for signatures ("use" or "key_ops"). Take the one that signs.';
const PRIVATE_WARNING = {
  code: "key_private",
  level: "warn",
  sentence:
    "This is a private key: whoever has it can sign. Only its public half is used here; that half is all it takes to verify.",
};
const REPEATED_WARNING = { code: "secret_repeated", level: "stop", sentence: "The secret is one byte, repeated." };

/** The name under which `algorithm` is known: `EdDSA` could mean two curves, so RFC 9864 calls it Ed25519. */
export function currentName(algorithm) {
  return algorithm === "EdDSA" ? "Ed25519" : algorithm;
}

/**
 * The key in `jwk`, a JSON object: `{family, algorithms, description, kid, isPrivate, octets, jwk, unfit, warnings}`.
 * `unfit` says why the library would not load it, where that is no reason not to verify with it here.
 */
export function readJwk(jwk) {
  const family = memberOf(jwk, "kty");
  if (typeof family !== "string" || !Object.hasOwn(FAMILIES, family)) {
    throw new Refusal(`The type of the key (kty) is not one of ${Object.keys(FAMILIES).join(", ")}.`);
  }
  const kid = kidOf(jwk);
  const { algorithms, ...rest } = { oct: readOct, RSA: readRsa, EC: readEc, OKP: readOkp }[family](jwk);
  const isPrivate = family !== "oct" && Object.hasOwn(jwk, "d");
  checkUse(jwk, isPrivate || family === "oct");
  return {
    family,
    algorithms: boundTo(jwk, algorithms, family),
    kid,
    isPrivate,
    jwk,
    unfit: "",
    ...rest,
    warnings: [...(isPrivate ? [PRIVATE_WARNING] : []), ...(rest.warnings ?? [])],
  };
}

/**
 * The key that `octets` are, if they are a secret; as `readJwk`. `known` is the code of the finding that it makes of a
 * token that it signed; empty where nobody can guess it.
 */
export function readSecret(octets) {
  if (isPublicText(octets)) {
    throw new Refusal(
      "The secret is the text of a public key, which everybody knows. Paste it as what it is, and choose its own algorithm.",
    );
  }
  let known = "";
  let unfit = "";
  if (!octets.length) {
    known = "secret_blank";
    unfit = "The secret is blank: everybody can sign with it.";
  } else if (isSample(octets)) {
    known = "secret_known";
    unfit = "The secret is one of those that tutorials print: everybody knows it, and can sign with it.";
  } else if (isTutorial(octets)) {
    known = "secret_known";
  }
  const warnings = octets.length && isRepeated(octets) ? [REPEATED_WARNING] : [];
  const description = `a shared secret of ${octets.length} octets`;
  const algorithms = FAMILIES.oct;
  return { family: "oct", algorithms, description, kid: null, isPrivate: false, octets, known, unfit, warnings };
}

/** Why `key`, a secret, is too short for `algorithm`; empty if it is not. RFC 7518 section 3.2. */
export function shortness(key, algorithm) {
  const least = Number(algorithm.slice(2)) / 8;
  if (key.family !== "oct" || key.octets.length >= least) return "";
  return `The secret has ${key.octets.length} octets; ${algorithm} needs ${least} at least (RFC 7518 section 3.2).`;
}

function readOct(jwk) {
  const { family, algorithms, kid, ...rest } = readSecret(memberOctets(jwk, "k"));
  return { algorithms, ...rest };
}

function readRsa(jwk) {
  if (Object.hasOwn(jwk, "oth")) throw new Refusal("The modulus has more than two factors (oth). Make a key with two.");
  const names = ["n", "e", ...(Object.hasOwn(jwk, "d") ? ["d", "p", "q", "dp", "dq", "qi"] : [])];
  const [modulus, exponent, ...secret] = names.map((name) => {
    const octets = memberOctets(jwk, name);
    if (!octets.length || octets[0] === 0 || octets.length > MAX_RSA_OCTETS) {
      throw new Refusal(
        `${name} is not a number of 1 to ${MAX_RSA_OCTETS} octets that begins with none of zero (RFC 7518 section 2). ${AGAIN}`,
      );
    }
    return octets;
  });
  const weakness = weaknessOfRsa(modulus, exponent);
  if (weakness) throw new Refusal(weakness);
  if (secret.length && !isPair(...[modulus, exponent, ...secret].map(numberOf))) {
    throw new Refusal(`The numbers are no RSA key: they do not belong together. ${AGAIN}`);
  }
  return { algorithms: FAMILIES.RSA, description: `a ${bitLength(modulus)}-bit RSA ${half(jwk)} key` };
}

/** Whether the private numbers are those of the modulus and the exponent: RFC 8017 section 3.2. */
function isPair(n, e, d, p, q, dp, dq, qi) {
  if (p < 3n || q < 3n || p * q !== n) return false;
  const inverts = (e * d - 1n) % (p - 1n) === 0n && (e * d - 1n) % (q - 1n) === 0n;
  return inverts && dp === d % (p - 1n) && dq === d % (q - 1n) && (q * qi) % p === 1n;
}

function readEc(jwk) {
  const crv = memberOf(jwk, "crv");
  if (typeof crv !== "string" || !Object.hasOwn(CURVES, crv)) {
    throw new Refusal(
      crv === "secp256k1"
        ? "The key is on secp256k1, which neither browsers nor gatepass verify with (ES256K)."
        : `The curve (crv) is not one of ${Object.keys(CURVES).join(", ")}.`,
    );
  }
  const curve = CURVES[crv];
  const [d, x, y] = ["d", "x", "y"].map((name) => {
    if (!Object.hasOwn(jwk, name) && (name === "d" || isPublicLeftOut(jwk))) return null;
    const octets = memberOctets(jwk, name);
    if (octets.length === curve.size) return octets;
    throw new Refusal(`${name} has ${octets.length} octets; on ${crv} it has ${curve.size}. ${AGAIN}`);
  });
  if (x && !isOnCurve(curve, x, y)) throw new Refusal(`The key is no key: its point is not on ${crv}. ${AGAIN}`);
  return { algorithms: [curve.algorithm], description: `a ${half(jwk)} key on ${crv}`, unfit: x ? "" : LEFT_OUT };
}

function readOkp(jwk) {
  const crv = memberOf(jwk, "crv");
  if (crv !== "Ed25519") {
    throw new Refusal(
      crv === "Ed448"
        ? "This is an Ed448 key. Neither browsers nor gatepass verify with it; use Ed25519."
        : "The curve (crv) is not Ed25519.",
    );
  }
  for (const name of ["d", "x"]) {
    if (!Object.hasOwn(jwk, name) && (name === "d" || isPublicLeftOut(jwk))) continue;
    const octets = memberOctets(jwk, name);
    if (octets.length !== 32) throw new Refusal(`${name} has ${octets.length} octets; Ed25519 has 32. ${AGAIN}`);
    if (name === "x" && !isEd25519Point(octets)) {
      throw new Refusal(`The public key is not a point of large order on the curve of Ed25519. ${AGAIN}`);
    }
  }
  const unfit = isPublicLeftOut(jwk) ? LEFT_OUT : "";
  return { algorithms: FAMILIES.OKP, description: `an Ed25519 ${half(jwk)} key`, unfit };
}

/** DER may hold a private key alone; its public half is derived when it is needed. */
function isPublicLeftOut(jwk) {
  return Object.hasOwn(jwk, "d") && !Object.hasOwn(jwk, "x") && !Object.hasOwn(jwk, "y");
}

function half(jwk) {
  return Object.hasOwn(jwk, "d") ? "private" : "public";
}

function kidOf(jwk) {
  const kid = memberOf(jwk, "kid") ?? null;
  if (kid === null || (typeof kid === "string" && kid && [...kid].length <= MAX_KID && !hasHidden(kid))) return kid;
  throw new Refusal(`The name of the key (kid) is not a text of 1 to ${MAX_KID} characters.`);
}

function memberOctets(jwk, name) {
  const text = memberOf(jwk, name);
  const octets = typeof text === "string" ? fromBase64url(text) : null;
  if (octets === null) throw new Refusal(`The member ${name} of the key is missing or is not base64url. ${AGAIN}`);
  return octets;
}

/** The algorithms that are left of `possible` once the key has said what it is for: RFC 8725 section 3.1. */
function boundTo(jwk, possible, family) {
  if (!Object.hasOwn(jwk, "alg")) return possible;
  const said = currentName(memberOf(jwk, "alg"));
  if (possible.includes(said)) return [said];
  throw new Refusal(
    FAMILIES[family].includes(said)
      ? `The curve (crv) ${memberOf(jwk, "crv")} is not that of ${said}, for which the key says it is (alg).`
      : `The key says (alg) that it is for an algorithm that no key of this type has; use ${possible.join(", ")}.`,
  );
}

function checkUse(jwk, canSign) {
  const use = Object.hasOwn(jwk, "use") ? jwk.use : "sig";
  const operations = Object.hasOwn(jwk, "key_ops") ? jwk.key_ops : ["verify"];
  // Each at most once (RFC 7517 section 4.3), and a public key can only verify.
  const fitting = [["verify"], ["sign", "verify"], ["verify", "sign"], ...(canSign ? [["sign"]] : [])];
  const said = JSON.stringify(operations);
  if (use !== "sig" || !fitting.some((names) => JSON.stringify(names) === said)) throw new Refusal(NOT_A_SIGNER);
}
