/*
 * session.js: who has logged in, what that role may do, and how long the periods of a process are.
 *
 * Buttons are there for what may be done only; the server would refuse the rest anyway. Most documents name a process
 * and a timeperiod but not the qualifier, without which a day at midnight cannot be told from its first hour: so the
 * list of processes is kept at hand.
 */
import { get } from './api.js';
import { onChange } from './live.js';
import { createStore, useStore } from './store.js';

export const session = createStore(null);
export const useMay = () => useStore(session)?.may ?? {};

const qualifiers = createStore(new Map());

export const useQualifiers = () => useStore(qualifiers);

async function readQualifiers() {
  try {
    const { processes } = await get('/processes');
    qualifiers.set(new Map(processes.map((process) => [process.process_name, process.time_qualifier])));
  } catch {
    /* periods are shown by their digits then */
  }
}

export function startQualifiers() {
  readQualifiers();
  let timer = null;
  onChange((change) => {
    if (!change.definitions) return;
    clearTimeout(timer);
    timer = setTimeout(readQualifiers, 2000);
  });
}
