/*
 * round/reclaim.c: units whose session is gone.
 *
 * An executor tells shared memory which unit it runs before the unit's start commits, and takes that back after
 * its end has committed.  So a unit that the table shows in progress under an executor, and that shared memory,
 * asked afterwards, does not know, has either lost its session or ended meanwhile; and the write below is
 * conditional on its still being in progress under the same attempt.  Hence the order: first the table, then
 * shared memory.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "round/frame.h"
#include "round/round.h"
#include "store/spi.h"

#define MAX_LOSSES 3			/* so many sessions lost in a row, and the unit is invalid */

static void
reclaim_unit(Frame *frame, Unit *unit)
{
	unit->losses++;
	unit->started = unit->heard = 0;
	unit->error = "the session that ran it ended before it did";
	if (unit->losses >= MAX_LOSSES)
		unit->state = UNIT_INVALID;
	else
	{
		unit->state = UNIT_REQUESTED;
		unit->submitted = frame->now;
	}
	frame_touch_unit(frame, unit);
	frame_log_unit(frame, "unit", unit, UNIT_IN_PROGRESS, unit->error);
}

/*
 * Units that workers outside have in the database that this is a copy of: nobody has them here.  Those of executors are
 * found when the scheduler begins to work.
 */
void
round_take_over(Frame *frame)
{
	MemoryContext old = MemoryContextSwitchTo(frame->context);
	uint64		n = unit_select_in_progress(false);
	List	   *units = NIL;
	ListCell   *cell;

	for (uint64 i = 0; i < n; i++)
		units = lappend(units, frame_read_unit(frame, i));
	SPI_freetuptable(SPI_tuptable);
	foreach(cell, units)
	{
		Unit	   *unit = lfirst(cell);

		unit->state = UNIT_REQUESTED;
		unit->started = unit->heard = 0;
		unit->submitted = frame->now;
		unit->error = "it was in progress in the database that this is a copy of";
		frame_touch_unit(frame, unit);
		frame_log_unit(frame, "unit", unit, UNIT_IN_PROGRESS, unit->error);
	}
	MemoryContextSwitchTo(old);
}

int
round_reclaim(UnitIsRunning is_running, void *context, TimestampTz now)
{
	StoreScope	scope;
	Frame	   *frame;
	MemoryContext old;
	uint64		n;
	List	   *units = NIL;
	ListCell   *cell;
	int			n_lost = 0;

	round_enter(&scope);
	frame = frame_create(definition_load(CurrentMemoryContext), now);
	if (frame->definitions->paused)
	{
		store_leave(&scope);
		return 0;
	}
	old = MemoryContextSwitchTo(frame->context);
	n = unit_select_in_progress(true);
	for (uint64 i = 0; i < n; i++)
		units = lappend(units, frame_read_unit(frame, i));
	foreach(cell, units)
	{
		Unit	   *unit = lfirst(cell);

		if (is_running(unit->id, unit->attempt, context))
			continue;
		reclaim_unit(frame, unit);
		n_lost++;
	}
	(void) frame_flush(frame);
	MemoryContextSwitchTo(old);
	store_leave(&scope);
	return n_lost;
}
