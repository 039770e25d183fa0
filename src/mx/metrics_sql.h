/*
 * mx/metrics_sql.h: the metrics, as one statement that makes the text (Prometheus' exposition format, version 0.0.4).
 *
 * None of it goes through all jobs or units, see client/status_sql.h.  A metric is a row of "metric", its samples are rows
 * of "sample"; one without samples is left out, as is a sample without a value.
 */
#ifndef SYNERGY_MX_METRICS_SQL_H
#define SYNERGY_MX_METRICS_SQL_H

#include "client/status_sql.h"

#define METRICS_ESCAPE(text) \
	"replace(replace(replace(" text ", '\\', '\\\\'), '\"', '\\\"'), chr(10), '\\n')"
#define METRICS_PROCESS(name) "'process=\"' || " METRICS_ESCAPE(name) " || '\"'"
#define METRICS_ENTRY(name, entry) METRICS_PROCESS(name) " || coalesce(',entry=\"' || " METRICS_ESCAPE(entry) " || '\"', '')"
#define METRICS_LABEL(label, text) "'" label "=\"' || " METRICS_ESCAPE(text) " || '\"'"

/* how many finished units of each process durations are taken of */
#define METRICS_UNITS "30"

#define METRICS \
	"WITH metric (no, name, type, help) AS (VALUES " \
	"(1, 'synergy_scheduler_up', 'gauge', 'Is the scheduler of this database running?'), " \
	"(2, 'synergy_scheduler_failing', 'gauge', 'Do its rounds fail?'), " \
	"(3, 'synergy_rounds_total', 'counter', 'Rounds of the scheduler since it started.'), " \
	"(4, 'synergy_last_round_seconds', 'gauge', 'How long its last round took.'), " \
	"(5, 'synergy_last_round_age_seconds', 'gauge', 'How long ago that was.'), " \
	"(6, 'synergy_round_overdue_seconds', 'gauge', 'By how much the next round is late; 0: it is not.'), " \
	"(7, 'synergy_lock_held_seconds', 'gauge', 'How long the lock on the timetables has been held by whoever has it.'), " \
	"(10, 'synergy_executors', 'gauge', 'Sessions for SQL work.'), " \
	"(11, 'synergy_executors_busy', 'gauge', 'Those that are at work.'), " \
	"(12, 'synergy_queued_units', 'gauge', 'Units of SQL work that wait for one.'), " \
	"(13, 'synergy_out_of_slots', 'gauge', 'Are worker processes lacking (max_worker_processes)?'), " \
	"(14, 'synergy_pending_news', 'gauge', 'Finished units and asked-for triggers that no round has seen yet.'), " \
	"(15, 'synergy_courier_up', 'gauge', 'Is the bridge to RabbitMQ connected? Absent: there is none.'), " \
	"(16, 'synergy_outbox_messages', 'gauge', 'Messages that RabbitMQ has not confirmed yet.'), " \
	"(17, 'synergy_outbox_unroutable', 'gauge', 'Those that find no queue.'), " \
	"(20, 'synergy_jobs', 'gauge', 'Jobs of each process by state; the finished ones together.'), " \
	"(21, 'synergy_lag_seconds', 'gauge', 'How long the period of the earliest active job has been over; 0: it is not.'), " \
	"(22, 'synergy_process_on', 'gauge', 'Is it switched on?'), " \
	"(23, 'synergy_units', 'gauge', 'Active units of work of each process or freerun entry by state.'), " \
	"(24, 'synergy_unit_retries', 'gauge', 'How often its active units have been requested again after a failure.'), " \
	"(25, 'synergy_unit_duration_seconds', 'summary', 'How long its last " METRICS_UNITS " finished units took, in order of their periods.'), " \
	"(26, 'synergy_late_jobs', 'gauge', 'Jobs that are not finished though their deadline has passed, of each process that has one.'), " \
	"(27, 'synergy_late_seconds', 'gauge', 'By how much the one that is late for longest is late; 0: none is.'), " \
	"(30, 'synergy_box_up', 'gauge', 'Is the agent of the box connected?'), " \
	"(31, 'synergy_box_slots', 'gauge', 'How many units it runs at once at most.'), " \
	"(32, 'synergy_box_units', 'gauge', 'How many it runs.'), " \
	"(33, 'synergy_daemon_running', 'gauge', 'Does the daemon run on that box?'), " \
	"(34, 'synergy_daemon_exits_total', 'counter', 'How often it has ended there.')), " \
	"s AS MATERIALIZED (SELECT * FROM synergy.status()), " \
	"level AS MATERIALIZED (" LEVELS "), " \
	"unit AS MATERIALIZED (SELECT d.process_name, d.entry_name, synergy.uow_state_of(u.state)::text AS state, count(*) AS units, " \
	"sum(u.number_of_retries) AS retries FROM synergy.unit_of_work_active u JOIN synergy.definition d USING (process_id) " \
	"GROUP BY 1, 2, u.state), " \
	"duration AS MATERIALIZED (SELECT d.process_name, d.entry_name, count(*) AS units, sum(u.seconds) AS seconds, " \
	"percentile_cont(ARRAY[0.5, 0.9, 1]) WITHIN GROUP (ORDER BY u.seconds) AS quantiles FROM synergy.definition d " \
	"CROSS JOIN LATERAL (SELECT extract(epoch FROM u.finished_at - u.started_at)::float8 AS seconds FROM synergy.unit_of_work_data u " \
	"WHERE u.process_id = d.process_id AND u.state IN ('p', 'n') AND u.started_at IS NOT NULL " \
	"ORDER BY u.timeperiod DESC LIMIT " METRICS_UNITS ") u GROUP BY 1, 2), " \
	"sample (name, part, labels, value) AS (" \
	"SELECT v.name, '', NULL, v.value FROM s CROSS JOIN LATERAL (VALUES " \
	"('synergy_scheduler_up', (s.scheduler_state = 'running')::int::float8), " \
	"('synergy_scheduler_failing', (s.failing_since IS NOT NULL)::int), " \
	"('synergy_rounds_total', s.rounds), ('synergy_last_round_seconds', s.last_round_ms / 1000), " \
	"('synergy_last_round_age_seconds', extract(epoch FROM clock_timestamp() - s.last_round_at)::float8), " \
	"('synergy_round_overdue_seconds', greatest(extract(epoch FROM clock_timestamp() - s.next_wake), 0)::float8), " \
	"('synergy_lock_held_seconds', coalesce(extract(epoch FROM s.lock_held_for), 0)::float8), " \
	"('synergy_executors', s.executors), ('synergy_executors_busy', s.executors_busy), ('synergy_queued_units', s.queued), " \
	"('synergy_out_of_slots', (s.out_of_slots_since IS NOT NULL)::int), ('synergy_pending_news', s.pending_news), " \
	"('synergy_courier_up', CASE WHEN s.courier_state <> 'off' THEN (s.courier_state = 'up')::int END), " \
	"('synergy_outbox_messages', s.outbox), ('synergy_outbox_unroutable', s.outbox_unroutable)) v (name, value) " \
	"UNION ALL SELECT v.name, '', " METRICS_PROCESS("l.process_name") " || v.labels, v.value FROM level l CROSS JOIN LATERAL (VALUES " \
	"('synergy_jobs', ',state=\"embryo\"', l.embryo::float8), ('synergy_jobs', ',state=\"in_progress\"', l.in_progress), " \
	"('synergy_jobs', ',state=\"final_run\"', l.final_run), ('synergy_jobs', ',state=\"finished\"', l.finished), " \
	"('synergy_lag_seconds', '', coalesce(l.lag_seconds, 0)), ('synergy_process_on', '', l.is_on::int)) v (name, labels, value) " \
	"UNION ALL SELECT v.name, '', " METRICS_PROCESS("p.process_name") ", v.value FROM synergy.process p " \
	"CROSS JOIN LATERAL (SELECT count(*) AS jobs, min(l.deadline_at) AS since FROM synergy.late_job l WHERE l.process_id = p.process_id) l " \
	"CROSS JOIN LATERAL (VALUES ('synergy_late_jobs', l.jobs::float8), " \
	"('synergy_late_seconds', coalesce(extract(epoch FROM synergy.now() - l.since), 0))) v (name, value) " \
	"WHERE p.options ? 'deadline' OR l.jobs > 0 " \
	"UNION ALL SELECT 'synergy_units', '', " METRICS_ENTRY("d.process_name", "d.entry_name") " || ',state=\"' || w.state || '\"', " \
	"coalesce(u.units, 0) FROM synergy.definition d CROSS JOIN (VALUES ('requested'), ('in_progress'), ('invalid')) w (state) " \
	"LEFT JOIN unit u ON u.process_name = d.process_name AND u.entry_name IS NOT DISTINCT FROM d.entry_name AND u.state = w.state " \
	"UNION ALL SELECT 'synergy_unit_retries', '', " METRICS_ENTRY("d.process_name", "d.entry_name") ", coalesce(sum(u.retries), 0) " \
	"FROM synergy.definition d LEFT JOIN unit u ON u.process_name = d.process_name AND u.entry_name IS NOT DISTINCT FROM d.entry_name " \
	"GROUP BY d.process_name, d.entry_name " \
	"UNION ALL SELECT 'synergy_unit_duration_seconds', v.part, " METRICS_ENTRY("d.process_name", "d.entry_name") " || v.labels, v.value " \
	"FROM duration d CROSS JOIN LATERAL (VALUES ('', ',quantile=\"0.5\"', d.quantiles[1]), ('', ',quantile=\"0.9\"', d.quantiles[2]), " \
	"('', ',quantile=\"1\"', d.quantiles[3]), ('_sum', '', d.seconds), ('_count', '', d.units)) v (part, labels, value) " \
	"UNION ALL SELECT v.name, '', " METRICS_LABEL("box", "b.box_name") ", v.value FROM (" BOXES ") b CROSS JOIN LATERAL (VALUES " \
	"('synergy_box_up', (b.state = 'up')::int::float8), ('synergy_box_slots', b.slots), ('synergy_box_units', b.units)) v (name, value) " \
	"UNION ALL SELECT v.name, '', " METRICS_PROCESS("b.process_name") " || ',' || " METRICS_LABEL("box", "b.box_name") ", v.value " \
	"FROM synergy.box_daemon b CROSS JOIN LATERAL (VALUES ('synergy_daemon_running', (b.state = 'running')::int::float8), " \
	"('synergy_daemon_exits_total', b.exits)) v (name, value)) " \
	"SELECT string_agg(t.text, '' ORDER BY t.no) FROM (SELECT m.no, format(E'# HELP %1$s %2$s\\n# TYPE %1$s %3$s\\n', m.name, m.help, m.type) || " \
	"string_agg(s.name || s.part || coalesce('{' || s.labels || '}', '') || ' ' || s.value::float8 || chr(10), '' " \
	"ORDER BY s.labels, s.part) AS text FROM metric m JOIN sample s USING (name) WHERE s.value IS NOT NULL " \
	"GROUP BY m.no, m.name, m.help, m.type) t"

#endif							/* SYNERGY_MX_METRICS_SQL_H */
