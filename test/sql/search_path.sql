-- nothing that the extension creates is led astray by a search_path
\set VERBOSITY terse
SET client_min_messages = warning;
-- a function either has its names resolved when it is created, or is C, or pins the path
SELECT p.oid::regprocedure, l.lanname FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace = 'synergy'::regnamespace AND l.lanname NOT IN ('c', 'internal') AND p.prosqlbody IS NULL
AND NOT EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c LIKE 'search\_path=pg\_catalog, %pg\_temp');
-- and one that has other rights than its caller pins it anyway
SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'synergy'::regnamespace AND p.prosecdef
AND NOT EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c LIKE 'search\_path=pg\_catalog, %pg\_temp');
-- nothing for PUBLIC, no table or sequence that others write
SELECT 'function', p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace = 'synergy'::regnamespace AND has_function_privilege('public', p.oid, 'EXECUTE')
UNION ALL SELECT 'relation', c.oid::regclass::text FROM pg_class c WHERE c.relnamespace = 'synergy'::regnamespace AND c.relkind IN ('r', 'v')
	AND has_table_privilege('public', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
UNION ALL SELECT 'sequence', c.oid::regclass::text FROM pg_class c WHERE c.relnamespace = 'synergy'::regnamespace AND c.relkind = 'S'
	AND CASE c.relkind WHEN 'S' THEN has_sequence_privilege('public', c.oid, 'SELECT, UPDATE, USAGE') END
UNION ALL SELECT 'schema', nspname FROM pg_namespace n WHERE nspname = 'synergy' AND has_schema_privilege('public', n.oid, 'USAGE, CREATE');
-- each table with rows of processes has row security
SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'synergy'::regnamespace AND c.relkind = 'r' AND NOT c.relrowsecurity ORDER BY 1;
SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'synergy'::regnamespace AND c.relkind = 'v' AND current_setting('server_version_num')::int >= 150000
AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false);

-- Every function and operator of pg_catalog over plain types has a twin that complains, in a schema before pg_catalog.
CREATE SCHEMA synergy_test_evil;
DO $do$ DECLARE f record; n int := 0; BEGIN
	FOR f IN SELECT p.proname, pg_get_function_identity_arguments(p.oid) AS arguments, format_type(p.prorettype, NULL) AS result, p.proretset
		FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' AND p.provariadic = 0 AND p.proargmodes IS NULL
		AND (p.prorettype = 'void'::regtype OR p.prorettype = ANY ('{text,int2,int4,int8,float8,numeric,name,"char",bool,timestamptz,timestamp,date,interval,oid,jsonb,tstzrange,text[],int4[],int8[],regclass}'::regtype[]))
		AND p.proargtypes::oid[] <@ '{text,int2,int4,int8,float8,numeric,name,"char",bool,timestamptz,timestamp,date,interval,oid,jsonb,tstzrange,text[],int4[],int8[],regclass,anyarray,anyelement,anynonarray,anycompatiblearray,anycompatible}'::regtype[]::oid[]
	LOOP
		EXECUTE format('CREATE FUNCTION synergy_test_evil.%I(%s) RETURNS %s %s LANGUAGE plpgsql AS %L', f.proname, f.arguments,
			CASE WHEN f.proretset THEN 'SETOF' ELSE '' END, f.result, format('BEGIN RAISE EXCEPTION USING MESSAGE = ''caught: function %s''; END', f.proname));
		n := n + 1;
	END LOOP;
	FOR f IN SELECT o.oprname, format_type(o.oprleft, NULL) AS l, format_type(o.oprright, NULL) AS r, format_type(o.oprresult, NULL) AS result, o.oid
		FROM pg_operator o WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprleft <> 0
		AND o.oprleft = ANY ('{text,int2,int4,int8,float8,numeric,name,"char",bool,timestamptz,timestamp,date,interval,oid,jsonb,tstzrange,text[],anyarray,anyenum,anynonarray}'::regtype[])
		AND o.oprright = ANY ('{text,int2,int4,int8,float8,numeric,name,"char",bool,timestamptz,timestamp,date,interval,oid,jsonb,tstzrange,text[],anyarray,anyenum,anynonarray}'::regtype[])
	LOOP
		EXECUTE format('CREATE FUNCTION synergy_test_evil.op_%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS %L', f.oid, f.l, f.r, f.result,
			format('BEGIN RAISE EXCEPTION USING MESSAGE = ''caught: operator %s of %s and %s''; END', f.oprname, f.l, f.r));
		EXECUTE format('CREATE OPERATOR synergy_test_evil.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = synergy_test_evil.op_%s)', f.oprname, f.l, f.r, f.oid);
		n := n + 1;
	END LOOP;
	RAISE WARNING 'more than a thousand: %', n > 1000;
END $do$;
CREATE DOMAIN synergy_test_evil.text AS pg_catalog.bool;
CREATE DOMAIN synergy_test_evil.timestamptz AS pg_catalog.bool;
CREATE DOMAIN synergy_test_evil.jsonb AS pg_catalog.bool;
CREATE DOMAIN synergy_test_evil.regclass AS pg_catalog.bool;
CREATE ROLE synergy_test_path;
SET synergy.clock = '2016-04-20 05:10:00+00';

SET search_path = synergy_test_evil, pg_catalog, synergy;
-- they do complain
SELECT 1 = 1;
SELECT now();
-- and nobody of us calls them
SELECT synergy.register_timetable('one', start_timeperiod => '2016042000'), synergy.register_timetable('two', dependent_on => '{one}', start_timeperiod => '2016042000', end_timeperiod => '2017000000');
SELECT synergy.register_process('s_hourly', 'hourly', worker => 'notify', tree_name => 'one', options => '{"concurrency": 5}');
SELECT synergy.register_process('s_daily', 'daily', worker => 'amqp', tree_name => 'one', time_grouping => 1, blocking_type => 'children', options => '{"message_ttl": "1 hour"}');
SELECT synergy.register_process('s_exec', 'hourly', 'true', 'exec', tree_name => 'two', options => '{"present_on_boxes": ["^s"], "timeout": "1 hour", "environment": {"A": "b"}, "umask": "022", "memory_limit": "1GB", "cpu_limit": "1 minute"}');
SELECT synergy.register_freerun('s_free', 'entry', 'every 1 minute', worker => 'notify', options => '{"missed": "once"}');
SELECT synergy.register_daemon('s_daemon', 'true', '{^s}', options => '{"backoff_base": "1 s"}');
SELECT synergy.change_trigger('s_free', 'every 2 minutes', 'entry');
SELECT synergy.deactivate('s_free', 'entry'), synergy.activate('s_free', 'entry'), synergy.stop_daemon('s_daemon'), synergy.start_daemon('s_daemon');
SELECT synergy.fire('s_hourly'), synergy.fire('s_daily'), synergy.fire('s_exec'), synergy.fire('s_free', 'entry'), synergy.trigger_now('s_hourly');
SELECT synergy.process_events(), synergy.collect_garbage(), synergy.tick();
SELECT process_name, timeperiod, unit_of_work_id AS id FROM synergy.claim('s_hourly', 3) LIMIT 1 \gset
SELECT synergy.heartbeat(:id), synergy.log(:id, 'line'), synergy.complete(:id, number_of_processed => 1, attempt => 1);
SELECT unit_of_work_id AS id FROM synergy.start(:id OPERATOR(pg_catalog.+) 1);
SELECT synergy.fail(:id OPERATOR(pg_catalog.+) 1, 'failed');
SELECT synergy.agent_begin('s1', 'i', 2, 'h', 1, 'v', '{}', '{}');
SELECT unit_of_work_id AS exec, attempt FROM synergy.agent_claim(1) \gset
SELECT synergy.agent_claim(1, '{s_exec}') IS NOT NULL AS claimed, synergy.agent_daemons() IS NULL AS daemons;
SELECT synergy.agent_log(ARRAY[:exec]::pg_catalog.int8[], ARRAY['2016-04-20'::pg_catalog.timestamptz], ARRAY[NULL]::pg_catalog.text[], '{line}');
SELECT synergy.agent_heartbeat(ARRAY[:exec]::pg_catalog.int8[], ARRAY[:attempt]);
SELECT synergy.agent_daemon_report('{s_daemon}', '{running}', '{1}', '{1}', '{0}', ARRAY[NULL]::pg_catalog.text[], ARRAY[NULL]::pg_catalog.timestamptz[]);
SELECT synergy.agent_report(ARRAY[:exec]::pg_catalog.int8[], ARRAY[:attempt], '{processed}', ARRAY[NULL]::pg_catalog.text[]), synergy.agent_release('{}', '{}');
SELECT synergy.process_events(), synergy.collect_garbage();
SELECT state FROM synergy.reprocess('s_hourly', '2016042000'), LATERAL (SELECT new_state AS state) n;
SELECT new_state FROM synergy.skip('s_hourly', '2016042001') LIMIT 1;
SELECT count(*) FROM synergy.cancel_unit_of_work(:id OPERATOR(pg_catalog.+) 2, true);
SELECT jobs FROM synergy.backfill('s_hourly', '2016041922', NULL);
SELECT level FROM synergy.explain_job('s_daily', '2016042000') LIMIT 1;
SELECT synergy.json_arguments('{"a": 1}', '{a}'), synergy.watch('1 minute') IS NULL AS nobody;
SELECT count(*) FROM synergy.next_fires('at 08:00,1-17:30', 'Europe/Berlin', NULL, 3);
SELECT * FROM synergy.check(true);
SELECT scheduler_state IS NULL FROM synergy.status();
SELECT synergy.timeperiod_is_valid('2016042000'), synergy.timeperiod_start('2016042000'), synergy.timeperiod_end('daily', '2016042000'),
	synergy.timeperiod_bounds('daily', '2016042000'), synergy.timeperiod_at('hourly', synergy.now()), synergy.timeperiod_cast('daily', '2016042005'),
	synergy.timeperiod_step('daily', '2016042000', 1), synergy.timeperiod_is_milestone('daily', 2, '2016042000'), synergy.timeperiod_group_start('daily', 2, '2016042000');
SELECT synergy.timeperiod_series('daily', '2016042000', '2016042200') LIMIT 1;
SELECT count(*) FROM synergy.machine_rows() LIMIT 0;
SELECT environment FROM synergy.exec_options('{"umask": "022", "memory_limit": "1GB", "environment": {"A": "b"}, "kill_grace": "3 s"}');
SELECT synergy.job_state_of('e'), synergy.uow_state_of('r');
SELECT synergy.grant('viewer', 'synergy_test_path'), synergy.grant('author', 'synergy_test_path'), synergy.revoke('viewer', 'synergy_test_path');
-- definitions as a script (which sees this path), and what others' jobs become
SELECT synergy.export() IS NULL AS script;
SELECT kind, what FROM synergy.diff('SELECT synergy.register_timetable(pg_catalog.chr(120))') WHERE what IS NULL;
SELECT synergy.freerun_text('{"process_name": "a", "entry_name": "b''", "trigger_frequency": "every 60", "worker": "sql", "arguments": {"a": 1}, "options": {}, "timezone": "UTC", "is_on": true, "command": "SELECT ''1''"}');
SELECT synergy.cron_of('{0,5}', '{1,2,3}', '{1,3,4,32}', '{1,2}', '{1,5,6}'), synergy.cron_values('1-5/2,7', 1), synergy.cron_list('{1,2,3}');
SELECT command FROM synergy.import_command('{"SELECT 1","SELECT ''2''"}', '{f,t}');
CREATE SCHEMA cron;
CREATE TABLE cron.job (jobid pg_catalog.int8, schedule pg_catalog.text, command pg_catalog.text, nodename pg_catalog.text, nodeport pg_catalog.int4, database pg_catalog.text, username pg_catalog.text, active pg_catalog.bool, jobname pg_catalog.text);
INSERT INTO cron.job VALUES (1, '0 0 1 * mon 7', 'BEGIN; SELECT 1; COMMIT', 'localhost', pg_catalog.current_setting('port')::pg_catalog.int4, pg_catalog.current_database(), 'synergy_test_path', true, 'j'), (2, '@reboot', 'SELECT 1', 'far', 1, 'x', 'x', true, NULL);
SELECT job_id, outcome FROM synergy.import_pg_cron(false, true);
CREATE SCHEMA pgagent;
CREATE TABLE pgagent.pga_job (jobid pg_catalog.int4, jobname pg_catalog.text, jobdesc pg_catalog.text, jobhostagent pg_catalog.text, jobenabled pg_catalog.bool);
CREATE TABLE pgagent.pga_jobstep (jstid pg_catalog.int4, jstjobid pg_catalog.int4, jstname pg_catalog.text, jstenabled pg_catalog.bool, jstkind pg_catalog.text, jstcode pg_catalog.text, jstconnstr pg_catalog.text, jstdbname pg_catalog.text, jstonerror pg_catalog.text);
CREATE TABLE pgagent.pga_schedule (jscid pg_catalog.int4, jscjobid pg_catalog.int4, jscenabled pg_catalog.bool, jscstart pg_catalog.timestamptz, jscend pg_catalog.timestamptz, jscminutes pg_catalog._bool, jschours pg_catalog._bool, jscweekdays pg_catalog._bool, jscmonthdays pg_catalog._bool, jscmonths pg_catalog._bool);
CREATE TABLE pgagent.pga_exception (jexid pg_catalog.int4, jexscid pg_catalog.int4, jexdate pg_catalog.date, jextime pg_catalog.time);
INSERT INTO pgagent.pga_job VALUES (1, 'a', 'x', 'h', true), (2, 'b', '', '', true);
INSERT INTO pgagent.pga_jobstep VALUES (1, 1, 'a', true, 'b', 'true', '', '', 'f'), (2, 1, 'b', true, 'b', 'true', '', '', 's'), (3, 2, 'c', true, 's', 'SELECT 1', '', pg_catalog.current_database(), 'f'), (4, 2, 'd', true, 's', 'SELECT 1', '', pg_catalog.current_database(), 'i');
INSERT INTO pgagent.pga_schedule VALUES (1, 1, true, '2000-01-01', NULL, '{t,f}', '{f}', '{f,t}', '{t,f}', '{f}'), (2, 2, true, '2000-01-01', NULL, '{t,f}', '{f}', '{f}', '{f}', '{f}');
INSERT INTO pgagent.pga_exception VALUES (1, 2, '2000-01-01', NULL);
SELECT job_id, outcome FROM synergy.import_pgagent(false, true);
CREATE SCHEMA timetable;
CREATE TABLE timetable.chain (chain_id pg_catalog.int8, chain_name pg_catalog.text, run_at pg_catalog.text, live pg_catalog.bool, client_name pg_catalog.text);
CREATE TABLE timetable.task (task_id pg_catalog.int8, chain_id pg_catalog.int8, task_order pg_catalog.float8, kind pg_catalog.text, command pg_catalog.text, ignore_error pg_catalog.bool);
CREATE TABLE timetable.parameter (task_id pg_catalog.int8, order_id pg_catalog.int4, value pg_catalog.jsonb);
INSERT INTO timetable.chain VALUES (1, 'a', '0 0 1 * 1', true, 'x'), (2, 'b', '@every 2 hours', true, NULL);
INSERT INTO timetable.task VALUES (1, 1, 1, 'PROGRAM', 'a b', false), (2, 2, 1, 'SQL', 'SELECT $1', false), (3, 2, 2, 'SQL', 'SELECT 1', true);
INSERT INTO timetable.parameter VALUES (1, 1, '["a b", "c"]'), (2, 1, '[1]'), (2, 2, '[null]');
SELECT job_id, outcome FROM synergy.import_pg_timetable(false, true);
SELECT synergy.unregister_freerun(process_name, entry_name) FROM synergy.freerun WHERE process_name OPERATOR(pg_catalog.<>) 's_free';
DROP SCHEMA cron, pgagent, timetable CASCADE;
SET ROLE synergy_test_path;
SELECT count(*) FROM synergy.process;
SELECT count(*) FROM synergy.event_log;
SELECT count(*) FROM synergy.unit_of_work_log;
SELECT count(*) FROM synergy.job_data;
RESET ROLE;
SELECT synergy.revoke('author', 'synergy_test_path'), synergy.resume();
-- each view, each column of it
RESET search_path;
DO $$ DECLARE v regclass; BEGIN
	FOR v IN SELECT c.oid FROM pg_class c WHERE relnamespace = 'synergy'::regnamespace AND relkind = 'v' LOOP
		PERFORM set_config('search_path', 'synergy_test_evil, pg_catalog', true);
		EXECUTE 'SELECT v.* FROM ' OPERATOR(pg_catalog.||) pg_catalog.regclassout(v)::pg_catalog.text OPERATOR(pg_catalog.||) ' v';
		PERFORM pg_catalog.set_config('search_path', 'public', true);
	END LOOP;
END $$;
SELECT synergy.unregister_process(process_name) FROM synergy.process;
SELECT synergy.unregister_freerun('s_free', 'entry'), synergy.unregister_daemon('s_daemon');
SET search_path = synergy_test_evil, pg_catalog, synergy;
SELECT synergy.unregister_timetable('two'), synergy.unregister_timetable('one');
RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA synergy_test_evil CASCADE;
DROP ROLE synergy_test_path;
