// "Is it valid at ...": by its times, which are all that can be seen without a key.

import { hasPlainTimes } from "./countdown.js";
import { element, refill } from "./elements.js";
import { localTime, utcTime } from "./moments.js";
import { duration } from "./relative.js";

let judged = null;

/** Judge `token` from now on; null: none. Without a time there is nothing to judge. */
export function judgeTimes(token) {
  judged = token?.moments.some(({ name }) => name === "exp" || name === "nbf") && hasPlainTimes(token) ? token : null;
  element("validity").hidden = judged === null;
  answer();
}

/** Listen to what is asked. */
export function setUpValidity() {
  for (const id of ["valid-at", "tolerance"]) element(id).addEventListener("input", answer);
}

/** Forget what was asked. */
export function clearValidity() {
  element("valid-at").value = "";
  element("tolerance").value = element("tolerance").defaultValue;
  judgeTimes(null);
}

/**
 * What the times say of the moment `at`, with `leeway` seconds by which clocks may differ: as a verifier decides it
 * (RFC 7519 sections 4.1.4 and 4.1.5), and as the library does of one that is made later.
 */
export function validAt(moments, at, leeway) {
  const timeOf = (wanted) => moments.find(({ name }) => name === wanted)?.at;
  const exp = timeOf("exp");
  const nbf = timeOf("nbf");
  const iat = timeOf("iat");
  if (at - leeway >= exp) return at > exp ? `No. It had expired ${duration(at - exp)} before.` : "No. That is the second at which it ends.";
  if (at + leeway < nbf) return `No. Its time begins ${duration(nbf - at)} later.`;
  if (at + leeway < iat) return `No. It is made ${duration(iat - at)} later.`;
  if (exp === undefined) return "Yes, by its times: it never expires.";
  if (at >= exp) return `Yes, but only by the leeway: it had expired ${duration(at - exp)} before.`;
  return `Yes, by its times: it expires ${duration(exp - at)} later.`;
}

function answer() {
  const at = new Date(element("valid-at").value).getTime() / 1_000;
  const leeway = Number(element("tolerance").value);
  if (judged === null || Number.isNaN(at)) refill(element("valid-said"));
  else refill(element("valid-said"), `${validAt(judged.moments, at, leeway)} (${localTime(at)}, ${utcTime(at)} UTC)`);
}
