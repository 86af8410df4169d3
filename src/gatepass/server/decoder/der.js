// DER (X.690), as much of it as keys, certificates and signatures need: definite lengths, tags of one octet.

/** What cannot be used, with the one sentence that says why. */
export class Refusal extends Error {}

/** The elements in `octets`, one after the other; null where they are not DER. */
export function derList(octets) {
  const found = [];
  let at = 0;
  while (at < octets.length) {
    const tag = octets[at];
    let length = octets[at + 1];
    let start = at + 2;
    if (length > 0x80) {
      const count = length & 0x7f;
      length = 0;
      // Three octets say 16 MiB, which is longer than whatever is pasted.
      for (const end = start + count; count < 4 && start < end; start++) length = length * 256 + octets[start];
      if (length < 0x80) return null;
    } else if (length === 0x80) {
      return null;
    }
    const end = start + length;
    if (!(end <= octets.length)) return null; // also where there was no octet, and the sum is no number
    found.push({ tag, body: octets.subarray(start, end), whole: octets.subarray(at, end) });
    at = end;
  }
  return found;
}

/** The elements of the one sequence that `octets` is; null where it is none. */
export function derSequence(octets) {
  const found = derList(octets);
  return found?.length === 1 && found[0].tag === 0x30 ? derList(found[0].body) : null;
}

/** The tags of `elements`, as a text of hexadecimal digits, so that a form can be compared. */
export function derTags(elements) {
  return (elements ?? []).map(({ tag }) => tag.toString(16).padStart(2, "0")).join(" ");
}

/** An element. */
export function derElement(tag, ...parts) {
  const body = joined(...parts);
  const length = [];
  for (let rest = body.length; rest > 0; rest >>>= 8) length.unshift(rest & 0xff);
  return joined([tag], body.length < 0x80 ? [body.length] : [0x80 | length.length, ...length], body);
}

/** The octets of all `parts`, one after the other. */
export function joined(...parts) {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** `octets` as lower-case hexadecimal digits. */
export function hexOf(octets) {
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join("");
}

/** The octets that `digits`, hexadecimal ones, stand for. */
export function fromHex(digits) {
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** The number that `octets` are, the first one weighing most. */
export function numberOf(octets) {
  return octets.length ? BigInt(`0x${hexOf(octets)}`) : 0n;
}

/** `number` in `size` octets. */
export function octetsOf(number, size) {
  return fromHex(number.toString(16).padStart(2 * size, "0"));
}

/** The octets of an INTEGER without the zero that only says that it is not negative; null where it is negative. */
export function magnitude({ body }) {
  if (!body.length || body[0] > 0x7f) return null;
  return body.length > 1 && body[0] === 0 ? body.subarray(1) : body;
}
