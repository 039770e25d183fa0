/*
 * filters.jsx: what a list is narrowed by. All of it is in the address, so that a view can be linked and kept.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { setArguments } from '../lib/router.js';
import { useQualifiers } from '../lib/session.js';

const PAUSE_MS = 300;

/* Text that goes into the address when one pauses: name of the argument, its present value. */
export function TextFilter({ name, label, value = '', isMain, list, ...rest }) {
  const [typed, setTyped] = useState(value);
  const timer = useRef(null);
  useEffect(() => setTyped(value), [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const onInput = (event) => {
    const text = event.currentTarget.value;
    setTyped(text);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setArguments({ [name]: text, before: null }), PAUSE_MS);
  };
  return (
    <label class="filter">
      <span>{label}</span>
      <input type={isMain ? 'search' : 'text'} value={typed} onInput={onInput} list={list} spellcheck={false} autoComplete="off" {...rest} />
    </label>
  );
}

/* values: words, or [value, text] pairs */
export function SelectFilter({ name, label, value = '', values }) {
  return (
    <label class="filter">
      <span>{label}</span>
      <select value={value} onChange={(event) => setArguments({ [name]: event.currentTarget.value, before: null })}>
        <option value="">any</option>
        {values.map((item) => {
          const [key, text] = Array.isArray(item) ? item : [item, item.replaceAll('_', ' ')];
          return <option key={key} value={key} selected={key === value}>{text}</option>;
        })}
      </select>
    </label>
  );
}

/* The names of processes to choose from, for a field with list="processes". */
export function ProcessList() {
  return <datalist id="processes">{[...useQualifiers().keys()].map((name) => <option key={name} value={name} />)}</datalist>;
}

/* Older ones by "before"; the way back is the newest. */
export function Pager({ before, next, isPartial }) {
  if (!before && !next) return null;
  return (
    <nav class="pager" aria-label="Pages">
      {isPartial && <span class="muted">The search stopped here; older ones were not looked at.</span>}
      {before && <button type="button" class="button" onClick={() => setArguments({ before: null })}>Newest</button>}
      {next && <button type="button" class="button" onClick={() => setArguments({ before: next })}>{isPartial ? 'Search on' : 'Older'}</button>}
    </nav>
  );
}
