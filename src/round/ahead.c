/*
 * round/ahead.c: the next active jobs of each process, remembered from round to round.
 *
 * Invariant, between two rounds: if process->ahead is there, its jobs are all active jobs of the main lane from the
 * lane's beginning up to `next` (exclusive; NONE: all there are), in order of time, as they are in the table, or would be
 * if what is carried were written (round/carried.h).
 */
#include "postgres.h"

#include "round/ahead.h"
#include "round/relation.h"

#define KEPT 32					/* jobs remembered of a process, beside twice its concurrency */
#define KEPT_OF_MANY 8			/* likewise, where there are many processes */
#define MANY 1000

typedef struct AheadJob
{
	JobRow		row;
	bool		is_under_way;	/* its unit was active when the round ended, and there are no news of it yet */
} AheadJob;

struct Ahead
{
	Timeperiod	next;
	int			n;
	AheadJob	jobs[FLEXIBLE_ARRAY_MEMBER];
};

/* the place of the first that is not before the period */
static int
find(const Ahead *ahead, Timeperiod timeperiod)
{
	int			low = 0,
				high = ahead->n;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (ahead->jobs[middle].row.timeperiod < timeperiod)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const AheadJob *
find_job(const Process *process, Timeperiod timeperiod)
{
	const Ahead *ahead = process->ahead;
	int			i = ahead ? find(ahead, timeperiod) : 0;

	return ahead != NULL && i < ahead->n && ahead->jobs[i].row.timeperiod == timeperiod ? &ahead->jobs[i] : NULL;
}

void
ahead_begin(Frame *frame, Process *process, Timeperiod from, Lane *lane)
{
	const Ahead *ahead = process->ahead;
	int			first;

	if (ahead == NULL)
		return;
	first = find(ahead, from);
	lane->n_active = ahead->n - first;
	lane->active_capacity = Max(lane->n_active, 32);
	lane->active = MemoryContextAlloc(frame->context, sizeof(Timeperiod) * lane->active_capacity);
	for (int i = 0; i < lane->n_active; i++)
		lane->active[i] = ahead->jobs[first + i].row.timeperiod;
	lane->next = ahead->next;
}

Job *
ahead_enter(Frame *frame, Process *process, Timeperiod timeperiod)
{
	Job		   *job = frame_loaded_job(frame, process, timeperiod);
	const AheadJob *known = job ? NULL : find_job(process, timeperiod);

	return known ? frame_enter_job(frame, process, &known->row) : job;
}

bool
ahead_is_under_way(Frame *frame, Process *process, Timeperiod timeperiod)
{
	const AheadJob *known;

	if (process->machine != MACHINE_DISCRETE || !process_waits_for_nobody(process))
		return false;
	known = find_job(process, timeperiod);
	return known != NULL && known->is_under_way && frame_loaded_job(frame, process, timeperiod) == NULL;
}

void
ahead_extend(Process *process, Timeperiod first)
{
	if (process->ahead != NULL && process->ahead->next == TIMEPERIOD_NONE)
		process->ahead->next = first;
}

/* ---------------------------------------------------------------- remembering */

void
ahead_forget(Process *process)
{
	if (process->ahead != NULL)
		pfree(process->ahead);
	process->ahead = NULL;
}

static bool
is_under_way(Frame *frame, const Job *job, const AheadJob *before)
{
	Unit	   *unit = job->unit_id == 0 ? NULL : frame_known_unit(frame, job->unit_id);

	if (unit != NULL)
		return unit_state_is_active(unit->state);
	return before != NULL && before->is_under_way && before->row.unit_id == job->unit_id;
}

static void
keep(Frame *frame, Ahead *ahead, Process *process, Timeperiod timeperiod)
{
	const Job  *job = frame_loaded_job(frame, process, timeperiod);
	const AheadJob *before = find_job(process, timeperiod);
	AheadJob   *kept = &ahead->jobs[ahead->n];

	if (job == NULL)
		*kept = *before;
	else if (!job_state_is_active(job->state))
		return;
	else
	{
		kept->row = (JobRow) {process->id, timeperiod, job->state, job->failures, job->n_units, job->unit_id, job->mark,
			job->place, job->is_carried};
		kept->is_under_way = is_under_way(frame, job, before);
	}
	ahead->n++;
}

static void
remember(Frame *frame, Process *process, const Lane *lane)
{
	int			n_kept = (frame->definitions->n_processes > MANY ? KEPT_OF_MANY : KEPT) + 2 * process->concurrency;
	int			n = Min(lane->n_active - lane->n_done, n_kept);
	Ahead	   *ahead = MemoryContextAlloc(frame->definitions->context, offsetof(Ahead, jobs) + sizeof(AheadJob) * n);
	int			i = lane->n_done;

	ahead->n = 0;
	while (i < lane->n_active && ahead->n < n)
		keep(frame, ahead, process, lane->active[i++]);
	ahead->next = i < lane->n_active ? lane->active[i] : lane->next;
	ahead_forget(process);
	process->ahead = ahead;
}

void
ahead_remember(Frame *frame)
{
	ListCell   *cell;

	foreach(cell, frame->noted)
	{
		Process    *process = lfirst(cell);
		Lane	   *lane = &frame_process(frame, process)->lanes[LANE_MAIN];

		if (lane->is_started && lane->revived == NIL)
			remember(frame, process, lane);
		else if (lane->revived != NIL)
			ahead_forget(process);
	}
	foreach(cell, frame->dirty_jobs)
	{
		Process    *process = ((Job *) lfirst(cell))->process;

		if (!frame_process(frame, process)->lanes[LANE_MAIN].is_started)
			ahead_forget(process);
	}
}
