/*
 * store/unit_batch.h: the life of several units that an executor runs in one transaction (daemon/batch.c).
 *
 * Like store/unit_run.h: with the rights of the extension's owner, whatever the session is.
 */
#ifndef SYNERGY_STORE_UNIT_BATCH_H
#define SYNERGY_STORE_UNIT_BATCH_H

#include "store/request.h"
#include "store/unit_run.h"

/* what a process's or freerun's units have in common */
typedef struct BatchDefinition
{
	int32		process_id;
	bool		is_ours;		/* of the session's user, and of a worker of SQL */
	char	   *command;
	char	   *arguments;		/* jsonb as text */
	char	   *process_name;	/* the freerun's, too */
} BatchDefinition;

/* reads those with these ids; what is not there is not ours; texts in the current memory context */
extern void unit_batch_define(BatchDefinition *definitions, int n);

typedef struct BatchUnit
{
	UnitRequest request;		/* attempt, mark and bound are the fence: it ends only if it still is as it was requested */
	bool		is_ours;
	bool		is_stale;		/* it was not as it was requested, which unit_batch_complete() has found */
	bool		is_requested;	/* but is requested all the same */
	TimestampTz started;		/* 0: it was not run */
	const char *process_name;	/* of one that was run */
	int64		n_rows;
} BatchUnit;

/* those that were run: requested -> processed, attempt + 1, and the news of it; ERROR 40001 when one is not as it was requested */
extern void unit_batch_complete(BatchUnit *units, int n, TimestampTz now);

#endif							/* SYNERGY_STORE_UNIT_BATCH_H */
