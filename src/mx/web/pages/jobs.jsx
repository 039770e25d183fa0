/*
 * jobs.jsx: the jobs of one process, newest first.
 */
import { argumentsOf, path, place, search } from '../lib/router.js';
import { useQuery } from '../lib/query.js';
import { useStore } from '../lib/store.js';
import { duration } from '../lib/time.js';
import { firstLine, visible } from '../lib/text.js';
import { Pager, ProcessList, SelectFilter, TextFilter } from '../parts/filters.jsx';
import { Answer, Empty } from '../parts/notice.jsx';
import { PageHead } from '../parts/page.jsx';
import { State } from '../parts/state.jsx';
import { Table } from '../parts/table.jsx';
import { Name, Period, Time, UnitLink } from '../parts/time.jsx';

const STATES = ['failing', 'embryo', 'in_progress', 'final_run', 'processed', 'noop', 'skipped'];

export function Jobs() {
  const { process, state, from, to, before } = argumentsOf(useStore(place));
  const query = useQuery(process ? `/jobs${search({ process, state, from, to, before })}` : null, { names: () => [process] });
  return (
    <>
      <PageHead title={process ? `Jobs of ${process}` : 'Jobs'} badge={process && <Name process={process} />} />
      <div class="filters" role="search">
        <ProcessList />
        <TextFilter name="process" label="Process" value={process} isMain list="processes" />
        <SelectFilter name="state" label="State" value={state} values={STATES} />
        <TextFilter name="from" label="From" value={from} placeholder="2026112500" inputMode="numeric" />
        <TextFilter name="to" label="To, exclusive" value={to} placeholder="2026112600" inputMode="numeric" />
      </div>
      {!process && <Empty title="Of which process?"><p>Jobs are listed for one process: name it above, or choose one of <a href="/processes">all processes</a>.</p></Empty>}
      {process && (
        <Answer query={query} rows={12}>
          {({ jobs, next }) => (
            <>
              {jobs.length
                ? <Table label={`Jobs of ${visible(process)}`} rows={jobs} keyOf={(job) => job.timeperiod} columns={[
                  { head: 'period', cell: (job) => <Period period={job.timeperiod} process={process} /> },
                  { head: 'state', cell: (job) => <State word={job.state} unit={job.unit_state} href={path`/jobs/${process}/${job.timeperiod}`} /> },
                  { head: 'unit', isNumber: true, cell: (job) => <UnitLink id={job.unit_of_work_id} /> },
                  { head: 'units', isNumber: true, cell: (job) => job.number_of_units },
                  { head: 'attempt', isNumber: true, cell: (job) => job.attempt ?? '' },
                  { head: 'started', cell: (job) => (job.started_at ? <Time at={job.started_at} /> : '') },
                  { head: 'took', isNumber: true, cell: (job) => duration(job.duration_seconds) },
                  { head: 'error', isWide: true, cell: (job) => (job.error ? <span class="error-line" title={job.error}>{firstLine(job.error)}</span> : '') },
                ]} />
                : <Empty title="There are no such jobs"><p>Another state or other bounds may find some.</p></Empty>}
              <Pager before={before} next={next} />
            </>
          )}
        </Answer>
      )}
    </>
  );
}
