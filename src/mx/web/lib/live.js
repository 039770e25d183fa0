/*
 * live.js: tells who asks that something has changed.
 *
 * The server's event stream says what; where there is none, or it is broken, we say "anything" every five seconds,
 * which also finds out that the session has ended. While the page is hidden nothing is asked and the stream is closed:
 * a browser has few connections to one server, and somebody may have many tabs.
 */
import { createStore } from './store.js';

/* connecting; live; polling: there is no stream; lost: the server is away; offline: its database is */
export const connection = createStore('connecting');

const ANYTHING = { processes: null, definitions: false };
const listeners = new Set();
const POLL_MS = 5000;

let source = null;
let timer = null;
let hasStream = true;

export function onChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(change) {
  for (const listener of [...listeners]) listener(change);
}

/* After an action of ours: its effects are to be seen at once, not when the stream tells of them. */
export const refreshAll = () => tell(ANYTHING);

/* Is one of these names among what has changed? Without names: is anything? */
export function concerns(change, names) {
  return !names || change.definitions || !change.processes || change.processes.some((name) => names.includes(name));
}

function poll() {
  clearInterval(timer);
  timer = setInterval(refreshAll, POLL_MS);
}

function stop() {
  clearInterval(timer);
  source?.close();
  source = null;
}

function listen() {
  stop();
  if (!hasStream) {
    connection.set('polling');
    poll();
    return;
  }
  source = new EventSource('/api/v1/live');
  source.addEventListener('hello', () => {
    clearInterval(timer);
    connection.set('live');
    refreshAll();
  });
  source.addEventListener('online', () => {
    connection.set('live');
    refreshAll();
  });
  source.addEventListener('offline', () => connection.set('offline'));
  source.addEventListener('change', (event) => tell(JSON.parse(event.data)));
  source.addEventListener('error', () => {
    const isRefused = source?.readyState === EventSource.CLOSED;
    connection.set('lost');
    poll();
    if (isRefused) setTimeout(() => !document.hidden && connection.get() === 'lost' && listen(), POLL_MS);
  });
}

export function startLive(streamWorks) {
  hasStream = streamWorks;
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) stop();
    else {
      listen();
      refreshAll();
    }
  });
  if (!document.hidden) listen();
}
