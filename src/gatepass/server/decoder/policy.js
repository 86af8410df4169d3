// What a service asks of a token, out of its settings, as they are pasted.

import { FAMILY_OF, currentName } from "./jwk.js";
import { brief } from "./printing.js";
import { readObject } from "./strict.js";

/** What the library asks for where it is not told. Others ask for nothing then. */
export const DEFAULTS = { typ: "at+jwt", leeway: 10, require: ["exp", "iss", "aud", "sub", "iat", "jti"] };
/** The same of the server, which has the settings with this prefix. */
const PREFIX = "GATEPASS_";
const SERVER_DEFAULTS = { ...DEFAULTS, audience: "gatepass", leeway: 5 };
/** What names the library, or calls it. */
const OURS = /gatepass|\btokens\.verify\(/i;
const MAX_LEEWAY = 300;
const LONGEST_POLICY = 100_000;

/** Each name of ours, and what others call it: JSON Web Token's own names, and those of widespread libraries. */
const SPELLINGS = {
  algorithms: ["algorithms", "algorithm"],
  issuer: ["issuer", "iss"],
  audience: ["audience", "aud"],
  typ: ["typ"],
  leeway: ["leeway", "leeway_seconds", "clockTolerance"],
  require: ["require", "required_claims", "requiredClaims"],
};
const MEANT = new Map(Object.entries(SPELLINGS).flatMap(([name, all]) => all.map((spelling) => [spelling, name])));
const LISTS = ["algorithms", "require"];
/** What others take several of. */
const SINGLE = ["issuer", "audience"];

const TEXT = String.raw`"(?:[^"\\]|\\.)*"|'[^']*'`;
const ITEM = new RegExp(String.raw`${TEXT}|[^\s,"']+`, "g");
/** Items of YAML, each on a line. */
const DASHES = String.raw`-[ \t]+[^\n]{0,200}(?:\n[ \t]{0,40}-[ \t]+[^\n]{0,200}){0,50}`;
const SETTING = new RegExp(
  String.raw`(?<![\w-])["']?(${PREFIX}[A-Z_]+|${[...MEANT.keys()].join("|")})["']?\s*[=:]\s*` +
    String.raw`(${TEXT}|[[({][^\])}]{0,1000}[\])}]|${DASHES}|[^\s;)}\]"']*)`,
  "g",
);
const NOTHING_READ =
  "No setting could be read. Paste JSON or lines with issuer, audience, algorithms, typ, leeway or require, such as" +
  ' {"issuer": "https://auth.example.com", "audience": "orders", "algorithms": ["ES256"]}, or GATEPASS_ISSUER=... as' +
  " the server has it.";

/**
 * The policy in `text`: JSON, or settings as a program, a TOML file or an environment has them.
 *
 * @param {string} text What was pasted.
 * @returns {{policy: object|null, problem: string, sentence: string}} `policy` is what `refusal` takes; where nothing is
 *   said, it is what gatepass does by itself if the text names it, and else nothing. `problem` says why there is none. `sentence` says what was read, what
 *   was not said, and which settings were not looked at.
 */
export function readPolicy(text) {
  const none = (problem) => ({ policy: null, problem, sentence: "" });
  if (text.length > LONGEST_POLICY) return none("The text is longer than the settings of any service.");
  const bare = text.trim();
  const { settings, problem } = bare.startsWith("{") ? inJson(bare) : inLines(bare);
  if (problem) return none(problem);
  const said = {};
  const ignored = [];
  for (const [name, value] of settings) {
    const meant = MEANT.get(plainName(name));
    if ([null, "None", "null", "undefined"].includes(value)) continue; // it is not said
    if (meant === undefined) ignored.push(name);
    else if (Object.hasOwn(said, meant)) return none(`${meant} is given twice.`);
    else said[meant] = LISTS.includes(meant) && typeof value === "string" ? [value] : value;
  }
  for (const name of SINGLE.filter((one) => isNames(said[one]) && said[one].length)) {
    const all = said[name];
    if (all.length > 1) return none(`The library takes one ${name}. Which of these is it: ${quoted(all)}?`);
    [said[name]] = all;
  }
  if (!Object.keys(said).length && !settings.some(([name]) => name.startsWith(PREFIX))) return none(NOTHING_READ);
  const own = OURS.test(text) ? DEFAULTS : {};
  const defaults = settings.some(([name]) => name.startsWith(PREFIX)) ? SERVER_DEFAULTS : own;
  const policy = { ...defaults, ...said };
  const wrong = policyProblem(policy);
  return wrong ? none(wrong) : { policy, problem: "", sentence: sentenceOf(policy, said, ignored) };
}

/** Why no service can ask for `policy`; empty if it can. What is left out is not asked for. */
export function policyProblem(policy) {
  for (const name of ["issuer", "audience", "typ"]) {
    const value = policy[name];
    if (value !== undefined && (typeof value !== "string" || !value)) return `${name} is not a text.`;
  }
  if (/[^\0-\x7f]/.test(policy.typ)) return "typ is not a text in ASCII.";
  const { algorithms, leeway = 0, require = [] } = policy;
  const known = Object.keys(FAMILY_OF);
  if (algorithms !== undefined && !(isNames(algorithms) && algorithms.length && algorithms.every((one) => known.includes(currentName(one))))) {
    return `algorithms is not a list of one or more of ${known.join(", ")}.`;
  }
  if (!Number.isInteger(leeway) || leeway < 0 || leeway > MAX_LEEWAY) {
    return `leeway is not a whole number of seconds from 0 to ${MAX_LEEWAY}.`;
  }
  return isNames(require) ? "" : "require is not a list of names of claims.";
}

function isNames(value) {
  return Array.isArray(value) && value.every((name) => typeof name === "string");
}

function inJson(bare) {
  const value = readObject(new TextEncoder().encode(bare));
  if (value !== null) return { settings: Object.entries(value), problem: "" };
  // It may be an object of a program, whose names have no quotes.
  const found = inLines(bare);
  return found.problem ? { settings: [], problem: "The text begins as JSON and is not a JSON object with each name once." } : found;
}

function inLines(bare) {
  const lines = bare.replace(/^[ \t]*(?:#|\/\/).*/gm, "");
  const settings = [];
  for (const [, name, written] of lines.matchAll(SETTING)) settings.push([name, valueOf(plainName(name), written)]);
  return { settings, problem: settings.length ? "" : NOTHING_READ };
}

function valueOf(name, written) {
  if (/^["']/.test(written)) return unquoted(written);
  if (/^[[({]/.test(written)) return [...written.slice(1, -1).matchAll(ITEM)].map(([text]) => unquoted(text));
  if (/^-[ \t]/.test(written)) return written.split("\n").map((line) => unquoted(line.replace(/^[ \t]*-[ \t]+|[ \t]+#.*/g, "").trim()));
  const bare = written.replace(/,$/, "");
  if (MEANT.get(name) === "leeway") return /^\d+$/.test(bare) ? Number(bare) : bare;
  return LISTS.includes(MEANT.get(name)) ? bare.split(",") : bare;
}

function unquoted(text) {
  return /^["']/.test(text) ? text.slice(1, -1).replace(/\\(.)/g, "$1") : text;
}

function plainName(name) {
  return name.startsWith(PREFIX) ? name.slice(PREFIX.length).toLowerCase() : name;
}

function quoted(value) {
  return [value].flat().map((one) => (typeof one === "string" ? `\`${brief(one)}\`` : one)).join(", ");
}

function sentenceOf(policy, said, ignored) {
  const read = Object.entries(said).map(([name, value]) => `${name} ${quoted(value)}`);
  const assumed = Object.keys(policy).filter((name) => !Object.hasOwn(said, name));
  const silent = Object.keys(SPELLINGS).filter((name) => !Object.hasOwn(policy, name));
  return [
    read.length ? `Read: ${read.join("; ")}.` : "",
    assumed.length ? `As gatepass has it unless told: ${assumed.map((name) => `${name} ${quoted(policy[name])}`).join("; ")}.` : "",
    silent.length ? `Not said, so not checked: ${silent.join(", ")}.` : "",
    ignored.length ? `Not looked at: ${ignored.slice(0, 10).map((name) => brief(name)).join(", ")}.` : "",
  ].filter(Boolean).join(" ");
}
