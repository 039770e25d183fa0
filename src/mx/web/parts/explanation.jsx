/*
 * explanation.jsx: why a job waits, as a tree that can be folded: below each job those that it waits for.
 */
import { path } from '../lib/router.js';
import { visible } from '../lib/text.js';
import { State } from './state.jsx';
import { Name, Period } from './time.jsx';

/* Rows with levels, in order, are a tree. */
export function treeOf(rows) {
  const root = { children: [] };
  const open = [root];
  const lowest = rows[0]?.level ?? 0;
  for (const row of rows) {
    const node = { row, children: [] };
    const depth = Math.max(0, Math.min(row.level - lowest, open.length - 1));
    open.length = depth + 1;
    open[depth].children.push(node);
    open.push(node);
  }
  return root.children;
}

function Line({ row }) {
  return (
    <span class="why-line">
      <State word={row.state} href={row.timeperiod ? path`/jobs/${row.process_name}/${row.timeperiod}` : undefined} />
      <Name process={row.process_name} />
      <Period period={row.timeperiod} process={row.process_name} />
      {row.unit_of_work_id && <a href={path`/units/${row.unit_of_work_id}`}>unit {row.unit_of_work_id}</a>}
      <span class="why-text">{visible(row.explanation)}</span>
    </span>
  );
}

const OPEN_LEVELS = 3;

function Nodes({ nodes, level }) {
  return (
    <ul>
      {nodes.map(({ row, children }, i) => (
        <li key={`${row.process_name} ${row.timeperiod} ${i}`}>
          {children.length
            ? <details open={level < OPEN_LEVELS && children.length <= 50}><summary><Line row={row} /></summary><Nodes nodes={children} level={level + 1} /></details>
            : <Line row={row} />}
        </li>
      ))}
    </ul>
  );
}

export const Explanation = ({ rows }) => <div class="why"><Nodes nodes={treeOf(rows)} level={0} /></div>;
