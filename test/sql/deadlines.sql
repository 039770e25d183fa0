-- a job that is not finished by its deadline is told once, and once more when it is; nothing else is
SET timezone = 'UTC';
SET intervalstyle = 'postgres';
SET synergy.clock = '2016-04-20 03:10:00+00';
-- what is no deadline is refused
SELECT synergy.register_process('bad', 'hourly', 'SELECT 1', options => '{"deadline": "soon"}');
SELECT synergy.register_process('bad', 'hourly', 'SELECT 1', options => '{"deadline": "-1 hour"}');
SELECT synergy.register_process('bad', 'hourly', 'SELECT 1', options => '{"deadline": 0}');
SELECT synergy.register_process('bad', 'hourly', 'SELECT 1', options => '{"deadline": null}');
SELECT synergy.register_freerun('bad', 'one', 'every 60', 'SELECT 1', options => '{"deadline": "1 hour"}');
SELECT synergy.register_daemon('bad', 'true', options => '{"deadline": "1 hour"}');
SELECT count(*) FROM synergy.definition;

CREATE VIEW alerts AS SELECT at::time AS at, event, process_name, timeperiod, new_state, detail FROM synergy.event_log WHERE event IN ('late', 'recovered') ORDER BY event_id;
CREATE VIEW late AS SELECT process_name, timeperiod, tree_name, time_qualifier, state, deadline_at::time AS deadline, late_by, waits_for FROM synergy.late ORDER BY 1, 2;
CREATE FUNCTION at(clock text) RETURNS void LANGUAGE sql AS $$
	SELECT set_config('synergy.clock', '2016-04-' || clock || '+00', false); SELECT synergy.tick() $$;
CREATE FUNCTION register(name text, deadline text, more jsonb DEFAULT '{}', qualifier text DEFAULT 'hourly', tree text DEFAULT NULL, nth int DEFAULT 1, blocking text DEFAULT 'normal', start text DEFAULT '2016042000')
	RETURNS void LANGUAGE sql AS $$
	SELECT synergy.register_process(name, qualifier, worker => 'notify', start_timeperiod => start, tree_name => coalesce(tree, name), time_grouping => nth, blocking_type => blocking,
		options => jsonb_strip_nulls('{"concurrency": 100}' || more || jsonb_build_object('deadline', deadline))) $$;
-- finishes the units of these periods
CREATE FUNCTION finish(name text, VARIADIC periods text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE unit record;
BEGIN
	FOR unit IN SELECT u.unit_of_work_id FROM synergy.unit_of_work u WHERE process_name = name AND timeperiod = ANY (periods) AND state = 'requested' LOOP
		PERFORM synergy.start(unit.unit_of_work_id);
		PERFORM synergy.complete(unit.unit_of_work_id);
	END LOOP;
END $$;

-- deadlines that passed before it was registered do not count
SELECT register('h', '30 minutes');
SELECT at('20 03:20');
SELECT state, count(*) FROM synergy.job WHERE process_name = 'h' GROUP BY 1 ORDER BY 1;
SELECT at('20 03:29:59.999999');
SELECT * FROM alerts;
SELECT at('20 03:30');
SELECT * FROM alerts;
SELECT * FROM late;
SELECT jobs_late FROM synergy.status();
-- once
SELECT at('20 03:45'), at('20 04:20');
SELECT * FROM alerts;
-- while it is late, others are in time, and are not told; nor is one that ends at the very moment
SELECT finish('h', '2016042003');
SELECT at('20 04:30');
SELECT at('20 05:20');
SELECT finish('h', '2016042004');
SELECT at('20 05:30');
SELECT * FROM alerts OFFSET 1;
-- it is finished after all; so are those that never counted
SELECT finish('h', '2016042002', '2016042001', '2016042000');
SELECT at('20 05:40');
SELECT * FROM alerts OFFSET 1;
SELECT * FROM late;
-- run again after its deadline: who does that knows; before: it counts
SELECT count(*) FROM synergy.reprocess('h', '2016042002');
SELECT at('20 06:00');
SELECT * FROM alerts OFFSET 2;
SELECT at('20 06:10');
SELECT finish('h', '2016042005', '2016042002');
SELECT at('20 06:15');
SELECT count(*) FROM synergy.reprocess('h', '2016042005');
SELECT at('20 06:30');
SELECT * FROM alerts OFFSET 2;
-- also when nobody remembers that the deadline was looked at: it was kept, and the table may not know
SELECT at('20 06:59'), finish('h', '2016042005'), at('20 07:00'), at('20 07:10'), finish('h', '2016042006'), at('20 07:20'), at('20 07:30');
SELECT set_config('synergy.clock', '2016-04-20 07:31+00', false), (SELECT count(*) FROM synergy.reprocess('h', '2016042006'));
\c -
SET timezone = 'UTC';
SET intervalstyle = 'postgres';
SELECT at('20 07:32'), finish('h', '2016042006'), at('20 07:33');
SELECT * FROM alerts OFFSET 3;
-- skipped is finished, too; in the operator's transaction, or not at all
SELECT at('20 08:10'), at('20 08:40');
BEGIN;
SELECT count(*) FROM synergy.skip('h', '2016042007');
SELECT count(*) FROM (SELECT FROM alerts OFFSET 5) a;
ROLLBACK;
SELECT count(*) FROM late;
SELECT count(*) FROM synergy.skip('h', '2016042007', dry_run => true);
SELECT count(*) FROM late;
SELECT count(*) FROM synergy.skip('h', '2016042007');
SELECT * FROM alerts OFFSET 5;
SELECT * FROM late;
-- a round that is rolled back has told nothing, and the next one does
SELECT at('20 09:10');
BEGIN;
SELECT at('20 09:30');
SELECT count(*) FROM late;
ROLLBACK;
SELECT * FROM alerts OFFSET 6;
SELECT at('20 09:31');
SELECT * FROM alerts OFFSET 6;
-- what passed while nothing ran is told when something does: every period, also those that had no job yet
SELECT at('20 12:20');
SELECT * FROM alerts OFFSET 7;
SELECT * FROM late;
SELECT synergy.unregister_process('h');
SELECT * FROM late;
SELECT * FROM synergy.check();

-- off is off: nothing is told of it, and when it is on again deadlines count from then
SELECT synergy.deactivate('h') FROM (SELECT register('h', '30 minutes', start => '2016042011')) r;
SELECT at('20 13:00');
SELECT count(*) FROM late;
SELECT synergy.activate('h');
SELECT at('20 13:10');
SELECT count(*) FROM late;
SELECT at('20 13:30');
SELECT * FROM late;
SELECT synergy.deactivate('h');
SELECT process_name, timeperiod, waits_for FROM late;
-- another deadline counts from its registration; the same one again changes nothing
SELECT at('20 14:10');
SELECT register('h', '2 hours');
SELECT at('20 14:59'), at('20 15:00');
SELECT * FROM late;
SELECT register('h', '2 hours');
SELECT at('20 16:00');
SELECT * FROM late;
-- none any more: nothing new is late, and what is late is told when it is finished
SELECT register('h', NULL);
SELECT at('20 18:00');
SELECT count(*) FROM late;
SELECT finish('h', '2016042011', '2016042012', '2016042013');
SELECT at('20 18:01');
SELECT * FROM alerts WHERE at >= '18:00';
SELECT synergy.unregister_process('h');

-- a level waits for the one below, and says so
SELECT register('hours', '30 minutes', tree => 'site', start => '2016042022'), register('days', '2 hours', blocking => 'children', qualifier => 'daily', tree => 'site', start => '2016042022');
SELECT at('21 00:10');
SELECT finish('hours', '2016042022');
SELECT at('21 01:50');
SELECT at('21 02:00');
SELECT * FROM late;
SELECT synergy.fail(u.unit_of_work_id, 'no disk left') FROM synergy.claim('hours', 1) u;
SELECT process_name, timeperiod, waits_for FROM late WHERE process_name = 'hours';

-- a backfill of old periods is nobody's business; the rest goes on
SELECT synergy.backfill('hours', '2016042010');
SELECT at('21 02:10');
SELECT process_name, timeperiod FROM late;
SELECT synergy.register_timetable('site', start_timeperiod => '2016042000');
SELECT at('21 02:20');
SELECT process_name, timeperiod FROM late;
SELECT at('21 02:30');
SELECT process_name, timeperiod FROM late;
-- and what is late when it is asked for is still told
SELECT set_config('synergy.clock', '2016-04-21 03:35+00', false), synergy.backfill('hours', '2016041912'), synergy.tick();
SELECT process_name, timeperiod, waits_for FROM late;
-- periods of a backfill whose deadline is still to come do count
SELECT register('slow', '2 days', start => '2016042101');
SELECT at('21 03:40');
SELECT synergy.backfill('slow', '2016041901', '2016041904');
SELECT at('21 03:50'), at('21 04:10'), at('21 05:30');
SELECT process_name, timeperiod, deadline FROM late WHERE process_name = 'slow';
SELECT synergy.unregister_process('slow');

-- of groups only milestones count
SELECT register('groups', '30 minutes', '{"concurrency": 1}', nth => 3, start => '2016042104');
SELECT at('21 06:20'), at('21 07:40'), at('21 09:40');
SELECT count(*) FROM synergy.job WHERE process_name = 'groups' AND state = 'embryo' AND timeperiod < '2016042109';
SELECT process_name, timeperiod FROM late WHERE process_name = 'groups';
SELECT synergy.unregister_process('groups');

-- a clock that is set back tells nothing twice
SELECT at('21 09:50');
SELECT count(*) AS n FROM alerts \gset
SELECT at('21 08:00'), at('21 09:50');
SELECT count(*) - :n FROM alerts;

-- more than are told at once: the next round goes on
SELECT register('many', '1 minute', '{"concurrency": 1}', start => '2016042109');
SELECT at('21 09:55');
SET synergy.clock = '2016-06-20 00:30:00+00';
SELECT synergy.tick();
SELECT count(*), max(timeperiod) FROM synergy.late WHERE process_name = 'many';
SELECT synergy.tick();
SELECT count(*), max(timeperiod) FROM synergy.late WHERE process_name = 'many';
SELECT count(*), count(DISTINCT timeperiod) FROM synergy.event_log WHERE event = 'late' AND process_name = 'many';
-- a timetable that is cut takes its late jobs along
SELECT synergy.fire('many');
SELECT synergy.register_timetable('many', end_timeperiod => '2016061200');
SELECT count(*) FROM synergy.late WHERE process_name = 'many';
SELECT register('embryos', '1 minute', '{"concurrency": 1}', start => '2016061921');
SELECT synergy.tick();
SELECT set_config('synergy.clock', '2016-06-20 03:02:00+00', false), synergy.tick();
SELECT process_name, timeperiod, state FROM late WHERE process_name = 'embryos';
SELECT synergy.register_timetable('embryos', end_timeperiod => '2016062001');
SELECT process_name, timeperiod, state FROM late WHERE process_name = 'embryos';
SELECT * FROM synergy.check();

-- to RabbitMQ only if that is asked for, in the same transaction
SELECT count(*) FROM synergy.outbox;
SET synergy.amqp_uri = 'amqp://nobody@localhost/none';
SET synergy.publish_alerts = on;
SELECT register('told', '30 minutes', start => '2016062003');
SELECT set_config('synergy.clock', '2016-06-20 04:10:00+00', false), synergy.tick();
SELECT set_config('synergy.clock', '2016-06-20 04:30:10+00', false), synergy.tick();
SELECT finish('told', '2016062003');
SELECT set_config('synergy.clock', '2016-06-20 04:40:00+00', false), synergy.tick();
SELECT routing_key, (body::jsonb - 'database')::text FROM synergy.outbox WHERE body::jsonb->>'process_name' = 'told' ORDER BY outbox_id;
SELECT DISTINCT body::jsonb->>'database' = (SELECT system_identifier FROM pg_control_system()) || '.' || (SELECT oid FROM pg_database WHERE datname = current_database()) FROM synergy.outbox;
RESET synergy.amqp_uri;

-- who may see what
CREATE ROLE late_viewer;
CREATE ROLE late_author;
CREATE ROLE late_other;
SELECT synergy.grant('viewer', 'late_viewer'), synergy.grant('author', 'late_author'), synergy.grant('author', 'late_other');
SET ROLE late_author;
SELECT synergy.register_process('mine', 'hourly', worker => 'notify', start_timeperiod => '2016062003', options => '{"deadline": "1 hour"}');
RESET ROLE;
SELECT set_config('synergy.clock', '2016-06-20 05:00:00+00', false), synergy.tick();
SET ROLE late_author;
SELECT process_name, timeperiod, waits_for FROM synergy.late;
SELECT process_name, units FROM synergy.duration;
SELECT process_name, jobs_left FROM synergy.forecast('mine');
SELECT * FROM synergy.forecast('site');
SET ROLE late_other;
SELECT count(*) FROM synergy.late;
SELECT count(*) FROM synergy.late_job;
SELECT * FROM synergy.forecast('mine');
SET ROLE late_viewer;
SELECT process_name, timeperiod FROM synergy.late WHERE process_name = 'mine';
SELECT count(*) > 10 FROM synergy.late;
SELECT process_name, jobs_left FROM synergy.forecast('mine');
DELETE FROM synergy.late_job;
RESET ROLE;
SELECT synergy.revoke('viewer', 'late_viewer'), synergy.revoke('author', 'late_author'), synergy.revoke('author', 'late_other');
SET ROLE late_viewer;
SELECT count(*) FROM synergy.late;
RESET ROLE;

-- what check() finds
INSERT INTO synergy.late_job SELECT p.process_id, '2016042001', now(), now() FROM synergy.process p WHERE process_name = 'told';
INSERT INTO synergy.late_job VALUES (2000000000, '2016042001', now(), now());
SELECT invariant, process_name, timeperiod, detail FROM synergy.check() ORDER BY process_name COLLATE "C";
DELETE FROM synergy.late_job WHERE told_at = deadline_at;
SELECT * FROM synergy.check();
SELECT synergy.unregister_process(process_name) FROM synergy.process;
SELECT count(*) FROM synergy.late_job;
DROP VIEW alerts, late;
DROP FUNCTION at, register, finish;
DROP ROLE late_viewer, late_author, late_other;
