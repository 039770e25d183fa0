/*
 * explanation.jsx: why a job waits, as a tree that can be folded: below each job those that it waits for.
 */
import { useId, useState } from 'preact/hooks';
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

/* A job, and what it waits for. The line has links, and so cannot be the button that folds. */
function Node({ node: { row, children }, level }) {
  const [isOpen, setOpen] = useState(level < OPEN_LEVELS && children.length <= 50);
  const id = useId();
  if (!children.length) return <li><Line row={row} /></li>;
  return (
    <li>
      <button type="button" class="fold" aria-expanded={isOpen} aria-controls={id} aria-label={`What ${visible(row.process_name)} waits for`} onClick={() => setOpen(!isOpen)} />
      <Line row={row} />
      <div id={id} hidden={!isOpen}>{isOpen && <Nodes nodes={children} level={level + 1} />}</div>
    </li>
  );
}

function Nodes({ nodes, level }) {
  return <ul>{nodes.map((node, i) => <Node key={`${node.row.process_name} ${node.row.timeperiod} ${i}`} {...{ node, level }} />)}</ul>;
}

export const Explanation = ({ rows }) => <div class="why"><Nodes nodes={treeOf(rows)} level={0} /></div>;
