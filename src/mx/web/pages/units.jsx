/*
 * units.jsx: units of work, to search through.
 */
import { argumentsOf, place, search } from '../lib/router.js';
import { useQuery } from '../lib/query.js';
import { useStore } from '../lib/store.js';
import { UNIT_STATES } from '../lib/states.js';
import { Pager, ProcessList, SelectFilter, TextFilter } from '../parts/filters.jsx';
import { Answer, Empty } from '../parts/notice.jsx';
import { PageHead } from '../parts/page.jsx';
import { UnitTable } from '../parts/unit_table.jsx';

export function Units() {
  const { process, entry, state, box, text, from, to, before } = argumentsOf(useStore(place));
  const query = useQuery(`/units${search({ process, entry, state, box, text, from, to, before })}`, { names: process ? () => [process] : null });
  return (
    <>
      <PageHead title="Units of work" />
      <div class="filters" role="search">
        <ProcessList />
        <TextFilter name="text" label="Error text" value={text} isMain />
        <TextFilter name="process" label="Process" value={process} list="processes" />
        <TextFilter name="entry" label="Entry" value={entry} />
        <SelectFilter name="state" label="State" value={state} values={['active', ...UNIT_STATES]} />
        <TextFilter name="box" label="Box" value={box} />
        <TextFilter name="from" label="Requested from" value={from} placeholder="2026-11-25 14:00" />
        <TextFilter name="to" label="to" value={to} placeholder="2026-11-26" />
      </div>
      <Answer query={query} rows={12}>
        {({ units, next, is_partial: isPartial }) => (
          <>
            {units.length
              ? <UnitTable units={units} of={['id', 'process', 'period', 'state', 'worker', 'attempt', 'created', 'duration', 'rows', 'box', 'error']} />
              : <Empty title="There are no such units"><p>A unit of work is one try to do a job. With fewer filters there may be some.</p></Empty>}
            <Pager before={before} next={next} isPartial={isPartial} />
          </>
        )}
      </Answer>
    </>
  );
}
