-- what agents call: units of exec processes on boxes, and daemons
SET timezone = 'UTC';
SET synergy.clock = '2016-04-20 05:10:00+00';
-- options: each is checked as it will be read
CREATE FUNCTION exec(name text, options jsonb, command text DEFAULT 'true') RETURNS void LANGUAGE sql AS $$
	SELECT synergy.register_process(name, 'hourly', command, worker => 'exec', start_timeperiod => '2016042002', options => options) $$;
CREATE FUNCTION refused(options jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE message text; hint text; BEGIN
	PERFORM exec('bad', options); RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT; RETURN concat_ws(' | ', SQLSTATE, SQLERRM, hint); END $$;
SELECT refused(o) FROM unnest(ARRAY['{"present_on_boxes": "("}', '{"present_on_boxes": ["a", "[b"]}', '{"present_on_boxes": [1]}', '{"present_on_boxes": 1}',
	'{"working_directory": "var"}', '{"umask": "088"}', '{"umask": "7777"}', '{"umask": ""}', '{"user": ""}', '{"user": "a/b"}',
	'{"cpu_limit": "0.5 s"}', '{"cpu_limit": "1.5 s"}', '{"cpu_limit": "2 years"}', '{"memory_limit": "512 mb"}', '{"memory_limit": "1kB"}',
	'{"memory_limit": "1025TB"}', '{"memory_limit": "-1"}', '{"memory_limit": "99999999999999999999"}', '{"open_files": 2}', '{"kill_grace": "-1 s"}',
	'{"kill_grace": "2 days"}', '{"kill_grace": "soon"}', '{"log_lines": 10000001}', '{"log_lines": null}', '{"environment": "A=b"}', '{"environment": {"1A": "b"}}',
	'{"environment": {"A-B": "b"}}', '{"environment": {"SYNERGY_X": "b"}}', '{"environment": {"A": 1}}', '{"environment": {"A": {"B": "c"}}}',
	'{"environment": {"A": "b\u0001"}}']::jsonb[]) o;
SELECT synergy.register_process('bad', 'hourly', 'SELECT 1', options => '{"umask": "022"}');
SELECT synergy.register_freerun('bad', 'e', 'every 60', worker => 'notify', options => '{"environment": {}}');
SELECT exec('bad', '{}', NULL);
SELECT exec('bad', '{}', E' \t\n');
SELECT exec('all', '{"present_on_boxes": ["^b[12]$", "^c"], "working_directory": "/var/lib", "umask": "027", "user": "joe", "cpu_limit": "90 s",
	"memory_limit": "512 MB", "open_files": 100, "kill_grace": 1.5, "log_lines": 0, "environment": {"b": "2", "A": "1 = x"}, "timeout": "10 minutes"}', 'not SQL; run "it"');
SELECT exec('web', '{"present_on_boxes": "web"}');
SELECT exec('any', '{"concurrency": 3, "present_on_boxes": []}');
SELECT exec('off', '{}');
SELECT synergy.register_freerun('free', 'run', 'every 60', 'date', worker => 'exec', arguments => '{"a": 1}');
SELECT synergy.register_process('other', 'hourly', worker => 'notify', start_timeperiod => '2016042002');
SELECT synergy.fire(process_name) FROM synergy.process;
SELECT synergy.fire('free', 'run');
SELECT synergy.deactivate('off');
-- nothing without agent_begin
SELECT synergy.agent_claim(1);
SELECT synergy.agent_heartbeat('{}', '{}');
SELECT synergy.agent_report('{}', '{}', '{}', '{}');
SELECT synergy.agent_log('{}', '{}', '{}', '{}');
SELECT synergy.agent_release('{}', '{}');
SELECT synergy.agent_daemons();
SELECT synergy.agent_daemon_report('{}', '{}', '{}', '{}', '{}', '{}', '{}');
SELECT synergy.agent_begin('', 'i', 1, 'h', 1, 'v');
SELECT synergy.agent_begin(repeat('x', 64), 'i', 1, 'h', 1, 'v');
SELECT synergy.agent_begin(E'a\nb', 'i', 1, 'h', 1, 'v');
SELECT synergy.agent_begin('b1', 'i', -1, 'h', 1, 'v');
SELECT synergy.agent_begin('b1', 'i', 10001, 'h', 1, 'v');
SELECT synergy.agent_begin('b1', NULL, 1, 'h', 1, 'v');
SELECT synergy.agent_begin('b1', 'i', 1, 'h', 1, 'v', '{1}');
SELECT synergy.agent_begin('b1', 'i', 1, 'h', 1, 'v', NULL, '{}');
SELECT synergy.agent_begin('b1', 'i', 1, 'h', 1, 'v', '{1,null}', '{1,2}');
SELECT synergy.agent_begin('b1', 'i', 1, 'h', 1, 'v', '{{1},{2}}', '{1,2}');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT synergy.agent_begin('b1', 'i', 1, 'h', 1, 'v');
ROLLBACK;
-- one that is rolled back was none, and holds nothing
BEGIN;
SELECT synergy.agent_begin('b1', 'i', 1, 'h', 1, 'v');
SELECT count(*) FROM synergy.agent_claim(1);
ROLLBACK;
SELECT synergy.agent_claim(1);
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 16984;
SELECT * FROM synergy.agent_begin('b1', 'i', 4, 'host', 42, '1.0');
SELECT box_name, slots, host, pid, version, is_connected, units, started_at, heard_at, daemons FROM synergy.box_status;
-- a claim goes round the definitions that may run here, and on from the last one
SELECT synergy.agent_claim(0);
SELECT synergy.agent_claim(NULL);
SELECT synergy.agent_claim(1, '{null}');
SELECT unit_of_work_id, process_name, timeperiod, attempt FROM synergy.agent_claim(2);
SELECT is_busy, heard_at FROM synergy.box;
SELECT process_name, timeperiod, attempt FROM synergy.agent_claim(1);
SELECT process_name, timeperiod, attempt FROM synergy.agent_claim(5, '{any,nonsense}');
SELECT * FROM synergy.agent_claim(5, '{web,off,other}');
SELECT * FROM synergy.agent_claim(100);
-- a unit that was requested behind what has been looked at, and one that is requested anew
SELECT process_name, state FROM synergy.unit_of_work_box ORDER BY unit_of_work_id;
\x
SELECT synergy.agent_release(array_agg(unit_of_work_id), array_agg(attempt)) FROM synergy.unit_of_work_box WHERE process_name IN ('all', 'free');
SELECT process_name, u.* FROM synergy.unit_of_work_data u JOIN synergy.definition USING (process_id) WHERE process_name = 'all' AND attempt > 0;
SELECT * FROM synergy.agent_claim(100);
\x
-- reports: what is not this box's, under this attempt, in progress, is refused
CREATE TEMP TABLE mine AS SELECT row_number() OVER (ORDER BY unit_of_work_id) AS no, unit_of_work_id AS id, attempt, process_name FROM synergy.unit_of_work_box;
SELECT no, process_name, attempt FROM mine ORDER BY no;
SELECT synergy.agent_report('{1}', '{1}', '{done}', '{null}');
SELECT synergy.agent_report('{1}', '{1}', '{processed}', '{}');
SELECT synergy.agent_report('{1}', '{1}', '{null}', '{null}');
SELECT count(*) FROM synergy.agent_report('{}', '{}', '{}', '{}');
CREATE FUNCTION report(VARIADIC numbers int[]) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT concat_ws(' | ', m.no, r.attempt, r.refusal) FROM synergy.agent_report(
		(SELECT array_agg(id ORDER BY no) FROM mine WHERE no = ANY ($1)), (SELECT array_agg(attempt ORDER BY no) FROM mine WHERE no = ANY ($1)),
		(SELECT array_agg((ARRAY['processed', 'noop', 'canceled', 'invalid', 'invalid'])[no] ORDER BY no) FROM mine WHERE no = ANY ($1)),
		(SELECT array_agg(CASE no WHEN 4 THEN 'exit 3' END ORDER BY no) FROM mine WHERE no = ANY ($1))) r JOIN mine m ON m.id = r.unit_of_work_id ORDER BY 1 $$;
SELECT * FROM synergy.agent_report(ARRAY[(SELECT id FROM mine WHERE no = 1), 0], ARRAY[7, 1], '{processed,processed}', '{null,null}');
SELECT report(1, 2, 3, 4);
SELECT report(1, 4);
SELECT m.no, u.state, u.error, u.finished_at, u.attempt, b.box_name FROM mine m JOIN synergy.unit_of_work u ON u.unit_of_work_id = m.id
JOIN synergy.unit_of_work_box b USING (unit_of_work_id) ORDER BY 1;
SELECT process_name, old_state, new_state, detail FROM synergy.event_log WHERE event = 'unit' ORDER BY event_id;
SELECT synergy.process_events();
SELECT process_name, timeperiod, state FROM synergy.job WHERE state NOT IN ('embryo', 'in_progress') ORDER BY 1, 2;
-- output; lines of units that are gone are left out
SELECT synergy.agent_log('{1}', '{now}', '{stdin}', '{x}');
SELECT synergy.agent_log('{1}', '{now}', '{null}', '{null}');
SELECT synergy.agent_log(ARRAY[id, id, 0, id], '{2016-04-20 05:10:01+00,2016-04-20 05:10:02+00,now,2016-04-20 05:10:03+00}', '{stdout,stderr,stdout,null}', '{one,two,lost,three}') FROM mine WHERE no = 1;
SELECT l.at, l.stream, l.line FROM synergy.unit_of_work_log l JOIN mine ON id = l.unit_of_work_id ORDER BY line_no;
-- signs of life: what is no longer the box's is told
SELECT no, b.process_name FROM mine JOIN synergy.unit_of_work_box b ON unit_of_work_id = id WHERE b.state = 'in_progress';
SET synergy.clock = '2016-04-20 05:10:20+00';
SELECT m.no FROM synergy.agent_heartbeat((SELECT array_agg(id) FROM mine), (SELECT array_agg(attempt) FROM mine)) h (id) JOIN mine m USING (id) ORDER BY 1;
SELECT is_busy, heard_at FROM synergy.box;
SELECT synergy.cancel_unit_of_work(id) FROM mine WHERE no = 5;
SELECT m.no FROM synergy.agent_heartbeat((SELECT array_agg(id) FROM mine WHERE no = 5), (SELECT array_agg(attempt) FROM mine WHERE no = 5)) h (id) JOIN mine m USING (id);
SELECT report(5);
SELECT synergy.agent_heartbeat('{}', '{}');
SELECT is_busy, heard_at FROM synergy.box;
SET synergy.clock = '2016-04-20 05:10:30+00';
SELECT synergy.agent_heartbeat('{}', '{}');
SELECT is_busy, heard_at FROM synergy.box;
-- complete and fail go on to work for those who know the attempt
SELECT synergy.register_process('more', 'hourly', 'true', worker => 'exec', start_timeperiod => '2016042000', options => '{"concurrency": 10}');
SELECT synergy.tick();
SELECT synergy.complete(unit_of_work_id, attempt => attempt) FROM synergy.agent_claim(1, '{more}');
SELECT synergy.fail(unit_of_work_id, 'by hand', attempt) FROM synergy.agent_claim(1, '{more}');
SELECT is_busy, heard_at FROM synergy.box;
-- an agent that is not heard of is given up by the next round; not the units of others, nor one that says something
\set VERBOSITY sqlstate
SET synergy.agent_timeout = '0.5s';
\set VERBOSITY default
SET synergy.agent_timeout = '20s';
SELECT count(*) FROM synergy.agent_claim(2, '{more}');
SELECT count(*) FROM synergy.claim('other');
SET synergy.clock = '2016-04-20 05:10:49+00';
SELECT synergy.tick();
SELECT count(*) FROM synergy.unit_of_work WHERE state = 'in_progress';
SET synergy.clock = '2016-04-20 05:10:50+00';
SELECT synergy.tick();
SELECT process_name, state, error FROM synergy.unit_of_work WHERE state = 'in_progress' OR error LIKE 'box%' ORDER BY unit_of_work_id;
SELECT process_name, old_state, new_state, detail FROM synergy.event_log WHERE detail LIKE 'box%' ORDER BY event_id;
SELECT is_busy FROM synergy.box;
SELECT * FROM synergy.check();
-- a unit on a box is not stale, and its timeout is the agent's business; on a box that nobody waits for it is
SELECT exec('long', '{"timeout": "1 minute", "gc_resubmit_after": "2 minutes", "gc_release_lag": 0}');
SELECT synergy.tick();
SELECT process_name FROM synergy.agent_claim(1, '{long}');
SET synergy.agent_timeout = '1h';
SELECT synergy.agent_heartbeat('{}', '{}');
SET synergy.clock = '2016-04-20 05:30:00+00';
SELECT synergy.collect_garbage();
SELECT state FROM synergy.unit_of_work_box WHERE process_name = 'long';
UPDATE synergy.box SET is_busy = false;
SELECT synergy.collect_garbage();
SELECT state FROM synergy.unit_of_work_box WHERE process_name = 'long';
-- what the garbage collector requests again is on no box any more
SET synergy.clock = '2016-04-20 05:30:01+00';
SELECT synergy.collect_garbage() FROM generate_series(1, 2);
SELECT state FROM synergy.unit_of_work WHERE process_name = 'long';
SELECT count(*) FROM synergy.unit_of_work_box WHERE process_name = 'long';
SELECT * FROM synergy.check();
RESET synergy.agent_timeout;
-- begun again: what the agent still has is its own, what it has lost fails
SELECT count(*) FROM synergy.agent_claim(3, '{more,any}');
TRUNCATE mine;
INSERT INTO mine SELECT row_number() OVER (ORDER BY unit_of_work_id), unit_of_work_id, attempt, process_name FROM synergy.unit_of_work_box WHERE state = 'in_progress';
SELECT count(*) FROM mine;
SELECT m.no, b.attempt = m.attempt AS same FROM mine m JOIN synergy.agent_begin('b1', 'j', 2, 'host', 43, '1.0',
	(SELECT array_agg(id ORDER BY no) || 0::bigint FROM mine WHERE no < 3), (SELECT array_agg(attempt + no - 1 ORDER BY no)::int[] || 1 FROM mine WHERE no < 3)) b ON b.unit_of_work_id = m.id;
SELECT m.no, u.state, u.error FROM mine m JOIN synergy.unit_of_work u ON u.unit_of_work_id = m.id ORDER BY 1;
SELECT slots, pid, is_busy, length(instance) FROM synergy.box;
-- another box takes nothing of it
SELECT * FROM synergy.agent_begin('c', 'k', 2, 'host', 44, '1.0');
SELECT box_name, is_connected, units FROM synergy.box_status ORDER BY 1;
SELECT report(1);
SELECT synergy.agent_heartbeat(array_agg(id), array_agg(attempt)) = min(id) AS told FROM mine WHERE no = 1;
SELECT synergy.agent_release(array_agg(id), array_agg(attempt)) FROM mine WHERE no = 1;
SELECT state FROM synergy.unit_of_work JOIN mine ON id = unit_of_work_id WHERE no = 1;
SELECT count(*) FROM synergy.agent_claim(10, '{web}');
SELECT * FROM synergy.agent_begin('web7', 'k', 2, NULL, NULL, NULL);
SELECT timeperiod FROM synergy.agent_claim(10, '{web}');
-- definitions that change are noticed
SELECT synergy.register_process('web', 'hourly', 'true', worker => 'exec', options => '{"concurrency": 3, "present_on_boxes": "^nowhere$"}');
SELECT synergy.fire('web');
SELECT count(*) FROM synergy.agent_claim(10, '{web}');
SELECT synergy.register_process('web', 'hourly', 'true', worker => 'exec', options => '{"concurrency": 3}');
SELECT timeperiod FROM synergy.agent_claim(1, '{web}');
SELECT synergy.deactivate('web');
SELECT count(*) FROM synergy.agent_claim(10, '{web}');
SELECT synergy.activate('web');
SELECT timeperiod FROM synergy.agent_claim(10, '{web}');
SELECT * FROM synergy.check();
-- what is tampered with is found
BEGIN;
UPDATE synergy.unit_of_work_data SET box_name = 'b1' WHERE unit_of_work_id = (SELECT min(unit_of_work_id) FROM synergy.unit_of_work WHERE state = 'requested');
UPDATE synergy.box SET is_busy = false;
SELECT invariant, process_name FROM synergy.check() ORDER BY 1, 2;
ROLLBACK;
-- daemons
SELECT synergy.register_daemon('d', '');
SELECT synergy.register_daemon('d', NULL);
SELECT synergy.register_daemon('', 'sleep 1');
SELECT synergy.register_daemon('d', 'sleep 1', '{web,*}');
SELECT synergy.register_daemon('d', 'sleep 1', '{null}');
SELECT synergy.register_daemon('d', 'sleep 1', options => '{"log_lines": 3}');
SELECT synergy.register_daemon('d', 'sleep 1', options => '{"backoff_base": 0}');
SELECT synergy.register_daemon('d', 'sleep 1', options => '{"backoff_cap": "2 days"}');
SELECT synergy.register_daemon('server', 'run server', '{^web,^app}', options => '{"umask": "077", "backoff_base": "5 s", "environment": {"A": "b"}}');
SELECT synergy.register_daemon('everywhere', 'run', options => '{"backoff_base": "2 minutes"}');
SELECT synergy.register_daemon('elsewhere', 'run', '{^db}');
SELECT synergy.register_daemon('later', 'run', is_on => false);
SELECT * FROM synergy.agent_daemons();
SELECT synergy.agent_daemon_report('{server}', '{up}', '{1}', '{1}', '{0}', '{null}', '{null}');
SELECT synergy.agent_daemon_report('{server}', '{running}', '{1}', '{1}', '{null}', '{null}', '{null}');
SELECT synergy.agent_daemon_report('{server,everywhere,unknown}', '{running,backing_off,running}', '{11,null,12}', '{1,2,1}', '{0,2,0}', '{null,exit 3,null}', '{null,2016-04-20 06:00:00+00,null}');
SET synergy.clock = '2016-04-20 05:40:00+00';
SELECT synergy.agent_daemon_report('{server,everywhere}', '{stopped,running}', '{null,13}', '{0,1}', '{1,0}', '{signal 9,null}', '{null,null}');
SELECT * FROM synergy.box_daemon ORDER BY 2;
SELECT box_name, daemons FROM synergy.box_status ORDER BY 1;
SELECT synergy.start_daemon('later'), synergy.stop_daemon('server');
SELECT process_name FROM synergy.agent_daemons();
SELECT synergy.start_daemon('nothing');
SELECT synergy.stop_daemon('nothing');
SELECT synergy.unregister_daemon('nothing');
SELECT synergy.unregister_daemon('everywhere');
SELECT process_name, state FROM synergy.box_daemon;
SELECT event, process_name, detail FROM synergy.event_log WHERE event LIKE '%daemon' ORDER BY event_id;
-- rights
CREATE ROLE synergy_test_agent;
CREATE ROLE synergy_test_admin;
CREATE ROLE synergy_test_author;
SELECT synergy.grant('worker', 'synergy_test_agent'), synergy.grant('operator', 'synergy_test_admin'), synergy.grant('author', 'synergy_test_author');
SET ROLE synergy_test_agent;
SELECT * FROM synergy.agent_begin('b1', 'm', 1, 'host', 45, '1.0');
SELECT count(*) FROM synergy.agent_claim(1);
SELECT count(*) FROM synergy.agent_daemons();
-- before 15 views would show all boxes to whoever may look: workers may not
SELECT has_table_privilege('synergy.box_status', 'SELECT') = (current_setting('server_version_num')::int >= 150000) AS may_look;
SELECT synergy.register_daemon('mine', 'true');
SELECT synergy.start_daemon('server');
SET ROLE synergy_test_admin;
SELECT box_name, is_connected FROM synergy.box_status ORDER BY 1;
SELECT synergy.agent_claim(1);
SELECT synergy.start_daemon('server');
SELECT synergy.register_daemon('mine', 'true');
SET ROLE synergy_test_author;
SELECT synergy.register_daemon('mine', 'true');
SELECT synergy.register_daemon('server', 'evil');
SELECT synergy.unregister_daemon('server');
SELECT synergy.agent_begin('b1', 'i', 1, 'h', 1, 'v');
SELECT process_name, command, owner FROM synergy.daemon WHERE process_name IN ('mine', 'server');
RESET ROLE;
SELECT synergy.unregister_daemon(process_name) FROM synergy.daemon;
SELECT synergy.unregister_process(process_name) FROM synergy.process;
SELECT synergy.unregister_freerun(process_name, entry_name) FROM synergy.freerun;
DROP OWNED BY synergy_test_agent, synergy_test_admin, synergy_test_author;
DROP ROLE synergy_test_agent, synergy_test_admin, synergy_test_author;
-- the boxes go with the extension, and so does being an agent
DROP FUNCTION report, exec, refused;
DROP TABLE mine;
DROP EXTENSION synergy;
CREATE EXTENSION synergy;
SELECT synergy.agent_claim(1);
