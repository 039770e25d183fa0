-- what jobs of other schedulers become, with tables like theirs (the real ones: test/t/029_moving.pl)
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE synergy_test_ann LOGIN;
CREATE ROLE synergy_test_ben LOGIN;
CREATE ROLE synergy_test_nologin;
CREATE TABLE here AS SELECT current_database() AS database, current_setting('port')::int AS port;
GRANT SELECT ON here TO PUBLIC;

-- ---------------------------------------------------------------- cron expressions
-- all fields match: against a calendar, for days chosen at random; there is no expression only where there can be none
CREATE FUNCTION days_of(trigger_frequency text) RETURNS date[] LANGUAGE sql AS
	$$ SELECT array_agg((f AT TIME ZONE 'UTC')::date) FROM synergy.next_fires(trigger_frequency, 'UTC', '2023-12-31 12:00+00', 1500) f WHERE f < '2026-01-01 00:00+00' $$;
DO $$ DECLARE days int[]; months int[]; weekdays int[]; cron text; wanted date[]; none int := 0; BEGIN
	FOR i IN 1 .. 100 LOOP
		days := CASE WHEN random() < 0.8 THEN ARRAY(SELECT d FROM generate_series(1, 32) d WHERE random() < 0.3) END;
		months := CASE WHEN random() < 0.5 THEN ARRAY(SELECT d FROM generate_series(1, 12) d WHERE random() < 0.4) END;
		weekdays := CASE WHEN random() < 0.8 THEN ARRAY(SELECT d FROM generate_series(0, 6) d WHERE random() < 0.4) END;
		cron := synergy.cron_of('{0}', '{0}', days, months, weekdays);
		IF cron IS NULL THEN
			none := none + 1;
			CONTINUE WHEN NOT 1 = ANY (days) AND NOT 0 = ANY (weekdays);
			RAISE WARNING 'there is one for % and %', days, weekdays;
		END IF;
		SELECT array_agg(t::date) INTO wanted FROM generate_series(timestamp '2024-01-01', '2025-12-31', '1 day') t
			WHERE (coalesce(cardinality(days), 0) = 0 OR extract(day FROM t) = ANY (days) OR 32 = ANY (days) AND extract(day FROM t + interval '1 day') = 1)
			AND (coalesce(cardinality(months), 0) = 0 OR extract(month FROM t) = ANY (months))
			AND (coalesce(cardinality(weekdays), 0) = 0 OR extract(dow FROM t) = ANY (weekdays));
		IF days_of(cron) IS DISTINCT FROM wanted THEN
			RAISE WARNING '% is not %, %, %', cron, days, months, weekdays;
		END IF;
	END LOOP;
	RAISE WARNING 'some have none, not many: %', none BETWEEN 1 AND 60;
END $$;
SELECT synergy.cron_of(m, h, d, n, w) FROM (VALUES ('{0,15,30,45}'::int[], NULL::int[], NULL::int[], NULL::int[], NULL::int[]), ('{0}', '{8,9,10,17}', '{32}', '{1}', NULL),
	('{5,5,99}', '{}', '{1,2,3,4,5,6,7}', NULL, '{1}'), ('{0}', '{0}', '{13}', NULL, '{0,5}'), ('{0}', '{0}', '{13}', NULL, '{5}'), ('{0}', '{0}', '{1,32}', NULL, '{5}')) v (m, h, d, n, w);
SELECT f, n, synergy.cron_values(f, n) FROM (VALUES ('*/20', 1), ('5/20', 1), ('1-3,9', 2), ('*/10', 3), ('7', 4), ('1/2', 5), ('a', 1), ('1,,2', 1), ('-1', 1), ('*', 9)) v (f, n);

-- ---------------------------------------------------------------- SQL
SELECT * FROM synergy.command_statements(E'VACUUM; SELECT 1 /* ; */;\n CALL p(); CREATE INDEX CONCURRENTLY ON t (x);CREATE INDEX ON t (x); ANALYZE t; REINDEX TABLE t; REINDEX (concurrently) TABLE t; DROP INDEX CONCURRENTLY x; BEGIN; COMMIT');
SELECT synergy.command_statements('SELEKT');
SELECT i, c.* FROM (VALUES (1, ARRAY['SELECT 1; -- one'], '{f}'::bool[]), (2, ARRAY['SELECT 1 -- one', E'SELECT 2 ;\n', 'SELECT ''3'''], '{f,f,t}'), (3, ARRAY['VACUUM;'], '{f}'),
	(4, ARRAY['VACUUM', 'SELECT 1'], '{f,f}'), (5, ARRAY['START TRANSACTION; SELECT 1; SELECT 2; COMMIT;'], '{f}'), (6, ARRAY['SELECT 1; COMMIT'], '{f}'), (7, ARRAY['  -- nothing'], '{f}'),
	(8, ARRAY['DO $x$ BEGIN COMMIT; END $x$', 'SELECT 1'], '{f,f}'), (9, ARRAY['VACUUM'], '{t}')) v (i, commands, may_fail), synergy.import_command(commands, may_fail) c;

-- ---------------------------------------------------------------- pg_cron
CREATE SCHEMA cron;
CREATE TABLE cron.job (jobid bigint PRIMARY KEY, schedule text, command text, nodename text DEFAULT 'localhost', nodeport int, database text, username text, active boolean DEFAULT true, jobname text);
SELECT * FROM synergy.import_pg_cron();
INSERT INTO cron.job (jobid, schedule, command, jobname, username, active, nodename) VALUES
	(1, '*/5 8-17 * * mon-fri', 'SELECT 1', 'one', 'synergy_test_ann', true, 'localhost'), (2, '0 0 $ * *', 'SELECT ''a\\b''', NULL, 'synergy_test_ann', true, ''),
	(3, '30 seconds', 'SELECT 1', '', 'synergy_test_ben', false, '127.0.0.1'), (4, '@weekly', 'VACUUM', 'vac', 'postgres', true, '/run/socket'), (5, '@reboot', 'VACUUM', 'reboot', 'postgres', true, 'localhost'),
	(6, '0 0 * * mon-sun', 'SELECT 1', 'backwards', 'postgres', true, 'localhost'), (7, '0 0 * * *', 'BEGIN; DELETE FROM x; COMMIT', 'tx', 'synergy_test_ann', true, 'localhost'),
	(8, '0 0 * * *', 'VACUUM; VACUUM', 'two', 'synergy_test_ann', true, 'localhost'), (9, '0 0 * * *', 'SELEKT 1', 'syntax', 'synergy_test_ann', true, 'localhost'),
	(10, '0 0 13 * 5', 'SELECT 1', 'one', 'postgres', true, 'localhost'), (11, '0 0 * * *', E'SELECT ''x''\n', 'other', 'synergy_test_ann', true, 'localhost'),
	(12, '0 0 * * *', 'SELECT 1', 'far', 'postgres', true, 'far.example'), (13, '0 0 * * * 5', 'SELECT 1', 'six', 'synergy_test_gone', true, 'localhost'),
	(14, '0 0 * * * 5', 'SELECT 1', repeat('long', 16), 'synergy_test_ann', true, 'localhost'), (15, '61 * * * *', 'SELECT 1', 'wrong', 'synergy_test_ann', true, 'localhost'),
	(16, '0 0 * * *', 'SELECT 1', 'asleep', 'synergy_test_nologin', true, 'localhost');
UPDATE cron.job SET nodeport = (SELECT port FROM here), database = CASE jobid WHEN 11 THEN 'elsewhere' ELSE (SELECT database FROM here) END;
SELECT synergy.grant('author', 'synergy_test_ann'), synergy.grant('author', 'synergy_test_nologin');
SELECT job_id, job_name, outcome, entry_name, trigger_frequency, role_name, is_on, CASE WHEN job_id <> 16 THEN replace(note, 'port ' || port, 'port 5432') END AS note FROM here, synergy.import_pg_cron();
-- that was a dry run
SELECT count(*) FROM synergy.freerun;
SELECT count(*) FROM cron.job WHERE NOT active;
-- and this is not: they run here and there
SELECT outcome, count(*) FROM synergy.import_pg_cron(false, options => '{"missed": "all"}') GROUP BY 1 ORDER BY 1;
SELECT process_name, entry_name, trigger_frequency, command, timezone, is_on, options, owner FROM synergy.freerun ORDER BY freerun_id;
-- run again: no second ones; what is switched here stays as it is
SELECT synergy.deactivate('pg_cron', 'vac');
UPDATE cron.job SET command = 'SELECT 2' WHERE jobid = 1;
SELECT job_id, outcome, is_on, note FROM synergy.import_pg_cron(false, true, true, options => '{"missed": "all"}') WHERE outcome <> 'refused' AND job_id <> 16;
SELECT jobid FROM cron.job WHERE active ORDER BY 1;
SELECT job_id, outcome, is_on FROM synergy.import_pg_cron(false, true, true, options => '{"missed": "all"}') WHERE outcome <> 'refused';
SELECT count(*), count(*) FILTER (WHERE is_on) FROM synergy.freerun;
SELECT synergy.privileges_of('synergy_test_ben'), current_setting('role');
-- other settings of pg_cron
DO $$ BEGIN PERFORM synergy.unregister_freerun(process_name, entry_name) FROM synergy.freerun; END $$;
UPDATE cron.job SET active = true;
SET cron.timezone = 'Europe/Berlin';
SET cron.use_background_workers = on;
SET cron.match_dom_and_dow = on;
UPDATE cron.job SET schedule = '5 4 1-7 feb,mar Mon,sat' WHERE jobid = 14;
UPDATE cron.job SET schedule = '5 4 $ * SUN' WHERE jobid = 16;
SELECT job_id, outcome, trigger_frequency, note FROM synergy.import_pg_cron(false, process_name => 'cron') WHERE job_id IN (10, 12, 14);
SELECT trigger_frequency, timezone FROM synergy.freerun WHERE entry_name IN ('job_14', 'asleep') ORDER BY 1;
RESET cron.timezone; RESET cron.use_background_workers; RESET cron.match_dom_and_dow;
-- what cannot be
SELECT synergy.import_pg_cron(NULL);
SELECT synergy.import_pg_cron(process_name => '');
SELECT synergy.import_pg_cron(jobs => 'pg_class');
SELECT synergy.import_pg_cron(jobs => 'pg_views');
SELECT DISTINCT outcome, note FROM synergy.import_pg_cron(options => '{"colour": 1}') WHERE outcome <> 'refused' OR note LIKE '%colour%';
SELECT DISTINCT outcome, note FROM synergy.import_pg_cron(timezone => 'Mars') WHERE note LIKE '%Mars%';
SET ROLE synergy_test_ann;
SELECT synergy.import_pg_cron();
RESET ROLE;
-- a table of somebody who is no superuser is read as him, and lends nobody's rights to what it says
CREATE SCHEMA synergy_test_ann AUTHORIZATION synergy_test_ann;
SET ROLE synergy_test_ann;
CREATE TYPE synergy_test_ann.trap AS ENUM ('x');
CREATE TABLE synergy_test_ann.job (jobid bigint, schedule text, command text, nodename text, nodeport int, database text, username text, active boolean, jobname text, extra synergy_test_ann.trap DEFAULT 'x');
-- what to_jsonb() asks for such a type
CREATE FUNCTION synergy_test_ann.as_json(synergy_test_ann.trap) RETURNS json LANGUAGE plpgsql AS $$ BEGIN IF current_user <> 'synergy_test_ann' THEN RAISE WARNING 'caught: cast as %', current_user; END IF; RETURN '"cast"'; END $$;
CREATE CAST (synergy_test_ann.trap AS json) WITH FUNCTION synergy_test_ann.as_json;
CREATE FUNCTION synergy_test_ann.caught() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF current_user <> 'synergy_test_ann' THEN RAISE WARNING 'caught: written as %', current_user; END IF; RETURN NEW; END $$;
CREATE FUNCTION synergy_test_ann.seen(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN IF current_user <> 'synergy_test_ann' THEN RAISE WARNING 'caught: seen as %', current_user; END IF; RETURN true; END $$;
CREATE TRIGGER t BEFORE UPDATE ON synergy_test_ann.job FOR EACH ROW EXECUTE FUNCTION synergy_test_ann.caught();
ALTER TABLE synergy_test_ann.job ENABLE ROW LEVEL SECURITY;
ALTER TABLE synergy_test_ann.job FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON synergy_test_ann.job FOR SELECT USING (synergy_test_ann.seen(command));
CREATE POLICY q ON synergy_test_ann.job FOR INSERT WITH CHECK (true);
CREATE POLICY r ON synergy_test_ann.job FOR UPDATE USING (true);
INSERT INTO synergy_test_ann.job SELECT 1, '* * * * *', 'ALTER ROLE synergy_test_ann SUPERUSER', 'localhost', port, database, 'postgres', true, 'climb' FROM public.here;
INSERT INTO synergy_test_ann.job SELECT 2, '* * * * *', 'SELECT 1', 'localhost', port, database, 'synergy_test_ann', true, 'own' FROM public.here;
RESET ROLE;
SELECT job_id, outcome, role_name, note FROM synergy.import_pg_cron(false, true, process_name => 'ann', jobs => 'synergy_test_ann.job');
SELECT entry_name, owner FROM synergy.freerun WHERE process_name = 'ann';
SET ROLE synergy_test_ann;
CREATE VIEW synergy_test_ann.view AS SELECT j.* FROM synergy_test_ann.job j WHERE synergy_test_ann.seen(command);
RESET ROLE;
SELECT synergy.import_pg_cron(jobs => 'synergy_test_ann.view');
DO $$ BEGIN PERFORM synergy.unregister_freerun(process_name, entry_name) FROM synergy.freerun; END $$;
DROP SCHEMA cron CASCADE;

-- ---------------------------------------------------------------- pgAgent
CREATE SCHEMA pgagent;
CREATE TABLE pgagent.pga_job (jobid int PRIMARY KEY, jobname text, jobdesc text DEFAULT '', jobhostagent text DEFAULT '', jobenabled boolean DEFAULT true);
CREATE TABLE pgagent.pga_jobstep (jstid serial, jstjobid int, jstname text, jstenabled boolean DEFAULT true, jstkind char, jstcode text, jstconnstr text DEFAULT '', jstdbname name DEFAULT '', jstonerror char DEFAULT 'f');
CREATE TABLE pgagent.pga_schedule (jscid int PRIMARY KEY, jscjobid int, jscenabled boolean DEFAULT true, jscstart timestamptz DEFAULT '2016-04-20', jscend timestamptz, jscminutes boolean[60], jschours boolean[24], jscweekdays boolean[7], jscmonthdays boolean[32], jscmonths boolean[12]);
CREATE TABLE pgagent.pga_exception (jexid serial, jexscid int, jexdate date, jextime time);
CREATE FUNCTION flags(n int, VARIADIC numbers int[]) RETURNS boolean[] LANGUAGE sql AS $$ SELECT array_agg(coalesce(i = ANY (numbers), false) ORDER BY i) FROM generate_series(1, n) i $$;
INSERT INTO pgagent.pga_job (jobid, jobname, jobdesc, jobhostagent, jobenabled) VALUES (1, 'nightly', 'the nightly one', '', true), (2, 'two steps', '', 'db.example', true), (3, 'mixed', '', '', true), (4, 'shell', '', 'box-1.example', false),
	(5, 'twice a day', '', '', true), (6, 'no schedule', '', '', true), (7, 'python', '', '', true), (8, 'over', '', '', true), (9, 'not on christmas', '', '', true), (10, 'remote', '', '', true),
	(11, 'elsewhere', '', '', true), (12, 'nightly', '', '', true), (13, 'second monday', '', '', true), (14, 'nothing', '', '', true), (15, 'half', '', '', true), (16, 'not yet', '', '', true), (17, 'until', '', '', true), (18, 'off', '', '', true);
INSERT INTO pgagent.pga_jobstep (jstjobid, jstname, jstkind, jstcode, jstdbname, jstonerror) SELECT v.* FROM here, LATERAL (VALUES
	(1, 'a', 's', 'VACUUM', database, 'f'), (2, 'b', 's', 'SELECT 2;', database, 'i'), (2, 'a', 's', 'SELECT 1;', database, 'f'), (3, 'a', 's', 'SELECT 1', database, 'f'), (3, 'b', 'b', 'true', '', 'f'),
	(4, '2', 'b', E'#!/bin/sh\necho two', '', 's'), (4, '1', 'b', 'test -e /x', '', 'f'), (4, '3', 'b', 'echo three', '', 'f'), (5, 'a', 's', 'SELECT 1', database, 'f'), (6, 'a', 's', 'SELECT 1', database, 'f'), (7, 'a', 'b', E'#!/usr/bin/python3\nprint(1)', '', 'f'),
	(8, 'a', 's', 'SELECT 1', database, 'f'), (9, 'a', 's', 'SELECT 1', database, 'f'), (11, 'a', 's', 'SELECT 1', 'other', 'f'), (12, 'a', 's', 'SELECT 1', database, 'f'), (13, 'a', 's', 'SELECT 1', database, 'f'),
	(15, 'a', 's', 'SELECT 1', database, 'f'), (16, 'a', 's', 'SELECT 1', database, 'f'), (17, 'a', 's', 'SELECT 1', database, 'f'), (18, 'a', 's', 'SELECT 1', database, 'f')) v;
INSERT INTO pgagent.pga_jobstep (jstjobid, jstname, jstkind, jstcode, jstconnstr) VALUES (10, 'a', 's', 'SELECT 1', 'host=x');
INSERT INTO pgagent.pga_schedule (jscid, jscjobid, jscminutes, jschours, jscweekdays, jscmonthdays, jscmonths) SELECT id, job, flags(60, VARIADIC m), flags(24, VARIADIC h), flags(7, VARIADIC w), flags(32, VARIADIC d), flags(12, VARIADIC n) FROM (VALUES
	(1, 1, '{31}'::int[], '{3}'::int[], '{}'::int[], '{}'::int[], '{}'::int[]), (2, 2, '{1,31}', '{}', '{2,3,4,5,6}', '{}', '{}'), (3, 3, '{1}', '{1}', '{}', '{}', '{}'), (4, 4, '{1}', '{1}', '{}', '{32}', '{1,7}'), (5, 5, '{1}', '{8}', '{}', '{}', '{}'), (6, 5, '{1}', '{20}', '{}', '{}', '{}'),
	(7, 7, '{1}', '{1}', '{}', '{}', '{}'), (8, 8, '{1}', '{1}', '{}', '{}', '{}'), (9, 9, '{1}', '{1}', '{}', '{}', '{}'), (10, 10, '{1}', '{1}', '{}', '{}', '{}'), (11, 11, '{1}', '{1}', '{}', '{}', '{}'), (12, 12, '{1}', '{1}', '{2}', '{1,2,3,4,5,6,7}', '{}'),
	(13, 13, '{1}', '{1}', '{2}', '{8,9,10,11,12,13,14}', '{}'), (14, 14, '{}', '{}', '{}', '{}', '{}'), (15, 15, '{1}', '{1}', '{}', '{}', '{}'), (16, 15, '{1}', '{2}', '{2}', '{9}', '{}'), (17, 16, '{}', '{}', '{}', '{}', '{}'), (18, 17, '{}', '{}', '{}', '{}', '{}'), (19, 18, '{}', '{}', '{}', '{}', '{}')) v (id, job, m, h, w, d, n);
UPDATE pgagent.pga_schedule SET jscend = '2016-05-01' WHERE jscid = 8;
UPDATE pgagent.pga_schedule SET jscstart = '9016-05-01' WHERE jscid = 17;
UPDATE pgagent.pga_schedule SET jscend = '9016-05-01' WHERE jscid = 18;
UPDATE pgagent.pga_schedule SET jscenabled = false WHERE jscid = 19;
INSERT INTO pgagent.pga_exception (jexscid, jexdate) VALUES (9, '9016-12-25'), (1, '2016-12-25');
SELECT * FROM synergy.import_pgagent(timezone => 'Europe/Berlin');
SELECT count(*) FROM synergy.freerun;
SELECT DISTINCT outcome FROM synergy.import_pgagent(false, true, true, timezone => 'Europe/Berlin', owner => 'synergy_test_ben') ORDER BY 1;
SELECT entry_name, trigger_frequency, worker, command, description, timezone, is_on, options, owner FROM synergy.freerun ORDER BY freerun_id;
-- half of job 15 stays there
SELECT jobid FROM pgagent.pga_job WHERE jobenabled ORDER BY 1;
SELECT outcome, count(*) FROM synergy.import_pgagent(false, true, true, timezone => 'Europe/Berlin', owner => 'synergy_test_ben') GROUP BY 1 ORDER BY 1;
SELECT outcome, note FROM synergy.import_pgagent(owner => 'synergy_test_gone') LIMIT 1;
SELECT synergy.import_pgagent(schema_name => 'nothing');
DO $$ BEGIN PERFORM synergy.unregister_freerun(process_name, entry_name) FROM synergy.freerun; END $$;
DROP SCHEMA pgagent CASCADE;

-- ---------------------------------------------------------------- pg_timetable
CREATE SCHEMA timetable AUTHORIZATION synergy_test_ann;
SET ROLE synergy_test_ann;
CREATE TABLE timetable.chain (chain_id bigint PRIMARY KEY, chain_name text, run_at text, max_instances int, timeout int DEFAULT 0, live boolean DEFAULT true, self_destruct boolean DEFAULT false, exclusive_execution boolean DEFAULT false, client_name text, on_error text);
CREATE TYPE timetable.command_kind AS ENUM ('SQL', 'PROGRAM', 'BUILTIN');
CREATE TABLE timetable.task (task_id bigserial PRIMARY KEY, chain_id bigint, task_order double precision DEFAULT 1, task_name text, kind timetable.command_kind DEFAULT 'SQL', command text, run_as text, database_connection text, ignore_error boolean DEFAULT false, autonomous boolean DEFAULT false, timeout int DEFAULT 0);
CREATE TABLE timetable.parameter (task_id bigint, order_id int, value jsonb, PRIMARY KEY (task_id, order_id));
INSERT INTO timetable.chain (chain_id, chain_name, run_at, max_instances, timeout, live, self_destruct, exclusive_execution, client_name, on_error) VALUES
	(1, 'every minute', NULL, NULL, 0, true, false, false, NULL, NULL), (2, 'three', '0 */2 * * *', 4, 90000, true, false, false, NULL, 'SELECT 1'), (3, 'weekdays', '5 4 1 * 2/5', 1, 0, false, false, false, NULL, NULL),
	(4, 'second tuesday', '0 0 8-14 * 2', NULL, 0, true, false, false, NULL, NULL), (5, 'boot', '@reboot', NULL, 0, true, false, false, NULL, NULL), (6, 'interval', '@every 90 minutes', NULL, 0, true, false, false, NULL, NULL),
	(7, 'after', '@after 00:00:10', NULL, 0, true, false, false, NULL, NULL), (8, 'program', '* * * * *', NULL, 0, true, false, false, 'worker.1', NULL), (9, 'mixed', '* * * * *', NULL, 0, true, false, false, NULL, NULL),
	(10, 'builtin', '* * * * *', NULL, 0, true, false, false, NULL, NULL), (11, 'remote', '* * * * *', NULL, 0, true, false, false, NULL, NULL), (12, 'parameters', '* * * * *', NULL, 0, true, false, false, NULL, NULL),
	(13, 'once', '* * * * *', NULL, 0, true, true, false, NULL, NULL), (14, 'alone', '* * * * *', NULL, 0, true, false, true, NULL, NULL), (15, 'climb', '* * * * *', NULL, 0, true, false, false, NULL, NULL),
	(16, 'own role', '* * * * *', NULL, 0, true, false, false, NULL, NULL), (17, 'empty', '* * * * *', NULL, 0, true, false, false, NULL, NULL), (18, 'autonomous', '* * * * *', NULL, 0, true, false, false, NULL, NULL),
	(19, 'half a second', '@every 500 ms', NULL, 0, true, false, false, NULL, NULL), (20, 'odd', '* * * * *', NULL, 0, true, false, false, NULL, NULL), (21, 'sundays', '0 12 * * 7', NULL, 0, true, false, false, NULL, NULL), (22, 'vacuum', '@every 1 day', NULL, 0, true, false, false, NULL, NULL),
	(23, 'month', '@every 1 month', NULL, 0, true, false, false, NULL, NULL), (24, 'unprepared', '* * * * *', NULL, 0, true, false, false, NULL, NULL);
INSERT INTO timetable.task (task_id, chain_id, task_order, kind, command, run_as, database_connection, ignore_error, autonomous, timeout) VALUES
	(1, 1, 1, 'SQL', 'SELECT 1', NULL, NULL, false, false, 0), (2, 2, 20, 'SQL', 'INSERT INTO t SELECT 2;', NULL, NULL, true, false, 0), (3, 2, 10, 'SQL', 'INSERT INTO t SELECT 1 -- one', NULL, NULL, false, false, 0), (4, 2, 30, 'SQL', 'INSERT INTO t SELECT 3', NULL, NULL, false, false, 5),
	(5, 3, 1, 'SQL', 'SELECT 1', NULL, NULL, false, false, 0), (6, 4, 1, 'SQL', 'SELECT 1', NULL, NULL, false, false, 0), (7, 5, 1, 'SQL', 'SELECT 1', NULL, NULL, false, false, 0), (8, 6, 1, 'SQL', 'SELECT 1', NULL, NULL, false, false, 0), (9, 7, 1, 'SQL', 'SELECT 1', NULL, NULL, false, false, 0),
	(10, 8, 1, 'PROGRAM', '/bin/echo', NULL, NULL, true, false, 0), (11, 8, 2, 'PROGRAM', 'my program', NULL, NULL, false, false, 0), (12, 9, 1, 'PROGRAM', 'true', NULL, NULL, false, false, 0), (13, 9, 2, 'SQL', 'SELECT 1', NULL, NULL, false, false, 0),
	(14, 10, 1, 'BUILTIN', 'Sleep', NULL, NULL, false, false, 0), (15, 11, 1, 'SQL', 'SELECT 1', NULL, 'host=x', false, false, 0), (16, 12, 1, 'SQL', 'INSERT INTO p SELECT $1, $2;', NULL, NULL, false, false, 0), (17, 13, 1, 'SQL', 'SELECT 1', NULL, NULL, false, false, 0),
	(18, 14, 1, 'SQL', 'SELECT 1', NULL, NULL, false, false, 0), (19, 15, 1, 'SQL', 'ALTER ROLE synergy_test_ann SUPERUSER', 'postgres', NULL, false, false, 0), (20, 16, 1, 'SQL', 'SELECT 1', 'synergy_test_ann', NULL, false, false, 0), (21, 18, 1, 'SQL', 'VACUUM', NULL, NULL, false, true, 0),
	(22, 18, 2, 'SQL', 'SELECT 1', NULL, NULL, false, false, 0), (23, 19, 1, 'SQL', 'SELECT 1', NULL, NULL, false, false, 0), (24, 20, 1, 'SQL', 'SELECT $1', NULL, NULL, false, false, 0), (25, 21, 1, 'SQL', 'SELECT 1', NULL, NULL, false, false, 0), (26, 22, 1, 'SQL', 'VACUUM', NULL, NULL, false, true, 0), (27, 23, 1, 'SQL', 'SELECT 1', NULL, NULL, false, false, 0), (28, 24, 1, 'SQL', 'CALL p($1)', NULL, NULL, false, false, 0);
INSERT INTO timetable.parameter VALUES (10, 1, '["a b", "it''s", "-n"]'), (10, 2, '[]'), (16, 1, '[1, "it''s"]'), (16, 2, '[2, null]'), (24, 1, '{"a": 1}'), (28, 1, '[1]');
RESET ROLE;
SELECT job_id, outcome, entry_name, trigger_frequency, role_name, is_on, note FROM synergy.import_pg_timetable(timezone => 'UTC');
SELECT outcome, count(*) FROM synergy.import_pg_timetable(false, true, timezone => 'UTC') GROUP BY 1 ORDER BY 1;
SELECT entry_name, worker, command, timezone, is_on, options, owner FROM synergy.freerun WHERE entry_name IN ('three', 'program', 'parameters', 'weekdays', 'own role', 'vacuum') ORDER BY freerun_id;
SELECT array_agg(chain_id ORDER BY chain_id) FROM timetable.chain WHERE live;
SELECT outcome, count(*) FROM synergy.import_pg_timetable(false, true, timezone => 'UTC') GROUP BY 1 ORDER BY 1;
-- the commands do what they did
CREATE TABLE p (n int, name text);
GRANT INSERT ON p TO synergy_test_ann;
CREATE TABLE t (n int PRIMARY KEY);
INSERT INTO t VALUES (2);
DO $$ DECLARE c text; BEGIN FOR c IN SELECT command FROM synergy.freerun WHERE entry_name IN ('parameters', 'three') LOOP EXECUTE c; END LOOP; END $$;
SELECT * FROM p ORDER BY 1;
SELECT * FROM t ORDER BY 1;
-- all times of a chain that wants both days: against what pg_timetable asks each minute
DO $$ DECLARE run_at text; trigger_frequency text; f record; wanted date[]; n int := 0; parts text[] := '{*,1,13,1-7,10-20,1\,15\,31,*/5,3/9}'; weekdays text[] := '{*,0,7,1,1-5,0-3,2/5,*/2,1\,3\,7,6}'; BEGIN
	FOR f IN SELECT d, w, synergy.cron_values(d, 3) AS days, synergy.cron_values(w, 5) AS weekdays FROM unnest(parts) d, unnest(weekdays) w LOOP
		trigger_frequency := (synergy.import_pg_timetable_schedule(format('0 0 %s * %s', f.d, f.w))).trigger_frequency;
		CONTINUE WHEN trigger_frequency IS NULL;
		n := n + 1;
		SELECT array_agg(t::date) INTO wanted FROM generate_series(timestamp '2024-01-01', '2025-12-31', '1 day') t WHERE extract(day FROM t) = ANY (f.days)
			AND (extract(dow FROM t) = ANY (f.weekdays) OR extract(isodow FROM t) = ANY (f.weekdays));
		IF wanted IS DISTINCT FROM days_of(trigger_frequency) THEN RAISE WARNING '% and %: not %', f.d, f.w, trigger_frequency; END IF;
	END LOOP;
	RAISE WARNING '% of % have one', n, cardinality(parts) * cardinality(weekdays);
END $$;
DO $$ BEGIN PERFORM synergy.unregister_freerun(process_name, entry_name) FROM synergy.freerun; END $$;
DROP SCHEMA timetable CASCADE;
DROP SCHEMA synergy_test_ann CASCADE;
DROP TABLE here, p, t;
DROP FUNCTION days_of(text);
DROP FUNCTION flags(int, int[]);
DO $$ DECLARE r text; BEGIN FOREACH r IN ARRAY ARRAY['ann', 'ben', 'nologin'] LOOP EXECUTE format('DROP OWNED BY synergy_test_%s; DROP ROLE synergy_test_%s', r, r); END LOOP; END $$;
