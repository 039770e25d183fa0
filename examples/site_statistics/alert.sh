#!/bin/sh
# Writes down the sites whose visits of a day fell to the share given, or less, of those of the day before. For an agent
# (worker "exec"), which says by SYNERGY_* what to do, and is told by the exit status: 0 processed, 77 nothing to do,
# anything else: failed. Needs psql; the database is that of PGHOST, PGDATABASE and so on.
#
# The alerts of the day go and come in one transaction. What is printed is kept in synergy.unit_of_work_log.
set -eu

alerts=$(psql -X -q -A -t -v ON_ERROR_STOP=1 -v day="$SYNERGY_START_TIME" -v arguments="$SYNERGY_ARGUMENTS" <<'SQL'
SET timezone = 'UTC';
BEGIN;
DELETE FROM site_alert WHERE day = :'day';
INSERT INTO site_alert
	SELECT :'day'::timestamptz, before.site, coalesce(today.visits, 0), before.visits
	FROM site_daily before LEFT JOIN site_daily today ON today.site = before.site AND today.period = :'day'
		CROSS JOIN jsonb_to_record(:'arguments') AS limits (share numeric, at_least bigint)
	WHERE before.period = :'day'::timestamptz - interval '1 day' AND before.visits >= at_least
		AND coalesce(today.visits, 0) <= share * before.visits
	RETURNING format('%s: %s visits, the day before %s', site, visits, visits_before);
COMMIT;
SQL
)
[ -n "$alerts" ] || exit 77
echo "$alerts"
