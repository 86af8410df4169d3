// What is in a text, without a key: what `core/inspect` is to the library, in its words and in its shape.

import { LONGEST_TEXT, MAX_TOKENS, find } from "./find.js";
import { guessed } from "./guesses.js";
import { tokenInJson, tokenOf } from "./look.js";
import { SPACE, afterAll, beforeAll, cut, fill, pointsIn } from "./printing.js";
import { Reader } from "./read.js";
import { HINTS } from "./texts.js";

/**
 * Find every token in `text` and say what is in it: `{tokens, hints}`, as the library's `inspect` returns it. Nothing is
 * verified, and nothing is thrown. `now` is in seconds since the epoch.
 */
export async function inspect(text, now) {
  const read = cut(text, LONGEST_TEXT);
  const tokens = [...(inJsonForm(read, now) ?? someFound(read, now))];
  const hints = [];
  const say = (code, facts = {}) => hints.push({ code, sentence: fill(HINTS[code], facts) });
  say("local");
  if (!tokens.length) say("nothing");
  if (read !== text) say("left_out", { what: `it was read up to character ${LONGEST_TEXT}` });
  if (tokens.length > MAX_TOKENS) say("left_out", { what: `the first ${MAX_TOKENS} tokens are shown` });
  return { tokens: await guessed(tokens.slice(0, MAX_TOKENS)), hints };
}

function* someFound(text, now) {
  let count = 0;
  for (const found of find(text)) {
    yield tokenOf(found, now);
    if (++count > MAX_TOKENS) return;
  }
}

/** The token that `text` is, if it is one in JSON form (RFC 7515 section 7.2, RFC 7516 section 7.2); else null. */
function inJsonForm(text, now) {
  const [from, to] = [afterAll(SPACE, text), beforeAll(SPACE, text)];
  const said = text.slice(from, to);
  if (!said.startsWith("{") || !(said.includes('"payload"') || said.includes('"ciphertext"'))) return null;
  const form = new Reader().value("text", said);
  if (!(form instanceof Map) || !["protected", "signatures", "recipients"].some((name) => form.has(name))) return null;
  const start = pointsIn(text, 0, from);
  const found = { start, end: start + pointsIn(said), text: said, noise: [], address: "" };
  return [tokenInJson(found, form, now)];
}
