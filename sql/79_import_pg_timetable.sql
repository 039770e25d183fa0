-- 79_import_pg_timetable.sql: chains of pg_timetable become freeruns. See docs/moving.md.

-- It wants the day of the month and the day of the week to match, both; and a/n of weekdays goes on to 7.
CREATE FUNCTION synergy.import_pg_timetable_schedule(run_at text, OUT trigger_frequency text, OUT note text, OUT refusal text)
	LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	fields text[] := regexp_split_to_array(btrim(coalesce($1, '* * * * *')), '\s+');
	length interval;
	unit record;
BEGIN
	IF lower($1) = '@reboot' THEN
		refusal := 'it runs when the scheduler starts, which no trigger does';
	ELSIF $1 ~* '^@(every|after)' THEN
		length := substr($1, 7)::interval;
		SELECT u.unit, e.length / u.seconds AS n INTO unit FROM (SELECT extract(epoch FROM length) AS length) e,
			(VALUES ('days', 86400), ('hours', 3600), ('minutes', 60), ('seconds', 1)) u (unit, seconds)
			WHERE e.length > 0 AND mod(e.length, u.seconds) = 0 ORDER BY u.seconds DESC LIMIT 1;
		IF unit.n IS NULL OR extract(month FROM length) <> 0 OR extract(year FROM length) <> 0 THEN
			refusal := 'its interval is no whole number of seconds';
		ELSE
			trigger_frequency := format('every %s %s', trunc(unit.n), CASE WHEN unit.n > 1 THEN unit.unit ELSE rtrim(unit.unit, 's') END);
			note := CASE WHEN $1 ~* '^@after' THEN 'its interval was counted from the end of a run, and is from the clock now' ELSE 'its interval is counted from the clock now, not from the start of the scheduler' END;
		END IF;
	ELSIF cardinality(fields) <> 5 THEN
		refusal := 'its schedule is no cron expression';
	ELSIF fields[3] NOT LIKE '*%' AND fields[5] NOT LIKE '*%' OR fields[5] ~ '^\d/' THEN
		trigger_frequency := synergy.cron_of(NULL, NULL, nullif(synergy.cron_values(fields[3], 3), '{}'), NULL, ARRAY(SELECT d % 7 FROM unnest(synergy.cron_values(fields[5], 5)) d));
		IF trigger_frequency IS NULL THEN
			refusal := 'days of the month and of the week both have to match, which no trigger says for these days';
		ELSE
			trigger_frequency := concat_ws(' ', fields[1], fields[2], split_part(trigger_frequency, ' ', 3), fields[4], split_part(trigger_frequency, ' ', 5));
		END IF;
	ELSE
		trigger_frequency := array_to_string(fields, ' ');
	END IF;
EXCEPTION WHEN invalid_datetime_format OR datetime_field_overflow OR interval_field_overflow THEN
	refusal := 'its interval cannot be read';
END;
$$;
COMMENT ON FUNCTION synergy.import_pg_timetable_schedule(text) IS 'What a chain of pg_timetable runs at as a trigger frequency, or why there is none';

-- one task as SQL, or as words for the shell; a set of parameters is a run of it
CREATE FUNCTION synergy.import_pg_timetable_task(task jsonb, parameters jsonb) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE
		WHEN $1->>'kind' = 'PROGRAM' AND jsonb_array_length($2) = 0 THEN synergy.shell_word(btrim($1->>'command'))
		WHEN $1->>'kind' = 'PROGRAM' THEN (SELECT string_agg(concat_ws(' ', synergy.shell_word(btrim($1->>'command')),
				(SELECT string_agg(synergy.shell_word(v.value), ' ' ORDER BY v.n) FROM jsonb_array_elements_text(p.chosen) WITH ORDINALITY v (value, n)),
				CASE WHEN jsonb_array_length($2) > 1 THEN '|| failed=$?' END), E'\n' ORDER BY p.n) || CASE WHEN jsonb_array_length($2) > 1 THEN E'\nexit $failed' ELSE '' END
			FROM jsonb_array_elements($2) WITH ORDINALITY p (chosen, n))
		WHEN jsonb_array_length($2) = 0 THEN $1->>'command'
		-- types are those that the statement wants, as they were
		ELSE format('PREPARE task_%s AS %s', $1->>'task_id', regexp_replace($1->>'command', '[\s;]+$', ''))
			|| (SELECT string_agg(format(E';\nEXECUTE task_%s%s', $1->>'task_id',
				(SELECT '(' || string_agg(quote_nullable(v.value), ', ' ORDER BY v.n) || ')' FROM jsonb_array_elements_text(p.chosen) WITH ORDINALITY v (value, n))), '' ORDER BY p.n)
				FROM jsonb_array_elements($2) WITH ORDINALITY p (chosen, n))
			|| format(E';\nDEALLOCATE task_%s', $1->>'task_id') END
$$;
COMMENT ON FUNCTION synergy.import_pg_timetable_task(jsonb, jsonb) IS 'A task of pg_timetable with its sets of parameters, for SQL or for the shell';

CREATE FUNCTION synergy.import_pg_timetable_tasks(tasks jsonb, OUT worker text, OUT command text, OUT run_as text, OUT note text, OUT refusal text)
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	t record;
	c record;
BEGIN
	SELECT count(*) AS n, min(x.kind) AS kind, count(DISTINCT x.kind) AS kinds, min(x.command) FILTER (WHERE x.kind = 'BUILTIN') AS builtin,
		count(DISTINCT coalesce(x.run_as, '')) AS roles, max(nullif(x.run_as, '')) AS run_as, bool_or(x.autonomous) AS autonomous, bool_or(coalesce(x.database_connection, '') <> '') AS is_remote,
		bool_or(coalesce(x.timeout, 0) > 0) AS has_timeout,
		min(x.task_id) FILTER (WHERE EXISTS (SELECT FROM jsonb_array_elements(x.parameters) p WHERE jsonb_typeof(p) <> 'array')) AS odd,
		min(x.task_id) FILTER (WHERE x.kind = 'SQL' AND x.parameters <> '[]' AND x.command !~* '^[\s(]*(select|insert|update|delete|with|values|table)\M') AS unprepared,
		array_agg(synergy.import_pg_timetable_task(e, x.parameters) ORDER BY x.task_order, x.task_id) FILTER (WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(x.parameters) p WHERE jsonb_typeof(p) <> 'array')) AS commands,
		array_agg(coalesce(x.ignore_error, false) ORDER BY x.task_order, x.task_id) AS may_fail
		INTO t FROM jsonb_array_elements(tasks) e,
		jsonb_to_record(e) AS x (task_id bigint, task_order double precision, kind text, command text, run_as text, database_connection text, ignore_error boolean, autonomous boolean, timeout int, live boolean, parameters jsonb)
		WHERE coalesce(x.live, true);
	run_as := t.run_as;
	IF t.n = 0 THEN
		refusal := 'it has no task that is live';
	ELSIF t.builtin IS NOT NULL THEN
		refusal := format('a task is built into pg_timetable: %s', t.builtin);
	ELSIF t.kinds > 1 THEN
		refusal := 'it has tasks in SQL and programs: two freeruns, or a process and one that depends on it, can do that';
	ELSIF t.is_remote THEN
		refusal := 'a task connects to somewhere else (database_connection)';
	ELSIF t.roles > 1 THEN
		refusal := 'its tasks run as different roles';
	ELSIF t.odd IS NOT NULL THEN
		refusal := format('parameters of task %s are not an array', t.odd);
	ELSIF t.autonomous AND t.n > 1 THEN
		refusal := 'a task is autonomous: it is to commit apart from the others';
	ELSIF t.unprepared IS NOT NULL THEN
		refusal := format('task %s has parameters, and is none of SELECT, INSERT, UPDATE, DELETE', t.unprepared);
	ELSIF t.kind = 'PROGRAM' THEN
		worker := 'exec';
		command := synergy.shell_sequence(t.commands, t.may_fail);
	ELSE
		worker := 'sql';
		c := synergy.import_command(t.commands, t.may_fail);
		command := c.command;
		refusal := c.refusal;
		note := c.note;
	END IF;
	note := nullif(concat_ws('; ', note, CASE WHEN t.has_timeout THEN 'timeouts of single tasks do not count any more' END), '');
END;
$$;
COMMENT ON FUNCTION synergy.import_pg_timetable_tasks(jsonb) IS 'The tasks of a chain of pg_timetable as one command, and the worker that it is for; or why not';

CREATE FUNCTION synergy.import_pg_timetable_chains(schema_name name)
	RETURNS TABLE (chain_id bigint, chain_name text, run_at text, max_instances int, timeout int, live boolean, self_destruct boolean,
		exclusive_execution boolean, client_name text, on_error text, tasks jsonb)
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	parameter jsonb := coalesce((SELECT jsonb_agg(p) FROM synergy.import_rows($1, 'parameter', '{order_id,task_id,value}') p), '[]');
	task jsonb := coalesce((SELECT jsonb_agg(t || jsonb_build_object('parameters', coalesce((SELECT jsonb_agg(p->'value' ORDER BY (p->>'order_id')::int)
		FROM jsonb_array_elements(parameter) p WHERE p->'task_id' = t->'task_id' AND jsonb_typeof(p->'value') <> 'null'), '[]')))
		FROM synergy.import_rows($1, 'task', '{task_id,chain_id,task_order,kind,command,ignore_error}') t), '[]');
BEGIN
	RETURN QUERY SELECT x.chain_id, x.chain_name, x.run_at, x.max_instances, x.timeout, coalesce(x.live, false), x.self_destruct, x.exclusive_execution, x.client_name, x.on_error,
		coalesce((SELECT jsonb_agg(t) FROM jsonb_array_elements(task) t WHERE (t->>'chain_id')::bigint = x.chain_id), '[]')
	FROM synergy.import_rows($1, 'chain', '{chain_id,chain_name,run_at,live}') i, jsonb_to_record(i) AS x (chain_id bigint, chain_name text, run_at text, max_instances int,
		timeout int, live boolean, self_destruct boolean, exclusive_execution boolean, client_name text, on_error text) ORDER BY x.chain_id;
END;
$$;
COMMENT ON FUNCTION synergy.import_pg_timetable_chains(name) IS 'The chains of pg_timetable with their tasks and parameters. ERROR as import_owner';

CREATE FUNCTION synergy.import_pg_timetable(dry_run boolean DEFAULT true, disable boolean DEFAULT false, authors boolean DEFAULT false,
	process_name text DEFAULT 'pg_timetable', options jsonb DEFAULT '{}', timezone text DEFAULT NULL, owner name DEFAULT NULL, schema_name name DEFAULT 'timetable')
	RETURNS TABLE (job_id bigint, job_name text, outcome text, entry_name text, trigger_frequency text, role_name text, is_on boolean, note text)
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	table_owner name := synergy.import_owner(schema_name, 'chain', '{chain_id,chain_name,run_at,live}');
	zone text := synergy.import_timezone(import_pg_timetable.timezone);
	j record;
	s record;
	c record;
	r record;
	run_as text;
	refusal text;
	done bigint[] := '{}';
	twice bigint := 0;
BEGIN
	PERFORM synergy.import_check(dry_run, disable, authors, process_name);
	FOR j IN SELECT * FROM synergy.import_pg_timetable_chains(schema_name) LOOP
		s := synergy.import_pg_timetable_schedule(j.run_at);
		c := synergy.import_pg_timetable_tasks(j.tasks);
		run_as := coalesce(c.run_as, import_pg_timetable.owner, table_owner);
		refusal := coalesce(s.refusal, c.refusal, CASE
			WHEN j.self_destruct THEN 'it deletes itself after its first run: a freerun with a once trigger is such a one'
			WHEN j.exclusive_execution THEN 'all other chains wait while it runs (exclusive_execution)'
			-- what is written there is no more than what whoever owns the table may do
			WHEN c.run_as IS NOT NULL AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = table_owner) AND NOT EXISTS
				(SELECT FROM pg_roles u WHERE u.rolname = c.run_as AND pg_has_role(table_owner, u.oid, 'MEMBER'))
				THEN format('the owner of the chains, role "%s", may not act as role "%s"', table_owner, c.run_as) END);
		IF refusal IS NOT NULL THEN
			SELECT 'refused' AS outcome, NULL::boolean AS is_on, refusal AS note INTO r;
		ELSE
			r := synergy.import_freerun(dry_run, authors, jsonb_build_object('process_name', process_name, 'entry_name', synergy.import_entry(j.chain_name, j.chain_id, 1),
				'trigger_frequency', s.trigger_frequency, 'command', c.command, 'worker', c.worker, 'arguments', '{}'::jsonb, 'timezone', zone, 'is_on', j.live, 'owner', run_as,
				'options', options || CASE WHEN j.timeout > 0 THEN jsonb_build_object('timeout', j.timeout || ' ms') ELSE '{}' END
					|| CASE WHEN c.worker = 'exec' AND j.client_name IS NOT NULL
						THEN jsonb_build_object('present_on_boxes', '^' || regexp_replace(j.client_name, '([^A-Za-z0-9_-])', '\\\1', 'g') || '$') ELSE '{}' END));
		END IF;
		IF r.outcome <> 'refused' THEN
			done := done || j.chain_id;
			twice := twice + (r.is_on AND j.live)::int;
		END IF;
		RETURN QUERY SELECT j.chain_id, j.chain_name, r.outcome, synergy.import_entry(j.chain_name, j.chain_id, 1), s.trigger_frequency, run_as, r.is_on, CASE r.outcome WHEN 'refused' THEN r.note ELSE nullif(concat_ws('; ', s.note, c.note,
			CASE WHEN j.max_instances > 1 THEN 'no two runs of it are at the same time any more' END,
			CASE WHEN nullif(j.on_error, '') IS NOT NULL THEN 'what it did on errors (on_error) is left out' END, r.note), '') END;
	END LOOP;
	IF disable AND NOT dry_run THEN
		PERFORM synergy.import_switch_off(schema_name, 'chain', 'chain_id', 'live', done);
	END IF;
	PERFORM synergy.import_warn(dry_run, disable, twice, 'pg_timetable');
END;
$$;
COMMENT ON FUNCTION synergy.import_pg_timetable(boolean, boolean, boolean, text, jsonb, text, name, name) IS
'Turns the chains of pg_timetable into freeruns, each with its tasks as one command, and tells of each what it becomes (new, changed, unchanged) or why it does not (refused). By default a dry run. disable: those that are taken are switched off in pg_timetable in the same transaction. owner: whose they are where no task says run_as, by default who owns its tables. Can be run again. ERROR 22004, 42602, 42P01, 42809, 42703, 42501';
