// Which of several tokens is looked at.

import { keep } from "./countdown.js";
import { made, refill, worded } from "./elements.js";
import { capital, cut } from "./printing.js";
import { verdictAt } from "./show.js";

/** Characters by which a token is told from the others. Ours. */
const TOLD_BY = 24;

/** A choice of `tokens`, each once, of which the one at `place` is taken; `choose` is told of another. */
export function choiceShown(tokens, place, choose) {
  const counts = new Map();
  for (const { text } of tokens) counts.set(text, (counts.get(text) ?? 0) + 1);
  if (counts.size === 1) return made("p", { class: "notice open" }, `This token is ${tokens.length} times in this text.`);
  return made(
    "fieldset",
    { class: "card choice" },
    made("legend", {}, `${counts.size} tokens are in this text`),
    [...counts].map(([same, count]) => {
      const at = tokens.findIndex(({ text }) => text === same);
      return optionShown(tokens[at], count, at, at === place, choose);
    }),
  );
}

function optionShown(token, count, at, isTaken, choose) {
  const { title, text } = token;
  const said = made("small", {});
  keep((now) => refill(said, worded(verdictAt(token, now)), count > 1 ? ` It is there ${count} times.` : ""));
  const radio = made("input", { type: "radio", name: "token", value: at, checked: isTaken ? "" : null, autocomplete: "off" });
  radio.addEventListener("change", () => {
    choose(at);
    document.querySelector(`input[name="token"][value="${at}"]`).focus(); // the choice was made anew
  });
  const beginning = cut(text, TOLD_BY);
  return made(
    "label",
    {},
    radio,
    made("span", {}, capital(title.split(":", 1)[0]), " ", made("code", {}, beginning === text ? text : `${beginning}…`)),
    said,
  );
}
