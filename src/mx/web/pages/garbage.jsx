/*
 * garbage.jsx: the garbage collector's queue: what has failed or been forgotten, and when it is tried again.
 */
import { argumentsOf, place, search } from '../lib/router.js';
import { useQuery } from '../lib/query.js';
import { useStore } from '../lib/store.js';
import { number } from '../lib/time.js';
import { CancelButton } from '../parts/actions.jsx';
import { Pager } from '../parts/filters.jsx';
import { Answer, Empty } from '../parts/notice.jsx';
import { PageHead, Section } from '../parts/page.jsx';
import { Facts } from '../parts/table.jsx';
import { UnitTable } from '../parts/unit_table.jsx';

const MORE = [
  { head: 'stale', cell: (unit) => (unit.is_stale ? <span class="badge warn">stale</span> : '') },
  { head: 'actions', isQuiet: true, cell: (unit) => <span class="row-actions"><CancelButton unit={unit.unit_of_work_id} class="small" /></span> },
];

export function Garbage() {
  const { before } = argumentsOf(useStore(place));
  const query = useQuery(`/garbage${search({ before })}`);
  return (
    <>
      <PageHead title="Garbage collector" />
      <Answer query={query} rows={8}>
        {({ units, counts, settings, next }) => (
          <>
            <Facts of={[
              ['invalid', number(counts.invalid)],
              ['stale', number(counts.stale)],
              ...Object.entries(settings).map(([name, value]) => [name, value && <code>{String(value)}</code>]),
            ]} />
            <Section title="Queue">
              {units.length
                ? <UnitTable label="Queue of the garbage collector" units={units} of={['id', 'process', 'period', 'state', 'attempt', 'created', 'retry', 'box', 'error']} more={MORE} />
                : <Empty title="The queue is empty"><p>No unit has failed and waits to be tried again, and none is overdue.</p></Empty>}
              <Pager before={before} next={next} />
            </Section>
          </>
        )}
      </Answer>
    </>
  );
}
