/*
 * simulate/decide.c: one job: the facts, what the core says, and doing it.  What round/evaluate.c is to the tables.
 *
 * Two simplifications.  A job's unit that is let go is gone at once; nobody is ever faster.  And a recomputing job gets
 * new rows as long as its period lasts, and none after that: so a unit that was requested after the period's end is
 * the one with just these bounds.
 */
#include "simulate/inside.h"

typedef struct Blockers
{
	bool		active;
	bool		dependency_skipped;
	bool		dependency_undone;
	int64_t		mark;
	bool		is_known;
} Blockers;

void
round_touch(World *world, SimulatedProcess *process)
{
	Round	   *round = world->round;

	if (process->is_touched)
		return;
	process->is_touched = true;
	round->touched = room_for(world, round->touched, &round->touched_capacity, round->n_touched + 1, sizeof(SimulatedProcess *));
	round->touched[round->n_touched++] = process;
}

static void
add_finished(World *world, SimulatedProcess *process, int64_t index, bool was_skipped)
{
	Round	   *round = world->round;
	FinishedJob *finished;

	round->finished = room_for(world, round->finished, &round->finished_capacity, round->n_finished + 1, sizeof(FinishedJob));
	finished = &round->finished[round->n_finished++];
	finished->process = process;
	finished->timeperiod = window_job(process, index)->timeperiod;
	finished->was_skipped = was_skipped;
}

static void
set_state(World *world, SimulatedProcess *process, int64_t index, JobState state)
{
	SimulatedJob *job = window_job(process, index);

	job->state = (uint8_t) state;
	world->n_changes++;
	if (job_state_is_active(state))
		return;
	job->mark = ++world->mark;
	process->window.n_active--;
	process->has_skipped |= state == JOB_SKIPPED;
	if (job->unit != NO_UNIT)
		crew_forget(world, job->unit);
	job->unit = NO_UNIT;
	tally_job(world, process, index, state);
	round_stir(world, process);
	if (state == JOB_SKIPPED && process->parent != NULL)
		collection_plan(world, process->parent);
}

Instant
decide_due(const SimulatedProcess *process, int64_t index)
{
	if (state_machine_waits_for_end(process->machine))
		return window_job_end(process, index) + process->trigger_lag + 1;
	return window_job(process, index)->start;
}

/* ---------------------------------------------------------------- blockers and children */

static void
add_blockers(const SimulatedProcess *process, Range range, bool is_dependency, Blockers *out)
{
	for (int64_t i = range.from; i < range.to; i++)
	{
		const SimulatedJob *job = window_job(process, i);
		JobState	state = (JobState) job->state;

		out->active |= job_state_is_active(state);
		if (job->mark > out->mark)
			out->mark = job->mark;
		if (is_dependency)
		{
			out->dependency_skipped |= state == JOB_SKIPPED;
			out->dependency_undone |= state != JOB_PROCESSED && state != JOB_NOOP;
		}
	}
}

static void
look_at_blockers(World *world, const SimulatedProcess *process, int64_t index, Blockers *out)
{
	Timeperiod	from,
				to;

	if (out->is_known)
		return;
	out->is_known = true;
	if ((process->child == NULL && process->n_dependencies == 0) ||
		!window_span(process, window_job(process, index)->timeperiod, &from, &to))
		return;
	if (process->child != NULL)
		add_blockers(process->child, window_range(world, process->child, from, to), false, out);
	for (int i = 0; i < process->n_dependencies; i++)
		add_blockers(process->dependencies[i], window_range(world, process->dependencies[i], from, to), true, out);
}

Children
decide_children(World *world, SimulatedProcess *process, int64_t index)
{
	Children	children = {0, false, true};
	Timeperiod	from,
				to;
	Range		range;

	if (process->child == NULL || !window_span(process, window_job(process, index)->timeperiod, &from, &to))
		return children;
	range = window_range(world, process->child, from, to);
	for (int64_t i = range.from; i < range.to; i++)
	{
		JobState	state = (JobState) window_job(process->child, i)->state;

		children.n++;
		children.any_active |= job_state_is_active(state);
		children.all_skipped &= state == JOB_SKIPPED;
	}
	return children;
}

/* ---------------------------------------------------------------- the machine */

static void
request_unit(World *world, SimulatedProcess *process, int64_t index)
{
	SimulatedJob *job = window_job(process, index);

	if (job->unit != NO_UNIT)
		crew_forget(world, job->unit);
	job->unit = crew_new_unit(world, &process->actor, index);
	crew_unit(world, job->unit)->mark = ++world->mark;
	crew_request(world, job->unit);
}

/* can the blockers make a difference to what the machine says? */
static bool
needs_blockers(const SimulatedProcess *process, const Situation *situation)
{
	if (process->machine == MACHINE_DISCRETE && situation->state == JOB_EMBRYO)
		return false;
	if (state_machine_reads_rows(process->machine) && situation->state != JOB_FINAL_RUN)
		return true;
	return situation->state == JOB_EMBRYO || !unit_state_is_active(situation->unit);
}

static void
look_at_situation(World *world, SimulatedProcess *process, int64_t index, Situation *situation, Blockers *blockers)
{
	const SimulatedJob *job = window_job(process, index);
	const SimulatedUnit *unit = job->unit == NO_UNIT ? NULL : crew_unit(world, job->unit);
	Instant		end = window_job_end(process, index);

	situation->state = (JobState) job->state;
	situation->unit = unit ? (UnitState) unit->state : UNIT_NONE;
	situation->known = UNIT_NONE;
	if (needs_blockers(process, situation))
	{
		look_at_blockers(world, process, index, blockers);
		situation->is_final = !blockers->active && end <= world->now;
		situation->unit_fresh = unit != NULL && unit->mark > blockers->mark;
	}
	if (!state_machine_reads_rows(process->machine))
		return;
	situation->has_rows = true;
	if (unit != NULL && unit->created >= end)
	{
		situation->known = (UnitState) unit->state;
		situation->known_fresh = situation->unit_fresh;
		situation->known_whole = true;
	}
}

static void
run_machine(World *world, SimulatedProcess *process, int64_t index, bool has_ended, Cause cause, Blockers *blockers)
{
	Situation	situation = {0};
	const Transition *row;
	JobState	next;

	situation.has_ended = has_ended;
	look_at_situation(world, process, index, &situation, blockers);
	/* off means off: the end of a unit may finish the job, but nothing is requested */
	if (has_ended && !process->actor.is_on && situation.unit != UNIT_CANCELED && !situation.unit_fresh)
		return;
	if (cause == CAUSE_EVENT && process->is_eager && situation.state == JOB_IN_PROGRESS && !situation.is_final)
		return;
	row = machine_decide(process->machine, &situation);
	switch (row->action)
	{
		case ACTION_REQUEST:
		case ACTION_RECYCLE:
			if (situation.unit == UNIT_IN_PROGRESS)
				return;			/* recomputing: no two units of a job side by side */
			request_unit(world, process, index);
			break;
		case ACTION_COUNT_FAILURE:
			return;
		default:
			break;
	}
	next = machine_next_state(row, situation.state);
	if (next != situation.state)
		set_state(world, process, index, next);
}

/* ---------------------------------------------------------------- R3 and R9 */

static Verdict
verdict(World *world, SimulatedProcess *process, int64_t index, Blockers *blockers)
{
	const SimulatedJob *job = window_job(process, index);
	VerdictFacts facts = {0};

	facts.is_on = process->actor.is_on;
	facts.state = (JobState) job->state;
	facts.machine = process->machine;
	facts.blocking = process->blocking;
	facts.now = world->now;
	facts.period_start = job->start;
	facts.period_end = window_job_end(process, index);
	facts.trigger_lag = process->trigger_lag;
	facts.is_milestone = process->grouping == 1 ||
		timeperiod_is_milestone(process->qualifier, process->grouping, job->timeperiod);
	if (verdict_needs_blockers(&facts))
	{
		look_at_blockers(world, process, index, blockers);
		facts.blocker_active = blockers->active;
		facts.dependency_skipped = blockers->dependency_skipped;
		facts.dependency_undone = blockers->dependency_undone;
	}
	return verdict_of(&facts);
}

static bool
has_active_unit(const World *world, const SimulatedJob *job)
{
	return job->unit != NO_UNIT && unit_state_is_active((UnitState) crew_unit(world, job->unit)->state);
}

Outcome
decide_job(World *world, SimulatedProcess *process, int64_t index, Cause cause)
{
	const SimulatedJob *job = window_job(process, index);
	Blockers	blockers = {0};

	/* neither verdict nor machine would say anything else than to wait for it */
	if (job->state != JOB_EMBRYO && !state_machine_reads_rows(process->machine) && process->blocking == BLOCKING_NORMAL &&
		has_active_unit(world, job))
		return OUTCOME_AT_WORK;
	switch (verdict(world, process, index, &blockers))
	{
		case VERDICT_RUN:
			run_machine(world, process, index, false, cause, &blockers);
			break;
		case VERDICT_NOOP:
			set_state(world, process, index, JOB_NOOP);
			break;
		case VERDICT_SKIP:
			set_state(world, process, index, JOB_SKIPPED);
			break;
		case VERDICT_CHILDREN:
		case VERDICT_DEPENDENCIES:
			return OUTCOME_BLOCKED;
		default:
			return OUTCOME_WAITS;
	}
	if (!job_state_is_active((JobState) job->state))
	{
		add_finished(world, process, index, false);
		return OUTCOME_FINISHED;
	}
	return has_active_unit(world, job) ? OUTCOME_AT_WORK : OUTCOME_WAITS;
}

void
decide_unit_ended(World *world, uint32_t unit)
{
	SimulatedProcess *process = crew_unit(world, unit)->actor->process;
	int64_t		index = crew_unit(world, unit)->job;
	Blockers	blockers = {0};

	round_stir(world, process);
	run_machine(world, process, index, true, CAUSE_TRIGGER, &blockers);
	if (!job_state_is_active((JobState) window_job(process, index)->state))
		add_finished(world, process, index, false);
	else if (process->is_eager && window_job(process, index)->state == JOB_IN_PROGRESS)
		(void) decide_job(world, process, index, CAUSE_EVENT);
}

/* ---------------------------------------------------------------- R12 */

/* the job, those below it in its own period, its dependants of the very same period, and so on from each */
static void
walk_down(World *world, SimulatedProcess *process, int64_t index)
{
	Timeperiod	timeperiod = window_job(process, index)->timeperiod;

	if (process->walked_at == world->n_events && process->walked == index)
		return;
	process->walked_at = world->n_events;
	process->walked = index;
	if (job_state_is_active((JobState) window_job(process, index)->state))
	{
		set_state(world, process, index, JOB_SKIPPED);
		add_finished(world, process, index, true);
	}
	if (process->child != NULL)
	{
		Timeperiod	after;
		Range		range = {0, 0};

		if (timeperiod_step(process->qualifier, timeperiod, 1, &after))
			range = window_range(world, process->child, timeperiod, after);
		for (int64_t i = range.from; i < range.to; i++)
			walk_down(world, process->child, i);
	}
	for (int i = 0; i < process->n_dependants; i++)
	{
		int64_t		holder = window_holder(world, process->dependants[i], timeperiod);

		if (holder >= 0 && window_job(process->dependants[i], holder)->timeperiod == timeperiod)
			walk_down(world, process->dependants[i], holder);
	}
}

void
decide_skip_set(World *world, SimulatedProcess *process, int64_t index)
{
	walk_down(world, process, index);
}
