/*
 * world.mjs: what the mock server's database would hold: timetables, processes, freeruns, boxes, and the state of each
 * job as a function of its name and period. The same question has the same answer, but for the time that passes.
 */
export const QUALIFIERS = ['yearly', 'monthly', 'daily', 'hourly'];
export const HOSTILE = ['<script>alert(1)</script>', 'a/b "c" \'d\' 100%25 & ünï 🚀', 'x'.repeat(63), 'evil\u202eevil\u0007 name'];

export const hash = (text) => {
  let h = 2166136261;
  for (const char of text) h = Math.imul(h ^ char.codePointAt(0), 16777619);
  h ^= h >>> 15;
  return Math.imul(h, 2246822519) >>> 0;
};
export const chance = (text) => (hash(text) % 10000) / 10000;

const two = (n) => String(n).padStart(2, '0');

export function periodAt(time, qualifier) {
  const at = new Date(time);
  const digits = [String(at.getUTCFullYear()), two(at.getUTCMonth() + 1), two(at.getUTCDate()), two(at.getUTCHours())];
  const known = QUALIFIERS.indexOf(qualifier) + 1;
  return digits.map((digit, i) => (i < known ? digit : '00')).join('');
}

export function startOf(period) {
  const [y, m, d, h] = [period.slice(0, 4), period.slice(4, 6), period.slice(6, 8), period.slice(8, 10)].map(Number);
  return Date.UTC(y, (m || 1) - 1, d || 1, h);
}

export function step(period, qualifier, n = 1) {
  const at = new Date(startOf(period));
  if (qualifier === 'yearly') at.setUTCFullYear(at.getUTCFullYear() + n);
  else if (qualifier === 'monthly') at.setUTCMonth(at.getUTCMonth() + n);
  else if (qualifier === 'daily') at.setUTCDate(at.getUTCDate() + n);
  else at.setUTCHours(at.getUTCHours() + n);
  return periodAt(at, qualifier);
}

export const endOf = (period, qualifier) => startOf(step(period, qualifier));
export const shorter = (qualifier) => QUALIFIERS[QUALIFIERS.indexOf(qualifier) + 1];

function tree(name, qualifiers, dependentOn = [], rest = {}) {
  return { tree_name: name, dependent_on: dependentOn, levels: qualifiers.map((qualifier) => ({ process_name: `${name}_${qualifier}`.slice(0, 63), time_qualifier: qualifier, worker: rest.worker ?? 'sql' })) };
}

export function makeTimetables(mode) {
  if (mode === 'empty') return [];
  const all = [
    tree('site', QUALIFIERS),
    tree('client', ['yearly', 'monthly', 'daily'], ['site']),
    tree('visitor', ['monthly', 'daily', 'hourly'], ['site'], { worker: 'exec' }),
    tree('billing', ['yearly', 'monthly'], ['client', 'visitor'], { worker: 'amqp' }),
    tree('alert', ['hourly']),
    tree('reporting', ['daily'], ['billing', 'alert']),
    tree('embryonic', ['daily', 'hourly']),
    ...HOSTILE.map((name) => tree(name, ['daily'], ['site'])),
  ];
  if (mode === 'many') for (let i = 0; i < 190; i++) all.push(tree(`tenant_${String(i).padStart(3, '0')}`, QUALIFIERS, i % 5 ? [] : ['site']));
  return all;
}

const LENGTH = { yearly: 365 * 86400, monthly: 30 * 86400, daily: 86400, hourly: 3600 };
export const overrides = new Map();

/* The letter of a job's state; null before its timetable begins (two years ago) and after now. */
export function stateOf(process, period, qualifier, now) {
  const start = startOf(period);
  if (start > now || start < Date.UTC(new Date(now).getUTCFullYear() - 1, 0, 1)) return null;
  const changed = overrides.get(`${process} ${period}`);
  if (changed) return changed;
  if (process.startsWith('embryonic')) return 'e';
  const age = (now - start) / 1000 / LENGTH[qualifier];
  const luck = chance(`${process} ${period}`);
  if (age < 1) return luck < 0.5 ? 'i' : 'e';
  const slowness = chance(process) < 0.75 ? 1.6 : 7;
  if (age < slowness) return ['i', 'v', 'f', 'e', 'p'][Math.floor(luck * 5)];
  if (luck > 0.985) return 's';
  return luck > 0.95 ? 'n' : 'p';
}

export const WORDS = { e: 'embryo', i: 'in_progress', f: 'final_run', v: 'in_progress', p: 'processed', n: 'noop', s: 'skipped' };
export const UNIT_OF = { e: null, i: 'requested', f: 'in_progress', v: 'invalid', p: 'processed', n: 'noop', s: 'canceled' };
export const ERRORS = [
  'division by zero\nCONTEXT:  SQL statement "INSERT INTO site_hourly SELECT $1, count(*) / 0"',
  'could not connect to host "db-7.internal": Connection refused',
  'killed by signal 9 after 3600 s: out of memory?\n<b>not bold</b>',
  'relation "fact_visit_2026_11" does not exist\nLINE 1: INSERT INTO x SELECT * FROM fact_visit_2026_11\n                                      ^',
];

export const FREERUNS = [
  ['cleanup', 'nightly', '30 2 * * *', 'sql', 'DELETE FROM session WHERE seen_at < $1 - interval \'30 days\'', 'Old sessions', 'Europe/Berlin'],
  ['cleanup', 'weekly', 'every 1 week', 'exec', 'find /var/tmp/export -mtime +30 -delete', null, 'UTC'],
  ['mail', 'digest/"daily"', 'at 08:00,20:00', 'exec', './send-digest --to team', '<img src=x onerror=alert(1)>', 'America/New_York'],
  ['probe', '🚀 100%', 'every 30', 'notify', null, 'Is it there?', 'UTC'],
];
export const BOXES = ['etl-1', 'etl-2', 'web-<1>'];
