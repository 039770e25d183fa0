/*
 * api/register_timetable.c: synergy.register_timetable and unregister_timetable.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "api/arguments.h"
#include "api/register.h"
#include "api/session.h"
#include "nls.h"
#include "store/registry.h"

PG_FUNCTION_INFO_V1(synergy_register_timetable);
PG_FUNCTION_INFO_V1(synergy_unregister_timetable);

static const char **
read_dependencies(Datum array, int *n)
{
	Datum	   *values;
	bool	   *nulls;
	const char **names;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, n);
	names = palloc(sizeof(char *) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"dependent_on\" has a null element"),
					 errhint("List the names of timetables.")));
		names[i] = TextDatumGetCString(values[i]);
	}
	return names;
}

static void
check_dependencies(const char *name, const char **names, int n)
{
	RegisteredTimetable ignored;

	for (int i = 0; i < n; i++)
		if (strcmp(names[i], name) != 0 && !registry_find_timetable(names[i], &ignored))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("argument \"dependent_on\" names no timetable: \"%s\"", argument_shown(names[i])),
					 errhint("Register the timetables depended on first.")));
	if (registry_reaches(names, n, name))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("timetable \"%s\" would depend on itself", name),
				 errhint("Dependencies between timetables must not form a cycle.")));
}

static Timeperiod
bound_argument(FunctionCallInfo fcinfo, int number, const char *argument)
{
	Timeperiod	bound;

	if (PG_ARGISNULL(number))
		return TIMEPERIOD_NONE;
	bound = argument_timeperiod(argument, PG_GETARG_TEXT_PP(number));
	if (timeperiod_is_long(bound))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" is no timeperiod of a timetable: \"%s\"", argument,
						text_to_cstring(PG_GETARG_TEXT_PP(number))),
				 errhint("Write YYYYMMDDHH.")));
	return bound;
}

void
cut_timetable(const char *tree_name, const char *end)
{
	char	   *example;
	int64		n = registry_cut(tree_name, end, &example);

	if (n > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("timetable \"%s\" cannot end at %s, because jobs from there on have been begun", tree_name, end),
				 errdetail_plural("There is %lld such job: %s.", "There are %lld such jobs: %s, and others.",
								  (unsigned long) n, (long long) n, example),
				 errhint("Choose a later end_timeperiod; what has been done cannot be taken away.")));
}

static bool
begins_by(const RegisteredTimetable *known, Timeperiod start)
{
	return known->start != NULL &&
		timeperiod_start(argument_timeperiod("start_timeperiod", cstring_to_text(known->start))) <= timeperiod_start(start);
}

Datum
synergy_register_timetable(PG_FUNCTION_ARGS)
{
	char	   *name = argument_name(fcinfo, 0, "tree_name");
	Timeperiod	start = bound_argument(fcinfo, 2, "start_timeperiod");
	Timeperiod	end = bound_argument(fcinfo, 3, "end_timeperiod");
	char	   *start_text = argument_text(fcinfo, 2);
	int			n;
	const char **names;
	RegisteredTimetable known;
	bool		is_known,
				moves_start;
	Oid			owner = session_owner();
	Session		session;

	argument_not_null(fcinfo, 1, "dependent_on");
	names = read_dependencies(PG_GETARG_DATUM(1), &n);
	if (start != TIMEPERIOD_NONE && end != TIMEPERIOD_NONE && timeperiod_start(end) <= timeperiod_start(start))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"end_timeperiod\" is not after the start: \"%s\"", argument_text(fcinfo, 3)),
				 errhint("The end is exclusive: the first period that is no longer part of the timetable.")));
	session_begin(&session);
	is_known = registry_find_timetable(name, &known);
	if (is_known)
		session_check_timetable(&session, known.owner, name);
	check_dependencies(name, names, n);
	/* a process may begin later than its timetable; saying the same start again does not change that */
	moves_start = start != TIMEPERIOD_NONE && !(is_known && begins_by(&known, start));
	registry_write_timetable(name, PG_GETARG_DATUM(1), start_text, argument_text(fcinfo, 3), owner);
	if (moves_start)
		argument_span("start_timeperiod", registry_shortest_qualifier(name), start, session.now);
	if (moves_start && registry_begin_earlier(name, start_text))
	{
		registry_relations_changed(name);
	}
	if (end != TIMEPERIOD_NONE)
		cut_timetable(name, argument_text(fcinfo, 3));
	session_definitions_changed(&session, "register", NULL, NULL, psprintf("timetable %s", name));
	session_end(&session);
	PG_RETURN_VOID();
}

Datum
synergy_unregister_timetable(PG_FUNCTION_ARGS)
{
	char	   *name = argument_text_required(fcinfo, 0, "tree_name");
	RegisteredTimetable known;
	Session		session;
	char	   *what;
	bool		is_process;

	session_begin(&session);
	if (!registry_find_timetable(name, &known))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("timetable \"%s\" does not exist", argument_shown(name)),
				 errhint("SELECT tree_name FROM synergy.timetable lists the timetables.")));
	session_check_timetable(&session, known.owner, name);
	if (!registry_delete_timetable(name, &what, &is_process))
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 is_process ? errmsg("timetable \"%s\" is still needed by process \"%s\"", name, what) :
				 errmsg("timetable \"%s\" is still needed by timetable \"%s\"", name, what),
				 errhint("Unregister its processes, and the timetables that depend on it, first.")));
	session_definitions_changed(&session, "unregister", NULL, NULL, psprintf("timetable %s", name));
	session_end(&session);
	PG_RETURN_VOID();
}
