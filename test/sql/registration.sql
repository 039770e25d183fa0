SET timezone = 'UTC';
SET synergy.clock = '2016-04-20 05:10:00+00';
-- every argument is checked, and nothing is left behind by what was refused
SELECT synergy.register_process('', 'hourly', 'SELECT 1');
SELECT synergy.register_process(repeat('x', 64), 'hourly', 'SELECT 1');
SELECT synergy.register_process(NULL, 'hourly', 'SELECT 1');
SELECT synergy.register_process('p', 'weekly', 'SELECT 1');
SELECT synergy.register_process('p', 'hourly', 'SELECT 1', worker => 'ftp');
SELECT synergy.register_process('p', 'hourly', 'SELECT 1', state_machine => 'turing');
SELECT synergy.register_process('p', 'hourly', 'SELECT 1', state_machine => 'freerun');
SELECT synergy.register_process('p', 'hourly', 'SELECT 1', blocking_type => 'maybe');
SELECT synergy.register_process('p', 'hourly', 'SELECT 1', time_grouping => 24);
SELECT synergy.register_process('p', 'hourly', 'SELECT 1', trigger_frequency => 'every blue moon');
SELECT synergy.register_process('p', 'hourly', 'SELECT 1', trigger_frequency => 'once 2026-12-31 23:59');
SELECT synergy.register_process('p', 'hourly', 'SELECT 1', start_timeperiod => '2016');
SELECT synergy.register_process('p', 'hourly', 'SELECT 1', options => '[1]');
SELECT synergy.register_process('p', 'hourly', 'SELECT 1', options => '{"concurency": 2}');
SELECT synergy.register_process('p', 'hourly', 'SELECT 1', options => '{"concurrency": 0}');
SELECT synergy.register_process('p', 'hourly', 'SELECT 1', options => '{"timeout": "soon"}');
SELECT synergy.register_process('p', 'hourly', 'SELECT 1', options => '{"timeout": "-1 s"}');
SELECT synergy.register_process('p', 'hourly', 'SELECT 1', options => '{"timeout": "2562047788 hours"}');
SELECT synergy.register_process('p', 'hourly', 'SELECT 1', options => '{"backoff_jitter": "1e-400"}');
SELECT synergy.register_process('p', 'hourly');
SELECT synergy.register_process('p', 'hourly', '');
SELECT synergy.register_process('p', 'hourly', 'SELECT 1 FROM WHERE x');
SELECT synergy.register_process('p', 'hourly', 'SELECT $4');
SELECT synergy.register_process('p', 'hourly', 'BEGIN; SELECT 1; COMMIT');
SELECT synergy.register_process('p', 'hourly', worker => 'notify', state_machine => 'recomputing');
SELECT synergy.register_process('p', 'hourly', worker => 'notify', state_machine => 'recomputing', source => 'nowhere',
	options => '{"source_key": "id", "source_time": "ts"}');
CREATE TABLE source (id int, ts timestamptz, note text);
SELECT synergy.register_process('p', 'hourly', worker => 'notify', state_machine => 'recomputing', source => 'source',
	options => '{"source_key": "note", "source_time": "ts"}');
SELECT synergy.register_process('p', 'hourly', worker => 'notify', state_machine => 'recomputing', source => 'source',
	options => '{"source_key": "id", "source_time": "when"}');
SELECT count(*) FROM synergy.process;
-- an index on the time is advised
SELECT synergy.register_process('p', 'hourly', worker => 'notify', state_machine => 'recomputing', source => 'source',
	options => '{"source_key": "id", "source_time": "ts"}');
SELECT process_name, source, source_table FROM synergy.process;
SELECT synergy.unregister_process('p');
DROP TABLE source;
-- timetables
SELECT synergy.register_timetable('a');
SELECT synergy.register_timetable('b', '{a}');
SELECT synergy.register_timetable('c', '{b}');
SELECT synergy.register_timetable('a', '{c}');
SELECT synergy.register_timetable('a', '{a}');
SELECT synergy.register_timetable('d', '{nothing}');
SELECT synergy.register_timetable('d', start_timeperiod => '2016040000', end_timeperiod => '2016040100');
SELECT synergy.register_process('a_hourly', 'hourly', 'SELECT 1', tree_name => 'a');
SELECT synergy.register_process('a_other', 'hourly', 'SELECT 1', tree_name => 'a');
SELECT synergy.register_process('a_hourly', 'daily', 'SELECT 1', tree_name => 'a');
SELECT synergy.unregister_timetable('a');
SELECT synergy.unregister_timetable('nothing');
-- again: the definition changes, the rest stays
SELECT synergy.register_process('a_hourly', 'hourly', 'SELECT 2', tree_name => 'a', options => '{"concurrency": 3}');
SELECT process_name, command, options, start_timeperiod FROM synergy.process;
-- switches
SELECT synergy.deactivate('a_hourly');
SELECT is_on FROM synergy.process;
SELECT synergy.activate('a_hourly');
SELECT synergy.change_trigger('a_hourly', 'every 5 minutes');
SELECT synergy.change_trigger('a_hourly', 'cron nonsense');
SELECT is_on, trigger_frequency FROM synergy.process;
SELECT synergy.activate('nobody');
SELECT synergy.activate('a_hourly', 'no_entry');
SELECT synergy.unregister_process('nobody');
SELECT event, process_name, detail FROM synergy.event_log ORDER BY event_id;
SELECT synergy.unregister_process('a_hourly');
SELECT synergy.unregister_timetable(t) FROM unnest(ARRAY['c', 'b', 'a']) t;
SELECT count(*) FROM synergy.timetable;
-- a start that is ages ago would keep everybody waiting while its jobs are made
SELECT synergy.register_process('ages', 'hourly', 'SELECT 1', start_timeperiod => '0001010100');
SELECT synergy.register_timetable('ages', start_timeperiod => '0001010100');
SELECT synergy.register_process('ages_monthly', 'monthly', 'SELECT 1', tree_name => 'ages');
SELECT synergy.register_process('ages_hourly', 'hourly', 'SELECT 1', tree_name => 'ages');
SELECT synergy.unregister_process('ages_monthly');
SELECT synergy.register_timetable('ages', start_timeperiod => '2015010100');
SELECT synergy.register_process('ages_hourly', 'hourly', 'SELECT 1', tree_name => 'ages');
SELECT synergy.register_timetable('ages', start_timeperiod => '0001010100');
SELECT * FROM synergy.backfill('ages_hourly', '0001010100');
SELECT synergy.unregister_process('ages_hourly');
SELECT synergy.unregister_timetable('ages');
