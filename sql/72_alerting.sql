-- 72_alerting.sql: what is late, how long work takes, and when it will be done. See docs/alerting.md.

CREATE VIEW synergy.late AS
SELECT p.process_name, l.timeperiod, p.tree_name, p.time_qualifier, synergy.job_state_of(j.state) AS state, l.deadline_at,
	greatest(synergy.now() - l.deadline_at, interval '0') AS late_by, l.told_at, j.unit_of_work_id,
	CASE WHEN NOT p.is_on THEN 'its process is switched off'
		WHEN u.state = 'v' THEN 'its unit has failed' || coalesce(': ' || left(u.error, 200), '')
		WHEN u.state = 'i' THEN 'its unit is at work'
		WHEN u.state = 'r' THEN 'its unit waits for a worker'
		WHEN b.jobs > 0 THEN format('%s %s is %s', b.process_name, b.timeperiod, b.state)
			|| CASE WHEN b.jobs > 1 THEN format(', and %s more', b.jobs - 1) ELSE '' END
		ELSE 'its turn' END AS waits_for
FROM synergy.late_job l JOIN synergy.process p USING (process_id)
JOIN synergy.job_data j ON j.process_id = l.process_id AND j.timeperiod = l.timeperiod
LEFT JOIN synergy.unit_of_work_data u ON u.unit_of_work_id = j.unit_of_work_id AND u.state IN ('r', 'i', 'v')
CROSS JOIN LATERAL (SELECT count(*) AS jobs, (array_agg(o.process_name ORDER BY b.timeperiod, o.process_id))[1] AS process_name,
		min(b.timeperiod) AS timeperiod, (array_agg(synergy.job_state_of(b.state) ORDER BY b.timeperiod, o.process_id))[1] AS state
	FROM synergy.process_link k JOIN synergy.process o ON o.process_id = k.other_id
	CROSS JOIN LATERAL (SELECT b.timeperiod, b.state FROM synergy.job_data b WHERE b.process_id = k.other_id
		AND b.timeperiod >= synergy.timeperiod_group_start(p.time_qualifier, p.time_grouping, synergy.timeperiod_cast(p.time_qualifier, l.timeperiod))
		AND b.timeperiod < synergy.timeperiod_step(p.time_qualifier, synergy.timeperiod_cast(p.time_qualifier, l.timeperiod)) OFFSET 0) b
	WHERE k.process_id = l.process_id AND b.state IN ('e', 'i', 'f')) b;
COMMENT ON VIEW synergy.late IS 'The jobs that are not finished though their deadline has passed (option deadline); each was told once when it was found late, and is told once more when it is finished';
COMMENT ON COLUMN synergy.late.process_name IS 'The process';
COMMENT ON COLUMN synergy.late.timeperiod IS 'The period';
COMMENT ON COLUMN synergy.late.tree_name IS 'The timetable';
COMMENT ON COLUMN synergy.late.time_qualifier IS 'Length of the period';
COMMENT ON COLUMN synergy.late.state IS 'State of the job: embryo, in_progress or final_run';
COMMENT ON COLUMN synergy.late.deadline_at IS 'When it was to be finished: the end of its period + the deadline that its process had then';
COMMENT ON COLUMN synergy.late.late_by IS 'How long ago that was';
COMMENT ON COLUMN synergy.late.told_at IS 'When it was found late, and that was told';
COMMENT ON COLUMN synergy.late.unit_of_work_id IS 'Its current unit of work';
COMMENT ON COLUMN synergy.late.waits_for IS 'What it waits for, in short; synergy.explain_job has it in full';

-- No index has the units of a process in the order of their ends; those of its newest periods do.
CREATE VIEW synergy.duration AS
SELECT d.process_name, d.entry_name, u.units, u.last, u.median, u.p95, u.max, u.last_finished_at
FROM synergy.definition d CROSS JOIN LATERAL (
	SELECT count(*) AS units, (array_agg(n.took ORDER BY n.finished_at DESC))[1] AS last,
		percentile_cont(0.5) WITHIN GROUP (ORDER BY n.took) AS median, percentile_cont(0.95) WITHIN GROUP (ORDER BY n.took) AS p95,
		max(n.took) AS max, max(n.finished_at) AS last_finished_at
	FROM (SELECT u.finished_at - u.started_at AS took, u.finished_at FROM (SELECT * FROM synergy.unit_of_work_data u
			WHERE u.process_id = d.process_id ORDER BY u.timeperiod DESC LIMIT 400) u
		WHERE u.state IN ('p', 'n') AND u.finished_at >= u.started_at LIMIT 200) n) u;
COMMENT ON VIEW synergy.duration IS 'How long work takes, from the start of a unit to its end: of each process and freerun its last 200 units that were processed or noop, of those of its newest periods that retention has left';
COMMENT ON COLUMN synergy.duration.process_name IS 'The process or freerun';
COMMENT ON COLUMN synergy.duration.entry_name IS 'Entry of the freerun, NULL for a process';
COMMENT ON COLUMN synergy.duration.units IS 'How many units that is, at most 200';
COMMENT ON COLUMN synergy.duration.last IS 'How long the one took that has ended last; NULL, as the others, when there is none';
COMMENT ON COLUMN synergy.duration.median IS 'Half of them took no longer';
COMMENT ON COLUMN synergy.duration.p95 IS '95 of 100 took no longer';
COMMENT ON COLUMN synergy.duration.max IS 'The longest';
COMMENT ON COLUMN synergy.duration.last_finished_at IS 'When the last one ended';

CREATE FUNCTION synergy.forecast(name text)
	RETURNS TABLE (process_name text, time_qualifier text, jobs_left bigint, median interval, at_once int, complete_in interval,
		complete_at timestamptz)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, synergy, pg_temp AS $$
DECLARE
	tree text := coalesce((SELECT t.tree_name FROM synergy.timetable t WHERE t.tree_name = $1),
		(SELECT p.tree_name FROM synergy.process p WHERE p.process_name = $1));
	level record;
	step interval;
	below interval := '0';	-- until the level below is complete; NULL: nobody knows
BEGIN
	IF tree IS NULL THEN
		RAISE EXCEPTION 'there is no timetable or process "%"', left($1, 80) USING ERRCODE = '42704',
			HINT = 'SELECT tree_name FROM synergy.timetable lists the timetables, synergy.process the processes.';
	END IF;
	FOR level IN
		SELECT p.process_name, p.time_qualifier, p.trigger_frequency, p.time_grouping, p.is_on, d.median, j.jobs,
			coalesce(p.options->>'catch_up', 'eager') = 'eager' AS is_eager,
			least(coalesce((p.options->>'concurrency')::int, 1),
				CASE p.worker WHEN 'sql' THEN current_setting('synergy.max_executors', true)::int END) AS at_once
		FROM synergy.process p LEFT JOIN synergy.progress g USING (process_id)
		LEFT JOIN synergy.duration d ON d.process_name = p.process_name AND d.entry_name IS NULL
		CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE j.state IN ('e', 'i', 'f')) AS jobs FROM (
			SELECT j.state FROM synergy.job_data j WHERE j.process_id = p.process_id
				AND j.timeperiod >= greatest(g.frontier, g.backfill_end) AND j.timeperiod < synergy.timeperiod_at(p.time_qualifier, synergy.now())
			UNION ALL
			SELECT j.state FROM synergy.job_data j WHERE j.process_id = p.process_id
				AND j.timeperiod >= g.backfill_frontier AND j.timeperiod < g.backfill_end OFFSET 0) j) j
		WHERE p.tree_name = tree
		ORDER BY array_position(ARRAY['hourly', 'daily', 'monthly', 'yearly'], p.time_qualifier)
	LOOP
		process_name := level.process_name;
		time_qualifier := level.time_qualifier;
		jobs_left := level.jobs;
		median := level.median;
		at_once := CASE WHEN level.is_eager THEN level.at_once ELSE 1 END;
		-- a paced one goes on with its trigger
		step := CASE WHEN level.is_eager THEN level.median
			ELSE greatest(level.median, (SELECT max(f) - min(f) FROM synergy.next_fires(level.trigger_frequency, 'UTC', NULL, 2) f)) END;
		complete_in := CASE WHEN jobs_left = 0 THEN below
			WHEN level.is_on AND level.median IS NOT NULL AND below IS NOT NULL
			THEN greatest(below + level.median, ceil(ceil(jobs_left::numeric / level.time_grouping) / at_once)::float8 * step) END;
		complete_at := synergy.now() + complete_in;
		below := complete_in;
		RETURN NEXT;
		EXIT WHEN process_name = $1 AND tree <> $1;
	END LOOP;
END;
$$;
COMMENT ON FUNCTION synergy.forecast(text) IS
'When a timetable, or one up to a process of it, will have caught up with the periods that are over: a row for each level, the shortest first. complete_in = the longer of jobs_left / time_grouping / at_once * median, and complete_in of the level below + median, because the last job waits for those below it. median: of synergy.duration; at_once: option concurrency, of SQL work no more than synergy.max_executors; a paced process does a job a trigger at most. NULL: nobody knows, because a process is switched off or has not finished a unit yet. Failures, other timetables and other work are not foreseen. ERROR 42704 when there is no such timetable or process';
