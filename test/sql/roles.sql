-- nothing is granted to PUBLIC
SET synergy.clock = '2016-04-20 05:10:00+00';
CREATE ROLE synergy_test_nobody;
CREATE ROLE synergy_test_author;
CREATE ROLE synergy_test_worker;
CREATE ROLE synergy_test_operator;
SELECT synergy.grant('author', 'synergy_test_author');
SELECT synergy.grant('worker', 'synergy_test_worker');
SELECT synergy.grant('operator', 'synergy_test_operator');
SELECT synergy.grant('king', 'synergy_test_author');
SELECT synergy.grant('viewer', 'synergy_test_missing');
SET ROLE synergy_test_nobody;
SELECT count(*) FROM synergy.job;
SELECT synergy.now();
SET ROLE synergy_test_author;
SELECT synergy.register_process('mine', 'hourly', worker => 'notify', start_timeperiod => '2016042004');
SELECT owner FROM synergy.process;
SELECT synergy.skip('mine', '2016042004');
SELECT synergy.claim('mine');
SELECT synergy.fire('mine');
UPDATE synergy.job_data SET state = 'p';
SELECT synergy.grant('operator', 'synergy_test_author');
RESET ROLE;
SELECT synergy.fire('mine');
SET ROLE synergy_test_worker;
SELECT count(synergy.complete(unit_of_work_id)) FROM synergy.claim('mine');
SELECT synergy.unregister_process('mine');
SET ROLE synergy_test_operator;
SELECT synergy.deactivate('mine');
SELECT * FROM synergy.skip('mine', '2016042005');
SELECT synergy.change_trigger('mine', 'every 30');
RESET ROLE;
-- a definition is its owner's
CREATE ROLE synergy_test_other;
SELECT synergy.grant('author', 'synergy_test_other');
SET ROLE synergy_test_other;
SELECT synergy.register_process('mine', 'hourly', worker => 'notify');
SELECT synergy.unregister_process('mine');
-- an attacker's schema in the search_path changes nothing
RESET ROLE;
CREATE SCHEMA synergy_test_evil AUTHORIZATION synergy_test_other;
SET ROLE synergy_test_other;
CREATE FUNCTION synergy_test_evil.unnest(int[]) RETURNS SETOF int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'caught'; END $$;
SET search_path = synergy_test_evil, pg_catalog;
SELECT synergy.register_process('theirs', 'hourly', worker => 'notify');
SELECT synergy.unregister_process('theirs');
RESET search_path;
-- nor does one that is set by the functions of a source, which are run in the middle of a round
CREATE FUNCTION synergy_test_evil.hook() RETURNS bigint LANGUAGE plpgsql AS $$
	BEGIN PERFORM set_config('search_path', 'synergy_test_evil, pg_catalog', false); RETURN 0; END $$;
CREATE FUNCTION synergy_test_evil.folded() RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS $$
	BEGIN PERFORM set_config('search_path', 'synergy_test_evil, pg_catalog', false); RETURN 0; END $$;
CREATE FUNCTION synergy_test_evil.same(text, text) RETURNS boolean LANGUAGE plpgsql AS $$
	BEGIN RAISE EXCEPTION 'caught as %', current_user; END $$;
CREATE OPERATOR synergy_test_evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = synergy_test_evil.same);
CREATE TABLE synergy_test_evil.src AS SELECT 1::bigint AS id, timestamptz '2016-04-20 04:10:00+00' AS ts;
CREATE VIEW synergy_test_evil.seen AS SELECT id + synergy_test_evil.hook() + synergy_test_evil.folded() AS id, ts FROM synergy_test_evil.src;
SELECT synergy.register_process('theirs', 'hourly', worker => 'notify', state_machine => 'recomputing', source => 'synergy_test_evil.seen',
	start_timeperiod => '2016042004', options => '{"source_key": "id", "source_time": "ts"}');
RESET ROLE;
SELECT synergy.fire('theirs');
SELECT timeperiod, state, start_id, end_id FROM synergy.unit_of_work WHERE process_name = 'theirs';
SHOW search_path;
SELECT synergy.unregister_process('theirs');
SELECT synergy.unregister_process('mine');
DROP SCHEMA synergy_test_evil CASCADE;
DO $$ DECLARE r text; BEGIN
	FOREACH r IN ARRAY ARRAY['nobody', 'author', 'worker', 'operator', 'other'] LOOP
		EXECUTE format('DROP OWNED BY synergy_test_%s; DROP ROLE synergy_test_%s', r, r);
	END LOOP;
END $$;
