/*
 * api/claim.c: how workers outside the database come by a unit: claim and start.
 *
 * Neither takes the round lock: a worker never waits for the scheduler, and the other way round.  A unit that somebody holds
 * is passed over (store/unit_take.c); units are found by the list of active ones (store/active.h).
 *
 * Looking on, not from the front.  Each unit that has ended leaves entries behind in its index, and while any session
 * holds an old snapshot they cannot be removed: a claim that begins at the front passes over all of them, every time.
 * So a session remembers, for each process name, how far it has looked: no unit up to there can be claimed.  Why that
 * stays true, and what is done where it does not:
 *
 *	 new units		become visible in the order of their ids (daemon/again.c), so they lie behind
 *	 passed over	because its row was locked, not requested, or changed since it was listed: it can be claimed when the
 *					lock is gone by an abort, or when a round requests it again or is done with a requested one.  So
 *					whoever does such a thing, or leaves a unit requested that he has changed, gives notice
 *					(daemon/again.c), and the units of notices are looked at by their keys.  Those of the session's own
 *					transaction are looked at as well: it sees what it has written
 *	 not reached	a claim that found as many as it wanted has looked up to the last of them; one that found fewer up
 *					to the newest unit that was there before its snapshot was taken
 *	 taken			and given back, because the transaction or its subtransaction is rolled back: by notice, too.  So
 *					what is remembered needs no rolling back
 *	 switched off	and on, entries that come and go: with another set of ids of the name, looking begins anew
 *
 * Nobody gives notice of ROLLBACK PREPARED and COMMIT PREPARED, nor of a user's own SELECT ... FOR UPDATE of the table,
 * or writing to it.  So there is a look from the front at least every ten seconds, but not so often that it would be
 * more than a small part of the work.  After it, too, looking goes on from where it has ended.
 *
 * In REPEATABLE READ what was noticed after the snapshot was taken is kept for later (daemon/again.c).  Where the
 * library is not preloaded, there are no notices, and each claim looks from the front.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "api/arguments.h"
#include "api/session.h"
#include "compat.h"
#include "daemon/again.h"
#include "daemon/clock.h"
#include "nls.h"
#include "store/identity.h"
#include "store/spi.h"
#include "store/unit.h"
#include "store/unit_take.h"

PG_FUNCTION_INFO_V1(synergy_claim);
PG_FUNCTION_INFO_V1(synergy_start);

#define FRONT_INTERVAL (10 * USECS_PER_SEC) /* so often a look from the front */
#define FRONT_SHARE 20			/* that takes 1/20 of the time at most */

/* how far this session has looked */
typedef struct Memory
{
	char		process_name[NAMEDATALEN];	/* the key */
	ArrayType  *processes;		/* its ids, ascending; of freeruns there are many */
	Oid			relation;		/* CREATE EXTENSION counts from 1 again */
	int64		looked_up_to;
	uint64		seen;			/* notices before this one have been looked after; 0: nothing is remembered */
	TimestampTz next_front;
} Memory;

/* ---------------------------------------------------------------- memory */

static Memory *
recall(const char *process_name, ArrayType *processes, Oid relation)
{
	static HTAB *memories = NULL;
	Memory	   *memory;
	bool		found;

	if (memories == NULL)
	{
		HASHCTL		control = {0};

		control.keysize = NAMEDATALEN;
		control.entrysize = sizeof(Memory);
		memories = hash_create("synergy claims", 16, &control, HASH_ELEM | HASH_STRINGS);
	}
	memory = hash_search(memories, process_name, HASH_ENTER, &found);
	if (!found)
	{
		memory->processes = NULL;
		memory->seen = 0;
	}
	if (memory->processes == NULL || memory->relation != relation || VARSIZE(memory->processes) != VARSIZE(processes) ||
		memcmp(memory->processes, processes, VARSIZE(processes)) != 0)
	{
		if (memory->processes != NULL)
			pfree(memory->processes);
		memory->processes = NULL;
		memory->seen = 0;
		memory->relation = relation;
		memory->processes = MemoryContextAlloc(TopMemoryContext, VARSIZE(processes));
		memcpy(memory->processes, processes, VARSIZE(processes));
	}
	return memory;
}

/* ---------------------------------------------------------------- taking */

static bool
take_by_key(UnitTake *take, const AgainLook *look, int64 looked_up_to)
{
	StoreColumn ids;

	column_init(&ids, INT8OID);
	for (int i = 0; i < look->n; i++)
		if (look->ids[i] <= looked_up_to)	/* the others still lie ahead */
			column_add_id(&ids, look->ids[i]);
	return ids.n > 0 && unit_take_these(take, column_array(&ids));
}

static void
take_from_front(UnitTake *take, Memory *memory, const AgainLook *look)
{
	TimestampTz began = GetCurrentTimestamp();
	bool		is_enough = unit_take_after(take, 0);
	TimestampTz ended = GetCurrentTimestamp();

	memory->looked_up_to = is_enough ? take->last : Max(take->last, look->newest);
	memory->seen = look->count;
	memory->next_front = ended + Max(FRONT_INTERVAL, (ended - began) * FRONT_SHARE);
}

static void
take_onwards(UnitTake *take, Memory *memory, const AgainLook *look)
{
	if (take_by_key(take, look, memory->looked_up_to))
		return;					/* perhaps not all notices have been looked after: once more the next time */
	memory->seen = look->count;
	if (unit_take_after(take, memory->looked_up_to))
		memory->looked_up_to = take->last;
	else
		memory->looked_up_to = Max(memory->looked_up_to, Max(take->last, look->newest));
}

static void
take_units(UnitTake *take, const char *process_name)
{
	Oid			relation = unit_relation();
	Memory	   *memory = recall(process_name, take->processes, relation);
	AgainLook	look;

	again_look(memory->seen, relation, &look);
	if (!look.is_known)
		(void) unit_take_after(take, 0);
	else if (memory->seen == 0 || look.has_missed || GetCurrentTimestamp() >= memory->next_front)
		take_from_front(take, memory, &look);
	else
		take_onwards(take, memory, &look);
}

static void
begin_result(FunctionCallInfo fcinfo, UnitTake *take)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	take->rows = result->setResult;
	take->desc = result->setDesc;
	take->now = clock_now();
}

Datum
synergy_claim(PG_FUNCTION_ARGS)
{
	static StoreQuery find = {
		"SELECT pg_catalog.array_agg(process_id ORDER BY process_id) FILTER (WHERE is_on AND " UNIT_MAY_TAKE("$2") ") "
		"FROM synergy.definition o WHERE process_name = $1 HAVING pg_catalog.count(*) > 0", 2, {TEXTOID, OIDOID}
	};
	char	   *name = argument_text_required(fcinfo, 0, "process_name");
	UnitTake	take = {0};
	StoreScope	scope;
	Datum		values[2];
	bool		is_off;

	argument_not_null(fcinfo, 1, "max_units");
	if (PG_GETARG_INT32(1) < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"max_units\" is out of range: %d", PG_GETARG_INT32(1)),
				 errhint("Accepted is 1 or more.")));
	begin_result(fcinfo, &take);
	take.wanted = PG_GETARG_INT32(1);
	store_enter(&scope);
	values[0] = CStringGetTextDatum(name);
	values[1] = ObjectIdGetDatum(scope.user);
	if (store_execute(&find, values, NULL) == 0)
		report_no_process(name);
	values[0] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_off);
	if (!is_off && identity_may_work())
	{
		take.processes = DatumGetArrayTypePCopy(values[0]);
		take_units(&take, name);
	}
	store_leave(&scope);
	return (Datum) 0;
}

Datum
synergy_start(PG_FUNCTION_ARGS)
{
	UnitTake	take = {0};
	StoreScope	scope;

	argument_not_null(fcinfo, 0, "unit_of_work_id");
	begin_result(fcinfo, &take);
	store_enter(&scope);
	if (identity_may_work())
		unit_take_one(&take, PG_GETARG_INT64(0), scope.user);
	store_leave(&scope);
	return (Datum) 0;
}
