// Time goes on while a token is looked at: what is kept up to date, and what is said aloud about it.

import { duration } from "./relative.js";

/** Seconds before the end at which somebody who cannot see the countdown is told. Ours. */
const THRESHOLDS = [0, 10, 60, 300];

let clocks = [];

/** The time, in seconds since the epoch. */
export function present() {
  return Date.now() / 1_000;
}

/** Call `write` with the time: now, and each second, until `stopClocks`. */
export function keep(write) {
  write(present());
  clocks.push(write);
}

/** What was kept up to date is gone, or is made anew. */
export function stopClocks() {
  clocks = [];
}

/** Let the clocks run. */
export function startClocks() {
  for (const write of clocks) write(present());
  setTimeout(startClocks, 1_000 - (Date.now() % 1_000));
}

/**
 * Whether other things are to be said of `token` than before: a time that it names has come, or was taken back with the
 * clock, which people set.
 */
export function hasTurned({ moments }, before, now) {
  return now < before || moments.some(({ at }) => before < at && at <= now);
}

/** Whether verifiers read the times between which a token is good as they are meant: no milliseconds, and no text. */
export function hasPlainTimes({ moments }) {
  return moments.every(({ name, read }) => read || !["nbf", "exp"].includes(name));
}

/** What to say aloud when the time goes on from `before` to `now`: at a few thresholds only; else it is empty. */
export function announcement({ moments, state }, before, now) {
  if (!hasPlainTimes({ moments })) return "";
  const [name, ends, coming] = state === "not_yet" ? ["nbf", "Its time has begun.", "Its time begins"] : ["exp", "It has expired.", "It expires"];
  const at = moments.find((moment) => moment.name === name)?.at;
  const crossed = THRESHOLDS.find((left) => before < at - left && at - left <= now);
  if (crossed === undefined) return "";
  return crossed ? `${coming} in ${duration(crossed)}.` : ends;
}
