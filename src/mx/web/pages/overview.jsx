/*
 * overview.jsx: is all well, and if not, where?
 */
import { argumentsOf, place, setArguments } from '../lib/router.js';
import { useQuery } from '../lib/query.js';
import { useStore } from '../lib/store.js';
import { duration, number } from '../lib/time.js';
import { visible, firstLine } from '../lib/text.js';
import { Activity } from '../parts/activity.jsx';
import { TextFilter } from '../parts/filters.jsx';
import { Answer, Empty } from '../parts/notice.jsx';
import { PageHead, Section } from '../parts/page.jsx';
import { Legend } from '../parts/state.jsx';
import { Facts, Table } from '../parts/table.jsx';
import { Name, Period, Relative, Time, UnitLink } from '../parts/time.jsx';
import { TimetableCard, isTroubled } from '../parts/timetable_card.jsx';

function Stat({ label, value, note, tone = '', href }) {
  const content = <><span class="stat-value">{value}</span><span class="stat-label">{label}</span>{note && <span class="stat-note">{note}</span>}</>;
  return href ? <a class={`stat ${tone}`} href={href}>{content}</a> : <div class={`stat ${tone}`}>{content}</div>;
}

const sum = (items, of) => items.reduce((total, item) => total + (of(item) ?? 0), 0);

function Stats({ health, timetables, freeruns, boxes }) {
  const levels = timetables.flatMap((timetable) => timetable.levels);
  const failing = sum(levels, (level) => level.failing) + freeruns.failing;
  const behind = levels.filter((level) => level.is_behind);
  const backlog = sum(levels, (level) => level.embryo + level.in_progress + level.final_run);
  const largest = Math.max(0, ...behind.map((level) => level.lag_seconds ?? 0));
  return (
    <div class="stats">
      <Stat label="scheduler" value={visible(health.verdict)} tone={health.is_healthy ? 'good' : 'bad'} />
      <Stat label="failing units" value={number(failing)} tone={failing ? 'bad' : ''} href="/garbage" />
      <Stat label="behind" value={number(behind.length)} note={behind.length ? `largest lag ${duration(largest)}` : `of ${number(levels.length)}`} tone={behind.length ? 'warn' : ''} href="/blocked" />
      <Stat label="late" value={number(health.jobs_late)} note={health.jobs_late ? 'missed their deadline' : null} tone={health.jobs_late ? 'bad' : ''} href="/late" />
      <Stat label="backlog" value={number(backlog)} note="active jobs" />
      <Stat label="executors busy" value={`${health.executors_busy}/${health.executors}`} note={health.queued ? `${number(health.queued)} queued` : null} />
      <Stat label="boxes up" value={`${boxes.up}/${boxes.count}`} note={`${number(boxes.daemons)} ${boxes.daemons === 1 ? 'daemon' : 'daemons'}${boxes.daemons_failing ? `, ${boxes.daemons_failing} failing` : ''}`} tone={boxes.up < boxes.count || boxes.daemons_failing ? 'warn' : ''} href="/boxes" />
      <Stat label="freeruns on" value={`${freeruns.on}/${freeruns.count}`} note={`${number(freeruns.at_work)} at work${freeruns.failing ? `, ${freeruns.failing} failing` : ''}`} tone={freeruns.failing ? 'bad' : ''} href="/freeruns" />
    </div>
  );
}

/* What is wrong stands above all, however long the list of timetables is. */
function Notices({ health }) {
  if (!health.problems.length && !health.warnings.length) return null;
  return (
    <div class="notices">
      {health.problems.map((text) => <p key={text} class="notice bad">{visible(text)}</p>)}
      {health.warnings.map((text) => <p key={text} class="notice warn">{visible(text)}</p>)}
    </div>
  );
}

function Health({ health }) {
  return (
    <Section title="Scheduler">
      <Facts of={[
        ['state', visible(health.scheduler_state)],
        ['last round', <><Relative at={health.last_round_at} />{health.last_round_ms !== null && <span class="muted"> took {duration(health.last_round_ms / 1000)}</span>}</>],
        ['next wake', <Relative at={health.next_wake} />],
        ['rounds', number(health.rounds)],
        ['units', <><a href="/units?state=requested">{number(health.units_requested)} requested</a>, <a href="/units?state=in_progress">{number(health.units_in_progress)} in progress</a>, <a href="/units?state=invalid">{number(health.units_invalid)} invalid</a></>],
        ['pending news', number(health.pending_news)],
        ['courier', health.courier_state && `${visible(health.courier_state)}, ${number(health.outbox)} in the outbox${health.outbox_unroutable ? `, ${number(health.outbox_unroutable)} unroutable` : ''}`],
      ]} />
    </Section>
  );
}

function Failures({ failures }) {
  return (
    <Section title="Newest failures">
      {failures.length
        ? <Table label="Newest failures" rows={failures} keyOf={(failure) => `${failure.unit_of_work_id} ${failure.at}`} columns={[
          { head: 'of', cell: (failure) => (
            <span class="stack">
              <Name process={failure.process_name} entry={failure.entry_name} />
              <span><Period period={failure.timeperiod} process={failure.process_name} /> <span class="muted">unit</span> <UnitLink id={failure.unit_of_work_id} /></span>
              <span class="muted small-text"><Time at={failure.at} /></span>
            </span>
          ) },
          { head: 'error', isWide: true, cell: (failure) => <span class="error-line" title={failure.detail}>{firstLine(failure.detail)}</span> },
        ]} />
        : <p class="muted calm">Nothing has failed lately.</p>}
    </Section>
  );
}

const SETUP = `SELECT synergy.register_timetable('site', start_timeperiod => '2026010100');
SELECT synergy.register_process('site_hourly', 'hourly', tree_name => 'site', command => $$ … $$);`;

function Timetables({ timetables }) {
  const { filter = '', troubled } = argumentsOf(useStore(place));
  const wanted = filter.toLowerCase();
  const isWanted = (timetable) =>
    (!troubled || isTroubled(timetable)) &&
    (!wanted || timetable.tree_name.toLowerCase().includes(wanted) || timetable.levels.some((level) => level.process_name.toLowerCase().includes(wanted)));
  const shown = timetables.filter(isWanted);
  const tools = (
    <>
      <TextFilter name="filter" label="Filter" value={filter} isMain placeholder="name  ( / )" />
      <label class="check"><input type="checkbox" checked={Boolean(troubled)} onChange={(event) => setArguments({ troubled: event.currentTarget.checked ? '1' : null })} />only troubled</label>
    </>
  );
  return (
    <Section title="Timetables" note={shown.length === timetables.length ? number(timetables.length) : `${number(shown.length)} of ${number(timetables.length)}`} tools={tools}>
      <Legend />
      {shown.length > 0 && <div class="timetables">{shown.map((timetable) => <TimetableCard key={timetable.tree_name} timetable={timetable} />)}</div>}
      {!timetables.length && <Empty title="There are no timetables yet"><p>Register one, and a process in it:</p><pre>{SETUP}</pre></Empty>}
      {timetables.length > 0 && !shown.length && <Empty title={troubled ? 'None is troubled' : 'None has such a name'} />}
    </Section>
  );
}

/* Lags grow each second, which nobody wants to see of hours: by whole minutes most cards stay as they are. */
function wholeMinutes(data) {
  for (const timetable of data.timetables)
    for (const level of timetable.levels) if (level.lag_seconds > 60) level.lag_seconds -= level.lag_seconds % 60;
  return data;
}

export function Overview() {
  const query = useQuery('/overview', { settle: wholeMinutes });
  return (
    <>
      <PageHead title="Overview" />
      <Answer query={query} rows={14}>
        {(data) => (
          <>
            <Stats {...data} />
            <Notices health={data.health} />
            <div class="overview">
              <div class="overview-main">
                <Timetables timetables={data.timetables} />
              </div>
              <div class="overview-side">
                <Activity />
                <Health health={data.health} />
                <Failures failures={data.failures} />
              </div>
            </div>
          </>
        )}
      </Answer>
    </>
  );
}
