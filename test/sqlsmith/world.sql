-- What sqlsmith is let loose on: timetables with history, all kinds of workers, a scheduler at work, and a role that may do
-- whatever can be granted. Statements that wait are canceled.
CREATE TABLE visit (id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL, pages int NOT NULL);
CREATE TABLE visit_hourly (hour timestamptz PRIMARY KEY, visits bigint);
INSERT INTO visit (at, pages) SELECT now() - i * interval '7 minutes', i % 5 FROM generate_series(0, 600) i;
SELECT synergy.register_timetable('site', start_timeperiod => to_char(now() AT TIME ZONE 'UTC' - interval '2 days', 'YYYYMMDD') || '00');
SELECT synergy.register_timetable('after', '{site}', start_timeperiod => to_char(now() AT TIME ZONE 'UTC' - interval '1 day', 'YYYYMMDD') || '00');
SELECT synergy.register_process('site_hourly', 'hourly', tree_name => 'site', command => $$
	INSERT INTO visit_hourly SELECT $1, count(*) FROM visit WHERE at >= $1 AND at < $2
	ON CONFLICT (hour) DO UPDATE SET visits = EXCLUDED.visits $$);
SELECT synergy.register_process('site_daily', 'daily', tree_name => 'site', worker => 'notify', blocking_type => 'children');
SELECT synergy.register_process('after_hourly', 'hourly', tree_name => 'after', worker => 'notify', blocking_type => 'dependencies');
SELECT synergy.register_process('rows', 'hourly', worker => 'notify', state_machine => 'recomputing', source => 'visit',
	options => '{"source_key": "id", "source_time": "at"}');
SELECT synergy.register_process('boxed', 'hourly', 'true', worker => 'exec', options => '{"present_on_boxes": "web"}');
SELECT synergy.register_process('failing', 'hourly', 'SELECT 1/0', trigger_frequency => 'every 1');
SELECT synergy.register_freerun('often', 'one', 'every 2', 'SELECT pg_sleep(0.01)');
SELECT synergy.register_freerun('often', 'cron', '* * * * *', worker => 'notify', timezone => 'Europe/Berlin');
SELECT synergy.register_daemon('demon', 'sleep 60');
SELECT synergy.grant(p, 'synergy_smith') FROM unnest('{viewer,worker,operator,author}'::text[]) p;
GRANT SELECT, INSERT, UPDATE, DELETE ON visit, visit_hourly TO synergy_smith;
GRANT CREATE ON SCHEMA public TO synergy_smith;
ALTER ROLE synergy_smith SET statement_timeout = '2s';
ALTER ROLE synergy_smith SET lock_timeout = '1s';
