/*
 * keys.jsx: the keys: / to the filter, g and a letter to a page, ? for this list.
 */
import { useEffect } from 'preact/hooks';
import { navigate } from '../lib/router.js';
import { openDialog } from './dialog.jsx';

const PLACES = { o: ['/', 'overview'], p: ['/processes', 'processes'], f: ['/freeruns', 'freeruns'], u: ['/units', 'units'], x: ['/boxes', 'boxes'], b: ['/blocked', 'blocked'], l: ['/late', 'late'], c: ['/garbage', 'garbage collector'], e: ['/events', 'events'] };

function showKeys() {
  openDialog('Keys', (close) => (
    <>
      <dl class="keys">
        <div><dt><kbd>/</kbd></dt><dd>to the filter</dd></div>
        {Object.entries(PLACES).map(([key, [, text]]) => <div key={key}><dt><kbd>g</kbd> <kbd>{key}</kbd></dt><dd>{text}</dd></div>)}
        <div><dt><kbd>←</kbd> <kbd>→</kbd></dt><dd>along a strip of periods</dd></div>
        <div><dt><kbd>?</kbd></dt><dd>this list</dd></div>
      </dl>
      <div class="dialog-buttons"><button type="button" class="button" onClick={close}>Close</button></div>
    </>
  ));
}

export function useKeys() {
  useEffect(() => {
    let isGoing = false;
    const onKey = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
      if (event.target.closest('input, textarea, select')) return;
      const wasGoing = isGoing;
      isGoing = event.key === 'g';
      if (wasGoing && PLACES[event.key]) {
        event.preventDefault();
        navigate(PLACES[event.key][0]);
      } else if (event.key === '/') {
        const filter = document.querySelector('main input[type="search"]');
        if (!filter) return;
        event.preventDefault();
        filter.focus();
      } else if (event.key === '?') showKeys();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
}
