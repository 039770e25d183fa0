/*
 * api/prune.c: what the scheduler does in the background, by hand: synergy.prune().
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "api/arguments.h"
#include "daemon/clock.h"
#include "nls.h"
#include "round/retention.h"
#include "store/spi.h"

PG_FUNCTION_INFO_V1(synergy_prune);

#define ROWS_PER_STEP 1000
#define MAX_YEARS 4000			/* the calendar does not go back much further */

/* microseconds before now; -1 for NULL: as settings and options say */
static int64
older_than_argument(FunctionCallInfo fcinfo, TimestampTz now)
{
	const Interval none = {0};
	const Interval most = {.month = MAX_YEARS * 12};
	bool		is_negative;
	char	   *shown;

	if (PG_ARGISNULL(0))
		return -1;
	shown = DatumGetCString(DirectFunctionCall1(interval_out, PG_GETARG_DATUM(0)));
	is_negative = DatumGetBool(DirectFunctionCall2(interval_lt, PG_GETARG_DATUM(0), IntervalPGetDatum(&none)));
	if (is_negative || DatumGetBool(DirectFunctionCall2(interval_gt, PG_GETARG_DATUM(0), IntervalPGetDatum(&most))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 is_negative ? errmsg("argument \"older_than\" is negative: \"%s\"", shown) :
				 errmsg("argument \"older_than\" is out of range: \"%s\"", shown),
				 errhint("Pass an interval such as '90 days', at most %d years, or NULL for what settings and options say.", MAX_YEARS)));
	return now - DatumGetTimestampTz(DirectFunctionCall2(timestamptz_mi_interval, TimestampTzGetDatum(now), PG_GETARG_DATUM(0)));
}

static int
max_rows_argument(FunctionCallInfo fcinfo)
{
	int			max_rows;

	argument_not_null(fcinfo, 1, "max_rows");
	max_rows = PG_GETARG_INT32(1);
	if (max_rows < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"max_rows\" is out of range: %d", max_rows),
				 errhint("Accepted is 1 or more.")));
	return max_rows;
}

Datum
synergy_prune(PG_FUNCTION_ARGS)
{
	TimestampTz now = clock_now();
	Sweep		sweep = {.older_than = older_than_argument(fcinfo, now)};
	int			max_rows = max_rows_argument(fcinfo);
	int64		left = max_rows;
	MemoryContext context,
				old;
	StoreScope	scope;
	Definitions *definitions;
	TupleDesc	descriptor;
	Datum		values[3];
	bool		nulls[3] = {false, false, false};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "synergy.prune must return a row");
	(void) retention_lock(true);
	store_enter(&scope);
	definitions = definition_load(CurrentMemoryContext);
	context = AllocSetContextCreate(CurrentMemoryContext, "synergy prune", ALLOCSET_DEFAULT_SIZES);
	sweep_begin(&sweep, SWEEP_ALL);
	old = MemoryContextSwitchTo(context);
	while (left > 0 && sweep_step(&sweep, definitions, now, Min(left, ROWS_PER_STEP)))
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(context);
		left = max_rows - sweep.units - sweep.lines - sweep.events;
	}
	MemoryContextSwitchTo(old);
	sweep_log(&sweep, now);
	store_leave(&scope);
	values[0] = Int64GetDatum(sweep.units);
	values[1] = Int64GetDatum(sweep.lines);
	values[2] = Int64GetDatum(sweep.events);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}
