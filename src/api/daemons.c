/*
 * api/daemons.c: programs that agents keep running: registering and switching them, and what agents ask and report.
 *
 * Agents are told of every change by NOTIFY synergy_agent, payload 'daemons', and then ask for all that is wanted: so
 * one that was away, or has missed it, needs nothing else.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "api/agent.h"
#include "api/arguments.h"
#include "api/options.h"
#include "api/session.h"
#include "compat.h"
#include "daemon/clock.h"
#include "daemon/watch.h"
#include "nls.h"
#include "store/daemon.h"

PG_FUNCTION_INFO_V1(synergy_register_daemon);
PG_FUNCTION_INFO_V1(synergy_unregister_daemon);
PG_FUNCTION_INFO_V1(synergy_start_daemon);
PG_FUNCTION_INFO_V1(synergy_stop_daemon);
PG_FUNCTION_INFO_V1(synergy_agent_daemons);
PG_FUNCTION_INFO_V1(synergy_agent_daemon_report);

/* ---------------------------------------------------------------- definitions */

static void
daemon_changed(Session *session, const char *event, const char *name, const char *detail)
{
	EventRecord record = {0};

	record.event = event;
	record.process_name = name;
	record.detail = detail;
	event_log_one(record, session->now);
	daemon_notify();
	watch_note_definitions();
	watch_note_name(name);
}

static Datum
read_patterns(FunctionCallInfo fcinfo, int number)
{
	int			n = -1;
	Datum		array = agent_array(fcinfo, number, "present_on_boxes", false, &n);
	Datum	   *words;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &words, NULL, &n);
	for (int i = 0; i < n; i++)
		option_check_pattern("present_on_boxes", false, TextDatumGetCString(words[i]));
	return array;
}

Datum
synergy_register_daemon(PG_FUNCTION_ARGS)
{
	DaemonDefinition d = {0};
	Session		session;
	Oid			owner;

	d.name = argument_name(fcinfo, 0, "process_name");
	d.command = argument_text_required(fcinfo, 1, "command");
	d.present_on_boxes = read_patterns(fcinfo, 2);
	argument_not_null(fcinfo, 3, "is_on");
	d.is_on = PG_GETARG_BOOL(3);
	argument_not_null(fcinfo, 4, "options");
	d.options = PG_GETARG_JSONB_P(4);
	argument_shell_command(d.command);
	options_check(d.options, OF_DAEMON, NULL);

	d.owner = session_owner();
	session_begin(&session);
	if (daemon_find(d.name, &owner))
	{
		session_check_owner(&session, owner, d.name, NULL);
		session_tell_owner(&session, owner, d.name, NULL);
	}
	daemon_write(&d);
	daemon_changed(&session, "register_daemon", d.name, d.is_on ? "on" : "off");
	session_end(&session);
	PG_RETURN_VOID();
}

static void
find_daemon(const char *name, Oid *owner)
{
	if (!daemon_find(name, owner))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("daemon \"%s\" does not exist", argument_shown(name)),
				 errhint("SELECT process_name FROM synergy.daemon lists the daemons.")));
}

Datum
synergy_unregister_daemon(PG_FUNCTION_ARGS)
{
	char	   *name = argument_text_required(fcinfo, 0, "process_name");
	Session		session;
	Oid			owner;

	session_begin(&session);
	find_daemon(name, &owner);
	session_check_owner(&session, owner, name, NULL);
	daemon_delete(name);
	daemon_changed(&session, "unregister_daemon", name, NULL);
	session_end(&session);
	PG_RETURN_VOID();
}

static void
switch_daemon(FunctionCallInfo fcinfo, bool is_on)
{
	char	   *name = argument_text_required(fcinfo, 0, "process_name");
	Session		session;
	Oid			owner;

	session_begin(&session);
	find_daemon(name, &owner);
	daemon_switch(name, is_on);
	daemon_changed(&session, is_on ? "start_daemon" : "stop_daemon", name, NULL);
	session_end(&session);
}

Datum
synergy_start_daemon(PG_FUNCTION_ARGS)
{
	switch_daemon(fcinfo, true);
	PG_RETURN_VOID();
}

Datum
synergy_stop_daemon(PG_FUNCTION_ARGS)
{
	switch_daemon(fcinfo, false);
	PG_RETURN_VOID();
}

/* ---------------------------------------------------------------- agents */

Datum
synergy_agent_daemons(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	StoreScope	scope;
	uint64		n;

	InitMaterializedSRF(fcinfo, 0);
	store_enter(&scope);
	n = daemon_select_wanted(agent_box());
	for (uint64 i = 0; i < n; i++)
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
	store_leave(&scope);
	return (Datum) 0;
}

static void
check_states(Datum array)
{
	Datum	   *words;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &words, NULL, &n);
	for (int i = 0; i < n; i++)
	{
		char	   *word = TextDatumGetCString(words[i]);

		if (strcmp(word, "running") != 0 && strcmp(word, "backing_off") != 0 && strcmp(word, "stopped") != 0 &&
			strcmp(word, "failed") != 0)
			argument_unknown("states", word, "running, backing_off, stopped, failed");
	}
}

Datum
synergy_agent_daemon_report(PG_FUNCTION_ARGS)
{
	static const struct
	{
		const char *argument;
		bool		may_hold_null;
	}			columns[DAEMON_REPORT_COLUMNS] = {
		{"process_names", false}, {"states", false}, {"pids", true}, {"starts", false}, {"exits", false},
		{"last_exits", true}, {"next_starts", true},
	};
	Datum		values[DAEMON_REPORT_COLUMNS];
	StoreScope	scope;
	int			n = -1;

	for (int i = 0; i < DAEMON_REPORT_COLUMNS; i++)
		values[i] = agent_array(fcinfo, i, columns[i].argument, columns[i].may_hold_null, &n);
	check_states(values[1]);
	store_enter(&scope);
	daemon_report(agent_box(), values, clock_now());
	store_leave(&scope);
	PG_RETURN_VOID();
}
