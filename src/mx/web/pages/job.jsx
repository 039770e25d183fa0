/*
 * job.jsx: one period of one process: what state is it in, why, and what has been tried?
 */
import { path, search } from '../lib/router.js';
import { useQuery } from '../lib/query.js';
import { useQualifiers } from '../lib/session.js';
import { isActiveUnit } from '../lib/states.js';
import { duration, enclosing, number, periodText } from '../lib/time.js';
import { visible } from '../lib/text.js';
import { CancelButton, ReprocessButton, SkipButton, TriggerButton } from '../parts/actions.jsx';
import { Explanation } from '../parts/explanation.jsx';
import { Log } from '../parts/log.jsx';
import { Answer } from '../parts/notice.jsx';
import { PageHead, Section } from '../parts/page.jsx';
import { Counts, State } from '../parts/state.jsx';
import { Facts, Table } from '../parts/table.jsx';
import { Name, Period, Relative, Time, TimetableName, UnitLink } from '../parts/time.jsx';
import { EventTable, UnitTable } from '../parts/unit_table.jsx';

const isActive = (job) => ['embryo', 'in_progress', 'final_run'].includes(job.state);

function Crumbs({ job }) {
  const base = path`/timetables/${job.tree_name}`;
  return (
    <ol>
      <li><a href="/">Overview</a></li>
      <li><TimetableName tree={job.tree_name} /></li>
      {enclosing(job.timeperiod, job.time_qualifier).map(([qualifier, period]) => (
        <li key={period}><a href={base + search({ within: period })}>{periodText(period, qualifier)}</a></li>
      ))}
    </ol>
  );
}

/* from a period up to another one, exclusive */
const Span = ({ of, qualifier }) => <><Period period={of.from} process={of.process_name} qualifier={qualifier} isLink={false} /> <span class="muted">up to</span> <Period period={of.to} process={of.process_name} qualifier={qualifier} isLink={false} /></>;

function Around({ data }) {
  const rows = [
    ...(data.parent ? [{ kind: 'parent', ...data.parent }] : []),
    ...(data.children ? [{ kind: 'children', ...data.children }] : []),
    ...data.dependencies.map((item) => ({ kind: 'waits for', ...item })),
    ...data.dependants.map((item) => ({ kind: 'is waited for by', ...item })),
  ];
  if (!rows.length) return null;
  return (
    <Section title="Around it">
      <Table label="Jobs around it" rows={rows} keyOf={(row) => `${row.kind} ${row.process_name}`} columns={[
        { head: 'is', cell: (row) => row.kind },
        { head: 'process', cell: (row) => <Name process={row.process_name} /> },
        { head: 'periods', cell: (row) => (row.counts ? <Span of={row} /> : <Period period={row.timeperiod} process={row.process_name} />) },
        { head: 'states', cell: (row) => (row.counts
          ? <a class="plain" href={`/jobs${search({ process: row.process_name, from: row.from, to: row.to })}`}><Counts counts={row.counts} /></a>
          : <State word={row.state} href={path`/jobs/${row.process_name}/${row.timeperiod}`} />) },
      ]} />
    </Section>
  );
}

function JobFacts({ job }) {
  return (
    <Facts of={[
      ['process', <Name process={job.process_name} />],
      ['begins', <Time at={job.period_start} />],
      ['ends', <Time at={job.period_end} />],
      ['deadline', job.deadline_at && <Time at={job.deadline_at} />],
      ['unit', job.unit_of_work_id && <><UnitLink id={job.unit_of_work_id} /> <State word={job.unit_state} /></>],
      ['units so far', number(job.number_of_units)],
      ['attempt', job.attempt && `${job.attempt}${job.number_of_retries ? ` (${job.number_of_retries} retries)` : ''}`],
      ['requested', job.requested_at && <Time at={job.requested_at} />],
      ['took', job.finished_at && duration(job.duration_seconds)],
      ['rows', job.number_of_processed !== null && `${number(job.number_of_processed)} → ${number(job.number_of_aggregated)}`],
      ['tried again', job.unit_state === 'invalid' && <Relative at={job.retry_at} />],
      ['empty evaluations', job.number_of_failures || null],
      ['machine', `${job.state_machine}, blocking ${job.blocking_type}`],
      ['grouping', job.time_grouping > 1 && `every ${job.time_grouping}`],
      ['worker', job.worker],
      ['trigger', job.is_on ? <><code>{job.trigger_frequency}</code> <span class="muted"><Relative at={job.next_fire} none="" /></span></> : <span class="badge warn">off</span>],
    ]} />
  );
}

/* Everything that its explanation and its neighbourhood speak of. */
function namesAround({ job, explanation, parent, children, dependencies, dependants }) {
  return [job, parent, children, ...explanation, ...dependencies, ...dependants].filter(Boolean).map((item) => item.process_name);
}

export function Job({ process, timeperiod }) {
  const query = useQuery(path`/jobs/${process}/${timeperiod}`, { names: namesAround });
  const known = useQualifiers();
  const job = query.data?.job;
  const qualifier = job?.time_qualifier ?? known.get(process) ?? 'hourly';
  return (
    <>
      <PageHead title={`${process} ${periodText(timeperiod, qualifier)}`} above={job && <Crumbs job={job} />} badge={job && <><State word={job.state} unit={job.unit_state} />{job.is_late && <span class="badge bad">late</span>}</>}>
        {job && (
          <>
            {isActive(job) ? <SkipButton process={process} period={timeperiod} /> : null}
            <ReprocessButton process={process} period={timeperiod} />
            {isActiveUnit(job.unit_state) && <CancelButton unit={job.unit_of_work_id} />}
            {isActive(job) && <TriggerButton process={process} />}
          </>
        )}
      </PageHead>
      <Answer query={query} rows={12}>
        {(data) => (
          <>
            {data.job.error && <div class="notice bad"><pre class="error-text">{visible(data.job.error)}</pre></div>}
            <div class="two">
              <Section title={isActive(data.job) ? 'Why does it wait?' : 'Why is it so?'}><Explanation rows={data.explanation} /></Section>
              <Section title="Job"><JobFacts job={data.job} /></Section>
            </div>
            <Around data={data} />
            {data.job.unit_of_work_id && <Section title="Output" note={`of unit ${data.job.unit_of_work_id}`}><Log unit={data.job.unit_of_work_id} state={data.job.unit_state} /></Section>}
            <Section title="Units of work">
              {data.units.length ? <UnitTable units={data.units} of={['id', 'state', 'attempt', 'created', 'duration', 'rows', 'box', 'error']} /> : <p class="muted calm">None has been requested.</p>}
            </Section>
            <Section title="Events">{data.events.length ? <EventTable events={data.events} /> : <p class="muted calm">Nothing has happened to it yet.</p>}</Section>
          </>
        )}
      </Answer>
    </>
  );
}
