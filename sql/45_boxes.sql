-- 45_boxes.sql: what agents are to run and where, with the options read; what people see of boxes.

-- Option values were checked at registration; this is the one place where those of exec are read.
-- A set of one row, so that it is inlined.
CREATE FUNCTION synergy.exec_options(options jsonb)
	RETURNS TABLE (working_directory text, umask int, run_as text, cpu_limit_s int, memory_limit bigint, open_files int,
		kill_grace_ms int, log_lines int, environment text)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT $1->>'working_directory',
		(SELECT sum(d.digit::int * 8 ^ (d.place - 1))::int
		 FROM regexp_split_to_table(reverse($1->>'umask'), '') WITH ORDINALITY AS d (digit, place)),
		$1->>'user',
		extract(epoch FROM ($1->>'cpu_limit')::interval)::int,
		substring($1->>'memory_limit' FROM '^[0-9]+')::bigint
			* CASE substring($1->>'memory_limit' FROM '[A-Za-z]+$') WHEN 'kB' THEN 1024 WHEN 'MB' THEN 1048576
				WHEN 'GB' THEN 1073741824 WHEN 'TB' THEN 1099511627776 ELSE 1 END,
		($1->>'open_files')::int,
		(coalesce(extract(epoch FROM ($1->>'kill_grace')::interval), 10) * 1000)::int,
		coalesce(($1->>'log_lines')::int, 10000),
		(SELECT string_agg(e.key || '=' || e.value || chr(1), '' ORDER BY e.key) FROM jsonb_each_text($1->'environment') e);
END;
COMMENT ON FUNCTION synergy.exec_options(jsonb) IS
'The options of an exec process or of a daemon as an agent wants them: umask as a number, limits in seconds and bytes, each variable of the environment as KEY=value followed by chr(1). NULL where none is given, but kill_grace_ms and log_lines, which have defaults';

CREATE VIEW synergy.exec_definition AS
SELECT process_id, process_name, entry_name, command, source, sink, arguments, is_on, options, owner,
	CASE jsonb_typeof(options->'present_on_boxes')
		WHEN 'array' THEN ARRAY(SELECT jsonb_array_elements_text(options->'present_on_boxes'))
		WHEN 'string' THEN ARRAY[options->>'present_on_boxes'] ELSE '{}' END AS present_on_boxes,
	(extract(epoch FROM (options->>'timeout')::interval) * 1000)::bigint AS timeout_ms
FROM synergy.definition WHERE worker = 'exec';
COMMENT ON VIEW synergy.exec_definition IS 'Processes and freeruns that agents run';
COMMENT ON COLUMN synergy.exec_definition.process_id IS 'The process or freerun';
COMMENT ON COLUMN synergy.exec_definition.process_name IS 'Its name';
COMMENT ON COLUMN synergy.exec_definition.entry_name IS 'Entry of the freerun, NULL for a process';
COMMENT ON COLUMN synergy.exec_definition.command IS 'Shell command';
COMMENT ON COLUMN synergy.exec_definition.source IS 'What the work reads';
COMMENT ON COLUMN synergy.exec_definition.sink IS 'What the work writes';
COMMENT ON COLUMN synergy.exec_definition.arguments IS 'Given to every unit';
COMMENT ON COLUMN synergy.exec_definition.is_on IS 'Is it switched on?';
COMMENT ON COLUMN synergy.exec_definition.options IS 'As registered';
COMMENT ON COLUMN synergy.exec_definition.owner IS 'The role that registered it';
COMMENT ON COLUMN synergy.exec_definition.present_on_boxes IS 'Regular expressions: it runs on each box whose name one of them matches; none: on every box';
COMMENT ON COLUMN synergy.exec_definition.timeout_ms IS 'Milliseconds after which its agent stops a command; NULL: never';

CREATE VIEW synergy.unit_of_work_box AS
SELECT u.unit_of_work_id, u.box_name, d.process_name, d.entry_name, u.timeperiod, synergy.uow_state_of(u.state) AS state,
	u.attempt, u.started_at, u.finished_at
FROM synergy.unit_of_work_data u JOIN synergy.definition d USING (process_id) WHERE u.box_name IS NOT NULL;
COMMENT ON VIEW synergy.unit_of_work_box IS 'Units that run, or ran last, on a box';
COMMENT ON COLUMN synergy.unit_of_work_box.unit_of_work_id IS 'The unit';
COMMENT ON COLUMN synergy.unit_of_work_box.box_name IS 'The box';
COMMENT ON COLUMN synergy.unit_of_work_box.process_name IS 'The process or freerun';
COMMENT ON COLUMN synergy.unit_of_work_box.entry_name IS 'Entry of the freerun, NULL for a process';
COMMENT ON COLUMN synergy.unit_of_work_box.timeperiod IS 'Its period';
COMMENT ON COLUMN synergy.unit_of_work_box.state IS 'Its state';
COMMENT ON COLUMN synergy.unit_of_work_box.attempt IS 'Number of starts';
COMMENT ON COLUMN synergy.unit_of_work_box.started_at IS 'When the agent took it';
COMMENT ON COLUMN synergy.unit_of_work_box.finished_at IS 'When its end was reported';

-- 16984 is BOX_LOCK_CLASS, see store/box.h; the key is the hash of the name
CREATE VIEW synergy.box_status AS
SELECT b.box_name, b.slots, b.host, b.pid, b.version,
	EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.locktype = 'advisory' AND l.objsubid = 16984 AND l.granted
		AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database())
		AND l.classid = (hashtextextended(b.box_name COLLATE "C", 0) >> 32 & 4294967295)::oid
		AND l.objid = (hashtextextended(b.box_name COLLATE "C", 0) & 4294967295)::oid) AS is_connected,
	(SELECT count(*) FROM synergy.unit_of_work_data u WHERE u.is_on_box AND u.box_name = b.box_name AND u.state = 'i') AS units,
	b.started_at, b.heard_at,
	(SELECT count(*) FROM synergy.box_daemon d WHERE d.box_name = b.box_name AND d.state = 'running') AS daemons
FROM synergy.box b;
COMMENT ON VIEW synergy.box_status IS 'Boxes, their agents, and how many units and daemons run there';
COMMENT ON COLUMN synergy.box_status.box_name IS 'The box';
COMMENT ON COLUMN synergy.box_status.slots IS 'How many units its agent runs at once at most';
COMMENT ON COLUMN synergy.box_status.host IS 'Host name, as the agent says';
COMMENT ON COLUMN synergy.box_status.pid IS 'The agent''s process id there';
COMMENT ON COLUMN synergy.box_status.version IS 'The agent''s version';
COMMENT ON COLUMN synergy.box_status.is_connected IS 'Is its agent''s session there?';
COMMENT ON COLUMN synergy.box_status.units IS 'Units in progress there';
COMMENT ON COLUMN synergy.box_status.started_at IS 'When the agent''s session began';
COMMENT ON COLUMN synergy.box_status.heard_at IS 'Last sign of life; written only while it has units';
COMMENT ON COLUMN synergy.box_status.daemons IS 'Daemons running there, as last reported';
