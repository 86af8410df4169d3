// Secrets of HMAC: how a pasted text can be meant, and those that everybody knows.

import { derSequence, derTags, fromHex, hexOf } from "./der.js";
import { beforeAll } from "./printing.js";
import { fromLetters } from "./read.js";
import { fromBase64url } from "./strict.js";
import { TUTORIAL_SECRETS } from "./texts.js";

// Of jwt.io, FastAPI's and Flask's pages, Django's template; a test holds them equal to those that the library refuses.
// The long ones are in the table of the tutorials, too, and once is enough.
const SAMPLES = [
  ...Object.keys(TUTORIAL_SECRETS).filter((text) => /^[0-9a-f]{64}$|^a-valid-|^your-\d+-bit-/.test(text)),
  "a-string-secret-at-least-256-bits-long",
  "django-insecure-",
  "your-secret-key",
  "changeme",
  "change-me",
  "secretsecret",
  "passwordpassword",
];
const PUBLIC_TEXT =
  /-----BEGIN|---- BEGIN SSH2|"kty"|'kty'|\b(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp\d+|sk-ssh-|sk-ecdsa-)/;

const asText = (octets) => Array.from(octets, (octet) => String.fromCharCode(octet)).join("");

/** What settings write around a secret: its name, quotes, and what Laravel puts before base64. */
const WRAPPINGS = [
  [" after its name", /^(?:export )?["']?[A-Za-z_][\w.-]*["']?[ \t]*(?:=|:(?=\s))\s*([^=].*)$/s],
  [" in quotes", /^["'](.*)["'][,;]?$/s],
  [" after `base64:`", /^base64:(.+)$/s],
];

/** What `text` can mean as a secret: its octets, under the name of each reading. The first of equal ones counts. */
export function readingsOf(text) {
  const readings = readingsIn(text, "");
  let inside = text.trim();
  let where = "";
  for (const [said, pattern] of WRAPPINGS) {
    const value = pattern.exec(inside)?.[1];
    if (value === undefined) continue;
    inside = value;
    where += said;
    readings.push(...readingsIn(inside, ` of the value${where}`));
  }
  const seen = new Set();
  return readings
    .filter(([, octets]) => octets !== null && !seen.has(hexOf(octets)) && seen.add(hexOf(octets)))
    .map(([reading, octets]) => ({ reading, octets }));
}

function readingsIn(text, where) {
  const bare = text.trim();
  const encoder = new TextEncoder();
  return [
    [`text (utf-8)${where}`, encoder.encode(text)],
    [`text (utf-8)${where} without the white space around it`, encoder.encode(bare)],
    [`hex${where}`, /^([0-9a-f]{2})+$/i.test(bare) ? fromHex(bare) : null],
    [`base64${where}`, /[-_]/.test(bare) ? null : fromAnyBase64(bare)],
    [`base64url${where}`, /[+/]/.test(bare) ? null : fromAnyBase64(bare)],
  ];
}

/** The octets of base64 in either alphabet, as lenient readers take it: padding or not, unused bits or not. */
export function fromAnyBase64(text) {
  const dense = text.replace(/\s+/g, "");
  const letters = dense.slice(0, beforeAll("=", dense)).replaceAll("+", "-").replaceAll("/", "_");
  return letters ? fromLetters(letters) : null;
}

/** Whether `secret` is one byte, over and over. */
export function isRepeated(secret) {
  return new Set(secret).size === 1;
}

/** Whether `secret` holds one that the library refuses, because documentation prints it. */
export function isSample(secret) {
  const text = asText(secret).toLowerCase();
  return SAMPLES.some((sample) => text.includes(sample));
}

/** Whether `secret` is one of those that an inspection tries. */
export function isTutorial(secret) {
  return Object.entries(TUTORIAL_SECRETS).some(([text, written]) => {
    const octets = written === "base64url" ? fromBase64url(text) : new TextEncoder().encode(text);
    return octets.length === secret.length && octets.every((octet, at) => octet === secret[at]);
  });
}

/** Whether `secret` is a public key or a certificate, in any of the forms in which they are passed around. */
export function isPublicText(secret) {
  const text = asText(secret).replaceAll("\0", ""); // without the zeros of UTF-16
  return PUBLIC_TEXT.test(text) || isPublicDer(secret) || isPublicDer(fromAnyBase64(text) ?? []);
}

/** Whether `der` has the form of SPKI, of a certificate, or of PKCS#1. */
function isPublicDer(der) {
  const parts = derSequence(der);
  return ["30 03", "30 30 03", "02 02"].includes(derTags(parts));
}
