// Signatures that anybody could have made: with a secret out of a tutorial, or with the key that the token brings.

import { Refusal } from "./der.js";
import { currentName, readJwk } from "./jwk.js";
import { LONGEST_TOKEN, byLevel } from "./look.js";
import { pointsIn } from "./printing.js";
import { canVerify, fits } from "./signature.js";
import { fromBase64url, memberOf } from "./strict.js";
import { FINDINGS, TUTORIAL_SECRETS } from "./texts.js";

// These are the library's: see there why.
const MAX_GUESSED = 20;
const GUESSED_KINDS = new Set(["jws", "nested", "sd-jwt", "dpop"]);
const MACS = ["HS256", "HS384", "HS512"];
const PUBLIC_PARTS = { EC: ["crv", "x", "y"], OKP: ["crv", "x"], RSA: ["n", "e"] };
const MODULUS_OCTETS = { least: 256, most: 512 };
const ONE_EXPONENT = "AQAB";

/** `tokens` with what guessing adds to their findings; as they are, where the browser does no cryptography. */
export async function guessed(tokens) {
  let left = MAX_GUESSED;

  async function one(token) {
    let code = null;
    if (GUESSED_KINDS.has(token.kind) && pointsIn(token.text) <= LONGEST_TOKEN && left) {
      left--;
      code = await guess(token);
    }
    const inner = await all(token.inner);
    if (code === null) return { ...token, inner };
    const [level, sentence] = FINDINGS[code];
    return { ...token, findings: byLevel([...token.findings, { code, level, sentence }]), inner };
  }

  async function all(some) {
    const done = [];
    for (const token of some) done.push(await one(token)); // one after the other: they are counted
    return done;
  }

  return canVerify() ? all(tokens) : tokens;
}

/** The code of what is found; null: nothing. */
async function guess({ kind, text, parts }) {
  const [compact] = text.split("~", 1);
  const dot = compact.lastIndexOf(".");
  const signature = fromBase64url(compact.slice(dot + 1));
  if (signature === null) return null;
  const said = (wanted) => parts[0].members.findLast(({ name }) => name === wanted)?.value;
  const alg = (said("alg") ?? "").replace(/^"+|"+$/g, "");
  const isMac = MACS.includes(alg);
  for (const key of isMac ? tutorialKeys() : []) {
    if (await fits(key, alg, compact.slice(0, dot), signature)) return key.octets.length ? "secret_known" : "secret_blank";
  }
  if (kind === "dpop") return null; // it is signed by the key that it brings: RFC 9449 section 4.2
  const key = ownKeyOf(JSON.parse(said("jwk") ?? "null"), isMac, currentName(alg));
  return key && (await fitsOrNot(key, currentName(alg), compact.slice(0, dot), signature)) ? "key_verifies" : null;
}

function tutorialKeys() {
  return Object.entries(TUTORIAL_SECRETS).map(([secret, written]) => {
    const octets = written === "base64url" ? fromBase64url(secret) : new TextEncoder().encode(secret);
    return { family: "oct", octets };
  });
}

/** The key in `jwk`, by what a public key of its type is made of; null where none of `alg` is in it. */
function ownKeyOf(jwk, isMac, alg) {
  if (jwk === null || typeof jwk !== "object" || Array.isArray(jwk)) return null;
  const kty = memberOf(jwk, "kty");
  const octetsOfMember = (name) => fromBase64url(typeof memberOf(jwk, name) === "string" ? jwk[name] : "");
  if (isMac) {
    const octets = octetsOfMember("k");
    return kty === "oct" && octets !== null ? { family: "oct", octets } : null;
  }
  const names = typeof kty === "string" && Object.hasOwn(PUBLIC_PARTS, kty) ? PUBLIC_PARTS[kty] : [];
  if (kty === "RSA") {
    // Whatever verifies with other keys, a browser or the library, is no guide.
    const size = octetsOfMember("n")?.length ?? 0;
    const isCommon = size >= MODULUS_OCTETS.least && size <= MODULUS_OCTETS.most;
    if (!isCommon || memberOf(jwk, "e") !== ONE_EXPONENT) return null;
  }
  try {
    const key = readJwk({ kty, ...Object.fromEntries(names.map((name) => [name, memberOf(jwk, name)])) });
    return key.algorithms.includes(alg) ? key : null;
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

async function fitsOrNot(key, alg, signed, signature) {
  try {
    return await fits(key, alg, signed, signature);
  } catch (error) {
    if (error instanceof Refusal) return false; // the browser does not take it
    throw error;
  }
}
