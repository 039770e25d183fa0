/*
 * blocked.jsx: jobs whose periods are over and that wait for others.
 */
import { useQuery } from '../lib/query.js';
import { number } from '../lib/time.js';
import { Answer, Empty } from '../parts/notice.jsx';
import { PageHead } from '../parts/page.jsx';
import { State } from '../parts/state.jsx';
import { Table } from '../parts/table.jsx';
import { Name, Period } from '../parts/time.jsx';

const COLUMNS = [
  { head: 'process', cell: (row) => <Name process={row.process_name} /> },
  { head: 'period', cell: (row) => <Period period={row.timeperiod} process={row.process_name} /> },
  { head: 'state', cell: (row) => <State word={row.state} /> },
  { head: 'blocking', cell: (row) => row.blocking_type },
  { head: 'waits for', cell: (row) => row.kind },
  { head: 'of', cell: (row) => <Name process={row.waits_for_process} /> },
  { head: 'jobs', isNumber: true, cell: (row) => number(row.waits_for_jobs) },
  { head: 'the first', cell: (row) => <span class="inline"><Period period={row.waits_for_timeperiod} process={row.waits_for_process} /> {row.waits_for_state && <State word={row.waits_for_state} />}</span> },
];

export function Blocked() {
  const query = useQuery('/blocked');
  return (
    <>
      <PageHead title="Blocked" />
      <p class="lead">The earliest job of each process whose period is over and that waits for others. Its page tells the whole chain.</p>
      <Answer query={query} rows={8}>
        {({ blocked }) => (blocked.length
          ? <Table label="Blocked jobs" rows={blocked} keyOf={(row) => `${row.process_name}\n${row.kind}\n${row.waits_for_process}`} columns={COLUMNS} />
          : <Empty title="Nothing is blocked"><p>No job whose period is over waits for another one.</p></Empty>)}
      </Answer>
    </>
  );
}
