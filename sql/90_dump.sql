-- 90_dump.sql: our tables hold the user's data: pg_dump takes it along. Not the boxes: their agents are not in a copy.
--
-- State is always taken: definitions, jobs and their marks, how far all has come, and units that something still depends on:
-- active ones, those of active jobs, those that are in the news, and the last of each freerun. The rest is history:
-- finished units, lines of logs, the event log. It is left out by a pg_dump whose session has synergy.dump_history off.
-- The setting may be unknown there (the library is not preloaded) and then says what somebody has written.
DO $do$
DECLARE
	with_history text := $$coalesce(nullif(pg_catalog.current_setting('synergy.dump_history', true), '')::boolean, true)$$;
	r record;
BEGIN
	FOR r IN VALUES
		('timetable', ''), ('timetable_tree_id_seq', ''), ('process', ''), ('process_id_seq', ''), ('freerun', ''), ('daemon', ''),
		('progress', ''), ('job_data', ''), ('late_job', ''),
		('unit_of_work_data', 'WHERE ' || with_history || $$ OR state IN ('r', 'i', 'v')
			OR EXISTS (SELECT FROM synergy.job_data j WHERE j.process_id = unit_of_work_data.process_id
				AND j.timeperiod = unit_of_work_data.timeperiod AND j.state IN ('e', 'i', 'f'))
			OR unit_of_work_id IN (SELECT g.unit_of_work_id FROM synergy.progress g WHERE g.unit_of_work_id IS NOT NULL
				UNION ALL SELECT i FROM synergy.pending n CROSS JOIN LATERAL unnest(n.unit_of_work_ids) i)$$),
		('unit_of_work_data_unit_of_work_id_seq', ''), ('active_unit', ''), ('pending', ''), ('pending_pending_id_seq', ''),
		('outbox', ''), ('outbox_outbox_id_seq', ''),
		('event_log', 'WHERE ' || with_history),
		('unit_of_work_log', 'WHERE ' || with_history), ('unit_of_work_log_line_no_seq', ''),
		('identity', ''), ('mark_seq', ''), ('change_seq', ''), ('pruned_seq', '')
	LOOP
		PERFORM pg_catalog.pg_extension_config_dump(pg_catalog.format('synergy.%I', r.column1)::regclass, r.column2);
	END LOOP;
END;
$do$;
