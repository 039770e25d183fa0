/*
 * events.jsx: who did what when.
 */
import { argumentsOf, place, search } from '../lib/router.js';
import { useQuery } from '../lib/query.js';
import { useStore } from '../lib/store.js';
import { Pager, ProcessList, TextFilter } from '../parts/filters.jsx';
import { Answer, Empty } from '../parts/notice.jsx';
import { PageHead } from '../parts/page.jsx';
import { EventTable } from '../parts/unit_table.jsx';

export function Events() {
  const { process, entry, timeperiod, unit, event, role, before } = argumentsOf(useStore(place));
  const query = useQuery(`/events${search({ process, entry, timeperiod, unit, event, role, before })}`);
  return (
    <>
      <PageHead title="Events" />
      <div class="filters" role="search">
        <ProcessList />
        <TextFilter name="process" label="Process" value={process} isMain list="processes" />
        <TextFilter name="entry" label="Entry" value={entry} />
        <TextFilter name="timeperiod" label="Timeperiod" value={timeperiod} inputMode="numeric" placeholder="2026112500" />
        <TextFilter name="unit" label="Unit" value={unit} inputMode="numeric" />
        <TextFilter name="event" label="Event" value={event} placeholder="job, unit, skip…" />
        <TextFilter name="role" label="Role" value={role} />
      </div>
      <Answer query={query} rows={12}>
        {({ events, next, is_partial: isPartial }) => (
          <>
            {events.length
              ? <EventTable events={events} of={['at', 'role', 'event', 'process', 'period', 'unit', 'change', 'detail']} />
              : <Empty title="There are no such events" />}
            <Pager before={before} next={next} isPartial={isPartial} />
          </>
        )}
      </Answer>
    </>
  );
}
