/*
 * jobs.jsx: the jobs of one process, newest first. Who may skip or reprocess can do so with many at a time.
 */
import { useState } from 'preact/hooks';
import { argumentsOf, path, place, search } from '../lib/router.js';
import { useQuery } from '../lib/query.js';
import { useMay } from '../lib/session.js';
import { useStore } from '../lib/store.js';
import { duration } from '../lib/time.js';
import { firstLine, visible } from '../lib/text.js';
import { ManyButton } from '../parts/actions.jsx';
import { Pager, ProcessList, SelectFilter, TextFilter } from '../parts/filters.jsx';
import { Answer, Empty } from '../parts/notice.jsx';
import { PageHead } from '../parts/page.jsx';
import { State } from '../parts/state.jsx';
import { Table } from '../parts/table.jsx';
import { Name, Period, Time, UnitLink } from '../parts/time.jsx';

const STATES = ['failing', 'embryo', 'in_progress', 'final_run', 'processed', 'noop', 'skipped'];

const without = (set, key) => new Set([...set].filter((one) => one !== key));

/* what is chosen of the jobs that are shown, and a column to choose them in */
function useChoice(process) {
  const [chosen, setChosen] = useState(new Set());
  const toggle = (period) => setChosen(chosen.has(period) ? without(chosen, period) : new Set([...chosen, period]));
  const column = {
    head: 'chosen',
    isQuiet: true,
    cell: ({ timeperiod }) => (
      <input type="checkbox" aria-label={`Choose ${visible(process)} ${timeperiod}`} checked={chosen.has(timeperiod)} onChange={() => toggle(timeperiod)} />
    ),
  };
  return { chosen, setChosen, column };
}

function Choice({ process, jobs, chosen, setChosen }) {
  const periods = jobs.map((job) => job.timeperiod).filter((period) => chosen.has(period));
  const areAll = periods.length === jobs.length;
  const clear = () => setChosen(new Set());
  return (
    <div class="pager choice" role="group" aria-label="With the chosen jobs">
      <span class="muted">{periods.length} chosen</span>
      <button type="button" class="button" onClick={() => setChosen(areAll ? new Set() : new Set(jobs.map((job) => job.timeperiod)))}>{areAll ? 'Choose none' : 'Choose all'}</button>
      <ManyButton action="reprocess" verb="Reprocess" process={process} periods={periods} then={clear} />
      <ManyButton action="skip" verb="Skip" process={process} periods={periods} then={clear} />
    </div>
  );
}

export function Jobs() {
  const may = useMay();
  const { process, state, from, to, before } = argumentsOf(useStore(place));
  const { chosen, setChosen, column } = useChoice(process);
  const mayChoose = may.skip || may.reprocess;
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
              {mayChoose && jobs.length > 0 && <Choice {...{ process, jobs, chosen, setChosen }} />}
              {jobs.length
                ? <Table label={`Jobs of ${visible(process)}`} rows={jobs} keyOf={(job) => job.timeperiod} columns={[
                  ...(mayChoose ? [column] : []),
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
