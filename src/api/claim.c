/*
 * api/claim.c: how workers outside the database come by a unit: claim and start.
 *
 * Neither takes the round lock: a worker never waits for the scheduler, and the other way round.  A unit is taken with
 * SKIP LOCKED, found by the partial index of active units.
 *
 * Looking on, not from the front.  Each unit that has ended leaves entries behind in that index, and while any session
 * holds an old snapshot they cannot be removed: a claim that begins at the front passes over all of them, every time.
 * So a session remembers, for each process name, how far it has looked: no unit up to there can be claimed.  Why that
 * stays true, and what is done where it does not:
 *
 *	 new units		become visible in the order of their ids (daemon/again.c), so they lie behind
 *	 passed over	because its row was locked, or not requested: it can be claimed when the lock is gone by an abort,
 *					or when a round requests it again or is done with a requested one.  Whoever does such a thing gives
 *					notice (daemon/again.c), and the units of notices are looked at by their keys.  Those of the
 *					session's own transaction are looked at as well: it sees what it has written
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

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "api/arguments.h"
#include "api/session.h"
#include "compat.h"
#include "daemon/again.h"
#include "daemon/clock.h"
#include "daemon/watch.h"
#include "nls.h"
#include "store/identity.h"
#include "store/spi.h"
#include "store/stream.h"
#include "store/unit.h"

PG_FUNCTION_INFO_V1(synergy_claim);
PG_FUNCTION_INFO_V1(synergy_start);

#define FRONT_INTERVAL (10 * USECS_PER_SEC) /* so often a look from the front */
#define FRONT_SHARE 20			/* that takes 1/20 of the time at most */

/*
 * The columns of the view synergy.unit_of_work, and the id of the process, from an UPDATE of u joined with its
 * definition o.  The state as text: else the partial index of active units would do, too, and be scanned for each id of
 * the array.
 */
#define TAKE_UNITS \
	"UPDATE synergy.unit_of_work_data u SET state = 'i', attempt = u.attempt + 1, started_at = $2, heard_at = NULL, by_executor = false " \
	"FROM synergy.definition o WHERE o.process_id = u.process_id AND u.state::text = 'r' AND "

/* the work of executors is done with the owner's rights, and is not to be given out as done by somebody without them */
#define MAY_TAKE(caller) "(o.worker <> 'sql' OR pg_catalog.pg_has_role(" caller ", o.owner::oid, 'USAGE'))"

#define RETURN_UNITS \
	" RETURNING u.unit_of_work_id, o.process_name, o.entry_name, u.timeperiod, u.start_timeperiod, u.end_timeperiod, " \
	"u.start_id, u.end_id, o.source, o.sink, o.arguments, synergy.uow_state_of(u.state), u.number_of_retries, u.attempt, " \
	"u.created_at, u.submitted_at, u.started_at, u.finished_at, u.number_of_processed, u.number_of_aggregated, u.error, u.process_id"
#define N_COLUMNS 21			/* of the view */

/* $1: ids of the process name, $3: how many at most, $4: where to look */
#define CLAIM(which, type, order) \
	{TAKE_UNITS "u.unit_of_work_id = ANY (ARRAY(SELECT d.unit_of_work_id FROM synergy.unit_of_work_data d " \
	"  WHERE d.state IN ('r', 'i', 'v') AND d.state = 'r' AND " which \
	"  ORDER BY " order " LIMIT $3 FOR UPDATE SKIP LOCKED))" RETURN_UNITS, 4, \
	{INT4ARRAYOID, TIMESTAMPTZOID, INT4OID, type}}

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

typedef struct Claim
{
	FunctionCallInfo fcinfo;
	ArrayType  *processes;
	int			wanted;			/* how many more */
	int64		last;			/* highest id taken by the last statement */
} Claim;

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

static void
return_units(FunctionCallInfo fcinfo, uint64 n)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int64	   *ids = palloc(sizeof(int64) * Max(n, 1));

	for (uint64 i = 0; i < n; i++)
	{
		Datum		values[N_COLUMNS + 1];
		bool		nulls[N_COLUMNS + 1];

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		ids[i] = DatumGetInt64(values[0]);
		watch_note_process(DatumGetInt32(values[N_COLUMNS]));
	}
	stream_units(ids, (int) n, clock_now());
	pfree(ids);
}

/* runs one of the statements below; returns whether it has found as many as were wanted */
static bool
take(Claim *claim, StoreQuery *query, Datum where)
{
	Datum		values[4] = {PointerGetDatum(claim->processes), TimestampTzGetDatum(clock_now()),
	Int32GetDatum(claim->wanted), where};
	uint64		n;

	again_begin();
	n = store_execute(query, values, NULL);
	claim->last = 0;
	for (uint64 i = 0; i < n; i++)
	{
		int64		id = store_get_int64(i, 1, 0);

		again_note(id, false);
		claim->last = Max(claim->last, id);
	}
	again_end();
	return_units(claim->fcinfo, n);
	claim->wanted -= (int) n;
	return claim->wanted <= 0;
}

static bool
take_by_key(Claim *claim, const AgainLook *look, int64 looked_up_to)
{
	static StoreQuery query = CLAIM("d.process_id = ANY ($1) AND d.unit_of_work_id = ANY ($4)", INT8ARRAYOID,
									 "d.unit_of_work_id");
	StoreColumn ids;

	column_init(&ids, INT8OID);
	for (int i = 0; i < look->n; i++)
		if (look->ids[i] <= looked_up_to)	/* the others still lie ahead */
			column_add_id(&ids, look->ids[i]);
	return ids.n > 0 && take(claim, &query, column_array(&ids));
}

static bool
take_after(Claim *claim, int64 after)
{
	static StoreQuery of_one = CLAIM("d.process_id = ($1)[1] AND d.unit_of_work_id > $4", INT8OID, "d.unit_of_work_id");

	/* of many, in the order of ids: near the end of the table by the primary key, from the front as one has to */
	static StoreQuery of_many = CLAIM("d.process_id = ANY ($1) AND d.unit_of_work_id > $4", INT8OID, "d.unit_of_work_id");
	static StoreQuery of_many_front = CLAIM("d.process_id = ANY ($1) AND d.unit_of_work_id > $4", INT8OID, "d.unit_of_work_id + 0");
	StoreQuery *query = after > 0 ? &of_many : &of_many_front;

	if (ArrayGetNItems(ARR_NDIM(claim->processes), ARR_DIMS(claim->processes)) == 1)
		query = &of_one;
	return take(claim, query, Int64GetDatum(after));
}

static void
take_from_front(Claim *claim, Memory *memory, const AgainLook *look)
{
	TimestampTz began = GetCurrentTimestamp();
	bool		is_enough = take_after(claim, 0);
	TimestampTz ended = GetCurrentTimestamp();

	memory->looked_up_to = is_enough ? claim->last : Max(claim->last, look->newest);
	memory->seen = look->count;
	memory->next_front = ended + Max(FRONT_INTERVAL, (ended - began) * FRONT_SHARE);
}

static void
take_onwards(Claim *claim, Memory *memory, const AgainLook *look)
{
	if (take_by_key(claim, look, memory->looked_up_to))
		return;					/* perhaps not all notices have been looked after: once more the next time */
	memory->seen = look->count;
	if (take_after(claim, memory->looked_up_to))
		memory->looked_up_to = claim->last;
	else
		memory->looked_up_to = Max(memory->looked_up_to, Max(claim->last, look->newest));
}

static void
take_units(Claim *claim, const char *process_name)
{
	Oid			relation = unit_relation();
	Memory	   *memory = recall(process_name, claim->processes, relation);
	AgainLook	look;

	again_look(memory->seen, relation, &look);
	if (!look.is_known)
		(void) take_after(claim, 0);
	else if (memory->seen == 0 || look.has_missed || GetCurrentTimestamp() >= memory->next_front)
		take_from_front(claim, memory, &look);
	else
		take_onwards(claim, memory, &look);
}

Datum
synergy_claim(PG_FUNCTION_ARGS)
{
	static StoreQuery find = {
		"SELECT pg_catalog.array_agg(process_id ORDER BY process_id) FILTER (WHERE is_on AND " MAY_TAKE("$2") ") "
		"FROM synergy.definition o WHERE process_name = $1 HAVING pg_catalog.count(*) > 0", 2, {TEXTOID, OIDOID}
	};
	char	   *name = argument_text_required(fcinfo, 0, "process_name");
	Claim		claim = {fcinfo};
	StoreScope	scope;
	Datum		values[2];
	bool		is_off;

	argument_not_null(fcinfo, 1, "max_units");
	claim.wanted = PG_GETARG_INT32(1);
	if (claim.wanted < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"max_units\" is out of range: %d", claim.wanted),
				 errhint("Accepted is 1 or more.")));
	InitMaterializedSRF(fcinfo, 0);
	store_enter(&scope);
	values[0] = CStringGetTextDatum(name);
	values[1] = ObjectIdGetDatum(scope.user);
	if (store_execute(&find, values, NULL) == 0)
		report_no_process(name);
	values[0] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_off);
	if (!is_off && identity_may_work())
	{
		claim.processes = DatumGetArrayTypePCopy(values[0]);
		take_units(&claim, name);
	}
	store_leave(&scope);
	return (Datum) 0;
}

Datum
synergy_start(PG_FUNCTION_ARGS)
{
	static StoreQuery query = {TAKE_UNITS "u.unit_of_work_id = $1 AND " MAY_TAKE("$3") RETURN_UNITS, 3,
	{INT8OID, TIMESTAMPTZOID, OIDOID}};
	StoreScope	scope;
	Datum		values[3];

	argument_not_null(fcinfo, 0, "unit_of_work_id");
	InitMaterializedSRF(fcinfo, 0);
	values[0] = PG_GETARG_DATUM(0);
	values[1] = TimestampTzGetDatum(clock_now());
	store_enter(&scope);
	values[2] = ObjectIdGetDatum(scope.user);
	again_note(PG_GETARG_INT64(0), false);
	if (identity_may_work())
		return_units(fcinfo, store_execute(&query, values, NULL));
	store_leave(&scope);
	return (Datum) 0;
}
