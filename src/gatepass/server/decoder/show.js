// A token as it is read by people: the verdict, what is wrong, what it says, how large it is.

import { copyButton } from "./clipboard.js";
import { keep } from "./countdown.js";
import { made, refill, worded } from "./elements.js";
import { asObject, partShown } from "./members.js";
import { placeOf } from "./place.js";
import { fill } from "./printing.js";
import { relative } from "./relative.js";
import { sizeShown } from "./sizes.js";
import { VERDICTS } from "./texts.js";

/** How each sentence of the verdict of an inspection begins: it has no key. */
const UNVERIFIED = "Not verified.";
const LEVEL_NAMES = { stop: "Stop", warn: "Warning", info: "Note" };
/** Compact tokens whose last part is their only signature: without it, they are good for nothing but reading. */
const REDACTABLE = new Set(["jws", "dpop"]);
const REDACTED = "redacted";
/** Those that come first are what somebody wants to read. */
const FIRST_PARTS = ["payload", "header"];

/** All of `token`; `verification` is what `verify` said of it, or null. */
export function tokenShown(token, verification) {
  const grave = [...token.defects.map((defect) => defectShown(token, defect)), ...findingsShown(token, ["stop", "warn"])];
  return [
    headlineShown(token, verification),
    made("p", { class: "kind" }, `This is ${token.title}.`),
    grave.length ? made("ul", { class: "remarks" }, grave) : "",
    ...partsShown(token, verification),
    helpShown(token),
    sizeShown(token),
    ...token.inner.map((one) => made("section", { class: "inner" }, made("h2", {}, "The token inside"), tokenShown(one, null))),
  ];
}

/** The verdict in words, as it is at the time `now`. */
export function headline(token, verification, now) {
  const counts = [
    counted(token.defects.length, "defect", "defects"),
    counted(token.findings.filter(({ level }) => level === "stop").length, "reason to stop", "reasons to stop"),
    counted(token.findings.filter(({ level }) => level === "warn").length, "warning", "warnings"),
  ];
  const said = verdictAt(token, now);
  const begin = verification === null ? said : said.replace(UNVERIFIED, () => verification.sentence);
  return [begin, ...counts].filter(Boolean).join(" ");
}

/** `token` without its signature, so that it can be shown to others; null where that is not all that makes it work. */
export function redacted({ kind, text }) {
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
function verdictAt({ verdict, state, moments }, now) {
  if (!["alive", "expired", "not_yet"].includes(state)) return verdict;
  const times = Object.fromEntries(moments.map(({ name, at }) => [name, relative(at - now)]));
  return fill(VERDICTS[state], times);
}

function severity(token, verification) {
  const isBad =
    verification?.verdict === "invalid" || token.state === "expired" || token.findings.some(({ level }) => level === "stop");
  if (isBad) return "wrong";
  return verification?.verdict === "valid" && token.state === "alive" ? "good" : "open";
}

function counted(number, one, several) {
  return number ? `${number} ${number === 1 ? one : several}.` : "";
}

function partsShown(token, verification) {
  const rank = ({ name }) => (FIRST_PARTS.includes(name) ? FIRST_PARTS.indexOf(name) : FIRST_PARTS.length);
  const label = verification?.verdict === "valid" ? "signature valid" : "not verified";
  return [...token.parts]
    .sort((one, other) => rank(one) - rank(other))
    .map((part) => {
      const isPayload = part.name === "payload";
      return partShown(part, isPayload ? token.moments : [], label, isPayload ? copyButtons(token, part) : []);
    });
}

function copyButtons(token, payload) {
  const bare = redacted(token);
  return [
    payload.members.length ? copyButton("Copy claims", () => asObject(payload)) : null,
    copyButton("Copy token", () => token.text),
    bare === null ? null : copyButton("Copy without signature", () => bare),
  ].filter(Boolean);
}

function defectShown(token, defect) {
  const place = placeOf(token, defect);
  return made("li", { class: "wrong" }, made("strong", {}, "Wrong: "), worded(defect.sentence), place ? made("div", {}, place) : "");
}

function findingsShown({ findings }, levels) {
  return findings
    .filter(({ level }) => levels.includes(level))
    .map(({ level, sentence }) => made("li", { class: level }, made("strong", {}, `${LEVEL_NAMES[level]}: `), worded(sentence)));
}

function helpShown(token) {
  const lines = [
    ...findingsShown(token, ["info"]),
    ...token.noise.map(({ sentence }) => made("li", {}, made("strong", {}, "Cut off: "), worded(sentence))),
    ...token.hints.map(({ sentence }) => made("li", {}, worded(sentence))),
  ];
  return lines.length ? made("section", {}, made("h3", {}, "Good to know"), made("ul", { class: "remarks" }, lines)) : "";
}
