// Texts as the library counts and prints them: by code point, and escaped as in JSON.

import { CHARACTERS } from "./texts.js";

/** White space, as Python knows it. */
export const SPACE =
  "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a" +
  "\u2028\u2029\u202f\u205f\u3000";

const HIDDEN_CLASS = CHARACTERS.hidden.replace(/[0-9a-f]+/g, (point) => `\\u{${point}}`).replaceAll(" ", "");
const HIDDEN_ONE = new RegExp(`[${HIDDEN_CLASS}]`, "u");
const HIDDEN_ALL = new RegExp(HIDDEN_ONE, "gu");

/** Whether `text` holds what is not shown, or steers what is. */
export function hasHidden(text) {
  return HIDDEN_ONE.test(text);
}

/** `text` as it stands between the quotes of a JSON string, with all escaped that is not printable. */
export function shown(text) {
  return escaped(JSON.stringify(text).slice(1, -1));
}

/** The text that `shown` was given. */
export function unescaped(text) {
  return JSON.parse(`"${text}"`);
}

/** `text`, which is JSON, with an escape for each character that is not printable. */
export function escaped(text) {
  return text.replace(HIDDEN_ALL, (letter) =>
    letter.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`).join(""),
  );
}

/** `text` in a sentence: printable, not longer than `limit` characters, and without backticks, which set code apart. */
export function brief(text, limit = 60) {
  const head = cut(text, limit);
  return shown(head === text ? text : `${head}...`).replaceAll("`", "\\u0060");
}

/** `sentence` with its facts. They are put in as they are, and not looked into. */
export function fill(sentence, facts) {
  return sentence.replace(/\{(\w+)\}/g, (_, name) => String(facts[name]));
}

/** `text` with a capital. */
export function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The first characters of `text`, `limit` at most. A character outside of the first plane is one. */
export function cut(text, limit) {
  if (text.length <= limit) return text;
  let end = 0;
  for (let count = 0; count < limit && end < text.length; count++) end += text.codePointAt(end) > 0xffff ? 2 : 1;
  return text.slice(0, end);
}

/** How many characters stand in `text` between two of its places. */
export function pointsIn(text, start = 0, end = text.length) {
  let count = 0;
  for (let at = start; at < end; at += text.codePointAt(at) > 0xffff ? 2 : 1) count++;
  return count;
}

/** The first place of `text` from `start` on that holds none of `letters`. */
export function afterAll(letters, text, start = 0) {
  while (start < text.length && letters.includes(text[start])) start++;
  return start;
}

/** The place in `text` after which there are only `letters` up to `end`. */
export function beforeAll(letters, text, end = text.length) {
  while (end > 0 && letters.includes(text[end - 1])) end--;
  return end;
}
