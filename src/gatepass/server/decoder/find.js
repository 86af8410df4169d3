// Finds tokens in whatever they were copied with: a header, a cookie, a command, a log.
//
// Each character is looked at a fixed number of times: patterns have nothing to go back on, a token ends where it is cut
// off, and is not searched again.

import { SPACE, afterAll, beforeAll, fill, pointsIn } from "./printing.js";
import { fromLetters } from "./read.js";
import { fromAnyBase64 } from "./secrets.js";
import { NOISE } from "./texts.js";

// These are the library's: see there why.
export const LONGEST_TEXT = 5 << 20;
export const MAX_TOKENS = 1_000;
const SHORTEST = 8;
const WHOLE_SIGNATURES = new Set([43, 64, 86, 128, 176, 342, 512, 683]);
const COMPACT_DOTS = new Set([2, 4]);

const QUOTES = "\"'`\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\xab\xbb";
const BEGINNING = new RegExp(
  String.raw`(?:(?<![A-Za-z0-9_\-.~])|(?<=(?:%(?:25){0,2}|\\x|\\u[0-9A-Fa-f]{2})[0-9A-Fa-f]{2}|\\[nrtbf]|=3D))(?:` +
    String.raw`v[1-4]\.(?:local|public)\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)?` +
    String.raw`|[A-Za-z0-9_-]{22}\.(?:[0-9]{1,9}\.)?[A-Za-z0-9_-]{43}(?![A-Za-z0-9_~-]|\.[A-Za-z0-9_-])` +
    String.raw`|(?<base64>ZXlK[A-Za-z0-9+/]+={0,2})` +
    String.raw`|(?<jose>e[wy]))`,
  "g",
);
const PIECE = new RegExp(
  `[^${SPACE}${QUOTES}<>,;&()\\[\\]{}|\\\\:?#^@%/]+|/|%(?:(?:25)*(?:2[BDEF]|3D|5F|7E)|(?![0-9A-F]{2}))`,
  "iy",
);
const WRAPPING = /(?:\x1b|\\(?:0?33|e|x1[bB]|u001[bB]))\[[0-?]*[ -/]*[@-~]|(?<![^\n])[ \t]*>[> \t]*|\\(?=\r?\n)/g;
const ZERO_WIDTH = /[\u200b-\u200f\u2060\ufeff\xad]/g;
const OF_TOKENS = /%(?:25)*(2[BDEF]|3D|5F|7E)/gi;
const OF_OTHERS = /%(?!(?:25)*(?:2[BDEF]|3D|5F|7E))[0-9A-F]{2}/i;
const SCHEME = /\b(?:Bearer|DPoP|JWT|Token)[ \t]{1,8}["']?$/i;
const FIELD_NAME = /^[A-Za-z-]{1,64}:[ \t]*/;
const SCHEME_FIRST = /^(?:Bearer|DPoP|JWT|Token)[ \t\n\r\f\v]+/i;
const PARAMETER = /[?&#][\w.~-]{1,64}=$/;
const ADDRESS_MARKS = [..."?# \t\r\n\"'<>"];
const CUT_MARKS = "\u2026!*";
const AROUND_WORD = ` \t\r\n\xa0${QUOTES}`;
const JOINED = /^[A-Za-z0-9_+/=.~ \t\r\n\xa0-]*$/;
const NO_WORD = new RegExp(`[${SPACE}"'\`<>{}\\[\\]()|\\\\,;]`);
const ASCII_BLANK = " \t\n\r\f\v";
const BLANKS = new RegExp(`[${SPACE}]+`);

/** The tokens in `pasted`, each `{start, end, text, noise, address}`; if there is none and it is one word, that word. */
export function* find(pasted) {
  const edges = [afterAll(SPACE, pasted), beforeAll(SPACE, pasted)];
  const text = pasted.replace(WRAPPING, (found) => " ".repeat(found.length));
  const counted = counter(text);
  let at = 0;
  let hasNone = true;
  let isTail = true;
  let [seen, mark] = [0, ""];
  for (let match; (match = matchAt(BEGINNING, text, at)); ) {
    const start = match.index;
    const isJose = match.groups.jose !== undefined;
    const isStep = text[start - 1] === "/";
    at = start + match[0].length;
    if (isJose) at = endOfWord(text, at, isStep);
    if (at - start < 2 * SHORTEST && pointsIn(text, start, at) < SHORTEST) continue;
    let found = clean(text, start, at, edges);
    if (match.groups.base64) {
      const token = inBase64(match.groups.base64);
      if (token === null) continue;
      found = { ...found, text: token, noise: [...found.noise, { code: "base64", at: start, sentence: NOISE.base64 }] };
    }
    if (isJose) {
      if (!beginsToken(found.text)) continue;
      const end = isTail ? brokenUntil(text, start, isStep) : null; // looked at once: it is as long as the rest of the text
      isTail = false;
      if (end !== null) found = clean(text, start, end, edges);
      at = found.end;
    }
    hasNone = false;
    const between = text.slice(seen, start);
    const last = Math.max(...ADDRESS_MARKS.map((one) => between.lastIndexOf(one)));
    mark = between[last] ?? mark;
    seen = start;
    if (PARAMETER.test(between.slice(-80))) found.address = mark === "#" ? "in_fragment" : "in_url";
    yield counted(found);
  }
  const word = hasNone ? onlyWord(text) : null;
  if (word) yield counted(clean(text, ...word, edges));
}

function matchAt(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** Where the word ends that goes on from `at`, of which `isStep` says whether it is one of a path. */
function endOfWord(text, at, isStep) {
  for (let piece; (piece = matchAt(PIECE, text, at)) && !(isStep && piece[0] === "/"); ) at += piece[0].length;
  return at;
}

function beginsToken(text) {
  if (text.startsWith("eyJ")) return true;
  const said = new TextDecoder("latin1").decode(fromLetters(/^[A-Za-z0-9_-]*/.exec(text)[0]) ?? new Uint8Array());
  return said[0] === "{" && said[afterAll(ASCII_BLANK, said, 1)] === '"' && said[beforeAll(ASCII_BLANK, said) - 1] === "}";
}

/** The token that `text` is in base64, which begins as `eyJ` does; null if it is none. */
function inBase64(text) {
  const said = new TextDecoder("latin1").decode(fromAnyBase64(text) ?? new Uint8Array()).replace(/^[ \t\n\r\f\v]+|[ \t\n\r\f\v]+$/g, "");
  return COMPACT_DOTS.has(dotsIn(said)) && /^[A-Za-z0-9_.-]+$/.test(said) ? said : null;
}

/** Where a token ends that begins at `start` and goes on after white space; null if it does not. */
function brokenUntil(text, start, isStep) {
  const rest = text.slice(start, beforeAll(`${AROUND_WORD},;`, text));
  if (!JOINED.test(rest) || (isStep && rest.includes("/"))) return null;
  const [first, ...more] = rest.split(BLANKS).filter(Boolean);
  if (!more.length || isWhole(first) || more.some((piece) => COMPACT_DOTS.has(dotsIn(piece)))) return null; // a token a line
  // Words may follow on the line, unless all together are a whole token.
  const isWordALine = !/[A-Za-z0-9_+/=.~-][ \t\xa0]+[A-Za-z0-9_+/=.~-]/.test(rest);
  return isWordALine || isWhole(first + more.join("")) ? start + rest.length : null;
}

function isWhole(text) {
  return COMPACT_DOTS.has(dotsIn(text)) && WHOLE_SIGNATURES.has(text.length - text.lastIndexOf(".") - 1);
}

/** Where the one word of `text` begins and ends; null where there are more, or none. */
function onlyWord(text) {
  let start = afterAll(AROUND_WORD, text);
  let end = beforeAll(`${AROUND_WORD},;`, text);
  for (const prefix of [FIELD_NAME, SCHEME_FIRST]) start += prefix.exec(text.slice(start, end))?.[0].length ?? 0;
  const word = text.slice(start, end);
  const other = OF_OTHERS.exec(word);
  if (other) end = start + other.index;
  return start < end && !NO_WORD.test(text.slice(start, end)) ? [start, end] : null;
}

/** What stands from `start` to `end`, without what is not part of it; between `edges` the text is not white. */
function clean(text, start, end, edges) {
  const noise = [];
  const note = (code, at, count = 0) => noise.push({ code, at, sentence: fill(NOISE[code], { count }) });
  const begins = Math.max(0, start - 80);
  const before = text.slice(begins, start);
  const word = text.slice(start, end);
  let bare = withoutEnd(word);
  const until = start + bare.length;
  const after = text.slice(until, until + 1);
  const scheme = SCHEME.exec(before);
  if (scheme) note("bearer", begins + scheme.index);
  if (before && QUOTES.includes(before.at(-1))) note("quotes", start - 1);
  else if (after && QUOTES.includes(after)) note("quotes", until);
  if (bare !== word || after === ",") note("trailing", until);
  if (start > 0 && start === edges[0]) note("spaces", 0);
  else if (text.length > until && until === edges[1]) note("spaces", until);
  const pieces = bare.split(BLANKS);
  if (pieces.length > 1) note("line_breaks", start + pieces[0].length, pieces.length);
  bare = pieces.join("");
  const replaced = (code, pattern, by) => {
    let count = 0;
    bare = bare.replace(pattern, (...match) => (count++, by(match)));
    if (count) note(code, start, count);
  };
  replaced("zero_width", ZERO_WIDTH, () => "");
  replaced("percent", OF_TOKENS, ([, digits]) => String.fromCharCode(parseInt(digits, 16)));
  return { start, end: until, text: bare, noise, address: "" };
}

/** `word` without the marks of the sentence around it. */
function withoutEnd(word) {
  let end = beforeAll(CUT_MARKS, word);
  if (word.endsWith("...", end)) end = beforeAll(".", word, end);
  // Two parts may be empty, and a token then ends with a dot.
  while (word[end - 1] === "." && !COMPACT_DOTS.has(dotsIn(word.slice(0, end)))) end--;
  return word.slice(0, beforeAll(SPACE, word, end)) || word;
}

function dotsIn(text) {
  let count = 0;
  for (let at = text.indexOf("."); at >= 0; at = text.indexOf(".", at + 1)) count++;
  return count;
}

/** What says the places of a find as the library counts them: by code point. They are near to each other. */
function counter(text) {
  let [known, points] = [0, 0];
  const place = (at) => {
    points += at < known ? -pointsIn(text, at, known) : pointsIn(text, known, at);
    known = at;
    return points;
  };
  return (found) => ({
    ...found,
    start: place(found.start),
    noise: found.noise.map((one) => ({ ...one, at: place(one.at) })),
    end: place(found.end),
  });
}
