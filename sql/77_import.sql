-- 77_import.sql: what the imports from other schedulers share. See docs/moving.md.

CREATE FUNCTION synergy.command_statements(command text) RETURNS TABLE (statement text, tag text, runs_alone boolean)
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'synergy_command_statements';
COMMENT ON FUNCTION synergy.command_statements(text) IS
'The statements of a piece of SQL, with their command tags, and whether each must be, or may want to be, outside of a transaction block: VACUUM, CALL, CREATE INDEX CONCURRENTLY... ERROR 22004, 42601 when it does not parse';

-- ---------------------------------------------------------------- sets of numbers, and cron expressions

CREATE FUNCTION synergy.cron_list(numbers int[]) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN (SELECT string_agg(CASE n WHEN 1 THEN first::text WHEN 2 THEN first || ',' || last ELSE first || '-' || last END, ',' ORDER BY first)
		FROM (SELECT min(v) AS first, max(v) AS last, count(*) AS n
			FROM (SELECT v, v - row_number() OVER (ORDER BY v) AS island FROM (SELECT DISTINCT unnest(numbers) AS v) d WHERE v IS NOT NULL) i
			GROUP BY island) g);
COMMENT ON FUNCTION synergy.cron_list(int[]) IS 'A set of numbers as a field of a cron expression has it: 1-5,8';

CREATE FUNCTION synergy.cron_values(field text, number int) RETURNS int[]
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN (SELECT CASE WHEN bool_and(m.parts IS NOT NULL) THEN array_agg(DISTINCT v.v ORDER BY v.v) FILTER (WHERE v.v IS NOT NULL) END
		FROM (VALUES ((ARRAY[0, 0, 1, 1, 0])[number], (ARRAY[59, 23, 31, 12, 7])[number])) f (lowest, highest)
		CROSS JOIN regexp_split_to_table(field, ',') e (element)
		LEFT JOIN LATERAL regexp_match(e.element, '^(\*|\d{1,2})(?:-(\d{1,2}))?(?:/(\d{1,2}))?$') m (parts) ON true
		LEFT JOIN LATERAL generate_series(CASE m.parts[1] WHEN '*' THEN f.lowest ELSE m.parts[1]::int END,
			CASE WHEN m.parts[2] IS NOT NULL THEN m.parts[2]::int WHEN m.parts[1] = '*' OR m.parts[3] IS NOT NULL THEN f.highest ELSE m.parts[1]::int END,
			greatest(coalesce(m.parts[3]::int, 1), 1)) v (v) ON true);
COMMENT ON FUNCTION synergy.cron_values(text, int) IS
'The numbers that a field of a cron expression stands for, which is the first (minutes) to the fifth (days of the week, up to 7); NULL for what is none, or has names';

-- Of two day fields either is enough, unless one begins with a star. One that must begin with it, so that both have to match,
-- and yet name some days, can do that with the first day of all: */31 is the 1st, */7 is Sunday.
CREATE FUNCTION synergy.cron_of(minutes int[], hours int[], days int[], months int[], weekdays int[]) RETURNS text
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	fields text[] := '{}';
	f record;
	found int[];
	step int;
BEGIN
	FOR f IN SELECT * FROM (VALUES (1, 0, 59, $1), (2, 0, 23, $2), (3, 1, 31, $3), (4, 1, 12, $4), (5, 0, 6, $5)) AS f (n, lowest, highest, numbers) ORDER BY n LOOP
		found := ARRAY(SELECT DISTINCT v FROM unnest(f.numbers) v WHERE v BETWEEN f.lowest AND f.highest ORDER BY v);
		step := found[2] - found[1];
		fields := fields || CASE
			WHEN f.n = 3 AND 32 = ANY (f.numbers) AND cardinality(found) < 31 THEN concat_ws(',', synergy.cron_list(found), 'L')
			WHEN cardinality(found) IN (0, f.highest - f.lowest + 1) THEN '*'
			WHEN f.n < 3 AND cardinality(found) > 2 AND found = ARRAY(SELECT generate_series(f.lowest, f.highest, step)) THEN '*/' || step
			ELSE synergy.cron_list(found) END;
	END LOOP;
	IF fields[3] <> '*' AND fields[5] <> '*' THEN
		IF 1 = ANY ($3) THEN
			fields[3] := concat_ws(',', '*/31', synergy.cron_list(ARRAY(SELECT v FROM unnest($3) v WHERE v BETWEEN 2 AND 31)), CASE WHEN 32 = ANY ($3) THEN 'L' END);
		ELSIF 0 = ANY ($5) THEN
			fields[5] := concat_ws(',', '*/7', synergy.cron_list(ARRAY(SELECT v FROM unnest($5) v WHERE v BETWEEN 1 AND 6)));
		ELSE
			RETURN NULL;
		END IF;
	END IF;
	RETURN array_to_string(fields, ' ');
END;
$$;
COMMENT ON FUNCTION synergy.cron_of(int[], int[], int[], int[], int[]) IS
'The cron expression that fires when the minute, the hour, the day of the month (32: the last), the month and the day of the week (0: Sunday) are all among the given ones; NULL or none: any. NULL when none does: both days are limited, and the 1st and Sunday are not among them';

-- ---------------------------------------------------------------- commands

CREATE FUNCTION synergy.import_command(commands text[], may_fail boolean[], OUT command text, OUT note text, OUT refusal text)
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	notes text[] := '{}';
	parts text[] := '{}';
	statements text[];
	tags text[];
	alone text;
	was_alone text;
	part text;
	total int := 0;
	control text[] := '{BEGIN,START TRANSACTION,COMMIT,ROLLBACK,SAVEPOINT,RELEASE,PREPARE TRANSACTION,COMMIT PREPARED,ROLLBACK PREPARED}';
BEGIN
	FOR i IN 1 .. coalesce(cardinality(commands), 0) LOOP
		BEGIN
			SELECT array_agg(s.statement), array_agg(s.tag), min(s.tag) FILTER (WHERE s.runs_alone
				OR s.tag = 'DO' AND s.statement ~* '\m(commit|rollback)\M') INTO statements, tags, alone FROM synergy.command_statements(commands[i]) s;
		EXCEPTION WHEN OTHERS THEN
			refusal := 'its SQL does not parse: ' || SQLERRM;
			RETURN;
		END;
		part := commands[i];
		IF tags[1] IN ('BEGIN', 'START TRANSACTION') AND tags[cardinality(tags)] = 'COMMIT' AND cardinality(tags) > 2 THEN
			statements := statements[2:cardinality(tags) - 1];
			tags := tags[2:cardinality(tags) - 1];
			part := array_to_string(statements, E';\n');
			notes := notes || 'BEGIN and COMMIT are left out: a command is one transaction'::text;
		END IF;
		IF tags && control THEN
			refusal := format('it begins or ends transactions (%s), which a command cannot; a procedure can, and is called with CALL',
				(SELECT t FROM unnest(tags) t WHERE t = ANY (control) LIMIT 1));
			RETURN;
		END IF;
		total := total + coalesce(cardinality(tags), 0);
		was_alone := coalesce(was_alone, alone);
		IF coalesce(may_fail[i], false) THEN
			IF alone IS NOT NULL THEN
				refusal := format('%s cannot be run so that its errors are ignored', alone);
				RETURN;
			END IF;
			part := 'DO ' || synergy.quoted(E'BEGIN\n\tEXECUTE ' || synergy.quoted(part, 'sql')
				|| E';\nEXCEPTION WHEN OTHERS THEN\n\tRAISE WARNING ''%'', SQLERRM;\nEND', 'do');
			notes := notes || 'errors that are ignored are warnings in the server''s log'::text;
		END IF;
		parts := parts || regexp_replace(part, '[\s;]+$', '');
	END LOOP;
	IF total = 0 THEN
		refusal := 'it has no statement';
	ELSIF total > 1 AND was_alone IS NOT NULL THEN
		refusal := format('%s cannot share a transaction with other statements', was_alone);
	END IF;
	-- a comment at the end of one must not swallow the semicolon
	command := CASE WHEN cardinality(commands) = 1 AND notes = '{}' THEN commands[1]
		ELSE (SELECT string_agg(p || CASE WHEN p LIKE '%--%' THEN E'\n' ELSE '' END, E';\n' ORDER BY n) FROM unnest(parts) WITH ORDINALITY p (p, n)) END;
	note := (SELECT string_agg(DISTINCT n, '; ' ORDER BY n) FROM unnest(notes) n);
END;
$$;
COMMENT ON FUNCTION synergy.import_command(text[], boolean[]) IS
'Pieces of SQL, the errors of some of which are ignored, as one command in one transaction; or why they cannot be';

CREATE FUNCTION synergy.shell_word(word text) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN CASE WHEN word ~ '^[A-Za-z0-9_./:=@%+,-]+$' THEN word ELSE '''' || replace(word, '''', '''\''''') || '''' END;
COMMENT ON FUNCTION synergy.shell_word(text) IS 'A text as one word for the shell';

-- commands for the shell one after the other, as long as none fails but those that may
CREATE FUNCTION synergy.shell_sequence(commands text[], may_fail boolean[]) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE WHEN cardinality(commands) = 1 AND NOT may_fail[1] THEN commands[1]
		ELSE (SELECT string_agg(E'(\n' || rtrim(c.command, E' \t\r\n') || E'\n)' || CASE WHEN may_fail[c.n] THEN ' || true' ELSE ' || exit' END, E'\n' ORDER BY c.n)
			FROM unnest(commands) WITH ORDINALITY c (command, n)) END;
COMMENT ON FUNCTION synergy.shell_sequence(text[], boolean[]) IS
'Commands as one: each in a shell of its own, and the first that fails ends it, but for those that may';

-- Where times are local without saying of where, it was the session's zone: not this one's, but that of the database.
CREATE FUNCTION synergy.import_timezone(timezone text) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS
	$$ SELECT coalesce($1, (SELECT CASE s.reset_val WHEN 'Etc/UTC' THEN 'UTC' ELSE s.reset_val END FROM pg_settings s WHERE s.name = 'TimeZone')) $$;
COMMENT ON FUNCTION synergy.import_timezone(text) IS 'The given time zone, or that in which sessions of this database begin';

-- ---------------------------------------------------------------- their tables

-- Their tables are read, and written, as who owns them: whatever hangs on them (policies, triggers, defaults) gets no rights
-- that it has not. A view would be asked as us, and its functions with it.
CREATE FUNCTION synergy.import_owner(schema_name name, table_name name, columns text[]) RETURNS name
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	target record;
	absent text;
BEGIN
	SELECT c.oid, c.relkind, c.relowner, r.rolname INTO target FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		LEFT JOIN pg_roles r ON r.oid = c.relowner WHERE n.nspname = $1 AND c.relname = $2;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no table "%.%" in this database', left($1, 63), left($2, 63)
			USING ERRCODE = '42P01', HINT = 'Its jobs are imported where its tables are; a copy or a foreign table will do.';
	END IF;
	IF target.relkind NOT IN ('r', 'p', 'f') THEN
		RAISE EXCEPTION '"%.%" is not a table', $1, $2 USING ERRCODE = '42809', HINT = 'Name the table itself, or a copy of it.';
	END IF;
	SELECT c INTO absent FROM unnest($3) c WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = target.oid AND a.attname = c AND NOT a.attisdropped) LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'table "%.%" has no column "%"', $1, $2, left(absent, 63)
			USING ERRCODE = '42703', HINT = format('Expected are %s.', array_to_string($3, ', '));
	END IF;
	IF NOT pg_has_role(current_user, target.relowner, 'MEMBER') THEN
		RAISE EXCEPTION 'table "%.%" belongs to role "%", whose rights role "%" has not', $1, $2, target.rolname, current_user
			USING ERRCODE = '42501', HINT = 'It is read as its owner: let a superuser, or a member of that role, import it.';
	END IF;
	RETURN target.rolname;
END;
$$;
COMMENT ON FUNCTION synergy.import_owner(name, name, text[]) IS
'The owner of a table of another scheduler. ERROR 42P01 when there is none, 42809 for what is no table, 42703 without these columns, 42501 when the caller is not a member of that role';

CREATE FUNCTION synergy.import_rows(schema_name name, table_name name, columns text[]) RETURNS SETOF jsonb
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	before text := current_setting('role');
BEGIN
	PERFORM set_config('role', synergy.import_owner($1, $2, $3), true);
	RETURN QUERY EXECUTE format('SELECT pg_catalog.to_jsonb(t) FROM %I.%I t ORDER BY t.%I', $1, $2, ($3)[1]);
	PERFORM set_config('role', before, true);
END;
$$;
COMMENT ON FUNCTION synergy.import_rows(name, name, text[]) IS
'The rows of a table of another scheduler, read as its owner, in the order of the first of these columns. ERROR as import_owner';

CREATE FUNCTION synergy.import_switch_off(schema_name name, table_name name, key_column name, switch_column name, ids bigint[]) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	before text := current_setting('role');
BEGIN
	PERFORM set_config('role', synergy.import_owner($1, $2, ARRAY[$3, $4]::text[]), true);
	EXECUTE format('UPDATE %I.%I SET %I = false WHERE %I = ANY ($1) AND %I', $1, $2, $4, $3, $4) USING $5;
	PERFORM set_config('role', before, true);
END;
$$;
COMMENT ON FUNCTION synergy.import_switch_off(name, name, name, name, bigint[]) IS
'Switches jobs of another scheduler off, as the owner of their table. ERROR as import_owner';

-- ---------------------------------------------------------------- definitions

CREATE FUNCTION synergy.import_entry(name text, id bigint, nth bigint) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE WHEN coalesce(name, '') = '' OR octet_length(name) > 63 OR nth > 1 AND octet_length(name || ':' || id) > 63 THEN 'job_' || id
		WHEN nth > 1 THEN name || ':' || id ELSE name END;
COMMENT ON FUNCTION synergy.import_entry(text, bigint, bigint) IS
'The entry that a job becomes: named like it; job_ID when it has no name or one that is too long, NAME:ID when it is not the first of that name';

CREATE FUNCTION synergy.import_check(dry_run boolean, disable boolean, authors boolean, process_name text) RETURNS void
	LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	absent text := CASE WHEN $1 IS NULL THEN 'dry_run' WHEN $2 IS NULL THEN 'disable' WHEN $3 IS NULL THEN 'authors' WHEN $4 IS NULL THEN 'process_name' END;
BEGIN
	IF absent IS NOT NULL THEN
		RAISE EXCEPTION 'argument "%" must not be null', absent USING ERRCODE = '22004', HINT = format('Pass a value for "%s".', absent);
	END IF;
	IF octet_length($4) NOT BETWEEN 1 AND 63 THEN
		RAISE EXCEPTION 'argument "process_name" has % bytes: "%"', octet_length($4), left($4, 80)
			USING ERRCODE = '42602', HINT = 'A name has 1 to 63 bytes.';
	END IF;
END;
$$;
COMMENT ON FUNCTION synergy.import_check(boolean, boolean, boolean, text) IS 'ERROR 22004, 42602 for arguments that no import can take';

-- A dry run is the real thing, in a subtransaction that is rolled back.
CREATE FUNCTION synergy.import_freerun(dry_run boolean, authors boolean, definition jsonb, OUT outcome text, OUT is_on boolean, OUT note text)
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	before text := current_setting('role');
	known synergy.freerun;
	d synergy.freerun;
	role_id oid;
	detail text;
BEGIN
	d := jsonb_populate_record(NULL::synergy.freerun, definition - 'owner');
	SELECT r.oid INTO role_id FROM pg_roles r WHERE r.rolname = definition->>'owner';
	SELECT f.* INTO known FROM synergy.freerun f WHERE f.process_name = d.process_name AND f.entry_name = d.entry_name;
	-- who imported it once switches it here
	is_on := coalesce(known.is_on, d.is_on);
	outcome := 'refused';
	IF role_id IS NULL THEN
		note := format('there is no role "%s"', definition->>'owner');
	ELSIF NOT synergy.may_register(role_id) AND NOT authors THEN
		note := format('role "%s" may not register: SELECT synergy.grant(''author'', %L), or import with authors => true', definition->>'owner', definition->>'owner');
	ELSIF (known.trigger_frequency, known.worker, known.command, known.timezone, known.options, known.owner::oid, known.description)
		IS NOT DISTINCT FROM (d.trigger_frequency, d.worker, d.command, d.timezone, d.options, role_id, d.description) THEN
		outcome := 'unchanged';
	ELSE
		BEGIN
			IF NOT synergy.may_register(role_id) THEN
				PERFORM synergy.grant('author', definition->>'owner');
				note := format('role "%s" becomes an author', definition->>'owner');
			END IF;
			PERFORM set_config('role', definition->>'owner', true);
			PERFORM synergy.register_freerun(d.process_name, d.entry_name, d.trigger_frequency, d.command, d.worker, '{}', d.description, d.timezone, is_on, d.options);
			PERFORM set_config('role', before, true);
			outcome := CASE WHEN known.freerun_id IS NULL THEN 'new' ELSE 'changed' END;
			IF dry_run THEN
				RAISE EXCEPTION USING ERRCODE = 'SYDRY', MESSAGE = 'a dry run';
			END IF;
		EXCEPTION
			WHEN SQLSTATE 'SYDRY' THEN NULL;
			WHEN OTHERS THEN
				GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
				outcome := 'refused';
				note := concat_ws('; ', SQLERRM, nullif(detail, ''));
		END;
	END IF;
	IF outcome <> 'refused' AND d.worker = 'sql' AND current_setting('server_version_num')::int < 170000
		AND NOT (SELECT r.rolcanlogin FROM pg_roles r WHERE r.oid = role_id) THEN
		note := concat_ws('; ', note, format('role "%s" may not log in, so its units fail', definition->>'owner'));
	END IF;
	is_on := CASE WHEN outcome <> 'refused' THEN is_on END;
END;
$$;
COMMENT ON FUNCTION synergy.import_freerun(boolean, boolean, jsonb) IS
'Registers a freerun as its owner, and says what became of it: new, changed, unchanged, or refused and why. A dry run says the same and rolls it back';

CREATE FUNCTION synergy.import_warn(dry_run boolean, disable boolean, twice bigint, others text) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT dry_run AND NOT disable AND twice > 0 THEN
		RAISE WARNING '% of these jobs are on in % as well, and run twice', twice, others
			USING HINT = 'Import again with disable => true, or switch them off there.';
	END IF;
END;
$$;
COMMENT ON FUNCTION synergy.import_warn(boolean, boolean, bigint, text) IS 'WARNING when jobs run in both schedulers';
