-- 50_definitions.sql: registering, switching, and asking for a trigger. See docs/definitions.md.

CREATE FUNCTION synergy.register_timetable(tree_name text, dependent_on text[] DEFAULT '{}', start_timeperiod text DEFAULT NULL,
	end_timeperiod text DEFAULT NULL) RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_register_timetable';
COMMENT ON FUNCTION synergy.register_timetable(text, text[], text, text) IS
'Registers or changes a timetable. dependent_on: the timetables whose jobs of the same qualifier and period must be finished first. start_timeperiod: its first period (NULL: each process has its own). end_timeperiod is exclusive; NULL: it goes on for ever. ERROR 42602 for a name that is not 1 to 63 bytes, 42704 for an unknown timetable in dependent_on, 42P17 for a cycle, 22007 for what is no timeperiod';

CREATE FUNCTION synergy.register_process(process_name text, time_qualifier text, command text DEFAULT NULL,
	worker text DEFAULT 'sql', trigger_frequency text DEFAULT 'every 60', state_machine text DEFAULT 'discrete',
	blocking_type text DEFAULT 'normal', time_grouping int DEFAULT 1, source text DEFAULT NULL, sink text DEFAULT NULL,
	arguments jsonb DEFAULT '{}', tree_name text DEFAULT NULL, start_timeperiod text DEFAULT NULL,
	is_on boolean DEFAULT true, options jsonb DEFAULT '{}') RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_register_process';
COMMENT ON FUNCTION synergy.register_process(text, text, text, text, text, text, text, int, text, text, jsonb, text, text, boolean, jsonb) IS
'Registers or changes a process; its jobs stay. Without tree_name it gets a timetable of its own, named like the process. ERROR 22023 for an unknown word, option or grouping, or a start more than a million periods ago, 42601 for a command that does not parse, 42710 for a second process of a qualifier in a timetable';

CREATE FUNCTION synergy.register_freerun(process_name text, entry_name text, trigger_frequency text, command text DEFAULT NULL,
	worker text DEFAULT 'sql', arguments jsonb DEFAULT '{}', description text DEFAULT NULL, timezone text DEFAULT 'UTC',
	is_on boolean DEFAULT true, options jsonb DEFAULT '{}') RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_register_freerun';
COMMENT ON FUNCTION synergy.register_freerun(text, text, text, text, text, jsonb, text, text, boolean, jsonb) IS
'Registers or changes a freerun entry: work without a timetable, as with cron; each fire is a unit of work, and never are there two at once. timezone: in which at, cron and once are read. ERROR as register_process';

CREATE FUNCTION synergy.unregister_process(process_name text) RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_unregister_process';
COMMENT ON FUNCTION synergy.unregister_process(text) IS
'Removes a process with its jobs and units of work; the event log stays. ERROR 42704 when there is none, 42501 for another role''s, 55006 while a worker''s open transaction holds one of its units';

CREATE FUNCTION synergy.unregister_freerun(process_name text, entry_name text) RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_unregister_freerun';
COMMENT ON FUNCTION synergy.unregister_freerun(text, text) IS
'Removes a freerun entry with its units of work. ERROR 42704 when there is none, 42501 for another role''s, 55006 while a worker''s open transaction holds one of its units';

CREATE FUNCTION synergy.unregister_timetable(tree_name text) RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_unregister_timetable';
COMMENT ON FUNCTION synergy.unregister_timetable(text) IS
'Removes a timetable without processes. ERROR 42704 when there is none, 2BP01 when a process or another timetable needs it';

CREATE FUNCTION synergy.activate(process_name text, entry_name text DEFAULT NULL) RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_activate';
COMMENT ON FUNCTION synergy.activate(text, text) IS 'Switches a process or freerun entry on. ERROR 42704 when there is none';

CREATE FUNCTION synergy.deactivate(process_name text, entry_name text DEFAULT NULL) RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_deactivate';
COMMENT ON FUNCTION synergy.deactivate(text, text) IS
'Switches a process or freerun entry off: nothing is requested for it; what runs, runs on. ERROR 42704 when there is none';

CREATE FUNCTION synergy.change_trigger(process_name text, trigger_frequency text, entry_name text DEFAULT NULL) RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_change_trigger';
COMMENT ON FUNCTION synergy.change_trigger(text, text, text) IS
'Gives a process or freerun entry another trigger frequency. ERROR 22023 with the position for what is none, 42704, 42501';

CREATE FUNCTION synergy.trigger_now(process_name text, entry_name text DEFAULT NULL) RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_trigger_now';
COMMENT ON FUNCTION synergy.trigger_now(text, text) IS
'Asks the scheduler to fire a process or freerun entry as its timer would; returns at once, counts from the commit; the event log says who has asked. ERROR 42704 when there is none';
