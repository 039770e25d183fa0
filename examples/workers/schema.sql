-- What the SQL workers of this directory read and write.
-- Roles that run them need synergy.grant('worker', role), and these tables.

CREATE TABLE visit (at timestamptz NOT NULL, pages int NOT NULL);
CREATE INDEX ON visit (at);

-- a period whose sum is below zero cannot be stored: its unit fails until the visits are corrected
CREATE TABLE visit_hourly (
	process_name text,
	hour timestamptz,
	visits bigint NOT NULL,
	pages bigint NOT NULL CHECK (pages >= 0),
	PRIMARY KEY (process_name, hour)
);

-- a row for every unit that was done; written in the transaction that completes the unit, so there is exactly one
CREATE TABLE visit_ledger (unit_of_work_id bigint, attempt int, process_name text, timeperiod text, worker text);
