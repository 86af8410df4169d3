// The place of a defect: what stands around it, with the one character marked.

import { made } from "./elements.js";

/** Characters that are shown on each side. */
const AROUND = 24;
/** One character of a text that is escaped as in JSON, however it is written. */
const CHARACTER = /\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|\\u[0-9a-f]{4}|\\.|./gsu;
/** What counts its characters in the decoded text, and not in the segment. */
const DECODED = new Set(["json", "json_depth"]);
/** What counts octets, or nothing that could be shown. */
const NOT_SHOWN = new Set(["utf8", "bom"]);
const IN_PASETO = ["version", "purpose", "payload", "footer"];
const IN_COMPACT = { 3: ["header", "payload", "signature"], 5: ["header", "encrypted key", "IV", "ciphertext", "tag"] };

/** An element with the place of `defect` in `token`; null where it has none that could be shown. */
export function placeOf(token, defect) {
  if (defect.index === null || NOT_SHOWN.has(defect.code)) return null;
  const text = DECODED.has(defect.code) ? decodedPart(token, defect.segment) : segmentOf(token, defect.segment);
  if (text === null) return null;
  const { before, at, after } = aroundPlace(text, defect.index);
  const mark = at === "" ? made("mark", { class: "end" }, "it ends here") : made("mark", {}, at);
  return made("code", { class: "place" }, before, mark, after);
}

function decodedPart(token, name) {
  return token.parts.find((part) => part.name === name)?.text || null;
}

/** A segment as it stands in the token; null where that is one in JSON form, which has it somewhere. */
function segmentOf({ kind, text }, name) {
  if (kind.endsWith("-json")) return null;
  const [signed, ...disclosures] = text.split("~");
  const disclosure = /^disclosure (\d+)$/.exec(name);
  if (disclosure) return disclosures[disclosure[1] - 1] ?? null;
  const segments = signed.split(".");
  const names = kind === "paseto" ? IN_PASETO : (IN_COMPACT[segments.length] ?? IN_COMPACT[3]);
  return segments[names.indexOf(name)] ?? null;
}

function aroundPlace(text, index) {
  const before = [];
  const after = [];
  let at = "";
  let count = 0;
  for (const [character] of text.matchAll(CHARACTER)) {
    if (count > index + AROUND) break;
    if (count < index) before.push(character);
    else if (count === index) at = character;
    else after.push(character);
    if (before.length > AROUND) before.shift();
    count++;
  }
  const start = index > AROUND ? "…" : "";
  const end = count > index + AROUND ? "…" : "";
  return { before: start + before.join(""), at, after: after.join("") + end };
}
