/*
 * api/timeperiod_sql.c: arithmetic of timeperiods for SQL: arguments in, core/timeperiod.c, result out.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "api/arguments.h"
#include "core/timeperiod.h"
#include "nls.h"

PG_FUNCTION_INFO_V1(synergy_timeperiod_is_valid);
PG_FUNCTION_INFO_V1(synergy_timeperiod_start);
PG_FUNCTION_INFO_V1(synergy_timeperiod_end);
PG_FUNCTION_INFO_V1(synergy_timeperiod_at);
PG_FUNCTION_INFO_V1(synergy_timeperiod_cast);
PG_FUNCTION_INFO_V1(synergy_timeperiod_step);
PG_FUNCTION_INFO_V1(synergy_timeperiod_series);
PG_FUNCTION_INFO_V1(synergy_timeperiod_is_milestone);
PG_FUNCTION_INFO_V1(synergy_timeperiod_group_start);

static Datum
timeperiod_datum(Timeperiod timeperiod)
{
	char		buffer[TIMEPERIOD_BUFFER];
	int			length = timeperiod_format(timeperiod, buffer);

	return PointerGetDatum(cstring_to_text_with_len(buffer, length));
}

static void
report_out_of_range(const char *argument, const char *value)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			 errmsg("argument \"%s\" is out of range: \"%s\"", argument, value),
			 errhint("Timeperiods run from the year 0001 to 9999.")));
}

/* a timeperiod that must be written at the qualifier's precision */
static Timeperiod
fitting_timeperiod(TimeQualifier qualifier, const char *argument, text *value)
{
	Timeperiod	timeperiod = argument_timeperiod(argument, value);

	argument_fits(argument, qualifier, timeperiod);
	return timeperiod;
}

Datum
synergy_timeperiod_is_valid(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	Timeperiod	ignored;

	PG_RETURN_BOOL(timeperiod_parse(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), &ignored));
}

Datum
synergy_timeperiod_start(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(timeperiod_start(argument_timeperiod("timeperiod", PG_GETARG_TEXT_PP(0))));
}

Datum
synergy_timeperiod_end(PG_FUNCTION_ARGS)
{
	TimeQualifier qualifier = argument_qualifier("time_qualifier", PG_GETARG_TEXT_PP(0));

	PG_RETURN_TIMESTAMPTZ(timeperiod_end(qualifier, fitting_timeperiod(qualifier, "timeperiod", PG_GETARG_TEXT_PP(1))));
}

Datum
synergy_timeperiod_at(PG_FUNCTION_ARGS)
{
	TimeQualifier qualifier = argument_qualifier("time_qualifier", PG_GETARG_TEXT_PP(0));
	TimestampTz at = PG_GETARG_TIMESTAMPTZ(1);
	Timeperiod	timeperiod = TIMEPERIOD_NONE;

	if (TIMESTAMP_NOT_FINITE(at) || !timeperiod_at(qualifier, at, &timeperiod))
		report_out_of_range("at", timestamptz_to_str(at));
	PG_RETURN_DATUM(timeperiod_datum(timeperiod));
}

Datum
synergy_timeperiod_cast(PG_FUNCTION_ARGS)
{
	TimeQualifier qualifier = argument_qualifier("time_qualifier", PG_GETARG_TEXT_PP(0));

	PG_RETURN_DATUM(timeperiod_datum(timeperiod_cast(qualifier, argument_timeperiod("timeperiod", PG_GETARG_TEXT_PP(1)))));
}

Datum
synergy_timeperiod_step(PG_FUNCTION_ARGS)
{
	TimeQualifier qualifier = argument_qualifier("time_qualifier", PG_GETARG_TEXT_PP(0));
	Timeperiod	timeperiod = fitting_timeperiod(qualifier, "timeperiod", PG_GETARG_TEXT_PP(1));

	if (!timeperiod_step(qualifier, timeperiod, PG_GETARG_INT64(2), &timeperiod))
		report_out_of_range("delta", psprintf(INT64_FORMAT, PG_GETARG_INT64(2)));
	PG_RETURN_DATUM(timeperiod_datum(timeperiod));
}

typedef struct Series
{
	TimeQualifier qualifier;
	Timeperiod	next;
	Timeperiod	end;
} Series;

static Series *
start_series(FunctionCallInfo fcinfo)
{
	Series	   *series = palloc(sizeof(Series));

	series->qualifier = argument_qualifier("time_qualifier", PG_GETARG_TEXT_PP(0));
	series->next = fitting_timeperiod(series->qualifier, "from_timeperiod", PG_GETARG_TEXT_PP(1));
	series->end = fitting_timeperiod(series->qualifier, "to_timeperiod", PG_GETARG_TEXT_PP(2));
	return series;
}

Datum
synergy_timeperiod_series(PG_FUNCTION_ARGS)
{
	FuncCallContext *call;
	Series	   *series;
	Timeperiod	current;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext old;

		call = SRF_FIRSTCALL_INIT();
		old = MemoryContextSwitchTo(call->multi_call_memory_ctx);
		call->user_fctx = start_series(fcinfo);
		MemoryContextSwitchTo(old);
	}
	call = SRF_PERCALL_SETUP();
	series = call->user_fctx;
	if (series->next >= series->end)
		SRF_RETURN_DONE(call);
	current = series->next;
	if (!timeperiod_step(series->qualifier, current, 1, &series->next))
		series->next = series->end;
	SRF_RETURN_NEXT(call, timeperiod_datum(current));
}

static int
grouping_argument(TimeQualifier qualifier, int grouping)
{
	argument_grouping("time_grouping", qualifier, grouping);
	return grouping;
}

Datum
synergy_timeperiod_is_milestone(PG_FUNCTION_ARGS)
{
	TimeQualifier qualifier = argument_qualifier("time_qualifier", PG_GETARG_TEXT_PP(0));
	int			grouping = grouping_argument(qualifier, PG_GETARG_INT32(1));

	PG_RETURN_BOOL(timeperiod_is_milestone(qualifier, grouping, fitting_timeperiod(qualifier, "timeperiod", PG_GETARG_TEXT_PP(2))));
}

Datum
synergy_timeperiod_group_start(PG_FUNCTION_ARGS)
{
	TimeQualifier qualifier = argument_qualifier("time_qualifier", PG_GETARG_TEXT_PP(0));
	int			grouping = grouping_argument(qualifier, PG_GETARG_INT32(1));
	Timeperiod	timeperiod = fitting_timeperiod(qualifier, "timeperiod", PG_GETARG_TEXT_PP(2));

	if (timeperiod_is_milestone(qualifier, grouping, timeperiod))
		timeperiod = timeperiod_group_start(qualifier, grouping, timeperiod);
	PG_RETURN_DATUM(timeperiod_datum(timeperiod));
}
