/*
 * simulate/run.c: time goes on from one instant at which something happens to the next.
 *
 * All that happens at one instant is a round, in the order of round/round.c: units that ended free their workers, due
 * triggers, ended units, what follows from them, then the garbage collector; at its end free workers take what waits.  A
 * unit that takes no time ends at the same instant, in the round after.
 */
#include "simulate/inside.h"

#include <string.h>

#define LOOK_EVERY	1024		/* rounds */

static void *
new_zeroed(World *world, size_t size)
{
	return memset(world->host.resize(world->host.context, NULL, size), 0, size);
}

/* ---------------------------------------------------------------- the beginning */

static void
open_process(World *world, SimulatedProcess *process)
{
	process->actor.process = process;
	process->timer = process->validation = NEVER;
	process->asked_about = process->walked = -1;
	process->walked_at = UINT64_MAX;
	window_open(world, process);
}

void
world_open(World *world)
{
	world->round = new_zeroed(world, sizeof(Round));
	world->queue = new_zeroed(world, sizeof(Queue));
	world->crew = new_zeroed(world, sizeof(Crew));
	world->now = world->from;
	world->last_round = world->from - 1;
	for (int i = 0; i < world->n_processes; i++)
	{
		open_process(world, &world->processes[i]);
		world->processes[i].actor.tally.busy_since = world->from;
	}
	for (int i = 0; i < world->n_freeruns; i++)
	{
		world->freeruns[i].actor.freerun = &world->freeruns[i];
		world->freeruns[i].unit = NO_UNIT;
		world->freeruns[i].actor.tally.busy_since = world->from;
	}
	for (int i = 0; i <= WORKER_COUNT; i++)
		world->totals[i].busy_since = world->from;
}

static uint32_t
enter_unit(World *world, Actor *actor, int64_t job, const EnteredUnit *entered)
{
	uint32_t	place = crew_new_unit(world, actor, job);
	SimulatedUnit *unit = crew_unit(world, place);

	unit->mark = entered->mark;
	unit->retries = entered->retries;
	unit->created = entered->created;
	unit->fired = entered->created;
	unit->state = (uint8_t) entered->state;
	if (entered->state == UNIT_REQUESTED)
		crew_request(world, place);
	else if (entered->state == UNIT_IN_PROGRESS)
		crew_resume(world, place, entered->started);
	else if (entered->state == UNIT_INVALID && actor->process != NULL)
		crew_plan_retry(world, place);
	return place;
}

void
world_enter_job(World *world, SimulatedProcess *process, Timeperiod timeperiod, JobState state, int64_t mark,
				const EnteredUnit *unit)
{
	int64_t		index = timeperiod_distance(process->qualifier, process->first, timeperiod);
	SimulatedJob *job;

	if (index < process->window.first || index >= window_end(process))
		return;
	job = window_job(process, index);
	process->window.n_active += job_state_is_active(state) - job_state_is_active((JobState) job->state);
	job->state = (uint8_t) state;
	job->mark = mark;
	if (mark > world->mark)
		world->mark = mark;
	process->has_skipped |= state == JOB_SKIPPED;
	if (!job_state_is_active(state) || unit->state == UNIT_NONE)
		return;
	if (unit->mark > world->mark)
		world->mark = unit->mark;
	job->unit = enter_unit(world, &process->actor, index, unit);
}

void
world_enter_run(World *world, SimulatedFreerun *freerun, const EnteredUnit *unit)
{
	if (unit->state != UNIT_NONE)
		freerun->unit = enter_unit(world, &freerun->actor, 0, unit);
}

/* R17: what was finished over children that are active (again) is done once more; bottom up */
static void
reopen_parents(World *world)
{
	for (int qualifier = QUALIFIER_DAILY; qualifier <= QUALIFIER_YEARLY; qualifier++)
	{
		for (int i = 0; i < world->n_processes; i++)
		{
			SimulatedProcess *process = &world->processes[i];

			if (process->qualifier != (TimeQualifier) qualifier || process->child == NULL || !process->actor.is_on)
				continue;
			for (int64_t j = process->window.first; j < window_end(process); j++)
			{
				SimulatedJob *job = window_job(process, j);

				if (job_state_is_active((JobState) job->state) || !decide_children(world, process, j).any_active)
					continue;
				job->state = JOB_EMBRYO;
				process->window.n_active++;
			}
		}
	}
}

static void
set_timer(World *world, SimulatedProcess *process, Instant at)
{
	if (at == process->timer)
		return;
	process->timer = at;
	if (at < world->to)
		queue_add(world, at, EVENT_PROCESS_TIMER, (uint32_t) (process - world->processes), 0);
}

static void
start_timers(World *world)
{
	Instant		at;

	for (int i = 0; i < world->n_processes; i++)
	{
		SimulatedProcess *process = &world->processes[i];

		process->wake = world->from;
		if (!process->actor.is_on)
			continue;
		/* "every" fires when it is first seen, and so does the first step of a backfill; timers of what is known go on */
		if (process->actor.trigger->kind == TRIGGER_EVERY &&
			(process->head == TIMEPERIOD_NONE || process->embryos_until != TIMEPERIOD_NONE))
			set_timer(world, process, world->from);
		else if (trigger_next(process->actor.trigger, NULL, world->from - 1, &at))
			set_timer(world, process, at);
	}
	for (int i = 0; i < world->n_freeruns; i++)
	{
		SimulatedFreerun *freerun = &world->freeruns[i];

		if (freerun->actor.is_on && freerun->next_fire < world->to)
			queue_add(world, freerun->next_fire > world->from ? freerun->next_fire : world->from, EVENT_FREERUN_TIMER,
					  (uint32_t) i, 0);
	}
}

/* ---------------------------------------------------------------- one instant */

/* those of now, up to this kind */
static void
take_events(World *world, EventKind last)
{
	Round	   *round = world->round;

	while (queue_first(world->queue) == world->now && event_kind(&world->queue->events[0]) <= last)
	{
		round->events = room_for(world, round->events, &round->events_capacity, round->n_events + 1, sizeof(Event));
		round->events[round->n_events++] = queue_take(world->queue);
		world->n_events++;
	}
}

/* what an ended run of a freerun leads to */
static void
end_run(World *world, SimulatedFreerun *freerun, SimulatedUnit *unit)
{
	tally_run(world, freerun, unit->fired);
	if (freerun->is_owed)
		queue_add(world, world->now, EVENT_FREERUN_TIMER, (uint32_t) (freerun - world->freeruns), 0);
	freerun->is_owed = false;
}

/*
 * A trigger that was left out, since it would have found nothing to do, comes at this very instant: something has just
 * happened that it does find.  In a second round at this instant it has been.
 */
static void
fire_after_all(World *world, SimulatedProcess *process)
{
	Instant		at;

	if (!process->actor.is_on || process->timer <= world->now || world->last_round == world->now)
		return;
	if (trigger_next(process->actor.trigger, NULL, world->now - 1, &at) && at == world->now)
		set_timer(world, process, at);
}

/* a unit has ended: the trigger may request another where the end itself does not */
static void
fire_with_end(World *world, SimulatedProcess *process)
{
	if (process == NULL)
		return;
	/* one that stands alone does the same with its unit's end, and nobody sees in which order */
	if (process->is_eager && process->machine == MACHINE_DISCRETE && process->child == NULL && process->parent == NULL &&
		process->n_dependencies + process->n_dependants == 0)
		return;
	fire_after_all(world, process);
}

/* jobs were finished by the process's trigger: those whose turn comes later see it, each at its own turn */
static void
fire_relatives(World *world, SimulatedProcess *process)
{
	if (process->parent > process)
		fire_after_all(world, process->parent);
	for (int i = 0; i < process->n_dependants; i++)
		if (process->dependants[i] > process)
			fire_after_all(world, process->dependants[i]);
}

/* the workers' part, before the round begins: events of units that are gone are struck out */
static void
end_units(World *world)
{
	Round	   *round = world->round;

	for (int64_t i = 0; i < round->n_events; i++)
	{
		if (!crew_end(world, &round->events[i]))
			round->events[i].index = NO_UNIT;
		else
			fire_with_end(world, crew_unit(world, round->events[i].index)->actor->process);
	}
}

static void
apply_ended_unit(World *world, const Event *event)
{
	SimulatedUnit *unit;

	if (event->index == NO_UNIT || crew_unit(world, event->index)->generation != event->generation)
		return;
	unit = crew_unit(world, event->index);
	if (unit->actor->freerun != NULL)
		end_run(world, unit->actor->freerun, unit);
	else if (unit->state == UNIT_INVALID)
		crew_plan_retry(world, event->index);
	else
		decide_unit_ended(world, event->index);
}

static void
fire_timer(World *world, const Event *event)
{
	if (event_kind(event) == EVENT_FREERUN_TIMER)
		play_freerun_timer(world, &world->freeruns[event->index]);
	else if (world->processes[event->index].timer == event->at)
	{
		SimulatedProcess *process = &world->processes[event->index];
		int64_t		n_finished = world->round->n_finished;

		process->timer = NEVER;
		round_touch(world, process);
		play_process(world, process, CAUSE_TRIGGER);
		if (world->round->n_finished > n_finished)
			fire_relatives(world, process);
	}
}

/* in the order of definition; each may add others that come after it */
static void
fire_timers(World *world)
{
	while (queue_first(world->queue) == world->now && event_kind(&world->queue->events[0]) <= EVENT_FREERUN_TIMER)
	{
		Event		event = queue_take(world->queue);

		world->n_events++;
		fire_timer(world, &event);
	}
}

static void
collect(World *world, const Event *event)
{
	SimulatedUnit *unit;

	if (event_kind(event) == EVENT_VALIDATION)
	{
		world->processes[event->index].validation = NEVER;
		collection_validate(world, &world->processes[event->index]);
		return;
	}
	unit = crew_unit(world, event->index);
	if (unit->generation != event->generation)
		return;
	if (event_kind(event) == EVENT_UNIT_RETRIED)
	{
		unit->retries++;
		crew_request(world, event->index);
		return;
	}
	unit->state = UNIT_CANCELED;
	if (unit->actor->process != NULL)
		decide_unit_ended(world, event->index);
}

static void
set_timers(World *world)
{
	Round	   *round = world->round;

	for (int64_t i = 0; i < round->n_touched; i++)
	{
		SimulatedProcess *process = round->touched[i];
		Instant		at = NEVER;

		process->is_touched = false;
		if (process->actor.is_on && process->wake < world->to &&
			!trigger_next(process->actor.trigger, NULL, process->wake > world->now ? process->wake - 1 : world->now, &at))
			at = NEVER;
		set_timer(world, process, at);
	}
	round->n_touched = 0;
}

static void
run_round(World *world)
{
	Round	   *round = world->round;
	int64_t		first;

	round->n_events = 0;
	take_events(world, EVENT_UNIT_ENDS);
	end_units(world);
	first = round->n_events;
	fire_timers(world);
	take_events(world, EVENT_VALIDATION);
	play_events_so_far(world);
	for (int64_t i = 0; i < first; i++)
		apply_ended_unit(world, &round->events[i]);
	play_events(world);
	for (int64_t i = first; i < round->n_events; i++)
		collect(world, &round->events[i]);
	play_events(world);
	crew_hand_out(world);
	set_timers(world);
	world->last_round = world->now;
}

void
world_run(World *world)
{
	uint64_t	n_rounds = 0;

	reopen_parents(world);
	tally_begin(world);
	start_timers(world);
	crew_line_up(world);
	crew_hand_out(world);
	while (queue_first(world->queue) < world->to)
	{
		tally_buckets(world, queue_first(world->queue));
		world->now = queue_first(world->queue);
		run_round(world);
		if (++n_rounds % LOOK_EVERY == 0)
			world->host.look(world->host.context);
	}
	tally_buckets(world, world->to);
}
