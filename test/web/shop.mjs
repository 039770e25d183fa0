/*
 * shop.mjs: a made-up shop for pictures: orders and visits from hours to years, what is made of them, and stock, which has
 * failed some hours ago and holds up others.
 *
 * The scheduler has really done it all, but in a minute; so the times of the units are moved to where they would have been.
 */
import { quote } from './psql.mjs';
import { PASSWORD, World } from './world.mjs';
import { until } from './report.mjs';

const SETUP = `
CREATE FUNCTION public.stock_take(timestamptz) RETURNS bigint LANGUAGE plpgsql AS $f$
BEGIN
	IF $1 >= date_trunc('day', synergy.now(), 'UTC') - interval '4 hours' OR $1 = date_trunc('day', synergy.now(), 'UTC') - interval '12 days 21 hours' THEN
		RAISE EXCEPTION 'warehouse 7 has sent no counts for %', to_char($1 AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI');
	END IF;
	RETURN 1;
END $f$;
GRANT USAGE ON SCHEMA public TO PUBLIC`;

/* tree, what it depends on, its qualifiers, worker, command, options */
const TREES = [
  ['orders', [], ['yearly', 'monthly', 'daily', 'hourly'], 'sql', 'SELECT 1'],
  ['visits', [], ['yearly', 'monthly', 'daily', 'hourly'], 'sql', `SELECT CASE WHEN $2 >= date_trunc('hour', synergy.now()) THEN pg_sleep(900) END`],
  ['stock', ['orders'], ['daily', 'hourly'], 'sql', 'SELECT public.stock_take($1)'],
  ['revenue', ['orders'], ['yearly', 'monthly', 'daily'], 'sql', 'SELECT 1'],
  ['conversion', ['orders', 'visits'], ['daily', 'hourly'], 'sql', 'SELECT 1'],
  ['supply', ['stock'], ['monthly', 'daily'], 'exec', 'echo "reads the orders of the last 28 days"; echo "4 312 articles, 87 to be ordered"; echo "sends them to purchasing"'],
];

/* units of hours, days and so on end a while after their period, longer in the evening, each process at its own minute */
const SHIFT = `
WITH u AS (SELECT d.unit_of_work_id, p.process_name, p.time_qualifier, synergy.timeperiod_start(synergy.timeperiod_step(p.time_qualifier::text, d.timeperiod::text, 1)) AS over,
		abs(hashint8(d.unit_of_work_id)) % 1000 / 1000.0 AS chance
	FROM synergy.unit_of_work_data d JOIN synergy.process p USING (process_id) WHERE d.state IN ('p', 'n')),
t AS (SELECT unit_of_work_id, chance, time_qualifier, over,
	over + make_interval(secs => 60 + abs(hashtext(process_name)) % 2400 + 240 * chance) AS began,
	8 + 70 * chance * (1.2 + sin((extract(hour FROM over)::int - 14) / 24.0 * 2 * pi())) AS took,
	round(18000 * (1.25 + sin((extract(hour FROM over)::int - 14) / 24.0 * 2 * pi())) * (0.9 + 0.2 * chance)) AS lines FROM u)
UPDATE synergy.unit_of_work_data d SET created_at = began - interval '2 s', submitted_at = began - interval '1 s', started_at = began,
	finished_at = began + make_interval(secs => took), number_of_processed = lines * CASE time_qualifier WHEN 'hourly' THEN 1 ELSE 24 END, number_of_aggregated = lines / 40
FROM t WHERE t.unit_of_work_id = d.unit_of_work_id AND began + make_interval(secs => took) < synergy.now()`;

export async function shop(options) {
  const world = await new World(options, 'shop').begin();
  const { database } = world;
  await database.run(SETUP);
  const start = await database.value(`SELECT to_char(date_trunc('month', synergy.now() - interval '75 days') AT TIME ZONE 'UTC', 'YYYYMMDD00')`);
  await world.server.run(`DO $do$ BEGIN CREATE ROLE alice LOGIN PASSWORD ${quote(PASSWORD)}; EXCEPTION WHEN duplicate_object THEN END $do$`);
  await database.run(`SELECT synergy.grant('operator', 'alice'), synergy.grant('author', 'alice')`);
  await world.startAgent('etl-1');
  await world.startAgent('etl-2');
  for (const [tree, dependencies] of TREES) await world.timetable(tree, start, dependencies);
  for (const [tree, dependencies, qualifiers, worker, command] of TREES) {
    for (const qualifier of qualifiers)
      await world.process(`${tree}_${qualifier}`, qualifier, tree, worker, qualifier === qualifiers.at(-1) ? command : command.startsWith('echo') ? command : 'SELECT 1', {
        trigger_frequency: 'every 60', blocking_type: dependencies.length ? 'dependencies' : 'normal',
        options: { concurrency: tree === 'stock' ? 1 : 20, gc_release_lag: '20 min' },
      });
  }
  await world.freerun('cleanup', 'nightly', '30 2 * * *', 'SELECT 1', 'sql', 'Drops partitions older than two years');
  await world.freerun('mail', 'digest', 'at 07:00', 'SELECT 1', 'sql', 'What happened yesterday, for the shift');
  await world.freerun('exchange', 'rates', 'every 15 min', 'curl -s "$RATES_URL" | psql -c "COPY rates FROM STDIN"', 'exec', 'Rates of the central bank');
  await database.run(`SELECT synergy.register_daemon('clickstream', 'exec sleep 100000', present_on_boxes => '{etl-1}')`);
  /* what has failed long ago has been given up by somebody */
  const failed = () => database.value(`SELECT timeperiod FROM synergy.unit_of_work WHERE process_name = 'stock_hourly' AND state = 'invalid'`);
  const first = await until(failed, 200000);
  await database.run(`SET SESSION AUTHORIZATION alice`);
  await database.run(`SELECT synergy.skip('stock_hourly', '${first}')`);
  await database.run('RESET SESSION AUTHORIZATION');
  /* until the newest hours are done, where they can be */
  const rest = () => database.value(`SELECT count(*) FROM synergy.job_status WHERE state NOT IN ('processed', 'noop', 'skipped') AND period_end <= synergy.now() AND process_name IN ('orders_hourly', 'visits_hourly', 'conversion_hourly', 'orders_daily', 'revenue_daily')`);
  const stuck = () => database.value(`SELECT count(*) FROM synergy.unit_of_work WHERE process_name = 'stock_hourly' AND state = 'invalid'`);
  if (!(await until(async () => Number(await rest()) <= 4 && (await stuck()) === '1', 400000))) throw new Error(`the scheduler is not done: ${await rest()} to do`);
  await database.run(SHIFT);
  await database.run('VACUUM ANALYZE');
  return world;
}
