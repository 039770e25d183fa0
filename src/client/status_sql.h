/*
 * client/status_sql.h: what `synergy status` asks, and the console with it (mx/api_overview.c).
 *
 * None of it goes through all jobs or units (but with --full, which says so). Jobs are looked at from each process's
 * frontier on, at most LOOK_AT of them; how many are finished follows from the calendar, because every period up to the
 * last has a job; active units are in an index of their own; failures are looked for among the newest events.
 */
#ifndef SYNERGY_CLIENT_STATUS_SQL_H
#define SYNERGY_CLIENT_STATUS_SQL_H

#define LOOK_AT "100000"
#define EVENTS_AT "10000"
#define ACTIVE "('e', 'i', 'f')"
#define QUALIFIERS "ARRAY['hourly', 'daily', 'monthly', 'yearly']"
#define FIRST_PERIOD "synergy.timeperiod_cast(p.time_qualifier, p.start_timeperiod)"

/* how many periods of a qualifier lie between two of its timeperiods */
#define PERIODS(qualifier, from, to) \
	"CASE " qualifier " WHEN 'yearly' THEN left(" to ", 4)::int - left(" from ", 4)::int " \
	"WHEN 'monthly' THEN left(" to ", 4)::int * 12 + substr(" to ", 5, 2)::int - left(" from ", 4)::int * 12 - substr(" from ", 5, 2)::int " \
	"ELSE date_part('epoch', synergy.timeperiod_start(" to ") - synergy.timeperiod_start(" from ")) " \
	"/ CASE " qualifier " WHEN 'hourly' THEN 3600 ELSE 86400 END END::bigint"

/* a row for each process: where its timetable is; counts are exact unless is_capped */
#define LEVELS_OF(limit, is_capped) \
	"SELECT p.tree_name, p.time_qualifier, p.process_name, p.is_on, " FIRST_PERIOD " AS first_timeperiod, " \
	"g.head AS last_timeperiod, greatest(n.before + a.finished - a.backfill_left, 0) AS finished, a.embryo, a.in_progress, a.final_run, " \
	is_capped " AS is_capped, f.frontier, l.lag_seconds, p.is_on AND coalesce(l.is_behind, false) AS is_behind, " \
	"g.backfill_start, g.backfill_end, CASE WHEN g.backfill_end IS NOT NULL THEN a.backfill_left END AS backfill_left " \
	"FROM synergy.process p JOIN synergy.timetable t USING (tree_name) LEFT JOIN synergy.progress g USING (process_id) " \
	"CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE NOT j.in_backfill AND j.state NOT IN " ACTIVE ") AS finished, count(*) AS seen, " \
	"count(*) FILTER (WHERE j.state = 'e') AS embryo, count(*) FILTER (WHERE j.state = 'i') AS in_progress, " \
	"count(*) FILTER (WHERE j.state = 'f') AS final_run, " \
	"count(*) FILTER (WHERE j.in_backfill AND j.state IN " ACTIVE ") AS backfill_left " \
	"FROM ((SELECT false AS in_backfill, j.state FROM synergy.job_data j WHERE j.process_id = p.process_id " \
	"AND j.timeperiod >= coalesce(g.frontier, '') LIMIT " limit ") UNION ALL " \
	"(SELECT true, j.state FROM synergy.job_data j WHERE j.process_id = p.process_id " \
	"AND j.timeperiod >= g.backfill_frontier AND j.timeperiod < g.backfill_end LIMIT " limit ")) j) a " \
	"LEFT JOIN LATERAL (SELECT j.timeperiod AS frontier FROM synergy.job_data j WHERE j.process_id = p.process_id " \
	"AND j.timeperiod >= coalesce(g.frontier, '') AND j.state IN " ACTIVE " ORDER BY j.timeperiod LIMIT 1) f ON true " \
	"LEFT JOIN LATERAL (SELECT greatest(extract(epoch FROM synergy.now() - " \
	"synergy.timeperiod_end(p.time_qualifier, f.frontier)), 0)::float8 AS lag_seconds, " \
	"synergy.now() > synergy.timeperiod_end(p.time_qualifier, synergy.timeperiod_step(p.time_qualifier, f.frontier)) AS is_behind) l " \
	"ON f.frontier IS NOT NULL " \
	/* before the frontier all are finished, but for the lane of a backfill */ \
	"CROSS JOIN LATERAL (SELECT " PERIODS("p.time_qualifier", FIRST_PERIOD, \
	"least(coalesce(g.frontier, " FIRST_PERIOD "), synergy.timeperiod_step(p.time_qualifier, g.head))") " AS before) n " \
	"ORDER BY t.tree_id, array_position(" QUALIFIERS ", p.time_qualifier)"

#define LEVELS LEVELS_OF(LOOK_AT, "a.seen >= " LOOK_AT)

/* the same with every job read */
#define LEVELS_FULL \
	"SELECT q.*, c.* FROM (" LEVELS_OF("ALL", "false") ") q JOIN synergy.process p USING (process_name) CROSS JOIN LATERAL (" \
	"SELECT count(*) AS jobs, count(*) FILTER (WHERE j.state = 'p') AS processed, count(*) FILTER (WHERE j.state = 'n') AS noop, " \
	"count(*) FILTER (WHERE j.state = 's') AS skipped FROM synergy.job_data j WHERE j.process_id = p.process_id) c"

/* processes and freerun entries: switch, trigger, active units, last failure */
#define PROCESSES \
	"SELECT s.process_name, s.entry_name, d.worker, s.is_on, s.trigger_frequency, s.timezone, s.next_fire, " \
	"extract(epoch FROM s.next_fire - synergy.now())::float8 AS next_fire_seconds, coalesce(u.requested, 0) AS requested, " \
	"coalesce(u.in_progress, 0) AS in_progress, coalesce(u.invalid, 0) AS invalid, f.at AS failed_at, " \
	"extract(epoch FROM synergy.now() - f.at)::float8 AS failed_seconds, f.timeperiod AS failed_timeperiod, f.detail AS last_failure " \
	"FROM synergy.schedule s JOIN synergy.definition d ON d.process_name = s.process_name " \
	"AND coalesce(d.entry_name, '') = coalesce(s.entry_name, '') " \
	"LEFT JOIN (SELECT u.process_id, count(*) FILTER (WHERE u.state = 'r') AS requested, " \
	"count(*) FILTER (WHERE u.state = 'i') AS in_progress, count(*) FILTER (WHERE u.state = 'v') AS invalid " \
	"FROM synergy.unit_of_work_active u GROUP BY u.process_id) u ON u.process_id = d.process_id " \
	"LEFT JOIN (SELECT DISTINCT ON (e.process_name, e.entry_name) e.process_name, e.entry_name, e.at, e.timeperiod, e.detail " \
	"FROM (SELECT * FROM synergy.event_log ORDER BY event_id DESC LIMIT " EVENTS_AT ") e " \
	"WHERE e.event = 'unit' AND e.new_state = 'invalid' ORDER BY e.process_name, e.entry_name, e.event_id DESC) f " \
	"ON f.process_name = s.process_name AND coalesce(f.entry_name, '') = coalesce(s.entry_name, '') " \
	"ORDER BY s.entry_name IS NOT NULL, d.process_id"

/* the earliest active job of each process, when its period is over and it waits for others */
#define BLOCKED \
	"SELECT h.process_name, h.timeperiod, h.state, h.blocking_type, l.kind, o.process_name AS waits_for_process, " \
	"b.jobs AS waits_for_jobs, b.timeperiod AS waits_for_timeperiod, b.state AS waits_for_state " \
	"FROM (SELECT p.process_id, p.process_name, p.blocking_type, j.timeperiod, synergy.job_state_of(j.state) AS state, " \
	"synergy.timeperiod_group_start(p.time_qualifier, p.time_grouping, synergy.timeperiod_cast(p.time_qualifier, j.timeperiod)) AS since, " \
	"synergy.timeperiod_step(p.time_qualifier, synergy.timeperiod_cast(p.time_qualifier, j.timeperiod)) AS until " \
	"FROM synergy.process p JOIN synergy.progress g USING (process_id) " \
	"CROSS JOIN LATERAL (SELECT j.timeperiod, j.state FROM synergy.job_data j WHERE j.process_id = p.process_id " \
	"AND j.timeperiod >= coalesce(g.frontier, '') AND j.state IN " ACTIVE " ORDER BY j.timeperiod LIMIT 1) j " \
	"WHERE synergy.timeperiod_is_milestone(p.time_qualifier, p.time_grouping, synergy.timeperiod_cast(p.time_qualifier, j.timeperiod)) " \
	"AND synergy.timeperiod_end(p.time_qualifier, j.timeperiod) <= synergy.now() OFFSET 0) h " \
	"JOIN synergy.process_link l ON l.process_id = h.process_id JOIN synergy.process o ON o.process_id = l.other_id " \
	"CROSS JOIN LATERAL (SELECT count(*) AS jobs, min(b.timeperiod) AS timeperiod, " \
	"(array_agg(synergy.job_state_of(b.state) ORDER BY b.timeperiod))[1] AS state FROM synergy.job_data b " \
	"WHERE b.process_id = l.other_id AND b.timeperiod >= h.since AND b.timeperiod < h.until AND b.state IN " ACTIVE ") b " \
	"WHERE b.jobs > 0 ORDER BY h.process_id, l.kind"

/* units are counted in one pass over the index of those on boxes, not by the view */
#define BOXES \
	"SELECT b.box_name, CASE WHEN b.is_connected THEN 'up' ELSE 'gone' END AS state, b.slots, coalesce(u.units, 0) AS units, b.daemons, " \
	"b.host, b.pid, b.version, b.started_at, b.heard_at, extract(epoch FROM synergy.now() - b.started_at)::float8 AS started_seconds " \
	"FROM synergy.box_status b LEFT JOIN (SELECT u.box_name, count(*) AS units FROM synergy.unit_of_work_data u " \
	"WHERE u.is_on_box AND u.state = 'i' GROUP BY u.box_name) u ON u.box_name = b.box_name ORDER BY b.box_name"

/*
 * The verdict: a row h of synergy.status() with verdict, problems and warnings. levels: rows as of LEVELS; max_lag: lag
 * that is too long, an interval or NULL
 */
#define HEALTH_ROW(levels, max_lag) \
	"(SELECT s.*, CASE WHEN pg_is_in_recovery() THEN 'standby' WHEN NOT s.preloaded THEN 'not preloaded' " \
	"WHEN s.scheduler_state = 'absent' THEN 'not running' WHEN s.scheduler_state <> 'running' THEN s.scheduler_state " \
	"WHEN s.failing_since IS NOT NULL THEN 'failing' WHEN s.next_wake < clock_timestamp() - interval '30 s' OR l.late > 0 THEN 'behind' " \
	"ELSE 'running' END AS verdict, " \
	"CASE WHEN pg_is_in_recovery() THEN '{}' ELSE array_remove(ARRAY[" \
	"CASE WHEN NOT s.preloaded THEN 'the server was started without synergy in shared_preload_libraries' " \
	"WHEN s.scheduler_state = 'disabled' THEN 'synergy.enabled is off for this database' " \
	"WHEN s.scheduler_state = 'paused' THEN coalesce(s.state_reason, 'this is a copy') || ': synergy resume lets its jobs run here' " \
	"WHEN s.scheduler_state = 'absent' THEN 'there is no scheduler' " \
	"WHEN s.scheduler_state <> 'running' THEN 'the scheduler is ' || s.scheduler_state || coalesce(': ' || s.state_reason, '') END, " \
	"'rounds fail since ' || date_trunc('second', s.failing_since) || '; the server''s log says why', " \
	"'no worker slots since ' || date_trunc('second', s.out_of_slots_since) || ': max_worker_processes', " \
	"CASE WHEN s.scheduler_state = 'running' AND s.next_wake < clock_timestamp() - interval '30 s' " \
	"THEN 'the round of ' || date_trunc('second', s.next_wake) || ' has not begun or ended' END, " \
	"CASE WHEN s.lock_held_for > interval '1 min' THEN format('the lock on the timetables is held by %s (pid %s) since %s', " \
	"s.lock_holder_role, s.lock_holder_pid, date_trunc('second', s.lock_held_for)) END, " \
	"CASE WHEN l.late > 0 THEN format('%s behind by more than %s', CASE l.late WHEN 1 THEN '1 process is' " \
	"ELSE l.late || ' processes are' END, " max_lag "::interval) END, " \
	"CASE WHEN s.courier_state = 'failing' THEN 'RabbitMQ cannot be reached: ' || coalesce(s.courier_error, 'no reason given') END" \
	"], NULL) END AS problems, " \
	"array_remove(ARRAY[" \
	"CASE l.behind WHEN 0 THEN NULL WHEN 1 THEN '1 process is more than a period behind' " \
	"ELSE l.behind || ' processes are more than a period behind' END, " \
	"CASE s.units_invalid WHEN 0 THEN NULL WHEN 1 THEN '1 unit of work has failed and will be tried again' " \
	"ELSE s.units_invalid || ' units of work have failed and will be tried again' END, " \
	"CASE s.jobs_late WHEN 0 THEN NULL WHEN 1 THEN '1 job has missed its deadline' ELSE s.jobs_late || ' jobs have missed their deadlines' END, " \
	"CASE WHEN s.courier_state = 'blocked' THEN 'RabbitMQ takes nothing at the moment' END, " \
	"CASE s.outbox_unroutable WHEN 0 THEN NULL ELSE s.outbox_unroutable || ' messages find no queue' END" \
	"], NULL) AS warnings " \
	"FROM synergy.status() s CROSS JOIN (SELECT count(*) FILTER (WHERE q.is_behind) AS behind, " \
	"count(*) FILTER (WHERE q.is_on AND q.lag_seconds > extract(epoch FROM " max_lag "::interval)) AS late FROM (" levels ") q) l) h"

/* problems make it unwell, warnings do not unless that is asked for. $1: lag that is too long, or NULL; $2: are warnings problems? */
#define HEALTH \
	"SELECT verdict, cardinality(problems) = 0 AND NOT ($2::boolean AND cardinality(warnings) > 0) AS is_healthy, problems, warnings, " \
	"current_database() AS database, now() AS at, executors, executors_busy, queued, pending_news, units_requested, " \
	"units_in_progress, units_invalid, courier_state, outbox, last_round_at, next_wake, " \
	"extract(epoch FROM clock_timestamp() - last_round_at)::float8 AS last_round_seconds, last_round_ms, " \
	"extract(epoch FROM next_wake - clock_timestamp())::float8 AS next_wake_seconds " \
	"FROM " HEALTH_ROW(LEVELS, "$1")

#endif							/* SYNERGY_CLIENT_STATUS_SQL_H */
