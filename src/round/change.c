/*
 * round/change.c: changing jobs and units in the frame, and writing the changes.
 *
 * Every change of a job's state goes through frame_set_state(): it hands out the mark of a finished job (R1),
 * cancels the unit of a skipped one (R12), keeps the event log and the list of what an operator's function reports.
 *
 * Order of writing: units that were there, so that what workers have made of them meanwhile can still withhold new
 * ones (round/refused.c); these; then jobs, so that none points to a unit that is not there; progress and the event
 * log last.  All in the caller's transaction.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "daemon/wake.h"
#include "round/agenda.h"
#include "round/ahead.h"
#include "round/carried.h"
#include "round/deadline.h"
#include "round/frame.h"
#include "round/lane.h"
#include "round/refused.h"
#include "store/active.h"
#include "store/box_unit.h"
#include "store/event.h"
#include "store/outbox.h"
#include "store/stream.h"

#define DRY_MARKS (PG_INT64_MAX / 2)	/* later than any real one */

int64
frame_next_mark(Frame *frame)
{
	if (frame->mark_base == 0 || frame->marks_used == MARK_BLOCK)
	{
		frame->mark_base = frame->is_dry ? DRY_MARKS : event_take_ids();
		frame->marks_used = 0;
	}
	return frame->mark_base + frame->marks_used++;
}

void
frame_touch_job(Frame *frame, Job *job)
{
	if (!job->is_dirty)
	{
		MemoryContext old = MemoryContextSwitchTo(frame->context);

		job->is_dirty = true;
		frame->dirty_jobs = lappend(frame->dirty_jobs, job);
		MemoryContextSwitchTo(old);
	}
}

void
frame_touch_unit(Frame *frame, Unit *unit)
{
	if (!unit->is_dirty)
	{
		MemoryContext old = MemoryContextSwitchTo(frame->context);

		unit->is_dirty = true;
		frame->dirty_units = lappend(frame->dirty_units, unit);
		MemoryContextSwitchTo(old);
	}
}

void
frame_cancel_unit(Frame *frame, Unit *unit)
{
	if (unit == NULL || !unit_state_is_active(unit->state))
		return;
	unit->state = UNIT_CANCELED;
	unit->release = 0;
	frame_touch_unit(frame, unit);
}

void
frame_let_go_unit(Frame *frame, Job *job)
{
	Unit	   *unit = job_unit(frame, job);

	frame_cancel_unit(frame, unit);
	if (unit != NULL)
		unit->is_let_go = true;
	job->unit_id = 0;
	job->unit = NULL;
	frame_touch_job(frame, job);
}

void
frame_add_event(Frame *frame, EventKind kind, int64 unit_id, Job *job)
{
	MemoryContext old = MemoryContextSwitchTo(frame->context);
	Event	   *event = palloc(sizeof(Event));

	event->kind = kind;
	event->unit_id = unit_id;
	event->job = job;
	frame->events = lappend(frame->events, event);
	MemoryContextSwitchTo(old);
}

/* may the event of this request be found by the unit's mark? Units of recomputing processes may get another one, when they are recycled */
static bool
is_first_of_unit(const Job *job)
{
	const Unit *unit = job->unit;

	return unit != NULL && unit->is_new && !unit->is_logged && unit->process_id == job->key.process_id &&
		unit->timeperiod == job->key.timeperiod && !state_machine_reads_rows(job->process->machine);
}

static EventRecord *
log_job(Frame *frame, const Job *job, JobState old_state, JobState new_state)
{
	EventRecord *record = palloc0(sizeof(EventRecord));

	record->event = "job";
	record->process_name = job->process->name;
	record->timeperiod = job->key.timeperiod;
	record->unit_id = job->unit_id;
	record->old_state = job_state_name(old_state);
	record->new_state = job_state_name(new_state);
	record->detail = frame->because;
	frame->log = lappend(frame->log, record);
	return record;
}

/* The event of a step has the mark of what the step has made, the job's or its new unit's, and is found by that, see store/event.h. */
static void
log_state(Frame *frame, Job *job, JobState old_state, int64 previous_mark)
{
	EventRecord *record = log_job(frame, job, old_state, job->state);

	if (!job_state_is_active(job->state))
	{
		record->id = job->mark;
		record->previous_id = previous_mark;
		record->is_step = previous_mark == 0;
	}
	else if (is_first_of_unit(job))
	{
		job->unit->is_logged = true;
		record->id = job->unit->mark;
		record->is_step = true;
	}
	else
		record->id = frame_next_mark(frame);
}

void
frame_log_request(Frame *frame, Job *job, Unit *unit)
{
	MemoryContext old = MemoryContextSwitchTo(frame->context);
	EventRecord *record = log_job(frame, job, JOB_EMBRYO, JOB_IN_PROGRESS);

	unit->is_logged = true;
	record->id = unit->mark;
	record->unit_id = unit->id;
	record->is_step = true;
	record->at = unit->created;
	record->detail = NULL;		/* nothing is carried that has another cause than triggers and events */
	MemoryContextSwitchTo(old);
}

void
frame_log_unit(Frame *frame, const char *event, const Unit *unit, UnitState old_state, const char *detail)
{
	MemoryContext old = MemoryContextSwitchTo(frame->context);
	Process    *process = definition_process(frame->definitions, unit->process_id);
	Freerun    *freerun = definition_freerun(frame->definitions, unit->process_id);
	EventRecord *record = palloc0(sizeof(EventRecord));

	record->id = frame_next_mark(frame);
	record->event = event;
	record->process_name = process ? process->name : freerun ? freerun->process_name : NULL;
	record->entry_name = freerun ? freerun->entry_name : NULL;
	record->timeperiod = unit->timeperiod;
	record->unit_id = unit->id;
	record->old_state = unit_state_name(old_state);
	record->new_state = unit_state_name(unit->state);
	record->detail = detail;
	frame->log = lappend(frame->log, record);
	MemoryContextSwitchTo(old);
}

static void
note_change(Frame *frame, Job *job, JobState old_state)
{
	StateChange *change;

	if (job->is_reported)
		return;
	job->is_reported = true;
	change = palloc(sizeof(StateChange));
	change->job = job;
	change->old_state = old_state;
	frame->changes = lappend(frame->changes, change);
}

void
frame_set_state(Frame *frame, Job *job, JobState state)
{
	MemoryContext old = MemoryContextSwitchTo(frame->context);
	JobState	old_state = job->state;
	int64		old_mark = job->mark;

	job->state = state;
	frame_touch_job(frame, job);
	if (!job_state_is_active(state))
	{
		job->mark = frame_next_mark(frame);
		if (state == JOB_SKIPPED)
			frame_cancel_unit(frame, job_unit(frame, job));
	}
	else if (!job_state_is_active(old_state))
	{
		lane_revive(frame, job);
		deadline_revive(frame, job);
	}
	if (state != old_state)
	{
		frame->touched = lappend(frame->touched, job);
		if (!carried_is_request_of(job))	/* it is logged when it is written */
			log_state(frame, job, old_state, old_mark);
		if (frame->supervise)
			note_change(frame, job, old_state);
	}
	MemoryContextSwitchTo(old);
}

void
frame_unit_requested(Frame *frame, Unit *unit, WorkerKind worker, char *process_name)
{
	MemoryContext old = MemoryContextSwitchTo(frame->context);

	if (worker == WORKER_SQL)
	{
		if (!unit->is_ready)
			frame->ready = lappend(frame->ready, unit);
		unit->is_ready = true;
	}
	else if (worker == WORKER_AMQP)
		frame->to_publish = lappend(frame->to_publish, unit);
	else						/* NOTIFY itself sends a name once a transaction */
		frame->notify = lappend(frame->notify, process_name);
	frame->is_about_boxes |= worker == WORKER_EXEC;
	MemoryContextSwitchTo(old);
}

/* ---------------------------------------------------------------- extending timetables (R4) */

/* of some timetable; or it is not known */
static bool
has_period_begun(Definitions *definitions, TimestampTz now)
{
	bool		has_begun = definitions->agenda == NULL;
	int			i = -1;

	while (definitions->agenda != NULL && (i = agenda_next(definitions, AGENDA_TREE, i + 1, now)) >= 0)
		has_begun = true;
	return has_begun;
}

void
frame_extend(Frame *frame)
{
	MemoryContext old = MemoryContextSwitchTo(frame->context);
	Definitions *definitions = frame->definitions;
	JobRange   *ranges;
	int			n = 0;

	if (!has_period_begun(definitions, frame->now))
	{
		MemoryContextSwitchTo(old);
		return;
	}
	ranges = palloc(sizeof(JobRange) * Max(definitions->n_processes, 1));
	for (int i = 0; i < definitions->n_processes; i++)
	{
		Process    *process = definitions->processes[i];
		Timeperiod	first,
					last;

		if (!process_reach(process, frame->now, &first, &last))
			continue;
		if (process->head != TIMEPERIOD_NONE)
		{
			if (process->head >= last || !timeperiod_step(process->qualifier, process->head, 1, &first))
				continue;
		}
		else
			process->frontier = first;
		ahead_extend(process, first);
		ranges[n].process = process;
		ranges[n].from = first;
		if (!timeperiod_step(process->qualifier, last, 1, &ranges[n].to))
			continue;			/* the last period there is, in the year 9999 */
		n++;
		process->head = last;
		definition_note_process(definitions, process);
		process->quiet_until = 0;
		process->next_deadline = 0;
		agenda_touch_process(definitions, process);
		/* it may have been moved past a time in which there was nothing to do; one that is due stays due */
		if (process->next_fire > frame->now)
			process->next_fire = 0;
	}
	if (n > 0 && frame->is_dry)
		frame_imagine_jobs(frame, ranges, n);
	else if (n > 0)
	{
		job_insert_periods(ranges, n);
		frame->wrote = true;
	}
	MemoryContextSwitchTo(old);
}

/* ---------------------------------------------------------------- writing */

/* agents stop the commands of units that they do not have any more */
static void
stop_on_boxes(List *units)
{
	int64	   *ids = palloc(sizeof(int64) * Max(list_length(units), 1));
	int			n = 0;
	ListCell   *cell;

	foreach(cell, units)
	{
		Unit	   *unit = lfirst(cell);

		if (unit->is_on_box && unit->is_written && unit->stored_state == UNIT_IN_PROGRESS && unit->state != UNIT_IN_PROGRESS)
			ids[n++] = unit->id;
	}
	box_unit_notify_stop(ids, n);
	pfree(ids);
}

/* what the courier is to publish */
static void
publish(Frame *frame)
{
	if (frame->to_publish)
	{
		outbox_add_units(frame->to_publish);
		wake_courier_at_commit();
	}
	stream_unit_list(frame->new_units, frame->now);
	stream_unit_list(frame->dirty_units, frame->now);
	stream_jobs(frame->dirty_jobs, frame->now);
}

/* units whose end is applied by this round are not listed as active any more, nor what the garbage collector has found */
static void
unlist_ended(Frame *frame)
{
	ActiveKey  *ended = palloc(sizeof(ActiveKey) * (frame->n_news + list_length(frame->stale) + 1));
	int			n = 0;
	ListCell   *cell;

	for (int i = 0; i < frame->n_news; i++)
	{
		Unit	   *unit = frame->news[i].unit_id ? frame_unit(frame, frame->news[i].unit_id) : NULL;

		if (unit != NULL && !unit->is_unlisted && !unit_state_is_active(unit->state))
			ended[n++] = (ActiveKey) {unit->process_id, unit->id};
	}
	foreach(cell, frame->stale)
	{
		ActiveKey  *key = lfirst(cell);
		Unit	   *unit = frame_unit(frame, key->unit_id);

		if (unit == NULL || !unit_state_is_active(unit->state))
			ended[n++] = *key;
	}
	active_remove(ended, n);
	pfree(ended);
}

bool
frame_flush(Frame *frame)
{
	MemoryContext old = MemoryContextSwitchTo(frame->context);
	bool		wrote;

	Assert(!frame->is_dry);
	CHECK_FOR_INTERRUPTS();
	deadline_look_at(frame, frame->to_look);
	carried_before_flush(frame);
	wrote = frame->wrote || frame->stale || frame->new_units || frame->dirty_units || frame->dirty_jobs || frame->log || frame->late;
	if (frame->dirty_units)
	{
		settle_refused(frame, unit_update(frame->dirty_units));
		stop_on_boxes(frame->dirty_units);
	}
	if (frame->new_units)
		unit_insert(frame->new_units);
	unlist_ended(frame);
	if (frame->dirty_jobs)
		job_update(frame->dirty_jobs);
	deadline_tell(frame);
	/* a frontier that moved is only a hint: it is not worth a transaction of its own */
	if (wrote)
		definition_save_progress(frame->definitions);
	event_log_write(frame->log, frame->now);
	if (frame->notify)
		unit_notify(frame->notify);
	frame->is_told |= frame->notify != NIL || frame->to_publish != NIL || frame->is_about_boxes || stream_is_on();
	publish(frame);
	carried_after_flush(frame);
	MemoryContextSwitchTo(old);
	return wrote;
}
