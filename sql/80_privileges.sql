-- 80_privileges.sql: who may do what. Nothing is granted to PUBLIC. See docs/security.md.

-- Rows are hidden from whoever has no policy: who looks at a table without a privilege sees nothing. The policies come with
-- the first grant, not with the extension: pg_dump saves an extension's policies as if they were the user's, and a
-- restore would then make them twice.
DO $$
DECLARE
	relation name;
BEGIN
	FOREACH relation IN ARRAY '{process,freerun,daemon,timetable,progress,job_data,unit_of_work_data,unit_of_work_log,event_log,pending,outbox,box_daemon}'::name[] LOOP
		EXECUTE pg_catalog.format('ALTER TABLE synergy.%I ENABLE ROW LEVEL SECURITY', relation);
	END LOOP;
	-- so that views show whoever looks what the tables would; before 15 they show what their owner sees
	IF pg_catalog.current_setting('server_version_num')::int OPERATOR(pg_catalog.>=) 150000 THEN
		FOR relation IN SELECT c.relname FROM pg_catalog.pg_class c WHERE c.relnamespace = 'synergy'::regnamespace AND c.relkind = 'v' LOOP
			EXECUTE pg_catalog.format('ALTER VIEW synergy.%I SET (security_invoker = true)', relation);
		END LOOP;
	END IF;
END;
$$;

CREATE FUNCTION synergy.privilege_functions(privilege text) RETURNS text[]
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN CASE privilege
		WHEN 'viewer' THEN ARRAY['check(boolean)']
		WHEN 'worker' THEN ARRAY['claim(text, int)', 'start(bigint)', 'complete(bigint, text, bigint, bigint, int)',
			'fail(bigint, text, int)', 'heartbeat(bigint)', 'log(bigint, text)',
			'agent_begin(text, text, int, text, int, text, bigint[], int[])', 'agent_claim(int, text[])',
			'agent_report(bigint[], int[], text[], text[])', 'agent_log(bigint[], timestamptz[], text[], text[])',
			'agent_heartbeat(bigint[], int[])', 'agent_release(bigint[], int[])', 'agent_daemons()',
			'agent_daemon_report(text[], text[], int[], int[], int[], text[], timestamptz[])']
		WHEN 'operator' THEN ARRAY['check(boolean)', 'reprocess(text, text, boolean)', 'skip(text, text, boolean)',
			'cancel_unit_of_work(bigint, boolean)', 'trigger_now(text, text)', 'backfill(text, text, text)',
			'activate(text, text)', 'deactivate(text, text)', 'start_daemon(text)', 'stop_daemon(text)']
		WHEN 'author' THEN ARRAY['register_timetable(text, text[], text, text)', 'unregister_timetable(text)',
			'register_process(text, text, text, text, text, text, text, int, text, text, jsonb, text, text, boolean, jsonb)',
			'register_freerun(text, text, text, text, text, jsonb, text, text, boolean, jsonb)',
			'unregister_process(text)', 'unregister_freerun(text, text)', 'change_trigger(text, text, text)',
			'register_daemon(text, text, text[], boolean, jsonb)', 'unregister_daemon(text)']
		WHEN 'any' THEN ARRAY['now()', 'status()', 'explain_job(text, text)', 'next_fires(text, text, timestamptz, int)',
			'machine_rows()', 'exec_options(jsonb)', 'timeperiod_is_valid(text)', 'job_state_of("char")', 'uow_state_of("char")',
			'timeperiod_start(text)', 'timeperiod_end(text, text)', 'timeperiod_bounds(text, text)', 'timeperiod_at(text, timestamptz)',
			'timeperiod_cast(text, text)', 'timeperiod_step(text, text, bigint)', 'timeperiod_series(text, text, text)',
			'timeperiod_is_milestone(text, int, text)', 'timeperiod_group_start(text, int, text)']
	END;
COMMENT ON FUNCTION synergy.privilege_functions(text) IS 'The functions that come with a privilege; ''any'': with each of them';

-- An own process's rows are found by an array of ids, worked out once a statement, so that an index serves it. Owners are
-- asked for by name: a role of two privileges sees the rows of both, and what it sees as a worker is not its own.
CREATE FUNCTION synergy.privilege_rows(privilege text) RETURNS TABLE (relation name, condition text)
	LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH own (here) AS (VALUES (pg_catalog.replace(
		'= ANY (ARRAY(SELECT p.process_id FROM synergy.process p WHERE % UNION ALL SELECT f.freerun_id FROM synergy.freerun f WHERE %))', '%',
		CASE privilege WHEN 'worker' THEN 'worker <> ''sql''' ELSE 'pg_catalog.pg_has_role(owner::oid, ''USAGE'')' END)))
	SELECT r.relation::name, CASE WHEN privilege IN ('viewer', 'operator') THEN 'true' WHEN privilege = 'author' THEN r.author ELSE r.worker END
	FROM own CROSS JOIN LATERAL (VALUES
		('process', 'pg_catalog.pg_has_role(owner::oid, ''USAGE'')', 'worker <> ''sql'''),
		('freerun', 'pg_catalog.pg_has_role(owner::oid, ''USAGE'')', 'worker <> ''sql'''),
		('daemon', 'pg_catalog.pg_has_role(owner::oid, ''USAGE'')', NULL),
		('timetable', 'pg_catalog.pg_has_role(owner::oid, ''USAGE'') OR tree_name = ANY (ARRAY(SELECT p.tree_name FROM synergy.process p '
			'WHERE pg_catalog.pg_has_role(p.owner::oid, ''USAGE'')))', NULL),
		('progress', 'process_id ' || here, 'process_id ' || here),
		('job_data', 'process_id ' || here, 'process_id ' || here),
		('unit_of_work_data', 'process_id ' || here, 'process_id ' || here),
		('unit_of_work_log', 'EXISTS (SELECT FROM synergy.unit_of_work_data u WHERE u.unit_of_work_id = unit_of_work_log.unit_of_work_id '
			'AND u.process_id ' || here || ')', NULL),
		-- what happened under the name before it was registered this time may be another owner's, and hold his errors
		('event_log', 'process_name = ANY (ARRAY(SELECT p.process_name FROM synergy.process p WHERE pg_catalog.pg_has_role(p.owner::oid, ''USAGE'') '
			'UNION ALL SELECT f.process_name FROM synergy.freerun f WHERE pg_catalog.pg_has_role(f.owner::oid, ''USAGE''))) AND CASE WHEN entry_name IS NULL '
			'THEN EXISTS (SELECT FROM synergy.process p WHERE p.process_name = event_log.process_name '
			'AND pg_catalog.pg_has_role(p.owner::oid, ''USAGE'') AND p.created_at <= event_log.at) '
			'ELSE EXISTS (SELECT FROM synergy.freerun f WHERE f.process_name = event_log.process_name AND f.entry_name = event_log.entry_name '
			'AND pg_catalog.pg_has_role(f.owner::oid, ''USAGE'') AND f.created_at <= event_log.at) END', NULL),
		('pending', NULL, NULL),
		('outbox', NULL, NULL),
		('box_daemon', 'process_name = ANY (ARRAY(SELECT d.process_name FROM synergy.daemon d WHERE pg_catalog.pg_has_role(d.owner::oid, ''USAGE'')))', NULL)
	) r (relation, author, worker);
END;
COMMENT ON FUNCTION synergy.privilege_rows(text) IS 'Which rows of each table come with a privilege; NULL: none';

CREATE FUNCTION synergy.privilege_role(role name) RETURNS regrole
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF $1 OPERATOR(pg_catalog.=) 'public' THEN
		RAISE EXCEPTION 'privileges cannot be granted to or revoked from PUBLIC'
			USING ERRCODE = '0LP01', HINT = 'GRANT a role that has them to those who need them.';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = $1) THEN
		RAISE EXCEPTION 'role "%" does not exist', $1 USING ERRCODE = '42704', HINT = 'CREATE ROLE it first.';
	END IF;
	RETURN pg_catalog.quote_ident($1)::regrole;
END;
$$;
COMMENT ON FUNCTION synergy.privilege_role(name) IS 'The role that is named; ERROR 42704 when there is none, 0LP01 for PUBLIC';

CREATE FUNCTION synergy.privileges_of(role regrole) RETURNS text[]
	LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT coalesce(pg_catalog.array_agg(p.polname::text ORDER BY p.polname), '{}') FROM pg_catalog.pg_policy p
	WHERE p.polrelid = 'synergy.process'::regclass AND role::oid = ANY (p.polroles)
	AND p.polname IN ('viewer', 'worker', 'operator', 'author');
END;
COMMENT ON FUNCTION synergy.privileges_of(regrole) IS 'What was granted to a role by synergy.grant, to itself and not to a role that it is a member of';

-- The locks in the order in which everybody else takes them, and not for long: behind a lock that waits, others wait, too.
CREATE FUNCTION synergy.privilege_set_rows(privilege text, roles regrole[]) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
	r record;
	list text := pg_catalog.array_to_string($2, ', ');
	is_there boolean := EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = 'synergy.process'::regclass AND p.polname = $1);
BEGIN
	FOR r IN SELECT * FROM synergy.privilege_rows($1) p WHERE p.condition IS NOT NULL LOOP
		IF list = '' THEN
			EXECUTE pg_catalog.format('DROP POLICY IF EXISTS %I ON synergy.%I', $1, r.relation);
		ELSIF is_there THEN
			EXECUTE pg_catalog.format('ALTER POLICY %I ON synergy.%I TO %s', $1, r.relation, list);
		ELSE
			EXECUTE pg_catalog.format('CREATE POLICY %I ON synergy.%I FOR SELECT TO %s USING (%s)', $1, r.relation, list, r.condition);
		END IF;
	END LOOP;
EXCEPTION WHEN lock_not_available THEN
	RAISE EXCEPTION 'tables of Synergy are in use for too long' USING ERRCODE = '55P03',
		HINT = 'A transaction, such as that of pg_dump, has looked at them and is still open. Try again when it has ended.';
END;
$$;
COMMENT ON FUNCTION synergy.privilege_set_rows(text, regrole[]) IS 'Shows the rows that come with a privilege to these roles and to nobody else. ERROR 55P03 when the tables cannot be locked within 5 s';

CREATE FUNCTION synergy.privilege_roles(privilege text) RETURNS regrole[]
	LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT coalesce((SELECT p.polroles FROM pg_catalog.pg_policy p
		WHERE p.polrelid = 'synergy.process'::regclass AND p.polname = privilege), '{}')::regrole[];
END;
COMMENT ON FUNCTION synergy.privilege_roles(text) IS 'The roles that a privilege was granted to';

CREATE FUNCTION synergy.privilege_check(privilege text) RETURNS void
	LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF $1 IS NULL OR $1 NOT IN ('viewer', 'worker', 'operator', 'author') THEN
		RAISE EXCEPTION 'argument "privilege" has an unknown value: "%"', $1
			USING ERRCODE = '22023', HINT = 'Accepted are viewer, worker, operator, author.';
	END IF;
END;
$$;
COMMENT ON FUNCTION synergy.privilege_check(text) IS 'ERROR 22023 unless it is a privilege';

CREATE FUNCTION synergy.grant(privilege text, role name) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	grantee regrole;
	target text;
BEGIN
	PERFORM synergy.privilege_check($1);
	grantee := synergy.privilege_role($2);
	EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA synergy TO %I', $2);
	-- whoever does something may look, too: at rows that policies show
	FOR target IN SELECT c.relname FROM pg_catalog.pg_class c WHERE c.relnamespace = 'synergy'::regnamespace AND (c.relkind = 'r'
		OR c.relkind = 'v' AND ($1 IN ('viewer', 'operator') OR pg_catalog.current_setting('server_version_num')::int >= 150000))
	LOOP
		EXECUTE pg_catalog.format('GRANT SELECT ON synergy.%I TO %I', target, $2);
	END LOOP;
	FOREACH target IN ARRAY synergy.privilege_functions($1) || synergy.privilege_functions('any') LOOP
		EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION synergy.%s TO %I', target, $2);
	END LOOP;
	IF grantee <> ALL (synergy.privilege_roles($1)) THEN
		PERFORM synergy.privilege_set_rows($1, synergy.privilege_roles($1) || grantee);
	END IF;
END;
$$;
COMMENT ON FUNCTION synergy.grant(text, name) IS
'Grants a role what it needs as viewer (look at all), worker (claim, complete... and what agents call), operator (skip, reprocess, triggers; look at all) or author (register own processes and look at them). ERROR 22023 for an unknown privilege, 42704 for an unknown role, 0LP01 for PUBLIC';

CREATE FUNCTION synergy.revoke(privilege text, role name) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	grantee regrole;
	left_over text[];
	needed text[] := '{}';
	target text;
BEGIN
	PERFORM synergy.privilege_check($1);
	grantee := synergy.privilege_role($2);
	left_over := pg_catalog.array_remove(synergy.privileges_of(grantee), $1);
	IF left_over <> '{}' THEN
		needed := synergy.privilege_functions('any');
	END IF;
	FOREACH target IN ARRAY left_over LOOP
		needed := needed || synergy.privilege_functions(target);
	END LOOP;
	FOREACH target IN ARRAY synergy.privilege_functions($1) || synergy.privilege_functions('any') LOOP
		IF target <> ALL (needed) THEN
			EXECUTE pg_catalog.format('REVOKE EXECUTE ON FUNCTION synergy.%s FROM %I', target, $2);
		END IF;
	END LOOP;
	IF grantee = ANY (synergy.privilege_roles($1)) THEN
		PERFORM synergy.privilege_set_rows($1, pg_catalog.array_remove(synergy.privilege_roles($1), grantee));
	ELSE
		RAISE NOTICE '% was not granted to role "%"', $1, $2;
	END IF;
	IF left_over = '{}' THEN
		EXECUTE pg_catalog.format('REVOKE SELECT ON ALL TABLES IN SCHEMA synergy FROM %I', $2);
		EXECUTE pg_catalog.format('REVOKE USAGE ON SCHEMA synergy FROM %I', $2);
	ELSIF NOT left_over && '{viewer,operator}' AND pg_catalog.current_setting('server_version_num')::int < 150000 THEN
		FOR target IN SELECT c.relname FROM pg_catalog.pg_class c WHERE c.relnamespace = 'synergy'::regnamespace AND c.relkind = 'v' LOOP
			EXECUTE pg_catalog.format('REVOKE SELECT ON synergy.%I FROM %I', target, $2);
		END LOOP;
	END IF;
END;
$$;
COMMENT ON FUNCTION synergy.revoke(text, name) IS
'Takes a privilege from a role again; what the role needs for its other ones stays. A NOTICE when it was not granted. What it has registered stays, and runs on. ERROR as grant';

REVOKE ALL ON ALL TABLES IN SCHEMA synergy FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA synergy FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA synergy FROM PUBLIC;
