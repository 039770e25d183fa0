-- definitions as a script, and how a script and a database differ
\set VERBOSITY terse
SET client_min_messages = warning;
SET synergy.clock = '2016-04-20 05:10:00+00';
CREATE ROLE synergy_test_ann LOGIN;
CREATE ROLE "synergy_test_Ben
; DROP TABLE x" LOGIN;
CREATE TABLE export_source (id bigint, at timestamptz);
CREATE INDEX ON export_source (at, id);
GRANT SELECT ON export_source TO synergy_test_ann;
SELECT current_database() AS database \gset
SELECT synergy.export();
SELECT * FROM synergy.diff(synergy.export());

SELECT v, synergy.quoted(v, 't') FROM (VALUES ('plain'), ('it''s'), (E'\\'), (E'$t$\n'), ('x''$t'), ('''$t$t1$'), ('$t$$t1$$t2$$t3$$t4$$t5$$t6$$t7$$t8$$t9$''')) v (v);

-- one of each kind, with each argument
SELECT synergy.grant('author', 'synergy_test_ann'), synergy.grant('viewer', 'synergy_test_ann');
SET ROLE synergy_test_ann;
SELECT synergy.register_timetable('zz base', start_timeperiod => '2016042000', end_timeperiod => '2017000000');
SELECT synergy.register_timetable('aa depends', '{zz base}', '2016042000');
SELECT synergy.register_process('x_hourly', 'hourly', E'INSERT INTO t\n\tVALUES ($1, ''$sql$'')', tree_name => 'aa depends', blocking_type => 'dependencies', trigger_frequency => 'every 5 minutes',
	time_grouping => 3, sink => 'it''s', arguments => '{"a": "\"'' \\"}', options => '{"concurrency": 4, "timeout": "1 hour"}', is_on => false);
SELECT synergy.register_process('x_daily', 'daily', 'true', 'exec', tree_name => 'zz base', start_timeperiod => '2016042100', options => '{"environment": {"A": "b"}}');
SELECT synergy.register_process('rows', 'hourly', worker => 'notify', state_machine => 'recomputing', source => 'export_source', options => '{"source_key": "id", "source_time": "at"}');
SELECT synergy.register_process('own', 'daily', 'SELECT 1', start_timeperiod => '2016042000');
SELECT synergy.register_timetable('on own', '{own,zz base}');
SELECT synergy.register_freerun('free', 'e', 'every 60', 'SELECT 1');
SELECT synergy.register_freerun('free', 'all', '30 2 * * *', E'SELECT ''\\''', timezone => 'Europe/Berlin', description => E'it''s\n', is_on => false, arguments => '{"b": 1}', options => '{"missed": "once"}');
SELECT synergy.register_daemon('d', E'exec a \\\n  --b', '{^a,"^b,c"}', false, '{"backoff_cap": "1 hour"}');
RESET ROLE;
-- names that want to be more than names, owned by somebody who may not register any more
SELECT synergy.grant('author', E'synergy_test_Ben\n; DROP TABLE x');
SET ROLE "synergy_test_Ben
; DROP TABLE x";
SELECT synergy.register_process(n, 'hourly', c, start_timeperiod => '2016042000'), synergy.register_freerun(n, n, 'every 60', c), synergy.register_daemon(n, c, '{}')
FROM unnest(ARRAY[E'''; DROP TABLE synergy.job_data; --', E'\\''', '$sql$', E'a\nb', '"', 'a.b', 'a"."b', '--', '/*', ':x', E'\\c', 'ä€😀', ' ']) n,
	LATERAL (VALUES (E'SELECT $sql$x$sql$ /* ' || replace(n, '/*', '') || E' */, ''\n$sql1$''')) c (c);
RESET ROLE;
SELECT synergy.revoke('author', E'synergy_test_Ben\n; DROP TABLE x');
SELECT synergy.register_freerun('by', 'superuser', 'at 08:00', 'VACUUM');
SELECT synergy.export() AS script \gset
\pset format unaligned
\pset tuples_only on
SELECT CASE WHEN line LIKE 'SET ROLE %' THEN regexp_replace(line, 'ROLE [a-z]+;', 'ROLE who;') ELSE line END FROM regexp_split_to_table(split_part(:'script', E'SET ROLE "', 1), '\n') line;
\pset format aligned
\pset tuples_only off
-- it says what there is
SELECT * FROM synergy.diff(:'script');
-- run again it changes nothing
CREATE TABLE before AS SELECT * FROM synergy.definition_attributes();
\o /dev/null
\set ECHO none
:script
\set ECHO all
\o
RESET ROLE;
SELECT synergy.export() = :'script' AS same, (SELECT count(*) FROM (TABLE before EXCEPT SELECT * FROM synergy.definition_attributes()) d) AS lost;
-- and in an empty database it makes the same
CREATE DATABASE synergy_test_export TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C';
ALTER DATABASE synergy_test_export SET synergy.enabled = off;
\c synergy_test_export
CREATE EXTENSION synergy;
CREATE TABLE export_source (id bigint, at timestamptz);
CREATE INDEX ON export_source (at, id);
GRANT SELECT ON export_source TO synergy_test_ann;
SET synergy.clock = '2016-04-21 05:10:00+00';
\o /dev/null
\set ECHO none
:script
\set ECHO all
\o
RESET ROLE;
SELECT synergy.export() = :'script' AS same;
SELECT synergy.tick(), (SELECT count(*) FROM synergy.check()) AS violated;
-- nothing is done by looking: no jobs, no ids of units, no round is woken, nobody's role is left behind
SELECT count(*) AS jobs FROM synergy.job \gset
SELECT * FROM synergy.diff(:'script');
SELECT count(*) = :jobs AS jobs, current_user = session_user AS me, current_setting('synergy.clock') AS clock FROM synergy.job;

-- drift of each kind
SELECT synergy.unregister_freerun('free', 'e'), synergy.unregister_timetable('on own'), synergy.unregister_process('own');
SELECT synergy.register_freerun('one', 'more', 'every 60', 'SELECT 1'), synergy.register_process('new', 'monthly', 'SELECT 1'), synergy.register_timetable('new tree');
SELECT synergy.change_trigger('x_hourly', 'every 7 minutes'), synergy.activate('free', 'all'), synergy.start_daemon('d');
SELECT synergy.register_timetable('zz base', end_timeperiod => '2018000000');
SELECT synergy.grant('operator', 'synergy_test_ann'), synergy.revoke('viewer', 'synergy_test_ann');
SELECT synergy.register_process('x_daily', 'daily', 'false', 'exec', tree_name => 'zz base', options => '{"environment": {"A": "c"}}');
SELECT replace(kind, ' ', '_') AS kind, name, what, attribute, in_script, replace(in_database, current_user, 'me') AS in_database FROM synergy.diff(:'script');
-- a script of calls that does not say all: starts, owners and what is granted are not compared
SELECT count(synergy.unregister_process(process_name)) FROM synergy.process WHERE process_name NOT IN ('x_daily', 'x_hourly');
DO $$ BEGIN PERFORM synergy.unregister_freerun(process_name, entry_name) FROM synergy.freerun; PERFORM synergy.unregister_daemon(process_name) FROM synergy.daemon; END $$;
SELECT synergy.unregister_timetable('new tree'), synergy.register_process('late', 'daily', 'SELECT 1', start_timeperiod => '2016050100');
SELECT * FROM synergy.diff($$
BEGIN;
-- a setup script
CREATE TABLE helper AS SELECT 'false'::text AS command;
SELECT synergy.register_timetable('zz base', end_timeperiod => '2018000000', start_timeperiod => '2016042000');
SELECT synergy.register_timetable('aa depends', '{zz base}', '2016042000');
SELECT synergy.register_process('x_hourly', 'daily', 'SELECT 2', tree_name => 'aa depends', blocking_type => 'dependencies', trigger_frequency => 'every 7 minutes', time_grouping => 3,
	arguments => '{"a": "\"'' \\"}', options => '{"concurrency": 4, "timeout": "1 hour"}', is_on => false, sink => 'it''s');
SELECT synergy.register_process('x_daily', 'daily', command, 'exec', tree_name => 'zz base', options => '{"environment": {"A": "c"}}') FROM helper;
SELECT synergy.register_process('late', 'daily', 'SELECT 1');
COMMIT;
$$);
SELECT to_regclass('helper');
SELECT * FROM synergy.diff('') WHERE kind <> 'timetable';
SELECT kind, name, attribute, value FROM synergy.definitions_of($$SET ROLE synergy_test_ann; SELECT synergy.register_freerun('f', 'f', 'every 60', 'SELECT 1'); RESET ROLE; SELECT synergy.grant('viewer', 'synergy_test_ann'), synergy.grant('worker', 'synergy_test_ann'), synergy.revoke('worker', 'synergy_test_ann')$$) ORDER BY 1, 2, 3;

-- what cannot be
\set VERBOSITY default
SELECT * FROM synergy.diff(NULL);
SELECT * FROM synergy.diff(E'SELECT 1;\n\nSELEKT');
SELECT * FROM synergy.diff(E'SELECT 1;\n\nSELECT synergy.register_process(''x'', ''weekly'')');
SELECT * FROM synergy.diff('BEGIN; ROLLBACK');
SELECT * FROM synergy.diff('COPY export_source FROM stdin');
\set VERBOSITY terse
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM synergy.diff('SELECT 1');
ROLLBACK;
SELECT current_setting('role'), (SELECT count(*) FROM synergy.process), (SELECT count(*) FROM synergy.check());
-- an author writes down what is his own, and compares nothing
SELECT synergy.register_freerun('not', 'hers', 'every 60', 'SELECT 1'), synergy.revoke('operator', 'synergy_test_ann');
SET ROLE synergy_test_ann;
SELECT synergy.register_freerun('is', 'hers', 'every 60', 'SELECT 1');
\pset format unaligned
SELECT synergy.export();
\pset format aligned
SELECT * FROM synergy.diff('SELECT 1');
SELECT * FROM synergy.definitions_of('SELECT 1');
RESET ROLE;
-- an owner that is gone
CREATE ROLE synergy_test_gone;
SELECT synergy.grant('author', 'synergy_test_gone');
SET ROLE synergy_test_gone;
SELECT synergy.register_freerun('gone', 'gone', 'every 60', 'SELECT 1');
RESET ROLE;
SELECT synergy.revoke('author', 'synergy_test_gone');
DROP ROLE synergy_test_gone;
SELECT synergy.export() LIKE '%the role that owned these is no longer there%' AS said;
SELECT event, role_name = session_user AS by_me, old_state, new_state, detail FROM synergy.event_log WHERE event IN ('grant', 'revoke') ORDER BY event_id DESC LIMIT 3;
\c :database
DROP DATABASE synergy_test_export;
DO $$ BEGIN PERFORM synergy.unregister_freerun(process_name, entry_name) FROM synergy.freerun; PERFORM synergy.unregister_process(process_name) FROM synergy.process; PERFORM synergy.unregister_daemon(process_name) FROM synergy.daemon; END $$;
DO $$ BEGIN PERFORM synergy.unregister_timetable(t) FROM unnest('{on own,aa depends,zz base,own}'::text[]) WITH ORDINALITY u (t, n) WHERE t IN (SELECT tree_name FROM synergy.timetable) ORDER BY n; END $$;
DROP TABLE export_source, before;
DROP OWNED BY synergy_test_ann, "synergy_test_Ben
; DROP TABLE x";
DROP ROLE synergy_test_ann, "synergy_test_Ben
; DROP TABLE x";
