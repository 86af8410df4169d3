// A token as it is read by people: the verdict, what is wrong, what it says, how large it is.

import { copyButton } from "./clipboard.js";
import { keep, present } from "./countdown.js";
import { made, refill, worded } from "./elements.js";
import { asObject, partShown } from "./members.js";
import { placeOf } from "./place.js";
import { fill, unescaped } from "./printing.js";
import { refusedBy } from "./refused.js";
import { relative } from "./relative.js";
import { lineOf } from "./lines.js";
import { sizeShown } from "./sizes.js";
import { VERDICTS } from "./texts.js";

/** How each sentence of the verdict of an inspection begins: it has no key. */
const UNVERIFIED = "Not verified.";
/** Compact tokens whose last part is their only signature: without it, they are good for nothing but reading. */
const REDACTABLE = new Set(["jws", "dpop"]);
const REDACTED = "redacted";

/** All of `token`; `verification` is what `verify` said of it, or null. */
export function tokenShown(token, verification) {
  const findings = findingsOf(token, verification);
  const of = (...levels) => findings.filter(({ level }) => levels.includes(level)).map(lineOf);
  return made(
    "article",
    { class: "card" },
    headlineShown(token, verification),
    made("p", { class: "hint" }, `This is ${token.title}.`),
    remarksShown("", [...token.defects.map((defect) => defectShown(token, defect)), ...of("stop")]),
    partsShown(token, verification, true),
    remarksShown("Warnings", of("warn")),
    partsShown(token, verification, false),
    remarksShown("Good to know", [...of("info"), ...helpShown(token, verification)]),
    sizeShown(token),
    token.inner.map((one) => made("section", { class: "inner" }, made("h2", {}, "The token inside"), tokenShown(one, null))),
  );
}

/** What was found without a key, and with it; the same is said once. */
function findingsOf({ findings }, verification) {
  const known = new Set(findings.map(({ code }) => code));
  return [...findings, ...(verification?.warnings ?? []).filter(({ code }) => !known.has(code))];
}

/** The verdict in words, as it is at the time `now`. */
function headline(token, verification, now) {
  const findings = findingsOf(token, verification);
  const counts = [
    counted(token.defects.length, "defect", "defects"),
    counted(findings.filter(({ level }) => level === "stop").length, "reason to stop", "reasons to stop"),
    counted(findings.filter(({ level }) => level === "warn").length, "warning", "warnings"),
  ];
  const said = verdictAt(token, now);
  // What could not be tried is told where it was asked: the token is as little verified as before.
  const isTried = verification !== null && verification.verdict !== "unusable";
  const begin = isTried ? said.replace(UNVERIFIED, () => verification.sentence) : said;
  return [begin, ...counts].filter(Boolean).join(" ");
}

/** `token` without its signature, so that it can be shown to others; null where that is not all that makes it work. */
function redacted({ kind, text }) {
  return REDACTABLE.has(kind) ? text.replace(/[^.]*$/, REDACTED) : null;
}

function headlineShown(token, verification) {
  const title = made("h2", { class: `verdict ${severity(token, verification)}` });
  let said = "";
  keep((now) => {
    const sentence = headline(token, verification, now);
    if (sentence !== said) refill(title, worded(sentence));
    said = sentence;
  });
  return title;
}

/** The sentence on the times, whose distances change while it is looked at. */
export function verdictAt({ verdict, state, moments }, now) {
  const isCounted = ["alive", "expired", "lenient"].includes(state) || (state === "not_yet" && moments.some(({ name, read }) => read && name === "nbf"));
  if (!isCounted) return verdict;
  const times = Object.fromEntries(moments.map(({ name, at }) => [name, relative(at - now)]));
  return fill(VERDICTS[state], times);
}

/** How it looks: good is only what the library would take, whatever a service asks for beside. */
function severity(token, verification) {
  const isBad =
    verification?.verdict === "invalid" ||
    token.defects.length > 0 ||
    token.state === "expired" ||
    findingsOf(token, verification).some(({ level }) => level === "stop");
  if (isBad) return "wrong";
  const isVerified = verification?.verdict === "valid" && !verification.reason && token.state === "alive";
  return isVerified && refusedBy(verification.form, present()) === null ? "good" : "open";
}

function counted(number, one, several) {
  return number ? `${number} ${number === 1 ? one : several}.` : "";
}

/** The payload, which is what somebody wants to read first; or the other parts. */
function partsShown(token, verification, isFirst) {
  return token.parts
    .filter(({ name }) => (name === "payload") === isFirst)
    .map((part) => partShown(part, isFirst ? token.moments : [], verification, isFirst ? copyButtons(token, part) : []));
}

function copyButtons(token, payload) {
  const bare = redacted(token);
  return [
    payload.members.length ? copyButton("Copy claims", () => asObject(payload)) : null,
    copyButton("Copy token", () => unescaped(token.text)),
    bare === null ? null : copyButton("Copy without signature", () => bare),
  ].filter(Boolean);
}

function defectShown(token, defect) {
  const place = placeOf(token, defect);
  return made("li", { class: "wrong" }, made("strong", {}, "Wrong: "), worded(defect.sentence), place ? made("div", {}, place) : "");
}

function helpShown(token, verification) {
  // What a check of the signature is for is known to whoever has made one.
  const hints = token.hints.filter(({ code }) => code !== "no_signature_check" || verification?.verdict !== "valid");
  return [
    ...token.noise.map(({ sentence }) => made("li", {}, made("strong", {}, "Cut off: "), worded(sentence))),
    ...hints.map(({ sentence }) => made("li", {}, worded(sentence))),
  ];
}

function remarksShown(title, lines) {
  if (!lines.length) return "";
  return made("section", {}, title ? made("h3", {}, title) : "", made("ul", { class: "remarks" }, lines));
}
