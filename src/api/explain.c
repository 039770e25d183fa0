/*
 * api/explain.c: synergy.explain_job: why is a job in its state, and what is it waiting for?
 *
 * The verdict is the one that the scheduler acts on (round/evaluate.c), taken now, without the lock and without
 * changing anything.  Below a job come those that it waits for, a limited number of them and of levels.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "api/arguments.h"
#include "api/session.h"
#include "compat.h"
#include "daemon/clock.h"
#include "nls.h"
#include "round/rows.h"

PG_FUNCTION_INFO_V1(synergy_explain_job);

#define MAX_LEVELS 8
#define MAX_SHOWN 10			/* blockers shown of each process */

static char *
time_text(TimestampTz time)
{
	return pstrdup(timestamptz_to_str(time));
}

static const char *
explain_unit(const Unit *unit, const Process *process)
{
	switch (unit->state)
	{
		case UNIT_REQUESTED:
			return process->worker == WORKER_SQL ?
				psprintf("its unit was requested at %s and waits for an executor", time_text(unit->submitted)) :
				psprintf("its unit was requested at %s and waits for a worker (%s) to take it", time_text(unit->submitted),
						 worker_kind_name(process->worker));
		case UNIT_IN_PROGRESS:
			return psprintf("its unit is in progress since %s, attempt %d", time_text(unit->started), unit->attempt);
		case UNIT_INVALID:
			return unit->release ?
				psprintf("its unit failed (see synergy.job_status.error) and is tried again after %s", time_text(unit->release)) :
				"its unit failed (see synergy.job_status.error) and waits for the garbage collector";
		case UNIT_CANCELED:
			return "its unit was canceled: the job is skipped at its next evaluation";
		default:
			return "its unit has finished; it waits for its children and dependencies, or for its next trigger";
	}
}

/* recomputing: its last unit is held back by these transactions; NULL: by none */
static const char *
explain_writers(Frame *frame, Job *job, const Unit *unit)
{
	StringInfoData text;
	RowsLook   *look;
	Blockers	blockers;
	ListCell   *cell;

	if (!state_machine_reads_rows(job->process->machine) ||
		timeperiod_end(job->process->qualifier, job->key.timeperiod) > frame->now)
		return NULL;
	blockers_of(frame, job, &blockers);
	look = rows_of(frame, job);
	if (!look->is_read)
		return "waits for its source to be readable; the server's log says what is wrong with it";
	if (blockers.active || look->writers == NIL)
		return NULL;
	if (job->state == JOB_FINAL_RUN && (unit == NULL || rows_proof(frame, job, unit) != ROWS_OPEN))
		return NULL;
	initStringInfo(&text);
	foreach(cell, look->writers)
		appendStringInfo(&text, "%s%s", text.len ? ", " : "", (char *) lfirst(cell));
	return psprintf("waits for the transactions that are writing its source: %s (virtualtransaction in pg_locks)", text.data);
}

static const char *
explain_run(Frame *frame, Job *job)
{
	Process    *process = job->process;
	Unit	   *unit = job_unit(frame, job);
	const char *writers;

	if (unit != NULL && unit_state_is_active(unit->state))
		return explain_unit(unit, process);
	writers = explain_writers(frame, job, unit);
	if (writers != NULL)
		return writers;
	if (job->state != JOB_EMBRYO && unit != NULL)
		return explain_unit(unit, process);
	return psprintf("may start: waits for its trigger (%s) and for its turn among %d at a time", process->trigger_text,
					process->is_eager ? process->concurrency : 1);
}

static const char *
explain(Frame *frame, Job *job)
{
	Unit	   *unit = job_unit(frame, job);
	Verdict		verdict = job_verdict(frame, job);
	Process    *process = job->process;

	switch (verdict)
	{
		case VERDICT_FINISHED:
			return job->unit_id != 0 ? psprintf("finished as %s by unit " INT64_FORMAT "%s", job_state_name(job->state), job->unit_id,
												unit ? "" : ", which retention has taken") :
				psprintf("finished as %s without a unit", job_state_name(job->state));
		case VERDICT_OFF:
			return "waits: its process is switched off; synergy.activate switches it on";
		case VERDICT_FUTURE:
			return psprintf("waits for its period to begin at %s", time_text(timeperiod_start(job->key.timeperiod)));
		case VERDICT_NOT_OVER:
			return psprintf("waits for its period to end, and the trigger lag: %s",
							time_text(timeperiod_end(process->qualifier, job->key.timeperiod) + process_trigger_lag(process)));
		case VERDICT_RUN:
			return explain_run(frame, job);
		default:
			if (job->state != JOB_EMBRYO && unit != NULL && unit_state_is_active(unit->state))
				return explain_unit(unit, process);
			return verdict_text(verdict);
	}
}

static void
put_line(ReturnSetInfo *result, int level, const char *name, Timeperiod timeperiod, JobState state, int64 unit_id,
		 const char *text)
{
	char		buffer[TIMEPERIOD_BUFFER];
	Datum		values[6];
	bool		nulls[6] = {false};

	timeperiod_format(timeperiod, buffer);
	values[0] = Int32GetDatum(level);
	values[1] = CStringGetTextDatum(name);
	values[2] = CStringGetTextDatum(buffer);
	values[3] = job_state_datum(result->setDesc, 3, state);
	values[4] = Int64GetDatum(unit_id);
	nulls[4] = unit_id == 0;
	values[5] = CStringGetTextDatum(text);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static void explain_level(Frame *frame, Job *job, int level, ReturnSetInfo *result);

static void
explain_blockers(Frame *frame, Job *job, int level, ReturnSetInfo *result)
{
	JobRange   *ranges = palloc(sizeof(JobRange) * (1 + job->process->tree->n_dependent_on));
	bool		has_children;
	int			n = blocker_ranges(frame, job, ranges, &has_children);

	frame_load(frame, ranges, n);
	for (int i = 0; i < n; i++)
	{
		Timeperiod	cursor = TIMEPERIOD_NONE;
		Job		   *blocker;
		int			shown = 0;

		while (shown < MAX_SHOWN && (blocker = frame_next_in_range(frame, &ranges[i], &cursor)) != NULL)
		{
			bool		is_dependency = i > 0 || !has_children;
			bool		is_undone = blocker->state != JOB_PROCESSED && blocker->state != JOB_NOOP;

			if (!job_state_is_active(blocker->state) &&
				!(is_dependency && is_undone && job->process->blocking == BLOCKING_DEPENDENCIES))
				continue;
			explain_level(frame, blocker, level, result);
			shown++;
		}
	}
}

static void
explain_level(Frame *frame, Job *job, int level, ReturnSetInfo *result)
{
	CHECK_FOR_INTERRUPTS();
	put_line(result, level, job->process->name, job->key.timeperiod, job->state, job->unit_id, explain(frame, job));
	if (level < MAX_LEVELS && job_state_is_active(job->state))
		explain_blockers(frame, job, level + 1, result);
}

/* asked as the caller, before we are somebody else: rows that are not his are hidden from him (sql/80_privileges.sql) */
static bool
may_see(const char *process_name)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(process_name)};
	bool		is_seen;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute_with_args("SELECT FROM synergy.process WHERE process_name OPERATOR(pg_catalog.=) $1", 1, types, values,
							  NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look for process \"%s\"", process_name);
	is_seen = SPI_processed > 0;
	SPI_finish();
	return is_seen;
}

Datum
synergy_explain_job(PG_FUNCTION_ARGS)
{
	char	   *name = argument_text_required(fcinfo, 0, "process_name");
	text	   *timeperiod = argument_required(fcinfo, 1, "timeperiod");
	StoreScope	scope;
	Frame	   *frame;
	MemoryContext old;
	Job		   *job;
	bool		is_seen = may_see(name);

	InitMaterializedSRF(fcinfo, 0);
	store_enter(&scope);
	frame = frame_create(definition_load(CurrentMemoryContext), clock_now());
	old = MemoryContextSwitchTo(frame->context);
	job = session_find_job(frame, name, timeperiod);
	if (!is_seen)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for process \"%s\"", name),
				 errhint("Its owner, viewers and operators may look at it: see synergy.grant().")));
	explain_level(frame, job, 0, (ReturnSetInfo *) fcinfo->resultinfo);
	MemoryContextSwitchTo(old);
	store_leave(&scope);
	return (Datum) 0;
}
