-- definitions that change while jobs are under way or finished
SET timezone = 'UTC';
SET synergy.clock = '2016-04-20 05:10:00+00';
SELECT synergy.register_timetable('t', start_timeperiod => '2016042003');
SELECT synergy.register_timetable('u', start_timeperiod => '2016042003');
SELECT synergy.register_process('t_hourly', 'hourly', worker => 'notify', tree_name => 't');
SELECT synergy.register_process('u_hourly', 'hourly', worker => 'notify', tree_name => 'u');
SELECT synergy.tick();
SELECT count(synergy.complete(unit_of_work_id)) FROM synergy.claim('u_hourly');
SELECT synergy.tick();
-- a dependency is added: what was finished before stays finished, and is not measured by it
SELECT synergy.register_timetable('u', '{t}');
SELECT count(synergy.complete(unit_of_work_id)) FROM synergy.claim('t_hourly');
SELECT synergy.tick();
SELECT process_name, timeperiod, state FROM synergy.job WHERE timeperiod = '2016042003' ORDER BY 1;
SELECT * FROM synergy.check();
-- what is finished from then on is: here somebody has tampered with it
SELECT synergy.reprocess('t_hourly', '2016042003');
SELECT synergy.complete(unit_of_work_id) FROM synergy.claim('t_hourly', 5);
SELECT synergy.tick();
SELECT synergy.complete(unit_of_work_id) FROM synergy.claim('u_hourly', 5);
SELECT synergy.tick();
SELECT synergy.complete(unit_of_work_id) FROM synergy.claim('u_hourly', 5);
SELECT synergy.tick();
SELECT process_name, timeperiod, state FROM synergy.job WHERE timeperiod = '2016042003' ORDER BY 1;
SELECT * FROM synergy.check();
BEGIN;
UPDATE synergy.job_data SET mark = mark + 1000000000 WHERE timeperiod = '2016042003' AND process_id = (SELECT process_id FROM synergy.process WHERE process_name = 't_hourly');
SELECT invariant, process_name, timeperiod, detail FROM synergy.check();
ROLLBACK;
-- another machine: a last unit of the old one is no unit of the new one. Jobs at work begin again.
SELECT synergy.register_process('c', 'hourly', worker => 'notify', state_machine => 'continuous', start_timeperiod => '2016042003');
SELECT synergy.tick();
SELECT j.timeperiod, j.state, u.state AS unit FROM synergy.job j LEFT JOIN synergy.unit_of_work u USING (unit_of_work_id) WHERE j.process_name = 'c' ORDER BY 1;
SELECT synergy.register_process('c', 'hourly', worker => 'notify', state_machine => 'discrete');
SELECT j.timeperiod, j.state, u.state AS unit FROM synergy.job j LEFT JOIN synergy.unit_of_work u USING (unit_of_work_id) WHERE j.process_name = 'c' ORDER BY 1;
SELECT timeperiod, state FROM synergy.unit_of_work WHERE process_name = 'c';
SET synergy.clock = '2016-04-20 05:12:00+00';
SELECT synergy.tick();
SELECT synergy.complete(unit_of_work_id) FROM synergy.claim('c', 5);
SELECT synergy.tick();
SELECT timeperiod, state FROM synergy.job WHERE process_name = 'c' ORDER BY 1;
-- another grouping: the unit of an hour does not stand for two
SELECT synergy.register_process('c', 'hourly', worker => 'notify', state_machine => 'discrete', time_grouping => 2);
SELECT timeperiod, state FROM synergy.job WHERE process_name = 'c' ORDER BY 1;
SET synergy.clock = '2016-04-20 05:20:00+00';
SELECT synergy.tick();
SELECT timeperiod, start_timeperiod, end_timeperiod, state FROM synergy.unit_of_work WHERE process_name = 'c' ORDER BY unit_of_work_id;
-- the same again: nothing begins again
SELECT synergy.register_process('c', 'hourly', worker => 'notify', state_machine => 'discrete', time_grouping => 2, trigger_frequency => 'every 5');
SELECT timeperiod, state FROM synergy.job WHERE process_name = 'c' ORDER BY 1;
SELECT * FROM synergy.check();
SELECT synergy.unregister_process(p) FROM unnest(ARRAY['c', 'u_hourly', 't_hourly']) p;
SELECT synergy.unregister_timetable(t) FROM unnest(ARRAY['u', 't']) t;
