// pg-boss: `drain` works until it is told to end, `latency N` times N jobs, `idle` waits; `migrate` makes the tables.
import PgBoss from "pg-boss";
import pg from "pg";
import { say, heard, latencies } from "./talk.mjs";

const [mode, samples] = process.argv.slice(2);
const { PGHOST: host, PGPORT: port, PGUSER: user, PGDATABASE: database } = process.env;
const boss = new PgBoss({ host, port: Number(port), user, database, max: 10, supervise: mode === "idle", schedule: false });
boss.on("error", (error) => { console.error(error); process.exit(1); });
await boss.start();

if (mode === "migrate") {
  await boss.createQueue("noop");
  await boss.stop({ graceful: false });
  process.exit(0);
}
say({ ready: true });
await heard();
if (mode === "drain") {
  // work() waits half a second at least between two looks; these do not wait while there is something
  const loop = async () => {
    for (;;) {
      const jobs = await boss.fetch("noop", { batchSize: 1000, priority: false });
      if (jobs.length === 0) return;
      await boss.complete("noop", jobs.map((job) => job.id));
    }
  };
  await Promise.all([loop(), loop(), loop(), loop()]);
} else {
  let onStart = () => {};
  await boss.work("noop", { pollingIntervalSeconds: 0.5 }, async () => onStart());
  if (mode === "latency") {
    const client = new pg.Client();
    await client.connect();
    const db = { executeSql: (text, values) => client.query(text, values) };
    const found = await latencies(Number(samples), async (n, started) => {
      onStart = started;
      await client.query("BEGIN");
      await boss.send("noop", { n }, { db });
      const now = performance.now();
      await client.query("COMMIT");
      return now;
    });
    say({ latencies: found });
  }
}
await heard();
say({ cpu_us: process.cpuUsage().user + process.cpuUsage().system });
process.exit(0);
