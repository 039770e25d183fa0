CREATE EXTENSION synergy;
SET synergy.clock = '2016-04-20 05:10:00+00';
SELECT count(synergy.register_timetable('t' || i, start_timeperiod => '2016041900')) FROM generate_series(1, 5) i;
SELECT count(synergy.register_process('hourly' || i, 'hourly', worker => 'notify', tree_name => 't' || i, options => '{"concurrency": 20}')) FROM generate_series(1, 5) i;
SELECT count(synergy.register_process('daily' || i, 'daily', worker => 'notify', tree_name => 't' || i, blocking_type => 'children')) FROM generate_series(1, 5) i;
SELECT count(synergy.register_process('single' || i, 'hourly', worker => 'notify', state_machine => 'continuous', start_timeperiod => '2016042004')) FROM generate_series(1, 10) i;
SELECT count(synergy.register_freerun('free', 'e' || i, 'every 60', worker => 'notify')) FROM generate_series(1, 20) i;
-- definitions that have nothing to do are to cost nothing
SELECT count(synergy.register_freerun('rare', 'e' || i, 'at 23:00', worker => 'notify')) FROM generate_series(1, 1000) i;
SELECT count(synergy.register_process('rare' || i, 'daily', worker => 'notify', trigger_frequency => 'at 23:00')) FROM generate_series(1, 200) i;
VACUUM ANALYZE;
CHECKPOINT;
