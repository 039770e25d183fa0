/*
 * round/frame.c: the working set of one round: loading jobs and units by key.
 *
 * A job is in the frame once, whichever query brought it; the frame's copy is the truth from then on, and a later
 * query never overwrites it.  Ranges that were loaded whole are remembered, so that "not in the frame" means "not
 * in the timetable" for every period inside of one.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "round/ahead.h"
#include "round/carried.h"
#include "round/frame.h"
#include "round/lane.h"
#include "round/rows.h"
#include "store/spi.h"

#define MAX_SPARE_IDS 16

Frame *
frame_create(Definitions *definitions, TimestampTz now)
{
	static uint64 last_number = 0;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "synergy frame", ALLOCSET_DEFAULT_SIZES);
	Frame	   *frame = MemoryContextAllocZero(context, sizeof(Frame));

	frame->context = context;
	frame->definitions = definitions;
	frame->now = now;
	frame->jobs = job_map_create(context, 32, NULL);
	frame->units = id_map_create(context, 32, NULL);
	frame->number = ++last_number;
	return frame;
}

ProcessFrame *
frame_process(Frame *frame, Process *process)
{
	if (process->frame_number != frame->number)
	{
		MemoryContext old = MemoryContextSwitchTo(frame->context);
		ProcessFrame *notes = palloc0(sizeof(ProcessFrame));

		notes->process = process;
		process->frame_data = notes;
		process->frame_number = frame->number;
		frame->noted = lappend(frame->noted, process);
		MemoryContextSwitchTo(old);
	}
	return process->frame_data;
}

/* ---------------------------------------------------------------- jobs */

Job *
frame_enter_job(Frame *frame, Process *process, const JobRow *row)
{
	JobKey		key = {process->id, 0, row->timeperiod};
	bool		found;
	void	  **place = job_map_place(frame->jobs, key, &found);
	Job		   *job;

	if (found)
		return *place;
	job = *place = MemoryContextAllocZero(frame->context, sizeof(Job));
	job->key = key;
	job->process = process;
	job->state = job->stored_state = row->state;
	job->failures = row->failures;
	job->n_units = row->n_units;
	job->unit_id = row->unit_id;
	job->mark = row->mark;
	job->place = row->place;
	job->may_have_left = row->unit_id == 0 && row->n_units > 0;
	job->is_carried = row->is_carried;
	carried_enter_job(frame, job);
	return job;
}

static void
read_jobs(Frame *frame, const JobRange *ranges, int n_ranges)
{
	JobRow	   *rows;
	uint64		n = job_fetch(ranges, n_ranges, &rows);

	for (uint64 i = 0; i < n; i++)
	{
		Process    *process = definition_process(frame->definitions, rows[i].process_id);

		if (process != NULL)
			frame_enter_job(frame, process, &rows[i]);
	}
	if (n > 0)
		pfree(rows);
}

/* a single period that is in the frame: the job itself says so, and `ranges` stays short */
static bool
is_known_job(Frame *frame, const JobRange *range)
{
	Timeperiod	after;

	return frame_loaded_job(frame, range->process, range->from) != NULL &&
		timeperiod_step(range->process->qualifier, range->from, 1, &after) && range->to <= after;
}

static bool
is_loaded(Frame *frame, const JobRange *range)
{
	ListCell   *cell;

	if (is_known_job(frame, range))
		return true;
	foreach(cell, frame_process(frame, range->process)->ranges)
	{
		JobRange   *loaded = lfirst(cell);

		if (loaded->from <= range->from && range->to <= loaded->to)
			return true;
	}
	return false;
}

void
frame_load(Frame *frame, JobRange *ranges, int n)
{
	MemoryContext old = MemoryContextSwitchTo(frame->context);
	JobRange   *missing = palloc(sizeof(JobRange) * Max(n, 1));
	int			n_missing = 0;

	for (int i = 0; i < n; i++)
		if (ranges[i].from < ranges[i].to && !is_loaded(frame, &ranges[i]))
			missing[n_missing++] = ranges[i];
	if (n_missing > 0)
		read_jobs(frame, missing, n_missing);
	for (int i = 0; i < n_missing; i++)
	{
		ProcessFrame *notes = frame_process(frame, missing[i].process);
		JobRange   *loaded;

		if (is_known_job(frame, &missing[i]))
			continue;
		loaded = palloc(sizeof(JobRange));
		*loaded = missing[i];
		notes->ranges = lappend(notes->ranges, loaded);
	}
	pfree(missing);
	MemoryContextSwitchTo(old);
}

Job *
frame_loaded_job(Frame *frame, Process *process, Timeperiod timeperiod)
{
	JobKey		key = {process->id, 0, timeperiod};

	return job_map_get(frame->jobs, key);
}

Job *
frame_job(Frame *frame, Process *process, Timeperiod timeperiod)
{
	Job		   *job = ahead_enter(frame, process, timeperiod);
	JobRange	range = {process, timeperiod, timeperiod + 1};

	if (job != NULL)
		return job;
	if (process->head == TIMEPERIOD_NONE || timeperiod > process->head)
		return NULL;
	frame_load(frame, &range, 1);
	return frame_loaded_job(frame, process, timeperiod);
}

void
frame_imagine_jobs(Frame *frame, const JobRange *ranges, int n)
{
	for (int i = 0; i < n; i++)
	{
		Process    *process = ranges[i].process;
		Timeperiod	timeperiod = ranges[i].from;

		while (timeperiod < ranges[i].to)
		{
			JobRow		row = {process->id, timeperiod, JOB_EMBRYO};

			CHECK_FOR_INTERRUPTS();
			lane_add_revived(frame, frame_enter_job(frame, process, &row));
			if (!timeperiod_step(process->qualifier, timeperiod, 1, &timeperiod))
				break;
		}
	}
}

Job *
frame_next_in_range(Frame *frame, const JobRange *range, Timeperiod *cursor)
{
	TimeQualifier qualifier = range->process->qualifier;

	if (*cursor == TIMEPERIOD_NONE)
	{
		*cursor = timeperiod_cast(qualifier, range->from);
		if (*cursor < range->from && !timeperiod_step(qualifier, *cursor, 1, cursor))
			return NULL;
	}
	else if (!timeperiod_step(qualifier, *cursor, 1, cursor))
		return NULL;
	while (*cursor < range->to)
	{
		Job		   *job = frame_loaded_job(frame, range->process, *cursor);

		CHECK_FOR_INTERRUPTS();
		if (job != NULL)
			return job;
		if (!timeperiod_step(qualifier, *cursor, 1, cursor))
			return NULL;
	}
	return NULL;
}

/* ---------------------------------------------------------------- units */

Unit *
frame_enter_unit(Frame *frame, const Unit *read)
{
	bool		found;
	void	  **place = id_map_place(frame->units, read->id, &found);

	if (!found)
	{
		*place = MemoryContextAlloc(frame->context, sizeof(Unit));
		memcpy(*place, read, sizeof(Unit));
	}
	return *place;
}

Unit *
frame_read_unit(Frame *frame, uint64 row)
{
	Unit		unit;

	unit_read_row(row, &unit);
	return frame_enter_unit(frame, &unit);
}

void
frame_preload_units(Frame *frame, const int64 *ids, int n)
{
	MemoryContext old = MemoryContextSwitchTo(frame->context);
	int64	   *missing = palloc(sizeof(int64) * Max(n, 1));
	int			n_missing = 0;

	for (int i = 0; i < n; i++)
		if (ids[i] != 0 && id_map_get(frame->units, ids[i]) == NULL)
			missing[n_missing++] = ids[i];
	if (n_missing > 0)
	{
		Unit	   *units;

		n_missing = unit_fetch(missing, n_missing, &units);
		for (int i = 0; i < n_missing; i++)
			(void) frame_enter_unit(frame, &units[i]);
		pfree(units);
	}
	pfree(missing);
	MemoryContextSwitchTo(old);
}

void
frame_preload_job_units(Frame *frame, List *jobs)
{
	int64	   *ids = palloc(sizeof(int64) * Max(list_length(jobs), 1));
	int			n = 0;
	ListCell   *cell;

	foreach(cell, jobs)
	{
		const Job  *job = lfirst(cell);

		if (!carried_enter_unit(frame, job))
			ids[n++] = job->unit_id;
	}
	frame_preload_units(frame, ids, n);
	pfree(ids);
}

Unit *
frame_known_unit(Frame *frame, int64 id)
{
	return id_map_get(frame->units, id);
}

Unit *
frame_unit(Frame *frame, int64 id)
{
	Unit	   *unit = frame_known_unit(frame, id);

	if (unit != NULL)
		return unit;
	frame_preload_units(frame, &id, 1);
	return frame_known_unit(frame, id);
}

Unit *
job_unit(Frame *frame, Job *job)
{
	if (job->unit == NULL || job->unit->id != job->unit_id)
	{
		(void) carried_enter_unit(frame, job);
		job->unit = job->unit_id == 0 ? NULL : frame_unit(frame, job->unit_id);
	}
	return job->unit;
}

/* its older units may be worked on beside its own, see docs/invariants.md */
static bool
may_have_several(const Process *process)
{
	return state_machine_reads_rows(process->machine) && !process->is_eager;
}

/* of Job *: those that may have left a unit in a worker's hands, and were not asked about yet */
static List *
those_that_may_have_left(List *jobs)
{
	List	   *asked = NIL;
	ListCell   *cell;

	foreach(cell, jobs)
	{
		Job		   *job = lfirst(cell);

		if (job->may_have_left && !may_have_several(job->process))
			asked = lappend(asked, job);
		job->may_have_left = false;
	}
	return asked;
}

void
frame_let_go_others(Frame *frame, List *jobs)
{
	MemoryContext old = MemoryContextSwitchTo(frame->context);
	List	   *asked = those_that_may_have_left(jobs),
			   *left = NIL;
	uint64		n = asked == NIL ? 0 : unit_select_active_of(asked);
	ListCell   *cell;

	for (uint64 i = 0; i < n; i++)
		left = lappend(left, frame_read_unit(frame, i));
	if (asked != NIL)
		SPI_freetuptable(SPI_tuptable);
	foreach(cell, left)
	{
		Unit	   *unit = lfirst(cell);

		frame_cancel_unit(frame, unit);
		unit->is_let_go = true;
	}
	MemoryContextSwitchTo(old);
}

static void
read_units(Frame *frame, uint64 n)
{
	for (uint64 i = 0; i < n; i++)
		frame_read_unit(frame, i);
	SPI_freetuptable(SPI_tuptable);
}

void
frame_preload_units_with_bounds(Frame *frame, Job **jobs, int n)
{
	MemoryContext old = MemoryContextSwitchTo(frame->context);
	UnitBounds *wanted = palloc(sizeof(UnitBounds) * Max(n, 1));
	int			n_wanted = 0;

	for (int i = 0; i < n; i++)
	{
		RowsLook   *look = jobs[i]->rows;

		if (look->rows.n == 0)
			continue;
		wanted[n_wanted].process_id = jobs[i]->key.process_id;
		wanted[n_wanted].timeperiod = jobs[i]->key.timeperiod;
		wanted[n_wanted].start_id = look->rows.low;
		wanted[n_wanted++].end_id = look->rows.high;
	}
	if (n_wanted > 0)
		read_units(frame, unit_select_with_bounds(wanted, n_wanted));
	pfree(wanted);
	MemoryContextSwitchTo(old);
}

Unit *
frame_unit_with_bounds(Frame *frame, Job *job, int64 start_id, int64 end_id)
{
	/*
	 * A unit of this frame may have these bounds, and one in the table may have lost them in this frame (its upper
	 * bound moved).  The lowest id counts.
	 */
	Unit	   *best = NULL;
	id_map_iterator scan;
	IdEntry    *entry;

	id_map_start_iterate(frame->units, &scan);
	while ((entry = id_map_iterate(frame->units, &scan)) != NULL)
	{
		Unit	   *unit = entry->value;

		if (unit->process_id == job->key.process_id && unit->timeperiod == job->key.timeperiod &&
			unit->start_id == start_id && unit->end_id == end_id && (best == NULL || unit->id < best->id))
			best = unit;
	}
	return best;
}

Unit *
frame_new_unit(Frame *frame, int32 process_id)
{
	MemoryContext old = MemoryContextSwitchTo(frame->context);
	Unit		unit = {0};
	Unit	   *kept;

	if (frame->is_dry)
		unit.id = -1 - list_length(frame->new_units);
	else if (frame->n_spare_ids == 0)
	{
		/* few at first, more for a round that turns out to be large */
		int			n = list_length(frame->new_units) < 4 ? 1 : MAX_SPARE_IDS;

		frame->spare_ids = palloc(sizeof(int64) * n);
		unit_take_ids(frame->spare_ids, n);
		frame->n_spare_ids = n;
	}
	if (!frame->is_dry)
	{
		unit.id = *frame->spare_ids++;
		frame->n_spare_ids--;
	}
	unit.process_id = process_id;
	unit.state = unit.stored_state = UNIT_REQUESTED;
	unit.created = unit.submitted = frame->now;
	unit.mark = frame_next_mark(frame);
	unit.n_rows = -1;
	unit.is_new = unit.is_dirty = true;
	kept = frame_enter_unit(frame, &unit);
	frame->new_units = lappend(frame->new_units, kept);
	MemoryContextSwitchTo(old);
	return kept;
}
