/*
 * client/status.c: `synergy status`: timetables, processes, what waits, boxes, daemons, and whether all of it is well.
 *
 * Each part is one query, and all are asked in one snapshot. As JSON each part is a field of the document, with the rows
 * as the database makes them.
 */
#include <stdlib.h>
#include <string.h>

#include "client/error.h"
#include "client/query.h"
#include "client/status.h"
#include "client/status_sql.h"
#include "client/text.h"

static const TableColumn level_columns[] = {
	{"tree_name", "timetable", TABLE_LONG},
	{"time_qualifier", "level", TABLE_TEXT},
	{"process_name", "process", TABLE_LONG},
	{"is_on", "", TABLE_SWITCH},
	{"frontier", "frontier", TABLE_TEXT},
	{"lag_seconds", "lag", TABLE_AGO},
	{"finished", "finished", TABLE_NUMBER},
	{"embryo", "embryo", TABLE_NUMBER},
	{"in_progress", "at work", TABLE_NUMBER},
	{"final_run", "final run", TABLE_RARE},
	{"backfill_left", "backfill", TABLE_RARE},
	{"processed", "processed", TABLE_NUMBER},
	{"noop", "noop", TABLE_NUMBER},
	{"skipped", "skipped", TABLE_NUMBER},
	{NULL}
};

static const TableColumn process_columns[] = {
	{"process_name", "process", TABLE_LONG},
	{"entry_name", "entry", TABLE_LONG},
	{"is_on", "", TABLE_SWITCH},
	{"worker", "worker", TABLE_TEXT},
	{"trigger_frequency", "trigger", TABLE_LONG},
	{"next_fire_seconds", "next fire", TABLE_IN},
	{"requested", "requested", TABLE_NUMBER},
	{"in_progress", "at work", TABLE_NUMBER},
	{"invalid", "invalid", TABLE_RARE},
	{"failed_seconds", "failed", TABLE_AGO},
	{"last_failure", "last failure", TABLE_LONG},
	{NULL}
};

static const TableColumn blocked_columns[] = {
	{"process_name", "process", TABLE_LONG},
	{"timeperiod", "timeperiod", TABLE_TEXT},
	{"state", "state", TABLE_STATE},
	{"waits_for_jobs", "waits for", TABLE_NUMBER},
	{"kind", "", TABLE_TEXT},
	{"waits_for_process", "of", TABLE_LONG},
	{"waits_for_timeperiod", "first", TABLE_TEXT},
	{"waits_for_state", "which is", TABLE_STATE},
	{NULL}
};

static const TableColumn box_columns[] = {
	{"box_name", "box", TABLE_LONG},
	{"state", "agent", TABLE_STATE},
	{"slots", "slots", TABLE_NUMBER},
	{"units", "units", TABLE_NUMBER},
	{"daemons", "daemons", TABLE_NUMBER},
	{"host", "host", TABLE_LONG},
	{"pid", "pid", TABLE_TEXT},
	{"version", "version", TABLE_TEXT},
	{"started_seconds", "since", TABLE_AGO},
	{NULL}
};

static const TableColumn daemon_columns[] = {
	{"process_name", "daemon", TABLE_LONG},
	{"is_on", "", TABLE_SWITCH},
	{"box_name", "box", TABLE_LONG},
	{"state", "state", TABLE_STATE},
	{"pid", "pid", TABLE_TEXT},
	{"since_seconds", "since", TABLE_AGO},
	{"starts", "starts", TABLE_NUMBER},
	{"last_exit", "last exit", TABLE_TEXT},
	{"next_start_seconds", "next start", TABLE_IN},
	{NULL}
};

typedef struct Section
{
	const char *name,			/* of the field in JSON */
			   *title;
	const char *sql,
			   *full_sql;		/* with --full, when that is another */
	const TableColumn *columns;
	const char *relation;		/* not there in older versions of the extension; NULL: always there */
} Section;

static const Section sections[] = {
	{"scheduler", NULL, "SELECT * FROM synergy.status()", NULL, NULL, NULL},
	{"timetables", "Timetables", LEVELS, LEVELS_FULL, level_columns, NULL},
	{"processes", "Processes", PROCESSES, NULL, process_columns, NULL},
	{"blocked", "Waiting for others", BLOCKED, NULL, blocked_columns, NULL},
	{"boxes", "Boxes", BOXES, NULL, box_columns, "synergy.box_status"},
	{"daemons", "Daemons", STATUS_DAEMONS, NULL, daemon_columns, "synergy.daemon"},
};

#define SECTIONS ((int) (sizeof(sections) / sizeof(sections[0])))

/* ---------------------------------------------------------------- verdict */

/* the elements of an array, one a line */
static void
print_list(const Picture *picture, PGconn *connection, const PGresult *health, const char *field, Colour colour)
{
	const char *value = query_value(health, 0, field);
	PGresult   *elements = NULL;

	if (value == NULL || query_rows(connection, "SELECT unnest($1::text[])", 1, &value, &elements) != EXIT_DONE)
		return;
	for (int row = 0; row < PQntuples(elements); row++)
	{
		char	   *clean = text_clean(PQgetvalue(elements, row, 0));

		fputs("  ", picture->out);
		picture_put(picture, colour, clean);
		fputc('\n', picture->out);
		free(clean);
	}
	PQclear(elements);
}

static void
print_numbers(const Picture *picture, const PGresult *health)
{
	const char *last = query_value(health, 0, "last_round_seconds");
	const char *next = query_value(health, 0, "next_wake_seconds");
	const char *courier = query_value(health, 0, "courier_state");

	fprintf(picture->out, "  units: %s requested, %s in progress, %s invalid; executors: %s of %s busy, %s queued; news: %s\n",
			query_value(health, 0, "units_requested"), query_value(health, 0, "units_in_progress"), query_value(health, 0, "units_invalid"),
			query_value(health, 0, "executors_busy"), query_value(health, 0, "executors"), query_value(health, 0, "queued"),
			query_value(health, 0, "pending_news"));
	if (last || next)
		fputs("  ", picture->out);
	if (last)
		fprintf(picture->out, "last round: %s ago, took %.1f ms%s", text_duration(strtod(last, NULL)),
				strtod(query_value(health, 0, "last_round_ms"), NULL), next ? "; " : "");
	if (next)
		fprintf(picture->out, strtod(next, NULL) < 0 ? "next round: due since %s" : "next round: in %s", text_duration(strtod(next, NULL)));
	if (last || next)
		fputc('\n', picture->out);
	if (courier && strcmp(courier, "off") != 0)
		fprintf(picture->out, "  RabbitMQ: %s, %s to be published\n", courier, query_value(health, 0, "outbox"));
}

static void
print_health(const Picture *picture, PGconn *connection, const PGresult *health)
{
	bool		healthy = *query_value(health, 0, "is_healthy") == 't';
	bool		warned = strcmp(query_value(health, 0, "warnings"), "{}") != 0;
	char	   *database = text_clean(query_value(health, 0, "database"));

	fputs("synergy in ", picture->out);
	picture_put(picture, COLOUR_BOLD, database);
	fputs(": ", picture->out);
	picture_put(picture, !healthy ? COLOUR_BAD : warned ? COLOUR_WARN : COLOUR_GOOD, query_value(health, 0, "verdict"));
	fputc('\n', picture->out);
	free(database);
	if (!picture->heads)
		return;
	print_list(picture, connection, health, "problems", COLOUR_BAD);
	print_list(picture, connection, health, "warnings", COLOUR_WARN);
	print_numbers(picture, health);
}

/* ---------------------------------------------------------------- parts */

static int
is_there(PGconn *connection, const Section *section, bool *there)
{
	PGresult   *result = NULL;
	int			code = EXIT_DONE;

	*there = true;
	if (section->relation)
		code = query_rows(connection, "SELECT to_regclass($1) IS NOT NULL", 1, &section->relation, &result);
	if (result)
		*there = *PQgetvalue(result, 0, 0) == 't';
	PQclear(result);
	return code;
}

/* is the field true in any row? */
static bool
is_any(const PGresult *result, const char *field)
{
	for (int row = 0; row < PQntuples(result); row++)
		if (query_value(result, row, field) && *query_value(result, row, field) == 't')
			return true;
	return false;
}

/* the heading of a part is left out with its rows */
static int
draw_section(PGconn *connection, const Section *section, const char *sql, const Picture *picture)
{
	PGresult   *result;
	int			code = query_rows(connection, sql, 0, NULL, &result);

	if (code == EXIT_DONE && PQntuples(result) > 0)
	{
		fputc('\n', picture->out);
		picture_put(picture, COLOUR_BOLD, section->title);
		fputc('\n', picture->out);
		table_print(picture, result, section->columns, 2);
		if (is_any(result, "is_capped"))
			fputs("  more than " LOOK_AT " jobs were not counted; --full counts all\n", picture->out);
	}
	PQclear(result);
	return code;
}

static int
draw_json(PGconn *connection, const Section *section, const char *sql, const Picture *picture)
{
	char	   *json;
	int			code = query_json(connection, sql, 0, NULL, section->columns == NULL, &json);

	if (code == EXIT_DONE)
		fprintf(picture->out, ", \"%s\": %s", section->name, json);
	free(json);
	return code;
}

static int
draw_parts(PGconn *connection, const StatusRequest *request, const Picture *picture)
{
	int			code = EXIT_DONE;

	for (int i = 0; code == EXIT_DONE && i < SECTIONS; i++)
	{
		const Section *section = &sections[i];
		const char *sql = request->full && section->full_sql ? section->full_sql : section->sql;
		bool		there;

		if (section->columns == NULL && !client_json)
			continue;
		code = is_there(connection, section, &there);
		if (code == EXIT_DONE && there)
			code = client_json ? draw_json(connection, section, sql, picture) : draw_section(connection, section, sql, picture);
	}
	return code;
}

static int
draw_in_transaction(PGconn *connection, const StatusRequest *request, const Picture *picture, bool *healthy)
{
	const char *values[] = {request->max_lag, request->strict ? "true" : "false"};
	PGresult   *health;
	int			code = query_rows(connection, "SELECT row_to_json(h) AS json, h.* FROM (" HEALTH ") h", 2, values, &health);

	if (code != EXIT_DONE)
		return code;
	*healthy = *query_value(health, 0, "is_healthy") == 't';
	if (client_json)
		fprintf(picture->out, "{\"health\": %s", query_value(health, 0, "json"));
	else
		print_health(picture, connection, health);
	PQclear(health);
	if (client_json || !client_quiet)
		code = draw_parts(connection, request, picture);
	if (client_json)
		fputs("}\n", picture->out);
	return code;
}

int
status_draw(PGconn *connection, const StatusRequest *request, const Picture *picture)
{
	char	   *text = NULL;
	size_t		size = 0;
	Picture		whole = *picture;
	bool		healthy = false;
	int			code = query_begin(connection, QUERY_LOOK);

	if (code != EXIT_DONE)
		return code;
	/* half a picture, or half a document, is none */
	whole.out = open_memstream(&text, &size);
	code = draw_in_transaction(connection, request, &whole, &healthy);
	fclose(whole.out);
	if (code == EXIT_DONE)
		code = query_commit(connection);
	if (code == EXIT_DONE)
		fwrite(text, 1, size, picture->out);
	free(text);
	return code == EXIT_DONE && !healthy ? EXIT_UNWELL : code;
}

int
status_main(int argc, char **argv)
{
	const char *watch = NULL,
			   *full = NULL,
			   *strict = NULL;
	StatusRequest request = {0};
	const ClientOption own[] = {
		{"watch", 'w', "[SECONDS]", "draw again every 2 seconds, or so many; q or Ctrl-C ends it", &watch},
		{"max-lag", 0, "INTERVAL", "unwell when a process is further behind than that: '2 hours'", &request.max_lag},
		{"strict", 0, NULL, "unwell with warnings, too", &strict},
		{"full", 0, NULL, "count finished jobs by state, which reads all jobs", &full},
		{NULL}
	};
	ClientArguments arguments;
	PGconn	   *connection;
	Picture		picture;
	double		seconds = 2;
	int			code;

	if (!options_parse(&arguments, argc, argv, own, 0, 0, true, &code))
		return code;
	request.full = full != NULL;
	request.strict = strict != NULL;
	if (watch && *watch)
	{
		char	   *end;

		seconds = strtod(watch, &end);
		if (*end != '\0' || !(seconds >= 0.1 && seconds <= 86400))
			return error_usage("--watch takes seconds, 0.1 to 86400, not \"%s\"", watch);
	}
	if (watch)
		return watch_run(&arguments, &request, seconds);
	connection = options_connect(&arguments);
	if (connection == NULL)
		return EXIT_NO_CONNECTION;
	picture = picture_of_stdout();
	code = status_draw(connection, &request, &picture);
	PQfinish(connection);
	return code;
}
