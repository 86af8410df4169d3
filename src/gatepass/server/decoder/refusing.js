// The panel that says why a service refused a token: by what it asks for, and by what it answered.

import { present } from "./countdown.js";
import { element, made, refill, worded } from "./elements.js";
import { agreement, explained } from "./explained.js";
import { DEFAULTS, readPolicy } from "./policy.js";
import { capital, unescaped } from "./printing.js";
import { refusal } from "./refused.js";
import { CHECKS, HINTS } from "./texts.js";
import { keyText } from "./verifying.js";

/** The fields of the policy; what is not in the page is not asked for. */
const FIELDS = ["issuer", "audience", "algorithms", "typ", "leeway", "require"];
const LISTED = ["algorithms", "require"];
/** What no check of ours is about: the first of them would blame a part that is as it should be. */
const OTHER_KINDS = ["jws-json", "jwe", "jwe-json", "sd-jwt", "paseto"];

let suspect = null;
/** How often something was asked or changed: an answer that comes after that is dropped. */
let tries = 0;

/** Listen to what is asked. */
export function setUpRefusing() {
  element("pasted").addEventListener("input", readPasted);
  for (const name of FIELDS) element(name).addEventListener("input", forgetRefusal);
  element("refusal").addEventListener("click", findRefusal);
}

/** Ask about `token` from now on; null: about none. */
export function suspectToken(token) {
  suspect = token;
  element("refusing").hidden = token === null;
  forgetRefusal();
}

/** The key is another one, or the token: what was said is of the old one. */
export function forgetRefusal() {
  tries++;
  refill(element("refusal-said"));
}

/** Forget what was asked. */
export function clearRefusing() {
  element("pasted").value = "";
  for (const name of FIELDS) element(name).value = element(name).defaultValue;
  readPasted();
}

/** Settings go into the fields; an answer is explained as it stands. */
function readPasted() {
  forgetRefusal();
  const text = element("pasted").value;
  if (!text.trim()) return refill(element("pasted-said"));
  const answer = explained(text);
  if (answer.code) return refill(element("pasted-said"), answerShown(answer));
  const { policy, problem, sentence } = readPolicy(text);
  // Where none could be read, nobody shall take the fields for what was pasted.
  for (const name of FIELDS) element(name).value = [policy?.[name] ?? ""].flat().join(", ");
  return refill(element("pasted-said"), made("p", { class: "hint" }, worded(problem || sentence)));
}

function answerShown({ code, status, meaning, fix, checks, facts }) {
  const lines = [...checks.map((one) => `${capital(one.what)}: that did not hold. ${one.fix}`), ...facts];
  return [
    made("p", {}, made("code", {}, `${status} ${code}`), " ", worded(meaning), " ", worded(fix)),
    made("ul", { class: "remarks" }, lines.map((line) => made("li", {}, worded(line)))),
  ];
}

async function findRefusal() {
  const mine = ++tries;
  if (suspect.kind.startsWith("gatepass-")) {
    // It is a random id: what a service makes of it is in the store of the service.
    return refill(element("refusal-said"), made("p", { class: "notice open" }, worded(HINTS.opaque)));
  }
  if (OTHER_KINDS.includes(suspect.kind)) {
    const sentence = `Refused: it is ${suspect.title}. The library takes a signed token in compact form, and nothing else.`;
    return refill(element("refusal-said"), made("p", { class: "notice wrong" }, worded(sentence)));
  }
  const answer = explained(element("pasted").value);
  const policy = { ...(answer.code ? DEFAULTS : {}), ...policyAsked() }; // gatepass has answered
  const asked = [unescaped(suspect.text), policy, keyText(), present()];
  const said = await refusal(...asked);
  const agreed = answer.code ? await agreement(answer, ...asked) : null;
  if (mine !== tries) return null;
  return refill(
    element("refusal-said"),
    outcomeShown(said),
    agreed ? made("p", { class: "notice open" }, worded(agreed.sentence)) : "",
    made("details", {}, made("summary", {}, "All checks, in their order"), made("ol", { class: "checks" }, checksShown(said))),
  );
}

/** The policy in the fields. A field that is empty asks for nothing. */
function policyAsked() {
  const said = FIELDS.map((name) => [name, element(name).value.trim()]).filter(([, value]) => value);
  return Object.fromEntries(
    said.map(([name, value]) => {
      if (LISTED.includes(name)) return [name, value.split(/[\s,]+/).filter(Boolean)];
      return [name, name === "leeway" ? Number(value) : value];
    }),
  );
}

function outcomeShown({ failed, skipped, unfit }) {
  const sentences = [
    unfit ? `No service starts with this policy or key: ${unfit}` : "",
    failed ? `Refused: ${failed.sentence} ${failed.fix}` : "",
  ].filter(Boolean);
  if (sentences.length) return sentences.map((sentence) => made("p", { class: "notice wrong" }, worded(sentence)));
  const left = skipped.length ? ` ${skipped.length} could not be made: see which, and why.` : " A service that asks for this takes it.";
  return made("p", { class: `notice ${skipped.length ? "open" : "good"}` }, `None of these checks says no.${left}`);
}

function checksShown({ passed, failed, skipped }) {
  const outcomes = new Map([
    ...passed.map(({ check }) => [check, ["passed", "Passed", ""]]),
    ...skipped.map(({ check, why }) => [check, ["skipped", "Not checked", why]]),
  ]);
  if (failed) outcomes.set(failed.check, ["failed", "Said no", ""]);
  return Object.entries(CHECKS).map(([check, [, , what]]) => {
    const [look, word, why] = outcomes.get(check);
    return made("li", { class: look }, made("strong", {}, `${word}: `), worded(what), why ? made("small", {}, why) : "");
  });
}
