// The page. `auth.fetch` is `fetch` with the access token, which this script never sees: it is renewed when it has to be.

import { gatepass } from "/auth/gatepass.js";

const auth = gatepass({ access: "body" });
const at = (id) => document.getElementById(id);

function show(id) {
  for (const view of ["login", "home"]) at(view).hidden = view !== id;
}

// The session is over: logged out in another tab, from another device, or too long ago.
auth.onend = () => {
  for (const part of ["hello", "answer", "devices"]) at(part).replaceChildren(); // the next person reads none of it
  show("login");
};

// A fault of the network or of the server is no end of the session: what is shown stays, and nobody is logged out.
function fault(there) {
  at("fault").hidden = !there;
}

addEventListener("unhandledrejection", () => fault(true));

/** What the API says; null where it said no. Where that is the end of the session, `onend` has been called. */
async function ask(path, init) {
  const answer = await auth.fetch(path, init);
  fault(answer.status >= 500);
  return answer.ok ? answer.json() : null;
}

async function home() {
  const [who, list] = [await ask("/auth/me"), await ask("/auth/sessions")];
  if (!who || !list) return;
  at("hello").textContent = `Hello, ${who.subject}`;
  at("devices").replaceChildren(...list.sessions.map(device));
  show("home");
}

function device({ id, current, device, ip, seen_at, ended_at }) {
  const item = at("device").content.cloneNode(true).firstElementChild;
  const [name, seen, state, button] = item.querySelectorAll("strong, small, span, button");
  name.textContent = device.name;
  seen.textContent = `${ip}, last seen ${new Date(seen_at * 1000).toLocaleString()}`;
  state.textContent = ended_at ? "ended" : current ? "this device" : "";
  item.classList.toggle("ended", Boolean(ended_at));
  if (state.textContent) button.remove();
  else state.remove();
  button.addEventListener("click", async () => {
    await ask(`/auth/sessions/${id}`, { method: "DELETE" });
    await home();
  });
  return item;
}

at("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const said = Object.fromEntries(new FormData(event.target));
  const answer = await fetch("/login", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(said),
  });
  at("refused").hidden = answer.ok;
  at("refused").textContent = answer.status === 401 ? "Name and password do not match." : "Please try again later.";
  if (!answer.ok) return;
  event.target.reset();
  auth.accept(await answer.json());
  await home();
});

at("call").addEventListener("click", async () => {
  at("answer").textContent = (await ask("/greeting"))?.text ?? "";
});

at("others").addEventListener("click", async () => {
  await ask("/auth/sessions/end-others", { method: "POST" });
  await home();
});

at("logout").addEventListener("click", async () => fault((await auth.logout()).status >= 500));

home();
