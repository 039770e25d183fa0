/*
 * store/request.h: a unit that is to be run, as it was requested.
 *
 * One thing from the round that requests it to the end of its batch: the scheduler hands it out, an executor finds it in
 * its mail, and what it ends is only what is still like this.  Plain data: it lies in shared memory, too.
 */
#ifndef SYNERGY_STORE_REQUEST_H
#define SYNERGY_STORE_REQUEST_H

#include "core/timeperiod.h"

typedef struct UnitRequest
{
	int64		unit_id;
	int32		process_id;		/* or the freerun's */
	int32		attempt;		/* of the one before, 0: there was none; the next is this + 1 */
	int64		mark;			/* changes whenever it is requested, or taken back */
	int64		end_id;			/* bound of its source, exclusive */
	Timeperiod	start;			/* the periods that it is about, the second one exclusive */
	Timeperiod	end;
	bool		is_alone;		/* to be run in a transaction of its own: with others it has failed */
	/* nothing of it is in the tables (round/carried.h); then also: */
	bool		is_carried;
	bool		follows;		/* to be run by who has run the one before it, right behind that, and only if that has ended well */
	uint64		fence_count;	/* daemon/fence.h */
	Timeperiod	timeperiod;		/* its job's */
	int64		requested_at;	/* a TimestampTz */
} UnitRequest;

#endif							/* SYNERGY_STORE_REQUEST_H */
