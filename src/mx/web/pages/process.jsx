/*
 * process.jsx: one process: its definition, its trigger, its neighbours, what it has done lately.
 */
import { path, search } from '../lib/router.js';
import { useQuery } from '../lib/query.js';
import { useMay } from '../lib/session.js';
import { visible } from '../lib/text.js';
import { duration, number } from '../lib/time.js';
import { SwitchButton, TriggerButton } from '../parts/actions.jsx';
import { Activity } from '../parts/activity.jsx';
import { BackfillButton } from '../parts/backfill.jsx';
import { Code, Json } from '../parts/code.jsx';
import { Answer } from '../parts/notice.jsx';
import { PageHead, Section } from '../parts/page.jsx';
import { Facts, Table } from '../parts/table.jsx';
import { Name, Period, Relative, Time, TimetableName } from '../parts/time.jsx';
import { ChangeTriggerButton, Fires } from '../parts/trigger.jsx';
import { EventTable, UnitTable } from '../parts/unit_table.jsx';

function ProcessFacts({ process }) {
  const name = process.process_name;
  return (
    <Facts of={[
      ['timetable', <TimetableName tree={process.tree_name} />],
      ['periods', process.time_qualifier],
      ['machine', process.state_machine],
      ['blocking', process.blocking_type],
      ['grouping', process.time_grouping > 1 && `every ${process.time_grouping}`],
      ['worker', process.worker],
      ['runs as', <bdi>{process.owner}</bdi>],
      ['begins', <Period period={process.start_timeperiod} process={name} qualifier={process.time_qualifier} />],
      ['frontier', <Period period={process.frontier} process={name} qualifier={process.time_qualifier} />],
      ['last period', <Period period={process.last_timeperiod} process={name} qualifier={process.time_qualifier} />],
      ['jobs', <a href={`/jobs${search({ process: name })}`}>all</a>],
      ['failing', process.invalid > 0 && <a class="bad-text" href={`/jobs${search({ process: name, state: 'failing' })}`}>{process.invalid}</a>],
      ['last failure', process.last_failure_at && <Relative at={process.last_failure_at} />],
      ['source', process.source && visible(process.source)],
      ['sink', process.sink && visible(process.sink)],
      ['registered', <Time at={process.created_at} />],
      ['changed', <Time at={process.updated_at} />],
    ]} />
  );
}

function Durations({ of }) {
  if (!of.units) return <p class="muted calm">It has not finished a unit yet.</p>;
  return <Facts of={[['last', duration(of.last_seconds)], ['median', duration(of.median_seconds)], ['95 of 100 within', duration(of.p95_seconds)], ['longest', duration(of.max_seconds)]]} />;
}

function Links({ links }) {
  if (!links.length) return <p class="muted calm">It stands alone.</p>;
  return <Table label="Links" rows={links} keyOf={(link) => `${link.kind} ${link.process_name}`} columns={[
    { head: 'is', cell: (link) => link.kind },
    { head: 'process', cell: (link) => <Name process={link.process_name} /> },
    { head: 'timetable', cell: (link) => <TimetableName tree={link.tree_name} /> },
  ]} />;
}

export function Process({ process: name }) {
  const query = useQuery(path`/processes/${name}`, { names: () => [name] });
  const process = query.data?.process;
  const may = useMay();
  return (
    <>
      <PageHead
        title={name}
        above={<ol><li><a href="/processes">Processes</a></li></ol>}
        badge={process && !process.is_on && <span class="badge warn">off</span>}
      >
        {process && (
          <>
            <TriggerButton process={name} />
            <SwitchButton process={name} isOn={process.is_on} />
            {may.backfill && <BackfillButton process={name} />}
          </>
        )}
      </PageHead>
      <Answer query={query} rows={12}>
        {(data) => (
          <>
            <div class="two">
              <Section title="Definition"><ProcessFacts process={data.process} /></Section>
              <div>
                <Section title="Trigger" note={<code>{data.process.trigger_frequency}</code>} tools={<ChangeTriggerButton process={name} trigger={data.process.trigger_frequency} class="small" />}>
                  {data.process.is_on ? <Fires fires={data.next_fires} /> : <p class="muted">It is switched off and does not fire.</p>}
                </Section>
                <Section title="How long it takes" note={data.duration.units ? `of its last ${number(data.duration.units)} finished units` : null}><Durations of={data.duration} /></Section>
                <Section title="Links"><Links links={data.links} /></Section>
              </div>
            </div>
            <Activity process={name} />
            {data.process.command && <Section title="Command"><Code text={data.process.command} label="Command" /></Section>}
            <div class="two">
              <Section title="Arguments"><Json value={data.process.arguments} label="Arguments" /></Section>
              <Section title="Options"><Json value={data.process.options} label="Options" /></Section>
            </div>
            <Section title="Last units"><UnitTable units={data.units} of={['id', 'period', 'state', 'attempt', 'created', 'duration', 'rows', 'box', 'error']} /></Section>
            <Section title="Events"><EventTable events={data.events} of={['at', 'role', 'event', 'period', 'unit', 'change', 'detail']} /></Section>
          </>
        )}
      </Answer>
    </>
  );
}
