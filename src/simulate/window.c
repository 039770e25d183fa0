/*
 * simulate/window.c: the jobs of a process, from the first that may still be asked for to the one that holds now.
 *
 * Jobs are an array, found by how many periods they are after the process's first.  New ones are made when somebody
 * looks (R4 makes them for all when a period begins; nobody can tell).  When the array is full, those at its front are
 * forgotten that are finished, as are all jobs in whose spans they lie: frontiers only move forward, because nothing is
 * reprocessed here.
 */
#include "simulate/inside.h"

#include <string.h>

/* ---------------------------------------------------------------- what may be forgotten */

/* the first period of the span in which its earliest job that may be active lies; INT64_MAX: there will be none */
static Timeperiod
first_needed_by(const SimulatedProcess *process)
{
	int64_t		index = process->split > 0 && process->backfill_frontier < process->split ?
		process->backfill_frontier : process->frontier;
	Timeperiod	timeperiod;

	if (index < window_end(process))
		timeperiod = window_job(process, index < process->window.first ? process->window.first : index)->timeperiod;
	else if (process->window.next != TIMEPERIOD_NONE)
		timeperiod = process->window.next;
	else
		return INT64_MAX;
	if (process->grouping == 1)
		return timeperiod;
	return timeperiod_group_start(process->qualifier, process->grouping,
								  timeperiod_group_milestone(process->qualifier, process->grouping, timeperiod));
}

static Timeperiod
lower(Timeperiod a, Timeperiod b)
{
	return a < b ? a : b;
}

static void
forget_finished(SimulatedProcess *process)
{
	Window	   *window = &process->window;
	Timeperiod	needed = first_needed_by(process);

	if (process->parent != NULL)
		needed = lower(needed, first_needed_by(process->parent));
	for (int i = 0; i < process->n_dependants; i++)
		needed = lower(needed, first_needed_by(process->dependants[i]));
	while (window->n > 0 && window->jobs[window->offset].timeperiod < needed &&
		   !job_state_is_active((JobState) window->jobs[window->offset].state))
	{
		window->offset++;
		window->n--;
		window->first++;
	}
}

static void
make_room(World *world, SimulatedProcess *process)
{
	Window	   *window = &process->window;

	forget_finished(process);
	if (window->offset + window->n < window->capacity)
		return;
	/* at least half of it free again after this, so that moving costs nothing in the long run */
	if (window->n > window->capacity / 2)
		window->jobs = room_for(world, window->jobs, &window->capacity, window->capacity + 1, sizeof(SimulatedJob));
	else if (window->capacity == 0)
		window->jobs = room_for(world, NULL, &window->capacity, 1, sizeof(SimulatedJob));
	if (window->offset > 0)
		memmove(window->jobs, window->jobs + window->offset, sizeof(SimulatedJob) * (size_t) window->n);
	window->offset = 0;
}

/* ---------------------------------------------------------------- new periods */

static void
append_period(World *world, SimulatedProcess *process, JobState state)
{
	Window	   *window = &process->window;
	SimulatedJob *job;

	if (window->offset + window->n == window->capacity)
		make_room(world, process);
	job = &window->jobs[window->offset + window->n++];
	job->timeperiod = window->next;
	job->start = window->next_start;
	job->mark = 0;
	job->unit = NO_UNIT;
	job->state = (uint8_t) state;
	window->n_active += job_state_is_active(state);
	window->next_start = timeperiod_end(process->qualifier, job->timeperiod);
	if (job->timeperiod == process->last || !timeperiod_step(process->qualifier, job->timeperiod, 1, &window->next))
		window->next = TIMEPERIOD_NONE;
}

void
window_extend(World *world, SimulatedProcess *process)
{
	Window	   *window = &process->window;

	while (window->next_start <= world->now && window->next != TIMEPERIOD_NONE && process->begins <= world->now)
		append_period(world, process, JOB_EMBRYO);
}

void
window_open(World *world, SimulatedProcess *process)
{
	Window	   *window = &process->window;

	memset(window, 0, sizeof(*window));
	window->next = process->first;
	if (process->head != TIMEPERIOD_NONE && process->known_from != TIMEPERIOD_NONE)
		window->next = process->known_from;
	window->first = timeperiod_distance(process->qualifier, process->first, window->next);
	window->next_start = timeperiod_start(window->next);
	process->split = process->backfill_end == TIMEPERIOD_NONE ? 0 :
		timeperiod_distance(process->qualifier, process->first, process->backfill_end);
	process->frontier = process->split > window->first ? process->split : window->first;
	process->backfill_frontier = window->first;
	if (process->last != TIMEPERIOD_NONE && process->last < window->next)
		window->next = TIMEPERIOD_NONE;
	while (process->head != TIMEPERIOD_NONE && window->next != TIMEPERIOD_NONE && window->next <= process->head)
		append_period(world, process, process->embryos_until != TIMEPERIOD_NONE && window->next < process->embryos_until ?
					  JOB_EMBRYO : JOB_PROCESSED);
}

/* ---------------------------------------------------------------- finding */

Range
window_range(World *world, SimulatedProcess *process, Timeperiod from, Timeperiod to)
{
	Range		range;

	window_extend(world, process);
	range.from = timeperiod_distance(process->qualifier, process->first, from);
	range.to = timeperiod_distance(process->qualifier, process->first, to);
	if (range.from < process->window.first)
		range.from = process->window.first;
	if (range.to > window_end(process))
		range.to = window_end(process);
	return range;
}

bool
window_span(const SimulatedProcess *process, Timeperiod timeperiod, Timeperiod *from, Timeperiod *to)
{
	if (!timeperiod_step(process->qualifier, timeperiod, 1, to))
		*to = timeperiod;		/* the very last one there is: nothing lies in it */
	*from = timeperiod;
	if (process->grouping == 1)
		return true;
	if (!timeperiod_is_milestone(process->qualifier, process->grouping, timeperiod))
		return false;
	*from = timeperiod_group_start(process->qualifier, process->grouping, timeperiod);
	return true;
}

int64_t
window_holder(World *world, SimulatedProcess *process, Timeperiod timeperiod)
{
	Timeperiod	period = timeperiod_cast(process->qualifier, timeperiod);
	int64_t		index;

	window_extend(world, process);
	if (process->grouping != 1)
		period = timeperiod_group_milestone(process->qualifier, process->grouping, period);
	index = timeperiod_distance(process->qualifier, process->first, period);
	return index >= process->window.first && index < window_end(process) ? index : -1;
}

/* ---------------------------------------------------------------- counting */

static int64_t
lag_of(const SimulatedProcess *process)
{
	return state_machine_waits_for_end(process->machine) ? process->trigger_lag : 0;
}

int64_t
window_count_due(const SimulatedProcess *process, Instant at)
{
	Timeperiod	current;
	int64_t		n;

	if (at < process->begins || !timeperiod_at(process->qualifier, at - lag_of(process), &current))
		return 0;
	n = timeperiod_distance(process->qualifier, process->first, current);
	if (process->last != TIMEPERIOD_NONE && current > process->last)
		n = timeperiod_distance(process->qualifier, process->first, process->last) + 1;
	return n > 0 ? n : 0;
}

/* the active ones, without those at the end whose time has not come */
int64_t
window_count_backlog(const SimulatedProcess *process, Instant at)
{
	int64_t		n = process->window.n_active;

	for (int64_t i = window_end(process) - 1; i >= process->window.first; i--)
	{
		if (window_job_end(process, i) + lag_of(process) <= at)
			break;
		n -= job_state_is_active((JobState) window_job(process, i)->state);
	}
	return n;
}
