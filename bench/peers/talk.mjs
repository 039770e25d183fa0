// How the programs of the peers and bench/suite/node.py talk: a line of JSON each way.
import { createInterface } from "node:readline";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

export const say = (what) => process.stdout.write(JSON.stringify(what) + "\n");

/** the next line from the suite; its end is the end */
export async function heard() {
  const { value, done } = await lines.next();
  if (done) process.exit(0);
  return JSON.parse(value);
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** one after the other: begin(n) makes job n and says when its COMMIT was sent, started(n) was called at its start */
export async function latencies(samples, begin) {
  const found = [];
  let wake;
  const started = () => wake(performance.now());
  for (let n = 0; n < samples; n++) {
    const start = new Promise((resolve) => (wake = resolve));
    const committed = await begin(n, started);
    found.push((await start) - committed);
    // not always in the same distance from the last poll
    await pause(10 + Math.random() * 100);
  }
  return found;
}
