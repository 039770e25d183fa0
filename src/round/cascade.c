/*
 * round/cascade.c: reprocess (R2) and skip (R12): a job and the set of jobs that go with it.
 *
 * A set is gathered by arithmetic first, loaded in one statement, and only then changed, depth first as the rules
 * want it.  A yearly job may stand for thousands of hours below it: nothing here is done a job at a time but
 * deciding.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "round/evaluate.h"
#include "round/lane.h"

typedef struct Set
{
	HTAB	   *seen;			/* JobKey */
	List	   *ranges;			/* of JobRange *, a period each, in the order of the walk */
} Set;

static void
init_set(Set *set)
{
	HASHCTL		control = {0};

	control.keysize = control.entrysize = sizeof(JobKey);
	control.hcxt = CurrentMemoryContext;
	set->seen = hash_create("synergy cascade", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	set->ranges = NIL;
}

/* false: it is a member already */
static bool
add_member(Set *set, Process *process, Timeperiod timeperiod)
{
	JobKey		key = {process->id, 0, timeperiod};
	JobRange   *range;
	bool		found;

	CHECK_FOR_INTERRUPTS();
	hash_search(set->seen, &key, HASH_ENTER, &found);
	if (found)
		return false;
	range = palloc(sizeof(JobRange));
	range->process = process;
	range->from = timeperiod;
	range->to = timeperiod + 1;
	set->ranges = lappend(set->ranges, range);
	return true;
}

static int
compare_ranges(const void *a, const void *b)
{
	const JobRange *x = a,
			   *y = b;

	if (x->process != y->process)
		return x->process->id < y->process->id ? -1 : 1;
	return x->from < y->from ? -1 : x->from > y->from;
}

/* periods that follow on each other are loaded as one range: the hours below a year are one, not 8760 */
static void
load_merged(Frame *frame, const JobRange *periods, int n)
{
	JobRange   *merged = palloc(sizeof(JobRange) * n);
	int			n_merged = 0;

	memcpy(merged, periods, sizeof(JobRange) * n);
	qsort(merged, n, sizeof(JobRange), compare_ranges);
	for (int i = 0; i < n; i++)
	{
		JobRange	range = own_period(merged[i].process, merged[i].from);

		if (n_merged > 0 && merged[n_merged - 1].process == range.process && merged[n_merged - 1].to == range.from)
			merged[n_merged - 1].to = range.to;
		else
			merged[n_merged++] = range;
	}
	frame_load(frame, merged, n_merged);
	pfree(merged);
}

/* the members' jobs, in the order of the walk */
static List *
load_set(Frame *frame, Set *set)
{
	int			n = list_length(set->ranges);
	JobRange   *periods = palloc(sizeof(JobRange) * n);
	List	   *jobs = NIL;
	int			i = 0;
	ListCell   *cell;

	foreach(cell, set->ranges)
		periods[i++] = *(JobRange *) lfirst(cell);
	load_merged(frame, periods, n);
	for (i = 0; i < n; i++)
	{
		Job		   *job = frame_loaded_job(frame, periods[i].process, periods[i].from);

		if (job != NULL)
			jobs = lappend(jobs, job);
	}
	return jobs;
}

/* ---------------------------------------------------------------- reprocess */

/* the job, its parent, its dependants, and so on from each */
static void
walk_up(Set *set, Process *process, Timeperiod timeperiod)
{
	Tree	   *tree = process->tree;
	Timeperiod	above;

	check_stack_depth();
	if (!add_member(set, process, timeperiod))
		return;
	if (process->parent != NULL &&
		(above = holding_milestone(process->parent, timeperiod)) != TIMEPERIOD_NONE)
		walk_up(set, process->parent, above);
	for (int i = 0; i < tree->n_dependants; i++)
	{
		Process    *dependant = tree->dependants[i]->members[process->qualifier];

		if (dependant != NULL && (above = holding_milestone(dependant, timeperiod)) != TIMEPERIOD_NONE)
			walk_up(set, dependant, above);
	}
}

static void
back_to_embryo(Frame *frame, Job *job)
{
	frame_let_go_unit(frame, job);
	frame_set_state(frame, job, JOB_EMBRYO);
}

void
reprocess_job(Frame *frame, Job *job)
{
	Set			set;
	List	   *again = NIL;
	ListCell   *cell;

	init_set(&set);
	walk_up(&set, job->process, job->key.timeperiod);
	foreach(cell, load_set(frame, &set))
	{
		Job		   *member = lfirst(cell);

		if (member->failures != 0)
		{
			member->failures = 0;
			frame_touch_job(frame, member);
		}
		if (member->state != JOB_EMBRYO)
			again = lappend(again, member);
	}
	frame_preload_job_units(frame, again);
	foreach(cell, again)
		back_to_embryo(frame, lfirst(cell));
	foreach(cell, again)
		evaluate_job(frame, lfirst(cell), CAUSE_TRIGGER);
}

/* ---------------------------------------------------------------- another definition */

static List *
jobs_at_work(Frame *frame, Process *process)
{
	List	   *jobs = NIL;

	for (int kind = LANE_MAIN; kind <= LANE_BACKFILL; kind++)
	{
		Job		   *job = NULL;

		if (kind == LANE_BACKFILL && process->backfill_end == TIMEPERIOD_NONE)
			continue;
		while ((job = lane_next_active(frame, process, kind, job ? job->key.timeperiod : TIMEPERIOD_NONE)) != NULL)
			if (job->state != JOB_EMBRYO)
				jobs = lappend(jobs, job);
	}
	return jobs;
}

int
redefine_jobs(Frame *frame, Process *process, bool anew)
{
	List	   *jobs = jobs_at_work(frame, process);
	ListCell   *cell;
	int			n = 0;

	frame_preload_job_units(frame, jobs);
	foreach(cell, jobs)
	{
		Job		   *job = lfirst(cell);
		Unit	   *unit = job_unit(frame, job);

		if (anew)
		{
			job->failures = 0;
			back_to_embryo(frame, job);
			n++;
		}
		else if (unit != NULL && unit->state == UNIT_REQUESTED)
		{
			frame_unit_requested(frame, unit, process->worker, process->name);
			n++;
		}
	}
	return n;
}

/* ---------------------------------------------------------------- skip */

/* the job, the jobs below it in its own period, its dependants of the very same period, and so on from each */
static void
walk_down(Set *set, Process *process, Timeperiod timeperiod)
{
	Tree	   *tree = process->tree;

	check_stack_depth();
	if (!add_member(set, process, timeperiod))
		return;
	if (process->child != NULL && process->child->head != TIMEPERIOD_NONE)
	{
		JobRange	period = own_period(process, timeperiod);
		Timeperiod	below = timeperiod_cast(process->child->qualifier, timeperiod);
		Timeperiod	first = timeperiod_cast(process->child->qualifier, process->child->start);

		while (below < period.to && below <= process->child->head)
		{
			if (below >= first)
				walk_down(set, process->child, below);
			if (!timeperiod_step(process->child->qualifier, below, 1, &below))
				break;
		}
	}
	for (int i = 0; i < tree->n_dependants; i++)
	{
		Process    *dependant = tree->dependants[i]->members[process->qualifier];

		if (dependant != NULL && holding_milestone(dependant, timeperiod) == timeperiod)
			walk_down(set, dependant, timeperiod);
	}
}

void
skip_with_set(Frame *frame, Job *job)
{
	Set			set;
	List	   *active = NIL;
	ListCell   *cell;

	init_set(&set);
	walk_down(&set, job->process, job->key.timeperiod);
	foreach(cell, load_set(frame, &set))
		if (job_state_is_active(((Job *) lfirst(cell))->state))
			active = lappend(active, lfirst(cell));
	frame_preload_job_units(frame, active);
	foreach(cell, active)
	{
		Job		   *member = lfirst(cell);

		frame_set_state(frame, member, JOB_SKIPPED);
		frame_add_event(frame, EVENT_SKIPPED, 0, member);
	}
}
