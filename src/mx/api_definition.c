/*
 * mx/api_definition.c: processes and freeruns, and when a trigger fires.
 */
#include "mx/api.h"

#include <stddef.h>

#include "mx/api_sql.h"

/* status_sql.h says how processes and freeruns do: a row s; p or r the definition itself */
#define DURATIONS \
	"(SELECT coalesce(json_agg(" SECONDS("u.started_at", "u.finished_at") " ORDER BY u.timeperiod, u.unit_of_work_id), '[]') FROM (" \
	"SELECT * FROM (SELECT * FROM synergy.unit_of_work_data u WHERE u.process_id = p.process_id ORDER BY u.timeperiod DESC LIMIT 100) u " \
	"WHERE u.state IN ('p', 'n') AND u.finished_at >= u.started_at ORDER BY u.timeperiod DESC, u.unit_of_work_id DESC LIMIT 30) u)"

#define PROCESS_COLUMNS \
	"s.process_name, p.tree_name, p.time_qualifier, s.worker, s.is_on, s.trigger_frequency, s.next_fire, p.state_machine, p.blocking_type, " \
	"p.time_grouping, pg_get_userbyid(p.owner) AS owner, s.requested, s.in_progress, s.invalid, s.failed_at AS last_failure_at, " \
	DURATIONS " AS durations"
#define PROCESS_SOURCE "(" PROCESSES ") s JOIN synergy.process p ON p.process_name = s.process_name AND s.entry_name IS NULL"

#define PROCESS_LIST \
	"SELECT json_build_object('at', synergy.now(), 'processes', " \
	ROWS("SELECT " PROCESS_COLUMNS " FROM " PROCESS_SOURCE " JOIN synergy.timetable t USING (tree_name) " \
	"ORDER BY t.tree_id, " LONGEST_FIRST) ")::text"

#define UNIT_LIST(process_id) \
	ROWS("SELECT " UNIT_ROW " FROM (" LAST_UNITS(process_id, "30") ") u JOIN synergy.definition d USING (process_id) ORDER BY u.unit_of_work_id DESC")

/* $1 process */
#define PROCESS \
	"SELECT json_build_object('at', synergy.now(), " \
	"'process', (SELECT row_to_json(q) FROM (SELECT " PROCESS_COLUMNS ", p.command, p.source, p.sink, p.arguments, p.options, " \
	"	synergy.timeperiod_cast(p.time_qualifier, p.start_timeperiod) AS start_timeperiod, p.created_at, p.updated_at, " \
	"	(SELECT j.timeperiod FROM synergy.job_data j WHERE j.process_id = p.process_id AND j.timeperiod >= coalesce(g.frontier, '') " \
	"		AND j.state IN " ACTIVE " ORDER BY j.timeperiod LIMIT 1) AS frontier, g.head AS last_timeperiod " \
	"	FROM " PROCESS_SOURCE " LEFT JOIN synergy.progress g USING (process_id) WHERE s.process_name = $1) q), " \
	"'links', " ROWS("SELECT l.kind, o.process_name, o.tree_name FROM (" \
	"	SELECT 1 AS n, CASE l.kind WHEN 'child' THEN 'parent' ELSE 'dependant' END AS kind, l.process_id AS other_id " \
	"		FROM synergy.process_link l WHERE l.other_id = p.process_id " \
	"	UNION ALL SELECT 2, l.kind, l.other_id FROM synergy.process_link l WHERE l.process_id = p.process_id) l " \
	"	JOIN synergy.process o ON o.process_id = l.other_id ORDER BY l.n, l.kind = 'child' OR l.kind = 'parent' DESC, o.process_id") ", " \
	"'duration', (SELECT json_build_object('units', d.units, 'last_seconds', date_part('epoch', d.last), " \
	"	'median_seconds', date_part('epoch', d.median), 'p95_seconds', date_part('epoch', d.p95), 'max_seconds', date_part('epoch', d.max)) " \
	"	FROM synergy.duration d WHERE d.process_name = p.process_name AND d.entry_name IS NULL), " \
	"'next_fires', " NEXT_FIRES("p", "'UTC'") ", " \
	"'units', " UNIT_LIST("p.process_id") ", " \
	"'events', " ROWS(LAST_EVENTS("p.process_name", "NULL", "50")) \
	")::text FROM synergy.process p WHERE p.process_name = $1"

#define FREERUN_COLUMNS \
	"s.process_name, s.entry_name, r.description, s.worker, s.trigger_frequency, s.timezone, s.is_on, s.next_fire, " \
	"(SELECT row_to_json(l) FROM (SELECT " UNIT_ROW " FROM (SELECT * FROM synergy.unit_of_work_data u WHERE u.process_id = r.freerun_id " \
	"	ORDER BY u.timeperiod DESC, u.unit_of_work_id DESC LIMIT 1) u CROSS JOIN (SELECT r.process_name, r.entry_name, r.worker) d) l) AS last_unit, " \
	"s.requested, s.in_progress, s.invalid, pg_get_userbyid(r.owner) AS owner"
#define FREERUN_SOURCE "(" PROCESSES ") s JOIN synergy.freerun r ON r.process_name = s.process_name AND r.entry_name = s.entry_name"

#define FREERUN_LIST \
	"SELECT json_build_object('at', synergy.now(), 'freeruns', " \
	ROWS("SELECT " FREERUN_COLUMNS " FROM " FREERUN_SOURCE " ORDER BY s.process_name, s.entry_name") ")::text"

/* $1 process, $2 entry */
#define FREERUN \
	"SELECT json_build_object('at', synergy.now(), " \
	"'freerun', (SELECT row_to_json(q) FROM (SELECT " FREERUN_COLUMNS ", r.command, r.arguments, r.options, r.created_at, r.updated_at " \
	"	FROM " FREERUN_SOURCE " WHERE s.process_name = $1 AND s.entry_name = $2) q), " \
	"'next_fires', " NEXT_FIRES("r", "r.timezone") ", " \
	"'units', " UNIT_LIST("r.freerun_id") ", " \
	"'events', " ROWS(LAST_EVENTS("r.process_name", "r.entry_name", "50")) \
	")::text FROM synergy.freerun r WHERE r.process_name = $1 AND r.entry_name = $2"

/* $1 trigger, $2 timezone, $3 n */
#define FIRES \
	"SELECT json_build_object('at', synergy.now(), 'fires', (SELECT coalesce(json_agg(f.at ORDER BY f.at), '[]') " \
	"FROM synergy.next_fires($1::text, coalesce($2::text, 'UTC'), NULL, least(coalesce($3::int, 5), 100)) f (at)))::text"

const ApiEndpoint api_definitions[] = {
	{"processes", {NULL}, PROCESS_LIST, false},
	{"processes/:process", {"process"}, PROCESS, false},
	{"freeruns", {NULL}, FREERUN_LIST, false},
	{"freeruns/:process/:entry", {"process", "entry"}, FREERUN, false},
	{"next_fires", {"trigger", "timezone", "n"}, FIRES, false},
	{NULL, {NULL}, NULL, false}
};
