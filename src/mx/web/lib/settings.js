/*
 * settings.js: what a person has chosen for this browser: the theme, and the time zone that times are shown in.
 */
import { createStore } from './store.js';

function read(key) {
  try {
    return localStorage.getItem(`synergy.${key}`);
  } catch {
    return null;
  }
}

function write(key, value) {
  try {
    if (value === null) localStorage.removeItem(`synergy.${key}`);
    else localStorage.setItem(`synergy.${key}`, value);
  } catch {
    /* storage may be forbidden: then the choice lasts as long as the page */
  }
}

/* null: as the system has it */
export const theme = createStore(read('theme'));
export const zone = createStore(read('zone') === 'local' ? 'local' : 'utc');

theme.subscribe((value) => {
  write('theme', value);
  if (value) document.documentElement.dataset.theme = value;
  else delete document.documentElement.dataset.theme;
});
zone.subscribe((value) => write('zone', value));

export function isDark() {
  const chosen = theme.get();
  return chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
}
