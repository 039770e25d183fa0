SET timezone = 'UTC';
SET synergy.clock = '2016-04-20 05:10:00+00';
-- ten years of hours
SELECT synergy.register_process('ten_years', 'hourly', worker => 'notify', start_timeperiod => '2006042005');
SELECT synergy.collect_garbage();
SELECT count(*), min(timeperiod), max(timeperiod) FROM synergy.job;
-- time goes on
SET synergy.clock = '2016-04-20 07:00:00+00';
SELECT synergy.collect_garbage();
SELECT count(*), max(timeperiod) FROM synergy.job;
-- the clock goes back: nothing is taken away
SET synergy.clock = '2016-04-20 01:00:00+00';
SELECT synergy.collect_garbage();
SELECT count(*) FROM synergy.job;
SELECT synergy.unregister_process('ten_years');
SELECT (SELECT count(*) FROM synergy.job_data) AS jobs, (SELECT count(*) FROM synergy.progress) AS progress;
-- an end, a start in the future, levels
SELECT synergy.register_timetable('bounded', start_timeperiod => '2016041823', end_timeperiod => '2016041902');
SELECT synergy.register_process('b_hourly', 'hourly', worker => 'notify', tree_name => 'bounded');
SELECT synergy.register_process('b_daily', 'daily', worker => 'notify', tree_name => 'bounded');
SELECT synergy.register_timetable('future', start_timeperiod => '2016050100');
SELECT synergy.register_process('f_daily', 'daily', worker => 'notify', tree_name => 'future');
SELECT synergy.collect_garbage();
SELECT process_name, timeperiod, state FROM synergy.job ORDER BY 1, 2;
SELECT process_name, timeperiod, parent_process, parent_timeperiod, children FROM synergy.timetable_node ORDER BY 1, 2;
-- registered again with an earlier start; a later one is not taken
SELECT synergy.register_process('b_hourly', 'hourly', worker => 'notify', tree_name => 'bounded', start_timeperiod => '2016041821');
SELECT synergy.register_process('b_hourly', 'hourly', worker => 'notify', tree_name => 'bounded', start_timeperiod => '2016041900');
SELECT synergy.collect_garbage();
SELECT timeperiod FROM synergy.job WHERE process_name = 'b_hourly' ORDER BY 1;
SELECT * FROM synergy.check();
SELECT synergy.unregister_process(p) FROM unnest(ARRAY['b_hourly', 'b_daily', 'f_daily']) p;
SELECT synergy.unregister_timetable(t) FROM unnest(ARRAY['bounded', 'future']) t;
