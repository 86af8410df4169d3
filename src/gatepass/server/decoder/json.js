// JSON to the character: what stands in a text, each member of it, and where it stops being JSON. What the library says
// of numbers and places is said here, too: an integer is a BigInt, and an object a Map, in which no name is special.

import { afterAll, beforeAll, escaped } from "./printing.js";

const BLANK = " \t\n\r";
const JSON_NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const PLAIN = /[^"\\\x00-\x1f]*/y;
const HEX_DIGITS = /^[0-9A-Fa-f]{4}$/;
const ESCAPES = new Map([..."\"\"\\\\//b\bf\fn\nr\rt\t".matchAll(/(.)([^])/g)].map(([, letter, meant]) => [letter, meant]));
const LITERALS = new Map([["null", null], ["true", true], ["false", false]]);
const CONSTANTS = ["NaN", "Infinity", "-Infinity"];

const A_NAME = "a name in double quotes";
const A_VALUE = "a JSON value";

/** A text is not JSON: from `index` on, where `expected` should be. */
export class NotJson extends Error {
  constructor(index, expected) {
    super(expected);
    this.index = index;
    this.expected = expected;
  }
}

/**
 * The value that `said` is.
 *
 * `hooks` say what becomes of `members` (a list of pairs), and of the text of an `integer`, of a `fraction` and of a
 * `constant`, which is no number of JSON. Values are read one in the other: whoever calls this has counted brackets.
 */
export function parseJson(said, hooks) {
  let at = 0;

  function miss(index, expected) {
    throw lastComma(said, index, expected) ?? new NotJson(index, expected);
  }

  function blank() {
    at = afterAll(BLANK, said, at);
  }

  function value() {
    const first = said[at];
    if (first === '"') return string();
    if (first === "{") return hooks.members(pairs());
    if (first === "[") return list();
    for (const [literal, meant] of LITERALS) if (said.startsWith(literal, at)) return taken(literal.length, meant);
    for (const found of CONSTANTS) if (said.startsWith(found, at)) return taken(found.length, hooks.constant(found));
    JSON_NUMBER.lastIndex = at;
    const number = JSON_NUMBER.exec(said);
    if (!number) miss(at, A_VALUE);
    const [digits, fraction, exponent] = number;
    return taken(digits.length, fraction || exponent ? hooks.fraction(digits) : hooks.integer(digits));
  }

  function taken(length, meant) {
    at += length;
    return meant;
  }

  /** Items up to `closing`, each read by `item`. */
  function items(closing, item) {
    const found = [];
    at++;
    blank();
    while (said[at] !== closing || found.length) {
      found.push(item());
      blank();
      if (said[at] === closing) break;
      if (said[at] !== ",") miss(at, "a comma or the end of the object or list");
      at++;
      blank();
    }
    at++;
    return found;
  }

  function list() {
    return items("]", value);
  }

  function pairs() {
    return items("}", () => {
      if (said[at] !== '"') miss(at, A_NAME);
      const name = string();
      blank();
      if (said[at] !== ":") miss(at, "a colon");
      at++;
      blank();
      return [name, value()];
    });
  }

  function string() {
    const start = at++;
    let text = "";
    for (;;) {
      PLAIN.lastIndex = at;
      text += PLAIN.exec(said)[0];
      at = PLAIN.lastIndex;
      if (said[at] === '"') return taken(1, text);
      if (at >= said.length || (said[at] === "\\" && at + 1 === said.length)) {
        miss(start, "a closing quote for the text that begins here");
      }
      if (said[at] !== "\\") miss(at, "an escape instead of a character of control");
      text += escape();
    }
  }

  function escape() {
    const letter = said[at + 1];
    if (letter !== "u") {
      if (!ESCAPES.has(letter)) miss(at, "an escape that JSON has");
      return taken(2, ESCAPES.get(letter));
    }
    const digits = said.slice(at + 2, at + 6);
    if (at + 6 >= said.length || !HEX_DIGITS.test(digits)) miss(at + 1, "four hexadecimal digits");
    return taken(6, String.fromCharCode(parseInt(digits, 16)));
  }

  blank();
  const whole = value();
  blank();
  if (at < said.length) miss(at, "the end");
  return whole;
}

/** What is wrong at `index`, if it is a comma before the end of an object or a list. */
function lastComma(said, index, expected) {
  const comma = said[index] === "," ? index : beforeAll(BLANK, said, index) - 1;
  const after = said[afterAll(BLANK, said, comma + 1)];
  if (said[comma] !== ",") return null;
  if (after === "}" && expected === A_NAME) return new NotJson(comma, "no comma before the end of the object");
  if (after === "]" && expected === A_VALUE) return new NotJson(comma, "no comma before the end of the list");
  return null;
}

/** `value` as JSON on one line, printable, as the library writes it. */
export function asJson(value) {
  return escaped(written(value));
}

function written(value) {
  if (value instanceof Map) {
    return `{${[...value].map(([name, member]) => `${JSON.stringify(name)}: ${written(member)}`).join(", ")}}`;
  }
  if (Array.isArray(value)) return `[${value.map(written).join(", ")}]`;
  if (typeof value === "number") return writtenFraction(value);
  return typeof value === "bigint" ? String(value) : JSON.stringify(value);
}

function writtenFraction(number) {
  const [digits, power] = number.toExponential().split("e");
  if (power >= -4 && power < 16) {
    const plain = Object.is(number, -0) ? "-0" : String(number);
    return plain.includes(".") ? plain : `${plain}.0`;
  }
  return `${digits}e${power[0]}${power.slice(1).padStart(2, "0")}`;
}
