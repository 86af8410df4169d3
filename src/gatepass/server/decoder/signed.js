// What was signed, and by what it says: a token in compact form, or in the forms of JSON (RFC 7515 section 7).

import { Refusal } from "./der.js";
import { brief } from "./printing.js";
import { fromBase64url, memberOf, readObject } from "./strict.js";

const MAX_SIGNATURES = 10;

/**
 * Every signature that `token` carries, with what was signed: `{forms, problem}`. A form is `{header, said, kid, text,
 * payload, signature, place}`: `said` is the algorithm that its header names, `text` what was signed, `place` which of
 * the signatures it is.
 */
export function signedForms(token) {
  try {
    return { forms: formsIn(token), problem: "" };
  } catch (error) {
    if (error instanceof Refusal) return { forms: [], problem: error.message };
    throw error;
  }
}

function formsIn(token) {
  const bare = token.trim();
  if (bare.startsWith("{")) return formsInJson(bare);
  const parts = bare.split("~", 1)[0].split("."); // what an SD-JWT discloses stands after its signature
  if (parts.length === 5) throw new Refusal("This is an encrypted token (JWE): it has no signature that could be checked.");
  if (parts.length !== 3) {
    throw new Refusal(`A signed token has three parts with dots between them; this has ${parts.length}.`);
  }
  const [header, payload, signature] = parts;
  return [formOf(header, payload, signature)];
}

function formsInJson(bare) {
  const value = readObject(new TextEncoder().encode(bare));
  if (value === null) throw new Refusal("The token begins as JSON and is not a JSON object with each name once.");
  const payload = memberOf(value, "payload");
  const signatures = memberOf(value, "signatures") ?? [value];
  if (typeof payload !== "string" || !Array.isArray(signatures)) {
    throw new Refusal("The JSON has no payload with signatures (RFC 7515 section 7.2).");
  }
  const forms = signatures.slice(0, MAX_SIGNATURES).flatMap((signed, place) => {
    const [header, signature] = ["protected", "signature"].map((name) => signed?.[name]);
    return typeof header === "string" && typeof signature === "string" ? [formOf(header, payload, signature, place)] : [];
  });
  if (!forms.length) throw new Refusal("No signature in the JSON has a protected header, which says what was signed.");
  return forms;
}

export function formOf(segment, payload, signature, place = 0) {
  const header = headerIn(segment);
  const [said, kid] = ["alg", "kid"].map((name) => (header === null ? undefined : memberOf(header, name)));
  return { header, said, kid, text: `${segment}.${payload}`, payload, signature, place };
}

/** The header in a segment, read strictly; null where a strict verifier reads none. */
export function headerIn(segment) {
  const octets = fromBase64url(segment);
  return octets && readObject(octets);
}

/** A name out of a header or a key, in a sentence. */
export function quotedName(name) {
  return typeof name === "string" ? `\`${brief(name)}\`` : "something that is no text";
}
