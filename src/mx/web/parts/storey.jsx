/*
 * storey.jsx: the periods of one storey of a timetable, newest first, with what is below each of them.
 */
import { useMemo } from 'preact/hooks';
import { path, search } from '../lib/router.js';
import { isActiveLetter } from '../lib/states.js';
import { firstLine } from '../lib/text.js';
import { periodText } from '../lib/time.js';
import { ReprocessButton, SkipButton } from './actions.jsx';
import { Counts, State } from './state.jsx';
import { Name } from './time.jsx';

function Cell({ cell, period }) {
  if (!cell) return '';
  if (cell.counts) return <Counts counts={cell.counts} />;
  if (!cell.state) return <span class="muted">–</span>;
  return (
    <span class="job-cell">
      <State letter={cell.state} href={path`/jobs/${cell.process_name}/${period}`} />
      {cell.error && <span class="error-line" title={cell.error}>{firstLine(cell.error)}</span>}
    </span>
  );
}

function JobButton({ cell, period }) {
  if (!cell.state) return null;
  const Button = isActiveLetter(cell.state) ? SkipButton : ReprocessButton;
  return <Button process={cell.process_name} period={period} class="small quiet" />;
}

function Row({ tree, node, unit, processes, canDrill }) {
  return useMemo(() => {
    const own = node.cells.find((cell) => cell.state);
    const text = periodText(node.timeperiod, unit);
    return (
      <tr role="row">
        <th scope="row" role="rowheader">
          {canDrill ? <a class="period" href={path`/timetables/${tree}` + search({ within: node.timeperiod })} title={node.timeperiod}>{text}</a> : <span class="period" title={node.timeperiod}>{text}</span>}
        </th>
        {processes.map((process) => (
          <td key={process.process_name} role="cell" data-label={process.process_name}>
            <Cell cell={node.cells.find((cell) => cell.process_name === process.process_name)} period={node.timeperiod} />
          </td>
        ))}
        <td role="cell" class="row-actions">
          {own && <JobButton cell={own} period={node.timeperiod} />}
        </td>
      </tr>
    );
  }, [node, canDrill]);
}

/* The lowest storey has nothing below its jobs: they stand side by side. */
function Leaf({ node, unit }) {
  return useMemo(() => {
    const [cell] = node.cells;
    return (
      <li class={`s-${cell.state}`}>
        <span class="period" title={node.timeperiod}>{periodText(node.timeperiod, unit)}</span>
        <Cell cell={{ ...cell, error: null }} period={node.timeperiod} />
        <JobButton cell={cell} period={node.timeperiod} />
        {cell.error && <span class="error-line" title={cell.error}>{firstLine(cell.error)}</span>}
      </li>
    );
  }, [node]);
}

export function Storey({ tree, storey, canDrill }) {
  const processes = storey.nodes[0].cells;
  if (processes.length === 1 && !canDrill)
    return <ul class="leaf">{storey.nodes.map((node) => <Leaf key={node.timeperiod} node={node} unit={storey.unit} />)}</ul>;
  return (
    <div class="table-frame">
      <table class="table storey" role="table" aria-label="Periods">
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader" scope="col">period</th>
            {processes.map((process) => <th key={process.process_name} role="columnheader" scope="col"><Name process={process.process_name} /> <span class="qualifier">{process.time_qualifier}</span></th>)}
            <th role="columnheader" scope="col"><span class="sr-only">actions</span></th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {storey.nodes.map((node) => <Row key={node.timeperiod} {...{ tree, node, processes, canDrill }} unit={storey.unit} />)}
        </tbody>
      </table>
    </div>
  );
}
