/*
 * api/worker.c: what workers outside the database call when they have a unit: complete, fail, heartbeat, log.
 *
 * None of them takes the round lock: a worker never waits for the scheduler, and the other way round.  How they come
 * by a unit is in api/claim.c.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "api/arguments.h"
#include "api/session.h"
#include "core/types.h"
#include "daemon/clock.h"
#include "daemon/watch.h"
#include "store/unit_run.h"

PG_FUNCTION_INFO_V1(synergy_complete);
PG_FUNCTION_INFO_V1(synergy_fail);
PG_FUNCTION_INFO_V1(synergy_heartbeat);
PG_FUNCTION_INFO_V1(synergy_log);

static int32
attempt_argument(FunctionCallInfo fcinfo, int number)
{
	if (PG_ARGISNULL(number))
		return 0;
	if (PG_GETARG_INT32(number) < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"attempt\" is out of range: %d", PG_GETARG_INT32(number)),
				 errhint("Pass the attempt that claim or start returned.")));
	return PG_GETARG_INT32(number);
}

Datum
synergy_complete(PG_FUNCTION_ARGS)
{
	char	   *name = argument_text_required(fcinfo, 1, "state");
	UnitState	state = UNIT_PROCESSED;
	int64		processed = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT64(2);
	int64		aggregated = PG_ARGISNULL(3) ? 0 : PG_GETARG_INT64(3);
	StoreScope	scope;

	argument_not_null(fcinfo, 0, "unit_of_work_id");
	if (strcmp(name, "processed") == 0)
		state = UNIT_PROCESSED;
	else if (strcmp(name, "noop") == 0)
		state = UNIT_NOOP;
	else if (strcmp(name, "canceled") == 0)
		state = UNIT_CANCELED;
	else
		argument_unknown("state", name, "processed, noop, canceled; for a failure call synergy.fail");
	store_enter(&scope);
	unit_finish(PG_GETARG_INT64(0), attempt_argument(fcinfo, 4), state, PG_ARGISNULL(2) ? NULL : &processed,
				PG_ARGISNULL(3) ? NULL : &aggregated, clock_now());
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
				 errmsg("unit of work " INT64_FORMAT " is not in progress", PG_GETARG_INT64(0)),
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
				 errmsg("unit of work " INT64_FORMAT " does not exist", PG_GETARG_INT64(0)),
				 errhint("SELECT * FROM synergy.unit_of_work lists the units.")));
	PG_RETURN_VOID();
}
