/*
 * api/backfill.c: synergy.backfill: a timetable begins earlier, without keeping its present periods waiting.
 *
 * The periods before are inserted as embryos, for every process of the timetable at once, and put into a lane of
 * their own (round/lane.h): the timetable's earliest unfinished periods go on beside it.  A timetable has no gaps
 * (R4), so whatever lies between the range asked for and its present start is made, too.  Nobody waits for the next
 * trigger: each process is fired once with the next round.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "api/arguments.h"
#include "api/session.h"
#include "compat.h"
#include "nls.h"
#include "round/deadline.h"
#include "store/event.h"
#include "store/pending.h"
#include "store/registry.h"

PG_FUNCTION_INFO_V1(synergy_backfill);

typedef struct Backfill
{
	Process    *process;
	Timeperiod	from;
	char	   *from_text;
	Timeperiod	to;				/* exclusive, NONE: up to its present start */
	JobRange	ranges[QUALIFIER_COUNT];
	int			n;
} Backfill;

static Timeperiod
first_period(const Process *process)
{
	return timeperiod_cast(process->qualifier, process->start);
}

static Timeperiod
bound_argument(FunctionCallInfo fcinfo, int number, const char *argument, const Process *process)
{
	Timeperiod	bound = argument_timeperiod(argument, argument_required(fcinfo, number, argument));

	argument_fits(argument, process->qualifier, bound);
	return bound;
}

static void
read_arguments(FunctionCallInfo fcinfo, Frame *frame, Backfill *backfill)
{
	char	   *name = argument_text_required(fcinfo, 0, "process_name");

	backfill->process = definition_process_named(frame->definitions, name);
	if (backfill->process == NULL)
		report_no_process(name);
	backfill->from = bound_argument(fcinfo, 1, "from_timeperiod", backfill->process);
	backfill->from_text = argument_text(fcinfo, 1);
	backfill->to = PG_ARGISNULL(2) ? TIMEPERIOD_NONE : bound_argument(fcinfo, 2, "to_timeperiod", backfill->process);
	if (backfill->to != TIMEPERIOD_NONE && backfill->to <= backfill->from)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"to_timeperiod\" is not after the beginning: \"%s\"", argument_text(fcinfo, 2)),
				 errhint("It is exclusive: the first period that is not asked for.")));
}

/* what is there already stays as it is; what is missing in between is made, too */
static void
say_what_differs(const Backfill *backfill)
{
	Timeperiod	first = first_period(backfill->process);
	char		text[TIMEPERIOD_BUFFER];

	timeperiod_format(first, text);
	if (backfill->from >= first)
		ereport(NOTICE,
				(errmsg("the periods of process \"%s\" from %s on exist already", backfill->process->name, text),
				 errhint("synergy.reprocess runs one again.")));
	else if (backfill->to != TIMEPERIOD_NONE && backfill->to < first)
		ereport(NOTICE,
				(errmsg("the periods of process \"%s\" up to its present start %s are made as well", backfill->process->name, text),
				 errdetail("A timetable has no gaps.")));
}

/* one process of the timetable begins at the new start, too, unless it began even earlier */
static void
begin_earlier(Frame *frame, Process *process, Backfill *backfill)
{
	Timeperiod	old_first = first_period(process);
	Timeperiod	new_first = timeperiod_cast(process->qualifier, backfill->from);
	JobRange   *range;

	if (timeperiod_start(process->start) <= timeperiod_start(backfill->from))
		return;
	/* what is late now is told; what is made now, and would have been, is not */
	deadline_look_at(frame, list_make1(process));
	registry_move_start(process->id, backfill->from_text);
	process->start = backfill->from;
	if (process->head == TIMEPERIOD_NONE || new_first >= old_first)
		return;					/* nothing before, or not begun yet: its first jobs are made as ever */
	range = &backfill->ranges[backfill->n++];
	range->process = process;
	range->from = new_first;
	range->to = old_first;
	process->backfill_start = process->backfill_frontier = new_first;
	if (process->backfill_end == TIMEPERIOD_NONE)
		process->backfill_end = old_first;
	definition_note_process(frame->definitions, process);
}

static void
log_backfill(Frame *frame, const Backfill *backfill)
{
	EventRecord *record = palloc0(sizeof(EventRecord));
	char		until[TIMEPERIOD_BUFFER];

	timeperiod_format(backfill->process->backfill_end, until);
	record->event = "backfill";
	record->process_name = backfill->process->name;
	record->timeperiod = backfill->from;
	record->detail = psprintf("begun: every period before %s", until);
	frame->log = lappend(frame->log, record);
}

static void
return_ranges(FunctionCallInfo fcinfo, const Backfill *backfill)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	for (int i = 0; i < backfill->n; i++)
	{
		const JobRange *range = &backfill->ranges[i];
		char		from[TIMEPERIOD_BUFFER],
					to[TIMEPERIOD_BUFFER];
		Datum		values[4];
		bool		nulls[4] = {false};

		timeperiod_format(range->from, from);
		timeperiod_format(range->to, to);
		values[0] = CStringGetTextDatum(range->process->name);
		values[1] = CStringGetTextDatum(from);
		values[2] = CStringGetTextDatum(to);
		values[3] = Int64GetDatum(timeperiod_distance(range->process->qualifier, range->from, range->to));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

Datum
synergy_backfill(PG_FUNCTION_ARGS)
{
	Backfill	backfill = {0};
	Session		session;
	Frame	   *frame;
	MemoryContext old;
	Tree	   *tree;

	InitMaterializedSRF(fcinfo, 0);
	session_begin(&session);
	frame = session_frame(&session);
	old = MemoryContextSwitchTo(frame->context);
	read_arguments(fcinfo, frame, &backfill);
	argument_span("from_timeperiod", backfill.process->tree->bottom->qualifier, backfill.from, session.now);
	say_what_differs(&backfill);
	tree = backfill.process->tree;
	if (backfill.from < first_period(backfill.process))
	{
		for (int q = QUALIFIER_HOURLY; q <= QUALIFIER_YEARLY; q++)
			if (tree->members[q] != NULL)
				begin_earlier(frame, tree->members[q], &backfill);
		registry_move_timetable_start(tree->name, backfill.from_text);
		registry_dependants_changed(tree->name);
	}
	if (backfill.n > 0)
	{
		job_insert_periods(backfill.ranges, backfill.n);
		for (int i = 0; i < backfill.n; i++)
			pending_add_trigger(backfill.ranges[i].process->id);
		log_backfill(frame, &backfill);
		frame->wrote = true;
	}
	MemoryContextSwitchTo(old);
	session_flush(&session, frame);
	session_end(&session);
	return_ranges(fcinfo, &backfill);
	return (Datum) 0;
}
