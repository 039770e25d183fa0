/*
 * api/step.c: one step at a time, in the caller's session: fire, process_events, collect_garbage, tick.
 *
 * They do what the scheduler does, with the same code, under the same lock, at the session's clock.  tick() keeps
 * timers between calls like the scheduler does; what it remembers is thrown away when a transaction aborts.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "api/arguments.h"
#include "api/session.h"
#include "daemon/clock.h"
#include "daemon/wake.h"
#include "store/pending.h"
#include "store/version.h"

PG_FUNCTION_INFO_V1(synergy_fire);
PG_FUNCTION_INFO_V1(synergy_process_events);
PG_FUNCTION_INFO_V1(synergy_collect_garbage);
PG_FUNCTION_INFO_V1(synergy_tick);

static RoundMemory *tick_memory = NULL;
static bool tick_is_stale = false;

static void
forget_at_abort(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		tick_is_stale = true;
}

static void
forget_at_subabort(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		tick_is_stale = true;
}

Datum
synergy_fire(PG_FUNCTION_ARGS)
{
	char	   *name = argument_text_required(fcinfo, 0, "process_name");
	char	   *entry = argument_text(fcinfo, 1);
	Session		session;
	Frame	   *frame;

	session_begin(&session);
	frame = session_frame(&session);
	if (entry != NULL)
	{
		Freerun    *freerun = definition_freerun_named(frame->definitions, name, entry);

		if (freerun == NULL)
			report_no_freerun(name, entry);
		fire_freerun(frame, freerun, 0);
	}
	else
	{
		Process    *process = definition_process_named(frame->definitions, name);

		if (process == NULL)
			report_no_process(name);
		fire_process(frame, process, CAUSE_TRIGGER);
	}
	drain_events(frame);
	session_flush(&session, frame);
	session_end(&session);
	PG_RETURN_VOID();
}

Datum
synergy_process_events(PG_FUNCTION_ARGS)
{
	Session		session;
	Frame	   *frame;
	PendingMemory pending = {{0}};	/* everything is looked at */

	session_begin(&session);
	frame = session_frame(&session);
	read_news(frame, &pending);
	apply_news(frame);
	drain_events(frame);
	session_flush(&session, frame);
	session_end(&session);
	PG_RETURN_VOID();
}

Datum
synergy_collect_garbage(PG_FUNCTION_ARGS)
{
	Session		session;
	Frame	   *frame;
	bool		units_left;
	TimestampTz next_release = PG_INT64_MAX;

	session_begin(&session);
	frame = session_frame(&session);
	collect_garbage(frame, &units_left, &next_release);
	drain_events(frame);
	session_flush(&session, frame);
	session_end(&session);
	PG_RETURN_VOID();
}

Datum
synergy_tick(PG_FUNCTION_ARGS)
{
	RoundOutcome outcome;

	version_require();
	if (tick_memory == NULL)
	{
		tick_memory = round_memory_create(TopMemoryContext);
		RegisterXactCallback(forget_at_abort, NULL);
		RegisterSubXactCallback(forget_at_subabort, NULL);
	}
	if (tick_is_stale)
		round_memory_reset(tick_memory);
	tick_is_stale = true;		/* until it has ended well */
	round_run(tick_memory, WAKE_EVENTS, clock_now(), &outcome);
	tick_is_stale = false;
	if (outcome.wrote)
		wake_scheduler_at_commit(WAKE_ALL);
	PG_RETURN_VOID();
}
