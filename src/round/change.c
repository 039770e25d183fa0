/*
 * round/change.c: changing jobs and units in the frame, and writing the changes.
 *
 * Every change of a job's state goes through frame_set_state(): it hands out the mark of a finished job (R1),
 * cancels the unit of a skipped one (R12), keeps the event log and the list of what an operator's function reports.
 *
 * Order of writing: units before jobs, so that a job never points to a unit that is not there; progress and the
 * event log last.  All in the caller's transaction.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "round/frame.h"
#include "store/spi.h"

int64
frame_next_mark(Frame *frame)
{
	if (frame->mark_base == 0 || frame->marks_used == UNIT_MARK_BLOCK)
	{
		frame->mark_base = unit_take_marks();
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

static void
log_state(Frame *frame, Job *job, JobState old_state)
{
	EventRecord *record = palloc0(sizeof(EventRecord));

	record->event = "job";
	record->process_name = job->process->name;
	record->timeperiod = job->key.timeperiod;
	record->unit_id = job->unit_id;
	record->old_state = job_state_name(old_state);
	record->new_state = job_state_name(job->state);
	record->detail = frame->because;
	frame->log = lappend(frame->log, record);
}

static void
note_change(Frame *frame, Job *job, JobState old_state)
{
	StateChange *change;
	ListCell   *cell;

	foreach(cell, frame->changes)
		if (((StateChange *) lfirst(cell))->job == job)
			return;
	change = palloc(sizeof(StateChange));
	change->job = job;
	change->old_state = old_state;
	frame->changes = lappend(frame->changes, change);
}

/* an earlier period than those that are known to be active is active again */
static void
revive(Frame *frame, Job *job)
{
	ProcessFrame *notes = frame_process(frame, job->process);

	notes->revived = list_append_unique_ptr(notes->revived, job);
	if (job->key.timeperiod < job->process->frontier)
	{
		job->process->frontier = job->key.timeperiod;
		job->process->progress_dirty = true;
	}
	job->process->quiet_until = 0;
	job->process->next_fire = 0;
}

void
frame_set_state(Frame *frame, Job *job, JobState state)
{
	MemoryContext old = MemoryContextSwitchTo(frame->context);
	JobState	old_state = job->state;

	job->state = state;
	frame_touch_job(frame, job);
	if (!job_state_is_active(state))
	{
		job->mark = frame_next_mark(frame);
		if (state == JOB_SKIPPED)
			frame_cancel_unit(frame, job_unit(frame, job));
	}
	else if (!job_state_is_active(old_state))
		revive(frame, job);
	if (state != old_state)
	{
		frame->touched = lappend(frame->touched, job);
		log_state(frame, job, old_state);
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
		frame->ready = list_append_unique_ptr(frame->ready, unit);
	else						/* NOTIFY itself sends a name once a transaction */
		frame->notify = lappend(frame->notify, process_name);
	MemoryContextSwitchTo(old);
}

/* ---------------------------------------------------------------- extending timetables (R4) */

void
frame_extend(Frame *frame)
{
	MemoryContext old = MemoryContextSwitchTo(frame->context);
	Definitions *definitions = frame->definitions;
	JobRange   *ranges = palloc(sizeof(JobRange) * Max(definitions->n_processes, 1));
	int			n = 0;

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
		ranges[n].process = process;
		ranges[n].from = first;
		if (!timeperiod_step(process->qualifier, last, 1, &ranges[n].to))
			continue;			/* the last period there is, in the year 9999 */
		n++;
		process->head = last;
		process->progress_dirty = true;
		process->quiet_until = 0;
		process->next_fire = Min(process->next_fire, frame->now);
	}
	if (n > 0)
	{
		job_insert_periods(ranges, n);
		frame->wrote = true;
	}
	MemoryContextSwitchTo(old);
}

/* ---------------------------------------------------------------- writing */

/*
 * A worker has changed the unit since it was read, or is changing it just now: it was not written, and stays what the
 * worker makes of it.  A job that was skipped, or whose unit was to be requested anew, must not stand on that: it lets
 * go of the unit, and the second one begins again with its next evaluation.
 */
static void
let_go(Frame *frame, Unit *unit)
{
	Process    *process = definition_process(frame->definitions, unit->process_id);
	Job		   *job = process ? frame_loaded_job(frame, process, unit->timeperiod) : NULL;
	bool		is_recycled = unit->state == UNIT_REQUESTED && unit->created == frame->now;

	if (job == NULL || job->unit_id != unit->id || (job->state != JOB_SKIPPED && !is_recycled))
		return;
	job->unit_id = 0;
	job->unit = NULL;
	if (job->state == JOB_SKIPPED)
		frame_touch_job(frame, job);
	else
		frame_set_state(frame, job, JOB_EMBRYO);
}

static void
write_units(Frame *frame)
{
	uint64		n = unit_update(frame->dirty_units);
	ListCell   *cell;

	for (uint64 i = 0; i < n; i++)
		frame_unit(frame, store_get_int64(i, 1, 0))->is_dirty = false;
	SPI_freetuptable(SPI_tuptable);
	foreach(cell, frame->dirty_units)
	{
		Unit	   *unit = lfirst(cell);

		if (unit->is_dirty && !unit->is_new)
			let_go(frame, unit);
	}
}

bool
frame_flush(Frame *frame)
{
	MemoryContext old = MemoryContextSwitchTo(frame->context);
	bool		wrote = frame->wrote || frame->new_units || frame->dirty_units || frame->dirty_jobs || frame->log;

	CHECK_FOR_INTERRUPTS();
	if (frame->new_units)
		unit_insert(frame->new_units);
	if (frame->dirty_units)
		write_units(frame);
	if (frame->dirty_jobs)
		job_update(frame->dirty_jobs);
	/* a frontier that moved is only a hint: it is not worth a transaction of its own */
	if (wrote)
		definition_save_progress(frame->definitions);
	event_log_write(frame->log, frame->now);
	if (frame->notify)
		unit_notify(frame->notify);
	MemoryContextSwitchTo(old);
	return wrote;
}
