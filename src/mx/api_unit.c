/*
 * mx/api_unit.c: units of work, what their workers wrote, and events.
 *
 * Both are searched newest first, by id, and there are indexes only for few of the questions. So a search goes up a
 * ladder: what an index answers exactly; else the newest NEAR rows; if that does not fill a page and a process was
 * asked for, all of its rows where there are no more than FEW, by the index of processes; else the newest FAR rows.
 * Where that ends without a full page, the answer says that it is partial, and from where to go on: so paging reaches
 * everything, and nothing twice.
 */
#include "mx/api.h"

#include <stddef.h>

#include "mx/api_sql.h"

#define NEAR "20000"
#define FEW "2500"
#define FAR "100000"

/* rows r of a table, between asked.low and asked.high, the newest so many */
#define NEWEST(table, id, n) \
	"SELECT * FROM " table " t WHERE t." id " >= a.low AND t." id " < a.high ORDER BY t." id " DESC LIMIT " n
/* those of them that are asked for; one more than a page */
#define MATCHING(rows, id, filter) \
	"(SELECT r.* FROM (" rows ") r WHERE r." id " >= a.low AND r." id " < a.high AND " filter " ORDER BY r." id " DESC LIMIT a.n + 1) r"
/* the last one that was looked at; NULL: all were */
#define STOP(table, id, n) \
	"(SELECT t." id " FROM " table " t WHERE t." id " >= a.low AND t." id " < a.high ORDER BY t." id " DESC OFFSET " n " - 1 LIMIT 1)"

/*
 * The ladder. asked: one row with n, low, high, is_exact (exact answers it), has_process, near_at; exact and by_process:
 * rows, with a the row of asked. It makes page: the rows; and ends: is_full, stop.
 */
#define LADDER(table, id, filter, exact, by_process) \
	"exact AS MATERIALIZED (SELECT r.* FROM asked a CROSS JOIN LATERAL " MATCHING(exact, id, filter) " WHERE a.is_exact), " \
	"near AS MATERIALIZED (SELECT r.* FROM asked a CROSS JOIN LATERAL " MATCHING(NEWEST(table, id, "a.near_at"), id, filter) \
	"	WHERE NOT a.is_exact), " \
	"near_end AS MATERIALIZED (SELECT CASE WHEN NOT a.is_exact AND (SELECT count(*) FROM near) <= a.n THEN " STOP(table, id, "a.near_at") " END AS stop " \
	"	FROM asked a), " \
	"few AS MATERIALIZED (SELECT CASE WHEN a.has_process AND e.stop IS NOT NULL " \
	"	THEN (SELECT count(*) FROM (" by_process " LIMIT " FEW " + 1) c) <= " FEW " END AS are_few FROM asked a, near_end e), " \
	"sparse AS MATERIALIZED (SELECT r.* FROM few f CROSS JOIN asked a CROSS JOIN LATERAL " MATCHING(by_process, id, filter) " WHERE f.are_few), " \
	"far AS MATERIALIZED (SELECT r.* FROM few f CROSS JOIN asked a CROSS JOIN LATERAL " MATCHING(NEWEST(table, id, FAR), id, filter) \
	"	WHERE NOT f.are_few), " \
	"found AS MATERIALIZED (SELECT * FROM exact UNION ALL SELECT near.* FROM near, few WHERE few.are_few IS NULL " \
	"	UNION ALL SELECT * FROM sparse UNION ALL SELECT * FROM far), " \
	"page AS MATERIALIZED (SELECT * FROM found ORDER BY " id " DESC LIMIT (SELECT n FROM asked)), " \
	"ends AS MATERIALIZED (SELECT c.is_full, CASE WHEN NOT c.is_full THEN CASE WHEN f.are_few IS NULL THEN e.stop " \
	"	WHEN NOT f.are_few THEN " STOP(table, id, FAR) " END END AS stop " \
	"	FROM asked a, near_end e, few f, LATERAL (SELECT (SELECT count(*) FROM found) > a.n AS is_full) c) "
#define NEXT(id) \
	"'next', CASE WHEN e.is_full THEN (SELECT min(p." id ") FROM page p) ELSE e.stop END, 'is_partial', NOT e.is_full AND e.stop IS NOT NULL"

/*
 * About the first id of a unit that was created at an instant or later: ids ascend with time, but for clocks, for which
 * there is a margin. Halving, over the primary key.
 */
#define ID_AT(instant) \
	"(WITH RECURSIVE b (lo, hi) AS (SELECT min(u.unit_of_work_id), max(u.unit_of_work_id) + 1 FROM synergy.unit_of_work_data u " \
	"UNION ALL SELECT CASE WHEN r.created_at < " instant " THEN r.unit_of_work_id + 1 ELSE b.lo END, " \
	"CASE WHEN r.created_at < " instant " THEN b.hi ELSE m.middle END " \
	"FROM b CROSS JOIN LATERAL (SELECT (b.lo + b.hi) / 2 AS middle) m LEFT JOIN LATERAL (SELECT u.unit_of_work_id, u.created_at " \
	"FROM synergy.unit_of_work_data u WHERE u.unit_of_work_id >= m.middle ORDER BY u.unit_of_work_id LIMIT 1) r ON true " \
	"WHERE b.lo < b.hi) SELECT min(b.hi) FROM b)"

/* ---------------------------------------------------------------- units */

#define UNIT_FILTER \
	"(a.letters IS NULL OR r.state = ANY (a.letters)) AND (a.processes IS NULL OR r.process_id = ANY (a.processes)) " \
	"AND ($4::text IS NULL OR r.box_name = $4) AND ($5::text IS NULL OR strpos(lower(r.error), lower($5)) > 0) " \
	"AND ($6::text IS NULL OR r.created_at >= $6::timestamptz) AND ($7::text IS NULL OR r.created_at < $7::timestamptz)"

/* $1 process, $2 entry, $3 state, $4 box, $5 text, $6 from, $7 to, $8 before, $9 limit */
#define UNITS \
	"WITH asked AS MATERIALIZED (SELECT " PAGE("$9") " AS n, " \
	"	coalesce(CASE WHEN $6::text IS NOT NULL THEN " ID_AT("$6::timestamptz - interval '10 min'") " END, 0) AS low, " \
	"	least($8::bigint, CASE WHEN $7::text IS NOT NULL THEN " ID_AT("$7::timestamptz + interval '10 min'") " END, 9223372036854775807) AS high, " \
	"	s.letters, coalesce(s.letters <@ ARRAY['r', 'i', 'v']::\"char\"[], false) AS is_exact, d.processes, d.processes IS NOT NULL AS has_process, " \
	"	CASE WHEN d.processes IS NULL THEN " FAR " ELSE " NEAR " END AS near_at " \
	"	FROM (SELECT CASE WHEN $3::text IS NULL THEN NULL WHEN $3::text = 'active' THEN ARRAY['r', 'i', 'v']::\"char\"[] " \
	"			ELSE ARRAY(SELECT l FROM unnest(ARRAY['r', 'i', 'v', 'p', 'n', 'c']::\"char\"[]) l " \
	"				WHERE synergy.uow_state_of(l) = CASE WHEN $3::text <> 'active' THEN $3::text END::synergy.uow_state) END AS letters) s, " \
	"		(SELECT CASE WHEN $1::text IS NOT NULL OR $2::text IS NOT NULL THEN ARRAY(SELECT d.process_id FROM synergy.definition d " \
	"			WHERE ($1::text IS NULL OR d.process_name = $1) AND ($2::text IS NULL OR d.entry_name = $2)) END AS processes) d), " \
	LADDER("synergy.unit_of_work_data", "unit_of_work_id", UNIT_FILTER, \
		   "SELECT * FROM synergy.unit_of_work_active u OFFSET 0", \
		   "SELECT k.* FROM unnest(a.processes) x (process_id) CROSS JOIN LATERAL (SELECT * FROM synergy.unit_of_work_data u " \
		   "WHERE u.process_id = x.process_id ORDER BY u.timeperiod DESC LIMIT " FEW " + 1) k") \
	"SELECT json_build_object('at', synergy.now(), 'units', " \
	ROWS("SELECT " UNIT_ROW " FROM page u JOIN synergy.definition d USING (process_id) ORDER BY u.unit_of_work_id DESC") ", " \
	NEXT("unit_of_work_id") ")::text FROM ends e"

#define LOG_LINES_AT "100000"

/* $1 id */
#define UNIT \
	"SELECT json_build_object('at', synergy.now(), " \
	"'unit', (SELECT row_to_json(r) FROM (SELECT " UNIT_COLUMNS("u.error") ", d.arguments, u.start_id, u.end_id, d.source, d.sink, d.command, " \
	"	u.heard_at, (SELECT count(*) FROM (SELECT FROM synergy.unit_of_work_log l WHERE l.unit_of_work_id = u.unit_of_work_id " \
	"		ORDER BY l.line_no LIMIT " LOG_LINES_AT ") l) AS log_lines) r), " \
	"'events', " ROWS("SELECT " EVENT_COLUMNS " FROM synergy.job_events(d.process_name, u.timeperiod) e " \
	"	WHERE e.unit_of_work_id = u.unit_of_work_id ORDER BY e.event_id DESC LIMIT 1000") \
	")::text FROM synergy.unit_of_work_data u JOIN synergy.definition d USING (process_id) WHERE u.unit_of_work_id = $1::bigint"

/* $1 id, $2 after, $3 limit */
#define LOG \
	"WITH unit AS MATERIALIZED (SELECT u.unit_of_work_id, synergy.uow_state_of(u.state) AS state " \
	"	FROM synergy.unit_of_work_data u WHERE u.unit_of_work_id = $1::bigint), " \
	"lines AS MATERIALIZED (" \
	"	(SELECT l.line_no, l.at, l.stream, l.line FROM synergy.unit_of_work_log l WHERE $2::text IS NOT NULL " \
	"		AND l.unit_of_work_id = $1::bigint AND l.line_no > $2::bigint ORDER BY l.line_no LIMIT " PAGE("$3") ") " \
	"	UNION ALL " \
	"	(SELECT l.line_no, l.at, l.stream, l.line FROM synergy.unit_of_work_log l WHERE $2::text IS NULL " \
	"		AND l.unit_of_work_id = $1::bigint ORDER BY l.line_no DESC LIMIT " PAGE("$3") ")) " \
	"SELECT json_build_object('at', synergy.now(), 'state', u.state, 'lines', " ROWS("SELECT * FROM lines ORDER BY line_no") ", " \
	"'more', EXISTS (SELECT FROM synergy.unit_of_work_log l WHERE l.unit_of_work_id = u.unit_of_work_id " \
	"	AND l.line_no > coalesce((SELECT max(n.line_no) FROM lines n), $2::bigint, 0)))::text FROM unit u"

/* ---------------------------------------------------------------- events */

#define EVENT_FILTER \
	"($1::text IS NULL OR r.process_name = $1) AND ($2::text IS NULL OR r.entry_name = $2) AND ($3::text IS NULL OR r.timeperiod = $3) " \
	"AND ($4::text IS NULL OR r.unit_of_work_id = $4::bigint) AND ($5::text IS NULL OR r.event = $5) AND ($6::text IS NULL OR r.role_name = $6)"

#define EVENTS_OF_PROCESS \
	"SELECT k.* FROM ((SELECT * FROM synergy.event_log e WHERE e.process_name = a.process_name AND NOT e.is_step " \
	"	ORDER BY e.timeperiod DESC LIMIT " FEW " + 1) " \
	"UNION ALL (SELECT e.* FROM synergy.event_log n JOIN synergy.event_log e ON e.event_id = n.previous_id AND e.is_step " \
	"	WHERE n.process_name = a.process_name AND NOT n.is_step LIMIT " FEW " + 1) " \
	"UNION ALL " STEPS_OF("a.process_name", "synergy.job_data", "LEFT", FEW " + 1") \
	"UNION ALL " STEPS_OF("a.process_name", "synergy.unit_of_work_data", "LEFT", FEW " + 1") ") k"

/* $1 process, $2 entry, $3 timeperiod, $4 unit, $5 event, $6 role, $7 before, $8 limit. A unit's events are those of its job. */
#define EVENTS \
	"WITH asked AS MATERIALIZED (SELECT " PAGE("$8") " AS n, 0 AS low, coalesce($7::bigint, 9223372036854775807) AS high, " \
	"	k.process_name, k.timeperiod, coalesce(k.timeperiod IS NOT NULL AND k.process_name IS NOT NULL, false) AS is_exact, " \
	"	EXISTS (SELECT FROM synergy.definition d WHERE d.process_name = $1) AS has_process, CASE WHEN $1::text IS NULL THEN " FAR " ELSE " NEAR " END AS near_at " \
	"	FROM (SELECT 1) one LEFT JOIN (SELECT d.process_name, u.timeperiod FROM synergy.unit_of_work_data u JOIN synergy.definition d USING (process_id) " \
	"			WHERE $4::text IS NOT NULL AND u.unit_of_work_id = $4::bigint) w ON true " \
	"		CROSS JOIN LATERAL (SELECT coalesce(w.process_name, $1::text) AS process_name, coalesce(w.timeperiod, $3::text) AS timeperiod) k), " \
	LADDER("synergy.event_log", "event_id", EVENT_FILTER, \
		   "SELECT * FROM synergy.job_events(a.process_name, a.timeperiod) OFFSET 0", EVENTS_OF_PROCESS) \
	"SELECT json_build_object('at', synergy.now(), 'events', " \
	ROWS("SELECT " EVENT_COLUMNS " FROM page e ORDER BY e.event_id DESC") ", " NEXT("event_id") ")::text FROM ends e"

const ApiEndpoint api_units[] = {
	{"units", {"process", "entry", "state", "box", "text", "from", "to", "before", "limit"}, UNITS, false},
	{"units/:id", {"id"}, UNIT, false},
	{"units/:id/log", {"id", "after", "limit"}, LOG, false},
	{"events", {"process", "entry", "timeperiod", "unit", "event", "role", "before", "limit"}, EVENTS, false},
	{NULL, {NULL}, NULL, false}
};
