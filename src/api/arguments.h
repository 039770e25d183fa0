/*
 * api/arguments.h: checking what callers pass in.  Each reports an ERROR that names the argument and its value, with
 * a hint that says what is accepted.
 */
#ifndef SYNERGY_API_ARGUMENTS_H
#define SYNERGY_API_ARGUMENTS_H

#include "postgres.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/timestamp.h"

#include "core/timeperiod.h"
#include "core/trigger.h"

#define MAX_NAME_BYTES 63

/* a value as messages show it: of one that is too long to be read the beginning */
extern const char *argument_shown(const char *value);

/* 22004 when it is NULL */
extern void argument_not_null(FunctionCallInfo fcinfo, int number, const char *argument);
extern text *argument_required(FunctionCallInfo fcinfo, int number, const char *argument);
extern char *argument_text(FunctionCallInfo fcinfo, int number);	/* NULL for NULL */
extern char *argument_text_required(FunctionCallInfo fcinfo, int number, const char *argument);

/* one dimension: 2202E; and no element that is null: 22004 */
extern void argument_array(ArrayType *array, const char *argument, bool may_hold_null);

/* 1 to 63 bytes: 42602 */
extern char *argument_name(FunctionCallInfo fcinfo, int number, const char *argument);

/* 22023 for an unknown word */
extern TimeQualifier argument_qualifier(const char *argument, text *value);
extern void argument_unknown(const char *argument, const char *value, const char *accepted);

/* 22007 for what is none; 22023 when it is not written at the qualifier's precision */
extern Timeperiod argument_timeperiod(const char *argument, text *value);
extern void argument_fits(const char *argument, TimeQualifier qualifier, Timeperiod timeperiod);

/*
 * A timetable that begins there has a job for each of its periods until now, made in one transaction under the lock that
 * all of the database's timetables share: 22023 for more than MAX_NEW_JOBS of a process
 */
#define MAX_NEW_JOBS 1000000
extern void argument_span(const char *argument, TimeQualifier qualifier, Timeperiod start, TimestampTz now);

/* 22023 outside of what the qualifier allows */
extern void argument_grouping(const char *argument, TimeQualifier qualifier, int grouping);

/* 22023 with the position */
extern void argument_trigger(const char *argument, const char *value, bool allow_once, TriggerRule *trigger);

/* 22023 for one of blanks only */
extern void argument_shell_command(const char *command);

/* 22023 for what is no time zone */
extern void argument_timezone(const char *argument, const char *timezone);

#endif							/* SYNERGY_API_ARGUMENTS_H */
