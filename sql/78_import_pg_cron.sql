-- 78_import_pg_cron.sql: jobs of pg_cron become freeruns. See docs/moving.md.

-- Its cron expressions are ours but for: $ for the last day, text behind the fifth field, which it does not read, a range up
-- to Sunday, which runs backwards there, and, where it is set to that, days of which both fields have to match.
CREATE FUNCTION synergy.import_pg_cron_schedule(schedule text, both_days boolean, OUT trigger_frequency text, OUT note text, OUT refusal text)
	LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	fields text[] := regexp_split_to_array(btrim($1, E' \t\r\n'), '\s+');
	days text := 'sun mon tue wed thu fri sat';
BEGIN
	IF lower(fields[1]) IN ('@reboot', '@restart') THEN
		refusal := 'it runs when the server starts, which no trigger does';
	ELSIF $1 ~* '^\s*\d{1,2}\s+seconds?\s*$' THEN
		trigger_frequency := 'every ' || fields[1];
	ELSIF fields[1] LIKE '@%' THEN
		trigger_frequency := fields[1];
	ELSE
		IF cardinality(fields) > 5 THEN
			note := format('pg_cron does not read what stands behind the fifth field: %s', array_to_string(fields[6:], ' '));
			fields := fields[:5];
		END IF;
		IF fields[3] = '$' THEN
			fields[3] := 'L';
		END IF;
		IF fields[5] ~* '(^|,)([1-6]|mon|tue|wed|thu|fri|sat)-(0|sun)' THEN
			refusal := 'pg_cron reads its days of the week as a range that runs backwards, and matches none of them';
		ELSIF $2 AND fields[3] NOT LIKE '*%' AND fields[5] NOT LIKE '*%' THEN
			FOR i IN 0 .. 6 LOOP
				fields[5] := regexp_replace(fields[5], split_part(days, ' ', i + 1), i::text, 'gi');
			END LOOP;
			trigger_frequency := synergy.cron_of(NULL, NULL, CASE fields[3] WHEN 'L' THEN '{32}' ELSE synergy.cron_values(fields[3], 3) END, NULL,
				ARRAY(SELECT d % 7 FROM unnest(synergy.cron_values(fields[5], 5)) d));
			IF trigger_frequency IS NULL THEN
				refusal := 'days of the month and of the week both have to match (cron.match_dom_and_dow), which no trigger says for these days';
			ELSE
				trigger_frequency := concat_ws(' ', fields[1], fields[2], split_part(trigger_frequency, ' ', 3), fields[4], split_part(trigger_frequency, ' ', 5));
			END IF;
			RETURN;
		END IF;
		trigger_frequency := array_to_string(fields, ' ');
	END IF;
END;
$$;
COMMENT ON FUNCTION synergy.import_pg_cron_schedule(text, boolean) IS 'A schedule of pg_cron as a trigger frequency, or why there is none';

CREATE FUNCTION synergy.import_pg_cron(dry_run boolean DEFAULT true, disable boolean DEFAULT false, authors boolean DEFAULT false,
	process_name text DEFAULT 'pg_cron', options jsonb DEFAULT '{}', timezone text DEFAULT NULL, jobs regclass DEFAULT NULL)
	RETURNS TABLE (job_id bigint, job_name text, outcome text, entry_name text, trigger_frequency text, role_name text, is_on boolean, note text)
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	columns text[] := '{jobid,schedule,command,nodename,nodeport,database,username}';
	zone text := coalesce(import_pg_cron.timezone, nullif(current_setting('cron.timezone', true), ''), 'GMT');
	any_node boolean := coalesce(nullif(current_setting('cron.use_background_workers', true), '')::boolean, false);
	both_days boolean := coalesce(nullif(current_setting('cron.match_dom_and_dow', true), '')::boolean, false);
	target record;
	owner name;
	j record;
	s record;
	c record;
	r record;
	refusal text;
	definition jsonb;
	done bigint[] := '{}';
	twice bigint := 0;
BEGIN
	PERFORM synergy.import_check(dry_run, disable, authors, process_name);
	SELECT n.nspname, t.relname INTO target FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace WHERE t.oid = jobs;
	IF jobs IS NULL THEN
		SELECT 'cron'::name AS nspname, 'job'::name AS relname INTO target;
	END IF;
	owner := synergy.import_owner(target.nspname, target.relname, columns);
	FOR j IN SELECT x.*, coalesce(x.active, true) AS is_active, row_number() OVER (PARTITION BY x.jobname ORDER BY x.jobid) AS nth
		FROM synergy.import_rows(target.nspname, target.relname, columns) i,
		jsonb_to_record(i) AS x (jobid bigint, schedule text, command text, nodename text, nodeport int, database text, username text, active boolean, jobname text)
		ORDER BY x.jobid
	LOOP
		s := synergy.import_pg_cron_schedule(j.schedule, both_days);
		c := synergy.import_command(ARRAY[j.command], '{false}');
		definition := jsonb_build_object('process_name', process_name, 'entry_name', synergy.import_entry(j.jobname, j.jobid, j.nth),
			'trigger_frequency', s.trigger_frequency, 'command', c.command, 'worker', 'sql', 'arguments', '{}'::jsonb, 'owner', j.username,
			'timezone', CASE zone WHEN 'GMT' THEN 'UTC' ELSE zone END, 'is_on', j.is_active, 'options', options);
		refusal := coalesce(CASE
			WHEN NOT any_node AND (j.nodename NOT IN ('localhost', '127.0.0.1', '::1', '') AND j.nodename NOT LIKE '/%'
				AND j.nodename IS DISTINCT FROM current_setting('cron.host', true) OR j.nodeport <> current_setting('port')::int)
				THEN format('it runs on another server, %s port %s', j.nodename, j.nodeport)
			WHEN NOT (SELECT rolsuper FROM pg_roles WHERE rolname = owner) AND NOT EXISTS
				(SELECT FROM pg_roles u WHERE u.rolname = j.username AND pg_has_role(owner, u.oid, 'MEMBER'))
				THEN format('the owner of the jobs, role "%s", may not act as role "%s"', owner, j.username) END, s.refusal, c.refusal);
		IF refusal IS NULL AND j.database <> current_database() THEN
			refusal := format('it runs in database "%s": there, as role "%s", %s', j.database, j.username, synergy.freerun_text(definition));
		END IF;
		IF refusal IS NULL THEN
			r := synergy.import_freerun(dry_run, authors, definition);
			IF r.outcome <> 'refused' THEN
				done := done || j.jobid;
				twice := twice + (r.is_on AND j.is_active)::int;
			END IF;
		ELSE
			SELECT 'refused' AS outcome, NULL::boolean AS is_on, refusal AS note INTO r;
		END IF;
		RETURN QUERY SELECT j.jobid, j.jobname, r.outcome, definition->>'entry_name', s.trigger_frequency, j.username, r.is_on,
			CASE r.outcome WHEN 'refused' THEN r.note ELSE nullif(concat_ws('; ', s.note, c.note, r.note), '') END;
	END LOOP;
	IF disable AND NOT dry_run THEN
		PERFORM synergy.import_switch_off(target.nspname, target.relname, 'jobid', 'active', done);
	END IF;
	PERFORM synergy.import_warn(dry_run, disable, twice, 'pg_cron');
END;
$$;
COMMENT ON FUNCTION synergy.import_pg_cron(boolean, boolean, boolean, text, jsonb, text, regclass) IS
'Turns the jobs of pg_cron (cron.job, or another table like it) into freeruns of their roles, and tells of each what it becomes (new, changed, unchanged) or why it does not (refused). By default a dry run. disable: those that are taken are switched off in pg_cron in the same transaction. authors: roles that may not register become authors. Can be run again. ERROR 22004, 42602, 42P01, 42809, 42703, 42501';
