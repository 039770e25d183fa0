-- recomputing, eager: rows that come in while a worker has the unit wait for its end, so that it cannot write over the next one's result
CREATE TABLE beside_src (id int, ts timestamptz);
CREATE INDEX ON beside_src (ts, id);
INSERT INTO beside_src VALUES (1, '2016-04-20 05:01:00+00');
SET synergy.clock = '2016-04-20 05:10:00+00';
SELECT synergy.register_process('rc', 'hourly', worker => 'notify', state_machine => 'recomputing', source => 'beside_src', start_timeperiod => '2016042005',
	options => '{"source_key": "id", "source_time": "ts"}');
SELECT synergy.fire('rc');
SELECT count(*) FROM synergy.claim('rc');
INSERT INTO beside_src VALUES (2, '2016-04-20 05:02:00+00');
SELECT synergy.fire('rc');
SELECT state, start_id, end_id FROM synergy.unit_of_work WHERE process_name = 'rc' ORDER BY unit_of_work_id;
-- also at the end of the period
SET synergy.clock = '2016-04-20 06:00:00+00';
SELECT synergy.fire('rc');
SELECT state, start_id, end_id FROM synergy.unit_of_work WHERE process_name = 'rc' ORDER BY unit_of_work_id;
SELECT synergy.complete(unit_of_work_id) FROM synergy.unit_of_work WHERE process_name = 'rc' AND state = 'in_progress';
SELECT synergy.process_events();
SELECT state, start_id, end_id FROM synergy.unit_of_work WHERE process_name = 'rc' ORDER BY unit_of_work_id;
SELECT timeperiod, state FROM synergy.job WHERE process_name = 'rc' ORDER BY 1;
-- a unit that nobody has taken yet, or that has failed, makes way for the last one: two of a job would run side by side
SELECT synergy.complete(unit_of_work_id) FROM synergy.claim('rc');
SELECT synergy.process_events();
INSERT INTO beside_src VALUES (3, '2016-04-20 06:01:00+00');
SET synergy.clock = '2016-04-20 06:10:00+00';
SELECT synergy.fire('rc');
INSERT INTO beside_src VALUES (4, '2016-04-20 06:02:00+00');
SET synergy.clock = '2016-04-20 07:00:00+00';
SELECT synergy.fire('rc');
SELECT timeperiod, state, start_id, end_id FROM synergy.unit_of_work WHERE process_name = 'rc' AND timeperiod = '2016042006' ORDER BY unit_of_work_id;
SELECT * FROM synergy.check();
SELECT synergy.complete(unit_of_work_id) FROM synergy.claim('rc');
SELECT synergy.process_events();
INSERT INTO beside_src VALUES (5, '2016-04-20 07:01:00+00');
SET synergy.clock = '2016-04-20 07:10:00+00';
SELECT synergy.fire('rc');
SELECT synergy.fail(unit_of_work_id, 'out of order') FROM synergy.claim('rc');
INSERT INTO beside_src VALUES (6, '2016-04-20 07:02:00+00');
SET synergy.clock = '2016-04-20 08:00:00+00';
SELECT synergy.fire('rc');
SELECT timeperiod, state, start_id, end_id FROM synergy.unit_of_work WHERE process_name = 'rc' AND timeperiod = '2016042007' ORDER BY unit_of_work_id;
SELECT * FROM synergy.check();
SELECT synergy.unregister_process('rc');
DROP TABLE beside_src;
