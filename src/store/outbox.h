/*
 * store/outbox.h: synergy.outbox: what the courier is to publish.
 */
#ifndef SYNERGY_STORE_OUTBOX_H
#define SYNERGY_STORE_OUTBOX_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "utils/timestamp.h"

#include "core/timeperiod.h"
#include "store/backlog.h"

/* a message ready to be published, and where to */
typedef struct OutboxRow
{
	int64		id;
	int64		unit_id;		/* 0: an event, which nobody needs to hear */
	bool		is_void;		/* the unit is not requested any more: nothing to publish */
	const char *exchange;
	char	   *routing_key;
	char	   *queue;			/* NULL for an event, likewise below */
	char	   *queue_type;
	int			priority;		/* -1: none */
	int64		ttl_ms;			/* -1: for ever */
	char	   *body;			/* UTF-8 */
	size_t		size;			/* bytes of it */
	/* of the unit */
	int32		process_id;
	int			attempt;		/* that a start of it will have */
	Timeperiod	timeperiod;
	Timeperiod	start;
	Timeperiod	end;
	int64		start_id;
	int64		end_id;
	int			retries;
} OutboxRow;

/* the unit goes to the end of the outbox; one that is there already moves */
extern void outbox_add_units(List *units);

/*
 * Up to `limit` rows that were not seen before, with their messages, ascending, but those that wait for another try;
 * rows are palloc'd.  *is_partial: that many have become visible late that they could not all be seen; the backlog has
 * not noted these, and is to be reset when all of them have been dealt with.
 */
extern int	outbox_fetch(Backlog *backlog, int limit, List **rows, bool *is_partial);

/* before that: those whose next try is due.  They are like all others from now on; those that the look will find are left to it. */
extern int	outbox_fetch_due(const Backlog *backlog, TimestampTz now, int limit, List **rows);
extern TimestampTz outbox_next_try(TimestampTz now);	/* PG_INT64_MAX: none */

/*
 * Those of these that are there; an id may be among them more than once.  Those that somebody's transaction holds are left, into
 * `left`, each once; returns how many.
 */
extern int	outbox_delete(const int64 *ids, int n, int64 *left);

/* they could not be routed: tried again later, the longer the more often it has been so.  Units of the first time are
 * written to the event log. */
typedef struct OutboxFailure
{
	int64		id;
	char	   *error;
} OutboxFailure;

extern void outbox_postpone(const OutboxFailure *failures, int n, TimestampTz now);

#endif							/* SYNERGY_STORE_OUTBOX_H */
