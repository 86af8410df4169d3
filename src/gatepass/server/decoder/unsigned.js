// Why a signature does not fit, as far as that can be seen.

import { Refusal } from "./der.js";
import { fromAnyBase64 } from "./secrets.js";
import { coordinateSize, fits, fromDerSignature, outOfRange } from "./signature.js";
import { quotedName } from "./signed.js";
import { fromBase64url } from "./strict.js";

/** Which key the token names, where it is none of these. */
export function kidHint({ kid }, candidates) {
  const kids = candidates.map((key) => key.kid).filter((name) => name !== null);
  if (typeof kid !== "string" || !kids.length || kids.includes(kid)) return "";
  return `The token names the key ${quotedName(kid)}; here is ${kids.slice(0, 5).map(quotedName).join(", ")}.`;
}

/** The first of `keys` that signed `form`; null where it is none of them. */
export async function firstFitting({ text, signature: segment }, asked, keys) {
  const signature = fromBase64url(segment);
  return signature === null ? null : firstOf(keys, asked, text, signature);
}

/** One key that the browser does not take says nothing about the others; where it takes none, that is the answer. */
async function firstOf(keys, asked, text, signature) {
  const refusals = [];
  for (const key of keys) {
    try {
      if (await fits(key, asked, text, signature)) return key;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refusals.push(error);
    }
  }
  if (refusals.length === keys.length) throw refusals[0];
  return null;
}

/** What is wrong with the form of the signature, and whether it would fit without that; empty where the form is good. */
export async function formProblem({ signature: segment, text }, candidates, asked) {
  if (!segment) return `The signature is missing: the token ends with a dot. With ${asked} there is one.`;
  const size = coordinateSize(asked);
  const fitsOne = async (signature) => (await firstOf(candidates, asked, text, signature)) !== null;
  const strict = fromBase64url(segment);
  if (strict === null) {
    const lenient = fromAnyBase64(segment);
    const would = lenient !== null && (await fitsOne(lenient));
    const anyway = would
      ? "Without that it fits the key: lenient libraries take it, strict ones refuse it."
      : "It does not fit the key either way.";
    return (
      "The signature is not base64url as it stands: padding, white space, another alphabet, or a last character that" +
      ` sets bits which nothing reads. ${anyway}`
    );
  }
  const raw = fromDerSignature(asked, strict);
  if (raw !== null && strict.length !== 2 * size) {
    const would = await fitsOne(raw);
    return (
      `The signature is in DER, as OpenSSL writes it; ${asked} in tokens is r and s, ${2 * size} octets (RFC 7518` +
      ` section 3.4). Converted, it ${would ? "fits" : "does not fit"} the key.`
    );
  }
  if (outOfRange(asked, strict) === "range") return "The signature is of numbers that no signature has, such as zeros.";
  const expected = size ? 2 * size : expectedOctets(candidates, asked);
  if (!expected || strict.length === expected) return "";
  const of = candidates[0].family === "RSA" ? "with this key" : `with ${asked}`;
  return `The signature has ${strict.length} octets; ${of} it has ${expected}. Another key signed it, or a part is missing or added.`;
}

/** Octets of a signature; 0 where the keys differ in that. */
function expectedOctets(candidates, asked) {
  if (asked.startsWith("HS")) return Number(asked.slice(2)) / 8;
  const sizes = new Set(candidates.map(({ jwk }) => fromBase64url(jwk.n).length));
  return sizes.size === 1 ? [...sizes][0] : 0;
}

/** Whether the text of the public key was used as the secret: the one case in which it is tried, to say so. */
export async function isForged({ text, signature: segment }, asked, keyText) {
  const signature = fromBase64url(segment);
  if (signature === null) return false;
  const bare = keyText.trim();
  const secrets = [keyText, bare, `${bare}\n`].map((said) => ({ family: "oct", octets: new TextEncoder().encode(said) }));
  return (await firstOf(secrets, asked, text, signature)) !== null;
}
