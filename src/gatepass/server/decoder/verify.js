// Whether a token is signed by a key, in words: by the algorithm that a person has confirmed, never by what it says.

import { Refusal } from "./der.js";
import { disclosedBy } from "./disclosures.js";
import { FAMILIES, FAMILY_OF, currentName, shortness } from "./jwk.js";
import { readKeys } from "./keys.js";
import { asTheLibrary } from "./loaded.js";
import { capital } from "./printing.js";
import { NO_WEBCRYPTO, canVerify } from "./signature.js";
import { quotedName, signedForms } from "./signed.js";
import { fromBase64url, memberOf } from "./strict.js";
import { ALGORITHMS, FINDINGS } from "./texts.js";
import { firstFitting, formProblem, isForged, kidHint } from "./unsigned.js";

const NONE =
  "The algorithm is `none`: nothing is signed, so there is nothing to verify, and anybody can write such a token.";
const CONFUSED =
  "gatepass and every sound library refuse this; one that takes the text of a public key for a secret lets everybody" +
  " sign who has the public key, which is everybody (key confusion, RFC 8725 section 2.1).";

/**
 * Verify `token` with what was pasted as key: `{verdict, sentence, algorithm, key, reading, warnings, reason, unfit,
 * form, disclosed}`.
 *
 * `verdict` is "valid", "invalid", or "unusable" where nothing could be verified. `reason` is the check that the library
 * would refuse it by, of those that look at keys: "configuration", "key", "algorithm", "base64url", "signature", or ""
 * where they all pass; `unfit` is the sentence to the first. Here, also keys of other names are tried. `form` is what
 * was found to be signed, as `signedForms` has it, or null, and `disclosed` what of an SD-JWT goes with it.
 */
export async function verify(token, keyText, algorithm) {
  const asked = currentName(algorithm);
  const answer = { algorithm: asked, key: null, reading: "", warnings: [], reason: "", unfit: "", form: null, disclosed: [] };
  const unusable = (sentence, more = {}) => ({ ...answer, verdict: "unusable", sentence, ...more });
  if (/^none$/i.test(asked)) return { ...answer, verdict: "invalid", sentence: NONE, reason: "algorithm" };
  if (!Object.hasOwn(FAMILY_OF, asked)) return unusable(unknownAlgorithm(asked), { reason: "algorithm" });
  if (!canVerify()) return unusable(NO_WEBCRYPTO);
  const read = readKeys(keyText);
  if (read.problem) return unusable(read.problem, { reason: "configuration", unfit: read.problem });
  const { forms, problem } = signedForms(token);
  if (problem) return unusable(problem);
  try {
    const tried = await byTrial(forms, read, asked, keyText);
    const form = tried.form ?? forms[0];
    const strict = await asTheLibrary(form, read, [asked]);
    const disclosed = await disclosedBy(token.trim(), form.payload);
    const warnings = [...(tried.warnings ?? []), ...disclosed.flatMap(undisclosed)];
    return { ...answer, ...strict, ...tried, warnings, disclosed };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return unusable(error.message, { reason: "configuration", unfit: error.message });
  }
}

function undisclosed(isSigned, at) {
  if (isSigned !== false) return [];
  const sentence = `Disclosure ${at + 1} is in no digest: nobody signed it, and a verifier refuses the token (RFC 9901 section 7.1).`;
  return [{ code: "disclosure_unsigned", level: "stop", sentence }];
}

async function byTrial(forms, read, asked, keyText) {
  const candidates = read.keys.filter(({ algorithms }) => algorithms.includes(asked));
  if (!candidates.length) return mismatch(forms[0], read, asked, keyText);
  for (const form of forms) {
    const isNamed = (key) => key.kid !== null && key.kid === form.kid;
    const key = await firstFitting(form, asked, [...candidates].sort((a, b) => isNamed(b) - isNamed(a)));
    if (key) return found(form, key, read, asked, forms);
  }
  return notFound(forms.find(({ said }) => currentName(said) === asked) ?? forms[0], candidates, read, asked);
}

function found(form, key, read, asked, forms) {
  const place = forms.length > 1 ? ` It is signature ${forms.indexOf(form) + 1} of ${forms.length}.` : "";
  const broken = brokenSegment(form);
  const answer = { key, form, reading: key.reading ?? "", warnings: warningsOf(form, key, read, asked) };
  if (broken) {
    const sentence = `The signature fits the key, but ${broken}: strict verifiers refuse the token, lenient ones take it.`;
    return { ...answer, verdict: "invalid", sentence };
  }
  if (key.known === "secret_blank") {
    return { ...answer, verdict: "invalid", sentence: `The signature fits a blank secret (${asked}): anybody can make such a token.` };
  }
  return { ...answer, verdict: "valid", sentence: `Signature valid (${asked}, ${nameOf(form, key, read)}).${place}` };
}

function warningsOf({ said, kid }, key, read, asked) {
  const warnings = [...key.warnings];
  const warn = (code, level, sentence) => sentence && warnings.push({ code, level, sentence });
  if (key.known) warn(key.known, ...FINDINGS[key.known]);
  warn("secret_short", "warn", key.octets?.length ? shortness(key, asked) : "");
  if (currentName(said) !== asked) {
    warn("alg_other", "stop", `The token says ${quotedName(said)} and is signed with ${asked}: a strict verifier refuses it.`);
  }
  if (key.kid !== null && kid !== undefined && key.kid !== kid) {
    const other = `The token names the key ${quotedName(kid)}; the one that signed is ${quotedName(key.kid)}.`;
    warn("kid_other", "warn", `${other} A strict verifier tries no other than the one that is named.`);
  }
  warn("unfit", "warn", read.unfit === key.unfit ? "" : read.unfit);
  return warnings;
}

/** The key that fits, and how it was found. */
function nameOf({ kid }, key, read) {
  if (key.reading) return `the secret read as ${key.reading}`;
  const name = key.kid === null ? key.description : `key ${quotedName(key.kid)}`;
  if (read.keys.length === 1) return name;
  if (key.kid !== null && key.kid === kid) return `${name}, by its name`;
  return `${name}, by trial: the token names ${kid === undefined ? "none" : quotedName(kid)}`;
}

function brokenSegment({ header, payload }) {
  if (header === null) return "the header is not canonical base64url of a JSON object with each name once";
  const isEncoded = memberOf(header, "b64") !== false; // RFC 7797
  return isEncoded && fromBase64url(payload) === null ? "the payload is not canonical base64url" : "";
}

async function notFound(form, candidates, read, asked) {
  const [key] = candidates;
  const warnings = read.keys.length === 1 ? key.warnings : [];
  const malformed = await formProblem(form, candidates, asked);
  const hint = kidHint(form, candidates);
  if (malformed) return { verdict: "invalid", sentence: [malformed, hint].filter(Boolean).join(" "), key, warnings };
  const several = candidates.length > 1 && !key.reading;
  const sentence = [
    `Signature invalid (${asked}): ${several ? `none of the ${candidates.length} keys signed it` : "this key did not sign it"}.`,
    form.said !== undefined && currentName(form.said) !== asked ? `The token says ${quotedName(form.said)}, and you chose ${asked}.` : "",
    hint,
    key.reading ? `The secret was read as ${candidates.map(({ reading }) => reading).join(", ")}; none of these signed it.` : "",
    "Another key signed the token, or it was changed after it was signed.",
  ];
  return { verdict: "invalid", sentence: sentence.filter(Boolean).join(" "), key, warnings };
}

async function mismatch(form, read, asked, keyText) {
  const [key] = read.keys;
  const isSecret = key.family === "oct";
  const several = read.keys.length > 1 && !isSecret;
  const what = several ? "none of these keys is for it" : `this is ${isSecret ? "a secret" : key.description}`;
  const bound = !several && FAMILY_OF[asked] === key.family ? `, for ${key.algorithms[0]} only` : "";
  const by = currentName(form.said) === asked ? `the token says ${asked}` : `you chose ${asked}`;
  const sentence = `${capital(what)}${bound}; ${by}, which is verified with ${ALGORITHMS[asked][0]}.`;
  if (!asked.startsWith("HS") || isSecret) return { verdict: "unusable", sentence, key };
  const forged = await isForged(form, asked, keyText);
  return {
    verdict: forged ? "invalid" : "unusable",
    sentence: forged
      ? `Forged: the signature is an ${asked} with the text of this public key as its secret. ${CONFUSED}`
      : `${sentence} The text of a key is not used as a secret: ${CONFUSED}`,
    key,
  };
}

function unknownAlgorithm(asked) {
  if (asked === "ES256K") return "ES256K is on secp256k1, which browsers do not verify with, and gatepass does not take.";
  if (asked === "Ed448") return "Ed448 is not known to browsers, and gatepass does not take it.";
  return `Choose one of ${Object.values(FAMILIES).flat().join(", ")}.`;
}
