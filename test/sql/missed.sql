-- fires of freeruns that came while nothing could act on them
SET timezone = 'UTC';
SET synergy.clock = '2016-04-20 08:30:00+00';
SELECT synergy.register_freerun('m', e, '0 * * * *', worker => 'notify', options => CASE WHEN e <> 'default' THEN jsonb_build_object('missed', e) ELSE '{}' END)
FROM unnest(ARRAY['default', 'skip', 'once', 'all']) e;
SELECT synergy.register_freerun('m', 'never', '0 * * * *', worker => 'notify', options => '{"missed": "never"}');
SELECT synergy.register_process('p', 'hourly', worker => 'notify', options => '{"missed": "all"}');
SELECT entry_name, next_fire FROM synergy.schedule ORDER BY 1;
-- nobody looks for four hours: 09:00 to 12:00 are missed
SET synergy.clock = '2016-04-20 12:10:00+00';
SELECT entry_name, next_fire FROM synergy.schedule ORDER BY 1;
SELECT synergy.tick();
SELECT entry_name, timeperiod, state FROM synergy.unit_of_work ORDER BY 1, 2;
-- the run before is still going: never two at once, what is owed comes after it
SELECT synergy.tick();
SELECT entry_name, count(*) FROM synergy.unit_of_work GROUP BY 1 ORDER BY 1;
CREATE FUNCTION work() RETURNS TABLE (entry_name text, timeperiod text) LANGUAGE plpgsql AS $$
DECLARE u synergy.unit_of_work;
BEGIN
	FOR u IN SELECT * FROM synergy.claim('m', 10) ORDER BY 1 LOOP
		PERFORM synergy.complete(u.unit_of_work_id);
		entry_name := u.entry_name; timeperiod := u.timeperiod; RETURN NEXT;
	END LOOP;
	PERFORM synergy.tick();
END $$;
SELECT * FROM work();
SELECT * FROM work();
-- it fails: the next one that is owed runs all the same
SELECT synergy.fail(unit_of_work_id, 'bad luck') FROM synergy.claim('m');
SELECT synergy.tick();
SELECT * FROM work();
SELECT * FROM work();
SELECT * FROM work();
SELECT entry_name, timeperiod, state FROM synergy.unit_of_work ORDER BY 1, 2;
-- a time that comes while a run is going is owed, too, but for skip
SELECT synergy.fire('m', e) FROM unnest(ARRAY['skip', 'once', 'all']) e;
SET synergy.clock = '2016-04-20 13:00:00+00';
SELECT synergy.tick();
SET synergy.clock = '2016-04-20 13:20:00+00';
SELECT * FROM work();
SELECT entry_name, timeperiod FROM synergy.unit_of_work WHERE state = 'requested' ORDER BY 1;
SELECT * FROM work();
-- off is not missed
SELECT synergy.deactivate('m', 'all');
SET synergy.clock = '2016-04-20 16:10:00+00';
SELECT synergy.activate('m', 'all');
SELECT entry_name, next_fire FROM synergy.schedule WHERE entry_name = 'all';
-- neither is what was before another trigger; the same again changes nothing
SELECT synergy.change_trigger('m', '30 * * * *', 'all');
SELECT synergy.register_freerun('m', 'all', '30 * * * *', worker => 'notify', options => '{"missed": "all"}');
SET synergy.clock = '2016-04-20 16:40:00+00';
SELECT synergy.register_freerun('m', 'all', '30 * * * *', worker => 'notify', options => '{"missed": "all"}');
SELECT next_fire FROM synergy.schedule WHERE entry_name = 'all';
-- nor what another policy has skipped
SELECT synergy.register_freerun('m', 'skip', '0 * * * *', worker => 'notify', options => '{"missed": "all"}');
SELECT next_fire FROM synergy.schedule WHERE entry_name = 'skip';
-- the clock is set back: nothing waits for it to catch up
SET synergy.clock = '2016-04-20 12:00:00+00';
SELECT next_fire FROM synergy.schedule WHERE entry_name = 'all';
-- once: missed is late, unless it says otherwise
SELECT synergy.register_freerun('o', 'late', 'once 2016-04-20 12:30', worker => 'notify');
SELECT synergy.register_freerun('o', 'lost', 'once 2016-04-20 12:30', worker => 'notify', options => '{"missed": "skip"}');
SELECT synergy.register_freerun('o', 'past', 'once 2015-04-20 12:30', worker => 'notify');
SET synergy.clock = '2016-04-20 18:00:00+00';
SELECT entry_name, next_fire FROM synergy.schedule WHERE process_name = 'o' ORDER BY 1;
SELECT synergy.tick();
SELECT synergy.tick();
SELECT entry_name, timeperiod, state FROM synergy.unit_of_work WHERE process_name = 'o' ORDER BY 1;
SELECT entry_name, next_fire FROM synergy.schedule WHERE process_name = 'o' ORDER BY 1;
SELECT * FROM synergy.check(true);
DROP FUNCTION work();
SELECT synergy.unregister_freerun(process_name, entry_name) FROM synergy.freerun;
