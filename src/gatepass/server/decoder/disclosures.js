// What an SD-JWT discloses, held against the digests in what was signed (RFC 9901 section 7.1).

import { canVerify } from "./signature.js";
import { fromBase64url, memberOf, readObject, toBase64url } from "./strict.js";

const MOST = 200; // as many as the inspection shows
const HASHES = { "sha-256": "SHA-256", "sha-384": "SHA-384", "sha-512": "SHA-512" };

/**
 * Of each disclosure in `token` whether a digest of it was signed, directly or in another one that was: true, false, or
 * null where that cannot be said. Empty where the token discloses nothing.
 */
export async function disclosedBy(token, payload) {
  const disclosures = token.split("~", MOST + 2).slice(1, -1);
  const claims = readObject(fromBase64url(payload) ?? new Uint8Array()) ?? {};
  const hash = memberOf(HASHES, memberOf(claims, "_sd_alg") ?? "sha-256");
  if (!canVerify() || hash === undefined) return disclosures.map(() => null);
  const digests = await Promise.all(disclosures.map((one) => digestOf(one, hash)));
  const said = disclosures.map(listIn);
  const places = said.map((list, at) => `${list?.length} ${digests[at]}`);
  const known = new Set(digestsIn(claims));
  const signed = disclosures.map(() => false);
  for (let at; (at = signed.findIndex((is, one) => !is && said[one] && known.has(places[one]))) >= 0; ) {
    signed[at] = true;
    for (const place of digestsIn(said[at].at(-1))) known.add(place);
  }
  const isCut = disclosures.length === MOST; // the one that has the digest may be among the rest
  return signed.map((is) => is || (isCut ? null : false));
}

async function digestOf(disclosure, hash) {
  return toBase64url(new Uint8Array(await crypto.subtle.digest(hash, new TextEncoder().encode(disclosure))));
}

/** The list that a disclosure is, of salt, name and value, or of salt and value; null where it is none. */
function listIn(disclosure) {
  try {
    const list = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(fromBase64url(disclosure)));
    return Array.isArray(list) ? list : null;
  } catch {
    return null;
  }
}

/** The digests at any depth of `value`, each behind the length of the lists that it may be of. */
function digestsIn(value) {
  const found = [];
  const rest = [value];
  while (rest.length) {
    const one = rest.pop();
    if (one === null || typeof one !== "object") continue;
    if (Array.isArray(one)) {
      for (const item of one) if (item !== null && typeof item === "object" && "..." in item) found.push(`2 ${item["..."]}`);
    } else if (Array.isArray(memberOf(one, "_sd"))) {
      for (const digest of one._sd) found.push(`3 ${digest}`);
    }
    for (const member of Object.values(one)) rest.push(member);
  }
  return found;
}
