/*
 * round/carried.c: requests that are carried to an executor and not written down.
 *
 * What is kept of each is its unit, found by its id and by its job.  An entry begins with the flush of the frame that has made the
 * request.  It ends when the news of its end have been read here; when they were read by somebody else, who has given the job its unit
 * before; when it is lost; or when a frame changes its job in another way, which closes the fence first.  After an error all is
 * forgotten: then the next round closes the fence, as everybody else does.
 *
 * A frame sees such a unit as requested until its news are there, also if its end has been committed since they were read.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "daemon/estimate.h"
#include "daemon/fence.h"
#include "round/ahead.h"
#include "round/carried.h"
#include "round/chain.h"
#include "store/map.h"
#include "store/stream.h"

#define MAX_CARRIED 4096
#define WRITTEN_AFTER_LOSS USECS_PER_SEC

typedef struct CarriedUnit
{
	Unit		unit;
	bool		is_suspect;		/* it was in nobody's hands when that was asked last */
	dlist_node	node;
} CarriedUnit;

struct Carried
{
	int			database_slot;
	int			n_suspects;
	MemoryContext context;
	id_map_hash *by_id;			/* of CarriedUnit * */
	job_map_hash *by_job;		/* likewise */
	dlist_head	in_order;		/* of their requests */
};

Carried *
carried_create(MemoryContext parent, int database_slot)
{
	Carried    *carried = MemoryContextAllocZero(parent, sizeof(Carried));

	carried->database_slot = database_slot;
	carried->context = AllocSetContextCreate(parent, "synergy carried requests", ALLOCSET_DEFAULT_SIZES);
	carried->by_id = id_map_create(carried->context, 256, NULL);
	carried->by_job = job_map_create(carried->context, 256, NULL);
	dlist_init(&carried->in_order);
	return carried;
}

static JobKey
key_of(const Unit *unit)
{
	return (JobKey) {unit->process_id, 0, unit->timeperiod};
}

static void
add(Carried *carried, const Unit *unit)
{
	CarriedUnit *entry = MemoryContextAlloc(carried->context, sizeof(CarriedUnit));
	bool		found;

	entry->unit = *unit;
	entry->unit.is_new = entry->unit.is_dirty = entry->unit.is_ready = false;
	entry->is_suspect = false;
	dlist_push_tail(&carried->in_order, &entry->node);
	*id_map_place(carried->by_id, unit->id, &found) = entry;
	*job_map_place(carried->by_job, key_of(unit), &found) = entry;
}

static void
forget(Carried *carried, CarriedUnit *entry)
{
	carried->n_suspects -= entry->is_suspect;
	dlist_delete(&entry->node);
	job_map_delete(carried->by_job, key_of(&entry->unit));
	id_map_delete(carried->by_id, entry->unit.id);
	pfree(entry);
}

static CarriedUnit *
find(const Carried *carried, int64 unit_id)
{
	return carried == NULL ? NULL : id_map_get(carried->by_id, unit_id);
}

static CarriedUnit *
find_by_job(const Carried *carried, JobKey key)
{
	return carried == NULL ? NULL : job_map_get(carried->by_job, key);
}

void
carried_forget_all(Carried *carried)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &carried->in_order)
		forget(carried, dlist_container(CarriedUnit, node, iter.cur));
}

bool
carried_is_empty(const Carried *carried)
{
	return dlist_is_empty(unconstify(dlist_head *, &carried->in_order));
}

TimestampTz
carried_oldest(const Carried *carried)
{
	if (carried_is_empty(carried))
		return PG_INT64_MAX;
	return dlist_head_element(CarriedUnit, node, unconstify(dlist_head *, &carried->in_order))->unit.created;
}

void
carried_check(Carried *carried, RequestIsInHands is_in_hands)
{
	dlist_iter	iter;

	dlist_foreach(iter, &carried->in_order)
	{
		CarriedUnit *entry = dlist_container(CarriedUnit, node, iter.cur);

		if (entry->is_suspect || is_in_hands(&entry->unit))
			continue;
		entry->is_suspect = true;
		carried->n_suspects++;
	}
}

bool
carried_has_suspects(const Carried *carried)
{
	return carried != NULL && carried->n_suspects > 0;
}

int
carried_count(const Carried *carried)
{
	return (int) carried->by_id->members;
}

const Unit *
carried_unit_of(const Carried *carried, JobKey key)
{
	const CarriedUnit *entry = find_by_job(carried, key);

	return entry ? &entry->unit : NULL;
}

int64
carried_estimate(const Carried *carried, const Process *process)
{
	return estimate_read(carried->database_slot, process->id);
}

/* ---------------------------------------------------------------- requesting */

/* is the period after it due as well?  What comes now and then is written: it is looked at while it runs, and costs little. */
static bool
is_of_a_backlog(const Job *job, TimestampTz now)
{
	const Process *process = job->process;
	Timeperiod	next;

	return timeperiod_step(process->qualifier, job->key.timeperiod, 1, &next) && next <= process->head &&
		timeperiod_end(process->qualifier, next) + process_trigger_lag(process) < now;
}

static bool
is_untouched(const Job *job)
{
	return job->state == JOB_EMBRYO && job->n_units == 0 && job->unit_id == 0 && job->failures == 0 && job->mark == 0;
}

bool
carried_fits(Frame *frame, Job *job)
{
	const Process *process = job->process;
	int64		usec;

	if (frame->carried == NULL || frame->because != NULL || process->worker != WORKER_SQL || process->machine != MACHINE_DISCRETE ||
		!process->is_eager || frame->now < process->written_until)
		return false;
	if (!is_untouched(job) || job->is_dirty || job->is_revived || !is_of_a_backlog(job, frame->now))
		return false;
	if (job->is_short)			/* executors may think otherwise meanwhile: who was told yes is told so again */
		return true;
	usec = carried_estimate(frame->carried, process);
	job->is_short = usec > 0 && usec <= SHORT_USEC && !stream_is_on() &&
		carried_count(frame->carried) + list_length(frame->new_units) < MAX_CARRIED;
	return job->is_short;
}

void
carried_request(Frame *frame, Job *job, Unit *unit)
{
	Process    *process = job->process;

	unit->is_carried = true;
	if (!process->goes_on)
	{
		process->goes_on = true;
		definition_note_process(frame->definitions, process);
		frame->wrote = true;
	}
}

bool
carried_is_request_of(const Job *job)
{
	return job->state == JOB_IN_PROGRESS && job->unit != NULL && job->unit->is_new && job->unit->is_carried;
}

/* ---------------------------------------------------------------- in later frames */

void
carried_enter_job(Frame *frame, Job *job)
{
	const CarriedUnit *entry;

	if (job->is_carried || !is_untouched(job))
		return;
	entry = find_by_job(frame->carried, job->key);
	if (entry == NULL)
		return;
	job->state = job->stored_state = JOB_IN_PROGRESS;
	job->unit_id = entry->unit.id;
	job->n_units = 1;
	job->is_carried = true;
}

bool
carried_enter_unit(Frame *frame, const Job *job)
{
	const CarriedUnit *entry = job->is_carried ? find(frame->carried, job->unit_id) : NULL;

	if (entry != NULL)
		(void) frame_enter_unit(frame, &entry->unit);
	return entry != NULL;
}

/* they have been processed: whatever else becomes of one has nothing to do with carrying.  Others may have changed some since. */
void
carried_enter_ended(Frame *frame)
{
	for (int i = 0; frame->is_next && i < frame->n_news; i++)
	{
		const CarriedUnit *entry = find(frame->carried, frame->news[i].unit_id);
		Unit		unit;

		if (entry == NULL)
			continue;
		unit = entry->unit;
		unit.state = unit.stored_state = UNIT_PROCESSED;
		unit.attempt = unit.stored_attempt = unit.attempt + 1;
		frame_enter_unit(frame, &unit);
	}
}

/* which job is it about, if its request was never written?  NULL: none, or it cannot be known. */
static Process *
process_of_news(Frame *frame, const PendingNews *news, Timeperiod *timeperiod)
{
	const CarriedUnit *entry = find(frame->carried, news->unit_id);
	const Unit *unit = entry ? &entry->unit : news->has_carried ? frame_unit(frame, news->unit_id) : NULL;

	*timeperiod = unit ? unit->timeperiod : TIMEPERIOD_NONE;
	return unit ? definition_process(frame->definitions, unit->process_id) : NULL;
}

/* loads the jobs of the units that have ended */
static void
load_jobs(Frame *frame)
{
	JobRange   *ranges = palloc(sizeof(JobRange) * Max(frame->n_news, 1));
	int			n = 0;

	for (int i = 0; i < frame->n_news; i++)
	{
		Timeperiod	timeperiod;
		Process    *process = process_of_news(frame, &frame->news[i], &timeperiod);

		if (process == NULL || ahead_enter(frame, process, timeperiod) != NULL)
			continue;
		ranges[n].process = process;
		ranges[n].from = timeperiod;
		ranges[n++].to = timeperiod + 1;
	}
	frame_load(frame, ranges, n);
	pfree(ranges);
}

static Job *
job_of(Frame *frame, const Unit *unit)
{
	Process    *process = definition_process(frame->definitions, unit->process_id);
	Job		   *job = process ? frame_loaded_job(frame, process, unit->timeperiod) : NULL;

	return job != NULL && job->is_carried && job->unit_id == unit->id ? job : NULL;
}

/* as it is in the table */
static void
take_back(Job *job)
{
	job->state = job->stored_state = JOB_EMBRYO;
	job->unit_id = 0;
	job->n_units = 0;
	job->unit = NULL;
	job->is_carried = false;
}

static void
adopt(Frame *frame, Job *job, Unit *unit)
{
	job->is_carried = unit->is_carried = false;
	unit->is_unlisted = unit->is_logged = true;
	frame_touch_job(frame, job);
}

/* nobody here remembers the request: a dump has brought it */
static void
adopt_unknown(Frame *frame, const PendingNews *news)
{
	Timeperiod	timeperiod;
	Process    *process = process_of_news(frame, news, &timeperiod);
	Job		   *job = process ? frame_loaded_job(frame, process, timeperiod) : NULL;

	if (job == NULL || !is_untouched(job))
		return;
	job->state = JOB_IN_PROGRESS;
	job->unit_id = news->unit_id;
	job->n_units = 1;
	adopt(frame, job, frame_unit(frame, news->unit_id));
}

void
carried_adopt(Frame *frame)
{
	load_jobs(frame);
	for (int i = 0; i < frame->n_news; i++)
	{
		CarriedUnit *entry = find(frame->carried, frame->news[i].unit_id);
		Job		   *job = entry ? job_of(frame, &entry->unit) : NULL;
		Unit	   *unit = job ? frame_unit(frame, entry->unit.id) : NULL;

		CHECK_FOR_INTERRUPTS();
		if (entry == NULL)
			adopt_unknown(frame, &frame->news[i]);
		else if (unit != NULL)
			adopt(frame, job, unit);
		else if (job != NULL)
			take_back(job);		/* somebody has deleted the unit */
		if (entry != NULL)
			forget(frame->carried, entry);
	}
}

/*
 * Suspects that are in the table have ended, and the news of it will be found; if somebody else has taken these, he has given the job
 * its unit, and nothing is left to be told.
 */
static void
clear_ended(Frame *frame)
{
	Carried    *carried = frame->carried;
	int64	   *ids = palloc(sizeof(int64) * carried->n_suspects);
	Unit	   *ended;
	dlist_iter	iter;
	int			n = 0;

	dlist_foreach(iter, &carried->in_order)
	{
		const CarriedUnit *entry = dlist_container(CarriedUnit, node, iter.cur);

		if (entry->is_suspect)
			ids[n++] = entry->unit.id;
	}
	n = unit_fetch(ids, n, &ended);
	for (int i = 0; i < n; i++)
	{
		CarriedUnit *entry = find(carried, ended[i].id);
		Process    *process = definition_process(frame->definitions, ended[i].process_id);

		entry->is_suspect = false;
		carried->n_suspects--;
		if (process != NULL)
			(void) frame_job(frame, process, ended[i].timeperiod);
		if (job_of(frame, &entry->unit) == NULL)
			forget(carried, entry);
	}
	pfree(ended);
	pfree(ids);
}

List *
carried_drop_lost(Frame *frame)
{
	Carried    *carried = frame->carried;
	List	   *processes = NIL;
	dlist_mutable_iter iter;

	if (!carried_has_suspects(carried))
		return NIL;
	clear_ended(frame);
	dlist_foreach_modify(iter, &carried->in_order)
	{
		CarriedUnit *entry = dlist_container(CarriedUnit, node, iter.cur);
		Process    *process = definition_process(frame->definitions, entry->unit.process_id);
		Job		   *job = job_of(frame, &entry->unit);

		if (!entry->is_suspect)
			continue;
		if (job != NULL)
			take_back(job);
		if (process != NULL)
		{
			ahead_forget(process);
			process->written_until = frame->now + WRITTEN_AFTER_LOSS;
			chain_begin_anew(process);
			processes = list_append_unique_ptr(processes, process);
		}
		forget(carried, entry);
	}
	return processes;
}

/* ---------------------------------------------------------------- writing */

/* what the frame says of a job whose carried unit comes to nothing: it has never been in progress */
static void
correct_log(Frame *frame, const Job *job, int64 unit_id)
{
	List	   *log = NIL;
	ListCell   *cell;

	foreach(cell, frame->log)
	{
		EventRecord *record = lfirst(cell);
		bool		is_of_it = record->unit_id == unit_id || (record->unit_id == 0 && record->process_name == job->process->name &&
															   record->timeperiod == job->key.timeperiod && record->old_state == job_state_name(JOB_IN_PROGRESS));

		if (is_of_it)
		{
			record->unit_id = 0;
			record->old_state = job_state_name(JOB_EMBRYO);
		}
		if (!is_of_it || record->new_state != record->old_state)
			log = lappend(log, record);
	}
	frame->log = log;
}

/*
 * A round wants something else of a job whose request is under way: nobody may end that any more.  If it has ended meanwhile, that is
 * as if it had ended before the round looked at it: the job was in progress, and has had this unit.
 */
static void
stop_carrying(Frame *frame, List *jobs)
{
	ListCell   *cell;

	fence_close();
	foreach(cell, jobs)
	{
		Job		   *job = lfirst(cell);
		CarriedUnit *entry = find_by_job(frame->carried, job->key);
		Unit	   *ended;

		if (unit_fetch(&entry->unit.id, 1, &ended) == 0)
		{
			correct_log(frame, job, entry->unit.id);
			job->n_units--;
		}
		if (job->unit_id == entry->unit.id)
		{
			job->unit_id = 0;
			job->unit = NULL;
		}
		job->is_carried = false;
		forget(frame->carried, entry);
	}
}

/* units of the frame: those that are requested in writing after all get their line of the log */
static void
separate_units(Frame *frame)
{
	List	   *written = NIL;
	ListCell   *cell;

	foreach(cell, frame->new_units)
	{
		Unit	   *unit = lfirst(cell);
		Process    *process = unit->is_carried ? definition_process(frame->definitions, unit->process_id) : NULL;
		Job		   *job = process ? frame_loaded_job(frame, process, unit->timeperiod) : NULL;

		if (job != NULL && job->unit == unit && job->state == JOB_IN_PROGRESS && unit->state == UNIT_REQUESTED)
		{
			chain_close_gap(frame->carried_units, unit);
			frame->carried_units = lappend(frame->carried_units, unit);
			job->is_carried = true;
			continue;
		}
		if (job != NULL)
			frame_log_request(frame, job, unit);
		unit->is_carried = false;
		written = lappend(written, unit);
	}
	frame->new_units = written;
}

void
carried_before_flush(Frame *frame)
{
	List	   *written = NIL,
			   *disturbed = NIL;
	ListCell   *cell;

	if (frame->carried == NULL)
		return;
	foreach(cell, frame->dirty_jobs)
		if (((Job *) lfirst(cell))->is_carried)
			disturbed = lappend(disturbed, lfirst(cell));
	if (disturbed != NIL)
		stop_carrying(frame, disturbed);
	separate_units(frame);
	foreach(cell, frame->dirty_jobs)
		if (!((Job *) lfirst(cell))->is_carried)
			written = lappend(written, lfirst(cell));
	frame->dirty_jobs = written;
	written = NIL;
	foreach(cell, frame->dirty_units)
		if (!((Unit *) lfirst(cell))->is_carried)
			written = lappend(written, lfirst(cell));
	frame->dirty_units = written;
}

void
carried_after_flush(Frame *frame)
{
	ListCell   *cell;

	if (frame->carried_units == NIL)
		return;
	if (carried_is_empty(frame->carried))
		fence_set_clear(false);
	foreach(cell, frame->carried_units)
		add(frame->carried, lfirst(cell));
}
