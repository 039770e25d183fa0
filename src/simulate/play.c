/*
 * simulate/play.c: triggers and events: which jobs are looked at, and what follows.  What round/fire.c is to the tables.
 *
 * Triggers that would find nothing to do are left out: when all jobs that a trigger would look at wait for the end of
 * their unit, or (an eager process) of what blocks them, the next thing that happens to them is an event.  Each fire finds
 * out when a trigger is of use again (`wake`), and whatever happens to the process makes that unknown.
 */
#include "simulate/inside.h"

/* ---------------------------------------------------------------- processes */

/* when the time of the period after the last one comes */
static Instant
due_after_last(const SimulatedProcess *process)
{
	const Window *window = &process->window;
	Instant		due = window->next_start;

	if (window->next == TIMEPERIOD_NONE)
		return NEVER;
	if (state_machine_waits_for_end(process->machine))
		due = timeperiod_end(process->qualifier, window->next) + process->trigger_lag + 1;
	return due > process->begins ? due : process->begins;
}

/* R7: a milestone that has children, all of them skipped, is passed over until the garbage collector skips it, too */
static bool
is_passed_over(World *world, SimulatedProcess *process, int64_t index)
{
	Children	children;

	if (process->child == NULL || !process->child->has_skipped)
		return false;
	children = decide_children(world, process, index);
	if (children.n == 0 || !children.all_skipped)
		return false;
	collection_plan(world, process);
	return true;
}

/*
 * Evaluates the earliest active jobs from *frontier to before `to`, until so many are left active.  Returns how many are;
 * *quiet_until is when the very first one's time comes, NEVER when there is none, 0 when there is something to do.
 */
static int
fire_lane(World *world, SimulatedProcess *process, int64_t *frontier, int64_t to, int at_work, Cause cause, Instant *quiet_until)
{
	Instant		due = to == window_end(process) ? due_after_last(process) : NEVER;
	bool		is_first = true;
	int64_t		index;
	int			n = 0;

	for (index = *frontier; index < to; index++)
	{
		Outcome		outcome;

		if (!job_state_is_active((JobState) window_job(process, index)->state))
			continue;
		if (n == at_work || decide_due(process, index) > world->now)
		{
			due = n == at_work ? NEVER : decide_due(process, index);
			break;
		}
		if (is_first)
			*frontier = index;
		is_first = false;
		if (is_passed_over(world, process, index))
			continue;
		outcome = decide_job(world, process, index, cause);
		n += outcome != OUTCOME_FINISHED;
		if (outcome == OUTCOME_WAITS || (outcome == OUTCOME_BLOCKED && !process->is_eager))
			process->wake = world->now;
	}
	if (is_first)
		*frontier = index;
	*quiet_until = is_first ? due : 0;
	if (due < process->wake)
		process->wake = due;
	return n;
}

void
play_process(World *world, SimulatedProcess *process, Cause cause)
{
	int			at_work = process->is_eager ? process->concurrency : 1;
	Instant		quiet_until,
				backfill_quiet_until;
	int			n;

	if (!process->actor.is_on)
		return;
	window_extend(world, process);
	if (process->quiet_until > world->now)
		return;
	round_touch(world, process);
	process->wake = NEVER;
	n = fire_lane(world, process, &process->frontier, window_end(process), at_work, cause, &quiet_until);
	if (process->split > 0)
	{
		/* the backfill gets what the timetable does not need, and one at least */
		(void) fire_lane(world, process, &process->backfill_frontier, process->split, at_work - n > 1 ? at_work - n : 1, cause,
						 &backfill_quiet_until);
		if (backfill_quiet_until == NEVER)
			process->split = 0;
		if (backfill_quiet_until < quiet_until)
			quiet_until = backfill_quiet_until;
	}
	process->quiet_until = quiet_until;
}

/* ---------------------------------------------------------------- freeruns */

static void
request_run(World *world, SimulatedFreerun *freerun, Instant scheduled)
{
	Situation	situation = {0};

	situation.unit = freerun->unit == NO_UNIT ? UNIT_NONE : (UnitState) crew_unit(world, freerun->unit)->state;
	if (machine_decide(MACHINE_FREERUN, &situation)->action != ACTION_REQUEST)
		return;
	if (freerun->unit != NO_UNIT)
		crew_forget(world, freerun->unit);
	freerun->unit = crew_new_unit(world, &freerun->actor, 0);
	crew_unit(world, freerun->unit)->fired = scheduled;
	crew_unit(world, freerun->unit)->mark = ++world->mark;
	crew_request(world, freerun->unit);
	tally_run_due(world, freerun);
}

static Instant
next_run(const SimulatedFreerun *freerun, Instant after)
{
	Instant		next;

	return trigger_next(freerun->actor.trigger, freerun->zone, after, &next) ? next : NEVER;
}

void
play_freerun_timer(World *world, SimulatedFreerun *freerun)
{
	UnitState	state = freerun->unit == NO_UNIT ? UNIT_NONE : (UnitState) crew_unit(world, freerun->unit)->state;
	Instant		scheduled = freerun->next_fire;
	Instant		following = next_run(freerun, scheduled);

	freerun->is_owed = (state == UNIT_REQUESTED || state == UNIT_IN_PROGRESS) && freerun->missed != MISSED_FIRES_SKIPPED;
	if (freerun->is_owed)
		return;					/* until that run has ended */
	if (following <= world->now && freerun->missed != MISSED_FIRES_ALL)
	{
		scheduled = world->now;
		following = next_run(freerun, world->now);
	}
	request_run(world, freerun, scheduled);
	freerun->next_fire = following;
	if (following < world->to)
		queue_add(world, following > world->now ? following : world->now, EVENT_FREERUN_TIMER,
				  (uint32_t) (freerun - world->freeruns), 0);
}

/* ---------------------------------------------------------------- events */

/* at once the first time, then once more when all events have been applied */
static void
go_on(World *world, SimulatedProcess *process)
{
	Round	   *round = world->round;

	if (process->is_to_go_on)
		return;
	if (!process->has_gone_on)
	{
		process->has_gone_on = true;
		round->gone_on = room_for(world, round->gone_on, &round->gone_on_capacity, round->n_gone_on + 1, sizeof(SimulatedProcess *));
		round->gone_on[round->n_gone_on++] = process;
		play_process(world, process, CAUSE_EVENT);
		return;
	}
	process->is_to_go_on = true;
	round->going_on = room_for(world, round->going_on, &round->going_on_capacity, round->n_going_on + 1, sizeof(SimulatedProcess *));
	round->going_on[round->n_going_on++] = process;
}

static void
follow_eagerly(World *world, SimulatedProcess *process, Timeperiod timeperiod)
{
	SimulatedProcess *parent = process->parent;
	Children	children;
	int64_t		above;

	if (process->is_eager)
		go_on(world, process);
	if (parent == NULL || !parent->is_eager || !parent->actor.is_on)
		return;
	above = window_holder(world, parent, timeperiod);
	if (above < 0 || !job_state_is_active((JobState) window_job(parent, above)->state) || decide_due(parent, above) > world->now)
		return;
	/* many children may be finished together: nothing has changed since it was asked about the first */
	if (parent->asked_about == above && parent->asked_at == 1 + world->n_changes)
		return;
	parent->asked_about = above;
	parent->asked_at = 1 + world->n_changes;
	children = decide_children(world, parent, above);
	if (!children.any_active && !children.all_skipped)
		go_on(world, parent);
}

static void
fire_dependants(World *world, SimulatedProcess *process, Timeperiod timeperiod)
{
	for (int i = 0; i < process->n_dependants; i++)
	{
		SimulatedProcess *dependant = process->dependants[i];

		if (window_holder(world, dependant, timeperiod) < 0)
			continue;
		if (dependant->is_eager)
			go_on(world, dependant);
		else if (state_machine_waits_for_end(dependant->machine))
			play_process(world, dependant, CAUSE_EVENT);
	}
}

static void
apply_next_finished(World *world)
{
	Round	   *round = world->round;
	FinishedJob finished = round->finished[round->next_finished++];

	if (!finished.was_skipped)
		fire_dependants(world, finished.process, finished.timeperiod);
	follow_eagerly(world, finished.process, finished.timeperiod);
}

/* those that come of it included */
static void
apply_finished(World *world)
{
	while (world->round->next_finished < world->round->n_finished)
		apply_next_finished(world);
}

void
play_events_so_far(World *world)
{
	int64_t		until = world->round->n_finished;

	while (world->round->next_finished < until)
		apply_next_finished(world);
}

void
play_events(World *world)
{
	Round	   *round = world->round;

	apply_finished(world);
	while (round->next_going_on < round->n_going_on)
	{
		SimulatedProcess *process = round->going_on[round->next_going_on++];

		process->is_to_go_on = false;
		play_process(world, process, CAUSE_EVENT);
		apply_finished(world);
	}
	for (int64_t i = 0; i < round->n_gone_on; i++)
		round->gone_on[i]->has_gone_on = false;
	round->n_finished = round->next_finished = 0;
	round->n_going_on = round->next_going_on = 0;
	round->n_gone_on = 0;
}

/* ---------------------------------------------------------------- the garbage collector */

Instant
collection_after(const World *world, Instant after)
{
	int64_t		since = after > world->from ? after - world->from : 0;

	return world->from + (since / world->gc_interval + 1) * world->gc_interval;
}

void
collection_plan(World *world, SimulatedProcess *process)
{
	Instant		at = collection_after(world, world->now);

	if (process->validation == at || !process->actor.is_on)
		return;
	process->validation = at;
	queue_add(world, at, EVENT_VALIDATION, (uint32_t) (process - world->processes), 0);
}

/* R17: a job that is over, and all of whose children are skipped, is skipped with what belongs to it */
void
collection_validate(World *world, SimulatedProcess *process)
{
	window_extend(world, process);
	for (int64_t i = process->window.first; i < window_end(process) && window_job_end(process, i) <= world->now; i++)
	{
		Children	children;

		if (!job_state_is_active((JobState) window_job(process, i)->state))
			continue;
		children = decide_children(world, process, i);
		if (children.n > 0 && children.all_skipped)
			decide_skip_set(world, process, i);
	}
}
