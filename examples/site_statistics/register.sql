-- All of the example, for psql; can be run again, and changes then what is different.
--
--	psql -v first=2026112000 -v agent_directory=/usr/local/share/site_statistics -f register.sql
--
-- first: the first hour, without it that of the earliest session. trigger: how often the live periods are looked at.
-- agent_directory: where alert.sh is on the agents' boxes, without it this file's directory.
\set ON_ERROR_STOP on
SELECT synergy.timeperiod_at('hourly', min(ended_at)) AS earliest FROM session \gset
\if :{?first}
\else
	\set first :earliest
\endif
\if :{?trigger}
\else
	\set trigger 'every 60'
\endif
\if :{?agent_directory}
\else
	\set agent_directory `pwd`
\endif

-- one transaction: the scheduler sees all of it or nothing
BEGIN;

SELECT synergy.register_timetable('site', start_timeperiod => :'first');
SELECT synergy.register_timetable('client', dependent_on => '{site}', start_timeperiod => :'first');
SELECT synergy.register_timetable('site_alert', dependent_on => '{site}', start_timeperiod => :'first');
SELECT synergy.register_timetable('client_report', dependent_on => '{client}', start_timeperiod => :'first');

-- site: session -> hour -> day -> month -> year. The hour recomputes while it is live, whenever there are new sessions; its
-- last unit waits for whoever is still writing some
SELECT synergy.register_process('site_hourly', 'hourly', tree_name => 'site', state_machine => 'recomputing',
	source => 'session', sink => 'site_hourly', trigger_frequency => :'trigger',
	options => '{"source_key": "session_id", "source_time": "ended_at", "concurrency": 4}',
	command => 'SELECT site_take_hour($1, $2)');
-- days one after the other: the alert compares each with the one before
SELECT synergy.register_process('site_daily', 'daily', tree_name => 'site', state_machine => 'continuous',
	source => 'site_hourly', sink => 'site_daily', trigger_frequency => :'trigger',
	command => $$ SELECT site_roll_up('site_hourly', 'site_daily', $1, $2) $$);
SELECT synergy.register_process('site_monthly', 'monthly', tree_name => 'site', state_machine => 'continuous',
	source => 'site_daily', sink => 'site_monthly', trigger_frequency => :'trigger', options => '{"concurrency": 2}',
	command => $$ SELECT site_roll_up('site_daily', 'site_monthly', $1, $2) $$);
SELECT synergy.register_process('site_yearly', 'yearly', tree_name => 'site', state_machine => 'continuous',
	source => 'site_monthly', sink => 'site_yearly', trigger_frequency => :'trigger',
	command => $$ SELECT site_roll_up('site_monthly', 'site_yearly', $1, $2) $$);

-- client: an hour of the clients waits for the same hour of the sites, a day for the day
SELECT synergy.register_process('client_hourly', 'hourly', tree_name => 'client', blocking_type => 'dependencies',
	source => 'site_hourly', sink => 'client_hourly', options => '{"concurrency": 4}',
	command => $$ SELECT client_take('site_hourly', 'client_hourly', $1) $$);
SELECT synergy.register_process('client_daily', 'daily', tree_name => 'client', blocking_type => 'dependencies',
	source => 'site_daily', sink => 'client_daily', options => '{"concurrency": 4}',
	command => $$ SELECT client_take('site_daily', 'client_daily', $1) $$);

-- two workers outside: a script that an agent runs when the sites' day is done, a message for the report of the clients'
SELECT synergy.register_process('site_alert_daily', 'daily', worker => 'exec', tree_name => 'site_alert',
	blocking_type => 'dependencies', source => 'site_daily', sink => 'site_alert', arguments => '{"share": 0.5, "at_least": 100}',
	options => '{"timeout": "5 minutes", "concurrency": 4}', command => :'agent_directory' || '/alert.sh');
SELECT synergy.register_process('client_report_daily', 'daily', worker => 'amqp', tree_name => 'client_report',
	blocking_type => 'dependencies', source => 'client_daily', arguments => '{"title": "Visits by client"}',
	options => '{"concurrency": 4}');

-- late sessions: their hours are run again, and with them all that was made of these
SELECT synergy.register_freerun('late_sessions', 'last_week', :'trigger',
	'SELECT synergy.reprocess(''site_hourly'', timeperiod) FROM late_hour ORDER BY hour');

COMMIT;
