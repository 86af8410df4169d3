// How far away a time is, in words.

const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;
const YEAR = 31_556_952; // the mean of the calendar, 365.2425 days

/** `seconds` from now, as `in 4 min 12 s` or `2 days ago`; a part of a second does not count. */
export function relative(seconds) {
  const away = Math.floor(Math.abs(seconds));
  if (!away) return "now";
  return seconds > 0 ? `in ${duration(away)}` : `${duration(away)} ago`;
}

/** `seconds` in the two units that say most. */
export function duration(seconds) {
  const whole = Math.floor(seconds);
  if (whole >= 2 * YEAR) return `${Math.floor(whole / YEAR)} years`;
  if (whole >= 2 * DAY) return `${Math.floor(whole / DAY)} days`;
  const hours = Math.floor(whole / HOUR);
  const minutes = Math.floor((whole % HOUR) / MINUTE);
  if (hours) return minutes ? `${hours} h ${minutes} min` : `${hours} h`;
  if (minutes) return whole % MINUTE ? `${minutes} min ${whole % MINUTE} s` : `${minutes} min`;
  return `${whole} s`;
}
