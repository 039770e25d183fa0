/*
 * time.js: times, durations and timeperiods in words.
 *
 * A timeperiod is UTC, always, and its digits do not say how long it is: 2026112500 is a day and an hour. So whoever
 * knows the qualifier gives it.
 */
const two = (n) => String(n).padStart(2, '0');

function parts(date, zone) {
  return zone === 'local'
    ? [date.getFullYear(), date.getMonth() + 1, date.getDate(), date.getHours(), date.getMinutes(), date.getSeconds()]
    : [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()];
}

/* 2026-11-25 14:03:07 UTC */
export function fullTime(at, zone) {
  const [year, month, day, hour, minute, second] = parts(new Date(at), zone);
  const name = zone === 'local' ? 'local' : 'UTC';
  return `${year}-${two(month)}-${two(day)} ${two(hour)}:${two(minute)}:${two(second)} ${name}`;
}

/* As short as it can be and still say it: the date is left out for today, the year for this year. */
export function shortTime(at, zone, now) {
  const [year, month, day, hour, minute, second] = parts(new Date(at), zone);
  const [thisYear, thisMonth, today] = parts(new Date(now), zone);
  if (year !== thisYear) return `${year}-${two(month)}-${two(day)} ${two(hour)}:${two(minute)}`;
  if (month !== thisMonth || day !== today) return `${two(month)}-${two(day)} ${two(hour)}:${two(minute)}:${two(second)}`;
  return `${two(hour)}:${two(minute)}:${two(second)}`;
}

/* 0.3 s, 12 s, 4 min 10 s, 3 h 20 min, 2 d 4 h */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return '';
  const sign = seconds < 0 ? '−' : '';
  const s = Math.abs(seconds);
  if (s < 1) return `${sign}${Math.round(s * 1000)} ms`;
  if (s < 10 && s % 1 > 0) return `${sign}${s.toFixed(1)} s`;
  if (s < 60) return `${sign}${Math.round(s)} s`;
  if (s < 3600) return sign + pair(Math.floor(s / 60), 'min', Math.floor(s % 60), 's');
  if (s < 86400) return sign + pair(Math.floor(s / 3600), 'h', Math.floor((s % 3600) / 60), 'min');
  return sign + pair(Math.floor(s / 86400), 'd', Math.floor((s % 86400) / 3600), 'h');
}

/* one unit, for the marks of an axis */
export function roughly(seconds) {
  const short = (n) => String(Math.round(n * 10) / 10);
  if (seconds < 60) return `${short(seconds)} s`;
  if (seconds < 3600) return `${short(seconds / 60)} min`;
  return seconds < 86400 ? `${short(seconds / 3600)} h` : `${short(seconds / 86400)} d`;
}

const pair = (a, unitA, b, unitB) => (b ? `${a} ${unitA} ${b} ${unitB}` : `${a} ${unitA}`);

export function relative(at, now) {
  const seconds = Math.round((Date.parse(at) - now) / 1000);
  if (Math.abs(seconds) < 1) return 'now';
  return seconds > 0 ? `in ${duration(seconds)}` : `${duration(-seconds)} ago`;
}

/* 12 345.6; by hand, since toLocaleString takes a millisecond and a page has thousands of numbers */
export function number(n) {
  if (n === null || n === undefined) return '';
  const [whole, fraction] = String(n).split('.');
  const grouped = whole.length > 3 ? whole.replace(/\B(?=(\d{3})+$)/g, '\u202f') : whole;
  return fraction ? `${grouped}.${fraction}` : grouped;
}

/* 2026-11-25 14h, 2026-11-25, 2026-11, 2026; of a freerun 2026-11-25 14:03:07 */
export function periodText(period, qualifier) {
  if (!period) return '';
  const year = period.slice(0, 4);
  const month = period.slice(4, 6);
  const day = period.slice(6, 8);
  if (period.length === 14)
    return `${year}-${month}-${day} ${period.slice(8, 10)}:${period.slice(10, 12)}:${period.slice(12)}`;
  if (qualifier === 'yearly' || (!qualifier && month === '00')) return year;
  if (qualifier === 'monthly' || (!qualifier && day === '00')) return `${year}-${month}`;
  if (qualifier === 'daily') return `${year}-${month}-${day}`;
  return `${year}-${month}-${day} ${period.slice(8, 10)}h`;
}

export const QUALIFIERS = ['yearly', 'monthly', 'daily', 'hourly'];

/* of the last so many periods of a qualifier, the first given: 2026112322, 2026112323, 2026112400, ... */
export function periodsFrom(first, count, qualifier) {
  const periods = [];
  let [year, month, day, hour] = [first.slice(0, 4), first.slice(4, 6), first.slice(6, 8), first.slice(8, 10)].map(Number);
  const at = new Date(Date.UTC(2000, (month || 1) - 1, day || 1, hour));
  at.setUTCFullYear(year);
  for (let i = 0; i < count; i++) {
    const [y, m, d, h] = parts(at, 'utc');
    const digits = [String(y).padStart(4, '0'), two(m), two(d), two(h)];
    const known = QUALIFIERS.indexOf(qualifier) + 1;
    periods.push(digits.map((digit, j) => (j < known ? digit : '00')).join(''));
    if (qualifier === 'yearly') at.setUTCFullYear(y + 1);
    else if (qualifier === 'monthly') at.setUTCMonth(m);
    else if (qualifier === 'daily') at.setUTCDate(d + 1);
    else at.setUTCHours(h + 1);
  }
  return periods;
}

/* the periods that hold this one, longest first: [["yearly", "2026000000"], ["monthly", "2026110000"]] */
export function enclosing(period, qualifier) {
  return QUALIFIERS.slice(0, QUALIFIERS.indexOf(qualifier)).map((longer, i) => [longer, period.slice(0, 4 + 2 * i).padEnd(10, '0')]);
}

/* a period and its qualifier from what ?within= may be: a year, a month or a day */
export function qualifierOfWithin(period) {
  if (period.slice(4, 6) === '00') return 'yearly';
  return period.slice(6, 8) === '00' ? 'monthly' : 'daily';
}
