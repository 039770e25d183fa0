-- 79_import_pgagent.sql: jobs of pgAgent become freeruns. See docs/moving.md.

CREATE FUNCTION synergy.import_pgagent_numbers(flags jsonb, first int) RETURNS int[]
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN ARRAY(SELECT (f.n - 1)::int + first FROM jsonb_array_elements(CASE jsonb_typeof(flags) WHEN 'array' THEN flags ELSE '[]' END)
		WITH ORDINALITY f (flag, n) WHERE f.flag = 'true' ORDER BY f.n);
COMMENT ON FUNCTION synergy.import_pgagent_numbers(jsonb, int) IS 'The numbers, from first on, whose flags are set';

-- its steps, as one command: or why not
CREATE FUNCTION synergy.import_pgagent_steps(steps jsonb, OUT worker text, OUT command text, OUT note text, OUT refusal text)
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	s record;
	c record;
BEGIN
	SELECT count(*) AS n, count(*) FILTER (WHERE x.jstkind = 's') AS n_sql, array_agg(x.jstcode ORDER BY x.jstname, x.jstid) AS codes,
		array_agg(x.jstonerror <> 'f' ORDER BY x.jstname, x.jstid) AS may_fail,
		min(x.jstdbname) FILTER (WHERE x.jstkind = 's' AND x.jstdbname NOT IN ('', current_database())) AS other,
		bool_or(coalesce(x.jstconnstr, '') <> '') AS is_remote,
		min(x.jstname) FILTER (WHERE x.jstkind = 'b' AND x.jstcode ~ '^#!' AND x.jstcode !~ '^#!\s*/bin/sh\s*(\n|\r|$)') AS other_shell
		INTO s FROM jsonb_array_elements(steps) e,
		jsonb_to_record(e) AS x (jstid bigint, jstname text, jstkind text, jstcode text, jstconnstr text, jstdbname text, jstonerror text, jstenabled boolean)
		WHERE x.jstenabled;
	IF s.n = 0 THEN
		refusal := 'no step of it is enabled';
	ELSIF s.n_sql NOT IN (0, s.n) THEN
		refusal := 'it has steps in SQL and steps for the shell: two freeruns, or a process and one that depends on it, can do that';
	ELSIF s.is_remote THEN
		refusal := 'a step connects to somewhere else by a connection string';
	ELSIF s.other IS NOT NULL THEN
		refusal := format('a step runs in database "%s"', s.other);
	ELSIF s.other_shell IS NOT NULL THEN
		refusal := format('step "%s" is a script for another program than /bin/sh', s.other_shell);
	ELSIF s.n_sql = 0 THEN
		worker := 'exec';
		command := synergy.shell_sequence(s.codes, s.may_fail);
	ELSE
		worker := 'sql';
		c := synergy.import_command(s.codes, s.may_fail);
		command := c.command;
		refusal := c.refusal;
		note := nullif(concat_ws('; ', CASE WHEN s.n > 1 THEN format('its %s steps were transactions of their own, and are one now', s.n) END, c.note), '');
	END IF;
END;
$$;
COMMENT ON FUNCTION synergy.import_pgagent_steps(jsonb) IS 'The steps of a job of pgAgent as one command, and the worker that it is for; or why not';

-- its schedule as a trigger: or why not
CREATE FUNCTION synergy.import_pgagent_schedule(schedule jsonb, has_exceptions boolean, OUT trigger_frequency text, OUT note text, OUT refusal text)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	s record;
BEGIN
	SELECT * INTO s FROM jsonb_to_record(schedule) AS x (jscstart timestamptz, jscend timestamptz, jscminutes jsonb, jschours jsonb, jscweekdays jsonb, jscmonthdays jsonb, jscmonths jsonb);
	trigger_frequency := synergy.cron_of(synergy.import_pgagent_numbers(s.jscminutes, 0), synergy.import_pgagent_numbers(s.jschours, 0),
		synergy.import_pgagent_numbers(s.jscmonthdays, 1), synergy.import_pgagent_numbers(s.jscmonths, 1), synergy.import_pgagent_numbers(s.jscweekdays, 0));
	IF trigger_frequency IS NULL THEN
		refusal := 'days of the month and of the week both have to match, which no trigger says for these days';
	ELSIF s.jscend < now() THEN
		refusal := format('its schedule ended at %s', s.jscend);
	ELSIF s.jscstart > now() THEN
		refusal := format('its schedule begins at %s: import it then', s.jscstart);
	ELSIF has_exceptions THEN
		refusal := 'its schedule has exceptions, which no trigger has';
	ELSIF s.jscend IS NOT NULL THEN
		note := format('its schedule ends at %s, which no trigger does: deactivate it then', s.jscend);
	END IF;
END;
$$;
COMMENT ON FUNCTION synergy.import_pgagent_schedule(jsonb, boolean) IS 'A schedule of pgAgent as a trigger frequency, or why there is none';

-- a row for each schedule; a job whose schedules are all off has its first one
CREATE FUNCTION synergy.import_pgagent_jobs(schema_name name)
	RETURNS TABLE (jobid bigint, jobname text, jobdesc text, jobhostagent text, jobenabled boolean, nth bigint, steps jsonb, schedule jsonb,
		schedules bigint, has_exceptions boolean)
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	step jsonb := coalesce((SELECT jsonb_agg(s) FROM synergy.import_rows($1, 'pga_jobstep', '{jstid,jstjobid,jstname,jstenabled,jstkind,jstcode,jstdbname,jstonerror}') s), '[]');
	schedule jsonb := coalesce((SELECT jsonb_agg(s) FROM synergy.import_rows($1, 'pga_schedule', '{jscid,jscjobid,jscenabled,jscstart,jscend,jscminutes,jschours,jscweekdays,jscmonthdays,jscmonths}') s), '[]');
	exception jsonb := coalesce((SELECT jsonb_agg(e) FROM synergy.import_rows($1, 'pga_exception', '{jexid,jexscid,jexdate,jextime}') e), '[]');
BEGIN
	RETURN QUERY
	WITH jobs AS (SELECT x.*, row_number() OVER (PARTITION BY x.jobname ORDER BY x.jobid) AS nth FROM synergy.import_rows($1, 'pga_job', '{jobid,jobname,jobenabled}') i,
		jsonb_to_record(i) AS x (jobid bigint, jobname text, jobdesc text, jobhostagent text, jobenabled boolean)),
	wanted AS (SELECT (s->>'jscjobid')::bigint AS jobid, s, (s->>'jscenabled')::boolean AS is_on, (s->>'jscid')::bigint AS jscid,
			bool_or((s->>'jscenabled')::boolean) OVER job AS any_on, row_number() OVER (job ORDER BY (s->>'jscid')::bigint) AS n
		FROM jsonb_array_elements(schedule) s WINDOW job AS (PARTITION BY s->>'jscjobid')),
	used AS (SELECT w.*, count(*) OVER (PARTITION BY w.jobid) AS schedules FROM wanted w WHERE CASE WHEN w.any_on THEN w.is_on ELSE w.n = 1 END)
	SELECT j.jobid, j.jobname, nullif(j.jobdesc, ''), nullif(j.jobhostagent, ''), j.jobenabled AND coalesce(u.any_on, false), j.nth,
		coalesce((SELECT jsonb_agg(t) FROM jsonb_array_elements(step) t WHERE (t->>'jstjobid')::bigint = j.jobid), '[]'), u.s, u.schedules,
		-- past days do not matter any more
		EXISTS (SELECT FROM jsonb_array_elements(exception) e WHERE (e->>'jexscid')::bigint = u.jscid
			AND ((e->>'jexdate') IS NULL OR (e->>'jexdate')::date >= current_date))
	FROM jobs j LEFT JOIN used u ON u.jobid = j.jobid ORDER BY j.jobid, u.jscid;
END;
$$;
COMMENT ON FUNCTION synergy.import_pgagent_jobs(name) IS 'The jobs of pgAgent with their steps, a row for each schedule that is on. ERROR as import_owner';

CREATE FUNCTION synergy.import_pgagent(dry_run boolean DEFAULT true, disable boolean DEFAULT false, authors boolean DEFAULT false,
	process_name text DEFAULT 'pgagent', options jsonb DEFAULT '{}', timezone text DEFAULT NULL, owner name DEFAULT NULL, schema_name name DEFAULT 'pgagent')
	RETURNS TABLE (job_id bigint, job_name text, outcome text, entry_name text, trigger_frequency text, role_name text, is_on boolean, note text)
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	run_as text := coalesce(import_pgagent.owner, synergy.import_owner(schema_name, 'pga_job', '{jobid,jobname,jobenabled}'));
	zone text := synergy.import_timezone(import_pgagent.timezone);
	j record;
	s record;
	c record;
	r record;
	entry text;
	done bigint[] := '{}';
	refused bigint[] := '{}';
	twice bigint := 0;
BEGIN
	PERFORM synergy.import_check(dry_run, disable, authors, process_name);
	FOR j IN SELECT * FROM synergy.import_pgagent_jobs(schema_name) LOOP
		entry := synergy.import_entry(j.jobname || CASE WHEN j.schedules > 1 THEN ':' || (j.schedule->>'jscid') ELSE '' END, j.jobid, CASE WHEN j.schedules > 1 THEN 1 ELSE j.nth END);
		s := synergy.import_pgagent_schedule(j.schedule, j.has_exceptions);
		s.trigger_frequency := CASE WHEN j.schedule IS NOT NULL THEN s.trigger_frequency END;
		c := synergy.import_pgagent_steps(j.steps);
		IF j.schedule IS NULL OR c.refusal IS NOT NULL OR s.refusal IS NOT NULL THEN
			SELECT 'refused' AS outcome, NULL::boolean AS is_on, coalesce(CASE WHEN j.schedule IS NULL THEN 'it has no schedule' END, c.refusal, s.refusal) AS note INTO r;
		ELSE
			r := synergy.import_freerun(dry_run, authors, jsonb_build_object('process_name', process_name, 'entry_name', entry, 'trigger_frequency', s.trigger_frequency,
				'command', c.command, 'worker', c.worker, 'arguments', '{}'::jsonb, 'description', j.jobdesc, 'timezone', zone, 'is_on', j.jobenabled, 'owner', run_as,
				'options', options || CASE WHEN c.worker = 'exec' AND j.jobhostagent IS NOT NULL
					THEN jsonb_build_object('present_on_boxes', '^' || regexp_replace(j.jobhostagent, '([^A-Za-z0-9_-])', '\\\1', 'g') || '$') ELSE '{}' END));
		END IF;
		IF r.outcome = 'refused' THEN
			refused := refused || j.jobid;
		ELSE
			done := done || j.jobid;
			twice := twice + (r.is_on AND j.jobenabled)::int;
		END IF;
		RETURN QUERY SELECT j.jobid, j.jobname, r.outcome, entry, s.trigger_frequency, run_as, r.is_on, CASE r.outcome WHEN 'refused' THEN r.note ELSE nullif(concat_ws('; ', s.note, c.note,
			CASE WHEN j.schedules > 1 THEN format('its %s schedules are entries of their own, which may run at the same time', j.schedules) END,
			CASE WHEN c.worker = 'sql' AND j.jobhostagent IS NOT NULL THEN format('it ran on host %s only, and runs in the server now', j.jobhostagent) END, r.note), '') END;
	END LOOP;
	IF disable AND NOT dry_run THEN
		-- a job of which one schedule is left behind goes on there
		done := ARRAY(SELECT unnest(done) EXCEPT SELECT unnest(refused));
		PERFORM synergy.import_switch_off(schema_name, 'pga_job', 'jobid', 'jobenabled', done);
	END IF;
	PERFORM synergy.import_warn(dry_run, disable, twice, 'pgAgent');
END;
$$;
COMMENT ON FUNCTION synergy.import_pgagent(boolean, boolean, boolean, text, jsonb, text, name, name) IS
'Turns the jobs of pgAgent into freeruns, an entry for each schedule, and tells of each what it becomes (new, changed, unchanged) or why it does not (refused). By default a dry run. disable: those that are taken whole are switched off in pgAgent in the same transaction. owner: whose they are, by default who owns its tables. Can be run again. ERROR 22004, 42602, 42P01, 42809, 42703, 42501';
