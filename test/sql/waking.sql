-- what must not be waited for longer than to the next trigger
SET timezone = 'UTC';
SET synergy.clock = '2016-04-20 05:10:00+00';
SELECT synergy.register_timetable('t', start_timeperiod => '2016041922');
SELECT synergy.register_process('t_hourly', 'hourly', worker => 'notify', tree_name => 't', options => '{"concurrency": 10}');
SELECT synergy.register_process('t_daily', 'daily', worker => 'notify', tree_name => 't', blocking_type => 'children', options => '{"catch_up": "paced"}');
SELECT synergy.tick();
SELECT count(synergy.complete(unit_of_work_id)) FROM synergy.claim('t_hourly', 10);
SET synergy.clock = '2016-04-20 05:11:00+00';
SELECT synergy.tick();
SET synergy.clock = '2016-04-20 05:12:00+00';
SELECT synergy.tick();
SELECT count(synergy.complete(unit_of_work_id)) FROM synergy.claim('t_daily');
SELECT synergy.tick();
-- the timers of both are moved to when there is something to do again: the next hour, the next day
SET synergy.clock = '2016-04-20 05:13:00+00';
SELECT synergy.tick();
SELECT timeperiod, state FROM synergy.job WHERE process_name = 't_daily' ORDER BY 1;
-- but then an hour of yesterday is run again, and yesterday waits for the trigger, which is this minute's
SELECT process_name, timeperiod, new_state FROM synergy.reprocess('t_hourly', '2016041922');
SELECT count(synergy.complete(unit_of_work_id)) FROM synergy.claim('t_hourly');
SELECT synergy.tick();
SET synergy.clock = '2016-04-20 05:14:00+00';
SELECT synergy.tick();
SELECT timeperiod, state FROM synergy.job WHERE process_name = 't_daily' ORDER BY 1;
-- an eager recomputing process goes on when its unit has ended, too
CREATE TABLE src (id int, ts timestamptz);
CREATE INDEX ON src (ts, id);
INSERT INTO src SELECT i, '2016-04-20 00:00:00+00'::timestamptz + i * interval '30 minutes' FROM generate_series(1, 7) i;
SELECT synergy.register_process('r', 'hourly', worker => 'notify', state_machine => 'recomputing', start_timeperiod => '2016042000',
	source => 'src', options => '{"source_key": "id", "source_time": "ts"}');
SELECT synergy.tick();
SELECT synergy.complete(unit_of_work_id) FROM synergy.claim('r');
SELECT synergy.tick();
SELECT synergy.complete(unit_of_work_id) FROM synergy.claim('r');
SELECT synergy.tick();
SELECT timeperiod, state FROM synergy.job WHERE process_name = 'r' ORDER BY 1;
-- a backfill is begun at once, though nothing of the present is due
SELECT synergy.register_timetable('b', start_timeperiod => '2016042005');
SELECT synergy.register_process('b_hourly', 'hourly', worker => 'notify', tree_name => 'b', trigger_frequency => 'every 3600');
SELECT synergy.tick();
SELECT * FROM synergy.backfill('b_hourly', '2016042003');
SELECT synergy.tick();
SELECT timeperiod, state FROM synergy.job WHERE process_name = 'b_hourly' ORDER BY 1;
SELECT * FROM synergy.check();
SELECT synergy.unregister_process('b_hourly');
SELECT synergy.unregister_timetable('b');
SELECT synergy.unregister_process(p) FROM unnest(ARRAY['r', 't_hourly', 't_daily']) p;
SELECT synergy.unregister_timetable('t');
DROP TABLE src;
