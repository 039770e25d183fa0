-- how long work takes, and when it will be done: what is known, and nothing else
SET timezone = 'UTC';
SET intervalstyle = 'postgres';
SET synergy.clock = '2016-04-20 12:00:00+00';
SELECT synergy.register_process('hours', 'hourly', worker => 'notify', tree_name => 'site', start_timeperiod => '2016041800', options => '{"concurrency": 4}');
SELECT synergy.register_process('days', 'daily', worker => 'notify', tree_name => 'site', blocking_type => 'children', start_timeperiod => '2016041800');
SELECT synergy.register_process('months', 'monthly', worker => 'notify', tree_name => 'site', blocking_type => 'children', start_timeperiod => '2016041800');
SELECT synergy.register_freerun('runs', 'one', 'every 60', worker => 'notify');
SELECT synergy.tick();
-- nothing has been done yet
SELECT * FROM synergy.duration ORDER BY process_name;
SELECT process_name, time_qualifier, jobs_left, median, at_once, complete_in FROM synergy.forecast('site');
-- the n-th unit takes n minutes
CREATE FUNCTION work(name text, n int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE unit record;
DECLARE begun timestamptz := synergy.now();
BEGIN
	FOR minutes IN 1 .. n LOOP
		SELECT * INTO unit FROM synergy.claim(name, 1);
		PERFORM set_config('synergy.clock', (begun + minutes * interval '1 minute')::text, false), synergy.complete(unit.unit_of_work_id);
		PERFORM set_config('synergy.clock', begun::text, false), synergy.process_events();
	END LOOP;
END $$;
SELECT work('hours', 9);
SELECT process_name, units, last, median, p95, max, last_finished_at FROM synergy.duration ORDER BY process_name;
-- 51 left of 5 minutes, 4 at once: 13 turns; of days nobody knows
SELECT process_name, jobs_left, median, at_once, complete_in, complete_at FROM synergy.forecast('site');
SELECT process_name FROM synergy.forecast('hours');
SELECT work('hours', 39);
SELECT synergy.tick();
SELECT work('days', 1);
SELECT process_name, units, last, median, p95, max FROM synergy.duration ORDER BY process_name;
-- the last day waits for the last hour: one more; the month is not over
SELECT process_name, jobs_left, median, at_once, complete_in FROM synergy.forecast('site');
-- a paced one does one a trigger, one that is off none; a backfill counts
SELECT synergy.register_process('days', 'daily', worker => 'notify', tree_name => 'site', blocking_type => 'children', trigger_frequency => 'every 1 hour', options => '{"catch_up": "paced", "concurrency": 5}');
SELECT process_name, jobs_left, median, at_once, complete_in FROM synergy.forecast('site');
SELECT synergy.backfill('hours', '2016041500');
SELECT process_name, jobs_left, median, at_once, complete_in FROM synergy.forecast('site');
SELECT synergy.deactivate('hours');
SELECT process_name, jobs_left, median, at_once, complete_in FROM synergy.forecast('site');
-- SQL work is done by so many executors at most; groups are worked on together
SET synergy.max_executors = 2;
SELECT synergy.register_process('sql', 'hourly', 'SELECT 1', start_timeperiod => '2016042000', time_grouping => 3, options => '{"concurrency": 8}');
SELECT synergy.tick();
SELECT process_name, jobs_left, at_once, complete_in FROM synergy.forecast('sql');
INSERT INTO synergy.unit_of_work_data (process_id, timeperiod, start_timeperiod, end_timeperiod, start_id, end_id, mark, created_at, submitted_at, started_at, finished_at, state)
	SELECT process_id, '2016041900', '2016041900', '2016041901', 0, 0, 0, now(), now(), '2016-04-19 10:00+00', '2016-04-19 10:00:10+00', 'p' FROM synergy.process WHERE process_name = 'sql';
SELECT process_name, jobs_left, median, at_once, complete_in FROM synergy.forecast('sql');
DELETE FROM synergy.unit_of_work_data WHERE timeperiod = '2016041900' AND mark = 0;
RESET synergy.max_executors;
-- there is none of that name
SELECT * FROM synergy.forecast('nothing');
SELECT * FROM synergy.forecast(NULL);
SELECT * FROM synergy.check();
SELECT synergy.unregister_process(process_name) FROM synergy.process;
SELECT synergy.unregister_freerun('runs', 'one');
DROP FUNCTION work;
