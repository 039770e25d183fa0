-- what is too old goes, what is needed stays, and jobs keep their state
SET timezone = 'UTC';
SET synergy.clock = '2016-04-20 05:10:00+00';
SELECT name, setting, unit, min_val FROM pg_settings WHERE name LIKE 'synergy.retention%' ORDER BY 1;
-- arguments and options
SELECT synergy.prune('-1 day');
SELECT synergy.prune(max_rows => 0);
SELECT synergy.prune(max_rows => NULL);
SELECT synergy.prune('1000000 years');
SELECT synergy.register_process('bad', 'hourly', 'SELECT 1', options => '{"retention": "-1 day"}');
SELECT synergy.register_process('bad', 'hourly', 'SELECT 1', options => '{"retention": "for ever"}');
SELECT synergy.register_process('bad', 'hourly', 'SELECT 1', options => '{"retention_units": -1}');
SELECT synergy.register_process('bad', 'hourly', 'SELECT 1', options => '{"retention_units": 100001}');
SELECT synergy.register_daemon('bad', 'true', options => '{"retention": "1 day"}');
CREATE ROLE keeper;
SELECT synergy.grant('operator', 'keeper');
SET ROLE keeper;
SELECT synergy.prune();
RESET ROLE;
CREATE TABLE src (id bigint PRIMARY KEY, ts timestamptz);
CREATE INDEX ON src (ts);
INSERT INTO src SELECT g, '2016-04-20 00:10:00+00'::timestamptz + g * interval '10 minutes' FROM generate_series(0, 29) g;
SELECT synergy.register_timetable('t', start_timeperiod => '2016042000', end_timeperiod => '2016042100');
CREATE FUNCTION process(name text, qualifier text, tree text, machine text DEFAULT 'discrete', options jsonb DEFAULT '{}') RETURNS void LANGUAGE sql AS $$
	SELECT synergy.register_process(name, qualifier, worker => 'notify', state_machine => machine, tree_name => tree, start_timeperiod => '2016042000',
		source => CASE WHEN machine = 'recomputing' THEN 'src' END, options => '{"concurrency": 100}' || options ||
		CASE WHEN machine = 'recomputing' THEN '{"source_key": "id", "source_time": "ts"}'::jsonb ELSE '{}' END) $$;
SELECT process('hours', 'hourly', 't'), process('days', 'daily', 't', 'continuous');
SELECT synergy.register_timetable(n, start_timeperiod => '2016042000', end_timeperiod => '2016042004') FROM unnest(ARRAY['rows', 'long', 'few']) n;
SELECT process('rows', 'hourly', 'rows', 'recomputing'), process('long', 'hourly', 'long', options => '{"retention": "100 years"}'),
	process('few', 'hourly', 'few', options => '{"retention_units": 2}');
SELECT synergy.register_freerun('runs', 'one', 'every 3600', worker => 'notify'), synergy.register_freerun('runs', 'none', 'every 3600', worker => 'notify', options => '{"retention_units": 0}');
-- everybody's work is done, with a line for each unit, an hour after the other
CREATE FUNCTION work() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM synergy.fire(process_name) FROM synergy.process;
	PERFORM synergy.log(u.unit_of_work_id, 'line'), synergy.complete(u.unit_of_work_id)
	FROM unnest(ARRAY['hours', 'days', 'rows', 'long', 'few', 'runs']) p, synergy.claim(p, 100) u;
	PERFORM synergy.process_events();
END $$;
CREATE FUNCTION later(hours int) RETURNS void LANGUAGE sql AS $$ SELECT set_config('synergy.clock', (synergy.now() + hours * interval '1 hour')::text, false) $$;
SELECT synergy.fire('runs', 'one'), synergy.fire('runs', 'none');
SELECT work(), work();
SELECT later(1), synergy.fire('runs', 'one'), synergy.fire('runs', 'none');
SELECT work();
SELECT later(1), synergy.fire('runs', 'one'), synergy.fire('runs', 'none');
SELECT synergy.fire('days'), synergy.fire('hours');
CREATE VIEW units AS SELECT process_name, entry_name, count(*), count(*) FILTER (WHERE state IN ('processed', 'noop', 'canceled')) AS finished,
	count(*) FILTER (WHERE EXISTS (SELECT FROM synergy.unit_of_work_log l WHERE l.unit_of_work_id = u.unit_of_work_id)) AS with_lines
	FROM synergy.unit_of_work u GROUP BY 1, 2 ORDER BY 1, 2;
CREATE VIEW jobs AS SELECT process_name, state, count(*), count(unit_of_work_id) AS with_id, count(unit_state) AS with_unit FROM synergy.job_status GROUP BY 1, 2 ORDER BY 1, 2;
SELECT * FROM units;
SELECT * FROM jobs;
-- nothing is limited but by number: those go, but not the current one of a freerun
SELECT * FROM synergy.prune();
SELECT * FROM synergy.prune();
SELECT * FROM units;
SELECT timeperiod FROM synergy.unit_of_work WHERE process_name = 'few' ORDER BY 1;
-- by age, a little at a time; events have their own, here as long as the units
SET synergy.retention = '90min';
SELECT * FROM synergy.prune(max_rows => 3);
SET synergy.retention_events = '1d';
SELECT * FROM synergy.prune();
SELECT * FROM units;
SELECT * FROM jobs;
SELECT * FROM synergy.check();
SELECT role_name = current_user AS by_me, detail FROM synergy.event_log WHERE event = 'retention' ORDER BY event_id;
-- all of it: what is active stays, and the current unit of the day, which is not over
SET synergy.retention = 0;
SET synergy.retention_events = 0;
SELECT units > 0 AS units, log_lines > 0 AS lines, events > 0 AS events FROM synergy.prune();
SELECT count(*) FROM synergy.event_log WHERE at <= synergy.now();
SELECT * FROM synergy.prune();
SELECT * FROM units;
SELECT * FROM synergy.prune('0');
SELECT * FROM units;
SELECT count(*) FROM synergy.unit_of_work_log;
SELECT * FROM synergy.check();
-- lines of units that are gone are found, too
INSERT INTO synergy.unit_of_work_log (unit_of_work_id, at, line) SELECT 1, now(), 'late' FROM generate_series(1, 10);
SELECT * FROM synergy.prune();
-- jobs go on without their old units
SELECT explanation ~ 'by unit \d+, which retention has taken$' AS explained FROM synergy.explain_job('hours', '2016042001');
SELECT process_name, timeperiod, state, unit_of_work_id > 0 AS has_id, unit_state, error FROM synergy.job_status WHERE process_name = 'hours' AND timeperiod = '2016042001';
SELECT * FROM synergy.reprocess('hours', '2016042001') ORDER BY 1;
SELECT * FROM synergy.reprocess('rows', '2016042002');
SELECT * FROM synergy.skip('hours', '2016042003');
SELECT work(), work();
SELECT process_name, timeperiod, state, unit_state FROM synergy.job_status WHERE (process_name, timeperiod) IN (VALUES ('hours', '2016042001'), ('hours', '2016042003'), ('rows', '2016042002')) ORDER BY 1, 2;
SELECT end_id FROM synergy.unit_of_work WHERE process_name = 'hours' AND timeperiod = '2016042001';
INSERT INTO src VALUES (100, '2016-04-20 01:15:00+00');
SELECT * FROM synergy.reprocess('rows', '2016042001');
SELECT work(), work();
SELECT timeperiod, start_id, end_id, state FROM synergy.unit_of_work WHERE process_name = 'rows' ORDER BY 1;
SELECT process_name, jobs FROM synergy.backfill('few', '2016041922');
SELECT work(), work();
-- the last run of a freerun is finished, and stays
SELECT * FROM synergy.prune('0') \gset
SELECT process_name, entry_name, count, finished FROM units WHERE process_name = 'runs';
SELECT * FROM jobs;
SELECT later(24), work(), work();
SELECT * FROM jobs;
SELECT * FROM synergy.check(true);
-- a finished job whose unit was not taken, but lost, and an active one without its unit
BEGIN;
SELECT setval('synergy.pruned_seq', 0);
SELECT DISTINCT invariant FROM synergy.check() ORDER BY 1;
ROLLBACK;
SELECT setval('synergy.pruned_seq', (SELECT max(unit_of_work_id) FROM synergy.job)) > 0 AS set;
BEGIN;
SELECT synergy.reprocess('long', '2016042000') \gset
DELETE FROM synergy.unit_of_work_data WHERE state = 'r';
SELECT invariant, process_name FROM synergy.check();
ROLLBACK;
SELECT synergy.prune('0') \gset
SELECT synergy.unregister_process(p) FROM unnest(ARRAY['hours', 'days', 'rows', 'long', 'few']) p;
SELECT synergy.unregister_freerun('runs', 'one'), synergy.unregister_freerun('runs', 'none');
SELECT count(*) FROM synergy.unit_of_work_data;
SELECT count(*) FROM synergy.unit_of_work_log;
RESET synergy.retention;
RESET synergy.retention_events;
DROP TABLE src;
DROP VIEW units, jobs;
DROP FUNCTION process, work, later;
DROP OWNED BY keeper;
DROP ROLE keeper;
