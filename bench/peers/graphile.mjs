// graphile-worker: `drain` works until it is told to end, `latency N` times N jobs, `idle` waits; `migrate` makes the tables.
import { Logger, run, runMigrations } from "graphile-worker";
import pg from "pg";
import { say, heard, latencies } from "./talk.mjs";

const [mode, samples] = process.argv.slice(2);
const pgPool = new pg.Pool({ max: 26 });
// fetched and completed in batches: docs/performance of graphile-worker; without them it answers faster, one job at a time
const batches = { worker: { localQueue: { size: 500, refetchDelay: { durationMs: 10 } }, completeJobBatchDelay: 0, failJobBatchDelay: 0, concurrentJobs: 24 } };
pgPool.on("error", () => {});
pgPool.on("connect", (client) => client.on("error", () => {}));
const logger = new Logger(() => () => {});
let onStart = () => {};

if (mode === "migrate") {
  await runMigrations({ pgPool, logger });
  await pgPool.end();
  process.exit(0);
}
say({ ready: true });
await heard();
const runner = await run({
  pgPool,
  logger,
  noHandleSignals: true,
  taskList: { noop: () => onStart() },
  ...(mode === "drain" ? { preset: batches } : { concurrency: 1 }),
});
if (mode === "latency") {
  const client = await pgPool.connect();
  const found = await latencies(Number(samples), async (n, started) => {
    onStart = started;
    await client.query("BEGIN");
    await client.query("SELECT graphile_worker.add_job('noop', json_build_object('n', $1::int))", [n]);
    const now = performance.now();
    await client.query("COMMIT");
    return now;
  });
  client.release();
  say({ latencies: found });
}
await heard();
say({ cpu_us: process.cpuUsage().user + process.cpuUsage().system });
process.exit(0);
