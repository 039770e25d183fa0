/*
 * freerun.jsx: one entry of a freerun; with ?edit=1 the form to change it.
 */
import { argumentsOf, navigate, path, place } from '../lib/router.js';
import { useQuery } from '../lib/query.js';
import { useMay } from '../lib/session.js';
import { useStore } from '../lib/store.js';
import { isActiveUnit } from '../lib/states.js';
import { visible } from '../lib/text.js';
import { CancelButton, SwitchButton, TriggerButton, UnregisterButton, nameText } from '../parts/actions.jsx';
import { Code, Json } from '../parts/code.jsx';
import { Log } from '../parts/log.jsx';
import { Answer } from '../parts/notice.jsx';
import { PageHead, Section } from '../parts/page.jsx';
import { Facts } from '../parts/table.jsx';
import { Relative, Time } from '../parts/time.jsx';
import { ChangeTriggerButton, Fires } from '../parts/trigger.jsx';
import { EventTable, UnitTable } from '../parts/unit_table.jsx';
import { FreerunForm } from './freerun_form.jsx';

function Details({ data }) {
  const { freerun, units, events } = data;
  const last = units[0];
  const { process_name: process, entry_name: entry } = freerun;
  return (
    <>
      <div class="two">
        <Section title="Definition">
          <Facts of={[
            ['description', freerun.description && visible(freerun.description)],
            ['worker', freerun.worker],
            ['time zone', freerun.timezone],
            ['runs as', <bdi>{freerun.owner}</bdi>],
            ['registered', <Time at={freerun.created_at} />],
            ['changed', <Time at={freerun.updated_at} />],
            ['last run', last && <Relative at={last.created_at} />],
          ]} />
        </Section>
        <Section title="Trigger" note={<code>{freerun.trigger_frequency}</code>} tools={<ChangeTriggerButton process={process} entry={entry} trigger={freerun.trigger_frequency} timezone={freerun.timezone} class="small" />}>
          {freerun.is_on ? <Fires fires={data.next_fires} /> : <p class="muted">It is switched off and does not fire.</p>}
        </Section>
      </div>
      {freerun.command && <Section title="Command"><Code text={freerun.command} label="Command" /></Section>}
      <div class="two">
        <Section title="Arguments"><Json value={freerun.arguments} label="Arguments" /></Section>
        <Section title="Options"><Json value={freerun.options} label="Options" /></Section>
      </div>
      {last && <Section title="Output" note={`of unit ${last.unit_of_work_id}`}><Log unit={last.unit_of_work_id} state={last.state} /></Section>}
      <Section title="Last units">
        {units.length ? <UnitTable units={units} of={['id', 'period', 'state', 'created', 'duration', 'rows', 'box', 'error']} /> : <p class="muted calm">It has not run yet.</p>}
      </Section>
      <Section title="Events"><EventTable events={events} /></Section>
    </>
  );
}

export function Freerun({ process, entry }) {
  const { edit } = argumentsOf(useStore(place));
  const here = path`/freeruns/${process}/${entry}`;
  const query = useQuery(here, { names: () => [process] });
  const may = useMay();
  const freerun = query.data?.freerun;
  const last = query.data?.units[0];
  return (
    <>
      <PageHead title={nameText(process, entry)} above={<ol><li><a href="/freeruns">Freeruns</a></li></ol>} badge={freerun && !freerun.is_on && <span class="badge warn">off</span>}>
        {freerun && !edit && (
          <>
            <TriggerButton process={process} entry={entry} />
            <SwitchButton process={process} entry={entry} isOn={freerun.is_on} />
            {last && isActiveUnit(last.state) && <CancelButton unit={last.unit_of_work_id} />}
            {may.register_freerun && <a class="button" href={`${here}?edit=1`}>Change</a>}
            <UnregisterButton process={process} entry={entry} then={() => navigate('/freeruns')} />
          </>
        )}
      </PageHead>
      <Answer query={query} rows={10}>
        {(data) => (edit && may.register_freerun ? <FreerunForm of={data.freerun} /> : <Details data={data} />)}
      </Answer>
    </>
  );
}
