-- 10_types.sql: the words of jobs and units as enums, and the timeperiod.

-- Our own SQL runs as the owner of this schema, and looks for names in it: it must not be somebody else's who made it first.
DO $$
DECLARE
	maker text := (SELECT r.rolname FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) n.nspowner
		WHERE n.nspname OPERATOR(pg_catalog.=) 'synergy'::pg_catalog.name AND NOT r.rolsuper
		AND r.rolname OPERATOR(pg_catalog.<>) current_user);
BEGIN
	IF maker IS NOT NULL THEN
		RAISE EXCEPTION 'schema "synergy" is there already and belongs to role "%"', maker
			USING ERRCODE = '42501', HINT = 'Drop it, or give it to a superuser and see to it that it holds nothing: ALTER SCHEMA synergy OWNER TO CURRENT_USER.';
	END IF;
	IF EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass
		AND d.refobjid OPERATOR(pg_catalog.=) 'synergy'::pg_catalog.regnamespace AND d.deptype OPERATOR(pg_catalog.=) 'n'::pg_catalog."char"
		AND NOT d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass) THEN
		RAISE EXCEPTION 'schema "synergy" is there already and holds objects'
			USING ERRCODE = '42501', HINT = 'They would be found by the extension''s own SQL: drop the schema first.';
	END IF;
	-- not if it is not needed: what is said of rights here counts as the extension's own, and is left out of dumps, with all
	-- that was granted on a schema that has outlived DROP EXTENSION
	IF pg_catalog.has_schema_privilege('public', 'synergy', 'USAGE, CREATE') THEN
		REVOKE ALL ON SCHEMA synergy FROM PUBLIC;
	END IF;
END;
$$;
COMMENT ON SCHEMA synergy IS 'Synergy: processes, timetables, jobs and units of work';

CREATE TYPE synergy.job_state AS ENUM ('embryo', 'in_progress', 'final_run', 'processed', 'noop', 'skipped');
COMMENT ON TYPE synergy.job_state IS
'State of a job. Active: embryo, in_progress, final_run. Finished: processed, noop, skipped';

CREATE TYPE synergy.uow_state AS ENUM ('requested', 'in_progress', 'invalid', 'processed', 'noop', 'canceled');
COMMENT ON TYPE synergy.uow_state IS
'State of a unit of work. Active: requested, in_progress, invalid. Finished: processed, noop, canceled';

CREATE FUNCTION synergy.timeperiod_is_valid(timeperiod text) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'synergy_timeperiod_is_valid';
COMMENT ON FUNCTION synergy.timeperiod_is_valid(text) IS
'Is the text a timeperiod: YYYYMMDDHH with zeros below the precision, or YYYYMMDDHHMMSS; years 0001 to 9999, UTC';

-- Text in C collation: as short as a number would be in a row after an int4, sorts as time does within one
-- qualifier, and works with every operator, aggregate and client without casts.
CREATE DOMAIN synergy.timeperiod AS text COLLATE "C"
	CONSTRAINT timeperiod_check CHECK (synergy.timeperiod_is_valid(VALUE));
COMMENT ON DOMAIN synergy.timeperiod IS
'A period of time in UTC: hourly 2016042005, daily 2016042000, monthly 2016040000, yearly 2016000000; units of freeruns carry YYYYMMDDHHMMSS';

-- The tables store states as one letter: a byte instead of four, and no catalog lookups in the scheduler.
CREATE FUNCTION synergy.job_state_of(letter "char") RETURNS synergy.job_state
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN CASE letter WHEN 'e'::"char" THEN 'embryo'::synergy.job_state WHEN 'i'::"char" THEN 'in_progress'::synergy.job_state
		WHEN 'f'::"char" THEN 'final_run'::synergy.job_state WHEN 'p'::"char" THEN 'processed'::synergy.job_state
		WHEN 'n'::"char" THEN 'noop'::synergy.job_state WHEN 's'::"char" THEN 'skipped'::synergy.job_state END;
COMMENT ON FUNCTION synergy.job_state_of("char") IS 'The job state that a letter of synergy.job_data stands for';

CREATE FUNCTION synergy.uow_state_of(letter "char") RETURNS synergy.uow_state
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN CASE letter WHEN 'r'::"char" THEN 'requested'::synergy.uow_state WHEN 'i'::"char" THEN 'in_progress'::synergy.uow_state
		WHEN 'v'::"char" THEN 'invalid'::synergy.uow_state WHEN 'p'::"char" THEN 'processed'::synergy.uow_state
		WHEN 'n'::"char" THEN 'noop'::synergy.uow_state WHEN 'c'::"char" THEN 'canceled'::synergy.uow_state END;
COMMENT ON FUNCTION synergy.uow_state_of("char") IS 'The unit state that a letter of synergy.unit_of_work_data stands for';
