-- 80_privileges.sql: who may do what. Nothing is granted to PUBLIC. See docs/security.md.

CREATE FUNCTION synergy.look_at_all() RETURNS boolean
	LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN true;
COMMENT ON FUNCTION synergy.look_at_all() IS 'Whoever may execute this sees the rows of all owners: the mark of a viewer';

-- has_function_privilege, said to be immutable: so it is asked when a statement is planned, and what follows from the answer
-- is no part of the plan. A viewer's plans are those of somebody without row security: before conditions that are not constant
-- the planner must not use what else is asked for, and what takes milliseconds would take seconds. It is no lie that anybody
-- gets to see: a plan with policies in it is made anew for another role, and grant and revoke change the rights to the
-- tables, too, upon which all plans are made anew.
CREATE FUNCTION synergy.may_execute(function oid, privilege text) RETURNS boolean
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'has_function_privilege_id';
COMMENT ON FUNCTION synergy.may_execute(oid, text) IS 'For policies: pg_catalog.has_function_privilege, asked when a statement is planned';

-- Which rows whoever may SELECT sees: viewers and operators all of them; workers those of outside workers; everybody those
-- whose owner's rights he has. The owner of the tables, who our own SQL runs as, sees all.
-- A row that belongs to a process is seen by who sees the process; its output and its events by owners only.
DO $do$
DECLARE
	sees_all text := $$synergy.may_execute('synergy.look_at_all()'::regprocedure::oid, 'EXECUTE')
		OR synergy.may_execute('synergy.skip(text, text, boolean)'::regprocedure::oid, 'EXECUTE')$$;
	works text := $$synergy.may_execute('synergy.claim(text, int)'::regprocedure::oid, 'EXECUTE') AND worker <> 'sql'$$;
	owns text := $$pg_catalog.pg_has_role(owner::oid, 'USAGE')$$;
	of_seen text := $$process_id = ANY (ARRAY(SELECT p.process_id FROM synergy.process p UNION ALL SELECT f.freerun_id FROM synergy.freerun f))$$;
	own_ids text := $$ANY (ARRAY(SELECT p.process_id FROM synergy.process p WHERE pg_catalog.pg_has_role(p.owner::oid, 'USAGE')
		UNION ALL SELECT f.freerun_id FROM synergy.freerun f WHERE pg_catalog.pg_has_role(f.owner::oid, 'USAGE')))$$;
	r record;
BEGIN
	FOR r IN VALUES
		('process', owns || ' OR ' || works), ('freerun', owns || ' OR ' || works), ('daemon', owns),
		('timetable', owns || $$ OR tree_name = ANY (ARRAY(SELECT p.tree_name FROM synergy.process p))$$),
		('progress', of_seen), ('job_data', of_seen), ('late_job', of_seen), ('unit_of_work_data', of_seen), ('active_unit', of_seen), ('pending', 'false'), ('outbox', 'false'),
		('unit_of_work_log', $$EXISTS (SELECT FROM synergy.unit_of_work_data u WHERE u.unit_of_work_id = unit_of_work_log.unit_of_work_id
			AND u.process_id = $$ || own_ids || ')'),
		-- what happened under the name before it was registered this time may be another owner's, and hold his errors
		('event_log', $$process_name = ANY (ARRAY(SELECT p.process_name FROM synergy.process p UNION ALL SELECT f.process_name FROM synergy.freerun f))
			AND CASE WHEN entry_name IS NULL THEN EXISTS (SELECT FROM synergy.process p WHERE p.process_name = event_log.process_name
				AND pg_catalog.pg_has_role(p.owner::oid, 'USAGE') AND p.created_at <= event_log.at)
			ELSE EXISTS (SELECT FROM synergy.freerun f WHERE f.process_name = event_log.process_name AND f.entry_name = event_log.entry_name
				AND pg_catalog.pg_has_role(f.owner::oid, 'USAGE') AND f.created_at <= event_log.at) END$$),
		('box_daemon', $$process_name = ANY (ARRAY(SELECT d.process_name FROM synergy.daemon d))$$)
	LOOP
		EXECUTE pg_catalog.format('ALTER TABLE synergy.%I ENABLE ROW LEVEL SECURITY', r.column1);
		EXECUTE pg_catalog.format('CREATE POLICY seen ON synergy.%I FOR SELECT USING (%s OR (%s))', r.column1, sees_all, r.column2);
	END LOOP;
	-- so that views show whoever looks what the tables would; before 15 they show what their owner sees
	IF pg_catalog.current_setting('server_version_num')::int OPERATOR(pg_catalog.>=) 150000 THEN
		FOR r IN SELECT c.relname FROM pg_catalog.pg_class c WHERE c.relnamespace = 'synergy'::regnamespace AND c.relkind = 'v' LOOP
			EXECUTE pg_catalog.format('ALTER VIEW synergy.%I SET (security_invoker = true)', r.relname);
		END LOOP;
	END IF;
END;
$do$;

CREATE FUNCTION synergy.privilege_functions(privilege text) RETURNS text[]
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN CASE privilege
		WHEN 'viewer' THEN ARRAY['look_at_all()', 'check(boolean)',
			'simulate(timestamptz, timestamptz, interval, text[], jsonb, jsonb, interval, int, int, double precision, bigint)']
		WHEN 'worker' THEN ARRAY['claim(text, int)', 'start(bigint)', 'complete(bigint, text, bigint, bigint, int)', 'complete_many(bigint[], int[], text)',
			'fail(bigint, text, int)', 'heartbeat(bigint)', 'log(bigint, text)',
			'agent_begin(text, text, int, text, int, text, bigint[], int[])', 'agent_claim(int, text[])',
			'agent_report(bigint[], int[], text[], text[])', 'agent_log(bigint[], timestamptz[], text[], text[])',
			'agent_heartbeat(bigint[], int[])', 'agent_release(bigint[], int[])', 'agent_daemons()',
			'agent_daemon_report(text[], text[], int[], int[], int[], text[], timestamptz[])']
		WHEN 'operator' THEN ARRAY['check(boolean)',
			'simulate(timestamptz, timestamptz, interval, text[], jsonb, jsonb, interval, int, int, double precision, bigint)',
			'reprocess(text, text, boolean)', 'skip(text, text, boolean)',
			'cancel_unit_of_work(bigint, boolean)', 'trigger_now(text, text)', 'backfill(text, text, text)',
			'activate(text, text)', 'deactivate(text, text)', 'start_daemon(text)', 'stop_daemon(text)']
		WHEN 'author' THEN ARRAY['register_timetable(text, text[], text, text)', 'unregister_timetable(text)',
			'register_process(text, text, text, text, text, text, text, int, text, text, jsonb, text, text, boolean, jsonb)',
			'register_freerun(text, text, text, text, text, jsonb, text, text, boolean, jsonb)',
			'unregister_process(text)', 'unregister_freerun(text, text)', 'change_trigger(text, text, text)',
			'register_daemon(text, text, text[], boolean, jsonb)', 'unregister_daemon(text)']
		WHEN 'any' THEN ARRAY['export()', 'definition_attributes()', 'may_register(oid)', 'quoted(text, text)', 'call_text(text, text[], text[])', 'freerun_text(jsonb)',
			'may_execute(oid, text)', 'now()', 'status()', 'watch(interval)', 'json_arguments(jsonb, text[])', 'explain_job(text, text)', 'job_events(text, text)', 'active_jobs(int, text, text)', 'forecast(text)', 'next_fires(text, text, timestamptz, int)',
			'machine_rows()', 'exec_options(jsonb)', 'timeperiod_is_valid(text)', 'job_state_of("char")', 'uow_state_of("char")',
			'timeperiod_start(text)', 'timeperiod_end(text, text)', 'timeperiod_bounds(text, text)', 'timeperiod_at(text, timestamptz)',
			'timeperiod_cast(text, text)', 'timeperiod_step(text, text, bigint)', 'timeperiod_series(text, text, text)',
			'timeperiod_is_milestone(text, int, text)', 'timeperiod_group_start(text, int, text)']
	END;
COMMENT ON FUNCTION synergy.privilege_functions(text) IS 'The functions that come with a privilege; ''any'': with each of them';

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

-- what was granted is read from the rights to the function that is each privilege's mark: so a dump keeps it
CREATE FUNCTION synergy.privileges_of(role regrole) RETURNS text[]
	LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT coalesce(pg_catalog.array_agg(m.privilege ORDER BY m.privilege), '{}')
	FROM (VALUES ('viewer', 'synergy.look_at_all()'::regprocedure), ('worker', 'synergy.claim(text, int)'),
		('operator', 'synergy.skip(text, text, boolean)'), ('author', 'synergy.unregister_process(text)')) m (privilege, mark)
	WHERE EXISTS (SELECT FROM pg_catalog.pg_proc p CROSS JOIN LATERAL pg_catalog.aclexplode(p.proacl) a
		WHERE p.oid = m.mark::oid AND a.grantee = role::oid AND a.privilege_type = 'EXECUTE' AND a.grantee <> p.proowner);
END;
COMMENT ON FUNCTION synergy.privileges_of(regrole) IS 'What was granted to a role by synergy.grant, to itself and not to a role that it is a member of';

CREATE FUNCTION synergy.privilege_check(privilege text) RETURNS void
	LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF $1 IS NULL OR $1 NOT IN ('viewer', 'worker', 'operator', 'author') THEN
		RAISE EXCEPTION 'argument "privilege" has an unknown value: "%"', pg_catalog.left($1, 80)
			USING ERRCODE = '22023', HINT = 'Accepted are viewer, worker, operator, author.';
	END IF;
END;
$$;
COMMENT ON FUNCTION synergy.privilege_check(text) IS 'ERROR 22023 unless it is a privilege';

CREATE FUNCTION synergy.grant(privilege text, role name) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	target text;
BEGIN
	PERFORM synergy.privilege_check($1);
	PERFORM synergy.privilege_role($2);
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
	INSERT INTO synergy.event_log (at, event, new_state, detail) VALUES (synergy.now(), 'grant', $1, $2);
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
	left_over := synergy.privileges_of(grantee);
	IF $1 <> ALL (left_over) THEN
		RAISE NOTICE '% was not granted to role "%"', $1, $2;
	END IF;
	left_over := pg_catalog.array_remove(left_over, $1);
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
	-- whatever is left: a change of rights to a table lets plans be made anew
	EXECUTE pg_catalog.format('GRANT SELECT ON synergy.process, synergy.freerun, synergy.daemon, synergy.timetable, synergy.progress, '
		'synergy.job_data, synergy.late_job, synergy.unit_of_work_data, synergy.active_unit, synergy.unit_of_work_log, synergy.event_log, synergy.pending, synergy.outbox, '
		'synergy.box_daemon TO %I', $2);
	IF left_over = '{}' THEN
		EXECUTE pg_catalog.format('REVOKE SELECT ON ALL TABLES IN SCHEMA synergy FROM %I', $2);
		EXECUTE pg_catalog.format('REVOKE USAGE ON SCHEMA synergy FROM %I', $2);
	ELSIF NOT left_over && '{viewer,operator}' AND pg_catalog.current_setting('server_version_num')::int < 150000 THEN
		FOR target IN SELECT c.relname FROM pg_catalog.pg_class c WHERE c.relnamespace = 'synergy'::regnamespace AND c.relkind = 'v' LOOP
			EXECUTE pg_catalog.format('REVOKE SELECT ON synergy.%I FROM %I', target, $2);
		END LOOP;
	END IF;
	INSERT INTO synergy.event_log (at, event, old_state, detail) VALUES (synergy.now(), 'revoke', $1, $2);
END;
$$;
COMMENT ON FUNCTION synergy.revoke(text, name) IS
'Takes a privilege from a role again; what the role needs for its other ones stays. A NOTICE when it was not granted. What it has registered stays, and runs on. ERROR as grant';

REVOKE ALL ON ALL TABLES IN SCHEMA synergy FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA synergy FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA synergy FROM PUBLIC;
