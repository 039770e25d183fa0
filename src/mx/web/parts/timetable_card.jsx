/*
 * timetable_card.jsx: one timetable in the overview: a row of tiles for each of its levels.
 *
 * There may be hundreds, and each has dozens of tiles. So tiles are made when their card comes near the screen, a card
 * is only drawn again when its own data have changed (query.js keeps what is equal), and the browser leaves out those
 * that are out of sight (content-visibility).
 */
import { useMemo } from 'preact/hooks';
import { useNear } from '../lib/near.js';
import { duration, number } from '../lib/time.js';
import { Strip } from './state.jsx';
import { Name, Period, TimetableName } from './time.jsx';

export const isTroubled = (timetable) => timetable.levels.some((level) => level.failing > 0 || level.is_behind || !level.is_on);

function Level({ level, isNear }) {
  const active = level.embryo + level.in_progress + level.final_run;
  const title = `${number(level.finished)} finished, ${number(level.embryo)} embryo, ${number(level.in_progress)} in progress, ${number(level.final_run)} in their final run`;
  return (
    <div class="level">
      <span class="level-name"><Name process={level.process_name} /><span class="muted qualifier">{level.time_qualifier}</span></span>
      {isNear ? <Strip process={level.process_name} recent={level.recent} qualifier={level.time_qualifier} /> : <span class="strip" />}
      <span class="level-notes">
        {level.failing > 0 && <span class="badge bad">{number(level.failing)} failing</span>}
        {!level.is_on && <span class="badge warn">off</span>}
        {level.is_behind && <span class="badge warn" title={`its earliest active period ended ${duration(level.lag_seconds)} ago`}>{duration(level.lag_seconds)} behind</span>}
        {level.backfill && <span class="badge" title={`from ${level.backfill.from} to ${level.backfill.to}`}>backfill: {number(level.backfill.left)} left</span>}
        <span class="muted" title={title}>{number(active)}{level.is_capped && '+'} active</span>
        {level.frontier && <span class="muted frontier" title="the earliest active period">from <Period period={level.frontier} process={level.process_name} qualifier={level.time_qualifier} /></span>}
      </span>
    </div>
  );
}

export function TimetableCard({ timetable }) {
  const [element, isNear] = useNear();
  return useMemo(() => (
    <article ref={element} class="card" data-levels={timetable.levels.length}>
      <header class="card-head">
        <h3><TimetableName tree={timetable.tree_name} /></h3>
        {timetable.dependent_on.length > 0 && <span class="muted">after {timetable.dependent_on.map((tree) => <TimetableName key={tree} tree={tree} />)}</span>}
      </header>
      {timetable.levels.length ? timetable.levels.map((level) => <Level key={level.process_name} level={level} isNear={isNear} />) : <p class="muted">It has no processes.</p>}
    </article>
  ), [timetable, isNear]);
}
