SET timezone = 'UTC';
SET synergy.clock = '2016-04-20 05:10:00+00';
SELECT synergy.register_timetable('t', start_timeperiod => '2016042000');
SELECT synergy.register_process('t_hourly', 'hourly', worker => 'notify', tree_name => 't', options => '{"concurrency": 10}');
SELECT synergy.register_process('t_daily', 'daily', worker => 'notify', tree_name => 't', state_machine => 'continuous');
SELECT synergy.tick();
SELECT count(synergy.complete(unit_of_work_id)) FROM synergy.claim('t_hourly', 10);
SELECT synergy.process_events();
SELECT process_name, timeperiod, state FROM synergy.job ORDER BY 1, 2;
-- again
SELECT * FROM synergy.reprocess('t_hourly', '2016042001');
SELECT * FROM synergy.reprocess('t_hourly', '2016042001');
SELECT * FROM synergy.reprocess('t_hourly', '2016042100');
SELECT * FROM synergy.reprocess('t_hourly', '2016');
SELECT * FROM synergy.reprocess('t_daily', '2016042001');
SELECT * FROM synergy.reprocess('nobody', '2016042001');
-- canceled: the job is skipped
SELECT unit_of_work_id AS unit FROM synergy.job WHERE process_name = 't_hourly' AND timeperiod = '2016042001' \gset
SELECT * FROM synergy.cancel_unit_of_work(:unit);
SELECT * FROM synergy.cancel_unit_of_work(:unit);
SELECT * FROM synergy.cancel_unit_of_work(123456);
-- given up: the day, and the hours below that are not finished
SELECT * FROM synergy.skip('t_daily', '2016042000');
SELECT state, count(*) FROM synergy.unit_of_work WHERE process_name = 't_daily' GROUP BY 1 ORDER BY 1;
SELECT event, process_name, timeperiod, role_name = current_user AS by_me FROM synergy.event_log
WHERE event IN ('reprocess', 'skip', 'cancel') ORDER BY event_id;
SELECT * FROM synergy.check();
SELECT synergy.unregister_process(p) FROM unnest(ARRAY['t_hourly', 't_daily']) p;
SELECT synergy.unregister_timetable('t');

-- what would happen: the same is told, and nothing is changed, not even a number drawn
SELECT synergy.register_timetable('t', start_timeperiod => '2016042000');
SELECT synergy.register_process('t_hourly', 'hourly', worker => 'notify', tree_name => 't', options => '{"concurrency": 10}');
SELECT synergy.register_process('t_daily', 'daily', worker => 'notify', tree_name => 't', state_machine => 'continuous');
SELECT synergy.tick();
SELECT count(synergy.complete(unit_of_work_id)) FROM synergy.claim('t_hourly', 4);
SELECT synergy.process_events();
CREATE VIEW everything AS SELECT
	(SELECT array_agg(j.* ORDER BY process_id, timeperiod)::text FROM synergy.job_data j) AS jobs,
	(SELECT array_agg(u.* ORDER BY unit_of_work_id)::text FROM synergy.unit_of_work_data u) AS units,
	(SELECT array_agg(g.* ORDER BY process_id)::text FROM synergy.progress g) AS progress,
	(SELECT count(*) FROM synergy.event_log) AS events, (SELECT count(*) FROM synergy.pending) AS pending,
	(SELECT array_agg(last_value ORDER BY sequencename) FROM pg_sequences WHERE schemaname = 'synergy') AS sequences;
CREATE TEMP TABLE before AS SELECT * FROM everything;
SET synergy.clock = '2016-04-20 07:20:00+00';
SELECT * FROM synergy.reprocess('t_hourly', '2016042001', dry_run => true);
SELECT * FROM synergy.reprocess('t_hourly', '2016042006', dry_run => true);
SELECT * FROM synergy.skip('t_daily', '2016042000', dry_run => true);
SELECT * FROM synergy.cancel_unit_of_work((SELECT max(unit_of_work_id) FROM synergy.unit_of_work WHERE state = 'requested' AND process_name = 't_hourly'), dry_run => true);
SELECT * FROM synergy.reprocess('t_hourly', '2016042001', dry_run => NULL);
SELECT (SELECT e FROM everything e) = (SELECT b FROM before b) AS nothing_has_changed;
SELECT * FROM synergy.skip('t_daily', '2016042000');
DROP VIEW everything;
SELECT * FROM synergy.check();
SELECT synergy.unregister_process(p) FROM unnest(ARRAY['t_hourly', 't_daily']) p;
SELECT synergy.unregister_timetable('t');
