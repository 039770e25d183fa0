/*
 * round/fire.c: triggers and events: which jobs are evaluated, and what follows when one is finished.
 *
 * A trigger evaluates the process's earliest active job (R7).  An eager process does the same for as many of the
 * earliest active jobs as its concurrency says, and does not wait for the trigger when one of its own jobs or the
 * last child of its job was finished.  Earliest active jobs count whether they run or wait: with a concurrency of 1
 * nothing is begun while an earlier period waits or fails.  A chain (round/chain.h) is one job after the other, too.
 *
 * A freerun's timer (R14) is here, too, with what becomes of fires that were missed.  What follows from finished jobs
 * is worked off as a queue of events; an eager process that many of them concern is fired at the first one and again
 * after all of them, not each time.
 *
 * When the earliest job's time has not come, nothing later has come either.  Then the process is quiet until then:
 * its timer is not even set (`quiet_until`), and that is why an idle Synergy costs nothing.  Whoever makes an
 * earlier job active or adds jobs makes it unknown again.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "nls.h"
#include "round/agenda.h"
#include "round/carried.h"
#include "round/chain.h"
#include "round/evaluate.h"
#include "round/lane.h"
#include "round/rows.h"
#include "round/timer.h"

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

	if (state_machine_waits_for_end(process->machine))	/* strictly after its end + lag */
		return timeperiod_end(process->qualifier, job->key.timeperiod) + process_trigger_lag(process) + 1;
	return timeperiod_start(job->key.timeperiod);
}

/* ---------------------------------------------------------------- looking ahead */

#define MAX_AHEAD 1024		/* jobs whose facts are loaded together at most */

/* children and dependencies of these jobs, in one statement */
static void
preload_blockers(Frame *frame, Process *process, List *jobs)
{
	int			per_job = 1 + process->tree->n_dependent_on;
	JobRange   *ranges = palloc(sizeof(JobRange) * per_job * list_length(jobs));
	bool		has_children;
	int			n = 0;
	ListCell   *cell;

	foreach(cell, jobs)
		n += blocker_ranges(frame, lfirst(cell), &ranges[n], &has_children);
	frame_load(frame, ranges, n);
	pfree(ranges);
}

static void
preload_rows(Frame *frame, Process *process, List *jobs)
{
	List	   *wanted = NIL;
	ListCell   *cell;

	foreach(cell, jobs)
	{
		Job		   *job = lfirst(cell);

		if (job->state != JOB_FINAL_RUN)	/* a last unit that is under way decides alone */
			wanted = lappend(wanted, job);
	}
	if (wanted != NIL)
		rows_preload(frame, process, wanted);
	list_free(wanted);
}

/*
 * Loads what the evaluation of the next few active jobs will ask for: a few statements for all of them.  How many
 * jobs that is doubles as a fire goes on, so that one that ends soon reads little, and one that goes through
 * thousands of periods is still a handful of statements.
 */
static void
look_ahead(Frame *frame, Process *process, LaneKind kind, Timeperiod after, int width)
{
	List	   *jobs = NIL;
	Job		   *job;

	while (list_length(jobs) < width && (job = lane_next_active(frame, process, kind, after)) != NULL &&
		   due_time(job) <= frame->now)
	{
		after = job->key.timeperiod;
		jobs = lappend(jobs, job);
	}
	if (jobs == NIL)
		return;
	frame_preload_job_units(frame, jobs);
	if (width > 1)				/* a single one loads what it turns out to need */
	{
		frame_let_go_others(frame, jobs);
		preload_blockers(frame, process, jobs);
		if (state_machine_reads_rows(process->machine))
			preload_rows(frame, process, jobs);
	}
	list_free(jobs);
}

/* ---------------------------------------------------------------- firing */

/* the next periods, to be run behind the one that has just been requested (round/chain.h); false: it is none of a chain */
static bool
chain(Frame *frame, Process *process, LaneKind kind, Job *last)
{
	int			n = chain_length(frame, last);

	if (n == 0)
		return false;
	chain_add(NULL, last->unit);
	if (n > 1)
		look_ahead(frame, process, kind, last->key.timeperiod, n - 1);
	for (; n > 1; n--)
	{
		Job		   *job = lane_next_active(frame, process, kind, last->key.timeperiod);

		CHECK_FOR_INTERRUPTS();
		if (job == NULL || due_time(job) > frame->now || !carried_fits(frame, job))
			break;
		evaluate_job(frame, job, CAUSE_EVENT);
		if (!carried_is_request_of(job))
			break;
		chain_add(last->unit, job->unit);
		last = job;
	}
	return true;
}

/*
 * Evaluates the lane's earliest active jobs, until so many are left active, or a chain is under way.  *quiet_until: when the very first one's
 * time comes, PG_INT64_MAX when there is none, 0 when there is something to do.  Returns how many are left active.
 */
static int
fire_lane(Frame *frame, Process *process, LaneKind kind, int at_work, Cause cause, TimestampTz *quiet_until)
{
	Timeperiod	after = TIMEPERIOD_NONE;
	int			width = 0;
	int			n_ahead = 0;
	int			n = 0;

	*quiet_until = 0;
	while (n < at_work)
	{
		Job		   *job;
		TimestampTz due;

		CHECK_FOR_INTERRUPTS();
		if (cause == CAUSE_EVENT && kind == LANE_MAIN)
		{
			Timeperiod	under_way = lane_pass_under_way(frame, process, after);

			if (under_way != TIMEPERIOD_NONE)
			{
				after = under_way;
				if (++n == 1 && at_work > 1 && chain_holds_lane(frame, process, under_way))
					break;
				continue;
			}
		}
		if (n_ahead == 0)
		{
			width = Min(width == 0 ? at_work - n : width * 2, MAX_AHEAD);
			look_ahead(frame, process, kind, after, width);
			n_ahead = width;
		}
		n_ahead--;
		job = lane_next_active(frame, process, kind, after);
		due = job ? due_time(job) : PG_INT64_MAX;
		if (due > frame->now)
		{
			if (after == TIMEPERIOD_NONE)
				*quiet_until = due;
			break;
		}
		after = job->key.timeperiod;
		if (is_passed_over(frame, job))
		{
			frame->wants_collection = true;
			continue;
		}
		evaluate_job(frame, job, cause);
		if (job_state_is_active(job->state) && ++n == 1 && chain(frame, process, kind, job))
			break;
	}
	return n;
}

void
fire_process(Frame *frame, Process *process, Cause cause)
{
	int			at_work = process->is_eager ? process->concurrency : 1;
	TimestampTz quiet_until,
				backfill_quiet_until;
	int			n;

	if (!process->is_on || process->quiet_until > frame->now)
		return;
	n = fire_lane(frame, process, LANE_MAIN, at_work, cause, &quiet_until);
	if (process->backfill_end != TIMEPERIOD_NONE)
	{
		/* the backfill gets what the timetable does not need, and is never starved by it */
		(void) fire_lane(frame, process, LANE_BACKFILL, Max(at_work - n, 1), cause, &backfill_quiet_until);
		if (backfill_quiet_until == PG_INT64_MAX)
			lane_close_backfill(frame, process);
		quiet_until = Min(quiet_until, backfill_quiet_until);
	}
	if (quiet_until != 0)
	{
		if (process->goes_on)	/* nothing is left that could be lost */
			definition_note_process(frame->definitions, process);
		process->goes_on = false;
		process->quiet_until = quiet_until;
		agenda_touch_process(frame->definitions, process);
	}
}

/* ---------------------------------------------------------------- freeruns */

static Unit *
freerun_unit(Frame *frame, Freerun *freerun)
{
	return freerun->unit_id == 0 ? NULL : frame_unit(frame, freerun->unit_id);
}

void
fire_freerun(Frame *frame, Freerun *freerun, TimestampTz scheduled)
{
	Unit	   *unit = freerun_unit(frame, freerun);
	Situation	situation = {0};

	if (!freerun->is_on)
		return;
	situation.unit = unit ? unit->state : UNIT_NONE;
	switch (machine_decide(MACHINE_FREERUN, &situation)->action)
	{
		case ACTION_REQUEST:
			unit = frame_new_unit(frame, freerun->id);
			if (!timeperiod_long_at(scheduled != 0 ? scheduled : frame->now, &unit->timeperiod))
				ereport(ERROR,
						(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
						 errmsg("the clock is outside the years 1 to 9999"),
						 errhint("Set the clock of the server right, or synergy.clock.")));
			unit->start_timeperiod = unit->end_timeperiod = unit->timeperiod;
			freerun->unit_id = unit->id;
			definition_note_freerun(frame->definitions, freerun);
			break;
		case ACTION_SIGNAL:
			if (unit->state != UNIT_REQUESTED)
				return;
			break;
		default:
			return;
	}
	frame_unit_requested(frame, unit, freerun->worker, freerun->process_name);
}

void
fire_freerun_timer(Frame *frame, Freerun *freerun)
{
	Unit	   *unit = freerun_unit(frame, freerun);
	bool		is_going = unit != NULL && (unit->state == UNIT_REQUESTED || unit->state == UNIT_IN_PROGRESS);
	TimestampTz scheduled = freerun->next_fire;
	TimestampTz following = trigger_after(&freerun->trigger, freerun->timezone, scheduled);

	agenda_touch_freerun(frame->definitions, freerun);
	if (is_going && freerun->missed != MISSED_SKIP)
	{
		agenda_note_owed(frame->definitions, freerun);	/* until that run has ended */
		return;
	}
	if (following <= frame->now && freerun->missed != MISSED_ALL)
	{
		/* this run stands for several fires: it is that of the moment */
		scheduled = frame->now;
		following = trigger_after(&freerun->trigger, freerun->timezone, frame->now);
	}
	fire_freerun(frame, freerun, scheduled);
	freerun->fired_at = scheduled;
	definition_note_freerun(frame->definitions, freerun);
	freerun->next_fire = following;
}

/* ---------------------------------------------------------------- events */

/*
 * At once the first time, which loads what the following events will ask for; then once more when all events have
 * been applied, however many of its jobs or of those that it waits for were finished.
 */
static void
go_on(Frame *frame, Process *process)
{
	ProcessFrame *notes = frame_process(frame, process);
	MemoryContext old;

	if (notes->is_to_go_on)
		return;
	if (!notes->has_gone_on)
	{
		notes->has_gone_on = true;
		fire_process(frame, process, CAUSE_EVENT);
		return;
	}
	old = MemoryContextSwitchTo(frame->context);
	notes->is_to_go_on = true;
	frame->going_on = lappend(frame->going_on, process);
	MemoryContextSwitchTo(old);
}

/* an eager process goes on at once: with its own next period, and with the parent whose last child this was */
static void
follow_eagerly(Frame *frame, Job *job)
{
	Process    *process = job->process;
	Process    *parent = process->parent;

	if (process->is_eager)
		go_on(frame, process);
	if (parent != NULL && parent->is_eager && parent->is_on)
	{
		Timeperiod	timeperiod = holding_milestone(parent, job->key.timeperiod);
		Job		   *above = timeperiod == TIMEPERIOD_NONE ? NULL : frame_job(frame, parent, timeperiod);
		Children	children;

		if (above == NULL || !job_state_is_active(above->state) || due_time(above) > frame->now)
			return;
		/* thousands of children may be finished together: nothing has changed since it was asked about the first */
		if (above->asked_at == 1 + list_length(frame->touched))
			return;
		above->asked_at = 1 + list_length(frame->touched);
		children_of(frame, above, &children);
		/* one that is passed over is not what the others have waited for */
		if (!children.any_active && !children.all_hopeless)
			go_on(frame, parent);
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
		if (dependant == NULL || holding_milestone(dependant, job->key.timeperiod) == TIMEPERIOD_NONE)
			continue;
		if (dependant->is_eager)
			go_on(frame, dependant);
		else if (state_machine_waits_for_end(dependant->machine))
			fire_process(frame, dependant, CAUSE_EVENT);
	}
}

static void
apply_events(Frame *frame)
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

void
drain_events(Frame *frame)
{
	apply_events(frame);
	while (frame->going_on != NIL)
	{
		Process    *process = linitial(frame->going_on);

		frame->going_on = list_delete_first(frame->going_on);
		frame_process(frame, process)->is_to_go_on = false;
		fire_process(frame, process, CAUSE_EVENT);
		apply_events(frame);
	}
}
