/*
 * boxes.jsx: the machines with an agent, and the daemons that are kept running on them.
 */
import { useQuery } from '../lib/query.js';
import { search } from '../lib/router.js';
import { visible } from '../lib/text.js';
import { DaemonButton } from '../parts/actions.jsx';
import { Answer, Empty } from '../parts/notice.jsx';
import { PageHead, Section } from '../parts/page.jsx';
import { Table } from '../parts/table.jsx';
import { Name, Relative } from '../parts/time.jsx';

const Up = ({ state, isGood }) => <span class={`badge ${isGood ? 'good' : 'bad'}`}>{state}</span>;

const BOX_COLUMNS = [
  { head: 'box', cell: (box) => <bdi class="name">{visible(box.box_name)}</bdi> },
  { head: 'state', cell: (box) => <Up state={box.state} isGood={box.state === 'up'} /> },
  { head: 'units', isNumber: true, cell: (box) => <a class="plain" href={`/units${search({ box: box.box_name, state: 'active' })}`}>{box.units} of {box.slots}</a> },
  { head: 'daemons', isNumber: true, cell: (box) => box.daemons },
  { head: 'host', cell: (box) => <bdi>{box.host}</bdi> },
  { head: 'pid', isNumber: true, cell: (box) => box.pid },
  { head: 'version', cell: (box) => box.version },
  { head: 'started', cell: (box) => <Relative at={box.started_at} /> },
  { head: 'heard of', cell: (box) => <Relative at={box.heard_at} /> },
];

function OnBoxes({ boxes }) {
  if (!boxes.length) return <span class="muted">on no box</span>;
  return (
    <ul class="plain-list">
      {boxes.map((box) => (
        <li key={box.box_name}>
          <bdi>{visible(box.box_name)}</bdi> <Up state={box.state} isGood={box.state === 'running'} />
          <span class="muted"> {box.pid ? `pid ${box.pid}, ` : ''}{box.starts} starts, {box.exits} exits{box.last_exit ? `, last: ${visible(box.last_exit)}` : ''}</span>
          {box.state === 'running' && box.started_at && <span class="muted">, since <Relative at={box.started_at} /></span>}
          {box.next_start_at && <span class="muted">, next start <Relative at={box.next_start_at} /></span>}
        </li>
      ))}
    </ul>
  );
}

const DAEMON_COLUMNS = [
  { head: 'daemon', cell: (daemon) => <span class="stack"><Name process={daemon.process_name} isLink={false} /><code class="error-line" title={daemon.command}>{visible(daemon.command)}</code></span> },
  { head: 'is', cell: (daemon) => <span class={`badge ${daemon.is_on ? 'good' : 'warn'}`}>{daemon.is_on ? 'on' : 'off'}</span> },
  { head: 'wanted on', cell: (daemon) => <code>{visible([daemon.present_on_boxes ?? 'every box'].flat().join(', '))}</code> },
  { head: 'boxes', isWide: true, cell: (daemon) => <OnBoxes boxes={daemon.boxes} /> },
  { head: 'owner', cell: (daemon) => <bdi>{daemon.owner}</bdi> },
  { head: 'actions', isQuiet: true, cell: (daemon) => <span class="row-actions"><DaemonButton process={daemon.process_name} isOn={daemon.is_on} class="small" /></span> },
];

export function Boxes() {
  const query = useQuery('/boxes');
  return (
    <>
      <PageHead title="Boxes and daemons" />
      <Answer query={query} rows={8}>
        {({ boxes, daemons }) => (
          <>
            <Section title="Boxes" note={String(boxes.length)}>
              {boxes.length ? <Table label="Boxes" rows={boxes} keyOf={(box) => box.box_name} columns={BOX_COLUMNS} /> : <Empty title="There are no boxes"><p>An agent makes its machine one:</p><pre>synergy agent --box etl-1</pre></Empty>}
            </Section>
            <Section title="Daemons" note={String(daemons.length)}>
              {daemons.length ? <Table label="Daemons" rows={daemons} keyOf={(daemon) => daemon.process_name} columns={DAEMON_COLUMNS} /> : <Empty title="There are no daemons"><p>Register one, and an agent keeps it running:</p><pre>{"SELECT synergy.register_daemon('collector', command => 'exec /usr/local/bin/collector');"}</pre></Empty>}
            </Section>
          </>
        )}
      </Answer>
    </>
  );
}
