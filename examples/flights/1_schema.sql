-- The facts, and one table for each level. Times are UTC.
CREATE TABLE flights (
	departed_at timestamptz NOT NULL, delay_minutes int NOT NULL, distance_miles int NOT NULL,
	origin text NOT NULL, destination text NOT NULL);
CREATE TABLE hourly (period timestamptz PRIMARY KEY, flights bigint NOT NULL, delay bigint NOT NULL, distance bigint NOT NULL);
CREATE TABLE daily (LIKE hourly INCLUDING ALL);
CREATE TABLE monthly (LIKE hourly INCLUDING ALL);
CREATE TABLE yearly (LIKE hourly INCLUDING ALL);
CREATE TABLE alerts (period timestamptz PRIMARY KEY, average_delay numeric NOT NULL);

\copy flights FROM pstdin CSV HEADER

-- shifted by a whole number of days, so that the last day is yesterday
UPDATE flights SET departed_at = departed_at + (current_date - 1 - date '2001-03-31') * interval '1 day';
CREATE INDEX ON flights (departed_at);
ANALYZE flights;
