/*
 * store/unit_take.h: requested units of work are taken by a worker outside the database.
 *
 * All of it runs inside of store_enter().  A unit that somebody else holds, or has changed since the statement began, is
 * passed over (unit_take_one waits for him).  What is taken is handed out as rows of the view synergy.unit_of_work.
 */
#ifndef SYNERGY_STORE_UNIT_TAKE_H
#define SYNERGY_STORE_UNIT_TAKE_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "utils/array.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

typedef struct UnitTake
{
	Tuplestorestate *rows;		/* where they go */
	TupleDesc	desc;
	TimestampTz now;
	ArrayType  *processes;		/* ids, not NULL; of freeruns there may be many */
	int			wanted;			/* how many more */
	int64		last;			/* highest id that the last call has looked at, if it found as many as were wanted */
} UnitTake;

/* the oldest of these processes' units after this id; true: as many as were wanted */
extern bool unit_take_after(UnitTake *take, int64 after);

/* of these, those that are these processes' */
extern bool unit_take_these(UnitTake *take, Datum ids);

/* the one, if its work is open to `user`: not done by executors, or its owner's */
extern void unit_take_one(UnitTake *take, int64 unit_id, Oid user);

/*
 * The same as a condition over synergy.definition AS o: the work of executors is done with the owner's rights, and is not to be given
 * out as done by somebody without them.
 */
#define UNIT_MAY_TAKE(user) "(o.worker <> 'sql' OR pg_catalog.pg_has_role(" user ", o.owner::oid, 'USAGE'))"

#endif							/* SYNERGY_STORE_UNIT_TAKE_H */
