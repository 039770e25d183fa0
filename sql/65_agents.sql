-- 65_agents.sql: what agents call, and daemons. See docs/agent-protocol.md.

CREATE FUNCTION synergy.agent_begin(box_name text, instance text, slots int, host text, pid int, version text,
	unit_ids bigint[] DEFAULT '{}', attempts int[] DEFAULT '{}')
	RETURNS TABLE (unit_of_work_id bigint, attempt int)
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_agent_begin';
COMMENT ON FUNCTION synergy.agent_begin(text, text, int, text, int, text, bigint[], int[]) IS
'Makes this session the one of a box''s agent, until it ends. Given are the units that the agent has; returned are those that still are this box''s, and units of the box that are not given become invalid. A session of the same instance that is still there is ended. ERROR 55006 when another agent has the box, 22023 for a bad name, slots outside of 0 to 10000, arrays of unequal length';

CREATE FUNCTION synergy.agent_claim(max_units int, process_names text[] DEFAULT NULL)
	RETURNS TABLE (unit_of_work_id bigint, attempt int, process_name text, entry_name text, timeperiod text, start_timeperiod text,
		end_timeperiod text, start_time timestamptz, end_time timestamptz, start_id bigint, end_id bigint, number_of_retries int,
		command text, arguments text, source text, sink text, timeout_ms bigint, working_directory text, umask int, run_as text,
		cpu_limit_s int, memory_limit bigint, open_files int, kill_grace_ms int, log_lines int, environment text)
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_agent_claim';
COMMENT ON FUNCTION synergy.agent_claim(int, text[]) IS
'Takes up to so many requested units of exec processes and freeruns that are on and may run on this box, of these names only (NULL: of all), going round them in turn. With what it takes to run them; environment is KEY=value followed by chr(1), once or more. ERROR 55000 without agent_begin, 22023 for max_units below 1';

CREATE FUNCTION synergy.agent_report(unit_ids bigint[], attempts int[], states text[], errors text[])
	RETURNS TABLE (unit_of_work_id bigint, attempt int, refusal text)
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_agent_report';
COMMENT ON FUNCTION synergy.agent_report(bigint[], int[], text[], text[]) IS
'Reports the ends of units: processed, noop, canceled or invalid, the last with an error. Returned are those that were not accepted, and why: somebody else has finished, canceled or taken them. ERROR 55000 without agent_begin, 22023 for an unknown state or arrays of unequal length';

CREATE FUNCTION synergy.agent_log(unit_ids bigint[], ats timestamptz[], streams text[], lines text[]) RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_agent_log';
COMMENT ON FUNCTION synergy.agent_log(bigint[], timestamptz[], text[], text[]) IS
'Adds lines to synergy.unit_of_work_log; streams are stdout, stderr, or NULL for the agent''s own. Lines of units that are no longer there are left out. ERROR 55000 without agent_begin, 22023';

CREATE FUNCTION synergy.agent_heartbeat(unit_ids bigint[], attempts int[]) RETURNS SETOF bigint
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_agent_heartbeat';
COMMENT ON FUNCTION synergy.agent_heartbeat(bigint[], int[]) IS
'A sign of life of an agent and the units that it has; returns those that are no longer its own, which it stops. Once without units when the last one has ended: then it is not waited for. ERROR 55000 without agent_begin, 22023';

CREATE FUNCTION synergy.agent_release(unit_ids bigint[], attempts int[]) RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_agent_release';
COMMENT ON FUNCTION synergy.agent_release(bigint[], int[]) IS
'Gives units back that were claimed and not begun: in_progress -> requested; the attempt counts on. Those that are no longer this box''s are left alone. ERROR 55000 without agent_begin, 22023';

CREATE FUNCTION synergy.agent_daemons()
	RETURNS TABLE (process_name text, command text, working_directory text, umask int, run_as text, cpu_limit_s int,
		memory_limit bigint, open_files int, kill_grace_ms int, log_lines int, environment text, min_backoff_ms int, max_backoff_ms int)
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_agent_daemons';
COMMENT ON FUNCTION synergy.agent_daemons() IS 'The daemons that are to run on this box. ERROR 55000 without agent_begin';

CREATE FUNCTION synergy.agent_daemon_report(process_names text[], states text[], pids int[], starts int[], exits int[],
	last_exits text[], next_starts timestamptz[]) RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_agent_daemon_report';
COMMENT ON FUNCTION synergy.agent_daemon_report(text[], text[], int[], int[], int[], text[], timestamptz[]) IS
'How daemons do on this box: running, backing_off, stopped or failed; starts and exits are counted since the last report. Daemons that are not registered (any more) are left out. ERROR 55000 without agent_begin, 22023';

CREATE FUNCTION synergy.register_daemon(process_name text, command text, present_on_boxes text[] DEFAULT '{}',
	is_on boolean DEFAULT true, options jsonb DEFAULT '{}') RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_register_daemon';
COMMENT ON FUNCTION synergy.register_daemon(text, text, text[], boolean, jsonb) IS
'Registers or changes a daemon: a program that agents keep running on each box whose name matches. ERROR 2201B for what is no regular expression, 22023 for an unknown option, 42501 for another role''s';

CREATE FUNCTION synergy.unregister_daemon(process_name text) RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_unregister_daemon';
COMMENT ON FUNCTION synergy.unregister_daemon(text) IS 'Removes a daemon; agents stop it. ERROR 42704 when there is none, 42501 for another role''s';

CREATE FUNCTION synergy.start_daemon(process_name text) RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_start_daemon';
COMMENT ON FUNCTION synergy.start_daemon(text) IS 'Switches a daemon on: agents start it. ERROR 42704 when there is none';

CREATE FUNCTION synergy.stop_daemon(process_name text) RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_stop_daemon';
COMMENT ON FUNCTION synergy.stop_daemon(text) IS 'Switches a daemon off: agents stop it. ERROR 42704 when there is none';
