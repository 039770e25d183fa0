/*
 * freeruns.jsx: work without a timetable.
 */
import { argumentsOf, path, place } from '../lib/router.js';
import { useQuery } from '../lib/query.js';
import { useMay } from '../lib/session.js';
import { useStore } from '../lib/store.js';
import { isActiveUnit } from '../lib/states.js';
import { duration } from '../lib/time.js';
import { visible } from '../lib/text.js';
import { CancelButton, SwitchButton, TriggerButton } from '../parts/actions.jsx';
import { TextFilter } from '../parts/filters.jsx';
import { Answer, Empty } from '../parts/notice.jsx';
import { PageHead } from '../parts/page.jsx';
import { State } from '../parts/state.jsx';
import { Table } from '../parts/table.jsx';
import { Name, Relative } from '../parts/time.jsx';

const COLUMNS = [
  { head: 'freerun', cell: (freerun) => <span class="stack"><Name process={freerun.process_name} entry={freerun.entry_name} />{freerun.description && <span class="muted small-text">{visible(freerun.description)}</span>}</span> },
  { head: 'worker', cell: (freerun) => freerun.worker },
  { head: 'trigger', cell: (freerun) => <><code>{freerun.trigger_frequency}</code>{freerun.timezone !== 'UTC' && <span class="muted"> {freerun.timezone}</span>}</> },
  { head: 'next', cell: (freerun) => (freerun.is_on ? <Relative at={freerun.next_fire} none="never" /> : <span class="badge warn">off</span>) },
  { head: 'last run', cell: (freerun) => (freerun.last_unit ? <span class="inline"><State word={freerun.last_unit.state} href={path`/units/${freerun.last_unit.unit_of_work_id}`} /> <Relative at={freerun.last_unit.created_at} /></span> : <span class="muted">none yet</span>) },
  { head: 'took', isNumber: true, cell: (freerun) => duration(freerun.last_unit?.duration_seconds) },
  { head: 'owner', cell: (freerun) => <bdi>{freerun.owner}</bdi> },
  { head: 'actions', isQuiet: true, cell: (freerun) => (
    <span class="row-actions">
      <TriggerButton process={freerun.process_name} entry={freerun.entry_name} class="small" />
      <SwitchButton process={freerun.process_name} entry={freerun.entry_name} isOn={freerun.is_on} class="small" />
      {isActiveUnit(freerun.last_unit?.state) && <CancelButton unit={freerun.last_unit.unit_of_work_id} class="small" />}
    </span>
  ) },
];

export function Freeruns() {
  const { filter = '' } = argumentsOf(useStore(place));
  const query = useQuery('/freeruns');
  const may = useMay();
  const wanted = filter.toLowerCase();
  return (
    <>
      <PageHead title="Freeruns">{may.register_freerun && <a class="button primary" href="/freeruns/new">New freerun</a>}</PageHead>
      <div class="filters" role="search"><TextFilter name="filter" label="Name" value={filter} isMain /></div>
      <Answer query={query} rows={8}>
        {({ freeruns }) => {
          const shown = freeruns.filter((freerun) => `${freerun.process_name} / ${freerun.entry_name}\n${freerun.description ?? ''}`.toLowerCase().includes(wanted));
          if (shown.length) return <Table label="Freeruns" rows={shown} keyOf={(freerun) => `${freerun.process_name}\n${freerun.entry_name}`} columns={COLUMNS} />;
          return freeruns.length ? <Empty title="There is no such freerun" /> : (
            <Empty title="There are no freeruns yet">
              <p>A freerun is work without a timetable, as with cron:</p>
              <pre>{"SELECT synergy.register_freerun('cleanup', 'nightly', '30 2 * * *', command => $$ … $$);"}</pre>
            </Empty>
          );
        }}
      </Answer>
    </>
  );
}
