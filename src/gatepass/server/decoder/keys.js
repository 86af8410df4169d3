// Whatever is pasted as a key: PEM, DER in base64, a JWK, a set of them, a secret.

import { Refusal, derSequence } from "./der.js";
import { readJwk, readSecret } from "./jwk.js";
import { openSsh, readDer, readPem } from "./pem.js";
import { fromAnyBase64, readingsOf } from "./secrets.js";
import { readObject } from "./strict.js";

const MAX_TEXT = 1 << 20;
const MAX_SECRET = 1 << 16;
const MAX_KEYS = 256;

const CERTIFICATE_WARNING = {
  code: "certificate",
  level: "warn",
  sentence: "This is a certificate. Its key was taken out of it; its dates and its issuer were not looked at.",
};

const OPEN_IT = "Open that address and paste what it shows: this page asks nobody for anything.";
/** Names that say what a member of JSON is, and not which key. */
const NO_NAME = /key|cert|pem/i;

/**
 * The keys in `text`: `{keys, sentence, problem, unfit}`. `problem` says why there is nothing to verify with, `unfit` why
 * the library would load none of it, though it can be verified with here. Each is empty where there is none.
 *
 * A secret is read in each way in which it can be meant: its keys are those readings.
 */
export function readKeys(text) {
  try {
    const found = { unfit: "", ...readAny(text) };
    return { sentence: sentenceFor(found.keys), problem: "", ...found };
  } catch (error) {
    if (error instanceof Refusal) return { keys: [], sentence: "", problem: error.message, unfit: error.message };
    throw error;
  }
}

function readAny(text) {
  const bare = text.trim();
  if (!bare) return { keys: [{ ...readSecret(new Uint8Array()), reading: "blank" }], sentence: "No key." };
  if (bare.length > MAX_TEXT) throw new Refusal("The text is longer than any key: more than 1 MiB.");
  if (bare.startsWith("{")) return readJson(bare);
  if (/^\[\s*\{/.test(bare)) return readJson(`{"keys":${bare}}`);
  if (/^https?:\/\/\S+$/.test(bare)) throw new Refusal(`This is an address and no key. ${OPEN_IT}`);
  if (bare.includes("-----BEGIN")) return readBlocks(readPem(bare));
  if (/^(?:ssh-|ecdsa-sha2-|sk-ssh-|sk-ecdsa-|---- BEGIN SSH2)/.test(bare)) {
    throw new Refusal(openSsh("ssh-keygen -e -m pkcs8 -f key.pub"));
  }
  const der = fromAnyBase64(bare);
  if (der !== null && derSequence(der)?.length > 1) return readBlocks([readDer(der)]);
  const inside = der === null ? "" : new TextDecoder("latin1").decode(der);
  if (inside.includes("-----BEGIN")) return readBlocks(readPem(inside));
  if (text.length > MAX_SECRET) throw new Refusal("This is no key in a form that is known, and longer than any secret.");
  return readReadings(text);
}

function readJson(bare) {
  const value = readObject(new TextEncoder().encode(bare));
  if (value === null) throw new Refusal("The text begins as JSON and is not a JSON object with each name once.");
  if (Object.hasOwn(value, "jwks_uri")) throw new Refusal(`This is what an issuer says of itself; its keys are at \`jwks_uri\`. ${OPEN_IT}`);
  const named = Object.entries(value).filter(([, member]) => typeof member === "string" && member.includes("-----BEGIN"));
  if (named.length && !Object.hasOwn(value, "kty")) return readNamed(named);
  if (!Object.hasOwn(value, "keys")) return { keys: [readJwk(value)] };
  if (!Array.isArray(value.keys)) throw new Refusal('The key set has no list "keys" (RFC 7517 section 5).');
  if (!value.keys.length) throw new Refusal("The key set is empty.");
  if (value.keys.length > MAX_KEYS) throw new Refusal(`The key set has more than ${MAX_KEYS} keys.`);
  return readSet(value.keys);
}

/** PEM by name, as Google publishes it; a few programs keep one so. */
function readNamed(named) {
  if (named.length > MAX_KEYS) throw new Refusal(`There are more than ${MAX_KEYS} keys.`);
  const blocks = named.flatMap(([name, pem]) =>
    readPem(pem).map((block) => ({ ...block, jwk: NO_NAME.test(name) ? block.jwk : { ...block.jwk, kid: name } })),
  );
  return readBlocks(blocks);
}

function readSet(members) {
  const keys = [];
  const refusals = [];
  for (const [at, member] of members.entries()) {
    try {
      if (member === null || typeof member !== "object" || Array.isArray(member)) throw new Refusal("It is no JSON object.");
      keys.push(readJwk(member));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refusals.push(`Key ${at + 1} of the set: ${error.message}`);
    }
  }
  if (!keys.length) throw new Refusal(refusals[0]);
  const kids = keys.map(({ kid }) => kid).filter((kid) => kid !== null);
  if (new Set(kids).size < kids.length) refusals.push("Two keys of the set have one name (kid).");
  if (new Set(keys.map(({ family }) => family === "oct")).size > 1) {
    refusals.push("The key set mixes secrets with public keys: one could be mistaken for the other.");
  }
  const left = members.length - keys.length;
  const sentence = `${sentenceFor(keys)}${left ? ` ${left} more cannot be used. ${refusals[0]}` : ""}`;
  return { keys, sentence, unfit: [...refusals, ...keys.map(({ unfit }) => unfit)].find((why) => why) ?? "" };
}

function readBlocks(blocks) {
  const keys = blocks.map(({ jwk, certificate }) => {
    const key = readJwk(jwk);
    // That the public half is left out is wrong in a JWK, and usual in DER.
    return { ...key, unfit: "", warnings: [...(certificate ? [CERTIFICATE_WARNING] : []), ...key.warnings] };
  });
  return { keys, unfit: keys.length > 1 ? "The text holds several keys; the library wants one, or a JWK Set." : "" };
}

function readReadings(text) {
  const keys = readingsOf(text).map(({ reading, octets }) => ({ ...readSecret(octets), reading }));
  return { keys, sentence: `A secret, which can be meant as ${keys.map(({ reading }) => reading).join(", ")}.` };
}

function sentenceFor(keys) {
  const named = keys.slice(0, 5).map(({ description, kid }) => (kid === null ? description : `${description}, \`${kid}\``));
  const more = keys.length > named.length ? `; and ${keys.length - named.length} more` : "";
  return keys.length === 1 ? `This is ${named[0]}.` : `These are ${keys.length} keys: ${named.join("; ")}${more}.`;
}
