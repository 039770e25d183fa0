/*
 * clock.js: what time it is in the database, and a tick each second for what is shown relative to it.
 *
 * People's clocks are wrong, so differences are taken against the server's. One timer serves all countdowns of a page
 * and rests while nobody looks.
 */
import { createStore, useStore } from './store.js';

let offset = 0;

export function setDatabaseTime(at) {
  const measured = Date.parse(at) - Date.now();
  /* the way of the answer makes it jitter; countdowns shall not */
  if (Number.isFinite(measured) && Math.abs(measured - offset) > 1500) offset = measured;
}

export const now = () => Date.now() + offset;

const second = createStore(0);

setInterval(() => {
  if (!document.hidden) second.set(Math.floor(now() / 1000));
}, 1000);

/* Draws the component again each second. */
export function useTick() {
  useStore(second);
  return now();
}
