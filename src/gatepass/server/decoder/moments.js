// A time in words: how far away, here, and in Greenwich.

import { keep } from "./countdown.js";
import { made } from "./elements.js";
import { relative } from "./relative.js";

/** `at`, in seconds since the epoch, as `2026-11-24 13:03:12`. */
export function utcTime(at) {
  return new Date(Math.floor(at) * 1_000).toISOString().replace("T", " ").replace(".000Z", "");
}

/** The same on the clocks of whoever looks, as `2026-11-24 14:03:12 +01:00`. */
export function localTime(at) {
  const date = new Date(Math.floor(at) * 1_000);
  const east = -date.getTimezoneOffset();
  const offset = `${east < 0 ? "-" : "+"}${twoDigits(Math.abs(east) / 60)}:${twoDigits(Math.abs(east) % 60)}`;
  // As if it were that of Greenwich: then it is written in the same way.
  return `${utcTime(Math.floor(at) + east * 60)} ${offset}`;
}

/** A time of a token, kept up to date. */
export function momentShown({ at }) {
  const away = made("strong", { class: "away" });
  keep((now) => (away.textContent = relative(at - now)));
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const iso = `${utcTime(at).replace(" ", "T")}Z`; // ISO 8601, and RFC 3339
  return made(
    "p",
    { class: "moment" },
    away,
    made("time", { datetime: iso }, `${localTime(at)} local (${zone})`),
    made("span", {}, `${iso} (UTC)`),
  );
}

function twoDigits(number) {
  return String(Math.floor(number)).padStart(2, "0");
}
