// A part of a token: what it says, and what that means.

import { made, worded } from "./elements.js";
import { momentShown } from "./moments.js";
import { capital, cut } from "./printing.js";
import { grouped } from "./sizes.js";

/** Characters of one value that are shown at once, and at most: a page of more is slow. Ours. */
const SHORT_VALUE = 1_000;
const LONGEST_VALUE = 100_000;

/** What the word of a part is worth, by the verdict on what was signed: a look, and a label. */
const WORTH = { valid: ["good", "verified"], invalid: ["wrong", "does not verify"] };
const NO_WORTH = ["open", "not verified"];

/** The same of the part of that name, by what `verify` said: a token has parts that no signature is over. */
export function worthOf(name, verification) {
  const [, kind, number = 1] = /^(.*?)(?: (\d+))?$/.exec(name);
  if (kind === "unprotected header") return ["open", "not signed"];
  const worth = WORTH[verification?.verdict] ?? NO_WORTH;
  if (kind === "disclosure") {
    const isSigned = verification?.disclosed[number - 1];
    if (isSigned === false) return ["wrong", "in no digest, not signed"];
    return isSigned || worth === NO_WORTH ? worth : ["open", "digest not checked"];
  }
  const isOther = (kind === "header" || kind === "signature") && verification?.form && verification.form.place !== number - 1;
  return isOther ? NO_WORTH : worth;
}

/** `part` with its members. `moments` are the times that it names; `verification` is what `verify` said, or null. */
export function partShown(part, moments, verification, buttons = []) {
  const [look, label] = worthOf(part.name, verification);
  const size =
    `${grouped(part.characters)} characters` + (part.octets === null ? "" : `, ${grouped(part.octets)} bytes decoded`);
  return made(
    "section",
    { class: "part" },
    made("h3", {}, capital(part.name), " ", made("span", { class: `badge ${look}` }, label)),
    made("p", { class: "hint" }, size),
    part.members.length ? made("dl", {}, part.members.map((member) => memberShown(member, moments))) : "",
    part.text ? made("p", {}, valueShown(part.text)) : "",
    buttons.length ? made("div", { class: "actions" }, buttons) : "",
  );
}

/** The members of `part` as a JSON object, each name as often as it is there. */
export function asObject({ members }) {
  const lines = members.map(({ name, value }) => `  "${name}": ${value}`);
  return lines.length ? `{\n${lines.join(",\n")}\n}` : "{}";
}

function memberShown({ name, value, meaning }, moments) {
  const moment = moments.find((one) => one.name === name);
  return made(
    "div",
    { class: "member" },
    made("dt", {}, made("code", {}, name)),
    made(
      "dd",
      {},
      valueShown(value),
      moment ? momentShown(moment) : "",
      meaning ? made("p", { class: "hint" }, worded(meaning)) : "",
    ),
  );
}

function valueShown(text) {
  const code = made("code", { class: "value" }, cut(text, SHORT_VALUE));
  if (text.length <= SHORT_VALUE) return code;
  const label = `Show ${text.length > LONGEST_VALUE ? `${grouped(LONGEST_VALUE)} of ` : "all "}${grouped(text.length)} characters`;
  const button = made("button", { type: "button", class: "quiet" }, label);
  button.addEventListener("click", () => {
    code.textContent = cut(text, LONGEST_VALUE);
    button.remove();
  });
  return [code, "… ", button];
}
