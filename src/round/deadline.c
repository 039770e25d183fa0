/*
 * round/deadline.c: jobs that are not finished by the end of their period + option `deadline`.
 *
 * Of each process it is kept up to when its deadlines have been looked at (deadlines_seen).  A job is late when it is
 * active and its deadline lies between that and now; then that is now.  So a deadline counts once, and those that passed
 * before it counted do not: a backfill of old periods, and jobs that are run again long after, are not late.  What passed
 * while nothing ran is found when something does.
 *
 * Deadlines come in the order of periods, and no job before the frontier is active: so when the next one can be missed
 * follows from these, without a look at the jobs.  Then they are looked at, by key, from the first period whose deadline
 * has not been looked at to the last one that has passed; of a process that is on time that is none.
 *
 * deadlines_seen is written together with other progress, and so may be behind in the table.  It must not be when it
 * matters: when a job is made active whose deadline has passed, by reprocess or a backfill.  Before that is written, there
 * is a look, and what it has come to is written, too.
 */
#include "postgres.h"

#include "round/agenda.h"
#include "round/deadline.h"
#include "store/alert.h"

#define MAX_AT_ONCE 1000		/* late jobs of a process that one round tells of */

static bool
counts(const Process *process)
{
	return process->deadline >= 0 && process->is_on && process->head != TIMEPERIOD_NONE;
}

static TimestampTz
deadline_of(const Process *process, Timeperiod timeperiod)
{
	return timeperiod_end(process->qualifier, timeperiod) + process->deadline;
}

/* the first period whose deadline is after that */
static Timeperiod
first_after(const Process *process, TimestampTz at)
{
	Timeperiod	first;

	return timeperiod_at(process->qualifier, at - process->deadline, &first) ? first : TIMEPERIOD_NONE;
}

/* the first one that may be active and has not been looked at */
static Timeperiod
first_open(const Process *process, TimestampTz now)
{
	return Max(first_after(process, Min(process->deadlines_seen, now)), process_first_frontier(process));
}

TimestampTz
deadline_next(Process *process, TimestampTz now)
{
	if (!counts(process))
		return PG_INT64_MAX;
	if (process->next_deadline == 0)
	{
		Timeperiod	first = first_open(process, now);

		process->next_deadline = first > process->head ? PG_INT64_MAX : deadline_of(process, first);
	}
	return process->next_deadline;
}

static void
add_late(Frame *frame, Process *process, Timeperiod timeperiod)
{
	Job		   *job = frame_loaded_job(frame, process, timeperiod);
	LateJob    *late;

	/* in time after all, by what this frame is about to write; or of no account */
	if ((job != NULL && !job_state_is_active(job->state)) ||
		!timeperiod_is_milestone(process->qualifier, process->grouping, timeperiod))
		return;
	late = palloc(sizeof(LateJob));
	late->process = process;
	late->timeperiod = timeperiod;
	late->deadline = deadline_of(process, timeperiod);
	frame->late = lappend(frame->late, late);
	definition_note_process(frame->definitions, process);
}

/* what is active in these ranges is late */
static void
look_into(Frame *frame, const JobRange *ranges, int n)
{
	JobRow	   *rows;
	uint64		n_rows = job_fetch_active(ranges, n, MAX_AT_ONCE, &rows);
	Process    *last = NULL;
	int			n_of_last = 0;

	for (uint64 i = 0; i < n_rows; i++)
	{
		Process    *process = definition_process(frame->definitions, rows[i].process_id);

		n_of_last = process == last ? n_of_last + 1 : 1;
		last = process;
		add_late(frame, process, rows[i].timeperiod);
		if (n_of_last == MAX_AT_ONCE)	/* the others have their turn in the next round */
			process->deadlines_seen = deadline_of(process, rows[i].timeperiod);
	}
}

void
deadline_look_at(Frame *frame, List *processes)
{
	MemoryContext old = MemoryContextSwitchTo(frame->context);
	JobRange   *ranges = palloc(sizeof(JobRange) * Max(list_length(processes), 1));
	int			n = 0;
	ListCell   *cell;

	foreach(cell, processes)
	{
		Process    *process = lfirst(cell);
		JobRange   *range = &ranges[n];

		if (!counts(process))
			continue;
		range->process = process;
		range->from = first_open(process, frame->now);
		range->to = first_after(process, frame->now);
		process->deadlines_seen = frame->now;
		process->next_deadline = 0;
		agenda_touch_process(frame->definitions, process);
		n += range->from < range->to;
	}
	if (n > 0)
		look_into(frame, ranges, n);
	MemoryContextSwitchTo(old);
}

void
deadline_look(Frame *frame)
{
	MemoryContext old = MemoryContextSwitchTo(frame->context);
	Definitions *definitions = frame->definitions;
	List	   *due = NIL;
	int			i = -1;

	while ((i = agenda_next(definitions, AGENDA_PROCESS, i + 1, frame->now)) >= 0)
		if (deadline_next(definitions->processes[i], frame->now) <= frame->now)
			due = lappend(due, definitions->processes[i]);
	if (due != NIL)
		deadline_look_at(frame, due);
	MemoryContextSwitchTo(old);
}

void
deadline_revive(Frame *frame, Job *job)
{
	Process    *process = job->process;

	if (process->deadline < 0)
		return;
	process->next_deadline = 0;
	agenda_touch_process(frame->definitions, process);
	if (deadline_of(process, job->key.timeperiod) <= frame->now)
	{
		frame->to_look = list_append_unique_ptr(frame->to_look, process);
		definition_note_process(frame->definitions, process);
	}
}

void
deadline_tell(Frame *frame)
{
	List	   *finished = NIL;
	ListCell   *cell;

	foreach(cell, frame->dirty_jobs)
	{
		Job		   *job = lfirst(cell);

		if (job->process->n_late > 0 && job_state_is_active(job->stored_state) && !job_state_is_active(job->state))
			finished = lappend(finished, job);
	}
	/* what was told must not be told again after a crash */
	frame->is_told |= alert_recovered(finished, frame->definitions, frame->now);
	frame->is_told |= alert_late(frame->late, frame->definitions, frame->now);
}
