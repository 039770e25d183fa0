/*
 * unit_table.jsx: units of work and events as tables, which many pages have.
 */
import { path } from '../lib/router.js';
import { firstLine } from '../lib/text.js';
import { duration, number } from '../lib/time.js';
import { isActiveUnit } from '../lib/states.js';
import { State } from './state.jsx';
import { Table } from './table.jsx';
import { Name, Period, Relative, Since, Time, UnitLink } from './time.jsx';

/* How long it took, or has been going on. */
function Duration({ unit }) {
  if (unit.duration_seconds !== null && unit.finished_at) return duration(unit.duration_seconds);
  return unit.state === 'in_progress' && unit.started_at ? <Since at={unit.started_at} /> : '';
}

const COLUMNS = {
  id: { head: 'unit', isNumber: true, cell: (unit) => <UnitLink id={unit.unit_of_work_id} /> },
  process: { head: 'process', cell: (unit) => <Name process={unit.process_name} entry={unit.entry_name} /> },
  period: { head: 'period', cell: (unit) => <Period period={unit.timeperiod} process={unit.process_name} /> },
  state: { head: 'state', cell: (unit) => <State word={unit.state} href={path`/units/${unit.unit_of_work_id}`} /> },
  attempt: { head: 'attempt', isNumber: true, cell: (unit) => unit.attempt },
  created: { head: 'requested', cell: (unit) => <Time at={unit.created_at} /> },
  duration: { head: 'duration', isNumber: true, cell: (unit) => <Duration unit={unit} /> },
  rows: { head: 'rows', isNumber: true, cell: (unit) => number(unit.number_of_processed) },
  box: { head: 'box', cell: (unit) => (unit.box_name ? <bdi>{unit.box_name}</bdi> : '') },
  worker: { head: 'worker', cell: (unit) => unit.worker },
  retry: { head: 'retry', cell: (unit) => (isActiveUnit(unit.state) ? <Relative at={unit.retry_at} none="" /> : '') },
  error: { head: 'error', isWide: true, cell: (unit) => (unit.error ? <span class="error-line" title={unit.error}>{firstLine(unit.error)}</span> : '') },
};

/* of: names of columns; more: further ones */
export function UnitTable({ units, of, more = [], label = 'Units of work' }) {
  return <Table label={label} rows={units} keyOf={(unit) => unit.unit_of_work_id} columns={[...of.map((name) => COLUMNS[name]), ...more]} />;
}

const EVENT_COLUMNS = {
  at: { head: 'at', cell: (event) => <Time at={event.at} /> },
  role: { head: 'role', cell: (event) => <bdi>{event.role_name}</bdi> },
  event: { head: 'event', cell: (event) => event.event },
  process: { head: 'process', cell: (event) => (event.process_name ? <Name process={event.process_name} entry={event.entry_name} /> : '') },
  period: { head: 'period', cell: (event) => (event.timeperiod ? <Period period={event.timeperiod} process={event.process_name} /> : '') },
  unit: { head: 'unit', isNumber: true, cell: (event) => (event.unit_of_work_id ? <UnitLink id={event.unit_of_work_id} /> : '') },
  change: { head: 'change', cell: (event) => <Change event={event} /> },
  detail: { head: 'detail', isWide: true, cell: (event) => (event.detail ? <span class="error-line" title={event.detail}>{firstLine(event.detail)}</span> : '') },
};

function Change({ event }) {
  if (!event.old_state && !event.new_state) return '';
  return (
    <span class="change">
      {event.old_state && <><State word={event.old_state} /> → </>}
      {event.new_state && <State word={event.new_state} />}
    </span>
  );
}

export function EventTable({ events, of = ['at', 'role', 'event', 'unit', 'change', 'detail'] }) {
  return <Table label="Events" rows={events} keyOf={(event) => event.event_id} columns={of.map((name) => EVENT_COLUMNS[name])} />;
}
