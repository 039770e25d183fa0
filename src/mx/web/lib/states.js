/*
 * states.js: what states there are of jobs and units, in which order they are drawn, and what they mean.
 */
export const JOB_STATES = {
  e: { word: 'embryo', about: 'nothing has happened yet' },
  i: { word: 'in_progress', about: 'units are being requested' },
  f: { word: 'final_run', about: 'the last unit has been requested' },
  v: { word: 'failing', about: 'its unit failed and waits to be tried again' },
  p: { word: 'processed', about: 'the work is done' },
  n: { word: 'noop', about: 'there was nothing to do' },
  s: { word: 'skipped', about: 'given up, or not wanted' },
};

/* letters, finished ones first: so a stacked bar fills from the left */
export const LETTERS = ['p', 'n', 's', 'v', 'f', 'i', 'e'];

const BY_WORD = {
  ...Object.fromEntries(Object.entries(JOB_STATES).map(([letter, state]) => [state.word, letter])),
  requested: 'r',
  invalid: 'v',
  canceled: 's',
};

export const letterOf = (word) => BY_WORD[word] ?? '?';
export const isActiveLetter = (letter) => 'eifv'.includes(letter);
export const wordOf = (letter) => JOB_STATES[letter]?.word ?? letter;
export const readable = (word) => (word ? word.replaceAll('_', ' ') : '');

export const UNIT_STATES = ['requested', 'in_progress', 'invalid', 'processed', 'noop', 'canceled'];
export const isActiveUnit = (state) => state === 'requested' || state === 'in_progress' || state === 'invalid';

/* "20 processed, 2 in progress" */
export function countsText(counts) {
  return LETTERS.filter((letter) => counts[letter])
    .map((letter) => `${counts[letter]} ${readable(wordOf(letter))}`)
    .join(', ');
}
