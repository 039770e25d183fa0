/*
 * mx/api.h: what can be asked and done below /api/v1, as rows of a table: a path and the statement behind it.
 *
 * The statement is one, of one row with one column: the JSON document of docs/api.md as text. No row: 404.
 * It runs as the role that has logged in, in a transaction of its own, with search_path = pg_catalog, UTF8, time zone
 * UTC, DateStyle and IntervalStyle as usual (ISO, postgres), a timeout, and API_PLANNING; every name of ours in it is
 * qualified.  Parameters are sent as text, or as of unknown type, and may be NULL.  What goes wrong is answered with
 * PostgreSQL's message (see docs/api.md for the statuses).
 */
#ifndef SYNERGY_MX_API_H
#define SYNERGY_MX_API_H

#include <stdbool.h>

#define API_PREFIX "/api/v1/"

/*
 * What a session sets besides, once, as rows of VALUES for set_config: without statistics, or with what they say of LIMIT,
 * the planner would rather read a table from its beginning, or all of a process's rows to sort them, than go along an
 * index; compiling takes longer than any of the statements; and parallel workers would take the slots that the scheduler
 * and its executors need.
 */
#define API_PLANNING \
	"('enable_seqscan', 'off'), ('enable_bitmapscan', 'off'), ('jit', 'off'), ('max_parallel_workers_per_gather', '0')"

#define API_MAX_PARAMETERS 10

typedef struct ApiEndpoint
{
	/* behind API_PREFIX; a segment with a colon is a parameter: "jobs/:process/:timeperiod" */
	const char *path;
	/* names of $1, $2...: of segments or of the query string; an action has one, "body" */
	const char *parameters[API_MAX_PARAMETERS + 1];
	const char *sql;
	bool		is_action;		/* POST, else GET */
} ApiEndpoint;

/* each ends with a row whose path is NULL */
extern const ApiEndpoint api_overviews[];	/* api_overview.c: session, overview, activity, boxes, blocked, garbage */
extern const ApiEndpoint api_timetables[];	/* api_timetable.c: timetables and their storeys, jobs */
extern const ApiEndpoint api_units[];		/* api_unit.c: units, their logs, events */
extern const ApiEndpoint api_definitions[]; /* api_definition.c: processes, freeruns, next fires */
extern const ApiEndpoint api_alerts[];		/* api_alert.c: late jobs, forecasts */
extern const ApiEndpoint api_actions[];		/* api_action.c */

#endif							/* SYNERGY_MX_API_H */
