-- console_db.sql: a database as it looks after years, for bench/console_api.py: 40 timetables of four levels over 5.5 years
-- (2.0 million jobs and as many units), 4 million events, freeruns, boxes, daemons; at its end, the present hour, some fail,
-- some wait for those, some are at work, and a backfill is under way. Filled directly, in 2 minutes, and consistent:
-- synergy.check() finds nothing, which is printed for fewer than 200000 jobs. The scheduler is off.
--
--	createdb console && psql -X -v ON_ERROR_STOP=1 -d console -f console_db.sql [-v trees=40] [-v months=66] [-v events=1] [-v analyze=1]
--
-- Rows lie as they do in a table that has grown: by time, the processes mixed. The same number of rows in the same
-- states for the same hour: nothing is random.

\if :{?trees} \else \set trees 40 \endif
\if :{?months} \else \set months 66 \endif
\if :{?events} \else \set events 1 \endif
\if :{?analyze} \else \set analyze 1 \endif
\set QUIET 1
\pset tuples_only on
SET client_min_messages = warning;
SET timezone = 'UTC';
SELECT format('ALTER DATABASE %I SET synergy.enabled = off', current_database()) \gexec
CREATE EXTENSION IF NOT EXISTS synergy;
-- its scheduler may just have been started
SELECT pg_sleep(1) \g /dev/null

-- ---------------------------------------------------------------- definitions

CREATE TEMP TABLE tree AS
SELECT k, format('site_%s', lpad(k::text, 2, '0')) AS name, CASE WHEN k % 4 <> 1 AND k > 1 THEN k - 1 END AS needs,
	-- hours that its frontier is behind: by a failure of its own, or because it waits for one before it in its chain of four
	CASE WHEN k % 10 = 3 THEN 6 + k % 7 ELSE 0 END AS fails,
	(SELECT coalesce(max(6 + f % 7), 0) FROM generate_series(k - (k - 1) % 4, k) f WHERE f % 10 = 3) AS behind,
	date_trunc('month', synergy.now()) - make_interval(months => :months + CASE WHEN k = 5 THEN 3 ELSE 0 END) AS starts
FROM generate_series(1, :trees) k;

SELECT count(synergy.register_timetable(name, CASE WHEN needs IS NULL THEN '{}' ELSE ARRAY[format('site_%s', lpad(needs::text, 2, '0'))] END,
	to_char(starts, 'YYYYMMDDHH24'))) FROM (SELECT * FROM tree ORDER BY k) t \g /dev/null

CREATE TEMP TABLE level AS
SELECT * FROM (VALUES (0, 'hourly', 'hour', interval '1 hour', 'every 60', 40), (1, 'daily', 'day', '1 day', 'every 5 minutes', 180),
	(2, 'monthly', 'month', '1 month', 'every 1 hour', 900), (3, 'yearly', 'year', '1 year', 'at 06:00', 3000))
	l (level, qualifier, unit, step, fires, seconds);

SELECT count(synergy.register_process(t.name || '_' || l.qualifier, l.qualifier, CASE WHEN t.k % 6 = 2 THEN 'exec /opt/site/run' ELSE 'SELECT 1' END,
	CASE WHEN t.k % 6 = 2 THEN 'exec' ELSE 'sql' END, l.fires, tree_name => t.name, source => 'visit', sink => t.name || '_' || l.qualifier,
	blocking_type => CASE WHEN l.level = 0 THEN CASE WHEN t.needs IS NULL THEN 'normal' ELSE 'dependencies' END ELSE 'children' END,
	arguments => jsonb_build_object('site', t.k), is_on => t.k <> 39))
FROM (SELECT * FROM tree, level ORDER BY k, level) x JOIN tree t USING (k) JOIN level l USING (level) \g /dev/null

SELECT count(synergy.register_freerun('report_' || (k % 10), 'entry_' || k, CASE k % 3 WHEN 0 THEN '*/15 * * * *' WHEN 1 THEN 'every 1 hour' ELSE 'at 05:30' END,
	'SELECT 1', description => 'Report ' || k, timezone => 'Europe/Berlin', is_on => k % 17 <> 0)) FROM generate_series(1, 50) k \g /dev/null
SELECT count(synergy.register_daemon('daemon_' || k, 'exec sleep 1000', CASE WHEN k = 2 THEN ARRAY['^box_1$'] ELSE '{}' END)) FROM generate_series(1, 5) k \g /dev/null

INSERT INTO synergy.box
SELECT 'box_' || k, 4, 'box' || k || '.example.org', 1000 + k, '1.0.0', md5(k::text), 0, synergy.now() - interval '3 days', synergy.now(), true
FROM generate_series(1, 6) k;
INSERT INTO synergy.box_daemon
SELECT 'box_' || b, 'daemon_' || d, CASE WHEN b = 6 AND d = 3 THEN 'backing_off' WHEN b = 5 AND d = 4 THEN 'failed' ELSE 'running' END, 2000 + d, 3, 2,
	'exit 1', synergy.now() - interval '2 days', synergy.now() - interval '2 days 1 min', NULL
FROM generate_series(1, 6) b, generate_series(1, 5) d WHERE d <> 2 OR b = 1;

-- ---------------------------------------------------------------- jobs: one fact each, in the order of time

CREATE TEMP TABLE spec AS
SELECT p.process_id, p.process_name, t.k, l.level, l.qualifier, l.step, l.seconds, t.fails, t.behind, p.worker,
	date_trunc(l.unit, t.starts) AS first_at, date_trunc(l.unit, synergy.now()) AS head_at,
	date_trunc('hour', synergy.now()) - make_interval(hours => t.behind) - CASE WHEN t.k % 5 = 0 THEN interval '1 hour' ELSE '0' END AS frontier_at,
	CASE WHEN t.k = 5 AND l.level < 3 THEN t.starts + interval '3 months' END AS backfill_end, CASE WHEN t.k = 5 AND l.level < 3 THEN t.starts + interval '1 month' END AS backfill_frontier
FROM synergy.process p JOIN level l ON l.qualifier = p.time_qualifier JOIN tree t ON t.name = p.tree_name;

CREATE TEMP TABLE fact AS
SELECT row_number() OVER (ORDER BY ends, level, k) AS id, q.*,
	extract(epoch FROM ends)::bigint / 3600 * 10000 + level * 1000 + k * 10 AS mark,
	CASE state WHEN 'e' THEN NULL WHEN 'i' THEN CASE WHEN level = 0 AND fails > 0 AND starts < frontier_at + interval '1 hour' THEN 'v' WHEN k % 2 = 0 THEN 'i' ELSE 'r' END
		WHEN 's' THEN 'c' ELSE state END AS unit_state
FROM (SELECT s.*, a.starts, a.starts + s.step AS ends, to_char(a.starts, CASE s.level WHEN 0 THEN 'YYYYMMDDHH24' WHEN 1 THEN 'YYYYMMDD00'
			WHEN 2 THEN 'YYYYMM0000' ELSE 'YYYY000000' END) AS timeperiod, hash,
		CASE WHEN a.starts < s.backfill_end AND a.starts >= s.backfill_frontier THEN 'e'
			WHEN a.starts + s.step > s.frontier_at THEN CASE WHEN s.level = 0 AND a.starts = s.frontier_at AND (s.fails > 0 OR s.behind = 0 AND s.k % 5 = 0) THEN 'i' ELSE 'e' END
			WHEN hash % 97 = 0 THEN 'n' WHEN hash % 701 = 0 THEN 's' ELSE 'p' END AS state
	FROM spec s CROSS JOIN LATERAL generate_series(s.first_at, s.head_at, s.step) a (starts)
	CROSS JOIN LATERAL (SELECT abs(hashint4(s.process_id * 1000003 + (extract(epoch FROM a.starts) / 3600)::int)) AS hash) h) q;

-- ids leave room: every 50th job had another unit before
INSERT INTO synergy.job_data (process_id, timeperiod, state, number_of_units, unit_of_work_id, mark)
SELECT process_id, timeperiod, state::"char", CASE WHEN unit_state IS NULL THEN 0 WHEN hash % 50 = 0 THEN 2 ELSE 1 END,
	CASE WHEN unit_state IS NOT NULL THEN id * 2 END, CASE WHEN state IN ('p', 'n', 's') THEN mark + 1 ELSE 0 END
FROM fact ORDER BY id;

INSERT INTO synergy.unit_of_work_data (unit_of_work_id, process_id, state, timeperiod, start_timeperiod, end_timeperiod, attempt, number_of_retries,
	start_id, end_id, mark, created_at, submitted_at, started_at, finished_at, release_at, is_on_box, box_name, number_of_processed, error)
SELECT id * 2 - n, process_id, u.state::"char", timeperiod, timeperiod, to_char(ends, CASE level WHEN 0 THEN 'YYYYMMDDHH24' WHEN 1 THEN 'YYYYMMDD00'
		WHEN 2 THEN 'YYYYMM0000' ELSE 'YYYY000000' END), CASE u.state WHEN 'r' THEN 0 WHEN 'v' THEN 3 ELSE 1 END, CASE u.state WHEN 'v' THEN 2 ELSE 0 END,
	0, 1 - n, mark - n, made_at, made_at, CASE WHEN u.state <> 'r' THEN made_at + interval '2 s' END,
	CASE WHEN u.state NOT IN ('r', 'i') THEN made_at + interval '2 s' + make_interval(secs => seconds * (0.6 + hash % 1000 / 1000.0)) END,
	CASE u.state WHEN 'v' THEN synergy.now() + interval '10 min' END, worker = 'exec' AND u.state = 'i', CASE WHEN worker = 'exec' AND u.state <> 'r' THEN 'box_' || 1 + id % 6 END,
	CASE WHEN u.state = 'p' THEN hash % 100000 END,
	CASE WHEN u.state = 'v' THEN 'ERROR: relation "visit_' || k || '" does not exist' || E'\nLINE 1: INSERT INTO site SELECT ... FROM visit' WHEN n = 1 THEN 'connection lost' END
FROM fact CROSS JOIN LATERAL (SELECT ends + interval '5 min' + make_interval(secs => k) AS made_at) m
CROSS JOIN LATERAL (SELECT 0 AS n, unit_state AS state UNION ALL SELECT 1, 'c' WHERE hash % 50 = 0) u WHERE unit_state IS NOT NULL ORDER BY id, n DESC;

INSERT INTO synergy.progress (process_id, head, frontier, backfill_start, backfill_end, backfill_frontier)
SELECT s.process_id, f.head, f.frontier, CASE WHEN backfill_end IS NOT NULL THEN f.first END, synergy.timeperiod_at(qualifier, backfill_end),
	synergy.timeperiod_at(qualifier, backfill_frontier)
FROM spec s CROSS JOIN LATERAL (SELECT max(timeperiod) AS head, min(timeperiod) AS first,
	min(timeperiod) FILTER (WHERE state IN ('e', 'i', 'f') AND starts >= coalesce(s.backfill_end, '-infinity')) AS frontier
	FROM fact WHERE process_id = s.process_id) f
ON CONFLICT (process_id) DO UPDATE SET head = excluded.head, frontier = excluded.frontier, backfill_start = excluded.backfill_start,
	backfill_end = excluded.backfill_end, backfill_frontier = excluded.backfill_frontier;

-- ---------------------------------------------------------------- freeruns, logs, events

INSERT INTO synergy.unit_of_work_data (unit_of_work_id, process_id, state, timeperiod, start_timeperiod, end_timeperiod, attempt, start_id, end_id, mark,
	created_at, submitted_at, started_at, finished_at, number_of_processed, error)
SELECT (SELECT max(id) * 2 FROM fact) + row_number() OVER (ORDER BY at, freerun_id), freerun_id, state::"char", to_char(at, 'YYYYMMDDHH24MISS'), to_char(at, 'YYYYMMDDHH24MISS'),
	to_char(at, 'YYYYMMDDHH24MISS'), 1, 0, n, (SELECT max(mark) FROM fact) + n, at, at, at + interval '1 s', at + interval '9 s', n, CASE state WHEN 'v' THEN 'exit 1' END
FROM (SELECT freerun_id, n, date_trunc('second', synergy.now()) - make_interval(mins => 15 * n) AS at, CASE WHEN n = 1 AND freerun_id % 9 = 0 THEN 'v' ELSE 'p' END AS state
	FROM synergy.freerun, generate_series(1, 200) n) q ORDER BY 1;
INSERT INTO synergy.active_unit SELECT process_id, unit_of_work_id FROM synergy.unit_of_work_data WHERE state IN ('r', 'i', 'v');
INSERT INTO synergy.progress (process_id, unit_of_work_id, fired_at)
SELECT process_id, max(unit_of_work_id), max(submitted_at) FROM synergy.unit_of_work_data JOIN synergy.freerun ON freerun_id = process_id GROUP BY 1
ON CONFLICT (process_id) DO UPDATE SET unit_of_work_id = excluded.unit_of_work_id, fired_at = excluded.fired_at;

INSERT INTO synergy.unit_of_work_log (unit_of_work_id, at, line, stream)
SELECT unit_of_work_id, started_at + make_interval(secs => n), 'line ' || n, CASE WHEN n % 7 = 0 THEN 'stderr' ELSE 'stdout' END
FROM (SELECT unit_of_work_id, started_at, row_number() OVER () AS nth FROM synergy.unit_of_work_data WHERE state = 'v' AND box_name IS NULL) u, generate_series(1, CASE nth WHEN 1 THEN 5000 ELSE 20 END) n;

\if :events
INSERT INTO synergy.event_log (at, role_name, event, process_name, timeperiod, unit_of_work_id, old_state, new_state, detail)
SELECT ends + interval '5 min' + make_interval(secs => k + e.n * seconds), 'postgres', e.event, process_name, timeperiod, id * 2, e.old_state, e.new_state, e.detail
FROM fact CROSS JOIN LATERAL (SELECT 0 AS n, 'job' AS event, 'embryo' AS old_state, 'in_progress' AS new_state, NULL AS detail
	UNION ALL SELECT 1, 'unit', 'in_progress', 'invalid', 'relation "visit" does not exist' WHERE unit_state = 'v' OR hash % 200 = 0
	UNION ALL SELECT 2, 'job', 'in_progress', synergy.job_state_of(state::"char")::text, NULL WHERE state IN ('p', 'n', 's')) e
WHERE unit_state IS NOT NULL ORDER BY id, e.n;
\endif

-- ---------------------------------------------------------------- the counters follow

SELECT setval('synergy.mark_seq', (SELECT (max(mark) / 100 + 2) * 100 FROM fact)) \g /dev/null
SELECT setval(pg_get_serial_sequence('synergy.unit_of_work_data', 'unit_of_work_id'), (SELECT max(unit_of_work_id) FROM synergy.unit_of_work_data)) \g /dev/null
\if :analyze
VACUUM ANALYZE synergy.job_data, synergy.unit_of_work_data, synergy.active_unit, synergy.event_log, synergy.unit_of_work_log, synergy.process, synergy.timetable, synergy.progress, synergy.freerun;
\endif
SELECT format('%s jobs, %s units, %s events', (SELECT count(*) FROM synergy.job_data), (SELECT count(*) FROM synergy.unit_of_work_data), (SELECT count(*) FROM synergy.event_log));
SELECT count(*) < 200000 AS is_small FROM synergy.job_data \gset
\if :is_small
SELECT format('%s violations of %s', count(*), c.invariant) FROM synergy.check() c GROUP BY c.invariant;
\endif
