/*
 * store.js: a value that components can watch.
 *
 * All there is of state management: few things (place, session, connection, clock) are everybody's, the rest belongs
 * to the page that shows it.
 */
import { useLayoutEffect, useState } from 'preact/hooks';

export function createStore(value) {
  const listeners = new Set();
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const listener of [...listeners]) listener(value);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export function useStore(store) {
  const [value, setValue] = useState(store.get());
  useLayoutEffect(() => {
    setValue(store.get());
    return store.subscribe(setValue);
  }, [store]);
  return value;
}
