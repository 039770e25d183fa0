/*
 * late.jsx: jobs that are not finished though their deadline has passed.
 */
import { useQuery } from '../lib/query.js';
import { visible } from '../lib/text.js';
import { number } from '../lib/time.js';
import { Answer, Empty } from '../parts/notice.jsx';
import { PageHead } from '../parts/page.jsx';
import { State } from '../parts/state.jsx';
import { Table } from '../parts/table.jsx';
import { Name, Period, Since, Time, TimetableName } from '../parts/time.jsx';

const COLUMNS = [
  { head: 'process', cell: (row) => <Name process={row.process_name} /> },
  { head: 'period', cell: (row) => <Period period={row.timeperiod} process={row.process_name} qualifier={row.time_qualifier} /> },
  { head: 'state', cell: (row) => <State word={row.state} /> },
  { head: 'deadline', cell: (row) => <Time at={row.deadline_at} /> },
  { head: 'late by', cell: (row) => <Since at={row.deadline_at} /> },
  { head: 'waits for', isWide: true, cell: (row) => visible(row.waits_for) },
  { head: 'timetable', cell: (row) => <TimetableName tree={row.tree_name} /> },
];

export function Late() {
  const query = useQuery('/late');
  return (
    <>
      <PageHead title="Late" />
      <p class="lead">Jobs that are not finished though their deadline has passed: the end of their period and option <code>deadline</code> of their process.</p>
      <Answer query={query} rows={8}>
        {({ late, count }) => (late.length
          ? (
            <>
              {count > late.length && <p class="muted">The first {number(late.length)} of {number(count)}.</p>}
              <Table label="Late jobs" rows={late} keyOf={(row) => `${row.process_name}\n${row.timeperiod}`} columns={COLUMNS} />
            </>
          )
          : <Empty title="Nothing is late"><p>Every deadline that has passed was kept, or the job was finished after all. <a href="/events?event=late">What was late</a></p></Empty>)}
      </Answer>
    </>
  );
}
