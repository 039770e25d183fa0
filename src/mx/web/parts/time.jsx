/*
 * time.jsx: times, countdowns, timeperiods and names, as they look everywhere.
 */
import { useTick } from '../lib/clock.js';
import { path } from '../lib/router.js';
import { useQualifiers } from '../lib/session.js';
import { zone } from '../lib/settings.js';
import { useStore } from '../lib/store.js';
import { visible } from '../lib/text.js';
import { fullTime, periodText, relative, shortTime } from '../lib/time.js';
import { now } from '../lib/clock.js';

/* both zones, for titles */
const both = (at, shown) => [fullTime(at, shown), fullTime(at, shown === 'utc' ? 'local' : 'utc')].join('\n');

export function Time({ at }) {
  const shown = useStore(zone);
  if (!at) return <span class="muted">–</span>;
  return <time class="time" dateTime={at} title={both(at, shown)}>{shortTime(at, shown, now())}</time>;
}

/* "3 min ago", "in 12 s": ticks by itself */
export function Relative({ at, none = '–' }) {
  const shown = useStore(zone);
  const current = useTick();
  if (!at) return <span class="muted">{none}</span>;
  return <time class="time" dateTime={at} title={both(at, shown)}>{relative(at, current)}</time>;
}

/* How long it is going on. */
export function Since({ at }) {
  const current = useTick();
  return <>{relative(at, current).replace(' ago', '')}</>;
}

export function Period({ period, qualifier, process, isLink = true }) {
  const known = useQualifiers();
  if (!period) return <span class="muted">–</span>;
  const text = periodText(period, qualifier ?? known.get(process) ?? (period.length === 14 ? null : 'hourly'));
  const isJob = isLink && process && period.length === 10;
  return isJob
    ? <a class="period" href={path`/jobs/${process}/${period}`} title={period}>{text}</a>
    : <span class="period" title={period}>{text}</span>;
}

/* Names are kept on one line, but for those that are too long for any. */
const LONG = 20;

/* A process, or an entry of a freerun, by name. */
export function Name({ process, entry, isLink = true }) {
  if (!process) return <span class="muted">–</span>;
  const className = process.length + (entry?.length ?? 0) > LONG ? 'name long' : 'name';
  const text = <bdi>{visible(process)}{entry ? <span class="entry"> / {visible(entry)}</span> : null}</bdi>;
  if (!isLink) return <span class={className}>{text}</span>;
  return <a class={className} href={entry ? path`/freeruns/${process}/${entry}` : path`/processes/${process}`}>{text}</a>;
}

export const TimetableName = ({ tree }) => <a class={tree.length > LONG ? 'name long' : 'name'} href={path`/timetables/${tree}`}><bdi>{visible(tree)}</bdi></a>;

export const UnitLink = ({ id }) => (id ? <a class="unit-link" href={path`/units/${id}`}>{id}</a> : <span class="muted">–</span>);
