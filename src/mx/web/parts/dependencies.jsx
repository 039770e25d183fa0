/*
 * dependencies.jsx: a drawing of what a timetable waits for, and what waits for it, with the states of the periods
 * that are on the screen: left to right as work flows, the present timetable in the middle.
 *
 * The lines are borders in the styles: nothing has to be measured, and on a narrow screen they go from top to bottom.
 */
import { path } from '../lib/router.js';
import { countsText, readable, wordOf } from '../lib/states.js';
import { periodText } from '../lib/time.js';
import { visible } from '../lib/text.js';
import { tally } from './state.jsx';
import { Name, TimetableName } from './time.jsx';

function Node({ process, periods, unit, isOurs }) {
  const states = periods.map((period) => process.states[period]).filter(Boolean);
  return (
    <div class={`flow-node ${isOurs ? 'ours' : ''}`}>
      <span class="flow-name">{isOurs ? <strong><bdi>{visible(process.tree_name)}</bdi></strong> : <TimetableName tree={process.tree_name} />}</span>
      <Name process={process.process_name} />
      <span class="strip" role="group" aria-label={countsText(tally(states.join(''))) || 'no such periods'}>
        {periods.map((period) => {
          const letter = process.states[period];
          const text = `${periodText(period, unit)}: ${letter ? readable(wordOf(letter)) : 'no job'}`;
          return letter
            ? <a key={period} class={`tile s-${letter}`} href={path`/jobs/${process.process_name}/${period}`} title={text} aria-label={text} tabIndex={-1} />
            : <span key={period} class="tile s-none" title={text} />;
        })}
      </span>
    </div>
  );
}

const SHOWN = 31;

function ours(tree, storey) {
  const own = storey.nodes[0]?.cells.find((cell) => cell.time_qualifier === storey.unit);
  if (!own) return null;
  const states = {};
  for (const node of storey.nodes) states[node.timeperiod] = node.cells.find((cell) => cell.process_name === own.process_name)?.state;
  return { process_name: own.process_name, tree_name: tree, states };
}

export function Dependencies({ tree, storey }) {
  const { dependencies, dependants, unit } = storey;
  if (!dependencies.length && !dependants.length) return null;
  const periods = storey.nodes.slice(0, SHOWN).map((node) => node.timeperiod).reverse();
  const own = ours(tree, storey);
  const column = (processes, className, label) => (
    <ul class={`flow-column ${className}`} aria-label={label}>
      {processes.map((process) => <li key={process.process_name}><Node {...{ process, periods, unit }} /></li>)}
    </ul>
  );
  return (
    <section class="section" aria-labelledby="s-flow">
      <div class="section-head"><h2 id="s-flow">Dependencies</h2><span class="muted section-note">{periods.length ? `${periodText(periods[0], unit)} to ${periodText(periods.at(-1), unit)}` : ''}</span></div>
      <div class="flow">
        {dependencies.length > 0 && column(dependencies, 'before', 'It waits for')}
        <div class="flow-middle">{own ? <Node process={own} {...{ periods, unit }} isOurs /> : <div class="flow-node ours"><strong><bdi>{visible(tree)}</bdi></strong><span class="muted">no {unit} process</span></div>}</div>
        {dependants.length > 0 && column(dependants, 'after', 'Waits for it')}
      </div>
    </section>
  );
}
