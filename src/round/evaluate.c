/*
 * round/evaluate.c: one job: gather the facts, ask the core, do what it says.
 *
 * The core decides (core/verdict.c, core/machine.c); here nothing is decided but which facts are needed.  Facts that
 * cannot change the answer are not loaded: a waiting job costs no look at its children.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "round/carried.h"
#include "round/evaluate.h"
#include "round/rows.h"

/* everything that was found out about one job on the way to a decision */
typedef struct Look
{
	Blockers	blockers;
	bool		has_blockers;	/* `blockers` is filled in */
	SourceRows	rows;			/* recomputing */
	Unit	   *known;			/* recomputing: the unit with exactly these bounds */
} Look;

static void
look_at_blockers(Frame *frame, Job *job, Look *look)
{
	if (!look->has_blockers)
		blockers_of(frame, job, &look->blockers);
	look->has_blockers = true;
}

static Verdict
verdict(Frame *frame, Job *job, Look *look)
{
	Process    *process = job->process;
	VerdictFacts facts = {0};

	facts.is_on = process->is_on;
	facts.state = job->state;
	facts.machine = process->machine;
	facts.blocking = process->blocking;
	facts.now = frame->now;
	facts.period_start = timeperiod_start(job->key.timeperiod);
	facts.period_end = timeperiod_end(process->qualifier, job->key.timeperiod);
	facts.trigger_lag = process_trigger_lag(process);
	facts.is_milestone = job_is_milestone(job);
	if (verdict_needs_blockers(&facts))
	{
		look_at_blockers(frame, job, look);
		facts.blocker_active = look->blockers.active;
		facts.dependency_skipped = look->blockers.dependency_skipped;
		facts.dependency_undone = look->blockers.dependency_undone;
	}
	return verdict_of(&facts);
}

Verdict
job_verdict(Frame *frame, Job *job)
{
	Look		look = {0};

	return verdict(frame, job, &look);
}

/* ---------------------------------------------------------------- facts for the machine */

/* can the blockers make a difference to what the machine says? */
static bool
machine_needs_blockers(const Process *process, const Situation *situation)
{
	bool		is_under_way = unit_state_is_active(situation->unit);

	if (process->machine == MACHINE_DISCRETE && situation->state == JOB_EMBRYO)
		return false;
	if (state_machine_reads_rows(process->machine) && situation->state != JOB_FINAL_RUN)
		return true;
	return situation->state == JOB_EMBRYO || !is_under_way;
}

static bool
look_at_source(Frame *frame, Job *job, Situation *situation, Look *look)
{
	RowsLook   *seen = rows_of(frame, job);

	if (!seen->is_read)
		return false;
	look->rows = seen->rows;
	situation->has_rows = seen->rows.n > 0;
	if (situation->is_final && rows_may_come(job))
		situation->is_final = false;
	look->known = rows_unit(frame, job);
	if (look->known != NULL)
	{
		situation->known = look->known->state;
		situation->known_fresh = look->known->mark > look->blockers.mark;
		situation->known_whole = look->known->n_rows == seen->rows.n && seen->writers == NIL;
	}
	return true;
}

/* false: the facts cannot be had (the source cannot be read); the job is left as it is */
static bool
look_at_situation(Frame *frame, Job *job, bool has_ended, Situation *situation, Look *look)
{
	Process    *process = job->process;
	Unit	   *unit = job_unit(frame, job);

	memset(situation, 0, sizeof(*situation));
	situation->state = job->state;
	situation->has_ended = has_ended;
	situation->unit = unit ? unit->state : UNIT_NONE;
	situation->known = UNIT_NONE;
	if (machine_needs_blockers(process, situation))
	{
		look_at_blockers(frame, job, look);
		situation->is_final = !look->blockers.active &&
			timeperiod_end(process->qualifier, job->key.timeperiod) <= frame->now;
		situation->unit_fresh = unit != NULL && unit->mark > look->blockers.mark;
	}
	if (!state_machine_reads_rows(process->machine))
		return true;
	/* a last unit that is active or canceled decides alone, and so does a fresh one that has lost no row */
	if (job->state == JOB_FINAL_RUN && (unit_state_is_active(situation->unit) || situation->unit == UNIT_CANCELED))
		return true;
	if (job->state == JOB_FINAL_RUN && situation->unit_fresh)
	{
		switch (rows_proof(frame, job, unit))
		{
			case ROWS_WHOLE:
				return true;
			case ROWS_OPEN:
				return false;
			case ROWS_OTHERS:
				situation->unit_fresh = false;
				break;
		}
	}
	return look_at_source(frame, job, situation, look);
}

/* ---------------------------------------------------------------- doing what the machine says */

static void
take_unit(Frame *frame, Job *job, Unit *unit)
{
	Unit	   *before = job_unit(frame, job);

	/* given up in this round, by the garbage collector say: it must be out of its worker's hands as well */
	if (before != NULL && before != unit && before->state == UNIT_CANCELED && unit_state_is_active(before->stored_state))
		before->is_let_go = true;
	job->unit = unit;
	job->unit_id = unit->id;
	frame_touch_job(frame, job);
}

static void
request_unit(Frame *frame, Job *job, const Look *look)
{
	Process    *process = job->process;
	JobRange	span = span_of(process, job->key.timeperiod);
	bool		is_carried;
	Unit	   *unit;

	frame_let_go_others(frame, list_make1(job));
	is_carried = carried_fits(frame, job);
	unit = frame_new_unit(frame, process->id);
	unit->timeperiod = job->key.timeperiod;
	unit->start_timeperiod = span.from;
	unit->end_timeperiod = span.to;
	if (state_machine_reads_rows(process->machine))
	{
		unit->start_id = look->rows.low;
		unit->end_id = look->rows.high;
		unit->n_rows = look->rows.n;
		unit->writers = rows_writers(frame, job);
	}
	else
		unit->end_id = job->n_units;
	job->n_units++;
	take_unit(frame, job, unit);
	if (is_carried)
		carried_request(frame, job, unit);
	frame_unit_requested(frame, unit, process->worker, process->name);
}

/* the same bounds again: the unit itself is requested anew */
static void
recycle_unit(Frame *frame, Job *job, Unit *unit, const Look *look)
{
	frame_let_go_others(frame, list_make1(job));
	unit->state = UNIT_REQUESTED;
	unit->created = unit->submitted = frame->now;
	unit->started = unit->heard = unit->release = 0;
	unit->n_rows = look->rows.n;
	unit->writers = rows_writers(frame, job);
	unit->mark = frame_next_mark(frame);
	frame_touch_unit(frame, unit);
	take_unit(frame, job, unit);
	frame_unit_requested(frame, unit, job->process->worker, job->process->name);
}

/* no worker has begun on it, or will begin anew: it takes along all the rows that there are */
static void
move_bound(Frame *frame, Job *job, Unit *unit, const Look *look)
{
	if (unit->end_id == look->rows.high && unit->n_rows == look->rows.n &&
		unit->writers == NULL && job->rows->writers == NIL)
		return;
	unit->end_id = look->rows.high;
	unit->n_rows = look->rows.n;
	unit->writers = rows_writers(frame, job);
	frame_touch_unit(frame, unit);
}

static void
count_failure(Frame *frame, Job *job)
{
	job->failures++;
	frame_touch_job(frame, job);
	if (job->failures > MAX_FAILURES)
		skip_with_set(frame, job);
}

static void
act(Frame *frame, Job *job, const Transition *row, const Situation *situation, Look *look)
{
	JobState	next = machine_next_state(row, job->state);

	switch (row->action)
	{
		case ACTION_WAIT:
		case ACTION_SIGNAL:
			break;
		case ACTION_REQUEST:
			request_unit(frame, job, look);
			break;
		case ACTION_RECYCLE:
			recycle_unit(frame, job, look->known, look);
			break;
		case ACTION_ADOPT:
			take_unit(frame, job, look->known);
			if (look->known->state != UNIT_IN_PROGRESS)
				move_bound(frame, job, look->known, look);
			break;
		case ACTION_MOVE_BOUND:
			move_bound(frame, job, job_unit(frame, job), look);
			break;
		case ACTION_COUNT_FAILURE:
			count_failure(frame, job);
			return;
		case ACTION_FINISH:
			if (row->known[0] != '\0')
				take_unit(frame, job, look->known);
			break;
	}
	if (next != job->state)
		frame_set_state(frame, job, next);
}

/* recomputing: does another unit than the job's own, which is not over yet, become its own, or decide? */
static bool
is_another_unit(Frame *frame, Job *job, const Transition *row, const Situation *situation, const Look *look)
{
	if (!state_machine_reads_rows(job->process->machine) || !unit_state_is_active(situation->unit))
		return false;
	switch (row->action)
	{
		case ACTION_REQUEST:
			return true;
		case ACTION_RECYCLE:
		case ACTION_ADOPT:
		case ACTION_FINISH:
			return look->known != job_unit(frame, job);
		default:
			return false;
	}
}

/*
 * Eager: no two units of a job are worked on side by side.  The older one may have read fewer rows, and would write its
 * result over the newer one's.  One that a worker has in his hands is waited for: its end is an event, and then the
 * job is looked at again.  One that nobody has yet, or that has failed, is canceled.  (A paced process follows the
 * rule to the letter.)  False: wait.
 */
static bool
make_way(Frame *frame, Job *job, const Transition *row, const Situation *situation, const Look *look)
{
	if (!job->process->is_eager || !is_another_unit(frame, job, row, situation, look))
		return true;
	if (situation->unit == UNIT_IN_PROGRESS)
		return false;
	frame_let_go_unit(frame, job);
	return true;
}

static void
run_machine(Frame *frame, Job *job, bool has_ended, Cause cause, Look *look)
{
	Situation	situation;
	const Transition *row;

	if (!look_at_situation(frame, job, has_ended, &situation, look))
		return;
	/* off means off: the end of a unit may finish the job, but nothing is requested */
	if (has_ended && !job->process->is_on && situation.unit != UNIT_CANCELED && !situation.unit_fresh)
		return;
	row = machine_decide(job->process->machine, &situation);

	/*
	 * Events come by the hundred; to run a job's work again over unfinished inputs with each of them would help
	 * nobody.  That is for the trigger.  (A paced process follows the rule to the letter.)
	 */
	if (cause == CAUSE_EVENT && job->process->is_eager && job->state == JOB_IN_PROGRESS && !situation.is_final)
		return;
	if (!make_way(frame, job, row, &situation, look))
		return;
	act(frame, job, row, &situation, look);
}

void
evaluate_job(Frame *frame, Job *job, Cause cause)
{
	Look		look = {0};

	switch (verdict(frame, job, &look))
	{
		case VERDICT_RUN:
			run_machine(frame, job, false, cause, &look);
			break;
		case VERDICT_NOOP:
			frame_set_state(frame, job, JOB_NOOP);
			break;
		case VERDICT_SKIP:
			frame_set_state(frame, job, JOB_SKIPPED);
			break;
		default:
			return;				/* waits */
	}
	if (!job_state_is_active(job->state))
		frame_add_event(frame, EVENT_JOB, 0, job);
}

void
apply_finished_unit(Frame *frame, int64 unit_id)
{
	Unit	   *unit = frame_unit(frame, unit_id);
	Process    *process = unit ? definition_process(frame->definitions, unit->process_id) : NULL;
	Job		   *job;
	Look		look = {0};

	if (process == NULL)
		return;					/* a freerun's */
	job = frame_job(frame, process, unit->timeperiod);
	if (job == NULL || job->unit_id != unit_id || !job_state_is_active(job->state))
	{
		/* the job has let go of it, and it could not be canceled then, nor be followed by another (round/refused.c) */
		if (job == NULL || job->unit_id != unit_id || job->state == JOB_SKIPPED)
			frame_cancel_unit(frame, unit);
		if (job != NULL && job->unit_id == 0 && job->state == JOB_EMBRYO && process->is_eager)
			evaluate_job(frame, job, CAUSE_EVENT);
		return;
	}
	if (!unit_state_is_finished(unit->state))
		return;					/* requested again meanwhile */
	run_machine(frame, job, true, CAUSE_TRIGGER, &look);
	if (!job_state_is_active(job->state))
		frame_add_event(frame, EVENT_JOB, 0, job);
	else if (process->is_eager && job->state == JOB_IN_PROGRESS)	/* its last unit, or none needed: no trigger is waited for */
		evaluate_job(frame, job, CAUSE_EVENT);
}
