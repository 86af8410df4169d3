// What a text that was found is, and all that can be said of it without a key.

import { asJson } from "./json.js";
import { fill, pointsIn, shown } from "./printing.js";
import { Reader, meaningOf } from "./read.js";
import { remarkClaims, remarkDigests, remarkHeader, remarkSignature, remarkSignedHeader, remarkValues } from "./remarks.js";
import { ALGORITHMS, CLAIMS, ENCRYPTION, HEADER, HINTS, KINDS, VERDICTS } from "./texts.js";

// These are the library's: see there why.
export const LONGEST_TOKEN = 8_192;
const COOKIE_LIMIT = 4_096;
const COOKIE_AROUND = "__Host-access=; Path=/; Secure; HttpOnly; SameSite=Lax".length;
const HEADER_AROUND = "Authorization: Bearer ".length;
const MAX_INNER = 3;
const MAX_DISCLOSURES = 200;
const SIGNATURES_READ = 10;

const SIGNED_DOTS = 2;
const ENCRYPTED_DOTS = 4;
const ENCRYPTED_PARTS = ["encrypted key", "IV", "ciphertext", "tag"];
const PASETO_SIGNATURE = { v1: 256, v2: 64, v3: 96, v4: 64 };
const OWN_TOKEN = /^[A-Za-z0-9_-]{21}[AQgw]\.((?:0|[1-9][0-9]{0,8})\.)?[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;
const COMPACT_TOKEN = /^ey[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)?$/;
const PASETO_TOKEN = /^(v[1-4])\.(local|public)\.([A-Za-z0-9_-]+)(?:\.([A-Za-z0-9_-]+))?$/;
const ENCRYPTED_KINDS = new Set(["jwe", "jwe-json"]);
const UNREADABLE_KINDS = new Set(["gatepass-session", "gatepass-refresh", "unknown"]);
const STRAY_DEFECTS = ["padding", "alphabet", "unused_bits"];
const CUT_DEFECTS = ["segments", "length", "empty"];
const LEVELS = ["stop", "warn", "info"];

/** `findings`, those first that must stop; of one level, in their order. */
export function byLevel(findings) {
  return [...findings].sort((one, other) => LEVELS.indexOf(one.level) - LEVELS.indexOf(other.level));
}

/** The token that was found as a compact one: `{start, end, text, noise, address}`. */
export function tokenOf(found, now, depth = 0) {
  const look = new Look(found.text, now, depth);
  return look.token(look.compact(), found);
}

/** The token that was found as `form`, the JSON object that its text is. */
export function tokenInJson(found, form, now) {
  const look = new Look(found.text, now, 0);
  return look.token(look.inJson(form), found);
}

/** One look at one text, which becomes a token. */
class Look {
  #text;
  #now;
  #depth;
  #reader = new Reader();
  #header = new Map();
  #claims = null;
  #disclosed = [];
  #inner = [];
  #moments = [];

  constructor(text, now, depth) {
    this.#text = text;
    this.#now = now;
    this.#depth = depth;
  }

  // -- of which kind it is --------------------------------------------------------------------------------------------

  /** Read the text; return the code of its kind. */
  compact() {
    const text = this.#text;
    const own = OWN_TOKEN.exec(text);
    if (own) return own[1] ? "gatepass-refresh" : "gatepass-session";
    const paseto = PASETO_TOKEN.exec(text);
    if (paseto) return this.#paseto(...paseto.slice(1));
    if (text.includes("~")) return this.#withDisclosures();
    if (!text.includes(".") && !text.startsWith("ey")) return "unknown"; // a random id is no broken token
    return this.#dotted(text);
  }

  /** Read `form`, the object that the text is; return the code of its kind. */
  inJson(form) {
    if (form.has("ciphertext")) {
      this.#readHeader("header", form.get("protected"));
      for (const name of ENCRYPTED_PARTS) this.#binary(name, textOr(form.get(name.replace(" ", "_").toLowerCase())));
      return "jwe-json";
    }
    this.#payload(textOr(form.get("payload")));
    const signatures = form.has("signatures") ? form.get("signatures") : [form];
    const isList = Array.isArray(signatures);
    for (const [number, signed] of (isList ? signatures.slice(0, SIGNATURES_READ) : []).entries()) {
      if (!(signed instanceof Map)) continue;
      const numbered = (name) => (number ? `${name} ${number + 1}` : name);
      this.#readHeader(numbered("header"), signed.get("protected"));
      const unprotected = signed.get("header");
      if (unprotected instanceof Map) {
        this.#said(`unprotected header ${number + 1}`, unprotected, HEADER);
        this.#header = new Map([...unprotected, ...this.#header]);
      }
      this.#signature(numbered("signature"), textOr(signed.get("signature")));
    }
    this.#reader.leftOut ||= isList && signatures.length > SIGNATURES_READ;
    return "jws-json";
  }

  #dotted(text) {
    const dots = text.split(".").length - 1;
    const segments = text.split(".", ENCRYPTED_DOTS + 1);
    const alone = dots ? null : new Reader().object("", text, {});
    if (alone?.size && !alone.has("alg")) segments.unshift("");
    else this.#readHeader("header", segments[0]);
    if (dots === ENCRYPTED_DOTS && (this.#header.has("enc") || !this.#header.size)) {
      for (const [at, name] of ENCRYPTED_PARTS.entries()) {
        if (segments[at + 1] || at) this.#binary(name, segments[at + 1]); // there is no key where it was agreed on
      }
      return this.#header.size ? "jwe" : "unknown";
    }
    if (segments.length > 1) this.#payload(segments[1]);
    if (dots === SIGNED_DOTS) this.#signature("signature", segments[2]);
    else this.#reader.defect("segments", "", { found: dots + 1, expected: "3, or 5 if it is encrypted" });
    if (!this.#header.size && this.#claims === null && !text.startsWith("eyJ")) return "unknown";
    if (dots !== SIGNED_DOTS) return "partial";
    if (typOf(this.#header) === "dpop+jwt") return "dpop";
    return this.#inner.length ? "nested" : "jws";
  }

  #withDisclosures() {
    const pieces = this.#text.split("~");
    const [signed, ...disclosures] = pieces.slice(0, MAX_DISCLOSURES + 1);
    const isMore = pieces.length > MAX_DISCLOSURES + 2;
    const proof = pieces.length > MAX_DISCLOSURES + 1 ? pieces.at(-1) : disclosures.pop();
    this.#reader.leftOut ||= isMore;
    const kind = this.#dotted(signed);
    if (kind !== "jws") return kind;
    for (const [at, disclosure] of disclosures.entries()) this.#disclosure(`disclosure ${at + 1}`, disclosure);
    if (proof && !isMore) this.#within(proof);
    return "sd-jwt";
  }

  #paseto(version, purpose, body, footer) {
    const data = this.#reader.octets("payload", body) ?? new Uint8Array();
    if (purpose === "public") {
      const claims = data.subarray(0, Math.max(0, data.length - PASETO_SIGNATURE[version]));
      this.#reader.said("payload", body, claims, this.#reader.text("payload", claims), CLAIMS);
    } else {
      this.#reader.part("payload", body, data);
    }
    if (footer !== undefined) {
      const octets = this.#reader.octets("footer", footer) ?? new Uint8Array();
      this.#reader.part("footer", footer, octets, { said: this.#reader.text("footer", octets) });
    }
    return "paseto";
  }

  // -- its parts ------------------------------------------------------------------------------------------------------

  #readHeader(name, segment) {
    const found = this.#reader.object(name, textOr(segment), HEADER) ?? new Map();
    if (!this.#header.size) this.#header = found;
  }

  #payload(segment) {
    const data = this.#reader.octets("payload", segment);
    const said = data === null ? "" : this.#reader.text("payload", data);
    if (this.#depth < MAX_INNER && COMPACT_TOKEN.test(said)) {
      this.#reader.part("payload", segment, data, { said });
      this.#within(said);
    } else {
      this.#claims = this.#reader.said("payload", segment, data, said, CLAIMS);
    }
  }

  #signature(name, segment) {
    const signature = segment ? this.#reader.octets(name, segment) : new Uint8Array();
    this.#reader.part(name, segment, signature);
    remarkSignature(this.#reader, this.#header.get("alg"), signature);
  }

  #binary(name, segment) {
    this.#reader.part(name, segment, this.#reader.octets(name, segment));
  }

  /** A part that is not of base64url. */
  #said(name, value, meanings) {
    const text = asJson(value);
    this.#reader.said(name, text, new TextEncoder().encode(text), text, meanings);
  }

  #disclosure(name, segment) {
    const data = this.#reader.octets(name, segment);
    const said = data === null ? "" : this.#reader.text(name, data);
    const value = data?.length ? this.#reader.value(name, said) : null;
    this.#disclosed.push(value);
    // RFC 9901 section 4.2: salt, name, value; of an element of a list: salt, value.
    if (Array.isArray(value) && value.length === 3 && typeof value[1] === "string") {
      const [, claim, member] = value;
      const members = [{ name: shown(claim), value: asJson(member), meaning: meaningOf(CLAIMS, claim) }];
      this.#reader.part(name, segment, data, { members });
      remarkValues(this.#reader, name, new Map([[claim, member]]));
    } else {
      this.#reader.part(name, segment, data, { said });
    }
  }

  #within(text) {
    const found = { start: 0, end: pointsIn(text), text, noise: [], address: "" };
    this.#inner.push(tokenOf(found, this.#now, this.#depth + 1));
  }

  // -- what is said of it ---------------------------------------------------------------------------------------------

  /** All that was found, as a token of this kind. */
  token(kind, found) {
    const reader = this.#reader;
    const typ = typOf(this.#header);
    if (this.#header.size) {
      remarkHeader(reader, this.#header);
      if (!ENCRYPTED_KINDS.has(kind)) remarkSignedHeader(reader, this.#header, kind === "dpop");
    }
    if (this.#claims !== null) this.#moments = remarkClaims(reader, this.#claims, typ, this.#now);
    remarkValues(reader, "header", this.#header);
    remarkValues(reader, "payload", this.#claims);
    remarkDigests(reader, [this.#claims, ...this.#disclosed]);
    const size = this.#size();
    const state = this.#state();
    return {
      kind,
      title: KINDS[kind],
      start: found.start,
      end: found.end,
      text: shown(found.text),
      verdict: this.#verdict(kind, state),
      state,
      size,
      parts: reader.parts,
      moments: this.#moments,
      noise: found.noise,
      defects: reader.defects,
      findings: byLevel(reader.findings),
      hints: this.#hints(kind, state, typ, found.address),
      inner: this.#inner,
    };
  }

  #size() {
    const total = pointsIn(this.#text);
    const share = (around, limit) => Math.ceil((100 * (total + around)) / limit);
    if (total > LONGEST_TOKEN) this.#reader.defect("size", "", { expected: LONGEST_TOKEN, length: total });
    if (total + COOKIE_AROUND > COOKIE_LIMIT) this.#reader.find("cookie_large");
    if (total + HEADER_AROUND > LONGEST_TOKEN) this.#reader.find("header_large");
    return { total, cookie: share(COOKIE_AROUND, COOKIE_LIMIT), header_line: share(HEADER_AROUND, LONGEST_TOKEN) };
  }

  #state() {
    if (this.#claims === null) return null;
    const exp = this.#moments.find(({ name }) => name === "exp");
    const nbf = this.#claims.get("nbf");
    if (exp?.read === false) return "lenient";
    if (this.#now >= exp?.at) return "expired"; // RFC 7519 section 4.1.4: "on or after" is too late
    if (/^(?:bigint|number)$/.test(typeof nbf) && this.#now < nbf) return "not_yet"; // milliseconds are seconds to verifiers
    if (exp) return "alive";
    return this.#claims.has("exp") ? null : "endless";
  }

  #verdict(kind, state) {
    const times = this.#moments.filter(({ name, read }) => read || name === "exp").map(({ name, relative }) => [name, relative]);
    const code = state ?? (kind.startsWith("gatepass-") ? "opaque" : "unreadable");
    return fill(VERDICTS[code], { nbf: "after the year 9999", ...Object.fromEntries(times) });
  }

  #hints(kind, state, typ, address) {
    const hints = [];
    const say = (code, facts = {}) => hints.push({ code, sentence: fill(HINTS[code], facts) });
    const alg = this.#header.get("alg");
    const isFound = (code) => this.#reader.findings.some((finding) => finding.code === code);
    const hasDefect = (codes) => this.#reader.defects.some(({ code }) => codes.includes(code));
    if (state === "expired" || state === "not_yet") say(state);
    if (ENCRYPTED_KINDS.has(kind)) {
      say("encrypted");
      for (const name of ["alg", "enc"]) {
        const found = this.#header.get(name);
        const what = typeof found === "string" ? meaningOf(ENCRYPTION, found) : "";
        if (what) say("encrypted_with", { name, found, what });
      }
    } else if (UNREADABLE_KINDS.has(kind)) {
      say("opaque");
    } else if (kind !== "paseto") {
      say("no_signature_check");
      if (typeof alg === "string" && Object.hasOwn(ALGORITHMS, alg)) {
        say(alg.startsWith("HS") ? "secret_encoding" : "key_family", { alg, key: ALGORITHMS[alg][0] });
      }
    }
    if (hasDefect(CUT_DEFECTS) || isFound("signature_size")) say("cut");
    if (hasDefect(STRAY_DEFECTS)) say("stray");
    if (address) say(address);
    if (isFound("time_ms")) say("units");
    if (typ !== "at+jwt" && ["nonce", "at_hash", "c_hash"].some((name) => this.#claims?.has(name))) say("id_token");
    if (this.#reader.leftOut) say("left_out", { what: "many parts, members or remarks" });
    return hints;
  }
}

/** What a header says the token is, in the one spelling that is compared; empty where it says nothing. */
function typOf(header) {
  const typ = header.get("typ");
  return typeof typ === "string" ? typ.toLowerCase().replace(/^application\//, "") : "";
}

function textOr(value) {
  return typeof value === "string" ? value : "";
}
