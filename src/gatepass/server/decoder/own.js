// The page itself: the bytes that it came as, their hash, and a copy of them.

import { copyButton } from "./clipboard.js";
import { hexOf } from "./der.js";
import { element, made, refill } from "./elements.js";
import { canVerify } from "./signature.js";

/** Read before anything is changed. The file is written so that a browser says it back to the byte. */
const OWN_TEXT = `<!doctype html>\n${document.documentElement.outerHTML}`;
const FILE_NAME = "gatepass-decoder.html";
/** How long a browser may take to begin with a download. Ours. */
const TAKEN_AFTER = 60_000;
const NO_HASH = "Its hash cannot be shown: over http from another machine, browsers do no cryptography. Save it, and open the file.";

/** Show the hash, and listen to the button that saves. */
export async function setUpOwn() {
  element("save").addEventListener("click", saveOwn);
  const hash = canVerify() ? await ownHash() : null;
  const line = hash === null ? NO_HASH : ["SHA-256, as ", made("code", {}, "sha256sum"), " prints it: ", made("code", { id: "hash" }, hash)];
  refill(element("own-hash"), line);
  if (hash !== null) element("save").after(copyButton("Copy the hash", () => hash));
}

async function ownHash() {
  return hexOf(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(OWN_TEXT))));
}

/** Give the file to the person. Nothing is asked of the server for it, and nothing that was typed is in it. */
function saveOwn() {
  const address = URL.createObjectURL(new Blob([OWN_TEXT], { type: "text/html" }));
  const link = made("a", { href: address, download: FILE_NAME });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), TAKEN_AFTER);
}
