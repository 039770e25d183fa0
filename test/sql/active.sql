-- the list of active units follows what rounds write, and what workers end when the news of it are applied
SET timezone = 'UTC';
SET synergy.clock = '2016-04-20 05:10:00+00';
CREATE VIEW listed AS SELECT (SELECT count(*) FROM synergy.active_unit) AS listed, (SELECT count(*) FROM synergy.unit_of_work_active) AS seen,
	(SELECT count(*) FROM synergy.unit_of_work WHERE state IN ('requested', 'in_progress', 'invalid')) AS active;
SELECT synergy.register_process('units', 'hourly', worker => 'notify', start_timeperiod => '2016042001', options => '{"concurrency": 4}');
SELECT synergy.tick();
SELECT * FROM listed;
-- rows of the view are rows of the table
SELECT count(*) FROM (SELECT attname, attnum, atttypid FROM pg_attribute WHERE attrelid = 'synergy.unit_of_work_data'::regclass AND attnum > 0
	EXCEPT SELECT attname, attnum, atttypid FROM pg_attribute WHERE attrelid = 'synergy.unit_of_work_active'::regclass) differs;
-- neither a claim nor a failure changes it
SELECT count(*) FROM synergy.claim('units', 3);
SELECT unit_of_work_id AS first FROM synergy.job WHERE process_name = 'units' AND timeperiod = '2016042001' \gset
SELECT unit_of_work_id AS second FROM synergy.job WHERE process_name = 'units' AND timeperiod = '2016042002' \gset
SELECT synergy.fail(:second, 'failed');
SELECT * FROM listed;
-- one that has ended is there for nothing until a round has heard of it
SELECT synergy.complete(:first);
SELECT * FROM listed;
SELECT synergy.process_events();
SELECT * FROM listed;
-- what rounds end is not listed from then on
SELECT process_name FROM synergy.cancel_unit_of_work(:second) LIMIT 1;
SELECT * FROM listed;
SELECT count(*) FROM synergy.skip('units', '2016042003');
SELECT * FROM listed;
-- a unit that is requested once more, long after its end
CREATE TABLE src (id bigint PRIMARY KEY, ts timestamptz);
INSERT INTO src SELECT g, '2016-04-20 01:10:00+00'::timestamptz + g * interval '10 minutes' FROM generate_series(0, 5) g;
CREATE INDEX ON src (ts);
SELECT synergy.register_process('rows', 'hourly', worker => 'notify', state_machine => 'recomputing', source => 'src', start_timeperiod => '2016042001',
	options => '{"source_key": "id", "source_time": "ts"}');
SELECT synergy.tick();
SELECT unit_of_work_id AS again FROM synergy.claim('rows') \gset
SELECT synergy.complete(:again), synergy.process_events();
SELECT count(*) FROM synergy.active_unit WHERE unit_of_work_id = :again;
SELECT count(*) > 0 AS some FROM synergy.reprocess('rows', '2016042001');
SELECT synergy.tick();
SELECT count(*) FROM synergy.active_unit WHERE unit_of_work_id = :again;
SELECT unit_of_work_id = :again AS same FROM synergy.claim('rows');
SELECT * FROM synergy.check();
-- what somebody has changed by hand: one that is listed and not active is taken away by the garbage collector, the other way round is told
SELECT count(*) AS active FROM synergy.unit_of_work_active \gset
UPDATE synergy.unit_of_work_data SET state = 'c', finished_at = synergy.now() WHERE unit_of_work_id = :again;
SELECT listed - :active AS listed, seen - :active AS seen FROM listed;
SELECT synergy.collect_garbage();
SELECT listed - :active AS listed, seen - :active AS seen FROM listed;
BEGIN;
DELETE FROM synergy.active_unit;
SELECT DISTINCT invariant FROM synergy.check() WHERE invariant LIKE '%listed%';
ROLLBACK;
SELECT synergy.unregister_process('rows'), synergy.unregister_process('units');
SELECT * FROM listed;
DROP VIEW listed;
DROP TABLE src;
