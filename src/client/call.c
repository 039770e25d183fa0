/*
 * client/call.c: the commands that call one function of the extension and show what it returned.
 *
 * A command is a row of the table below. A function that returns nothing is asked in FROM, so that what was asked for
 * comes back as a row, for --json and for the line that says it was done.
 */
#include <stdlib.h>
#include <string.h>

#include "client/options.h"
#include "client/query.h"
#include "client/text.h"

#define MAX_VALUES 3

typedef struct Call
{
	const char *name;
	int			least,
				most;			/* arguments */
	const char *flag,			/* an option whose value, true or false, is the last parameter */
			   *flag_help;
	const char *done;			/* what is said of a single row: "activated" */
	bool		finds_faults;	/* rows are faults: EXIT_UNWELL */
	QueryCommand query;
} Call;

static const TableColumn changes[] = {
	{"process_name", "process", TABLE_LONG},
	{"timeperiod", "timeperiod", TABLE_TEXT},
	{"old_state", "was", TABLE_STATE},
	{"new_state", "is", TABLE_STATE},
	{NULL}
};

static const TableColumn backfills[] = {
	{"process_name", "process", TABLE_LONG},
	{"from_timeperiod", "from", TABLE_TEXT},
	{"to_timeperiod", "to", TABLE_TEXT},
	{"jobs", "jobs", TABLE_NUMBER},
	{NULL}
};

static const TableColumn faults[] = {
	{"invariant", "invariant", TABLE_LONG},
	{"process_name", "process", TABLE_LONG},
	{"timeperiod", "timeperiod", TABLE_TEXT},
	{"unit_of_work_id", "unit", TABLE_TEXT},
	{"detail", "detail", TABLE_LONG},
	{NULL}
};

#define SWITCH(function, word) \
	"SELECT $1::text AS process_name, $2::text AS entry_name, '" word "' AS done FROM synergy." function "($1::text, $2::text)"
#define CHANGES "SELECT process_name, timeperiod, old_state, new_state FROM synergy."

static const Call calls[] = {
	{"trigger", 1, 2, NULL, NULL, "trigger is asked for", false,
	{QUERY_CHANGE, SWITCH("trigger_now", "triggered"), true}},
	{"activate", 1, 2, NULL, NULL, "is on", false,
	{QUERY_CHANGE, SWITCH("activate", "activated"), true}},
	{"deactivate", 1, 2, NULL, NULL, "is off", false,
	{QUERY_CHANGE, SWITCH("deactivate", "deactivated"), true}},
	{"skip", 2, 2, "dry-run", "show what would change, and change nothing", NULL, false,
	{QUERY_CHANGE, CHANGES "skip($1::text, $2::text, $3::boolean)", false, changes, NULL, "nothing to change"}},
	{"reprocess", 2, 2, "dry-run", "show what would change, and change nothing", NULL, false,
	{QUERY_CHANGE, CHANGES "reprocess($1::text, $2::text, $3::boolean)", false, changes, NULL, "nothing to change"}},
	{"cancel", 1, 1, "dry-run", "show what would change, and change nothing", NULL, false,
	{QUERY_CHANGE, CHANGES "cancel_unit_of_work($1::bigint, $2::boolean)", false, changes, NULL,
	"no job has changed"}},
	{"backfill", 2, 3, NULL, NULL, NULL, false,
	{QUERY_CHANGE, "SELECT process_name, from_timeperiod, to_timeperiod, jobs FROM synergy.backfill($1::text, $2::text, $3::text)",
	false, backfills, NULL, "nothing to make"}},
	{"resume", 0, 0, NULL, NULL, "jobs of this database are run here from now on", false,
	{QUERY_CHANGE, "SELECT current_database() AS database, 'resumed' AS done FROM synergy.resume()", true}},
	{"check", 0, 0, "after-collection", "with those that hold when the garbage collector has just run", NULL, true,
	{QUERY_LOOK, "SELECT invariant, process_name, timeperiod, unit_of_work_id, detail FROM synergy.check($1::boolean)",
	false, faults, NULL, "no invariant is violated"}},
};

static const Call *
find_call(const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(calls[i].name, name) == 0)
			return &calls[i];
	return NULL;
}

/* "visits_hourly: is on", "database: ..." */
static void
say_done(const Call *call, const ClientArguments *arguments)
{
	for (int i = 0; i < arguments->count; i++)
	{
		char	   *clean = text_clean(arguments->values[i]);

		printf("%s%s", clean, i + 1 < arguments->count ? " " : ": ");
		free(clean);
	}
	puts(call->done);
}

int
call_main(int argc, char **argv)
{
	const Call *call = find_call(argv[0]);
	const char *flag = NULL;
	const ClientOption own[] = {{call->flag, 0, NULL, call->flag_help, &flag}, {NULL}};
	const char *values[MAX_VALUES + 1] = {NULL};
	ClientArguments arguments;
	PGconn	   *connection;
	int			n = call->most,
				rows = 0,
				code;

	if (!options_parse(&arguments, argc, argv, own, call->least, call->most, call->most == 0, &code))
		return code;
	for (int i = 0; i < arguments.count; i++)
		values[i] = arguments.values[i];
	if (call->flag)
		values[n++] = flag ? "true" : "false";
	connection = options_connect(&arguments);
	if (connection == NULL)
		return EXIT_NO_CONNECTION;
	code = query_run(connection, &call->query, n, values, &rows);
	if (code == EXIT_DONE && call->done && !client_json && !client_quiet)
		say_done(call, &arguments);
	return code == EXIT_DONE && call->finds_faults && rows > 0 ? EXIT_UNWELL : code;
}
