-- 70_looking.sql: functions to look at things with.

CREATE FUNCTION synergy.now() RETURNS timestamptz
	LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'synergy_now';
COMMENT ON FUNCTION synergy.now() IS 'synergy.clock when this session has set it, else the time of day';

CREATE FUNCTION synergy.status(OUT preloaded boolean, OUT enabled boolean, OUT launcher_pid int, OUT scheduler_pid int,
	OUT scheduler_state text, OUT started_at timestamptz, OUT last_round_at timestamptz, OUT last_round_ms double precision,
	OUT rounds bigint, OUT next_wake timestamptz, OUT executors int, OUT executors_busy int, OUT queued int,
	OUT out_of_slots_since timestamptz, OUT failing_since timestamptz, OUT lock_holder_pid int, OUT lock_holder_role text,
	OUT lock_held_for interval, OUT pending_news bigint, OUT units_requested bigint, OUT units_in_progress bigint,
	OUT units_invalid bigint)
	RETURNS record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_status';
COMMENT ON FUNCTION synergy.status() IS
'The background processes of this database: is the scheduler alive, when was its last round and how long did it take, when is the next, who holds the lock on the timetables and for how long, and what is waiting';

CREATE FUNCTION synergy.explain_job(process_name text, timeperiod text)
	RETURNS TABLE (level int, process_name text, timeperiod text, state synergy.job_state, unit_of_work_id bigint, explanation text)
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_explain_job';
COMMENT ON FUNCTION synergy.explain_job(text, text) IS
'Why is the job in this state, and what is it waiting for? The job at level 0, what it waits for below it, and so on. ERROR 42704 for no such job';

CREATE FUNCTION synergy.next_fires(trigger_frequency text, timezone text DEFAULT 'UTC', from_time timestamptz DEFAULT NULL,
	n int DEFAULT 10) RETURNS SETOF timestamptz
	LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'synergy_next_fires';
COMMENT ON FUNCTION synergy.next_fires(text, text, timestamptz, int) IS
'The next n fires of a trigger frequency strictly after an instant (NULL: now). ERROR 22023 for what is no trigger or time zone';

CREATE VIEW synergy.schedule AS
SELECT process_name, NULL::text AS entry_name, trigger_frequency, 'UTC' AS timezone, is_on,
	CASE WHEN is_on THEN (SELECT f FROM synergy.next_fires(trigger_frequency, 'UTC', NULL, 1) f) END AS next_fire
FROM synergy.process
UNION ALL
SELECT process_name, entry_name, trigger_frequency, timezone, is_on,
	CASE WHEN is_on AND (g.fired_at IS NULL OR trigger_frequency NOT ILIKE 'once%') THEN
		(SELECT f FROM synergy.next_fires(trigger_frequency, timezone, NULL, 1) f) END
FROM synergy.freerun LEFT JOIN synergy.progress g ON g.process_id = freerun_id;
COMMENT ON VIEW synergy.schedule IS 'When the trigger of each process and freerun entry fires next';
COMMENT ON COLUMN synergy.schedule.process_name IS 'The process or freerun';
COMMENT ON COLUMN synergy.schedule.entry_name IS 'Entry of the freerun, NULL for a process';
COMMENT ON COLUMN synergy.schedule.trigger_frequency IS 'As registered';
COMMENT ON COLUMN synergy.schedule.timezone IS 'Zone in which at, cron and once are read';
COMMENT ON COLUMN synergy.schedule.is_on IS 'Is it switched on?';
COMMENT ON COLUMN synergy.schedule.next_fire IS 'Next time of its trigger; NULL: never';

CREATE FUNCTION synergy.resume() RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_resume';
COMMENT ON FUNCTION synergy.resume() IS
'Ends the pause of a copy of a database (clone, restored dump, template): its jobs are run here from now on';

CREATE FUNCTION synergy.machine_rows(OUT row_no int, OUT state_machine text, OUT state text, OUT situation text,
	OUT next_state text, OUT action text, OUT comment text)
	RETURNS SETOF record LANGUAGE c IMMUTABLE AS 'MODULE_PATHNAME', 'synergy_machine_rows';
COMMENT ON FUNCTION synergy.machine_rows() IS 'The rows of the state machines, as compiled in';
CREATE VIEW synergy.state_machine AS SELECT * FROM synergy.machine_rows();
COMMENT ON VIEW synergy.state_machine IS 'The state machines as tables: the first row whose machine, state and situation match says what happens';
COMMENT ON COLUMN synergy.state_machine.row_no IS 'Order of precedence';
COMMENT ON COLUMN synergy.state_machine.state_machine IS 'discrete, continuous, recomputing, freerun';
COMMENT ON COLUMN synergy.state_machine.state IS 'State of the job';
COMMENT ON COLUMN synergy.state_machine.situation IS 'What else must hold';
COMMENT ON COLUMN synergy.state_machine.next_state IS 'State after it; NULL: it stays';
COMMENT ON COLUMN synergy.state_machine.action IS 'What is done';
COMMENT ON COLUMN synergy.state_machine.comment IS 'Why';

CREATE FUNCTION synergy.check() RETURNS TABLE (invariant text, process_name text, timeperiod text, unit_of_work_id bigint, detail text)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, synergy, pg_temp
BEGIN ATOMIC
	SELECT 'a skipped job has no active unit', p.process_name, j.timeperiod::text, u.unit_of_work_id, NULL::text
	FROM synergy.job_data j JOIN synergy.process p USING (process_id) JOIN synergy.unit_of_work_data u USING (unit_of_work_id)
	WHERE j.state = 's' AND u.state IN ('r', 'i', 'v')
	UNION ALL
	SELECT 'a job''s unit exists and is its own', p.process_name, j.timeperiod, j.unit_of_work_id, NULL
	FROM synergy.job_data j JOIN synergy.process p USING (process_id) LEFT JOIN synergy.unit_of_work_data u USING (unit_of_work_id)
	WHERE j.unit_of_work_id IS NOT NULL AND (u.process_id, u.timeperiod) IS DISTINCT FROM (j.process_id, j.timeperiod)
	UNION ALL
	SELECT 'a job at work has a unit', p.process_name, j.timeperiod, NULL, synergy.job_state_of(j.state)::text
	FROM synergy.job_data j JOIN synergy.process p USING (process_id)
	WHERE j.state IN ('i', 'f') AND j.unit_of_work_id IS NULL
	UNION ALL
	SELECT 'a processed job has a unit that was processed', p.process_name, j.timeperiod, j.unit_of_work_id,
		synergy.uow_state_of(u.state)::text
	FROM synergy.job_data j JOIN synergy.process p USING (process_id) LEFT JOIN synergy.unit_of_work_data u USING (unit_of_work_id)
	WHERE j.state = 'p' AND u.state IS DISTINCT FROM 'p'
	UNION ALL
	SELECT 'no job is final on stale inputs', p.process_name, j.timeperiod, j.unit_of_work_id,
		pg_catalog.format('%s %s was finished later', o.process_name, b.timeperiod)
	FROM synergy.job_data j JOIN synergy.process p USING (process_id) JOIN synergy.unit_of_work_data u USING (unit_of_work_id)
	JOIN synergy.process_link l ON l.process_id = j.process_id JOIN synergy.process o ON o.process_id = l.other_id
	JOIN synergy.job_data b ON b.process_id = l.other_id
		AND b.timeperiod >= synergy.timeperiod_group_start(p.time_qualifier, p.time_grouping, synergy.timeperiod_cast(p.time_qualifier, j.timeperiod))
		AND b.timeperiod < synergy.timeperiod_step(p.time_qualifier, synergy.timeperiod_cast(p.time_qualifier, j.timeperiod))
	JOIN synergy.timetable t ON t.tree_name = p.tree_name
	-- what was finished before a change of definitions is not measured by the inputs that it would have now
	WHERE j.state IN ('p', 'n') AND b.mark > u.mark AND u.mark > greatest(t.since_mark, p.since_mark, o.since_mark)
	AND synergy.timeperiod_is_milestone(p.time_qualifier, p.time_grouping, synergy.timeperiod_cast(p.time_qualifier, j.timeperiod))
	UNION ALL
	SELECT 'every period up to the last has a job', p.process_name, s.timeperiod, NULL, NULL
	FROM synergy.process p JOIN synergy.progress g USING (process_id)
	CROSS JOIN LATERAL synergy.timeperiod_series(p.time_qualifier,
		synergy.timeperiod_cast(p.time_qualifier, p.start_timeperiod), synergy.timeperiod_cast(p.time_qualifier, g.head)) s (timeperiod)
	WHERE g.head IS NOT NULL
	AND NOT EXISTS (SELECT FROM synergy.job_data j WHERE j.process_id = p.process_id AND j.timeperiod = s.timeperiod)
	UNION ALL
	SELECT 'no job before the frontier is active', p.process_name, j.timeperiod, j.unit_of_work_id, g.frontier
	FROM synergy.job_data j JOIN synergy.process p USING (process_id) JOIN synergy.progress g USING (process_id)
	WHERE j.timeperiod < g.frontier AND j.state IN ('e', 'i', 'f');
END;
COMMENT ON FUNCTION synergy.check() IS
'Invariants that are violated: none on a healthy database, after whatever happened. Reads all jobs';
