// How large a token is: its parts to scale, against what browsers and servers take.

import { made } from "./elements.js";
import { capital } from "./printing.js";

/** Octets of a cookie, of which browsers promise no more. RFC 6265 section 6.1. */
const COOKIE_OCTETS = 4_096;
/** The part that all further ones are shown as: a list of disclosures can be long. */
const SHOWN_PARTS = 5;

/** Bar, legend and shares of `token`. */
export function sizeShown({ parts, size }) {
  const shown = parts.slice(0, SHOWN_PARTS).map(({ name, characters }) => ({ name, octets: characters }));
  const rest = size.total - shown.reduce((sum, { octets }) => sum + octets, 0);
  const all = [...shown, ...(rest > 0 ? [{ name: parts.length > SHOWN_PARTS ? "more parts" : "dots", octets: rest }] : [])];
  return made(
    "section",
    { class: "size" },
    made("h3", {}, "Size"),
    barShown(all, size.total),
    made("ul", { class: "legend" }, all.map(legendLine)),
    made(
      "p",
      {},
      `${grouped(size.total)} bytes: ${size.cookie} % of a cookie of 4,096 bytes, with its name and attributes;` +
        ` ${size.header_line} % of a header line of 8,192 bytes.`,
    ),
  );
}

/** `number` with a comma between thousands. */
export function grouped(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
}

function barShown(all, total) {
  const whole = Math.max(total, COOKIE_OCTETS);
  const pieces = all.map(({ octets }, at) => {
    const piece = made("span", { class: `piece piece-${at}` });
    piece.style.width = `${(100 * octets) / whole}%`; // a style of the element in its markup would be against the policy
    return piece;
  });
  return made("div", { class: "bar", "aria-hidden": "true" }, pieces);
}

function legendLine({ name, octets }, at) {
  return made("li", {}, made("span", { class: `swatch piece-${at}`, "aria-hidden": "true" }), `${capital(name)} ${grouped(octets)}`);
}
