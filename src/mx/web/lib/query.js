/*
 * query.js: useQuery(path) is what the server answers to a path, kept fresh.
 *
 * Old data stay on the screen until there are newer ones, also when asking again fails; and of the newer ones only
 * what differs is new to the components, so that nothing else is drawn again. Pages that were left are remembered for
 * a while: going back shows them at once, and the browser finds its scroll position.
 */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { get } from './api.js';
import { concerns, onChange } from './live.js';

/* what takes long is asked for less often: the pause is so many times as long */
const PATIENCE = 4;
const REMEMBERED = 40;
const remembered = new Map();

function remember(path, data) {
  remembered.delete(path);
  remembered.set(path, data);
  if (remembered.size > REMEMBERED) remembered.delete(remembered.keys().next().value);
}

/* next, but with the parts of old that are equal */
export function share(old, next) {
  if (old === next || typeof old !== 'object' || typeof next !== 'object' || !old || !next) return next;
  if (Array.isArray(old) !== Array.isArray(next)) return next;
  const keys = Object.keys(next);
  let isSame = keys.length === Object.keys(old).length;
  for (const key of keys) {
    next[key] = share(old[key], next[key]);
    if (!(key in old) || next[key] !== old[key]) isSame = false;
  }
  return isSame ? old : next;
}

/*
 * names: of the processes that the answer is about, from the answer; all, where it is not given.
 * every: milliseconds that lie between two questions at least.
 * settle: takes out of an answer what changes all the time but does not show; a constant.
 */
export function useQuery(path, { names = null, every = 1000, settle = (data) => data } = {}) {
  const [state, setState] = useState({ path, data: remembered.get(path) ?? null, error: null });
  const running = useRef({});
  const namesOf = useRef(names);
  namesOf.current = names;

  useEffect(() => {
    if (!path) return undefined;
    const run = { askedAt: 0, took: 0, isAsking: false, isStale: false, timer: null, abort: new AbortController(), data: remembered.get(path) ?? null };
    running.current = run;

    async function ask() {
      run.timer = null;
      if (document.hidden && run.data) {
        run.isStale = true;
        return;
      }
      run.isAsking = true;
      run.isStale = false;
      run.askedAt = Date.now();
      try {
        run.data = share(run.data, settle(await get(path, run.abort.signal)));
        remember(path, run.data);
        setState({ path, data: run.data, error: null });
      } catch (error) {
        if (run.abort.signal.aborted) return;
        setState({ path, data: run.data, error });
      } finally {
        run.isAsking = false;
        run.took = Date.now() - run.askedAt;
      }
      if (run.isStale) schedule();
    }

    function schedule() {
      if (run.isAsking) run.isStale = true;
      else if (!run.timer) run.timer = setTimeout(ask, Math.max(0, run.askedAt + Math.max(every, PATIENCE * run.took) - Date.now()));
    }

    run.ask = () => {
      clearTimeout(run.timer);
      run.timer = null;
      if (run.isAsking) run.isStale = true;
      else ask();
    };
    const unsubscribe = onChange((change) => {
      if (concerns(change, run.data && namesOf.current ? namesOf.current(run.data) : null)) schedule();
    });
    setState({ path, data: run.data, error: null });
    ask();
    return () => {
      unsubscribe();
      clearTimeout(run.timer);
      run.abort.abort();
    };
  }, [path, every]);

  const reload = useCallback(() => running.current.ask?.(), []);
  const isOurs = state.path === path;
  return { data: isOurs ? state.data : (remembered.get(path) ?? null), error: isOurs ? state.error : null, reload };
}
