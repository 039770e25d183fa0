-- :first is the first hour of the data. $1 and $2 are the bounds of the period that a job is for.
SELECT synergy.register_timetable('flights', start_timeperiod => :'first');
SELECT synergy.register_timetable('alerts', dependent_on => '{flights}', start_timeperiod => :'first');

SELECT synergy.register_process('flights_hourly', 'hourly', tree_name => 'flights', options => '{"concurrency": 8}', command => $$
	INSERT INTO hourly
	SELECT $1, count(*), coalesce(sum(delay_minutes), 0), coalesce(sum(distance_miles), 0)
	FROM flights WHERE departed_at >= $1 AND departed_at < $2
	ON CONFLICT (period) DO UPDATE SET flights = EXCLUDED.flights, delay = EXCLUDED.delay, distance = EXCLUDED.distance $$);

SELECT synergy.register_process('flights_daily', 'daily', tree_name => 'flights', blocking_type => 'children', command => $$
	INSERT INTO daily
	SELECT $1, coalesce(sum(flights), 0), coalesce(sum(delay), 0), coalesce(sum(distance), 0)
	FROM hourly WHERE period >= $1 AND period < $2
	ON CONFLICT (period) DO UPDATE SET flights = EXCLUDED.flights, delay = EXCLUDED.delay, distance = EXCLUDED.distance $$);

SELECT synergy.register_process('flights_monthly', 'monthly', tree_name => 'flights', state_machine => 'continuous',
	trigger_frequency => 'every 2 seconds', options => '{"concurrency": 4}', command => $$
	INSERT INTO monthly
	SELECT $1, coalesce(sum(flights), 0), coalesce(sum(delay), 0), coalesce(sum(distance), 0)
	FROM daily WHERE period >= $1 AND period < $2
	ON CONFLICT (period) DO UPDATE SET flights = EXCLUDED.flights, delay = EXCLUDED.delay, distance = EXCLUDED.distance $$);

SELECT synergy.register_process('flights_yearly', 'yearly', tree_name => 'flights', state_machine => 'continuous',
	trigger_frequency => 'every 2 seconds', options => '{"concurrency": 2}', command => $$
	INSERT INTO yearly
	SELECT $1, coalesce(sum(flights), 0), coalesce(sum(delay), 0), coalesce(sum(distance), 0)
	FROM monthly WHERE period >= $1 AND period < $2
	ON CONFLICT (period) DO UPDATE SET flights = EXCLUDED.flights, delay = EXCLUDED.delay, distance = EXCLUDED.distance $$);

SELECT synergy.register_process('flights_alert_daily', 'daily', tree_name => 'alerts', blocking_type => 'dependencies', command => $$
	WITH today AS (SELECT round(delay::numeric / nullif(flights, 0), 1) AS average FROM daily WHERE period = $1),
	gone AS (DELETE FROM alerts WHERE period = $1 AND NOT EXISTS (SELECT FROM today WHERE average >= 15))
	INSERT INTO alerts SELECT $1, average FROM today WHERE average >= 15
	ON CONFLICT (period) DO UPDATE SET average_delay = EXCLUDED.average_delay $$);
