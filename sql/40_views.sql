-- 40_views.sql: what people and workers look at. The storage behind may change, these columns do not.

CREATE VIEW synergy.definition AS
SELECT process_id, process_name, NULL::text AS entry_name, worker, command, source, sink, arguments, is_on, options, owner
FROM synergy.process
UNION ALL
SELECT freerun_id, process_name, entry_name, worker, command, NULL, NULL, arguments, is_on, options, owner
FROM synergy.freerun;
COMMENT ON VIEW synergy.definition IS 'Processes and freeruns together: what a unit of work points to';
COMMENT ON COLUMN synergy.definition.process_id IS 'Id of the process or freerun';
COMMENT ON COLUMN synergy.definition.process_name IS 'Name';
COMMENT ON COLUMN synergy.definition.entry_name IS 'Entry of a freerun, NULL for a process';
COMMENT ON COLUMN synergy.definition.worker IS 'sql, notify, amqp or exec';
COMMENT ON COLUMN synergy.definition.command IS 'What is run';
COMMENT ON COLUMN synergy.definition.source IS 'What the work reads';
COMMENT ON COLUMN synergy.definition.sink IS 'What the work writes';
COMMENT ON COLUMN synergy.definition.arguments IS 'Given to every unit';
COMMENT ON COLUMN synergy.definition.is_on IS 'Is it switched on?';
COMMENT ON COLUMN synergy.definition.options IS 'As registered';
COMMENT ON COLUMN synergy.definition.owner IS 'The role that registered it';

CREATE VIEW synergy.amqp_route AS
SELECT process_id, process_name, entry_name, source, sink, arguments,
	coalesce(options->>'exchange', CASE WHEN entry_name IS NULL THEN 'ex_managed_worker' ELSE 'ex_freerun_worker' END) AS exchange,
	coalesce(options->>'routing_key', 'routing_' || process_name) AS routing_key,
	coalesce(options->>'queue', 'queue_' || process_name) AS queue,
	coalesce(options->>'queue_type', 'quorum') AS queue_type,
	(options->>'priority')::int AS priority,
	-- by then the garbage collector requests the unit again
	nullif(least(extract(epoch FROM coalesce(options->>'message_ttl', options->>'gc_resubmit_after',
		pg_catalog.current_setting('synergy.gc_resubmit_after', true))::interval) * 1000, 4294967295), 0)::bigint AS message_ttl
FROM synergy.definition WHERE worker = 'amqp';
COMMENT ON VIEW synergy.amqp_route IS 'Where the requests of amqp workers go: the defaults, or what the options of the process say';
COMMENT ON COLUMN synergy.amqp_route.process_id IS 'The process or freerun';
COMMENT ON COLUMN synergy.amqp_route.process_name IS 'Its name';
COMMENT ON COLUMN synergy.amqp_route.entry_name IS 'Entry of the freerun, NULL for a process';
COMMENT ON COLUMN synergy.amqp_route.source IS 'What the work reads, as registered';
COMMENT ON COLUMN synergy.amqp_route.sink IS 'What the work writes, as registered';
COMMENT ON COLUMN synergy.amqp_route.arguments IS 'Given to every unit';
COMMENT ON COLUMN synergy.amqp_route.exchange IS 'Exchange that is published to';
COMMENT ON COLUMN synergy.amqp_route.routing_key IS 'With this key';
COMMENT ON COLUMN synergy.amqp_route.queue IS 'The queue that is bound to it';
COMMENT ON COLUMN synergy.amqp_route.queue_type IS 'quorum or classic';
COMMENT ON COLUMN synergy.amqp_route.priority IS 'Of its messages, 0 to 9; NULL: none';
COMMENT ON COLUMN synergy.amqp_route.message_ttl IS 'Milliseconds after which a message that nobody has taken is dropped by the broker, at most 4294967295 (49 days); by default gc_resubmit_after, when the unit is requested again. NULL: never';

CREATE VIEW synergy.job AS
SELECT j.process_id * 10000000000 + j.timeperiod::bigint AS job_id, p.process_name, j.timeperiod,
	synergy.job_state_of(j.state) AS state, j.unit_of_work_id, j.number_of_failures
FROM synergy.job_data j JOIN synergy.process p USING (process_id);
COMMENT ON VIEW synergy.job IS 'Jobs: one for each period of each process';
COMMENT ON COLUMN synergy.job.job_id IS 'Made of the process''s id and the period; stays the same for ever';
COMMENT ON COLUMN synergy.job.process_name IS 'The process';
COMMENT ON COLUMN synergy.job.timeperiod IS 'The period';
COMMENT ON COLUMN synergy.job.state IS 'embryo, in_progress, final_run (active); processed, noop, skipped (finished)';
COMMENT ON COLUMN synergy.job.unit_of_work_id IS 'Its current unit of work; of a finished job retention may have taken it';
COMMENT ON COLUMN synergy.job.number_of_failures IS 'Evaluations without source rows (recomputing); above 3 the job is skipped';

-- OFFSET 0: each unit by its key, however many the planner takes for granted. A condition on the process finds its units by key, too.
-- The columns are in the order of the table's: a query may take rows of either.
CREATE VIEW synergy.unit_of_work_active AS
SELECT a.unit_of_work_id, a.process_id, u.number_of_retries, u.start_id, u.end_id, u.mark, u.created_at, u.submitted_at,
	u.timeperiod, u.start_timeperiod, u.end_timeperiod, u.number_of_losses, u.attempt, u.state, u.by_executor, u.is_on_box,
	u.started_at, u.finished_at, u.number_of_processed, u.number_of_aggregated, u.heard_at, u.release_at, u.number_of_rows,
	u.open_writers, u.box_name, u.error
FROM synergy.active_unit a,
	LATERAL (SELECT * FROM synergy.unit_of_work_data d WHERE d.unit_of_work_id = a.unit_of_work_id OFFSET 0) u
WHERE u.state IN ('r', 'i', 'v');
COMMENT ON VIEW synergy.unit_of_work_active IS 'The rows of synergy.unit_of_work_data that are active: requested, in progress, invalid';
COMMENT ON COLUMN synergy.unit_of_work_active.unit_of_work_id IS 'Id, ascending in order of request';
COMMENT ON COLUMN synergy.unit_of_work_active.process_id IS 'The process or freerun';
COMMENT ON COLUMN synergy.unit_of_work_active.state IS 'Letter of synergy.uow_state: r, i, v, p, n, c';
COMMENT ON COLUMN synergy.unit_of_work_active.by_executor IS 'In progress in a session of ours, which shared memory knows';
COMMENT ON COLUMN synergy.unit_of_work_active.is_on_box IS 'In the hands of the agent of box_name';
COMMENT ON COLUMN synergy.unit_of_work_active.timeperiod IS 'The job''s period; of a freerun the moment of the request';
COMMENT ON COLUMN synergy.unit_of_work_active.start_timeperiod IS 'First period of the span (of the group, when grouped)';
COMMENT ON COLUMN synergy.unit_of_work_active.end_timeperiod IS 'First period after the span';
COMMENT ON COLUMN synergy.unit_of_work_active.attempt IS 'Number of starts; only the current attempt can complete the unit';
COMMENT ON COLUMN synergy.unit_of_work_active.number_of_retries IS 'How often the garbage collector requested it again after it was invalid';
COMMENT ON COLUMN synergy.unit_of_work_active.number_of_losses IS 'How often in a row its session ended before it did';
COMMENT ON COLUMN synergy.unit_of_work_active.start_id IS 'Recomputing: lowest key of the source rows; else 0';
COMMENT ON COLUMN synergy.unit_of_work_active.end_id IS 'Recomputing: highest key of the source rows; else 0, 1, 2… for each next unit of the same job';
COMMENT ON COLUMN synergy.unit_of_work_active.number_of_rows IS 'Recomputing: source rows between the bounds when it was requested';
COMMENT ON COLUMN synergy.unit_of_work_active.mark IS 'When it was requested, in the order of all requests and finishings';
COMMENT ON COLUMN synergy.unit_of_work_active.created_at IS 'When it was requested';
COMMENT ON COLUMN synergy.unit_of_work_active.submitted_at IS 'When it was last requested, retries included';
COMMENT ON COLUMN synergy.unit_of_work_active.started_at IS 'When a worker took it';
COMMENT ON COLUMN synergy.unit_of_work_active.heard_at IS 'When the worker last gave a sign of life after that (synergy.heartbeat)';
COMMENT ON COLUMN synergy.unit_of_work_active.finished_at IS 'When the worker reported its end';
COMMENT ON COLUMN synergy.unit_of_work_active.release_at IS 'Held back by the garbage collector until then';
COMMENT ON COLUMN synergy.unit_of_work_active.open_writers IS 'Recomputing: virtual transaction ids of those who were writing the source when its bounds were read';
COMMENT ON COLUMN synergy.unit_of_work_active.box_name IS 'The box whose agent has taken it, kept after its end; NULL: not on a box';
COMMENT ON COLUMN synergy.unit_of_work_active.number_of_processed IS 'As reported by the worker; for SQL the rows of the last statement';
COMMENT ON COLUMN synergy.unit_of_work_active.number_of_aggregated IS 'As reported by the worker';
COMMENT ON COLUMN synergy.unit_of_work_active.error IS 'Text of the last failure';

CREATE VIEW synergy.unit_of_work AS
SELECT u.unit_of_work_id, d.process_name, d.entry_name, u.timeperiod, u.start_timeperiod, u.end_timeperiod,
	u.start_id, u.end_id, d.source, d.sink, d.arguments, synergy.uow_state_of(u.state) AS state, u.number_of_retries, u.attempt,
	u.created_at, u.submitted_at, u.started_at, u.finished_at, u.number_of_processed, u.number_of_aggregated, u.error
FROM synergy.unit_of_work_data u JOIN synergy.definition d USING (process_id);
COMMENT ON VIEW synergy.unit_of_work IS 'Units of work: requests to workers, of jobs and freeruns';
COMMENT ON COLUMN synergy.unit_of_work.unit_of_work_id IS 'Id, ascending in order of request';
COMMENT ON COLUMN synergy.unit_of_work.process_name IS 'The process or freerun';
COMMENT ON COLUMN synergy.unit_of_work.entry_name IS 'Entry of the freerun, NULL for a process';
COMMENT ON COLUMN synergy.unit_of_work.timeperiod IS 'The job''s period; of a freerun the moment of the request, YYYYMMDDHHMMSS';
COMMENT ON COLUMN synergy.unit_of_work.start_timeperiod IS 'First period of the span (of the group, when grouped)';
COMMENT ON COLUMN synergy.unit_of_work.end_timeperiod IS 'First period after the span';
COMMENT ON COLUMN synergy.unit_of_work.start_id IS 'Recomputing: lowest key of the source rows; else 0';
COMMENT ON COLUMN synergy.unit_of_work.end_id IS 'Recomputing: highest key of the source rows; else 0, 1, 2… for each next unit of the same job';
COMMENT ON COLUMN synergy.unit_of_work.source IS 'What the work reads, as registered';
COMMENT ON COLUMN synergy.unit_of_work.sink IS 'What the work writes, as registered';
COMMENT ON COLUMN synergy.unit_of_work.arguments IS 'As registered';
COMMENT ON COLUMN synergy.unit_of_work.state IS 'requested, in_progress, invalid (active); processed, noop, canceled (finished)';
COMMENT ON COLUMN synergy.unit_of_work.number_of_retries IS 'How often the garbage collector requested it again after it was invalid';
COMMENT ON COLUMN synergy.unit_of_work.attempt IS 'Number of starts; only the current attempt can complete the unit';
COMMENT ON COLUMN synergy.unit_of_work.created_at IS 'When it was requested';
COMMENT ON COLUMN synergy.unit_of_work.submitted_at IS 'When it was last requested, retries included';
COMMENT ON COLUMN synergy.unit_of_work.started_at IS 'When a worker took it';
COMMENT ON COLUMN synergy.unit_of_work.finished_at IS 'When its end was reported';
COMMENT ON COLUMN synergy.unit_of_work.number_of_processed IS 'As reported by the worker; for SQL the rows of the last statement';
COMMENT ON COLUMN synergy.unit_of_work.number_of_aggregated IS 'As reported by the worker';
COMMENT ON COLUMN synergy.unit_of_work.error IS 'Text of the last failure';

CREATE VIEW synergy.job_status AS
SELECT p.process_name, j.timeperiod, synergy.job_state_of(j.state) AS state, p.tree_name, p.time_qualifier,
	synergy.timeperiod_start(j.timeperiod) AS period_start, synergy.timeperiod_end(p.time_qualifier, j.timeperiod) AS period_end,
	j.number_of_failures, j.number_of_units, j.unit_of_work_id, synergy.uow_state_of(u.state) AS unit_state, u.attempt,
	u.number_of_retries, u.created_at AS requested_at, u.started_at, u.finished_at, u.finished_at - u.started_at AS duration,
	u.number_of_processed, u.number_of_aggregated, u.release_at AS retry_at, u.error
FROM synergy.job_data j JOIN synergy.process p USING (process_id)
LEFT JOIN synergy.unit_of_work_data u ON u.unit_of_work_id = j.unit_of_work_id;
COMMENT ON VIEW synergy.job_status IS 'Each job with its unit of work and the bounds of its period';
COMMENT ON COLUMN synergy.job_status.process_name IS 'The process';
COMMENT ON COLUMN synergy.job_status.timeperiod IS 'The period';
COMMENT ON COLUMN synergy.job_status.state IS 'State of the job';
COMMENT ON COLUMN synergy.job_status.tree_name IS 'The timetable';
COMMENT ON COLUMN synergy.job_status.time_qualifier IS 'Length of the period';
COMMENT ON COLUMN synergy.job_status.period_start IS 'First instant of the period';
COMMENT ON COLUMN synergy.job_status.period_end IS 'First instant after the period';
COMMENT ON COLUMN synergy.job_status.number_of_failures IS 'Evaluations without source rows (recomputing)';
COMMENT ON COLUMN synergy.job_status.number_of_units IS 'Units requested for it so far';
COMMENT ON COLUMN synergy.job_status.unit_of_work_id IS 'Its current unit of work; when retention has taken it, the columns of the unit are NULL';
COMMENT ON COLUMN synergy.job_status.unit_state IS 'State of the unit';
COMMENT ON COLUMN synergy.job_status.attempt IS 'Number of starts of the unit';
COMMENT ON COLUMN synergy.job_status.number_of_retries IS 'How often the unit was requested again after it was invalid';
COMMENT ON COLUMN synergy.job_status.requested_at IS 'When the unit was requested';
COMMENT ON COLUMN synergy.job_status.started_at IS 'When a worker took the unit';
COMMENT ON COLUMN synergy.job_status.finished_at IS 'When the end of the unit was reported';
COMMENT ON COLUMN synergy.job_status.duration IS 'From start to end of the unit';
COMMENT ON COLUMN synergy.job_status.number_of_processed IS 'As reported by the worker';
COMMENT ON COLUMN synergy.job_status.number_of_aggregated IS 'As reported by the worker';
COMMENT ON COLUMN synergy.job_status.retry_at IS 'The unit is held back until then';
COMMENT ON COLUMN synergy.job_status.error IS 'Text of the unit''s last failure';

-- which process is below, and which ones it depends on
CREATE VIEW synergy.process_link AS
SELECT p.process_id, 'child' AS kind, c.process_id AS other_id
FROM synergy.process p CROSS JOIN LATERAL (
	SELECT c.process_id FROM synergy.process c WHERE c.tree_name = p.tree_name
	AND array_position(ARRAY['hourly', 'daily', 'monthly', 'yearly'], c.time_qualifier)
		< array_position(ARRAY['hourly', 'daily', 'monthly', 'yearly'], p.time_qualifier)
	ORDER BY array_position(ARRAY['hourly', 'daily', 'monthly', 'yearly'], c.time_qualifier) DESC LIMIT 1) c
UNION ALL
SELECT p.process_id, 'dependency', d.process_id
FROM synergy.process p JOIN synergy.timetable t USING (tree_name)
JOIN synergy.process d ON d.tree_name = ANY (t.dependent_on) AND d.time_qualifier = p.time_qualifier;
COMMENT ON VIEW synergy.process_link IS 'For each process its child (the next shorter qualifier of its timetable) and its dependencies (the same qualifier in the timetables depended on)';
COMMENT ON COLUMN synergy.process_link.process_id IS 'The process';
COMMENT ON COLUMN synergy.process_link.kind IS 'child or dependency';
COMMENT ON COLUMN synergy.process_link.other_id IS 'The process that it waits for';

CREATE VIEW synergy.timetable_node AS
SELECT p.tree_name, p.process_name, p.time_qualifier, j.timeperiod, synergy.job_state_of(j.state) AS state,
	(SELECT o.process_name FROM synergy.process_link l JOIN synergy.process o ON o.process_id = l.process_id
	 WHERE l.kind = 'child' AND l.other_id = p.process_id) AS parent_process,
	(SELECT synergy.timeperiod_cast(o.time_qualifier, j.timeperiod) FROM synergy.process_link l
	 JOIN synergy.process o ON o.process_id = l.process_id
	 WHERE l.kind = 'child' AND l.other_id = p.process_id) AS parent_timeperiod,
	ARRAY(SELECT o.process_name || ' ' || c.timeperiod FROM synergy.process_link l
	 JOIN synergy.process o ON o.process_id = l.other_id
	 JOIN synergy.job_data c ON c.process_id = l.other_id
	 WHERE l.process_id = p.process_id AND l.kind = 'child'
	 AND synergy.timeperiod_is_milestone(p.time_qualifier, p.time_grouping, synergy.timeperiod_cast(p.time_qualifier, j.timeperiod))
	 AND c.timeperiod >= synergy.timeperiod_group_start(p.time_qualifier, p.time_grouping, synergy.timeperiod_cast(p.time_qualifier, j.timeperiod))
	 AND c.timeperiod < synergy.timeperiod_step(p.time_qualifier, synergy.timeperiod_cast(p.time_qualifier, j.timeperiod)) ORDER BY c.timeperiod) AS children,
	ARRAY(SELECT o.process_name || ' ' || c.timeperiod FROM synergy.process_link l
	 JOIN synergy.process o ON o.process_id = l.other_id
	 JOIN synergy.job_data c ON c.process_id = l.other_id
	 WHERE l.process_id = p.process_id AND l.kind = 'dependency'
	 AND synergy.timeperiod_is_milestone(p.time_qualifier, p.time_grouping, synergy.timeperiod_cast(p.time_qualifier, j.timeperiod))
	 AND c.timeperiod >= synergy.timeperiod_group_start(p.time_qualifier, p.time_grouping, synergy.timeperiod_cast(p.time_qualifier, j.timeperiod))
	 AND c.timeperiod < synergy.timeperiod_step(p.time_qualifier, synergy.timeperiod_cast(p.time_qualifier, j.timeperiod)) ORDER BY o.process_name, c.timeperiod) AS dependencies
FROM synergy.job_data j JOIN synergy.process p USING (process_id);
COMMENT ON VIEW synergy.timetable_node IS 'Each job with its place in the timetable; ask for one process and a few periods at a time';
COMMENT ON COLUMN synergy.timetable_node.tree_name IS 'The timetable';
COMMENT ON COLUMN synergy.timetable_node.process_name IS 'The process';
COMMENT ON COLUMN synergy.timetable_node.time_qualifier IS 'Length of the period';
COMMENT ON COLUMN synergy.timetable_node.timeperiod IS 'The period';
COMMENT ON COLUMN synergy.timetable_node.state IS 'State of the job';
COMMENT ON COLUMN synergy.timetable_node.parent_process IS 'The process of the next longer qualifier in the timetable';
COMMENT ON COLUMN synergy.timetable_node.parent_timeperiod IS 'Its period that holds this one';
COMMENT ON COLUMN synergy.timetable_node.children IS 'Process and period of each child, over the whole span of a grouped milestone';
COMMENT ON COLUMN synergy.timetable_node.dependencies IS 'Process and period of each job depended on, over the whole span of a grouped milestone';

-- Strict, and so never inlined: what the planner expects of it does not grow with the history.
CREATE FUNCTION synergy.active_jobs(process_id int, from_timeperiod text, before_timeperiod text)
	RETURNS TABLE (timeperiod synergy.timeperiod, state "char")
	LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10 COST 50
BEGIN ATOMIC
	SELECT j.timeperiod, j.state FROM synergy.job_data j WHERE j.process_id = $1 AND j.timeperiod >= $2 AND j.timeperiod < $3 AND j.state IN ('e', 'i', 'f');
END;
COMMENT ON FUNCTION synergy.active_jobs(int, text, text) IS
'The active jobs of a process from a period on and before another one, with the letters of their states: those that the caller may see. No rows when an argument is NULL';

-- Active jobs are looked for from the frontier on, and what they wait for by key, whatever history the planner sees.
CREATE VIEW synergy.blocked AS
SELECT p.process_name, j.timeperiod, synergy.job_state_of(j.state) AS state, p.blocking_type, l.kind,
	o.process_name AS waits_for_process, b.timeperiod AS waits_for_timeperiod, synergy.job_state_of(b.state) AS waits_for_state
FROM synergy.process p
JOIN synergy.progress g USING (process_id)
CROSS JOIN LATERAL (SELECT a.timeperiod, a.state
	FROM synergy.active_jobs(p.process_id, coalesce(least(g.frontier, g.backfill_frontier), ''), g.head || '0') a
	WHERE synergy.timeperiod_is_milestone(p.time_qualifier, p.time_grouping, synergy.timeperiod_cast(p.time_qualifier, a.timeperiod)) OFFSET 0) j
JOIN synergy.process_link l ON l.process_id = p.process_id
JOIN synergy.process o ON o.process_id = l.other_id
CROSS JOIN LATERAL synergy.active_jobs(l.other_id,
	synergy.timeperiod_group_start(p.time_qualifier, p.time_grouping, synergy.timeperiod_cast(p.time_qualifier, j.timeperiod)),
	synergy.timeperiod_step(p.time_qualifier, synergy.timeperiod_cast(p.time_qualifier, j.timeperiod))) b;
COMMENT ON VIEW synergy.blocked IS 'Each active job together with each active child or dependency that it waits for';
COMMENT ON COLUMN synergy.blocked.process_name IS 'The process';
COMMENT ON COLUMN synergy.blocked.timeperiod IS 'The period';
COMMENT ON COLUMN synergy.blocked.state IS 'State of the waiting job';
COMMENT ON COLUMN synergy.blocked.blocking_type IS 'normal: it may run, but not finish; children, dependencies: it does not start';
COMMENT ON COLUMN synergy.blocked.kind IS 'child or dependency';
COMMENT ON COLUMN synergy.blocked.waits_for_process IS 'The process that it waits for';
COMMENT ON COLUMN synergy.blocked.waits_for_timeperiod IS 'The period that it waits for';
COMMENT ON COLUMN synergy.blocked.waits_for_state IS 'State of the job that it waits for';

CREATE VIEW synergy.backfill_status AS
SELECT p.process_name, g.backfill_start AS from_timeperiod, g.backfill_end AS to_timeperiod, c.jobs, c.finished, c.at_work,
	round(100.0 * c.finished / greatest(c.jobs, 1), 1) AS percent
FROM synergy.progress g JOIN synergy.process p USING (process_id)
CROSS JOIN LATERAL (SELECT count(*) AS jobs, count(*) FILTER (WHERE j.state IN ('p', 'n', 's')) AS finished,
		count(*) FILTER (WHERE j.state IN ('i', 'f')) AS at_work
	FROM synergy.job_data j WHERE j.process_id = g.process_id AND j.timeperiod >= g.backfill_start AND j.timeperiod < g.backfill_end) c
WHERE g.backfill_end IS NOT NULL;
COMMENT ON VIEW synergy.backfill_status IS 'Backfills under way; a row disappears when all of its periods are finished, which synergy.event_log keeps';
COMMENT ON COLUMN synergy.backfill_status.process_name IS 'The process';
COMMENT ON COLUMN synergy.backfill_status.from_timeperiod IS 'First period of the backfill';
COMMENT ON COLUMN synergy.backfill_status.to_timeperiod IS 'First period after it: where the timetable began before';
COMMENT ON COLUMN synergy.backfill_status.jobs IS 'Periods in it';
COMMENT ON COLUMN synergy.backfill_status.finished IS 'Those that are processed, noop or skipped';
COMMENT ON COLUMN synergy.backfill_status.at_work IS 'Those that are in_progress or in final_run';
COMMENT ON COLUMN synergy.backfill_status.percent IS 'Share of the finished ones';
