// What an answer of gatepass means: a problem in JSON (RFC 9457), alone or with the HTTP answer around it.

import { brief } from "./printing.js";
import { quotedValue, refusal } from "./refused.js";
import { duration } from "./relative.js";
import { headerIn } from "./signed.js";
import { memberOf } from "./strict.js";
import { CHECKS, CSRF_REASONS, ERRORS, HINTS, REFUSALS } from "./texts.js";

const MAX_ANSWER = 1 << 20;
const CODE = new RegExp(`(?<![A-Za-z_])(?:${Object.keys(ERRORS).join("|")})(?![A-Za-z_])`);
/** An id and a secret, at random: there is nothing to be read in it. */
const OPAQUE = /^[\w-]{22}\.[\w-]{43}$/;
/** The codes that a token is refused with for what it is, and not for what happened to its session. */
const ABOUT_TOKENS = ["credential_malformed", "credential_unknown", "credential_expired"];
/** Where a check looks, so that it can be said what the token has there. */
const PLACES = { algorithm: ["header", "alg"], typ: ["header", "typ"], key: ["header", "kid"], issuer: ["claims", "iss"], audience: ["claims", "aud"] };

/**
 * What a refusal means.
 *
 * @param {string} text A problem in JSON, the whole HTTP answer, what curl printed, a line of a log, the reason with
 *   which a WebSocket was closed.
 * @returns {{code: string, status: number, meaning: string, fix: string, reason: string, checks: {check: string,
 *   what: string, fix: string}[], facts: string[], problem: string}} `meaning` and `fix` are of the code, `checks` are
 *   those that the reason can stand for, `facts` sentences about the rest of the answer. `problem` says why nothing
 *   can be said; then all else is empty.
 */
export function explained(text) {
  const plain = text.slice(0, MAX_ANSWER).replaceAll('\\"', '"');
  const code = memberIn(plain, "code").match(CODE)?.[0] ?? plain.match(CODE)?.[0];
  if (code === undefined) {
    return { code: "", status: 0, meaning: "", fix: "", reason: "", checks: [], facts: [], problem: notOurs(plain) };
  }
  const [status, meaning, fix] = ERRORS[code];
  const reason = reasonIn(memberIn(plain, "detail"), code);
  return { code, status, meaning, fix, reason, checks: checksFor(code, reason), facts: factsIn(plain, code, reason, status), problem: "" };
}

/**
 * What of a token agrees with a refusal: `{agrees, sentence}`; `agrees` is null where that cannot be said.
 *
 * @param {{code: string, reason: string}} refused As `explained` has it.
 * @param {string} token As are the rest, an argument of `refusal`.
 */
export async function agreement(refused, token, policy, keyText, now) {
  const { code, reason } = refused;
  const unsaid = (sentence) => ({ agrees: null, sentence });
  if (OPAQUE.test(token)) return unsaid(HINTS.opaque);
  if (!ABOUT_TOKENS.includes(code)) return unsaid("Nothing in a token says this: it is about the request, the session or the service.");
  const { failed, skipped, unfit } = await refusal(token, policy, keyText, now);
  const isSame = (word) => code === "credential_expired" || !reason || reason === "unknown" || word === reason;
  if (failed) {
    const same = failed.code === code && isSame(failed.reason);
    return { agrees: same, sentence: `${same ? "The token agrees" : "Here, another check says no first"}: ${failed.sentence} ${failed.fix}` };
  }
  const left = skipped.find(({ check }) => CHECKS[check][0] === code && isSame(CHECKS[check][1]));
  if (unfit || left) return unsaid(`Whether the token agrees cannot be said. ${unfit || left.why}${inToken(left?.check, token)}`);
  const why = code === "credential_expired" ? " Compare the clocks; in hybrid mode, newer roles make a token too old, too." : "";
  return {
    agrees: false,
    sentence: `The token does not agree: here it passes that check. It was another token, or the service has another policy or key.${why}`,
  };
}

/** The text that is the member `name` of an object of JSON somewhere in `text`; empty where there is none. */
function memberIn(text, name) {
  return text.match(new RegExp(String.raw`"${name}"\s*:\s*"((?:[^"\\]|\\.)*)"`))?.[1] ?? "";
}

function numberIn(text, name) {
  const said = text.match(new RegExp(String.raw`"${name}"\s*:\s*(\d{1,15})\b`))?.[1];
  return said === undefined ? null : Number(said);
}

/** The value of a header line; empty where there is none. What curl puts before it does not matter. */
function lineIn(text, name) {
  return text.match(new RegExp(String.raw`^[< \t]*${name}:(.*)`, "im"))?.[1].trim() ?? "";
}

/** The word with which `detail` ends, behind a colon. */
function reasonIn(detail, code) {
  const said = detail.match(/: ([^:\s]+)$/)?.[1] ?? "";
  return code === "csrf_refused" || ABOUT_TOKENS.includes(code) ? said : "";
}

function checksFor(code, reason) {
  if (!reason) return [];
  const found = Object.entries(CHECKS).filter(([, [its, word]]) => its === code && word === reason);
  if (found.length) return found.map(([check, [, , what]]) => ({ check, what, fix: REFUSALS[check][1] }));
  if (code !== "credential_malformed") return [];
  const what = `${quotedValue(reason)}, which you \`require\`, is there`; // any claim can be required
  return [{ check: "require", what, fix: REFUSALS.require[1] }];
}

function factsIn(text, code, reason, status) {
  const [seconds, left, age] = [lineIn(text, "retry-after"), numberIn(text, "seconds_left"), numberIn(text, "max_age")];
  const allowed = lineIn(text, "allow");
  const said = numberIn(text, "status") ?? statusLine(text);
  return [
    code === "csrf_refused" && Object.hasOwn(CSRF_REASONS, reason) ? `\`${reason}\`: ${CSRF_REASONS[reason]}` : "",
    /^\d{1,9}$/.test(seconds) ? `Try again after ${duration(Number(seconds))}.` : "",
    left === null ? "" : `The token is accepted for another ${duration(left)}.`,
    age === null ? "" : `The last login may be ${duration(age)} ago at most.`,
    allowed ? `Served are: ${brief(allowed)}.` : "",
    ...fieldsIn(text),
    said && said !== status ? `The answer has the status ${said}, and this code belongs to ${status}: something on the way changed it.` : "",
  ].filter(Boolean);
}

function fieldsIn(text) {
  const fields = [...text.matchAll(/\{\s*"field"\s*:\s*"((?:[^"\\]|\\.)*)"\s*,\s*"reason"\s*:\s*"((?:[^"\\]|\\.)*)"\s*\}/g)];
  return fields.slice(0, 20).map(([, field, why]) => `\`${brief(field)}\`: ${brief(why, 200)}.`);
}

function statusLine(text) {
  return Number(text.match(/^[< \t]*HTTP\/[\d.]{1,3} (\d{3})\b/m)?.[1] ?? 0);
}

function notOurs(text) {
  if (!text.trim()) return "There is nothing to explain.";
  const status = numberIn(text, "status") ?? statusLine(text);
  const challenge = lineIn(text, "www-authenticate").match(/error="([a-z_]+)"/)?.[1];
  return [
    "There is no code of gatepass in it.",
    status ? `The status is ${status}: a proxy in front or another program may have answered.` : "",
    challenge ? `\`${challenge}\` is of RFC 6750, and says no more than that.` : "",
  ].filter(Boolean).join(" ");
}

/** What the token has where `check` looks. */
function inToken(check, token) {
  if (!Object.hasOwn(PLACES, check)) return "";
  const [part, name] = PLACES[check];
  const object = headerIn(token.split(".")[part === "header" ? 0 : 1] ?? "");
  return object === null ? "" : ` In the token, \`${name}\` is ${quotedValue(memberOf(object, name))}.`;
}
