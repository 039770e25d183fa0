-- what is said of a job is found by its period, whatever became of it
SET timezone = 'UTC';
SET synergy.clock = '2016-04-20 05:10:00+00';
CREATE VIEW lost AS
SELECT e.event_id, e.process_name, e.timeperiod, e.old_state, e.new_state FROM synergy.event_log e WHERE e.timeperiod IS NOT NULL AND e.process_name LIKE 'ev%'
EXCEPT ALL
SELECT e.event_id, e.process_name, e.timeperiod, e.old_state, e.new_state
FROM (SELECT DISTINCT process_name, timeperiod FROM synergy.event_log WHERE timeperiod IS NOT NULL AND process_name LIKE 'ev%') k, synergy.job_events(k.process_name, k.timeperiod) e;
CREATE VIEW twice AS
SELECT e.event_id, count(*) FROM (SELECT DISTINCT process_name, timeperiod FROM synergy.event_log WHERE timeperiod IS NOT NULL AND process_name LIKE 'ev%') k,
	synergy.job_events(k.process_name, k.timeperiod) e GROUP BY 1 HAVING count(*) > 1;

SELECT synergy.register_timetable('ev', start_timeperiod => '2016042000');
SELECT synergy.register_process('ev_hourly', 'hourly', worker => 'notify', tree_name => 'ev', options => '{"concurrency": 10}');
SELECT synergy.register_process('ev_daily', 'daily', worker => 'notify', tree_name => 'ev', state_machine => 'continuous');
SELECT synergy.register_freerun('ev_free', 'e', 'every 60', worker => 'notify');
SELECT synergy.fire('ev_free', 'e');
SELECT synergy.tick();
SELECT count(synergy.complete(unit_of_work_id)) FROM synergy.claim('ev_hourly', 4);
SELECT count(synergy.complete(unit_of_work_id)) FROM synergy.claim('ev_daily', 1);
SELECT synergy.fail(unit_of_work_id, 'no') FROM synergy.claim('ev_free', 1);
SELECT synergy.process_events();
SELECT old_state, new_state, is_step, previous_id IS NOT NULL AS again FROM synergy.job_events('ev_hourly', '2016042001');
-- plain steps are not in the index, all else is
SELECT event, old_state, new_state, count(*) FROM synergy.event_log WHERE is_step AND process_name LIKE 'ev%' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT event, old_state, new_state, detail FROM synergy.event_log WHERE NOT is_step AND timeperiod IS NOT NULL AND process_name LIKE 'ev%' ORDER BY event_id;
TABLE lost;
TABLE twice;

-- finished once more, and once more; skipped, and once more
SELECT * FROM synergy.reprocess('ev_hourly', '2016042001');
SELECT synergy.tick();
SELECT count(synergy.complete(unit_of_work_id)) FROM synergy.claim('ev_hourly', 10) WHERE timeperiod = '2016042001';
SELECT synergy.process_events();
SELECT * FROM synergy.reprocess('ev_hourly', '2016042001');
SELECT * FROM synergy.skip('ev_hourly', '2016042001');
SELECT * FROM synergy.reprocess('ev_hourly', '2016042001');
SELECT synergy.tick();
SELECT event, old_state, new_state, is_step, previous_id IS NOT NULL AS again FROM synergy.job_events('ev_hourly', '2016042001');
SELECT event, old_state, new_state, is_step FROM synergy.job_events('ev_hourly', '2016042002');
TABLE lost;
TABLE twice;
SELECT * FROM synergy.check();

-- units that are recycled get another mark: they are no way to a step
CREATE TABLE visit (id bigint, at timestamptz);
INSERT INTO visit VALUES (1, '2016-04-20 04:01:00+00'), (2, '2016-04-20 04:02:00+00');
SELECT synergy.register_process('ev_rows', 'hourly', worker => 'notify', state_machine => 'recomputing', source => 'visit', start_timeperiod => '2016042004',
	options => '{"source_key": "id", "source_time": "at"}');
SELECT synergy.tick();
SELECT count(synergy.complete(unit_of_work_id, 'canceled')) FROM synergy.claim('ev_rows', 1);
SELECT synergy.tick();
SELECT synergy.fire('ev_rows');
SELECT count(synergy.complete(unit_of_work_id)) FROM synergy.claim('ev_rows', 1);
SELECT synergy.tick();
SELECT synergy.fire('ev_rows');
SELECT old_state, new_state, is_step FROM synergy.job_events('ev_rows', '2016042004');
TABLE lost;
SELECT * FROM synergy.check();

-- a mark that went lost is found out
BEGIN;
UPDATE synergy.job_data SET mark = mark + 50 WHERE (process_id, timeperiod) = (SELECT process_id, '2016042002' FROM synergy.process WHERE process_name = 'ev_hourly');
SELECT invariant, process_name, timeperiod FROM synergy.check() WHERE invariant LIKE '%step%';
ROLLBACK;

-- by keys
CREATE FUNCTION plan_of(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE 'EXPLAIN (COSTS off) ' || statement;
END;
$$;
SET enable_seqscan = off;
SELECT count(*) > 0 AS by_key, bool_or(l LIKE '%Seq Scan on event_log%') AS by_looking_at_all
FROM (SELECT l FROM plan_of($$SELECT * FROM synergy.job_events('ev_hourly', '2016042001')$$) l) p WHERE l LIKE '%event_log%';
RESET enable_seqscan;

-- another process of the name
SELECT synergy.unregister_process('ev_hourly');
SELECT * FROM synergy.check();
SELECT count(*) FROM synergy.event_log WHERE process_name = 'ev_hourly' AND is_step;
SELECT DISTINCT event, is_step FROM synergy.job_events('ev_hourly', '2016042001');
SELECT synergy.unregister_process(p) FROM unnest(ARRAY['ev_daily', 'ev_rows']) p;
SELECT synergy.unregister_freerun('ev_free', 'e');
SELECT synergy.unregister_timetable('ev');
DROP VIEW lost, twice;
DROP FUNCTION plan_of(text);
DROP TABLE visit;
