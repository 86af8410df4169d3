// What is remarkable about a token or a key, in one line each.

import { made, worded } from "./elements.js";

const LEVEL_NAMES = { stop: "Stop", warn: "Warning", info: "Note" };

/** One remark, as `{level, sentence}`. */
export function lineOf({ level, sentence }) {
  return made("li", { class: level }, made("strong", {}, `${LEVEL_NAMES[level]}: `), worded(sentence));
}
