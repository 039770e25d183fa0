-- somebody may put a trigger on a table of ours: it sees each row, and what is written is the same as in bulk
SET timezone = 'UTC';
SET synergy.clock = '2016-04-20 05:10:00+00';
CREATE TABLE audit (relation text, process_id int, process_name text);
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.audit SELECT tg_table_name, (r->>'process_id')::int, r->>'process_name' FROM to_jsonb(new) r;
	RETURN NULL;
END $$;
CREATE FUNCTION play(process text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE unit bigint;
BEGIN
	PERFORM synergy.register_process(process, 'hourly', worker => 'notify', start_timeperiod => '2016042000', options => '{"concurrency": 3}');
	PERFORM synergy.tick();
	SELECT unit_of_work_id INTO unit FROM synergy.claim(process);
	PERFORM synergy.fail(unit, 'an error');
	PERFORM synergy.complete(unit_of_work_id, 'processed', 7) FROM synergy.claim(process, 2);
	PERFORM synergy.tick();
	PERFORM synergy.complete_many(array_agg(unit_of_work_id), array_agg(attempt)) FROM synergy.claim(process, 2);
	PERFORM synergy.tick();
	PERFORM synergy.skip(process, '2016042005');
	PERFORM synergy.tick();
END $$;
SELECT play('plain');
CREATE TRIGGER audit AFTER INSERT ON synergy.event_log FOR EACH ROW EXECUTE FUNCTION audit();
CREATE TRIGGER audit AFTER INSERT ON synergy.unit_of_work_data FOR EACH ROW EXECUTE FUNCTION audit();
CREATE TRIGGER audit AFTER UPDATE ON synergy.job_data FOR EACH ROW EXECUTE FUNCTION audit();
CREATE TRIGGER audit AFTER INSERT ON synergy.pending FOR EACH ROW EXECUTE FUNCTION audit();
CREATE TRIGGER audit AFTER INSERT ON synergy.active_unit FOR EACH ROW EXECUTE FUNCTION audit();
SELECT play('audited');
SELECT relation, count(*) > 2 AS some FROM audit GROUP BY 1 ORDER BY 1;
SELECT count(*) = (SELECT count(*) FROM synergy.event_log WHERE process_name = 'audited') AS each_event FROM audit WHERE relation = 'event_log';
SELECT count(*) = (SELECT count(*) FROM synergy.unit_of_work WHERE process_name = 'audited') AS each_unit FROM audit WHERE relation = 'unit_of_work_data';
CREATE FUNCTION events(process text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT (to_jsonb(e) - '{event_id, process_name}'::text[] || jsonb_build_object('unit_of_work_id', e.unit_of_work_id - min(e.unit_of_work_id) OVER ()))::text
	FROM synergy.event_log e WHERE process_name = process ORDER BY event_id $$;
CREATE FUNCTION units(process text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT (to_jsonb(u) - '{unit_of_work_id, process_name, process_id}'::text[])::text FROM synergy.unit_of_work u WHERE process_name = process ORDER BY unit_of_work_id $$;
SELECT count(*) > 3 AS some FROM events('audited');
SELECT array(SELECT events('plain')) = array(SELECT events('audited')) AS same_events;
SELECT array(SELECT units('plain')) = array(SELECT units('audited')) AS same_units;
SELECT process_name, timeperiod, state FROM synergy.job WHERE state <> 'embryo' ORDER BY 1, 2;
DROP TRIGGER audit ON synergy.event_log;
DROP TRIGGER audit ON synergy.unit_of_work_data;
DROP TRIGGER audit ON synergy.job_data;
DROP TRIGGER audit ON synergy.pending;
DROP TRIGGER audit ON synergy.active_unit;
DROP FUNCTION play(text), events(text), units(text), audit();
DROP TABLE audit;
SELECT synergy.unregister_process(p) FROM unnest(ARRAY['plain', 'audited']) p;
