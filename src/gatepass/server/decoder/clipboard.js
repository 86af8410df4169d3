// Buttons that copy. Nothing is ever read from the clipboard.

import { made } from "./elements.js";

/** How long a button says what it did. */
const SAID_FOR = 2_000;

/** A button that copies what `text` returns when it is pressed. */
export function copyButton(label, text) {
  const button = made("button", { type: "button", class: "quiet" }, label);
  button.addEventListener("click", async () => {
    button.textContent = (await wasCopied(text())) ? "Copied" : "The browser does not let the page copy";
    setTimeout(() => (button.textContent = label), SAID_FOR);
  });
  return button;
}

async function wasCopied(text) {
  try {
    // Over plain http there is no clipboard; the old command is there.
    if (!navigator.clipboard) return copiedByCommand(text);
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedByCommand(text);
  }
}

function copiedByCommand(text) {
  const field = made("textarea", { class: "unseen", "aria-hidden": "true", tabindex: "-1" });
  field.value = text;
  const before = document.activeElement;
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.value = "";
  field.remove();
  before?.focus();
  return copied;
}
