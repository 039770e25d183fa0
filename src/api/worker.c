/*
 * api/worker.c: what workers outside the database call: claim, start, complete, fail, heartbeat, log.
 *
 * None of them takes the round lock: a worker never waits for the scheduler, and the other way round.  A unit is
 * taken with SKIP LOCKED, found by the partial index of active units.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "api/arguments.h"
#include "api/session.h"
#include "compat.h"
#include "core/types.h"
#include "daemon/clock.h"
#include "store/registry.h"
#include "store/unit_run.h"

PG_FUNCTION_INFO_V1(synergy_claim);
PG_FUNCTION_INFO_V1(synergy_start);
PG_FUNCTION_INFO_V1(synergy_complete);
PG_FUNCTION_INFO_V1(synergy_fail);
PG_FUNCTION_INFO_V1(synergy_heartbeat);
PG_FUNCTION_INFO_V1(synergy_log);

/* the columns of the view synergy.unit_of_work, from an UPDATE of u joined with its definition o */
#define TAKE_UNITS \
	"UPDATE synergy.unit_of_work_data u SET state = 'i', attempt = u.attempt + 1, started_at = $2, heard_at = NULL, by_executor = false " \
	"FROM synergy.definition o WHERE o.process_id = u.process_id AND u.state = 'r' AND "
#define RETURN_UNITS \
	" RETURNING u.unit_of_work_id, o.process_name, o.entry_name, u.timeperiod, u.start_timeperiod, u.end_timeperiod, " \
	"u.start_id, u.end_id, o.source, o.sink, o.arguments, synergy.uow_state_of(u.state), u.number_of_retries, u.attempt, " \
	"u.created_at, u.submitted_at, u.started_at, u.finished_at, u.number_of_processed, u.number_of_aggregated, u.error"

static void
return_units(FunctionCallInfo fcinfo, uint64 n)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	for (uint64 i = 0; i < n; i++)
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
}

Datum
synergy_claim(PG_FUNCTION_ARGS)
{
	static StoreQuery query = {
		TAKE_UNITS "u.unit_of_work_id = ANY (ARRAY(SELECT d.unit_of_work_id FROM synergy.unit_of_work_data d "
		"  WHERE d.process_id = ANY ($1) AND d.state IN ('r', 'i', 'v') AND d.state = 'r' "
		"  ORDER BY d.unit_of_work_id LIMIT $3 FOR UPDATE SKIP LOCKED))" RETURN_UNITS, 3,
		{INT4ARRAYOID, TIMESTAMPTZOID, INT4OID}
	};
	static StoreQuery find = {
		"SELECT pg_catalog.array_agg(process_id) FILTER (WHERE is_on) FROM synergy.definition WHERE process_name = $1 "
		"HAVING pg_catalog.count(*) > 0", 1, {TEXTOID}
	};
	char	   *name = argument_text_required(fcinfo, 0, "process_name");
	StoreScope	scope;
	Datum		values[3];
	bool		is_off;

	argument_not_null(fcinfo, 1, "max_units");
	if (PG_GETARG_INT32(1) < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"max_units\" is out of range: %d", PG_GETARG_INT32(1)),
				 errhint("Accepted is 1 or more.")));
	InitMaterializedSRF(fcinfo, 0);
	store_enter(&scope);
	values[0] = CStringGetTextDatum(name);
	if (store_execute(&find, values, NULL) == 0)
		report_no_process(name);
	values[0] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_off);
	values[1] = TimestampTzGetDatum(clock_now());
	values[2] = PG_GETARG_DATUM(1);
	if (!is_off)
		return_units(fcinfo, store_execute(&query, values, NULL));
	store_leave(&scope);
	return (Datum) 0;
}

Datum
synergy_start(PG_FUNCTION_ARGS)
{
	static StoreQuery query = {TAKE_UNITS "u.unit_of_work_id = $1" RETURN_UNITS, 2, {INT8OID, TIMESTAMPTZOID}};
	StoreScope	scope;
	Datum		values[2];

	argument_not_null(fcinfo, 0, "unit_of_work_id");
	InitMaterializedSRF(fcinfo, 0);
	values[0] = PG_GETARG_DATUM(0);
	values[1] = TimestampTzGetDatum(clock_now());
	store_enter(&scope);
	return_units(fcinfo, store_execute(&query, values, NULL));
	store_leave(&scope);
	return (Datum) 0;
}

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
		"UPDATE synergy.unit_of_work_data SET heard_at = $2 WHERE unit_of_work_id = $1 AND state = 'i'", 2,
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
	Datum		values[3];
	uint64		n;

	argument_not_null(fcinfo, 0, "unit_of_work_id");
	values[0] = PG_GETARG_DATUM(0);
	values[1] = TimestampTzGetDatum(clock_now());
	values[2] = PointerGetDatum(argument_required(fcinfo, 1, "line"));
	store_enter(&scope);
	n = store_execute(&query, values, NULL);
	store_leave(&scope);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("unit of work " INT64_FORMAT " does not exist", PG_GETARG_INT64(0)),
				 errhint("SELECT * FROM synergy.unit_of_work lists the units.")));
	PG_RETURN_VOID();
}
