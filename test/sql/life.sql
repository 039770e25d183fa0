-- the life of discrete jobs, one step a trigger, with a worker outside
SET timezone = 'UTC';
SET synergy.clock = '2016-04-20 05:04:00+00';
SELECT synergy.register_timetable('t', start_timeperiod => '2016042004');
SELECT synergy.register_process('t_hourly', 'hourly', worker => 'notify', tree_name => 't', options => '{"catch_up": "paced"}',
	arguments => '{"n": 1}', source => 'here', sink => 'there');
-- the trigger lag: not before five minutes after the hour
SELECT synergy.fire('t_hourly');
SELECT timeperiod, state, unit_of_work_id FROM synergy.job ORDER BY 1;
SELECT level, timeperiod, explanation FROM synergy.explain_job('t_hourly', '2016042004');
SET synergy.clock = '2016-04-20 05:10:00+00';
SELECT level, timeperiod, explanation FROM synergy.explain_job('t_hourly', '2016042004');
SELECT synergy.fire('t_hourly');
SELECT timeperiod, state, unit_of_work_id IS NOT NULL AS has_unit FROM synergy.job ORDER BY 1;
-- a worker takes it; who comes second gets nothing
SELECT process_name, timeperiod, start_timeperiod, end_timeperiod, start_id, end_id, source, sink, arguments, state, attempt
FROM synergy.claim('t_hourly', 5);
SELECT count(*) FROM synergy.claim('t_hourly');
SELECT unit_of_work_id AS unit FROM synergy.unit_of_work \gset
SELECT count(*) FROM synergy.start(:unit);
SELECT * FROM synergy.claim('nobody');
SELECT * FROM synergy.claim('t_hourly', 0);
-- it fails, waits for the garbage collector, and is taken again
SELECT synergy.log(:unit, 'a line');
SELECT synergy.fail(:unit, 'out of luck', 1);
SELECT synergy.fail(:unit, 'twice');
SELECT synergy.collect_garbage();
SELECT state, error, number_of_retries FROM synergy.unit_of_work;
SET synergy.clock = '2016-04-20 05:25:01+00';
SELECT synergy.collect_garbage();
SELECT state, number_of_retries, attempt FROM synergy.unit_of_work;
SELECT attempt FROM synergy.claim('t_hourly');
-- the first worker comes back, too late
SELECT synergy.complete(:unit, attempt => 1);
SELECT synergy.heartbeat(:unit);
SELECT synergy.complete(:unit, 'done');
SELECT synergy.complete(:unit, attempt => 2, number_of_processed => 10, number_of_aggregated => 3);
SELECT synergy.complete(:unit, attempt => 2);
SELECT synergy.complete(123456);
SELECT synergy.process_events();
SELECT timeperiod, state, unit_state, attempt, number_of_retries, number_of_processed, number_of_aggregated, period_start, period_end
FROM synergy.job_status ORDER BY 1;
SELECT line FROM synergy.unit_of_work_log;
SELECT event, timeperiod, old_state, new_state, detail FROM synergy.event_log WHERE process_name = 't_hourly' AND event IN ('job', 'unit')
ORDER BY event_id;
-- off means off
SET synergy.clock = '2016-04-20 06:10:00+00';
SELECT synergy.deactivate('t_hourly');
SELECT synergy.fire('t_hourly');
SELECT timeperiod, state FROM synergy.job ORDER BY 1;
SELECT explanation FROM synergy.explain_job('t_hourly', '2016042005');
SELECT synergy.activate('t_hourly');
SELECT synergy.fire('t_hourly');
SELECT timeperiod, state FROM synergy.job ORDER BY 1;
-- in the same transaction as the work: refused, and so rolled back
BEGIN;
CREATE TABLE effect (x int);
SELECT synergy.complete(max(unit_of_work_id)) FROM synergy.unit_of_work;
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT synergy.fire('t_hourly');
ROLLBACK;
SELECT * FROM synergy.check();
SELECT synergy.unregister_process('t_hourly');
SELECT synergy.unregister_timetable('t');
-- several at once, all or none
SET synergy.clock = '2016-04-20 08:10:00+00';
SELECT synergy.register_process('m_hourly', 'hourly', worker => 'notify', start_timeperiod => '2016042000', options => '{"concurrency": 6}');
SELECT synergy.tick();
SELECT array_agg(unit_of_work_id ORDER BY unit_of_work_id) AS units, array_agg(attempt ORDER BY unit_of_work_id) AS attempts FROM synergy.claim('m_hourly', 5) \gset
SELECT max(unit_of_work_id) AS other FROM synergy.unit_of_work WHERE state = 'requested' \gset
SELECT synergy.complete_many(:'units'::bigint[] || :other::bigint);
SELECT synergy.complete_many(:'units', ARRAY[1, 1, 1, 1, 2]);
SELECT synergy.complete_many(:'units'::bigint[] || (:'units'::bigint[])[1]);
SELECT synergy.complete_many(:'units', ARRAY[1]);
SELECT synergy.complete_many(:'units', ARRAY[1, 1, 1, 1, 0]);
SELECT synergy.complete_many(:'units', state => 'invalid');
SELECT synergy.complete_many(ARRAY[1, NULL]::bigint[]);
SELECT synergy.complete_many(ARRAY[[1]]::bigint[]);
SELECT synergy.complete_many(array_agg(i)) FROM generate_series(1, 100001) i;
SELECT synergy.complete_many(NULL);
-- nor in a transaction that may not write, whether or not there is something to write
BEGIN READ ONLY;
SAVEPOINT s;
SELECT synergy.complete_many(:'units');
ROLLBACK TO s;
SELECT count(*) FROM synergy.claim('m_hourly');
ROLLBACK TO s;
SELECT synergy.tick();
ROLLBACK;
SELECT state, count(*) FROM synergy.unit_of_work GROUP BY 1 ORDER BY 1;
SELECT synergy.complete_many('{}');
SELECT synergy.complete_many((:'units'::bigint[])[1:3], ARRAY[1, 1, 1]);
SELECT synergy.complete_many((:'units'::bigint[])[4:5], state => 'noop');
SELECT synergy.tick();
SELECT state, count(*) FROM synergy.job WHERE process_name = 'm_hourly' GROUP BY 1 ORDER BY 1;
SELECT * FROM synergy.check();
-- a parallel worker gets along with the clock of its session, while its own time zones are still to come
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET synergy.clock = 'Wed Apr 20 09:10:00 2016 UTC';
DO $$ BEGIN FOR i IN 1 .. 20 LOOP PERFORM count(*) FROM synergy.job_data; END LOOP; END $$;
SELECT synergy.now();
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
SELECT synergy.unregister_process('m_hourly');
