// The page itself: the bytes that it came as, their hash, and a copy of them.

import { hexOf } from "./der.js";

/** Read before anything is changed. The file is written so that a browser says it back to the byte. */
const OWN_TEXT = `<!doctype html>\n${document.documentElement.outerHTML}`;
const FILE_NAME = "gatepass-decoder.html";
/** How long a browser may take to begin with a download. Ours. */
const TAKEN_AFTER = 60_000;

/** The SHA-256 of the file in hexadecimal, as `sha256sum` prints it; null where the browser has no cryptography. */
export async function ownHash() {
  if (!globalThis.crypto?.subtle) return null;
  return hexOf(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(OWN_TEXT))));
}

/** Give the file to the person. Nothing is asked of the server for it, and nothing that was typed is in it. */
export function saveOwn() {
  const address = URL.createObjectURL(new Blob([OWN_TEXT], { type: "text/html" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = FILE_NAME;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), TAKEN_AFTER);
}
