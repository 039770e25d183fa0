-- a timetable begins earlier, and its present periods do not wait for that
SET timezone = 'UTC';
SET synergy.clock = '2016-04-20 03:10:00+00';
SELECT synergy.register_timetable('t', start_timeperiod => '2016042000');
SELECT synergy.register_process('h', 'hourly', worker => 'notify', tree_name => 't', options => '{"catch_up": "paced"}');
SELECT synergy.register_process('d', 'daily', worker => 'notify', tree_name => 't', blocking_type => 'children');
SELECT synergy.register_process('m', 'monthly', worker => 'notify', tree_name => 't', blocking_type => 'children');
SELECT synergy.tick();
SELECT * FROM synergy.backfill('h', '2016041820', '2016042000');
SELECT process_name, min(timeperiod), max(timeperiod), count(*) FROM synergy.job GROUP BY 1 ORDER BY 1;
SELECT * FROM synergy.backfill_status ORDER BY 1;
SELECT * FROM synergy.check(true);
-- one step a trigger in each lane
SELECT synergy.fire('h');
SELECT timeperiod, state FROM synergy.unit_of_work ORDER BY 1;
SELECT count(synergy.complete(unit_of_work_id)) FROM synergy.claim('h', 10);
SELECT synergy.process_events();
SELECT synergy.fire('h');
SELECT timeperiod, state FROM synergy.unit_of_work ORDER BY 1;
SELECT process_name, jobs, finished, at_work, percent FROM synergy.backfill_status ORDER BY 1;
-- nothing new, a gap that is filled, what is refused
SELECT * FROM synergy.backfill('h', '2016042001');
SELECT * FROM synergy.backfill('h', '2016041800', '2016041806');
SELECT * FROM synergy.backfill('h', '2016041800', '2016041800');
SELECT * FROM synergy.backfill('h', '2016040000');
SELECT * FROM synergy.backfill('nobody', '2016041800');
SELECT * FROM synergy.check(true);
-- to the end of it
DO $$
BEGIN
	FOR i IN 1..60 LOOP
		PERFORM synergy.fire(p) FROM unnest(ARRAY['h', 'd', 'm']) p;
		PERFORM synergy.complete(u.unit_of_work_id) FROM unnest(ARRAY['h', 'd', 'm']) p, synergy.claim(p, 10) u;
		PERFORM synergy.process_events();
	END LOOP;
END $$;
SELECT process_name, state, count(*), min(timeperiod), max(timeperiod) FROM synergy.job GROUP BY 1, 2 ORDER BY 1, 2;
SELECT * FROM synergy.backfill_status;
SELECT process_name, timeperiod, detail FROM synergy.event_log WHERE event = 'backfill' ORDER BY event_id;
SELECT * FROM synergy.check(true);
-- a finished period of it, again
SELECT * FROM synergy.reprocess('h', '2016041801');
SELECT * FROM synergy.check();
SELECT synergy.unregister_process(p) FROM unnest(ARRAY['h', 'd', 'm']) p;
SELECT synergy.unregister_timetable('t');
