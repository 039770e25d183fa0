-- register_* again while jobs are at work: what is allowed, what becomes of the jobs, what is refused
SET timezone = 'UTC';
SET synergy.clock = '2016-04-20 05:10:00+00';
CREATE VIEW look AS SELECT process_name, timeperiod, state, (SELECT state FROM synergy.unit_of_work u WHERE u.unit_of_work_id = j.unit_of_work_id) AS unit
FROM synergy.job j WHERE state <> 'embryo' ORDER BY 1, 2;
CREATE FUNCTION again(trigger_frequency text DEFAULT 'every 60', state_machine text DEFAULT 'discrete', blocking_type text DEFAULT 'normal',
	time_grouping int DEFAULT 1, worker text DEFAULT 'notify', tree_name text DEFAULT NULL, time_qualifier text DEFAULT 'hourly', command text DEFAULT NULL,
	options jsonb DEFAULT '{"concurrency": 3}', source text DEFAULT NULL)
RETURNS void LANGUAGE sql AS $$
	SELECT synergy.register_process('h', time_qualifier, command, worker, trigger_frequency, state_machine, blocking_type, time_grouping,
		source => source, tree_name => tree_name, start_timeperiod => '2016042000', options => options) $$;
SELECT again();
SELECT synergy.fire('h');
SELECT count(*) FROM synergy.claim('h');
SELECT * FROM look;
-- trigger, options, blocking type: nothing happens to the jobs
SELECT again('every 5 minutes', options => '{"concurrency": 5}', blocking_type => 'children');
SELECT * FROM look;
-- another worker: what waits is signalled to it, what runs runs on
SELECT again(worker => 'sql', command => 'SELECT 1');
SELECT again(worker => 'exec', command => 'true');
SELECT again();
SELECT * FROM look;
-- another machine: jobs at work begin anew, their units are canceled
SELECT again(state_machine => 'continuous');
SELECT * FROM look;
SELECT timeperiod, state FROM synergy.unit_of_work ORDER BY 1;
SELECT timeperiod, detail FROM synergy.event_log WHERE detail = 'another state machine' ORDER BY 1;
SELECT synergy.fire('h');
SELECT * FROM look;
-- another grouping: likewise; and the same again: nothing
SELECT again(state_machine => 'continuous', time_grouping => 3);
SELECT again(state_machine => 'continuous', time_grouping => 3);
SELECT synergy.fire('h');
SELECT * FROM look;
-- another source: likewise. Times without a zone are UTC, whatever the session's zone is
CREATE TABLE s1 (id int, ts timestamptz); CREATE TABLE s2 (id int, ts timestamp); CREATE INDEX ON s1 (ts); CREATE INDEX ON s2 (ts);
INSERT INTO s1 VALUES (1, '2016-04-20 04:01:00+00'), (2, '2016-04-20 04:02:00+00'); INSERT INTO s2 VALUES (7, '2016-04-20 04:03:00');
CREATE FUNCTION source(source text) RETURNS void LANGUAGE sql AS $$
	SELECT synergy.register_process('r', 'hourly', worker => 'notify', state_machine => 'recomputing', source => source,
		start_timeperiod => '2016042004', options => '{"source_key": "id", "source_time": "ts"}') $$;
SELECT source('s1');
SELECT synergy.fire('r');
SET timezone = 'America/New_York';
SELECT source('s2');
SELECT synergy.fire('r');
SELECT source('s2');
SET timezone = 'UTC';
SELECT timeperiod, start_id, end_id, state FROM synergy.unit_of_work WHERE process_name = 'r' ORDER BY unit_of_work_id;
-- a source that is gone stops its own process, and says so
SELECT synergy.complete(unit_of_work_id) FROM synergy.claim('r');
ALTER TABLE s2 RENAME TO s3;
SET synergy.clock = '2016-04-20 05:20:00+00';
SELECT synergy.fire('r');
SELECT state FROM synergy.job WHERE process_name = 'r' AND timeperiod = '2016042004';
SELECT explanation FROM synergy.explain_job('r', '2016042004');
ALTER TABLE s3 RENAME TO s2;
SELECT synergy.fire('r');
SELECT state FROM synergy.job WHERE process_name = 'r' AND timeperiod = '2016042004';
-- so does one that takes too long, and nobody else is canceled in its place
CREATE VIEW slow AS SELECT id, ts FROM s2 WHERE pg_sleep(30) IS NOT NULL;
SET statement_timeout = '20s'; SET synergy.source_timeout = '100ms';
SELECT source('slow');
SELECT synergy.fire('r');
SELECT explanation FROM synergy.explain_job('r', '2016042005') LIMIT 1;
SELECT synergy.reprocess('r', '2016042004');
SELECT state FROM synergy.job WHERE process_name = 'r' AND timeperiod = '2016042004';
-- but the caller's own cancel is his
SET statement_timeout = '100ms'; SET synergy.source_timeout = '20s';
SELECT synergy.fire('r');
RESET statement_timeout; RESET synergy.source_timeout;
SELECT source('s2');
DROP VIEW slow;
SELECT synergy.fire('r');
SELECT state FROM synergy.job WHERE process_name = 'r' AND timeperiod = '2016042004';
SET synergy.clock = '2016-04-20 05:10:00+00';
SELECT synergy.unregister_process('r');
-- the qualifier: never
SELECT again(time_qualifier => 'daily');
SELECT again();
-- another timetable: the process moves, and its own empty one is gone
SELECT synergy.register_timetable('t', start_timeperiod => '2016042000');
SELECT synergy.register_process('d', 'daily', worker => 'notify', tree_name => 't', state_machine => 'continuous');
SELECT synergy.register_process('other', 'hourly', worker => 'notify', start_timeperiod => '2016042005');
SELECT again(tree_name => 't');
SELECT tree_name FROM synergy.timetable ORDER BY 1;
SELECT parent_process, count(*) FROM synergy.timetable_node WHERE process_name = 'h' GROUP BY 1;
SELECT again(tree_name => 'other');
SELECT again(tree_name => 't');
-- a dependency that is added counts from now on: what is finished stays so
SELECT again(tree_name => 't', options => '{"concurrency": 9}');
SELECT synergy.fire('h');
SELECT count(synergy.complete(unit_of_work_id)) FROM synergy.claim('h', 9);
SELECT synergy.process_events();
SELECT synergy.register_timetable('u', start_timeperiod => '2016042000');
SELECT synergy.register_process('dep', 'hourly', worker => 'notify', tree_name => 'u', options => '{"concurrency": 9}');
SELECT synergy.register_timetable('t', dependent_on => ARRAY['u']);
SELECT synergy.register_timetable('u', dependent_on => ARRAY['t']);
SELECT synergy.fire('dep');
SELECT count(synergy.complete(unit_of_work_id)) FROM synergy.claim('dep', 9);
SELECT synergy.process_events();
SELECT process_name, state, count(*) FROM synergy.job WHERE process_name IN ('h', 'dep') GROUP BY 1, 2 ORDER BY 1, 2;
SELECT * FROM synergy.check();
-- an end that cuts embryos away, one that would cut work away, and no end again
SELECT synergy.register_timetable('t', dependent_on => ARRAY['u'], end_timeperiod => '2016042002');
SELECT synergy.register_timetable('t', dependent_on => ARRAY['u'], end_timeperiod => '2016042005');
SELECT process_name, max(timeperiod) FROM synergy.job WHERE process_name IN ('h', 'd') GROUP BY 1 ORDER BY 1;
SET synergy.clock = '2016-04-20 07:10:00+00';
SELECT synergy.collect_garbage();
SELECT process_name, max(timeperiod) FROM synergy.job WHERE process_name IN ('h', 'd') GROUP BY 1 ORDER BY 1;
SELECT synergy.register_timetable('t', dependent_on => ARRAY['u']);
SELECT synergy.fire('h');
SELECT process_name, max(timeperiod) FROM synergy.job WHERE process_name IN ('h', 'd') GROUP BY 1 ORDER BY 1;
SELECT * FROM synergy.check(true);
-- the timetable's start moves to earlier, never to later
SELECT synergy.register_timetable('t', dependent_on => ARRAY['u'], start_timeperiod => '2016041900');
-- said again, it does not move a process that begins later than its timetable
SELECT synergy.register_process('later', 'monthly', worker => 'notify', tree_name => 't', start_timeperiod => '2016050000');
SELECT synergy.register_timetable('t', dependent_on => ARRAY['u'], start_timeperiod => '2016041900');
SELECT process_name, start_timeperiod FROM synergy.process WHERE tree_name = 't' ORDER BY 1;
SELECT synergy.collect_garbage();
SELECT process_name, min(timeperiod) FROM synergy.job WHERE process_name IN ('h', 'd') GROUP BY 1 ORDER BY 1;
SELECT * FROM synergy.check(true);
SELECT synergy.unregister_process(process_name) FROM synergy.process;
SELECT synergy.unregister_timetable(t) FROM unnest(ARRAY['t', 'u']) t;
DROP VIEW look; DROP FUNCTION again; DROP FUNCTION source; DROP TABLE s1, s2;
