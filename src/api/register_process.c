/*
 * api/register_process.c: synergy.register_process and unregister_process.
 *
 * Everything is checked before anything is written, outside of the lock where that is possible.  Registering again
 * changes the definition, keeps the jobs, and never moves the timetable's start to later: a setup script without
 * start_timeperiod can be run again next year.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/regproc.h"
#include "utils/varlena.h"

#include "api/arguments.h"
#include "api/command.h"
#include "api/options.h"
#include "api/register.h"
#include "api/session.h"
#include "compat.h"
#include "daemon/clock.h"
#include "guc.h"
#include "nls.h"
#include "store/json_text.h"
#include "store/registry.h"

PG_FUNCTION_INFO_V1(synergy_register_process);
PG_FUNCTION_INFO_V1(synergy_unregister_process);

enum
{
	ARG_NAME, ARG_QUALIFIER, ARG_COMMAND, ARG_WORKER, ARG_TRIGGER, ARG_MACHINE, ARG_BLOCKING, ARG_GROUPING,
	ARG_SOURCE, ARG_SINK, ARG_ARGUMENTS, ARG_TREE, ARG_START, ARG_IS_ON, ARG_OPTIONS,
};

static Jsonb *
jsonb_argument(FunctionCallInfo fcinfo, int number, const char *argument)
{
	argument_not_null(fcinfo, number, argument);
	return PG_GETARG_JSONB_P(number);
}

static void
check_words(const ProcessDefinition *d)
{
	StateMachine machine = MACHINE_DISCRETE;
	BlockingType blocking;
	WorkerKind	worker;

	if (!state_machine_from_name(d->machine, &machine) || machine == MACHINE_FREERUN)
		argument_unknown("state_machine", d->machine, "discrete, continuous, recomputing (for freeruns: synergy.register_freerun)");
	if (!blocking_type_from_name(d->blocking, &blocking))
		argument_unknown("blocking_type", d->blocking, "normal, children, dependencies");
	if (!worker_kind_from_name(d->worker, &worker))
		argument_unknown("worker", d->worker, "sql, notify, amqp, exec");
}

/* the command that the worker needs */
void
check_worker_command(const char *worker, const char *command, const char *process_name)
{
	bool		needs_one = strcmp(worker, "sql") == 0 || strcmp(worker, "exec") == 0;

	if (needs_one && command == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"command\" must not be null for worker \"%s\"", worker),
				 errhint("Pass the command, or worker => 'notify' for a worker that claims its units.")));
	if (strcmp(worker, "exec") == 0)
		argument_shell_command(command);
	if (strcmp(worker, "sql") == 0)
		command_check(command, process_name);
}

static void
read_arguments(FunctionCallInfo fcinfo, ProcessDefinition *d)
{
	TimeQualifier qualifier = argument_qualifier("time_qualifier", argument_required(fcinfo, ARG_QUALIFIER, "time_qualifier"));
	TriggerRule trigger;

	d->name = argument_name(fcinfo, ARG_NAME, "process_name");
	d->qualifier = argument_text_required(fcinfo, ARG_QUALIFIER, "time_qualifier");
	d->command = argument_text(fcinfo, ARG_COMMAND);
	d->worker = argument_text_required(fcinfo, ARG_WORKER, "worker");
	d->trigger = argument_text_required(fcinfo, ARG_TRIGGER, "trigger_frequency");
	d->machine = argument_text_required(fcinfo, ARG_MACHINE, "state_machine");
	d->blocking = argument_text_required(fcinfo, ARG_BLOCKING, "blocking_type");
	argument_not_null(fcinfo, ARG_GROUPING, "time_grouping");
	d->grouping = PG_GETARG_INT32(ARG_GROUPING);
	d->source = argument_text(fcinfo, ARG_SOURCE);
	d->sink = argument_text(fcinfo, ARG_SINK);
	d->arguments = jsonb_argument(fcinfo, ARG_ARGUMENTS, "arguments");
	d->tree_name = PG_ARGISNULL(ARG_TREE) ? pstrdup(d->name) : argument_name(fcinfo, ARG_TREE, "tree_name");
	d->start = argument_text(fcinfo, ARG_START);
	argument_not_null(fcinfo, ARG_IS_ON, "is_on");
	d->is_on = PG_GETARG_BOOL(ARG_IS_ON);
	d->options = jsonb_argument(fcinfo, ARG_OPTIONS, "options");

	check_words(d);
	argument_grouping("time_grouping", qualifier, d->grouping);
	argument_trigger("trigger_frequency", d->trigger, false, &trigger);
	options_check(d->options, OF_PROCESS, d->worker);
	check_worker_command(d->worker, d->command, d->name);
}

/* ---------------------------------------------------------------- the source of a recomputing process */

static Oid
find_source(const char *source)
{
	List	   *names = NIL;
	Oid			table;

	names = PARSE_QUALIFIED_NAME(source);
	table = RangeVarGetRelid(makeRangeVarFromNameList(names), NoLock, true);
	if (!OidIsValid(table))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("argument \"source\" names no table: \"%s\"", argument_shown(source)),
				 errhint("A recomputing process reads the bounds of its units from its source; create the table first.")));
	if (pg_class_aclcheck(table, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to read source \"%s\"", argument_shown(source)),
				 errhint("GRANT SELECT on it to role \"%s\".", GetUserNameFromId(GetUserId(), false))));
	return table;
}

static void
check_source_columns(const ProcessDefinition *d, const SourceTable *table, const char *key, const char *time)
{
	if (!table->has_key || !table->key_is_integer)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("option \"source_key\" names no integer column of %s: \"%s\"", table->name, key),
				 errhint("It is the ascending key of the source's rows: smallint, integer or bigint.")));
	if (!table->has_time || !table->time_is_timestamp)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("option \"source_time\" names no column of a date or timestamp type of %s: \"%s\"", table->name, time),
				 errhint("It tells which period a row belongs to; timestamptz is best.")));
	if (!table->has_index)
		ereport(NOTICE,
				(errmsg("%s has no index that begins with \"%s\"", table->name, time),
				 errhint("Without one, each look at a period's rows reads the whole table: CREATE INDEX ON %s (%s, %s).",
						 table->name, quote_identifier(time), quote_identifier(key))));
}

/* what the source looks like; the caller's rights and search_path count, so before session_begin() */
static Oid
check_source(const ProcessDefinition *d, char **key, char **time)
{
	*key = json_text(d->options, "source_key");
	*time = json_text(d->options, "source_time");
	if (strcmp(d->machine, "recomputing") != 0)
		return InvalidOid;
	if (d->source == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"source\" must not be null for state machine \"recomputing\""),
				 errhint("Pass the table whose rows it recomputes, and options source_key and source_time.")));
	if (*key == NULL || *time == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" is missing for state machine \"recomputing\"", *key ? "source_time" : "source_key"),
				 errhint("options => '{\"source_key\": \"id\", \"source_time\": \"ts\"}' names the source's columns.")));
	return find_source(d->source);
}

/* ---------------------------------------------------------------- timetable and start */

static void
check_membership(const ProcessDefinition *d, bool is_known, const RegisteredProcess *known)
{
	char	   *other = registry_member(d->tree_name, d->qualifier);

	if (other != NULL && strcmp(other, d->name) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("timetable \"%s\" has a process of qualifier %s already: \"%s\"", d->tree_name, d->qualifier, other),
				 errhint("A timetable holds one process of each qualifier; use another tree_name, or unregister \"%s\" first.", other)));
	if (is_known && strcmp(known->qualifier, d->qualifier) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("process \"%s\" is %s, and cannot become %s", d->name, known->qualifier, d->qualifier),
				 errhint("Its jobs are periods of that length; call synergy.unregister_process(%s) first, or use another name.",
						 quote_literal_cstr(d->name))));
}

static Timeperiod
parse_start(const char *text)
{
	Timeperiod	start = argument_timeperiod("start_timeperiod", cstring_to_text(text));

	if (timeperiod_is_long(start))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"start_timeperiod\" is no timeperiod of a timetable: \"%s\"", text),
				 errhint("Write YYYYMMDDHH.")));
	return start;
}

static Timeperiod
current_hour(TimestampTz now)
{
	Timeperiod	hour;

	if (!timeperiod_at(QUALIFIER_HOURLY, now, &hour))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("the clock is outside the years 1 to 9999"),
				 errhint("Set the clock of the server right, or synergy.clock.")));
	return hour;
}

static char *
timeperiod_text(Timeperiod timeperiod)
{
	char	   *text = palloc(TIMEPERIOD_BUFFER);

	timeperiod_format(timeperiod, text);
	return text;
}

/* its own; the timetable's; the setting's; now */
static char *
resolve_start(const ProcessDefinition *d, const RegisteredTimetable *timetable, TimestampTz now)
{
	TimeQualifier qualifier = QUALIFIER_HOURLY;

	if (d->start != NULL)
		return timeperiod_text(parse_start(d->start));
	if (timetable->start != NULL)
		return timetable->start;
	if (synergy_start_timeperiod != NULL && synergy_start_timeperiod[0] != '\0')
		return timeperiod_text(parse_start(synergy_start_timeperiod));
	(void) time_qualifier_from_name(d->qualifier, &qualifier);
	return timeperiod_text(timeperiod_cast(qualifier, current_hour(now)));
}

/* registering again keeps the start, or moves it to earlier */
static void
settle_start(ProcessDefinition *d, const RegisteredProcess *known, const RegisteredTimetable *timetable, TimestampTz now)
{
	bool		is_given = d->start != NULL;
	Timeperiod	before = known ? parse_start(known->start) : TIMEPERIOD_NONE;
	TimeQualifier qualifier = QUALIFIER_HOURLY;
	Timeperiod	start;

	if (known && !is_given)
	{
		d->start = known->start;
		return;
	}
	d->start = resolve_start(d, timetable, now);
	(void) time_qualifier_from_name(d->qualifier, &qualifier);
	argument_span("start_timeperiod", qualifier, parse_start(d->start), now);
	if (timetable->end != NULL && timeperiod_start(parse_start(d->start)) >= timeperiod_start(parse_start(timetable->end)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"start_timeperiod\" is not before the end of timetable \"%s\": \"%s\"", d->tree_name, d->start),
				 errhint("The timetable ends before %s.", timetable->end)));
	if (known == NULL)
		return;
	start = parse_start(d->start);
	if (timeperiod_start(start) > timeperiod_start(before))
	{
		ereport(NOTICE,
				(errmsg("process \"%s\" goes on to begin at %s, because it has jobs from there on", d->name, known->start)));
		d->start = known->start;
	}
	else if (timeperiod_start(start) < timeperiod_start(before))
	{
		registry_forget_reach(known->id);
		registry_relations_changed(d->tree_name);
	}
}

/* what the jobs of two timetables wait for is another matter from now on */
static void
settle_membership(const ProcessDefinition *d, const RegisteredProcess *known, const RegisteredTimetable *timetable)
{
	if (known != NULL && strcmp(known->tree_name, d->tree_name) == 0)
		return;
	if (!timetable->is_new)
		registry_relations_changed(d->tree_name);
	if (known == NULL)
		return;
	registry_relations_changed(known->tree_name);
	registry_delete_if_empty(known->tree_name, d->name);
	if (timetable->end != NULL)
		cut_timetable(d->tree_name, timetable->end);
}

/* a process that begins earlier lets others of its timetable, and dependants, wait for more */
static bool
begins_earlier(const ProcessDefinition *d, const RegisteredProcess *known)
{
	return d->start != NULL && timeperiod_start(parse_start(d->start)) < timeperiod_start(parse_start(known->start));
}

static bool
is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* why the units of jobs at work mean something else under the new definition; NULL: they do not */
static const char *
why_anew(const ProcessDefinition *d, const RegisteredProcess *known)
{
	if (strcmp(d->machine, known->machine) != 0)
		return translatable("state machine");
	if (d->grouping != known->grouping)
		return translatable("time grouping");
	if (strcmp(d->machine, "recomputing") == 0 &&
		!(is_same(d->source_table, known->source_table) && is_same(json_text(d->options, "source_key"), known->source_key) &&
		  is_same(json_text(d->options, "source_time"), known->source_time)))
		return translatable("source");
	return NULL;
}

/* jobs that are at work while their process is registered again */
static void
settle_jobs(Session *session, const ProcessDefinition *d, const RegisteredProcess *known)
{
	const char *why = why_anew(d, known);
	Frame	   *frame;
	MemoryContext old;
	int			n;

	if (d->grouping != known->grouping)
	{
		/* another span, other children and dependencies; and those that wait for it wait for other milestones */
		registry_relations_changed(d->tree_name);
	}
	if (why == NULL && strcmp(d->worker, known->worker) == 0)
		return;
	frame = session_paused_frame(session);
	old = MemoryContextSwitchTo(frame->context);
	frame->because = why ? psprintf("another %s", why) : NULL;
	n = redefine_jobs(frame, definition_process(frame->definitions, known->id), why != NULL);
	MemoryContextSwitchTo(old);
	session_flush(session, frame);
	if (why != NULL && n > 0)
		ereport(NOTICE,
				(errmsg_plural("%d job of process \"%s\" that is at work begins anew",
							   "%d jobs of process \"%s\" that are at work begin anew",
							   n, n, d->name),
				 errdetail("What has changed: %s.", translated(why))));
}

Datum
synergy_register_process(PG_FUNCTION_ARGS)
{
	ProcessDefinition d = {0};
	RegisteredProcess known;
	RegisteredTimetable timetable = {0};
	Session		session;
	bool		is_known;
	char	   *key,
			   *time;
	Oid			source;

	read_arguments(fcinfo, &d);
	source = check_source(&d, &key, &time);
	d.owner = session_owner();

	session_begin(&session);
	is_known = registry_find_process(d.name, &known);
	if (is_known)
	{
		session_check_owner(&session, known.owner, d.name, NULL);
		session_tell_owner(&session, known.owner, d.name, NULL);
	}
	check_membership(&d, is_known, &known);
	if (OidIsValid(source))
	{
		SourceTable table;

		registry_look_at_source(source, key, time, &table);
		check_source_columns(&d, &table, key, time);
		d.source_table = table.name;
	}
	if (!registry_find_timetable(d.tree_name, &timetable))
	{
		registry_write_timetable(d.tree_name, PointerGetDatum(construct_empty_array(TEXTOID)), NULL, NULL, d.owner);
		timetable.is_new = true;
	}
	else if (!is_known || strcmp(known.tree_name, d.tree_name) != 0 || begins_earlier(&d, &known))
		session_check_timetable(&session, timetable.owner, d.tree_name);
	settle_start(&d, is_known ? &known : NULL, &timetable, session.now);
	registry_write_process(&d);
	settle_membership(&d, is_known ? &known : NULL, &timetable);
	if (is_known)
		settle_jobs(&session, &d, &known);
	session_definitions_changed(&session, "register", d.name, NULL,
								psprintf("%s %s, %s, worker %s, %s", d.qualifier, d.machine, d.blocking, d.worker, d.trigger));
	session_end(&session);
	PG_RETURN_VOID();
}

Datum
synergy_unregister_process(PG_FUNCTION_ARGS)
{
	char	   *name = argument_text_required(fcinfo, 0, "process_name");
	RegisteredProcess known;
	Session		session;

	session_begin(&session);
	if (!registry_find_process(name, &known))
		report_no_process(name);
	session_check_owner(&session, known.owner, name, NULL);
	session_check_hands(known.id, name, NULL);
	registry_delete_process(known.id, known.tree_name);
	session_definitions_changed(&session, "unregister", name, NULL, NULL);
	session_end(&session);
	PG_RETURN_VOID();
}
