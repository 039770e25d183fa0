/*
 * report.mjs: says what was found, a line each, as the other kinds of tests do.
 */
let failed = 0;

export const failures = () => failed;

export function ok(good, what, detail = '') {
  console.log(`${good ? 'ok' : 'not ok'} - ${what}`);
  if (good) return true;
  failed += 1;
  for (const line of String(detail).split('\n').slice(0, 40)) console.log(`#   ${line}`);
  return false;
}

export function same(found, expected, what) {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
  return ok(a === b, what, `found    ${a}\nexpected ${b}`);
}

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/* Waits until probe() gives something true, and gives that; null when it never does. An error is not yet. */
export async function until(probe, limit = 10000) {
  const end = Date.now() + limit;
  for (;;) {
    try {
      const found = await probe();
      if (found) return found;
    } catch (error) {
      if (Date.now() >= end) console.log(`#   ${error.message.split('\n')[0]}`);
    }
    if (Date.now() >= end) return null;
    await pause(25);
  }
}

export async function comes(what, probe, limit = 10000) {
  return ok(await until(probe, limit), what, `it was not so within ${limit / 1000} s`);
}

export const note = (text) => console.log(`# ${text}`);
