// What is remarkable about a token that could be read: the table of warnings, as far as it needs no key.

import { SPACE, brief, cut, hasHidden } from "./printing.js";
import { meaningOf } from "./read.js";
import { duration, relative } from "./relative.js";
import { ALGORITHMS, PERSONAL_NAMES, SECRET_NAMES } from "./texts.js";

// These are the library's: see there why.
const LONG_ACCESS = 3_600;
const LONG_LIFE = 30 * 86_400;
const LATEST = 253_402_300_799;
const MOST_SEEN = 50;
const TIME_CLAIMS = ["iat", "nbf", "exp", "auth_time"];
const SMALLEST_RSA = 2048;

const NOT_IN_KID = new RegExp(`\\.\\.|[\\\\"'\`;?&%<>|$()${SPACE}\\x00-\\x1f\\x7f]|:/`);
const DIGEST = /^[A-Za-z0-9+/]{27,}={0,2}$/;
const EMAIL = new RegExp(`^[^@${SPACE}]{1,64}@[^@${SPACE}.]{1,63}(?:\\.[^@${SPACE}.]{1,63}){1,8}$`, "u");
const PHONE = /^\+[0-9][0-9 ()./-]{5,18}[0-9]$/;
const CARD = /^(?:4|5[1-5]|2[2-7]|3[0-8]|6)[0-9 -]{11,22}[0-9]$/;
const TOKEN_INSIDE = /(?<![A-Za-z0-9_-])ey[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+\./;
const API_KEY = new RegExp(
  "(?<![A-Za-z0-9_-])(?:(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20}|github_pat_[A-Za-z0-9_]{20}" +
    "|glpat-[A-Za-z0-9_-]{20}|[rs]k_(?:live|test)_[A-Za-z0-9]{10}|sk-[A-Za-z0-9_-]{20}|xox[abprs]-[A-Za-z0-9-]{10}" +
    "|AIza[0-9A-Za-z_-]{35}|npm_[A-Za-z0-9]{30})",
);

/** Say what is remarkable about the header of any token. */
export function remarkHeader(reader, header) {
  const found = suspiciousIn(header.get("kid"));
  if (found) reader.find("kid_suspicious", { found });
  for (const name of ["jku", "x5u"]) if (header.has(name)) reader.find("key_url", { name });
  if (header.has("x5t") && !header.has("x5t#S256")) reader.find("thumbprint_sha1");
  if (header.has("crit")) reader.find("crit");
}

/** Say what is remarkable about the header of a token that is signed. */
export function remarkSignedHeader(reader, header, isProof) {
  const alg = header.get("alg");
  if (isNone(alg)) reader.find("alg_none");
  if (alg === "EdDSA") reader.find("eddsa");
  const isPublic = typeof alg === "string" && /^(?:RS|PS|ES|Ed)/.test(alg);
  if (!header.has("kid") && !isProof && isPublic) reader.find("kid_missing");
  if (isProof) return; // it is signed by the key that it brings: RFC 9449 section 4.2
  for (const name of ["jwk", "x5c"]) if (header.has(name)) reader.find("key_embedded", { name });
}

function isNone(alg) {
  return typeof alg === "string" && alg.toLowerCase() === "none";
}

function suspiciousIn(kid) {
  if (typeof kid !== "string") return "";
  const match = NOT_IN_KID.exec(kid);
  if (match) return `\`${brief(match[0])}\``;
  return kid.includes("/") && !DIGEST.test(kid) ? "`/`" : "";
}

/** Say what can be seen of a signature without a key: how long it is, and in which form. */
export function remarkSignature(reader, alg, signature) {
  if (typeof alg !== "string" || isNone(alg)) return;
  if (!signature?.length) {
    reader.find("signature_empty", { alg: brief(alg) });
    return;
  }
  if (!Object.hasOwn(ALGORITHMS, alg)) return;
  const [, expected] = ALGORITHMS[alg];
  const found = signature.length;
  if (!expected) {
    if (found * 8 < SMALLEST_RSA) reader.find("rsa_small", { bits: found * 8 });
  } else if (alg.startsWith("ES") && found !== expected && isDer(signature)) {
    reader.find("signature_der", { alg, expected });
  } else if (found !== expected) {
    reader.find("signature_size", { alg, found, expected });
  }
}

/** Whether `signature` begins as a sequence of two integers that is as long as it says. */
function isDer(signature) {
  const head = signature.subarray(signature[1] === 0x81 ? 2 : 1);
  return signature[0] === 0x30 && head[0] === ((head.length - 1) & 255) && head[1] === 2;
}

/** Say what is remarkable about the claims of a token, and return the times that they name. */
export function remarkClaims(reader, claims, typ, now) {
  const times = new Map();
  for (const name of TIME_CLAIMS) {
    const at = claims.has(name) ? timeOf(reader, name, claims.get(name)) : null;
    if (at !== null) times.set(name, at);
  }
  const isProof = typ === "dpop+jwt"; // it is good for one request, and says so by `htm`, `htu`, `iat`
  for (const name of isProof ? [] : ["exp", "aud", "iss"]) if (!claims.has(name)) reader.find(`${name}_missing`);
  const isAccess = typ === "at+jwt" || ["scope", "scp", "client_id"].some((name) => claims.has(name));
  if (isAccess && typ !== "at+jwt" && !isProof) reader.find("typ_access");
  const [iat, nbf, exp] = ["iat", "nbf", "exp"].map((name) => times.get(name));
  if (exp !== undefined) {
    const lives = exp - (iat ?? now);
    if (exp <= iat) reader.find("exp_before_iat");
    else if (lives > LONG_LIFE) reader.find("lifetime", { duration: duration(lives) });
    else if (isAccess && lives > LONG_ACCESS) reader.find("lifetime_access", { duration: duration(lives) });
  }
  if (iat > now) reader.find("iat_future", { relative: relative(iat - now) });
  if (nbf > now) reader.find("nbf_future", { relative: relative(nbf - now) });
  return [...times].map(([name, at]) => ({ name, at, relative: relative(at - now), read: isRead(claims.get(name), at) }));
}

/** Whether a verifier reads what a token `said` as the time `at`: no milliseconds, and no text. */
function isRead(said, at) {
  return typeof said !== "string" && Number(said) === at;
}

/** The seconds that `said` means, also where it is written in another way than RFC 7519 wants; null: none. */
function timeOf(reader, name, said) {
  let value = said;
  if (typeof value === "string" && /^[0-9]{1,16}$/.test(value)) {
    reader.find("time_text", { name });
    value = BigInt(value);
  }
  if (typeof value !== "bigint" && typeof value !== "number") {
    reader.find("time_no", { name });
    return null;
  }
  if (LATEST < value && value <= LATEST * 1_000) {
    reader.find("time_ms", { name });
    value = Number(value) / 1_000;
  }
  if (!(0 <= value && value <= LATEST)) {
    reader.find("time_no", { name });
    return null;
  }
  const at = Number(value);
  if (!Number.isInteger(at)) reader.find("time_fraction", { name });
  return at;
}

/** Say which values look secret, personal, or other than they are shown. */
export function remarkValues(reader, part, value) {
  let seen = 0;
  for (const [path, name, member] of walk(() => part, "", value)) {
    for (const [code, what] of looksLike(name, member)) {
      if (seen === MOST_SEEN) {
        reader.leftOut = true;
        return;
      }
      seen++;
      reader.find(code, { path: brief(path()), what });
    }
  }
}

/** Say which digest is twice in `values`: the claims of an SD-JWT, and what it discloses. */
export function remarkDigests(reader, values) {
  const seen = new Set();
  for (const [, name, member] of walk(() => "", "", values)) {
    if ((name !== "_sd" && name !== "...") || typeof member !== "string") continue;
    if (seen.has(member)) {
      reader.find("digest_twice", { digest: brief(member) });
      return;
    }
    seen.add(member);
  }
}

/**
 * Each value with its path, which is made when it is asked for, and its name, and each name by itself; a list's values
 * have the name of the list.
 */
function* walk(path, name, value) {
  yield [path, name, value];
  if (value instanceof Map) {
    for (const [inner, member] of value) {
      const place = () => `${cut(path(), 200)}.${cut(inner, 200)}`;
      yield [place, "", inner];
      yield* walk(place, inner, member);
    }
  } else if (Array.isArray(value)) {
    for (const [number, member] of value.entries()) yield* walk(() => `${cut(path(), 200)}[${number}]`, name, member);
  }
}

/** What `value` looks like: codes of findings, each with what it is in words. */
function looksLike(name, value) {
  const found = [];
  const text = typeof value === "string" ? value : typeof value === "bigint" ? String(value) : "";
  if (hasHidden(text)) found.push(["hidden", ""]);
  if (value instanceof Map && isPrivateJwk(value)) found.push(["key_private", ""]);
  if (!text) return found;
  const plain = name.toLowerCase().replace(/[-_]/g, "");
  const secret = meaningOf(SECRET_NAMES, plain) || secretIn(text);
  const personal = secret ? "" : meaningOf(PERSONAL_NAMES, plain) || personalIn(text);
  if (secret) found.push(["secret", secret]);
  if (personal) found.push(["personal", personal]);
  return found;
}

/** Whether it has what signs: `d` of a pair of keys, `k` of a secret. RFC 7518 section 6. */
function isPrivateJwk(jwk) {
  const kty = jwk.get("kty");
  return typeof kty === "string" && (jwk.has("d") || (kty === "oct" && jwk.has("k")));
}

function secretIn(text) {
  if (text.includes("PRIVATE KEY-----")) return "a private key";
  if (TOKEN_INSIDE.test(text)) return "another token";
  if (API_KEY.test(text)) return "a key of an API";
  return CARD.test(text) && isLuhn(text.replace(/[^0-9]/g, "")) ? "a card number" : "";
}

/** Whether the last digit checks the others: ISO/IEC 7812-1 annex B. */
function isLuhn(digits) {
  const weighed = [...digits].reverse().map((digit, at) => (at % 2 ? 2 * digit - (digit > 4 ? 9 : 0) : Number(digit)));
  return digits.length >= 13 && digits.length <= 19 && weighed.reduce((sum, one) => sum + one) % 10 === 0;
}

function personalIn(text) {
  if (EMAIL.test(text)) return "an e-mail address";
  return PHONE.test(text) ? "a telephone number" : "";
}
