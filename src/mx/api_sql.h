/*
 * mx/api_sql.h: what several statements of the API are made of.
 *
 * A document must be there in a moment whatever is in the database, and whatever the planner knows about it: tables may
 * have been filled just now. Three habits see to that. Rows are reached by key, in LATERAL subqueries with a LIMIT or
 * OFFSET 0, so that there is one way to plan them. What could be long is looked through newest first, so many rows
 * and no more. And what matters is not rows but pages: rows of one process lie far apart, because those of all processes
 * are written in turn, so a thousand of them are a thousand pages.
 */
#ifndef SYNERGY_MX_API_SQL_H
#define SYNERGY_MX_API_SQL_H

#include "client/status_sql.h"

/* rows as an array of objects, [] when there are none; with row_to_json a row is one line */
#define ROWS(query) "(SELECT coalesce(json_agg(row_to_json(listed)), '[]') FROM (" query ") listed)"
#define NAMES(query) "(SELECT coalesce(json_agg(names.name), '[]') FROM (" query ") names (name))"

#define PAGE(parameter) "least(coalesce(" parameter "::bigint, 100), 1000)"

#define SECONDS(from, to) "CASE WHEN " to " >= " from " THEN date_part('epoch', " to " - " from ") END"

/* the letter of a job j, v where its unit has failed; only an active job's unit is looked at */
#define LETTER \
	"CASE WHEN j.state IN ('i', 'f') AND (SELECT v.state = 'v' FROM synergy.unit_of_work_data v " \
	"WHERE v.unit_of_work_id = j.unit_of_work_id) THEN 'v' ELSE j.state::text END"

/* {"p": 700, "e": 20}: jobs of a process by letter, from a period on up to another one */
#define COUNTS(process_id, from, to) \
	"(SELECT json_object_agg(counted.letter, counted.jobs) FROM (SELECT letters.letter, count(*) AS jobs FROM (" \
	"SELECT " LETTER " AS letter FROM synergy.job_data j WHERE j.process_id = " process_id " AND j.timeperiod >= " from \
	" AND j.timeperiod < " to " OFFSET 0) letters GROUP BY letters.letter) counted)"

/* the next fire of a process p or of a row with the same columns */
#define NEXT_FIRE(p, timezone) \
	"CASE WHEN " p ".is_on THEN (SELECT fires.at FROM synergy.next_fires(" p ".trigger_frequency, " timezone ", NULL, 1) fires (at)) END"
#define NEXT_FIRES(p, timezone) \
	"(SELECT coalesce(json_agg(fires.at ORDER BY fires.at), '[]') FROM synergy.next_fires(" p ".trigger_frequency, " timezone \
	", NULL, 5) fires (at))"

/* a unit u and its definition d, as a row of a list */
#define UNIT_COLUMNS(error) \
	"u.unit_of_work_id, d.process_name, d.entry_name, d.worker, u.timeperiod, u.start_timeperiod, u.end_timeperiod, " \
	"synergy.uow_state_of(u.state) AS state, u.attempt, u.number_of_retries, u.created_at, u.submitted_at, u.started_at, u.finished_at, " \
	"u.release_at AS retry_at, " SECONDS("u.started_at", "u.finished_at") " AS duration_seconds, u.box_name, u.number_of_processed, " \
	"u.number_of_aggregated, " error " AS error"
#define UNIT_ROW UNIT_COLUMNS("left(u.error, 2000)")

#define EVENT_COLUMNS \
	"e.event_id, e.at, e.role_name, e.event, e.process_name, e.entry_name, e.timeperiod, e.unit_of_work_id, e.old_state, e.new_state, e.detail"

/*
 * The last units of one definition. No index has its units in the order of their ids; those of its newest periods are
 * the newest, but for periods that were run again long after.
 */
#define LAST_UNITS(process_id, n) \
	"SELECT u.* FROM (SELECT * FROM synergy.unit_of_work_data WHERE process_id = " process_id " ORDER BY timeperiod DESC LIMIT 200) u " \
	"ORDER BY u.unit_of_work_id DESC LIMIT " n

/*
 * The steps of a process's newest periods, by the marks of its jobs or units: the index of events has what is no step, see
 * store/event.h.  LEFT: marks that lead to none count as well.
 */
#define STEPS_OF(process_name, table, left, n) \
	"(SELECT e.* FROM synergy.process p CROSS JOIN LATERAL (SELECT t.mark FROM " table " t WHERE t.process_id = p.process_id " \
	"	ORDER BY t.timeperiod DESC LIMIT " n ") t " left " JOIN synergy.event_log e ON e.event_id = t.mark AND e.is_step WHERE p.process_name = " process_name ")"

/*
 * The last events of one definition: from the newest of all, those of its newest periods, and those of the definition
 * itself, which have none.
 */
#define LAST_EVENTS(process_name, entry_name, n) \
	"SELECT " EVENT_COLUMNS " FROM (" \
	"SELECT * FROM (SELECT * FROM synergy.event_log ORDER BY event_id DESC LIMIT " EVENTS_AT ") e WHERE e.process_name = " process_name " " \
	"UNION " \
	"(SELECT * FROM synergy.event_log e WHERE e.process_name = " process_name " AND NOT e.is_step AND e.timeperiod IS NOT NULL ORDER BY e.timeperiod DESC LIMIT 200) " \
	"UNION " STEPS_OF(process_name, "synergy.job_data", "", "100") " UNION " STEPS_OF(process_name, "synergy.unit_of_work_data", "", "100") " " \
	"UNION " \
	"(SELECT * FROM synergy.event_log e WHERE e.process_name = " process_name " AND NOT e.is_step AND e.timeperiod IS NULL LIMIT 1000)) e " \
	"WHERE e.entry_name IS NOT DISTINCT FROM " entry_name " ORDER BY e.event_id DESC LIMIT " n

/* active units by definition, over their own index; status_sql.h has the same by name */
#define ACTIVE_UNITS \
	"SELECT u.process_id, count(*) FILTER (WHERE u.state = 'r') AS requested, count(*) FILTER (WHERE u.state = 'i') AS in_progress, " \
	"count(*) FILTER (WHERE u.state = 'v') AS invalid FROM synergy.unit_of_work_active u GROUP BY u.process_id"

/* ---------------------------------------------------------------- levels of a timetable */

/* a console draws often: less is counted than by `synergy status`, and still less of each process where many are far behind */
#define CONSOLE_LOOK_AT \
	"(SELECT greatest(500, 20000 / greatest(count(*), 1)) FROM synergy.process p JOIN synergy.progress g USING (process_id) " \
	"WHERE " PERIODS("p.time_qualifier", "g.frontier", "g.head") " > 500)"
#define CONSOLE_LEVELS LEVELS_OF(CONSOLE_LOOK_AT, "a.seen >= " CONSOLE_LOOK_AT)

/* the fields of one level: q a row of CONSOLE_LEVELS, p its process, f of ACTIVE_UNITS, r of RECENT */
#define LEVEL_FIELDS \
	"'process_name', q.process_name, 'time_qualifier', q.time_qualifier, 'worker', p.worker, 'is_on', q.is_on, 'frontier', q.frontier, " \
	"'lag_seconds', q.lag_seconds, 'is_behind', q.is_behind, 'first_timeperiod', q.first_timeperiod, 'last_timeperiod', q.last_timeperiod, " \
	"'finished', q.finished, 'embryo', q.embryo, 'in_progress', q.in_progress, 'final_run', q.final_run, 'is_capped', q.is_capped, " \
	"'failing', coalesce(f.invalid, 0), 'recent', r.recent, 'backfill', CASE WHEN q.backfill_end IS NOT NULL " \
	"THEN json_build_object('from', q.backfill_start, 'to', q.backfill_end, 'left', q.backfill_left) END"

#define RECENT \
	"(SELECT CASE WHEN count(*) > 0 THEN json_build_object('first', min(s.timeperiod), 'states', " \
	"string_agg(s.letter, '' ORDER BY s.timeperiod)) END AS recent FROM (SELECT j.timeperiod, " LETTER " AS letter FROM synergy.job_data j " \
	"WHERE j.process_id = p.process_id ORDER BY j.timeperiod DESC LIMIT CASE p.time_qualifier WHEN 'hourly' THEN 24 WHEN 'daily' THEN 31 " \
	"WHEN 'monthly' THEN 12 ELSE 5 END) s)"

/* levels: a query with rows of CONSOLE_LEVELS */
#define LEVEL_SOURCE(levels) \
	"(" levels ") q JOIN synergy.process p USING (process_name) LEFT JOIN (" ACTIVE_UNITS ") f ON f.process_id = p.process_id " \
	"CROSS JOIN LATERAL " RECENT " r"
#define LONGEST_FIRST "array_position(" QUALIFIERS ", p.time_qualifier) DESC"

#endif							/* SYNERGY_MX_API_SQL_H */
