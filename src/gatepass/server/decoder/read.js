// Segments of a token, read as far as they go, with what a strict reader refuses in them.

import { NotJson, asJson, parseJson } from "./json.js";
import { beforeAll, brief, capital, fill, pointsIn, shown } from "./printing.js";
import { MAX_DEPTH, endOfString, fromBase64url, isLong } from "./strict.js";
import { DEFECTS, FINDINGS } from "./texts.js";

// These are the library's: see there why.
const MOST_DEPTH = 100;
const MAX_MEMBERS = 1_000;
const MAX_DUPLICATES = 20;
const MAX_DEFECTS = 100;

const NOT_URL_LETTER = /[^A-Za-z0-9_-]/u;
const URL_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const OTHER_LETTERS = { "+": "-", "/": "_" };
/** How many values the unread bits have: those of the last character, by the length of the text modulo 4. */
const UNREAD_VALUES = { 2: 16, 3: 4 };
/** What was read where nothing could be; null is null. */
const NOTHING = Symbol("nothing");

/** Reads the parts of one token, and collects what is wrong with them and remarkable about them. */
export class Reader {
  defects = [];
  findings = [];
  parts = [];
  #said = new Set();
  /** Whether there is more than is noted. */
  leftOut = false;

  /** Note what is wrong, once; `expected` and the facts are printable. */
  defect(code, segment, { index = null, expected = "", ...facts } = {}) {
    const known = { segment: capital(segment), number: (index ?? 0) + 1, expected, ...facts };
    const sentence = fill(DEFECTS[code], known);
    if (this.#isSaid(sentence)) return;
    if (this.defects.length >= MAX_DEFECTS) this.leftOut = true;
    else this.defects.push({ code, segment, index, expected: String(expected), sentence });
  }

  /** Note what is remarkable, once; the facts are printable. */
  find(code, facts = {}) {
    const [level, form] = FINDINGS[code];
    const sentence = fill(form, facts);
    if (!this.#isSaid(sentence)) this.findings.push({ code, level, sentence });
  }

  #isSaid(sentence) {
    const was = this.#said.has(sentence);
    this.#said.add(sentence);
    return was;
  }

  /** The JSON object in a segment of base64url, as a part; null where there is none to be read. */
  object(segment, text, meanings) {
    const data = this.octets(segment, text);
    return this.said(segment, text, data, data === null ? "" : this.text(segment, data), meanings);
  }

  /** As `object`, of a segment that was decoded. */
  said(segment, text, data, said, meanings) {
    const [value, pairs] = data?.length ? this.#json(segment, said) : [NOTHING, []];
    if (!(value instanceof Map)) {
      if (value !== NOTHING) this.defect("json_object", segment);
      this.part(segment, text, data, { said });
      return null;
    }
    const members = pairs.slice(0, MAX_MEMBERS).map(([name, member]) => ({
      name: shown(name),
      value: asJson(member),
      meaning: meaningOf(meanings, name),
    }));
    this.leftOut ||= pairs.length > MAX_MEMBERS;
    this.part(segment, text, data, { members });
    return value;
  }

  /** Note a part. */
  part(segment, text, data, { members = [], said = "" } = {}) {
    const octets = data === null ? null : data.length;
    this.parts.push({ name: segment, characters: pointsIn(text), octets, members, text: shown(said) });
  }

  /** What a segment of base64url decodes to, up to the first place from which on nothing can be decoded. */
  octets(segment, text) {
    if (!text) {
      this.defect("empty", segment);
      return null;
    }
    const length = pointsIn(text);
    const place = (index, more) => ({ index: pointsIn(text, 0, index), length, ...more });
    let good = text.slice(0, beforeAll("=", text));
    if (good !== text) this.defect("padding", segment, place(good.length, { expected: "the end" }));
    let wrong = NOT_URL_LETTER.exec(good);
    if (wrong && wrong[0] in OTHER_LETTERS) {
      const found = wrong[0];
      this.defect("alphabet", segment, place(wrong.index, { expected: OTHER_LETTERS[found], found }));
      good = good.replaceAll("+", "-").replaceAll("/", "_");
      wrong = NOT_URL_LETTER.exec(good);
    }
    if (wrong) {
      this.defect("character", segment, place(wrong.index, { found: brief(wrong[0]) }));
      good = good.slice(0, wrong.index);
    }
    const rest = good.length % 4;
    if (rest === 1) {
      if (!wrong) this.defect("length", segment, { length });
      good = good.slice(0, -1);
    } else if (rest && !wrong) {
      // The last character has bits that are not read. RFC 4648 section 3.5 wants zeros there.
      const found = good.at(-1);
      const value = URL_LETTERS.indexOf(found);
      const expected = URL_LETTERS[value - (value % UNREAD_VALUES[rest])];
      if (found !== expected) this.defect("unused_bits", segment, place(good.length - 1, { expected, found }));
    }
    return fromLetters(good);
  }

  /** `data` as text; octets that are no UTF-8 become U+FFFD. */
  text(segment, data) {
    const wrong = notUtf8(data);
    if (wrong !== null) this.defect("utf8", segment, { index: wrong, length: data.length });
    const said = new TextDecoder("utf-8", { ignoreBOM: true }).decode(data);
    if (!said.startsWith("\ufeff")) return said;
    this.defect("bom", segment, { index: 0 });
    return said.slice(1);
  }

  /** The JSON value that `said` is; null where it is none, or null. */
  value(segment, said) {
    const [value] = this.#json(segment, said);
    return value === NOTHING ? null : value;
  }

  /** As `value`; of an object also its members, repeated ones, too. */
  #json(segment, said) {
    const [depth, deep] = depthOf(said);
    const place = (index, expected) => ({ index: pointsIn(said, 0, index), expected, length: pointsIn(said) });
    if (depth > MOST_DEPTH) {
      this.defect("json_depth", segment, place(deep, MOST_DEPTH));
      return [NOTHING, []];
    }
    if (depth > MAX_DEPTH) this.find("deep", { segment: capital(segment), depth, expected: MAX_DEPTH });
    let last = [];
    const twice = new Set();
    try {
      const value = parseJson(said, {
        members: (pairs) => {
          last = pairs; // the outermost object ends last
          const known = new Map(pairs);
          if (known.size !== pairs.length) {
            const once = new Set();
            for (const [name] of pairs) (once.has(name) ? twice : once).add(name);
          }
          return known;
        },
        constant: (found) => {
          this.defect("json_constant", segment, { found });
          return found;
        },
        integer: (digits) => (isLong(digits) ? this.#tooLong(segment, digits) : BigInt(digits)),
        fraction: (digits) =>
          isLong(digits) || !Number.isFinite(Number(digits)) ? this.#tooLong(segment, digits) : Number(digits),
      });
      for (const name of [...twice].sort(byPoint).slice(0, MAX_DUPLICATES)) {
        this.find("duplicate", { segment: capital(segment), name: brief(name) });
      }
      this.leftOut ||= twice.size > MAX_DUPLICATES;
      return [value, last];
    } catch (error) {
      if (!(error instanceof NotJson)) throw error;
      const known = place(error.index, error.expected);
      const { index, length } = known;
      this.defect("json", segment, { ...known, place: index < length ? `character ${index + 1}` : `after character ${index}` });
      return [NOTHING, []];
    }
  }

  #tooLong(segment, digits) {
    this.defect("json_number", segment);
    return digits;
  }
}

/** What `letters` of base64url decode to, whatever bits of the last one are not read; null where they are none. */
export function fromLetters(letters) {
  const unread = -letters.length & 3;
  if (unread === 3) return null; // one is missing
  // Filled up with zeros, which are cut off again.
  return fromBase64url(letters + "A".repeat(unread))?.subarray(0, Math.floor((letters.length * 3) / 4)) ?? null;
}

/** What `name` stands for; empty where that is not known. */
export function meaningOf(meanings, name) {
  return Object.hasOwn(meanings, name) ? meanings[name] : "";
}

/** The order of Python: by code point, and not by half of one. */
function byPoint(one, other) {
  for (let at = 0; at < one.length && at < other.length; at++) {
    const difference = one.codePointAt(at) - other.codePointAt(at);
    if (difference) return difference;
  }
  return one.length - other.length;
}

/** The first octet of the first thing in `data` that is not UTF-8; null where all of it is (RFC 3629 section 4). */
function notUtf8(data) {
  for (let at = 0; at < data.length; ) {
    const first = data[at];
    const more = first < 0x80 ? 0 : first < 0xc2 || first > 0xf4 ? -1 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    const follows = (octet, index) => (index ? octet >= 0x80 && octet <= 0xbf : octet >= least && octet <= most);
    if (more < 0 || at + more >= data.length) return at;
    if (more && !data.subarray(at + 1, at + 1 + more).every(follows)) return at;
    at += 1 + more;
  }
  return null;
}

/** How deep `said` goes, and the first place that is deeper than we read. */
function depthOf(said) {
  let depth = 0;
  let deepest = 0;
  let brackets = 0;
  for (let at = 0; at < said.length && brackets <= MAX_DEPTH; at++) if (said[at] === "[" || said[at] === "{") brackets++;
  if (brackets <= MAX_DEPTH) return [0, 0];
  for (let at = 0; at < said.length; at++) {
    const letter = said[at];
    if (letter === '"') at = endOfString(said, at) - 1;
    else if (letter === "[" || letter === "{") depth++;
    else if (letter === "]" || letter === "}") depth--;
    deepest = Math.max(deepest, depth);
    if (depth > MOST_DEPTH) return [depth, at];
  }
  return [deepest, 0];
}
