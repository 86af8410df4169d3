// Which of several tokens is looked at.

import { made, worded } from "./elements.js";
import { capital, cut } from "./printing.js";

/** Characters by which a token is told from the others. Ours. */
const TOLD_BY = 24;

/** A choice of `tokens`, of which the one at `place` is taken; `choose` is told of another. */
export function choiceShown(tokens, place, choose) {
  return made(
    "fieldset",
    { class: "card choice" },
    made("legend", {}, `${tokens.length} tokens are in this text`),
    tokens.map((token, at) => optionShown(token, at, at === place, choose)),
  );
}

function optionShown({ title, text, verdict }, at, isTaken, choose) {
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
    made("small", {}, worded(verdict)),
  );
}
