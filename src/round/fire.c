/*
 * round/fire.c: triggers and events: which jobs are evaluated, and what follows when one is finished.
 *
 * A trigger evaluates the process's earliest active job (R7).  An eager process does the same for as many of the
 * earliest active jobs as its concurrency says, and does not wait for the trigger when one of its own jobs or the
 * last child of its job was finished.  Earliest active jobs count whether they run or wait: so no period overtakes
 * another by more than the concurrency.
 *
 * When the earliest job's time has not come, nothing later has come either.  Then the process is quiet until then:
 * its timer is not even set (`quiet_until`), and that is why an idle Synergy costs nothing.  Whoever makes an
 * earlier job active or adds jobs makes it unknown again.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "round/evaluate.h"

/* R7: a milestone that has children, all of them skipped or failed too often, is passed over */
static bool
is_passed_over(Frame *frame, Job *job)
{
	Children	children;

	if (job->process->child == NULL)
		return false;
	children_of(frame, job, &children);
	return children.n > 0 && children.all_hopeless;
}

/* when the job's time comes: before that an evaluation does nothing */
static TimestampTz
due_time(const Job *job)
{
	const Process *process = job->process;

	if (process->machine == MACHINE_DISCRETE)	/* strictly after its end + lag */
		return timeperiod_end(process->qualifier, job->key.timeperiod) + process_trigger_lag(process) + 1;
	return timeperiod_start(job->key.timeperiod);
}

/* the units of the jobs that will be looked at, in one statement */
static void
preload_units(Frame *frame, Process *process, int n_jobs)
{
	int64	   *ids = palloc(sizeof(int64) * n_jobs);
	int			n = 0;
	Timeperiod	after = TIMEPERIOD_NONE;
	Job		   *job;

	for (int i = 0; i < n_jobs && (job = frame_next_active(frame, process, after)) != NULL; i++)
	{
		after = job->key.timeperiod;
		if (job->unit_id != 0)
			ids[n++] = job->unit_id;
	}
	frame_preload_units(frame, ids, n);
	pfree(ids);
}

/* the children of the jobs that will be looked at, in one statement; spans that touch become one range */
static void
preload_children(Frame *frame, Process *process, int n_jobs)
{
	JobRange   *ranges = palloc(sizeof(JobRange) * n_jobs);
	int			n = 0;
	Timeperiod	after = TIMEPERIOD_NONE;
	Job		   *job;

	for (int i = 0; i < n_jobs && (job = frame_next_active(frame, process, after)) != NULL && due_time(job) <= frame->now; i++)
	{
		JobRange	span = span_of(process, job->key.timeperiod);

		after = job->key.timeperiod;
		if (n > 0 && ranges[n - 1].to == span.from)
			ranges[n - 1].to = span.to;
		else
		{
			ranges[n] = span;
			ranges[n++].process = process->child;
		}
	}
	frame_load(frame, ranges, n);
	pfree(ranges);
}

void
fire_process(Frame *frame, Process *process, Cause cause)
{
	int			at_work = process->is_eager ? process->concurrency : 1;
	Timeperiod	after = TIMEPERIOD_NONE;
	int			n = 0;

	if (!process->is_on || process->quiet_until > frame->now)
		return;
	preload_units(frame, process, at_work);
	if (process->child != NULL)
		preload_children(frame, process, at_work);
	while (n < at_work)
	{
		Job		   *job = frame_next_active(frame, process, after);
		TimestampTz due;

		CHECK_FOR_INTERRUPTS();
		if (job == NULL)
		{
			if (after == TIMEPERIOD_NONE)
				process->quiet_until = PG_INT64_MAX;
			return;
		}
		due = due_time(job);
		if (due > frame->now)
		{
			if (after == TIMEPERIOD_NONE)
				process->quiet_until = due;
			return;
		}
		after = job->key.timeperiod;
		if (is_passed_over(frame, job))
			continue;
		evaluate_job(frame, job, cause);
		if (job_state_is_active(job->state))
			n++;
	}
}

void
fire_freerun(Frame *frame, Freerun *freerun)
{
	Unit	   *unit = freerun->unit_id == 0 ? NULL : frame_unit(frame, freerun->unit_id);
	Situation	situation = {0};

	if (!freerun->is_on)
		return;
	situation.unit = unit ? unit->state : UNIT_NONE;
	switch (machine_decide(MACHINE_FREERUN, &situation)->action)
	{
		case ACTION_REQUEST:
			unit = frame_new_unit(frame, freerun->id);
			if (!timeperiod_long_at(frame->now, &unit->timeperiod))
				elog(ERROR, "the clock is outside the years 1 to 9999");
			unit->start_timeperiod = unit->end_timeperiod = unit->timeperiod;
			freerun->unit_id = unit->id;
			break;
		case ACTION_SIGNAL:
			if (unit->state != UNIT_REQUESTED)
				return;
			break;
		default:
			return;
	}
	freerun->fired_at = frame->now;
	freerun->progress_dirty = true;
	frame_unit_requested(frame, unit, freerun->worker, freerun->process_name);
}

/* ---------------------------------------------------------------- events */

/* an eager process goes on at once: with its own next period, and with the parent whose last child this was */
static void
follow_eagerly(Frame *frame, Job *job)
{
	Process    *process = job->process;
	Process    *parent = process->parent;

	if (process->is_eager)
		fire_process(frame, process, CAUSE_EVENT);
	if (parent != NULL && parent->is_eager && parent->is_on)
	{
		Timeperiod	timeperiod = holding_milestone(parent, job->key.timeperiod);
		Job		   *above = timeperiod == TIMEPERIOD_NONE ? NULL : frame_job(frame, parent, timeperiod);
		Children	children;

		if (above == NULL || !job_state_is_active(above->state) || due_time(above) > frame->now)
			return;
		children_of(frame, above, &children);
		if (!children.any_active)
			fire_process(frame, parent, CAUSE_EVENT);
	}
}

static void
fire_dependants(Frame *frame, Job *job)
{
	Tree	   *tree = job->process->tree;

	for (int i = 0; i < tree->n_dependants; i++)
	{
		Process    *dependant = tree->dependants[i]->members[job->process->qualifier];

		/* R16 wakes the discrete ones; an eager one of another kind may be waiting just as well */
		if (dependant != NULL && (dependant->machine == MACHINE_DISCRETE || dependant->is_eager) &&
			holding_milestone(dependant, job->key.timeperiod) != TIMEPERIOD_NONE)
			fire_process(frame, dependant, CAUSE_EVENT);
	}
}

void
drain_events(Frame *frame)
{
	while (frame->next_event < list_length(frame->events))
	{
		Event	   *event = list_nth(frame->events, frame->next_event++);

		CHECK_FOR_INTERRUPTS();
		switch (event->kind)
		{
			case EVENT_UNIT:
				apply_finished_unit(frame, event->unit_id);
				break;
			case EVENT_JOB:
				fire_dependants(frame, event->job);
				follow_eagerly(frame, event->job);
				break;
			case EVENT_SKIPPED:
				follow_eagerly(frame, event->job);
				break;
		}
	}
}
