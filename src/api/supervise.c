/*
 * api/supervise.c: reprocess, skip, cancel_unit_of_work.
 *
 * Each changes jobs in the caller's transaction, under the round lock, and returns every job whose state is another
 * than before.  The event log keeps who asked.  With dry_run the same is worked out and returned, and nothing is
 * written: not a row, not a number of a sequence.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "api/arguments.h"
#include "api/session.h"
#include "compat.h"
#include "daemon/wake.h"
#include "nls.h"

PG_FUNCTION_INFO_V1(synergy_reprocess);
PG_FUNCTION_INFO_V1(synergy_skip);
PG_FUNCTION_INFO_V1(synergy_cancel_unit_of_work);

static void
return_changes(FunctionCallInfo fcinfo, Frame *frame)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *cell;

	foreach(cell, frame->changes)
	{
		StateChange *change = lfirst(cell);
		Job		   *job = change->job;
		char		timeperiod[TIMEPERIOD_BUFFER];
		Datum		values[4];
		bool		nulls[4] = {false, false, false, false};

		if (job->state == change->old_state)
			continue;
		timeperiod_format(job->key.timeperiod, timeperiod);
		values[0] = CStringGetTextDatum(job->process->name);
		values[1] = CStringGetTextDatum(timeperiod);
		values[2] = job_state_datum(result->setDesc, 2, change->old_state);
		values[3] = job_state_datum(result->setDesc, 3, job->state);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

static void
log_operation(Frame *frame, const char *event, const Job *job)
{
	EventRecord *record = palloc0(sizeof(EventRecord));

	record->event = event;
	record->process_name = job->process->name;
	record->timeperiod = job->key.timeperiod;
	frame->log = lappend(frame->log, record);
}

/* a working set that notes every change of a job's state; without dry_run they become true at its end */
typedef struct Operation
{
	Session		session;
	Frame	   *frame;
	MemoryContext caller_context;
	bool		is_dry;
} Operation;

static void
operation_begin(FunctionCallInfo fcinfo, int dry_argument, const char *event, Operation *operation)
{
	argument_not_null(fcinfo, dry_argument, "dry_run");
	operation->is_dry = PG_GETARG_BOOL(dry_argument);
	InitMaterializedSRF(fcinfo, 0);
	session_begin(&operation->session);
	operation->frame = operation->is_dry ? session_dry_frame(&operation->session) : session_frame(&operation->session);
	operation->caller_context = MemoryContextSwitchTo(operation->frame->context);
	operation->frame->supervise = true;
	operation->frame->because = psprintf("%s by %s", event, operation->session.caller_name);
}

static void
operation_end(FunctionCallInfo fcinfo, Operation *operation)
{
	drain_events(operation->frame);
	MemoryContextSwitchTo(operation->caller_context);
	if (!operation->is_dry)
		session_flush(&operation->session, operation->frame);
	session_end(&operation->session);
	return_changes(fcinfo, operation->frame);
}

static void
operate(FunctionCallInfo fcinfo, const char *event, void (*change) (Frame *frame, Job *job))
{
	char	   *name = argument_text_required(fcinfo, 0, "process_name");
	text	   *timeperiod = argument_required(fcinfo, 1, "timeperiod");
	Operation	operation;
	Job		   *job;

	operation_begin(fcinfo, 2, event, &operation);
	job = session_find_job(operation.frame, name, timeperiod);
	log_operation(operation.frame, event, job);
	change(operation.frame, job);
	operation_end(fcinfo, &operation);
}

Datum
synergy_reprocess(PG_FUNCTION_ARGS)
{
	operate(fcinfo, "reprocess", reprocess_job);
	return (Datum) 0;
}

Datum
synergy_skip(PG_FUNCTION_ARGS)
{
	operate(fcinfo, "skip", skip_with_set);
	return (Datum) 0;
}

/* the news of a unit that was canceled is the job's business at its next evaluation; an eager one need not wait */
static void
cancel_unit(Frame *frame, int64 unit_id)
{
	Unit	   *unit = frame_unit(frame, unit_id);
	Process    *process;
	UnitState	old_state;

	if (unit == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("unit of work %lld does not exist", (long long) unit_id),
				 errhint("SELECT * FROM synergy.unit_of_work lists the units.")));
	if (!unit_state_is_active(unit->state))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("unit of work %lld is %s already", (long long) unit_id, unit_state_name(unit->state)),
				 errhint("Only an active unit can be canceled; to run its job again, use synergy.reprocess.")));
	process = definition_process(frame->definitions, unit->process_id);
	old_state = unit->state;
	frame_cancel_unit(frame, unit);
	frame_log_unit(frame, "cancel", unit, old_state, NULL);
	if (process != NULL && process->is_eager)
		frame_add_event(frame, EVENT_UNIT, unit->id, NULL);
}

Datum
synergy_cancel_unit_of_work(PG_FUNCTION_ARGS)
{
	Operation	operation;

	argument_not_null(fcinfo, 0, "unit_of_work_id");
	operation_begin(fcinfo, 1, "cancel", &operation);
	cancel_unit(operation.frame, PG_GETARG_INT64(0));
	operation_end(fcinfo, &operation);
	if (!operation.is_dry && !frame_unit(operation.frame, PG_GETARG_INT64(0))->is_written)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("unit of work %lld is just being changed by its worker", (long long) PG_GETARG_INT64(0)),
				 errhint("Look at it again when the worker's transaction has ended; synergy.skip gives its job up at once.")));
	return (Datum) 0;
}
