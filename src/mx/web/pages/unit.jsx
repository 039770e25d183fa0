/*
 * unit.jsx: one unit of work, and what its worker writes.
 */
import { path } from '../lib/router.js';
import { useQuery } from '../lib/query.js';
import { isActiveUnit } from '../lib/states.js';
import { duration, number } from '../lib/time.js';
import { visible } from '../lib/text.js';
import { CancelButton } from '../parts/actions.jsx';
import { Code, Json } from '../parts/code.jsx';
import { Log } from '../parts/log.jsx';
import { Answer } from '../parts/notice.jsx';
import { PageHead, Section } from '../parts/page.jsx';
import { State } from '../parts/state.jsx';
import { Facts } from '../parts/table.jsx';
import { Name, Period, Relative, Since, Time } from '../parts/time.jsx';
import { EventTable } from '../parts/unit_table.jsx';

function UnitFacts({ unit }) {
  const isRunning = unit.state === 'in_progress' && unit.started_at;
  return (
    <Facts of={[
      ['of', <Name process={unit.process_name} entry={unit.entry_name} />],
      ['period', <Period period={unit.timeperiod} process={unit.process_name} />],
      ['covers', unit.start_timeperiod && !unit.entry_name && unit.end_timeperiod && <><Period period={unit.start_timeperiod} process={unit.process_name} isLink={false} /> <span class="muted">to</span> <Period period={unit.end_timeperiod} process={unit.process_name} isLink={false} /></>],
      ['worker', unit.worker],
      ['box', unit.box_name && <bdi>{unit.box_name}</bdi>],
      ['attempt', `${unit.attempt}${unit.number_of_retries ? ` (${unit.number_of_retries} retries)` : ''}`],
      ['requested', <Time at={unit.created_at} />],
      ['signalled', unit.submitted_at && <Time at={unit.submitted_at} />],
      ['started', unit.started_at && <Time at={unit.started_at} />],
      ['finished', unit.finished_at && <Time at={unit.finished_at} />],
      [isRunning ? 'goes on for' : 'took', isRunning ? <Since at={unit.started_at} /> : unit.finished_at && duration(unit.duration_seconds)],
      ['heard of', isRunning && unit.heard_at && <Relative at={unit.heard_at} />],
      ['tried again', unit.state === 'invalid' && <Relative at={unit.retry_at} />],
      ['rows', unit.number_of_processed !== null && `${number(unit.number_of_processed)} → ${number(unit.number_of_aggregated)}`],
      ['keys', unit.start_id !== null && `${unit.start_id} to ${unit.end_id}`],
      ['source', unit.source && visible(unit.source)],
      ['sink', unit.sink && visible(unit.sink)],
    ]} />
  );
}

export function Unit({ id }) {
  const query = useQuery(path`/units/${id}`, { names: ({ unit }) => [unit.process_name] });
  const unit = query.data?.unit;
  return (
    <>
      <PageHead title={`Unit ${id}`} above={<ol><li><a href="/units">Units</a></li>{unit && <li><Name process={unit.process_name} entry={unit.entry_name} /></li>}</ol>} badge={unit && <State word={unit.state} />}>
        {unit && isActiveUnit(unit.state) && <CancelButton unit={unit.unit_of_work_id} />}
      </PageHead>
      <Answer query={query} rows={10}>
        {({ unit: shown, events }) => (
          <>
            {shown.error && <Section title="Error"><Code text={shown.error} label="Error" /></Section>}
            <Section title="Output"><Log unit={id} state={shown.state} /></Section>
            <Section title="Unit"><UnitFacts unit={shown} /></Section>
            {shown.command && <Section title="Command"><Code text={shown.command} label="Command" /></Section>}
            <Section title="Arguments"><Json value={shown.arguments} label="Arguments" /></Section>
            <Section title="Events"><EventTable events={events} /></Section>
          </>
        )}
      </Answer>
    </>
  );
}
