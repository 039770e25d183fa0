/*
 * store/unit_run.h: the life of one unit in the hands of an executor.
 *
 * All three run with the rights of the extension's owner and a pinned search_path whatever role and settings the
 * session has, restore both, and use SPI themselves.  They need an open transaction.
 */
#ifndef SYNERGY_STORE_UNIT_RUN_H
#define SYNERGY_STORE_UNIT_RUN_H

#include "postgres.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "core/types.h"
#include "store/spi.h"

typedef struct RunnableUnit
{
	int64		unit_id;
	int32		attempt;
	char	   *process_name;
	char	   *entry_name;		/* NULL for a managed process */
	char	   *timeperiod;		/* text */
	char	   *command;
	TimestampTz start;			/* $1 */
	TimestampTz end;			/* $2 */
	char	   *arguments;		/* $3, jsonb as text, */
	Jsonb	   *parsed_arguments;	/* or this, if it is not NULL */
	int64		timeout_ms;		/* 0: none */
} RunnableUnit;

/*
 * requested -> in_progress, attempt + 1.  NULL when the unit is not requested any more, or when its process now has
 * another owner than the session's user, or another kind of worker.  Result in the current memory context.  Commit right after.
 */
extern RunnableUnit *unit_run_start(int64 unit_id, TimestampTz now);

/* in_progress -> processed, in the transaction of the command itself; ERROR 55000 when fenced off */
extern void unit_run_complete(int64 unit_id, int32 attempt, int64 number_of_processed, TimestampTz now);

/* in_progress -> invalid with the error kept; false, and nothing is changed, when fenced off */
extern bool unit_run_fail(int64 unit_id, int32 attempt, const char *error, TimestampTz now);

/* requested -> invalid without a start, because no executor can be had for it (owner gone, may not log in...) */
extern void unit_run_refuse(int64 unit_id, const char *error, TimestampTz now);

/*
 * The same for workers of any kind, inside of store_enter(): attempt 0 is whichever is current, counts may be NULL.
 * ERROR 42704 when there is no such unit, 55000 when it is not in progress or the attempt is not the current one.
 */
extern void unit_finish(int64 unit_id, int32 attempt, UnitState state, const int64 *processed, const int64 *aggregated,
						TimestampTz now);
/* several at once: ids (bigint) and attempts (int) of the same length; ERROR as above for the first one that is refused */
extern void unit_finish_many(StoreColumn *ids, StoreColumn *attempts, UnitState state, TimestampTz now);
extern void unit_fail(int64 unit_id, int32 attempt, const char *error, TimestampTz now);

#endif							/* SYNERGY_STORE_UNIT_RUN_H */
