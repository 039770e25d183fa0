-- 60_work.sql: supervision, workers, and steps in the caller's session.

CREATE FUNCTION synergy.reprocess(process_name text, timeperiod text, dry_run boolean DEFAULT false)
	RETURNS TABLE (process_name text, timeperiod text, old_state synergy.job_state, new_state synergy.job_state)
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_reprocess';
COMMENT ON FUNCTION synergy.reprocess(text, text, boolean) IS
'Runs a job again, with its parents and dependants; returns the jobs whose state has changed. With dry_run: those whose state would change, and nothing is changed. ERROR 42704 for no such job, 22007, 22023 for a timeperiod of another qualifier';

CREATE FUNCTION synergy.skip(process_name text, timeperiod text, dry_run boolean DEFAULT false)
	RETURNS TABLE (process_name text, timeperiod text, old_state synergy.job_state, new_state synergy.job_state)
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_skip';
COMMENT ON FUNCTION synergy.skip(text, text, boolean) IS
'Gives a job up, with the jobs below it and its dependants of the same period; returns the jobs whose state has changed. With dry_run: those whose state would change, and nothing is changed. ERROR as reprocess';

CREATE FUNCTION synergy.cancel_unit_of_work(unit_of_work_id bigint, dry_run boolean DEFAULT false)
	RETURNS TABLE (process_name text, timeperiod text, old_state synergy.job_state, new_state synergy.job_state)
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_cancel_unit_of_work';
COMMENT ON FUNCTION synergy.cancel_unit_of_work(bigint, boolean) IS
'Cancels an active unit of work; its job follows at the next evaluation. With dry_run nothing is changed. ERROR 42704 when there is none, 55000 when it has finished';

CREATE FUNCTION synergy.backfill(process_name text, from_timeperiod text, to_timeperiod text DEFAULT NULL)
	RETURNS TABLE (process_name text, from_timeperiod text, to_timeperiod text, jobs bigint)
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_backfill';
COMMENT ON FUNCTION synergy.backfill(text, text, text) IS
'Lets the timetable of a process begin earlier: at from_timeperiod; to_timeperiod (exclusive, NULL: its present start) is what is asked for, but gaps are filled. Returns what was made for each process of the timetable. The new periods are worked on beside the present ones; synergy.backfill_status shows how far they are. ERROR 42704 for no such process, 22007, 22023 for a timeperiod of another qualifier';

CREATE FUNCTION synergy.claim(process_name text, max_units int DEFAULT 1) RETURNS SETOF synergy.unit_of_work
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_claim';
COMMENT ON FUNCTION synergy.claim(text, int) IS
'Takes up to so many requested units, the oldest first, without waiting for anybody: requested -> in_progress, attempt + 1. ERROR 42704 for an unknown process, 22023 for max_units below 1';

CREATE FUNCTION synergy.start(unit_of_work_id bigint) RETURNS SETOF synergy.unit_of_work
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_start';
COMMENT ON FUNCTION synergy.start(bigint) IS 'Takes one unit: requested -> in_progress, attempt + 1; no row when it is not requested (any more)';

CREATE FUNCTION synergy.complete(unit_of_work_id bigint, state text DEFAULT 'processed', number_of_processed bigint DEFAULT NULL,
	number_of_aggregated bigint DEFAULT NULL, attempt int DEFAULT NULL) RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_complete';
COMMENT ON FUNCTION synergy.complete(bigint, text, bigint, bigint, int) IS
'Reports the end of a unit: processed, noop or canceled. ERROR 55000 when it is not in progress or the attempt is not the current one: then another worker has it, and this transaction must not commit; 42704 when there is none, 22023 for another state';

CREATE FUNCTION synergy.complete_many(unit_of_work_ids bigint[], attempts int[] DEFAULT NULL, state text DEFAULT 'processed') RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_complete_many';
COMMENT ON FUNCTION synergy.complete_many(bigint[], int[], text) IS
'Reports the end of several units at once, all or none: processed, noop or canceled. attempts: one for each, or NULL: whichever is current. ERROR 55000 as complete, for the first one that is refused; 22004 for a NULL among them, 2202E when the arrays are of different lengths, 22023 for more than 100000 units';

CREATE FUNCTION synergy.fail(unit_of_work_id bigint, error text, attempt int DEFAULT NULL) RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_fail';
COMMENT ON FUNCTION synergy.fail(bigint, text, int) IS
'Reports a failure: the unit becomes invalid and is retried by the garbage collector. ERROR 55000 as complete';

CREATE FUNCTION synergy.heartbeat(unit_of_work_id bigint) RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_heartbeat';
COMMENT ON FUNCTION synergy.heartbeat(bigint) IS
'A sign of life of a long unit: it is not taken for stale before gc_resubmit_after from now. ERROR 55000 when it is not in progress: stop';

CREATE FUNCTION synergy.log(unit_of_work_id bigint, line text) RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_log';
COMMENT ON FUNCTION synergy.log(bigint, text) IS 'Adds a line to synergy.unit_of_work_log. ERROR 42704 when there is no such unit';

CREATE FUNCTION synergy.fire(process_name text, entry_name text DEFAULT NULL) RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_fire';
COMMENT ON FUNCTION synergy.fire(text, text) IS
'What the timer of a process or freerun entry would do, now, in this transaction. ERROR 42704 when there is none';

CREATE FUNCTION synergy.process_events() RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_process_events';
COMMENT ON FUNCTION synergy.process_events() IS
'Applies finished units to their jobs and wakes dependants, until nothing is left to do, in this transaction';

CREATE FUNCTION synergy.collect_garbage() RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_collect_garbage';
COMMENT ON FUNCTION synergy.collect_garbage() IS
'One run of the garbage collector in this transaction: retries and cancels units, extends and validates timetables';

CREATE FUNCTION synergy.tick() RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_tick';
COMMENT ON FUNCTION synergy.tick() IS
'One whole round of the scheduler in this transaction: due triggers, events, garbage collection when due. Timers are kept in the session';

CREATE FUNCTION synergy.prune(older_than interval DEFAULT NULL, max_rows int DEFAULT 100000, OUT units bigint, OUT log_lines bigint,
	OUT events bigint) RETURNS record
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_prune';
COMMENT ON FUNCTION synergy.prune(interval, int) IS
'Takes finished units of work with their log lines, and lines of the event log, as the scheduler does in the background: what settings and options say (NULL), or all that is older. About max_rows rows a call; returns how many of each. Jobs keep their state. For superusers and whom they grant it to. ERROR 22023';
