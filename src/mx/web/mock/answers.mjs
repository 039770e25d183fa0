/*
 * answers.mjs: the mock server's answers, path by path, as docs/api.md has them.
 */
import {
  BOXES, ERRORS, FREERUNS, QUALIFIERS, UNIT_OF, WORDS, chance, endOf, hash, makeTimetables, overrides, periodAt, shorter, startOf, stateOf, step,
} from './world.mjs';

const iso = (time) => (time === null ? null : new Date(time).toISOString());
const switchedOff = new Set(['alert_hourly']);
const triggers = new Map();
const freeruns = FREERUNS.map(([process_name, entry_name, trigger_frequency, worker, command, description, timezone]) => ({ process_name, entry_name, trigger_frequency, worker, command, description, timezone, is_on: true, owner: 'etl', arguments: {}, options: worker === 'exec' ? { timeout: '5 minutes' } : {} }));
const daemonsOff = new Set();
const ACTIONS = ['trigger', 'activate', 'deactivate', 'change_trigger', 'skip', 'reprocess', 'cancel', 'backfill', 'start_daemon', 'stop_daemon', 'register_freerun', 'unregister_freerun'];
const RECENT = { hourly: 24, daily: 31, monthly: 12, yearly: 5 };

export class Failure extends Error {
  constructor(status, message, rest = {}) {
    super(message);
    this.body = { error: { status, sqlstate: null, message, detail: null, hint: null, ...rest } };
  }
}

const missing = (what) => new Failure(404, `${what} does not exist`, { sqlstate: '42704' });

export function world(mode) {
  const timetables = makeTimetables(mode);
  const processes = timetables.flatMap((tree) => tree.levels.map((level) => ({ ...level, tree_name: tree.tree_name })));
  return { mode, timetables, processes, of: (name) => processes.find((process) => process.process_name === name) };
}

const unitId = (process, period) => (hash(`${process} ${period}`) % 900000) + 1000;
const isActive = (state) => ['requested', 'in_progress', 'invalid'].includes(state);

function unit(process, period, qualifier, state, worker, now, entry = null, id = unitId(process, period)) {
  const end = period.length === 14 ? Date.parse(period.replace(/(....)(..)(..)(..)(..)(..)/, '$1-$2-$3T$4:$5:$6Z')) : Math.min(endOf(period, qualifier), now - 90000);
  const created = end + chance(`c${id}`) * 60000;
  const took = 0.2 + chance(`d${id}`) * 40;
  const finished = ['processed', 'noop', 'canceled'].includes(state);
  return {
    unit_of_work_id: id, process_name: process, entry_name: entry, worker, timeperiod: period,
    start_timeperiod: period, end_timeperiod: period.length === 14 ? period : step(period, qualifier), state,
    attempt: state === 'invalid' ? 3 : 1, number_of_retries: state === 'invalid' ? 2 : 0,
    created_at: iso(created), submitted_at: iso(created + 20), started_at: state === 'requested' ? null : iso(created + 900),
    finished_at: finished ? iso(created + 900 + took * 1000) : null, retry_at: state === 'invalid' ? iso(Math.floor(now / 600000) * 600000 + 600000) : null,
    duration_seconds: finished ? took : null, box_name: worker === 'exec' ? BOXES[id % 3] : null,
    number_of_processed: finished ? id % 5000 : null, number_of_aggregated: finished ? id % 300 : null,
    error: state === 'invalid' ? ERRORS[id % ERRORS.length] : null,
  };
}

function jobUnit(process, period, letter, now) {
  const state = UNIT_OF[letter];
  return state && unit(process.process_name, period, process.time_qualifier, state, process.worker, now);
}

function level(process, now) {
  const { process_name: name, time_qualifier: qualifier } = process;
  const last = periodAt(now, qualifier);
  const periods = [];
  for (let period = last; periods.length < RECENT[qualifier] && stateOf(name, period, qualifier, now); period = step(period, qualifier, -1)) periods.unshift(period);
  const states = periods.map((period) => stateOf(name, period, qualifier, now)).join('');
  const at = [...states].findIndex((letter) => 'eifv'.includes(letter));
  const frontier = at < 0 ? null : periods[at];
  const lag = frontier ? (now - endOf(frontier, qualifier)) / 1000 : null;
  const count = (letters) => [...states].filter((letter) => letters.includes(letter)).length;
  return {
    process_name: name, time_qualifier: qualifier, worker: process.worker, is_on: !switchedOff.has(name), frontier, lag_seconds: lag,
    is_behind: lag > 4 * 3600 * (qualifier === 'hourly' ? 1 : 24), first_timeperiod: '2025000000', last_timeperiod: last, finished: 12000 + count('pns'),
    embryo: count('e'), in_progress: count('iv'), final_run: count('f'), is_capped: false, failing: count('v'),
    recent: periods.length ? { first: periods[0], states } : null,
    backfill: name === 'site_hourly' ? { from: '2015010100', to: '2025010100', left: 4210 } : null,
  };
}

function fires(trigger, n, now) {
  const seconds = /^every (\d+)$/.exec(trigger)?.[1] ?? { 'every 5 minutes': 300, 'every 1 week': 604800, '30 2 * * *': 86400, 'at 08:00,20:00': 43200, '@daily': 86400, '* * * * *': 60 }[trigger];
  if (trigger.startsWith('once')) return n ? [iso(now + 86400000)] : [];
  if (!seconds) throw new Failure(400, `invalid trigger frequency "${trigger}"`, { sqlstate: '22023', hint: 'every INTERVAL, at HH:MM, or five fields of cron' });
  const length = seconds * 1000;
  return Array.from({ length: n }, (_, i) => iso((Math.floor(now / length) + 1 + i) * length));
}

const triggerOf = (name) => triggers.get(name) ?? (hash(name) % 3 ? 'every 5 minutes' : 'every 60');

function definition(process, now) {
  const name = process.process_name;
  return {
    ...process, is_on: !switchedOff.has(name), trigger_frequency: triggerOf(name), next_fire: fires(triggerOf(name), 1, now)[0],
    state_machine: hash(name) % 2 ? 'discrete' : 'recomputing', blocking_type: hash(name) % 3 ? 'children' : 'normal', time_grouping: 1, owner: 'etl',
  };
}

const listed = (process, now) => ({
  ...definition(process, now), requested: hash(process.process_name) % 2, in_progress: 1, invalid: hash(process.process_name) % 5 ? 0 : 2,
  last_failure_at: hash(process.process_name) % 5 ? null : iso(now - 3700000), durations: Array.from({ length: 30 }, (_, i) => 1 + chance(`${process.process_name}${i}`) * 9),
});

function event(id, now, of) {
  const letter = 'ifpn'[id % 4];
  return {
    event_id: id, at: iso(now - (100000 - id) * 7300), role_name: id % 9 ? 'synergy' : 'alice "the boss"', event: id % 9 ? 'job' : 'reprocess',
    process_name: of.process_name, entry_name: of.entry_name ?? null, timeperiod: of.timeperiod ?? null, unit_of_work_id: of.unit_of_work_id ?? null,
    old_state: 'embryo', new_state: WORDS[letter], detail: id % 7 ? null : 'waits <i>no</i> more',
  };
}

const events = (n, now, of, from = 99999) => Array.from({ length: n }, (_, i) => event(from - i, now, typeof of === 'function' ? of(from - i) : of));

function inner(process, qualifier, period, now) {
  const counts = {};
  const end = endOf(period, qualifier);
  for (let at = periodAt(startOf(period), process.time_qualifier); startOf(at) < end; at = step(at, process.time_qualifier)) {
    const letter = stateOf(process.process_name, at, process.time_qualifier, now);
    if (letter) counts[letter] = (counts[letter] ?? 0) + 1;
  }
  return counts;
}

const qualifierOfWithin = (period) => (period.slice(4, 6) === '00' ? 'yearly' : period.slice(6, 8) === '00' ? 'monthly' : 'daily');

function nodes(here, tree, within, now) {
  const rowUnit = within ? shorter(qualifierOfWithin(within)) : 'yearly';
  const levels = tree.levels;
  if (QUALIFIERS.indexOf(rowUnit) > QUALIFIERS.indexOf(levels.at(-1).time_qualifier)) throw new Failure(404, 'There is no such storey');
  const periods = [];
  if (within) for (let at = periodAt(startOf(within), rowUnit); startOf(at) < Math.min(endOf(within, qualifierOfWithin(within)), now); at = step(at, rowUnit)) periods.unshift(at);
  else for (let i = 0; i < 2; i++) periods.push(step(periodAt(now, 'yearly'), 'yearly', -i));
  const below = levels.filter((process) => QUALIFIERS.indexOf(process.time_qualifier) >= QUALIFIERS.indexOf(rowUnit));
  const linked = (trees) => trees.flatMap((other) => other.levels.filter((process) => process.time_qualifier === rowUnit).map((process) => ({
    process_name: process.process_name, tree_name: other.tree_name, states: Object.fromEntries(periods.map((period) => [period, stateOf(process.process_name, period, rowUnit, now)]).filter(([, state]) => state)),
  })));
  return {
    within: within || null, unit: rowUnit,
    above: levels.filter((process) => within && QUALIFIERS.indexOf(process.time_qualifier) < QUALIFIERS.indexOf(rowUnit)).map((process) => {
      const period = periodAt(startOf(within), process.time_qualifier);
      const letter = stateOf(process.process_name, period, process.time_qualifier, now);
      return { process_name: process.process_name, time_qualifier: process.time_qualifier, timeperiod: period, state: WORDS[letter] ?? null, unit_state: UNIT_OF[letter] ?? null };
    }),
    nodes: periods.map((period) => ({
      timeperiod: period,
      cells: below.map((process) => {
        const base = { process_name: process.process_name, time_qualifier: process.time_qualifier };
        if (process.time_qualifier !== rowUnit) return { ...base, counts: inner(process, rowUnit, period, now) };
        const letter = stateOf(process.process_name, period, rowUnit, now);
        const its = letter && jobUnit(process, period, letter, now);
        return { ...base, state: letter, unit_of_work_id: its?.unit_of_work_id ?? null, error: its?.error ?? null };
      }),
    })),
    dependencies: linked(here.timetables.filter((other) => tree.dependent_on.includes(other.tree_name))),
    dependants: linked(here.timetables.filter((other) => other.dependent_on.includes(tree.tree_name))),
  };
}

function jobOf(process, period, now) {
  const qualifier = process.time_qualifier;
  const letter = stateOf(process.process_name, period, qualifier, now);
  if (!letter) throw missing(`job ${process.process_name} ${period}`);
  const its = jobUnit(process, period, letter, now);
  return {
    process_name: process.process_name, timeperiod: period, state: WORDS[letter], letter, unit_of_work_id: its?.unit_of_work_id ?? null, unit_state: its?.state ?? null,
    number_of_failures: 0, number_of_units: its ? 2 : 0, attempt: its?.attempt ?? null, number_of_retries: its?.number_of_retries ?? null,
    started_at: its?.started_at ?? null, finished_at: its?.finished_at ?? null, duration_seconds: its?.duration_seconds ?? null, error: its?.error ?? null,
  };
}

function explain(here, process, period, now, depth = 0) {
  const letter = stateOf(process.process_name, period, process.time_qualifier, now);
  const its = jobUnit(process, period, letter, now);
  const row = { level: depth, process_name: process.process_name, timeperiod: period, state: WORDS[letter], unit_of_work_id: its?.unit_of_work_id ?? null };
  if (!'eifv'.includes(letter)) return [{ ...row, explanation: `finished as ${WORDS[letter]} by unit ${row.unit_of_work_id}` }];
  const child = here.processes.find((other) => other.tree_name === process.tree_name && QUALIFIERS.indexOf(other.time_qualifier) === QUALIFIERS.indexOf(process.time_qualifier) + 1);
  const rows = [];
  if (child && depth < 3) {
    for (let at = periodAt(startOf(period), child.time_qualifier); startOf(at) < Math.min(now, endOf(period, process.time_qualifier)); at = step(at, child.time_qualifier)) {
      const state = stateOf(child.process_name, at, child.time_qualifier, now);
      if (state && 'eifv'.includes(state)) rows.push(...explain(here, child, at, now, depth + 1));
    }
  }
  const why = { e: 'may start: waits for its trigger (every 60) and for its turn among 1 at a time', i: `its unit was requested at ${iso(now - 61000)} and waits for a worker (notify) to take it`, f: `its unit is in progress since ${iso(now - 4000)}, attempt 1`, v: 'its unit failed (see synergy.job_status.error) and is tried again after 2026-11-26 02:20:08+00' };
  return [{ ...row, explanation: rows.length ? 'waits for its children and dependencies' : why[letter] }, ...rows];
}

function jobPage(here, process, period, now) {
  const job = jobOf(process, period, now);
  const tree = here.timetables.find((other) => other.tree_name === process.tree_name);
  const at = tree.levels.findIndex((other) => other.process_name === process.process_name);
  const [parent, child] = [tree.levels[at - 1], tree.levels[at + 1]];
  const parentPeriod = parent && periodAt(startOf(period), parent.time_qualifier);
  const end = step(period, process.time_qualifier);
  const linked = (trees) => trees.flatMap((other) => other.levels.filter((its) => its.time_qualifier === process.time_qualifier).map((its) => ({ process_name: its.process_name, tree_name: other.tree_name, from: period, to: end, counts: inner(its, process.time_qualifier, period, now) })));
  const its = job.unit_of_work_id ? [jobUnit(process, period, job.letter, now)] : [];
  return {
    job: { ...definition(process, now), ...job, deadline_at: iso(endOf(period, process.time_qualifier) + 5400000), is_late: job.letter === 'v', period_start: iso(startOf(period)), period_end: iso(endOf(period, process.time_qualifier)), requested_at: its[0]?.created_at ?? null, number_of_processed: its[0]?.number_of_processed ?? null, number_of_aggregated: its[0]?.number_of_aggregated ?? null, retry_at: its[0]?.retry_at ?? null, duration: null },
    explanation: explain(here, process, period, now),
    parent: parent ? { process_name: parent.process_name, timeperiod: parentPeriod, state: WORDS[stateOf(parent.process_name, parentPeriod, parent.time_qualifier, now)] } : null,
    children: child ? { process_name: child.process_name, from: periodAt(startOf(period), child.time_qualifier), to: periodAt(endOf(period, process.time_qualifier), child.time_qualifier), counts: inner(child, process.time_qualifier, period, now) } : null,
    dependencies: linked(here.timetables.filter((other) => tree.dependent_on.includes(other.tree_name))),
    dependants: linked(here.timetables.filter((other) => other.dependent_on.includes(tree.tree_name))),
    units: its.concat(its.map((one) => ({ ...one, unit_of_work_id: one.unit_of_work_id - 1, state: 'invalid', error: ERRORS[0] }))),
    events: events(12, now, { process_name: process.process_name, timeperiod: period, unit_of_work_id: job.unit_of_work_id }),
  };
}

function allUnits(here, now) {
  const units = [];
  for (const process of here.processes.slice(0, 30))
    for (let i = 0, period = periodAt(now, process.time_qualifier); i < 30; i++, period = step(period, process.time_qualifier, -1)) {
      const letter = stateOf(process.process_name, period, process.time_qualifier, now);
      if (letter && letter !== 'e') units.push(jobUnit(process, period, letter, now));
    }
  if (here.mode !== 'empty') for (const freerun of freeruns) units.push(lastRun(freerun, now));
  return units.sort((a, b) => (a.created_at < b.created_at ? 1 : -1));
}

function lastRun(freerun, now) {
  const fired = Math.floor((now - 20000) / 60000) * 60000;
  const period = new Date(fired).toISOString().replace(/\D/g, '').slice(0, 14);
  const id = unitId(freerun.process_name, freerun.entry_name);
  return unit(freerun.process_name, period, 'hourly', freerun.entry_name === 'weekly' ? 'in_progress' : 'processed', freerun.worker, now, freerun.entry_name, id);
}

const freerunOf = (freerun, now) => ({ ...freerun, next_fire: fires(freerun.trigger_frequency, 1, now)[0] ?? null, last_unit: lastRun(freerun, now), requested: 0, in_progress: freerun.entry_name === 'weekly' ? 1 : 0, invalid: 0 });

function overview(here, now) {
  const isEmpty = here.mode === 'empty';
  return {
    health: {
      verdict: isEmpty ? 'running' : 'behind', is_healthy: isEmpty, problems: isEmpty ? [] : ['7 active units are invalid'], warnings: isEmpty ? [] : ['alert_hourly is switched off'],
      executors: 4, executors_busy: 3, queued: 12, pending_news: 0, units_requested: 14, units_in_progress: 9, units_invalid: 7, jobs_late: late(here, now).length, courier_state: 'connected', outbox: 3, outbox_unroutable: 0,
      last_round_at: iso(now - (now % 5000)), last_round_ms: 3.2, next_wake: iso(now - (now % 5000) + 5000), rounds: Math.floor(now / 5000) % 100000, scheduler_state: 'running',
    },
    timetables: here.timetables.map((tree) => ({ tree_name: tree.tree_name, dependent_on: tree.dependent_on, levels: tree.levels.map((process) => level(process, now)) })),
    freeruns: isEmpty ? { count: 0, on: 0, at_work: 0, failing: 0 } : { count: freeruns.length, on: freeruns.filter((freerun) => freerun.is_on).length, at_work: 1, failing: 0 },
    boxes: isEmpty ? { count: 0, up: 0, daemons: 0, daemons_failing: 0 } : { count: 3, up: 2, daemons: 3, daemons_failing: 1 },
    failures: allUnits(here, now).filter((one) => one.state === 'invalid').slice(0, 10).map((one) => ({ at: one.created_at, process_name: one.process_name, entry_name: one.entry_name, timeperiod: one.timeperiod, unit_of_work_id: one.unit_of_work_id, detail: one.error })),
  };
}

function activity(here, query, now) {
  const hours = Number(query.get('hours') || 24);
  const length = Math.max(60, (hours * 3600) / 96);
  const buckets = [];
  if (here.mode !== 'empty')
    for (let i = 95; i >= 0; i--) {
      const key = `${query.get('process') ?? ''}${Math.floor(now / 1000 / length) - i}`;
      if (chance(`gap${key}`) < 0.08) continue;
      const scale = query.get('process') ? 6 : 60;
      buckets.push({ at: iso((Math.floor(now / 1000 / length) - i) * length * 1000), processed: Math.floor(chance(`p${key}`) * scale), noop: Math.floor(chance(`n${key}`) * scale * 0.2), canceled: chance(`c${key}`) > 0.95 ? 1 : 0, failed: chance(`f${key}`) > 0.9 ? 2 : 0, rows: Math.floor(chance(`r${key}`) * 1e6), lag_seconds: 20 + chance(`l${key}`) * 400, duration_seconds: 0.5 + chance(`d${key}`) * 8 });
    }
  return { since: iso(now - hours * 3600000), bucket_seconds: length, buckets };
}

function boxesPage(here, now) {
  if (here.mode === 'empty') return { boxes: [], daemons: [] };
  return {
    boxes: BOXES.map((name, i) => ({ box_name: name, state: i === 1 ? 'gone' : 'up', slots: 8, units: i * 2, daemons: 1, host: `${name}.internal`, pid: 4000 + i, version: '1.0', started_at: iso(now - 8e8), heard_at: iso(now - (i === 1 ? 9e6 : 3000)) })),
    daemons: ['collector', 'tail <-f>'].map((name, i) => ({
      process_name: name, command: 'exec /usr/local/bin/collector --listen 0.0.0.0:4317 --forward https://example.org/with/a/rather/long/path', is_on: !daemonsOff.has(name), present_on_boxes: i ? '^etl' : null, owner: 'etl',
      boxes: BOXES.slice(0, 2).map((box, j) => ({ box_name: box, state: daemonsOff.has(name) ? 'stopped' : j ? 'backoff' : 'running', pid: j ? null : 5120, starts: 1 + j * 7, exits: j * 7, last_exit: j ? 'exit code 1' : null, started_at: iso(now - 5e6), exited_at: j ? iso(now - 9000) : null, next_start_at: j ? iso(now - (now % 30000) + 30000) : null })),
    })),
  };
}

function blocked(here, now) {
  return here.processes.filter((process) => process.time_qualifier !== 'hourly').slice(0, 14).map((process) => {
    const period = step(periodAt(now, process.time_qualifier), process.time_qualifier, -1);
    const other = here.processes.find((its) => its.tree_name === 'site' && its.time_qualifier === (shorter(process.time_qualifier) ?? 'hourly'));
    return { process_name: process.process_name, timeperiod: period, state: 'embryo', blocking_type: 'children', kind: process.tree_name === 'site' ? 'child' : 'dependency', waits_for_process: other.process_name, waits_for_jobs: 3, waits_for_timeperiod: periodAt(startOf(period), other.time_qualifier), waits_for_state: 'in_progress' };
  });
}

function late(here, now) {
  return here.processes.slice(0, 9).map((process, i) => {
    const period = step(periodAt(now, process.time_qualifier), process.time_qualifier, -1);
    return { process_name: process.process_name, timeperiod: period, tree_name: process.tree_name, time_qualifier: process.time_qualifier, state: i % 2 ? 'embryo' : 'in_progress', deadline_at: iso(now - 5400000 * (9 - i)), told_at: iso(now - 5400000 * (9 - i)), late_seconds: 5400 * (9 - i), unit_of_work_id: i % 2 ? null : 4711 + i, waits_for: i % 2 ? 'site_hourly 2026112405 is in_progress, and 3 more' : 'its unit has failed: <b>disk</b> full' };
  });
}

function page(items, query, keyOf) {
  const limit = Math.min(Number(query.get('limit') || 100), 1000);
  const before = query.get('before');
  const at = before ? items.findIndex((item) => String(keyOf(item)) === before) + 1 : 0;
  const shown = items.slice(at, at + limit);
  return [shown, at + limit < items.length ? String(keyOf(shown.at(-1))) : null];
}

const includes = (query, name, value) => !query.get(name) || String(value ?? '') === query.get(name);

function log(id, query, now) {
  const first = 1;
  const last = 260 + (Math.floor(now / 1000) % 40);
  const after = query.get('after');
  const limit = Number(query.get('limit') || 100);
  const from = after === null || after === '' ? Math.max(first, last - limit + 1) : Number(after) + 1;
  const lines = [];
  for (let i = from; i <= last && lines.length < limit; i++)
    lines.push({ line_no: i, at: iso(now - (last - i) * 1000), stream: i % 17 ? 'stdout' : 'stderr', line: i % 17 ? `[${i}] read ${hash(String(i)) % 9000} rows from fact_visit, wrote ${hash(`w${i}`) % 300}` : `warning: \u001b[31mslow\u001b[0m query <b>${i}</b> took ${i} ms ${'and on '.repeat(i % 51)}` });
  return { lines, state: 'in_progress', more: from + lines.length <= last };
}

/* GETs: [pattern, function of (world, parameters, query, now)] */
export const GETS = [
  ['session', (here) => ({ role: here.mode, database: 'stats <prod>', server_version: '15.20', synergy_version: '1.0', is_standby: false, csrf_token: 'mock', expires_at: iso(Date.now() + 3600000), live: here.mode !== 'polling', may: Object.fromEntries(ACTIONS.map((action) => [action, here.mode !== 'viewer'])) })],
  ['overview', (here, _, __, now) => overview(here, now)],
  ['activity', (here, _, query, now) => activity(here, query, now)],
  ['timetables/:tree', (here, { tree }, _, now) => {
    const found = here.timetables.find((other) => other.tree_name === tree);
    if (!found) throw missing(`timetable "${tree}"`);
    return {
      timetable: { tree_name: tree, dependent_on: found.dependent_on, dependants: here.timetables.filter((other) => other.dependent_on.includes(tree)).map((other) => other.tree_name), start_timeperiod: '2025010100', end_timeperiod: null, created_at: iso(now - 4e10), updated_at: iso(now - 4e9) },
      processes: found.levels.map((process) => ({ ...definition(process, now), ...level(process, now) })),
    };
  }],
  ['timetables/:tree/nodes', (here, { tree }, query, now) => {
    const found = here.timetables.find((other) => other.tree_name === tree);
    if (!found) throw missing(`timetable "${tree}"`);
    return nodes(here, found, query.get('within'), now);
  }],
  ['jobs', (here, _, query, now) => {
    const process = here.of(query.get('process'));
    if (!process) throw missing(`process "${query.get('process')}"`);
    const all = [];
    for (let i = 0, period = periodAt(now, process.time_qualifier); i < 700 && stateOf(process.process_name, period, process.time_qualifier, now); i++, period = step(period, process.time_qualifier, -1)) all.push(jobOf(process, period, now));
    const state = query.get('state');
    const [jobs, next] = page(all.filter((job) => !state || job.state === state || (state === 'failing' && job.letter === 'v')), query, (job) => job.timeperiod);
    return { jobs, next };
  }],
  ['jobs/:process/:timeperiod', (here, { process, timeperiod }, _, now) => {
    const found = here.of(process);
    if (!found) throw missing(`process "${process}"`);
    return jobPage(here, found, timeperiod, now);
  }],
  ['units', (here, _, query, now) => {
    const state = query.get('state');
    const all = allUnits(here, now).filter((one) => includes(query, 'process', one.process_name) && includes(query, 'entry', one.entry_name) && includes(query, 'box', one.box_name) && (!state || one.state === state || (state === 'active' && isActive(one.state))) && (one.error ?? '').toLowerCase().includes((query.get('text') ?? '').toLowerCase()));
    const [units, next] = page(all, query, (one) => one.unit_of_work_id);
    return { units, next, is_partial: false };
  }],
  ['units/:id', (here, { id }, _, now) => {
    const found = allUnits(here, now).find((one) => one.unit_of_work_id === Number(id)) ?? unit('site_hourly', periodAt(now - 7200000, 'hourly'), 'hourly', 'in_progress', 'exec', now, null, Number(id));
    return { unit: { ...found, arguments: { region: 'eu', '<k>': [1, 2] }, start_id: 1200, end_id: 1890, source: 'fact_visit', sink: null, command: 'INSERT INTO site_hourly\nSELECT $1, count(*) FROM visit\nWHERE at >= $1 AND at < $2', heard_at: iso(now - 2000), log_lines: true }, events: events(6, now, found) };
  }],
  ['units/:id/log', (_, { id }, query, now) => log(id, query, now)],
  ['processes', (here, _, __, now) => ({ processes: here.processes.map((process) => listed(process, now)) })],
  ['processes/:process', (here, { process }, _, now) => {
    const found = here.of(process);
    if (!found) throw missing(`process "${process}"`);
    const its = level(found, now);
    return {
      process: { ...listed(found, now), command: 'INSERT INTO site_hourly\nSELECT $1, count(*) FROM visit\nWHERE at >= $1 AND at < $2\nON CONFLICT (hour) DO NOTHING', source: null, sink: 'site_hourly', arguments: {}, options: { concurrency: 4, backoff: 'exponential' }, start_timeperiod: '2025010100', created_at: iso(now - 4e10), updated_at: iso(now - 4e9), frontier: its.frontier, last_timeperiod: its.last_timeperiod },
      links: here.processes.filter((other) => other.tree_name === found.tree_name && other !== found).map((other) => ({ kind: QUALIFIERS.indexOf(other.time_qualifier) > QUALIFIERS.indexOf(found.time_qualifier) ? 'child' : 'parent', process_name: other.process_name, tree_name: other.tree_name })),
      duration: { units: 200, last_seconds: 3.1, median_seconds: 4.2, p95_seconds: 9.7, max_seconds: 312 }, next_fires: fires(triggerOf(process), 5, now), units: allUnits(here, now).filter((one) => one.process_name === process).slice(0, 30), events: events(50, now, { process_name: process, timeperiod: its.last_timeperiod }),
    };
  }],
  ['freeruns', (here, _, __, now) => ({ freeruns: here.mode === 'empty' ? [] : freeruns.map((freerun) => freerunOf(freerun, now)) })],
  ['freeruns/:process/:entry', (_, { process, entry }, __, now) => {
    const found = freeruns.find((freerun) => freerun.process_name === process && freerun.entry_name === entry);
    if (!found) throw missing(`freerun "${process}" / "${entry}"`);
    return { freerun: { ...freerunOf(found, now), created_at: iso(now - 4e9), updated_at: iso(now - 4e8) }, next_fires: fires(found.trigger_frequency, 5, now), units: [lastRun(found, now)], events: events(9, now, found) };
  }],
  ['boxes', (here, _, __, now) => boxesPage(here, now)],
  ['blocked', (here, _, __, now) => ({ blocked: blocked(here, now) })],
  ['late', (here, _, __, now) => { const rows = late(here, now); return { count: rows.length, late: rows }; }],
  ['timetables/:tree/forecast', (here, { tree }, _, now) => {
    const found = here.timetables.find((other) => other.tree_name === tree);
    if (!found) throw missing(`timetable "${tree}"`);
    return { levels: found.levels.map((process, i) => ({ process_name: process.process_name, time_qualifier: process.time_qualifier, jobs_left: 4210 >> (4 * (found.levels.length - 1 - i)), median_seconds: i ? 4.2 : null, at_once: 4, complete_in_seconds: i ? 4400 : null, complete_at: i ? iso(now + 4400000) : null })) };
  }],
  ['garbage', (here, _, query, now) => {
    const [units, next] = page(allUnits(here, now).filter((one) => one.state === 'invalid' || one.state === 'in_progress').map((one) => ({ ...one, is_stale: one.state !== 'invalid' })), query, (one) => one.unit_of_work_id);
    return { units, next, counts: { invalid: units.filter((one) => !one.is_stale).length, stale: units.filter((one) => one.is_stale).length }, settings: { gc_interval: '1min', gc_release_lag: '15min', gc_resubmit_after: '1h', gc_life_support: '2d' } };
  }],
  ['events', (here, _, query, now) => {
    const wanted = here.processes.filter((process) => includes(query, 'process', process.process_name));
    const of = (id) => ({ process_name: wanted[id % wanted.length].process_name, timeperiod: periodAt(now, wanted[id % wanted.length].time_qualifier), unit_of_work_id: id });
    const from = Number(query.get('before') || 100000) - 1;
    return { events: wanted.length ? events(100, now, of, from) : [], next: wanted.length ? String(from - 99) : null, is_partial: false };
  }],
  ['next_fires', (_, __, query, now) => ({ fires: fires(query.get('trigger') ?? '', Number(query.get('n') || 5), now) })],
];

function reach(here, body, letter, isDry, now) {
  const process = here.of(body.process_name);
  if (!process) throw missing(`process "${body.process_name}"`);
  const tree = here.timetables.find((other) => other.tree_name === process.tree_name);
  const at = tree.levels.findIndex((other) => other.process_name === process.process_name);
  const above = letter === 'e' ? tree.levels.slice(0, at + 1).reverse() : [process];
  const changes = above.map((its) => ({ process_name: its.process_name, timeperiod: its === process ? body.timeperiod : periodAt(startOf(body.timeperiod), its.time_qualifier), its }));
  const child = tree.levels[at + 1];
  if (letter === 's' && child) for (let period = periodAt(startOf(body.timeperiod), child.time_qualifier); startOf(period) < Math.min(now, endOf(body.timeperiod, process.time_qualifier)); period = step(period, child.time_qualifier)) changes.push({ process_name: child.process_name, timeperiod: period, its: child });
  return changes.map(({ process_name, timeperiod, its }) => {
    const old = WORDS[stateOf(process_name, timeperiod, its.time_qualifier, now)];
    if (!isDry) overrides.set(`${process_name} ${timeperiod}`, letter);
    return { process_name, timeperiod, old_state: old, new_state: WORDS[letter] };
  });
}

/* Each action gives its changes. */
export const DEEDS = {
  trigger: () => [],
  activate: (_, body) => (switchedOff.delete(body.process_name), freerunsOn(body, true), []),
  deactivate: (_, body) => (body.entry_name ?? switchedOff.add(body.process_name), freerunsOn(body, false), []),
  change_trigger: (_, body, now) => {
    fires(body.trigger_frequency, 1, now);
    const freerun = freeruns.find((one) => one.process_name === body.process_name && one.entry_name === body.entry_name);
    if (freerun) freerun.trigger_frequency = body.trigger_frequency;
    else triggers.set(body.process_name, body.trigger_frequency);
    return [];
  },
  skip: (here, body, now) => reach(here, body, 's', body.dry_run, now),
  reprocess: (here, body, now) => reach(here, body, 'e', body.dry_run, now),
  cancel: (_, body) => [{ process_name: 'site_hourly', timeperiod: '2026112514', old_state: 'in_progress', new_state: 'skipped' }].slice(0, body.unit_of_work_id % 2),
  backfill: (_, body) => {
    if (body.from_timeperiod > '2025') throw new Failure(409, 'there is nothing before', { sqlstate: '55000', detail: `${body.process_name} begins at 2025010100.`, hint: 'reprocess runs periods that exist again.' });
    return [{ process_name: body.process_name, from_timeperiod: body.from_timeperiod, to_timeperiod: '2025010100', jobs: 10944 }];
  },
  start_daemon: (_, body) => (daemonsOff.delete(body.process_name), []),
  stop_daemon: (_, body) => (daemonsOff.add(body.process_name), []),
  register_freerun: (_, body, now) => {
    fires(body.trigger_frequency, 1, now);
    const found = freeruns.find((freerun) => freerun.process_name === body.process_name && freerun.entry_name === body.entry_name);
    if (found) Object.assign(found, body);
    else freeruns.push({ ...body, owner: 'alice' });
    return [];
  },
  unregister_freerun: (_, body) => (freeruns.splice(freeruns.findIndex((freerun) => freerun.process_name === body.process_name && freerun.entry_name === body.entry_name), 1), []),
};

function freerunsOn(body, isOn) {
  for (const freerun of freeruns) if (freerun.process_name === body.process_name && freerun.entry_name === body.entry_name) freerun.is_on = isOn;
}
