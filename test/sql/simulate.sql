-- forecasts: see docs/simulate.md; against what really happens: test/simulate
\set VERBOSITY default
SET timezone = 'UTC';
SET synergy.clock = '2016-04-20 05:10:00+00';
-- a backlog of four days with three at once, half an hour each: when is it done?
SELECT synergy.register_timetable('sim', start_timeperiod => '2016041605');
SELECT synergy.register_process('sim_hourly', 'hourly', worker => 'notify', tree_name => 'sim',
	options => '{"concurrency": 3}');
SELECT synergy.register_process('sim_daily', 'daily', worker => 'notify', tree_name => 'sim', blocking_type => 'children');
SELECT process_name, worker, due, done, backlog, lateness_max, units, round(busy_average::numeric, 2) AS busy, busy_max, caught_up_at
FROM synergy.simulate(to_time => '2016-04-21 12:00+00', durations => '{"sim_hourly": 1800, "sim_daily": 60}', trees => '{sim}');
-- bucket by bucket
SELECT bucket_start, due, done, backlog FROM synergy.simulate(to_time => '2016-04-20 12:00+00', bucket => '2 hours', trees => '{sim}',
	durations => '{"sim_hourly": 1800}') WHERE process_name = 'sim_hourly';
-- what is under way counts: two units are taken, one of them is old
SELECT synergy.tick();
SELECT count(*) FROM synergy.claim('sim_hourly', 2);
SET synergy.clock = '2016-04-20 05:35:00+00';
SELECT units, busy_max, done FROM synergy.simulate(to_time => '2016-04-20 05:41+00', trees => '{sim}', durations => '{"sim_hourly": 1800}')
	WHERE process_name = 'sim_hourly';
-- what if? one more process, that waits for executors; more of them; another concurrency; an earlier start
SELECT process_name, due, done, backlog, busy_max, waiting_max > 0 AS waits FROM synergy.simulate('2016-04-20', '2016-04-21',
	changes => '[{"process_name": "extra", "time_qualifier": "hourly", "tree_name": "other", "start_timeperiod": "2016041900", "concurrency": 8}]',
	durations => '{"extra": 6000, "sim_hourly": 0}', executors => 2) WHERE process_name = 'extra' OR worker IS NULL;
SELECT executors, done, busy_max, caught_up_at FROM (VALUES (1), (2), (4), (8)) e (executors), LATERAL synergy.simulate('2016-04-20', '2016-04-21',
	changes => '[{"process_name": "extra", "time_qualifier": "hourly", "start_timeperiod": "2016041900", "concurrency": 8}]',
	durations => '{"extra": 1200}', executors => e.executors) WHERE process_name = 'extra';
SELECT done, caught_up_at FROM synergy.simulate(to_time => '2016-05-01', durations => '{"sim_hourly": 60, "sim_daily": 60}',
	changes => '[{"process_name": "sim_hourly", "start_timeperiod": "2016010100", "concurrency": 20}]') WHERE process_name = 'sim_hourly';
-- failures are retried after 15 minutes; too often, and the job is skipped
SELECT done, skipped, units > 24 AS more_units, failures > 0 AS failed, lateness_max > '15 minutes' AS late FROM synergy.simulate('2016-04-20', '2016-04-21',
	trees => '{sim}', failure_rate => 0.3) WHERE process_name = 'sim_hourly';
SELECT done, skipped, failures FROM synergy.simulate('2016-04-20', '2016-04-20 04:00',
	changes => '[{"process_name": "extra", "time_qualifier": "hourly", "failure_rate": 1, "max_retries": 1, "gc_release_lag": "1 minute"}]')
	WHERE process_name = 'extra';
-- the same question has the same answer; another seed another one
SELECT count(DISTINCT failures) FROM generate_series(1, 3), LATERAL synergy.simulate('2016-04-20', '2016-04-23', trees => '{sim}', failure_rate => 0.3)
	WHERE worker IS NULL;
SELECT count(DISTINCT failures) > 1 AS differ FROM generate_series(1, 8) s, LATERAL synergy.simulate('2016-04-20', '2016-04-23', trees => '{sim}',
	failure_rate => 0.3, seed => s) WHERE worker IS NULL;
-- freeruns: one that takes longer than its interval is late, or misses fires
SELECT entry_name, due, done FROM synergy.simulate('2016-04-20', '2016-04-20 01:00', durations => '{"free": 90}', changes => '[
	{"process_name": "free", "entry_name": "skips", "trigger_frequency": "every 60", "worker": "notify"},
	{"process_name": "free", "entry_name": "all", "trigger_frequency": "every 60", "worker": "notify", "missed": "all"}]') WHERE process_name = 'free';
-- how long units took is taken from history
INSERT INTO synergy.unit_of_work_data (process_id, state, timeperiod, start_timeperiod, end_timeperiod, start_id, end_id, mark, created_at, submitted_at,
	started_at, finished_at, attempt)
SELECT process_id, 'p', '2016041605', '2016041605', '2016041606', 0, 0, 0, now, now, now, now + interval '200 seconds', 1
FROM synergy.process, (SELECT synergy.now()) n (now), generate_series(1, 3) WHERE process_name = 'sim_hourly';
SELECT lateness_median FROM synergy.simulate('2016-04-20', '2016-04-21', trees => '{sim}') WHERE process_name = 'sim_hourly';
-- nothing is written, nothing is locked
BEGIN READ ONLY;
SELECT count(*) FROM synergy.simulate(trees => '{sim}');
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT count(*) FROM synergy.simulate(trees => '{sim}');
ROLLBACK;
-- what is refused
SELECT * FROM synergy.simulate('2016-04-20', '2016-04-20');
SELECT * FROM synergy.simulate('infinity');
SELECT * FROM synergy.simulate(bucket => '0');
SELECT * FROM synergy.simulate(bucket => '1 month 1 day');
SELECT * FROM synergy.simulate(trees => '{nothing}');
SELECT * FROM synergy.simulate(changes => '{"process_name": "x"}');
SELECT * FROM synergy.simulate(changes => '[{"process_name": "x"}]');
SELECT * FROM synergy.simulate(changes => '[{"process_name": "x", "time_qualifier": "hourly", "colour": "red"}]');
SELECT * FROM synergy.simulate(changes => '[{"process_name": "x", "time_qualifier": "hourly", "trigger_frequency": "now and then"}]');
SELECT * FROM synergy.simulate(changes => '[{"process_name": "x", "time_qualifier": "hourly", "tree_name": "sim"}]');
SELECT * FROM synergy.simulate(changes => '[{"process_name": "x", "time_qualifier": "hourly", "dependent_on": ["x"]}]');
SELECT * FROM synergy.simulate(changes => '[{"process_name": "sim_hourly", "time_qualifier": "daily"}]');
SELECT * FROM synergy.simulate(changes => '[{"process_name": "x", "entry_name": "y"}]');
SELECT * FROM synergy.simulate(durations => '{"nobody": 1}');
SELECT * FROM synergy.simulate(durations => '{"sim_hourly": {"median": 1}}');
SELECT * FROM synergy.simulate(durations => '{"sim_hourly": -1}');
SELECT * FROM synergy.simulate(failure_rate => 'NaN');
SELECT * FROM synergy.simulate(executors => 0);
-- what is too large: a process that is switched off, whose jobs pile up for centuries
SELECT * FROM synergy.simulate('2016-04-20', '9999-01-01', trees => '{x}', changes => '[{"process_name": "x", "time_qualifier": "hourly", "is_on": false}]');
-- viewers may
CREATE ROLE synergy_test_seer;
SET ROLE synergy_test_seer;
SELECT count(*) FROM synergy.simulate();
RESET ROLE;
SELECT synergy.grant('viewer', 'synergy_test_seer');
SET ROLE synergy_test_seer;
SELECT count(*) > 0 AS answered FROM synergy.simulate(trees => '{sim}');
RESET ROLE;
SELECT synergy.revoke('viewer', 'synergy_test_seer');
DROP ROLE synergy_test_seer;
SELECT synergy.unregister_process(p) FROM unnest(ARRAY['sim_daily', 'sim_hourly']) p;
SELECT synergy.unregister_timetable('sim');
-- found by comparing forecasts with rounds: a period that begins does not fire a process whose trigger waits for the morning
SET synergy.clock = '2016-04-20 05:10:00+00';
SELECT synergy.register_process('mornings', 'hourly', worker => 'notify', trigger_frequency => 'at 08:00', start_timeperiod => '2016042004');
DO $$
BEGIN
	FOR minute IN 0..35 LOOP
		PERFORM pg_catalog.set_config('synergy.clock', (timestamptz '2016-04-20 05:10:00+00' + minute * interval '5 minutes')::text, false);
		PERFORM synergy.tick();
	END LOOP;
END $$;
SELECT timeperiod, created_at FROM synergy.unit_of_work WHERE process_name = 'mornings';
SELECT synergy.unregister_process('mornings');
