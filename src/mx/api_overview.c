/*
 * mx/api_overview.c: what the whole of a database looks like: who asks, the overview, what was done lately, boxes, what
 * waits for what, and what the garbage collector is about to do.
 */
#include "mx/api.h"

#include <stddef.h>

#include "mx/api_sql.h"

/*
 * Names nothing of ours, so that a role without any right on the schema is told just that: which functions it may call.
 * The server adds fields before the last brace.
 */
#define SESSION \
	"SELECT json_build_object(" \
	"'role', current_user, 'database', current_database(), " \
	"'server_version', split_part(current_setting('server_version'), ' ', 1), " \
	"'synergy_version', (SELECT x.extversion FROM pg_extension x WHERE x.extname = 'synergy'), " \
	"'is_standby', pg_is_in_recovery(), " \
	"'at', coalesce(nullif(current_setting('synergy.clock', true), '')::timestamptz, now()), " \
	"'may', (SELECT json_object_agg(a.action, coalesce((SELECT bool_or(has_function_privilege(p.oid, 'EXECUTE')) " \
	"		FROM pg_namespace n JOIN pg_proc p ON p.pronamespace = n.oid " \
	"		WHERE n.nspname = 'synergy' AND has_schema_privilege(n.oid, 'USAGE') AND p.proname = a.function), false)) " \
	"	FROM (VALUES ('trigger', 'trigger_now'), ('activate', 'activate'), ('deactivate', 'deactivate'), " \
	"		('change_trigger', 'change_trigger'), ('skip', 'skip'), ('reprocess', 'reprocess'), ('cancel', 'cancel_unit_of_work'), " \
	"		('backfill', 'backfill'), ('start_daemon', 'start_daemon'), ('stop_daemon', 'stop_daemon'), " \
	"		('register_freerun', 'register_freerun'), ('unregister_freerun', 'unregister_freerun')) a (action, function)))::text"

#define OVERVIEW \
	"WITH levels AS MATERIALIZED (" CONSOLE_LEVELS "), active AS MATERIALIZED (" ACTIVE_UNITS ") " \
	"SELECT json_build_object(" \
	"'at', synergy.now(), " \
	"'health', (SELECT json_build_object('verdict', h.verdict, 'is_healthy', cardinality(h.problems) = 0, 'problems', h.problems, " \
	"		'warnings', h.warnings, 'executors', h.executors, 'executors_busy', h.executors_busy, 'queued', h.queued, " \
	"		'pending_news', h.pending_news, 'units_requested', h.units_requested, 'units_in_progress', h.units_in_progress, " \
	"		'units_invalid', h.units_invalid, 'jobs_late', h.jobs_late, 'courier_state', h.courier_state, 'outbox', h.outbox, " \
	"		'outbox_unroutable', h.outbox_unroutable, 'last_round_at', h.last_round_at, 'last_round_ms', h.last_round_ms, " \
	"		'next_wake', h.next_wake, 'rounds', h.rounds, 'scheduler_state', h.scheduler_state) " \
	"	FROM " HEALTH_ROW("SELECT * FROM levels", "NULL") "), " \
	"'timetables', (SELECT coalesce(json_agg(json_build_object('tree_name', t.tree_name, 'dependent_on', t.dependent_on, " \
	"		'levels', coalesce(l.levels, '[]')) ORDER BY t.tree_id), '[]') " \
	"	FROM synergy.timetable t LEFT JOIN (" \
	"		SELECT p.tree_name, json_agg(json_build_object(" LEVEL_FIELDS ") ORDER BY " LONGEST_FIRST ") AS levels " \
	"		FROM levels q JOIN synergy.process p USING (process_name) LEFT JOIN active f ON f.process_id = p.process_id " \
	"		CROSS JOIN LATERAL " RECENT " r GROUP BY p.tree_name) l USING (tree_name)), " \
	"'freeruns', (SELECT json_build_object('count', count(*), 'on', count(*) FILTER (WHERE r.is_on), " \
	"		'at_work', count(*) FILTER (WHERE f.requested + f.in_progress > 0), 'failing', count(*) FILTER (WHERE f.invalid > 0)) " \
	"	FROM synergy.freerun r LEFT JOIN active f ON f.process_id = r.freerun_id), " \
	"'boxes', (SELECT json_build_object('count', count(*), 'up', count(*) FILTER (WHERE b.is_connected), " \
	"		'daemons', coalesce(sum(b.daemons), 0), " \
	"		'daemons_failing', (SELECT count(*) FROM synergy.box_daemon d WHERE d.state IN ('failed', 'backing_off'))) " \
	"	FROM synergy.box_status b), " \
	"'failures', " ROWS("SELECT e.at, e.process_name, e.entry_name, e.timeperiod, e.unit_of_work_id, left(e.detail, 500) AS detail " \
	"	FROM (SELECT * FROM synergy.event_log ORDER BY event_id DESC LIMIT " EVENTS_AT ") e " \
	"	WHERE e.event = 'unit' AND e.new_state = 'invalid' ORDER BY e.event_id DESC LIMIT 10") \
	")::text"

/* $1 process, $2 hours */
#define ACTIVITY_AT "20000"
#define ACTIVITY \
	"WITH span AS MATERIALIZED (SELECT h.hours, s.now, s.now - make_interval(hours => h.hours) AS since, " \
	"		(SELECT min(n.seconds) FROM unnest(ARRAY[30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 14400, 21600, 28800]) n (seconds) " \
	"			WHERE h.hours * 3600 <= n.seconds * 120) AS bucket " \
	"	FROM (SELECT least(greatest(coalesce($2::int, 24), 1), 744) AS hours) h, (SELECT synergy.now() AS now) s), " \
	"newest AS MATERIALIZED (SELECT unit_of_work_id, process_id, state, timeperiod, created_at, started_at, " \
	"	coalesce(finished_at, submitted_at) AS at, number_of_processed FROM synergy.unit_of_work_data ORDER BY unit_of_work_id DESC LIMIT " ACTIVITY_AT "), " \
	"looked AS MATERIALIZED (SELECT count(*) >= " ACTIVITY_AT " AS is_cut, min(created_at) AS earliest FROM newest), " \
	"done AS MATERIALIZED (SELECT u.* FROM (" \
	"		SELECT * FROM newest WHERE $1::text IS NULL " \
	/* of one process those of its newest periods, too: they may be older than the newest of all */ \
	"		UNION ALL (SELECT * FROM newest WHERE $1::text IS NOT NULL " \
	"				AND process_id = ANY (ARRAY(SELECT d.process_id FROM synergy.definition d WHERE d.process_name = $1)) " \
	"			UNION SELECT u.* FROM synergy.definition d CROSS JOIN LATERAL (SELECT unit_of_work_id, process_id, state, timeperiod, created_at, " \
	"				started_at, coalesce(finished_at, submitted_at), number_of_processed FROM synergy.unit_of_work_data u " \
	"				WHERE u.process_id = d.process_id ORDER BY u.timeperiod DESC LIMIT 1000) u WHERE d.process_name = $1::text)) u, span s " \
	"	WHERE u.state IN ('p', 'n', 'c', 'v') AND u.at > s.since), " \
	"buckets AS (SELECT date_bin(make_interval(secs => s.bucket), u.at, 'epoch') AS at, " \
	"		count(*) FILTER (WHERE u.state = 'p') AS processed, count(*) FILTER (WHERE u.state = 'n') AS noop, " \
	"		count(*) FILTER (WHERE u.state = 'c') AS canceled, count(*) FILTER (WHERE u.state = 'v') AS failed, " \
	"		coalesce(sum(u.number_of_processed), 0) AS rows, " \
	/* not of a backfill, whose periods were over long ago */ \
	"		max(CASE WHEN u.state IN ('p', 'n') AND p.process_id IS NOT NULL AND u.timeperiod >= coalesce(g.backfill_end, '') " \
	"			THEN greatest(date_part('epoch', u.at - synergy.timeperiod_end(p.time_qualifier, u.timeperiod)), 0) END) AS lag_seconds, " \
	"		percentile_cont(0.5) WITHIN GROUP (ORDER BY CASE WHEN u.state IN ('p', 'n') AND u.at >= u.started_at " \
	"			THEN date_part('epoch', u.at - u.started_at) END) AS duration_seconds " \
	"	FROM done u CROSS JOIN span s LEFT JOIN synergy.process p ON p.process_id = u.process_id " \
	"	LEFT JOIN synergy.progress g ON g.process_id = p.process_id GROUP BY 1) " \
	"SELECT json_build_object('at', s.now, 'since', CASE WHEN l.is_cut THEN greatest(s.since, l.earliest) ELSE s.since END, " \
	"	'hours', s.hours, 'bucket_seconds', s.bucket, 'buckets', " ROWS("SELECT * FROM buckets ORDER BY at") ")::text " \
	"FROM span s, looked l WHERE $1::text IS NULL OR EXISTS (SELECT FROM synergy.definition d WHERE d.process_name = $1)"

#define BOXES_DOCUMENT \
	"SELECT json_build_object('at', synergy.now(), 'boxes', " \
	ROWS("SELECT box_name, state, slots, units, daemons, host, pid, version, started_at, heard_at FROM (" BOXES ") b ORDER BY box_name") ", " \
	"'daemons', " ROWS("SELECT d.process_name, d.command, d.is_on, d.present_on_boxes, pg_get_userbyid(d.owner) AS owner, " \
	ROWS("SELECT b.box_name, b.state, b.pid, b.starts, b.exits, b.last_exit, b.started_at, b.exited_at, b.next_start_at " \
	"FROM synergy.box_daemon b WHERE b.process_name = d.process_name ORDER BY b.box_name") " AS boxes " \
	"FROM synergy.daemon d ORDER BY d.process_name") ")::text"

/* $1 limit */
#define BLOCKED_DOCUMENT \
	"SELECT json_build_object('at', synergy.now(), 'blocked', " ROWS("SELECT * FROM (" BLOCKED ") b LIMIT " PAGE("$1")) ")::text"

/*
 * $1 limit, $2 before. What is stale is as in round/garbage.c: units that run in a session of the server or on a box are known to run.
 */
#define GARBAGE \
	"WITH queue AS MATERIALIZED (SELECT u.unit_of_work_id, u.state = 'v' AS is_invalid, g.is_stale " \
	"	FROM synergy.unit_of_work_active u JOIN synergy.definition d USING (process_id) " \
	"	CROSS JOIN LATERAL (SELECT CASE WHEN u.state = 'r' THEN u.submitted_at " \
	"		WHEN u.state = 'i' AND NOT u.by_executor AND u.box_name IS NULL THEN coalesce(u.heard_at, u.started_at) END " \
	"		< synergy.now() - coalesce(d.options->>'gc_resubmit_after', current_setting('synergy.gc_resubmit_after', true))::interval AS is_stale) g " \
	"	WHERE u.state = 'v' OR g.is_stale), " \
	"page AS MATERIALIZED (SELECT * FROM queue WHERE $2::bigint IS NULL OR unit_of_work_id < $2::bigint ORDER BY unit_of_work_id DESC LIMIT " PAGE("$1") ") " \
	"SELECT json_build_object('at', synergy.now(), 'units', " \
	ROWS("SELECT " UNIT_ROW ", coalesce(q.is_stale, false) AS is_stale FROM page q JOIN synergy.unit_of_work_data u USING (unit_of_work_id) " \
	"JOIN synergy.definition d USING (process_id) ORDER BY u.unit_of_work_id DESC") ", " \
	"'next', (SELECT min(p.unit_of_work_id) FROM page p WHERE (SELECT min(q.unit_of_work_id) FROM queue q) < (SELECT min(unit_of_work_id) FROM page)), " \
	"'counts', (SELECT json_build_object('invalid', count(*) FILTER (WHERE q.is_invalid), 'stale', count(*) FILTER (WHERE q.is_stale)) FROM queue q), " \
	"'settings', json_build_object('gc_interval', current_setting('synergy.gc_interval', true), " \
	"	'gc_release_lag', current_setting('synergy.gc_release_lag', true), " \
	"	'gc_resubmit_after', current_setting('synergy.gc_resubmit_after', true), " \
	"	'gc_life_support', current_setting('synergy.gc_life_support', true)))::text"

const ApiEndpoint api_overviews[] = {
	{"session", {NULL}, SESSION, false},
	{"overview", {NULL}, OVERVIEW, false},
	{"activity", {"process", "hours"}, ACTIVITY, false},
	{"boxes", {NULL}, BOXES_DOCUMENT, false},
	{"blocked", {"limit"}, BLOCKED_DOCUMENT, false},
	{"garbage", {"limit", "before"}, GARBAGE, false},
	{NULL, {NULL}, NULL, false}
};
