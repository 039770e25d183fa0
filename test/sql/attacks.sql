-- what roles try who may not: see docs/security.md; what needs a scheduler is in test/t/015_rights.pl
\set VERBOSITY terse
CREATE ROLE synergy_test_alice;
CREATE ROLE synergy_test_bob;
CREATE ROLE synergy_test_vera;
CREATE ROLE synergy_test_wim;
CREATE ROLE "synergy_test ""O'Neil""; --";
CREATE SCHEMA synergy_test_a AUTHORIZATION synergy_test_alice;
CREATE SCHEMA synergy_test_b AUTHORIZATION synergy_test_bob;

-- grant and revoke
SELECT synergy.grant('author', 'synergy_test_alice'), synergy.grant('author', 'synergy_test_bob'), synergy.grant('author', 'synergy_test_bob'),
	synergy.grant('viewer', 'synergy_test_vera'), synergy.grant('worker', 'synergy_test_wim'), synergy.grant('operator', 'synergy_test_wim');
SELECT synergy.grant('viewer', 'public');
SELECT synergy.revoke('viewer', 'public');
SELECT synergy.grant('viewer', 'PUBLIC');
SELECT synergy.revoke('king', 'synergy_test_bob');
SELECT synergy.revoke(NULL, 'synergy_test_bob');
SELECT synergy.revoke('viewer', NULL);
SELECT synergy.revoke('operator', 'synergy_test_bob');
SELECT synergy.privileges_of('synergy_test_wim');
SELECT synergy.revoke('worker', 'synergy_test_wim');
SELECT has_function_privilege('synergy_test_wim', 'synergy.claim(text, int)', 'EXECUTE') AS claim, has_function_privilege('synergy_test_wim', 'synergy.skip(text, text, boolean)', 'EXECUTE') AS skip,
	has_function_privilege('synergy_test_wim', 'synergy.check(boolean)', 'EXECUTE') AS "check", has_table_privilege('synergy_test_wim', 'synergy.job', 'SELECT') AS look;
SELECT synergy.grant('viewer', 'synergy_test_wim'), synergy.revoke('operator', 'synergy_test_wim');
SELECT has_function_privilege('synergy_test_wim', 'synergy.skip(text, text, boolean)', 'EXECUTE') AS skip,
	has_function_privilege('synergy_test_wim', 'synergy.check(boolean)', 'EXECUTE') AS "check", has_table_privilege('synergy_test_wim', 'synergy.job', 'SELECT') AS look;
SELECT synergy.revoke('viewer', 'synergy_test_wim');
SELECT synergy.privileges_of('synergy_test_wim');
-- a plan from before is not used any more
SELECT synergy.register_freerun('r', 'r', 'every 1 hour', worker => 'amqp');
SELECT synergy.grant('viewer', 'synergy_test_bob');
SET ROLE synergy_test_bob;
PREPARE look AS SELECT count(*) FROM synergy.freerun;
EXECUTE look;
RESET ROLE;
SELECT synergy.revoke('viewer', 'synergy_test_bob');
SET ROLE synergy_test_bob;
EXECUTE look;
RESET ROLE;
SELECT synergy.grant('worker', 'synergy_test_bob');
SET ROLE synergy_test_bob;
EXECUTE look;
SET ROLE synergy_test_alice;
EXECUTE look;
RESET ROLE;
EXECUTE look;
SELECT synergy.revoke('worker', 'synergy_test_bob');
SET ROLE synergy_test_bob;
EXECUTE look;
RESET ROLE;
SELECT synergy.unregister_freerun('r', 'r');
-- nothing is left over: the role can be dropped
SELECT synergy.grant('viewer', E'synergy_test "O''Neil"; --'), synergy.grant('author', E'synergy_test "O''Neil"; --');
SELECT synergy.privileges_of(quote_ident(E'synergy_test "O''Neil"; --')::regrole);
SELECT synergy.revoke('viewer', E'synergy_test "O''Neil"; --'), synergy.revoke('author', E'synergy_test "O''Neil"; --'), synergy.revoke('author', E'synergy_test "O''Neil"; --');
DROP ROLE "synergy_test ""O'Neil""; --";
DROP ROLE synergy_test_wim;
CREATE ROLE synergy_test_wim;
SELECT synergy.grant('worker', 'synergy_test_wim');
SET ROLE synergy_test_alice;
SELECT synergy.grant('viewer', 'synergy_test_alice');
SELECT synergy.revoke('author', 'synergy_test_bob');
SELECT synergy.look_at_all();
CREATE POLICY mine ON synergy.process USING (true);

-- alice has things, with secrets in them
SELECT synergy.register_timetable('a_tree', start_timeperiod => to_char(now() AT TIME ZONE 'UTC' - interval '3 hours', 'YYYYMMDDHH24'));
SELECT synergy.register_process('a_hourly', 'hourly', worker => 'notify', tree_name => 'a_tree', arguments => '{"password": "secret"}');
SELECT synergy.register_process('a_sql', 'hourly', 'SELECT ''secret''');
SELECT synergy.register_freerun('a_free', 'e', 'every 1 hour', 'SELECT ''secret''');
SELECT synergy.register_daemon('a_daemon', 'run --password secret');
RESET ROLE;
SELECT synergy.fire('a_hourly'), synergy.fire('a_free', 'e');
CREATE TABLE synergy_test_b.units AS SELECT unit_of_work_id AS id, process_name FROM synergy.unit_of_work;
GRANT SELECT ON synergy_test_b.units TO PUBLIC;
GRANT USAGE ON SCHEMA synergy_test_b TO PUBLIC;
SET ROLE synergy_test_wim;
SELECT count(*) FROM synergy.claim('a_hourly');
SELECT synergy.log(id, 'secret') FROM synergy_test_b.units WHERE process_name = 'a_hourly';
SELECT synergy.fail(id, 'secret') FROM synergy_test_b.units WHERE process_name = 'a_hourly';
-- a worker sees what workers are to do, and takes nothing from executors
SELECT process_name, worker, arguments FROM synergy.process UNION ALL SELECT process_name, worker, arguments FROM synergy.freerun;
SELECT count(*) FROM synergy.claim('a_free');
SELECT count(*) FROM synergy_test_b.units u, synergy.start(u.id) WHERE u.process_name = 'a_free';
SELECT count(*) FROM synergy.event_log;
SELECT count(*) FROM synergy.unit_of_work_log;

-- bob sees nothing of it, whatever he looks at, and however hard
SET ROLE synergy_test_bob;
CREATE FUNCTION synergy_test_b.spy(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE NOTICE 'seen: %', $1; RETURN true; END $$;
-- (views are not for authors before PostgreSQL 15)
CREATE FUNCTION synergy_test_b.rows_of(relation text, what text DEFAULT 'x::text') RETURNS bigint LANGUAGE plpgsql AS $$
	DECLARE n bigint;
	BEGIN EXECUTE format('SELECT count(*) FROM synergy.%I x WHERE synergy_test_b.spy(%s)', relation, what) INTO n; RETURN n;
	EXCEPTION WHEN insufficient_privilege THEN RETURN 0; END $$;
SELECT relation, synergy_test_b.rows_of(relation) FROM unnest(ARRAY['process', 'freerun', 'daemon', 'timetable', 'progress', 'job_data', 'unit_of_work_data',
	'unit_of_work_log', 'event_log', 'active_unit', 'pending', 'outbox', 'box_daemon', 'definition', 'job', 'unit_of_work', 'job_status', 'process_link',
	'timetable_node', 'blocked', 'backfill_status', 'schedule', 'exec_definition', 'amqp_route', 'unit_of_work_box']) relation;
SELECT synergy_test_b.rows_of('unit_of_work_data', 'error'), synergy_test_b.rows_of('unit_of_work', 'error'), synergy_test_b.rows_of('process', 'command');
SET row_security = off;
SELECT count(*) FROM synergy.process;
RESET row_security;
SELECT * FROM synergy.explain_job('a_hourly', to_char(now() AT TIME ZONE 'UTC' - interval '3 hours', 'YYYYMMDDHH24'));
-- and changes nothing of it
SELECT synergy.register_process('a_hourly', 'hourly', 'SELECT 1');
SELECT synergy.register_freerun('a_free', 'e', 'every 1 hour', 'SELECT 1');
SELECT synergy.register_daemon('a_daemon', 'true');
SELECT synergy.register_timetable('a_tree', end_timeperiod => to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDDHH24'));
SELECT synergy.unregister_timetable('a_tree');
SELECT synergy.change_trigger('a_hourly', 'every 1 year');
SELECT synergy.change_trigger('a_free', 'every 1 year', 'e');
SELECT synergy.unregister_process('a_hourly');
SELECT synergy.unregister_freerun('a_free', 'e');
SELECT synergy.unregister_daemon('a_daemon');
SELECT synergy.deactivate('a_hourly');
SELECT synergy.trigger_now('a_free', 'e');
SELECT synergy.skip('a_hourly', '2016042000');
-- a child would let her days wait, a parent her months; and so would a process whose timetable is named by default
SELECT synergy.register_process('b_daily', 'daily', 'SELECT 1', tree_name => 'a_tree');
SELECT synergy.register_process('a_tree', 'daily', 'SELECT 1');
SELECT synergy.register_process('b_daily', 'daily', 'SELECT 1');
SELECT synergy.register_process('b_daily', 'daily', 'SELECT 1', tree_name => 'a_tree');
-- but may let his own wait for hers
SELECT synergy.register_timetable('b_tree', '{a_tree}');
SELECT synergy.unregister_timetable('b_tree'), synergy.unregister_process('b_daily');
-- an entry of her freerun's name is his own, and shows him nothing of hers
SELECT synergy.register_freerun('a_free', 'other', 'every 1 hour', worker => 'notify');
SELECT process_name, entry_name, event FROM synergy.event_log;
SELECT synergy.unregister_freerun('a_free', 'other');
-- a name that she gave up does not show what happened under it before
RESET ROLE;
SET ROLE synergy_test_alice;
SELECT synergy.unregister_process('a_hourly');
SET ROLE synergy_test_bob;
SELECT synergy.register_process('a_hourly', 'hourly', 'SELECT 1');
SELECT event, detail FROM synergy.event_log WHERE process_name = 'a_hourly';
SELECT synergy.unregister_process('a_hourly');
-- settings: time, and the broker
SET synergy.clock = '2016-01-01 00:00:00+00';
SET synergy.enabled = off;
SET synergy.amqp_uri = 'amqp://localhost';
DO $$ DECLARE setting text; BEGIN
	FOREACH setting IN ARRAY ARRAY['uri', 'password_file', 'ca_file', 'cert_file', 'key_file'] LOOP
		BEGIN
			RAISE WARNING '% is shown: %', setting, current_setting('synergy.amqp_' || setting);
		EXCEPTION WHEN insufficient_privilege THEN RAISE NOTICE '% is not shown', setting;
		END;
		BEGIN
			EXECUTE format('SHOW synergy.amqp_%s', setting);
			RAISE WARNING '% is shown', setting;
		EXCEPTION WHEN insufficient_privilege THEN NULL;
		END;
	END LOOP;
END $$;
SELECT name, setting FROM pg_settings WHERE name LIKE 'synergy.amqp%' ORDER BY 1;
ALTER ROLE synergy_test_bob SET synergy.clock = '2016-01-01 00:00:00+00';
RESET ROLE;
ALTER ROLE synergy_test_bob SET synergy.amqp_uri = 'amqp://u:secret@localhost';
ALTER ROLE synergy_test_bob SET synergy.amqp_uri = 'amqp://u@localhost/v:h@st, amqps://b';
ALTER ROLE synergy_test_bob RESET ALL;

-- a function that is SECURITY DEFINER does not lend its owner to what runs later
CREATE FUNCTION synergy_test_b.wrapper(command text) RETURNS void LANGUAGE sql SECURITY DEFINER AS
	$$ SELECT synergy.register_freerun('w', 'w', 'every 1 hour', command) $$;
CREATE FUNCTION synergy_test_b.wrap_daemon(command text) RETURNS void LANGUAGE sql SECURITY DEFINER AS $$ SELECT synergy.register_daemon('w', command) $$;
CREATE FUNCTION synergy_test_b.wrap_process(command text) RETURNS void LANGUAGE sql SECURITY DEFINER AS $$ SELECT synergy.register_process('w', 'hourly', command) $$;
SET ROLE synergy_test_bob;
SELECT synergy_test_b.wrapper('ALTER ROLE synergy_test_bob SUPERUSER');
SELECT synergy_test_b.wrap_daemon('id');
SELECT synergy_test_b.wrap_process('ALTER ROLE synergy_test_bob SUPERUSER');
RESET ROLE;
ALTER FUNCTION synergy_test_b.wrapper(text) SECURITY INVOKER;
SET ROLE synergy_test_bob;
SELECT synergy_test_b.wrapper('SELECT 1');
SELECT owner FROM synergy.freerun;
-- whoever registers again is the owner from then on, and is told so
RESET ROLE;
SELECT synergy.register_freerun('w', 'w', 'every 1 hour', 'SELECT 1');
SELECT owner FROM synergy.freerun WHERE process_name = 'w';
SET ROLE synergy_test_bob;
SELECT synergy.unregister_freerun('w', 'w');
RESET ROLE;
SELECT synergy.unregister_freerun('w', 'w');

-- code that a source brings along: it is run in the middle of a round, as the owner, and may only look
SET ROLE synergy_test_bob;
CREATE TABLE synergy_test_b.src (id bigint, ts timestamptz, twice bigint GENERATED ALWAYS AS (id * 2) STORED);
CREATE TABLE synergy_test_b.said (what text);
GRANT INSERT, SELECT ON synergy_test_b.said TO PUBLIC;
CREATE FUNCTION synergy_test_b.try(command text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE command; RETURN 'done'; EXCEPTION WHEN OTHERS THEN RETURN SQLERRM; END $$;
CREATE FUNCTION synergy_test_b.attack() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO synergy_test_b.said SELECT concat_ws(': ', c, synergy_test_b.try(c)) FROM unnest(ARRAY['RESET ROLE', 'SET ROLE postgres',
		'RESET SESSION AUTHORIZATION', 'SET SESSION AUTHORIZATION postgres', 'SELECT synergy.register_freerun(''x'', ''x'', ''every 1 hour'', ''SELECT 1'')',
		'SELECT synergy.register_timetable(''x'')', 'SELECT synergy.unregister_process(''b_rec'')', 'LISTEN synergy', 'CREATE TEMP TABLE x (x int)', 'DECLARE c CURSOR WITH HOLD FOR SELECT 1',
		'PREPARE p AS SELECT 1', 'SET CONSTRAINTS ALL DEFERRED', 'UPDATE synergy.job_data SET state = ''p''']) c;
	INSERT INTO synergy_test_b.said SELECT 'as ' || current_user;
	RETURN 0; END $$;
CREATE FUNCTION synergy_test_b.attack_of_index(bigint) RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
	IF current_user <> 'synergy_test_bob' THEN RAISE EXCEPTION 'caught as %', current_user; END IF; RETURN $1; END $$;
CREATE INDEX ON synergy_test_b.src (synergy_test_b.attack_of_index(id));
CREATE INDEX ON synergy_test_b.src (ts, id);
ALTER TABLE synergy_test_b.src ENABLE ROW LEVEL SECURITY;
ALTER TABLE synergy_test_b.src FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON synergy_test_b.src USING (synergy_test_b.attack_of_index(id) > 0);
INSERT INTO synergy_test_b.src VALUES (7, now() - interval '3 hours');
CREATE VIEW synergy_test_b.seen AS SELECT id + synergy_test_b.attack() AS id, ts FROM synergy_test_b.src WHERE synergy_test_b.attack_of_index(id) > 0;
SELECT synergy.register_process('b_rec', 'hourly', worker => 'notify', state_machine => 'recomputing', source => 'synergy_test_b.seen',
	start_timeperiod => to_char(now() AT TIME ZONE 'UTC' - interval '3 hours', 'YYYYMMDDHH24'), options => '{"source_key": "id", "source_time": "ts"}');
RESET ROLE;
SELECT synergy.fire('b_rec');
SELECT start_id, end_id FROM synergy.unit_of_work WHERE process_name = 'b_rec';
SELECT DISTINCT what FROM synergy_test_b.said ORDER BY 1;
SELECT current_user = session_user AS still_me, pg_my_temp_schema() = 0 AS no_temp, count(*) AS statements FROM pg_prepared_statements WHERE name = 'p';
-- the owner's rights, not ours: what he may not read any more is not read
ALTER VIEW synergy_test_b.seen OWNER TO synergy_test_alice;
SELECT explanation FROM synergy.explain_job('b_rec', to_char(now() AT TIME ZONE 'UTC' - interval '2 hours', 'YYYYMMDDHH24'));

-- an owner that was dropped is nobody, and nobody's number is not saved in a dump
CREATE ROLE synergy_test_gone;
SELECT synergy.grant('author', 'synergy_test_gone');
SET ROLE synergy_test_gone;
SELECT synergy.register_freerun('g', 'g', 'every 1 hour', 'SELECT 1');
SELECT synergy.register_process('g', 'hourly', 'SELECT 1');
RESET ROLE;
SELECT synergy.revoke('author', 'synergy_test_gone');
DROP ROLE synergy_test_gone;
SELECT synergy.register_timetable('whatever'), synergy.unregister_timetable('whatever');
SELECT owner, owner::oid FROM synergy.process WHERE process_name = 'g' UNION ALL SELECT owner, owner::oid FROM synergy.freerun WHERE process_name = 'g';
SELECT owner::oid FROM synergy.timetable WHERE tree_name = 'g';
SET ROLE synergy_test_bob;
SELECT synergy.unregister_process('g');
SELECT synergy.register_process('x', 'daily', 'SELECT 1', tree_name => 'g');
RESET ROLE;
SELECT synergy.unregister_process('g'), synergy.unregister_freerun('g', 'g');

-- who makes the schema first does not get the extension's rights
CREATE DATABASE synergy_test_trap;
SELECT current_database() AS database \gset
\c synergy_test_trap
GRANT CREATE ON DATABASE synergy_test_trap TO synergy_test_bob;
SET ROLE synergy_test_bob;
CREATE SCHEMA synergy;
RESET ROLE;
CREATE EXTENSION synergy;
ALTER SCHEMA synergy OWNER TO CURRENT_USER;
CREATE FUNCTION synergy.same("char", text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
ALTER FUNCTION synergy.same("char", text) OWNER TO synergy_test_bob;
CREATE EXTENSION synergy;
DROP FUNCTION synergy.same("char", text);
CREATE EXTENSION synergy;
DROP EXTENSION synergy;
\c :database
DROP DATABASE synergy_test_trap;

SELECT synergy.unregister_process(process_name) FROM synergy.process WHERE process_name IN ('a_sql', 'b_rec');
SELECT synergy.unregister_freerun('a_free', 'e'), synergy.unregister_daemon('a_daemon'), synergy.unregister_timetable('a_tree');
DO $$ DECLARE r text; BEGIN
	FOREACH r IN ARRAY ARRAY['alice', 'bob', 'vera', 'wim'] LOOP
		EXECUTE format('DROP OWNED BY synergy_test_%s CASCADE; DROP ROLE synergy_test_%s', r, r);
	END LOOP;
END $$;
