// Keeps an open page of a signed-in person renewed (hybrid mode), so that its buttons work whenever they are pressed.
// Without it, a page that was open for long says so and asks for the button once more.

import { gatepass } from "../auth/gatepass.js";

const auth = gatepass({ prefix: new URL("../auth", import.meta.url) });
// What has ended elsewhere is not left on the screen.
auth.onend = () => location.reload();
auth.accept({ mode: "hybrid", expires_in: Number(document.querySelector("meta[name=expires-in]").content) });
