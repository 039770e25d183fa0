/*
 * api/arguments.c: checking what callers pass in.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "pgtime.h"
#include "utils/builtins.h"

#include "api/arguments.h"
#include "compat.h"
#include "nls.h"

#define MAX_SHOWN_BYTES 200

const char *
argument_shown(const char *value)
{
	int			length = (int) strlen(value);

	if (length <= MAX_SHOWN_BYTES)
		return value;
	return psprintf("%.*s...", pg_mbcliplen(value, length, MAX_SHOWN_BYTES), value);
}

void
argument_not_null(FunctionCallInfo fcinfo, int number, const char *argument)
{
	if (PG_ARGISNULL(number))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", argument),
				 errhint("Pass a value for \"%s\".", argument)));
}

text *
argument_required(FunctionCallInfo fcinfo, int number, const char *argument)
{
	argument_not_null(fcinfo, number, argument);
	return PG_GETARG_TEXT_PP(number);
}

char *
argument_text(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(number));
}

char *
argument_text_required(FunctionCallInfo fcinfo, int number, const char *argument)
{
	return text_to_cstring(argument_required(fcinfo, number, argument));
}

void
argument_array(ArrayType *array, const char *argument, bool may_hold_null)
{
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("argument \"%s\" has %d dimensions", argument, ARR_NDIM(array)),
				 errhint("Pass an array of one dimension.")));
	if (!may_hold_null && array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" contains a null", argument),
				 errhint("Pass a value in each place.")));
}

char *
argument_name(FunctionCallInfo fcinfo, int number, const char *argument)
{
	char	   *name = argument_text_required(fcinfo, number, argument);
	size_t		length = strlen(name);

	if (length < 1 || length > MAX_NAME_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("argument \"%s\" has %zu bytes: \"%s\"", argument, length, argument_shown(name)),
				 errhint("A name has 1 to %d bytes.", MAX_NAME_BYTES)));
	return name;
}

void
argument_unknown(const char *argument, const char *value, const char *accepted)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"%s\" has an unknown value: \"%s\"", argument, argument_shown(value)),
			 errhint("Accepted are %s.", accepted)));
}

TimeQualifier
argument_qualifier(const char *argument, text *value)
{
	char	   *name = text_to_cstring(value);
	TimeQualifier qualifier = QUALIFIER_HOURLY;

	if (!time_qualifier_from_name(name, &qualifier))
		argument_unknown(argument, name, "hourly, daily, monthly, yearly");
	pfree(name);
	return qualifier;
}

Timeperiod
argument_timeperiod(const char *argument, text *value)
{
	Timeperiod	timeperiod = TIMEPERIOD_NONE;

	if (!timeperiod_parse(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), &timeperiod))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_DATETIME_FORMAT),
				 errmsg("argument \"%s\" is not a timeperiod: \"%s\"", argument, argument_shown(text_to_cstring(value))),
				 errhint("A timeperiod is written YYYYMMDDHH in UTC, with zeros below its precision: "
						 "2016042005, 2016042000, 2016040000, 2016000000.")));
	return timeperiod;
}

void
argument_fits(const char *argument, TimeQualifier qualifier, Timeperiod timeperiod)
{
	char		given[TIMEPERIOD_BUFFER];
	char		example[TIMEPERIOD_BUFFER];

	if (timeperiod_fits(qualifier, timeperiod))
		return;
	timeperiod_format(timeperiod, given);
	timeperiod_format(timeperiod_cast(qualifier, timeperiod), example);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"%s\" is not a timeperiod of qualifier %s: \"%s\"",
					argument, time_qualifier_name(qualifier), given),
			 errhint("The %s one that holds it is %s.", time_qualifier_name(qualifier), example)));
}

void
argument_grouping(const char *argument, TimeQualifier qualifier, int grouping)
{
	if (!time_grouping_is_valid(qualifier, grouping))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" is out of range for qualifier %s: %d",
						argument, time_qualifier_name(qualifier), grouping),
				 errhint("Accepted is 1 to %d.", time_grouping_limit(qualifier))));
}

void
argument_trigger(const char *argument, const char *value, bool allow_once, TriggerRule *trigger)
{
	TriggerError error = {{0}, 0};

	if (!trigger_parse(value, trigger, &error))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" is not a trigger frequency: \"%s\"", argument, argument_shown(value)),
				 errdetail("At character %d: %s.", error.position + 1, error.message),
				 allow_once ?
				 errhint("Accepted are \"every 60\" (seconds), \"every 5 minutes\", \"at 08:00,1-17:30\" (0 is Monday), "
						 "cron as in \"*/5 * * * *\", \"once 2026-12-31 23:59\".") :
				 errhint("Accepted are \"every 60\" (seconds), \"every 5 minutes\", \"at 08:00,1-17:30\" (0 is Monday), "
						 "cron as in \"*/5 * * * *\".")));
	if (trigger->kind == TRIGGER_ONCE && !allow_once)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" of a process cannot be \"%s\"", argument, argument_shown(value)),
				 errhint("A process has periods without end; something that runs once is a freerun.")));
}

void
argument_timezone(const char *argument, const char *timezone)
{
	pg_tz	   *zone = pg_tzset(timezone);

	if (zone == NULL || !pg_tz_acceptable(zone))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" is no time zone: \"%s\"", argument, argument_shown(timezone)),
				 errhint("SELECT name FROM pg_timezone_names lists them; \"Europe/Berlin\" is one.")));
}

void
argument_shell_command(const char *command)
{
	if (command[strspn(command, " \t\r\n")] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"command\" is empty: \"%s\"", argument_shown(command)),
				 errhint("It is what /bin/sh -c runs on a box; \"true\" does nothing.")));
}

void
argument_span(const char *argument, TimeQualifier qualifier, Timeperiod start, TimestampTz now)
{
	static const int64 seconds[QUALIFIER_COUNT] = {3600, SECS_PER_DAY, 28 * SECS_PER_DAY, 365 * SECS_PER_DAY};
	int64		n = (now - timeperiod_start(start)) / USECS_PER_SEC / seconds[qualifier];
	char		text[TIMEPERIOD_BUFFER];

	if (n <= MAX_NEW_JOBS)
		return;
	timeperiod_format(start, text);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"%s\" is too far in the past: \"%s\"", argument, text),
			 errdetail("A timetable of %s periods that begins there has %lld of them until now.", time_qualifier_name(qualifier), (long long) n),
			 errhint("%d jobs of a process are made at once at most.", MAX_NEW_JOBS)));
}
