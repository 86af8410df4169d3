// gatepass in the browser: fetch, with a session that is kept alive. An ES module without dependencies.
//
//   import { gatepass } from "/auth/gatepass.js";
//   const auth = gatepass({ access: "body" });
//   auth.accept(await answerOfTheLogin.json());
//   const answer = await auth.fetch("/orders");
//
// Nothing is stored. What is known lives in the closure below and is told to the other tabs of this origin, which hold
// the same cookies. A page that has just been loaded begins with the refresh cookie, which no script can read.

/**
 * @param {string} prefix   where gatepass answers: a path, or the URL of an API on another origin
 * @param {"cookie"|"body"} access   how the access token comes: in a cookie, or (hybrid) in memory, as a Bearer token
 * @param {string[]} origins   who else is sent credentials, besides this page's origin and that of the prefix
 */
export function gatepass({ prefix = "/auth", access = "cookie", origins = [] } = {}) {
  const base = new URL(prefix, location.href);
  const ours = new Set([location.origin, base.origin, ...origins.map((origin) => new URL(origin).origin)]);
  const body = access === "body";
  const channel = `gatepass ${access} ${base}`;
  const tabs = new BroadcastChannel(channel);
  const auth = { accept, fetch: send, refresh, logout, onend: null };

  let token, csrf, timer, pending;
  let count = 0; // of the credentials that were taken: whether there are newer ones than those that a request used
  let renewable = true; // until the server says that there is nothing to renew
  let ended = false; // whether the end of what was held has been told
  let cookies = !body; // whether they say who is calling; also with "body", in a mode that keeps no token in memory
  let half, due, end; // when it is half used up, should be renewed, is over; in milliseconds, as Date.now()
  begin(body ? 0 : Infinity); // without a token: renew first. With a cookie that cannot be seen: a 401 will tell

  function begin(at) {
    [half, due, end] = [0, at, at];
  }

  function still() {
    renewable = false;
    begin(Infinity);
  }

  /** Takes the JSON of a login, a step-up, or of `me` (which brings the CSRF token after a reload). */
  function accept(credentials) {
    take(credentials);
    tell(credentials);
    return credentials;
  }

  function take({ mode, expires_in, access_token, csrf_token }) {
    csrf = csrf_token ?? csrf;
    if (!expires_in) return;
    const life = expires_in * 1000;
    const now = Date.now();
    token = body ? access_token : undefined;
    renewable = true;
    ended = false;
    cookies = !token;
    // Between 70 and 85 % of its life, so that pages that were opened together do not ask together.
    [half, due, end] = [now + life / 2, now + life * (0.7 + 0.15 * Math.random()), now + life];
    count += 1;
    if (mode !== "hybrid") still();
    wake();
  }

  function over() {
    token = csrf = undefined;
    count += 1;
    still();
    ended = true;
    auth.onend?.();
  }

  // Resolves when this tab could have heard it itself: whoever gets the lock next has heard it by then.
  function tell(news) {
    return new Promise((heard) => {
      const echo = new BroadcastChannel(channel);
      echo.onmessage = () => heard(echo.close());
      tabs.postMessage(news);
    });
  }

  tabs.onmessage = ({ data }) => (data ? take(data) : over());

  // -- renewing ------------------------------------------------------------------------------------------------------

  /** Renews what is at least half used up. False only where the session has ended, or nobody is logged in. */
  async function refresh() {
    // A fault is no end, and nor is it where there is nothing to renew: the next request meets what is wrong itself.
    if (Date.now() >= half) await renew(count).catch(() => {});
    return !ended;
  }

  // One tab at a time. Without locks (a page that came over plain http) two may renew at once: within its grace the
  // server gives both the same successor, and nobody is logged out.
  function alone(work) {
    return navigator.locks ? navigator.locks.request(`gatepass ${base}`, work) : work();
  }

  /** Null when there are newer credentials than those numbered `used`, else the server's refusal. */
  function renew(used) {
    return (pending ??= alone(() => exchange(used)).finally(() => (pending = null)));
  }

  async function exchange(used) {
    if (count !== used || !renewable) return null; // something happened while this tab waited for its turn
    const ask = async () => {
      const answer = await post("refresh", body ? { access } : undefined);
      return [answer, answer.ok && (await answer.json())];
    };
    due = end; // if it fails: what is held is good until then, and asking before every request would help nobody
    const [answer, credentials] = await ask().catch(ask); // once more after a network fault; the grace makes it safe
    if (answer.ok) {
      take(credentials);
      await tell(credentials);
      return null;
    }
    if (answer.status === 401) over();
    if (answer.status === 409) {
      cookies = true; // of a session or a jwt: there is nothing to renew
      still();
    }
    return answer;
  }

  // Only while somebody looks at the page; a hidden one renews when it asks for something.
  function wake() {
    clearTimeout(timer);
    if (!renewable || document.hidden || due >= end) return;
    const wait = due - Date.now();
    if (wait > 0) timer = setTimeout(wake, Math.min(wait, 2 ** 31 - 1)); // longer ones fire at once
    else renew(count).catch(() => {}); // the next request meets the fault itself
  }

  document.addEventListener("visibilitychange", wake);

  // -- asking --------------------------------------------------------------------------------------------------------

  // To our own routes goes the refresh cookie, which no page sees, and never a token of this page beside it.
  function post(path, json) {
    const headers = { ...(csrf && { "X-CSRF-Token": csrf }), ...(json && { "Content-Type": "application/json" }) };
    return fetch(`${base.href.replace(/\/$/, "")}/${path}`, {
      method: "POST",
      credentials: "include",
      redirect: "error",
      headers,
      body: json && JSON.stringify(json),
    });
  }

  /** `fetch`, with credentials for our own origins and for no other; once more where a renewal heals the refusal. */
  async function send(input, init) {
    const request = new Request(input, init);
    if (!ours.has(new URL(request.url).origin)) return fetch(request);
    if (Date.now() >= due) {
      const refusal = await renew(count).catch((fault) => {
        if (Date.now() >= end) throw fault;
      });
      if (refusal && Date.now() >= end) return refusal;
    }
    const used = count;
    const answer = await fetch(dressed(request.clone()));
    if (answer.status !== 401 || ended) return answer;
    // A 401 of the application is its own matter: a renewal heals none, and only the page knows what may be done twice.
    const { code } = (await answer.clone().json().catch(() => null)) ?? {};
    if (!/^credential_/.test(code)) return answer;
    if (!renewable && used === count) over(); // a session or jwt: this is how it ends
    if (!renewable) return answer;
    const refusal = await renew(used);
    // A fault of the renewal is the answer: after a 401 a page would throw a living session away.
    if (refusal) return refusal.status === 401 || refusal.status === 409 ? answer : refusal;
    return fetch(dressed(request)); // and whatever it says now stands
  }

  function dressed(request) {
    const headers = new Headers(request.headers);
    if (token) headers.set("Authorization", `Bearer ${token}`);
    if (csrf && !/^(GET|HEAD|OPTIONS)$/.test(request.method)) headers.set("X-CSRF-Token", csrf);
    const elsewhere = new URL(request.url).origin !== location.origin;
    return new Request(request, { headers, credentials: elsewhere && cookies ? "include" : request.credentials });
  }

  /** Ends the session on the server, then here and in the other tabs. */
  function logout() {
    return alone(async () => {
      const answer = await post("logout");
      if (answer.ok || answer.status === 401) {
        over();
        await tell(null);
      }
      return answer;
    });
  }

  return auth;
}
