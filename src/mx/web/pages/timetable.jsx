/*
 * timetable.jsx: one timetable, storey by storey: years, months, days, hours.
 */
import { argumentsOf, path, place, search } from '../lib/router.js';
import { useQuery } from '../lib/query.js';
import { useStore } from '../lib/store.js';
import { QUALIFIERS, duration, enclosing, number, periodText, qualifierOfWithin } from '../lib/time.js';
import { letterOf } from '../lib/states.js';
import { SwitchButton, TriggerButton } from '../parts/actions.jsx';
import { BackfillButton } from '../parts/backfill.jsx';
import { Dependencies } from '../parts/dependencies.jsx';
import { Answer, Empty } from '../parts/notice.jsx';
import { PageHead, Section } from '../parts/page.jsx';
import { Legend, Tile } from '../parts/state.jsx';
import { Storey } from '../parts/storey.jsx';
import { Facts, Table } from '../parts/table.jsx';
import { Name, Period, Relative, Time, TimetableName } from '../parts/time.jsx';

/* Year, month and day that we are in, each a way back, with the states of their own jobs. */
function Crumbs({ tree, within, above }) {
  const base = path`/timetables/${tree}`;
  const steps = within ? [...enclosing(within, qualifierOfWithin(within)), [qualifierOfWithin(within), within]] : [];
  const state = (qualifier) => above?.find((job) => job.time_qualifier === qualifier);
  return (
    <ol>
      <li><a href="/">Overview</a></li>
      <li><a href={base} aria-current={within ? undefined : 'page'}><bdi>{tree}</bdi></a></li>
      {steps.map(([qualifier, period]) => {
        const job = state(qualifier);
        return (
          <li key={period}>
            <a href={base + search({ within: period })} aria-current={period === within ? 'page' : undefined}>{periodText(period, qualifier)}</a>
            {job?.state && <a class="crumb-job" href={path`/jobs/${job.process_name}/${period}`} title={`${job.process_name}: ${job.state}`}><Tile letter={job.unit_state === 'invalid' ? 'v' : letterOf(job.state)} /><span class="sr-only">{job.process_name}: {job.state}</span></a>}
          </li>
        );
      })}
    </ol>
  );
}

function Levels({ processes }) {
  return (
    <Table label="Processes" rows={processes} keyOf={(process) => process.process_name} columns={[
      { head: 'process', cell: (process) => <Name process={process.process_name} /> },
      { head: 'periods', cell: (process) => process.time_qualifier },
      { head: 'machine', cell: (process) => `${process.state_machine}${process.blocking_type === 'normal' ? '' : `, blocked by ${process.blocking_type}`}` },
      { head: 'worker', cell: (process) => process.worker },
      { head: 'trigger', cell: (process) => <code>{process.trigger_frequency}</code> },
      { head: 'next', cell: (process) => (process.is_on ? <Relative at={process.next_fire} /> : <span class="badge warn">off</span>) },
      { head: 'frontier', cell: (process) => <Period period={process.frontier} qualifier={process.time_qualifier} process={process.process_name} /> },
      { head: 'lag', isNumber: true, cell: (process) => <span class={process.is_behind ? 'warn-text' : undefined}>{process.lag_seconds > 0 ? duration(process.lag_seconds) : ''}</span> },
      { head: 'failing', isNumber: true, cell: (process) => (process.failing ? <a class="bad-text" href={`/jobs${search({ process: process.process_name, state: 'failing' })}`}>{number(process.failing)}</a> : '0') },
      { head: 'jobs', cell: (process) => <a href={`/jobs${search({ process: process.process_name })}`}>list</a> },
      { head: 'actions', isQuiet: true, cell: (process) => <span class="row-actions"><TriggerButton process={process.process_name} class="small" /><SwitchButton process={process.process_name} isOn={process.is_on} class="small" /></span> },
    ]} />
  );
}

/* It changes with each job, and nobody looks that often. */
const FORECAST_EVERY = 10000;

function Forecast({ base, processes }) {
  const query = useQuery(`${base}/forecast`, { names: () => processes.map((process) => process.process_name), every: FORECAST_EVERY });
  return (
    <Section title="Forecast" note="when it will have caught up with the periods that are over, by the median of the last units">
      <Answer query={query} rows={2}>
        {({ levels }) => <Table label="Forecast" rows={levels} keyOf={(level) => level.process_name} columns={[
          { head: 'process', cell: (level) => <Name process={level.process_name} /> },
          { head: 'jobs left', isNumber: true, cell: (level) => number(level.jobs_left) },
          { head: 'median', isNumber: true, cell: (level) => duration(level.median_seconds) },
          { head: 'at once', isNumber: true, cell: (level) => number(level.at_once) },
          { head: 'takes', isNumber: true, cell: (level) => (level.complete_in_seconds === null ? <span class="muted">unknown</span> : duration(level.complete_in_seconds)) },
          { head: 'complete', cell: (level) => (level.complete_in_seconds > 0 ? <Time at={level.complete_at} /> : level.complete_in_seconds === 0 && 'it is') },
        ]} />}
      </Answer>
    </Section>
  );
}

export function Timetable({ tree }) {
  const { within = '' } = argumentsOf(useStore(place));
  const base = path`/timetables/${tree}`;
  const isKnown = /^\d{10}$/.test(within) || !within;
  const about = useQuery(base, { names: ({ processes }) => processes.map((process) => process.process_name) });
  const nodes = useQuery(isKnown ? `${base}/nodes${search({ within })}` : null, {
    names: (data) => [...(about.data?.processes ?? []), ...data.dependencies, ...data.dependants].map((process) => process.process_name),
  });
  const processes = about.data?.processes ?? [];
  const shortest = processes.length ? processes[processes.length - 1].time_qualifier : null;
  const unit = nodes.data?.unit;
  const canDrill = unit && shortest && QUALIFIERS.indexOf(unit) < QUALIFIERS.indexOf(shortest);
  const title = within && isKnown ? `${tree} ${periodText(within, qualifierOfWithin(within))}` : tree;

  return (
    <>
      <PageHead title={title} above={<Crumbs tree={tree} within={isKnown ? within : ''} above={nodes.data?.above} />}>
        {processes.length > 0 && <BackfillButton process={processes[processes.length - 1].process_name} />}
      </PageHead>
      {!isKnown && <Empty title="That is no timeperiod"><p><a href={base}>All years of this timetable</a></p></Empty>}
      {isKnown && !(about.error && nodes.error) && (
        <Answer query={nodes} rows={10}>
          {(data) => (
            <>
              <Dependencies tree={tree} storey={data} />
              <Section title={{ yearly: 'Years', monthly: 'Months', daily: 'Days', hourly: 'Hours' }[data.unit]} tools={<Legend />}>
                {data.nodes.length ? <Storey tree={tree} storey={data} canDrill={canDrill} /> : <Empty title="There are no periods here"><p>The timetable begins later, or its processes have not been looked at yet.</p></Empty>}
              </Section>
            </>
          )}
        </Answer>
      )}
      <Answer query={about} rows={4}>
        {({ timetable }) => (
          <>
            <Section title="Processes">
              {processes.length ? <Levels processes={processes} /> : <Empty title="It has no processes"><p>Register one with <code>tree_name =&gt; '{timetable.tree_name}'</code>.</p></Empty>}
            </Section>
            {processes.length > 0 && <Forecast base={base} processes={processes} />}
            <Section title="Definition">
              <Facts of={[
                ['begins', <Period period={timetable.start_timeperiod} />],
                ['ends', timetable.end_timeperiod && <Period period={timetable.end_timeperiod} />],
                ['depends on', timetable.dependent_on.length > 0 && timetable.dependent_on.map((name) => <TimetableName key={name} tree={name} />), true],
                ['is waited for by', timetable.dependants.length > 0 && timetable.dependants.map((name) => <TimetableName key={name} tree={name} />), true],
                ['registered', <Time at={timetable.created_at} />],
                ['changed', <Time at={timetable.updated_at} />],
              ]} />
            </Section>
          </>
        )}
      </Answer>
    </>
  );
}
