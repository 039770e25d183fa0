/*
 * state.jsx: a state as a tile, as a word, and many of them as a bar or a strip.
 *
 * A state is never told by colour alone: each tile has a shape of its own (full, hollow, half, dash, slash, mark), a
 * title, and a name for screen readers.
 */
import { useRef } from 'preact/hooks';
import { path } from '../lib/router.js';
import { JOB_STATES, LETTERS, countsText, letterOf, readable, wordOf } from '../lib/states.js';
import { number, periodText, periodsFrom } from '../lib/time.js';

export const Tile = ({ letter }) => <span class={`tile s-${letter}`} aria-hidden="true" />;

/* of a job by its letter, of a job or a unit by its word; unit: the state of a job's unit, which may be invalid */
export function State({ letter, word, unit, href }) {
  const isFailing = unit === 'invalid' && (word === 'in_progress' || word === 'final_run');
  const shown = isFailing ? 'v' : (letter ?? letterOf(word));
  const text = isFailing || letter ? readable(wordOf(shown)) : readable(word);
  const content = <><Tile letter={shown} />{text}</>;
  const title = JOB_STATES[shown]?.about;
  return href ? <a class={`state t-${shown}`} href={href} title={title}>{content}</a> : <span class={`state t-${shown}`} title={title}>{content}</span>;
}

export function Legend() {
  return (
    <ul class="legend" aria-label="Legend of states">
      {Object.entries(JOB_STATES).map(([letter, { word, about }]) => (
        <li key={letter} title={about}><Tile letter={letter} />{readable(word)}</li>
      ))}
    </ul>
  );
}

/* A stacked bar with its numbers. Each kind that is there gets a visible piece, however small its share. */
export function Counts({ counts }) {
  const there = LETTERS.filter((letter) => counts[letter]);
  if (!there.length) return <span class="muted">none</span>;
  return (
    <span class="counts" role="img" aria-label={countsText(counts)} title={countsText(counts)}>
      <span class="bar">
        {there.map((letter) => <span key={letter} class={`piece s-${letter}`} style={{ flexGrow: counts[letter] }} />)}
      </span>
      <span class="counts-numbers">
        {there.map((letter) => <span key={letter} class={`count t-${letter}`}><Tile letter={letter} />{number(counts[letter])}</span>)}
      </span>
    </span>
  );
}

/* counts from a string of letters */
export function tally(states) {
  const counts = {};
  for (const letter of states) counts[letter] = (counts[letter] ?? 0) + 1;
  return counts;
}

/* The newest periods of a process, oldest first: one stop for the keyboard, arrows go along. */
export function Strip({ process, recent, qualifier }) {
  const element = useRef(null);
  if (!recent) return <span class="muted strip-none">no periods yet</span>;
  const periods = periodsFrom(recent.first, recent.states.length, qualifier);
  const last = periods.length - 1;

  const move = (event) => {
    const tiles = [...element.current.children];
    const at = tiles.indexOf(document.activeElement);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tiles.length - 1 }[event.key];
    if (to === undefined || !tiles[to]) return;
    event.preventDefault();
    tiles[at].tabIndex = -1;
    tiles[to].tabIndex = 0;
    tiles[to].focus();
  };
  return (
    <span ref={element} class="strip" role="group" aria-label={`Latest ${qualifier} periods: ${countsText(tally(recent.states))}`} onKeyDown={move}>
      {periods.map((period, i) => {
        const letter = recent.states[i];
        const text = `${periodText(period, qualifier)}: ${readable(wordOf(letter))}`;
        return <a key={period} class={`tile s-${letter}`} href={path`/jobs/${process}/${period}`} title={text} aria-label={text} tabIndex={i === last ? 0 : -1} />;
      })}
    </span>
  );
}
