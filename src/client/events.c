/*
 * client/events.c: `synergy events`: who did what when, from the event log.
 */
#include "client/error.h"
#include "client/options.h"
#include "client/query.h"

static const TableColumn columns[] = {
	{"at_text", "at", TABLE_TEXT},
	{"role_name", "role", TABLE_TEXT},
	{"event", "event", TABLE_TEXT},
	{"process_name", "process", TABLE_LONG},
	{"entry_name", "entry", TABLE_LONG},
	{"timeperiod", "timeperiod", TABLE_TEXT},
	{"unit_of_work_id", "unit", TABLE_TEXT},
	{"old_state", "was", TABLE_STATE},
	{"new_state", "is", TABLE_STATE},
	{"detail", "detail", TABLE_LONG},
	{NULL}
};

/*
 * The newest so many, the oldest of them first; a filter that was not given is NULL and folded away by the planner.  Those of a
 * job are found by keys, all others from the end of the log.
 */
#define OF_ALL "synergy.event_log"
#define OF_JOB "synergy.job_events($1, $2)"
#define EVENTS(columns, source) \
	"SELECT " columns " FROM (SELECT * FROM " source " e " \
	"WHERE ($1::text IS NULL OR e.process_name = $1) AND ($2::text IS NULL OR e.timeperiod = $2) " \
	"AND ($3::text IS NULL OR e.entry_name = $3) AND ($4::text IS NULL OR e.event = $4) " \
	"AND ($5::bigint IS NULL OR e.unit_of_work_id = $5) AND ($6::text IS NULL OR e.role_name = $6) " \
	"AND ($7::interval IS NULL OR e.at >= now() - $7) AND ($8::text IS NULL OR e.new_state = $8) " \
	"ORDER BY e.event_id DESC LIMIT $9::bigint) q ORDER BY event_id"

#define JSON "event_id, at, role_name, event, process_name, entry_name, timeperiod, unit_of_work_id, old_state, new_state, detail"
#define TEXT "*, to_char(at, 'YYYY-MM-DD HH24:MI:SS') AS at_text"

int
events_main(int argc, char **argv)
{
	const char *entry = NULL,
			   *event = NULL,
			   *unit = NULL,
			   *role = NULL,
			   *since = NULL,
			   *state = NULL,
			   *limit = "50";
	const ClientOption own[] = {
		{"entry", 'e', "ENTRY", "of this entry of a freerun", &entry},
		{"event", 0, "EVENT", "of this kind: job, unit, register, reprocess, skip...", &event},
		{"state", 0, "STATE", "that led to this state", &state},
		{"unit", 'u', "ID", "of this unit of work", &unit},
		{"role", 0, "ROLE", "of what this role has done", &role},
		{"since", 0, "INTERVAL", "not older than that: '2 hours'", &since},
		{"limit", 'n', "N", "the newest N (50)", &limit},
		{NULL}
	};
	QueryCommand command = {QUERY_LOOK, NULL, false, columns, NULL, "no such events"};
	ClientArguments arguments;
	PGconn	   *connection;
	int			code;

	if (!options_parse(&arguments, argc, argv, own, 0, 2, false, &code))
		return code;
	if (arguments.count > 1)
		command.sql = client_json ? EVENTS(JSON, OF_JOB) : EVENTS(TEXT, OF_JOB);
	else
		command.sql = client_json ? EVENTS(JSON, OF_ALL) : EVENTS(TEXT, OF_ALL);
	connection = options_connect(&arguments);
	if (connection == NULL)
		return EXIT_NO_CONNECTION;
	return query_run(connection, &command, 9, (const char *const[])
					 {
						 arguments.count > 0 ? arguments.values[0] : NULL, arguments.count > 1 ? arguments.values[1] : NULL, entry, event, unit,
						 role, since, state, limit
					 }, NULL);
}
