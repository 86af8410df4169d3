// Keys in DER, with their armour (RFC 7468) and without it: SPKI and PKCS#1 for public ones, PKCS#8, PKCS#1 and SEC 1
// for private ones, and certificates, out of which the key is taken. What comes out is a JWK.

import { CURVES, secondCoordinate } from "./curves.js";
import { Refusal, derList, derSequence, derTags, hexOf, magnitude } from "./der.js";
import { fromAnyBase64 } from "./secrets.js";
import { toBase64url } from "./strict.js";

const BEGIN = /-----BEGIN ([A-Z0-9 ]{1,40})-----/g;
const UNSUPPORTED =
  "The key is of a type that signs no tokens. Use RSA, P-256, P-384, P-521 or Ed25519.";
const BROKEN = "There is no key in it that can be read, or it was cut. Copy it again, as its maker exported it.";
const ENCRYPTED = "The private key is encrypted. Decrypt it first: openssl pkey -in key.pem; or paste its public half.";

const RSA_PUBLIC = ["n", "e"];
const RSA_PRIVATE = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];

// As such, and marked for PSS: the numbers are the same.
const RSA_IDS = ["2a864886f70d010101", "2a864886f70d01010a"];
const EC_ID = "2a8648ce3d0201";
const ED25519_ID = "2b6570";
/** What else an object identifier can name, in a sentence each. */
const NAMED = {
  "2b6571": "This is an Ed448 key. Neither browsers nor gatepass verify with it; use Ed25519.",
  "2b656e": "This is an X25519 key, which agrees on keys and signs nothing.",
  "2b656f": "This is an X448 key, which agrees on keys and signs nothing.",
  "2a8648ce380401": "This is a DSA key, for which tokens have no algorithm.",
};
const CURVE_NAMES = { "2a8648ce3d030107": "P-256", "2b81040022": "P-384", "2b81040023": "P-521" };
const OTHER_CURVES = {
  "2b8104000a": "secp256k1, which neither browsers nor gatepass verify with (ES256K)",
  "2a8648ce3d030101": "P-192",
  "2b81040021": "P-224",
  "2b2403030208010107": "brainpoolP256r1",
};

/** The keys in `text`, as JWKs: `{jwk, certificate}` each. */
export function readPem(text) {
  // One line of a configuration file writes the ends of lines as two characters.
  const plain = text.replaceAll("\\r", "").replaceAll("\\n", "\n");
  const found = [];
  for (const { 0: begin, 1: label, index } of plain.matchAll(BEGIN)) {
    if (label === "EC PARAMETERS") continue; // `openssl ecparam -genkey` writes them in front of a key
    const start = index + begin.length;
    const end = plain.indexOf(`-----END ${label}-----`, start);
    if (end < 0) throw new Refusal("The PEM has no end. Copy the lines from BEGIN to END, both included.");
    found.push(readBlock(label, plain.slice(start, end)));
  }
  if (!found.length) throw new Refusal("The PEM holds no key.");
  return found;
}

function readBlock(label, body) {
  if (body.includes("ENCRYPTED") || label.includes("ENCRYPTED")) throw new Refusal(ENCRYPTED);
  if (label === "OPENSSH PRIVATE KEY") throw new Refusal(openSsh("ssh-keygen -p -m pkcs8"));
  const isKey = /(?:PUBLIC KEY|PRIVATE KEY|CERTIFICATE)$/.test(label);
  if (!isKey) throw new Refusal(`The PEM holds no key, but says that it is: ${label}.`);
  const der = fromAnyBase64(body);
  if (der === null) throw new Refusal("The PEM is not base64 between its lines. Copy it again, as it is.");
  return readDer(der);
}

/** The sentence about a key in the form of OpenSSH, with the command that converts it. */
export function openSsh(command) {
  return `The key is in the form of OpenSSH. Convert it: ${command}.`;
}

/** The key in `der`, as a JWK: `{jwk, certificate}`. */
export function readDer(der) {
  const parts = derSequence(der) ?? derSequence(derList(der)?.[0]?.whole ?? []);
  const jwk = keyIn(derTags(parts), parts);
  return { jwk, certificate: derTags(parts) === "30 30 03" };
}

// Each form is known by the tags of its parts, whatever the label around it says.
function keyIn(tags, parts) {
  if (tags === "30 30 03") return inCertificate(parts[0].body);
  if (tags === "30 03") return inSpki(parts);
  if (tags === "02 02") return rsaKey(parts, RSA_PUBLIC);
  if (tags === "30 04") throw new Refusal(ENCRYPTED);
  if (/^02 30 04(?: a0)?(?: (?:a1|81))?$/.test(tags)) return inPkcs8(parts);
  if (/^02 04(?: a0)?(?: a1)?$/.test(tags)) return inSec1(parts, null);
  if (/^(?:02 ){8}02$/.test(tags)) return rsaKey(parts.slice(1), RSA_PRIVATE);
  throw new Refusal(BROKEN);
}

function inCertificate(body) {
  // Version, serial number, algorithm, issuer, dates, subject, key: RFC 5280 section 4.1. The first may be left out.
  const parts = (derList(body) ?? []).filter(({ tag }) => tag !== 0xa0);
  return inSpki(derSequence(parts[5]?.whole ?? []));
}

function inSpki(parts) {
  const { name, parameters } = algorithmOf(parts?.[0]);
  // A string of bits says first how many of its last octet are unused: none.
  const said = parts[1]?.body.subarray(1) ?? [];
  if (RSA_IDS.includes(name)) return rsaKey(derSequence(said), RSA_PUBLIC);
  if (name === EC_ID) return pointOn(curveNamed(parameters), said);
  if (said.length !== 32) throw new Refusal(BROKEN);
  return { kty: "OKP", crv: "Ed25519", x: toBase64url(said) };
}

function inPkcs8([, algorithm, { body }]) {
  const { name, parameters } = algorithmOf(algorithm);
  const parts = derSequence(body);
  if (RSA_IDS.includes(name)) return rsaKey(parts?.slice(1), RSA_PRIVATE);
  if (name === EC_ID) return inSec1(parts ?? [], parameters);
  const seed = derList(body)?.[0];
  if (seed?.tag !== 4 || seed.body.length !== 32) throw new Refusal(BROKEN);
  return { kty: "OKP", crv: "Ed25519", d: toBase64url(seed.body) };
}

/** RFC 5915: a number, and then, tagged, the curve and the public point, which may be left out. */
function inSec1(parts, parameters) {
  const tagged = (tag) => derList(parts.find((part) => part.tag === tag)?.body ?? [])?.[0];
  const crv = curveNamed(tagged(0xa0) ?? parameters);
  const d = parts[1]?.body;
  if (d?.length !== CURVES[crv].size) throw new Refusal(BROKEN);
  const point = tagged(0xa1);
  return { ...(point ? pointOn(crv, point.body.subarray(1)) : { kty: "EC", crv }), d: toBase64url(d) };
}

function algorithmOf(element) {
  const [identifier, parameters] = derList(element?.body ?? []) ?? [];
  const name = identifier?.tag === 6 ? hexOf(identifier.body) : "";
  if (![...RSA_IDS, EC_ID, ED25519_ID].includes(name)) throw new Refusal(name ? NAMED[name] ?? UNSUPPORTED : BROKEN);
  return { name, parameters };
}

function curveNamed(element) {
  const name = element?.tag === 6 ? hexOf(element.body) : "";
  if (Object.hasOwn(CURVE_NAMES, name)) return CURVE_NAMES[name];
  throw new Refusal(
    `The key is not on a curve that tokens are signed on, which are ${Object.keys(CURVES).join(", ")}; it is on ` +
      `${OTHER_CURVES[name] ?? (name ? "another one" : "one that it does not name")}.`,
  );
}

/** SEC 1 section 2.3.4: 4 and both coordinates, or 2 or 3 and the first one. */
function pointOn(crv, octets) {
  const curve = CURVES[crv];
  const x = octets.slice(1, 1 + curve.size);
  const whole = octets[0] === 4 && octets.length === 1 + 2 * curve.size;
  const half = (octets[0] === 2 || octets[0] === 3) && octets.length === 1 + curve.size;
  if (!whole && !half) throw new Refusal(BROKEN);
  const y = whole ? octets.slice(1 + curve.size) : secondCoordinate(curve, x, octets[0] & 1);
  return { kty: "EC", crv, x: toBase64url(x), y: toBase64url(y) };
}

function rsaKey(parts, names) {
  const numbers = (parts ?? []).map((part) => (part.tag === 2 ? magnitude(part) : null));
  if (numbers.length !== names.length || numbers.includes(null)) throw new Refusal(BROKEN);
  return { kty: "RSA", ...Object.fromEntries(names.map((name, at) => [name, toBase64url(numbers[at])])) };
}
