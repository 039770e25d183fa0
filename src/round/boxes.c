/*
 * round/boxes.c: agents that are not heard of any more.
 *
 * An agent with units writes a sign of life now and then; one whose last sign is older than synergy.agent_timeout is
 * given up, and its units become invalid.  Should it be alive after all, it finds out with its next sign: the units'
 * attempts are the fence.
 *
 * On time, and nothing for idleness.  An agent that takes a unit wakes nobody.  But a unit that is taken was requested
 * before, by a round: so from a request on there is a look every timeout.  A box that becomes busy meanwhile has written
 * when; the next look comes before that is a timeout ago, and from then on the looks follow the boxes.  When no box is
 * busy and nothing is requested of agents, there are no more looks, until something is requested again.
 *
 * A box whose row somebody holds is alive: an agent that has just taken a unit, or gives its sign.  It is looked at
 * again a second later.  One whose unit could not be written, because somebody is just changing that, stays busy, too.
 */
#include "postgres.h"

#include "guc.h"
#include "round/boxes.h"
#include "store/box.h"
#include "store/box_unit.h"
#include "store/spi.h"

#define PATIENCE (1 * USECS_PER_SEC)

/* no unit is waited for without a sign of life for longer than gc_resubmit_after, here neither */
static int
patience_ms(void)
{
	return Max(Min(synergy_agent_timeout, synergy_gc_resubmit_after), 1000);
}

static int64
timeout(void)
{
	return patience_ms() * INT64CONST(1000);
}

TimestampTz
boxes_next_look(TimestampTz now)
{
	return now + timeout();
}

bool
boxes_are_used(const Definitions *definitions)
{
	for (int i = 0; i < definitions->n_processes; i++)
		if (definitions->processes[i]->worker == WORKER_EXEC)
			return true;
	for (int i = 0; i < definitions->n_freeruns; i++)
		if (definitions->freeruns[i]->worker == WORKER_EXEC)
			return true;
	return false;
}

static char *
why_lost(const char *box_name)
{
	if (patience_ms() % 1000 == 0)
		return psprintf("box \"%s\" was not heard of for %d s", box_name, patience_ms() / 1000);
	return psprintf("box \"%s\" was not heard of for %d ms", box_name, patience_ms());
}

static void
lose_units(Frame *frame, List *box_names)
{
	uint64		n = unit_select_on_boxes(box_names);
	List	   *units = NIL;
	ListCell   *cell;

	for (uint64 i = 0; i < n; i++)
	{
		Unit	   *unit = frame_read_unit(frame, i);

		unit->error = why_lost(store_get_text(i, UNIT_BOX_COLUMN));
		units = lappend(units, unit);
	}
	SPI_freetuptable(SPI_tuptable);
	foreach(cell, units)
	{
		Unit	   *unit = lfirst(cell);

		if (unit->state != UNIT_IN_PROGRESS)
			continue;			/* canceled in this round */
		unit->state = UNIT_INVALID;
		frame_touch_unit(frame, unit);
		frame_log_unit(frame, "unit", unit, UNIT_IN_PROGRESS, unit->error);
	}
}

TimestampTz
boxes_watch(Frame *frame, List **silent)
{
	TimestampTz first = box_first_heard(frame->now);
	int			n;
	Datum		ids;

	*silent = NIL;
	if (first != 0 && first + timeout() <= frame->now)
	{
		*silent = box_select_silent(frame->now - timeout());
		if (*silent != NIL)
			lose_units(frame, *silent);
		return frame->now + PATIENCE;	/* a look more, for those that are left and those that follow */
	}
	if (first != 0)
		return first + timeout();
	/* those that are off count: what was requested of them may still be taken when they are on */
	ids = definition_ids_of_worker(frame->definitions, WORKER_EXEC, false, &n);
	return n > 0 && box_unit_is_requested(ids) ? boxes_next_look(frame->now) : PG_INT64_MAX;
}

void
boxes_settle(List *silent)
{
	if (silent != NIL)
		box_give_up(silent);
}
