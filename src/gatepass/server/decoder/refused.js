// Why a service refused a token: its checks, in their order, and the first of them that says no. What it asks for is
// read in policy.js, and what it answered in explained.js.

import { Refusal } from "./der.js";
import { currentName } from "./jwk.js";
import { readKeys } from "./keys.js";
import { asTheLibrary } from "./loaded.js";
import { LONGEST_TOKEN } from "./look.js";
import { DEFAULTS, policyProblem } from "./policy.js";
import { brief, fill, pointsIn } from "./printing.js";
import { relative } from "./relative.js";
import { NO_WEBCRYPTO, canVerify } from "./signature.js";
import { formOf } from "./signed.js";
import { fromBase64url, memberOf, readObject } from "./strict.js";
import { CHECKS, REFUSALS } from "./texts.js";

// These are the library's: see there why.
const UNDERSTOOD_BY_NOBODY = ["crit", "b64", "zip", "enc"];
const MAX_NAME = 256;
const MAX_SUB = 1_024;
const MAX_TIME = 253_402_300_799;
const ALWAYS_LOOKED_AT = ["exp", "iss", "aud"];

const NOT_REACHED = "An earlier check said no.";
const NOT_SAID = "The policy does not say.";
const NO_KEY = "No key was given.";

/**
 * What a service says of a token: the checks of the library's `verify`, in its order.
 *
 * @param {string} token A token in compact form, as it is sent: white space around it is refused.
 * @param {{algorithms?: string[], issuer?: string, audience?: string, typ?: string, leeway?: number,
 *   require?: string[]}} policy What the service asks for, as `readPolicy` has it. What is left out is not checked.
 * @param {string} keyText What was pasted as a key. Blank: the signature is not checked, and the rest is.
 * @param {number} now Seconds since the epoch.
 * @returns {Promise<{
 *   passed: {check: string, what: string}[],
 *   failed: {check: string, what: string, reason: string, code: string, sentence: string, fix: string} | null,
 *   skipped: {check: string, what: string, why: string}[],
 *   unfit: string,
 * }>} Each check of `CHECKS` in one of three places, under its name there: `what` has to hold. `reason` and `code` are
 *   those of the library's error. `unfit` says why a service would not start with this policy, and then nothing is
 *   checked, or with this key, and then all but the signature is.
 */
export async function refusal(token, policy, keyText, now) {
  const unfit = policyProblem(policy);
  return checked(token, policy, unfit ? null : await chosen(token, policy, keyText), unfit, now);
}

/** The check that refuses what was signed, whatever the policy is and with a key that fits; null where none does. */
export function refusedBy({ text, signature }, now) {
  const keys = { reason: "", unfit: "", why: "" };
  return checked(`${text}.${signature}`, { leeway: DEFAULTS.leeway }, keys, "", now).failed;
}

/** `keys` is what `chosen` says of them; null: `unfit` says why nothing is checked. */
function checked(token, policy, keys, unfit, now) {
  const answer = { passed: [], failed: null, skipped: [], unfit: unfit || keys.unfit };
  const seen = { token, policy, now, latest: now + (policy.leeway ?? 0), keys, ...partsOf(token) };
  for (const [check, [code, word, what]] of Object.entries(CHECKS)) {
    const stops = answer.failed ? NOT_REACHED : keys === null ? answer.unfit : "";
    const outcome = stops ? unknown(stops) : LOOKS[check](seen);
    if (outcome === GOOD) answer.passed.push({ check, what });
    else if (outcome.why) answer.skipped.push({ check, what, why: outcome.why });
    else answer.failed = { check, what, reason: outcome.name ?? word, code, ...said(check, outcome) };
  }
  return answer;
}

const GOOD = null;
const unknown = (why) => ({ why });
/** Good where `holds`; else the facts of the sentence. */
const when = (holds, facts = {}) => (holds ? GOOD : facts);

function said(check, facts) {
  const [sentence, fix] = REFUSALS[check];
  return { sentence: fill(sentence, facts), fix };
}

/** By the name of a check: `GOOD`, a reason why it cannot be said, or the facts of a refusal. */
const LOOKS = {
  type: () => GOOD,
  size: ({ token }) => when(pointsIn(token) <= LONGEST_TOKEN, { said: pointsIn(token), wanted: LONGEST_TOKEN }),
  ascii: ({ token }) => when(!/[^\0-\x7f]/.test(token), { said: quotedValue(/[^\0-\x7f]/u.exec(token)?.[0]) }),
  segments({ parts, policy }) {
    // Nothing may be signed, but no token of a type says nothing.
    const whole = parts.length === 3 && parts[0] && parts[2] && (parts[1] || policy.typ === undefined);
    return when(whole, { said: parts.length });
  },
  header: ({ header }) => when(header !== null && !UNDERSTOOD_BY_NOBODY.some((name) => Object.hasOwn(header, name))),
  algorithm: ({ header, policy: { algorithms } }) =>
    algorithms === undefined
      ? unknown(NOT_SAID)
      : when(algorithms.map(currentName).includes(currentName(memberOf(header, "alg"))), {
          said: quotedValue(memberOf(header, "alg")),
          wanted: quotedValue(algorithms),
        }),
  typ: ({ header, policy }) =>
    policy.typ === undefined
      ? unknown(NOT_SAID)
      : when(mediaType(memberOf(header, "typ")) === mediaType(policy.typ), {
          said: quotedValue(memberOf(header, "typ")),
          wanted: quotedValue(policy.typ),
        }),
  kid: ({ header }) => when(!Object.hasOwn(header, "kid") || isText(header.kid, MAX_NAME)),
  key: ({ header, keys }) => keyed(keys, "key", { said: quotedValue(memberOf(header, "kid")) }),
  key_algorithm: ({ header, keys }) => keyed(keys, "algorithm", { said: quotedValue(memberOf(header, "alg")) }),
  signature_form: ({ parts }) => when(fromBase64url(parts[2]) !== null),
  signature: ({ keys }) => keyed(keys, "signature"),
  payload_form: ({ parts }) => when(fromBase64url(parts[1]) !== null),
  json: ({ claims }) => when(claims !== null),
  issuer: ({ claims, policy: { issuer } }) =>
    issuer === undefined
      ? unknown(NOT_SAID)
      : when(memberOf(claims, "iss") === issuer, { said: quotedValue(memberOf(claims, "iss")), wanted: quotedValue(issuer) }),
  audience: ({ claims, policy: { audience } }) =>
    audience === undefined
      ? unknown(NOT_SAID)
      : when([memberOf(claims, "aud")].flat().includes(audience), {
          said: quotedValue(memberOf(claims, "aud")),
          wanted: quotedValue(audience),
        }),
  require({ claims, policy }) {
    if (policy.require === undefined) return unknown(NOT_SAID);
    const name = policy.require.find((one) => !ALWAYS_LOOKED_AT.includes(one) && !Object.hasOwn(claims, one));
    return when(name === undefined, { name, said: quotedValue(name) });
  },
  sub: ({ claims }) => when(!Object.hasOwn(claims, "sub") || isText(claims.sub, MAX_SUB)),
  jti: ({ claims }) => when(!Object.hasOwn(claims, "jti") || isText(claims.jti, MAX_NAME)),
  iat: ({ claims }) => when(isNumberOrMissing(claims, "iat")),
  iat_future: ({ claims, now, latest }) => when(!(memberOf(claims, "iat") > latest), { said: away(claims.iat, now) }),
  nbf: ({ claims }) => when(isNumberOrMissing(claims, "nbf")),
  nbf_future: ({ claims, now, latest }) => when(!(memberOf(claims, "nbf") > latest), { said: away(claims.nbf, now) }),
  exp({ claims }) {
    const exp = memberOf(claims, "exp");
    return when(typeof exp === "number" && exp >= 0 && exp <= MAX_TIME);
  },
  expired: ({ claims: { exp }, now, policy }) => when(now - (policy.leeway ?? 0) < exp, { said: away(exp, now) }),
};

/** The token in its parts, as far as they can be read; a later check looks at them only where an earlier one passed. */
function partsOf(token) {
  if (token.length > 2 * LONGEST_TOKEN) return { parts: [] }; // two units make one character at most: it is refused unread
  const parts = token.split(".");
  const [header, claims] = parts.map((part) => {
    const octets = fromBase64url(part);
    return octets && readObject(octets);
  });
  return { parts, header, claims };
}

/** What the library would say of the keys: `{reason, unfit, why}`; `why` where that cannot be said here. */
async function chosen(token, { algorithms = [] }, keyText) {
  const without = (why, unfit = "") => ({ reason: "", unfit, why });
  const parts = token.split(".", 4); // a fourth is one too many
  if (!keyText.trim() || parts.length !== 3) return without(NO_KEY);
  if (!canVerify()) return without(NO_WEBCRYPTO);
  const read = readKeys(keyText);
  if (read.problem) return without(read.problem, read.problem);
  const form = formOf(...parts);
  try {
    const { reason, unfit } = await asTheLibrary(form, read, [currentName(form.said), ...algorithms.map(currentName)]);
    return { reason, unfit, why: unfit };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return without(error.message); // it is the browser that does not take the key
  }
}

/** The outcome of a check that looks at keys, and fails for `reason`. */
function keyed({ reason, why }, failing, facts) {
  return why ? unknown(why) : when(reason !== failing, facts);
}

/** RFC 7515 section 4.1.9, and RFC 2045 on the case of letters; null where it is no text in ASCII. */
function mediaType(typ) {
  if (typeof typ !== "string" || /[^\0-\x7f]/.test(typ)) return null;
  const lower = typ.toLowerCase();
  return lower.includes("/") ? lower : `application/${lower}`;
}

function isText(value, most) {
  return typeof value === "string" && value !== "" && pointsIn(value) <= most;
}

function isNumberOrMissing(claims, name) {
  return !Object.hasOwn(claims, name) || typeof claims[name] === "number";
}

/** How far away a time is. */
function away(at, now) {
  return at > MAX_TIME ? "after the year 9999" : relative(at - now);
}

/** What a token or a policy says, in a sentence. */
export function quotedValue(value) {
  if (value === undefined) return "missing";
  const texts = [value].flat();
  const isReadable = texts.length > 0 && texts.every((text) => typeof text === "string");
  return isReadable ? texts.slice(0, 5).map((text) => `\`${brief(text)}\``).join(", ") : "no text";
}
