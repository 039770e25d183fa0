-- 70_looking.sql: functions to look at things with.

CREATE FUNCTION synergy.now() RETURNS timestamptz
	LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'synergy_now';
COMMENT ON FUNCTION synergy.now() IS 'synergy.clock when this session has set it, else the time of day';

CREATE FUNCTION synergy.status(OUT preloaded boolean, OUT enabled boolean, OUT launcher_pid int, OUT scheduler_pid int,
	OUT scheduler_state text, OUT started_at timestamptz, OUT last_round_at timestamptz, OUT last_round_ms double precision,
	OUT rounds bigint, OUT next_wake timestamptz, OUT executors int, OUT executors_busy int, OUT queued int,
	OUT out_of_slots_since timestamptz, OUT failing_since timestamptz, OUT lock_holder_pid int, OUT lock_holder_role text,
	OUT lock_held_for interval, OUT pending_news bigint, OUT units_requested bigint, OUT units_in_progress bigint,
	OUT units_invalid bigint, OUT courier_state text, OUT courier_pid int, OUT courier_failing_since timestamptz,
	OUT courier_error text, OUT outbox bigint, OUT outbox_unroutable bigint,
	OUT state_reason text, OUT jobs_late bigint)
	RETURNS record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_status';
COMMENT ON FUNCTION synergy.status() IS
'The background processes of this database: is the scheduler alive, when was its last round and how long did it take, when is the next, who holds the lock on the timetables and for how long, and what is waiting; the bridge to RabbitMQ: off, starting, connecting, up, blocked (by the broker) or failing, and what is to be published; state_reason: why the scheduler is paused (a copy) or parked (another version); jobs_late: how many have missed their deadline';

CREATE FUNCTION synergy.watch(lease interval DEFAULT '1 minute') RETURNS timestamptz
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_watch';
COMMENT ON FUNCTION synergy.watch(interval) IS
'Somebody watches for so long from now on: after LISTEN synergy_changes the scheduler tells which processes something has changed of. Returns until when; to be called again before that. NULL: no scheduler can tell (library not preloaded, standby, scheduler disabled or paused): look again now and then instead. ERROR 22023 for less than 1 second or more than 10 minutes';

CREATE FUNCTION synergy.explain_job(process_name text, timeperiod text)
	RETURNS TABLE (level int, process_name text, timeperiod text, state synergy.job_state, unit_of_work_id bigint, explanation text)
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_explain_job';
COMMENT ON FUNCTION synergy.explain_job(text, text) IS
'Why is the job in this state, and what is it waiting for? The job at level 0, what it waits for below it, and so on. ERROR 42704 for no such job';

-- Steps are found by the marks of the job and of its units, and by what came after them; all else by the index.
CREATE FUNCTION synergy.job_events(process_name text, timeperiod text) RETURNS SETOF synergy.event_log
	LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT e.* FROM synergy.event_log e WHERE e.process_name = $1 AND e.timeperiod = $2 AND NOT e.is_step
	UNION ALL
	SELECT e.* FROM synergy.event_log n JOIN synergy.event_log e ON e.event_id = n.previous_id AND e.is_step
		WHERE n.process_name = $1 AND n.timeperiod = $2 AND NOT n.is_step
	UNION ALL
	SELECT e.* FROM synergy.process p JOIN synergy.job_data j ON j.process_id = p.process_id AND j.timeperiod = $2
		JOIN synergy.event_log e ON e.event_id = j.mark AND e.is_step WHERE p.process_name = $1
	UNION ALL
	SELECT e.* FROM synergy.process p JOIN synergy.unit_of_work_data u ON u.process_id = p.process_id AND u.timeperiod = $2
		JOIN synergy.event_log e ON e.event_id = u.mark AND e.is_step WHERE p.process_name = $1
	ORDER BY 1;
END;
COMMENT ON FUNCTION synergy.job_events(text, text) IS
'What is in synergy.event_log of a job, or of a freerun''s unit, in its order: found by keys, where a condition on the log itself goes through all of it. Of a unit that retention has taken, and of a process that is not registered any more, without the step to in_progress';

CREATE FUNCTION synergy.next_fires(trigger_frequency text, timezone text DEFAULT 'UTC', from_time timestamptz DEFAULT NULL,
	n int DEFAULT 10) RETURNS SETOF timestamptz
	LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'synergy_next_fires';
COMMENT ON FUNCTION synergy.next_fires(text, text, timestamptz, int) IS
'The next n fires of a trigger frequency strictly after an instant (NULL: now). ERROR 22023 for what is no trigger or time zone';

CREATE FUNCTION synergy.simulate(from_time timestamptz DEFAULT NULL, to_time timestamptz DEFAULT NULL, bucket interval DEFAULT NULL,
	trees text[] DEFAULT NULL, changes jsonb DEFAULT '[]', durations jsonb DEFAULT '{}', default_duration interval DEFAULT '1 second',
	executors int DEFAULT NULL, slots int DEFAULT NULL, failure_rate double precision DEFAULT 0, seed bigint DEFAULT 1)
	RETURNS TABLE (bucket_start timestamptz, bucket_end timestamptz, process_name text, entry_name text, worker text,
		due bigint, done bigint, skipped bigint, backlog bigint, lateness_median interval, lateness_p95 interval, lateness_max interval,
		units bigint, failures bigint, busy_average double precision, busy_max int, waiting_max int, caught_up_at timestamptz)
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_simulate' COST 100000;
COMMENT ON FUNCTION synergy.simulate(timestamptz, timestamptz, interval, text[], jsonb, jsonb, interval, int, int, double precision, bigint) IS
'Forecast: runs timetables and freeruns over a virtual clock, from now (NULL: with all that is under way) or another time on, with changes, durations, numbers of workers and failures as given; a row for each process in each bucket, one for each kind of worker, and one (process_name and worker NULL) for all. Nothing is written. See docs/simulate.md. ERROR 22023 for a value out of range, 42704 for an unknown name, 54000 when it is too large';

CREATE VIEW synergy.schedule AS
SELECT process_name, NULL::text AS entry_name, trigger_frequency, 'UTC' AS timezone, is_on,
	CASE WHEN is_on THEN (SELECT f FROM synergy.next_fires(trigger_frequency, 'UTC', NULL, 1) f) END AS next_fire
FROM synergy.process
UNION ALL
SELECT process_name, entry_name, trigger_frequency, timezone, is_on,
	CASE WHEN is_on THEN (SELECT f FROM synergy.next_fires(trigger_frequency, timezone,
		CASE WHEN coalesce(options->>'missed', CASE WHEN trigger_frequency ILIKE '%once%' THEN 'once' END, 'skip') <> 'skip'
			THEN least(greatest(timer_since, g.fired_at), synergy.now()) END, 1) f) END
FROM synergy.freerun LEFT JOIN synergy.progress g ON g.process_id = freerun_id;
COMMENT ON VIEW synergy.schedule IS 'When the trigger of each process and freerun entry fires next';
COMMENT ON COLUMN synergy.schedule.process_name IS 'The process or freerun';
COMMENT ON COLUMN synergy.schedule.entry_name IS 'Entry of the freerun, NULL for a process';
COMMENT ON COLUMN synergy.schedule.trigger_frequency IS 'As registered';
COMMENT ON COLUMN synergy.schedule.timezone IS 'Zone in which at, cron and once are read';
COMMENT ON COLUMN synergy.schedule.is_on IS 'Is it switched on?';
COMMENT ON COLUMN synergy.schedule.next_fire IS 'Next time of its trigger; NULL: never. Past: a fire that was missed, and that its option missed does not skip, waits for the run before to end';

CREATE FUNCTION synergy.resume() RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_resume';
COMMENT ON FUNCTION synergy.resume() IS
'Ends the pause of a copy of a database (clone, restored dump, template): its jobs are run here from now on';

CREATE FUNCTION synergy.machine_rows(OUT row_no int, OUT machine text, OUT state text, OUT situation text,
	OUT next_state text, OUT action text, OUT comment text)
	RETURNS SETOF record LANGUAGE c IMMUTABLE AS 'MODULE_PATHNAME', 'synergy_machine_rows';
COMMENT ON FUNCTION synergy.machine_rows() IS 'The rows of the state machines, as compiled in';
CREATE VIEW synergy.state_machine AS SELECT * FROM synergy.machine_rows();
COMMENT ON VIEW synergy.state_machine IS 'The state machines as tables: the first row whose machine, state and situation match says what happens';
COMMENT ON COLUMN synergy.state_machine.row_no IS 'Order of precedence';
COMMENT ON COLUMN synergy.state_machine.machine IS 'discrete, continuous, recomputing, freerun';
COMMENT ON COLUMN synergy.state_machine.state IS 'State of the job';
COMMENT ON COLUMN synergy.state_machine.situation IS 'What else must hold';
COMMENT ON COLUMN synergy.state_machine.next_state IS 'State after it; NULL: it stays';
COMMENT ON COLUMN synergy.state_machine.action IS 'What is done';
COMMENT ON COLUMN synergy.state_machine.comment IS 'Why';

CREATE FUNCTION synergy.missing_up_to() RETURNS bigint
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, synergy, pg_temp
BEGIN ATOMIC
	SELECT CASE WHEN (SELECT count(*) > 1 OR max(paused_because) = 'its definitions were restored from a dump' FROM synergy.identity)
		THEN 9223372036854775807 ELSE last_value END FROM synergy.pruned_seq;
END;
COMMENT ON FUNCTION synergy.missing_up_to() IS
'The highest id of a unit that its finished job may be without: retention has taken it, or a dump that was restored and not resumed yet has not brought it';

-- Each branch is one invariant of docs/invariants.md, by its text. LATERAL with OFFSET 0 keeps the planner, who may know
-- nothing yet about tables that were filled a moment ago, from joining each job with all of another process.
CREATE FUNCTION synergy.check(after_collection boolean DEFAULT false)
	RETURNS TABLE (invariant text, process_name text, timeperiod text, unit_of_work_id bigint, detail text)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, synergy, pg_temp SET jit = off
BEGIN ATOMIC
	-- jobs and their units
	SELECT 'a job''s unit exists and is its own', p.process_name, j.timeperiod::text, j.unit_of_work_id, NULL::text
	FROM synergy.job_data j JOIN synergy.process p USING (process_id) LEFT JOIN synergy.unit_of_work_data u USING (unit_of_work_id)
	WHERE j.unit_of_work_id IS NOT NULL AND (u.process_id, u.timeperiod) IS DISTINCT FROM (j.process_id, j.timeperiod)
	AND NOT (u.process_id IS NULL AND j.state IN ('p', 'n', 's') AND j.unit_of_work_id <= (SELECT synergy.missing_up_to()))
	UNION ALL
	SELECT 'a job has counted its units', p.process_name, j.timeperiod, NULL, format('%s of %s units', j.number_of_units, u.n)
	FROM (SELECT process_id, timeperiod, count(*) AS n FROM synergy.unit_of_work_data GROUP BY 1, 2) u
	JOIN synergy.job_data j USING (process_id, timeperiod) JOIN synergy.process p USING (process_id)
	WHERE u.n > j.number_of_units
	AND NOT EXISTS (SELECT FROM synergy.pending q CROSS JOIN LATERAL unnest(q.unit_of_work_ids) i (id) JOIN synergy.unit_of_work_data e ON e.unit_of_work_id = i.id
		WHERE q.has_carried AND e.process_id = j.process_id AND e.timeperiod = j.timeperiod)
	UNION ALL
	SELECT 'a job at work has a unit', p.process_name, j.timeperiod, NULL, synergy.job_state_of(j.state)::text
	FROM synergy.job_data j JOIN synergy.process p USING (process_id)
	WHERE j.state IN ('i', 'f') AND j.unit_of_work_id IS NULL
	UNION ALL
	SELECT 'an embryo has no unit', p.process_name, j.timeperiod, j.unit_of_work_id, NULL
	FROM synergy.job_data j JOIN synergy.process p USING (process_id)
	WHERE j.state = 'e' AND j.unit_of_work_id IS NOT NULL
	UNION ALL
	SELECT 'a processed job has a unit that was processed', p.process_name, j.timeperiod, j.unit_of_work_id,
		synergy.uow_state_of(u.state)::text
	FROM synergy.job_data j JOIN synergy.process p USING (process_id) LEFT JOIN synergy.unit_of_work_data u USING (unit_of_work_id)
	WHERE j.state = 'p' AND u.state IS DISTINCT FROM 'p'
	AND NOT (u.state IS NULL AND coalesce(j.unit_of_work_id <= (SELECT synergy.missing_up_to()), false))
	UNION ALL
	SELECT 'a noop job has no unit or one that was noop', p.process_name, j.timeperiod, j.unit_of_work_id,
		synergy.uow_state_of(u.state)::text
	FROM synergy.job_data j JOIN synergy.process p USING (process_id) JOIN synergy.unit_of_work_data u USING (unit_of_work_id)
	WHERE j.state = 'n' AND u.state <> 'n'
	UNION ALL
	SELECT 'a skipped job has no active unit', p.process_name, j.timeperiod, u.unit_of_work_id, NULL
	FROM synergy.job_data j JOIN synergy.process p USING (process_id) JOIN synergy.unit_of_work_data u USING (unit_of_work_id)
	WHERE j.state = 's' AND u.state IN ('r', 'i', 'v')
	AND NOT EXISTS (SELECT FROM synergy.pending n WHERE u.unit_of_work_id = ANY (n.unit_of_work_ids))
	UNION ALL
	SELECT 'an active unit is listed as active', d.process_name, u.timeperiod, u.unit_of_work_id, synergy.uow_state_of(u.state)::text
	FROM synergy.unit_of_work_data u JOIN synergy.definition d USING (process_id)
	WHERE u.state IN ('r', 'i', 'v')
	AND NOT EXISTS (SELECT FROM synergy.active_unit a WHERE a.process_id = u.process_id AND a.unit_of_work_id = u.unit_of_work_id)
	UNION ALL
	SELECT 'no job has two active units, but recomputing ones that are paced', p.process_name, u.timeperiod, min(u.unit_of_work_id),
		format('%s active units', count(*))
	FROM synergy.unit_of_work_active u JOIN synergy.process p USING (process_id)
	WHERE (p.state_machine <> 'recomputing' OR coalesce(p.options->>'catch_up', 'eager') = 'eager')
	GROUP BY p.process_name, u.timeperiod HAVING count(*) > 1
	UNION ALL
	SELECT 'no freerun has two units under way', f.process_name, min(u.timeperiod), min(u.unit_of_work_id),
		format('entry %s: %s units', f.entry_name, count(*))
	FROM synergy.unit_of_work_active u JOIN synergy.freerun f ON f.freerun_id = u.process_id
	WHERE u.state <> 'v'
	GROUP BY f.process_name, f.entry_name HAVING count(*) > 1
	UNION ALL
	SELECT 'a unit belongs to a job or a freerun', p.process_name, u.timeperiod, u.unit_of_work_id, NULL
	FROM synergy.unit_of_work_data u LEFT JOIN synergy.process p USING (process_id)
	LEFT JOIN synergy.freerun f ON f.freerun_id = u.process_id
	LEFT JOIN synergy.job_data j ON j.process_id = u.process_id AND j.timeperiod = u.timeperiod
	WHERE j.process_id IS NULL AND f.freerun_id IS NULL
	UNION ALL
	SELECT 'a unit in progress was started, and a requested one waits', d.process_name, u.timeperiod, u.unit_of_work_id,
		synergy.uow_state_of(u.state)::text
	FROM synergy.unit_of_work_data u JOIN synergy.definition d USING (process_id)
	WHERE (u.state = 'i' AND (u.attempt < 1 OR u.started_at IS NULL)) OR (u.state = 'r' AND u.finished_at IS NOT NULL)
	OR (u.state IN ('p', 'n', 'c') AND u.finished_at IS NULL)
	UNION ALL
	SELECT 'a requested unit is on no box', d.process_name, u.timeperiod, u.unit_of_work_id, u.box_name
	FROM synergy.unit_of_work_data u JOIN synergy.definition d USING (process_id)
	WHERE u.state = 'r' AND u.box_name IS NOT NULL
	UNION ALL
	SELECT 'a box with units in progress is waited for', d.process_name, u.timeperiod, u.unit_of_work_id, u.box_name
	FROM synergy.unit_of_work_data u JOIN synergy.definition d USING (process_id) JOIN synergy.box b USING (box_name)
	WHERE u.state = 'i' AND NOT b.is_busy
	UNION ALL
	SELECT 'a step of a job is found', e.process_name, e.timeperiod, e.unit_of_work_id, format('event %s', e.event_id)
	FROM synergy.event_log e JOIN synergy.process p USING (process_name)
	WHERE e.is_step AND coalesce(e.unit_of_work_id > synergy.missing_up_to(), true)
	AND NOT EXISTS (SELECT FROM synergy.job_data j WHERE j.process_id = p.process_id AND j.timeperiod = e.timeperiod AND j.mark = e.event_id)
	AND NOT EXISTS (SELECT FROM synergy.unit_of_work_data u WHERE u.process_id = p.process_id AND u.timeperiod = e.timeperiod AND u.mark = e.event_id)
	AND NOT EXISTS (SELECT FROM synergy.event_log n WHERE n.previous_id = e.event_id AND n.process_name = e.process_name
		AND n.timeperiod = e.timeperiod AND NOT n.is_step)
	-- of an earlier process of this name
	AND NOT EXISTS (SELECT FROM synergy.event_log n WHERE n.process_name = e.process_name AND n.event = 'unregister' AND n.entry_name IS NULL
		AND n.event_id > e.event_id AND NOT n.is_step)
	-- order
	UNION ALL
	SELECT 'no job is final on stale inputs', p.process_name, j.timeperiod, j.unit_of_work_id,
		format('%s %s was finished later', o.process_name, b.timeperiod)
	FROM synergy.job_data j JOIN synergy.process p USING (process_id) JOIN synergy.timetable t USING (tree_name)
	LEFT JOIN synergy.unit_of_work_data u USING (unit_of_work_id)
	JOIN synergy.process_link l ON l.process_id = j.process_id JOIN synergy.process o ON o.process_id = l.other_id
	CROSS JOIN LATERAL (SELECT b.timeperiod, b.mark FROM synergy.job_data b WHERE b.process_id = l.other_id
		AND b.timeperiod >= synergy.timeperiod_group_start(p.time_qualifier, p.time_grouping, synergy.timeperiod_cast(p.time_qualifier, j.timeperiod))
		AND b.timeperiod < synergy.timeperiod_step(p.time_qualifier, synergy.timeperiod_cast(p.time_qualifier, j.timeperiod)) OFFSET 0) b
	-- the unit that retention has taken had a lower mark than its job
	WHERE j.state IN ('p', 'n') AND j.unit_of_work_id IS NOT NULL
	AND b.mark > coalesce(u.mark, j.mark) AND coalesce(u.mark, j.mark) > t.relations_mark
	AND synergy.timeperiod_is_milestone(p.time_qualifier, p.time_grouping, synergy.timeperiod_cast(p.time_qualifier, j.timeperiod))
	UNION ALL
	SELECT 'no finished parent has an active child after a collection', p.process_name, j.timeperiod, j.unit_of_work_id,
		format('%s %s is %s', o.process_name, b.timeperiod, synergy.job_state_of(b.state))
	FROM synergy.job_data j JOIN synergy.process p USING (process_id)
	JOIN synergy.process_link l ON l.process_id = j.process_id AND l.kind = 'child' JOIN synergy.process o ON o.process_id = l.other_id
	CROSS JOIN LATERAL (SELECT b.timeperiod, b.state FROM synergy.job_data b WHERE b.process_id = l.other_id
		AND b.timeperiod >= synergy.timeperiod_group_start(p.time_qualifier, p.time_grouping, synergy.timeperiod_cast(p.time_qualifier, j.timeperiod))
		AND b.timeperiod < synergy.timeperiod_step(p.time_qualifier, synergy.timeperiod_cast(p.time_qualifier, j.timeperiod)) OFFSET 0) b
	WHERE $1 AND p.is_on AND j.state IN ('p', 'n', 's') AND b.state IN ('e', 'i', 'f')
	AND synergy.timeperiod_is_milestone(p.time_qualifier, p.time_grouping, synergy.timeperiod_cast(p.time_qualifier, j.timeperiod))
	AND NOT (p.blocking_type = 'dependencies' AND EXISTS (SELECT FROM synergy.process_link dl JOIN synergy.job_data d
		ON d.process_id = dl.other_id
		AND d.timeperiod >= synergy.timeperiod_group_start(p.time_qualifier, p.time_grouping, synergy.timeperiod_cast(p.time_qualifier, j.timeperiod))
		AND d.timeperiod < synergy.timeperiod_step(p.time_qualifier, synergy.timeperiod_cast(p.time_qualifier, j.timeperiod))
		WHERE dl.process_id = p.process_id AND dl.kind = 'dependency' AND d.state = 's'))
	-- timetables
	UNION ALL
	SELECT 'every period up to the last has a job', p.process_name, s.timeperiod, NULL, NULL
	FROM synergy.process p JOIN synergy.progress g USING (process_id)
	CROSS JOIN LATERAL synergy.timeperiod_series(p.time_qualifier,
		synergy.timeperiod_cast(p.time_qualifier, p.start_timeperiod), synergy.timeperiod_cast(p.time_qualifier, g.head)) s (timeperiod)
	WHERE g.head IS NOT NULL
	AND NOT EXISTS (SELECT FROM synergy.job_data j WHERE j.process_id = p.process_id AND j.timeperiod = s.timeperiod)
	UNION ALL
	SELECT 'no job lies outside of its timetable', p.process_name, j.timeperiod, j.unit_of_work_id, format('from %s to %s', p.start_timeperiod, g.head)
	FROM synergy.job_data j JOIN synergy.process p USING (process_id) LEFT JOIN synergy.progress g USING (process_id)
	WHERE g.head IS NOT NULL
	AND (j.timeperiod > g.head OR j.timeperiod < synergy.timeperiod_cast(p.time_qualifier, p.start_timeperiod))
	UNION ALL
	SELECT 'no job before the frontier is active', p.process_name, j.timeperiod, j.unit_of_work_id,
		concat_ws(' ', g.frontier, g.backfill_frontier, g.backfill_end)
	FROM synergy.job_data j JOIN synergy.process p USING (process_id) JOIN synergy.progress g USING (process_id)
	WHERE j.state IN ('e', 'i', 'f') AND j.timeperiod < CASE WHEN j.timeperiod < g.backfill_end THEN g.backfill_frontier ELSE g.frontier END
	UNION ALL
	SELECT 'a late job is active', coalesce(p.process_name, l.process_id::text), l.timeperiod, j.unit_of_work_id, synergy.job_state_of(j.state)::text
	FROM synergy.late_job l LEFT JOIN synergy.process p USING (process_id) LEFT JOIN synergy.job_data j USING (process_id, timeperiod)
	WHERE p.process_id IS NULL OR coalesce(j.state, 'p') NOT IN ('e', 'i', 'f')
	UNION ALL
	SELECT 'no timetable depends on itself', NULL, NULL, NULL, r.root
	FROM (WITH RECURSIVE reached AS (SELECT tree_name AS root, unnest(dependent_on) AS name FROM synergy.timetable
		UNION SELECT r.root, unnest(t.dependent_on) FROM reached r JOIN synergy.timetable t ON t.tree_name = r.name)
		SELECT root FROM reached WHERE root = name) r;
END;
COMMENT ON FUNCTION synergy.check(boolean) IS
'Invariants that are violated: none on a healthy database, after whatever happened. With after_collection also those that hold when the garbage collector has just run. Reads all jobs. See docs/invariants.md';
