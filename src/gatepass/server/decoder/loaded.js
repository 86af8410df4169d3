// What the library says of keys and a signature: stricter than what is tried here for a person.

import { currentName, shortness } from "./jwk.js";
import { capital } from "./printing.js";
import { fits } from "./signature.js";
import { fromBase64url } from "./strict.js";

/**
 * What the library says of keys and signature, in its order; it looks at the rest of the header before. A key that does
 * not say what it is for is taken to be for the first of `preferred` that it can be for.
 */
export async function asTheLibrary(form, read, preferred) {
  const refused = (reason, unfit = "") => ({ reason, unfit });
  if (read.unfit) return refused("configuration", read.unfit);
  const alg = currentName(form.said);
  const bound = read.keys.map((key) => ({ key, alg: boundAlgorithm(key, preferred) }));
  const stray = bound.find((one) => one.alg === null);
  if (stray) {
    const { description } = stray.key;
    return refused("configuration", `${capital(description)} is not for ${preferred.at(-1)}, and does not say what it is for.`);
  }
  const isText = read.keys[0].reading !== undefined;
  const unfit = bound.map((one) => one.key.unfit || (one.key.family === "oct" ? shortness(one.key, one.alg) : ""));
  if (isText ? unfit.every(Boolean) : unfit.some(Boolean)) return refused("configuration", unfit.find(Boolean));
  const chosen = chosenBy(form.kid, bound, alg, isText);
  if (!chosen.length) return refused("key");
  if (chosen.some((one) => one.alg !== alg)) return refused("algorithm");
  const signature = fromBase64url(form.signature);
  if (signature === null) return refused("base64url");
  for (const { key } of chosen) {
    if (await fits(key, alg, form.text, signature)) {
      const why = unfit[bound.findIndex((one) => one.key === key)];
      return why ? refused("configuration", why) : refused("");
    }
  }
  return refused("signature");
}

/** The one algorithm that `key` is for; null where it says none and none is one for it. RFC 8725 section 3.1. */
function boundAlgorithm({ algorithms }, preferred) {
  if (algorithms.length === 1) return algorithms[0];
  return preferred.find((one) => algorithms.includes(one)) ?? null;
}

/** The keys that the library would check with: the one of that name; without a name, just one for the algorithm. */
function chosenBy(kid, bound, alg, isText) {
  if (isText) return bound; // one secret, however it is read; it has the name that it is given
  const fitting = bound.filter((one) => (kid === undefined ? one.alg === alg : one.key.kid === kid));
  if (fitting.length === 1) return fitting;
  // A key without a name gets one where it is loaded: that of its tokens.
  return kid !== undefined && bound.length === 1 && bound[0].key.kid === null ? bound : [];
}
