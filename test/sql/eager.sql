-- eager processes go on by themselves; tick() is a whole round of the scheduler
SET timezone = 'UTC';
SET synergy.clock = '2016-04-20 05:10:00+00';
SELECT synergy.register_timetable('t', start_timeperiod => '2016041900');
SELECT synergy.register_timetable('u', '{t}', start_timeperiod => '2016041900');
SELECT synergy.register_process('t_hourly', 'hourly', worker => 'notify', tree_name => 't', options => '{"concurrency": 4}');
SELECT synergy.register_process('t_daily', 'daily', worker => 'notify', tree_name => 't', blocking_type => 'children');
SELECT synergy.register_process('u_daily', 'daily', worker => 'notify', tree_name => 'u', blocking_type => 'dependencies');
SELECT synergy.tick();
SELECT process_name, state, count(*) FROM synergy.job GROUP BY 1, 2 ORDER BY 1, 2;
-- two hours are done: the next two are requested at once
SELECT synergy.complete(unit_of_work_id) FROM synergy.claim('t_hourly', 2);
SELECT synergy.tick();
SELECT timeperiod, state FROM synergy.job WHERE process_name = 't_hourly' AND state <> 'embryo' ORDER BY 1;
SELECT process_name, waits_for_process, waits_for_timeperiod, kind FROM synergy.blocked
WHERE process_name = 't_daily' AND timeperiod = '2016041900' ORDER BY 3 LIMIT 2;
-- all that can be had: round after round
CREATE FUNCTION work_off() RETURNS int LANGUAGE plpgsql AS $$
DECLARE n int; rounds int := 0;
BEGIN
	LOOP
		SELECT count(synergy.complete(u.unit_of_work_id)) INTO n
		FROM synergy.process p, LATERAL synergy.claim(p.process_name, 100) u;
		EXIT WHEN n = 0;
		PERFORM synergy.tick();
		rounds := rounds + 1;
	END LOOP;
	RETURN rounds;
END $$;
SELECT work_off() > 5 AS many_rounds;
SELECT process_name, state, count(*) FROM synergy.job GROUP BY 1, 2 ORDER BY 1, 2;
-- each of them in its order: a day after its hours, its dependant after it
SELECT process_name, new_state, timeperiod FROM synergy.event_log WHERE event = 'job' AND timeperiod IN ('2016041923', '2016041900')
AND (process_name <> 't_hourly' OR timeperiod = '2016041923') ORDER BY event_id;
SELECT count(*) AS units, max(end_id) AS runs_beyond_the_first FROM synergy.unit_of_work;
SELECT * FROM synergy.check();
-- trigger_now asks the scheduler, which is played by tick() here
SELECT synergy.deactivate('t_hourly');
SELECT synergy.trigger_now('t_daily');
SELECT synergy.trigger_now('nobody');
SELECT pending_news FROM synergy.status();
SELECT synergy.tick();
SELECT pending_news, units_requested FROM synergy.status();
SELECT process_name, entry_name, role_name = current_user AS by_us FROM synergy.event_log WHERE event = 'trigger';
DROP FUNCTION work_off();
SELECT synergy.unregister_process(p) FROM unnest(ARRAY['t_hourly', 't_daily', 'u_daily']) p;
SELECT synergy.unregister_timetable(t) FROM unnest(ARRAY['u', 't']) t;
