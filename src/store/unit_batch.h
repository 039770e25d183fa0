/*
 * store/unit_batch.h: the life of several units that an executor runs in one transaction (daemon/batch.h).
 *
 * Like store/unit_run.h: with the rights of the extension's owner, whatever the session is.
 */
#ifndef SYNERGY_STORE_UNIT_BATCH_H
#define SYNERGY_STORE_UNIT_BATCH_H

#include "store/unit_run.h"

typedef struct BatchUnit
{
	RunnableUnit unit;			/* its unit_id is given */
	int32		process_id;
	bool		is_ours;		/* requested, of the session's user, and of a worker of SQL */
	bool		has_begun;
	int64		mark;			/* the fence: it ends only if it is still as it was read */
	int64		end_id;
	TimestampTz started;
	int64		n_rows;
} BatchUnit;

/* the rest of those that are ours, in the current memory context; attempt is the one before */
extern void unit_batch_read(BatchUnit *units, int n);

/* those that are ours: requested -> processed, attempt + 1, and the news of it; ERROR 40001 when one is not as it was read */
extern void unit_batch_complete(BatchUnit *units, int n, TimestampTz now);

#endif							/* SYNERGY_STORE_UNIT_BATCH_H */
