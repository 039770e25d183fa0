/*
 * round/refused.c: what becomes of a round's decision when a worker was faster.
 *
 * A unit is written only as long as it is what the round has read (store/unit.c).  One that was refused, because a
 * worker has changed it since, or is just changing it, stays what the worker makes of it, and the jobs follow:
 *
 *	to be canceled	It may just have been taken: then it is canceled from its worker all the same.  Where its row is
 *					locked by him, nobody waits; its job is looked at again with the next news.
 *	let go of		...and if another unit of the job was to take its place, that one must wait: two workers would do
 *					the same period side by side, and both might commit.  It is withheld, the job back to embryo.
 *	skipped			Its job is skipped all the same, and stands on no unit.
 *	requested anew	or taken as the last one: its job begins again, from embryo, with its next evaluation.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "round/frame.h"
#include "round/refused.h"
#include "store/event.h"
#include "store/pending.h"

static Job *
job_of(Frame *frame, const Unit *unit)
{
	Process    *process = definition_process(frame->definitions, unit->process_id);

	return process ? frame_loaded_job(frame, process, unit->timeperiod) : NULL;
}

static void
take_from_job(Frame *frame, Job *job)
{
	job->unit_id = 0;
	job->unit = NULL;
}

/* the job does not stand on a unit that is not what the round took it for */
static void
let_go(Frame *frame, Unit *unit)
{
	Job		   *job = job_of(frame, unit);
	bool		was_taken;

	if (job == NULL || job->unit_id != unit->id)
		return;
	was_taken = job_state_is_active(job->state) && job->is_dirty && unit->state != UNIT_CANCELED;
	if (job->state != JOB_SKIPPED && !was_taken)
		return;
	take_from_job(frame, job);
	if (was_taken)
		frame_set_state(frame, job, JOB_EMBRYO);
	else
		frame_touch_job(frame, job);
}

/* nobody is told of it; true: it has been written already, and is to be canceled */
static bool
withdraw(Frame *frame, Unit *unit)
{
	ListCell   *cell;

	frame->ready = list_delete_ptr(frame->ready, unit);
	unit->is_ready = false;
	frame->to_publish = list_delete_ptr(frame->to_publish, unit);
	if (!unit->is_new)
		return unit_state_is_active(unit->state);
	foreach(cell, frame->log)
	{
		EventRecord *record = lfirst(cell);

		if (record->id == unit->mark)
			record->is_step = false;	/* nothing leads there any more */
	}
	frame->new_units = list_delete_ptr(frame->new_units, unit);
	return false;
}

/* the unit that this round has put in the place of one that is still in a worker's hands */
static Unit *
withhold_successor(Frame *frame, const Unit *unit)
{
	Job		   *job = unit->is_let_go ? job_of(frame, unit) : NULL;
	Unit	   *successor = job && job->unit_id != 0 && job->unit_id != unit->id ? job_unit(frame, job) : NULL;

	if (successor == NULL || !job->is_dirty)
		return NULL;
	take_from_job(frame, job);
	frame_set_state(frame, job, JOB_EMBRYO);
	return withdraw(frame, successor) ? successor : NULL;
}

/* those that workers have just taken: from their hands, but for rows that are locked */
static List *
cancel_once_more(List *refused)
{
	List	   *wanted = NIL,
			   *others = NIL;
	ListCell   *cell;

	foreach(cell, refused)
	{
		Unit	   *unit = lfirst(cell);

		if (unit->state == UNIT_CANCELED)
			wanted = lappend(wanted, unit);
		else
			others = lappend(others, unit);
	}
	return wanted ? list_concat(others, unit_cancel(wanted)) : others;
}

void
settle_refused(Frame *frame, List *refused)
{
	List	   *withheld = NIL;
	ListCell   *cell;

	foreach(cell, cancel_once_more(refused))
	{
		Unit	   *unit = lfirst(cell),
				   *successor;

		CHECK_FOR_INTERRUPTS();
		if (unit->state == UNIT_CANCELED || unit->is_let_go)
			pending_add_unit(unit->id);
		let_go(frame, unit);
		if ((successor = withhold_successor(frame, unit)) != NULL)
		{
			successor->state = UNIT_CANCELED;
			withheld = lappend(withheld, successor);
		}
	}
	if (withheld)
		(void) unit_cancel(withheld);
}
