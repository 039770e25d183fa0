-- what is a timeperiod, and what is none
SELECT t, synergy.timeperiod_is_valid(t) FROM unnest(ARRAY['2016042005', '2016042000', '2016040000', '2016000000', '0001000000',
	'9999123123', '2016022900', '20160420050607',
	'', '2016', '0000000000', '2016042024', '2016043100', '2015022900', '1900022900', '2000022900', '2016000100', '2016040005',
	'201604200', '20160420051', '2016-04-20', ' 2016042005', '2016130000', '20160400050607', '20160420056007']) t;
SELECT '2016042024'::synergy.timeperiod;
-- a timeperiod is its text: it compares, sorts, hashes, indexes
CREATE TABLE period_of (t synergy.timeperiod PRIMARY KEY);
INSERT INTO period_of VALUES ('2016042005'), ('2015123123'), ('2016042004');
SELECT * FROM period_of WHERE t > '2016010100' ORDER BY t DESC;
SELECT count(DISTINCT t), max(t) FROM period_of;
DROP TABLE period_of;
-- bounds
SET timezone = 'UTC';
SELECT q, t, synergy.timeperiod_bounds(q, t) FROM (VALUES ('hourly', '2016123123'), ('daily', '2016022800'), ('daily', '2016022900'),
	('monthly', '2016020000'), ('monthly', '2015020000'), ('yearly', '9999000000'), ('yearly', '0001000000')) v (q, t);
SELECT synergy.timeperiod_end('daily', '2016042005');
SELECT synergy.timeperiod_end('weekly', '2016042005');
-- casting, stepping, series
SELECT q, synergy.timeperiod_cast(q, '2016042005') AS up, synergy.timeperiod_cast(q, '2016000000') AS down
FROM unnest(ARRAY['hourly', 'daily', 'monthly', 'yearly']) q;
SELECT synergy.timeperiod_step('hourly', '2016022823', 1), synergy.timeperiod_step('hourly', '2016030100', -1),
	synergy.timeperiod_step('daily', '2015123100'), synergy.timeperiod_step('monthly', '2016010000', -13),
	synergy.timeperiod_step('yearly', '2016000000', 100), synergy.timeperiod_step('hourly', '2016042005', 24 * 365 * 400 + 24 * 97);
SELECT synergy.timeperiod_step('yearly', '9999000000', 1);
SELECT synergy.timeperiod_step('hourly', '2016042005', 9223372036854775807);
SELECT array_agg(s) FROM synergy.timeperiod_series('daily', '2016022700', '2016030200') s;
SELECT count(*) FROM synergy.timeperiod_series('hourly', '2016010100', '2017010100') s;
-- the period that holds an instant, in UTC whatever the session's zone is
SET timezone = 'America/New_York';
SELECT q, synergy.timeperiod_at(q, '2016-12-31 23:30:00+00') FROM unnest(ARRAY['hourly', 'daily', 'monthly', 'yearly']) q;
SELECT synergy.timeperiod_at('hourly', 'infinity');
SELECT synergy.timeperiod_at('hourly', '4713-01-01 BC');
RESET timezone;
-- grouping
SELECT array_agg(t) FROM synergy.timeperiod_series('hourly', '2016042000', '2016042100') t
WHERE synergy.timeperiod_is_milestone('hourly', 5, t);
SELECT array_agg(t || ' from ' || synergy.timeperiod_group_start('daily', 7, t)) FROM synergy.timeperiod_series('daily', '2016020100', '2016030100') t
WHERE synergy.timeperiod_is_milestone('daily', 7, t);
SELECT synergy.timeperiod_is_milestone('monthly', 13, '2016040000');
