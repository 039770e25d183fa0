-- 80_privileges.sql: who may do what. Nothing is granted to PUBLIC.

CREATE FUNCTION synergy.grant(privilege text, role name) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	functions text[];
	target text;
BEGIN
	CASE $1
		WHEN 'viewer' THEN
			functions := '{}';
		WHEN 'worker' THEN
			functions := ARRAY['claim(text, int)', 'start(bigint)', 'complete(bigint, text, bigint, bigint, int)',
				'fail(bigint, text, int)', 'heartbeat(bigint)', 'log(bigint, text)',
				'agent_begin(text, text, int, text, int, text, bigint[], int[])', 'agent_claim(int, text[])',
				'agent_report(bigint[], int[], text[], text[])', 'agent_log(bigint[], timestamptz[], text[], text[])',
				'agent_heartbeat(bigint[], int[])', 'agent_release(bigint[], int[])', 'agent_daemons()',
				'agent_daemon_report(text[], text[], int[], int[], int[], text[], timestamptz[])'];
		WHEN 'operator' THEN
			functions := ARRAY['reprocess(text, text, boolean)', 'skip(text, text, boolean)', 'cancel_unit_of_work(bigint, boolean)', 'trigger_now(text, text)', 'backfill(text, text, text)',
				'activate(text, text)', 'deactivate(text, text)', 'start_daemon(text)', 'stop_daemon(text)'];
		WHEN 'author' THEN
			functions := ARRAY['register_timetable(text, text[], text, text)', 'unregister_timetable(text)',
				'register_process(text, text, text, text, text, text, text, int, text, text, jsonb, text, text, boolean, jsonb)',
				'register_freerun(text, text, text, text, text, jsonb, text, text, boolean, jsonb)',
				'unregister_process(text)', 'unregister_freerun(text, text)', 'change_trigger(text, text, text)',
				'register_daemon(text, text, text[], boolean, jsonb)', 'unregister_daemon(text)'];
		ELSE
			RAISE EXCEPTION 'argument "privilege" has an unknown value: "%"', $1
				USING ERRCODE = '22023', HINT = 'Accepted are viewer, worker, operator, author.';
	END CASE;
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $2) THEN
		RAISE EXCEPTION 'role "%" does not exist', $2 USING ERRCODE = '42704', HINT = 'CREATE ROLE it first.';
	END IF;
	-- whoever does something may look, too
	EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA synergy TO %I', $2);
	EXECUTE pg_catalog.format('GRANT SELECT ON ALL TABLES IN SCHEMA synergy TO %I', $2);
	FOREACH target IN ARRAY functions || ARRAY['now()', 'status()', 'watch(interval)', 'explain_job(text, text)', 'next_fires(text, text, timestamptz, int)',
		'machine_rows()', 'check(boolean)', 'json_arguments(jsonb, text[])', 'timeperiod_is_valid(text)', 'job_state_of("char")', 'uow_state_of("char")',
		'timeperiod_start(text)', 'timeperiod_end(text, text)', 'timeperiod_bounds(text, text)', 'timeperiod_at(text, timestamptz)',
		'timeperiod_cast(text, text)', 'timeperiod_step(text, text, bigint)', 'timeperiod_series(text, text, text)',
		'timeperiod_is_milestone(text, int, text)', 'timeperiod_group_start(text, int, text)']
	LOOP
		EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION synergy.%s TO %I', target, $2);
	END LOOP;
END;
$$;
COMMENT ON FUNCTION synergy.grant(text, name) IS
'Grants a role what it needs as viewer (look), worker (claim, complete... and what agents call), operator (skip, reprocess, triggers) or author (register own processes). ERROR 22023, 42704';

REVOKE ALL ON ALL TABLES IN SCHEMA synergy FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA synergy FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA synergy FROM PUBLIC;
