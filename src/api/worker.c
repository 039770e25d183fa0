/*
 * api/worker.c: what workers outside the database call when they have a unit: complete, fail, heartbeat, log.
 *
 * None of them takes the round lock: a worker never waits for the scheduler, and the other way round.  How they come
 * by a unit is in api/claim.c.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "api/arguments.h"
#include "api/session.h"
#include "core/types.h"
#include "daemon/clock.h"
#include "daemon/watch.h"
#include "nls.h"
#include "store/unit_run.h"

#define MAX_UNITS_AT_ONCE 100000

PG_FUNCTION_INFO_V1(synergy_complete);
PG_FUNCTION_INFO_V1(synergy_complete_many);
PG_FUNCTION_INFO_V1(synergy_fail);
PG_FUNCTION_INFO_V1(synergy_heartbeat);
PG_FUNCTION_INFO_V1(synergy_log);

static int32
checked_attempt(const char *argument, int32 attempt)
{
	if (attempt < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" is out of range: %d", argument, attempt),
				 errhint("Pass the attempt that claim or start returned.")));
	return attempt;
}

static int32
attempt_argument(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? 0 : checked_attempt("attempt", PG_GETARG_INT32(number));
}

static UnitState
state_argument(FunctionCallInfo fcinfo, int number)
{
	char	   *name = argument_text_required(fcinfo, number, "state");

	if (strcmp(name, "noop") == 0)
		return UNIT_NOOP;
	if (strcmp(name, "canceled") == 0)
		return UNIT_CANCELED;
	if (strcmp(name, "processed") != 0)
		argument_unknown("state", name, "processed, noop, canceled; for a failure call synergy.fail");
	return UNIT_PROCESSED;
}

Datum
synergy_complete(PG_FUNCTION_ARGS)
{
	UnitState	state = state_argument(fcinfo, 1);
	int64		processed = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT64(2);
	int64		aggregated = PG_ARGISNULL(3) ? 0 : PG_GETARG_INT64(3);
	StoreScope	scope;

	argument_not_null(fcinfo, 0, "unit_of_work_id");
	store_enter(&scope);
	unit_finish(PG_GETARG_INT64(0), attempt_argument(fcinfo, 4), state, PG_ARGISNULL(2) ? NULL : &processed,
				PG_ARGISNULL(3) ? NULL : &aggregated, clock_now());
	store_leave(&scope);
	PG_RETURN_VOID();
}

/* the elements of an array of one dimension without NULLs; 22004, 2202E */
static int
elements_argument(FunctionCallInfo fcinfo, int number, const char *argument, Oid type, Datum **elements)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(number);
	int			n;

	argument_array(array, argument, false);
	deconstruct_array(array, type, type == INT8OID ? 8 : 4, type == INT4OID || FLOAT8PASSBYVAL, type == INT8OID ? 'd' : 'i', elements, NULL, &n);
	return n;
}

Datum
synergy_complete_many(PG_FUNCTION_ARGS)
{
	UnitState	state = state_argument(fcinfo, 2);
	StoreColumn ids,
				attempts;
	StoreScope	scope;
	Datum	   *elements;
	int			n,
				n_attempts;

	argument_not_null(fcinfo, 0, "unit_of_work_ids");
	n = elements_argument(fcinfo, 0, "unit_of_work_ids", INT8OID, &elements);
	if (n > MAX_UNITS_AT_ONCE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("argument \"unit_of_work_ids\" has too many elements: %d", n),
				 errhint("Pass %d at most.", MAX_UNITS_AT_ONCE)));
	column_init(&ids, INT8OID);
	column_init(&attempts, INT4OID);
	for (int i = 0; i < n; i++)
		column_add(&ids, elements[i]);
	n_attempts = PG_ARGISNULL(1) ? n : elements_argument(fcinfo, 1, "attempts", INT4OID, &elements);
	if (n_attempts != n)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR), errmsg("argument \"attempts\" has %d elements, \"unit_of_work_ids\" %d", n_attempts, n),
				 errhint("Pass the attempt of each unit that claim returned, in the same order.")));
	for (int i = 0; i < n; i++)
		column_add(&attempts, Int32GetDatum(PG_ARGISNULL(1) ? 0 : checked_attempt("attempts", DatumGetInt32(elements[i]))));
	if (n == 0)
		PG_RETURN_VOID();
	store_enter(&scope);
	unit_finish_many(&ids, &attempts, state, clock_now());
	store_leave(&scope);
	PG_RETURN_VOID();
}

Datum
synergy_fail(PG_FUNCTION_ARGS)
{
	char	   *error = argument_text(fcinfo, 1);
	StoreScope	scope;

	argument_not_null(fcinfo, 0, "unit_of_work_id");
	store_enter(&scope);
	unit_fail(PG_GETARG_INT64(0), attempt_argument(fcinfo, 2), error ? error : "no reason given", clock_now());
	store_leave(&scope);
	PG_RETURN_VOID();
}

Datum
synergy_heartbeat(PG_FUNCTION_ARGS)
{
	static StoreQuery query = {
		"UPDATE synergy.unit_of_work_data SET heard_at = $2 WHERE unit_of_work_id = $1 AND state = 'i' AND NOT by_executor", 2,
		{INT8OID, TIMESTAMPTZOID}
	};
	StoreScope	scope;
	Datum		values[2];
	uint64		n;

	argument_not_null(fcinfo, 0, "unit_of_work_id");
	values[0] = PG_GETARG_DATUM(0);
	values[1] = TimestampTzGetDatum(clock_now());
	store_enter(&scope);
	n = store_execute(&query, values, NULL);
	store_leave(&scope);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("unit of work %lld is not in progress", (long long) PG_GETARG_INT64(0)),
				 errhint("It was finished, canceled or taken over; stop working on it.")));
	PG_RETURN_VOID();
}

Datum
synergy_log(PG_FUNCTION_ARGS)
{
	static StoreQuery query = {
		"INSERT INTO synergy.unit_of_work_log (unit_of_work_id, at, line) "
		"SELECT unit_of_work_id, $2, $3 FROM synergy.unit_of_work_data WHERE unit_of_work_id = $1", 3,
		{INT8OID, TIMESTAMPTZOID, TEXTOID}
	};
	StoreScope	scope;
	StoreColumn ids;
	Datum		values[3];
	uint64		n;

	argument_not_null(fcinfo, 0, "unit_of_work_id");
	values[0] = PG_GETARG_DATUM(0);
	values[1] = TimestampTzGetDatum(clock_now());
	values[2] = PointerGetDatum(argument_required(fcinfo, 1, "line"));
	store_enter(&scope);
	n = store_execute(&query, values, NULL);
	column_init(&ids, INT8OID);
	column_add(&ids, PG_GETARG_DATUM(0));
	watch_note_units(column_array(&ids));
	store_leave(&scope);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("unit of work %lld does not exist", (long long) PG_GETARG_INT64(0)),
				 errhint("SELECT * FROM synergy.unit_of_work lists the units.")));
	PG_RETURN_VOID();
}
