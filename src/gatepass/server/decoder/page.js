// The page: what is pasted, and what is shown of it. All that it knows of a token is in a few names here, and goes when
// the page is left.

import {} from "./closed.js";
import { announcement, hasTurned, keep, present, startClocks, stopClocks } from "./countdown.js";
import { element, made, refill, worded } from "./elements.js";
import { inspect } from "./inspect.js";
import { setUpOwn } from "./own.js";
import { clearRefusing, forgetRefusal, setUpRefusing, suspectToken } from "./refusing.js";
import { tokenShown } from "./show.js";
import { choiceShown } from "./choice.js";
import { clearValidity, judgeTimes, setUpValidity } from "./validity.js";
import { clearVerifying, lookAt, setKey, setUpVerifying } from "./verifying.js";

/** Characters from which on lines are not broken: to break millions of them takes a browser seconds. Ours. */
const LONG_TEXT = 100_000;

/** What a browser draws in a way of its own, and so slowly that many of them stop the page: dots are drawn for them. */
const CONTROL = /[\0-\t\v\f\x0e-\x1f]/;
const MANY = 20_000;

let inspection = null;
/** Which of its tokens is looked at, and what `verify` said of that; null: it was not asked. */
let place = 0;
let verification = null;
/** How often was read: an answer that comes after a newer question is dropped. */
let reads = 0;

/** Read what is pasted. */
async function read() {
  if (await inspected()) choose(0);
}

/** Read it once more, because the time of the token has come: the same one is looked at. */
async function readAgain() {
  const fields = () => [...element("result").querySelectorAll("button,input")];
  const at = fields().indexOf(document.activeElement);
  if (!(await inspected())) return;
  show();
  fields()[at]?.focus();
}

async function inspected() {
  const mine = ++reads;
  const text = element("text").value;
  element("text").classList.toggle("long", text.length > LONG_TEXT);
  element("text").classList.toggle("masked", text.split(CONTROL).length > MANY);
  const answer = text.trim() ? await inspect(text, present()) : null;
  if (mine !== reads) return false;
  inspection = answer;
  return true;
}

function choose(chosen) {
  place = chosen;
  verification = null;
  const token = current();
  lookAt(token);
  suspectToken(token);
  judgeTimes(token);
  show();
  say(token ? token.verdict : "");
}

function current() {
  return inspection?.tokens[place] ?? null;
}

function show() {
  stopClocks();
  const token = current();
  refill(
    element("result"),
    inspection?.tokens.length > 1 ? choiceShown(inspection.tokens, place, choose) : "",
    hintsShown(),
    token ? tokenShown(token, verification) : "",
  );
  if (token) keep(watch(token));
}

/** What is to be said of the text as a whole; that nothing was sent is said by the page anyway. */
function hintsShown() {
  const hints = inspection?.hints.filter(({ code }) => code !== "local") ?? [];
  return hints.map(({ sentence }) => made("p", { class: "notice open" }, worded(sentence)));
}

function watch(token) {
  let before = present();
  return (now) => {
    const said = announcement(token, before, now);
    if (said) say(said);
    if (inspection.tokens.some((one) => [one, ...one.inner].some((each) => hasTurned(each, before, now)))) readAgain();
    before = now;
  };
}

/** Tell it to somebody who does not see the page. */
function say(sentence) {
  element("said").textContent = sentence;
}

function clearAll() {
  element("text").value = "";
  clearVerifying();
  clearRefusing();
  clearValidity();
  read();
}

/** Take what the address brings along (`#token=...&key=...`) out of it, before anybody sees or keeps it. */
function takeFragment() {
  const fragment = location.hash.slice(1);
  if (!fragment) return;
  const address = location.href;
  history.replaceState(null, "", address.split("#", 1)[0]);
  // A login that ends here has other names than ours: all of it is read, as if it was pasted.
  if (/[=?&]ey/.test(fragment) && !/^(?:token|key)=/.test(fragment)) element("text").value = address;
  for (const pair of fragment.split("&")) {
    const [name, value] = pair.split(/=(.*)/s);
    if (name === "token") element("text").value = decoded(value);
    if (name === "key") setKey(decoded(value));
  }
  read();
}

/** `value` without the escapes of a URL, where it has whole ones. A plus stays one: base64 has it. */
function decoded(value = "") {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

setUpOwn();
setUpValidity();
setUpRefusing();
element("key").addEventListener("input", forgetRefusal);
setUpVerifying((verdict) => {
  verification = verdict;
  show();
});
element("text").addEventListener("input", read);
element("clear").addEventListener("click", () => {
  clearAll();
  element("text").focus();
});
addEventListener("pagehide", clearAll);
addEventListener("hashchange", takeFragment);
takeFragment();
startClocks();
