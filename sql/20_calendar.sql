-- 20_calendar.sql: arithmetic of timeperiods. All of it is src/core/timeperiod.c.
-- Those that refuse a timeperiod of another qualifier must not be asked in a join before process and period are known
-- to belong together; the planner decides that, so views cast first.

CREATE FUNCTION synergy.timeperiod_start(timeperiod text) RETURNS timestamptz
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'synergy_timeperiod_start';
COMMENT ON FUNCTION synergy.timeperiod_start(text) IS 'The first instant of a timeperiod. ERROR 22007 when it is none';

CREATE FUNCTION synergy.timeperiod_end(time_qualifier text, timeperiod text) RETURNS timestamptz
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'synergy_timeperiod_end' COST 100;
COMMENT ON FUNCTION synergy.timeperiod_end(text, text) IS
'The first instant after a timeperiod of this qualifier (hourly, daily, monthly, yearly). ERROR 22023 for another qualifier, 22007 when the timeperiod is not written at its precision';

CREATE FUNCTION synergy.timeperiod_bounds(time_qualifier text, timeperiod text) RETURNS tstzrange
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN pg_catalog.tstzrange(synergy.timeperiod_start(timeperiod), synergy.timeperiod_end(time_qualifier, timeperiod), '[)');
COMMENT ON FUNCTION synergy.timeperiod_bounds(text, text) IS 
'The half-open range of time that a timeperiod of this qualifier covers. ERROR as timeperiod_end';

CREATE FUNCTION synergy.timeperiod_at(time_qualifier text, at timestamptz) RETURNS synergy.timeperiod
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'synergy_timeperiod_at';
COMMENT ON FUNCTION synergy.timeperiod_at(text, timestamptz) IS
'The timeperiod of this qualifier that holds an instant. ERROR 22023 for an unknown qualifier, 22008 outside the years 1 to 9999, and for infinity';

CREATE FUNCTION synergy.timeperiod_cast(time_qualifier text, timeperiod text) RETURNS synergy.timeperiod
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'synergy_timeperiod_cast';
COMMENT ON FUNCTION synergy.timeperiod_cast(text, text) IS
'The timeperiod of this qualifier that holds the first instant of the given one: 2016042005 cast to daily is 2016042000. ERROR 22023 for an unknown qualifier, 22007 for what is no timeperiod';

CREATE FUNCTION synergy.timeperiod_step(time_qualifier text, timeperiod text, delta bigint DEFAULT 1) RETURNS synergy.timeperiod
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'synergy_timeperiod_step' COST 100;
COMMENT ON FUNCTION synergy.timeperiod_step(text, text, bigint) IS
'The timeperiod so many periods later (negative: earlier). ERROR 22023 for an unknown or another qualifier, 22007 for what is no timeperiod, 22008 outside the years 1 to 9999';

CREATE FUNCTION synergy.timeperiod_series(time_qualifier text, from_timeperiod text, to_timeperiod text)
	RETURNS SETOF synergy.timeperiod
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 1000 AS 'MODULE_PATHNAME', 'synergy_timeperiod_series' COST 100;
COMMENT ON FUNCTION synergy.timeperiod_series(text, text, text) IS
'All timeperiods of this qualifier from the first (inclusive) to the second (exclusive), none when the second is not later. ERROR 22023, 22007 as timeperiod_step';

CREATE FUNCTION synergy.timeperiod_is_milestone(time_qualifier text, time_grouping int, timeperiod text) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'synergy_timeperiod_is_milestone' COST 100;
COMMENT ON FUNCTION synergy.timeperiod_is_milestone(text, int, text) IS
'Does this timeperiod count under this grouping? Every n-th hour of the day, day of the month, month of the year does, and the last one; the others end as noop. Groupings: hourly 1 to 23, daily 1 to 28, monthly 1 to 12, yearly 1. ERROR 22023 for another one, and as timeperiod_step';

CREATE FUNCTION synergy.timeperiod_group_start(time_qualifier text, time_grouping int, timeperiod text) RETURNS synergy.timeperiod
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'synergy_timeperiod_group_start' COST 100;
COMMENT ON FUNCTION synergy.timeperiod_group_start(text, int, text) IS
'Where the group that ends with this milestone begins: right after the milestone before it; the timeperiod itself when it is no milestone. ERROR as timeperiod_is_milestone';
