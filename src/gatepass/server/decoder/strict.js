// The two forms of text under every token, base64url and JSON, read so that one value has one spelling: what
// `core/strict.py` is to the library.

export const MAX_DEPTH = 32;
const MAX_DIGITS = 4_300;

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/** By the code of a letter: its value. */
const VALUES = [];
for (let value = 0; value < LETTERS.length; value++) VALUES[LETTERS.charCodeAt(value)] = value;
const NUMBER = /-?\d+(\.\d+)?([eE][+-]?\d+)?/y;

/** The octets of which `text` is the one canonical base64url; null where it has padding, unused bits, or worse. */
export function fromBase64url(text) {
  const octets = new Uint8Array(Math.floor((text.length * 3) / 4));
  let bits = 0;
  let rest = 0;
  let at = 0;
  for (let index = 0; index < text.length; index++) {
    const value = VALUES[text.charCodeAt(index)];
    if (value === undefined) return null;
    bits = (bits << 6) | value;
    rest += 6;
    if (rest >= 8) {
      rest -= 8;
      octets[at++] = bits >> rest;
      bits &= (1 << rest) - 1;
    }
  }
  return rest === 6 || bits ? null : octets;
}

/** The base64url of `octets`, without padding. */
export function toBase64url(octets) {
  let text = "";
  for (let at = 0; at < octets.length; at += 3) {
    const bits = (octets[at] << 16) | (octets[at + 1] << 8) | octets[at + 2];
    text += [18, 12, 6, 0].slice(0, Math.min(octets.length - at, 3) + 1).map((by) => LETTERS[(bits >> by) & 63]).join("");
  }
  return text;
}

/** The JSON object in `octets`: UTF-8 without BOM, each name once at every level; null where it is none. */
export function readObject(octets) {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(octets);
    const value = JSON.parse(text);
    return value !== null && typeof value === "object" && !Array.isArray(value) && isStrict(text) ? value : null;
  } catch {
    return null; // no UTF-8, or no JSON: nothing else is thrown here
  }
}

/** What `members` says of `name`; undefined where it does not, also for what every object of JavaScript inherits. */
export function memberOf(members, name) {
  return Object.hasOwn(members, name) ? members[name] : undefined;
}

/** Whether `number`, as JSON spells it, has more digits than anybody needs, with those of its fraction and exponent. */
export function isLong(number) {
  return number.replace(/[^0-9]+/g, "").length > MAX_DIGITS;
}

/** Whether `text`, which is JSON, has each name once, is not deep, and holds nothing that others read differently. */
function isStrict(text) {
  const open = [];
  let at = 0;
  while (at < text.length) {
    const letter = text[at];
    if (letter === '"') {
      const end = endOfString(text, at);
      const said = JSON.parse(text.slice(at, end));
      if (!said.isWellFormed()) return false; // a lone surrogate, which no UTF-8 can carry on
      at = end;
      while (" \t\n\r".includes(text[at])) at++;
      if (text[at] === ":") {
        const names = open.at(-1);
        if (names.has(said)) return false;
        names.add(said);
      }
    } else if (letter === "-" || (letter >= "0" && letter <= "9")) {
      NUMBER.lastIndex = at;
      const [digits, fraction, exponent] = NUMBER.exec(text);
      if (isLong(digits) || ((fraction || exponent) && !Number.isFinite(Number(digits)))) return false;
      at += digits.length;
    } else {
      if (letter === "{" || letter === "[") open.push(new Set());
      if (letter === "}" || letter === "]") open.pop();
      if (open.length > MAX_DEPTH) return false;
      at++;
    }
  }
  return true;
}

/** The place after the text that begins at `start` with a quote, also if it never ends. */
export function endOfString(text, start) {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at + 1;
  }
  return text.length;
}
