// The panel that asks for a key and an algorithm. Both are the person's: the token chooses neither.

import { element, made, refill, worded } from "./elements.js";
import { FAMILIES } from "./jwk.js";
import { readKeys } from "./keys.js";
import { lineOf } from "./lines.js";
import { unescaped } from "./printing.js";
import { quotedName, signedForms } from "./signed.js";
import { verify } from "./verify.js";

/** Characters from which on the lines of a key are not broken: masked, they take a browser long. Ours. */
const LONG_KEY = 10_000;
const KEY_WANTED = "Paste a key first.";
const ALGORITHM_WANTED = "Choose the algorithm first: the one that your service expects, whatever the token says.";

let token = null;
let tell = null;
/** How often something was asked or changed: an answer that comes after that is dropped. */
let questions = 0;

/** Listen to what is asked. `heard` is told what `verify` says, and null as soon as that is no longer so. */
export function setUpVerifying(heard) {
  tell = heard;
  const names = Object.values(FAMILIES).flat();
  element("algorithm").append(...names.map((name) => made("option", { value: name }, name)));
  element("algorithm").addEventListener("change", changed);
  element("key").addEventListener("input", keyChanged);
  element("key-shown").addEventListener("change", mask);
  element("key-clear").addEventListener("click", () => {
    setKey("");
    element("key").focus();
  });
  element("verify").addEventListener("click", ask);
}

/** Ask about `one` from now on; null: about none. */
export function lookAt(one) {
  token = one;
  const { forms } = signedForms(unescaped(token?.text ?? ""));
  element("verifying").hidden = forms.length === 0;
  refill(element("algorithm-hint"), forms.length ? worded(saidBy(forms[0])) : "");
  forget();
}

/** Put `text` into the field of the key. */
export function setKey(text) {
  element("key").value = text;
  element("key").dispatchEvent(new Event("input"));
}

/** What is in the field of the key. */
export function keyText() {
  return element("key").value;
}

/** Forget the key, and what was chosen. */
export function clearVerifying() {
  element("algorithm").value = "";
  element("key-shown").checked = false;
  setKey("");
}

async function ask() {
  const algorithm = element("algorithm").value;
  const missing = !keyText() ? ["key", KEY_WANTED] : !algorithm ? ["algorithm", ALGORITHM_WANTED] : null;
  if (missing) {
    const [field, sentence] = missing;
    element(field).focus();
    refill(element("verify-said"), made("p", { class: "notice wrong" }, sentence));
    return;
  }
  const mine = ++questions;
  const verdict = await verify(unescaped(token.text), keyText(), algorithm);
  if (mine !== questions) return;
  refill(element("verify-said"), verdictShown(verdict));
  tell(verdict);
}

function verdictShown({ verdict, sentence, warnings }) {
  const look = { valid: "good", invalid: "wrong" }[verdict] ?? "open";
  return [
    made("p", { class: `notice ${look}` }, worded(sentence)),
    warnings.length ? made("ul", { class: "remarks" }, warnings.map(lineOf)) : "",
  ];
}

function keyChanged() {
  const { problem, sentence } = readKeys(keyText());
  element("key").classList.toggle("long", keyText().length > LONG_KEY);
  refill(element("key-said"), keyText().trim() ? worded(problem || sentence) : "");
  mask();
  changed();
}

/** Hide what is typed from whoever looks over a shoulder, but for a public key, and where the person wants to see it. */
function mask() {
  const { keys } = readKeys(keyText());
  const isPublic = keys.length > 0 && keys.every(({ family, isPrivate }) => family !== "oct" && !isPrivate);
  element("key").classList.toggle("masked", !isPublic && !element("key-shown").checked);
}

/** What was said is of another key, algorithm or token. */
function changed() {
  const isKnown = element("verify-said").hasChildNodes();
  forget();
  if (isKnown) tell(null);
}

function forget() {
  questions++;
  refill(element("verify-said"));
}

function saidBy({ header, said }) {
  if (header === null) return "A strict service cannot read what the token says.";
  return said === undefined ? "The token names none." : `The token says ${quotedName(said)}, which proves nothing.`;
}
