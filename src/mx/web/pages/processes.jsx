/*
 * processes.jsx: all processes and their triggers.
 */
import { argumentsOf, place, search } from '../lib/router.js';
import { useQuery } from '../lib/query.js';
import { useStore } from '../lib/store.js';
import { number } from '../lib/time.js';
import { ChangeTriggerButton } from '../parts/trigger.jsx';
import { SwitchButton, TriggerButton } from '../parts/actions.jsx';
import { Sparkline } from '../parts/chart.jsx';
import { SelectFilter, TextFilter } from '../parts/filters.jsx';
import { Answer, Empty } from '../parts/notice.jsx';
import { PageHead } from '../parts/page.jsx';
import { Table } from '../parts/table.jsx';
import { Name, Relative, TimetableName } from '../parts/time.jsx';

const COLUMNS = [
  { head: 'process', cell: (process) => <Name process={process.process_name} /> },
  { head: 'timetable', cell: (process) => <TimetableName tree={process.tree_name} /> },
  { head: 'kind', cell: (process) => <span class="nowrap">{process.time_qualifier} <span class="muted">{process.worker}</span></span> },
  { head: 'trigger', cell: (process) => <ChangeTriggerButton process={process.process_name} trigger={process.trigger_frequency} class="inline-button"><code>{process.trigger_frequency}</code></ChangeTriggerButton> },
  { head: 'next', cell: (process) => (process.is_on ? <Relative at={process.next_fire} /> : <span class="badge warn">off</span>) },
  { head: 'at work', isNumber: true, cell: (process) => <a class="plain" href={`/units${search({ process: process.process_name, state: 'active' })}`}>{number(process.requested + process.in_progress)}</a> },
  { head: 'failing', cell: (process) => (
    <span class="nowrap">
      {process.invalid ? <a class="bad-text" href={`/units${search({ process: process.process_name, state: 'invalid' })}`}>{number(process.invalid)}</a> : '0'}
      {process.last_failure_at && <span class="muted">, last <Relative at={process.last_failure_at} /></span>}
    </span>
  ) },
  { head: 'durations', cell: (process) => <Sparkline values={process.durations} /> },
  { head: 'actions', isQuiet: true, cell: (process) => (
    <span class="row-actions">
      <TriggerButton process={process.process_name} class="small" />
      <SwitchButton process={process.process_name} isOn={process.is_on} class="small" />
    </span>
  ) },
];

const SHOWS = { off: (process) => !process.is_on, failing: (process) => process.invalid > 0, at_work: (process) => process.requested + process.in_progress > 0 };

export function Processes() {
  const { filter = '', show = '' } = argumentsOf(useStore(place));
  const query = useQuery('/processes');
  const wanted = filter.toLowerCase();
  const isWanted = (process) => `${process.process_name}\n${process.tree_name}`.toLowerCase().includes(wanted) && (!SHOWS[show] || SHOWS[show](process));
  return (
    <>
      <PageHead title="Processes" />
      <div class="filters" role="search">
        <TextFilter name="filter" label="Name" value={filter} isMain />
        <SelectFilter name="show" label="Only" value={show} values={Object.keys(SHOWS)} />
      </div>
      <Answer query={query} rows={12}>
        {({ processes }) => {
          const shown = processes.filter(isWanted);
          if (shown.length) return <Table label="Processes" rows={shown} keyOf={(process) => process.process_name} columns={COLUMNS} />;
          return processes.length
            ? <Empty title="There is no such process" />
            : <Empty title="There are no processes yet"><p>Register one:</p><pre>{"SELECT synergy.register_process('site_hourly', 'hourly', command => $$ … $$);"}</pre></Empty>;
        }}
      </Answer>
    </>
  );
}
