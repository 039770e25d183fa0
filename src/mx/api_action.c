/*
 * mx/api_action.c: what can be done. Each action calls one function, with the keys of the body as its arguments.
 *
 * synergy.json_arguments refuses what is no object, and keys that nobody would look at; what is missing is NULL, and
 * the function says so itself.
 */
#include "mx/api.h"

#include <stddef.h>

/* $1 body; columns: what the action knows, as for jsonb_to_record; keys: the same as an array */
#define BODY(keys, columns) "jsonb_to_record(synergy.json_arguments($1::jsonb, ARRAY[" keys "])) b (" columns ")"

/* calls a function for nothing but what it does */
#define CALL(keys, columns, call) \
	"SELECT json_build_object('changes', '[]'::json, 'at', synergy.now())::text FROM " BODY(keys, columns) " CROSS JOIN LATERAL synergy." call " f"

/* the rows of something, in their order */
#define ROWS_OF(keys, columns, rows, fields) \
	"SELECT json_build_object('changes', (SELECT coalesce(json_agg(json_build_object(" fields ") ORDER BY c.ordinality), '[]') " \
	"FROM " rows " c), 'at', synergy.now())::text FROM " BODY(keys, columns)

/* calls a function that returns rows */
#define CALL_FOR_ROWS(keys, columns, call, fields) ROWS_OF(keys, columns, "synergy." call " WITH ORDINALITY", fields)

#define STATES "'process_name', c.process_name, 'timeperiod', c.timeperiod, 'old_state', c.old_state, 'new_state', c.new_state"

#define ONE_OR_ENTRY "'process_name', 'entry_name'", "process_name text, entry_name text"
#define JOBS "'process_name', 'timeperiod', 'timeperiods', 'dry_run'", \
	"process_name text, timeperiod text, timeperiods text[], dry_run boolean"

/* of one job, or of each of many, one after the other; of a job that several of them change: from its first state to its last */
#define FOR_EACH_JOB(function) \
	"(SELECT f.process_name, f.timeperiod, (array_agg(f.old_state ORDER BY t.ordinality))[1] AS old_state, " \
	"(array_agg(f.new_state ORDER BY t.ordinality DESC))[1] AS new_state, min(ARRAY[t.ordinality, f.ordinality]) AS ordinality " \
	"FROM unnest(coalesce(b.timeperiods, ARRAY[b.timeperiod])) WITH ORDINALITY t (timeperiod, ordinality) " \
	"CROSS JOIN LATERAL synergy." function "(b.process_name, t.timeperiod, coalesce(b.dry_run, false)) WITH ORDINALITY f " \
	"GROUP BY f.process_name, f.timeperiod)"

#define REGISTER_FREERUN \
	CALL("'process_name', 'entry_name', 'trigger_frequency', 'command', 'worker', 'arguments', 'description', 'timezone', 'is_on', 'options'", \
		 "process_name text, entry_name text, trigger_frequency text, command text, worker text, arguments jsonb, description text, " \
		 "timezone text, is_on boolean, options jsonb", \
		 "register_freerun(b.process_name, b.entry_name, b.trigger_frequency, b.command, coalesce(b.worker, 'sql'), " \
		 "coalesce(b.arguments, '{}'), b.description, coalesce(b.timezone, 'UTC'), coalesce(b.is_on, true), coalesce(b.options, '{}'))")

/* the macros take a list for two of their parameters */
#define CALL_2(two, call) CALL(two, call)
#define ROWS_OF_2(two, rows, fields) ROWS_OF(two, rows, fields)

const ApiEndpoint api_actions[] = {
	{"actions/trigger", {"body"}, CALL_2(ONE_OR_ENTRY, "trigger_now(b.process_name, b.entry_name)"), true},
	{"actions/activate", {"body"}, CALL_2(ONE_OR_ENTRY, "activate(b.process_name, b.entry_name)"), true},
	{"actions/deactivate", {"body"}, CALL_2(ONE_OR_ENTRY, "deactivate(b.process_name, b.entry_name)"), true},
	{"actions/change_trigger", {"body"}, CALL("'process_name', 'trigger_frequency', 'entry_name'",
		"process_name text, trigger_frequency text, entry_name text",
		"change_trigger(b.process_name, b.trigger_frequency, b.entry_name)"), true},
	{"actions/skip", {"body"}, ROWS_OF_2(JOBS, FOR_EACH_JOB("skip"), STATES), true},
	{"actions/reprocess", {"body"}, ROWS_OF_2(JOBS, FOR_EACH_JOB("reprocess"), STATES), true},
	{"actions/cancel", {"body"}, CALL_FOR_ROWS("'unit_of_work_id', 'dry_run'", "unit_of_work_id bigint, dry_run boolean",
		"cancel_unit_of_work(b.unit_of_work_id, coalesce(b.dry_run, false))", STATES), true},
	{"actions/backfill", {"body"}, CALL_FOR_ROWS("'process_name', 'from_timeperiod', 'to_timeperiod'",
		"process_name text, from_timeperiod text, to_timeperiod text", "backfill(b.process_name, b.from_timeperiod, b.to_timeperiod)",
		"'process_name', c.process_name, 'from_timeperiod', c.from_timeperiod, 'to_timeperiod', c.to_timeperiod, 'jobs', c.jobs"), true},
	{"actions/start_daemon", {"body"}, CALL("'process_name'", "process_name text", "start_daemon(b.process_name)"), true},
	{"actions/stop_daemon", {"body"}, CALL("'process_name'", "process_name text", "stop_daemon(b.process_name)"), true},
	{"actions/register_freerun", {"body"}, REGISTER_FREERUN, true},
	{"actions/unregister_freerun", {"body"}, CALL("'process_name', 'entry_name'", "process_name text, entry_name text",
		"unregister_freerun(b.process_name, b.entry_name)"), true},
	{NULL, {NULL}, NULL, false}
};
